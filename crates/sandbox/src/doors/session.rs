//! Sessions: user and password give a token or a cookie, which is good for a while.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{PASSWORD, USER};
use crate::{
    http::call::{Answer, Call},
    oauth::digest,
    random::secret_text,
    world::World,
};

/// Milliseconds that a session lasts.
const LIFETIME: i64 = 30 * 60_000;

/// The session in the header `X-Door-Session`, as a bearer token, or in the cookie `door_session`.
pub(crate) fn check(world: &mut World, call: &Call) -> Result<String, String> {
    let bearer = call.header("authorization").and_then(|header| {
        header
            .strip_prefix("Bearer ")
            .or(header.strip_prefix("Token "))
    });
    let token = call
        .header("x-door-session")
        .or(bearer)
        .or_else(|| call.cookie("door_session"))
        .ok_or("there is no session; log in first")?;
    let now = world.clock.now();
    match world.doors.sessions.get(&digest(token)) {
        Some(ends) if *ends > now => Ok(USER.to_owned()),
        _ => Err("the session is not known, or its time is over".to_owned()),
    }
}

/// `POST /doors/session/login`, JSON `{"user", "password"}`.
pub(crate) fn login(world: &mut World, call: &Call) -> Answer {
    let members = call.json().unwrap_or_default();
    let text = |name: &str| members.get(name).and_then(|value| value.as_str());
    if text("user") != Some(USER) || text("password") != Some(PASSWORD) {
        return Answer::error(401, "unauthorized", "user or password is wrong");
    }
    let token = begin(world);
    Answer::json(
        200,
        &json!({"session": {"token": token, "seconds": LIFETIME / 1000}, "region": "eu-7"}),
    )
}

/// `POST /doors/session/cookie`, a form with `user` and `password`: on to somewhere else, with a cookie.
pub(crate) fn cookie_login(world: &mut World, call: &Call) -> Answer {
    let right = call
        .form()
        .is_some_and(|form| form.get("user") == USER && form.get("password") == PASSWORD);
    if !right {
        return Answer::error(403, "forbidden", "user or password is wrong");
    }
    let token = begin(world);
    Answer::redirect("/doors/session")
        .with(
            "set-cookie",
            format!("door_session={token}; Path=/doors; HttpOnly"),
        )
        .with("set-cookie", "route=r1; Path=/")
}

/// `GET /doors/session/challenge`: what the next step has to answer.
pub(crate) fn challenge(world: &mut World, _: &Call) -> Answer {
    let challenge = secret_text();
    let now = world.clock.now();
    world
        .doors
        .sessions
        .insert(digest(&format!("challenge {challenge}")), now + 60_000);
    Answer::json(200, &json!({"challenge": challenge}))
}

/// `POST /doors/session/token`, JSON `{"challenge", "user", "password"}`: the token is in a header.
pub(crate) fn token_login(world: &mut World, call: &Call) -> Answer {
    let members = call.json().unwrap_or_default();
    let text = |name: &str| {
        members
            .get(name)
            .and_then(|value| value.as_str())
            .unwrap_or_default()
    };
    let now = world.clock.now();
    let key = digest(&format!("challenge {}", text("challenge")));
    if world
        .doors
        .sessions
        .remove(&key)
        .is_none_or(|ends| ends <= now)
    {
        return Answer::error(400, "invalid_parameter", "the challenge is not known");
    }
    let proof = hex::encode(Sha256::digest(format!("{PASSWORD}{}", text("challenge"))));
    let is_right = text("password") == PASSWORD || text("proof") == proof;
    if text("user") != USER || !is_right {
        return Answer::error(401, "unauthorized", "user or password is wrong");
    }
    let token = begin(world);
    Answer::empty(204).with("x-door-session", token)
}

/// `POST /doors/legacy/session`, JSON `{"username", "password"}`.
pub(crate) fn legacy_login(world: &mut World, call: &Call) -> Answer {
    let members = call.json().unwrap_or_default();
    let text = |name: &str| members.get(name).and_then(|value| value.as_str());
    if text("username") != Some(USER) || text("password") != Some(PASSWORD) {
        return Answer::error(401, "unauthorized", "user or password is wrong");
    }
    let token = begin(world);
    Answer::json(200, &json!({"id": token}))
}

/// `GET /doors/legacy/current`: whether a session is good.
pub(crate) fn is_current(world: &mut World, call: &Call) -> Answer {
    match check(world, call) {
        Ok(who) => Answer::json(200, &json!({"who": who})),
        Err(reason) => Answer::error(401, "unauthorized", &reason),
    }
}

/// `DELETE /doors/session/login`: the session in `X-Door-Session` ends.
pub(crate) fn end(world: &mut World, call: &Call) -> Answer {
    let token = call.header("x-door-session").unwrap_or_default();
    match world.doors.sessions.remove(&digest(token)) {
        Some(_) => Answer::empty(204),
        None => Answer::error(404, "not_found", "there is no such session"),
    }
}

fn begin(world: &mut World) -> String {
    let now = world.clock.now();
    let sessions = &mut world.doors.sessions;
    sessions.retain(|_, ends| *ends > now);
    if sessions.len() > 10_000 {
        sessions.clear();
    }
    let token = secret_text();
    sessions.insert(digest(&token), now + LIFETIME);
    token
}
