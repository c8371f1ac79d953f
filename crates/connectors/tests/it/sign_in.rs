//! What the tests of sign-ins share: a sandbox, a keeper, and a person at a browser.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connectors::auth::{
    ConnectionSigner, Credentials, Patience, SignIn, SignInOptions, SignInStep, SignerOptions,
    TokenSet,
};
use connectors::declarative::auth_spec::{AuthKind, AuthMethod, Oauth2Code};
use connectors::secrets::{BackendChoice, Keeper, KeeperOptions};
use connectors::{Error, Result};
use model::clock::Clock;
use model::ids::ConnectionId;
use sandbox::{Options, Platform, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Retries without waiting.
pub(crate) const HASTY: Patience = Patience {
    attempts: 4,
    first_wait: Duration::from_millis(1),
};

/// Where a test works.
pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) keeper: Keeper,
    pub(crate) clock: Clock,
    pub(crate) dir: tempfile::TempDir,
}

impl Desk {
    /// With secrets in memory and a clock that is moved by hand.
    pub(crate) async fn new() -> Self {
        Self::with(BackendChoice::Memory, manual_clock()).await
    }

    pub(crate) async fn with(backend: BackendChoice, clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            sandbox: Sandbox::start(Options::new(1, 10)).await.unwrap(),
            keeper: keeper(dir.path(), backend).await.unwrap(),
            clock,
            dir,
        }
    }

    pub(crate) fn harbor(&self) -> AuthMethod {
        method(self.sandbox.base_url().as_str(), Platform::Harbor)
    }

    pub(crate) fn postino(&self) -> AuthMethod {
        method(self.sandbox.base_url().as_str(), Platform::Postino)
    }

    pub(crate) fn options(&self, method: AuthMethod) -> SignInOptions {
        SignInOptions {
            platform: "Harbor CRM".into(),
            method,
            fields: std::collections::BTreeMap::new(),
            extra: Vec::new(),
            clock: self.clock.clone(),
            limit: SignInOptions::LIMIT,
        }
    }

    /// A connection to Harbor, signed in by the whole way.
    pub(crate) async fn connected(&self) -> ConnectionId {
        let tokens = Flow::start(self.options(self.harbor()))
            .await
            .visited()
            .await
            .unwrap();
        let connection = ConnectionId::new();
        Credentials::replace(
            &self.keeper,
            connection,
            connectors::auth::CredentialKind::OAuth(tokens),
        )
        .await
        .unwrap();
        connection
    }

    pub(crate) fn signer(&self, connection: ConnectionId) -> ConnectionSigner {
        signer(&self.keeper, connection, self.harbor(), self.clock.clone())
    }

    /// The stored OAuth tokens.
    pub(crate) async fn stored(&self, connection: ConnectionId) -> (u64, TokenSet) {
        let stored = Credentials::load(&self.keeper, connection)
            .await
            .unwrap()
            .unwrap();
        match stored.kind {
            connectors::auth::CredentialKind::OAuth(set) => (stored.version, set),
            other => panic!("not from OAuth: {other:?}"),
        }
    }
}

pub(crate) fn manual_clock() -> Clock {
    Clock::manual(1_795_000_000_000)
}

pub(crate) async fn keeper(dir: &Path, backend: BackendChoice) -> Result<Keeper> {
    let opened = Keeper::open(KeeperOptions {
        dir: dir.to_owned(),
        backend,
        workspace_id: "test".into(),
    })
    .await?;
    Ok(opened.keeper)
}

pub(crate) fn signer(
    keeper: &Keeper,
    connection: ConnectionId,
    method: AuthMethod,
    clock: Clock,
) -> ConnectionSigner {
    ConnectionSigner::new(SignerOptions {
        keeper: keeper.clone(),
        connection,
        platform: "Harbor CRM".into(),
        method,
        clock,
        patience: HASTY,
    })
}

pub(crate) fn method(base: &str, platform: Platform) -> AuthMethod {
    let at = |path: &str| format!("{base}{}/{path}", platform.name());
    let scopes = match platform {
        Platform::Harbor => ["contacts.read", "companies.read"],
        Platform::Postino => ["subscribers:read", "subscribers:write"],
    };
    described(&serde_json::json!({
        "name": "oauth",
        "label": format!("Sign in with {}", platform.title()),
        "type": "oauth2_code",
        "authorize_url": at("oauth/authorize"),
        "token_url": at("oauth/token"),
        "revoke_url": at("oauth/revoke"),
        "issuer": format!("{base}{}", platform.name()),
        "client_id": "patchbay-desktop",
        "scopes": scopes,
        "token_auth": "none",
    }))
}

/// A way to sign in as a connector file describes it, with the connection's settings.
pub(crate) fn described(entry: &serde_json::Value) -> AuthMethod {
    let node = connectors::declarative::node::Node::parse("auth", &entry.to_string()).unwrap();
    let view = connectors::declarative::node::View::root("auth", &node);
    AuthMethod::read(&view)
        .unwrap()
        .resolve(&serde_json::json!({}))
        .unwrap()
}

/// The OAuth part of a method, to change it.
pub(crate) fn oauth(method: &mut AuthMethod) -> &mut Oauth2Code {
    match &mut method.kind {
        AuthKind::Oauth2Code(spec) => spec,
        other => panic!("not OAuth: {other:?}"),
    }
}

/// A sign-in under way, with the steps it has reported.
pub(crate) struct Flow {
    pub(crate) sign_in: SignIn,
    pub(crate) steps: Arc<Mutex<Vec<SignInStep>>>,
    pub(crate) url: Url,
}

impl Flow {
    pub(crate) async fn start(options: SignInOptions) -> Self {
        Self::try_start(options).await.unwrap()
    }

    pub(crate) async fn try_start(options: SignInOptions) -> Result<Self> {
        let steps: Arc<Mutex<Vec<SignInStep>>> = Arc::default();
        let told = Arc::clone(&steps);
        let opened = Arc::new(Mutex::new(None));
        let browser = Arc::clone(&opened);
        let sign_in = SignIn::start(
            options,
            move |url| {
                *browser.lock().unwrap() = Some(url.clone());
                Ok(())
            },
            move |step| told.lock().unwrap().push(step),
            CancellationToken::new(),
        )
        .await?;
        let url = opened.lock().unwrap().take().unwrap();
        Ok(Self {
            sign_in,
            steps,
            url,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        Url::parse(self.sign_in.redirect_address())
            .unwrap()
            .port()
            .unwrap()
    }

    /// The person signs in and allows it.
    pub(crate) async fn visited(self) -> Result<TokenSet> {
        let person = sandbox::browser::sign_in(&self.url);
        let (landing, signed_in) = tokio::join!(person, self.sign_in.finish());
        landing.unwrap();
        Ok(signed_in?.tokens)
    }

    pub(crate) fn steps(&self) -> Arc<Mutex<Vec<SignInStep>>> {
        Arc::clone(&self.steps)
    }
}

/// Names of steps, in order.
pub(crate) fn names(steps: &Mutex<Vec<SignInStep>>) -> Vec<String> {
    let steps = steps.lock().unwrap();
    steps
        .iter()
        .map(|step| {
            format!("{step:?}")
                .split([' ', '{'])
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Sends one GET as a local program would, and gives status and page.
pub(crate) async fn get(address: &str, target: &str, host: &str) -> (u16, String) {
    send(
        address,
        &format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
    .await
}

pub(crate) async fn send(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer[9..12].parse().unwrap();
    (status, answer)
}

/// What stands after "sign-in was not finished: ".
#[track_caller]
pub(crate) fn failed(error: Error) -> String {
    match error {
        Error::SignInFailed { reason } => reason,
        other => panic!("not a failed sign-in: {other}"),
    }
}

/// Waits for what another process or task is about to do.
pub(crate) async fn soon(what: &str, happened: impl Fn() -> bool) {
    let wait = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let result = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(result.is_ok(), "not within 20 s: {what}");
}
