//! What a run promises, call by call: a job and a store as they are, and a platform whose every call can be looked at,
//! answered, lost or never come back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod bench;
mod cut_off;
mod matching;
mod order;
mod outcomes;
mod platform;
mod references;
mod retries;
mod same;

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
