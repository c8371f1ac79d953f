//! Plans: looked at, ticked, applied.

use std::collections::HashMap;

use model::cursor::Checkpoint;
use model::ids::{PlanId, SyncId};
use model::run::RunCounts;
use model::value::Value;
use store::plans::{self, ActionCount, EntryFilter, Plan, PlanAction, PlanEntry, PlanState};
use store::{Store, Transaction};

use crate::support::{NOW, add_sync, in_memory, key, object};

fn plan(sync: SyncId) -> Plan {
    Plan {
        kind: store::plans::PlanKind::Run,
        id: PlanId::new(),
        sync,
        sync_version: 1,
        state: PlanState::Building,
        created_at: NOW,
        counts: RunCounts::default(),
        checkpoint: None,
        note: None,
        is_complete: false,
    }
}

fn entry(seq: u64, action: PlanAction) -> PlanEntry {
    let mapped = object(&format!(r#"{{"name":"No. {seq}","quote":"a \"b\""}}"#));
    PlanEntry {
        kinds: Vec::new(),
        other_version: None,
        side: model::sync::Side::Target,
        seq,
        source_key: key(format!("s{seq}")),
        target_key: (action == PlanAction::Update).then(|| key(format!("t{seq}"))),
        action,
        is_included: true,
        fields: mapped.clone(),
        before: None,
        mapped_fingerprint: Value::Object(mapped.clone()).fingerprint(),
        mapped,
        source: None,
        problem: None,
        target_version: None,
    }
}

/// Sixty entries: create, update, invalid, and so on.
async fn sixty(store: &Store) -> (SyncId, PlanId) {
    let sync = add_sync(store).await;
    let plan = plan(sync);
    let id = plan.id;
    store
        .write(move |tx| {
            plans::insert(tx, &plan)?;
            let actions = [PlanAction::Create, PlanAction::Update, PlanAction::Invalid];
            let entries: Vec<_> = actions
                .into_iter()
                .cycle()
                .zip(1..=60)
                .map(|(action, seq)| entry(seq, action))
                .collect();
            plans::append_entries(tx, id, &entries[..30])?;
            plans::append_entries(tx, id, &entries[30..])
        })
        .await
        .unwrap();
    (sync, id)
}

fn seqs(tx: &Transaction<'_>, id: PlanId, actions: &[PlanAction], text: &str) -> Vec<u32> {
    let filter = EntryFilter {
        actions: actions.to_vec(),
        text: text.into(),
    };
    plans::places(tx, id, &filter).unwrap()
}

#[tokio::test]
async fn a_plan_and_its_entries_come_back_as_they_were() {
    let store = in_memory();
    let sync = add_sync(&store).await;
    let mut plan = plan(sync);
    let mut odd = entry(1, PlanAction::Update);
    odd.fields = object(r#"{"amount":1.10}"#);
    odd.before = Some(object(r#"{"amount":9007199254740993}"#));
    odd.source = Some(Value::List(vec![Value::Null]));
    odd.problem = Some("the date is unclear".into());
    odd.target_version = Some("\"7\"".into());
    odd.is_included = false;
    store
        .write(move |tx| {
            plans::insert(tx, &plan)?;
            plans::append_entries(tx, plan.id, std::slice::from_ref(&odd))?;
            assert_eq!(plans::get_entry(tx, plan.id, 1)?, Some(odd));
            assert_eq!(plans::get_entry(tx, plan.id, 2)?, None);
            plan.state = PlanState::Ready;
            plan.note = Some("more than half would change".into());
            plan.checkpoint = Some(Checkpoint {
                version: 1,
                cursor: Some(serde_json::json!("2026-11-22")),
                position: None,
                mapping: Some("fingerprint".into()),
                ..Checkpoint::default()
            });
            plan.counts.read = 1;
            plan.counts.updated = 1;
            plans::update(tx, &plan)?;
            assert_eq!(plans::get(tx, plan.id)?, plan);
            assert_eq!(plans::list(tx, sync, 5)?, [plan.clone()]);
            assert_eq!(plans::mark_stale(tx, sync)?, 1);
            assert_eq!(plans::get(tx, plan.id)?.state, PlanState::Stale);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn filters_show_what_they_say_in_order() {
    let store = in_memory();
    let (_, id) = sixty(&store).await;
    store
        .write(move |tx| {
            let by = |actions: &[PlanAction], text: &str| seqs(tx, id, actions, text);
            assert_eq!(by(&[], ""), (1..=60).collect::<Vec<_>>());
            let updates: Vec<u32> = (2..=60).step_by(3).collect();
            assert_eq!(by(&[PlanAction::Update], ""), updates);
            // Ticked or not, an entry keeps its place.
            plans::set_included(tx, id, &[2, 5, 8], false)?;
            assert_eq!(by(&[PlanAction::Update], ""), updates);
            let without: Vec<u32> = (1..=60).filter(|seq| seq % 3 != 0).collect();
            assert_eq!(by(&[PlanAction::Update, PlanAction::Create], ""), without);
            assert_eq!(by(&[], "no. 42"), [42]);
            assert_eq!(by(&[], "t59"), [59]);
            assert_eq!(by(&[PlanAction::Create], "no. 2"), [22, 25, 28]);
            assert_eq!(by(&[], "a \"b\"").len(), 60);
            assert_eq!(by(&[], "%").len(), 0);
            assert_eq!(by(&[], "_").len(), 0);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn any_part_of_a_list_is_fetched_without_the_parts_before_it() {
    let store = in_memory();
    let (_, id) = sixty(&store).await;
    store
        .write(move |tx| {
            let updates = seqs(tx, id, &[PlanAction::Update], "");
            let part = plans::entries_at(tx, id, &updates[10..13])?;
            let found: Vec<u64> = part.iter().map(|entry| entry.seq).collect();
            assert_eq!(found, [32, 35, 38]);
            assert!(part.iter().all(|entry| entry.action == PlanAction::Update));
            // What has gone since is left out, and nothing else takes its place.
            plans::remove_entries_of(tx, id, &key("s35"))?;
            let part = plans::entries_at(tx, id, &updates[10..13])?;
            let found: Vec<u64> = part.iter().map(|entry| entry.seq).collect();
            assert_eq!(found, [32, 38]);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn only_ticked_creates_and_updates_are_applied() {
    let store = in_memory();
    let (_, id) = sixty(&store).await;
    store
        .write(move |tx| {
            assert_eq!(
                plans::set_all_included(tx, id, PlanAction::Create, false)?,
                20
            );
            plans::set_included(tx, id, &[1, 4], true)?;
            let counts = plans::counts_by_action(tx, id)?;
            let count = |total, included| ActionCount { total, included };
            assert_eq!(
                counts,
                HashMap::from([
                    (PlanAction::Create, count(20, 2)),
                    (PlanAction::Update, count(20, 20)),
                    (PlanAction::Invalid, count(20, 20)),
                ])
            );
            let mut applied: Vec<u64> = Vec::new();
            loop {
                let page = plans::included_changes_page(tx, id, applied.last().copied(), 5)?;
                if page.is_empty() {
                    break;
                }
                applied.extend(page.iter().map(|entry| entry.seq));
            }
            let mut expected: Vec<u64> = (2..=60).step_by(3).chain([1, 4]).collect();
            expected.sort_unstable();
            assert_eq!(applied, expected);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn old_plans_go_with_their_entries() {
    let store = in_memory();
    let (sync, first) = sixty(&store).await;
    store
        .write(move |tx| {
            let kept: Vec<Plan> = (0..2).map(|_| plan(sync)).collect();
            for plan in &kept {
                plans::insert(tx, plan)?;
                plans::append_entries(tx, plan.id, &[entry(1, PlanAction::Create)])?;
            }
            assert_eq!(plans::purge(tx, sync, 2)?, 1);
            plans::get(tx, first).unwrap_err();
            let n: i64 = tx.query_row("SELECT count(*) FROM plan_entries", [], |row| row.get(0))?;
            assert_eq!(n, 2);
            plans::discard(tx, kept[0].id)?;
            assert_eq!(plans::get(tx, kept[0].id)?.state, PlanState::Discarded);
            let n: i64 = tx.query_row("SELECT count(*) FROM plan_entries", [], |row| row.get(0))?;
            assert_eq!(n, 1);
            Ok(())
        })
        .await
        .unwrap();
}
