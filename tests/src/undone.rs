//! A run of many records that is taken back after somebody has edited some of them.

use std::collections::BTreeMap;

use api::views::{
    ConflictPage, PlanDetail, PlanEntries, PlanStarted, RunDetail, SyncDetail, SyncSummary,
};
use connectors::{Access, Destination as _};
use model::conflict::ConflictKind;
use model::ids::{ChangeId, PlanId, RunId};
use model::record::{Change, Operation, Outcome, RecordKey};
use model::run::RunState;
use model::value::{Object, Value as Field};
use serde_json::{Value, json};

use crate::app::records;
use crate::standard::{constant, put};
use crate::{Standard, TestApp};

/// What the run wrote into a field of every record, and what was there before.
const WROTE: &str = "Season B";
const HAD: &str = "Season A";

/// One contact in so many has no address that Postino takes, or is there twice.
const SPARE: usize = 20;

/// A run that has changed many records of Postino, some of which somebody edited since.
#[derive(Debug)]
pub struct Changed {
    test: TestApp,
    standard: Standard,
    /// The run.
    pub run: RunDetail,
    /// What somebody made of the records that they edited, whole.
    edited: BTreeMap<String, Value>,
}

impl Changed {
    /// A run of at least so many records; `n_edited` of them were edited since.
    pub async fn of(n_records: usize, n_edited: usize) -> Self {
        let test = TestApp::with_contacts(n_records + n_records / SPARE).await;
        let standard = test.standard().await;
        let sync = standard.sync;
        let detail: SyncDetail = test.ask("get_sync", json!({"sync": sync})).await;
        let mut guards = json!(detail.guards);
        guards["max_update_percent"] = json!(100);
        let request = json!({"sync": sync, "mapping": detail.mapping, "guards": guards});
        let _: SyncSummary = test.ask("save_draft", request).await;
        let mut mapping = detail.mapping;
        let mut run_with = async |notes: &str| {
            put(&mut mapping, constant("notes", notes.into()));
            test.publish(sync, &mapping).await;
            let run = test.run(sync).await;
            completed(&run);
            run
        };
        run_with(HAD).await;
        let run = run_with(WROTE).await;
        assert!(
            run.summary.counts.updated >= n_records as u64,
            "{}",
            run.equation
        );
        let mut changed = Self {
            test,
            standard,
            run,
            edited: BTreeMap::new(),
        };
        changed.edit(n_edited).await;
        changed
    }

    /// Somebody writes notes of their own into so many records, spread over all.
    async fn edit(&mut self, n: usize) {
        let written: Vec<String> = self
            .subscribers()
            .into_iter()
            .filter(|(_, record)| record["notes"] == WROTE)
            .map(|(id, _)| id)
            .collect();
        let chosen = written.iter().step_by(written.len() / n).take(n);
        let changes: Vec<Change> = chosen
            .enumerate()
            .map(|(nth, id)| Change {
                id: ChangeId::new(),
                operation: Operation::Update,
                source_key: RecordKey("somebody".into()),
                target_key: Some(RecordKey(id.clone())),
                fields: Object::from_iter([(
                    "notes".into(),
                    Field::Text(format!("Mine {nth}").into()),
                )]),
                before: None,
                version: None,
            })
            .collect();
        let platforms = self.test.app.engine().platforms();
        let postino = platforms.get(self.standard.postino).await.unwrap();
        for batch in changes.chunks(100) {
            let outcomes = postino
                .write("subscribers", batch, &Access::unattended())
                .await
                .unwrap()
                .outcomes;
            assert!(
                outcomes
                    .iter()
                    .all(|outcome| matches!(outcome, Outcome::Written { .. })),
                "{outcomes:?}"
            );
        }
        let mut now = self.subscribers();
        now.retain(|_, record| {
            record["notes"]
                .as_str()
                .is_some_and(|notes| notes.starts_with("Mine "))
        });
        assert_eq!(now.len(), n);
        self.edited = now;
    }

    /// All records of Postino by their id.
    fn subscribers(&self) -> BTreeMap<String, Value> {
        records(&self.test.sandbox.subscribers())
            .iter()
            .map(|record| (record["id"].as_str().unwrap().to_owned(), record.clone()))
            .collect()
    }

    /// Makes the plan that takes a run back, and looks at what it says.
    pub async fn plan(&self, run: RunId) -> PlanDetail {
        let request = json!({"run": run, "seqs": [], "fields": []});
        let started: PlanStarted = self.test.ask("start_undo", request).await;
        let wait = self.test.app.engine().wait_plan(started.plan);
        wait.await.unwrap();
        let plan = json!({"plan": started.plan});
        let plan: PlanDetail = self.test.ask("get_plan", plan).await;
        assert!(plan.problem.is_none(), "{plan:?}");
        plan
    }

    /// How many entries of a plan have this action, as its list says.
    async fn listed(&self, plan: PlanId, action: &str) -> u64 {
        let request =
            json!({"plan": plan, "actions": [action], "search": "", "from": 0, "limit": 1});
        let list: PlanEntries = self.test.ask("list_plan_entries", request).await;
        list.total
    }

    /// Carries a plan out.
    pub async fn carry_out(&self, plan: PlanId) -> RunDetail {
        let run = self.test.apply(plan).await;
        completed(&run);
        run
    }

    /// The plan restores what nobody touched, and leaves the rest to a person.
    pub async fn assert_plan(&self, plan: &PlanDetail) {
        let edited = self.edited.len() as u64;
        let restored = self.run.summary.counts.updated - edited;
        assert_eq!(plan.counts.update, restored, "{plan:?}");
        assert_eq!(plan.counts.conflict, edited, "{plan:?}");
        assert_eq!(self.listed(plan.id, "update").await, restored);
        assert_eq!(self.listed(plan.id, "conflict").await, edited);
    }

    /// What nobody touched is as it was before the run, what somebody edited is as they left it, down to its version,
    /// and listed for a person.
    pub async fn assert_taken_back(&self, undone: &RunDetail) {
        let edited = self.edited.len() as u64;
        assert_eq!(
            undone.summary.counts.updated,
            self.run.summary.counts.updated - edited,
            "{}",
            undone.equation
        );
        assert_eq!(
            undone.summary.counts.conflict, edited,
            "{}",
            undone.equation
        );
        self.assert_notes(HAD);
        let request = json!({"sync": self.standard.sync, "search": "", "limit": 500});
        let inbox: ConflictPage = self.test.ask("list_conflicts", request).await;
        assert_eq!(inbox.total, edited);
        for conflict in &inbox.conflicts {
            assert_eq!(conflict.kind, ConflictKind::Undo, "{conflict:?}");
            assert_eq!(conflict.field, "notes", "{conflict:?}");
            let record = self.edited.get(&conflict.target_key).unwrap();
            assert_eq!(conflict.target.as_ref(), Some(&record["notes"]));
        }
    }

    /// The taking back was taken back: all is as the run left it, but for what somebody edited.
    pub fn assert_again(&self, again: &RunDetail, undone: &RunDetail) {
        assert_eq!(
            again.summary.counts.updated, undone.summary.counts.updated,
            "{}",
            again.equation
        );
        self.assert_notes(WROTE);
    }

    /// Every record that the run wrote says this, but for those that somebody edited: they are what they made of them.
    fn assert_notes(&self, notes: &str) {
        let now = self.subscribers();
        for (id, record) in &self.edited {
            assert_eq!(now.get(id), Some(record), "what somebody edited is theirs");
        }
        let n = now.values().filter(|record| record["notes"] == notes);
        let wanted = self.run.summary.counts.updated - self.edited.len() as u64;
        assert_eq!(n.count() as u64, wanted);
    }

    /// Ends the workspace.
    pub async fn close(self) {
        self.test.close().await;
    }
}

fn completed(run: &RunDetail) {
    assert_eq!(run.summary.state, RunState::Completed, "{run:?}");
    assert!(run.balances, "{}", run.equation);
}
