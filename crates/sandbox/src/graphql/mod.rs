//! Harbor's GraphQL: contacts read and written by one address that always answers 200. What is wrong is in `errors`,
//! or in the `userErrors` of a mutation.

mod document;

use serde_json::{Map, Value, json};

use self::document::{Document, Field};
use crate::{
    http::{
        call::{Answer, Call},
        gate::Caller,
    },
    rest::write::{Precondition, Refusal},
    world::{Stream, World},
};

const SCOPE: &str = "contacts.write";
/// Top-level fields of one request.
const MAX_FIELDS: usize = 50;

/// An error of the request or of one of its fields.
struct Fault {
    code: &'static str,
    message: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn to_json(&self, alias: Option<&str>) -> Value {
        let mut error = json!({"message": self.message, "extensions": {"code": self.code}});
        if let (Some(alias), Some(object)) = (alias, error.as_object_mut()) {
            object.insert("path".into(), json!([alias]));
        }
        error
    }
}

pub(crate) fn answer(world: &mut World, call: &Call, stream: Stream, caller: &Caller) -> Answer {
    let input = match call.json() {
        Ok(input) => input,
        Err(answer) => return answer,
    };
    let variables = input
        .get("variables")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let query = input.get("query").and_then(Value::as_str).unwrap_or("");
    let refuse = |fault: Fault| Answer::json(200, &json!({"errors": [fault.to_json(None)]}));
    let document = match document::parse(query, &variables) {
        Ok(document) => document,
        Err(problem) => return refuse(Fault::new("GRAPHQL_PARSE_FAILED", problem)),
    };
    if document.fields.len() > MAX_FIELDS {
        return refuse(Fault::new("BAD_USER_INPUT", "at most 50 fields at once"));
    }
    if let Some(problem) = unknown(&document) {
        return refuse(Fault::new("GRAPHQL_VALIDATION_FAILED", problem));
    }
    if document.is_mutation && !caller.scopes.iter().any(|scope| scope == SCOPE) {
        return refuse(Fault::new(
            "FORBIDDEN",
            format!("this needs the scope {SCOPE}"),
        ));
    }
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for (n, field) in document.fields.iter().enumerate() {
        let fails = call
            .fail_items
            .is_some_and(|every| (n as u64 + 1).checked_rem(every) == Some(0));
        let result = if fails {
            Err(Fault::new("THROTTLED", "this field was put off; try again"))
        } else {
            resolve(world, stream, document.is_mutation, field)
        };
        match result {
            Ok(value) => {
                data.insert(field.alias.clone(), value);
            }
            Err(fault) => {
                data.insert(field.alias.clone(), Value::Null);
                errors.push(fault.to_json(Some(&field.alias)));
            }
        }
    }
    let mut body = json!({"data": data});
    if let (false, Some(object)) = (errors.is_empty(), body.as_object_mut()) {
        object.insert("errors".into(), Value::Array(errors));
    }
    Answer::json(200, &body)
}

fn unknown(document: &Document) -> Option<String> {
    let known: &[&str] = if document.is_mutation {
        &["contactCreate", "contactUpdate", "contactDelete"]
    } else {
        &["contact", "contacts"]
    };
    document.fields.iter().find_map(|field| {
        if !known.contains(&field.name.as_str()) {
            return Some(format!("there is no field {}", field.name));
        }
        field
            .selection
            .is_empty()
            .then(|| format!("{} needs a selection", field.name))
    })
}

fn resolve(
    world: &mut World,
    stream: Stream,
    is_mutation: bool,
    field: &Field,
) -> Result<Value, Fault> {
    let text = |name: &str| {
        field
            .arguments
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let id =
        || text("id").ok_or_else(|| Fault::new("BAD_USER_INPUT", "the argument id is missing"));
    if !is_mutation {
        let record =
            |world: &World, number: u64| world.records(stream).record(number).unwrap_or_default();
        return if field.name == "contact" {
            match world.records(stream).number(&id()?) {
                Some(number) => chosen(&Value::Object(record(world, number)), &field.selection),
                None => Ok(Value::Null),
            }
        } else {
            let email = text("email")
                .ok_or_else(|| Fault::new("BAD_USER_INPUT", "the argument email is missing"))?;
            let found = world.records(stream).by_email(&email.trim().to_lowercase());
            let found: Vec<Value> = found
                .into_iter()
                .map(|number| chosen(&Value::Object(record(world, number)), &field.selection))
                .collect::<Result<_, _>>()?;
            Ok(Value::Array(found))
        };
    }
    let input = field.arguments.get("input").and_then(Value::as_object);
    let input =
        || input.ok_or_else(|| Fault::new("BAD_USER_INPUT", "the argument input is missing"));
    let now = world.clock.write_time();
    let written = match field.name.as_str() {
        "contactCreate" => world.create(stream, input()?, now).map(Some),
        "contactUpdate" => {
            let (id, input) = (id()?, input()?.clone());
            world
                .find(stream, &id, &Precondition::None)
                .and_then(|number| {
                    world.update(stream, number, &input, false, now)?;
                    Ok(Some(number))
                })
        }
        _ => {
            let id = id()?;
            world.find(stream, &id, &Precondition::None).map(|number| {
                world.delete(stream, number);
                None
            })
        }
    };
    let (record, complaints) = match written {
        Ok(Some(number)) => (
            world
                .records(stream)
                .record(number)
                .map_or(Value::Null, Value::Object),
            json!([]),
        ),
        Ok(None) => (Value::Null, json!([])),
        Err(refusal) => (Value::Null, json!([complaint(&refusal)])),
    };
    let whole = json!({"contact": record, "deletedId": field.arguments.get("id"), "userErrors": complaints});
    chosen(&whole, &field.selection)
}

fn complaint(refusal: &Refusal) -> Value {
    let error = refusal.error();
    let field: Vec<&str> = std::iter::once("input")
        .chain(
            refusal
                .field()
                .unwrap_or("")
                .split('/')
                .filter(|step| !step.is_empty()),
        )
        .collect();
    let first = error
        .get("errors")
        .and_then(|errors| errors.get(0))
        .and_then(|first| first.get("message"))
        .or_else(|| error.get("message"));
    json!({"code": error.get("code"), "message": first, "field": field})
}

/// Only what was asked for.
fn chosen(value: &Value, selection: &[Field]) -> Result<Value, Fault> {
    match value {
        Value::Object(object) if !selection.is_empty() => {
            let mut out = Map::new();
            for field in selection {
                let Some(member) = object.get(&field.name) else {
                    return Err(Fault::new(
                        "GRAPHQL_VALIDATION_FAILED",
                        format!("there is no field {}", field.name),
                    ));
                };
                out.insert(field.alias.clone(), chosen(member, &field.selection)?);
            }
            Ok(Value::Object(out))
        }
        Value::Object(_) => Err(Fault::new(
            "GRAPHQL_VALIDATION_FAILED",
            "an object needs a selection",
        )),
        Value::Array(items) => items
            .iter()
            .map(|item| chosen(item, selection))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        scalar => Ok(scalar.clone()),
    }
}
