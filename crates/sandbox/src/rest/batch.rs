//! Many writes in one request. Items are independent: one that fails leaves the others.

use serde_json::{Map, Value, json};

use super::write::{Precondition, Refusal};
use crate::{
    http::{
        call::{Answer, Call},
        gate::Caller,
    },
    schema::write::FieldError,
    world::{Stream, World},
};

const MAX_OPERATIONS: usize = 100;

/// What became of one item.
struct Done {
    status: u16,
    number: u64,
    /// Whether the record is part of the result.
    shown: bool,
}

pub(crate) fn batch(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let input = match call.json() {
        Ok(input) => input,
        Err(answer) => return answer,
    };
    let fault = |code: &'static str, message: &str| {
        Answer::invalid(&[FieldError::new("/operations", code, message)])
    };
    let operations = match input.get("operations") {
        None => return fault("required", "is required"),
        Some(Value::Array(operations)) => operations,
        Some(_) => return fault("wrong_type", "must be a list"),
    };
    if operations.len() > MAX_OPERATIONS {
        return fault("too_many", "holds at most 100");
    }
    let now = world.clock.write_time();
    let mut results = String::from("{\"results\":[");
    for (index, operation) in operations.iter().enumerate() {
        if index > 0 {
            results.push(',');
        }
        let fails = call
            .fail_items
            .is_some_and(|every| (index as u64 + 1).checked_rem(every) == Some(0));
        let result = if fails {
            Err(None)
        } else {
            carry_out(world, stream, operation, now).map_err(Some)
        };
        write_result(&mut results, world, stream, index, operation, result);
    }
    results.push_str("]}");
    Answer::text(207, results)
}

/// One operation of a job, and the result that a batch would have for it.
pub(crate) fn one(
    world: &mut World,
    stream: Stream,
    index: usize,
    operation: &Value,
    now: i64,
) -> Value {
    let result = carry_out(world, stream, operation, now).map_err(Some);
    let mut text = String::new();
    write_result(&mut text, world, stream, index, operation, result);
    serde_json::from_str(&text).unwrap_or_default()
}

fn carry_out(
    world: &mut World,
    stream: Stream,
    operation: &Value,
    now: i64,
) -> Result<Done, Refusal> {
    let refuse = |pointer: &str, code: &'static str, message: &str| {
        Err(Refusal::Fields(vec![FieldError::new(
            pointer, code, message,
        )]))
    };
    let Some(operation) = operation.as_object() else {
        return refuse("", "wrong_type", "must be an object");
    };
    let id = match operation.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return refuse("/id", "wrong_type", "must be text"),
    };
    let precondition = match operation.get("if_version") {
        None | Some(Value::Null) => Precondition::None,
        Some(version) => match version.as_u64() {
            Some(version) => Precondition::OneOf(vec![version]),
            None => return refuse("/if_version", "wrong_type", "must be a whole number"),
        },
    };
    let empty = Map::new();
    let kind = operation.get("op").and_then(Value::as_str);
    let record = match operation.get("data") {
        Some(Value::Object(record)) => record,
        None if kind == Some("delete") => &empty,
        _ => return refuse("/data", "required", "must be an object"),
    };
    let done = |status, number| {
        Ok(Done {
            status,
            number,
            shown: true,
        })
    };
    match (kind, id) {
        (Some("create"), _) => done(201, world.create(stream, record, now)?),
        (Some("update" | "delete"), None) => refuse("/id", "required", "is required"),
        (Some("update"), Some(id)) => {
            let number = world.find(stream, id, &precondition)?;
            world.update(stream, number, record, false, now)?;
            done(200, number)
        }
        (Some("delete"), Some(id)) => {
            let number = world.find(stream, id, &precondition)?;
            world.delete(stream, number);
            Ok(Done {
                status: 200,
                number,
                shown: false,
            })
        }
        (Some("upsert"), id) => {
            let known = match id {
                Some(id) => Some(id.to_owned()),
                None => by_match_field(world, stream, record),
            };
            match known {
                Some(id) => {
                    let number = world.find(stream, &id, &precondition)?;
                    world.update(stream, number, record, false, now)?;
                    done(200, number)
                }
                None => done(201, world.create(stream, record, now)?),
            }
        }
        (Some(_), _) => refuse(
            "/op",
            "not_an_option",
            "must be one of create, update, upsert, delete",
        ),
        (None, _) => refuse("/op", "required", "is required"),
    }
}

fn by_match_field(world: &World, stream: Stream, record: &Map<String, Value>) -> Option<String> {
    let records = world.records(stream);
    let field = records.kind.schema?.match_by?;
    let number = records.by_email(record.get(field)?.as_str()?)?;
    Some(records.id(number))
}

fn write_result(
    out: &mut String,
    world: &World,
    stream: Stream,
    index: usize,
    operation: &Value,
    result: Result<Done, Option<Refusal>>,
) {
    let records = world.records(stream);
    let (status, id) = match &result {
        Ok(done) => (done.status, json!(records.id(done.number))),
        Err(Some(refusal)) => (
            refusal.status(),
            operation.get("id").cloned().unwrap_or_default(),
        ),
        Err(None) => (500, operation.get("id").cloned().unwrap_or_default()),
    };
    out.push_str(&format!(
        "{{\"index\":{index},\"status\":{status},\"id\":{id}"
    ));
    if let Some(Value::String(text)) = operation.get("client_ref") {
        out.push_str(&format!(",\"client_ref\":{}", json!(text)));
    }
    match result {
        Ok(done) => {
            if done.shown
                && let Some(stored) = records.get(done.number)
            {
                out.push_str(",\"data\":");
                out.push_str(&stored.json);
            }
        }
        Err(refusal) => {
            let error = match refusal {
                Some(refusal) => {
                    let mut error = refusal.error();
                    error.insert("field".into(), json!(refusal.field()));
                    Value::Object(error)
                }
                None => {
                    json!({"code": "internal", "message": "this item could not be processed; try again",
                    "field": null})
                }
            };
            out.push_str(&format!(",\"error\":{error}"));
        }
    }
    out.push('}');
}
