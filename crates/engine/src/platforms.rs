//! The platforms of a workspace: one client for each connection, shared by runs, previews and tests, so
//! that limits and circuit breakers are kept once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use connectors::auth::{ConnectionSigner, Patience, SignerOptions};
use connectors::declarative::auth_spec::AuthMethod;
use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::secrets::Keeper;
use connectors::{Access, Source, StreamDescription};
use connectors::{http, registry};
use model::clock::Clock;
use model::ids::ConnectionId;
use store::Store;

use crate::error::{Error, Result};

/// Builds platforms and keeps them.
pub struct Platforms {
    store: Store,
    keeper: Keeper,
    clock: Clock,
    connectors: Vec<Arc<Manifest>>,
    open: Mutex<HashMap<ConnectionId, Opened>>,
    descriptions: Mutex<HashMap<(ConnectionId, String), StreamDescription>>,
}

#[derive(Clone)]
struct Opened {
    platform: Arc<Platform>,
    client: http::Client,
}

impl Platforms {
    /// With the connectors that come along and those in `connectors_dir`. Files that cannot be read
    /// are left out; the second part says why.
    pub(crate) fn new(
        store: Store,
        keeper: Keeper,
        clock: Clock,
        connectors_dir: Option<&Path>,
    ) -> (Self, Vec<String>) {
        let mut connectors = registry::builtin().to_vec();
        let mut problems = Vec::new();
        for path in connectors_dir.map(connector_files).unwrap_or_default() {
            match registry::load(&path) {
                Ok(manifest) => {
                    // A person's own file takes the place of one that comes along.
                    connectors.retain(|known| known.name != manifest.name);
                    connectors.push(manifest);
                }
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
        let platforms = Self {
            store,
            keeper,
            clock,
            connectors,
            open: Mutex::default(),
            descriptions: Mutex::default(),
        };
        (platforms, problems)
    }

    /// The connectors that are here.
    pub fn connectors(&self) -> &[Arc<Manifest>] {
        &self.connectors
    }

    /// The connector of this name.
    pub fn connector(&self, name: &str) -> Option<Arc<Manifest>> {
        self.connectors
            .iter()
            .find(|manifest| manifest.name == name)
            .cloned()
    }

    /// The connector that a connection needs.
    pub fn manifest(&self, connection: ConnectionId, connector: &str) -> Result<Arc<Manifest>> {
        self.connector(connector)
            .ok_or_else(|| Error::ConnectorMissing {
                connection,
                connector: connector.to_owned(),
            })
    }

    /// The platform behind a stored connection.
    pub async fn get(&self, connection: ConnectionId) -> Result<Arc<Platform>> {
        Ok(self.opened(connection).await?.platform)
    }

    /// The state of a connection's circuit breaker, if it was used since the start.
    pub fn breaker(&self, connection: ConnectionId) -> Option<http::breaker::BreakerView> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&connection).map(|opened| opened.client.breaker())
    }

    async fn opened(&self, connection: ConnectionId) -> Result<Opened> {
        if let Some(opened) = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&connection)
        {
            return Ok(opened.clone());
        }
        let stored = self
            .store
            .read(move |db| store::connections::get(db, connection))
            .await?;
        let opened = self.build(
            connection,
            &stored.connector,
            &stored.name,
            &stored.auth,
            &stored.config,
        )?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster: then theirs is the one, with its limits.
        Ok(open.entry(connection).or_insert(opened).clone())
    }

    fn build(
        &self,
        connection: ConnectionId,
        connector: &str,
        name: &str,
        auth: &str,
        config: &serde_json::Value,
    ) -> Result<Opened> {
        let manifest = self.manifest(connection, connector)?;
        let method = method(&manifest, auth, config)?;
        let signer = ConnectionSigner::new(SignerOptions {
            keeper: self.keeper.clone(),
            connection,
            platform: name.to_owned(),
            method,
            clock: self.clock.clone(),
            patience: Patience::USUAL,
        });
        let client = http::Client::new(name, http::Limits::default(), self.clock.clone())?;
        let platform = Platform::new(
            manifest,
            config.clone(),
            Arc::new(signer),
            client.clone(),
            self.clock.clone(),
        );
        Ok(Opened {
            platform: Arc::new(platform),
            client,
        })
    }

    /// A platform that is not stored yet, to try a sign-in.
    pub(crate) fn trial(
        &self,
        connection: ConnectionId,
        connector: &str,
        name: &str,
        auth: &str,
        config: &serde_json::Value,
    ) -> Result<Arc<Platform>> {
        Ok(self
            .build(connection, connector, name, auth, config)?
            .platform)
    }

    /// Forgets what is kept of a connection: its settings or its sign-in changed.
    pub fn forget(&self, connection: ConnectionId) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&connection);
        self.descriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(of, _), _| *of != connection);
    }

    pub(crate) fn remember(&self, connection: ConnectionId, stream: &StreamDescription) {
        self.descriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((connection, stream.name.clone()), stream.clone());
    }

    /// A stream as last seen, or as the platform now says.
    pub async fn describe(
        &self,
        connection: ConnectionId,
        stream: &str,
    ) -> Result<StreamDescription> {
        let kept = self
            .descriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(connection, stream.to_owned()))
            .cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let platform = self.get(connection).await?;
        let described = Source::describe(&*platform, stream, &Access::unattended()).await?;
        self.remember(connection, &described);
        Ok(described)
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

/// One of a connector's ways to sign in, with the connection's settings filled in.
pub(crate) fn method(
    manifest: &Manifest,
    name: &str,
    config: &serde_json::Value,
) -> Result<AuthMethod> {
    let method = manifest.auth_method(name).ok_or_else(|| {
        Error::Refused(format!(
            "the connector \"{}\" has no way to sign in called \"{name}\"; it has {}",
            &manifest.platform.name,
            manifest
                .auth
                .iter()
                .map(|method| method.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ))
    })?;
    Ok(method.resolve(config)?)
}

/// Keeps the keychain entries of workspaces apart: made once, then read.
pub(crate) fn workspace_id(data_dir: &Path) -> Result<String> {
    let refuse = |error: std::io::Error| {
        Error::Refused(format!(
            "the data folder {} cannot be used: {error}; check its permissions and the space on the disk",
            data_dir.display()
        ))
    };
    std::fs::create_dir_all(data_dir).map_err(refuse)?;
    let path = data_dir.join("workspace-id");
    if let Ok(text) = std::fs::read_to_string(&path)
        && !text.trim().is_empty()
    {
        return Ok(text.trim().to_owned());
    }
    let id = uuid::Uuid::now_v7().to_string();
    // Two processes may start at once: whoever creates the file has named the workspace.
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
    {
        Ok(mut file) => {
            std::io::Write::write_all(&mut file, id.as_bytes()).map_err(refuse)?;
            file.sync_all().map_err(refuse)?;
            Ok(id)
        }
        Err(_) => {
            let text = std::fs::read_to_string(&path).map_err(refuse)?;
            Ok(text.trim().to_owned())
        }
    }
}
