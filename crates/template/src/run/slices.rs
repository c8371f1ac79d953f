//! `value[start:stop:step]`

use model::value::Value;
use num_traits::Signed as _;

use super::Machine;
use crate::error::{Fallible, Fault};
use crate::value::{Text, Val};

impl<'r> Machine<'r> {
    pub(super) fn slice(&self, value: &Val<'r>, bounds: [Option<Val<'r>>; 3]) -> Fallible<Val<'r>> {
        if let Val::Undefined(missing) = value {
            return Err(self.undefined_fault(missing));
        }
        let value = self.settled(value);
        let length = match &value {
            Val::Text(_)
            | Val::Markup(_)
            | Val::Bytes(_)
            | Val::Tuple(_)
            | Val::List(_)
            | Val::Ref(Value::List(_)) => self.length(&value)?,
            Val::Ref(_) | Val::Dict(_) | Val::Lazy(_) => {
                return Err(Fault::wrong_type("unhashable type: 'slice'"));
            }
            _ => {
                return Err(Fault::wrong_type(format!(
                    "'{}' object is not subscriptable",
                    value.type_name()
                )));
            }
        };
        let [start, stop, step] = bounds.map(bound);
        let step = step?.unwrap_or(1);
        if step == 0 {
            return Err(Fault::value("slice step cannot be zero"));
        }
        let range = Range::new(length, start?, stop?, step);
        self.steps(range.count())?;
        Ok(match &value {
            Val::Text(text) if step == 1 => {
                let (from, to) = range.bounds();
                match text {
                    Text::Borrowed(text) => {
                        Val::borrowed(crate::text::chars_between(text, from, to))
                    }
                    text => Val::text(crate::text::chars_between(text, from, to)),
                }
            }
            Val::Text(text) => Val::text(
                range
                    .of(&text.chars().collect::<Vec<_>>())
                    .into_iter()
                    .collect::<String>(),
            ),
            Val::Markup(text) => Val::Markup(
                range
                    .of(&text.chars().collect::<Vec<_>>())
                    .into_iter()
                    .collect::<String>()
                    .into(),
            ),
            Val::Bytes(bytes) => Val::Bytes(range.of(bytes).into()),
            Val::Tuple(tuple) => Val::tuple(range.of(&tuple.items)),
            other => Val::list(range.of(&self.items_of(other)?)),
        })
    }
}

fn bound(value: Option<Val<'_>>) -> Fallible<Option<i64>> {
    match value {
        None | Some(Val::None) => Ok(None),
        Some(Val::Int(n)) => Ok(Some(n)),
        Some(Val::Bool(flag)) => Ok(Some(i64::from(flag))),
        Some(Val::Big(n)) => Ok(Some(if n.is_negative() { i64::MIN } else { i64::MAX })),
        Some(_) => Err(Fault::wrong_type(
            "slice indices must be integers or None or have an __index__ method",
        )),
    }
}

struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    /// As `slice.indices` has it.
    fn new(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> Self {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let (low, high) = if step < 0 {
            (-1, length - 1)
        } else {
            (0, length)
        };
        let clip = |n: i64| {
            let n = if n < 0 { n.saturating_add(length) } else { n };
            n.clamp(low, high)
        };
        let (first, last) = if step < 0 { (high, low) } else { (low, high) };
        Self {
            start: start.map_or(first, clip),
            stop: stop.map_or(last, clip),
            step,
        }
    }

    fn bounds(&self) -> (usize, usize) {
        let start = usize::try_from(self.start).unwrap_or(0);
        (start, usize::try_from(self.stop).unwrap_or(0).max(start))
    }

    fn count(&self) -> usize {
        let distance = if self.step > 0 {
            self.stop.saturating_sub(self.start)
        } else {
            self.start.saturating_sub(self.stop)
        };
        usize::try_from(
            distance
                .max(0)
                .unsigned_abs()
                .div_ceil(self.step.unsigned_abs()),
        )
        .unwrap_or(0)
    }

    fn of<T: Clone>(&self, items: &[T]) -> Vec<T> {
        let mut out = Vec::with_capacity(self.count());
        let mut here = self.start;
        for _ in 0..self.count() {
            if let Some(item) = usize::try_from(here).ok().and_then(|at| items.get(at)) {
                out.push(item.clone());
            }
            here = here.saturating_add(self.step);
        }
        out
    }
}
