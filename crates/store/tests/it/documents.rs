//! Connections, syncs and settings: what a person set up.

use model::ids::{ConnectionId, SyncId};
use serde_json::json;
use store::connections::{Account, Connection, ConnectionState, UsedBy};
use store::{Error, connections, settings, syncs};

use crate::support::{NOW, document, in_memory, link};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn connection(name: &str) -> Connection {
    Connection {
        id: ConnectionId::new(),
        name: name.into(),
        connector: "harbor-crm".into(),
        auth: "oauth".into(),
        config: json!({ "region": "eu", "page_size": 100, "odd": [null, 1.5] }),
        account: None,
        state: ConnectionState::Untested,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[tokio::test]
async fn a_connection_comes_back_as_it_was() {
    let store = in_memory();
    let mut expected = connection("CRM");
    let first = expected.clone();
    store
        .write(move |tx| connections::insert(tx, &first))
        .await
        .unwrap();
    for state in [
        ConnectionState::Connected,
        ConnectionState::SignInNeeded {
            reason: "the grant was revoked".into(),
        },
    ] {
        expected.name = "Renamed".into();
        expected.account = Some(Account {
            id: "42".into(),
            label: "ada@example.com".into(),
        });
        expected.state = state;
        expected.updated_at += 1;
        let next = expected.clone();
        let stored = store
            .write(move |tx| {
                connections::update(tx, &next)?;
                connections::get(tx, next.id)
            })
            .await
            .unwrap();
        assert_eq!(stored, expected);
    }
    let id = expected.id;
    expected.state = ConnectionState::Untested;
    let stored = store
        .write(move |tx| {
            connections::set_state(tx, id, &ConnectionState::Untested, expected.updated_at)?;
            connections::list(tx)
        })
        .await
        .unwrap();
    assert_eq!(stored, [expected]);
}

#[tokio::test]
async fn a_deleted_connection_can_be_restored_for_thirty_days() {
    let store = in_memory();
    let (kept, used) = (connection("kept"), connection("used"));
    let (kept_id, used_id) = (kept.id, used.id);
    store
        .write(move |tx| {
            connections::insert(tx, &kept)?;
            connections::insert(tx, &used)?;
            let sync = document("still there", used_id, ConnectionId::new());
            syncs::insert(tx, SyncId::new(), &sync, NOW)?;
            for id in [kept_id, used_id] {
                connections::delete(tx, id, NOW)?;
                assert!(matches!(
                    connections::get(tx, id),
                    Err(Error::NotFound {
                        what: "connection",
                        ..
                    })
                ));
                connections::delete(tx, id, NOW).unwrap_err();
            }
            assert_eq!(connections::list(tx)?, []);
            assert_eq!(connections::list_deleted(tx)?.len(), 2);

            assert_eq!(connections::purge(tx, NOW + 30 * DAY)?, []);
            connections::restore(tx, kept_id, NOW)?;
            connections::get(tx, kept_id)?;
            connections::restore(tx, kept_id, NOW).unwrap_err();

            connections::delete(tx, kept_id, NOW)?;
            let purged = connections::purge(tx, NOW + 30 * DAY + 1)?;
            assert_eq!(purged, [kept_id], "the other one is part of a sync");
            connections::restore(tx, kept_id, NOW).unwrap_err();
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connection_knows_the_syncs_that_use_it() {
    let store = in_memory();
    let (a, b, c) = (
        ConnectionId::new(),
        ConnectionId::new(),
        ConnectionId::new(),
    );
    let (first, second) = (SyncId::new(), SyncId::new());
    store
        .write(move |tx| {
            syncs::insert(tx, first, &document("second by name", a, b), NOW)?;
            syncs::insert(tx, second, &document("First by name", b, a), NOW)?;
            let names = |id| -> store::Result<Vec<String>> {
                let users = connections::used_by(tx, id)?;
                Ok(users.into_iter().map(|user| user.name).collect())
            };
            assert_eq!(names(a)?, ["First by name", "second by name"]);
            assert_eq!(names(c)?, [""; 0]);
            syncs::publish(tx, first, &document("moved", c, b), NOW)?;
            assert_eq!(
                connections::used_by(tx, c)?,
                [UsedBy {
                    sync: first,
                    name: "moved".into()
                }]
            );
            syncs::delete(tx, second, NOW)?;
            assert_eq!(names(a)?, [""; 0]);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_draft_does_not_run_until_it_is_published() {
    let store = in_memory();
    let id = SyncId::new();
    let (source, target) = (ConnectionId::new(), ConnectionId::new());
    store
        .write(move |tx| {
            let first = document("first", source, target);
            let second = document("second", source, target);
            syncs::insert(tx, id, &first, NOW)?;
            syncs::save_draft(tx, id, Some(&second), NOW + 1)?;
            let stored = syncs::get(tx, id)?;
            assert_eq!((&stored.document, stored.version), (&first, 1));
            assert_eq!(stored.draft.as_ref(), Some(&second));
            assert!(!stored.is_enabled);

            syncs::set_enabled(tx, id, true, NOW + 2)?;
            assert_eq!(syncs::publish(tx, id, &second, NOW + 3)?, 2);
            let stored = syncs::get(tx, id)?;
            assert_eq!((&stored.document, stored.version), (&second, 2));
            assert_eq!(stored.draft, None);
            assert!(stored.is_enabled);
            assert_eq!((stored.created_at, stored.updated_at), (NOW, NOW + 3));

            let versions: Vec<_> = syncs::versions(tx, id)?
                .into_iter()
                .map(|version| (version.version, version.document.name))
                .collect();
            assert_eq!(versions, [(2, "second".into()), (1, "first".into())]);
            assert_eq!(syncs::version(tx, id, 1)?, first);
            syncs::version(tx, id, 3).unwrap_err();
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_purged_sync_leaves_nothing_behind() {
    let store = in_memory();
    let (gone, stays) = (SyncId::new(), SyncId::new());
    store
        .write(move |tx| {
            for id in [gone, stays] {
                let sync = document("s", ConnectionId::new(), ConnectionId::new());
                syncs::insert(tx, id, &sync, NOW)?;
                store::links::upsert_many(tx, id, &[link("a", "b", "{}")])?;
                store::runs::insert(tx, &crate::support::run(id))?;
                store::checkpoints::advance(tx, id, &model::cursor::Checkpoint::default())?;
            }
            syncs::delete(tx, gone, NOW)?;
            assert_eq!(syncs::list(tx)?.len(), 1);
            assert_eq!(syncs::list_deleted(tx)?.len(), 1);
            // Until then its links are kept: it goes on where it stopped.
            assert_eq!(store::links::count(tx, gone)?, 1);
            assert_eq!(syncs::purge(tx, NOW + 30 * DAY)?, []);
            assert_eq!(syncs::purge(tx, NOW + 30 * DAY + 1)?, [gone]);
            for table in ["links", "shadows", "runs", "checkpoints", "sync_versions"] {
                let n: i64 = tx.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                    row.get(0)
                })?;
                assert_eq!(n, 1, "{table}");
            }
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn purging_tells_whose_secrets_can_go_and_gives_the_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = crate::support::options(dir.path(), "a7");
    let clock = options.clock.clone();
    let store = store::Store::open(options).unwrap().store;
    let (source, sync) = (connection("source"), SyncId::new());
    let source_id = source.id;
    store
        .write(move |tx| {
            connections::insert(tx, &source)?;
            let document = document("s", source.id, source.id);
            syncs::insert(tx, sync, &document, NOW)?;
            let wide = format!(r#"{{"text":"{}"}}"#, "x".repeat(5_000));
            let links: Vec<_> = (0..500).map(|n| link(n, n, &wide)).collect();
            store::links::upsert_many(tx, sync, &links)?;
            connections::delete(tx, source.id, NOW)?;
            syncs::delete(tx, sync, NOW)
        })
        .await
        .unwrap();
    let before = store.sizes().await.unwrap();
    assert_eq!(store.purge_deleted().await.unwrap(), []);
    clock.advance(30 * DAY + 1);
    assert_eq!(store.purge_deleted().await.unwrap(), [source_id]);
    let after = store.sizes().await.unwrap();
    assert_eq!(after.free_bytes, 0);
    assert!(after.main_bytes < before.main_bytes / 4, "{after:?}");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_does_not_hide_the_others() {
    let store = in_memory();
    let (good, bad) = (SyncId::new(), SyncId::new());
    store
        .write(move |tx| {
            for id in [good, bad] {
                let sync = document("s", ConnectionId::new(), ConnectionId::new());
                syncs::insert(tx, id, &sync, NOW)?;
            }
            tx.execute(
                r#"UPDATE sync_versions
                   SET document = '{"name":"from the future"}'
                   WHERE sync_no = (SELECT sync_no FROM syncs WHERE id = ?1)"#,
                [bad.to_bytes()],
            )?;
            let listed: Vec<SyncId> = syncs::list(tx)?.into_iter().map(|sync| sync.id).collect();
            assert_eq!(listed, [good]);
            let error = syncs::get(tx, bad).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_setting_is_replaced_and_forgotten() {
    let store = in_memory();
    store
        .write(|tx| {
            assert_eq!(settings::get::<String>(tx, "theme")?, None);
            settings::put(tx, "theme", &"dark")?;
            settings::put(tx, "theme", &"light")?;
            assert_eq!(
                settings::get::<String>(tx, "theme")?.as_deref(),
                Some("light")
            );
            let error = settings::get::<u64>(tx, "theme").unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
            settings::delete(tx, "theme")?;
            assert_eq!(settings::get::<String>(tx, "theme")?, None);
            Ok(())
        })
        .await
        .unwrap();
}
