//! How far each partition of a stream has been read.
//!
//! A state document of this kind has three parts: one cursor for each partition, a *global* cursor for partitions
//! that are new or were dropped, and the state of the parent streams. The global cursor and the parents' state only
//! move when nothing that they cover is still open.

use std::collections::{BTreeSet, HashMap, VecDeque};

use model::value::{Object, Value};

use super::window::{Window, Windows};
use super::{Cursor, Point};
use crate::declarative::slice::partition_key;

/// Beyond this many partitions only the global cursor is kept.
pub const MOST_EXACT: usize = 10_000;
/// Partitions that are remembered.
const MOST_REMEMBERED: usize = 25_000;

/// The cursors of all partitions.
#[derive(Debug)]
pub struct Partitions {
    /// By partition key.
    known: HashMap<String, Known>,
    /// Partition keys in the order in which they were first seen.
    order: VecDeque<String>,
    open: HashMap<String, Open>,
    /// Sequence numbers of open partitions.
    open_numbers: BTreeSet<u64>,
    /// States of the parents, with the number of the partition that they belong to.
    parent_states: VecDeque<(Value, u64)>,
    parent_state: Option<Value>,
    generated: u64,
    seen: usize,
    /// The global cursor that the run began with.
    global: Option<Point>,
    newest: Option<Point>,
    lookback_seconds: i64,
    pub(crate) only_global: bool,
    saw_records: bool,
}

#[derive(Debug)]
struct Known {
    partition: Value,
    windows: Windows,
}

#[derive(Debug, Default)]
struct Open {
    number: u64,
    windows_left: usize,
}

impl Partitions {
    /// From a state document.
    pub fn from_state(cursor: &Cursor, state: &Value, only_global: bool) -> Self {
        let mut partitions = Self {
            known: HashMap::new(),
            order: VecDeque::new(),
            open: HashMap::new(),
            open_numbers: BTreeSet::new(),
            parent_states: VecDeque::new(),
            parent_state: None,
            generated: 0,
            seen: 0,
            global: None,
            newest: None,
            lookback_seconds: 0,
            only_global,
            saw_records: false,
        };
        let Some(object) = state.as_object().filter(|object| !object.is_empty()) else {
            return partitions;
        };
        if object.get("states").is_none() && object.get("state").is_none() {
            partitions.set_global(cursor, object);
        } else {
            partitions.only_global =
                matches!(object.get("use_global_cursor"), Some(Value::Bool(true)));
            if let Some(Value::Int(seconds)) = object.get("lookback_window") {
                partitions.lookback_seconds = (*seconds).max(0);
            }
            if let Some(Value::List(states)) = object.get("states") {
                for state in states {
                    let member = |name: &str| state.as_object().and_then(|state| state.get(name));
                    if let (Some(Value::Object(partition)), Some(state)) =
                        (member("partition"), member("cursor"))
                    {
                        partitions.seen += 1;
                        let windows = Windows::from_state(cursor, state);
                        partitions.remember(partition, windows);
                    }
                }
            }
            if let Some(Value::Object(global)) = object.get("state") {
                partitions.set_global(cursor, global);
            }
        }
        partitions.parent_state = object
            .get("parent_state")
            .filter(|state| !state.is_empty())
            .cloned();
        partitions
    }

    /// Takes over how far partitions that are known have been read, from a later state document.
    pub fn reach(&mut self, cursor: &Cursor, state: &Value, newest: Option<Point>) {
        let object = state.as_object();
        let member = |name: &str| object.and_then(|object| object.get(name));
        self.only_global |= matches!(member("use_global_cursor"), Some(Value::Bool(true)));
        if let Some(Value::List(states)) = member("states") {
            for entry in states {
                let member = |name: &str| entry.as_object().and_then(|entry| entry.get(name));
                if let (Some(Value::Object(partition)), Some(state)) =
                    (member("partition"), member("cursor"))
                    && let Some(known) = self.known.get_mut(&partition_key(partition))
                {
                    known.windows = Windows::from_state(cursor, state);
                }
            }
        }
        if newest.is_some() {
            self.saw_records = true;
            self.newest = self.newest.max(newest);
        }
    }

    /// The newest record that was seen; none before there is one.
    pub fn newest_seen(&self) -> Option<Point> {
        self.newest.filter(|_| self.saw_records)
    }

    fn set_global(&mut self, cursor: &Cursor, object: &Object) {
        let point = object
            .get(&cursor.field)
            .and_then(|value| cursor.scale.read(value));
        if point.is_some() {
            self.global = point;
            self.newest = point;
        }
    }

    fn remember(&mut self, partition: &Object, windows: Windows) {
        let key = partition_key(partition);
        if !self.known.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        let partition = Value::Object(partition.clone());
        self.known.insert(key, Known { partition, windows });
    }

    /// The state that a partition without one of its own begins with.
    fn fresh(&self, cursor: &Cursor) -> Windows {
        let mut state = Object::new();
        if let Some(global) = self.global {
            let back = jiff::Span::new().seconds(self.lookback_seconds);
            let point = cursor.moved(global, back, true);
            state.push(cursor.field.as_str(), cursor.scale.write(point));
        }
        Windows::from_state(cursor, &Value::Object(state))
    }

    /// Opens a partition: the windows to read in it; none where it is being read already.
    pub fn open(
        &mut self,
        cursor: &Cursor,
        partition: &Object,
        parent_state: &Value,
    ) -> Option<Vec<Window>> {
        if !self.only_global && self.seen > MOST_EXACT {
            tracing::info!("Too many partitions to keep a cursor for each: one for all from here.");
            self.only_global = true;
        }
        self.forget_some();
        let key = partition_key(partition);
        if self.open.contains_key(&key) {
            tracing::warn!(partition = %key, "A partition came twice; it is read once.");
            return None;
        }
        if !self.known.contains_key(&key) {
            self.seen += 1;
            let fresh = self.fresh(cursor);
            self.remember(partition, fresh);
        }
        let windows = self
            .known
            .get(&key)
            .map(|known| known.windows.open(cursor))
            .unwrap_or_default();
        let number = self.generated;
        self.generated += 1;
        self.open_numbers.insert(number);
        if self
            .parent_states
            .back()
            .is_none_or(|(last, _)| last != parent_state)
        {
            self.parent_states.push_back((parent_state.clone(), number));
        }
        self.open.insert(
            key,
            Open {
                number,
                windows_left: windows.len(),
            },
        );
        Some(windows)
    }

    /// A record was read; `point` is where it stands.
    pub fn observe(&mut self, point: Option<Point>) {
        if let Some(point) = point {
            self.saw_records = true;
            self.newest = self.newest.max(Some(point));
        }
    }

    /// A window of a partition has been read to its end.
    pub fn close(
        &mut self,
        cursor: &Cursor,
        partition: &Object,
        window: Option<Window>,
        newest: Option<Point>,
    ) {
        let key = partition_key(partition);
        let Some(open) = self.open.get_mut(&key) else {
            return;
        };
        open.windows_left = open.windows_left.saturating_sub(1);
        let (is_done, number) = (open.windows_left == 0, open.number);
        if !self.only_global
            && let Some(known) = self.known.get_mut(&key)
        {
            known.windows.close(cursor, window, newest);
            if is_done {
                self.newest = self.newest.max(Some(known.windows.read_until(cursor)));
            }
        }
        if is_done {
            self.open.remove(&key);
            self.open_numbers.remove(&number);
        }
        self.settle_parents();
    }

    fn settle_parents(&mut self) {
        while let Some((_, number)) = self.parent_states.front() {
            if self.open_numbers.first().is_some_and(|open| open <= number) {
                return;
            }
            // Routers without parents have no state to tell.
            if let Some((state, _)) = self.parent_states.pop_front()
                && !state.is_null()
            {
                self.parent_state = Some(state);
            }
        }
    }

    /// All partitions have been read. Nothing moves where one of them failed.
    pub fn finish(&mut self, parent_state: Option<Value>, took_seconds: i64) {
        if self.open.values().any(|open| open.windows_left > 0) {
            return;
        }
        if self.saw_records {
            self.global = self.newest;
            self.lookback_seconds = took_seconds;
        }
        self.parent_state = parent_state;
    }

    /// Whether a record is worth handing on, where the platform does not filter.
    pub fn wants(&self, cursor: &Cursor, partition: &Object, point: Option<Point>) -> bool {
        match self.known.get(&partition_key(partition)) {
            Some(known) if !self.only_global => known.windows.wants(cursor, point),
            _ => self.fresh(cursor).wants(cursor, point),
        }
    }

    fn forget_some(&mut self) {
        while self.known.len() >= MOST_REMEMBERED {
            let done = self
                .order
                .iter()
                .position(|key| !self.open.contains_key(key))
                .unwrap_or(0);
            let Some(key) = self.order.remove(done) else {
                return;
            };
            self.known.remove(&key);
        }
    }

    /// The state document.
    pub fn state(&self, cursor: &Cursor) -> Value {
        self.state_until(cursor, Point::MAX)
    }

    /// The state document, with nothing later than `bound` that was not in the state before.
    pub fn state_until(&self, cursor: &Cursor, bound: Point) -> Value {
        let mut state = Object::new();
        state.push("use_global_cursor", Value::Bool(self.only_global));
        if !self.only_global {
            let states = self
                .order
                .iter()
                .filter_map(|key| self.known.get(key))
                .map(|known| {
                    let mut entry = Object::new();
                    entry.push("partition", known.partition.clone());
                    entry.push("cursor", known.windows.state_until(cursor, bound));
                    Value::Object(entry)
                })
                .collect();
            state.push("states", Value::List(states));
        }
        if let Some(point) = self.global {
            let mut global = Object::new();
            global.push(cursor.field.as_str(), cursor.scale.write(point.min(bound)));
            state.push("state", Value::Object(global));
        }
        state.push("lookback_window", Value::Int(self.lookback_seconds));
        if let Some(parent) = &self.parent_state {
            state.push("parent_state", parent.clone());
        }
        Value::Object(state)
    }
}

#[cfg(test)]
mod tests {
    use super::super::CursorSpec;
    use super::*;
    use crate::declarative::node::{Node, View};
    use template::{Env, Scope};

    fn cursor() -> Cursor {
        let yaml = "type: DatetimeBasedCursor\ncursor_field: u\ndatetime_format: '%Y-%m-%d'\nstart_datetime: '2024-01-01'\n";
        let node = Node::parse("x.yaml", yaml).unwrap();
        let now = "2024-01-10T00:00:00Z".parse().unwrap();
        CursorSpec::compile(&View::root("x.yaml", &node))
            .unwrap()
            .begin(&Scope::new(), &Env::frozen(now))
            .unwrap()
    }

    fn object(text: &str) -> Object {
        match model::json::parse(text.as_bytes()).unwrap() {
            Value::Object(object) => object,
            other => panic!("{other:?}"),
        }
    }

    fn day(n: i64) -> Option<Point> {
        Some(cursor().start + (n - 1) * 86_400_000_000)
    }

    #[test]
    fn each_partition_has_its_own_cursor_and_new_ones_begin_with_the_global_one() {
        let cursor = cursor();
        let (a, b, c) = (
            object(r#"{"id":1}"#),
            object(r#"{"id":2}"#),
            object(r#"{"id":3}"#),
        );
        let mut run = Partitions::from_state(&cursor, &Value::Null, false);
        let none = Value::Object(Object::new());
        let windows_a = run.open(&cursor, &a, &none).unwrap();
        assert_eq!(run.open(&cursor, &a, &none), None, "twice");
        let windows_b = run.open(&cursor, &b, &none).unwrap();
        run.observe(day(5));
        run.close(&cursor, &a, windows_a.first().copied(), day(5));
        run.observe(day(3));
        run.close(&cursor, &b, windows_b.first().copied(), day(3));
        run.finish(None, 60);
        let state = run.state(&cursor);
        assert_eq!(
            model::json::to_string(&state),
            r#"{"use_global_cursor":false,"states":[{"partition":{"id":1},"cursor":{"u":"2024-01-05"}},{"partition":{"id":2},"cursor":{"u":"2024-01-03"}}],"state":{"u":"2024-01-05"},"lookback_window":60}"#
        );
        let mut next = Partitions::from_state(&cursor, &state, false);
        let start = |windows: Option<Vec<Window>>| {
            cursor.scale.write(windows.unwrap().first().unwrap().start)
        };
        assert_eq!(
            start(next.open(&cursor, &b, &none)),
            Value::text("2024-01-03")
        );
        assert_eq!(
            start(next.open(&cursor, &c, &none)),
            Value::text("2024-01-04")
        );
    }

    #[test]
    fn nothing_moves_while_a_partition_is_open() {
        let cursor = cursor();
        let mut run = Partitions::from_state(&cursor, &Value::Null, false);
        let parent = |n: i64| Value::Object(object(&format!(r#"{{"p":{n}}}"#)));
        let a = object(r#"{"id":1}"#);
        let b = object(r#"{"id":2}"#);
        run.open(&cursor, &a, &parent(1));
        let windows = run.open(&cursor, &b, &parent(2)).unwrap();
        run.observe(day(5));
        run.close(&cursor, &b, windows.first().copied(), day(5));
        run.finish(Some(parent(9)), 1);
        let state = run.state(&cursor);
        let state = state.as_object().unwrap();
        assert!(state.get("parent_state").is_none() && state.get("state").is_none());
        run.close(&cursor, &a, windows.first().copied(), None);
        let state = run.state(&cursor);
        assert_eq!(
            state.as_object().unwrap().get("parent_state"),
            Some(&parent(2))
        );
    }

    #[test]
    fn a_plain_state_counts_for_all_partitions() {
        let cursor = cursor();
        let state = Value::Object(object(r#"{"u":"2024-01-06"}"#));
        let mut run = Partitions::from_state(&cursor, &state, false);
        let windows = run
            .open(&cursor, &object(r#"{"id":1}"#), &Value::Null)
            .unwrap();
        assert_eq!(
            cursor.scale.write(windows.first().unwrap().start),
            Value::text("2024-01-06")
        );
    }

    #[test]
    fn with_very_many_partitions_only_the_global_cursor_is_kept() {
        let cursor = cursor();
        let mut run = Partitions::from_state(&cursor, &Value::Null, false);
        for n in 0..MOST_EXACT + 2 {
            let partition = object(&format!(r#"{{"id":{n}}}"#));
            let windows = run.open(&cursor, &partition, &Value::Null).unwrap();
            run.observe(day(4));
            run.close(&cursor, &partition, windows.first().copied(), day(4));
        }
        run.finish(None, 1);
        assert_eq!(
            model::json::to_string(&run.state(&cursor)),
            r#"{"use_global_cursor":true,"state":{"u":"2024-01-04"},"lookback_window":1}"#
        );
    }
}
