//! Every bound of a run in one place.

use std::time::Duration;

/// Records that are planned, journalled, written and committed together.
pub const RECORDS_PER_BATCH: usize = 500;

/// Pages of so many records or more are brought together to batches.
pub const TOGETHER_FROM: usize = 50;

/// Entries of a plan that are applied together.
pub const ENTRIES_PER_BATCH: u32 = 500;

/// Pages that may be read ahead of the one that is being written.
pub const PAGES_AHEAD: usize = 2;

/// How often a change whose answer was lost is looked up and, where it did not happen, sent again.
pub const SETTLE_ATTEMPTS: u32 = 4;

/// How often a change is made anew because its record was changed on the target meanwhile.
pub const REBASES: u32 = 3;

/// Mappings of before that are looked at, to tell an edit of the mapping from a change of the source.
pub const EARLIER_MAPPINGS: usize = 20;

/// Pause before the first of those attempts; doubles each time.
pub const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// Progress is announced at most this often for each run.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Sample records that are kept for the mapping editor.
pub const SAMPLES: usize = 200;

/// Outcomes reach the history at least this often while a run is at work, and at its end.
pub const HISTORY_INTERVAL: Duration = Duration::from_secs(1);

/// So many requests reach the history together, while a run is at work and quick.
pub const EXCHANGES_TOGETHER: usize = 64;

/// Bytes of a request or response body that are kept for the inspector.
pub const EXCHANGE_BODY: usize = 16 * 1024;

/// Requests of a run of which as much is kept, and answers; of later ones only where something was wrong.
pub const WHOLE_EXCHANGES: usize = 50;

/// Bytes that are kept of the bodies of the others.
pub const BRIEF_BODY: usize = 1024;

/// Pages whose bodies are kept; later ones keep their frame only.
pub const READ_BODIES: usize = 3;

/// Streams that may be tried at the same time; the oldest is given up for a newer one.
pub const OPEN_TRIES: usize = 8;

/// Records of a tried page that are shown.
pub const TRIED_RECORDS: usize = 100;

/// Characters that the name of an own connector may have.
pub const LONGEST_CONNECTOR_NAME: usize = 64;

/// How often a field may go back and forth between the same two values before it is held.
pub const FLIPS: u32 = 3;
