//! A sync between both sides of one platform, and what is asked of it afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::Job;
use engine::alone::Alone;
use engine::retries::Resent;
use engine::run::Input;
use model::clock::Clock;
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::sync::{Guards, StreamRef, Sync, WriteMode};
use model::value::Object;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::platform::{Platform, describe, object, text};

/// A sync between both sides of one platform.
pub(crate) struct Bench {
    pub(crate) platform: Platform,
    pub(crate) store: Store,
    pub(crate) sync: SyncId,
    pub(crate) job: Job,
}

impl Bench {
    /// Pages of this size, and guards that hold nothing.
    pub(crate) async fn new(page: usize) -> Self {
        Self::guarded(page, unguarded()).await
    }

    pub(crate) async fn guarded(page: usize, guards: Guards) -> Self {
        Self::with(page, guards, |_, _| {}).await
    }

    /// A sync whose document is changed before anything runs.
    pub(crate) async fn with(
        page: usize,
        guards: Guards,
        change: impl FnOnce(SyncId, &mut Sync),
    ) -> Self {
        let store = Store::in_memory(Clock::manual(1_790_000_000_000)).unwrap();
        let sync = SyncId::new();
        let side = |stream: &str| StreamRef {
            connection: ConnectionId::new(),
            stream: stream.into(),
        };
        let mut document = Sync {
            version: model::sync::VERSION,
            name: "People to members".into(),
            source: side("people"),
            target: side("members"),
            mode: WriteMode::Upsert,
            match_on: vec!["email".parse().unwrap()],
            mapping: Mapping {
                version: model::mapping::VERSION,
                rules: vec![rule("email"), rule("name")],
            },
            guards,
            most_tries: 3,
            every_minutes: None,
            match_also: Vec::new(),
            filter: None,
            deletes: model::sync::DeleteRule::default(),
            two_way: None,
        };
        change(sync, &mut document);
        let stored = document.clone();
        store
            .write(move |tx| store::syncs::insert(tx, sync, &stored, 1))
            .await
            .unwrap();
        let platform = Platform::new(store.clone(), sync, page);
        let job = Job::new(
            sync,
            1,
            document,
            Arc::new(platform.clone()),
            Arc::new(platform.clone()),
            describe("people"),
            describe("members"),
        )
        .unwrap();
        Self {
            platform,
            store,
            sync,
            job,
        }
    }

    /// So many people, each with an address of their own.
    pub(crate) fn people(&self, n: usize) {
        self.platform.world(|world| {
            world.people = (0..n)
                .map(|n| (format!("p{n:05}"), person(n, "first")))
                .collect();
        });
    }

    /// Everybody gets another name.
    pub(crate) fn rename(&self, name: &str) {
        self.platform.world(|world| {
            for (n, (_, fields)) in world.people.iter_mut().enumerate() {
                *fields = person(n, name);
            }
        });
    }

    pub(crate) async fn run(&self) -> store::runs::Run {
        self.alone()
            .run(&self.job, Input::Stream { full: false })
            .await
            .unwrap()
    }

    pub(crate) async fn run_in_full(&self) -> store::runs::Run {
        self.alone()
            .run(&self.job, Input::Stream { full: true })
            .await
            .unwrap()
    }

    /// Makes a plan of what a run would do.
    pub(crate) async fn plan(&self) -> model::ids::PlanId {
        self.alone().plan(&self.job).await.unwrap()
    }

    /// Does what a plan says.
    pub(crate) async fn apply(&self, plan: model::ids::PlanId) -> store::runs::Run {
        let alone = self.alone();
        alone.run(&self.job, Input::Plan(plan)).await.unwrap()
    }

    /// Writes these once more.
    pub(crate) async fn resend(&self, job: &Job, records: Vec<Resent>) -> store::runs::Run {
        let alone = self.alone();
        alone.run(job, Input::Records(records)).await.unwrap()
    }

    /// Runs until a call hangs, and lets the run go there, as the end of the process would. False when none hung.
    pub(crate) async fn run_until_it_hangs(&self) -> bool {
        let alone = self.alone();
        let hung = tokio::select! {
            biased;
            () = self.platform.hung() => true,
            ended = alone.run(&self.job, Input::Stream { full: true }) => {
                ended.unwrap();
                false
            }
        };
        // What the next start does with the run of a process that is gone.
        for run in self.store.read(store::runs::active).await.unwrap() {
            let state = model::run::RunState::Interrupted;
            self.store
                .write(move |tx| store::runs::set_state(tx, run.id, state, None, 2))
                .await
                .unwrap();
        }
        hung
    }

    fn alone(&self) -> Alone {
        Alone {
            store: self.store.clone(),
            clock: Clock::manual(1_790_000_000_000),
            cancel: CancellationToken::new(),
            is_recorded: false,
            settle_pause: Duration::ZERO,
        }
    }

    /// Every run, oldest first.
    pub(crate) async fn runs(&self) -> Vec<store::runs::Run> {
        let filter = store::runs::RunFilter {
            sync: Some(self.sync),
            before: None,
            limit: 1000,
        };
        let mut runs = self
            .store
            .read(move |db| store::runs::list(db, &filter))
            .await
            .unwrap();
        runs.reverse();
        runs
    }

    /// The lines of a run in the history.
    pub(crate) async fn lines(&self, run: model::ids::RunId) -> Vec<store::run_records::RunRecord> {
        let filter = store::run_records::RecordFilter {
            run: Some(run),
            sync: None,
            outcomes: Vec::new(),
            text: None,
        };
        self.store
            .read_history(move |db| store::run_records::page(db, &filter, None, 10_000))
            .await
            .unwrap()
            .records
    }

    /// How often the checkpoint was advanced.
    pub(crate) async fn sequence(&self) -> u64 {
        let sync = self.sync;
        self.store
            .read(move |db| store::checkpoints::get(db, sync))
            .await
            .unwrap()
            .map_or(0, |stored| stored.sequence)
    }

    /// Changes that nobody has settled.
    pub(crate) async fn pending(&self) -> Vec<store::journal::Pending> {
        let sync = self.sync;
        self.store
            .read(move |db| store::journal::pending_of_sync(db, sync))
            .await
            .unwrap()
    }

    /// Every person is a member once, as he is now, and nothing is left open.
    pub(crate) async fn assert_all_is_there_once(&self) {
        let (people, members, creates) = self.platform.world(|world| {
            (
                world.people.clone(),
                world.members.clone(),
                world.creates.clone(),
            )
        });
        let by_address: BTreeMap<String, Object> = members
            .values()
            .map(|member| (text(&member.fields, "email"), member.fields.clone()))
            .collect();
        assert_eq!(
            by_address.len(),
            members.len(),
            "somebody is a member twice"
        );
        assert_eq!(by_address.len(), people.len());
        for (key, fields) in &people {
            let fields = object(fields);
            let member = by_address
                .get(&text(&fields, "email"))
                .unwrap_or_else(|| panic!("{key} is no member"));
            assert_eq!(text(member, "name"), text(&fields, "name"), "{key}");
        }
        assert!(creates.values().all(|n| *n == 1), "{creates:?}");
        assert_eq!(self.pending().await, Vec::new());
        for run in self.runs().await {
            assert!(run.counts.balances(), "{}", run.counts.equation());
            assert_eq!(run.counts.held, 0, "{}", run.counts.equation());
        }
    }
}

fn person(n: usize, name: &str) -> String {
    format!(r#"{{"email":"p{n}@x.io","name":"{name} {n}"}}"#)
}

/// Guards that hold nothing.
pub(crate) fn unguarded() -> Guards {
    Guards {
        max_update_percent: 100,
        empty_source_above: u32::MAX,
        from_records: u32::MAX,
        ..Guards::default()
    }
}

pub(crate) fn rule(name: &str) -> Rule {
    Rule {
        target: name.parse().unwrap(),
        origin: Origin::Fields {
            paths: vec![name.parse().unwrap()],
        },
        steps: Vec::new(),
        on_failure: OnFailure::Hold,
        comment: None,
    }
}
