//! Dates and points in time.

use jiff::civil;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use model::field::FieldType;
use model::value::{Timestamp, Value};

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::with::With;
use super::{Action, Made, Recipe, StepError};
use crate::arithmetic::Exact;
use crate::dates::{self, Written};
use crate::words::quoted;

/// What dates come in.
const DATED: Kinds = Kinds::DATE.or(Kinds::TIMESTAMP).or(Kinds::TEXT);

pub(crate) const PARSE_DATE: Transform = Transform {
    name: "parse_date",
    label: "Parse date",
    group: Group::Date,
    summary: "Reads a date, or a date and time, from text or from seconds since 1970.",
    synonyms: &["text to date", "strptime", "timestamp", "epoch", "unix time", "datetime"],
    params: &[
        Param::optional("format", ParamKind::DateFormat, "how it is written, such as %d.%m.%Y %H:%M; iso, unix and unix_ms too; several are tried in order").or("\"iso\""),
        Param::optional("zone", ParamKind::Zone, "the zone of times that are written without one"),
        Param::optional("result", ParamKind::Choice, "a date, or a point in time").or("\"date\"").of(&["date", "timestamp"]),
    ],
    input: DATED.or(Kinds::NUMBER),
    output: OutputKind::Of(FieldType::Date),
    joins: false,
    examples: &[
        eg(r#""31.03.2024""#, r#"{"format":"%d.%m.%Y"}"#, r#""2024-03-31""#),
        eg(r#""Mar 31, 2024""#, r#"{"format":["%Y/%m/%d","%b %d, %Y"]}"#, r#""2024-03-31""#),
        eg(r#""31.07.2024 14:30""#, r#"{"format":"%d.%m.%Y %H:%M","zone":"Europe/Berlin","result":"timestamp"}"#, r#""2024-07-31T14:30:00+02:00""#),
        eg("1711848600", r#"{"format":"unix","result":"timestamp"}"#, r#""2024-03-31T01:30:00Z""#),
        eg(r#""2024-03-31T01:30:00""#, r#"{"result":"timestamp"}"#, "error: \"2024-03-31T01:30:00\" has no offset from UTC; set the zone it is meant in"),
        eg(r#""soon""#, "{}", "error: \"soon\" is not a date written like 2024-03-31"),
    ],
    build: |with| {
        let formats: Vec<Format> = with
            .texts("format")
            .iter()
            .map(|text| Format::parse(with, text))
            .collect::<Result<_, _>>()?;
        let zone = with.zone("zone")?;
        let timestamp = with.text("result").as_deref() == Some("timestamp");
        let output = Some(if timestamp { FieldType::Timestamp } else { FieldType::Date });
        let action = Action::plain(move |value| parse(value, &formats, zone.as_ref(), timestamp));
        Ok(Recipe { output, ..action.into() })
    },
};

enum Format {
    Iso,
    Unix,
    UnixMs,
    Pattern(String),
}

impl Format {
    fn parse(with: &With<'_>, text: &str) -> Result<Self, StepError> {
        Ok(match text {
            "iso" => Self::Iso,
            "unix" => Self::Unix,
            "unix_ms" => Self::UnixMs,
            pattern => {
                check_pattern(with, pattern)?;
                Self::Pattern(pattern.to_owned())
            }
        })
    }

    fn read(&self, value: &Value) -> Option<Written> {
        match self {
            Self::Iso => dates::from_value(value),
            Self::Unix => from_epoch(value, 1_000_000_000),
            Self::UnixMs => from_epoch(value, 1_000_000),
            Self::Pattern(pattern) => {
                let text = value.as_text()?;
                let time = BrokenDownTime::parse(pattern, text.trim()).ok()?;
                let offset = time.offset().or_else(|| {
                    let instant = time.timestamp()?;
                    Some(TimeZone::UTC.to_offset(instant))
                });
                Some(Written {
                    date: time.to_date().ok()?,
                    time: time.to_time().ok(),
                    offset,
                })
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Iso => "2024-03-31".to_owned(),
            Self::Unix => "1711848600".to_owned(),
            Self::UnixMs => "1711848600000".to_owned(),
            Self::Pattern(pattern) => {
                strtime::format(pattern, &sample()).unwrap_or_else(|_| pattern.clone())
            }
        }
    }
}

fn sample() -> jiff::Zoned {
    civil::date(2024, 3, 31)
        .at(14, 30, 0, 0)
        .to_zoned(TimeZone::UTC)
        .unwrap_or_default()
}

fn check_pattern(with: &With<'_>, pattern: &str) -> Result<(), StepError> {
    if !pattern.contains('%') {
        return Err(with.wrong(
            "format",
            format!(
                "\"format\" has no sign such as %Y; write it like %Y-%m-%d, not {}",
                crate::words::quoted_text(pattern)
            ),
        ));
    }
    strtime::format(pattern, &sample())
        .map(|_| ())
        .map_err(|_| {
            with.wrong(
                "format",
                "\"format\" has a sign that is not known after %; use signs such as %Y-%m-%d %H:%M"
                    .to_owned(),
            )
        })
}

/// Seconds since 1970 in units of so many nanoseconds.
fn from_epoch(value: &Value, unit: i128) -> Option<Written> {
    let number = match value {
        Value::Text(text) => Exact::parse(text.trim())?,
        other => Exact::from_value(other)?,
    };
    let nanoseconds = number.multiply(&Exact::parse(&unit.to_string())?)?;
    let whole = nanoseconds
        .round(0, crate::arithmetic::Rounding::Down)?
        .to_text();
    let instant = jiff::Timestamp::from_nanosecond(whole.parse().ok()?).ok()?;
    dates::from_value(&Value::Timestamp(Timestamp {
        instant,
        offset_seconds: 0,
    }))
}

/// Units of so many nanoseconds since 1970, the last one begun.
fn to_epoch(value: &Value, unit: i128) -> Made {
    match dates::timestamp_of(value) {
        Some(timestamp) => {
            let units = timestamp.instant.as_nanosecond().div_euclid(unit);
            Ok(Value::from(units.to_string()))
        }
        None => Err(format!(
            "{} is not a date and time with offset such as 2024-03-31T01:30:00Z",
            quoted(value)
        )),
    }
}

fn parse(value: Value, formats: &[Format], zone: Option<&TimeZone>, timestamp: bool) -> Made {
    let already = match value {
        Value::Date(_) => !timestamp,
        Value::Timestamp(_) => timestamp,
        _ => false,
    };
    if already {
        return Ok(value);
    }
    let written = match &value {
        Value::Date(_) | Value::Timestamp(_) => dates::from_value(&value),
        _ => formats.iter().find_map(|format| format.read(&value)),
    };
    let Some(written) = written else {
        let shown: Vec<String> = formats.iter().map(Format::shown).collect();
        return Err(format!(
            "{} is not a date written like {}",
            quoted(&value),
            shown.join(" or ")
        ));
    };
    if !timestamp {
        return Ok(Value::Date(written.date));
    }
    let datetime = written
        .date
        .to_datetime(written.time.unwrap_or(civil::Time::midnight()));
    let made = match (written.offset, zone) {
        (Some(offset), _) => dates::at_offset(datetime, offset),
        (None, Some(zone)) => dates::in_zone(datetime, zone),
        (None, None) => {
            return Err(format!(
                "{} has no offset from UTC; set the zone it is meant in",
                quoted(&value)
            ));
        }
    };
    made.map(Value::Timestamp)
        .ok_or_else(|| format!("{} is out of range", quoted(&value)))
}

pub(crate) const FORMAT_DATE: Transform = Transform {
    name: "format_date",
    label: "Format date",
    group: Group::Date,
    summary: "Writes a date or a point in time as text.",
    synonyms: &["date to text", "strftime"],
    params: &[
        Param::required(
            "format",
            ParamKind::Text,
            "how to write it, such as %d.%m.%Y; unix and unix_ms too",
        ),
        Param::optional(
            "zone",
            ParamKind::Zone,
            "the zone to show it in; as written where left out",
        ),
    ],
    input: DATED,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(
            r#""2024-03-31""#,
            r#"{"format":"%d.%m.%Y"}"#,
            r#""31.03.2024""#,
        ),
        eg(
            r#""2024-03-31T01:30:00-03:00""#,
            r#"{"format":"%H:%M"}"#,
            r#""01:30""#,
        ),
        eg(
            r#""2024-03-31T01:30:00-03:00""#,
            r#"{"format":"%Y-%m-%d %H:%M","zone":"Europe/Berlin"}"#,
            r#""2024-03-31 06:30""#,
        ),
        eg(
            r#""2024-03-31T01:30:00.125Z""#,
            r#"{"format":"unix_ms"}"#,
            r#""1711848600125""#,
        ),
        eg(
            r#""2024-03-31""#,
            r#"{"format":"%H:%M"}"#,
            "error: the date 2024-03-31 has no time of day to write",
        ),
    ],
    build: |with| {
        let format = with.text("format").unwrap_or_default();
        let unit = match format.as_str() {
            "unix" => Some(1_000_000_000),
            "unix_ms" => Some(1_000_000),
            _ => None,
        };
        if let Some(unit) = unit {
            return Ok(Action::plain(move |value| to_epoch(&value, unit)).into());
        }
        check_pattern(with, &format)?;
        let zone = with.zone("zone")?;
        Ok(Action::plain(move |value| {
            let wall = shown_in(&value, zone.as_ref())?;
            let text = match (wall.time, wall.offset) {
                (Some(time), Some(offset)) => wall
                    .date
                    .to_datetime(time)
                    .to_zoned(zone.clone().unwrap_or_else(|| TimeZone::fixed(offset)))
                    .and_then(|zoned| strtime::format(&format, &zoned)),
                (Some(time), None) => strtime::format(&format, wall.date.to_datetime(time)),
                (None, _) => strtime::format(&format, wall.date),
            };
            text.map(Value::from)
                .map_err(|_| format!("the date {} has no time of day to write", wall.date))
        })
        .into())
    },
};

pub(crate) const DATE_ONLY: Transform = Transform {
    name: "date_only",
    label: "Date only",
    group: Group::Date,
    summary: "Drops the time of day: keeps the day as it was written, or as it was in a zone.",
    synonyms: &["timestamp to date", "drop time", "day", "truncate"],
    params: &[Param::optional(
        "zone",
        ParamKind::Zone,
        "the zone whose day counts; the written day where left out",
    )],
    input: DATED,
    output: OutputKind::Of(FieldType::Date),
    joins: false,
    examples: &[
        eg(r#""2022-11-03T23:15:00-03:00""#, "{}", r#""2022-11-03""#),
        eg(
            r#""2022-11-03T23:15:00-03:00""#,
            r#"{"zone":"UTC"}"#,
            r#""2022-11-04""#,
        ),
        eg(r#""2022-11-03""#, "{}", r#""2022-11-03""#),
        eg(
            r#""n/a""#,
            "{}",
            "error: \"n/a\" is not a date such as 2024-03-31T01:30:00Z",
        ),
    ],
    build: |with| {
        let zone = with.zone("zone")?;
        Ok(
            Action::plain(move |value| Ok(Value::Date(shown_in(&value, zone.as_ref())?.date)))
                .into(),
        )
    },
};

pub(crate) const TO_ZONE: Transform = Transform {
    name: "to_zone",
    label: "To zone",
    group: Group::Date,
    summary: "Writes the same point in time with the offset of a zone.",
    synonyms: &["timezone", "utc", "convert time"],
    params: &[Param::optional("zone", ParamKind::Zone, "the zone").or("\"UTC\"")],
    input: DATED,
    output: OutputKind::Of(FieldType::Timestamp),
    joins: false,
    examples: &[
        eg(
            r#""2024-03-31T01:30:00-03:00""#,
            "{}",
            r#""2024-03-31T04:30:00Z""#,
        ),
        eg(
            r#""2024-07-01T12:00:00Z""#,
            r#"{"zone":"Asia/Tokyo"}"#,
            r#""2024-07-01T21:00:00+09:00""#,
        ),
        eg(
            r#""2024-07-01""#,
            "{}",
            "error: \"2024-07-01\" is not a date and time with offset such as 2024-03-31T01:30:00Z",
        ),
    ],
    build: |with| {
        let zone = with.zone("zone")?.unwrap_or(TimeZone::UTC);
        Ok(
            Action::plain(move |value| match dates::timestamp_of(&value) {
                Some(timestamp) => Ok(Value::Timestamp(dates::moved(timestamp, &zone))),
                None => Err(format!(
                    "{} is not a date and time with offset such as 2024-03-31T01:30:00Z",
                    quoted(&value)
                )),
            })
            .into(),
        )
    },
};

/// The day and time that clocks show: where it was written, or in `zone`.
fn shown_in(value: &Value, zone: Option<&TimeZone>) -> Result<Written, String> {
    let wrong = || {
        format!(
            "{} is not a date such as 2024-03-31T01:30:00Z",
            quoted(value)
        )
    };
    if let (Some(zone), Some(timestamp)) = (zone, dates::timestamp_of(value)) {
        let moved = dates::moved(timestamp, zone);
        let wall = dates::wall_clock(moved);
        return Ok(Written {
            date: wall.date(),
            time: Some(wall.time()),
            offset: Offset::from_seconds(moved.offset_seconds).ok(),
        });
    }
    dates::from_value(value).ok_or_else(wrong)
}
