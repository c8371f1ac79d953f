//! Other ways to take many records: an answer that lists only what failed, and one with an array of errors beside
//! the array of records. Also a way to create or change by e-mail address, and lists to choose from.

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

const MAX_RECORDS: usize = 100;

/// `POST …/import`: `{"records":[…]}`. The answer names what failed by its number, and has the ids of what worked.
pub(crate) fn import(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let records = match records(call, "records") {
        Ok(records) => records,
        Err(answer) => return answer,
    };
    let (mut ids, mut failed) = (Vec::new(), Vec::new());
    for (index, record) in records.iter().enumerate() {
        match put(world, stream, record) {
            Ok(number) => ids.push(json!(world.records(stream).id(number))),
            Err(refusal) => {
                let mut error = refusal.error();
                error.insert("index".into(), json!(index));
                error.insert("field".into(), json!(refusal.field()));
                failed.push(Value::Object(error));
            }
        }
    }
    Answer::json(
        200,
        &json!({"imported": ids.len(), "ids": ids, "failed": failed}),
    )
}

/// `POST …/sync`: `{"records":[…]}`. Two arrays, one entry for each record in both.
pub(crate) fn sync(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let given = match records(call, "records") {
        Ok(records) => records,
        Err(answer) => return answer,
    };
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for record in &given {
        match put(world, stream, record) {
            Ok(number) => {
                let stored = world.records(stream).record(number).unwrap_or_default();
                results.push(json!({"id": world.records(stream).id(number), "version": stored.get("version")}));
                errors.push(Value::Null);
            }
            Err(refusal) => {
                results.push(Value::Null);
                let field = refusal.field().map(str::to_owned);
                let mut error = refusal.error();
                error.insert("field".into(), json!(field));
                errors.push(json!([error]));
            }
        }
    }
    Answer::json(200, &json!({"records": results, "errors": errors}))
}

/// `PUT …/by-email/{email}`: changes the record with this address, or creates it.
pub(crate) fn by_email(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let mut record = match call.json() {
        Ok(record) => record,
        Err(answer) => return answer,
    };
    let Some(field) = world
        .records(stream)
        .kind
        .schema
        .and_then(|schema| schema.match_by)
    else {
        return Answer::error(404, "no_such_route", "there is nothing at this address");
    };
    record.entry(field).or_insert_with(|| json!(call.id));
    let known = world
        .records(stream)
        .by_email(&call.id.trim().to_lowercase());
    match put(world, stream, &record) {
        Ok(number) => {
            let status = if known.is_some() { 200 } else { 201 };
            let json = world
                .records(stream)
                .get(number)
                .map(|stored| stored.json.to_string());
            Answer::text(status, json.unwrap_or_default())
        }
        Err(refusal) => refusal.into_answer(),
    }
}

/// `GET …/options/{name}`: what a field of the stream may hold.
pub(crate) fn options(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let options = match world.records(stream).kind.schema {
        Some(schema) => schema.options(&call.id),
        None => &[],
    };
    if options.is_empty() {
        return Answer::error(404, "not_found", "this field has no list of values");
    }
    let options: Vec<Value> = options
        .iter()
        .map(|(value, label)| json!({"key": value, "title": label}))
        .collect();
    Answer::json(200, &json!({"choices": options}))
}

/// Creates a record, or changes the one that has the same address.
pub(crate) fn put(
    world: &mut World,
    stream: Stream,
    record: &Map<String, Value>,
) -> Result<u64, Refusal> {
    let now = world.clock.write_time();
    let field = world
        .records(stream)
        .kind
        .schema
        .and_then(|schema| schema.match_by);
    let known = field
        .and_then(|field| record.get(field)?.as_str())
        .and_then(|email| world.records(stream).by_email(&email.trim().to_lowercase()));
    match known {
        Some(number) => {
            let id = world.records(stream).id(number);
            let number = world.find(stream, &id, &Precondition::None)?;
            world.update(stream, number, record, false, now)?;
            Ok(number)
        }
        None => world.create(stream, record, now),
    }
}

fn records(call: &Call, member: &str) -> Result<Vec<Map<String, Value>>, Answer> {
    let mut input = call.json()?;
    let fault = |code: &'static str, message: &str| {
        Answer::invalid(&[FieldError::new(&format!("/{member}"), code, message)])
    };
    let Some(Value::Array(given)) = input.remove(member) else {
        return Err(fault("required", "must be a list of objects"));
    };
    if given.len() > MAX_RECORDS {
        return Err(fault("too_many", "holds at most 100"));
    }
    given
        .into_iter()
        .map(|record| match record {
            Value::Object(record) => Ok(record),
            _ => Err(fault("wrong_type", "must be a list of objects")),
        })
        .collect()
}
