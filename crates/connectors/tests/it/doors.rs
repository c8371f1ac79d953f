//! What the tests of ways to sign in share: each is described as a connector file does it, tokens come from the
//! sandbox's authorization server, and a signed request has to open a door that checks it.

use connectors::auth::{ConnectionSigner, CredentialKind, Credentials, SignIn, SignInStep};
use connectors::http::answer::ByStatus;
use connectors::http::{Body, Call, Client, Limits, Repeat, RequestParts};
use connectors::secrets::BackendChoice;
use connectors::{Access, Result};
use model::clock::Clock;
use model::ids::ConnectionId;
use model::secret::Secret;
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sign_in::{Desk, described, signer};

/// A desk whose clock is the sandbox's, with TLS where it is asked for.
pub(crate) async fn desk(tls: bool) -> Desk {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut desk = Desk::with(BackendChoice::Memory, Clock::system()).await;
    let mut options = Options::new(1, 10);
    options.tls = tls;
    options.device_interval = std::time::Duration::from_secs(1);
    desk.sandbox = Sandbox::start(options).await.unwrap();
    desk
}

/// The entry with the sandbox's addresses in the place of `BASE` and `SAFE`.
pub(crate) fn placed(desk: &Desk, entry: &Value) -> Value {
    let base = desk.sandbox.base_url();
    let mut text = entry
        .to_string()
        .replace("BASE", base.as_str().trim_end_matches('/'));
    if let Some(safe) = desk.sandbox.safe_url() {
        text = text.replace("SAFE", safe.as_str().trim_end_matches('/'));
    }
    let mut entry: Value = serde_json::from_str(&text).unwrap();
    entry["name"] = "it".into();
    entry["label"] = "It".into();
    entry
}

/// A field that is asked for.
pub(crate) fn field(name: &str) -> Value {
    json!({"name": name, "label": name, "secret": true})
}

/// A connection that has signed in; nobody has to look at a browser.
pub(crate) async fn signed_in(
    desk: &Desk,
    entry: &Value,
    fields: &[(&str, &str)],
) -> Result<ConnectionSigner> {
    let method = described(&placed(desk, entry));
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    let kind = if method.gets_a_token() {
        let mut options = desk.options(method.clone());
        options.fields = fields;
        let sign_in = SignIn::start(options, |_| Ok(()), |_| {}, CancellationToken::new()).await?;
        sign_in.finish().await?.into_kind()
    } else {
        CredentialKind::from_fields(&method, &fields)?
    };
    let connection = ConnectionId::new();
    Credentials::replace(&desk.keeper, connection, kind).await?;
    Ok(signer(&desk.keeper, connection, method, desk.clock.clone()))
}

/// What the door answers to a signed request.
pub(crate) async fn knock(
    desk: &Desk,
    signer: &ConnectionSigner,
    method: http::Method,
    door: &str,
    body: Body,
) -> (u16, Value) {
    knock_with(desk, signer, method, door, body).await
}

pub(crate) async fn knock_with(
    desk: &Desk,
    signer: &dyn connectors::http::Signer,
    method: http::Method,
    door: &str,
    body: Body,
) -> (u16, Value) {
    let base = if door.starts_with("https:") {
        door.parse().unwrap()
    } else {
        desk.sandbox.base_url().join(door).unwrap()
    };
    let mut request = RequestParts::new(method, base);
    request.body = body;
    let client = Client::new("Door", Limits::default(), desk.clock.clone()).unwrap();
    let sent = client
        .send(Call {
            request,
            signer: Some(signer),
            repeat: Repeat::Safe,
            judge: &ByStatus,
            access: &Access::unattended(),
        })
        .await;
    match sent {
        Ok(answer) => (
            answer.status.as_u16(),
            serde_json::from_slice(&answer.body).unwrap_or_default(),
        ),
        Err(failure) => (0, json!(failure.error.to_string())),
    }
}

/// Signs in and opens the door: a GET with a query that has to be encoded.
#[track_caller]
#[expect(
    clippy::manual_async_fn,
    reason = "an async function does not tell where it was called"
)]
pub(crate) fn check<'a>(
    desk: &'a Desk,
    entry: Value,
    fields: &'a [(&'a str, &'a str)],
    door: &'a str,
    who: &'a str,
) -> impl Future<Output = ConnectionSigner> + 'a {
    async move {
        let signer = signed_in(desk, &entry, fields)
            .await
            .unwrap_or_else(|error| panic!("{entry}: {error}"));
        let door = format!("{door}?q=a%20b&z=%C3%A4%2B%2F&empty=");
        let (status, answer) = knock(desk, &signer, http::Method::GET, &door, Body::Empty).await;
        assert_eq!(status, 200, "{entry}: {answer}");
        assert_eq!(answer["who"], who, "{entry}: {answer}");
        assert_eq!(answer["query"]["z"], "ä+/", "{answer}");
        let shown = format!("{signer:?}");
        for (_, secret) in fields.iter().filter(|(_, value)| value.len() > 6) {
            assert!(!shown.contains(secret), "{shown}");
        }
        signer
    }
}

pub(crate) fn json_body(text: &str) -> Body {
    Body::Json(model::json::parse(text.as_bytes()).unwrap())
}

pub(crate) const KEY: &[(&str, &str)] = &[("key", "door-key-0001")];

pub(crate) fn oauth1(more: Value) -> Value {
    let mut entry = json!({"type": "oauth1", "consumer_key": "door-consumer",
        "consumer_secret": "{{ fields['secret'] }}", "fields": [field("secret")]});
    for (name, value) in more.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

/// A sign-in that a person at a browser has to finish.
pub(crate) async fn with_a_browser(
    desk: &Desk,
    entry: &Value,
    fields: &[(&str, &str)],
) -> (SignIn, url::Url, Vec<SignInStep>) {
    let mut options = desk.options(described(&placed(desk, entry)));
    options.fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
        .collect();
    let (sender, steps) = std::sync::mpsc::channel();
    let sign_in = SignIn::start(
        options,
        |_| Ok(()),
        move |step| {
            let _ = sender.send(step);
        },
        CancellationToken::new(),
    )
    .await
    .unwrap();
    let url = sign_in.handle().url().unwrap().clone();
    (sign_in, url, steps.try_iter().collect())
}

pub(crate) async fn stored(desk: &Desk, entry: &Value, kind: CredentialKind) -> ConnectionSigner {
    let connection = ConnectionId::new();
    Credentials::replace(&desk.keeper, connection, kind)
        .await
        .unwrap();
    let method = described(&placed(desk, entry));
    signer(&desk.keeper, connection, method, desk.clock.clone())
}
