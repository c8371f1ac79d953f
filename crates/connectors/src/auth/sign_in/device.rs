//! OAuth 2 device code (RFC 8628): a short code is shown, the person types it in wherever there is a browser, and we
//! ask at intervals whether that has happened.

use std::time::Duration;

use model::secret::Secret;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Context, Open, SignInStep};
use crate::auth::answer::seconds;
use crate::auth::credentials::TokenSet;
use crate::auth::endpoint::{self, Ask, wishes};
use crate::auth::problem::{TokenProblem, foreign_words};
use crate::declarative::auth_spec::{AnswerShape, DeviceCode, Way};
use crate::{Error, Result};

/// Between two questions, where the platform does not say.
const INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds.
const SLOWER: Duration = Duration::from_secs(5);
/// Nobody takes longer, whatever the platform allows.
const LONGEST: Duration = Duration::from_secs(30 * 60);
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A sign-in that asks whether the person has typed the code in.
pub(super) struct Waiting {
    spec: DeviceCode,
    device_code: Secret,
    interval: Duration,
    pub(super) url: Url,
}

impl Waiting {
    pub(super) async fn start(context: &mut Context, spec: DeviceCode, open: Open) -> Result<Self> {
        endpoint::address("token_url", &spec.endpoint.token_url)?;
        endpoint::client_id(&spec.endpoint)?;
        let answer = ask_for_a_code(context, &spec).await?;
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| answer.kept.get(*name))
                .map(|value| value.reveal().to_owned())
        };
        let (Some(code), Some(place)) = (text(&["user_code"]), text(&["uri", "url"])) else {
            return Err(Error::SignInFailed {
                reason: format!(
                    "{} gave no code to type in; try again later",
                    context.platform
                ),
            });
        };
        // Opened in a browser: nothing but addresses of the web.
        let page = |text: &str| {
            Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "https" | "http"))
        };
        let Some(shown) = page(&place) else {
            return Err(Error::SignInFailed {
                reason: format!(
                    "{} gave an address that is none: {}",
                    context.platform,
                    foreign_words(&place, &[])
                ),
            });
        };
        let number = |name: &str| {
            text(&[name])
                .map(Value::String)
                .as_ref()
                .and_then(seconds)
                .map(Duration::from_secs)
        };
        if let Some(life) = answer.expires_at {
            let life = life.saturating_sub(answer.obtained_at);
            context.limit = Duration::from_millis(u64::try_from(life).unwrap_or(0)).min(LONGEST);
            context.deadline = Instant::now() + context.limit;
        }
        let url = text(&["complete"])
            .as_deref()
            .and_then(page)
            .unwrap_or_else(|| shown.clone());
        context.step(SignInStep::ShowCode {
            code: foreign_words(&code, &[]),
            url: shown.to_string(),
        });
        context.send_out(open, &url);
        Ok(Self {
            spec,
            device_code: answer.access,
            interval: number("interval").unwrap_or(INTERVAL),
            url,
        })
    }

    pub(super) async fn finish(
        self,
        context: &Context,
        cancel: &CancellationToken,
    ) -> Result<TokenSet> {
        let mut interval = self.interval;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::Cancelled),
                () = tokio::time::sleep_until(context.deadline) => return Err(context.too_late()),
                () = tokio::time::sleep(interval) => {}
            }
            let asked = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::Cancelled),
                asked = self.ask(context) => asked,
            };
            match asked {
                Ok(tokens) => return Ok(tokens),
                Err(problem) => interval = next(context, problem, interval)?,
            }
        }
    }

    async fn ask(&self, context: &Context) -> std::result::Result<TokenSet, TokenProblem> {
        Ask {
            endpoint: &self.spec.endpoint,
            url: None,
            grant: vec![
                ("grant_type", GRANT.to_owned()),
                ("device_code", self.device_code.reveal().to_owned()),
            ],
            params: &self.spec.endpoint.token_params.0,
            hidden: vec![self.device_code.clone()],
        }
        .tokens(context.desk(), None)
        .await
    }
}

/// The answer to the request for a code, read as if the code were a token.
async fn ask_for_a_code(context: &Context, spec: &DeviceCode) -> Result<TokenSet> {
    let keep = [
        ("user_code", "user_code"),
        ("uri", "verification_uri"),
        ("url", "verification_url"),
        ("complete", "verification_uri_complete"),
        ("interval", "interval"),
    ];
    let mut endpoint = spec.endpoint.clone();
    endpoint.answer = AnswerShape {
        access_token: Way::from(["device_code"]),
        keep: keep
            .into_iter()
            .map(|(name, member)| (name.to_owned(), Way::from([member])))
            .collect(),
        ..AnswerShape::default()
    };
    Ask {
        endpoint: &endpoint,
        url: Some(("device_url", &spec.device_url)),
        grant: wishes(&spec.endpoint),
        params: &spec.device_params.0,
        hidden: Vec::new(),
    }
    .tokens(context.desk(), None)
    .await
    .map_err(|problem| context.failed(problem.plain(), "the request for a code"))
}

/// How long to wait before asking again, if that makes sense.
fn next(context: &Context, problem: TokenProblem, interval: Duration) -> Result<Duration> {
    match problem {
        TokenProblem::Own { code, reason } => match code.as_str() {
            "authorization_pending" => Ok(interval),
            "slow_down" => Ok(interval + SLOWER),
            "access_denied" => Err(Error::SignInFailed {
                reason: format!(
                    "access was denied at {}, so nothing was connected; start it again and choose to allow it",
                    context.platform
                ),
            }),
            "expired_token" => Err(context.too_late()),
            _ => Err(context.failed(TokenProblem::Grant(reason), "the code")),
        },
        // RFC 8628, section 3.5: twice as long after no answer.
        TokenProblem::Later { after, .. } => Ok(after
            .unwrap_or(interval * 2)
            .clamp(interval, Duration::from_secs(60).max(interval))),
        problem => Err(context.failed(problem, "the code")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::clock::Clock;
    use model::value::Value as Setting;

    use super::*;
    use crate::auth::fields::Typed;
    use crate::declarative::auth_spec::{AuthKind, AuthMethod};

    fn context() -> Context {
        let mut method = AuthMethod::new("m", "M", AuthKind::None);
        method.settings = Setting::Null;
        Context {
            platform: "Harbor".into(),
            method,
            typed: Typed::default(),
            certificates: None,
            clock: Clock::manual(0),
            steps: Arc::new(|_| {}),
            deadline: Instant::now(),
            limit: Duration::from_secs(900),
        }
    }

    #[tokio::test]
    async fn a_platform_that_wants_fewer_questions_gets_fewer() {
        #[track_caller]
        fn check(problem: TokenProblem, expected: &str) {
            let seen = match next(&context(), problem, Duration::from_secs(5)) {
                Ok(interval) => format!("{} s", interval.as_secs()),
                Err(error) => error.to_string(),
            };
            assert!(seen.contains(expected), "{seen}");
        }
        let own = |code: &str| TokenProblem::Own {
            code: code.into(),
            reason: code.into(),
        };
        let later = |after: Option<u64>| TokenProblem::Later {
            untouched: false,
            too_many: false,
            after: after.map(Duration::from_secs),
            reason: String::new(),
        };
        check(own("authorization_pending"), "5 s");
        check(own("slow_down"), "10 s");
        check(later(None), "10 s");
        check(later(Some(30)), "30 s");
        check(later(Some(3_600)), "60 s");
        check(later(Some(0)), "5 s");
        check(own("access_denied"), "access was denied at Harbor");
        check(
            own("expired_token"),
            "nobody signed in to Harbor within 15 minutes",
        );
        check(
            TokenProblem::Grant("unknown".into()),
            "Harbor does not accept the code: unknown",
        );
    }
}
