//! Sessions: the requests of a log-in, one after another.

use std::collections::BTreeMap;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use http::{Method, StatusCode};
use model::secret::Secret;
use model::value::{Object, Value};
use serde_json::Value as Json;
use template::{Env, Members, Scope};

use super::answer::{NotAnEndpoint, point_in_time, seconds};
use super::credentials::TokenSet;
use super::endpoint::{Desk, address, put_header, wrong};
use super::fields::Typed;
use super::problem::{TokenProblem, foreign_words, later};
use super::transport::{self, Outgoing, RawAnswer};
use crate::Result;
use crate::declarative::auth_spec::{self, AuthMethod, Session, Step, Take, TakeFrom};

/// Names with a meaning of their own among what is taken.
const TOKEN: &str = "token";
const EXPIRES_IN: &str = "expires_in";
const EXPIRES_AT: &str = "expires_at";

type Taken = BTreeMap<String, Secret>;

/// Logs in.
pub(super) async fn log_in(
    session: &Session,
    method: &AuthMethod,
    typed: &Typed,
    desk: Desk<'_>,
) -> std::result::Result<TokenSet, TokenProblem> {
    let began = desk.clock.now();
    let mut taken = Taken::new();
    for (n, step) in session.steps.iter().enumerate() {
        let place = format!("steps[{n}]");
        let outgoing =
            compose(step, method, typed, &taken, desk, &place).map_err(TokenProblem::Settings)?;
        let raw = transport::send(outgoing, desk.tls).await.map_err(later)?;
        let hidden: Vec<Secret> = typed
            .iter()
            .map(|(_, value)| value)
            .chain(taken.values())
            .cloned()
            .collect();
        take(step, &raw, &mut taken, &hidden)?;
    }
    let text = |name: &str| {
        taken
            .get(name)
            .map(|value| Json::String(value.reveal().to_owned()))
    };
    let life = text(EXPIRES_IN).as_ref().and_then(seconds);
    let expires_at = text(EXPIRES_AT)
        .as_ref()
        .and_then(point_in_time)
        .or_else(|| {
            life.or(session.lifetime).map(|seconds| {
                began.saturating_add(
                    i64::try_from(seconds)
                        .unwrap_or(i64::MAX)
                        .saturating_mul(1000),
                )
            })
        });
    let Some(token) = taken.remove(TOKEN) else {
        return Err(TokenProblem::Grant("the log-in gave no token".to_owned()));
    };
    taken.remove(EXPIRES_IN);
    taken.remove(EXPIRES_AT);
    Ok(TokenSet {
        access: token,
        refresh: None,
        expires_at,
        scopes: Vec::new(),
        obtained_at: began,
        kept: taken,
    })
}

/// Logs out.
pub(super) async fn log_out(
    step: &Step,
    method: &AuthMethod,
    typed: &Typed,
    set: &TokenSet,
    desk: Desk<'_>,
) -> std::result::Result<(), TokenProblem> {
    let mut taken = set.kept.clone();
    taken.insert(TOKEN.to_owned(), set.access.clone());
    let outgoing =
        compose(step, method, typed, &taken, desk, "end").map_err(TokenProblem::Settings)?;
    let raw = transport::send(outgoing, desk.tls).await.map_err(later)?;
    if raw.status.is_client_error() {
        return Err(TokenProblem::Client(format!(
            "it answered with status {}",
            raw.status.as_u16()
        )));
    }
    Ok(())
}

/// What earlier steps took, as templates see it.
struct AsMembers<'a>(&'a Taken);

impl std::fmt::Debug for AsMembers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Members for AsMembers<'_> {
    fn member(&self, name: &str) -> Option<Value> {
        self.0.get(name).map(|value| Value::text(value.reveal()))
    }

    fn to_value(&self) -> Value {
        let mut object = Object::with_capacity(self.0.len());
        for (name, value) in self.0 {
            object.insert(name.as_str(), Value::text(value.reveal()));
        }
        Value::Object(object)
    }
}

fn compose(
    step: &Step,
    method: &AuthMethod,
    typed: &Typed,
    taken: &Taken,
    desk: Desk<'_>,
    place: &str,
) -> Result<Outgoing> {
    let described = typed.described(&method.fields);
    let members = AsMembers(taken);
    let mut scope = Scope::new()
        .with("config", &method.settings)
        .with("fields", &described as &dyn Members)
        .with("taken", &members as &dyn Members)
        .with("kept", &members as &dyn Members);
    if let Some(token) = taken.get(TOKEN) {
        scope.set("token", Value::text(token.reveal()));
    }
    let env = Env::new(desk.clock.clone());
    let fill = |text: &str, member: &str| -> Result<String> {
        let place = format!("patchbay.auth.{}.{place}.{member}", method.name);
        let template = auth_spec::compile(text, &place)?;
        auth_spec::render(&template, &scope, &env, &place)
    };
    let pairs = |params: &auth_spec::Params, member: &str| -> Result<Vec<(String, String)>> {
        params
            .iter()
            .map(|(name, value)| Ok((name.to_owned(), fill(value, member)?)))
            .collect()
    };
    let mut url = address(&format!("{place}.url"), &fill(&step.url, "url")?)?;
    let query = pairs(&step.query, "query")?;
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/json, */*;q=0.5"),
    );
    let mut body = Vec::new();
    if let Some(json) = &step.json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut json = json.clone();
        fill_json(&mut json, &|text| fill(text, "json"))?;
        body = json.to_string().into_bytes();
    } else if let Some(text) = &step.text {
        body = fill(text, "text")?.into_bytes();
    } else if !step.form.0.is_empty() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs(&step.form, "form")?)
            .finish()
            .into_bytes();
    }
    for (name, value) in pairs(&step.headers, "headers")? {
        put_header(&mut headers, &name, &value)?;
    }
    let verb = match step.method.to_ascii_uppercase().as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        other => {
            return Err(wrong(
                &format!("{place}.method"),
                &format!("the method `{other}` is not supported"),
                "GET, POST, PUT or DELETE",
            ));
        }
    };
    Ok(Outgoing {
        method: verb,
        url,
        headers,
        body,
    })
}

fn fill_json(json: &mut Json, fill: &impl Fn(&str) -> Result<String>) -> Result<()> {
    match json {
        Json::String(text) => *text = fill(text)?,
        Json::Array(items) => {
            for item in items {
                fill_json(item, fill)?;
            }
        }
        Json::Object(members) => {
            for member in members.values_mut() {
                fill_json(member, fill)?;
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
    Ok(())
}

/// Takes out of an answer what the step says.
fn take(
    step: &Step,
    raw: &RawAnswer,
    taken: &mut Taken,
    hidden: &[Secret],
) -> std::result::Result<(), TokenProblem> {
    let json: Option<Json> = serde_json::from_slice(&raw.body).ok();
    if raw.status.is_client_error() {
        let reason = match json.as_ref().and_then(words) {
            Some(words) => format!("{words} (status {})", raw.status.as_u16()),
            None => format!("it answered with status {}", raw.status.as_u16()),
        };
        let reason = foreign_words(&reason, hidden);
        return Err(match raw.status {
            StatusCode::BAD_REQUEST
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::UNPROCESSABLE_ENTITY => TokenProblem::Grant(reason),
            _ => TokenProblem::Later {
                untouched: false,
                too_many: false,
                after: None,
                reason,
            },
        });
    }
    for (name, what) in &step.take {
        match find(what, raw, json.as_ref()) {
            Some(value) => {
                taken.insert(name.clone(), Secret::new(value));
            }
            None if what.optional => {}
            None if json.is_none() && raw.kind().contains("html") => {
                return Err(later(
                    NotAnEndpoint(format!(
                        "a web page ({}) came instead of `{name}`; if a network asks you to sign in first, do that, otherwise check the address",
                        raw.status
                    ))
                    .into(),
                ));
            }
            // Not tried again by itself: a wrong password tried often locks the account.
            None => {
                let reason = match json.as_ref().and_then(words) {
                    Some(words) => words,
                    None => format!("its answer holds no `{name}`"),
                };
                return Err(TokenProblem::Grant(foreign_words(&reason, hidden)));
            }
        }
    }
    Ok(())
}

fn find(what: &Take, raw: &RawAnswer, json: Option<&Json>) -> Option<String> {
    let name = || what.name.0.first().map(String::as_str);
    let value = match what.from {
        TakeFrom::Body => match what.name.find(json?)? {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            Json::Bool(flag) => flag.to_string(),
            Json::Null | Json::Array(_) | Json::Object(_) => return None,
        },
        TakeFrom::Text => {
            let text = std::str::from_utf8(&raw.body).ok()?.trim();
            // Some send a text with the quotes of JSON around it.
            match json {
                Some(Json::String(inner)) => inner.clone(),
                _ => text.to_owned(),
            }
        }
        TakeFrom::Header => raw.headers.get(name()?)?.to_str().ok()?.trim().to_owned(),
        TakeFrom::Cookie => {
            let name = name()?;
            cookies(raw)
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.to_owned())?
        }
        TakeFrom::Cookies => cookies(raw)
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    (!value.is_empty()).then_some(value)
}

fn cookies(raw: &RawAnswer) -> impl Iterator<Item = (&str, &str)> {
    raw.headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
}

/// What an answer says of an error, if it says anything where most do.
fn words(json: &Json) -> Option<String> {
    const PLACES: [&str; 6] = [
        "error_description",
        "message",
        "error",
        "detail",
        "errorMessage",
        "errors",
    ];
    PLACES.iter().find_map(|place| match json.get(place)? {
        Json::String(text) => Some(text.clone()),
        Json::Object(members) => ["message", "description", "code"]
            .iter()
            .find_map(|name| members.get(*name)?.as_str().map(str::to_owned)),
        Json::Array(items) => items.first().and_then(|item| {
            item.as_str()
                .or_else(|| item.get("message")?.as_str())
                .map(str::to_owned)
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(yaml: &str) -> Step {
        let node = crate::declarative::node::Node::parse("x", yaml).unwrap();
        serde_json::from_value(node.to_json()).unwrap()
    }

    fn raw(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> RawAnswer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        RawAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: body.into(),
        }
    }

    #[track_caller]
    fn check(what: &str, raw: &RawAnswer, expected: &str) {
        let step = step(&format!("{{url: 'https://x/', take: {{token: {what}}}}}"));
        let mut taken = Taken::new();
        let seen = match take(&step, raw, &mut taken, &[Secret::new("hunter2")]) {
            Ok(()) => taken
                .get("token")
                .map_or("nothing", |value| value.reveal())
                .to_owned(),
            Err(TokenProblem::Grant(reason)) => format!("refused: {reason}"),
            Err(TokenProblem::Later { reason, .. }) => format!("later: {reason}"),
            Err(problem) => format!("{problem:?}"),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn tokens_are_taken_out_of_bodies_headers_and_cookies() {
        let body = raw(
            200,
            &[],
            r#"{"session":{"id":17,"ok":true},"list":[{"t":"x"}]}"#,
        );
        check("{name: [session, id]}", &body, "17");
        check("{name: [list, 0, t]}", &body, "x");
        check("{name: missing, optional: true}", &body, "nothing");
        check(
            "{name: missing}",
            &body,
            "refused: its answer holds no `token`",
        );
        check("{from: text}", &raw(200, &[], " abc\n"), "abc");
        check("{from: text}", &raw(200, &[], "\"abc\""), "abc");
        let headers = raw(
            302,
            &[
                ("x-subject-token", "h"),
                ("set-cookie", "SID=s1; Path=/; HttpOnly"),
                ("set-cookie", "route=r; Secure"),
            ],
            "",
        );
        check("{from: header, name: X-Subject-Token}", &headers, "h");
        check("{from: cookie, name: SID}", &headers, "s1");
        check("{from: cookies}", &headers, "SID=s1; route=r");
        check(
            "{from: cookie, name: sid}",
            &headers,
            "refused: its answer holds no `token`",
        );
    }

    #[test]
    fn a_log_in_that_is_refused_says_why_and_is_not_tried_again() {
        check(
            "{name: t}",
            &raw(
                200,
                &[],
                r#"{"error":{"message":"wrong password hunter2"}}"#,
            ),
            "refused: wrong password •••",
        );
        check(
            "{name: t}",
            &raw(401, &[], r#"{"errors":["no such user"]}"#),
            "refused: no such user (status 401)",
        );
        check(
            "{name: t}",
            &raw(403, &[], "<html>"),
            "refused: it answered with status 403",
        );
        check(
            "{name: t}",
            &raw(404, &[], ""),
            "later: it answered with status 404",
        );
        check(
            "{name: t}",
            &raw(200, &[("content-type", "text/html")], "<html>"),
            "later: a web page (200 OK) came instead of `token`; if a network asks you to sign in first, do that, otherwise check the address",
        );
    }
}
