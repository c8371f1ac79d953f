//! Reads ISO 8601 as the reference's library does: common forms, week dates, ordinal dates.

use jiff::civil::Date;

use super::{Moment, Span, Zone, build};
use crate::error::{Fallible, Fault};
use crate::value::number::parse_int;

/// Reads a date, or a date and a time with or without a zone.
pub(crate) fn parse(text: &str) -> Fallible<Moment> {
    if !text.is_ascii() {
        return Err(Fault::value(
            "ISO-8601 strings should contain only ASCII characters",
        ));
    }
    let (date, end) = match common(text) {
        Ok(read) => read,
        Err(_) => uncommon(text)?,
    };
    let rest = text.get(end..).unwrap_or_default();
    let [year, month, day] = date;
    if rest.is_empty() {
        return build([year, month, day, 0, 0, 0, 0], None);
    }
    let (time, zone) = parse_time(rest.get(1..).unwrap_or_default())?;
    let [mut hour, minute, second, micros] = time;
    let next_day = hour == 24;
    if next_day {
        hour = 0;
    }
    let moment = build([year, month, day, hour, minute, second, micros], zone)?;
    if next_day {
        return moment.plus(Span::seconds(86_400));
    }
    Ok(moment)
}

fn number(text: &str) -> Fallible<i64> {
    // Plain digits, as they nearly always are.
    if !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text
            .bytes()
            .fold(0, |n, byte| n * 10 + i64::from(byte - b'0')));
    }
    parse_int(text, 10)
        .and_then(|n| i64::try_from(n).ok())
        .ok_or_else(|| Fault::value(format!("invalid literal for int() with base 10: {text:?}")))
}

/// The bytes from one place to another, as far as there are some.
fn part(text: &str, from: usize, to: usize) -> &str {
    let to = to.min(text.len());
    text.get(from.min(to)..to).unwrap_or_default()
}

type DateAndEnd = ([i64; 3], usize);

fn common(text: &str) -> Fallible<DateAndEnd> {
    if text.len() < 4 {
        return Err(Fault::value("ISO string too short"));
    }
    let year = number(part(text, 0, 4))?;
    if text.len() == 4 {
        return Ok(([year, 1, 1], 4));
    }
    let dashed = part(text, 4, 5) == "-";
    let mut at = 4 + usize::from(dashed);
    if text.len() < at + 2 {
        return Err(Fault::value("Invalid common month"));
    }
    let month = number(part(text, at, at + 2))?;
    at += 2;
    if at >= text.len() {
        if dashed {
            return Ok(([year, month, 1], at));
        }
        return Err(Fault::value("Invalid ISO format"));
    }
    if dashed {
        if part(text, at, at + 1) != "-" {
            return Err(Fault::value("Invalid separator in ISO string"));
        }
        at += 1;
    }
    if text.len() < at + 2 {
        return Err(Fault::value("Invalid common day"));
    }
    Ok(([year, month, number(part(text, at, at + 2))?], at + 2))
}

fn uncommon(text: &str) -> Fallible<DateAndEnd> {
    if text.len() < 4 {
        return Err(Fault::value("ISO string too short"));
    }
    let year = number(part(text, 0, 4))?;
    let dashed = part(text, 4, 5) == "-";
    let mut at = 4 + usize::from(dashed);
    let valid_year = i16::try_from(year)
        .ok()
        .filter(|year| (1..=9999).contains(year));
    let first = || {
        valid_year
            .and_then(|year| Date::new(year, 1, 1).ok())
            .ok_or_else(|| Fault::value(format!("year {year} is out of range")))
    };
    let date = if part(text, at, at + 1) == "W" {
        let week = number(part(text, at + 1, at + 3))?;
        at += 3;
        let mut day = 1;
        if text.len() > at {
            if (part(text, at, at + 1) == "-") != dashed {
                return Err(Fault::value("Inconsistent use of dash separator"));
            }
            at += usize::from(dashed);
            day = number(part(text, at, at + 1))?;
            at += 1;
        }
        if !(1..54).contains(&week) {
            return Err(Fault::value(format!("Invalid week: {week}")));
        }
        if !(1..8).contains(&day) {
            return Err(Fault::value(format!("Invalid weekday: {day}")));
        }
        let fourth = super::add_to_date(first()?, Span::seconds(3 * 86_400))?;
        let weekday = i64::from(fourth.weekday().to_monday_zero_offset());
        let days = (week - 1) * 7 + day - 1 - weekday;
        super::add_to_date(fourth, Span::seconds(days * 86_400))?
    } else {
        if text.len() < at + 3 {
            return Err(Fault::value("Invalid ordinal day"));
        }
        let ordinal = number(part(text, at, at + 3))?;
        at += 3;
        let first = first()?;
        if ordinal < 1 || ordinal > i64::from(first.days_in_year()) {
            return Err(Fault::value(format!(
                "Invalid ordinal day {ordinal} for year {year}"
            )));
        }
        super::add_to_date(first, Span::seconds((ordinal - 1) * 86_400))?
    };
    let date = [
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    ];
    Ok((date, at))
}

/// Hour, minute, second and microsecond, and the zone.
fn parse_time(text: &str) -> Fallible<([i64; 4], Option<Zone>)> {
    if text.len() < 2 {
        return Err(Fault::value("ISO time too short"));
    }
    let mut parts = [0i64; 4];
    let mut zone = None;
    let mut at = 0;
    let mut colons = false;
    let mut component = 0;
    while at < text.len() && component < 5 {
        let here = part(text, at, at + 1);
        if matches!(here, "-" | "+" | "Z" | "z") {
            zone = Some(parse_zone(part(text, at, text.len()))?);
            at = text.len();
            break;
        }
        if component == 1 && here == ":" {
            colons = true;
            at += 1;
        } else if component == 2 && colons {
            if here != ":" {
                return Err(Fault::value("Inconsistent use of colon separator"));
            }
            at += 1;
        }
        if component < 3 {
            if let Some(slot) = parts.get_mut(component) {
                *slot = number(part(text, at, at + 2))?;
            }
            at += 2;
        } else if component == 3 {
            let rest = part(text, at, text.len());
            if let Some(digits) = rest.strip_prefix(['.', ',']) {
                let end = digits
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(digits.len());
                if end > 0 {
                    let kept = part(digits, 0, end.min(6));
                    let scale = 10i64.pow(6 - u32::try_from(kept.len()).unwrap_or(6));
                    parts[3] = number(kept)? * scale;
                    at += 1 + end;
                }
            }
        }
        component += 1;
    }
    if at < text.len() {
        return Err(Fault::value("Unused components in ISO string"));
    }
    let [hour, minute, second, micros] = parts;
    if hour == 24 && (minute, second, micros) != (0, 0, 0) {
        return Err(Fault::value("Hour may only be 24 at 24:00:00.000"));
    }
    Ok((parts, zone))
}

fn parse_zone(text: &str) -> Fallible<Zone> {
    if matches!(text, "Z" | "z") {
        return Ok(Zone::UTC);
    }
    if !matches!(text.len(), 3 | 5 | 6) {
        return Err(Fault::value(
            "Time zone offset must be 1, 3, 5 or 6 characters",
        ));
    }
    let sign = match part(text, 0, 1) {
        "-" => -1,
        "+" => 1,
        _ => return Err(Fault::value("Time zone offset requires sign")),
    };
    let hours = number(part(text, 1, 3))?;
    let minutes = if text.len() == 3 {
        0
    } else {
        let from = if part(text, 3, 4) == ":" { 4 } else { 3 };
        number(part(text, from, text.len()))?
    };
    if minutes > 59 {
        return Err(Fault::value("Invalid minutes in time zone offset"));
    }
    if hours > 23 {
        return Err(Fault::value("Invalid hours in time zone offset"));
    }
    let seconds = i32::try_from(sign * (hours * 60 + minutes) * 60).unwrap_or(0);
    Ok(Zone {
        seconds,
        is_pytz: false,
    })
}
