//! Which record is which, as a job sees it: as it is stored, or not at all, where a plan is to tell what matching anew
//! would come to.

use std::collections::HashMap;

use model::ids::SyncId;
use model::record::RecordKey;
use model::value::Fingerprint;
use store::Connection;
use store::links::{self, Link, SourceMark, Standing};

/// The links of a sync.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    sync: SyncId,
    are_forgotten: bool,
}

impl Links {
    /// As they are stored.
    pub(crate) fn of(sync: SyncId) -> Self {
        Self {
            sync,
            are_forgotten: false,
        }
    }

    /// As if there were none. What is stored stays as it is.
    pub(crate) fn forgotten(sync: SyncId) -> Self {
        Self {
            sync,
            are_forgotten: true,
        }
    }

    pub(crate) fn count(self, db: &Connection) -> store::Result<u64> {
        match self.are_forgotten {
            true => Ok(0),
            false => links::count(db, self.sync),
        }
    }

    pub(crate) fn get_many(
        self,
        db: &Connection,
        keys: &[RecordKey],
    ) -> store::Result<HashMap<RecordKey, Link>> {
        match self.are_forgotten {
            true => Ok(HashMap::new()),
            false => links::get_many(db, self.sync, keys),
        }
    }

    pub(crate) fn fingerprints_many(
        self,
        db: &Connection,
        keys: &[RecordKey],
    ) -> store::Result<HashMap<RecordKey, Fingerprint>> {
        match self.are_forgotten {
            true => Ok(HashMap::new()),
            false => links::fingerprints_many(db, self.sync, keys),
        }
    }

    pub(crate) fn standings(
        self,
        db: &Connection,
        records: &[(&RecordKey, Option<SourceMark>)],
    ) -> store::Result<Vec<Standing>> {
        match self.are_forgotten {
            true => Ok(vec![Standing::New; records.len()]),
            false => links::standings(db, self.sync, records),
        }
    }

    pub(crate) fn sources_of_targets(
        self,
        db: &Connection,
        targets: &[RecordKey],
    ) -> store::Result<HashMap<RecordKey, RecordKey>> {
        match self.are_forgotten {
            true => Ok(HashMap::new()),
            false => links::sources_of_targets(db, self.sync, targets),
        }
    }

    pub(crate) fn targets_of_sources(
        self,
        db: &Connection,
        keys: &[RecordKey],
    ) -> store::Result<HashMap<RecordKey, RecordKey>> {
        match self.are_forgotten {
            true => Ok(HashMap::new()),
            false => links::targets_of_sources(db, self.sync, keys),
        }
    }
}
