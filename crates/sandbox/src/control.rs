//! `/control/...`: what a test, a demo or a curious person may do to the platforms from outside.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    Platform,
    faults::FaultRule,
    http::call::{Answer, Call},
    world::{Stream, World},
};

/// Records created, changed or deleted by one request.
const MAX_COUNT: u64 = 1_000_000;

pub(crate) fn overview(world: &mut World, _: &Call) -> Answer {
    Answer::json(200, &world.overview())
}

pub(crate) fn faults(world: &mut World, _: &Call) -> Answer {
    Answer::json(200, &json!(world.faults.rules()))
}

pub(crate) fn set_faults(world: &mut World, call: &Call) -> Answer {
    let given = match call.any_json() {
        Ok(given) => given,
        Err(answer) => return answer,
    };
    match serde_json::from_value::<Vec<FaultRule>>(given) {
        Ok(rules) => {
            world.faults.set(rules);
            faults(world, call)
        }
        Err(error) => Answer::error(
            422,
            "invalid",
            &format!("the rules cannot be read: {error}"),
        ),
    }
}

pub(crate) fn clear_faults(world: &mut World, _: &Call) -> Answer {
    world.faults.set(Vec::new());
    Answer::empty(204)
}

pub(crate) fn counters(world: &mut World, _: &Call) -> Answer {
    Answer::json(200, &json!(world.counters))
}

pub(crate) fn reset_counters(world: &mut World, _: &Call) -> Answer {
    world.counters = Default::default();
    Answer::empty(204)
}

/// The `count` and `seed` of a request.
fn count_and_seed(call: &Call) -> Result<(usize, u64), Answer> {
    let body = call.json()?;
    let number = |name: &str, otherwise: u64| match body.get(name) {
        None => Ok(otherwise),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| Answer::parameter(name, "must be a whole number")),
    };
    let count = number("count", 1)?;
    if count > MAX_COUNT {
        return Err(Answer::parameter("count", "must be at most 1000000"));
    }
    Ok((usize::try_from(count).unwrap_or(0), number("seed", 0)?))
}

fn some(call: &Call, act: impl FnOnce(usize, u64) -> Vec<String>) -> Answer {
    match count_and_seed(call) {
        Ok((count, seed)) => Answer::json(200, &json!({"ids": act(count, seed)})),
        Err(answer) => answer,
    }
}

pub(crate) fn edit_contacts(world: &mut World, call: &Call) -> Answer {
    some(call, |count, seed| {
        world.edit_some(Stream::Contacts, count, seed)
    })
}

pub(crate) fn delete_contacts(world: &mut World, call: &Call) -> Answer {
    some(call, |count, seed| {
        world.delete_some(Stream::Contacts, count, seed)
    })
}

pub(crate) fn create_contacts(world: &mut World, call: &Call) -> Answer {
    some(call, |count, _| world.add_contacts(count))
}

pub(crate) fn edit_subscribers(world: &mut World, call: &Call) -> Answer {
    some(call, |count, seed| {
        world.edit_some(Stream::Subscribers, count, seed)
    })
}

pub(crate) fn delete_subscribers(world: &mut World, call: &Call) -> Answer {
    some(call, |count, seed| {
        world.delete_some(Stream::Subscribers, count, seed)
    })
}

pub(crate) fn records(world: &mut World, call: &Call) -> Answer {
    let stream = call.id.split_once('/').and_then(|(platform, stream)| {
        let platform = Platform::ALL
            .into_iter()
            .find(|known| known.name() == platform)?;
        Stream::named(platform, stream)
    });
    match stream {
        Some(stream) => Answer::text(200, world.all(stream)),
        None => Answer::error(
            404,
            "not_found",
            "the path must end in a platform and one of its streams",
        ),
    }
}

fn platforms(call: &Call) -> Result<Vec<Platform>, Answer> {
    let body: Map<String, Value> = call.json()?;
    let Some(name) = body.get("platform") else {
        return Ok(Platform::ALL.to_vec());
    };
    match Platform::ALL
        .into_iter()
        .find(|platform| Some(platform.name()) == name.as_str())
    {
        Some(platform) => Ok(vec![platform]),
        None => Err(Answer::parameter("platform", "must be harbor or postino")),
    }
}

pub(crate) fn expire_tokens(world: &mut World, call: &Call) -> Answer {
    match platforms(call) {
        Ok(platforms) => Answer::json(200, &json!({"count": world.expire_tokens(&platforms)})),
        Err(answer) => answer,
    }
}

pub(crate) fn revoke_tokens(world: &mut World, call: &Call) -> Answer {
    match platforms(call) {
        Ok(platforms) => Answer::json(200, &json!({"count": world.revoke_tokens(&platforms)})),
        Err(answer) => answer,
    }
}

pub(crate) fn advance_clock(world: &mut World, call: &Call) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    match body.get("advance_seconds").and_then(Value::as_u64) {
        Some(seconds) => {
            world.advance_clock(Duration::from_secs(seconds));
            Answer::json(
                200,
                &json!({"now": crate::clock::rfc3339(world.clock.now(), 0)}),
            )
        }
        None => Answer::parameter("advance_seconds", "must be a whole number"),
    }
}

pub(crate) fn reset(world: &mut World, _: &Call) -> Answer {
    world.fill();
    Answer::json(200, &world.overview())
}

impl World {
    pub(crate) fn expire_tokens(&mut self, platforms: &[Platform]) -> usize {
        let now = self.clock.now();
        self.changes += 1;
        platforms
            .iter()
            .map(|platform| self.sign_in(*platform).expire_all(now))
            .sum()
    }

    pub(crate) fn revoke_tokens(&mut self, platforms: &[Platform]) -> usize {
        self.changes += 1;
        platforms
            .iter()
            .map(|platform| self.sign_in(*platform).revoke_all())
            .sum()
    }

    pub(crate) fn advance_clock(&mut self, by: Duration) {
        self.clock
            .advance(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.changes += 1;
    }
}
