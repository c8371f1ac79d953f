//! Dates and points in time as platforms write them: ISO 8601 and RFC 3339.

use jiff::civil;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::{Offset, TimeZone};
use model::value::{Timestamp, Value};

/// What a text says about a day and a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) date: civil::Date,
    pub(crate) time: Option<civil::Time>,
    pub(crate) offset: Option<Offset>,
}

/// Reads `2024-03-31`, `2024-03-31T01:30:00-03:00`, and the same with a space for the `T`.
pub(crate) fn parse_iso(text: &str) -> Option<Written> {
    let bytes = text.as_bytes();
    // Basic forms without dashes are refused: `20240331` is more often a number than a day.
    if !(10..=40).contains(&bytes.len())
        || bytes.get(4) != Some(&b'-')
        || bytes.get(7) != Some(&b'-')
    {
        return None;
    }
    let pieces = Pieces::parse(text).ok()?;
    let offset = match pieces.offset() {
        Some(PiecesOffset::Zulu) => Some(Offset::UTC),
        Some(PiecesOffset::Numeric(numeric)) => Some(numeric.offset()),
        _ => None,
    };
    Some(Written {
        date: pieces.date(),
        time: pieces.time(),
        offset,
    })
}

/// `2024-03-31` and nothing else.
pub(crate) fn parse_date(text: &str) -> Option<civil::Date> {
    let written = parse_iso(text)?;
    (text.len() == 10 && written.time.is_none()).then_some(written.date)
}

/// `01:30`, `01:30:00` or with a fraction, and nothing else.
pub(crate) fn parse_time(text: &str) -> Option<civil::Time> {
    let bytes = text.as_bytes();
    if !(5..=18).contains(&bytes.len()) || bytes.get(2) != Some(&b':') {
        return None;
    }
    text.parse().ok()
}

/// RFC 3339: a date, a time and an offset.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let written = parse_iso(text)?;
    at_offset(written.date.to_datetime(written.time?), written.offset?)
}

/// The point in time at which clocks with `offset` show `datetime`.
pub(crate) fn at_offset(datetime: civil::DateTime, offset: Offset) -> Option<Timestamp> {
    Some(Timestamp {
        instant: offset.to_timestamp(datetime).ok()?,
        offset_seconds: offset.seconds(),
    })
}

/// The point in time at which clocks in `zone` show `datetime`; in a gap the later side, in a fold the earlier.
pub(crate) fn in_zone(datetime: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let instant = zone.to_timestamp(datetime).ok()?;
    Some(Timestamp {
        instant,
        offset_seconds: zone.to_offset(instant).seconds(),
    })
}

/// The same point in time as clocks in `zone` show it.
pub(crate) fn moved(timestamp: Timestamp, zone: &TimeZone) -> Timestamp {
    Timestamp {
        instant: timestamp.instant,
        offset_seconds: zone.to_offset(timestamp.instant).seconds(),
    }
}

/// What the clock showed where the timestamp was written.
pub(crate) fn wall_clock(timestamp: Timestamp) -> civil::DateTime {
    let offset = Offset::from_seconds(timestamp.offset_seconds).unwrap_or(Offset::UTC);
    offset.to_datetime(timestamp.instant)
}

/// A value as a day with or without time: dates, timestamps and their texts.
pub(crate) fn from_value(value: &Value) -> Option<Written> {
    match value {
        Value::Date(date) => Some(Written {
            date: *date,
            time: None,
            offset: None,
        }),
        Value::Timestamp(timestamp) => {
            let wall = wall_clock(*timestamp);
            Some(Written {
                date: wall.date(),
                time: Some(wall.time()),
                offset: Offset::from_seconds(timestamp.offset_seconds).ok(),
            })
        }
        Value::Text(text) => parse_iso(text.trim()),
        _ => None,
    }
}

/// A value as a point in time: timestamps and their text.
pub(crate) fn timestamp_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(timestamp) => Some(*timestamp),
        Value::Text(text) => parse_timestamp(text.trim()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_extended_forms_are_dates() {
        assert_eq!(parse_date("2024-03-31"), Some(civil::date(2024, 3, 31)));
        for text in [
            "20240331",
            "2024-02-30",
            "2024-03-31T00:00:00Z",
            "31.03.2024",
            "",
            "2024-3-31",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert!(
            parse_timestamp("2024-03-31T01:30:00").is_none(),
            "no offset"
        );
        assert_eq!(
            parse_timestamp("2024-03-31T01:30:00-03:00")
                .unwrap()
                .to_string(),
            "2024-03-31T01:30:00-03:00"
        );
        assert_eq!(
            parse_timestamp("2026-11-22T09:30:00.125Z")
                .unwrap()
                .to_string(),
            "2026-11-22T09:30:00.125Z"
        );
    }

    proptest! {
        #[test]
        fn timestamps_survive_being_written(seconds in -2_000_000_000i64..4_000_000_000, minutes in -12i32 * 60..14 * 60) {
            let timestamp = Timestamp { instant: jiff::Timestamp::from_second(seconds).unwrap(), offset_seconds: minutes * 60 };
            prop_assert_eq!(parse_timestamp(&timestamp.to_string()), Some(timestamp));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse_iso(&text);
            let _ = parse_time(&text);
        }
    }
}
