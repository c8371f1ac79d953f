//! Stage 1: pages come while earlier ones are still being written.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::{Access, Page, PageReader, ReadRequest, RowPage, Source};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::limits::{PAGES_AHEAD, RECORDS_PER_BATCH, TOGETHER_FROM};

/// What a page is read as.
#[async_trait]
pub(crate) trait Reads: Sized + Send + 'static {
    /// The next page.
    async fn next(reader: &mut dyn PageReader) -> connectors::Result<Option<Self>>;
}

#[async_trait]
impl Reads for Page {
    async fn next(reader: &mut dyn PageReader) -> connectors::Result<Option<Self>> {
        reader.next().await
    }
}

#[async_trait]
impl Reads for RowPage {
    async fn next(reader: &mut dyn PageReader) -> connectors::Result<Option<Self>> {
        reader.next_rows().await
    }
}

/// Begins to read. The channel ends without an error only when the read is complete.
pub(crate) fn start<P: Reads>(
    tracker: &TaskTracker,
    source: Arc<dyn Source>,
    request: ReadRequest,
    access: Access,
) -> Pages<P> {
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
            match P::next(&mut *reader).await {
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
    Pages {
        receiver,
        broken: None,
    }
}

/// The pages of a read under way.
pub(crate) struct Pages<P> {
    receiver: mpsc::Receiver<connectors::Result<P>>,
    /// What ended the read, after pages that are not given yet.
    broken: Option<connectors::Error>,
}

impl<P> Pages<P> {
    /// The next page; none when the read is complete.
    pub(crate) async fn recv(&mut self) -> Option<connectors::Result<P>> {
        self.receiver.recv().await
    }
}

impl Pages<RowPage> {
    /// As much as is there already, up to a batch: pages that are smaller are settled together. Pages of a few records
    /// are not: whoever gives so little at a time is slower than we are.
    pub(crate) async fn full(&mut self) -> Option<connectors::Result<RowPage>> {
        if let Some(error) = self.broken.take() {
            return Some(Err(error));
        }
        let mut page = match self.receiver.recv().await? {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        while (TOGETHER_FROM..RECORDS_PER_BATCH).contains(&page.records.len()) {
            match self.receiver.try_recv() {
                Ok(Ok(next)) => {
                    page.records.extend(next.records);
                    page.position = next.position;
                    page.cursor = next.cursor.or(page.cursor);
                }
                Ok(Err(error)) => {
                    self.broken = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        Some(Ok(page))
    }
}
