//! The platforms of a workspace: one client for each connection, shared by runs, previews and tests, so
//! that limits and circuit breakers are kept once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use connectors::auth::{ConnectionSigner, Patience, SignerOptions};
use connectors::declarative::auth_spec::{AuthKind, AuthMethod};
use connectors::declarative::authenticators::ConfigKeeper;
use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::http;
use connectors::secrets::Keeper;
use connectors::{Access, Source, StreamDescription};
use model::clock::Clock;
use model::ids::ConnectionId;
use store::Store;

use crate::advanced_auth::{self, AdvancedAuth};
use crate::error::{Error, Result};
use crate::settings::{self, Kept, Secrets};
use crate::shelf::{Broken, Known, Shelf};

/// The way to sign in of a connector whose settings are all that it needs.
pub const BY_SETTINGS: &str = "settings";

/// Builds platforms and keeps them.
pub struct Platforms {
    store: Store,
    keeper: Keeper,
    clock: Clock,
    shelf: Shelf,
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
        let (shelf, problems) = Shelf::new(connectors_dir);
        let platforms = Self {
            store,
            keeper,
            clock,
            shelf,
            open: Mutex::default(),
            descriptions: Mutex::default(),
        };
        (platforms, problems)
    }

    /// The connectors that are here.
    pub fn connectors(&self) -> Vec<Known> {
        self.shelf.all()
    }

    /// The person's own connectors that this build cannot read.
    pub fn broken_connectors(&self) -> Vec<Broken> {
        self.shelf.broken()
    }

    /// The connector of this name, with where it is from.
    pub fn known(&self, name: &str) -> Option<Known> {
        self.shelf.find(name)
    }

    /// The connector of this name.
    pub fn connector(&self, name: &str) -> Option<Arc<Manifest>> {
        self.known(name).map(|known| known.manifest)
    }

    /// Whether there is a connector of this name besides the person's own.
    pub fn comes_along(&self, name: &str) -> bool {
        self.shelf.is_fixed(name)
    }

    pub(crate) fn fixed(&self, name: &str) -> Option<Known> {
        self.shelf.fixed(name)
    }

    /// Takes up what became of the person's own connectors, also in another process. What was open by an
    /// older version is opened again when it is needed next.
    pub async fn refresh(&self) -> Result<Vec<String>> {
        let changed = self.shelf.refresh(&self.store).await?;
        if !changed.is_empty() {
            let mut gone = Vec::new();
            self.open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|connection, opened| {
                    let stays = !changed.contains(&opened.platform.manifest().name);
                    if !stays {
                        gone.push(*connection);
                    }
                    stays
                });
            self.descriptions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|(connection, _), _| !gone.contains(connection));
        }
        Ok(changed)
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
        self.refresh().await?;
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
        let manifest = self.manifest(connection, &stored.connector)?;
        let opened = self.stored(&stored, manifest).await?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster: then theirs is the one, with its limits.
        Ok(open.entry(connection).or_insert(opened).clone())
    }

    /// A stored connection by a connector file that may be another than the one in use.
    pub(crate) async fn by_draft(
        &self,
        connection: &store::connections::Connection,
        manifest: Arc<Manifest>,
    ) -> Result<Arc<Platform>> {
        Ok(self.stored(connection, manifest).await?.platform)
    }

    async fn stored(
        &self,
        connection: &store::connections::Connection,
        manifest: Arc<Manifest>,
    ) -> Result<Opened> {
        let secrets = match settings::has_references(&connection.config) {
            true => settings::load(&self.keeper, connection.id).await?,
            false => Secrets::new(),
        };
        let config = settings::join(&connection.config, &secrets);
        let kept = Kept {
            store: self.store.clone(),
            keeper: self.keeper.clone(),
            connection: connection.id,
            specification: specification(&manifest),
        };
        self.build(
            connection.id,
            manifest,
            &connection.name,
            &connection.auth,
            &config,
            Arc::new(kept),
        )
    }

    fn build(
        &self,
        connection: ConnectionId,
        manifest: Arc<Manifest>,
        name: &str,
        auth: &str,
        config: &serde_json::Value,
        keeps: Arc<dyn ConfigKeeper>,
    ) -> Result<Opened> {
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
        let (_, secrets) = settings::split(&specification(&manifest), config);
        client.hide(settings::texts(&secrets));
        let platform = Platform::new(
            manifest,
            config.clone(),
            Arc::new(signer),
            client.clone(),
            self.clock.clone(),
        )
        .keeping_config_with(keeps);
        Ok(Opened {
            platform: Arc::new(platform),
            client,
        })
    }

    /// A platform that is not stored yet, to try a sign-in. `config` is complete, secrets included; what a refresh
    /// changes in it goes to `keeps`.
    pub(crate) fn trial(
        &self,
        connection: ConnectionId,
        manifest: Arc<Manifest>,
        name: &str,
        auth: &str,
        config: &serde_json::Value,
        keeps: Arc<dyn ConfigKeeper>,
    ) -> Result<Arc<Platform>> {
        Ok(self
            .build(connection, manifest, name, auth, config, keeps)?
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
        self.refresh().await?;
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

/// A connector's ways to sign in. One that names none takes all that it needs from its settings.
pub fn auth_methods(manifest: &Manifest) -> Vec<AuthMethod> {
    if !manifest.auth.is_empty() {
        return manifest.auth.clone();
    }
    let mut methods = vec![by_settings(BY_SETTINGS, "With the settings")];
    if let Some(advanced) = AdvancedAuth::of(manifest) {
        methods.push(by_settings(advanced_auth::NAME, &advanced.label));
    }
    methods
}

/// What a connection has to be told, as a person gets to see it.
pub fn specification(manifest: &Manifest) -> serde_json::Value {
    match AdvancedAuth::of(manifest).filter(|_| manifest.auth.is_empty()) {
        Some(advanced) => advanced.specification(&manifest.connection_specification),
        None => manifest.connection_specification.clone(),
    }
}

fn by_settings(name: &str, label: &str) -> AuthMethod {
    AuthMethod::new(name, label, AuthKind::None)
}

/// One of a connector's ways to sign in, with the connection's settings filled in.
pub(crate) fn method(
    manifest: &Manifest,
    name: &str,
    config: &serde_json::Value,
) -> Result<AuthMethod> {
    let methods = auth_methods(manifest);
    let method = methods
        .iter()
        .find(|method| method.name == name)
        .ok_or_else(|| {
            Error::Refused(format!(
                "the connector \"{}\" has no way to sign in called \"{name}\"; it has {}",
                &manifest.platform.name,
                methods
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
