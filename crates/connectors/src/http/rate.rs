//! How fast a platform may be asked: the documented rate, and what its answers say.

use std::time::Duration;

use http::HeaderMap;
use model::clock::Millis;
use tokio::time::Instant;

/// The longest wait that a header may impose: beyond it somebody is wrong about units.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A documented rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// So many requests…
    pub requests: u32,
    /// …in this time.
    pub per: Duration,
}

impl Rate {
    /// "60 requests a minute".
    pub fn words(&self) -> String {
        let per = match self.per.as_secs() {
            1 => "a second".to_owned(),
            60 => "a minute".to_owned(),
            3600 => "an hour".to_owned(),
            86_400 => "a day".to_owned(),
            seconds => format!("in {seconds} s"),
        };
        format!("{} requests {per}", self.requests)
    }
}

/// The bucket of one connection.
#[derive(Debug, Default)]
pub struct RateLimit {
    documented: Option<Rate>,
    learned: Option<u32>,
    tokens: f64,
    filled_at: Option<Instant>,
    blocked_until: Option<Instant>,
}

impl RateLimit {
    /// Sets the documented rate; the bucket starts full.
    pub fn set_documented(&mut self, rate: Option<Rate>) {
        if self.documented != rate {
            self.documented = rate;
            self.filled_at = None;
        }
    }

    /// Takes a place in the line: none when a request may go now, else how long to wait and ask again.
    pub fn take(&mut self, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Some(until - now);
            }
            self.blocked_until = None;
        }
        let rate = self.documented.filter(|rate| rate.requests > 0)?;
        let per_second = f64::from(rate.requests) / rate.per.as_secs_f64().max(0.001);
        let capacity = f64::from(rate.requests);
        self.tokens = match self.filled_at {
            None => capacity,
            Some(at) => (self.tokens + (now - at).as_secs_f64() * per_second).min(capacity),
        };
        self.filled_at = Some(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.tokens) / per_second))
    }

    /// Nobody sends before this time is over.
    pub fn block(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.min(LONGEST_WAIT);
        if self.blocked_until.is_none_or(|already| already < until) {
            self.blocked_until = Some(until);
        }
    }

    /// Learns from the headers of an answer.
    pub fn learn(&mut self, headers: &HeaderMap, now: Instant, wall: Millis) {
        let limit = number(
            headers,
            &["ratelimit-limit", "x-ratelimit-limit", "x-rate-limit-limit"],
        );
        if let Some(limit) = limit {
            self.learned = Some(limit as u32);
        }
        let remaining = number(
            headers,
            &[
                "ratelimit-remaining",
                "x-ratelimit-remaining",
                "x-rate-limit-remaining",
            ],
        );
        let reset = number(
            headers,
            &["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"],
        );
        if let (Some(remaining), Some(reset)) = (remaining, reset)
            && remaining < 1.0
        {
            // Some platforms send a point in time, others seconds to go.
            let seconds = if reset > 1e12 {
                (reset - wall as f64) / 1000.0
            } else if reset > 1e9 {
                reset - wall as f64 / 1000.0
            } else {
                reset
            };
            if seconds > 0.0 {
                self.block(now, seconds_to_duration(seconds));
            }
        }
    }

    /// Why one has to wait, for people: "Postino allows 60 requests a minute".
    pub fn reason(&self, platform: &str) -> String {
        match (self.documented, self.learned) {
            (Some(rate), _) => format!("{platform} allows {}", rate.words()),
            (None, Some(limit)) => {
                format!("{platform} allows {limit} requests at a time and asks to wait")
            }
            (None, None) => format!("{platform} asks to wait"),
        }
    }
}

/// What `Retry-After` asks for: seconds or an HTTP date (RFC 9110, 10.2.3).
pub fn retry_after(headers: &HeaderMap, wall: Millis) -> Option<Duration> {
    let text = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.is_finite() && seconds >= 0.0).then(|| seconds_to_duration(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let millis = date.timestamp().as_millisecond() - wall;
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(LONGEST_WAIT))
}

fn seconds_to_duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(LONGEST_WAIT)
        .min(LONGEST_WAIT)
}

fn number(headers: &HeaderMap, names: &[&str]) -> Option<f64> {
    names.iter().find_map(|name| {
        let text = headers.get(*name)?.to_str().ok()?;
        // "100, 100;w=60" is a list of policies: the first number counts.
        let digits: String = text
            .trim()
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        digits.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_bucket_gives_out_the_documented_rate() {
        let start = Instant::now();
        let mut limit = RateLimit::default();
        limit.set_documented(Some(Rate {
            requests: 2,
            per: Duration::from_secs(1),
        }));
        assert_eq!(limit.take(start), None);
        assert_eq!(limit.take(start), None);
        let wait = limit.take(start).unwrap();
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(limit.take(start + wait), None);
        assert_eq!(
            limit.reason("Postino"),
            "Postino allows 2 requests a second"
        );
    }

    #[test]
    fn headers_that_say_nothing_is_left_block_until_the_window_ends() {
        fn check(pairs: &[(&'static str, &str)], wait: Option<u64>) {
            let start = Instant::now();
            let mut limit = RateLimit::default();
            limit.learn(&headers(pairs), start, 1_700_000_000_000);
            assert_eq!(
                limit.take(start),
                wait.map(Duration::from_secs),
                "{pairs:?}"
            );
        }
        check(
            &[("ratelimit-remaining", "0"), ("ratelimit-reset", "7")],
            Some(7),
        );
        check(
            &[("ratelimit-remaining", "1"), ("ratelimit-reset", "7")],
            None,
        );
        check(
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1700000030"),
            ],
            Some(30),
        );
        check(
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1600000000"),
            ],
            None,
        );
        check(&[("ratelimit-remaining", "soon")], None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        fn check(text: &str, wait: Option<u64>) {
            assert_eq!(
                retry_after(&headers(&[("retry-after", text)]), 1_700_000_000_000),
                wait.map(Duration::from_secs),
                "{text}"
            );
        }
        check("3", Some(3));
        check("Tue, 14 Nov 2023 22:13:30 GMT", Some(10));
        check("Tue, 14 Nov 2023 22:13:10 GMT", Some(0));
        check("-1", None);
        check("99999999999999999999", Some(24 * 3600));
        check("tomorrow", None);
    }
}
