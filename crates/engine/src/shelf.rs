//! Which connectors there are: those that come along, files in the workspace's folder, and the person's own,
//! which are in the store. Later ones take the place of earlier ones of the same name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use connectors::declarative::manifest::Manifest;
use connectors::registry;
use store::Store;
use store::connectors::Head;

use crate::connector_files::{parse, tell_settings};
use crate::error::Result;

/// A connector and where it is from.
#[derive(Clone, Debug)]
pub struct Known {
    /// The connector.
    pub manifest: Arc<Manifest>,
    /// Where it is from.
    pub origin: Origin,
}

/// Where a connector is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It comes along.
    Builtin,
    /// A file in the workspace's folder `connectors`.
    Folder(PathBuf),
    /// The person's own, in this version.
    Own(u32),
}

/// An own connector that this build cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// The version that is used.
    pub version: u32,
    /// What is wrong with it.
    pub problem: String,
}

/// The connectors of a workspace.
#[derive(Debug)]
pub(crate) struct Shelf {
    fixed: Vec<Known>,
    own: RwLock<Own>,
}

#[derive(Clone, Debug, Default)]
struct Own {
    heads: Vec<Head>,
    known: Vec<Known>,
    broken: Vec<Broken>,
}

impl Shelf {
    /// With those that come along and the files of a folder. Files that cannot be read are left out; the
    /// second part says why.
    pub(crate) fn new(dir: Option<&Path>) -> (Self, Vec<String>) {
        let mut fixed: Vec<Known> = registry::builtin()
            .iter()
            .map(|manifest| Known {
                manifest: manifest.clone(),
                origin: Origin::Builtin,
            })
            .collect();
        let mut problems = Vec::new();
        for path in dir.map(connector_files).unwrap_or_default() {
            match Manifest::load(&path) {
                Ok(mut manifest) => {
                    if let Ok(text) = std::fs::read_to_string(&path) {
                        tell_settings(&mut manifest, &text);
                    }
                    fixed.retain(|known| known.manifest.name != manifest.name);
                    fixed.push(Known {
                        manifest: Arc::new(manifest),
                        origin: Origin::Folder(path),
                    });
                }
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
        let shelf = Self {
            fixed,
            own: RwLock::default(),
        };
        (shelf, problems)
    }

    /// Every connector.
    pub(crate) fn all(&self) -> Vec<Known> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        let is_own = |name: &str| own.heads.iter().any(|head| head.name == name);
        self.fixed
            .iter()
            .filter(|known| !is_own(&known.manifest.name))
            .chain(&own.known)
            .cloned()
            .collect()
    }

    /// The connector of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Known> {
        self.all()
            .into_iter()
            .find(|known| known.manifest.name == name)
    }

    /// Whether there is one of this name that is not the person's own.
    pub(crate) fn is_fixed(&self, name: &str) -> bool {
        self.fixed.iter().any(|known| known.manifest.name == name)
    }

    /// The one of this name that is not the person's own.
    pub(crate) fn fixed(&self, name: &str) -> Option<Known> {
        let mut fixed = self.fixed.iter();
        fixed.find(|known| known.manifest.name == name).cloned()
    }

    /// Own connectors that cannot be read.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        own.broken.clone()
    }

    /// Looks at the store again, which another process may have changed. Returns the names of the
    /// connectors that are now others than before.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<Vec<String>> {
        let heads = store.read(store::connectors::heads).await?;
        let before = {
            let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
            if own.heads == heads {
                return Ok(Vec::new());
            }
            own.clone()
        };
        let mut next = Own::default();
        let mut changed: Vec<String> = before
            .heads
            .iter()
            .filter(|head| !heads.iter().any(|now| now.name == head.name))
            .map(|head| head.name.clone())
            .collect();
        for head in heads {
            let same = |known: &Head| known.name == head.name && known.version == head.version;
            if before.heads.iter().any(same) {
                let of_it = |name: &str| name == head.name;
                next.known.extend(
                    before
                        .known
                        .iter()
                        .filter(|known| of_it(&known.manifest.name))
                        .cloned(),
                );
                next.broken.extend(
                    before
                        .broken
                        .iter()
                        .filter(|broken| of_it(&broken.name))
                        .cloned(),
                );
            } else {
                changed.push(head.name.clone());
                let (name, version) = (head.name.clone(), head.version);
                let text = store
                    .read(move |db| store::connectors::document(db, &name, version))
                    .await?;
                match parse(&head.name, &text) {
                    Ok(manifest) => next.known.push(Known {
                        manifest: Arc::new(manifest),
                        origin: Origin::Own(version),
                    }),
                    Err(error) => next.broken.push(Broken {
                        name: head.name.clone(),
                        version,
                        problem: error.to_string(),
                    }),
                }
            }
            next.heads.push(head);
        }
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(changed)
    }
}

/// `NAME/connector.yaml` and `NAME.yaml`, in the order of their names.
fn connector_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .map(|path| {
            if path.is_dir() {
                path.join("connector.yaml")
            } else {
                path
            }
        })
        .filter(|path| path.is_file())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
        })
        .collect();
    files.sort();
    files
}
