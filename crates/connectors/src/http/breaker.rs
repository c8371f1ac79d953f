//! The circuit breaker of a connection: after many failures in a row, nothing is sent for a while.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row before the breaker opens.
const THRESHOLD: u32 = 10;
/// The first pause; doubled with each failed probe.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everything.
    Closed,
    /// Nothing, for the rest of the pause.
    Open {
        /// How long until one request may try.
        left: Duration,
    },
    /// One request, whose result decides.
    HalfOpen,
}

/// What is shown of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerView {
    /// What it lets through.
    pub phase: Phase,
    /// Failures since the last success.
    pub failures: u32,
}

/// See the module.
#[derive(Debug)]
pub struct Breaker {
    threshold: u32,
    failures: u32,
    open_until: Option<Instant>,
    pause: Duration,
    probing: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::with_threshold(THRESHOLD)
    }
}

impl Breaker {
    /// A closed breaker that opens after this many failures in a row.
    pub fn with_threshold(threshold: u32) -> Self {
        Self {
            threshold: threshold.max(1),
            failures: 0,
            open_until: None,
            pause: FIRST_PAUSE,
            probing: false,
        }
    }

    /// May a request be sent now? If not: how long not. A yes while half open is the one probe.
    pub fn permit(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(until) = self.open_until else {
            return Ok(());
        };
        if now < until {
            return Err(until - now);
        }
        if self.probing {
            return Err(Duration::from_secs(1));
        }
        self.probing = true;
        Ok(())
    }

    /// An answer came that shows the platform at work.
    pub fn succeeded(&mut self) {
        *self = Self::with_threshold(self.threshold);
    }

    /// No answer, or one that says the platform is broken.
    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.probing {
            self.probing = false;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.open_until = Some(now + self.pause);
        } else if self.failures >= self.threshold && self.open_until.is_none() {
            self.open_until = Some(now + self.pause);
        }
    }

    /// The probe ended without saying anything about the platform (it was stopped).
    pub fn gave_up(&mut self) {
        self.probing = false;
    }

    /// What is shown.
    pub fn view(&self, now: Instant) -> BreakerView {
        let phase = match self.open_until {
            None => Phase::Closed,
            Some(until) if now < until => Phase::Open { left: until - now },
            Some(_) => Phase::HalfOpen,
        };
        BreakerView {
            phase,
            failures: self.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_opens_after_failures_in_a_row_and_one_probe_decides() {
        let start = Instant::now();
        let mut breaker = Breaker::with_threshold(3);
        for _ in 0..2 {
            breaker.failed(start);
        }
        breaker.succeeded();
        for _ in 0..2 {
            breaker.failed(start);
        }
        assert_eq!(breaker.permit(start), Ok(()));
        breaker.failed(start);
        assert_eq!(breaker.permit(start), Err(FIRST_PAUSE));

        let later = start + FIRST_PAUSE;
        assert_eq!(breaker.view(later).phase, Phase::HalfOpen);
        assert_eq!(breaker.permit(later), Ok(()));
        assert!(breaker.permit(later).is_err(), "one probe only");
        breaker.failed(later);
        assert_eq!(
            breaker.view(later).phase,
            Phase::Open {
                left: FIRST_PAUSE * 2
            }
        );

        let last = later + FIRST_PAUSE * 2;
        assert_eq!(breaker.permit(last), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.view(last).phase, Phase::Closed);
        assert_eq!(breaker.permit(last), Ok(()));
    }
}
