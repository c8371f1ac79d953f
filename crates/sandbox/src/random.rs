//! A small generator that gives the same numbers on every machine and in every release: the sample data is part of
//! what tests expect, so it cannot depend on a library's choice of algorithm.

/// SplitMix64: one word of state, good enough for sample data, never for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator for one topic under one seed, independent of all other topics.
    pub(crate) fn new(seed: u64, topic: &str, number: u64) -> Self {
        let mut state = seed ^ 0x5851_F42D_4C95_7F2D;
        for byte in topic.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        let mut random = Self(state ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when there is nothing below it.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low))
            .unwrap_or(0)
            .saturating_add(1);
        low.saturating_add(i64::try_from(self.below(span)).unwrap_or(0))
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64) as usize;
        from.get(index).copied().unwrap_or_default()
    }

    /// `#` becomes a digit, `N` a digit from 1, `A` a capital letter; the rest stays.
    pub(crate) fn fill(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|symbol| match symbol {
                '#' => char::from(b'0' + self.below(10) as u8),
                'N' => char::from(b'1' + self.below(9) as u8),
                'A' => char::from(b'A' + self.below(26) as u8),
                other => other,
            })
            .collect()
    }

    /// Up to `count` different members of `from`, in the order in which they stand there.
    pub(crate) fn choose<T: Copy>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut needed = count.min(from.len()) as u64;
        let mut left = from.len() as u64;
        let mut chosen = Vec::with_capacity(needed as usize);
        for member in from {
            if self.below(left) < needed {
                chosen.push(*member);
                needed -= 1;
            }
            left -= 1;
        }
        chosen
    }
}

/// Unguessable text for tokens, codes and form fields: 32 bytes from the system in base64url.
pub(crate) fn secret_text() -> String {
    use base64::Engine as _;
    let mut bytes = [0_u8; 32];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without the system's randomness nobody can be signed in safely; a fixed token would be worse than none.
        tracing::error!(%error, "The system gave no random bytes; sign-in will not work.");
        return String::new();
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_never_change() {
        let mut random = Random::new(1, "contacts", 0);
        let first: Vec<u64> = (0..3).map(|_| random.below(1000)).collect();
        let mut again = Random::new(1, "contacts", 0);
        assert_eq!(first, (0..3).map(|_| again.below(1000)).collect::<Vec<_>>());
        let mut other = Random::new(1, "contacts", 1);
        assert_ne!(first, (0..3).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    #[test]
    fn choosing_gives_different_members_in_order() {
        let all: Vec<u32> = (0..50).collect();
        let chosen = Random::new(3, "choose", 0).choose(&all, 20);
        assert_eq!(chosen.len(), 20);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Random::new(3, "choose", 0).choose(&all, 90).len(), 50);
    }
}
