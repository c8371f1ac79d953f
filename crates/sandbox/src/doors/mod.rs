//! Doors: addresses that each let requests in by a way of signing of their own. Behind every door is the same room: who
//! came in, what was asked, and three records.
//!
//! What is wrong with a request that is not let in is said in the answer, as no real platform would.

mod hmac;
mod oauth1;
mod session;
mod sigv4;

use std::collections::HashMap;

use serde_json::json;

use crate::{
    Platform,
    http::call::{Answer, Call},
    oauth::robots,
    world::World,
};

pub(crate) use oauth1::{access_token, authorize, decide, request_token};
pub(crate) use session::{
    challenge, cookie_login, end, is_current, legacy_login, login, token_login,
};

/// What is known at the doors, and what they remember.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    /// Session tokens and cookies by their digest, and when they end.
    sessions: HashMap<String, i64>,
    /// Values that may be used once, and when they are forgotten.
    used: HashMap<String, i64>,
    oauth1: oauth1::Legs,
}

impl Doors {
    /// False when it was used before.
    fn use_once(&mut self, what: &str, now: i64) -> bool {
        self.used.retain(|_, until| *until > now);
        if self.used.len() > 10_000 {
            self.used.clear();
        }
        self.used.insert(what.to_owned(), now + 600_000).is_none()
    }
}

/// `GET|POST|PUT|PATCH|DELETE /doors/{id}`, and anything below.
pub(crate) fn enter(world: &mut World, call: &Call) -> Answer {
    let door = call.path.split('/').nth(2).unwrap_or_default();
    let came = match door {
        "open" => Ok("anybody".to_owned()),
        "key" => key(call),
        "keys" => two_keys(call),
        "body" => in_body(call),
        "cookie" => cookie(call),
        "basic" => basic(call),
        "bearer" => bearer(world, call),
        "own" => own_scheme(world, call),
        "jwt" => jwt(world, call),
        "hmac" => hmac::check(world, call),
        "sigv4" => sigv4::check(world, call),
        "oauth1" => oauth1::check(world, call),
        "session" => session::check(world, call),
        "tls" => certificate(call),
        _ => {
            return Answer::error(404, "no_such_route", "there is no door of this name");
        }
    };
    match came {
        Ok(who) => room(call, &who),
        Err(reason) => Answer::error(401, "unauthorized", &reason),
    }
}

/// What is behind every door.
fn room(call: &Call, who: &str) -> Answer {
    let query: serde_json::Map<String, serde_json::Value> = call
        .query
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let records: Vec<_> = (1..=3)
        .map(|id| json!({"id": id, "name": format!("record {id}")}))
        .collect();
    Answer::json(
        200,
        &json!({"who": who, "method": call.method, "path": call.path, "query": query,
            "body": call.bytes().ok().map(|body| String::from_utf8_lossy(body).into_owned()), "records": records}),
    )
}

pub(crate) const KEY: &str = "door-key-0001";
pub(crate) const SECOND_KEY: &str = "door-key-0002";
pub(crate) const USER: &str = "dana@harbor.example";
pub(crate) const PASSWORD: &str = "door-password";

/// The key in the header `X-Door-Key` or the parameter `door_key`.
fn key(call: &Call) -> Result<String, String> {
    let seen = call.header("x-door-key").or_else(|| call.param("door_key"));
    if seen == Some(KEY) {
        Ok("the holder of the key".to_owned())
    } else {
        Err("the key belongs into the header X-Door-Key or the parameter door_key".to_owned())
    }
}

/// One key in a header, another in the query.
fn two_keys(call: &Call) -> Result<String, String> {
    if call.header("x-door-key") == Some(KEY) && call.param("application") == Some(SECOND_KEY) {
        Ok("the holder of both keys".to_owned())
    } else {
        Err(
            "one key belongs into the header X-Door-Key, the other into the parameter application"
                .to_owned(),
        )
    }
}

/// The key as a member of the body.
fn in_body(call: &Call) -> Result<String, String> {
    let seen = match call.json() {
        Ok(members) => members
            .get("door_key")
            .and_then(|key| key.as_str().map(str::to_owned)),
        Err(_) => call.form().map(|form| form.get("door_key").to_owned()),
    };
    if seen.as_deref() == Some(KEY) {
        Ok("the holder of the key".to_owned())
    } else {
        Err("the key belongs into the body as door_key".to_owned())
    }
}

fn cookie(call: &Call) -> Result<String, String> {
    if call.cookie("door_key") == Some(KEY) {
        Ok("the holder of the key".to_owned())
    } else {
        Err("the key belongs into the cookie door_key".to_owned())
    }
}

fn basic(call: &Call) -> Result<String, String> {
    let pair = call
        .header("authorization")
        .and_then(crate::http::gate::basic);
    match pair {
        Some((user, password)) if user == USER && password == PASSWORD => Ok(user),
        _ => Err("user and password belong into HTTP Basic".to_owned()),
    }
}

/// A token of one of the two platforms.
fn bearer(world: &mut World, call: &Call) -> Result<String, String> {
    let header = call.header("authorization").unwrap_or_default();
    let token = header
        .strip_prefix("Bearer ")
        .ok_or("a token belongs into the header Authorization: Bearer")?;
    of_platform(world, token)
}

/// A token of one of the two platforms, under a scheme that nobody else has.
fn own_scheme(world: &mut World, call: &Call) -> Result<String, String> {
    let header = call.header("authorization").unwrap_or_default();
    let token = header
        .strip_prefix("Door-token ")
        .ok_or("a token belongs into the header Authorization: Door-token")?;
    if call.header("x-shard") != Some("eu-7") {
        return Err(
            "the shard that came with the token belongs into the header X-Shard".to_owned(),
        );
    }
    of_platform(world, token)
}

fn of_platform(world: &mut World, token: &str) -> Result<String, String> {
    let now = world.clock.now();
    for platform in Platform::ALL {
        let sign_in = world.sign_in(platform);
        if let Ok(caller) = sign_in.by_token(token, now) {
            let (user, _) = sign_in.person(&caller);
            return Ok(format!("{} {}", user.email, caller.scopes.join("+")));
        }
    }
    Err("the token is not known, or has ended".to_owned())
}

/// A JWT of the robot, for this address.
fn jwt(world: &mut World, call: &Call) -> Result<String, String> {
    let header = call.header("authorization").unwrap_or_default();
    let token = header.rsplit(' ').next().unwrap_or_default();
    let audience = format!("{}{}", world.origin, call.path);
    let claims = robots::verified(token, &audience, world.clock.now())?;
    Ok(claims.iss)
}

fn certificate(call: &Call) -> Result<String, String> {
    match &call.certificate {
        Some(seen) if Some(seen) == robots::known_certificate().as_ref() => {
            Ok("the holder of the certificate".to_owned())
        }
        Some(_) => Err("another certificate is known here".to_owned()),
        None => Err("a certificate has to be shown, over TLS".to_owned()),
    }
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
