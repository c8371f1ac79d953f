//! Postinos that are not like the usual one: one that does not know again what it was sent before, because it takes no
//! idempotency keys, and one that takes few records at a time.

use std::path::Path;

use connectors::registry::BUILTIN;

/// Puts the connector file of one that takes no keys into a workspace that nobody has open, in the place of the usual
/// one.
///
/// # Panics
/// When the usual one takes no keys either: then this is not another platform.
pub fn install(data_dir: &Path) {
    put(data_dir, &without_keys(usual()));
}

/// The same of one that takes ten records at a time.
///
/// # Panics
/// When the usual one takes so few itself.
pub fn install_small_batches(data_dir: &Path) {
    put(data_dir, &with_small_batches(usual()));
}

/// The same of one that takes no keys, and ten records at a time.
///
/// # Panics
/// As both.
pub fn install_forgetful_small_batches(data_dir: &Path) {
    put(data_dir, &with_small_batches(&without_keys(usual())));
}

fn usual() -> &'static str {
    let (_, usual) = BUILTIN.iter().find(|(name, _)| *name == NAME).unwrap();
    usual
}

fn without_keys(file: &str) -> String {
    let kept: Vec<&str> = file
        .lines()
        .filter(|line| !line.trim_start().starts_with("idempotency_key:"))
        .collect();
    assert!(kept.len() < file.lines().count());
    kept.join("\n")
}

fn with_small_batches(file: &str) -> String {
    let small = file.replace("          size: 100\n", "          size: 10\n");
    assert!(small != file);
    small
}

fn put(data_dir: &Path, file: &str) {
    let folder = data_dir.join("connectors");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{NAME}.yaml")), file).unwrap();
}

const NAME: &str = "postino";
