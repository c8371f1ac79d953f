//! How many calls several tokens have left, and whose turn it is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::clock::Millis;

/// How long to wait where nobody knows.
const UNKNOWN_WAIT: Millis = 5_000;
/// Calls are spread over the time that is left by waits of at most this length.
const LONGEST_SPREAD: Millis = 10_000;
/// A pool that is filled this much later than was known has been filled since.
const SKEW: Millis = 60_000;

/// What is left of all tokens. One for a connection and a set of tokens.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// Whoever holds it asks the platform.
    pub(super) flight: tokio::sync::Mutex<()>,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) is_known: bool,
    /// The token whose turn it is.
    active: usize,
    /// For each token, for each pool.
    pub(super) left: Vec<Vec<Pool>>,
}

/// What is left of one token in one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pool {
    pub(super) remaining: i64,
    pub(super) limit: i64,
    pub(super) filled_at: Millis,
    /// The platform counts.
    pub(super) is_counted: bool,
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This token's, after a pause.
    Token(usize, Millis),
    /// Nobody's for this long.
    Wait(Millis),
}

impl Quotas {
    pub(super) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Takes a call from a pool.
    pub(super) fn take(&mut self, pool: usize, now: Millis, part: f64, least: f64) -> Turn {
        let tokens = self.left.len().max(1);
        for _ in 0..=tokens {
            let token = self.active % tokens;
            let Some(here) = self.left.get_mut(token).and_then(|left| left.get_mut(pool)) else {
                return Turn::Token(token, 0);
            };
            if !here.is_counted {
                // Nothing tells the tokens apart: each has its turn.
                self.active = (token + 1) % tokens;
                return Turn::Token(token, 0);
            }
            if here.remaining > 0 {
                here.remaining -= 1;
                return Turn::Token(token, self.spread(token, pool, now, part, least));
            }
            self.active = (token + 1) % tokens;
        }
        let filled = self.of(pool).map(|pool| pool.filled_at).min();
        Turn::Wait(filled.map_or(UNKNOWN_WAIT, |at| at.saturating_sub(now)))
    }

    fn of(&self, pool: usize) -> impl Iterator<Item = &Pool> {
        self.left.iter().filter_map(move |left| left.get(pool))
    }

    /// The pause before a call, when all tokens are near their end: what is left is spread over the time until they
    /// are filled again.
    fn spread(&self, token: usize, pool: usize, now: Millis, part: f64, least: f64) -> Millis {
        let is_low = |pool: &Pool| {
            pool.is_counted && pool.remaining as f64 <= (pool.limit as f64 * part).max(least)
        };
        if !self.of(pool).all(is_low) {
            return 0;
        }
        let left: i64 = self.of(pool).map(|pool| pool.remaining.max(0)).sum();
        let filled = self.left.get(token).and_then(|left| left.get(pool));
        let until = filled
            .map_or(0, |pool| pool.filled_at.saturating_sub(now))
            .max(0);
        if left == 0 {
            0
        } else {
            (until / left).min(LONGEST_SPREAD)
        }
    }

    /// What an answer says counts, unless it is more than is known to be left.
    pub(super) fn correct(
        &mut self,
        token: usize,
        pool: usize,
        remaining: Option<i64>,
        filled_at: Option<Millis>,
    ) {
        let Some(here) = self.left.get_mut(token).and_then(|left| left.get_mut(pool)) else {
            return;
        };
        if !here.is_counted {
            return;
        }
        if let Some(at) = filled_at
            && at > here.filled_at.saturating_add(SKEW)
        {
            here.filled_at = at;
            here.remaining = remaining.unwrap_or(here.limit);
        } else if let Some(remaining) = remaining {
            here.remaining = here.remaining.min(remaining);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(remaining: i64, filled_at: Millis) -> Pool {
        Pool {
            remaining,
            limit: 100,
            filled_at,
            is_counted: true,
        }
    }

    fn counts(pools: &[Pool]) -> Counts {
        Counts {
            is_known: true,
            active: 0,
            left: pools.iter().map(|pool| vec![pool.clone()]).collect(),
        }
    }

    #[test]
    fn tokens_have_their_turn_while_they_have_calls_left_and_then_everything_waits() {
        let mut counts = counts(&[pool(1, 9_000), pool(2, 7_000)]);
        let turns: Vec<Turn> = (0..4).map(|_| counts.take(0, 1_000, 0.0, 0.0)).collect();
        let token = |n| Turn::Token(n, 0);
        assert_eq!(turns, [token(0), token(1), token(1), Turn::Wait(6_000)]);
    }

    #[test]
    fn tokens_that_nobody_counts_take_turns() {
        let uncounted = Pool {
            is_counted: false,
            ..pool(0, 0)
        };
        let mut counts = counts(&[uncounted.clone(), uncounted]);
        let turns: Vec<Turn> = (0..3).map(|_| counts.take(0, 0, 0.1, 50.0)).collect();
        assert_eq!(
            turns,
            [Turn::Token(0, 0), Turn::Token(1, 0), Turn::Token(0, 0)]
        );
    }

    #[test]
    fn the_last_calls_are_spread_over_the_time_that_is_left() {
        let spread = |left: &[Pool]| counts(left).take(0, 0, 0.1, 5.0);
        assert_eq!(spread(&[pool(10, 9_000)]), Turn::Token(0, 1_000));
        assert_eq!(spread(&[pool(3, 90_000)]), Turn::Token(0, LONGEST_SPREAD));
        assert_eq!(spread(&[pool(50, 9_000)]), Turn::Token(0, 0), "plenty");
        assert_eq!(
            spread(&[pool(5, 9_000), pool(50, 9_000)]),
            Turn::Token(0, 0),
            "another has plenty"
        );
    }

    #[test]
    fn answers_correct_what_is_left() {
        let check = |remaining, filled_at, expected: Pool| {
            let mut counts = counts(&[pool(10, 100_000)]);
            counts.correct(0, 0, remaining, filled_at);
            assert_eq!(counts.left[0][0], expected);
        };
        check(Some(4), None, pool(4, 100_000));
        check(Some(40), None, pool(10, 100_000));
        check(Some(40), Some(120_000), pool(10, 100_000));
        check(Some(40), Some(200_000), pool(40, 200_000));
        check(None, Some(200_000), pool(100, 200_000));
    }
}
