//! Finds fields that two programs write in turn: A, B, A, B. Without this, such a pair would go on for ever, and each run
//! would look like work done.

use std::collections::HashMap;

use model::conflict::ConflictKind;
use model::record::RecordKey;
use model::sync::Side;
use model::value::{Object, Value};
use store::flips::Flip;

use crate::limits::FLIPS;
use crate::merge::{Clash, Merged};

/// How the fields of some records went so far.
#[derive(Debug, Default)]
pub(crate) struct Flips(HashMap<(RecordKey, String), Flip>);

impl Flips {
    pub(crate) fn new(known: HashMap<(RecordKey, String), Flip>) -> Self {
        Self(known)
    }

    /// Looks at what would flow; what went back and forth too often is made a conflict instead. Gives what is to be
    /// remembered.
    pub(crate) fn look(
        &self,
        source_key: &RecordKey,
        merged: &mut Merged,
        source: &Object,
        target: &Object,
    ) -> Vec<Flip> {
        let mut out = Vec::new();
        for side in [Side::Target, Side::Source] {
            let (flowing, now) = match side {
                Side::Target => (&mut merged.to_target, target),
                Side::Source => (&mut merged.to_source, source),
            };
            let names: Vec<String> = flowing.iter().map(|(name, _)| name.to_owned()).collect();
            for name in names {
                let was = now.get(&name).unwrap_or(&Value::Null).fingerprint();
                let value = flowing.get(&name).unwrap_or(&Value::Null).fingerprint();
                let known = self.0.get(&(source_key.clone(), name.clone()));
                let n = match known {
                    // The same change, planned once more.
                    Some(known) if known.side == side && known.was == was => known.n,
                    Some(known) if known.side != side && known.was == value => known.n + 1,
                    _ => 0,
                };
                out.push(Flip {
                    source_key: source_key.clone(),
                    field: name.clone(),
                    side,
                    was,
                    n,
                });
                if n >= FLIPS {
                    flowing.remove(&name);
                    merged.conflicts.push(Clash {
                        kind: ConflictKind::Loop,
                        base: None,
                        source: source.get(&name).cloned().unwrap_or_default(),
                        target: target.get(&name).cloned().unwrap_or_default(),
                        field: name,
                    });
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(value: i64) -> Object {
        let mut object = Object::new();
        object.push("a", Value::Int(value));
        object
    }

    /// Lets the field flow as the pairs say (side, value written, value overwritten) and tells where it was stopped.
    fn check(flows: &[(Side, i64, i64)], stopped_at: Option<usize>) {
        let key = RecordKey("r".into());
        let mut flips = Flips::default();
        let mut seen = None;
        for (n, (side, value, was)) in flows.iter().enumerate() {
            let mut merged = Merged::default();
            let (source, target) = match side {
                Side::Target => {
                    merged.to_target = one(*value);
                    (one(*value), one(*was))
                }
                Side::Source => {
                    merged.to_source = one(*value);
                    (one(*was), one(*value))
                }
            };
            for flip in flips.look(&key, &mut merged, &source, &target) {
                flips.0.insert((key.clone(), "a".into()), flip);
            }
            if !merged.conflicts.is_empty() {
                seen = Some(n);
                break;
            }
        }
        assert_eq!(seen, stopped_at, "{flows:?}");
    }

    #[test]
    fn a_field_that_goes_back_and_forth_is_stopped_at_the_third_time() {
        use Side::{Source, Target};
        check(
            &[
                (Target, 2, 1),
                (Source, 1, 2),
                (Target, 2, 1),
                (Source, 1, 2),
            ],
            Some(3),
        );
        // People who edit in turn write something new each time.
        check(
            &[
                (Target, 2, 1),
                (Source, 3, 2),
                (Target, 4, 3),
                (Source, 5, 4),
            ],
            None,
        );
        // One side that changes its mind is no loop.
        check(
            &[
                (Target, 2, 1),
                (Target, 1, 2),
                (Target, 2, 1),
                (Target, 1, 2),
            ],
            None,
        );
        // A plan that is made again is no turn.
        check(
            &[
                (Target, 2, 1),
                (Target, 2, 1),
                (Target, 2, 1),
                (Source, 1, 2),
            ],
            None,
        );
    }
}
