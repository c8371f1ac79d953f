//! What an evaluation may ask for, and how far it may go.

use model::clock::Clock;

/// The clock, the source of unique ids, and the limits. Made once, shared by all evaluations.
#[derive(Clone, Debug)]
pub struct Env {
    clock: Clock,
    frozen: Option<jiff::Timestamp>,
    /// Where `generate_uuid()` takes its ids from.
    pub new_uuid: fn() -> uuid::Uuid,
    /// Steps that one evaluation may take.
    pub fuel: u64,
    /// Longest text that one evaluation may make, in bytes.
    pub longest: usize,
}

impl Env {
    /// Reads the time from `clock`; limits that no sensible template comes near.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            frozen: None,
            new_uuid: uuid::Uuid::new_v4,
            fuel: 1_000_000,
            longest: 8 << 20,
        }
    }

    /// It is always `now`, to the microsecond: for templates that must agree with one another, and for tests.
    pub fn frozen(now: jiff::Timestamp) -> Self {
        Self {
            frozen: Some(now),
            ..Self::new(Clock::system())
        }
    }

    /// As this one, standing still where its clock will be after `by`.
    #[must_use]
    pub fn ahead(&self, by: jiff::SignedDuration) -> Self {
        let now = self.now();
        Self {
            frozen: Some(now.saturating_add(by).unwrap_or(now)),
            ..self.clone()
        }
    }

    /// The time that a template sees.
    pub fn now(&self) -> jiff::Timestamp {
        self.frozen.unwrap_or_else(|| self.clock.timestamp())
    }
}
