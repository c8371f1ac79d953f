//! The interpreter: one [`Machine`] for each evaluation.

mod arena;
mod attributes;
mod calls;
mod expressions;
mod operators;
mod slices;
mod statements;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use compact_str::CompactString;
use model::value::Value;
use num_bigint::BigInt;
use smallvec::SmallVec;

pub(crate) use arena::Arena;
pub(crate) use calls::Given;
pub(crate) use statements::Loop;

use crate::dates::{Moment, Zone};
use crate::error::{Fallible, Fault, FaultKind};
use crate::value::dict::{Dict, Key};
use crate::value::{DictCell, List, Missing, Thing, Val};
use crate::{Env, Input, Members, Scope};

/// Deepest nesting of expressions, calls and values.
const MAX_DEPTH: u32 = 200;

/// One evaluation: its names, its limits, and what became of the inputs.
pub(crate) struct Machine<'r> {
    scope: &'r Scope<'r>,
    pub(crate) env: &'r Env,
    arena: &'r Arena,
    pub(crate) strict: bool,
    fuel: Cell<u64>,
    depth: Cell<u32>,
    frames: RefCell<SmallVec<[Frame<'r>; 1]>>,
    /// The frame that names are set in.
    frame: Cell<usize>,
    /// Whether what is printed is escaped.
    autoescape: Cell<bool>,
    /// Inputs that a template changed, by their address: the input itself stays as it is.
    adopted: RefCell<HashMap<usize, Val<'r>>>,
    has_adopted: Cell<bool>,
    /// Members that were read, so that they are read once.
    read: RefCell<Vec<(usize, Option<&'r str>, &'r Value)>>,
    /// Containers that were changed: only they can hold themselves, and must be emptied in the end.
    changed: RefCell<Vec<Val<'r>>>,
}

/// Names that were set, and the frame around it.
#[derive(Debug)]
struct Frame<'r> {
    outer: Option<usize>,
    names: SmallVec<[(&'r str, Val<'r>); 4]>,
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        for value in self.changed.get_mut().drain(..) {
            match value {
                Val::List(list) => {
                    let items = std::mem::take(&mut *list.0.borrow_mut());
                    drop(items);
                }
                Val::Dict(dict) => {
                    let members = dict.0.borrow_mut().take_all();
                    drop(members);
                }
                Val::Object(thing) => {
                    if let Thing::Namespace(members) = &*thing {
                        let members = members.borrow_mut().take_all();
                        drop(members);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'r> Machine<'r> {
    pub(crate) fn new(scope: &'r Scope<'r>, env: &'r Env, arena: &'r Arena, strict: bool) -> Self {
        Self {
            scope,
            env,
            arena,
            strict,
            fuel: Cell::new(env.fuel),
            depth: Cell::new(0),
            frames: RefCell::new(SmallVec::new()),
            frame: Cell::new(0),
            autoescape: Cell::new(false),
            adopted: RefCell::new(HashMap::new()),
            has_adopted: Cell::new(false),
            read: RefCell::new(Vec::new()),
            changed: RefCell::new(Vec::new()),
        }
    }

    /// Takes one step of the fuel.
    pub(crate) fn step(&self) -> Fallible<()> {
        self.steps(1)
    }

    /// Takes so many steps.
    pub(crate) fn steps(&self, n: usize) -> Fallible<()> {
        match self.fuel.get().checked_sub(n as u64) {
            Some(left) => {
                self.fuel.set(left);
                Ok(())
            }
            None => Err(Fault::exhausted("the template takes too long")),
        }
    }

    /// Pays for text that is made or looked through.
    pub(crate) fn pay_for_bytes(&self, n: usize) -> Fallible<()> {
        if n > self.env.longest {
            return Err(self.too_long());
        }
        self.steps(n / 64)
    }

    fn too_long(&self) -> Box<Fault> {
        Fault::exhausted(format!(
            "the template makes more than {} bytes of text",
            self.env.longest
        ))
    }

    /// Checks that a text did not get too long.
    pub(crate) fn check_length(&self, out: &str) -> Fallible<()> {
        if out.len() > self.env.longest {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// Appends text, within the limit.
    pub(crate) fn append(&self, out: &mut String, text: &str) -> Fallible<()> {
        self.pay_for_bytes(text.len())?;
        out.push_str(text);
        self.check_length(out)
    }

    /// One level deeper.
    pub(crate) fn deeper<T>(&self, run: impl FnOnce(&Self) -> Fallible<T>) -> Fallible<T> {
        let depth = self.depth.get() + 1;
        if depth > MAX_DEPTH {
            return Err(Fault::exhausted("the template is nested too deep"));
        }
        self.depth.set(depth);
        let made = run(self);
        self.depth.set(depth - 1);
        made
    }

    /// A value of an input.
    pub(crate) fn val(&self, value: &'r Value) -> Val<'r> {
        match value {
            Value::Null => Val::None,
            Value::Bool(flag) => Val::Bool(*flag),
            Value::Int(n) => Val::Int(*n),
            Value::UInt(n) => Val::big(BigInt::from(*n)),
            Value::Decimal(decimal) => {
                let digits = decimal.as_str();
                if !digits.contains(['.', 'e', 'E'])
                    && let Some(n) = BigInt::parse_bytes(digits.as_bytes(), 10)
                {
                    return Val::big(n);
                }
                if self.strict {
                    return Val::Amount(decimal);
                }
                Val::Float(decimal.to_f64())
            }
            Value::Float(float) => Val::Float(*float),
            Value::Text(text) => Val::borrowed(text),
            Value::Bytes(bytes) => Val::Bytes(bytes.as_slice().into()),
            Value::Date(date) if self.strict => Val::text(date.to_string()),
            Value::Time(time) if self.strict => Val::text(time.to_string()),
            Value::Timestamp(timestamp) if self.strict => Val::text(timestamp.to_string()),
            Value::Date(date) => Val::Date(*date),
            Value::Time(time) => Val::Time(*time),
            Value::Timestamp(timestamp) => {
                let zone = Zone {
                    seconds: timestamp.offset_seconds,
                    is_pytz: false,
                };
                let utc = Moment::at(timestamp.instant, Zone::UTC);
                let moment = utc.in_zone(zone).unwrap_or(utc);
                Val::Moment(Rc::new(moment))
            }
            Value::List(_) | Value::Object(_) => Val::Ref(value),
        }
    }

    /// A value that was made outside of the machine's own values.
    pub(crate) fn owned(&self, value: Value) -> Val<'r> {
        self.val(self.arena.keep(value))
    }

    /// What stands behind an input's name.
    fn input(&self, name: &str) -> Option<Val<'r>> {
        Some(match self.scope.get(name)? {
            Input::Value(value) => self.val(value),
            Input::Owned(value) => self.val(value),
            Input::Members(members) => Val::Lazy(*members),
        })
    }

    /// Checks that the scope has all names that a template needs.
    pub(crate) fn has_all(&self, names: &[CompactString]) -> Fallible<()> {
        for name in names {
            if self.scope.get(name).is_none() {
                let known: Vec<&str> = self.scope.names().collect();
                return Err(Fault::new(
                    FaultKind::UnknownName,
                    if known.is_empty() {
                        format!("there is no name `{name}` here, nor any other")
                    } else {
                        format!("there is no name `{name}` here, only {}", known.join(", "))
                    },
                ));
            }
        }
        Ok(())
    }

    /// What stands behind a name: set by the template, given by the scope, or of the language.
    pub(crate) fn name(&self, name: &'r str) -> Val<'r> {
        let frames = self.frames.borrow();
        let mut at = if frames.is_empty() {
            None
        } else {
            Some(self.frame.get())
        };
        while let Some(frame) = at.and_then(|at| frames.get(at)) {
            if let Some((_, value)) = frame.names.iter().rev().find(|(known, _)| *known == name) {
                return value.clone();
            }
            at = frame.outer;
        }
        drop(frames);
        if let Some(value) = self.input(name) {
            return value;
        }
        if let Some(function) = crate::functions::find(name, self.strict) {
            return Val::object(Thing::Function(function));
        }
        self.missing(FaultKind::Undefined, format!("'{name}' is undefined"))
    }

    /// Sets a name in the innermost frame.
    fn set_name(&self, name: &'r str, value: Val<'r>) {
        let value = value.kept();
        let mut frames = self.frames.borrow_mut();
        if frames.is_empty() {
            frames.push(Frame {
                outer: None,
                names: SmallVec::new(),
            });
        }
        let Some(frame) = frames.get_mut(self.frame.get()) else {
            return;
        };
        match frame.names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => frame.names.push((name, value)),
        }
    }

    /// Runs in a frame of its own, around which `outer` stands.
    fn framed<T>(
        &self,
        outer: Option<usize>,
        run: impl FnOnce(&Self) -> Fallible<T>,
    ) -> Fallible<T> {
        let before = self.frame.get();
        let index = {
            let mut frames = self.frames.borrow_mut();
            if frames.is_empty() {
                frames.push(Frame {
                    outer: None,
                    names: SmallVec::new(),
                });
            }
            let outer = outer.unwrap_or(before).min(frames.len() - 1);
            frames.push(Frame {
                outer: Some(outer),
                names: SmallVec::new(),
            });
            frames.len() - 1
        };
        self.frame.set(index);
        let made = self.deeper(run);
        self.frames.borrow_mut().truncate(index);
        self.frame.set(before);
        made
    }

    /// What is not there.
    pub(crate) fn missing(&self, kind: FaultKind, message: String) -> Val<'r> {
        Val::Undefined(Rc::new(Missing {
            kind,
            message,
            path: None,
        }))
    }

    /// The error that using what is not there is.
    pub(crate) fn undefined_fault(&self, missing: &Missing) -> Box<Fault> {
        let mut fault = Fault::new(missing.kind, missing.message.clone());
        if let Some(path) = &missing.path {
            fault.message = format!("`{path}` is not there");
            fault.missing = Some(path.clone());
        }
        fault
    }

    /// The value itself, or what became of it when the template changed it.
    pub(crate) fn settled(&self, value: &Val<'r>) -> Val<'r> {
        if self.has_adopted.get()
            && let Some(address) = address(value)
            && let Some(adopted) = self.adopted.borrow().get(&address)
        {
            return adopted.clone();
        }
        value.clone()
    }

    /// A list or dict that can be changed in place of an input's.
    pub(crate) fn adopt(&self, value: &Val<'r>) -> Fallible<Val<'r>> {
        let settled = self.settled(value);
        let Some(address) = address(&settled) else {
            self.note_change(&settled);
            return Ok(settled);
        };
        let own = match &settled {
            Val::Ref(Value::List(_)) => {
                Val::List(Rc::new(List(RefCell::new(self.items_of(value)?))))
            }
            _ => {
                let entries = self.entries_of(value)?;
                let mut dict = Dict::with_capacity(entries.len());
                for (key, value) in entries {
                    if let Some(key) = Key::new(key) {
                        dict.set(key, value);
                    }
                }
                Val::Dict(Rc::new(DictCell(RefCell::new(dict))))
            }
        };
        self.adopted.borrow_mut().insert(address, own.clone());
        self.has_adopted.set(true);
        self.note_change(&own);
        Ok(own)
    }

    fn note_change(&self, value: &Val<'r>) {
        let mut changed = self.changed.borrow_mut();
        // Most templates change the same few things again and again.
        let known = changed
            .iter()
            .rev()
            .take(8)
            .any(|known| match (known, value) {
                (Val::List(left), Val::List(right)) => Rc::ptr_eq(left, right),
                (Val::Dict(left), Val::Dict(right)) => Rc::ptr_eq(left, right),
                (Val::Object(left), Val::Object(right)) => Rc::ptr_eq(left, right),
                _ => false,
            });
        if !known {
            changed.push(value.clone());
        }
    }

    /// One member of what is looked up member by member.
    pub(crate) fn lazy_member(&self, members: &'r dyn Members, name: &str) -> Option<Val<'r>> {
        let address = members_address(members);
        for (of, known, value) in self.read.borrow().iter() {
            if *of != address {
                continue;
            }
            match known {
                Some(known) if *known == name => return Some(self.val(value)),
                None => {
                    let Value::Object(object) = value else {
                        return None;
                    };
                    return object.get(name).map(|member| self.val(member));
                }
                Some(_) => {}
            }
        }
        let value = self.arena.keep(members.member(name)?);
        let Value::Text(name) = self.arena.keep(Value::text(name)) else {
            return Some(self.val(value));
        };
        self.read.borrow_mut().push((address, Some(name), value));
        Some(self.val(value))
    }

    /// All members of what is looked up member by member.
    pub(crate) fn whole(&self, value: &Val<'r>) -> Val<'r> {
        let Val::Lazy(members) = value else {
            return value.clone();
        };
        let address = members_address(*members);
        let known = self
            .read
            .borrow()
            .iter()
            .find(|(of, name, _)| *of == address && name.is_none())
            .map(|(.., value)| *value);
        let value = known.unwrap_or_else(|| {
            let mut whole = members.to_value();
            if !matches!(whole, Value::Object(_)) {
                whole = Value::Object(model::value::Object::new());
            }
            let value = self.arena.keep(whole);
            self.read.borrow_mut().insert(0, (address, None, value));
            value
        });
        Val::Ref(value)
    }

    /// `bool(value)`
    pub(crate) fn is_true(&self, value: &Val<'r>) -> Fallible<bool> {
        Ok(match &self.settled(value) {
            Val::Undefined(_) | Val::None => false,
            Val::Bool(flag) => *flag,
            Val::Int(n) => *n != 0,
            Val::Float(float) => *float != 0.0,
            Val::Amount(decimal) => decimal.normalised() != "0",
            Val::Text(text) => !text.is_empty(),
            Val::Markup(text) => !text.is_empty(),
            Val::Bytes(bytes) => !bytes.is_empty(),
            Val::Tuple(tuple) => !tuple.items.is_empty(),
            Val::List(list) => !list.0.borrow().is_empty(),
            Val::Dict(dict) => dict.0.borrow().len() > 0,
            Val::Ref(value) => !value.is_empty(),
            Val::Span(span) => span.as_micros() != 0,
            Val::Object(thing) => match &**thing {
                Thing::View(of, _) => self.is_true(of)?,
                Thing::Range(start, stop, step) => {
                    (*step > 0 && start < stop) || (*step < 0 && start > stop)
                }
                Thing::Loop(each) => each.length() > 0,
                _ => true,
            },
            lazy @ Val::Lazy(_) => return self.is_true(&self.whole(lazy)),
            // All others are always true, numbers beyond 64 bits included.
            Val::Big(_) | Val::Date(_) | Val::Time(_) | Val::Moment(_) | Val::Period(_) => true,
        })
    }

    /// `len(value)`
    pub(crate) fn length(&self, value: &Val<'r>) -> Fallible<usize> {
        Ok(match &self.settled(value) {
            Val::Undefined(_) => 0,
            Val::Text(text) => crate::text::length(text),
            Val::Markup(text) => crate::text::length(text),
            Val::Bytes(bytes) => bytes.len(),
            Val::Tuple(tuple) => tuple.items.len(),
            Val::List(list) => list.0.borrow().len(),
            Val::Dict(dict) => dict.0.borrow().len(),
            Val::Ref(Value::List(items)) => items.len(),
            Val::Ref(Value::Object(object)) => object.len(),
            lazy @ Val::Lazy(_) => return self.length(&self.whole(lazy)),
            settled => {
                if let Val::Object(thing) = settled {
                    match &**thing {
                        Thing::View(of, _) => return self.length(of),
                        Thing::Loop(each) => return Ok(each.length()),
                        Thing::Range(..) => return Ok(self.collect(settled)?.len()),
                        _ => {}
                    }
                }
                return Err(Fault::wrong_type(format!(
                    "object of type '{}' has no len()",
                    settled.type_name()
                )));
            }
        })
    }
}

fn members_address(members: &dyn Members) -> usize {
    std::ptr::from_ref(members).cast::<()>() as usize
}

/// What tells one input's container from another's; none for what the template made itself.
fn address(value: &Val<'_>) -> Option<usize> {
    match value {
        Val::Ref(value) => Some(std::ptr::from_ref(*value) as usize),
        Val::Lazy(members) => Some(members_address(*members)),
        _ => None,
    }
}
