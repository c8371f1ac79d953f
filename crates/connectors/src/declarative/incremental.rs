//! `DatetimeBasedCursor`: read only what changed since, in windows.

use jiff::{Span, Timestamp};
use model::path::FieldPath;
use model::value::Value;

use super::datetime;
use super::node::{Kind, View};
use super::path;
use super::requester::{Inject, text_of};
use super::template::{Scope, Template, Templates};
use crate::{Error, Result};

/// Most windows that one read is cut into.
const MOST_WINDOWS: usize = 100_000;

/// A cursor over points in time.
#[derive(Clone, Debug)]
pub struct DatetimeCursor {
    /// The field that says when a record changed.
    pub field: FieldPath,
    format: String,
    record_formats: Vec<String>,
    start: Bound,
    end: Option<Bound>,
    step: Option<Template>,
    granularity: Option<Span>,
    lookback: Option<Template>,
    start_option: Option<Inject>,
    end_option: Option<Inject>,
    /// The name of the window's start in `stream_slice`.
    pub start_name: String,
    /// The name of the window's end in `stream_slice`.
    pub end_name: String,
}

/// `MinMaxDatetime`, or a text that is one.
#[derive(Clone, Debug)]
struct Bound {
    value: Template,
    format: Option<String>,
    earliest: Option<Template>,
    latest: Option<Template>,
}

/// A window of time that is read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub start: Timestamp,
    /// To here.
    pub end: Timestamp,
}

impl DatetimeCursor {
    /// From the file.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        if view.component()? != "DatetimeBasedCursor" {
            return Err(view.unknown_component(&["DatetimeBasedCursor"]));
        }
        for (name, why) in [
            ("is_data_feed", "feeds that are sorted newest first"),
            ("is_client_side_incremental", "filtering on our side"),
            ("clamping", "clamped windows"),
        ] {
            if let Some(member) = view.get(name)
                && !member.node().is_falsy()
            {
                return Err(member.fail(
                    format!("`{name}` ({why}) is not supported yet"),
                    "a cursor without it",
                ));
            }
        }
        let field = view.require("cursor_field", "the field that says when a record changed")?;
        let format = view.require("datetime_format", "such as %Y-%m-%dT%H:%M:%SZ")?;
        let format_text = format.text()?.to_owned();
        datetime::format(Timestamp::UNIX_EPOCH, &format_text)
            .map_err(|problem| format.fail(problem, "such as %Y-%m-%dT%H:%M:%SZ"))?;
        let mut record_formats = match view.get("cursor_datetime_formats") {
            Some(formats) => formats.texts()?,
            None => Vec::new(),
        };
        record_formats.push(format_text.clone());
        let step = view
            .get("step")
            .map(|step| templates.compile(&step, path::NAMES))
            .transpose()?;
        let granularity = view
            .get("cursor_granularity")
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
        let mut bound = |name: &str| -> Result<Option<Bound>> {
            let Some(view) = view.get(name) else {
                return Ok(None);
            };
            if let Kind::Text(_) = view.node().kind {
                return Ok(Some(Bound {
                    value: templates.compile(&view, path::NAMES)?,
                    format: None,
                    earliest: None,
                    latest: None,
                }));
            }
            let value = view.require("datetime", "a point in time")?;
            let mut part = |name: &str| -> Result<Option<Template>> {
                view.get(name)
                    .filter(|part| !part.node().is_falsy())
                    .map(|part| templates.compile(&part, path::NAMES))
                    .transpose()
            };
            let (earliest, latest) = (part("min_datetime")?, part("max_datetime")?);
            Ok(Some(Bound {
                value: templates.compile(&value, path::NAMES)?,
                format: view
                    .text_of("datetime_format")?
                    .filter(|format| !format.is_empty())
                    .map(str::to_owned),
                earliest,
                latest,
            }))
        };
        let start = bound("start_datetime")?.ok_or_else(|| {
            view.fail(
                "`start_datetime` is missing",
                "the point in time before which nothing is read",
            )
        })?;
        let end = bound("end_datetime")?;
        let lookback = view
            .get("lookback_window")
            .map(|lookback| templates.compile(&lookback, path::NAMES))
            .transpose()?;
        let mut option = |name: &str| -> Result<Option<Inject>> {
            view.get(name)
                .map(|option| Inject::compile(templates, &option))
                .transpose()
        };
        let start_option = option("start_time_option")?;
        let end_option = option("end_time_option")?;
        Ok(Self {
            field: path_of(&field)?,
            format: format_text,
            record_formats,
            start,
            end,
            step,
            granularity,
            lookback,
            start_option,
            end_option,
            start_name: view
                .text_of("partition_field_start")?
                .unwrap_or("start_time")
                .to_owned(),
            end_name: view
                .text_of("partition_field_end")?
                .unwrap_or("end_time")
                .to_owned(),
        })
    }

    fn moment(&self, templates: &Templates, scope: &Scope, bound: &Bound) -> Result<Timestamp> {
        let read = |template: &Template| -> Result<Timestamp> {
            let text = template.render(templates, scope)?;
            let format = bound.format.as_deref().unwrap_or(&self.format);
            datetime::parse(&text, format)
                .or_else(|| datetime::parse_iso(&text))
                .ok_or_else(|| {
                    template.fail(format!("`{text}` is no point in time as {format} has it"))
                })
        };
        let mut value = read(&bound.value)?;
        if let Some(earliest) = &bound.earliest {
            value = value.max(read(earliest)?);
        }
        if let Some(latest) = &bound.latest {
            value = value.min(read(latest)?);
        }
        Ok(value)
    }

    /// The windows to read. `since` is how far it was read before.
    pub fn windows(
        &self,
        templates: &Templates,
        scope: &Scope,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Vec<Window>> {
        let earliest = self.moment(templates, scope, &self.start)?;
        let end = match &self.end {
            Some(end) => self.moment(templates, scope, end)?.min(now),
            None => now,
        };
        let span = |template: &Option<Template>| -> Result<Option<Span>> {
            let Some(template) = template else {
                return Ok(None);
            };
            let text = template.render(templates, scope)?;
            if text.trim().is_empty() {
                return Ok(None);
            }
            match datetime::duration(&text) {
                Some(span) => Ok(Some(span)),
                None => Err(template.fail(format!("`{text}` is no duration such as PT5M or P1D"))),
            }
        };
        let lookback = span(&self.lookback)?;
        let mut start = match since {
            None => earliest,
            Some(since) => {
                // What another process wrote late, with an earlier time, is read again.
                let overlapped = lookback
                    .and_then(|lookback| datetime::moved(since, -lookback))
                    .unwrap_or(since);
                overlapped.max(earliest)
            }
        };
        let (Some(step), Some(granularity)) = (span(&self.step)?, self.granularity) else {
            return Ok(vec![Window {
                start,
                end: end.max(start),
            }]);
        };
        let mut windows = Vec::new();
        loop {
            let next = datetime::moved(start, step).unwrap_or(Timestamp::MAX);
            if next <= start || windows.len() >= MOST_WINDOWS {
                let template = self.step.as_ref();
                return Err(template.map_or(Error::Cancelled, |step| {
                    step.fail("it makes more than 100,000 windows".into())
                }));
            }
            if next >= end {
                windows.push(Window {
                    start,
                    end: end.max(start),
                });
                return Ok(windows);
            }
            windows.push(Window {
                start,
                end: datetime::moved(next, -granularity).unwrap_or(next),
            });
            start = next;
        }
    }

    /// A point in time as this stream writes it.
    pub fn written(&self, moment: Timestamp) -> String {
        datetime::format(moment, &self.format).unwrap_or_else(|_| moment.to_string())
    }

    /// Reads what [`Self::written`] wrote, or what another version of the file did.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        self.record_formats
            .iter()
            .find_map(|format| datetime::parse(text, format))
            .or_else(|| datetime::parse_iso(text))
    }

    /// When a record changed.
    pub fn of_record(&self, record: &Value) -> Option<Timestamp> {
        match record.at(&self.field)? {
            Value::Null => None,
            Value::Text(text) => self.read(text),
            other => self.read(&text_of(other)),
        }
    }

    /// Puts a window into a request.
    pub fn apply(
        &self,
        templates: &Templates,
        scope: &Scope,
        request: &mut crate::http::RequestParts,
        window: Window,
    ) -> Result<()> {
        for (option, moment) in [
            (&self.start_option, window.start),
            (&self.end_option, window.end),
        ] {
            if let Some(option) = option {
                let text = self.written(moment);
                option.apply(templates, scope, request, &Value::text(text))?;
            }
        }
        Ok(())
    }
}

/// A field's path in the other format: a name, with dots for nesting.
pub fn path_of(view: &View<'_>) -> Result<FieldPath> {
    let text = view.text()?;
    text.parse()
        .map_err(|error: model::path::PathError| view.fail(error.to_string(), "a field's name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;
    use model::clock::Clock;

    fn windows(yaml: &str, since: Option<&str>) -> Vec<String> {
        let yaml = format!(
            "type: DatetimeBasedCursor\ncursor_field: u\ndatetime_format: '%Y-%m-%d'\nstart_datetime: '2024-01-01'\n{yaml}"
        );
        let node = Node::parse("x.yaml", &yaml).unwrap();
        let mut templates = Templates::default();
        let cursor = DatetimeCursor::compile(&mut templates, &View::root("x.yaml", &node)).unwrap();
        let scope = Scope::new(&minijinja::Value::from(()), &Clock::manual(0));
        cursor
            .windows(
                &templates,
                &scope,
                since.map(|text| datetime::parse_iso(text).unwrap()),
                datetime::parse_iso("2024-01-10").unwrap(),
            )
            .unwrap()
            .into_iter()
            .map(|window| {
                format!(
                    "{}..{}",
                    cursor.written(window.start),
                    cursor.written(window.end)
                )
            })
            .collect()
    }

    #[test]
    fn windows_cover_the_time_without_gaps() {
        assert_eq!(windows("", None), ["2024-01-01..2024-01-10"]);
        assert_eq!(windows("", Some("2024-01-05")), ["2024-01-05..2024-01-10"]);
        assert_eq!(
            windows("lookback_window: P2D\n", Some("2024-01-05")),
            ["2024-01-03..2024-01-10"]
        );
        assert_eq!(
            windows("lookback_window: P1Y\n", Some("2024-01-05")),
            ["2024-01-01..2024-01-10"],
            "never before the start"
        );
        assert_eq!(
            windows("step: P4D\ncursor_granularity: P1D\n", None),
            [
                "2024-01-01..2024-01-04",
                "2024-01-05..2024-01-08",
                "2024-01-09..2024-01-10"
            ]
        );
    }
}
