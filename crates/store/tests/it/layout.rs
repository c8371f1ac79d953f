//! The tables as they are: a change of them is a new migration, and shows here.

use store::{Connection, Store};

use crate::support::in_memory;

/// Tables, columns and indexes without comments and spaces.
fn describe(conn: &Connection) -> store::Result<String> {
    let mut statement = conn.prepare(
        r"SELECT type, name, coalesce(sql, '')
          FROM sqlite_schema
          WHERE name NOT LIKE 'sqlite_%'
          ORDER BY tbl_name, type DESC, name",
    )?;
    let mut rows = statement.query([])?;
    let mut out = String::new();
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sql: Vec<&str> = sql
            .lines()
            .flat_map(|line| line.split("--").next().unwrap().split_whitespace())
            .collect();
        let sql = sql.join(" ");
        if kind == "table" {
            assert!(sql.contains("STRICT"), "{name} is not STRICT");
        }
        out.push_str(&sql.replace(", ", ",\n    "));
        out.push_str("\n\n");
    }
    Ok(out)
}

async fn pragma(store: &Store, is_history: bool, name: &'static str) -> String {
    let read = move |conn: &Connection| {
        let value = conn.query_row(&format!("PRAGMA {name}"), [], |row| {
            row.get::<_, i64>(0)
                .map(|n| n.to_string())
                .or_else(|_| row.get(0))
        })?;
        Ok(value)
    };
    if is_history {
        store.write_history(move |tx| read(tx)).await.unwrap()
    } else {
        store.write(move |tx| read(tx)).await.unwrap()
    }
}

#[tokio::test]
async fn the_layout_of_patchbay_db() {
    let text = in_memory().read(describe).await.unwrap();
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_layout_of_history_db() {
    let text = in_memory().read_history(describe).await.unwrap();
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn files_are_set_up_as_promised() {
    let dir = tempfile::tempdir().unwrap();
    let store = crate::support::open(dir.path()).store;
    for (is_history, synchronous, version) in [(false, "2", "10"), (true, "1", "4")] {
        for (name, value) in [
            ("journal_mode", "wal"),
            ("auto_vacuum", "2"),
            ("foreign_keys", "1"),
            ("temp_store", "2"),
            ("synchronous", synchronous),
            ("user_version", version),
            ("application_id", "1346527609"),
        ] {
            assert_eq!(pragma(&store, is_history, name).await, value, "{name}");
        }
    }
}
