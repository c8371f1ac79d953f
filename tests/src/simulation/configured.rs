//! What a person has set, as the document and the job that it makes.

use std::sync::Arc;

use engine::Job;
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step as MappingStep};
use model::sync::{DeleteRule, StreamRef, Sync, TwoWay};

use super::history::{ADDRESSES, Configuration, Setting};
use super::platform::{self, MEMBERS, PEOPLE, Platform};

pub(super) fn job(
    sync: SyncId,
    version: u32,
    document: Sync,
    platform: &Platform,
) -> Result<Job, String> {
    let setting = &platform.inner().setting;
    let is_back_read = document.reads_target();
    Job::new(
        sync,
        version,
        document,
        Arc::new(platform.clone()),
        Arc::new(platform.clone()),
        platform::described(setting, PEOPLE),
        platform::described(setting, MEMBERS),
    )
    .and_then(|job| match is_back_read {
        false => Ok(job),
        true => job.with_back(
            Arc::new(platform.clone()),
            Arc::new(platform.clone()),
            &platform::described(setting, MEMBERS),
            platform::described(setting, PEOPLE),
        ),
    })
    .map_err(|error| format!("there is no job: {error}"))
}

pub(super) fn document(
    ends: [ConnectionId; 2],
    setting: &Setting,
    configuration: &Configuration,
) -> Sync {
    let [source, target] = ends;
    let number = |on_failure| Rule {
        on_failure,
        ..rule("n", "number", &["to_integer"])
    };
    let rules = match configuration.mapping {
        0 => vec![rule("email", "email", &[]), rule("name", "name", &[])],
        ADDRESSES => vec![rule("email", "email", &[])],
        1 => vec![
            rule("email", "email", &[]),
            rule("name", "name", &[]),
            number(OnFailure::Hold),
        ],
        _ => vec![
            rule("email", "email", &["lower"]),
            rule("name", "name", &["upper"]),
            number(OnFailure::Null),
        ],
    };
    let stream = |connection, stream: &str| StreamRef {
        connection,
        stream: stream.into(),
    };
    Sync {
        mode: configuration.mode,
        match_on: if configuration.matches {
            vec!["email".parse().unwrap()]
        } else {
            Vec::new()
        },
        mapping: Mapping {
            version: model::mapping::VERSION,
            rules,
        },
        guards: configuration.guards,
        two_way: setting.policy(configuration).map(|policy| TwoWay {
            policy,
            ..TwoWay::default()
        }),
        deletes: DeleteRule {
            sightings: configuration.sightings,
            after_days: configuration.after_days,
            ..DeleteRule::default()
        },
        ..Sync::new(
            "People to members",
            stream(source, "people"),
            stream(target, "members"),
        )
    }
}

fn rule(target: &str, source: &str, steps: &[&str]) -> Rule {
    Rule {
        target: target.parse().unwrap(),
        origin: Origin::Fields {
            paths: vec![source.parse().unwrap()],
        },
        steps: steps
            .iter()
            .map(|name| MappingStep {
                name: (*name).to_owned(),
                with: serde_json::Map::new(),
            })
            .collect(),
        on_failure: OnFailure::Hold,
        comment: None,
    }
}
