//! Who was first: what records of a run have laid claim to on the target without being linked yet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::lookup;
use crate::plan::{Decision, Problem, Rules};
use crate::planned::Planned;
use crate::run::hash;

/// Match values that will be created, records that were found. A second record of the source must not get them too,
/// however late the target's search learns of the first. Hashes, because there may be millions; in many small tables,
/// because a large one is in memory twice while it grows.
#[derive(Debug)]
pub(crate) struct Claims(Vec<Table>);

/// From 64 bits of what is claimed to 32 bits of who claims it.
type Table = HashMap<[u32; 2], u32, BuildHasherDefault<AsItIs>>;

const TABLES: u64 = 96;

impl Default for Claims {
    fn default() -> Self {
        Self((0..TABLES).map(|_| Table::default()).collect())
    }
}

impl Claims {
    /// Holds a record whose counterpart another record of this run has taken.
    pub(crate) fn one_each(&mut self, planned: &mut Planned, rules: &Rules) {
        if planned.was_linked {
            return;
        }
        let wanted = match &planned.decision {
            Decision::Write(change) => match &change.target_key {
                Some(key) => hash(key.as_str()),
                None => match lookup::match_key(&planned.mapped, rules) {
                    // A value that looks like a key is none.
                    Some(value) => !hash(value.as_str()),
                    None => return,
                },
            },
            Decision::Unchanged { adopt: Some(link) } => hash(link.target_key.as_str()),
            Decision::Unchanged { adopt: None }
            | Decision::Filtered(_)
            | Decision::Invalid(_)
            | Decision::Held(_)
            | Decision::Conflict(..)
            | Decision::Agreed(_)
            | Decision::Forget => return,
        };
        let source = hash(planned.mapped.source_key.as_str());
        if self.claim(wanted, source) {
            return;
        }
        planned.decision = Decision::Held(Problem {
            message: format!(
                "another record of the source has the same {}, and only one can be on the target; mend one of them",
                rules
                    .match_on
                    .first()
                    .map_or_else(|| "key".to_owned(), ToString::to_string)
            ),
            field: rules.match_on.first().cloned(),
        });
    }

    /// Whether it is this one's, now or before.
    #[expect(clippy::cast_possible_truncation, reason = "half of it is plenty")]
    fn claim(&mut self, wanted: u64, source: u64) -> bool {
        let table = usize::try_from((wanted >> 32) % TABLES).unwrap_or_default();
        let Some(table) = self.0.get_mut(table) else {
            return true;
        };
        let key = [(wanted >> 32) as u32, wanted as u32];
        *table.entry(key).or_insert(source as u32) == source as u32
    }
}

/// The keys are hashes already.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(4) {
            let part = chunk.try_into().map_or(0, u32::from_ne_bytes);
            self.0 = self.0.rotate_left(32) ^ u64::from(part);
        }
    }

    // The length before the parts says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keeps_what_it_claimed() {
        let mut claims = Claims::default();
        for wanted in 0..10_000_u64 {
            assert!(claims.claim(hash(&wanted.to_string()), wanted));
        }
        for wanted in 0..10_000_u64 {
            assert!(claims.claim(hash(&wanted.to_string()), wanted));
            assert!(!claims.claim(hash(&wanted.to_string()), wanted + 1));
        }
        assert!(
            claims.0.iter().all(|table| table.len() > 50),
            "spread over all"
        );
    }
}
