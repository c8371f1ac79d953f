//! Paths in which steps may be patterns, as `dpath` understands them.
//!
//! A step is a name, a number in a list (counted from the end when it is negative), or a pattern: `*`, `?`, `[a-z]`,
//! and `**` for any number of steps. The same rules hold wherever a connector file has a path: for records, parent keys,
//! tokens, fields to remove. Paths without patterns, which are nearly all, are followed directly; and in a record that
//! is still text only what they lead to is read.
//!
//! Unlike the reference, a number also finds the member of that name, and empty member names are nothing special.

mod change;
mod pattern;
mod text;

use compact_str::CompactString;
use model::row::Row;
use model::value::Value;
use smallvec::SmallVec;

pub use self::change::{PutError, delete_leaves, put, put_in_row};
use self::pattern::Pattern;
pub(crate) use self::text::add_items;
pub use self::text::text_at;

/// A path, ready to be followed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GlobPath {
    steps: Vec<Step>,
    /// The steps, where all are plain.
    plain: Option<Vec<CompactString>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Plain(CompactString),
    Pattern(Pattern),
    /// `**`
    Any,
}

/// More than one value was found where one was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous;

impl GlobPath {
    /// From steps that are filled in. None when `**` occurs twice, which has no meaning.
    pub fn new<S: AsRef<str>>(steps: impl IntoIterator<Item = S>) -> Option<Self> {
        let steps: Vec<Step> = steps
            .into_iter()
            .map(|step| Step::new(step.as_ref()))
            .collect();
        if steps.iter().filter(|step| **step == Step::Any).count() > 1 {
            return None;
        }
        let plain = steps.iter().map(Step::plain).collect();
        Some(Self { steps, plain })
    }

    /// From steps in which nothing is a pattern.
    pub fn literal_of<S: AsRef<str>>(steps: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<CompactString> =
            steps.into_iter().map(|step| step.as_ref().into()).collect();
        Self {
            steps: names.iter().cloned().map(Step::Plain).collect(),
            plain: Some(names),
        }
    }

    /// The path that leads nowhere.
    pub fn whole() -> Self {
        Self::literal_of::<&str>([])
    }

    /// Whether it leads nowhere.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps, where none is a pattern.
    pub fn plain(&self) -> Option<&[CompactString]> {
        self.plain.as_deref()
    }

    /// Whether it has a step that is `*`: then every value found is one of its own.
    pub fn picks_each(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Pattern(pattern) if pattern.is_star()))
    }

    /// As it is written, for complaints.
    pub fn shown(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(Step::source).collect();
        steps.join(".")
    }

    /// Everything that is found, in order.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = Vec::new();
        match &self.plain {
            Some(names) => found.extend(at(value, names)),
            None => self.search(value, &Reached::start(&self.steps, 0), &mut |value| {
                found.push(value);
            }),
        }
        found
    }

    /// The one value that is found, if any is.
    pub fn one<'v>(&self, value: &'v Value) -> Result<Option<&'v Value>, Ambiguous> {
        let found = self.find(value);
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(Ambiguous),
        }
    }

    /// The one value that is found in a record. Of a plain path nothing else is read.
    pub fn one_in_row(&self, row: &Row) -> Result<Option<Value>, Ambiguous> {
        match &self.plain {
            Some(names) => Ok(row_at(row, names)),
            None => self.one(&row.to_value()).map(Option::<&Value>::cloned),
        }
    }

    /// What is found of values below `value`, level by level.
    fn search<'v>(&self, value: &'v Value, reached: &Reached, found: &mut dyn FnMut(&'v Value)) {
        let mut below: Vec<(&'v Value, Reached)> = Vec::new();
        each_child(value, &mut |key, child| {
            let next = reached.after(&self.steps, key);
            if next.is_end(&self.steps) {
                found(child);
            }
            if next.goes_on(&self.steps) {
                below.push((child, next));
            }
        });
        for (child, next) in below {
            self.search(child, &next, found);
        }
    }
}

impl Step {
    fn new(step: &str) -> Self {
        if step == "**" {
            Self::Any
        } else if Pattern::is_needed(step) {
            Self::Pattern(Pattern::new(step))
        } else {
            Self::Plain(step.into())
        }
    }

    fn plain(&self) -> Option<CompactString> {
        match self {
            Self::Plain(name) => Some(name.clone()),
            Self::Pattern(_) | Self::Any => None,
        }
    }

    fn source(&self) -> &str {
        match self {
            Self::Plain(name) => name,
            Self::Pattern(pattern) => pattern.source(),
            Self::Any => "**",
        }
    }

    fn fits(&self, key: Key<'_>) -> bool {
        match (self, key) {
            (Self::Any, _) => true,
            (Self::Plain(name), Key::Name(key)) => name == key,
            (Self::Pattern(pattern), Key::Name(key)) => pattern.fits(key),
            (Self::Plain(name), Key::Place(place, length)) => index(name, length) == Some(place),
            (Self::Pattern(pattern), Key::Place(place, _)) => {
                pattern.is_star() || pattern.fits(&place.to_string())
            }
        }
    }
}

/// What a value is called in the one around it.
#[derive(Clone, Copy, Debug)]
enum Key<'a> {
    Name(&'a str),
    /// Its number, and how many there are.
    Place(usize, usize),
}

/// The item that a step means in a list of `length`.
fn index(step: &str, length: usize) -> Option<usize> {
    let number: i64 = step.trim().parse().ok()?;
    let place = if number < 0 {
        length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(number).ok()?
    };
    (place < length).then_some(place)
}

fn each_child<'v>(value: &'v Value, each: &mut dyn FnMut(Key<'_>, &'v Value)) {
    match value {
        Value::Object(object) => {
            for (name, member) in object.iter() {
                each(Key::Name(name), member);
            }
        }
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                each(Key::Place(n, items.len()), item);
            }
        }
        _ => {}
    }
}

/// How far along a path one has come: which steps may be next. `**` makes that several.
#[derive(Clone, Debug)]
struct Reached(SmallVec<[u16; 2]>);

impl Reached {
    /// At that step.
    fn start(steps: &[Step], step: u16) -> Self {
        let mut start = Self(SmallVec::new());
        start.add(steps, step);
        start
    }

    fn add(&mut self, steps: &[Step], step: u16) {
        if !self.0.contains(&step) {
            self.0.push(step);
        }
        // `**` may also stand for no step at all.
        if steps.get(usize::from(step)) == Some(&Step::Any) && !self.0.contains(&(step + 1)) {
            self.0.push(step + 1);
        }
    }

    fn after(&self, steps: &[Step], key: Key<'_>) -> Self {
        let mut next = Self(SmallVec::new());
        for at in &self.0 {
            match steps.get(usize::from(*at)) {
                Some(Step::Any) => next.add(steps, *at),
                Some(step) if step.fits(key) => next.add(steps, at + 1),
                _ => {}
            }
        }
        next
    }

    fn is_end(&self, steps: &[Step]) -> bool {
        self.0.iter().any(|at| usize::from(*at) == steps.len())
    }

    fn goes_on(&self, steps: &[Step]) -> bool {
        self.0.iter().any(|at| usize::from(*at) < steps.len())
    }
}

/// The value at plain steps.
pub fn at<'v>(value: &'v Value, steps: &[CompactString]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |here, step| match here {
        Value::Object(object) => object.get(step),
        Value::List(items) => items.get(index(step, items.len())?),
        _ => None,
    })
}

/// The same, moved out.
pub fn take_at(value: Value, steps: &[CompactString]) -> Option<Value> {
    steps.iter().try_fold(value, |here, step| match here {
        Value::Object(mut object) => object.get_mut(step).map(std::mem::take),
        Value::List(mut items) => {
            let place = index(step, items.len())?;
            Some(items.swap_remove(place))
        }
        _ => None,
    })
}

/// The value at plain steps in a record, of which nothing else is read.
pub fn row_at(row: &Row, steps: &[CompactString]) -> Option<Value> {
    let Some((first, rest)) = steps.split_first() else {
        return Some(row.to_value());
    };
    if let (Some(text), false) = (row.raw(first), rest.is_empty()) {
        return model::json::parse(text_at(text, rest)?).ok();
    }
    if row.is_object() {
        return take_at(row.get(first)?, rest);
    }
    at(&row.to_value(), steps).cloned()
}

#[cfg(test)]
mod tests;
