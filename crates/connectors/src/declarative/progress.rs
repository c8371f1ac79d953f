//! How far a stream has been read, whatever kind of cursor it has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Span;
use model::row::Row;
use model::value::{Object, Value};

use super::cursor::partitions::Partitions;
use super::cursor::window::Windows;
use super::cursor::{Cursor, Point};
use super::slice::Slice;

/// Shared by those who read the slices of one stream.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kind: Mutex<Kind>,
    /// Records came that say nothing of when they changed.
    has_unplaced: AtomicBool,
}

#[derive(Debug)]
enum Kind {
    /// Read as a whole each time.
    Whole,
    Windows(Box<Cursor>, Windows),
    Partitions(Box<Cursor>, Box<Partitions>),
}

impl Progress {
    /// Without a cursor.
    pub fn whole() -> Self {
        Self::new(Kind::Whole)
    }

    /// One cursor for the stream.
    pub fn windows(cursor: Cursor, state: &Value) -> Self {
        let windows = Windows::from_state(&cursor, state);
        Self::new(Kind::Windows(Box::new(cursor), windows))
    }

    /// One cursor for each partition.
    pub fn partitions(cursor: Cursor, state: &Value, only_global: bool) -> Self {
        let partitions = Partitions::from_state(&cursor, state, only_global);
        Self::new(Kind::Partitions(Box::new(cursor), Box::new(partitions)))
    }

    fn new(kind: Kind) -> Self {
        Self(Arc::new(Shared {
            kind: Mutex::new(kind),
            has_unplaced: AtomicBool::new(false),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Kind> {
        self.0.kind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slices of a partition that are still to be read; none where it is being read already.
    pub fn open(&self, partition: Slice, parent_state: &Value) -> Vec<Slice> {
        match &mut *self.lock() {
            Kind::Whole => vec![partition],
            Kind::Windows(cursor, windows) => windows
                .open(cursor)
                .into_iter()
                .map(|window| partition.in_window(cursor, window))
                .collect(),
            Kind::Partitions(cursor, partitions) => partitions
                .open(cursor, &partition.partition, parent_state)
                .unwrap_or_default()
                .into_iter()
                .map(|window| partition.in_window(cursor, window))
                .collect(),
        }
    }

    /// Where records stand on the scale; the newest of them. Told to the global cursor.
    pub fn observe(&self, rows: &[Row]) -> Option<Point> {
        let mut kind = self.lock();
        let cursor = match &*kind {
            Kind::Whole => return None,
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => cursor,
        };
        let mut newest = None;
        for row in rows {
            match cursor.of_record(row) {
                Some(point) => newest = newest.max(Some(point)),
                None => self.0.has_unplaced.store(true, Ordering::Relaxed),
            }
        }
        if let Kind::Partitions(_, partitions) = &mut *kind {
            partitions.observe(newest);
        }
        newest
    }

    /// Whether any record had no place on the scale: a platform that filters by the cursor may leave it out next time.
    pub fn has_unplaced(&self) -> bool {
        self.0.has_unplaced.load(Ordering::Relaxed)
    }

    /// A slice has been read to its end.
    pub fn close(&self, slice: &Slice, newest: Option<Point>) {
        match &mut *self.lock() {
            Kind::Whole => {}
            Kind::Windows(cursor, windows) => windows.close(cursor, slice.window, newest),
            Kind::Partitions(cursor, partitions) => {
                partitions.close(cursor, &slice.partition, slice.window, newest);
            }
        }
    }

    /// Everything has been read.
    pub fn finish(&self, parent_state: Option<Value>, took_seconds: i64) {
        if let Kind::Partitions(_, partitions) = &mut *self.lock() {
            partitions.finish(parent_state, took_seconds);
        }
    }

    /// Whether a record is worth handing on, where the platform does not filter.
    pub fn wants(&self, slice: &Slice, row: &Row) -> bool {
        match &*self.lock() {
            Kind::Whole => true,
            Kind::Windows(cursor, windows) => windows.wants(cursor, cursor.of_record(row)),
            Kind::Partitions(cursor, partitions) => {
                partitions.wants(cursor, &slice.partition, cursor.of_record(row))
            }
        }
    }

    /// The state document, as the low-code format has it.
    pub fn state(&self) -> Value {
        match &*self.lock() {
            Kind::Whole => {
                let mut state = Object::new();
                state.push("__ab_no_cursor_state_message", Value::Bool(true));
                Value::Object(state)
            }
            Kind::Windows(cursor, windows) => windows.state(cursor),
            Kind::Partitions(cursor, partitions) => partitions.state(cursor),
        }
    }

    /// The state document; nothing in it is later than `bound`: what is being written right now may still get
    /// an earlier time.
    pub fn state_until(&self, bound: Point) -> Value {
        match &*self.lock() {
            Kind::Windows(cursor, windows) => return windows.state_until(cursor, bound),
            Kind::Partitions(cursor, partitions) => return partitions.state_until(cursor, bound),
            Kind::Whole => {}
        }
        self.state()
    }

    /// Where the windows of a read end.
    pub fn until(&self) -> Option<Point> {
        match &*self.lock() {
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => Some(cursor.end),
            Kind::Whole => None,
        }
    }

    /// Windows end there, whatever the time is now.
    pub fn end_at(&self, until: Point) {
        match &mut *self.lock() {
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => cursor.end = until,
            Kind::Whole => {}
        }
    }

    /// Takes over how far partitions have been read, from a state document of the same read.
    pub fn reach(&self, state: &Value, newest: Option<Point>) {
        if let Kind::Partitions(cursor, partitions) = &mut *self.lock() {
            partitions.reach(cursor, state, newest);
        }
    }

    /// The newest record of all partitions; none before there is one.
    pub fn newest_of_all(&self) -> Option<Point> {
        match &*self.lock() {
            Kind::Partitions(_, partitions) => partitions.newest_seen(),
            Kind::Whole | Kind::Windows(..) => None,
        }
    }

    /// The windows that a read from the state `began` to the point `until` still had ahead of it after the one that
    /// starts at `after`.
    pub fn ahead(&self, began: &Value, until: Point, after: Point) -> Vec<Slice> {
        let Kind::Windows(cursor, _) = &*self.lock() else {
            return Vec::new();
        };
        let mut cursor = cursor.clone();
        cursor.end = until;
        let whole = Slice::new(Object::new(), Object::new());
        Windows::from_state(&cursor, began)
            .open(&cursor)
            .into_iter()
            .filter(|window| window.start > after)
            .map(|window| whole.in_window(&cursor, window))
            .collect()
    }

    /// A window of the cursor as a slice.
    pub fn slice_of(&self, partition: &Slice, start: Point, end: Point) -> Option<Slice> {
        match &*self.lock() {
            Kind::Whole => None,
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => {
                Some(partition.in_window(cursor, super::cursor::window::Window { start, end }))
            }
        }
    }

    /// A slice from a point on to its end.
    pub fn from(&self, slice: &Slice, start: Point) -> Option<Slice> {
        let end = slice.window?.end;
        self.slice_of(slice, start, end)
    }

    /// Both halves of a slice's window, which do not overlap; none where it cannot be shorter, or not shorter than
    /// `smallest`.
    pub fn halves(&self, slice: &Slice, smallest: Option<Span>) -> Option<(Slice, Slice)> {
        let window = slice.window?;
        let (middle, next) = match &*self.lock() {
            Kind::Whole => return None,
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => {
                cursor.middle(window.start, window.end, smallest)?
            }
        };
        Some((
            self.slice_of(slice, window.start, middle)?,
            self.slice_of(slice, next, window.end)?,
        ))
    }

    /// Whether the cursor counts time.
    pub fn is_time(&self) -> bool {
        match &*self.lock() {
            Kind::Whole => false,
            Kind::Windows(cursor, _) | Kind::Partitions(cursor, _) => {
                matches!(cursor.scale, super::cursor::Scale::Time { .. })
            }
        }
    }

    /// The state document with all that is needed to go on in the middle of a read.
    pub fn exact_state(&self) -> Value {
        match &*self.lock() {
            Kind::Windows(cursor, windows) => windows.exact_state(cursor),
            _ => Value::Null,
        }
    }

    /// Whether there is a cursor.
    pub fn has_cursor(&self) -> bool {
        !matches!(&*self.lock(), Kind::Whole)
    }

    /// Whether each partition has a cursor of its own: states are large then, and told seldom.
    pub fn is_partitioned(&self) -> bool {
        matches!(&*self.lock(), Kind::Partitions(..))
    }
}
