//! The sync that most tests want: Harbor's contacts become Postino's subscribers.

use api::views::{SuggestionList, SyncSummary};
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use serde_json::{Value, json};

use crate::app::TestApp;

/// Both connections and the sync between them.
#[derive(Clone, Copy, Debug)]
pub struct Standard {
    /// Harbor CRM.
    pub harbor: ConnectionId,
    /// Postino.
    pub postino: ConnectionId,
    /// From the one to the other; published, never run.
    pub sync: SyncId,
}

impl TestApp {
    /// Connects both platforms and publishes the sync.
    pub async fn standard(&self) -> Standard {
        let harbor = self.connect("harbor").await;
        let postino = self.connect("postino").await;
        let sync = self
            .create("Contacts to subscribers", harbor, postino)
            .await;
        let mapping = self.suggested(sync).await;
        self.publish(sync, &mapping).await;
        Standard {
            harbor,
            postino,
            sync,
        }
    }

    /// A new draft without a mapping.
    pub async fn create(&self, name: &str, harbor: ConnectionId, postino: ConnectionId) -> SyncId {
        let request = json!({
            "name": name,
            "source": {"connection": harbor, "stream": "contacts"},
            "target": {"connection": postino, "stream": "subscribers"},
            "mode": "upsert",
            "match_on": ["email_address"],
        });
        self.ask::<SyncSummary>("create_sync", request).await.id
    }

    /// What is suggested and ticked, and a constant for the list.
    pub async fn suggested(&self, sync: SyncId) -> Mapping {
        let request = json!({"sync": sync, "mapping": Mapping::default()});
        let list: SuggestionList = self.ask("suggest_mapping", request).await;
        let mut mapping = Mapping::default();
        mapping.rules.extend(
            list.suggestions
                .into_iter()
                .filter(|one| one.ticked)
                .map(|one| one.rule),
        );
        for (target, value) in [("list_id", "lst_main"), ("status", "subscribed")] {
            if !mapping
                .rules
                .iter()
                .any(|rule| rule.target.to_string() == target)
            {
                mapping.rules.push(constant(target, value.into()));
            }
        }
        mapping
    }

    /// Saves a mapping and puts it in force.
    pub async fn publish(&self, sync: SyncId, mapping: &Mapping) {
        let _: SyncSummary = self
            .ask("save_draft", json!({"sync": sync, "mapping": mapping}))
            .await;
        let _: SyncSummary = self.ask("publish_sync", json!({"sync": sync})).await;
    }
}

/// A rule that always gives the same.
pub fn constant(target: &str, value: Value) -> Rule {
    rule(target, Origin::Constant { value })
}

/// A rule that takes a field of the source as it is.
pub fn copied(target: &str, source: &str) -> Rule {
    let source = source.parse().expect("a path in a test is a path");
    rule(
        target,
        Origin::Fields {
            paths: vec![source],
        },
    )
}

/// A rule that is a template over the record.
pub fn expression(target: &str, template: &str) -> Rule {
    rule(
        target,
        Origin::Expression {
            template: template.to_owned(),
        },
    )
}

/// The rule with this target takes the place of the one before.
pub fn put(mapping: &mut Mapping, new: Rule) {
    mapping.rules.retain(|rule| rule.target != new.target);
    mapping.rules.push(new);
}

fn rule(target: &str, origin: Origin) -> Rule {
    let target = target.parse().expect("a path in a test is a path");
    Rule {
        target,
        origin,
        steps: Vec::new(),
        on_failure: OnFailure::Hold,
        comment: None,
    }
}
