//! Connector files of the person's own: versions, going back, deleting.

use model::ids::ConnectionId;
use serde_json::json;
use store::connections::{self, Connection, ConnectionState};
use store::{Error, connectors};

use crate::support::{NOW, in_memory};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn each_save_is_a_version_and_any_of_them_can_be_used_again() {
    let store = in_memory();
    store
        .write(|tx| {
            assert_eq!(connectors::save(tx, "crm", "one", "pasted", NOW)?, 1);
            assert_eq!(connectors::save(tx, "crm", "two", "edited", NOW + 1)?, 2);
            assert_eq!(connectors::get(tx, "crm")?.document, "two");

            connectors::use_version(tx, "crm", 1, NOW + 2)?;
            let used = connectors::get(tx, "crm")?;
            assert_eq!((used.version, used.document.as_str()), (1, "one"));
            // What comes after is never written over.
            assert_eq!(connectors::save(tx, "crm", "three", "edited", NOW + 3)?, 3);
            assert_eq!(connectors::document(tx, "crm", 2)?, "two");

            let versions: Vec<_> = connectors::versions(tx, "crm")?
                .into_iter()
                .map(|version| (version.version, version.origin))
                .collect();
            let expected = [(3, "edited"), (2, "edited"), (1, "pasted")];
            assert_eq!(versions, expected.map(|(n, origin)| (n, origin.to_owned())));
            for missing in [0, 4] {
                connectors::use_version(tx, "crm", missing, NOW).unwrap_err();
                connectors::document(tx, "crm", missing).unwrap_err();
            }
            assert_eq!(connectors::heads(tx)?[0].version, 3);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_deleted_connector_comes_back_with_its_versions() {
    let store = in_memory();
    store
        .write(|tx| {
            connectors::save(tx, "crm", "one", "pasted", NOW)?;
            connectors::delete(tx, "crm", NOW)?;
            assert!(matches!(
                connectors::get(tx, "crm"),
                Err(Error::NotFound {
                    what: "connector",
                    ..
                })
            ));
            assert_eq!(connectors::list(tx)?, []);
            connectors::delete(tx, "crm", NOW).unwrap_err();
            connectors::use_version(tx, "crm", 1, NOW).unwrap_err();

            connectors::restore(tx, "crm", NOW + 1)?;
            connectors::restore(tx, "crm", NOW + 1).unwrap_err();
            assert_eq!(connectors::list(tx)?.len(), 1);

            // Adding it again is the other way back.
            connectors::delete(tx, "crm", NOW)?;
            assert_eq!(connectors::save(tx, "crm", "two", "a file", NOW + 2)?, 2);
            assert_eq!(connectors::get(tx, "crm")?.document, "two");
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connector_is_kept_as_long_as_a_connection_is_made_with_it() {
    let store = in_memory();
    store
        .write(|tx| {
            for name in ["used", "unused"] {
                connectors::save(tx, name, "one", "pasted", NOW)?;
                connectors::delete(tx, name, NOW)?;
            }
            let connection = Connection {
                id: ConnectionId::new(),
                name: "Mine".into(),
                connector: "used".into(),
                auth: "settings".into(),
                config: json!({}),
                account: None,
                state: ConnectionState::Untested,
                created_at: NOW,
                updated_at: NOW,
            };
            connections::insert(tx, &connection)?;
            assert_eq!(connectors::purge(tx, NOW + 30 * DAY)?, [""; 0]);
            assert_eq!(connectors::purge(tx, NOW + 30 * DAY + 1)?, ["unused"]);
            connectors::restore(tx, "used", NOW)?;
            Ok(())
        })
        .await
        .unwrap();
}
