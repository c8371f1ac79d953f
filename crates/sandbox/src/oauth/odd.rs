//! Token endpoints that do it their own way, as many real ones do: `POST|GET /P/oauth/odd/{way}`.

use serde_json::{Value, json};

use super::{
    Tokens,
    endpoints::{granted, no_store, oauth_error, token_form},
};
use crate::{
    Platform,
    clock::rfc3339,
    http::call::{Answer, Call, Form},
    world::World,
};

/// Takes the parameters as the way wants them and answers as the way does.
pub(crate) fn token(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let asked = match call.id.as_str() {
        "json" => call.json().map(|members| {
            let pairs = members
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
            Form::of(pairs)
        }),
        "query" | "get" => {
            let is_right = (call.id == "get") == (call.method == "GET");
            if is_right && call.bytes().is_ok_and(bytes::Bytes::is_empty) {
                Ok(Form::of(call.query.iter().cloned()))
            } else {
                let text = "the parameters belong into the query";
                Err(oauth_error(400, "invalid_request", text))
            }
        }
        "nested" | "form" => token_form(call),
        // Other names for everything.
        "renamed" => token_form(call).map(|form| {
            let names = [
                ("app_id", "client_id"),
                ("secret", "client_secret"),
                ("auth_code", "code"),
            ];
            form.renamed(&names)
        }),
        _ => {
            let text = "there is nothing at this address";
            return Answer::error(404, "no_such_route", text);
        }
    };
    let now = world.clock.now();
    let result = asked.and_then(|form| granted(world, call, platform, &form));
    let answer = match result {
        Ok(tokens) => given(&call.id, &tokens, now),
        // It reports errors with 200, as some do.
        Err(answer) if call.id == "nested" => {
            let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            Answer::json(
                200,
                &json!({"ok": false, "problem": {"code": said.get("error"), "text": said.get("error_description")}}),
            )
        }
        Err(answer) => answer,
    };
    no_store(answer)
}

fn given(way: &str, tokens: &Tokens, now: i64) -> Answer {
    let ends = now.saturating_add(i64::try_from(tokens.expires_in).unwrap_or(0) * 1000);
    match way {
        "nested" => Answer::json(
            200,
            &json!({"ok": true, "session": {"value": tokens.access_token, "renew_with": tokens.refresh_token,
                "ends": rfc3339(ends, 0), "allowed": tokens.scopes.join(",")}, "account": {"shard": "eu-7"}}),
        ),
        "form" => {
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            body.append_pair("access_token", &tokens.access_token)
                .append_pair("expires", &tokens.expires_in.to_string());
            if let Some(refresh) = &tokens.refresh_token {
                body.append_pair("refresh_token", refresh);
            }
            let mut answer = Answer::text(200, body.finish());
            answer.content_type = "application/x-www-form-urlencoded";
            answer
        }
        _ => {
            let mut body = json!({"access_token": tokens.access_token, "expires_in": tokens.expires_in.to_string()});
            if let (Some(body), Some(refresh)) = (body.as_object_mut(), &tokens.refresh_token) {
                body.insert("refresh_token".into(), json!(refresh));
            }
            Answer::json(200, &body)
        }
    }
}
