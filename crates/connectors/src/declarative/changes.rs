//! `patchbay.changes.<stream>`: platforms that tell which records were changed, instead of being asked by time.
//!
//! A first read reads the list of changes to its end, keeps that place, and then reads all records: what happens meanwhile
//! is on the list after that place. Later reads read only the list, and what it names by key. What is not there any more is
//! for [`Deletions`](crate::Deletions) to tell.

use async_trait::async_trait;
use model::path::FieldPath;
use model::record::RecordKey;
use serde::{Deserialize, Serialize};

use super::deletions::Fields;
use super::node::View;
use super::pages::Context;
use super::reading::Reader;
use super::stream::path_of;
use super::writes;
use crate::{Error, Page, PageReader, ReadRequest, Result, RowPage};

/// The list of a stream's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The stream that is the list.
    pub stream: String,
    /// Its field that holds the key of the changed record.
    pub key: FieldPath,
}

/// An entry. Whether its streams and fields are there is for the whole file to say.
pub fn compile(view: &View<'_>) -> Result<Changes> {
    view.only(&["stream", "key"])?;
    Ok(Changes {
        stream: view
            .require("stream", "the stream that tells what was changed")?
            .text()?
            .to_owned(),
        key: path_of(&view.require(
            "key",
            "the field of that stream that holds the key of the changed record",
        )?)?,
    })
}

/// Refuses a list that does not fit its stream. `can_get`: single records of the stream can be read.
pub fn check(
    view: &View<'_>,
    stream: &str,
    found: &Changes,
    fields: &Fields<'_>,
    can_get: bool,
) -> Result<()> {
    let at = |member: &str| view.get(member).unwrap_or_else(|| view.clone());
    if found.stream == stream {
        return Err(at("stream").fail(
            "a stream cannot be the list of its own changes",
            "another stream; one that can be asked for what changed needs only `incremental_sync`",
        ));
    }
    let list = fields.0.iter().find(|known| known.name == found.stream);
    if list.is_some_and(|list| list.cursor.is_none()) {
        return Err(at("stream").fail(
            format!(
                "{} has no cursor, so it would be read from its beginning every time",
                found.stream
            ),
            "a stream with `incremental_sync`",
        ));
    }
    if !can_get {
        return Err(view.fail(
            format!("single records of {stream} cannot be read"),
            "`get` under `patchbay.writes`, which reads the records that the list names",
        ));
    }
    fields.known(&found.stream, &found.key, &at("key"))
}

/// How far a stream was read: the place on its list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// On the list of changes.
    changes: serde_json::Value,
    /// In the stream, while all of it is being read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<serde_json::Value>,
}

impl Place {
    fn read(document: Option<serde_json::Value>) -> Option<Self> {
        serde_json::from_value(document?).ok()
    }

    fn write(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Begins to read a stream whose changes are listed, or goes on where it was cut off.
pub async fn begin(
    context: Context,
    changes: Changes,
    request: ReadRequest,
) -> Result<Box<dyn PageReader>> {
    let position = Place::read(request.position.clone());
    let cursor = Place::read(request.cursor.clone()).filter(|_| !request.full);
    let all = |at: Option<serde_json::Value>| ReadRequest {
        cursor: None,
        position: at,
        full: true,
        ..request.clone()
    };
    // A few samples say nothing of how far the stream was read.
    if request.limit.is_some() {
        return Ok(Box::new(Reader::begin(context, all(None)).await?));
    }
    if let Some(Place {
        changes,
        all: Some(at),
    }) = position
    {
        let inner = Reader::begin(context, all(Some(at))).await?;
        return Ok(Box::new(Whole { inner, changes }));
    }
    if let Some(from) = cursor {
        let list = ReadRequest {
            stream: changes.stream.clone(),
            cursor: Some(from.changes),
            position: position.map(|position| position.changes),
            full: false,
            limit: None,
        };
        let list = Reader::begin(context.clone(), list).await?;
        return Ok(Box::new(Changed {
            list,
            stream: request.stream,
            key: changes.key,
            context,
        }));
    }
    let known = Place::read(request.cursor.clone()).map(|place| place.changes);
    let end = end_of(&context, &changes.stream, known).await?;
    let inner = Reader::begin(context, all(None)).await?;
    Ok(Box::new(Whole {
        inner,
        changes: end,
    }))
}

/// Where the list of changes ends now.
async fn end_of(
    context: &Context,
    list: &str,
    known: Option<serde_json::Value>,
) -> Result<serde_json::Value> {
    let request = ReadRequest {
        stream: list.to_owned(),
        full: known.is_none(),
        cursor: known,
        position: None,
        limit: None,
    };
    let mut reader = Reader::begin(context.clone(), request).await?;
    let mut end = None;
    while let Some(page) = reader.next_rows().await? {
        end = page.cursor.or(end);
    }
    end.filter(|end| !end.is_null()).ok_or_else(|| {
        context.connection.malformed(&format!(
            "the list of changes, {list}, does not tell how far it was read"
        ))
    })
}

/// All records, and the place on the list from before they were read.
struct Whole {
    inner: Reader,
    changes: serde_json::Value,
}

#[async_trait]
impl PageReader for Whole {
    async fn next(&mut self) -> Result<Option<Page>> {
        Ok(self.next_rows().await?.map(Page::from))
    }

    async fn next_rows(&mut self) -> Result<Option<RowPage>> {
        let Some(mut page) = self.inner.next_rows().await? else {
            return Ok(None);
        };
        let mut place = Place {
            changes: self.changes.clone(),
            all: None,
        };
        page.cursor = Some(place.write());
        place.all = Some(std::mem::take(&mut page.position));
        page.position = place.write();
        Ok(Some(page))
    }
}

/// The records that the list names.
struct Changed {
    list: Reader,
    stream: String,
    key: FieldPath,
    context: Context,
}

#[async_trait]
impl PageReader for Changed {
    async fn next(&mut self) -> Result<Option<Page>> {
        let Some(page) = self.list.next().await? else {
            return Ok(None);
        };
        if self.context.access.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        // Once for each page: what is named again on a later one may have changed since it was read.
        let mut keys: Vec<RecordKey> = Vec::new();
        for entry in &page.records {
            let key = entry.fields.at(&self.key).and_then(RecordKey::from_value);
            keys.extend(key.filter(|key| !keys.contains(key)));
        }
        let found = match keys.is_empty() {
            true => Vec::new(),
            false => {
                let Context {
                    connection, access, ..
                } = &self.context;
                writes::find::get(connection, &self.stream, &keys, access).await?
            }
        };
        let place = |changes| Place { changes, all: None }.write();
        Ok(Some(Page {
            records: found.into_iter().flatten().collect(),
            position: place(page.position),
            cursor: page.cursor.filter(|cursor| !cursor.is_null()).map(place),
            exchange: page.exchange,
        }))
    }
}
