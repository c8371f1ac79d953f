//! Remembers the jobs that a platform works on for a sync, so that a run that was cut off asks about them and submits
//! nothing twice.

use async_trait::async_trait;
use connectors::{BulkJob, JobLog};
use model::clock::Clock;
use model::ids::{ChangeId, SyncId};
use store::Store;
use store::bulk_jobs::{self, StoredJob};

/// The jobs of one sync, in the store.
pub(crate) struct StoredJobs {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) sync: SyncId,
}

fn failed(error: store::Error) -> connectors::Error {
    connectors::Error::Unavailable {
        platform: "The list of jobs that are under way".into(),
        reason: error.to_string(),
    }
}

#[async_trait]
impl JobLog for StoredJobs {
    async fn started(&self, job: &BulkJob) -> connectors::Result<()> {
        let (sync, now) = (self.sync, self.clock.now());
        let job = StoredJob {
            job: job.id.clone(),
            stream: job.stream.clone(),
            changes: job.changes.clone(),
        };
        self.store
            .write(move |tx| bulk_jobs::insert(tx, sync, &job, now))
            .await
            .map_err(failed)
    }

    async fn under_way(
        &self,
        stream: &str,
        changes: &[ChangeId],
    ) -> connectors::Result<Vec<BulkJob>> {
        let (sync, name) = (self.sync, stream.to_owned());
        let jobs = self
            .store
            .read(move |db| bulk_jobs::of_stream(db, sync, &name))
            .await
            .map_err(failed)?;
        Ok(jobs
            .into_iter()
            .filter(|job| job.changes.iter().any(|change| changes.contains(change)))
            .map(|job| BulkJob {
                id: job.job,
                stream: job.stream,
                changes: job.changes,
            })
            .collect())
    }

    async fn ended(&self, job: &BulkJob) -> connectors::Result<()> {
        let (sync, stream, id) = (self.sync, job.stream.clone(), job.id.clone());
        self.store
            .write(move |tx| bulk_jobs::remove(tx, sync, &stream, &id))
            .await
            .map_err(failed)
    }
}
