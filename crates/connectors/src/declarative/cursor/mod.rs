//! How far a stream has been read: `DatetimeBasedCursor` and `IncrementingCountCursor`.
//!
//! A cursor lives on a *scale*: points in time or whole numbers, both kept as an `i64` (microseconds of UTC for
//! time). [`CursorSpec`] is what the file says; [`CursorSpec::begin`] fills in the settings and gives the [`Scale`]
//! and bounds that [`window::Windows`] works with; [`partitions::Partitions`] keeps one of these for every partition.

pub mod partitions;
pub mod window;

use jiff::{Span, Timestamp};
use model::row::Row;
use model::value::Value;
use template::{Env, Scope};

use super::datetime;
use super::node::{Kind, View};
use super::options::{Options, RequestOption};
use super::text::{Condition, Text, python_text};
use crate::Result;

/// What a sync reads again before the last state where the file does not say.
const OVERLAP_MINUTES: i64 = 5;

/// A point of a scale: microseconds of UTC, or a whole number.
pub type Point = i64;

/// A cursor of the file.
#[derive(Clone, Debug)]
pub struct CursorSpec {
    field: Text,
    kind: Kinds,
    start_option: Option<RequestOption>,
    end_option: Option<RequestOption>,
    start_name: Option<Text>,
    end_name: Option<Text>,
    /// Records come newest first; reading ends at what is known.
    pub is_data_feed: bool,
    /// The platform cannot filter: records that are known are left out here.
    pub is_client_side: bool,
    /// One cursor for all partitions.
    pub is_global: bool,
    /// A catalogue may name another field.
    pub takes_catalogue_field: bool,
    is_compare_strictly: bool,
}

#[derive(Clone, Debug)]
enum Kinds {
    Time(Box<TimeSpec>),
    Count { start: Option<Text> },
}

#[derive(Clone, Debug)]
struct TimeSpec {
    format: String,
    record_formats: Vec<String>,
    start: Bound,
    end: Option<Bound>,
    step: Option<Text>,
    granularity: Option<Span>,
    lookback: Option<Text>,
    clamping: Option<(Text, Option<String>)>,
}

/// `MinMaxDatetime`, or a text that is one.
#[derive(Clone, Debug)]
struct Bound {
    value: Text,
    format: Option<String>,
    earliest: Option<Text>,
    latest: Option<Text>,
}

/// A scale with its ways of writing and reading points.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// Points in time.
    Time {
        /// How states and requests have them.
        format: String,
        /// How records may have them, in the order of trying.
        record_formats: Vec<String>,
    },
    /// Whole numbers.
    Count,
}

/// A cursor with the settings of a connection filled in.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The record's field, a name with dots for nesting.
    pub field: String,
    /// The scale that it lives on.
    pub scale: Scale,
    /// Where reading begins at the earliest.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
    /// Windows are this long.
    pub step: Option<Span>,
    /// The smallest difference that the platform knows.
    pub granularity: Option<Span>,
    /// What is read again before the last state.
    pub lookback: Option<Span>,
    /// What bounds of windows are rounded to.
    pub clamping: Option<Clamping>,
    /// Names of the window's bounds in `stream_slice`; none where there are no windows.
    pub names: Option<(String, String)>,
    /// A window whose ends are equal is not asked for.
    pub is_compare_strictly: bool,
}

/// What bounds of windows are rounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamping {
    /// Midnight.
    Day,
    /// Midnight of a day of the week.
    Week(jiff::civil::Weekday),
    /// Midnight of the first.
    Month,
}

impl CursorSpec {
    /// The cursor's field as the file has it, which may be a template.
    pub fn field_text(&self) -> &str {
        self.field.source()
    }

    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let field = Text::compile(
            &view.require("cursor_field", "the field that says when a record changed")?,
        )?;
        let flag = |name: &str| -> Result<bool> {
            Ok(matches!(
                Condition::member(view, name, false)?,
                Condition::Fixed(true)
            ))
        };
        let kind = match view.component()? {
            "DatetimeBasedCursor" => Kinds::Time(Box::new(TimeSpec::compile(view)?)),
            "IncrementingCountCursor" => Kinds::Count {
                start: Text::member(view, "start_value")?,
            },
            _ => {
                return Err(
                    view.unknown_component(&["DatetimeBasedCursor", "IncrementingCountCursor"])
                );
            }
        };
        Ok(Self {
            field,
            kind,
            start_option: RequestOption::member(view, "start_time_option")?
                .or(RequestOption::member(view, "start_value_option")?),
            end_option: RequestOption::member(view, "end_time_option")?,
            start_name: Text::member(view, "partition_field_start")?,
            end_name: Text::member(view, "partition_field_end")?,
            is_data_feed: flag("is_data_feed")?,
            is_client_side: flag("is_client_side_incremental")?,
            is_global: flag("global_substream_cursor")?,
            takes_catalogue_field: flag("allow_catalog_defined_cursor_field")?,
            is_compare_strictly: flag("is_compare_strictly")?,
        })
    }

    /// With the settings in `scope` filled in.
    pub fn begin(&self, scope: &Scope<'_>, env: &Env) -> Result<Cursor> {
        let field = self.field.printed(scope, env)?;
        let name = |text: &Option<Text>, default: &str| -> Result<String> {
            match text {
                Some(text) => text.printed(scope, env),
                None => Ok(default.to_owned()),
            }
        };
        match &self.kind {
            Kinds::Count { start } => {
                let start = match start {
                    Some(text) => {
                        let said = text.printed(scope, env)?;
                        said.trim()
                            .parse()
                            .map_err(|_| text.fail(format!("`{said}` is no whole number")))?
                    }
                    None => 0,
                };
                Ok(Cursor {
                    field,
                    scale: Scale::Count,
                    start,
                    end: Point::MAX,
                    step: None,
                    granularity: None,
                    lookback: None,
                    clamping: None,
                    names: None,
                    is_compare_strictly: false,
                })
            }
            Kinds::Time(spec) => {
                let now = env.now().as_microsecond();
                let clamping = spec.clamping(scope, env)?;
                let mut end = match &spec.end {
                    Some(end) => spec.moment(scope, env, end)?,
                    None => now,
                };
                if let Some(clamping) = clamping {
                    let unit = spec.granularity.unwrap_or_else(|| match clamping {
                        Clamping::Day => Span::new().seconds(1),
                        Clamping::Week(_) | Clamping::Month => Span::new().days(1),
                    });
                    end = moved(clamping.floor(end), unit, true);
                }
                Ok(Cursor {
                    field,
                    scale: Scale::Time {
                        format: spec.format.clone(),
                        record_formats: spec.record_formats.clone(),
                    },
                    start: spec.moment(scope, env, &spec.start)?,
                    end,
                    step: spec.span(&spec.step, scope, env)?,
                    granularity: spec.granularity,
                    lookback: spec.span(&spec.lookback, scope, env)?,
                    clamping,
                    names: Some((
                        name(&self.start_name, "start_time")?,
                        name(&self.end_name, "end_time")?,
                    )),
                    is_compare_strictly: self.is_compare_strictly,
                })
            }
        }
    }

    /// Puts a window's bounds into a request.
    pub fn options(
        &self,
        bounds: (Option<&Value>, Option<&Value>),
        scope: &Scope<'_>,
        env: &Env,
        options: &mut Options,
    ) -> Result<()> {
        for (option, value) in [(&self.start_option, bounds.0), (&self.end_option, bounds.1)] {
            if let (Some(option), Some(value)) = (option, value) {
                option.put(options, value.clone(), scope, env)?;
            }
        }
        Ok(())
    }
}

impl TimeSpec {
    fn compile(view: &View<'_>) -> Result<Self> {
        let format = view.require("datetime_format", "such as %Y-%m-%dT%H:%M:%SZ")?;
        let format_text = format.text()?.to_owned();
        datetime::format(Timestamp::UNIX_EPOCH, &format_text)
            .map_err(|problem| format.fail(problem, "such as %Y-%m-%dT%H:%M:%SZ"))?;
        let mut record_formats = match view.get("cursor_datetime_formats") {
            Some(formats) => formats.texts()?,
            None => Vec::new(),
        };
        record_formats.push(format_text.clone());
        let step = Text::member(view, "step")?.filter(|step| !step.source().is_empty());
        let granularity = view
            .get("cursor_granularity")
            .filter(|granularity| !granularity.node().is_falsy())
            .map(|granularity| {
                datetime::duration(granularity.text()?)
                    .ok_or_else(|| granularity.fail("this is no duration", "such as PT1S or P1D"))
            })
            .transpose()?;
        if step.is_some() != granularity.is_some() {
            return Err(view.fail(
                "only one of step and cursor_granularity is there",
                "both, or none of them",
            ));
        }
        let start = Bound::member(view, "start_datetime")?.ok_or_else(|| {
            view.fail(
                "`start_datetime` is missing",
                "the point in time before which nothing is read",
            )
        })?;
        let clamping = view
            .get("clamping")
            .map(|clamping| -> Result<_> {
                let target = clamping.require("target", "DAY, WEEK or MONTH")?;
                let weekday = clamping
                    .get("target_details")
                    .and_then(|details| details.get("weekday"))
                    .map(|day| day.text().map(str::to_owned))
                    .transpose()?;
                Ok((Text::compile(&target)?, weekday))
            })
            .transpose()?;
        Ok(Self {
            format: format_text,
            record_formats,
            start,
            end: Bound::member(view, "end_datetime")?,
            step,
            granularity,
            lookback: Text::member(view, "lookback_window")?,
            clamping,
        })
    }

    fn clamping(&self, scope: &Scope<'_>, env: &Env) -> Result<Option<Clamping>> {
        use jiff::civil::Weekday;
        let Some((target, weekday)) = &self.clamping else {
            return Ok(None);
        };
        Ok(Some(match target.printed(scope, env)?.as_str() {
            "DAY" => Clamping::Day,
            "MONTH" => Clamping::Month,
            "WEEK" => Clamping::Week(match weekday.as_deref() {
                Some("MONDAY") => Weekday::Monday,
                Some("TUESDAY") => Weekday::Tuesday,
                Some("WEDNESDAY") => Weekday::Wednesday,
                Some("THURSDAY") => Weekday::Thursday,
                Some("FRIDAY") => Weekday::Friday,
                Some("SATURDAY") => Weekday::Saturday,
                Some("SUNDAY") => Weekday::Sunday,
                _ => return Err(target.fail("WEEK needs target_details with a weekday".into())),
            }),
            other => {
                return Err(target.fail(format!("`{other}` is none of DAY, WEEK and MONTH")));
            }
        }))
    }

    fn moment(&self, scope: &Scope<'_>, env: &Env, bound: &Bound) -> Result<Point> {
        let format = bound.format.as_deref().unwrap_or(&self.format);
        let read = |text: &Text| -> Result<Option<Point>> {
            let said = text.printed(scope, env)?;
            if said.is_empty() {
                return Ok(None);
            }
            datetime::parse(&said, format)
                .or_else(|| datetime::parse_iso(&said))
                .map(|moment| Some(moment.as_microsecond()))
                .ok_or_else(|| {
                    text.fail(format!("`{said}` is no point in time as {format} has it"))
                })
        };
        let mut value = read(&bound.value)?
            .ok_or_else(|| bound.value.fail("it gives no point in time".into()))?;
        if let Some(earliest) = &bound.earliest
            && let Some(earliest) = read(earliest)?
        {
            value = value.max(earliest);
        }
        if let Some(latest) = &bound.latest
            && let Some(latest) = read(latest)?
        {
            value = value.min(latest);
        }
        Ok(value)
    }

    fn span(&self, text: &Option<Text>, scope: &Scope<'_>, env: &Env) -> Result<Option<Span>> {
        let Some(text) = text else {
            return Ok(None);
        };
        let said = python_text(&text.eval_or_null(scope, env)?);
        match said.trim() {
            "" | "None" => Ok(None),
            said => match datetime::duration(said) {
                Some(span) => Ok(Some(span)),
                None => Err(text.fail(format!("`{said}` is no duration such as PT5M or P1D"))),
            },
        }
    }
}

impl Bound {
    fn member(view: &View<'_>, name: &str) -> Result<Option<Self>> {
        let Some(view) = view.get(name).filter(|view| !view.node().is_falsy()) else {
            return Ok(None);
        };
        if !matches!(view.node().kind, Kind::Map(_)) {
            return Ok(Some(Self {
                value: Text::compile(&view)?,
                format: None,
                earliest: None,
                latest: None,
            }));
        }
        Ok(Some(Self {
            value: Text::compile(&view.require("datetime", "a point in time")?)?,
            format: view
                .text_of("datetime_format")?
                .filter(|format| !format.is_empty())
                .map(str::to_owned),
            earliest: Text::member(&view, "min_datetime")?,
            latest: Text::member(&view, "max_datetime")?,
        }))
    }
}

impl Scale {
    /// A point as states and requests have it.
    pub fn write(&self, point: Point) -> Value {
        match self {
            Self::Count => Value::Int(point),
            Self::Time { format, .. } => {
                let moment = Timestamp::from_microsecond(point).unwrap_or(Timestamp::UNIX_EPOCH);
                // Formats are tried when the file is read.
                Value::from(datetime::format(moment, format).unwrap_or_default())
            }
        }
    }

    /// A point as records and states have it; none when it is not there or makes no sense.
    pub fn read(&self, value: &Value) -> Option<Point> {
        match self {
            Self::Count => match value {
                Value::Int(n) => Some(*n),
                Value::Text(text) => text.trim().parse().ok(),
                Value::Decimal(decimal) => Some(decimal.to_f64() as i64),
                _ => None,
            },
            Self::Time { record_formats, .. } => {
                let printed;
                let text = match value {
                    Value::Null => return None,
                    Value::Text(text) => text.as_str(),
                    other => {
                        printed = python_text(other);
                        printed.as_str()
                    }
                };
                self.read_text(text, record_formats)
            }
        }
    }

    fn read_text(&self, text: &str, formats: &[String]) -> Option<Point> {
        let point = self.point_of(text, formats)?;
        // A state without a zone means the platform's own clock; where that is behind UTC, its day counts: what
        // comes later on the same day must not be skipped.
        match (self, datetime::behind_utc(text)) {
            (Self::Time { format, .. }, Some(behind)) if !datetime::has_zone(format) => {
                Some(point.saturating_sub(behind))
            }
            _ => Some(point),
        }
    }

    fn point_of(&self, text: &str, formats: &[String]) -> Option<Point> {
        formats
            .iter()
            .find_map(|format| datetime::parse(text, format))
            .or_else(|| datetime::parse_iso(text))
            .map(Timestamp::as_microsecond)
    }
}

impl Cursor {
    /// Reads the last minutes before the state again, unless the file says how much is read again: records may be
    /// written with a time that is over already, and several with the same.
    pub fn overlap(&mut self) {
        if self.lookback.is_none() && matches!(self.scale, Scale::Time { .. }) {
            self.lookback = Some(Span::new().minutes(OVERLAP_MINUTES));
        }
    }

    /// Where a record stands on the scale.
    pub fn of_record(&self, row: &Row) -> Option<Point> {
        if let Scale::Time { record_formats, .. } = &self.scale
            && let Some(text) = row.raw_text(&self.field)
        {
            return self.scale.read_text(text, record_formats);
        }
        if let Some(value) = row.get(&self.field) {
            return self.scale.read(&value);
        }
        // `meta.updated` is a way, unless there is a member of that very name.
        let (first, rest) = self.field.split_once('.')?;
        let mut here = row.get(first)?;
        for step in rest.split('.') {
            here = match here {
                Value::Object(mut object) => object.remove(step)?,
                _ => return None,
            };
        }
        self.scale.read(&here)
    }

    /// The point that a state document stands for, whatever its form; none where it names none.
    pub fn of_state(&self, state: &Value) -> Option<Point> {
        let object = state.as_object()?;
        let read = |object: &model::value::Object, name: &str| {
            object.get(name).and_then(|value| self.scale.read(value))
        };
        if let Some(Value::List(slices)) = object.get("slices") {
            let first = slices.first()?.as_object()?;
            return read(first, "most_recent_cursor_value").or_else(|| read(first, "end"));
        }
        read(object, &self.field).or_else(|| read(object.get("state")?.as_object()?, &self.field))
    }

    /// A point `span` further on or back.
    pub fn moved(&self, point: Point, span: Span, back: bool) -> Point {
        moved(point, span, back)
    }

    /// The next point after `point`, for telling whether windows touch.
    pub fn next(&self, point: Point) -> Point {
        match (&self.scale, self.granularity) {
            (Scale::Count, _) => point.saturating_add(1),
            (Scale::Time { .. }, Some(granularity)) => moved(point, granularity, false),
            (Scale::Time { .. }, None) => point.saturating_add(1000),
        }
    }

    /// The point before `point`, on the same terms.
    pub fn previous(&self, point: Point) -> Point {
        match (&self.scale, self.granularity) {
            (Scale::Count, _) => point.saturating_sub(1),
            (Scale::Time { .. }, Some(granularity)) => moved(point, granularity, true),
            (Scale::Time { .. }, None) => point.saturating_sub(1000),
        }
    }

    /// Where the first half of a window ends and the second one begins; none where it cannot be halved.
    pub fn middle(
        &self,
        start: Point,
        end: Point,
        smallest: Option<Span>,
    ) -> Option<(Point, Point)> {
        let unit = match &self.scale {
            Scale::Count => 1,
            Scale::Time { .. } => moved(start, self.granularity?, false).checked_sub(start)?,
        };
        let length = end.checked_sub(start).filter(|length| *length > 0)?;
        if let Some(smallest) = smallest
            && length <= moved(start, smallest, false).checked_sub(start)?
        {
            return None;
        }
        if unit <= 0 {
            return None;
        }
        let half = (length / unit + 1) / 2;
        let next = start.checked_add(half.checked_mul(unit)?)?;
        let middle = next - unit;
        (start <= middle && middle < next && next <= end).then_some((middle, next))
    }

    /// Rounded up, where the file says so.
    pub fn clamped(&self, point: Point) -> Point {
        self.clamping
            .map_or(point, |clamping| clamping.ceiling(point))
    }
}

fn moved(point: Point, span: Span, back: bool) -> Point {
    let span = if back { -span } else { span };
    Timestamp::from_microsecond(point)
        .ok()
        .and_then(|moment| datetime::moved(moment, span))
        .map_or(if back { Point::MIN } else { Point::MAX }, |moment| {
            moment.as_microsecond()
        })
}

impl Clamping {
    fn floor(self, point: Point) -> Point {
        self.rounded(point, false)
    }

    fn ceiling(self, point: Point) -> Point {
        self.rounded(point, true)
    }

    fn rounded(self, point: Point, up: bool) -> Point {
        let Ok(moment) = Timestamp::from_microsecond(point) else {
            return point;
        };
        let zoned = moment.to_zoned(jiff::tz::TimeZone::UTC);
        let date = zoned.date();
        let midnight = date.at(0, 0, 0, 0);
        let rounded = match self {
            Self::Day if up && zoned.datetime() != midnight => date.tomorrow(),
            Self::Day => Ok(date),
            Self::Month if date.day() == 1 => Ok(date),
            Self::Month if up => date.last_of_month().tomorrow(),
            Self::Month => Ok(date.first_of_month()),
            Self::Week(weekday) => {
                let ahead = (i64::from(weekday.to_monday_zero_offset())
                    - i64::from(date.weekday().to_monday_zero_offset()))
                .rem_euclid(7);
                let days = if up || ahead == 0 { ahead } else { ahead - 7 };
                date.checked_add(Span::new().days(days))
            }
        };
        rounded
            .ok()
            .and_then(|date| jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok())
            .map_or(point, Timestamp::as_microsecond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn cursor(yaml: &str) -> Result<Cursor> {
        let yaml = format!("type: DatetimeBasedCursor\ncursor_field: u\n{yaml}");
        let node = Node::parse("x.yaml", &yaml)?;
        let now = "2024-01-10T12:00:00Z".parse().unwrap();
        CursorSpec::compile(&View::root("x.yaml", &node))?.begin(&Scope::new(), &Env::frozen(now))
    }

    #[test]
    fn bounds_are_cut_to_the_earliest_and_latest_that_are_allowed() {
        fn check(yaml: &str, start: &str) {
            let cursor = cursor(yaml).unwrap();
            assert_eq!(
                cursor.scale.write(cursor.start),
                Value::text(start),
                "{yaml}"
            );
        }
        let format = "datetime_format: '%Y-%m-%d'";
        check(
            &format!("{format}\nstart_datetime: '2024-01-01'"),
            "2024-01-01",
        );
        check(
            &format!(
                "{format}\nstart_datetime: {{datetime: '2024-01-01', min_datetime: '2024-01-05'}}"
            ),
            "2024-01-05",
        );
        check(
            &format!(
                "{format}\nstart_datetime: {{datetime: '2024-03-01T00:00:00Z', datetime_format: '%Y-%m-%dT%H:%M:%SZ', max_datetime: '2024-02-01T00:00:00Z'}}"
            ),
            "2024-02-01",
        );
        assert!(cursor(&format!("{format}\nstart_datetime: nonsense")).is_err());
        assert!(
            cursor(&format!(
                "{format}\nstart_datetime: '2024-01-01'\nstep: P1D"
            ))
            .is_err()
        );
    }

    #[test]
    fn records_are_placed_by_the_formats_that_the_file_lists() {
        let cursor = cursor(
            "datetime_format: '%s'\ncursor_datetime_formats: ['%Y-%m-%dT%H:%M:%S.%f%z', '%ms']\nstart_datetime: '0'",
        )
        .unwrap();
        let row = |text: &str| Row::parse(&bytes::Bytes::copy_from_slice(text.as_bytes())).unwrap();
        for (text, point) in [
            (r#"{"u":"1970-01-01T00:00:01.5Z"}"#, Some(1_500_000)),
            (r#"{"u":"1970-01-01T02:00:00.0+02:00"}"#, Some(0)),
            (r#"{"u":2000}"#, Some(2_000_000)),
            (r#"{"u":null}"#, None),
            (r#"{"u":"soon"}"#, None),
            (r#"{}"#, None),
        ] {
            assert_eq!(cursor.of_record(&row(text)), point, "{text}");
        }
    }

    #[test]
    fn bounds_are_rounded_to_days_weeks_and_months() {
        let point = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        for (clamping, at, down, up) in [
            (
                Clamping::Day,
                "2024-02-29T10:00:00Z",
                "2024-02-29T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                Clamping::Day,
                "2024-02-29T00:00:00Z",
                "2024-02-29T00:00:00Z",
                "2024-02-29T00:00:00Z",
            ),
            (
                Clamping::Month,
                "2024-12-29T10:00:00Z",
                "2024-12-01T00:00:00Z",
                "2025-01-01T00:00:00Z",
            ),
            (
                Clamping::Week(jiff::civil::Weekday::Monday),
                "2024-02-29T10:00:00Z",
                "2024-02-26T00:00:00Z",
                "2024-03-04T00:00:00Z",
            ),
        ] {
            assert_eq!(clamping.floor(point(at)), point(down), "{clamping:?} {at}");
            assert_eq!(clamping.ceiling(point(at)), point(up), "{clamping:?} {at}");
        }
    }
}
