//! Who may know whom. A new edge is a decision: it is made here, in the table, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of our crates may depend on. Tests may also use [`FOR_TESTS`].
const ALLOWED: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("template", &["model"]),
    ("mapping", &["model", "template"]),
    ("connectors", &["model", "template"]),
    ("store", &["model"]),
    ("engine", &["model", "mapping", "connectors", "store"]),
    ("sandbox", &[]),
    (
        "api",
        &[
            "model",
            "mapping",
            "connectors",
            "store",
            "engine",
            "sandbox",
        ],
    ),
    ("cli", &["model", "api", "sandbox"]),
    ("desktop", &["model", "api"]),
    (
        "testkit",
        &[
            "model",
            "mapping",
            "connectors",
            "store",
            "engine",
            "sandbox",
            "api",
        ],
    ),
    ("xtask", &[]),
];

/// What only tests may use.
const FOR_TESTS: [&str; 2] = ["sandbox", "testkit"];

/// Crates of others that only some of ours may use: names, or beginnings of names with a `*`.
const KEPT_TO: [(&str, &[&str]); 10] = [
    ("tauri*", &["desktop"]),
    ("rusqlite", &["store"]),
    // The scripted browser of the sandbox; the bare client that the benchmarks compare with.
    ("reqwest", &["connectors", "sandbox", "testkit"]),
    ("oauth2", &["connectors"]),
    ("keyring*", &["connectors"]),
    ("zbus*", &["connectors"]),
    ("argon2", &["connectors"]),
    ("chacha20poly1305", &["connectors"]),
    ("ts-rs", &["model", "mapping", "api"]),
    ("clap", &["cli", "desktop"]),
];

struct Package {
    name: String,
    /// Name and kind (`normal`, `dev`, `build`).
    dependencies: Vec<(String, String)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let metadata: Value = serde_json::from_slice(&told.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| Package {
            name: package["name"].as_str().unwrap().to_owned(),
            dependencies: package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| {
                    let kind = edge["kind"].as_str().unwrap_or("normal");
                    (edge["name"].as_str().unwrap().to_owned(), kind.to_owned())
                })
                .collect(),
        })
        .collect()
}

#[test]
fn our_crates_depend_only_on_whom_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let packages = packages();
    let ours: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(
        ours,
        allowed.keys().copied().collect(),
        "a crate came or went: decide whom it may know"
    );
    for package in &packages {
        for (name, kind) in &package.dependencies {
            let may = !ours.contains(name.as_str())
                || allowed[package.name.as_str()].contains(&name.as_str())
                || (kind == "dev" && FOR_TESTS.contains(&name.as_str()));
            assert!(may, "{} may not depend on {name} ({kind})", package.name);
        }
    }
}

#[test]
fn what_is_kept_to_one_place_is_used_nowhere_else() {
    let mut used = BTreeSet::new();
    for package in packages() {
        for (name, kind) in &package.dependencies {
            for (pattern, places) in KEPT_TO {
                let fits = match pattern.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => name == pattern,
                };
                if fits {
                    assert!(
                        places.contains(&package.name.as_str()),
                        "{} may not use {name} ({kind})",
                        package.name
                    );
                    used.insert(pattern);
                }
            }
        }
    }
    let unused: Vec<&str> = KEPT_TO
        .iter()
        .map(|(pattern, _)| *pattern)
        .filter(|pattern| !used.contains(pattern))
        .collect();
    assert_eq!(unused, Vec::<&str>::new(), "nobody uses these any more");
}

#[test]
fn only_the_backend_module_of_the_window_knows_tauri() {
    let mut places = Vec::new();
    let mut folders = vec![root().join("ui/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| end == "ts" || end == "tsx")
            {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                if text.contains("@tauri-apps/") {
                    places.push(
                        path.strip_prefix(root())
                            .unwrap()
                            .display()
                            .to_string()
                            .replace('\\', "/"),
                    );
                }
            }
        }
    }
    assert!(files > 20, "only {files} files were looked at");
    assert_eq!(places, ["ui/src/api/backend.ts"]);
}
