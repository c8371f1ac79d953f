//! `strftime` as CPython on Linux has it.

use std::fmt::Write as _;

use super::{Moment, write_offset};

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// `moment.strftime(format)`
pub(crate) fn strftime(moment: &Moment, format: &str) -> String {
    let mut out = String::with_capacity(format.len() + 16);
    write(&mut out, moment, format, 0);
    out
}

/// How a number is filled up to its width.
#[derive(Clone, Copy)]
struct Padding {
    flag: Option<char>,
    width: Option<usize>,
}

impl Padding {
    fn number(self, out: &mut String, n: i64, width: usize, fill: char) {
        if let (None, None, '0', 2, 0..=99) = (self.flag, self.width, fill, width, n) {
            for digit in [n / 10, n % 10] {
                out.extend(
                    u32::try_from(digit)
                        .ok()
                        .and_then(|digit| char::from_digit(digit, 10)),
                );
            }
            return;
        }
        let fill = match self.flag {
            Some('-') => {
                _ = write!(out, "{n}");
                return;
            }
            Some('_') => ' ',
            Some('0') => '0',
            _ => fill,
        };
        let width = self.width.unwrap_or(width);
        let before = out.len();
        _ = write!(out, "{n}");
        let missing = width.saturating_sub(out.len() - before);
        if missing > 0 {
            let padding: String = std::iter::repeat_n(fill, missing).collect();
            out.insert_str(before, &padding);
        }
    }

    fn text(self, out: &mut String, text: &str) {
        let width = self.width.unwrap_or(0);
        let fill = if self.flag == Some('0') { '0' } else { ' ' };
        out.extend(std::iter::repeat_n(fill, width.saturating_sub(text.len())));
        match self.flag {
            Some('^') => out.push_str(&text.to_uppercase()),
            Some('#') if text == text.to_uppercase() => out.push_str(&text.to_lowercase()),
            Some('#') => out.push_str(&text.to_uppercase()),
            _ => out.push_str(text),
        }
    }
}

fn write(out: &mut String, moment: &Moment, format: &str, depth: usize) {
    // Widths make text: a format must not ask for gigabytes.
    const MAX_WIDTH: usize = 1024;
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = tail.chars();
        chars.next();
        let mut padding = Padding {
            flag: None,
            width: None,
        };
        let mut directive = chars.next();
        while let Some(flag @ ('-' | '_' | '0' | '^' | '#')) = directive {
            padding.flag = Some(flag);
            directive = chars.next();
        }
        while let Some(digit) = directive.and_then(|c| c.to_digit(10)) {
            let width = padding.width.unwrap_or(0) * 10 + digit as usize;
            padding.width = Some(width.min(MAX_WIDTH));
            directive = chars.next();
        }
        while let Some('E' | 'O') = directive {
            directive = chars.next();
        }
        let known = directive.is_some_and(|c| one(out, moment, c, padding, depth));
        if !known {
            // What it does not know, it leaves.
            let length = tail.len() - chars.as_str().len();
            out.push_str(tail.get(..length).unwrap_or_default());
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
}

fn one(out: &mut String, moment: &Moment, directive: char, padding: Padding, depth: usize) -> bool {
    let civil = moment.civil;
    let date = civil.date();
    let monday0 = || date.weekday().to_monday_zero_offset();
    let name_of = |names: &'static [&'static str], place: i8| {
        let place = usize::try_from(place).unwrap_or(0);
        names.get(place).copied().unwrap_or_default()
    };
    let day_name = || name_of(&DAYS, monday0());
    let month_name = || name_of(&MONTHS, date.month() - 1);
    let hour = i64::from(civil.hour());
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let year = i64::from(date.year());
    let ordinal = || i64::from(date.day_of_year());
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let iso = || date.iso_week_date();
    let inner = |out: &mut String, format: &str| {
        if depth < 2 {
            write(out, moment, format, depth + 1);
        }
    };
    match directive {
        'a' => padding.text(out, short(day_name())),
        'A' => padding.text(out, day_name()),
        'b' | 'h' => padding.text(out, short(month_name())),
        'B' => padding.text(out, month_name()),
        'c' => inner(out, "%a %b %e %H:%M:%S %Y"),
        'C' => padding.number(out, year / 100, 2, '0'),
        'd' => padding.number(out, i64::from(date.day()), 2, '0'),
        'D' | 'x' => inner(out, "%m/%d/%y"),
        'e' => padding.number(out, i64::from(date.day()), 2, ' '),
        'f' => _ = write!(out, "{:06}", moment.micros()),
        'F' => inner(out, "%Y-%m-%d"),
        'g' => padding.number(out, i64::from(iso().year()).rem_euclid(100), 2, '0'),
        'G' => padding.number(out, i64::from(iso().year()), 1, '0'),
        'H' => padding.number(out, hour, 2, '0'),
        'I' => padding.number(out, hour12, 2, '0'),
        'j' => padding.number(out, ordinal(), 3, '0'),
        'k' => padding.number(out, hour, 2, ' '),
        'l' => padding.number(out, hour12, 2, ' '),
        'm' => padding.number(out, i64::from(date.month()), 2, '0'),
        'M' => padding.number(out, i64::from(civil.minute()), 2, '0'),
        'n' => out.push('\n'),
        'p' => padding.text(out, if hour < 12 { "AM" } else { "PM" }),
        'P' => padding.text(out, if hour < 12 { "am" } else { "pm" }),
        'r' => inner(out, "%I:%M:%S %p"),
        'R' => inner(out, "%H:%M"),
        // The system's zone is taken for UTC, and the one of the value is not looked at.
        's' => {
            let seconds = Moment::new(civil, None)
                .epoch_micros()
                .div_euclid(1_000_000);
            _ = write!(out, "{seconds}");
        }
        'S' => padding.number(out, i64::from(civil.second()), 2, '0'),
        't' => out.push('\t'),
        'T' | 'X' => inner(out, "%H:%M:%S"),
        'u' => padding.number(out, i64::from(monday0()) + 1, 1, '0'),
        'U' => {
            let sunday0 = (i64::from(monday0()) + 1) % 7;
            padding.number(out, (ordinal() + 6 - sunday0) / 7, 2, '0');
        }
        'V' => padding.number(out, i64::from(iso().week()), 2, '0'),
        'w' => padding.number(out, (i64::from(monday0()) + 1) % 7, 1, '0'),
        'W' => padding.number(out, (ordinal() + 6 - i64::from(monday0())) / 7, 2, '0'),
        'y' => padding.number(out, year.rem_euclid(100), 2, '0'),
        'Y' => padding.number(out, year, 1, '0'),
        'z' => {
            if let Some(zone) = moment.zone {
                write_offset(out, zone.seconds, false);
            }
        }
        'Z' => {
            if let Some(zone) = moment.zone {
                padding.text(out, &zone.name());
            }
        }
        '%' => out.push('%'),
        _ => return false,
    }
    true
}

/// The reference's own formats beside those of `strftime`.
pub(crate) fn format_cdk(moment: &Moment, format: &str) -> String {
    let micros = moment.epoch_micros();
    match format {
        "%s" => (micros / 1_000_000).to_string(),
        "%s_as_float" => {
            let mut out = String::new();
            crate::value::print::write_float(&mut out, moment.timestamp());
            out
        }
        "%epoch_microseconds" => ((moment.timestamp() * 1e6) as i128).to_string(),
        "%ms" => ((moment.timestamp() * 1000.0) as i128).to_string(),
        _ if format.contains("%_ms") => {
            // The digits of the microseconds are replaced wherever they stand, as in the reference.
            let written = strftime(moment, &format.replace("%_ms", "%f"));
            written.replace(
                &format!("{:06}", moment.micros()),
                &format!("{:03}", moment.micros() / 1000),
            )
        }
        _ => strftime(moment, format),
    }
}
