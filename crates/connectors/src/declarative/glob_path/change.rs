//! Putting values at paths and taking them away.

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};

use super::{GlobPath, Key, Reached, Step};

/// Items that a list may be filled up to.
const MOST_ITEMS: usize = 10_000;

/// Why a value cannot be put at a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// A value on the way has no members.
    #[error("there is a {kind} where `{step}` should be put in")]
    InTheWay {
        /// What should be put in.
        step: CompactString,
        /// What is there.
        kind: &'static str,
    },
    /// A list has numbers, not names.
    #[error("`{0}` is no place in a list")]
    NoPlace(CompactString),
}

/// Puts a value at a path of plain steps and makes what is missing on the way: lists before numbers, objects before
/// names. A list that is too short is filled up with nulls. Null on the way counts as missing.
pub fn put(value: &mut Value, steps: &[CompactString], new: Value) -> Result<(), PutError> {
    let Some((first, rest)) = steps.split_first() else {
        *value = new;
        return Ok(());
    };
    if value.is_null() {
        *value = if is_number(first) {
            Value::List(Vec::new())
        } else {
            Value::Object(Object::new())
        };
    }
    let slot = match value {
        Value::Object(object) => {
            if object.get(first).is_none() {
                object.push(first.clone(), Value::Null);
            }
            object.get_mut(first)
        }
        Value::List(items) => {
            let place = first.parse().ok().filter(|place| *place < MOST_ITEMS);
            let place: usize = place.ok_or_else(|| PutError::NoPlace(first.clone()))?;
            while items.len() <= place {
                items.push(Value::Null);
            }
            items.get_mut(place)
        }
        other => {
            return Err(PutError::InTheWay {
                step: first.clone(),
                kind: other.kind(),
            });
        }
    };
    slot.map_or(Ok(()), |slot| put(slot, rest, new))
}

fn is_number(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

/// The same in a record, of which only the member at the first step is read.
pub fn put_in_row(row: &mut Row, steps: &[CompactString], new: Value) -> Result<(), PutError> {
    match steps {
        [name] if row.is_object() => row.set(name, new),
        [name, rest @ ..] if row.is_object() => {
            let mut member = row.get(name).unwrap_or_default();
            put(&mut member, rest, new)?;
            row.set(name, member);
        }
        _ => row.edit(|value| put(value, steps, new))?,
    }
    Ok(())
}

impl GlobPath {
    /// Takes away what is found; says how much that was. The last item of a list goes, others leave null behind, so that
    /// the rest keep their places.
    pub fn delete(&self, value: &mut Value) -> usize {
        self.delete_below(value, &Reached::start(&self.steps, 0))
    }

    /// The same in a record. Where the first step is plain, no other member is read.
    pub fn delete_in_row(&self, row: &mut Row) {
        match self.steps.as_slice() {
            [Step::Plain(name)] if row.is_object() => _ = row.remove(name),
            [Step::Plain(name), ..] if row.is_object() => {
                let reached = Reached::start(&self.steps, 1);
                if reached.is_end(&self.steps) {
                    row.remove(name);
                    return;
                }
                if let Some(names) = self.plain()
                    && delete_named(row, names)
                {
                    return;
                }
                let Some(mut member) = row.get(name) else {
                    return;
                };
                if self.delete_below(&mut member, &reached) > 0 {
                    row.set(name, member);
                }
            }
            _ => _ = row.edit(|value| self.delete(value)),
        }
    }

    fn delete_below(&self, value: &mut Value, reached: &Reached) -> usize {
        let mut deleted = 0;
        let mut deletes = |key: Key<'_>, below: &mut Vec<Reached>| {
            let next = reached.after(&self.steps, key);
            let is_end = next.is_end(&self.steps);
            deleted += usize::from(is_end);
            if !is_end {
                below.push(next);
            }
            is_end
        };
        let mut below = Vec::new();
        match value {
            Value::Object(object) => {
                retain(object, &mut |name, _| !deletes(Key::Name(name), &mut below));
                for ((_, member), next) in object.iter_mut().zip(&below) {
                    if next.goes_on(&self.steps) {
                        deleted += self.delete_below(member, next);
                    }
                }
            }
            Value::List(items) => {
                let length = items.len();
                let mut kept = Vec::new();
                for place in 0..length {
                    if deletes(Key::Place(place, length), &mut below) {
                        remove_item(items, place);
                    } else {
                        kept.push(place);
                    }
                }
                for (place, next) in kept.into_iter().zip(&below) {
                    if let Some(item) = items.get_mut(place)
                        && next.goes_on(&self.steps)
                    {
                        deleted += self.delete_below(item, next);
                    }
                }
            }
            _ => {}
        }
        deleted
    }
}

/// Takes away what stands at names that lead through objects as they came; false where they do not.
fn delete_named(row: &mut Row, names: &[CompactString]) -> bool {
    match names {
        [name] => {
            row.remove(name);
            true
        }
        [name, rest @ ..] => {
            let mut done = false;
            row.change_object(name, |member| done = delete_named(member, rest)) && done
        }
        [] => false,
    }
}

/// Takes away every value that is neither object nor list and of which `unwanted` is true, however deep.
pub fn delete_leaves<E>(
    value: &mut Value,
    unwanted: &mut dyn FnMut(&Value) -> Result<bool, E>,
) -> Result<(), E> {
    let mut failed = None;
    let mut goes = |value: &Value| {
        let is_leaf = !matches!(value, Value::Object(_) | Value::List(_));
        if !is_leaf || failed.is_some() {
            return false;
        }
        unwanted(value).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    };
    match value {
        Value::Object(object) => retain(object, &mut |_, value| !goes(value)),
        Value::List(items) => {
            for place in 0..items.len() {
                if items.get(place).is_some_and(&mut goes) {
                    remove_item(items, place);
                }
            }
        }
        _ => {}
    }
    if let Some(error) = failed {
        return Err(error);
    }
    match value {
        Value::Object(object) => object
            .iter_mut()
            .try_for_each(|(_, member)| delete_leaves(member, unwanted)),
        Value::List(items) => items
            .iter_mut()
            .try_for_each(|item| delete_leaves(item, unwanted)),
        _ => Ok(()),
    }
}

fn remove_item(items: &mut Vec<Value>, place: usize) {
    if place + 1 == items.len() {
        items.pop();
    } else if let Some(item) = items.get_mut(place) {
        *item = Value::Null;
    }
}

fn retain(object: &mut Object, keep: &mut dyn FnMut(&str, &Value) -> bool) {
    *object = std::mem::take(object)
        .into_iter()
        .filter(|(name, value)| keep(name, value))
        .collect();
}

impl GlobPath {
    /// Takes the lists away that are found; here the items of a list close ranks.
    pub fn delete_lists(&self, value: &mut Value) {
        self.delete_lists_below(value, &Reached::start(&self.steps, 0));
    }

    fn delete_lists_below(&self, value: &mut Value, reached: &Reached) {
        let goes = |key: Key<'_>, value: &mut Value| {
            let next = reached.after(&self.steps, key);
            if next.is_end(&self.steps) && matches!(value, Value::List(_)) {
                return true;
            }
            if next.goes_on(&self.steps) {
                self.delete_lists_below(value, &next);
            }
            false
        };
        match value {
            Value::Object(object) => {
                *object = std::mem::take(object)
                    .into_iter()
                    .filter_map(|(name, mut value)| {
                        (!goes(Key::Name(&name), &mut value)).then_some((name, value))
                    })
                    .collect();
            }
            Value::List(items) => {
                let length = items.len();
                let mut place = 0;
                items.retain_mut(|item| {
                    place += 1;
                    !goes(Key::Place(place - 1, length), item)
                });
            }
            _ => {}
        }
    }
}

impl GlobPath {
    /// Changes everything that is found.
    pub fn change(&self, value: &mut Value, each: &mut dyn FnMut(&mut Value)) {
        self.change_below(value, &Reached::start(&self.steps, 0), each);
    }

    fn change_below(&self, value: &mut Value, reached: &Reached, each: &mut dyn FnMut(&mut Value)) {
        let mut child = |key: Key<'_>, value: &mut Value| {
            let next = reached.after(&self.steps, key);
            if next.is_end(&self.steps) {
                each(value);
            }
            if next.goes_on(&self.steps) {
                self.change_below(value, &next, each);
            }
        };
        match value {
            Value::Object(object) => {
                for (name, member) in object.iter_mut() {
                    child(Key::Name(name), member);
                }
            }
            Value::List(items) => {
                let length = items.len();
                for (place, item) in items.iter_mut().enumerate() {
                    child(Key::Place(place, length), item);
                }
            }
            _ => {}
        }
    }
}
