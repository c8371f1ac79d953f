//! Points in time in the formats of Python's `strftime`, with the additions that manifests use.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

/// Reads a point in time; without a zone in the text it is UTC. None when it does not fit the format.
pub fn parse(text: &str, format: &str) -> Option<Timestamp> {
    let text = text.trim();
    match format {
        "%s" => return Timestamp::from_second(text.parse().ok()?).ok(),
        "%s_as_float" => {
            let seconds: f64 = text.parse().ok()?;
            return Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok();
        }
        "%ms" => return Timestamp::from_millisecond(text.parse().ok()?).ok(),
        "%epoch_microseconds" => return Timestamp::from_microsecond(text.parse().ok()?).ok(),
        _ => {}
    }
    // `%_ms` are three digits of milliseconds; %f reads any number of digits.
    let format = format.replace("%_ms", "%f");
    let (text, format) = if format.ends_with("%z") {
        (with_plain_offset(text)?, format)
    } else {
        (text.to_owned(), format)
    };
    let parsed = BrokenDownTime::parse(&format, &text).ok()?;
    if let Some(timestamp) = parsed.timestamp() {
        return Some(timestamp);
    }
    let civil = parsed
        .to_datetime()
        .ok()
        .or_else(|| parsed.to_date().ok().map(|date| date.at(0, 0, 0, 0)))?;
    parsed
        .offset()
        .unwrap_or(Offset::UTC)
        .to_timestamp(civil)
        .ok()
}

/// `Z`, `+02:00` and `+0200` all become `+0200`; none when there is no zone at the end.
fn with_plain_offset(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some(format!("{rest}+0000"));
    }
    let sign = text.rfind(['+', '-'])?;
    let (before, zone) = text.split_at_checked(sign)?;
    let zone = zone.replace(':', "");
    let digits = zone.len().checked_sub(1)?;
    (matches!(digits, 4 | 6) && before.len() >= 4).then(|| format!("{before}{zone}"))
}

/// How far the clock of a text is behind UTC, in microseconds, where it ends in such an offset (`-05:00`).
pub fn behind_utc(text: &str) -> Option<i64> {
    let text = text.trim_end();
    // Nothing that is only a date has an offset.
    let (time, offset) = text.rsplit_once('-').filter(|(time, _)| time.len() >= 16)?;
    if !time.contains(':') {
        return None;
    }
    let digits = offset.replace(':', "");
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    Some((number / 100 * 60 + number % 100) * 60_000_000)
}

/// Whether times of a format say of which zone they are.
pub fn has_zone(format: &str) -> bool {
    format.ends_with('Z')
        || ["%z", "%:z", "%Z", "%s", "%ms", "%epoch"]
            .iter()
            .any(|zone| format.contains(zone))
}

/// Reads ISO 8601: a date, or a date and time with or without a zone (UTC then).
pub fn parse_iso(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>() {
        return Offset::UTC.to_timestamp(civil).ok();
    }
    let spaced = with_plain_offset(text)?;
    [
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y-%m-%d %H:%M:%S%z",
        "%Y-%m-%dT%H:%M:%S.%f%z",
        "%Y-%m-%d %H:%M:%S.%f%z",
    ]
    .iter()
    .find_map(|format| {
        let parsed = BrokenDownTime::parse(format, &spaced).ok()?;
        parsed.to_timestamp().ok()
    })
}

/// Writes a point in time, in UTC. The problem, when the format is not one.
pub fn format(timestamp: Timestamp, format: &str) -> Result<String, String> {
    match format {
        "%s" => return Ok(timestamp.as_second().to_string()),
        "%s_as_float" => {
            let micros = timestamp.as_microsecond();
            let seconds = micros.div_euclid(1_000_000);
            let said = format!("{seconds}.{:06}", micros.rem_euclid(1_000_000));
            let short = said.trim_end_matches('0');
            // As Python prints it: at least one digit.
            return Ok(match short.strip_suffix('.') {
                Some(whole) => format!("{whole}.0"),
                None => short.to_owned(),
            });
        }
        "%ms" => return Ok(timestamp.as_millisecond().to_string()),
        "%epoch_microseconds" => return Ok(timestamp.as_microsecond().to_string()),
        _ => {}
    }
    // Python prints %f with six digits.
    let format = format.replace("%_ms", "%3f").replace("%f", "%6f");
    let zoned = timestamp.to_zoned(jiff::tz::TimeZone::UTC);
    BrokenDownTime::from(&zoned)
        .to_string(&format)
        .map_err(|error| format!("`{format}` is not a time format: {error}"))
}

/// Reads an ISO 8601 duration such as `P1M`, `PT5M` or `P10D`.
pub fn duration(text: &str) -> Option<Span> {
    text.trim().parse::<Span>().ok()
}

/// `timestamp` moved by `span`, months and years by the calendar; `None` when out of range.
pub fn moved(timestamp: Timestamp, span: Span) -> Option<Timestamp> {
    Some(
        timestamp
            .to_zoned(jiff::tz::TimeZone::UTC)
            .checked_add(span)
            .ok()?
            .timestamp(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_formats_that_platforms_use() {
        fn check(text: &str, format: &str, expected: Option<&str>) {
            let found = parse(text, format).map(|timestamp| timestamp.to_string());
            assert_eq!(found.as_deref(), expected, "{text} {format}");
        }
        let spring = Some("2024-03-31T04:30:00Z");
        check("2024-03-31T01:30:00-03:00", "%Y-%m-%dT%H:%M:%S%z", spring);
        check("2024-03-31T04:30:00Z", "%Y-%m-%dT%H:%M:%S%z", spring);
        check("2024-03-31T04:30:00+0000", "%Y-%m-%dT%H:%M:%S%z", spring);
        check("2024-03-31T04:30:00Z", "%Y-%m-%dT%H:%M:%SZ", spring);
        check("2024-03-31 04:30:00", "%Y-%m-%d %H:%M:%S", spring);
        check("1711859400", "%s", spring);
        check("1711859400000", "%ms", spring);
        check(
            "2026-11-22T09:30:00.125Z",
            "%Y-%m-%dT%H:%M:%S.%f%z",
            Some("2026-11-22T09:30:00.125Z"),
        );
        check(
            "2026-11-22T09:30:00.125Z",
            "%Y-%m-%dT%H:%M:%S.%_msZ",
            Some("2026-11-22T09:30:00.125Z"),
        );
        check("2024-03-31", "%Y-%m-%d", Some("2024-03-31T00:00:00Z"));
        check("soon", "%Y-%m-%d", None);
        check("2024-03-31", "%Y-%m-%dT%H:%M:%S%z", None);
    }

    #[test]
    fn times_are_written_as_python_writes_them() {
        fn check(pattern: &str, expected: &str) {
            let timestamp = "2026-11-22T09:30:00.125Z".parse().unwrap();
            assert_eq!(format(timestamp, pattern).unwrap(), expected);
        }
        check("%Y-%m-%dT%H:%M:%SZ", "2026-11-22T09:30:00Z");
        check("%Y-%m-%dT%H:%M:%S.%f%z", "2026-11-22T09:30:00.125000+0000");
        check("%Y-%m-%dT%H:%M:%S.%_msZ", "2026-11-22T09:30:00.125Z");
        check("%s", "1795339800");
        check("%ms", "1795339800125");
        check("%s_as_float", "1795339800.125");
    }

    #[test]
    fn durations_move_by_the_calendar() {
        let start: Timestamp = "2024-01-31T00:00:00Z".parse().unwrap();
        let month = duration("P1M").unwrap();
        assert_eq!(
            moved(start, month).unwrap().to_string(),
            "2024-02-29T00:00:00Z"
        );
        let minutes = duration("PT5M").unwrap();
        assert_eq!(
            moved(start, -minutes).unwrap().to_string(),
            "2024-01-30T23:55:00Z"
        );
        assert!(duration("five").is_none());
    }

    #[test]
    fn clocks_behind_utc_are_told_by_their_offset() {
        const HOUR: i64 = 3_600_000_000;
        for (text, behind) in [
            ("2026-01-12T23:30:00-05:00", Some(5 * HOUR)),
            ("2026-01-12 23:30:00.5-0330", Some(7 * HOUR / 2)),
            ("2026-01-12T23:30:00+05:00", None),
            ("2026-01-12T23:30:00Z", None),
            ("2026-01-12", None),
            ("12-01-2026-0500", None),
            ("", None),
        ] {
            assert_eq!(behind_utc(text), behind, "{text}");
        }
        assert!(has_zone("%Y-%m-%dT%H:%M:%SZ") && has_zone("%s") && has_zone("%Y%z"));
        assert!(!has_zone("%Y-%m-%d") && !has_zone("%Y-%m-%dT%H:%M:%S"));
    }
}
