//! What one series of pages is read for: a partition, and a window of the cursor.

use std::fmt::Write as _;

use model::value::{Object, Value};
use template::Members;

use super::cursor::Cursor;
use super::cursor::window::Window;

/// A partition and a window; `stream_slice` in templates.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// What distinguishes the partition.
    pub partition: Object,
    /// Further values that came with it.
    pub extra: Object,
    /// The window, where there is a cursor.
    pub window: Option<Window>,
    /// The window's bounds as the platform has them.
    bounds: Object,
}

impl Slice {
    /// A partition without a window.
    pub const fn new(partition: Object, extra: Object) -> Self {
        Self {
            partition,
            extra,
            window: None,
            bounds: Object::new(),
        }
    }

    /// The same partition in a window.
    #[must_use]
    pub fn in_window(&self, cursor: &Cursor, window: Window) -> Self {
        let mut bounds = Object::new();
        let default = ("start".to_owned(), "end".to_owned());
        let (start, end) = cursor.names.as_ref().unwrap_or(&default);
        bounds.push(start.as_str(), cursor.scale.write(window.start));
        if window.end != super::cursor::Point::MAX {
            bounds.push(end.as_str(), cursor.scale.write(window.end));
        }
        Self {
            partition: self.partition.clone(),
            extra: self.extra.clone(),
            window: Some(window),
            bounds,
        }
    }

    /// The same with one more value that came with it.
    #[must_use]
    pub fn with_extra(&self, name: &str, value: Value) -> Self {
        let mut slice = self.clone();
        slice.extra.insert(name, value);
        slice
    }

    /// A partition by one of its members; the others only come with it.
    #[must_use]
    pub fn by_field(self, field: &str, value: Value) -> Self {
        let mut partition = Object::new();
        let mut extra = self.extra;
        for (name, member) in self.partition {
            if name != field {
                extra.insert(name, member);
            }
        }
        partition.push(field, value);
        Self::new(partition, extra)
    }

    /// The member called `name`: of the window, else of the partition.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.bounds.get(name).or_else(|| self.partition.get(name))
    }

    /// The window's bounds as the platform has them.
    pub fn bounds(&self) -> (Option<&Value>, Option<&Value>) {
        let mut bounds = self.bounds.iter().map(|(_, value)| value);
        (bounds.next(), bounds.next())
    }

    /// The partition and the window's bounds in one.
    pub fn members(&self) -> Object {
        let mut all = self.partition.clone();
        for (name, value) in self.bounds.iter() {
            all.insert(name, value.clone());
        }
        all
    }

    /// What tells slices of one read apart.
    pub fn key(&self) -> String {
        let mut key = partition_key(&self.partition);
        if let Some(window) = self.window {
            _ = write!(key, "|{}..{}", window.start, window.end);
        }
        key
    }
}

impl Members for Slice {
    fn member(&self, name: &str) -> Option<Value> {
        match self.get(name) {
            Some(value) => Some(value.clone()),
            None => match name {
                "partition" => Some(Value::Object(self.partition.clone())),
                "cursor_slice" => Some(Value::Object(self.bounds.clone())),
                "extra_fields" => Some(Value::Object(self.extra.clone())),
                _ => None,
            },
        }
    }

    fn to_value(&self) -> Value {
        Value::Object(self.members())
    }
}

/// A partition as one text: JSON with sorted names.
pub fn partition_key(partition: &Object) -> String {
    model::json::to_string(&sorted(&Value::Object(partition.clone())))
}

/// With the members of all objects in the order of their names.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(&str, &Value)> = object.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            Value::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name.into(), sorted(value)))
                    .collect(),
            )
        }
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        scalar => scalar.clone(),
    }
}
