//! The application in a folder of its own, and both platforms beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::views::{ConnectFlow, ConnectResult, PlanDetail, PlanStarted, RunDetail, Started};
use api::{ApiError, App, Config, SecretsPlace};
use connectors::{Access, Destination as _};
use model::ids::{ChangeId, ConnectionId, PlanId, RunId, SyncId};
use model::record::{Change, Operation, Outcome, RecordKey};
use model::value::Value as Field;
use sandbox::{Options, Sandbox};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::demo_user::DemoUser;

/// How long a run gets to reach a safe place when the application closes.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// The application, both platforms, and a folder that goes away at the end.
#[derive(Debug)]
pub struct TestApp {
    /// The door that every shell uses.
    pub app: App,
    /// Harbor CRM and Postino.
    pub sandbox: Sandbox,
    /// The person at the browser.
    pub user: DemoUser,
    folder: TempDir,
}

impl TestApp {
    /// With so many contacts at Harbor.
    pub async fn with_contacts(contacts: usize) -> Self {
        Self::with_sandbox(Options::new(7, contacts)).await
    }

    /// With a sandbox of this kind.
    pub async fn with_sandbox(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::Builder::new()
            .prefix("patchbay-test-")
            .tempdir()
            .unwrap();
        let user = DemoUser::here();
        let app = open(&data_dir(&folder), &user).await.unwrap();
        Self {
            app,
            sandbox,
            user,
            folder,
        }
    }

    /// The workspace's folder.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.folder)
    }

    /// Closes the application and leaves the workspace to another process.
    pub async fn close(self) -> Closed {
        self.app.close(CLOSE_LIMIT).await;
        let Self {
            app,
            sandbox,
            user,
            folder,
        } = self;
        drop(app);
        Closed {
            sandbox,
            user,
            folder,
        }
    }

    /// The answer to a command.
    pub async fn ask<T: DeserializeOwned>(&self, name: &str, request: impl Serialize) -> T {
        match self.try_ask(name, request).await {
            Ok(answer) => answer,
            Err(error) => panic!("{name} was refused: {error:?}"),
        }
    }

    /// The answer to a command, or why there is none.
    pub async fn try_ask<T: DeserializeOwned>(
        &self,
        name: &str,
        request: impl Serialize,
    ) -> Result<T, ApiError> {
        let answer = self.app.call(name, json!(request)).await?;
        Ok(serde_json::from_value(answer)
            .unwrap_or_else(|error| panic!("the answer to {name}: {error}")))
    }

    /// Connects a platform by its sign-in in the browser.
    pub async fn connect(&self, connector: &str) -> ConnectionId {
        match self.sign_in(connector, None).await {
            ConnectResult::Connected { connection, .. } => connection,
            other => panic!("connecting {connector} ended as {other:?}"),
        }
    }

    /// Signs in again for a connection.
    pub async fn reconnect(&self, connector: &str, connection: ConnectionId) -> ConnectResult {
        self.sign_in(connector, Some(connection)).await
    }

    async fn sign_in(&self, connector: &str, reconnect: Option<ConnectionId>) -> ConnectResult {
        let config = json!({"base_url": base_url(&self.sandbox, connector)});
        self.connect_by(connector, "oauth", config, reconnect).await
    }

    /// Connects with these settings, to the end.
    pub async fn connect_by(
        &self,
        connector: &str,
        auth_method: &str,
        config: Value,
        reconnect: Option<ConnectionId>,
    ) -> ConnectResult {
        let request = json!({
            "connector": connector,
            "auth_method": auth_method,
            "name": "",
            "config": config,
            "reconnect": reconnect,
        });
        let flow: ConnectFlow = self.ask("start_connect", request).await;
        self.app.engine().wait_flow(flow.id).await.unwrap();
        let flow: ConnectFlow = self.ask("get_connect_flow", json!({"flow": flow.id})).await;
        flow.result.unwrap()
    }

    /// A connection as it is stored.
    pub async fn stored(&self, connection: ConnectionId) -> store::connections::Connection {
        self.app
            .engine()
            .store()
            .read(move |db| store::connections::get(db, connection))
            .await
            .unwrap()
    }

    /// Changes one record as somebody else does.
    pub async fn edit(&self, connection: ConnectionId, stream: &str, key: &str, fields: Value) {
        let platform = self.app.engine().platforms().get(connection).await.unwrap();
        let Field::Object(fields) = Field::from_serde(&fields) else {
            panic!("fields are an object");
        };
        let change = Change {
            id: ChangeId::new(),
            operation: Operation::Update,
            source_key: RecordKey("somebody".into()),
            target_key: Some(RecordKey(key.into())),
            fields,
            before: None,
            version: None,
        };
        let written = platform
            .write(stream, &[change], &Access::unattended())
            .await
            .unwrap();
        assert!(
            matches!(written.outcomes[0], Outcome::Written { .. }),
            "{written:?}"
        );
    }

    /// Makes a plan of the draft, or of what is in force.
    pub async fn plan(&self, sync: SyncId) -> PlanDetail {
        let started: PlanStarted = self.ask("start_plan", json!({"sync": sync})).await;
        self.app.engine().wait_plan(started.plan).await.unwrap();
        self.ask("get_plan", json!({"plan": started.plan})).await
    }

    /// Does what a plan says, to the end.
    pub async fn apply(&self, plan: PlanId) -> RunDetail {
        let started: Started = self.ask("apply_plan", json!({"plan": plan})).await;
        self.ended(started.run).await
    }

    /// Runs a sync to the end.
    pub async fn run(&self, sync: SyncId) -> RunDetail {
        let started: Started = self.ask("start_run", json!({"sync": sync})).await;
        self.ended(started.run).await
    }

    /// Waits for the end of a run.
    pub async fn ended(&self, run: RunId) -> RunDetail {
        self.app.engine().wait(run).await.unwrap();
        self.ask("get_run", json!({"run": run})).await
    }
}

/// A workspace that nobody has open, and both platforms.
#[derive(Debug)]
pub struct Closed {
    /// Harbor CRM and Postino.
    pub sandbox: Sandbox,
    /// The person at the browser.
    pub user: DemoUser,
    folder: TempDir,
}

impl Closed {
    /// The workspace's folder.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(&self.folder)
    }

    /// Opens it again, as a start of the program would.
    pub async fn open(self) -> TestApp {
        let app = open(&self.data_dir(), &self.user).await.unwrap();
        let Self {
            sandbox,
            user,
            folder,
        } = self;
        TestApp {
            app,
            sandbox,
            user,
            folder,
        }
    }

    /// Opens it for a look, and closes it again.
    pub async fn look<T>(&self, look: impl AsyncFnOnce(&App) -> T) -> T {
        let app = open(&self.data_dir(), &self.user).await.unwrap();
        let seen = look(&app).await;
        app.close(CLOSE_LIMIT).await;
        seen
    }
}

/// Opens a workspace whose secrets are in a vault file of its own: no test touches anybody's keychain.
pub async fn open(data_dir: &Path, user: &DemoUser) -> Result<App, ApiError> {
    // It fails only if another test has done it already.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Config {
        data_dir: Some(data_dir.to_owned()),
        secrets: SecretsPlace::Vault,
        schedules: false,
        sample_contacts: 50,
    };
    App::open(config, Arc::new(user.clone())).await
}

/// Where a platform of the sandbox is, as its connector wants it.
pub fn base_url(sandbox: &Sandbox, connector: &str) -> String {
    let url = match connector {
        "harbor" => sandbox.harbor_url(),
        "postino" => sandbox.postino_url(),
        other => panic!("the sandbox has no {other}"),
    };
    url.as_str().trim_end_matches('/').to_owned()
}

fn data_dir(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

/// All records of a list that the sandbox gives.
pub fn records(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
