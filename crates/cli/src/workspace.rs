//! Opening the workspace, and asking it.

use std::sync::Arc;
use std::time::Duration;

use api::views::{ConnectionSummary, SyncSummary};
use api::{ApiError, App, Code, Config, Host, SecretsPlace};
use model::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::arguments::Place;
use crate::failure::Failure;

/// How long runs get to reach a safe place before the program ends; what is open then is recovered at the next start.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// Contacts in the sample platforms, where no command asks for another number.
const SAMPLE_CONTACTS: usize = 5_000;

/// Which workspace, not yet opened.
#[derive(Debug)]
pub(crate) struct Workspace(Place);

impl Workspace {
    pub(crate) fn new(place: Place) -> Self {
        Self(place)
    }

    /// Opens it for one command.
    pub(crate) async fn open(&self, host: impl Host) -> Result<App, Failure> {
        self.open_with(host, false, SAMPLE_CONTACTS).await
    }

    /// Opens it to stay: schedules run.
    pub(crate) async fn open_to_stay(
        &self,
        host: impl Host,
        sample_contacts: usize,
    ) -> Result<App, Failure> {
        self.open_with(host, true, sample_contacts).await
    }

    async fn open_with(
        &self,
        host: impl Host,
        schedules: bool,
        sample_contacts: usize,
    ) -> Result<App, Failure> {
        let passphrase = std::env::var("PATCHBAY_VAULT_PASSPHRASE")
            .ok()
            .filter(|text| !text.is_empty());
        let secrets = match passphrase {
            Some(passphrase) => SecretsPlace::VaultWithPassphrase(Secret::new(passphrase)),
            None if self.0.vault => SecretsPlace::Vault,
            None => SecretsPlace::Auto,
        };
        let config = Config {
            data_dir: self.0.data_dir.clone(),
            secrets,
            schedules,
            sample_contacts,
        };
        Ok(App::open(config, Arc::new(host)).await?)
    }
}

/// Ends the application in order.
pub(crate) async fn close(app: App) {
    app.close(CLOSE_LIMIT).await;
}

/// The answer to a request, as the view that it is.
pub(crate) async fn ask<T: DeserializeOwned>(
    app: &App,
    name: &str,
    request: impl Serialize,
) -> Result<T, Failure> {
    let answer = app.call(name, json!(request)).await?;
    serde_json::from_value(answer).map_err(|error| {
        Failure::internal(&format!("The answer to {name} cannot be read."), &error)
    })
}

/// The sync that a person means by an id or a name.
pub(crate) async fn find_sync(app: &App, wanted: &str) -> Result<SyncSummary, Failure> {
    let all: Vec<SyncSummary> = ask(app, "list_syncs", json!({})).await?;
    find(all, wanted, "sync", "patchbay syncs", |sync| {
        (sync.id.to_string(), sync.name.clone())
    })
}

/// The connection that a person means by an id or a name.
pub(crate) async fn find_connection(app: &App, wanted: &str) -> Result<ConnectionSummary, Failure> {
    let all: Vec<ConnectionSummary> = ask(app, "list_connections", json!({})).await?;
    find(
        all,
        wanted,
        "connection",
        "patchbay connections",
        |connection| (connection.id.to_string(), connection.name.clone()),
    )
}

fn find<T>(
    all: Vec<T>,
    wanted: &str,
    what: &str,
    list: &str,
    names: impl Fn(&T) -> (String, String),
) -> Result<T, Failure> {
    let is_meant = |one: &T| {
        let (id, name) = names(one);
        id == wanted || name.to_lowercase() == wanted.to_lowercase()
    };
    let mut meant: Vec<T> = all.into_iter().filter(is_meant).collect();
    match (meant.pop(), meant.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Failure::invalid(
            format!("There is more than one {what} called \"{wanted}\"."),
            format!("Name it by its id: {list}"),
        )),
        (None, _) => Err(Failure::Told(ApiError {
            code: Code::NotFound,
            message: format!("There is no {what} \"{wanted}\"."),
            hint: Some(format!("See which there are: {list}")),
            details: None,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_found_by_id_or_name_and_never_guessed() {
        let check = |wanted: &str| {
            let all = vec![("1", "Contacts"), ("2", "Deals"), ("3", "deals")];
            find(all, wanted, "sync", "patchbay syncs", |(id, name)| {
                ((*id).to_owned(), (*name).to_owned())
            })
            .map(|found| found.0)
            .map_err(|failure| match failure {
                Failure::Told(error) => error.message,
                Failure::NobodyReads => String::new(),
            })
        };
        assert_eq!(check("2"), Ok("2"));
        assert_eq!(check("contacts"), Ok("1"));
        assert_eq!(
            check("Deals"),
            Err("There is more than one sync called \"Deals\".".into())
        );
        assert_eq!(check("x"), Err("There is no sync \"x\".".into()));
    }
}
