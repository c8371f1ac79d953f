//! Methods and properties of dates, times and durations.

use std::rc::Rc;

use jiff::civil::Date;

use super::unknown;
use crate::dates::{Moment, Period, Span, Zone, build, iso, strftime, strptime};
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::number::Num;
use crate::value::{Thing, Val};

pub(super) const MOMENT: [&str; 22] = [
    "strftime",
    "isoformat",
    "timestamp",
    "date",
    "time",
    "replace",
    "astimezone",
    "weekday",
    "isoweekday",
    "isocalendar",
    "toordinal",
    "ctime",
    "utcoffset",
    "tzname",
    "dst",
    "strptime",
    "fromisoformat",
    "fromtimestamp",
    "utcfromtimestamp",
    "now",
    "utcnow",
    "timetz",
];
pub(super) const DATE: [&str; 11] = [
    "strftime",
    "isoformat",
    "replace",
    "weekday",
    "isoweekday",
    "isocalendar",
    "toordinal",
    "ctime",
    "fromisoformat",
    "fromtimestamp",
    "today",
];
pub(super) const TIME: [&str; 3] = ["strftime", "isoformat", "replace"];
pub(super) const SPAN: [&str; 1] = ["total_seconds"];
pub(super) const PERIOD: [&str; 2] = ["total_seconds", "totimedelta"];

pub(super) fn property<'r>(value: &Val<'r>, name: &str) -> Option<Val<'r>> {
    let date_part = |date: Date| {
        Some(Val::Int(match name {
            "year" => i64::from(date.year()),
            "month" => i64::from(date.month()),
            "day" => i64::from(date.day()),
            _ => return None,
        }))
    };
    let time_part = |time: jiff::civil::Time| {
        Some(Val::Int(match name {
            "hour" => i64::from(time.hour()),
            "minute" => i64::from(time.minute()),
            "second" => i64::from(time.second()),
            "microsecond" => i64::from(time.subsec_nanosecond() / 1000),
            "fold" => 0,
            _ => return None,
        }))
    };
    let span_part = |span: Span| {
        let (days, seconds, micros) = span.parts();
        Some(Val::Int(match name {
            "days" => days,
            "seconds" => seconds,
            "microseconds" => micros,
            _ => return None,
        }))
    };
    match value {
        Val::Date(date) => date_part(*date),
        Val::Time(time) => time_part(*time),
        Val::Moment(moment) if name == "tzinfo" => Some(match moment.zone {
            Some(zone) => Val::object(Thing::Zone(zone)),
            None => Val::None,
        }),
        Val::Moment(moment) => {
            date_part(moment.civil.date()).or_else(|| time_part(moment.civil.time()))
        }
        Val::Span(span) => span_part(**span),
        Val::Period(period) => match name {
            "years" => Some(whole_or_float(period.years)),
            "months" => Some(whole_or_float(period.months)),
            "tdelta" => Some(Val::Span(Rc::new(period.span))),
            _ => span_part(period.span),
        },
        _ => None,
    }
}

fn whole_or_float<'r>(n: f64) -> Val<'r> {
    if n.fract() == 0.0 {
        Val::Int(n as i64)
    } else {
        Val::Float(n)
    }
}

fn moment<'r>(moment: Moment) -> Val<'r> {
    Val::Moment(Rc::new(moment))
}

pub(super) fn call<'r>(
    m: &Machine<'r>,
    value: &Val<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    match value {
        Val::Moment(of) => call_moment(m, of, name, given),
        Val::Date(date) => {
            let midnight = Moment::new(date.to_datetime(jiff::civil::Time::midnight()), None);
            match name {
                "isoformat" => {
                    given.none(name)?;
                    Ok(Val::text(date.to_string()))
                }
                "replace" => {
                    let replaced = replace(&midnight, given, true)?;
                    Ok(Val::Date(replaced.civil.date()))
                }
                "today" => {
                    given.none(name)?;
                    Ok(Val::Date(crate::functions::now(m)?.civil.date()))
                }
                "fromtimestamp" => match call_moment(m, &midnight, name, given)? {
                    Val::Moment(moment) => Ok(Val::Date(moment.civil.date())),
                    other => Ok(other),
                },
                "fromisoformat" => {
                    let text = given.only(name, "")?;
                    Ok(Val::Date(from_iso(&text)?.civil.date()))
                }
                _ => call_moment(m, &midnight, name, given),
            }
        }
        Val::Time(time) => {
            let day = Date::constant(1900, 1, 1);
            let of = Moment::new(day.to_datetime(*time), None);
            match name {
                "isoformat" => {
                    let mut out = String::new();
                    crate::dates::write_time(&mut out, *time);
                    Ok(Val::text(out))
                }
                "replace" => Ok(Val::Time(replace(&of, given, false)?.civil.time())),
                _ => call_moment(m, &of, name, given),
            }
        }
        Val::Span(span) => {
            given.none(name)?;
            Ok(Val::Float(span.total_seconds()))
        }
        Val::Period(period) => call_period(period, name, given),
        _ => Err(unknown(value, name)),
    }
}

fn call_period<'r>(period: &Period, name: &str, given: Given<'r>) -> Fallible<Val<'r>> {
    if name == "total_seconds" {
        given.none(name)?;
        return Ok(Val::Float(period.span.total_seconds()));
    }
    let [start, end] = given.bind(name, ["start", "end"], 0)?;
    let span = match (start, end) {
        (Some(Val::Moment(start)), None) => period.to_moment(&start, 1.0)?.minus(&start)?,
        (None, Some(Val::Moment(end))) => end.minus(&period.to_moment(&end, -1.0)?)?,
        (Some(Val::Date(start)), None) => {
            crate::dates::days_between(period.to_date(start, 1.0)?, start)
        }
        (None, Some(Val::Date(end))) => crate::dates::days_between(end, period.to_date(end, -1.0)?),
        _ => return Err(Fault::value("start or end required")),
    };
    Ok(Val::Span(Rc::new(span)))
}

fn call_moment<'r>(
    m: &Machine<'r>,
    of: &Moment,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let date = of.civil.date();
    Ok(match name {
        "strftime" => {
            let format = given.only(name, "format")?;
            let Some(format) = format.as_str() else {
                return Err(Fault::wrong_type(format!(
                    "strftime() argument 1 must be str, not {}",
                    format.type_name()
                )));
            };
            m.pay_for_bytes(format.len().saturating_mul(8))?;
            let text = strftime::strftime(of, format);
            m.check_length(&text)?;
            Val::text(text)
        }
        "isoformat" => Val::text(isoformat(of, given)?),
        "timestamp" => {
            given.none(name)?;
            Val::Float(of.timestamp())
        }
        "date" => {
            given.none(name)?;
            Val::Date(date)
        }
        "time" | "timetz" => {
            given.none(name)?;
            Val::Time(of.civil.time())
        }
        "replace" => moment(replace(of, given, false)?),
        "astimezone" => {
            let [zone] = given.bind(name, ["tz"], 0)?;
            let zone = match &zone {
                None | Some(Val::None) => Zone::UTC,
                Some(zone) => zone_of(zone)?.unwrap_or(Zone::UTC),
            };
            moment(of.in_zone(zone)?)
        }
        "weekday" => {
            given.none(name)?;
            Val::Int(i64::from(date.weekday().to_monday_zero_offset()))
        }
        "isoweekday" => {
            given.none(name)?;
            Val::Int(i64::from(date.weekday().to_monday_one_offset()))
        }
        "isocalendar" => {
            given.none(name)?;
            let week = date.iso_week_date();
            Val::tuple(vec![
                Val::Int(i64::from(week.year())),
                Val::Int(i64::from(week.week())),
                Val::Int(i64::from(date.weekday().to_monday_one_offset())),
            ])
        }
        "toordinal" => {
            given.none(name)?;
            let days = crate::dates::days_between(date, Date::constant(1, 1, 1))
                .parts()
                .0;
            Val::Int(days + 1)
        }
        "ctime" => {
            given.none(name)?;
            Val::text(strftime::strftime(of, "%a %b %e %H:%M:%S %Y"))
        }
        "utcoffset" => {
            given.none(name)?;
            match of.zone {
                Some(zone) => Val::Span(Rc::new(Span::seconds(i64::from(zone.seconds)))),
                None => Val::None,
            }
        }
        "dst" => {
            given.none(name)?;
            match of.zone {
                Some(zone) if zone.is_pytz => Val::Span(Rc::new(Span::seconds(0))),
                _ => Val::None,
            }
        }
        "tzname" => {
            given.none(name)?;
            of.zone.map_or(Val::None, |zone| Val::text(zone.name()))
        }
        "strptime" => {
            let [text, format] = given.bind(name, ["", ""], 2)?;
            let (text, format) = (text.unwrap_or(Val::None), format.unwrap_or(Val::None));
            let (Some(text), Some(format)) = (text.as_str(), format.as_str()) else {
                return Err(Fault::wrong_type("strptime() argument must be str"));
            };
            moment(strptime::strptime(text, format)?)
        }
        "fromisoformat" => moment(from_iso(&given.only(name, "")?)?),
        "fromtimestamp" | "utcfromtimestamp" => {
            let [at, zone] = given.bind(name, ["", "tz"], 1)?;
            let zone = match zone {
                None | Some(Val::None) => None,
                Some(zone) => zone_of(&zone)?,
            };
            let micros = match at.as_ref().and_then(Num::of) {
                Some(Num::Int(n)) => i128::from(n) * 1_000_000,
                Some(Num::Float(float)) if float.is_finite() => {
                    (float * 1e6).round_ties_even() as i128
                }
                _ => return Err(Fault::wrong_type("a number of seconds is required")),
            };
            let made = Moment::from_epoch(micros, Some(Zone::UTC))?;
            match zone {
                Some(zone) => moment(made.in_zone(zone)?),
                None => moment(Moment::new(made.civil, None)),
            }
        }
        "now" | "utcnow" => {
            let [zone] = given.bind(name, ["tz"], 0)?;
            let now = crate::functions::now(m)?;
            match zone {
                None | Some(Val::None) => moment(Moment::new(now.civil, None)),
                Some(zone) => moment(now.in_zone(zone_of(&zone)?.unwrap_or(Zone::UTC))?),
            }
        }
        _ => {
            return Err(Fault::failed(format!(
                "there is no method '{name}' of a date"
            )));
        }
    })
}

fn zone_of(value: &Val<'_>) -> Fallible<Option<Zone>> {
    match value {
        Val::None => Ok(None),
        Val::Object(thing) => match &**thing {
            Thing::Zone(zone) => Ok(Some(*zone)),
            _ => Err(not_zone(value)),
        },
        _ => Err(not_zone(value)),
    }
}

fn not_zone(value: &Val<'_>) -> Box<Fault> {
    Fault::wrong_type(format!(
        "tzinfo argument must be None or of a tzinfo subclass, not type '{}'",
        value.type_name()
    ))
}

fn from_iso(value: &Val<'_>) -> Fallible<Moment> {
    let Some(text) = value.as_str() else {
        return Err(Fault::wrong_type("fromisoformat: argument must be str"));
    };
    iso::parse(text).map_err(|_| Fault::value(format!("Invalid isoformat string: '{text}'")))
}

fn isoformat(of: &Moment, given: Given<'_>) -> Fallible<String> {
    let [separator, precision] = given.bind("isoformat", ["sep", "timespec"], 0)?;
    let separator = match &separator {
        None => 'T',
        Some(separator) => {
            let mut chars = separator.as_str().unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => c,
                _ => {
                    return Err(Fault::wrong_type(
                        "isoformat() argument 1 must be a unicode character",
                    ));
                }
            }
        }
    };
    let precision = match &precision {
        None => "auto",
        Some(precision) => precision
            .as_str()
            .ok_or_else(|| Fault::wrong_type("isoformat() argument 2 must be str"))?,
    };
    let mut out = String::new();
    if precision == "auto" {
        of.write_iso(&mut out, separator);
        return Ok(out);
    }
    let format = match precision {
        "hours" => "%H",
        "minutes" => "%H:%M",
        "seconds" => "%H:%M:%S",
        "milliseconds" | "microseconds" => "%H:%M:%S.%f",
        _ => return Err(Fault::value("Unknown timespec value")),
    };
    let date = of.civil.date();
    out = format!(
        "{:04}-{:02}-{:02}{separator}",
        date.year(),
        date.month(),
        date.day()
    );
    out.push_str(&strftime::strftime(of, format));
    if precision == "milliseconds" {
        out.truncate(out.len() - 3);
    }
    if let Some(zone) = of.zone {
        crate::dates::write_offset(&mut out, zone.seconds, true);
    }
    Ok(out)
}

fn replace(of: &Moment, given: Given<'_>, is_date: bool) -> Fallible<Moment> {
    let civil = of.civil;
    let before = [
        i64::from(civil.year()),
        i64::from(civil.month()),
        i64::from(civil.day()),
        i64::from(civil.hour()),
        i64::from(civil.minute()),
        i64::from(civil.second()),
        of.micros(),
    ];
    let names = [
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "microsecond",
        "tzinfo",
        "fold",
    ];
    let bound = given.bind("replace", names, 0)?;
    let mut parts = before;
    let mut zone = of.zone;
    for (n, value) in bound.into_iter().enumerate() {
        let Some(value) = value else {
            continue;
        };
        if is_date && n > 2 {
            return Err(Fault::wrong_type(
                "replace() got an unexpected keyword argument",
            ));
        }
        match parts.get_mut(n) {
            Some(part) => {
                *part =
                    crate::checks::whole(&value).ok_or_else(|| crate::checks::not_whole(&value))?;
            }
            None if n == 7 => zone = zone_of(&value)?,
            None => {}
        }
    }
    build(parts, zone)
}
