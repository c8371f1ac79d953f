//! Both sides as they are read, page by page.

use std::collections::BTreeSet;

use async_trait::async_trait;
use connectors::{
    Access, CheckStep, Page, PageReader, ReadRequest, Result, Source, StreamDescription,
    StreamSummary,
};
use model::record::{Record, RecordKey};
use serde_json::json;

use super::{MEMBERS, PEOPLE, Platform, described, failed};

#[async_trait]
impl Source for Platform {
    async fn discover(&self, _: &Access) -> Result<Vec<StreamSummary>> {
        Ok(Vec::new())
    }

    async fn describe(&self, stream: &str, _: &Access) -> Result<StreamDescription> {
        Ok(described(&self.0.setting, stream))
    }

    async fn read(&self, request: ReadRequest, _: Access) -> Result<Box<dyn PageReader>> {
        let is_incremental = self.0.setting.source.is_incremental;
        let cursor = request.cursor.clone();
        let since = cursor.filter(|_| is_incremental && !request.full);
        if request.stream == PEOPLE {
            self.state().watch.read_begins(&self.0.store, self.0.sync);
        }
        let is_complete = (request.full || request.cursor.is_none()) && request.position.is_none();
        let began = self.state().world.stamp;
        Ok(Box::new(Reader {
            is_target: request.stream == MEMBERS,
            platform: self.clone(),
            since: since.and_then(|cursor| cursor.as_u64()).unwrap_or(0),
            at: request.position.map_or_else(
                || Place {
                    began,
                    ..Place::default()
                },
                place,
            ),
            cursor: None,
            brought: is_complete.then(BTreeSet::new),
        }))
    }

    async fn check(&self, _: &Access) -> Vec<CheckStep> {
        Vec::new()
    }
}

/// Where a page begins.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The latest stamp when the first page was read.
    began: u64,
    offset: usize,
    after: Option<(u64, RecordKey)>,
}

fn place(position: serde_json::Value) -> Place {
    let after = position["after"].as_array().map(|after| {
        (
            after[0].as_u64().unwrap_or_default(),
            RecordKey(after[1].as_str().unwrap_or_default().to_owned()),
        )
    });
    Place {
        began: position["began"].as_u64().unwrap_or_default(),
        offset: position["offset"].as_u64().unwrap_or_default() as usize,
        after,
    }
}

struct Reader {
    is_target: bool,
    platform: Platform,
    since: u64,
    at: Place,
    cursor: Option<u64>,
    /// What a read of everything has brought.
    brought: Option<BTreeSet<RecordKey>>,
}

#[async_trait]
impl PageReader for Reader {
    async fn next(&mut self) -> Result<Option<Page>> {
        let request = self.platform.request().await;
        failed(request.fault, "source")?;
        let page = self.page();
        self.platform.answered(&request).await;
        Ok(page)
    }
}

impl Reader {
    fn page(&mut self) -> Option<Page> {
        let like = &self.platform.0.setting.source;
        let mut state = self.platform.state();
        let state = &mut *state;
        let stamps: Vec<(u64, RecordKey)> = if self.is_target {
            let members = state.world.members.iter();
            members.map(|(key, it)| (it.stamp, key.clone())).collect()
        } else {
            let people = state.world.people.iter();
            people.map(|(key, it)| (it.stamp, key.clone())).collect()
        };
        let order = |(stamp, key): &(u64, RecordKey)| match like.is_by_key {
            true => (0, key.clone()),
            false => (*stamp, key.clone()),
        };
        let mut listed: Vec<_> = stamps
            .into_iter()
            .filter(|(stamp, _)| *stamp >= self.since)
            .collect();
        listed.sort_by_key(order);
        let is_next = |place: &(u64, RecordKey)| {
            let after = self.at.after.as_ref();
            after.is_none_or(|after| order(place) > order(after))
        };
        let listed: Vec<_> = if like.has_offset_pages {
            listed.into_iter().skip(self.at.offset).collect()
        } else {
            listed.into_iter().filter(is_next).collect()
        };
        let mut records = Vec::new();
        for (stamp, key) in listed.into_iter().take(like.page) {
            if self.is_target {
                let member = &state.world.members[&key];
                records.push(self.platform.record(&key, member));
            } else if let Some(person) = state.world.people.get_mut(&key) {
                let before = person.before.take().filter(|_| like.repeats);
                for fields in before.into_iter().chain([person.fields.clone()]) {
                    records.push(Record {
                        key: Some(key.clone()),
                        fields: self.platform.told(&fields, stamp),
                        version: self.platform.version_tag(person.version),
                    });
                }
            }
            if let Some(brought) = &mut self.brought {
                brought.insert(key.clone());
            }
            self.at.offset += 1;
            // Where changes are listed in no order, whatever changes from the beginning on is read again.
            let cursor = match like.is_by_key {
                true => self.at.began,
                false => stamp,
            };
            self.cursor = self.cursor.max(Some(cursor));
            self.at.after = Some((stamp, key));
        }
        if records.is_empty() {
            if let Some(brought) = self.brought.as_ref().filter(|_| !self.is_target) {
                let now = self.platform.0.clock.now();
                state.watch.read_completely(brought, now);
            }
            return None;
        }
        if !self.is_target {
            state.watch.served(&records);
        }
        Some(Page {
            records,
            position: json!({"began": self.at.began, "offset": self.at.offset, "after": self.at.after}),
            cursor: self
                .cursor
                .filter(|_| like.is_incremental)
                .map(serde_json::Value::from),
            exchange: None,
        })
    }
}
