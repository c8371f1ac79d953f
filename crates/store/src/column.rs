//! Between columns and the model's types. Everything is checked on the way in: the file may have
//! been altered from outside.

use model::ids::{ChangeId, ConflictId, ConnectionId, ExchangeId, PlanId, RunId, SyncId};
use model::json;
use model::run::RunCounts;
use model::value::{Fingerprint, Object, Value};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use crate::error::{During, Error, Result};

/// The ids of this product, as stored.
pub(crate) trait Id: Sized {
    /// The noun in messages.
    const WHAT: &'static str;
    fn decode(bytes: &[u8]) -> Option<Self>;
}

macro_rules! id {
    ($($type:ty: $what:literal),* $(,)?) => {$(
        impl Id for $type {
            const WHAT: &'static str = $what;
            fn decode(bytes: &[u8]) -> Option<Self> {
                Self::from_bytes(bytes)
            }
        }
    )*};
}
id! {
    ConnectionId: "connection", SyncId: "sync", RunId: "run", PlanId: "plan", ChangeId: "change",
    ExchangeId: "exchange", ConflictId: "conflict",
}

/// A row that is being read, with the name of what it holds for messages.
pub(crate) struct Columns<'a> {
    pub(crate) row: &'a Row<'a>,
    pub(crate) what: &'static str,
}

impl Columns<'_> {
    pub(crate) fn get<T: rusqlite::types::FromSql>(&self, column: &'static str) -> Result<T> {
        self.row.get(column).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn corrupt(&self, column: &str) -> Error {
        Error::corrupt(format!("{} ({column})", self.what))
    }

    pub(crate) fn id<T: Id>(&self, column: &'static str) -> Result<T> {
        self.optional_id(column)?
            .ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_id<T: Id>(&self, column: &'static str) -> Result<Option<T>> {
        let bytes = self
            .row
            .get_ref(column)
            .ok()
            .and_then(|value| value.as_blob_or_null().ok())
            .ok_or_else(|| self.corrupt(column))?;
        match bytes {
            None => Ok(None),
            Some(bytes) => T::decode(bytes)
                .map(Some)
                .ok_or_else(|| self.corrupt(column)),
        }
    }

    /// A count, a size or a duration.
    pub(crate) fn unsigned<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        T::try_from(self.get::<i64>(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn fingerprint(&self, column: &'static str) -> Result<Fingerprint> {
        self.row
            .get_ref(column)
            .ok()
            .and_then(|value| value.as_blob().ok())
            .and_then(Fingerprint::from_bytes)
            .ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_value(&self, column: &'static str) -> Result<Option<Value>> {
        let text = self
            .row
            .get_ref(column)
            .ok()
            .and_then(|value| value.as_bytes_or_null().ok())
            .ok_or_else(|| self.corrupt(column))?;
        text.map(|text| json::parse(text).map_err(|_| self.corrupt(column)))
            .transpose()
    }

    pub(crate) fn optional_object(&self, column: &'static str) -> Result<Option<Object>> {
        match self.optional_value(column)? {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn object(&self, column: &'static str) -> Result<Object> {
        self.optional_object(column)?
            .ok_or_else(|| self.corrupt(column))
    }

    /// One of a closed list of words.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T> {
        self.row
            .get_ref(column)
            .ok()
            .and_then(|value| value.as_str().ok())
            .and_then(parse)
            .ok_or_else(|| self.corrupt(column))
    }

    /// A document of ours.
    pub(crate) fn document<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<T> {
        self.optional_document(column)?
            .ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_document<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let text = self
            .row
            .get_ref(column)
            .ok()
            .and_then(|value| value.as_str_or_null().ok())
            .ok_or_else(|| self.corrupt(column))?;
        text.map(|text| serde_json::from_str(text).map_err(|_| self.corrupt(column)))
            .transpose()
    }

    /// The counters `n_read` to `n_held`.
    pub(crate) fn counts(&self) -> Result<RunCounts> {
        Ok(RunCounts {
            read: self.unsigned("n_read")?,
            created: self.unsigned("n_created")?,
            updated: self.unsigned("n_updated")?,
            deleted: self.unsigned("n_deleted")?,
            unchanged: self.unsigned("n_unchanged")?,
            filtered: self.unsigned("n_filtered")?,
            invalid: self.unsigned("n_invalid")?,
            rejected: self.unsigned("n_rejected")?,
            conflict: self.unsigned("n_conflict")?,
            held: self.unsigned("n_held")?,
        })
    }
}

/// Every statement of this crate is prepared here, and only once per connection.
pub(crate) fn prepare<'a>(
    conn: &'a Connection,
    operation: &'static str,
    sql: &str,
) -> Result<CachedStatement<'a>> {
    #[cfg(test)]
    crate::query_plans::note(sql);
    conn.prepare_cached(sql).during(operation)
}

/// Every row of a query.
pub(crate) fn all<T>(
    conn: &Connection,
    what: &'static str,
    sql: &str,
    params: impl rusqlite::Params,
    mut read: impl FnMut(&Columns<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = prepare(conn, what, sql)?;
    let mut rows = statement.query(params).during(what)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next().during(what)? {
        out.push(read(&Columns { row, what })?);
    }
    Ok(out)
}

/// The first row of a query, if there is one.
pub(crate) fn first<T>(
    conn: &Connection,
    what: &'static str,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Columns<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = prepare(conn, what, sql)?;
    let mut rows = statement.query(params).during(what)?;
    match rows.next().during(what)? {
        Some(row) => read(&Columns { row, what }).map(Some),
        None => Ok(None),
    }
}

/// Runs a statement; says how many rows it changed.
pub(crate) fn execute(
    conn: &Connection,
    operation: &'static str,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<usize> {
    prepare(conn, operation, sql)?
        .execute(params)
        .during(operation)
}

/// The stand-in for a sync's id in tables with many rows.
pub(crate) fn sync_no(conn: &Connection, sync: SyncId) -> Result<i64> {
    prepare(
        conn,
        "find a sync",
        "SELECT sync_no FROM syncs WHERE id = ?1",
    )?
    .query_row([sync.to_bytes()], |row| row.get(0))
    .optional()
    .during("find a sync")?
    .ok_or_else(|| Error::not_found(SyncId::WHAT, sync))
}

/// As SQLite keeps integers. Counters never come near the limit.
pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The JSON text of an object.
pub(crate) fn object_text(what: &'static str, object: &Object) -> Result<String> {
    for (_, member) in object.iter() {
        check_depth(what, member, 1)?;
    }
    let mut out = String::with_capacity(64 * object.len());
    json::write_object(&mut out, object);
    Ok(out)
}

/// The JSON text of a value.
pub(crate) fn value_text(what: &'static str, value: &Value) -> Result<String> {
    check_depth(what, value, 0)?;
    let mut out = String::with_capacity(256);
    json::write(&mut out, value);
    Ok(out)
}

/// Appends the JSON text of an object.
pub(crate) fn write_object(out: &mut Vec<u8>, what: &'static str, object: &Object) -> Result<()> {
    for (_, member) in object.iter() {
        check_depth(what, member, 1)?;
    }
    json::write_object_bytes(out, object);
    Ok(())
}

/// Appends the JSON text of a value.
pub(crate) fn write_value(out: &mut Vec<u8>, what: &'static str, value: &Value) -> Result<()> {
    check_depth(what, value, 0)?;
    json::write_bytes(out, value);
    Ok(())
}

/// What is stored must be readable again, and [`json::parse`] follows [`json::MAX_DEPTH`] levels.
fn check_depth(what: &'static str, value: &Value, depth: usize) -> Result<()> {
    if depth > json::MAX_DEPTH {
        return Err(Error::Unstorable {
            what,
            expected: "at most 128 levels of nesting",
        });
    }
    match value {
        Value::List(items) => items
            .iter()
            .try_for_each(|member| check_depth(what, member, depth + 1)),
        Value::Object(object) => object
            .iter()
            .try_for_each(|(_, member)| check_depth(what, member, depth + 1)),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Decimal(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_) => Ok(()),
    }
}

/// The JSON text of a document of ours.
pub(crate) fn document_text<T: serde::Serialize>(
    what: &'static str,
    document: &T,
) -> Result<String> {
    serde_json::to_string(document).map_err(|_| Error::Unstorable {
        what,
        expected: "a document that can be written as JSON",
    })
}

/// A pattern for `LIKE … ESCAPE '\'` that finds `text` anywhere.
pub(crate) fn like_anywhere(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

/// The same for a column that holds JSON, where quotes and line breaks are escaped.
pub(crate) fn like_in_json(text: &str) -> String {
    like_anywhere(&inside_json(text))
}

/// A text as it stands between the quotes of JSON.
pub(crate) fn inside_json(text: &str) -> String {
    let mut quoted = String::new();
    json::write_text(&mut quoted, text);
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(&quoted)
        .to_owned()
}
