//! What can be made to go wrong, and when.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{Platform, random::Random};

/// A rule: which requests it concerns, when it fires, and what then happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Only this platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Only this HTTP method, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only paths of this form, `*` for anything. Without it: the platform's API, but not its sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Leaves out so many matching requests first.
    #[serde(default)]
    pub skip: u64,
    /// Fires at each n-th matching request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Fires with this probability, 0 to 1, decided by `seed` and the number of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// For `probability`.
    #[serde(default)]
    pub seed: u64,
    /// Fires at most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What happens when a rule fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers with an error status.
    Status {
        /// 400 to 599.
        status: u16,
        /// Seconds for the `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// Carries the request out first.
        #[serde(default)]
        after_write: bool,
    },
    /// Waits before the request is looked at.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// Ends the body in the middle.
    CutBody,
    /// Carries the request out and closes the connection without an answer.
    LostAnswer,
    /// Gives a field another type in some records.
    WrongTypes {
        /// Name of the member.
        field: String,
        /// In each n-th record of the answer.
        #[serde(default = "three")]
        record_every: u64,
    },
    /// Fails each n-th operation of a batch, which is then not applied.
    PartialBatch {
        /// Counted within one batch.
        #[serde(default = "three")]
        item_every: u64,
    },
    /// Answers 200 with an HTML page.
    Html,
    /// Lets the presented access token expire now.
    ExpiredToken,
    /// Revokes the sign-in behind the presented token.
    Revoked,
}

fn three() -> u64 {
    3
}

impl FaultRule {
    /// A rule for every request to every API; narrow it with the fields.
    pub fn new(fault: Fault) -> Self {
        Self {
            platform: None,
            method: None,
            route: None,
            skip: 0,
            every: None,
            probability: None,
            seed: 0,
            limit: None,
            fault,
        }
    }

    /// Only this method and path (`*` for anything).
    #[must_use]
    pub fn on(mut self, method: &str, route: &str) -> Self {
        self.method = Some(method.to_owned());
        self.route = Some(route.to_owned());
        self
    }

    /// Only at each n-th matching request.
    #[must_use]
    pub fn every(mut self, n: u64) -> Self {
        self.every = Some(n);
        self
    }

    /// At most so often.
    #[must_use]
    pub fn times(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// With this probability, decided by the seed.
    #[must_use]
    pub fn with_probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some(probability);
        self.seed = seed;
        self
    }

    fn concerns(&self, request: &Request<'_>) -> bool {
        self.platform
            .is_none_or(|platform| platform == request.platform)
            && self
                .method
                .as_ref()
                .is_none_or(|method| method.eq_ignore_ascii_case(request.method))
            && match &self.route {
                Some(pattern) => matches(pattern, request.path),
                None => request.api,
            }
    }

    fn fires(&self, seen: u64, fired: u64) -> bool {
        let Some(number) = seen.checked_sub(self.skip) else {
            return false;
        };
        if number == 0 || self.limit.is_some_and(|limit| fired >= limit) {
            return false;
        }
        if let Some(every) = self.every
            && number.checked_rem(every) != Some(0)
        {
            return false;
        }
        self.probability.is_none_or(|probability| {
            let drawn =
                Random::new(self.seed, "fault", number).below(1_000_000) as f64 / 1_000_000.0;
            drawn < probability
        })
    }
}

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) platform: Platform,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Whether this is the API, not the sign-in.
    pub(crate) api: bool,
}

/// The rules in force, each with how many requests it saw and how often it fired.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(FaultRule, u64, u64)>,
}

impl Faults {
    pub(crate) fn set(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules.into_iter().map(|rule| (rule, 0, 0)).collect();
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|(rule, ..)| rule.clone()).collect()
    }

    /// How long to wait first, and the first other rule that fires.
    pub(crate) fn meet(&mut self, request: &Request<'_>) -> (u64, Option<Fault>) {
        let mut wait = 0;
        for (rule, seen, fired) in &mut self.rules {
            if !rule.concerns(request) {
                continue;
            }
            *seen += 1;
            if !rule.fires(*seen, *fired) {
                continue;
            }
            *fired += 1;
            match &rule.fault {
                Fault::Slow { ms } => wait += ms,
                other => return (wait, Some(other.clone())),
            }
        }
        (wait, None)
    }
}

impl Fault {
    /// The name under which it is counted.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::Status { .. } => "status",
            Fault::Slow { .. } => "slow",
            Fault::CutBody => "cut_body",
            Fault::LostAnswer => "lost_answer",
            Fault::WrongTypes { .. } => "wrong_types",
            Fault::PartialBatch { .. } => "partial_batch",
            Fault::Html => "html",
            Fault::ExpiredToken => "expired_token",
            Fault::Revoked => "revoked",
        }
    }
}

/// Whether the path has the form of the pattern, in which `*` stands for any run of characters.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == path;
    };
    path.strip_prefix(head).is_some_and(|rest| {
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.filter_map(|at| rest.get(at..))
            .any(|rest| matches(tail, rest))
    })
}

/// Gives `field` another type in each n-th record of an answer: a listing in any of the shapes, or one record.
pub(crate) fn give_wrong_types(body: &str, field: &str, record_every: u64) -> Option<String> {
    let mut answer: Value = serde_json::from_str(body).ok()?;
    let records: Vec<&mut Map<String, Value>> = match &mut answer {
        Value::Array(list) => list.iter_mut().filter_map(Value::as_object_mut).collect(),
        Value::Object(object) if object.contains_key("data") || object.contains_key("items") => {
            object
                .iter_mut()
                .filter(|(name, _)| matches!(name.as_str(), "data" | "items"))
                .filter_map(|(_, list)| list.as_array_mut())
                .flatten()
                .filter_map(Value::as_object_mut)
                .collect()
        }
        Value::Object(object) => vec![object],
        _ => return None,
    };
    let only = records.len() == 1;
    for (number, record) in (1_u64..).zip(records) {
        if !only && number.checked_rem(record_every) != Some(0) {
            continue;
        }
        if let Some(value) = record.get_mut(field) {
            *value = match value {
                Value::Null => json!({"unexpected": true}),
                Value::Bool(flag) => json!(if *flag { "yes" } else { "no" }),
                Value::Number(_) => json!("n/a"),
                Value::String(_) => json!(12345),
                Value::Array(_) => json!("a, b"),
                Value::Object(_) => json!(["object", "expected"]),
            };
        }
    }
    Some(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        fn check(pattern: &str, path: &str, expected: bool) {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        check("/a/b", "/a/b", true);
        check("/a/b", "/a/b/c", false);
        check("/a/*", "/a/b/c", true);
        check("/a*", "/a", true);
        check("*", "/anything", true);
        check("*/batch", "/p/subscribers/batch", true);
        check("*/batch", "/p/subscribers", false);
        check("/p/*/x/*", "/p/1/x/2", true);
        check("/p/*/x/*/z", "/p/1/x/2/z", true);
        check("/p/*/x/*/z", "/p/1/y/2/z", false);
    }

    #[test]
    fn a_rule_fires_when_it_says() {
        fn check(rule: FaultRule, expected: &[u64]) {
            let mut faults = Faults::default();
            faults.set(vec![rule]);
            let request = Request {
                platform: Platform::Postino,
                method: "GET",
                path: "/postino/api/lists",
                api: true,
            };
            let fired: Vec<u64> = (1..=10)
                .filter(|_| faults.meet(&request).1.is_some())
                .collect();
            assert_eq!(fired, expected);
        }
        let rule = || FaultRule::new(Fault::Html);
        check(rule().times(3), &[1, 2, 3]);
        check(rule().every(4), &[4, 8]);
        check(FaultRule { skip: 8, ..rule() }, &[9, 10]);
        check(rule().on("POST", "*"), &[]);
        check(rule().on("GET", "/postino/*").every(5), &[5, 10]);
        check(
            FaultRule {
                platform: Some(Platform::Harbor),
                ..rule()
            },
            &[],
        );
        check(rule().with_probability(0.0, 1), &[]);
    }

    #[test]
    fn a_rule_is_read_from_json_as_the_page_shows_it() {
        let rule: FaultRule = serde_json::from_value(json!({
            "platform": "postino", "method": "POST", "route": "/postino/api/subscribers*", "kind": "status",
            "status": 503, "retry_after": 2, "every": 3, "limit": 5,
        }))
        .unwrap();
        assert_eq!(rule.platform, Some(Platform::Postino));
        assert_eq!(
            rule.fault,
            Fault::Status {
                status: 503,
                retry_after: Some(2),
                after_write: false
            }
        );
        assert_eq!(rule.limit, Some(5));
    }
}
