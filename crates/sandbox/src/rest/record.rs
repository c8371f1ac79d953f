//! One record: GET, POST, PATCH, PUT, DELETE, and the description of its fields.

use serde_json::json;

use super::write::Precondition;
use crate::{
    http::{
        call::{Answer, Call},
        gate::Caller,
    },
    world::{Stream, World},
};

pub(crate) fn get(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    match world.find(stream, &call.id, &Precondition::None) {
        Ok(number) => answer(world, stream, number, 200),
        Err(refusal) => refusal.into_answer(),
    }
}

pub(crate) fn create(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let input = match call.json() {
        Ok(input) => input,
        Err(answer) => return answer,
    };
    let now = world.clock.write_time();
    match world.create(stream, &input, now) {
        Ok(number) => {
            let location = format!(
                "{}{}/{}",
                world.origin,
                stream.path(),
                world.records(stream).id(number)
            );
            answer(world, stream, number, 201).with("location", location)
        }
        Err(refusal) => refusal.into_answer(),
    }
}

pub(crate) fn patch(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    update(world, call, stream, false)
}

pub(crate) fn put(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    update(world, call, stream, true)
}

fn update(world: &mut World, call: &Call, stream: Stream, replace: bool) -> Answer {
    let input = match call.json() {
        Ok(input) => input,
        Err(answer) => return answer,
    };
    let number = match world.find(stream, &call.id, &if_match(call)) {
        Ok(number) => number,
        Err(refusal) => return refusal.into_answer(),
    };
    let now = world.clock.write_time();
    match world.update(stream, number, &input, replace, now) {
        Ok(()) => answer(world, stream, number, 200),
        Err(refusal) => refusal.into_answer(),
    }
}

pub(crate) fn delete(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    match world.find(stream, &call.id, &if_match(call)) {
        Ok(number) => {
            world.delete(stream, number);
            Answer::empty(204)
        }
        Err(refusal) => refusal.into_answer(),
    }
}

pub(crate) fn schema(world: &mut World, _: &Call, stream: Stream, _: &Caller) -> Answer {
    match world.records(stream).kind.schema {
        Some(schema) => Answer::json(200, &schema.describe()),
        None => Answer::error(404, "no_such_route", "this stream has no schema"),
    }
}

pub(crate) fn me(world: &mut World, _: &Call, stream: Stream, caller: &Caller) -> Answer {
    let (user, account) = world.sign_in(stream.platform()).person(caller);
    let scopes = &caller.scopes;
    let body = match stream.platform() {
        crate::Platform::Harbor => json!({"id": user.id, "name": user.name, "email": user.email,
            "account": {"id": account.0, "name": account.1}, "scopes": scopes}),
        crate::Platform::Postino => {
            json!({"user": {"id": user.id, "name": user.name, "email": user.email},
            "account": {"id": account.0, "name": account.1}, "scopes": scopes})
        }
    };
    Answer::json(200, &body)
}

fn answer(world: &World, stream: Stream, number: u64, status: u16) -> Answer {
    let records = world.records(stream);
    let Some(stored) = records.get(number) else {
        return Answer::empty(404);
    };
    let answer = Answer::text(status, &*stored.json);
    if records.kind.versioned {
        answer.with("etag", format!("\"{}\"", stored.version))
    } else {
        answer
    }
}

/// `*` accepts every version; weak tags accept none.
fn if_match(call: &Call) -> Precondition {
    let Some(header) = call.header("if-match") else {
        return Precondition::None;
    };
    let tags: Vec<&str> = header.split(',').map(str::trim).collect();
    if tags.contains(&"*") {
        return Precondition::None;
    }
    let versions = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok());
    Precondition::OneOf(versions.collect())
}
