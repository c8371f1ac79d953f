//! Dates and points in time. Whether a format keeps them is tried, not looked up.

use model::field::FieldType;
use model::mapping::Step;
use model::value::Value;

use super::steps::{Answer, Asked, NO_TIME, Tried, Undone, midnight, try_there_and_back};
use super::table::same;
use crate::dates::{parse_date as day, parse_timestamp as instant};
use crate::transforms::step;

/// Days of other centuries, a leap day, one-digit and two-digit months.
fn days() -> Vec<Value> {
    [
        "2024-03-31",
        "1999-12-01",
        "2000-02-29",
        "1950-07-04",
        "2069-11-22",
    ]
    .iter()
    .filter_map(|text| day(text).map(Value::Date))
    .collect()
}

/// Points in time with seconds, fractions, other offsets, and one in the hour that autumn has twice.
fn instants() -> Vec<Value> {
    [
        "2024-03-30T14:30:05.125+01:00",
        "1999-12-01T00:00:00Z",
        "1950-07-04T08:00:00-03:00",
        "2024-10-27T02:30:00+01:00",
        "2024-11-03T01:30:00-05:00",
    ]
    .iter()
    .filter_map(|text| instant(text).map(Value::Timestamp))
    .collect()
}

fn with_zone(mut made: Step, zone: Option<&str>) -> Step {
    if let Some(zone) = zone {
        made.with.insert("zone".to_owned(), zone.into());
    }
    made
}

fn read(format: &str, result: &str, zone: Option<&str>) -> Step {
    let made = step(
        "parse_date",
        [("format", format.into()), ("result", result.into())],
    );
    with_zone(made, zone)
}

fn write(format: &str, zone: Option<&str>) -> Step {
    with_zone(step("format_date", [("format", format.into())]), zone)
}

/// Whether points in time that are written so say their offset from UTC.
fn says_offset(format: &str) -> bool {
    let (there, back) = ([write(format, None)], [read(format, "timestamp", None)]);
    !matches!(try_there_and_back(&there, &back, &instants()), Tried::Fails)
}

/// A way back as good as it turned out; none where nothing comes back.
fn judged(way: Vec<Step>, gives: FieldType, tried: Tried) -> Option<Undone> {
    let undone = Undone::by(way, gives);
    match tried {
        Tried::Same => Some(undone),
        Tried::Differs(why) => Some(undone.losing(why)),
        Tried::Fails => None,
    }
}

pub(super) fn format_date(asked: &Asked<'_>) -> Answer {
    use FieldType as T;
    let format = asked.with.text("format").unwrap_or_default();
    let zone = asked.with.text("zone");
    let zone = zone.as_deref();
    let there = std::slice::from_ref(asked.step);
    if matches!(format.as_str(), "unix" | "unix_ms") {
        let back = [read(&format, "timestamp", None)];
        return Ok(Undone::by(back, T::Timestamp).losing(smaller(&format)));
    }
    let day = vec![read(&format, "date", None)];
    let tried = try_there_and_back(there, &day, &days());
    let whole_day = judged(day, T::Date, tried);
    // A text may be a day or a point in time; a format that can write a day shows nothing smaller.
    let undone = match (asked.before.kind, whole_day) {
        (T::Date, whole_day) => whole_day,
        (T::Text | T::Enum | T::Any, Some(whole_day)) => Some(whole_day.losing(NO_TIME)),
        _ => {
            let zone = (!says_offset(&format)).then_some(zone.unwrap_or("UTC"));
            let moment = vec![read(&format, "timestamp", zone)];
            let tried = try_there_and_back(there, &moment, &instants());
            judged(moment, T::Timestamp, tried)
        }
    };
    undone.ok_or_else(|| format!("the format \"{format}\" does not say the whole date"))
}

pub(super) fn parse_date(asked: &Asked<'_>) -> Answer {
    use FieldType as T;
    let timestamp = asked.after.kind == T::Timestamp;
    let zone = asked.with.text("zone");
    let zone = zone.as_deref();
    match (asked.before.kind, timestamp) {
        (T::Date, false) | (T::Timestamp, true) => return Ok(same(asked)),
        (T::Timestamp, false) => return Ok(begin_of_day(zone)),
        (T::Date, true) => {
            let back = with_zone(step("date_only", []), zone);
            return Ok(Undone::by([back], T::Date).losing(NO_TIME));
        }
        _ => {}
    }
    let formats = asked.with.texts("format");
    let format = formats.first().map_or("iso", String::as_str);
    let mut undone = match format {
        "iso" => {
            let undone = Undone::by([step("to_text", [])], T::Text);
            match (timestamp, zone) {
                (false, _) => undone.losing(NO_TIME),
                (true, Some(_)) => undone.losing("times come back with the offset of their zone"),
                (true, None) => undone,
            }
        }
        "unix" | "unix_ms" => epoch(asked, format, timestamp),
        pattern => written_again(asked, pattern, timestamp, zone)?,
    };
    if formats.len() > 1 {
        undone = undone.losing(format!("all dates come back written like \"{format}\""));
    }
    Ok(undone)
}

/// Dates that were read by a pattern are written by it.
fn written_again(asked: &Asked<'_>, pattern: &str, timestamp: bool, zone: Option<&str>) -> Answer {
    let there = std::slice::from_ref(asked.step);
    let undone = if timestamp {
        let zone = zone.filter(|_| !says_offset(pattern));
        let moment = vec![write(pattern, zone)];
        let tried = try_there_and_back(&moment, there, &instants());
        judged(moment, FieldType::Text, tried)
    } else {
        let plain = vec![write(pattern, None)];
        let tried = try_there_and_back(&plain, there, &days());
        judged(plain, FieldType::Text, tried).or_else(|| {
            let timed = vec![midnight("UTC"), write(pattern, Some("UTC"))];
            let tried = try_there_and_back(&timed, there, &days());
            judged(timed, FieldType::Text, tried).map(|undone| undone.losing(NO_TIME))
        })
    };
    undone.ok_or_else(|| format!("the format \"{pattern}\" does not say the whole date"))
}

/// Seconds since 1970 from a day or a point in time.
fn epoch(asked: &Asked<'_>, format: &str, timestamp: bool) -> Undone {
    let mut steps = Vec::new();
    if !timestamp {
        steps.push(midnight("UTC"));
    }
    steps.push(write(format, None));
    let loss = if timestamp { smaller(format) } else { NO_TIME };
    let mut undone = Undone::by(steps, FieldType::Text).losing(loss);
    if asked.before.kind == FieldType::Any {
        // Platforms write these as numbers.
        undone.back.steps.push(step("to_integer", []));
        undone.gives.kind = FieldType::Integer;
    }
    undone
}

fn smaller(format: &str) -> &'static str {
    if format == "unix" {
        "parts of a second and the offset from UTC do not come back"
    } else {
        "parts of a millisecond and the offset from UTC do not come back"
    }
}

pub(super) fn date_only(asked: &Asked<'_>) -> Answer {
    let zone = asked.with.text("zone");
    Ok(match asked.before.kind {
        FieldType::Date => same(asked),
        FieldType::Timestamp => begin_of_day(zone.as_deref()),
        _ => same(asked).losing(NO_TIME),
    })
}

fn begin_of_day(zone: Option<&str>) -> Undone {
    Undone::by([midnight(zone.unwrap_or("UTC"))], FieldType::Timestamp).losing(NO_TIME)
}
