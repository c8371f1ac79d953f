//! How many records are settled together: more where that goes quickly, because each batch has costs of its own; no more
//! where a batch takes long, because until its end nothing of it is counted, and after a crash all of it is looked up.

use std::time::Duration;

use crate::limits::{LARGEST_BATCH, QUICK_BATCH, RECORDS_PER_BATCH};

/// The size of the next batch.
#[derive(Debug)]
pub(crate) struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(RECORDS_PER_BATCH)
    }
}

impl Pace {
    /// Records that the next batch may have.
    pub(crate) const fn records(&self) -> usize {
        self.0
    }

    /// What the last batch took.
    pub(crate) fn took(&mut self, time: Duration) {
        self.0 = match time < QUICK_BATCH {
            true => (self.0 * 2).min(LARGEST_BATCH),
            false => RECORDS_PER_BATCH,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_large_only_while_they_are_quick() {
        let mut pace = Pace::default();
        assert_eq!(pace.records(), RECORDS_PER_BATCH);
        for _ in 0..20 {
            pace.took(QUICK_BATCH / 2);
            assert!((RECORDS_PER_BATCH..=LARGEST_BATCH).contains(&pace.records()));
        }
        assert_eq!(pace.records(), LARGEST_BATCH);
        pace.took(QUICK_BATCH);
        assert_eq!(pace.records(), RECORDS_PER_BATCH);
    }
}
