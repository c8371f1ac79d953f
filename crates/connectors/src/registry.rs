//! Which connectors there are: those that come with Patchbay, and files of the user.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::declarative::manifest::Manifest;
use crate::{Error, Result};

/// The connectors that come with Patchbay: name and file.
pub const BUILTIN: &[(&str, &str)] = &[
    ("harbor", include_str!("../manifests/harbor/connector.yaml")),
    (
        "postino",
        include_str!("../manifests/postino/connector.yaml"),
    ),
];

/// The JSON schema of connector files, for editors.
pub const SCHEMA: &str = include_str!("../schema/connector.schema.json");

static LOADED: LazyLock<Vec<Arc<Manifest>>> = LazyLock::new(|| {
    BUILTIN
        .iter()
        .filter_map(|(name, text)| match Manifest::parse(name, text) {
            Ok(manifest) => Some(Arc::new(manifest)),
            Err(error) => {
                // A test reads every one of them; this cannot happen in a build that passed.
                tracing::error!(%error, connector = name, "a connector that comes along is broken");
                None
            }
        })
        .collect()
});

/// The connectors that come with Patchbay.
pub fn builtin() -> &'static [Arc<Manifest>] {
    &LOADED
}

/// The connector that comes with Patchbay under this name.
pub fn find(name: &str) -> Result<Arc<Manifest>> {
    builtin()
        .iter()
        .find(|manifest| manifest.name == name)
        .cloned()
        .ok_or_else(|| Error::Misconfigured {
            what: "the connection".into(),
            place: "connector".into(),
            problem: format!("there is no connector `{name}`"),
            expected: format!(
                "one of {}",
                builtin()
                    .iter()
                    .map(|manifest| manifest.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        })
}

/// Reads a connector file of the user.
pub fn load(path: &Path) -> Result<Arc<Manifest>> {
    Manifest::load(path).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connector_that_comes_along_can_be_read() {
        for (name, text) in BUILTIN {
            if let Err(error) = Manifest::parse(name, text) {
                panic!("{error}");
            }
        }
        assert_eq!(builtin().len(), BUILTIN.len());
    }
}
