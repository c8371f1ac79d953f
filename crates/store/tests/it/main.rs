//! The store from outside: files, transactions, and what each table promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod bulk_jobs;
mod connectors;
mod documents;
mod history;
mod journal;
mod layout;
mod links;
mod opening;
mod plans;
mod runs;
mod shadows;
mod support;
mod unwritten;
mod writing;

/// A file of this folder that is not listed above would never run.
#[test]
fn every_file_is_registered() {
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            assert!(listed.contains(&format!("mod {module};")), "{name}");
        }
    }
}
