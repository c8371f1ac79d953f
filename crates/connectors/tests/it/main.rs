//! Everything of this crate that is seen from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod browsers;
mod changes;
mod declarative;
mod deleted;
mod documents;
mod doors;
mod file_auth;
mod files;
mod grants;
mod http;
mod jobs;
mod late;
mod misbehaving;
mod oauth;
mod odd_server;
mod parts;
mod reach;
mod refresh;
mod resume;
mod secrets;
mod sign_in;
mod signers;
mod signing;
mod validate;
mod writes;
mod writes_bulk;
mod writes_many;

#[test]
fn every_file_is_registered() {
    let main = include_str!("main.rs");
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") {
            assert!(
                main.contains(&format!("mod {module};")),
                "tests/it/{name} is not part of the binary"
            );
        }
    }
}

/// Why a test could not run here, for whoever reads its output.
#[expect(clippy::print_stdout, reason = "the test runner shows it")]
pub(crate) fn say(reason: &str) {
    println!("{reason}");
}
