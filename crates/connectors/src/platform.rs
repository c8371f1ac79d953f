//! The two sides of a sync, as the engine sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use model::clock::Millis;
use model::field::Schema;
use model::ids::{ChangeId, ExchangeId};
use model::path::FieldPath;
use model::record::{Change, Outcome, Record, RecordKey};
use model::row::Row;
use model::value::Value;
use tokio_util::sync::CancellationToken;

use crate::Result;

/// A stream in a list of streams.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSummary {
    /// Name, as used in documents.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// What can be done with it.
    pub capabilities: Capabilities,
}

/// What can be done with a stream; the sync editor offers nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// Records can be read.
    pub read: bool,
    /// Only what changed since can be read.
    pub incremental: bool,
    /// Records can be created.
    pub create: bool,
    /// Records can be changed.
    pub update: bool,
    /// Records can be deleted.
    pub delete: bool,
    /// The field by which the platform itself decides whether a record is created or changed.
    pub upsert: Option<FieldPath>,
    /// Records per write request; 1 where there is no batch.
    pub batch_size: usize,
    /// Fields by which a record can be looked up.
    pub match_by: Vec<FieldPath>,
    /// Sending the same create twice with the same key creates once.
    pub idempotent_create: bool,
    /// Single records can be read by their key.
    pub get: bool,
    /// A change is refused when the record has changed since its version tag was read.
    pub versioned: bool,
    /// The fields, and their values, of a record that is put away; none where the platform knows no such thing.
    pub archive: Option<serde_json::Map<String, serde_json::Value>>,
    /// How one learns what was deleted.
    pub deletions: Deletions,
}

/// How one learns which records of a stream were deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Deletions {
    /// Only by reading everything and seeing what is missing.
    #[default]
    ByAbsence,
    /// Deleted records are still listed, with a field that says so.
    Marked {
        /// The field: deleted when it is true, or holds anything that is not empty.
        field: FieldPath,
    },
    /// Another stream lists what was deleted.
    Listed {
        /// Its name.
        stream: String,
        /// The field in it that holds the key of the deleted record.
        key: FieldPath,
        /// Fields and what they hold in an entry that tells of a deletion, where the stream tells of other things too.
        when: Vec<(FieldPath, Value)>,
    },
}

impl Deletions {
    /// The key of the record that an entry of the list says is deleted; none where it tells of something else.
    pub fn told_by(&self, entry: &Value) -> Option<RecordKey> {
        let Self::Listed { key, when, .. } = self else {
            return None;
        };
        let holds = |(field, wanted): &(FieldPath, Value)| {
            let found = entry.at(field).unwrap_or(&Value::Null);
            found.same_as(wanted)
        };
        match when.iter().all(holds) {
            true => RecordKey::from_value(entry.at(key)?),
            false => None,
        }
    }
}

/// All that is known of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamDescription {
    /// Name, as used in documents.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Its fields.
    pub schema: Schema,
    /// The fields that identify a record.
    pub key: Vec<FieldPath>,
    /// The field by which changes are found, if there is one.
    pub cursor_field: Option<FieldPath>,
    /// What can be done with it.
    pub capabilities: Capabilities,
}

/// What accompanies every call: when to stop, where exchanges are written down, who is told of waits.
#[derive(Clone)]
pub struct Access {
    /// Honoured within two seconds at every wait.
    pub cancel: CancellationToken,
    /// Gets each exchange, redacted.
    pub exchanges: Option<Arc<dyn ExchangeLog>>,
    /// Told why nothing happens at the moment ("waiting 42 s: Postino allows 60 requests a minute"),
    /// and none when it goes on.
    pub waiting: Option<Arc<dyn Fn(Option<String>) + Send + Sync>>,
    /// Remembers jobs that are under way at the platform, so that none is submitted twice.
    pub jobs: Option<Arc<dyn JobLog>>,
}

impl Access {
    /// Nobody stops it, nobody listens.
    pub fn unattended() -> Self {
        Self {
            cancel: CancellationToken::new(),
            exchanges: None,
            waiting: None,
            jobs: None,
        }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("cancelled", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// One request and its answer, secrets already replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// To point at it from a record's history.
    pub id: ExchangeId,
    /// When it was sent.
    pub at: Millis,
    /// How long until the whole answer was there.
    pub took: Duration,
    /// GET, POST…
    pub method: String,
    /// Address with secrets replaced.
    pub url: String,
    /// Headers with secrets replaced.
    pub request_headers: Vec<(String, String)>,
    /// Body with secrets replaced, cut at a limit.
    pub request_body: Option<String>,
    /// None when no answer came.
    pub status: Option<u16>,
    /// Headers with secrets replaced.
    pub response_headers: Vec<(String, String)>,
    /// Body with secrets replaced, cut at a limit.
    pub response_body: Option<String>,
    /// What went wrong below HTTP.
    pub error: Option<String>,
    /// Which try this was, counted from 1.
    pub attempt: u32,
}

/// Where exchanges are written down.
pub trait ExchangeLog: Send + Sync {
    /// Takes one exchange. Must not block for long.
    fn record(&self, exchange: Exchange);
}

/// Changes that a platform carries out in its own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkJob {
    /// The platform's id for it.
    pub id: String,
    /// The stream that is written.
    pub stream: String,
    /// The changes, in the order in which they were sent: results may name them by number.
    pub changes: Vec<ChangeId>,
}

/// Remembers jobs. A write whose program ended while the platform was working is settled by asking about the
/// same job, never by a second one.
#[async_trait]
pub trait JobLog: Send + Sync {
    /// A job was submitted. It is durable when this returns.
    async fn started(&self, job: &BulkJob) -> Result<()>;

    /// The jobs of a stream that were started, have not ended, and hold any of these changes.
    async fn under_way(&self, stream: &str, changes: &[ChangeId]) -> Result<Vec<BulkJob>>;

    /// Every change of the job that was asked about has its outcome.
    async fn ended(&self, job: &BulkJob) -> Result<()>;
}

/// What is to be read.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Which stream.
    pub stream: String,
    /// How far whole runs have read it: the connector's own document from [`Page::cursor`].
    pub cursor: Option<serde_json::Value>,
    /// Where a run that was cut off goes on, from [`Page::position`].
    pub position: Option<serde_json::Value>,
    /// Read everything, whatever the cursor says.
    pub full: bool,
    /// Stop after about this many records (samples).
    pub limit: Option<usize>,
}

/// One page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// In the order of the platform.
    pub records: Vec<Record>,
    /// Where to go on if the run is cut off *after* this page is settled.
    pub position: serde_json::Value,
    /// How far the stream counts as read once everything up to this page is settled and the run has
    /// come to its end. The engine stores the last one it was given. Null takes back any before it: the next
    /// run reads everything, since records of this stream cannot be found by when they changed.
    pub cursor: Option<serde_json::Value>,
    /// Which exchange brought it.
    pub exchange: Option<ExchangeId>,
}

/// A page whose records are read when somebody asks for them.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPage {
    /// In the order of the platform.
    pub records: Vec<RowRecord>,
    /// As [`Page::position`].
    pub position: serde_json::Value,
    /// As [`Page::cursor`].
    pub cursor: Option<serde_json::Value>,
    /// As [`Page::exchange`].
    pub exchange: Option<ExchangeId>,
}

/// A record of which only the key was read so far.
#[derive(Clone, Debug, PartialEq)]
pub struct RowRecord {
    /// As [`Record::key`].
    pub key: Option<RecordKey>,
    /// All of it.
    pub row: Row,
    /// As [`Record::version`].
    pub version: Option<String>,
}

impl RowRecord {
    /// The record, read.
    pub fn into_record(self) -> Record {
        Record {
            key: self.key,
            fields: self.row.into_value(),
            version: self.version,
        }
    }
}

impl From<Record> for RowRecord {
    fn from(record: Record) -> Self {
        Self {
            key: record.key,
            row: record.fields.into(),
            version: record.version,
        }
    }
}

impl From<RowPage> for Page {
    fn from(page: RowPage) -> Self {
        Self {
            records: page
                .records
                .into_iter()
                .map(RowRecord::into_record)
                .collect(),
            position: page.position,
            cursor: page.cursor,
            exchange: page.exchange,
        }
    }
}

impl From<Page> for RowPage {
    fn from(page: Page) -> Self {
        Self {
            records: page.records.into_iter().map(RowRecord::from).collect(),
            position: page.position,
            cursor: page.cursor,
            exchange: page.exchange,
        }
    }
}

/// Pages of one read, one after another.
#[async_trait]
pub trait PageReader: Send {
    /// The next page; none when the read is *complete*. An error ends the read; it is then not complete.
    async fn next(&mut self) -> Result<Option<Page>>;

    /// As [`PageReader::next`], without reading more of the records than it takes to tell them apart.
    async fn next_rows(&mut self) -> Result<Option<RowPage>> {
        Ok(self.next().await?.map(RowPage::from))
    }
}

/// A platform that records are read from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The streams that can be read.
    async fn discover(&self, access: &Access) -> Result<Vec<StreamSummary>>;

    /// All that is known of a stream, custom fields included.
    async fn describe(&self, stream: &str, access: &Access) -> Result<StreamDescription>;

    /// Begins to read.
    async fn read(&self, request: ReadRequest, access: Access) -> Result<Box<dyn PageReader>>;

    /// How far the platform's clock is ahead of ours, as far as its answers tell.
    fn clock_skew(&self) -> Option<SignedDuration> {
        None
    }

    /// Tries the connection step by step (address, sign-in, one read), each with its time.
    /// Goes on to the end only while steps succeed.
    async fn check(&self, access: &Access) -> Vec<CheckStep>;
}

/// One step of a connection test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckStep {
    /// "Name lookup", "Connection", "Sign-in", "Read contacts".
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// What was seen, or what is wrong and what to do.
    pub result: std::result::Result<String, String>,
}

/// What is looked up.
#[derive(Clone, Debug)]
pub struct Find {
    /// Which stream.
    pub stream: String,
    /// The fields that together identify.
    pub by: Vec<FieldPath>,
    /// One entry for each record that is looked for: a value for each field of `by`.
    pub values: Vec<Vec<Value>>,
}

/// What a write came to, in the order of the changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// One for each change.
    pub outcomes: Vec<Outcome>,
    /// Which exchange each was part of.
    pub exchanges: Vec<Option<ExchangeId>>,
}

/// A platform that records are written to.
#[async_trait]
pub trait Destination: Send + Sync {
    /// All that is known of a stream for writing: required fields, options, limits.
    async fn describe(&self, stream: &str, access: &Access) -> Result<StreamDescription>;

    /// Looks records up. One list for each entry of `find.values`, empty when there is none, more
    /// than one when the match is ambiguous.
    async fn find(&self, find: Find, access: &Access) -> Result<Vec<Vec<Record>>>;

    /// Reads records by key; none where it is gone.
    async fn get(
        &self,
        stream: &str,
        keys: &[RecordKey],
        access: &Access,
    ) -> Result<Vec<Option<Record>>>;

    /// Writes the changes, in one or several requests, and says of each what became of it.
    ///
    /// Never returns an error once something may have been sent: what is not known is
    /// [`Outcome::Unknown`]. An error means that nothing was sent.
    async fn write(&self, stream: &str, changes: &[Change], access: &Access) -> Result<Written>;
}
