//! Events, as the browser's event source reads them.

use std::convert::Infallible;
use std::time::Duration;

use api::tags::Tag;
use api::views::UiEvent;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _, stream};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::serve::Served;

/// A comment comes at least so often, so that a dead connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Everything that happens from now on, until the page goes or the program ends.
pub(super) async fn events(
    State(served): State<Served>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut ending = served.ending;
    let happening = BroadcastStream::new(served.app.subscribe()).filter_map(|event| async move {
        let event = match event {
            Ok(event) => event,
            // What was missed may have changed anything: the page asks for all of it again.
            Err(BroadcastStreamRecvError::Lagged(missed)) => {
                tracing::debug!(missed, "A page could not keep up with events.");
                everything_changed()
            }
        };
        match Event::default().json_data(&event) {
            Ok(event) => Some(Ok(event)),
            Err(error) => {
                tracing::warn!(%error, "An event could not be written.");
                None
            }
        }
    });
    // The first word opens the stream at once, whatever stands between.
    let opened = stream::iter([Ok(Event::default().comment("open"))]);
    let until_end = opened.chain(happening).take_until(async move {
        // An error is the end too: nobody is left to tell.
        _ = ending.wait_for(|ending| *ending).await;
    });
    Sse::new(until_end).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn everything_changed() -> UiEvent {
    UiEvent::Changed {
        tags: vec![
            Tag::App,
            Tag::Connectors,
            Tag::Connections,
            Tag::Streams,
            Tag::Syncs,
            Tag::Mapping,
            Tag::Samples,
            Tag::Plans,
            Tag::Runs,
            Tag::RunRecords,
            Tag::Settings,
        ],
    }
}
