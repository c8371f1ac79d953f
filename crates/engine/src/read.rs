//! Stage 1: pages come while earlier ones are still being written.

use std::sync::Arc;

use connectors::{Access, ReadRequest, RowPage, Source};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::limits::PAGES_AHEAD;

/// Begins to read. The channel ends without an error only when the read is complete.
pub(crate) fn start(
    tracker: &TaskTracker,
    source: Arc<dyn Source>,
    request: ReadRequest,
    access: Access,
) -> mpsc::Receiver<connectors::Result<RowPage>> {
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    tracker.spawn(async move {
        let mut reader = match source.read(request, access).await {
            Ok(reader) => reader,
            Err(error) => {
                _ = sender.send(Err(error)).await;
                return;
            }
        };
        loop {
            match reader.next_rows().await {
                Ok(Some(page)) => {
                    if sender.send(Ok(page)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    _ = sender.send(Err(error)).await;
                    return;
                }
            }
        }
    });
    receiver
}
