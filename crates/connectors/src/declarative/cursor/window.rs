//! The windows that a stream is still to be read in, and what of the scale has been read.
//!
//! What has been read is a list of intervals. They are merged where they touch, so that windows may end in any order
//! and the state never skips a gap: it is what the *first* interval has seen, the rest waits until the gap is closed.

use model::value::{Object, Value};

use super::{Cursor, Point};

/// Most windows that one read is cut into.
const MOST_WINDOWS: usize = 200_000;

/// A stretch of the scale that has been read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From here.
    pub start: Point,
    /// To here.
    pub end: Point,
    /// The newest record seen in it.
    pub newest: Option<Point>,
}

/// A stretch that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub start: Point,
    /// To here.
    pub end: Point,
}

/// How far one stream, or one partition of it, has been read.
#[derive(Clone, Debug)]
pub struct Windows {
    intervals: Vec<Interval>,
    /// Where the last read ended.
    since: Point,
    /// Members of the state that came in and that are not ours.
    others: Object,
}

impl Windows {
    /// From a state document: `{field: value}`, or the list of intervals that newer states have.
    pub fn from_state(cursor: &Cursor, state: &Value) -> Self {
        let object = state.as_object();
        let member = |name: &str| object.and_then(|object| object.get(name));
        let is_list = matches!(
            member("state_type").and_then(Value::as_text),
            Some("date-range" | "integer")
        );
        if is_list && let Some(Value::List(slices)) = member("slices") {
            let intervals: Vec<Interval> = slices
                .iter()
                .filter_map(|slice| {
                    let slice = slice.as_object()?;
                    let point =
                        |name: &str| slice.get(name).and_then(|value| cursor.scale.read(value));
                    Some(Interval {
                        start: point("start")?,
                        end: point("end")?,
                        newest: point("most_recent_cursor_value"),
                    })
                })
                .collect();
            let since = match intervals.first() {
                Some(first) if first.start <= cursor.start => first.newest.unwrap_or(first.end),
                _ => cursor.start,
            };
            if !intervals.is_empty() {
                return Self {
                    intervals,
                    since,
                    others: Object::new(),
                };
            }
        }
        let before = member(&cursor.field).and_then(|value| {
            let point = cursor.scale.read(value);
            if point.is_none() {
                tracing::warn!(
                    field = %cursor.field,
                    "The state cannot be read; everything is read from the beginning."
                );
            }
            point
        });
        let since = before
            .filter(|before| *before >= cursor.start)
            .unwrap_or(cursor.start);
        // What was read before ends right before `since`, which is read once more: a window that ends out of turn
        // must not touch it.
        let intervals = if since > cursor.start {
            vec![Interval {
                start: cursor.start,
                // Windows begin at whole units, where the file says so.
                end: cursor.previous(cursor.clamped(since)),
                newest: Some(since),
            }]
        } else {
            Vec::new()
        };
        Self {
            intervals,
            since,
            others: match object {
                Some(object) if !is_list => object.clone(),
                _ => Object::new(),
            },
        }
    }

    /// The windows that are still to be read, in order.
    pub fn open(&self, cursor: &Cursor) -> Vec<Window> {
        let intervals = merged(cursor, self.intervals.clone());
        let mut windows = Vec::new();
        let before = |point: Point| {
            cursor
                .lookback
                .map_or(point, |lookback| cursor.moved(point, lookback, true))
        };
        let (Some(first), Some(last)) = (intervals.first(), intervals.last()) else {
            split(cursor, before(self.since), cursor.end, true, &mut windows);
            return windows;
        };
        if cursor.start < first.start {
            split(cursor, cursor.start, first.start, false, &mut windows);
        }
        for (left, right) in intervals.iter().zip(intervals.iter().skip(1)) {
            let lower = match cursor.granularity {
                Some(granularity) => cursor.moved(left.end, granularity, false),
                None => left.end,
            };
            split(cursor, lower, right.start, false, &mut windows);
        }
        let lower = before(last.end.max(self.since));
        split(cursor, lower, cursor.end, true, &mut windows);
        windows
    }

    /// A window has been read to its end; `newest` is the newest record seen in it.
    pub fn close(&mut self, cursor: &Cursor, window: Option<Window>, newest: Option<Point>) {
        let interval = match window {
            Some(window) if cursor.names.is_some() => Interval {
                start: window.start,
                end: window.end,
                newest,
            },
            // Without windows, what was seen is what was read.
            _ => match newest {
                Some(newest) => Interval {
                    start: self.since,
                    end: newest,
                    newest: Some(newest),
                },
                None => return,
            },
        };
        self.intervals.push(interval);
        self.intervals = merged(cursor, std::mem::take(&mut self.intervals));
    }

    /// The point before which everything has been read.
    pub fn read_until(&self, cursor: &Cursor) -> Point {
        match merged(cursor, self.intervals.clone()).first() {
            Some(first) if first.start <= cursor.start => first.newest.unwrap_or(first.start),
            _ => self.since,
        }
    }

    /// The state document.
    pub fn state(&self, cursor: &Cursor) -> Value {
        self.state_until(cursor, Point::MAX)
    }

    /// The state document, with nothing later than `bound` that was not in the state before.
    pub fn state_until(&self, cursor: &Cursor, bound: Point) -> Value {
        let mut state = self.others.clone();
        let reached = self.read_until(cursor).min(bound.max(self.since));
        state.insert(cursor.field.as_str(), cursor.scale.write(reached));
        Value::Object(state)
    }

    /// The state document with all intervals, for going on in the middle.
    pub fn exact_state(&self, cursor: &Cursor) -> Value {
        let slices = self
            .intervals
            .iter()
            .map(|interval| {
                let mut slice = Object::new();
                slice.push("start", cursor.scale.write(interval.start));
                slice.push("end", cursor.scale.write(interval.end));
                if let Some(newest) = interval.newest {
                    slice.push("most_recent_cursor_value", cursor.scale.write(newest));
                }
                Value::Object(slice)
            })
            .collect();
        let mut state = Object::new();
        state.push("slices", Value::List(slices));
        state.push("state_type", Value::text("date-range"));
        Value::Object(state)
    }

    /// Whether a record is worth handing on, where the platform does not filter.
    pub fn wants(&self, cursor: &Cursor, point: Option<Point>) -> bool {
        let Some(point) = point else {
            return true;
        };
        let lowest = match cursor.lookback {
            Some(lookback) => cursor
                .moved(self.since, lookback, true)
                .max(self.since.min(cursor.start)),
            None => self.since,
        };
        (lowest..=cursor.end).contains(&point)
    }
}

/// Intervals in order, those that touch made one.
fn merged(cursor: &Cursor, mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_by_key(|interval| (interval.start, interval.end));
    let mut out: Vec<Interval> = Vec::with_capacity(intervals.len());
    for interval in intervals {
        match out.last_mut() {
            Some(last) if cursor.next(last.end) >= interval.start => {
                last.end = last.end.max(interval.end);
                last.newest = last.newest.max(interval.newest);
            }
            _ => out.push(interval),
        }
    }
    out
}

fn split(cursor: &Cursor, lower: Point, upper: Point, is_last: bool, out: &mut Vec<Window>) {
    let granularity = cursor.granularity;
    if lower > upper || (lower == upper && granularity.is_none()) || upper < cursor.start {
        return;
    }
    let lower = cursor.clamped(lower.max(cursor.start));
    if lower > upper || (lower == upper && (cursor.is_compare_strictly || !is_last)) {
        return;
    }
    let before = |point: Point| granularity.map_or(point, |unit| cursor.moved(point, unit, true));
    let next = |lower: Point| {
        cursor
            .step
            .map_or(Point::MAX, |step| cursor.moved(lower, step, false))
    };
    if next(lower) >= upper {
        let clamped = if is_last && granularity.is_some() {
            upper
        } else {
            cursor.clamped(upper)
        };
        let end = if is_last { clamped } else { before(clamped) };
        out.push(Window { start: lower, end });
        return;
    }
    let mut here = lower;
    // A step of no length would never come to an end.
    while out.len() < MOST_WINDOWS && next(here) > here {
        let reached = next(here).min(upper);
        let clamped = if reached == upper {
            reached
        } else {
            cursor.clamped(reached)
        };
        let is_end = reached >= upper || clamped == upper;
        let start = cursor.clamped(here);
        if start >= clamped {
            return;
        }
        let end = if is_last && is_end {
            clamped
        } else {
            before(clamped)
        };
        out.push(Window { start, end });
        here = clamped;
        if is_end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CursorSpec;
    use super::*;
    use crate::declarative::node::{Node, View};
    use proptest::prelude::*;
    use template::{Env, Scope};

    fn cursor(yaml: &str) -> Cursor {
        let yaml = format!(
            "type: DatetimeBasedCursor\ncursor_field: u\ndatetime_format: '%Y-%m-%d'\nstart_datetime: '2024-01-01'\n{yaml}"
        );
        let node = Node::parse("x.yaml", &yaml).unwrap();
        let now = "2024-01-10T00:00:00Z".parse().unwrap();
        CursorSpec::compile(&View::root("x.yaml", &node))
            .unwrap()
            .begin(&Scope::new(), &Env::frozen(now))
            .unwrap()
    }

    fn text(cursor: &Cursor, point: Point) -> String {
        match cursor.scale.write(point) {
            Value::Text(text) => text.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn shown(cursor: &Cursor, windows: &[Window]) -> Vec<String> {
        windows
            .iter()
            .map(|window| {
                format!(
                    "{}..{}",
                    text(cursor, window.start),
                    text(cursor, window.end)
                )
            })
            .collect()
    }

    fn open(yaml: &str, state: &str) -> Vec<String> {
        let cursor = cursor(yaml);
        let state = model::json::parse(state.as_bytes()).unwrap();
        shown(&cursor, &Windows::from_state(&cursor, &state).open(&cursor))
    }

    const DAYS: &str = "step: P4D\ncursor_granularity: P1D\n";

    #[test]
    fn windows_cover_the_time_without_gaps() {
        assert_eq!(open("", "{}"), ["2024-01-01..2024-01-10"]);
        assert_eq!(
            open("", r#"{"u":"2024-01-05"}"#),
            ["2024-01-05..2024-01-10"]
        );
        assert_eq!(
            open("lookback_window: P2D\n", r#"{"u":"2024-01-05"}"#),
            ["2024-01-03..2024-01-10"]
        );
        assert_eq!(
            open("lookback_window: P1Y\n", r#"{"u":"2024-01-05"}"#),
            ["2024-01-01..2024-01-10"],
            "never before the start"
        );
        assert_eq!(
            open(DAYS, "{}"),
            [
                "2024-01-01..2024-01-04",
                "2024-01-05..2024-01-08",
                "2024-01-09..2024-01-10"
            ]
        );
        assert_eq!(
            open(DAYS, r#"{"u":"2024-01-10"}"#),
            ["2024-01-10..2024-01-10"]
        );
        assert_eq!(open("", r#"{"u":"2024-01-10"}"#), [""; 0]);
        assert_eq!(
            open(DAYS, r#"{"u":"1999-01-01"}"#)[0],
            "2024-01-01..2024-01-04",
            "a state before the start does not count"
        );
    }

    #[test]
    fn gaps_between_intervals_are_read() {
        let state = r#"{"state_type":"date-range","slices":[
            {"start":"2024-01-01","end":"2024-01-02"},
            {"start":"2024-01-06","end":"2024-01-08","most_recent_cursor_value":"2024-01-07"}]}"#;
        assert_eq!(
            open(DAYS, state),
            ["2024-01-03..2024-01-05", "2024-01-08..2024-01-10"]
        );
        assert_eq!(
            open(DAYS, r#"{"state_type":"date-range","slices":[]}"#).len(),
            3
        );
    }

    #[test]
    fn the_state_waits_for_the_first_gap() {
        let cursor = cursor(DAYS);
        let mut windows = Windows::from_state(&cursor, &Value::Null);
        let open = windows.open(&cursor);
        let state = |windows: &Windows| model::json::to_string(&windows.state(&cursor));
        assert_eq!(state(&windows), r#"{"u":"2024-01-01"}"#);
        windows.close(&cursor, open.get(2).copied(), Some(open[2].start));
        assert_eq!(state(&windows), r#"{"u":"2024-01-01"}"#);
        windows.close(&cursor, open.first().copied(), None);
        assert_eq!(state(&windows), r#"{"u":"2024-01-01"}"#);
        windows.close(&cursor, open.get(1).copied(), Some(open[1].start));
        assert_eq!(state(&windows), r#"{"u":"2024-01-09"}"#);
    }

    #[test]
    fn what_is_not_ours_in_a_state_stays() {
        let cursor = cursor("");
        let state = model::json::parse(br#"{"x":1,"u":"2024-01-05"}"#).unwrap();
        let windows = Windows::from_state(&cursor, &state);
        assert_eq!(
            model::json::to_string(&windows.state(&cursor)),
            r#"{"x":1,"u":"2024-01-05"}"#
        );
    }

    proptest! {
        /// Whatever the order in which windows end, and wherever the read is cut off, what is opened anew
        /// together with what was closed covers everything.
        #[test]
        fn nothing_is_skipped_when_a_read_is_cut_off(order in Just((0_usize..10).collect::<Vec<_>>()).prop_shuffle(), cut in 0_usize..10) {
            let cursor = cursor("step: P1D\ncursor_granularity: P1D\n");
            let mut windows = Windows::from_state(&cursor, &Value::Null);
            let open = windows.open(&cursor);
            let mut closed = Vec::new();
            for n in order.into_iter().take(cut) {
                if let Some(window) = open.get(n) {
                    windows.close(&cursor, Some(*window), Some(window.start));
                    closed.push(*window);
                }
            }
            let again = Windows::from_state(&cursor, &windows.exact_state(&cursor)).open(&cursor);
            for day in 0..10 {
                let point = cursor.start + day * 86_400_000_000;
                let covered = closed.iter().chain(&again).any(|window| (window.start..=window.end).contains(&point));
                prop_assert!(covered, "day {day} of {:?}", shown(&cursor, &again));
            }
            let plain = Windows::from_state(&cursor, &windows.state(&cursor)).open(&cursor);
            for day in 0..10 {
                let point = cursor.start + day * 86_400_000_000;
                let read_before = point <= windows.read_until(&cursor);
                let covered = plain.iter().any(|window| (window.start..=window.end).contains(&point));
                prop_assert!(read_before || covered, "day {day}");
            }
        }
    }
}
