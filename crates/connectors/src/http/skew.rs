//! How far the platform's clock is ahead of ours, by the `Date` of its answers.

use http::HeaderMap;
use jiff::SignedDuration;
use model::clock::Millis;

/// What the answers so far say: the platform's clock is ahead by something between the two, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew(Option<(Millis, Millis)>);

impl Skew {
    /// Takes in an answer to a request that was sent and had its answer at these times of our clock.
    pub fn learn(&mut self, headers: &HeaderMap, sent: Millis, received: Millis) {
        // What a cache kept tells when it was kept.
        let is_kept = headers.get("age").is_some_and(|age| age.as_bytes() != b"0");
        let date = headers
            .get("date")
            .filter(|_| !is_kept)
            .and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok());
        let Some(date) = date else {
            return;
        };
        // `Date` has whole seconds, and was written somewhere between sending and receiving.
        let date = date.timestamp().as_millisecond();
        let (low, high) = (
            date.saturating_sub(received),
            date.saturating_add(999).saturating_sub(sent),
        );
        self.0 = match self.0 {
            Some((known_low, known_high)) if known_low <= high && low <= known_high => {
                Some((known_low.max(low), known_high.min(high)))
            }
            // One of the clocks was set since.
            _ if low <= high => Some((low, high)),
            before => before,
        };
    }

    /// How far it is ahead; nothing where it may well be right, none before there was an answer.
    pub fn ahead(&self) -> Option<SignedDuration> {
        let (low, high) = self.0?;
        let ahead = if low <= 0 && high >= 0 {
            0
        } else {
            low.saturating_add(high.saturating_sub(low) / 2)
        };
        Some(SignedDuration::from_millis(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as `(Date, Age, sent, received)`, times in milliseconds after 2024-01-01T00:00:00Z.
    fn check(answers: &[(&str, &str, Millis, Millis)], ahead: Option<Millis>) {
        let zero = 1_704_067_200_000;
        let mut skew = Skew::default();
        for (date, age, sent, received) in answers {
            let mut headers = HeaderMap::new();
            for (name, value) in [("date", date), ("age", age)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            skew.learn(&headers, zero + sent, zero + received);
        }
        assert_eq!(
            skew.ahead(),
            ahead.map(SignedDuration::from_millis),
            "{answers:?}"
        );
    }

    const NOON: &str = "Mon, 01 Jan 2024 12:00:00 GMT";
    const NOON_AND_ONE: &str = "Mon, 01 Jan 2024 12:00:01 GMT";
    const H12: Millis = 12 * 3_600_000;

    #[test]
    fn the_platforms_clock_is_measured_by_its_answers() {
        check(&[], None);
        check(&[("soon", "", 0, 1)], None);
        // Within a second nothing can be told.
        check(&[(NOON, "", H12 + 200, H12 + 300)], Some(0));
        check(&[(NOON, "0", H12 - 900, H12 + 100)], Some(0));
        // An hour behind us, and an hour ahead.
        check(
            &[(NOON, "", H12 + 3_600_000, H12 + 3_600_000)],
            Some(-3_599_501),
        );
        check(
            &[(NOON, "", H12 - 3_600_000, H12 - 3_600_000)],
            Some(3_600_499),
        );
        // Several answers narrow it down.
        check(
            &[
                (NOON, "", H12 - 60_000, H12 - 60_000),
                (NOON_AND_ONE, "", H12 - 59_100, H12 - 59_100),
            ],
            Some(60_549),
        );
    }

    #[test]
    fn a_clock_that_was_set_is_measured_anew_and_a_cache_does_not_count() {
        check(
            &[
                (NOON, "", H12 - 60_000, H12 - 60_000),
                (NOON_AND_ONE, "", H12 + 1_500, H12 + 1_500),
            ],
            Some(0),
        );
        check(
            &[
                (NOON, "", H12, H12),
                (NOON, "3600", H12 + 3_600_000, H12 + 3_600_000),
            ],
            Some(0),
        );
    }
}
