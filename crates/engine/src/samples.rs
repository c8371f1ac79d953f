//! Sample records for the mapping editor, kept in memory so that editing works without the platform.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use connectors::{Access, ReadRequest, Source, StreamDescription};
use model::clock::Millis;
use model::ids::{ConnectionId, SyncId};
use model::record::{Record, RecordKey};
use model::sync::Sync;
use model::value::Object;

use crate::error::Result;
use crate::limits::SAMPLES;
use crate::plan::{self, Decision};
use crate::{Engine, Job, earlier, lookup, references};

/// Records of a stream as they were at some time.
#[derive(Clone, Debug)]
pub struct Samples {
    /// In the order of the platform.
    pub records: Arc<Vec<Record>>,
    /// When they were read.
    pub read_at: Millis,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<(ConnectionId, String), Samples>>);

impl Engine {
    /// Samples of a stream: those that are kept, or fresh ones.
    pub async fn samples(
        &self,
        connection: ConnectionId,
        stream: &str,
        refresh: bool,
    ) -> Result<Samples> {
        let key = (connection, stream.to_owned());
        if !refresh && let Some(kept) = self.kept_samples(connection, stream) {
            return Ok(kept);
        }
        let source = self.platforms().get(connection).await?;
        let request = ReadRequest {
            stream: stream.to_owned(),
            cursor: None,
            position: None,
            full: true,
            limit: Some(SAMPLES),
        };
        let mut reader = Source::read(&*source, request, Access::unattended()).await?;
        let mut records = Vec::new();
        while records.len() < SAMPLES {
            let Some(page) = reader.next().await? else {
                break;
            };
            records.extend(page.records);
        }
        records.truncate(SAMPLES);
        let samples = Samples {
            records: Arc::new(records),
            read_at: self.clock().now(),
        };
        self.0
            .samples
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, samples.clone());
        Ok(samples)
    }

    /// Samples that are kept, without asking the platform.
    pub fn kept_samples(&self, connection: ConnectionId, stream: &str) -> Option<Samples> {
        let cache = self
            .0
            .samples
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cache.get(&(connection, stream.to_owned())).cloned()
    }
}

impl Engine {
    /// What would be done with samples: mapped, looked up on the target, decided. Writes nothing.
    pub async fn preview(
        &self,
        sync: SyncId,
        version: u32,
        document: Sync,
        source_stream: StreamDescription,
        target_stream: StreamDescription,
        samples: &Samples,
    ) -> Result<Vec<(RecordKey, Object, Decision)>> {
        let source = self.platforms().get(document.source.connection).await?;
        let destination = self.platforms().get(document.target.connection).await?;
        let job = Job::new(
            sync,
            version,
            document,
            source,
            destination,
            source_stream,
            target_stream,
        )?;
        let (mapped, _) =
            references::map_only(&job, self.store(), samples.records.to_vec()).await?;
        let mut looked_up =
            lookup::look_up(&job, self.store(), &Access::unattended(), &mapped, None).await?;
        earlier::keep_same(&job, self.store(), &mapped, &mut looked_up.known).await?;
        let rules = job.rules();
        let decided = mapped
            .into_iter()
            .zip(looked_up.known)
            .map(|(mapped, known)| {
                let decision = plan::decide(&mapped, known, &rules, &looked_up.claimed);
                (mapped.source_key, mapped.fields, decision)
            });
        Ok(decided.collect())
    }
}
