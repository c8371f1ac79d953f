//! Durations as ISO 8601 writes them: `P1M` is a month, however long that is.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::{Moment, Span, add_to_date};
use crate::error::{Fallible, Fault};

/// Years and months next to a span of exact length.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) years: f64,
    pub(crate) months: f64,
    pub(crate) span: Span,
}

/// What `duration(…)` gives.
pub(crate) enum Duration {
    Span(Span),
    Period(Period),
}

impl Period {
    pub(crate) fn plus(&self, other: &Self, sign: f64) -> Fallible<Self> {
        Ok(Self {
            years: self.years + sign * other.years,
            months: self.months + sign * other.months,
            span: Span::micros(self.span.as_micros() + sign as i128 * other.span.as_micros())?,
        })
    }

    pub(crate) fn times(&self, factor: i64) -> Fallible<Self> {
        let micros = self.span.as_micros().checked_mul(i128::from(factor));
        Ok(Self {
            years: self.years * factor as f64,
            months: self.months * factor as f64,
            span: Span::micros(micros.unwrap_or(i128::MAX))?,
        })
    }

    pub(crate) fn is_equal(&self, other: &Self) -> bool {
        self.years * 12.0 + self.months == other.years * 12.0 + other.months
            && self.span == other.span
    }

    pub(crate) fn is_span(&self, span: &Span) -> bool {
        self.years == 0.0 && self.months == 0.0 && self.span == *span
    }

    /// The day that is so many years and months away, or the last of its month.
    fn moved(&self, date: Date, sign: f64) -> Fallible<Date> {
        if self.years.fract() != 0.0 || self.months.fract() != 0.0 {
            return Err(Fault::value(
                "fractional years or months not supported for date calculations",
            ));
        }
        let month = f64::from(date.month()) + sign * self.months - 1.0;
        let year = f64::from(date.year()) + sign * self.years + (month / 12.0).floor();
        let month = month.rem_euclid(12.0) as i8 + 1;
        if !(1.0..=9999.0).contains(&year) {
            return Err(Fault::value(format!("year {year} is out of range")));
        }
        let first = Date::new(year as i16, month, 1)
            .map_err(|_| Fault::value(format!("year {year} is out of range")))?;
        Date::new(year as i16, month, date.day().min(first.days_in_month()))
            .map_err(|error| Fault::value(error.to_string()))
    }

    fn span_with(&self, sign: f64) -> Span {
        Span(self.span.as_micros() * sign as i128)
    }

    /// A date plus (`1.0`) or minus (`-1.0`) this.
    pub(crate) fn to_date(&self, date: Date, sign: f64) -> Fallible<Date> {
        let moved = self.moved(date, sign)?;
        if sign < 0.0 {
            // Python takes only the whole days of the difference.
            let (days, ..) = self.span.parts();
            return add_to_date(moved, Span::seconds(-days * 86_400));
        }
        add_to_date(moved, self.span_with(sign))
    }

    /// A point in time plus (`1.0`) or minus (`-1.0`) this.
    pub(crate) fn to_moment(&self, moment: &Moment, sign: f64) -> Fallible<Moment> {
        let date = self.moved(moment.civil.date(), sign)?;
        Moment::new(date.to_datetime(moment.civil.time()), moment.zone).plus(self.span_with(sign))
    }

    pub(crate) fn write(&self, out: &mut String) {
        if self.years != 0.0 {
            _ = write!(out, "{} years, ", self.years.trunc());
        }
        if self.months != 0.0 {
            let plural = if self.months <= 1.0 { "" } else { "s" };
            _ = write!(out, "{} month{plural}, ", self.months.trunc());
        }
        self.span.write(out);
    }

    pub(crate) fn write_repr(&self, out: &mut String) {
        let (days, seconds, micros) = self.span.parts();
        _ = write!(
            out,
            "isodate.duration.Duration({days}, {seconds}, {micros}, years={}, months={})",
            self.years.trunc(),
            self.months.trunc()
        );
    }
}

/// Reads `P1Y2M3W4DT5H6M7.5S`.
pub(crate) fn parse(text: &str) -> Fallible<Duration> {
    let fail = || Fault::failed(format!("Unable to parse duration string {text:?}"));
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let rest = rest.strip_prefix('P').ok_or_else(fail)?;
    if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return Err(fail());
    }
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    let mut amounts = [0.0; 7];
    fn read(mut text: &str, units: &[(char, usize)], amounts: &mut [f64; 7]) -> Option<()> {
        let mut units = units.iter();
        while !text.is_empty() {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
            let (number, rest) = text.split_at_checked(end)?;
            let unit = rest.chars().next()?;
            let (_, place) = units.find(|(known, _)| *known == unit)?;
            let number = number.replace(',', ".");
            let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
            if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
                return None;
            }
            *amounts.get_mut(*place)? = number.parse().ok()?;
            text = rest.get(unit.len_utf8()..)?;
        }
        Some(())
    }
    read(
        date,
        &[('Y', 0), ('M', 1), ('W', 2), ('D', 3)],
        &mut amounts,
    )
    .ok_or_else(fail)?;
    if let Some(time) = time {
        read(time, &[('H', 4), ('M', 5), ('S', 6)], &mut amounts).ok_or_else(fail)?;
    }
    let [years, months, weeks, days, hours, minutes, seconds] = amounts;
    let micros =
        ((weeks * 7.0 + days) * 86_400.0 + hours * 3600.0 + minutes * 60.0) * 1e6 + seconds * 1e6;
    let sign = if negative { -1.0 } else { 1.0 };
    let span = Span::from_float(sign * micros)?;
    if years == 0.0 && months == 0.0 {
        return Ok(Duration::Span(span));
    }
    Ok(Duration::Period(Period {
        years: sign * years,
        months: sign * months,
        span,
    }))
}
