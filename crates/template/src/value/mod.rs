//! The values that live during an evaluation: Python's, borrowed from the inputs where that can be.

pub(crate) mod compare;
pub(crate) mod dict;
pub(crate) mod iterate;
pub(crate) mod number;
pub(crate) mod print;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use compact_str::CompactString;
use model::number::Decimal;
use model::value::Value;
use num_bigint::BigInt;

use crate::Members;
use crate::dates::{Moment, Period, Span};
use crate::functions::Function;
use crate::run::Loop;
use crate::tree::Macro;
use dict::Dict;
use iterate::Iter;

/// A value during an evaluation. `'r` is the time of the evaluation.
#[derive(Clone, Debug)]
pub(crate) enum Val<'r> {
    /// What is not there.
    Undefined(Rc<Missing>),
    None,
    Bool(bool),
    Int(i64),
    /// Outside of `i64`.
    Big(Rc<BigInt>),
    Float(f64),
    /// A number whose digits are kept: strict templates only.
    Amount(&'r Decimal),
    Text(Text<'r>),
    /// Text that is safe in HTML: adding to it escapes.
    Markup(Rc<str>),
    Bytes(Rc<[u8]>),
    /// A list or an object of an input.
    Ref(&'r Value),
    /// Members of an input that are not read yet.
    Lazy(&'r dyn Members),
    List(Rc<List<'r>>),
    Tuple(Rc<Tuple<'r>>),
    Dict(Rc<DictCell<'r>>),
    Date(jiff::civil::Date),
    Time(jiff::civil::Time),
    Moment(Rc<Moment>),
    Span(Rc<Span>),
    Period(Rc<Period>),
    Object(Rc<Thing<'r>>),
}

/// Text: borrowed, its own, or shared once it has a name.
#[derive(Clone, Debug)]
pub(crate) enum Text<'r> {
    Borrowed(&'r str),
    Owned(CompactString),
    Shared(Rc<str>),
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// Why something is not there.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) message: String,
    /// The kind of the error that using it is.
    pub(crate) kind: crate::error::FaultKind,
    /// As the template writes it, such as `record.name`: strict templates only.
    pub(crate) path: Option<String>,
}

/// A list that can change.
#[derive(Debug, Default)]
pub(crate) struct List<'r>(pub(crate) RefCell<Vec<Val<'r>>>);

/// Values that belong together.
#[derive(Debug, Default)]
pub(crate) struct Tuple<'r> {
    pub(crate) items: Vec<Val<'r>>,
    /// A member of `groupby`: its values are also `grouper` and `list`.
    pub(crate) is_group: bool,
}

/// A dict that can change.
#[derive(Debug, Default)]
pub(crate) struct DictCell<'r>(pub(crate) RefCell<Dict<'r>>);

/// What is neither a plain value nor a container.
#[derive(Debug)]
pub(crate) enum Thing<'r> {
    Function(&'static Function),
    /// A method that was not called yet: of what, and its name.
    Method(Val<'r>, CompactString),
    /// A macro and the frame that it was made in.
    Macro(&'r Macro, usize),
    Loop(Box<Loop<'r>>),
    Namespace(RefCell<Dict<'r>>),
    Cycler(Vec<Val<'r>>, Cell<usize>),
    Joiner(Text<'r>, Cell<bool>),
    /// A generator or an iterator, and what Python calls it.
    Iter(Box<RefCell<Iter<'r>>>, &'static str),
    /// `dict.keys()`, `.values()`, `.items()`.
    View(Val<'r>, View),
    /// `range(start, stop, step)`: strict templates only.
    Range(i64, i64, i64),
    /// `datetime.tzinfo`
    Zone(crate::dates::Zone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Keys,
    Values,
    Items,
}

impl View {
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Keys => "dict_keys",
            Self::Values => "dict_values",
            Self::Items => "dict_items",
        }
    }
}

impl<'r> Val<'r> {
    pub(crate) fn text(text: impl Into<CompactString>) -> Self {
        Self::Text(Text::Owned(text.into()))
    }

    pub(crate) fn borrowed(text: &'r str) -> Self {
        Self::Text(Text::Borrowed(text))
    }

    pub(crate) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(List(RefCell::new(items))))
    }

    pub(crate) fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Rc::new(Tuple {
            items,
            is_group: false,
        }))
    }

    pub(crate) fn dict(dict: Dict<'r>) -> Self {
        Self::Dict(Rc::new(DictCell(RefCell::new(dict))))
    }

    pub(crate) fn object(thing: Thing<'r>) -> Self {
        Self::Object(Rc::new(thing))
    }

    pub(crate) fn generator(iter: Iter<'r>) -> Self {
        Self::object(Thing::Iter(Box::new(RefCell::new(iter)), "generator"))
    }

    pub(crate) fn big(n: BigInt) -> Self {
        match i64::try_from(&n) {
            Ok(n) => Self::Int(n),
            Err(_) => Self::Big(Rc::new(n)),
        }
    }

    pub(crate) fn count(n: usize) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// The text, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Markup(text) => Some(text),
            _ => None,
        }
    }

    /// `type(value).__name__`
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Float(_) | Self::Amount(_) => "float",
            Self::Text(_) => "str",
            Self::Markup(_) => "Markup",
            Self::Bytes(_) => "bytes",
            Self::Ref(Value::List(_)) | Self::List(_) => "list",
            Self::Ref(_) | Self::Lazy(_) | Self::Dict(_) => "dict",
            Self::Tuple(tuple) if tuple.is_group => "_GroupTuple",
            Self::Tuple(_) => "tuple",
            Self::Date(_) => "datetime.date",
            Self::Time(_) => "datetime.time",
            Self::Moment(_) => "datetime.datetime",
            Self::Span(_) => "datetime.timedelta",
            Self::Period(_) => "Duration",
            Self::Object(thing) => match &**thing {
                Thing::Function(_) => "function",
                Thing::Method(..) => "builtin_function_or_method",
                Thing::Macro(..) => "Macro",
                Thing::Loop(_) => "LoopContext",
                Thing::Namespace(_) => "Namespace",
                Thing::Cycler(..) => "Cycler",
                Thing::Joiner(..) => "Joiner",
                Thing::Iter(_, name) => name,
                Thing::View(_, view) => view.type_name(),
                Thing::Range(..) => "range",
                Thing::Zone(_) => "datetime.timezone",
            },
        }
    }

    /// The word a person reads for this kind of value.
    pub(crate) fn kind_word(&self) -> &'static str {
        match self.type_name() {
            "NoneType" => "null",
            "bool" => "true/false",
            "int" => "whole number",
            "float" => "number",
            "str" | "Markup" => "text",
            "dict" => "object",
            "datetime.date" => "date",
            "datetime.datetime" => "date and time",
            "datetime.timedelta" | "Duration" => "duration",
            other => other,
        }
    }

    /// As Jinja names the kind of a value in its messages.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::None => "None".to_owned(),
            Self::Undefined(_) => "jinja2.runtime.Undefined object".to_owned(),
            Self::Markup(_) => "markupsafe.Markup object".to_owned(),
            Self::Period(_) => "isodate.duration.Duration object".to_owned(),
            _ => format!("{} object", self.type_name()),
        }
    }

    /// Ready to be held under a name: long texts are shared from now on.
    pub(crate) fn kept(self) -> Self {
        match self {
            Self::Text(Text::Owned(text)) if text.is_heap_allocated() => {
                Self::Text(Text::Shared(text.as_str().into()))
            }
            other => other,
        }
    }
}

/// Containers that hold containers are taken apart in a loop: a chain of a million must not need a million frames.
fn take_apart<'r>(mut waiting: Vec<Val<'r>>) {
    while let Some(value) = waiting.pop() {
        match value {
            Val::List(list) => {
                if let Some(list) = Rc::into_inner(list) {
                    waiting.append(&mut list.0.borrow_mut());
                }
            }
            Val::Dict(dict) => {
                if let Some(dict) = Rc::into_inner(dict) {
                    waiting.extend(dict.0.borrow_mut().take_all());
                }
            }
            Val::Tuple(tuple) => {
                if let Some(mut tuple) = Rc::into_inner(tuple) {
                    waiting.append(&mut tuple.items);
                }
            }
            Val::Object(thing) => {
                if let Some(mut thing) = Rc::into_inner(thing) {
                    thing.release(&mut waiting);
                }
            }
            _ => {}
        }
    }
}

fn holds_containers(items: &[Val<'_>]) -> bool {
    items.iter().any(|item| {
        matches!(
            item,
            Val::List(_) | Val::Dict(_) | Val::Tuple(_) | Val::Object(_)
        )
    })
}

impl<'r> Thing<'r> {
    /// Hands over what it holds.
    fn release(&mut self, waiting: &mut Vec<Val<'r>>) {
        match self {
            Self::Method(of, _) | Self::View(of, _) => {
                waiting.push(std::mem::replace(of, Val::None));
            }
            Self::Namespace(dict) => waiting.extend(dict.get_mut().take_all()),
            Self::Cycler(items, _) => waiting.append(items),
            Self::Iter(iter, _) => iter.get_mut().release(waiting),
            Self::Loop(each) => each.release(waiting),
            Self::Function(_)
            | Self::Macro(..)
            | Self::Joiner(..)
            | Self::Range(..)
            | Self::Zone(_) => {}
        }
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        let mut waiting = Vec::new();
        self.release(&mut waiting);
        if holds_containers(&waiting) {
            take_apart(waiting);
        }
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        let items = self.0.get_mut();
        if holds_containers(items) {
            take_apart(std::mem::take(items));
        }
    }
}

impl Drop for Tuple<'_> {
    fn drop(&mut self) {
        if holds_containers(&self.items) {
            take_apart(std::mem::take(&mut self.items));
        }
    }
}

impl Drop for DictCell<'_> {
    fn drop(&mut self) {
        let dict = self.0.get_mut();
        if dict.len() > 0 {
            take_apart(dict.take_all());
        }
    }
}
