//! The sandbox's own time. It stands for the clock of a foreign platform, so it is not the clock of the product:
//! it may be moved forward (to let tokens expire without waiting) and never gives a smaller time for a write.

use jiff::{Timestamp, tz::Offset};

/// No sample record is newer than this: 2026-11-01T00:00:00Z in milliseconds since 1970.
pub(crate) const SAMPLE_END: i64 = 1_793_491_200_000;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// How far this clock was moved forward, in milliseconds.
    pub(crate) shift: i64,
    /// The last time that was given to a write.
    pub(crate) last_write: i64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            shift: 0,
            last_write: SAMPLE_END,
        }
    }

    /// Milliseconds since 1970.
    #[expect(
        clippy::disallowed_methods,
        reason = "a foreign platform has its own clock"
    )]
    pub(crate) fn now(&self) -> i64 {
        Timestamp::now().as_millisecond().saturating_add(self.shift)
    }

    /// Now, as the header `Date` has it.
    pub(crate) fn http_date(&self) -> Option<String> {
        let now = Timestamp::from_millisecond(self.now()).ok()?;
        jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&now)
            .ok()
    }

    pub(crate) fn advance(&mut self, milliseconds: i64) {
        self.shift = self.shift.saturating_add(milliseconds.max(0));
    }

    /// The time for all writes of one request; never before an earlier one.
    pub(crate) fn write_time(&mut self) -> i64 {
        self.last_write = self.now().max(self.last_write);
        self.last_write
    }
}

/// `2024-03-31T01:30:00-03:00`, with milliseconds when there are any, `Z` when the offset is zero.
pub(crate) fn rfc3339(milliseconds: i64, offset_minutes: i16) -> String {
    let Ok(timestamp) = Timestamp::from_millisecond(milliseconds) else {
        return "1970-01-01T00:00:00Z".to_owned();
    };
    let offset = Offset::from_seconds(i32::from(offset_minutes) * 60).unwrap_or(Offset::UTC);
    let local = offset.to_datetime(timestamp);
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    if local.millisecond() != 0 {
        text.push_str(&format!(".{:03}", local.millisecond()));
    }
    if offset_minutes == 0 {
        text.push('Z');
    } else {
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let minutes = offset_minutes.unsigned_abs();
        text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
    text
}

/// `2024-03-31`, in UTC.
pub(crate) fn date(milliseconds: i64) -> String {
    rfc3339(milliseconds, 0).chars().take(10).collect()
}

/// RFC 3339 with any offset, or a date (midnight UTC); milliseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if is_date(text) {
        return parse(&format!("{text}T00:00:00Z"));
    }
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

/// Exactly `YYYY-MM-DD` and a day that exists.
pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.get(4) == Some(&b'-')
        && bytes.get(7) == Some(&b'-')
        && text.parse::<jiff::civil::Date>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_their_offset_and_read_back() {
        fn check(milliseconds: i64, offset: i16, expected: &str) {
            assert_eq!(rfc3339(milliseconds, offset), expected);
            assert_eq!(parse(expected), Some(milliseconds), "{expected}");
        }
        check(0, 0, "1970-01-01T00:00:00Z");
        check(1_711_859_400_000, -180, "2024-03-31T01:30:00-03:00");
        check(1_711_859_400_125, 345, "2024-03-31T10:15:00.125+05:45");
        check(SAMPLE_END, 0, "2026-11-01T00:00:00Z");
    }

    #[test]
    fn a_date_is_exactly_ten_characters() {
        assert!(is_date("2024-02-29"));
        assert!(!is_date("2023-02-29"));
        assert!(!is_date("20240229"));
        assert!(!is_date("2024-02-29T00:00:00Z"));
    }
}
