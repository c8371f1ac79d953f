//! `api_budget`: how many calls a connector file allows itself, by kind of request.

use std::collections::VecDeque;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use model::clock::Millis;
use regex::Regex;
use tokio::time::Instant;

use super::RequestParts;
use super::client::same_origin;
use url::Url;

/// Calls whose time is remembered for one rate.
const MOST_REMEMBERED: usize = 100_000;

/// The policies of a file; the first one that a request matches counts.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// The policies.
    pub policies: Vec<Policy>,
    /// The header that says when there are calls again.
    pub reset_header: String,
    /// The header that says how many are left.
    pub remaining_header: String,
    /// Statuses that say that none is left.
    pub hit_statuses: Vec<u16>,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it counts for; for everything when there are none.
    pub matchers: Vec<Matcher>,
    /// How it counts.
    pub count: Count,
}

/// How a policy counts.
#[derive(Clone, Debug)]
pub enum Count {
    /// Not at all.
    Unlimited,
    /// So many calls in a stretch of time, which begins with the first one.
    Fixed {
        /// Calls.
        limit: u32,
        /// The stretch.
        period: Duration,
        /// Calls that are left of it, and when it ends.
        left: Option<(u32, Instant)>,
    },
    /// So many calls in any stretch of each length.
    Moving {
        /// Calls and lengths.
        rates: Vec<(u32, Duration)>,
        /// When calls were made, and their weights.
        made: VecDeque<(Instant, u32)>,
        /// Nothing before this.
        blocked_until: Option<Instant>,
    },
}

/// `HttpRequestRegexMatcher`: all that it names must fit.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// GET, POST…
    pub method: Option<String>,
    /// Scheme and host.
    pub base: Option<Url>,
    /// Found in the path.
    pub path: Option<Regex>,
    /// Query parameters.
    pub parameters: Vec<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// How many calls it counts as.
    pub weight: u32,
}

impl Matcher {
    /// Whether a request is of this kind.
    pub fn matches(&self, request: &RequestParts) -> bool {
        let is_parameter = |name: &str, value: &str| {
            request
                .query
                .iter()
                .any(|(known, there)| known == name && there == value)
                || request
                    .url
                    .query_pairs()
                    .any(|(known, there)| known == name && there == value)
        };
        self.method
            .as_ref()
            .is_none_or(|method| method.eq_ignore_ascii_case(request.method.as_str()))
            && self
                .base
                .as_ref()
                .is_none_or(|base| same_origin(base, &request.url))
            && self
                .path
                .as_ref()
                .is_none_or(|path| path.find(request.url.path()).is_some())
            && self
                .parameters
                .iter()
                .all(|(name, value)| is_parameter(name, value))
            && self.headers.iter().all(|(name, value)| {
                request
                    .headers
                    .get(name)
                    .and_then(|there| there.to_str().ok())
                    .is_some_and(|there| there == value)
            })
    }
}

impl Policy {
    /// The weight of a request that this policy counts.
    fn weight(&self, request: &RequestParts) -> Option<u32> {
        if self.matchers.is_empty() {
            return Some(1);
        }
        self.matchers
            .iter()
            .find(|matcher| matcher.matches(request))
            .map(|matcher| matcher.weight.max(1))
    }
}

impl Budget {
    /// Takes a place in the line: none when a request may go now, else how long to wait and ask again.
    pub fn take(&mut self, request: &RequestParts, now: Instant) -> Option<Duration> {
        let (policy, weight) = self
            .policies
            .iter_mut()
            .find_map(|policy| policy.weight(request).map(|weight| (policy, weight)))?;
        match &mut policy.count {
            Count::Unlimited => None,
            Count::Fixed {
                limit,
                period,
                left,
            } => {
                let weight = weight.min(*limit);
                let (calls, until) = match *left {
                    Some((calls, until)) if now < until => (calls, until),
                    _ => (*limit, now + *period),
                };
                if calls < weight {
                    *left = Some((calls, until));
                    return Some(until - now);
                }
                *left = Some((calls - weight, until));
                None
            }
            Count::Moving {
                rates,
                made,
                blocked_until,
            } => {
                if let Some(until) = *blocked_until {
                    if now < until {
                        return Some(until - now);
                    }
                    *blocked_until = None;
                }
                let longest = rates.iter().map(|(_, length)| *length).max()?;
                while made.front().is_some_and(|(at, _)| now - *at >= longest) {
                    made.pop_front();
                }
                let wait = rates
                    .iter()
                    .filter_map(|(limit, length)| {
                        wait_for(made, weight.min(*limit), *limit, *length, now)
                    })
                    .max();
                if wait.is_some() {
                    return wait;
                }
                made.push_back((now, weight));
                if made.len() > MOST_REMEMBERED {
                    made.pop_front();
                }
                None
            }
        }
    }

    /// Learns from an answer how many calls are left.
    pub fn learn(
        &mut self,
        request: &RequestParts,
        status: StatusCode,
        headers: &HeaderMap,
        now: Instant,
        wall: Millis,
    ) {
        let is_hit = self.hit_statuses.contains(&status.as_u16());
        let number =
            |name: &str| -> Option<f64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
        let left = match is_hit {
            true => Some(0.0),
            false => number(&self.remaining_header),
        };
        // A point in time, in seconds.
        let reset = number(&self.reset_header)
            .map(|at| at - wall as f64 / 1000.0)
            .filter(|seconds| *seconds > 0.0 && *seconds < 24.0 * 3600.0)
            .map(|seconds| now + Duration::from_secs_f64(seconds));
        let Some(policy) = self
            .policies
            .iter_mut()
            .find(|policy| policy.weight(request).is_some())
        else {
            return;
        };
        match &mut policy.count {
            Count::Unlimited => {}
            Count::Fixed {
                limit,
                period,
                left: known,
            } => {
                let (calls, until) = known.unwrap_or((*limit, now + *period));
                let told = left.map_or(calls, |left| calls.min(left.max(0.0) as u32));
                *known = Some((told, reset.unwrap_or(until)));
            }
            Count::Moving { blocked_until, .. } => {
                if left.is_some_and(|left| left < 1.0)
                    && let Some(reset) = reset
                {
                    *blocked_until = Some(reset);
                }
            }
        }
    }
}

/// How long until a rate has room for `weight` more.
fn wait_for(
    made: &VecDeque<(Instant, u32)>,
    weight: u32,
    limit: u32,
    length: Duration,
    now: Instant,
) -> Option<Duration> {
    let within = || made.iter().filter(|(at, _)| now - *at < length);
    let mut used: u64 = within().map(|(_, weight)| u64::from(*weight)).sum();
    for (at, weight_then) in within() {
        if used + u64::from(weight) <= u64::from(limit) {
            return None;
        }
        used -= u64::from(*weight_then);
        if used + u64::from(weight) <= u64::from(limit) {
            return Some(*at + length - now);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> RequestParts {
        RequestParts::new(http::Method::GET, Url::parse(url).unwrap())
    }

    fn budget(count: Count, matchers: Vec<Matcher>) -> Budget {
        Budget {
            policies: vec![Policy { matchers, count }],
            reset_header: "x-reset".into(),
            remaining_header: "x-left".into(),
            hit_statuses: vec![429],
        }
    }

    fn fixed(limit: u32) -> Count {
        Count::Fixed {
            limit,
            period: Duration::from_secs(60),
            left: None,
        }
    }

    #[test]
    fn only_requests_that_match_are_counted_by_their_weight() {
        let matcher = Matcher {
            path: Some(Regex::new("^/items").unwrap()),
            parameters: vec![("k".into(), "a".into())],
            weight: 2,
            ..Matcher::default()
        };
        let mut budget = budget(fixed(4), vec![matcher]);
        let now = Instant::now();
        let counted = request("https://x.example/items?k=a");
        assert_eq!(budget.take(&counted, now), None);
        assert_eq!(budget.take(&counted, now), None);
        assert_eq!(budget.take(&counted, now), Some(Duration::from_secs(60)));
        assert_eq!(
            budget.take(&request("https://x.example/items?k=b"), now),
            None
        );
        assert_eq!(
            budget.take(&request("https://x.example/others?k=a"), now),
            None
        );
        assert_eq!(budget.take(&counted, now + Duration::from_secs(60)), None);
    }

    #[test]
    fn several_rates_hold_at_once_in_any_stretch_of_time() {
        let mut budget = budget(
            Count::Moving {
                rates: vec![(2, Duration::from_secs(1)), (3, Duration::from_secs(10))],
                made: VecDeque::new(),
                blocked_until: None,
            },
            Vec::new(),
        );
        let start = Instant::now();
        let asked = request("https://x.example/");
        let mut at = |millis: u64| budget.take(&asked, start + Duration::from_millis(millis));
        assert_eq!(at(0), None);
        assert_eq!(at(500), None);
        assert_eq!(at(600), Some(Duration::from_millis(400)));
        assert_eq!(at(1000), None);
        assert_eq!(at(2000), Some(Duration::from_secs(8)));
        assert_eq!(at(10_000), None);
    }

    #[test]
    fn answers_say_how_many_calls_are_left_and_until_when() {
        let now = Instant::now();
        let asked = request("https://x.example/");
        let headers = |left: &str| -> HeaderMap {
            [("x-left", left), ("x-reset", "1030")]
                .iter()
                .map(|(name, value)| {
                    (
                        name.parse::<http::HeaderName>().unwrap(),
                        value.parse().unwrap(),
                    )
                })
                .collect()
        };
        let mut one_left = budget(fixed(100), Vec::new());
        one_left.learn(&asked, StatusCode::OK, &headers("1"), now, 1_000_000);
        assert_eq!(one_left.take(&asked, now), None);
        assert_eq!(one_left.take(&asked, now), Some(Duration::from_secs(30)));
        let mut none_left = budget(fixed(100), Vec::new());
        none_left.learn(
            &asked,
            StatusCode::TOO_MANY_REQUESTS,
            &headers("50"),
            now,
            1_000_000,
        );
        assert_eq!(none_left.take(&asked, now), Some(Duration::from_secs(30)));
    }
}
