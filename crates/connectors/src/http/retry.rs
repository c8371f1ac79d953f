//! How long to wait before the next try.

use std::time::Duration;

/// Random numbers for jitter; not for secrets.
#[derive(Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// The same seed gives the same waits.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Different in each process.
    pub fn from_system() -> Self {
        let mut bytes = [0; 8];
        // Without the system's randomness the waits are merely the same everywhere.
        if getrandom::fill(&mut bytes).is_err() {
            return Self(0x9E37_79B9_7F4A_7C15);
        }
        Self(u64::from_le_bytes(bytes))
    }

    /// Evenly spread in 0 to 1 (SplitMix64).
    pub fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Exponential with full jitter: anything from nothing to `base · 2^(n-1)`, at most `cap`.
/// `failures` counts from 1.
pub fn backoff(base: Duration, cap: Duration, failures: u32, jitter: &mut Jitter) -> Duration {
    let longest = base
        .saturating_mul(2u32.saturating_pow(failures.saturating_sub(1).min(20)))
        .min(cap);
    longest.mul_f64(jitter.fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_under_the_cap_and_repeat_with_the_seed() {
        let waits = |seed| {
            let mut jitter = Jitter::seeded(seed);
            (1..=12)
                .map(|n| {
                    backoff(
                        Duration::from_secs(1),
                        Duration::from_secs(30),
                        n,
                        &mut jitter,
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        for (n, wait) in waits(3).iter().enumerate() {
            assert!(*wait <= Duration::from_secs(30.min(1 << n)), "{n} {wait:?}");
        }
    }
}
