//! Reads streams with a state after every page, so that a read that was killed goes on where it stopped.
//!
//! The states are those of the low-code format with one member more, [`PLACE`], which says where within a slice the
//! read stands. It is gone from the last state of a stream that was read to its end.

use std::collections::HashMap;

use model::row::Row;
use model::value::{Object, Value};

use super::Ended;
use super::catalogue::Catalogue;
use super::message::{Message, RecordLines, Sink};
use crate::declarative::pages::Context;
use crate::declarative::reading::Reader;
use crate::{PageReader as _, ReadRequest, Result};

/// The member of a state that says where a read stands.
pub const PLACE: &str = "patchbay_place";

pub(super) async fn read(
    context: &Context,
    catalogue: &Catalogue,
    states: &HashMap<String, Value>,
    sink: &Sink,
) -> Result<Ended> {
    let mut ended = Ended::default();
    for configured in &catalogue.streams {
        let name = &configured.stream.name;
        let state = states.get(name).cloned().unwrap_or_default();
        let (count, result) = stream(context, name, state, sink).await;
        ended.records += count;
        if let Err(error) = result {
            super::reading::failed(context, sink, name, &error).await;
            ended.failed.push((name.clone(), error.to_string()));
        }
    }
    Ok(ended)
}

async fn stream(context: &Context, name: &str, state: Value, sink: &Sink) -> (u64, Result<()>) {
    let mut count = 0;
    let result = async {
        let (cursor, position) = parted(state);
        let mut reader = Reader::begin(
            context.clone(),
            ReadRequest {
                stream: name.to_owned(),
                cursor,
                position,
                full: false,
                limit: None,
            },
        )
        .await?;
        while let Some(page) = reader.next().await? {
            let records = page.records.len() as u64;
            count += records;
            let lines = RecordLines::new(name, context.env().now().as_millisecond());
            let mut out = Vec::new();
            for record in page.records {
                lines.write(&mut out, &Row::from(record.fields));
            }
            let mut state = match &page.cursor {
                Some(cursor) => Value::from_serde(cursor),
                None => Value::Object(Object::new()),
            };
            if let Value::Object(state) = &mut state {
                // As text: states travel through programs that round large numbers.
                state.insert(PLACE, Value::from(page.position.to_string()));
            }
            Message::State {
                stream: name,
                state: &state,
                records,
            }
            .write(&mut out);
            if !sink.send(out).await {
                return Err(crate::Error::Cancelled);
            }
        }
        sink.say(Message::State {
            stream: name,
            state: &reader.state(),
            records: 0,
        })
        .await;
        Ok(())
    }
    .await;
    (count, result)
}

/// A state as the cursor's document and the place.
fn parted(state: Value) -> (Option<serde_json::Value>, Option<serde_json::Value>) {
    let Value::Object(mut state) = state else {
        return (None, None);
    };
    let place = state
        .remove(PLACE)
        .and_then(|place| serde_json::from_str(place.as_text()?).ok());
    let cursor = (!state.is_empty()).then(|| Value::Object(state).to_serde());
    (cursor, place)
}
