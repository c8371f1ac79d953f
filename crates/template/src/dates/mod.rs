//! Python's dates, times, points in time and durations.

pub(crate) mod iso;
pub(crate) mod period;
pub(crate) mod strftime;
pub(crate) mod strptime;

use std::cmp::Ordering;
use std::fmt::Write as _;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use crate::error::{Fallible, Fault};
pub(crate) use period::Period;

/// `datetime.datetime`: a date and a time, with a zone or without one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) civil: DateTime,
    pub(crate) zone: Option<Zone>,
}

/// A distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Seconds east.
    pub(crate) seconds: i32,
    /// The zone of the `pytz` library, which prints another way.
    pub(crate) is_pytz: bool,
}

impl Zone {
    pub(crate) const UTC: Self = Self {
        seconds: 0,
        is_pytz: false,
    };
    pub(crate) const PYTZ: Self = Self {
        seconds: 0,
        is_pytz: true,
    };

    pub(crate) fn name(self) -> String {
        let mut out = "UTC".to_owned();
        if self.seconds != 0 {
            write_offset(&mut out, self.seconds, true);
        }
        out
    }

    pub(crate) fn repr(self) -> String {
        if self.is_pytz {
            return "<UTC>".to_owned();
        }
        if self.seconds == 0 {
            return "datetime.timezone.utc".to_owned();
        }
        let mut out = "datetime.timezone(".to_owned();
        Span::seconds(i64::from(self.seconds)).write_repr(&mut out);
        out.push(')');
        out
    }
}

/// `+02:00` or `+0200`, with seconds where there are some.
pub(crate) fn write_offset(out: &mut String, seconds: i32, colon: bool) {
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let separator = if colon { ":" } else { "" };
    _ = write!(
        out,
        "{sign}{:02}{separator}{:02}",
        total / 3600,
        total / 60 % 60
    );
    if !total.is_multiple_of(60) {
        _ = write!(out, "{separator}{:02}", total % 60);
    }
}

/// `datetime.timedelta`: microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(i128);

const DAY: i128 = 86_400_000_000;
const MAX_DAYS: i128 = 999_999_999;

impl Span {
    pub(crate) fn micros(micros: i128) -> Fallible<Self> {
        let days = micros.div_euclid(DAY);
        if days.abs() > MAX_DAYS {
            return Err(Fault::overflow(format!(
                "days={days}; must have magnitude <= 999999999"
            )));
        }
        Ok(Self(micros))
    }

    pub(crate) const fn seconds(seconds: i64) -> Self {
        Self(seconds as i128 * 1_000_000)
    }

    /// From a number of microseconds with a fraction, rounded half to even.
    pub(crate) fn from_float(micros: f64) -> Fallible<Self> {
        if micros.is_nan() {
            return Err(Fault::value("cannot convert float NaN to integer"));
        }
        if micros.is_infinite() {
            return Err(Fault::overflow("cannot convert float infinity to integer"));
        }
        Self::micros(micros.round_ties_even() as i128)
    }

    pub(crate) const fn as_micros(self) -> i128 {
        self.0
    }

    pub(crate) fn total_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Days, seconds and microseconds; only the days are ever negative.
    pub(crate) fn parts(self) -> (i64, i64, i64) {
        let rest = self.0.rem_euclid(DAY);
        let part = |n: i128| i64::try_from(n).unwrap_or(i64::MAX);
        (
            part(self.0.div_euclid(DAY)),
            part(rest / 1_000_000),
            part(rest % 1_000_000),
        )
    }

    fn signed(self) -> SignedDuration {
        let seconds = i64::try_from(self.0.div_euclid(1_000_000)).unwrap_or(i64::MAX);
        let nanos = i32::try_from(self.0.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        SignedDuration::new(seconds, nanos)
    }

    pub(crate) fn write(self, out: &mut String) {
        let (days, seconds, micros) = self.parts();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            _ = write!(out, "{days} day{plural}, ");
        }
        _ = write!(
            out,
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
        if micros != 0 {
            _ = write!(out, ".{micros:06}");
        }
    }

    pub(crate) fn write_repr(self, out: &mut String) {
        let (days, seconds, micros) = self.parts();
        let parts: Vec<String> = [
            ("days", days),
            ("seconds", seconds),
            ("microseconds", micros),
        ]
        .into_iter()
        .filter(|(_, n)| *n != 0)
        .map(|(name, n)| format!("{name}={n}"))
        .collect();
        let parts = if parts.is_empty() {
            "0".to_owned()
        } else {
            parts.join(", ")
        };
        _ = write!(out, "datetime.timedelta({parts})");
    }
}

fn out_of_range() -> Box<Fault> {
    Fault::overflow("date value out of range")
}

/// Adds whole days and what is left to a date.
pub(crate) fn add_to_date(date: Date, span: Span) -> Fallible<Date> {
    let days = i64::try_from(span.as_micros().div_euclid(DAY)).map_err(|_| out_of_range())?;
    let hours = days.checked_mul(24).ok_or_else(out_of_range)?;
    date.checked_add(SignedDuration::from_hours(hours))
        .ok()
        .filter(|date| date.year() >= 1)
        .ok_or_else(out_of_range)
}

/// The days between two dates.
pub(crate) fn days_between(later: Date, earlier: Date) -> Span {
    Span(i128::from(later.duration_since(earlier).as_secs()) * 1_000_000)
}

impl Moment {
    pub(crate) const fn new(civil: DateTime, zone: Option<Zone>) -> Self {
        Self { civil, zone }
    }

    /// A point in time in UTC, to the microsecond.
    pub(crate) fn at(instant: jiff::Timestamp, zone: Zone) -> Self {
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        let nanos = civil.subsec_nanosecond() / 1000 * 1000;
        let civil = civil
            .with()
            .subsec_nanosecond(nanos)
            .build()
            .unwrap_or(civil);
        Self::new(civil, Some(zone))
    }

    /// From seconds since 1970.
    pub(crate) fn from_epoch(micros: i128, zone: Option<Zone>) -> Fallible<Self> {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        Self::new(epoch, zone)
            .plus(Span(micros))
            .map_err(|_| Fault::value("year is out of range"))
    }

    pub(crate) fn micros(&self) -> i64 {
        i64::from(self.civil.subsec_nanosecond() / 1000)
    }

    pub(crate) fn plus(&self, span: Span) -> Fallible<Self> {
        self.civil
            .checked_add(span.signed())
            .ok()
            .filter(|civil| civil.year() >= 1)
            .map(|civil| Self::new(civil, self.zone))
            .ok_or_else(out_of_range)
    }

    /// The same point in time in another zone; one without a zone is taken for UTC.
    pub(crate) fn in_zone(&self, zone: Zone) -> Fallible<Self> {
        let here = self.zone.map_or(0, |zone| zone.seconds);
        if here == zone.seconds {
            return Ok(Self::new(self.civil, Some(zone)));
        }
        let moved = self.plus(Span::seconds(i64::from(zone.seconds - here)))?;
        Ok(Self::new(moved.civil, Some(zone)))
    }

    fn absolute(&self) -> i128 {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let since = self.civil.duration_since(epoch);
        since.as_micros() - i128::from(self.zone.map_or(0, |zone| zone.seconds)) * 1_000_000
    }

    /// Microseconds since 1970; one without a zone is taken for UTC.
    pub(crate) fn epoch_micros(&self) -> i128 {
        self.absolute()
    }

    pub(crate) fn timestamp(&self) -> f64 {
        self.absolute() as f64 / 1e6
    }

    /// None where only one has a zone.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.zone.is_some() == other.zone.is_some())
            .then(|| self.absolute().cmp(&other.absolute()))
    }

    pub(crate) fn minus(&self, other: &Self) -> Fallible<Span> {
        if self.zone.is_some() != other.zone.is_some() {
            return Err(Fault::wrong_type(
                "can't subtract offset-naive and offset-aware datetimes",
            ));
        }
        Ok(Span(self.absolute() - other.absolute()))
    }

    /// As `isoformat(separator)`.
    pub(crate) fn write_iso(&self, out: &mut String, separator: char) {
        let date = self.civil.date();
        _ = write!(
            out,
            "{:04}-{:02}-{:02}{separator}",
            date.year(),
            date.month(),
            date.day()
        );
        write_time(out, self.civil.time());
        if let Some(zone) = self.zone {
            write_offset(out, zone.seconds, true);
        }
    }

    pub(crate) fn write_repr(&self, out: &mut String) {
        let civil = self.civil;
        _ = write!(
            out,
            "datetime.datetime({}, {}, {}, {}, {}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute()
        );
        let micros = self.micros();
        if micros != 0 || civil.second() != 0 {
            _ = write!(out, ", {}", civil.second());
        }
        if micros != 0 {
            _ = write!(out, ", {micros}");
        }
        if let Some(zone) = self.zone {
            _ = write!(out, ", tzinfo={}", zone.repr());
        }
        out.push(')');
    }
}

/// `12:34:56`, with microseconds where there are some.
pub(crate) fn write_time(out: &mut String, time: Time) {
    _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    );
    let micros = time.subsec_nanosecond() / 1000;
    if micros != 0 {
        _ = write!(out, ".{micros:06}");
    }
}

pub(crate) fn write_time_repr(out: &mut String, time: Time) {
    _ = write!(out, "datetime.time({}, {}", time.hour(), time.minute());
    let micros = time.subsec_nanosecond() / 1000;
    if micros != 0 || time.second() != 0 {
        _ = write!(out, ", {}", time.second());
    }
    if micros != 0 {
        _ = write!(out, ", {micros}");
    }
    out.push(')');
}

/// A date and time of parts that may be out of range.
pub(crate) fn build(parts: [i64; 7], zone: Option<Zone>) -> Fallible<Moment> {
    let [year, month, day, hour, minute, second, micros] = parts;
    let in_range = |n: i64, from: i64, to: i64, what: &str| {
        if (from..=to).contains(&n) {
            Ok(n)
        } else {
            Err(Fault::value(format!("{what} must be in {from}..{to}")))
        }
    };
    let year = i16::try_from(year)
        .ok()
        .filter(|year| (1..=9999).contains(year))
        .ok_or_else(|| Fault::value(format!("year {year} is out of range")))?;
    let month = in_range(month, 1, 12, "month")? as i8;
    let date = i8::try_from(day)
        .ok()
        .and_then(|day| Date::new(year, month, day).ok())
        .ok_or_else(|| Fault::value("day is out of range for month"))?;
    let time = Time::new(
        in_range(hour, 0, 23, "hour")? as i8,
        in_range(minute, 0, 59, "minute")? as i8,
        in_range(second, 0, 59, "second")? as i8,
        in_range(micros, 0, 999_999, "microsecond")? as i32 * 1000,
    )
    .map_err(|error| Fault::value(error.to_string()))?;
    Ok(Moment::new(date.to_datetime(time), zone))
}
