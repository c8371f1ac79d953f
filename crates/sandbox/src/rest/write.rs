//! What a write does to a stream, whichever way it came.

use serde_json::{Map, Value, json};

use crate::{
    http::call::{Answer, invalid},
    schema::{
        forms::{is_email, normal_email},
        write::{FieldError, Write},
    },
    world::{Stream, World},
};

/// Why a write was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    Fields(Vec<FieldError>),
    /// A unique field holds what another record has.
    Taken {
        pointer: String,
        existing_id: String,
    },
    Missing(String),
    Stale {
        current_version: u64,
    },
}

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Refusal::Fields(_) => 422,
            Refusal::Taken { .. } => 409,
            Refusal::Missing(_) => 404,
            Refusal::Stale { .. } => 412,
        }
    }

    /// The members of the `error` object.
    pub(crate) fn error(&self) -> Map<String, Value> {
        let value = match self {
            Refusal::Fields(errors) => return invalid(errors),
            Refusal::Taken {
                pointer,
                existing_id,
            } => {
                let taken =
                    FieldError::new(pointer, "taken", format!("{existing_id} has it already"));
                json!({"code": "conflict", "message": format!("{existing_id} has the same value at {pointer}"),
                    "existing_id": existing_id, "errors": [taken.to_json()]})
            }
            Refusal::Missing(what) => {
                json!({"code": "not_found", "message": format!("there is no {what}")})
            }
            Refusal::Stale { current_version } => json!({"code": "precondition_failed",
                "message": "the record was changed since it was read", "current_version": current_version}),
        };
        match value {
            Value::Object(error) => error,
            _ => Map::new(),
        }
    }

    /// The pointer of the first field at fault.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Refusal::Fields(errors) => errors.first().map(|error| error.pointer.as_str()),
            Refusal::Taken { pointer, .. } => Some(pointer),
            Refusal::Missing(_) | Refusal::Stale { .. } => None,
        }
    }

    pub(crate) fn into_answer(self) -> Answer {
        Answer::json(self.status(), &json!({"error": self.error()}))
    }
}

/// Which versions a write accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    None,
    OneOf(Vec<u64>),
}

impl World {
    pub(crate) fn create(
        &mut self,
        stream: Stream,
        input: &Map<String, Value>,
        now: i64,
    ) -> Result<u64, Refusal> {
        let mut record = self.checked(stream, input, Write::Create, None)?;
        if stream == Stream::Contacts {
            record.insert(
                "owner".into(),
                json!({"id": "usr_h1", "name": "Dana Whitfield"}),
            );
        }
        let number = self.records_mut(stream).create(record, now, 0);
        self.applied(stream, "create");
        Ok(number)
    }

    pub(crate) fn update(
        &mut self,
        stream: Stream,
        number: u64,
        input: &Map<String, Value>,
        replace: bool,
        now: i64,
    ) -> Result<(), Refusal> {
        let Some(present) = self.records(stream).record(number) else {
            return Err(self.missing(stream, &self.records(stream).id(number)));
        };
        let write = if replace {
            Write::Replace(&present)
        } else {
            Write::Patch(&present)
        };
        let record = self.checked(stream, input, write, Some(number))?;
        if record == present {
            self.applied(stream, "unchanged");
        } else {
            self.records_mut(stream).change(number, record, now);
            self.applied(stream, "update");
        }
        Ok(())
    }

    pub(crate) fn delete(&mut self, stream: Stream, number: u64) {
        let now = self.clock.write_time();
        if self.records_mut(stream).delete(number, now) {
            self.applied(stream, "delete");
        }
    }

    /// The number behind an id, when the record exists and has an accepted version.
    pub(crate) fn find(
        &self,
        stream: Stream,
        id: &str,
        precondition: &Precondition,
    ) -> Result<u64, Refusal> {
        let records = self.records(stream);
        let Some(number) = records.number(id) else {
            return Err(self.missing(stream, id));
        };
        let current_version = records.get(number).map_or(0, |stored| stored.version);
        match precondition {
            Precondition::OneOf(versions) if !versions.contains(&current_version) => {
                Err(Refusal::Stale { current_version })
            }
            Precondition::None | Precondition::OneOf(_) => Ok(number),
        }
    }

    pub(crate) fn missing(&self, stream: Stream, id: &str) -> Refusal {
        let short: String = id.chars().take(60).collect();
        Refusal::Missing(format!("{} {short}", self.records(stream).kind.singular))
    }

    fn checked(
        &self,
        stream: Stream,
        input: &Map<String, Value>,
        write: Write<'_>,
        own: Option<u64>,
    ) -> Result<Map<String, Value>, Refusal> {
        let records = self.records(stream);
        let Some(schema) = records.kind.schema else {
            return Err(Refusal::Fields(vec![FieldError::new(
                "",
                "read_only",
                "this stream cannot be written",
            )]));
        };
        let exists = |name: &str, id: &str| {
            Stream::named(stream.platform(), name)
                .is_some_and(|other| self.records(other).number(id).is_some())
        };
        let record = schema
            .apply(input, write, &exists)
            .map_err(Refusal::Fields)?;
        if let Some(field) = schema.match_by
            && let Some(email) = record.get(field).and_then(Value::as_str)
            && is_email(email.trim())
            && let Some(other) = records.by_email(&normal_email(email))
            && Some(other) != own
        {
            return Err(Refusal::Taken {
                pointer: format!("/{field}"),
                existing_id: records.id(other),
            });
        }
        Ok(record)
    }

    fn applied(&mut self, stream: Stream, operation: &str) {
        self.counters
            .of(stream.platform())
            .wrote(stream.name(), operation);
        self.changes += 1;
    }
}
