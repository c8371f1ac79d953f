//! Settings that change by themselves: a platform whose refresh tokens work once gives a new one with every refresh, and
//! connector files keep it among the settings.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use connectors::auth::Credentials;
use connectors::declarative::authenticators::{ConfigKeeper, Held};
use connectors::secrets::Keeper;
use model::ids::ConnectionId;
use store::Store;

use crate::error::Error;

/// Keeps them for a stored connection: secrets in the keychain, the rest in its document.
pub(crate) struct Kept {
    pub(crate) store: Store,
    pub(crate) keeper: Keeper,
    pub(crate) connection: ConnectionId,
    /// Of the connector: says what is secret.
    pub(crate) specification: serde_json::Value,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ConfigKeeper for Kept {
    async fn persist(&self, config: &model::value::Value) -> connectors::Result<()> {
        let (document, secrets) = super::split(&self.specification, &config.to_serde());
        let failed = |error: Error| self.failed("kept", &error);
        // The token first: it is what would be lost.
        super::store(&self.keeper, self.connection, &secrets)
            .await
            .map_err(failed)?;
        let connection = self.connection;
        self.store
            .write(move |tx| {
                let mut stored = store::connections::get(tx, connection)?;
                if stored.config != document {
                    stored.config = document;
                    store::connections::update(tx, &stored)?;
                }
                Ok(())
            })
            .await
            .map_err(|error| failed(error.into()))
    }

    async fn begin(&self) -> connectors::Result<Held> {
        let lock = Credentials::hold(&self.keeper, self.connection).await?;
        let connection = self.connection;
        let failed = |error: Error| self.failed("read", &error);
        let stored = self
            .store
            .read(move |db| store::connections::get(db, connection))
            .await
            .map_err(|error| failed(error.into()))?;
        let secrets = super::load(&self.keeper, connection)
            .await
            .map_err(failed)?;
        let config = super::join(&stored.config, &secrets);
        Ok(Held {
            config: Some(model::value::Value::from_serde(&config)),
            lock: Some(lock),
        })
    }
}

impl Kept {
    fn failed(&self, what: &str, error: &Error) -> connectors::Error {
        connectors::Error::Secrets {
            backend: self.keeper.backend_name(),
            reason: format!(
                "the settings of connection {} could not be {what}: {error}",
                self.connection
            ),
        }
    }
}

/// Keeps them while nothing is stored yet.
#[derive(Default)]
pub(crate) struct Latest(Mutex<Option<serde_json::Value>>);

impl Latest {
    /// The settings, if they have changed.
    pub(crate) fn take(&self) -> Option<serde_json::Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Debug for Latest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Latest").finish_non_exhaustive()
    }
}

#[async_trait]
impl ConfigKeeper for Latest {
    async fn persist(&self, config: &model::value::Value) -> connectors::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(config.to_serde());
        Ok(())
    }
}
