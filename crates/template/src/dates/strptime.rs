//! `strptime` as Python has it.

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::strftime::{DAYS, MONTHS};
use super::{Moment, Span, Zone, add_to_date, build};
use crate::error::{Fallible, Fault};
use crate::text::is_space;

/// What was read so far.
#[derive(Clone, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    is_pm: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    zone: Option<Zone>,
    /// Monday is 0.
    weekday: Option<i64>,
    ordinal: Option<i64>,
    week_sunday: Option<i64>,
    week_monday: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
}

/// `datetime.strptime(text, format)`
pub(crate) fn strptime(text: &str, format: &str) -> Fallible<Moment> {
    let tokens = tokens(format)?;
    let mut reader = Reader {
        tokens: &tokens,
        tries: 0,
    };
    match reader.read(0, text, &Parts::default()) {
        Some((parts, "")) => finish(parts),
        Some((_, rest)) => Err(Fault::value(format!("unconverted data remains: {rest}"))),
        None => Err(Fault::value(format!(
            "time data '{text}' does not match format '{format}'"
        ))),
    }
}

enum Token {
    Text(char),
    Spaces,
    Directive(char),
}

fn tokens(format: &str) -> Fallible<Vec<Token>> {
    let mut out: Vec<Token> = Vec::new();
    let mut seen = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if is_space(c) {
            if !matches!(out.last(), Some(Token::Spaces)) {
                out.push(Token::Spaces);
            }
            continue;
        }
        if c != '%' {
            out.push(Token::Text(c));
            continue;
        }
        match chars.next() {
            Some('%') => out.push(Token::Text('%')),
            Some('c') => out.extend(tokens("%a %b %d %H:%M:%S %Y")?),
            Some('x') => out.extend(tokens("%m/%d/%y")?),
            Some('X') => out.extend(tokens("%H:%M:%S")?),
            Some(directive) if "dfHIGjmMSUwuVyYzAaBbpZW".contains(directive) => {
                if seen.contains(directive) {
                    return Err(Fault::failed(format!(
                        "the format '{format}' has %{directive} twice"
                    )));
                }
                seen.push(directive);
                out.push(Token::Directive(directive));
            }
            Some(directive) => {
                return Err(Fault::value(format!(
                    "'{directive}' is a bad directive in format '{format}'"
                )));
            }
            None => return Err(Fault::value(format!("stray %% in format '{format}'"))),
        }
    }
    Ok(out)
}

struct Reader<'t> {
    tokens: &'t [Token],
    tries: usize,
}

impl<'t> Reader<'t> {
    /// Reads the tokens from `at` on; the longest way for each that lets the others match.
    fn read<'x>(&mut self, at: usize, text: &'x str, parts: &Parts) -> Option<(Parts, &'x str)> {
        const MAX_TRIES: usize = 10_000;
        self.tries += 1;
        if self.tries > MAX_TRIES {
            return None;
        }
        let Some(token) = self.tokens.get(at) else {
            return Some((parts.clone(), text));
        };
        match token {
            Token::Spaces => {
                let rest = text.trim_start_matches(is_space);
                if rest.len() == text.len() {
                    return None;
                }
                self.read(at + 1, rest, parts)
            }
            Token::Text(c) => {
                let first = text.chars().next()?;
                let same = first == *c || first.to_lowercase().eq(c.to_lowercase());
                if !same {
                    return None;
                }
                self.read(at + 1, text.get(first.len_utf8()..)?, parts)
            }
            Token::Directive(directive) => {
                let mut ways = ways(*directive, text);
                ways.retain(|length| text.is_char_boundary(*length));
                for length in ways {
                    let (piece, rest) = text.split_at_checked(length)?;
                    let mut parts = parts.clone();
                    if take(&mut parts, *directive, piece).is_none() {
                        continue;
                    }
                    if let Some(read) = self.read(at + 1, rest, &parts) {
                        return Some(read);
                    }
                }
                None
            }
        }
    }
}

/// The lengths that a directive may take, in the order in which Python tries them.
fn ways(directive: char, text: &str) -> Vec<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let upto = |most: usize| (1..=digits.min(most)).rev().collect::<Vec<usize>>();
    match directive {
        'd' | 'm' | 'H' | 'I' | 'M' | 'S' | 'U' | 'W' | 'V' => {
            let mut ways = upto(2);
            if matches!(directive, 'd') && text.starts_with(' ') {
                ways.push(2);
            }
            ways
        }
        'f' => upto(6),
        'j' => upto(3),
        'y' => {
            if digits >= 2 {
                vec![2]
            } else {
                Vec::new()
            }
        }
        'Y' | 'G' => {
            if digits >= 4 {
                vec![4]
            } else {
                Vec::new()
            }
        }
        'w' | 'u' => upto(1),
        'p' => vec![2],
        'z' => zone_ways(text),
        'A' => names(&DAYS, text, false),
        'a' => names(&DAYS, text, true),
        'B' => names(&MONTHS, text, false),
        'b' => names(&MONTHS, text, true),
        'Z' => vec![3],
        _ => Vec::new(),
    }
}

fn names(names: &[&str], text: &str, short: bool) -> Vec<usize> {
    let mut found: Vec<usize> = names
        .iter()
        .map(|name| if short { 3 } else { name.len() })
        .filter(|length| text.len() >= *length)
        .collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.dedup();
    found
}

fn zone_ways(text: &str) -> Vec<usize> {
    if text.starts_with('Z') {
        return vec![1];
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if !matches!(bytes.first(), Some(b'+' | b'-')) || !digit(1) || !digit(2) {
        return Vec::new();
    }
    let colon = usize::from(bytes.get(3) == Some(&b':'));
    if !digit(3 + colon) || !digit(4 + colon) {
        return Vec::new();
    }
    let short = 5 + colon;
    let colon = usize::from(bytes.get(short) == Some(&b':'));
    if digit(short + colon) && digit(short + colon + 1) {
        let long = short + colon + 2;
        let fraction = bytes
            .get(long + 1..)
            .unwrap_or_default()
            .iter()
            .take(6)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if bytes.get(long) == Some(&b'.') && fraction > 0 {
            return vec![long + 1 + fraction, long, short];
        }
        return vec![long, short];
    }
    vec![short]
}

/// Keeps what was read; none where it does not fit.
fn take(parts: &mut Parts, directive: char, piece: &str) -> Option<()> {
    let number = |from: i64, to: i64| {
        let n: i64 = piece.trim_start().parse().ok()?;
        (from..=to).contains(&n).then_some(n)
    };
    let place = |names: &[&str]| {
        names
            .iter()
            .position(|name| {
                name.get(..piece.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(piece))
                    && (piece.len() == 3 || piece.len() == name.len())
            })
            .and_then(|place| i64::try_from(place).ok())
    };
    match directive {
        'd' => parts.day = Some(number(1, 31)?),
        'm' => parts.month = Some(number(1, 12)?),
        'H' => parts.hour = Some(number(0, 23)?),
        'I' => parts.hour12 = Some(number(1, 12)?),
        'M' => parts.minute = number(0, 59)?,
        'S' => parts.second = number(0, 61)?,
        'U' => parts.week_sunday = Some(number(0, 53)?),
        'W' => parts.week_monday = Some(number(0, 53)?),
        'V' => parts.iso_week = Some(number(1, 53)?),
        'f' => {
            let digits: i64 = piece.parse().ok()?;
            parts.micros = digits * 10i64.pow(6 - u32::try_from(piece.len()).ok()?);
        }
        'j' => parts.ordinal = Some(number(1, 366)?),
        'y' => {
            let year = number(0, 99)?;
            parts.year = Some(if year <= 68 { 2000 + year } else { 1900 + year });
        }
        'Y' => parts.year = Some(number(0, 9999)?),
        'G' => parts.iso_year = Some(number(0, 9999)?),
        'w' => parts.weekday = Some((number(0, 6)? + 6) % 7),
        'u' => parts.weekday = Some(number(1, 7)? - 1),
        'p' => {
            parts.is_pm = Some(if piece.eq_ignore_ascii_case("pm") {
                true
            } else if piece.eq_ignore_ascii_case("am") {
                false
            } else {
                return None;
            });
        }
        'A' => {
            let place = place(&DAYS)?;
            let name = DAYS.get(usize::try_from(place).ok()?)?;
            (name.len() == piece.len()).then_some(())?;
            parts.weekday = Some(place);
        }
        'a' => parts.weekday = Some(place(&DAYS)?),
        'B' => {
            let place = place(&MONTHS)?;
            let name = MONTHS.get(usize::try_from(place).ok()?)?;
            (name.len() == piece.len()).then_some(())?;
            parts.month = Some(place + 1);
        }
        'b' => parts.month = Some(place(&MONTHS)? + 1),
        'z' => parts.zone = Some(zone(piece)?),
        'Z' => {
            let known = ["utc", "gmt"]
                .iter()
                .any(|zone| piece.eq_ignore_ascii_case(zone));
            known.then_some(())?;
        }
        _ => return None,
    }
    Some(())
}

fn zone(piece: &str) -> Option<Zone> {
    if piece == "Z" {
        return Some(Zone::UTC);
    }
    let negative = piece.starts_with('-');
    let digits: String = piece
        .split('.')
        .next()?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let part = |from: usize| -> Option<i32> {
        match digits.get(from..from + 2) {
            Some(text) => text.parse().ok(),
            None => Some(0),
        }
    };
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    if minutes > 59 || seconds > 59 || hours > 23 {
        return None;
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    Some(Zone {
        seconds: if negative { -total } else { total },
        is_pytz: false,
    })
}

fn finish(parts: Parts) -> Fallible<Moment> {
    let hour = match (parts.hour, parts.hour12) {
        (Some(hour), None) => hour,
        (_, Some(hour)) => match parts.is_pm {
            Some(true) => hour % 12 + 12,
            _ => hour % 12,
        },
        (None, None) => 0,
    };
    if parts.second > 59 {
        return Err(Fault::value("second must be in 0..59"));
    }
    let year = parts.year.unwrap_or(1900);
    let mut date = [year, parts.month.unwrap_or(1), parts.day.unwrap_or(1)];
    let first = i16::try_from(year)
        .ok()
        .filter(|year| *year >= 1)
        .and_then(|year| Date::new(year, 1, 1).ok());
    let split = |date: Date| {
        [
            i64::from(date.year()),
            i64::from(date.month()),
            i64::from(date.day()),
        ]
    };
    if let (Some(year), Some(week)) = (parts.iso_year, parts.iso_week) {
        let Some(weekday) = parts.weekday else {
            return Err(Fault::value(
                "ISO year directive '%G' must be used with a weekday",
            ));
        };
        let week_date = ISOWeekDate::new(
            i16::try_from(year).unwrap_or(0),
            i8::try_from(week).unwrap_or(0),
            Weekday::from_monday_zero_offset(i8::try_from(weekday).unwrap_or(0))
                .unwrap_or(Weekday::Monday),
        );
        let week_date = week_date.map_err(|_| Fault::value(format!("Invalid week: {week}")))?;
        date = split(week_date.date());
    } else if parts.iso_week.is_some() || parts.iso_year.is_some() {
        return Err(Fault::value(
            "%G and %V must be used together with a weekday",
        ));
    } else if let (Some(ordinal), None, None, Some(first)) =
        (parts.ordinal, parts.month, parts.day, first)
    {
        date = split(add_to_date(first, Span::seconds((ordinal - 1) * 86_400))?);
    } else if let (Some(weekday), Some(first)) = (parts.weekday, first)
        && parts.year.is_some()
        && parts.ordinal.is_none()
        && let Some((week, starts)) = parts
            .week_monday
            .map(|week| (week, 0))
            .or(parts.week_sunday.map(|week| (week, 6)))
    {
        let offset = |day: i64| (day - starts).rem_euclid(7);
        let before = (7 - offset(i64::from(first.weekday().to_monday_zero_offset()))) % 7;
        let days = if week == 0 {
            offset(weekday) - offset(i64::from(first.weekday().to_monday_zero_offset()))
        } else {
            before + (week - 1) * 7 + offset(weekday)
        };
        date = split(add_to_date(first, Span::seconds(days * 86_400))?);
    }
    let [year, month, day] = date;
    build(
        [
            year,
            month,
            day,
            hour,
            parts.minute,
            parts.second,
            parts.micros,
        ],
        parts.zone,
    )
}
