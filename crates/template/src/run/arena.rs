//! Keeps values that are made during an evaluation until its end, so that they can be borrowed like inputs.

use std::cell::{Cell, OnceCell};

use model::value::Value;

/// Values in chunks, each twice as large as the one before: nothing ever moves.
#[derive(Default)]
pub(crate) struct Arena {
    used: Cell<usize>,
    first: [OnceCell<Value>; FIRST],
    more: OnceCell<Box<[OnceCell<Chunk>; CHUNKS]>>,
}

type Chunk = Box<[OnceCell<Value>]>;

const FIRST: usize = 2;
const CHUNKS: usize = 28;

static NULL: Value = Value::Null;

impl Arena {
    pub(crate) fn keep(&self, value: Value) -> &Value {
        let used = self.used.get();
        self.used.set(used + 1);
        if let Some(slot) = self.first.get(used) {
            return slot.get_or_init(|| value);
        }
        let chunks = self.more.get_or_init(Default::default);
        let mut at = used - FIRST;
        let mut size = FIRST * 2;
        for chunk in chunks.iter() {
            if at < size {
                let chunk = chunk.get_or_init(|| (0..size).map(|_| OnceCell::new()).collect());
                return chunk
                    .get(at)
                    .map_or(&NULL, |slot| slot.get_or_init(|| value));
            }
            at -= size;
            size *= 2;
        }
        &NULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_where_it_is() {
        let arena = Arena::default();
        let kept: Vec<&Value> = (0..1000).map(|n| arena.keep(Value::Int(n))).collect();
        for (n, value) in kept.iter().enumerate() {
            assert_eq!(**value, Value::Int(n as i64));
        }
    }
}
