//! Where secrets are kept: the vault file, the record of the choice, and the real keychain.

use std::path::Path;
use std::process::Command;

use connectors::secrets::{BackendChoice, Keeper, KeeperOptions, Opened};
use connectors::{Error, Result};
use model::secret::Secret;

async fn open(dir: &Path, backend: BackendChoice) -> Result<Opened> {
    Keeper::open(KeeperOptions {
        dir: dir.to_owned(),
        backend,
        workspace_id: "ws".into(),
    })
    .await
}

fn key_file() -> BackendChoice {
    BackendChoice::Vault { passphrase: None }
}

fn passphrase(text: &str) -> BackendChoice {
    BackendChoice::Vault {
        passphrase: Some(Secret::new(text)),
    }
}

/// What stands after "the … cannot be used: ".
#[track_caller]
fn refused(error: Error) -> String {
    match error {
        Error::Secrets { reason, .. } => reason,
        other => panic!("not about secrets: {other}"),
    }
}

#[tokio::test]
async fn a_vault_gives_back_what_it_was_given_also_after_a_restart() {
    for (backend, name) in [
        (key_file(), "Vault file (key file)"),
        (passphrase("correct horse"), "Vault file (passphrase)"),
        (BackendChoice::Memory, "Memory (for tests)"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(dir.path(), backend.clone()).await.unwrap();
        assert_eq!(opened.backend_name, name);
        assert_eq!(opened.self_test.note, None);
        let keeper = opened.keeper;
        let long = "ø".repeat(50_000);
        keeper
            .put("connection/1", &Secret::new("one"))
            .await
            .unwrap();
        keeper
            .put("connection/1", &Secret::new("two \"quoted\"\n"))
            .await
            .unwrap();
        keeper
            .put("connection/2", &Secret::new(long.as_str()))
            .await
            .unwrap();
        let again = match backend {
            BackendChoice::Memory => keeper.clone(),
            backend => open(dir.path(), backend).await.unwrap().keeper,
        };
        assert_eq!(
            again.get("connection/1").await.unwrap(),
            Some(Secret::new("two \"quoted\"\n"))
        );
        assert_eq!(
            again.get("connection/2").await.unwrap(),
            Some(Secret::new(long))
        );
        assert_eq!(again.get("connection/3").await.unwrap(), None);
        again.delete("connection/1").await.unwrap();
        again.delete("connection/1").await.unwrap();
        assert_eq!(
            keeper.get("connection/1").await.unwrap(),
            None,
            "the other sees the newest"
        );
        let error = keeper
            .put("../../etc/passwd\n", &Secret::new("x"))
            .await
            .unwrap_err();
        assert!(refused(error).contains("is not the name of an entry"));
    }
}

#[tokio::test]
async fn nothing_in_the_folder_can_be_read_by_looking() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = open(dir.path(), key_file()).await.unwrap().keeper;
    keeper
        .put("connection/1", &Secret::new("canary-4711"))
        .await
        .unwrap();
    let key = keeper.database_key(false).await.unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("canary-4711"), "{path:?}");
        assert!(!text.contains(key.reveal()), "{path:?}");
    }
    assert!(!format!("{keeper:?}").contains("canary"));
}

#[tokio::test]
async fn a_wrong_passphrase_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let reason = refused(open(dir.path(), passphrase("")).await.unwrap_err());
    assert!(reason.contains("the passphrase is empty"), "{reason}");
    let keeper = open(dir.path(), passphrase("right")).await.unwrap().keeper;
    keeper
        .put("connection/1", &Secret::new("one"))
        .await
        .unwrap();
    let before = std::fs::read(dir.path().join("vault.bin")).unwrap();
    let reason = refused(open(dir.path(), passphrase("wrong")).await.unwrap_err());
    assert_eq!(
        reason,
        "the passphrase is wrong; try again, nothing was changed"
    );
    for (backend, expected) in [
        (
            BackendChoice::Auto,
            "it is protected by a passphrase; open it with that passphrase",
        ),
        (
            key_file(),
            "it is protected by a passphrase; open it with that passphrase",
        ),
        (
            BackendChoice::Keychain,
            "this workspace keeps its secrets in a vault file; leave the choice out, or begin a new workspace with the keychain",
        ),
    ] {
        assert_eq!(
            refused(open(dir.path(), backend).await.unwrap_err()),
            expected
        );
    }
    assert_eq!(std::fs::read(dir.path().join("vault.bin")).unwrap(), before);
    assert!(!dir.path().join("vault.key").exists());
    let keeper = open(dir.path(), passphrase("right")).await.unwrap().keeper;
    assert_eq!(
        keeper.get("connection/1").await.unwrap(),
        Some(Secret::new("one"))
    );
}

#[tokio::test]
async fn a_damaged_vault_is_refused_and_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.bin");
    let keeper = open(dir.path(), key_file()).await.unwrap().keeper;
    keeper
        .put("connection/1", &Secret::new("one"))
        .await
        .unwrap();
    let good = std::fs::read(&path).unwrap();
    let cut = good[..good.len() / 2].to_vec();
    let mut flipped = good.clone();
    flipped[90] ^= 1;
    let mut longer = good.clone();
    longer.push(0);
    let mut newer = good.clone();
    newer[8..10].copy_from_slice(&9_u16.to_le_bytes());
    for (bytes, expected) in [
        (Vec::new(), "is damaged"),
        (b"PBVAULT\0".to_vec(), "is damaged"),
        (
            b"not a vault at all, but long enough to be one, in a file of the right name".to_vec(),
            "is damaged",
        ),
        (cut, "is damaged"),
        (flipped, "is damaged"),
        (longer, "is damaged"),
        (
            newer,
            "has version 9 and this Patchbay reads up to 1; use the newer Patchbay",
        ),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        for result in [
            keeper.get("connection/1").await.map(|_| ()),
            keeper.put("connection/1", &Secret::new("two")).await,
            keeper.delete("connection/1").await,
            keeper.database_key(false).await.map(|_| ()),
            open(dir.path(), BackendChoice::Auto).await.map(|_| ()),
        ] {
            let reason = refused(result.unwrap_err());
            assert!(reason.contains(expected), "{reason}");
        }
        assert_eq!(
            std::fs::read(&path).unwrap(),
            bytes,
            "it was not written over"
        );
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(
        keeper.get("connection/1").await.unwrap(),
        Some(Secret::new("one"))
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_others_can_open_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("vault.key");
    let set = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    open(dir.path(), key_file()).await.unwrap();
    let mode = |name: &str| {
        let metadata = std::fs::metadata(dir.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("vault.key"), mode("vault.bin")), (0o600, 0o600));
    for wide in [0o644, 0o640, 0o604, 0o666] {
        set(wide);
        let reason = refused(open(dir.path(), BackendChoice::Auto).await.unwrap_err());
        assert!(
            reason.contains("others can open its key file") && reason.contains("chmod 600"),
            "{reason}"
        );
    }
    set(0o600);
    open(dir.path(), BackendChoice::Auto).await.unwrap();
    set(0o400);
    open(dir.path(), BackendChoice::Auto).await.unwrap();
}

#[tokio::test]
async fn a_missing_or_foreign_key_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("vault.key");
    open(dir.path(), key_file()).await.unwrap();
    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let reason = refused(open(dir.path(), BackendChoice::Auto).await.unwrap_err());
    assert!(
        reason.contains("is missing; restore it from a backup"),
        "{reason}"
    );
    assert!(!key.exists(), "no fresh key over an existing vault");
    for (text, expected) in [
        ("00".repeat(32), "does not belong to this vault"),
        ("hello".to_owned(), "64 hex digits expected"),
        (String::new(), "64 hex digits expected"),
    ] {
        write_private(&key, text.as_bytes());
        let reason = refused(open(dir.path(), BackendChoice::Auto).await.unwrap_err());
        assert!(reason.contains(expected), "{reason}");
        std::fs::remove_file(&key).unwrap();
    }
    write_private(&key, &right);
    open(dir.path(), BackendChoice::Auto).await.unwrap();
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).unwrap().write_all(bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), key_file()).await.unwrap().keeper;
    let second = open(dir.path(), BackendChoice::Auto).await.unwrap().keeper;
    let writers = [(first.clone(), "a"), (second, "b")].map(|(keeper, name)| {
        tokio::spawn(async move {
            for n in 0..25 {
                keeper
                    .put(&format!("{name}/{n}"), &Secret::new(format!("{name}{n}")))
                    .await
                    .unwrap();
                keeper.put("shared", &Secret::new(name)).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    for name in ["a", "b"] {
        for n in 0..25 {
            let found = first.get(&format!("{name}/{n}")).await.unwrap();
            assert_eq!(found, Some(Secret::new(format!("{name}{n}"))));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_their_first_start_agree_on_one_vault_and_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let dir = dir.path().to_owned();
            tokio::spawn(async move {
                let keeper = open(&dir, key_file()).await.unwrap().keeper;
                keeper.database_key(false).await.unwrap()
            })
        })
        .collect();
    let mut keys = Vec::new();
    for start in starts {
        keys.push(start.await.unwrap());
    }
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn the_databases_key_is_made_once_and_never_over_an_existing_database() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = open(dir.path(), key_file()).await.unwrap().keeper;
    let reason = refused(keeper.database_key(true).await.unwrap_err());
    assert!(
        reason.contains("the key of this database is not in it; restore vault.bin"),
        "{reason}"
    );
    let key = keeper.database_key(false).await.unwrap();
    assert_eq!(key.reveal().len(), 64);
    assert!(key.reveal().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(keeper.database_key(true).await.unwrap(), key);
    assert_eq!(keeper.database_key(false).await.unwrap(), key);

    keeper
        .put("database-key", &Secret::new("ab".repeat(32)))
        .await
        .unwrap();
    let reason = refused(keeper.database_key(true).await.unwrap_err());
    assert!(reason.contains("another database key"), "{reason}");
    assert!(!reason.contains("abab"), "{reason}");
    keeper
        .put("database-key", &Secret::new("nonsense"))
        .await
        .unwrap();
    let reason = refused(keeper.database_key(true).await.unwrap_err());
    assert!(reason.contains("is damaged"), "{reason}");
}

#[tokio::test]
async fn a_vault_that_is_gone_is_not_begun_anew_over_an_existing_database() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = open(dir.path(), key_file()).await.unwrap().keeper;
    keeper.database_key(false).await.unwrap();
    std::fs::remove_file(dir.path().join("vault.bin")).unwrap();
    let reason = refused(open(dir.path(), BackendChoice::Auto).await.unwrap_err());
    assert!(reason.contains("vault.bin is missing"), "{reason}");
    refused(keeper.database_key(true).await.unwrap_err());
    assert!(!dir.path().join("vault.bin").exists());

    // Even with nothing left that remembers: a database that exists gets no fresh key.
    std::fs::remove_file(dir.path().join("secrets.json")).unwrap();
    let keeper = open(dir.path(), key_file()).await.unwrap().keeper;
    refused(keeper.database_key(true).await.unwrap_err());
}

#[tokio::test]
async fn the_record_of_the_choice_is_believed_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.json");
    open(dir.path(), key_file()).await.unwrap();
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap(), @r#"
    {
      "version": 1,
      "place": "vault-with-key-file",
      "database_key": null
    }
    "#);
    for (text, expected) in [
        ("", "it is damaged"),
        ("{}", "it is damaged"),
        (r#"{"version":1,"place":"cloud"}"#, "it is damaged"),
        (
            r#"{"version":2,"place":"cloud"}"#,
            "written by a newer Patchbay",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let reason = refused(open(dir.path(), BackendChoice::Auto).await.unwrap_err());
        assert!(reason.contains(expected), "{text}: {reason}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::remove_file(&path).unwrap();
    let opened = open(dir.path(), BackendChoice::Auto).await.unwrap();
    assert_eq!(
        opened.backend_name, "Vault file (key file)",
        "the vault itself is record enough"
    );
}

#[cfg(target_os = "linux")]
mod keychain {
    use std::path::PathBuf;

    use super::*;

    const ROLE: &str = "PATCHBAY_TEST_KEYCHAIN";

    /// This test binary again, with another environment. Gives what it wrote.
    fn process(program: &str, arguments: &[&str], role: &str, home: &Path) -> (bool, String) {
        let output = Command::new(program)
            .args(arguments)
            .env(ROLE, role)
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_RUNTIME_DIR", home)
            .env("PATCHBAY_TEST_DIR", home.join("workspace"))
            .env("PATCHBAY_TEST_EXE", std::env::current_exe().unwrap())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env(
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={}/no-bus", home.display()),
            )
            .output()
            .unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.success(), text)
    }

    const ARGUMENTS: [&str; 3] = [
        "--exact",
        "secrets::keychain::another_process",
        "--nocapture",
    ];

    #[test]
    fn without_a_keychain_the_first_start_takes_the_vault_and_says_so() {
        let home = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        let (success, text) = process(
            exe.to_str().unwrap(),
            &ARGUMENTS,
            "no keychain",
            home.path(),
        );
        assert!(success, "{text}");
    }

    #[test]
    fn a_keychain_that_does_not_answer_later_is_an_error_and_no_silent_move() {
        let home = tempfile::tempdir().unwrap();
        let exe = std::env::current_exe().unwrap();
        let (success, text) = process(
            exe.to_str().unwrap(),
            &ARGUMENTS,
            "chosen and gone",
            home.path(),
        );
        assert!(success, "{text}");
    }

    #[test]
    fn a_real_secret_service_is_found_used_and_when_locked_an_error() {
        let found = |program: &str| {
            std::env::var_os("PATH").is_some_and(|path| {
                std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
            })
        };
        for program in ["dbus-run-session", "gnome-keyring-daemon"] {
            if !found(program) {
                crate::say(&format!("Skipped: {program} is not installed."));
                return;
            }
        }
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("data")).unwrap();
        let script = r#"printf '\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
            exec "$PATCHBAY_TEST_EXE" --exact secrets::keychain::another_process --nocapture"#;
        let (success, text) = process(
            "dbus-run-session",
            &["--", "sh", "-c", script],
            "keyring",
            home.path(),
        );
        assert!(success, "{text}");
        assert!(text.contains("1 passed"), "{text}");
    }

    /// Does nothing unless it was started by one of the above.
    #[tokio::test]
    async fn another_process() {
        let Ok(role) = std::env::var(ROLE) else {
            return;
        };
        let dir = PathBuf::from(std::env::var("PATCHBAY_TEST_DIR").unwrap());
        match role.as_str() {
            "no keychain" => no_keychain(&dir).await,
            "chosen and gone" => chosen_and_gone(&dir).await,
            "keyring" => keyring(&dir).await,
            other => panic!("{other}"),
        }
    }

    async fn no_keychain(dir: &Path) {
        let error = open(dir, BackendChoice::Keychain).await.unwrap_err();
        assert!(refused(error).contains("does not answer"));
        let opened = open(dir, BackendChoice::Auto).await.unwrap();
        assert_eq!(opened.backend_name, "Vault file (key file)");
        let note = opened.self_test.note.unwrap();
        assert!(note.contains("Secret Service cannot be used"), "{note}");
        assert!(
            note.ends_with("Secrets are kept in a vault file instead."),
            "{note}"
        );
        let opened = open(dir, BackendChoice::Auto).await.unwrap();
        assert_eq!(opened.self_test.note, None);
    }

    async fn chosen_and_gone(dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        let record = r#"{"version":1,"place":"keychain","database_key":"0123456789abcdef"}"#;
        std::fs::write(dir.join("secrets.json"), record).unwrap();
        for backend in [BackendChoice::Auto, BackendChoice::Keychain] {
            let reason = refused(open(dir, backend).await.unwrap_err());
            assert!(
                reason.contains("start or unlock it and try again"),
                "{reason}"
            );
        }
        let reason = refused(open(dir, key_file()).await.unwrap_err());
        assert!(
            reason.contains("keeps its secrets in the keychain"),
            "{reason}"
        );
        assert!(!dir.join("vault.bin").exists());
    }

    async fn keyring(dir: &Path) {
        let opened = open(dir, BackendChoice::Auto).await.unwrap();
        assert_eq!(
            opened.backend_name, "Secret Service (GNOME Keyring)",
            "{:?}",
            opened.self_test
        );
        assert_eq!(opened.self_test.note, None);
        assert!(!dir.join("vault.bin").exists());
        let keeper = opened.keeper;
        let long = "long ø token ".repeat(800);
        keeper
            .put("connection/1", &Secret::new("short"))
            .await
            .unwrap();
        keeper
            .put("connection/2", &Secret::new(long.as_str()))
            .await
            .unwrap();
        let key = keeper.database_key(false).await.unwrap();

        let keeper = open(dir, BackendChoice::Auto).await.unwrap().keeper;
        assert_eq!(
            keeper.get("connection/1").await.unwrap(),
            Some(Secret::new("short"))
        );
        assert_eq!(
            keeper.get("connection/2").await.unwrap(),
            Some(Secret::new(long))
        );
        assert_eq!(keeper.database_key(true).await.unwrap(), key);
        keeper.delete("connection/2").await.unwrap();
        assert_eq!(keeper.get("connection/2").await.unwrap(), None);
        let other = Keeper::open(KeeperOptions {
            dir: dir.join("other"),
            backend: BackendChoice::Keychain,
            workspace_id: "other".into(),
        });
        assert_eq!(
            other
                .await
                .unwrap()
                .keeper
                .get("connection/1")
                .await
                .unwrap(),
            None
        );

        tokio::task::spawn_blocking(lock_the_keyring).await.unwrap();
        let reason = refused(open(dir, BackendChoice::Auto).await.unwrap_err());
        assert!(reason.contains("unlock it and try again"), "{reason}");
        refused(keeper.get("connection/1").await.unwrap_err());
        refused(keeper.database_key(true).await.unwrap_err());
        assert!(!dir.join("vault.bin").exists(), "no silent move to a vault");
    }

    fn lock_the_keyring() {
        let bus = zbus::blocking::Connection::session().unwrap();
        let login =
            zbus::zvariant::ObjectPath::try_from("/org/freedesktop/secrets/collection/login")
                .unwrap();
        bus.call_method(
            Some("org.freedesktop.secrets"),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "Lock",
            &vec![login],
        )
        .unwrap();
    }
}
