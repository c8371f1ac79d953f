//! A Postino that does not know again what it was sent before: it takes no idempotency keys.

use std::path::Path;

use connectors::registry::BUILTIN;

/// Puts its connector file into a workspace that nobody has open, in the place of the usual one.
///
/// # Panics
/// When the usual one takes no keys either: then this is not another platform.
pub fn install(data_dir: &Path) {
    let (name, usual) = BUILTIN.iter().find(|(name, _)| *name == "postino").unwrap();
    let kept: Vec<&str> = usual
        .lines()
        .filter(|line| !line.trim_start().starts_with("idempotency_key:"))
        .collect();
    assert!(kept.len() < usual.lines().count());
    let folder = data_dir.join("connectors");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.yaml")), kept.join("\n")).unwrap();
}
