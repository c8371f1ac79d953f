//! What the tests of connections share: a sandbox, signers, and short ways to read and write.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::http::{Client, Limits, RequestParts, Signer};
use connectors::{Access, Exchange, ExchangeLog, Page, ReadRequest, Result, Source as _, registry};
use model::clock::Clock;
use model::ids::ChangeId;
use model::record::{Change, Operation, RecordKey};
use model::secret::Secret;
use model::value::{Object, Value};

/// Puts the same header on every request.
pub(crate) struct FixedHeader(pub(crate) &'static str, pub(crate) String);

#[async_trait]
impl Signer for FixedHeader {
    async fn sign(&self, request: &mut RequestParts, _access: &Access) -> Result<()> {
        assert!(request.set_secret_header(self.0, &self.1));
        Ok(())
    }

    async fn renew(&self, _access: &Access) -> Result<bool> {
        Ok(false)
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new(self.1.clone())]
    }
}

/// Keeps every exchange.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<Vec<Exchange>>);

impl ExchangeLog for Kept {
    fn record(&self, exchange: Exchange) {
        self.0.lock().unwrap().push(exchange);
    }
}

/// Access that keeps exchanges.
pub(crate) fn recorded() -> (Access, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let access = Access {
        exchanges: Some(kept.clone()),
        ..Access::unattended()
    };
    (access, kept)
}

/// Quick to retry, small in what it takes.
pub(crate) fn hasty() -> Limits {
    let mut limits = Limits {
        first_backoff: Duration::from_millis(1),
        seed: Some(1),
        ..Limits::default()
    };
    limits.bounds.body = 1024 * 1024;
    limits
}

pub(crate) fn client(name: &str, limits: Limits) -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::new(name, limits, Clock::system()).unwrap()
}

pub(crate) fn harbor(sandbox: &sandbox::Sandbox) -> Platform {
    Platform::new(
        registry::find("harbor").unwrap(),
        config(sandbox.harbor_url().as_str()),
        harbor_key(),
        client("Harbor CRM", generous()),
        Clock::system(),
    )
}

/// What the sandbox's Harbor lets in.
pub(crate) fn harbor_key() -> Arc<FixedHeader> {
    let pair = base64::engine::general_purpose::STANDARD.encode("api:harbor-basic-demo");
    Arc::new(FixedHeader("authorization", format!("Basic {pair}")))
}

pub(crate) fn postino(sandbox: &sandbox::Sandbox) -> Platform {
    postino_with(sandbox, "pst_key_demo_0001")
}

pub(crate) fn postino_with(sandbox: &sandbox::Sandbox, key: &str) -> Platform {
    Platform::new(
        registry::find("postino").unwrap(),
        config(sandbox.postino_url().as_str()),
        Arc::new(FixedHeader("x-api-key", key.to_owned())),
        client("Postino", generous()),
        Clock::system(),
    )
}

pub(crate) fn generous() -> Limits {
    let mut limits = hasty();
    limits.bounds.body = 64 * 1024 * 1024;
    limits
}

pub(crate) fn config(url: &str) -> serde_json::Value {
    serde_json::json!({"base_url": url.trim_end_matches('/')})
}

/// A connector for a hand-made server.
pub(crate) fn odd(url: &str, yaml: &str, limits: Limits) -> Platform {
    Platform::new(
        Arc::new(Manifest::parse("odd", yaml).unwrap_or_else(|error| panic!("{error}"))),
        config(url),
        Arc::new(FixedHeader("authorization", "Bearer canary-token-1".into())),
        client("Odd", limits),
        Clock::system(),
    )
}

/// A stream with a paginator, read from `/things`.
pub(crate) fn things(paginator: &str) -> String {
    format!(
        "streams:
  - type: DeclarativeStream
    name: things
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: \"{{{{ config['base_url'] }}}}\", path: things}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
      paginator: {paginator}
    schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, properties: {{id: {{type: string}}}}}}}}
"
    )
}

pub(crate) fn whole(stream: &str) -> ReadRequest {
    ReadRequest {
        stream: stream.into(),
        cursor: None,
        position: None,
        full: false,
        limit: None,
    }
}

pub(crate) async fn pages(platform: &Platform, request: ReadRequest) -> Result<Vec<Page>> {
    pages_with(platform, request, Access::unattended()).await
}

pub(crate) async fn pages_with(
    platform: &Platform,
    request: ReadRequest,
    access: Access,
) -> Result<Vec<Page>> {
    let mut reader = platform.read(request, access).await?;
    let mut pages = Vec::new();
    while let Some(page) = reader.next().await? {
        pages.push(page);
    }
    Ok(pages)
}

pub(crate) fn keys(pages: &[Page]) -> Vec<String> {
    pages
        .iter()
        .flat_map(|page| &page.records)
        .map(|record| record.key.clone().unwrap().0)
        .collect()
}

pub(crate) fn object(json: &str) -> Object {
    match model::json::parse(json.as_bytes()).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn create(json: &str) -> Change {
    Change {
        id: ChangeId::new(),
        operation: Operation::Create,
        source_key: RecordKey("s".into()),
        target_key: None,
        fields: object(json),
        before: None,
        version: None,
    }
}

pub(crate) fn update(key: &str, version: Option<&str>, json: &str) -> Change {
    Change {
        operation: Operation::Update,
        target_key: Some(RecordKey(key.into())),
        version: version.map(str::to_owned),
        ..create(json)
    }
}

pub(crate) fn delete(key: &str) -> Change {
    Change {
        operation: Operation::Delete,
        target_key: Some(RecordKey(key.into())),
        ..create("{}")
    }
}
