//! The only place that asks the system for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A point in time at rest: milliseconds since 1970 in UTC.
pub type Millis = i64;

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that only moves when told to.
    pub fn manual(start: Millis) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start))))
    }

    /// Now.
    pub fn now(&self) -> Millis {
        match &self.0 {
            Some(millis) => millis.load(Ordering::SeqCst),
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            None => jiff::Timestamp::now().as_millisecond(),
        }
    }

    /// Now, as a timestamp.
    pub fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Moves a manual clock forward; a system clock goes its own way.
    pub fn advance(&self, millis: Millis) {
        if let Some(clock) = &self.0 {
            clock.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
