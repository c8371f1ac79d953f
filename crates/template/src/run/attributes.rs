//! `value.name` and `value[key]`.

use compact_str::CompactString;
use model::value::Value;
use num_traits::ToPrimitive as _;

use super::Machine;
use crate::error::{Fallible, Fault, FaultKind};
use crate::value::dict::Key;
use crate::value::{Thing, Val, print};

impl<'r> Machine<'r> {
    /// `value.name`: what Python calls an attribute first, then a member of that name. The other way round in strict
    /// templates, where `record.items` is a field.
    pub(crate) fn attribute(&self, value: &Val<'r>, name: &str) -> Fallible<Val<'r>> {
        // Most often a member of an input, which no method hides.
        if !self.has_adopted.get()
            && let Val::Ref(Value::Object(object)) = value
            && let Some(member) = object.get(name)
            && (self.strict || !crate::methods::is_dict_method(name))
            && !name.starts_with("__")
        {
            return Ok(self.val(member));
        }
        let value = &self.settled(value);
        if let Val::Undefined(missing) = value {
            return Err(self.undefined_fault(missing));
        }
        let is_dict = matches!(value, Val::Ref(_) | Val::Lazy(_) | Val::Dict(_));
        if self.strict
            && is_dict
            && let Some(member) = self.member(value, name)?
        {
            return Ok(member);
        }
        if name.starts_with("__") && name.ends_with("__") {
            return Ok(self.unsafe_attribute(value, name));
        }
        if let Some(found) = self.own_attribute(value, name) {
            return Ok(found);
        }
        if is_dict && let Some(member) = self.member(value, name)? {
            return Ok(member);
        }
        Ok(self.missing_member(value, name))
    }

    fn unsafe_attribute(&self, value: &Val<'r>, name: &str) -> Val<'r> {
        self.missing(
            FaultKind::Failed,
            format!(
                "access to attribute '{name}' of '{}' object is unsafe.",
                value.type_name()
            ),
        )
    }

    fn missing_member(&self, value: &Val<'r>, name: &str) -> Val<'r> {
        self.missing(
            FaultKind::Undefined,
            format!("'{}' has no attribute '{name}'", value.described()),
        )
    }

    /// What Python's objects of this kind have under the name.
    fn own_attribute(&self, value: &Val<'r>, name: &str) -> Option<Val<'r>> {
        if let Some(found) = crate::methods::property(self, value, name) {
            return Some(found);
        }
        crate::methods::has(self, value, name)
            .then(|| Val::object(Thing::Method(value.clone(), CompactString::from(name))))
    }

    /// The member of a dict.
    pub(crate) fn member(&self, value: &Val<'r>, name: &str) -> Fallible<Option<Val<'r>>> {
        Ok(match value {
            Val::Ref(Value::Object(object)) => object.get(name).map(|member| self.val(member)),
            Val::Dict(dict) => dict.0.borrow().get_text(name).cloned(),
            Val::Lazy(members) => self.lazy_member(*members, name),
            _ => None,
        })
    }

    /// `value['name']`
    pub(super) fn subscript_text(&self, value: &Val<'r>, name: &str) -> Fallible<Val<'r>> {
        // The most frequent expression of all.
        if !self.has_adopted.get()
            && let Val::Ref(Value::Object(object)) = value
            && let Some(member) = object.get(name)
        {
            return Ok(self.val(member));
        }
        let value = &self.settled(value);
        if let Val::Undefined(missing) = value {
            return Err(self.undefined_fault(missing));
        }
        if let Some(member) = self.member(value, name)? {
            return Ok(member);
        }
        if name.starts_with("__") && name.ends_with("__") {
            return Ok(self.unsafe_attribute(value, name));
        }
        Ok(self
            .own_attribute(value, name)
            .unwrap_or_else(|| self.missing_member(value, name)))
    }

    /// `value[key]`
    pub(crate) fn subscript(&self, value: &Val<'r>, key: &Val<'r>) -> Fallible<Val<'r>> {
        if let Val::Text(name) = key {
            return self.subscript_text(value, name);
        }
        let value = &self.settled(value);
        if let Val::Undefined(missing) = value {
            return Err(self.undefined_fault(missing));
        }
        if let Some(found) = self.item(value, key)? {
            return Ok(found);
        }
        if let Some(name) = key.as_str() {
            return self.subscript_text(value, name);
        }
        Ok(self.missing(
            FaultKind::Undefined,
            format!(
                "{} has no element {}",
                value.described(),
                print::to_repr(self, key)?
            ),
        ))
    }

    /// The item of a list, the member of a dict, the character of a text; none where there is none.
    pub(crate) fn item(&self, value: &Val<'r>, key: &Val<'r>) -> Fallible<Option<Val<'r>>> {
        let value = &self.settled(value);
        Ok(match value {
            Val::Ref(Value::Object(_)) | Val::Lazy(_) => match key.as_str() {
                Some(name) => self.member(value, name)?,
                None => None,
            },
            Val::Dict(dict) => match key {
                Val::Text(name) => dict.0.borrow().get_text(name).cloned(),
                key => {
                    Key::new(self.settled(key)).and_then(|key| dict.0.borrow().get(&key).cloned())
                }
            },
            Val::Ref(Value::List(items)) => place(key, items.len())
                .and_then(|at| items.get(at))
                .map(|item| self.val(item)),
            Val::List(list) => {
                let list = list.0.borrow();
                place(key, list.len()).and_then(|at| list.get(at)).cloned()
            }
            Val::Tuple(tuple) => place(key, tuple.items.len())
                .and_then(|at| tuple.items.get(at))
                .cloned(),
            Val::Text(_) | Val::Markup(_) => {
                let text = value.as_str().unwrap_or_default();
                place(key, crate::text::length(text)).map(|at| {
                    let c = crate::text::chars_between(text, at, at + 1);
                    match value {
                        Val::Markup(_) => Val::Markup(c.into()),
                        _ => Val::text(c),
                    }
                })
            }
            Val::Bytes(bytes) => place(key, bytes.len())
                .and_then(|at| bytes.get(at))
                .map(|byte| Val::Int(i64::from(*byte))),
            Val::Object(thing) => match &**thing {
                Thing::Range(..) => {
                    let items = self.collect(value)?;
                    place(key, items.len())
                        .and_then(|at| items.get(at))
                        .cloned()
                }
                _ => None,
            },
            _ => None,
        })
    }

    /// `value[key] = new`, for `update` and its like.
    pub(crate) fn set_item(&self, value: &Val<'r>, key: Val<'r>, new: Val<'r>) -> Fallible<()> {
        let Val::Dict(dict) = self.adopt(value)? else {
            return Err(Fault::wrong_type(format!(
                "'{}' object does not support item assignment",
                value.type_name()
            )));
        };
        match &key {
            Val::Text(name) => dict.0.borrow_mut().set_text(name, new),
            _ => {
                let key = self.key(key)?;
                dict.0.borrow_mut().set(key, new);
            }
        }
        Ok(())
    }
}

/// Where the index of a sequence points to; none where it points to nothing, or is no index.
fn place(key: &Val<'_>, length: usize) -> Option<usize> {
    let n = match key {
        Val::Int(n) => *n,
        Val::Bool(flag) => i64::from(*flag),
        Val::Big(n) => n.to_i64()?,
        _ => return None,
    };
    let n = if n < 0 {
        n.checked_add(i64::try_from(length).ok()?)?
    } else {
        n
    };
    usize::try_from(n).ok().filter(|n| *n < length)
}
