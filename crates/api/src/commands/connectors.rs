//! Connectors: what they are, their files and versions, and trying them.

use connectors::declarative::manifest::Manifest;
use connectors::declarative::stream::Stream;
use connectors::declarative::validate::{Finding, Severity};
use engine::advanced_auth::{self, AdvancedAuth};
use engine::connector_files::{Difference, DifferenceKind, connector_name, read_connector};
use engine::platforms;
use engine::shelf::{Broken, Known, Origin};
use engine::tries;
use model::field::Schema;

use crate::app::App;
use crate::commands::connect::typed_in;
use crate::commands::connections::{auth_view, capabilities_view, config_fields, summary};
use crate::error::{ApiError, sentence};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) async fn list_connectors(app: &App, _: Nothing) -> Result<Vec<ConnectorSummary>> {
    let platforms = app.engine().platforms();
    platforms.refresh().await?;
    let known = platforms.connectors();
    let mut list: Vec<ConnectorSummary> =
        known.iter().map(|known| summary_view(app, known)).collect();
    list.extend(platforms.broken_connectors().iter().map(broken_view));
    Ok(list)
}

fn summary_view(app: &App, known: &Known) -> ConnectorSummary {
    let manifest = &*known.manifest;
    let look = &manifest.platform;
    let sample_url = sample_url(app, known);
    let (origin, version) = origin_view(&known.origin);
    ConnectorSummary {
        id: manifest.name.clone(),
        name: look.name.clone(),
        summary: summary(manifest),
        monogram: look.monogram.clone(),
        color: look.colour.clone(),
        categories: look.categories.clone(),
        auth: platforms::auth_methods(manifest)
            .iter()
            .map(auth_view)
            .collect(),
        config: config_fields(manifest)
            .into_iter()
            .map(|mut field| {
                if field.name == "base_url" {
                    field.default = sample_url.clone().or(field.default);
                }
                field
            })
            .collect(),
        streams: manifest
            .streams
            .iter()
            .map(|stream| stream.name.clone())
            .collect(),
        writes: manifest.can_write(),
        is_sample: is_sample(known),
        origin,
        version,
        n_refused: u32::try_from(manifest.refused.len()).unwrap_or(u32::MAX),
        problem: None,
    }
}

/// An own connector that cannot be read: it is there to be mended.
fn broken_view(broken: &Broken) -> ConnectorSummary {
    let first = broken.name.chars().next();
    ConnectorSummary {
        id: broken.name.clone(),
        name: broken.name.clone(),
        summary: "Cannot be used as it is.".into(),
        monogram: first
            .map(|c| c.to_uppercase().to_string())
            .unwrap_or_default(),
        color: "#64748b".into(),
        categories: Vec::new(),
        auth: Vec::new(),
        config: Vec::new(),
        streams: Vec::new(),
        writes: false,
        is_sample: false,
        origin: ConnectorOrigin::Own,
        version: Some(broken.version),
        n_refused: 0,
        problem: Some(sentence(&broken.problem)),
    }
}

fn origin_view(origin: &Origin) -> (ConnectorOrigin, Option<u32>) {
    match origin {
        Origin::Builtin => (ConnectorOrigin::Builtin, None),
        Origin::Folder(_) => (ConnectorOrigin::Folder, None),
        Origin::Own(version) => (ConnectorOrigin::Own, Some(*version)),
    }
}

fn is_sample(known: &Known) -> bool {
    known.origin == Origin::Builtin && matches!(known.manifest.name.as_str(), "harbor" | "postino")
}

fn sample_url(app: &App, known: &Known) -> Option<String> {
    let sample = app.sample().filter(|_| is_sample(known))?;
    match known.manifest.name.as_str() {
        "harbor" => Some(sample.harbor_url),
        "postino" => Some(sample.postino_url),
        _ => None,
    }
}

pub(crate) async fn get_connector(app: &App, request: ConnectorRef) -> Result<ConnectorDetail> {
    let platforms = app.engine().platforms();
    platforms.refresh().await?;
    let name = request.connector;
    let wanted = name.clone();
    let (versions, connections) = app
        .engine()
        .store()
        .read(move |db| {
            let mut connections = store::connections::list(db)?;
            connections.retain(|connection| connection.connector == wanted);
            Ok((store::connectors::versions(db, &wanted)?, connections))
        })
        .await?;
    let connections = connections
        .into_iter()
        .map(|connection| NamedConnection {
            id: connection.id,
            name: connection.name,
        })
        .collect();
    let versions = |used: Option<u32>| -> Vec<ConnectorVersionView> {
        let versions = versions.iter().filter(|_| used.is_some());
        versions
            .map(|version| ConnectorVersionView {
                version: version.version,
                origin: version.origin.clone(),
                created_at: version.created_at,
                is_used: used == Some(version.version),
            })
            .collect()
    };
    let comes_along = platforms.comes_along(&name);
    if let Some(known) = platforms.known(&name) {
        let summary = summary_view(app, &known);
        let look = &known.manifest.platform;
        let mut specification = platforms::specification(&known.manifest);
        if let Some(url) = sample_url(app, &known)
            && let Some(field) = specification.pointer_mut("/properties/base_url")
            && let Some(members) = field.as_object_mut()
        {
            members.insert("default".into(), url.into());
        }
        return Ok(ConnectorDetail {
            docs: look.docs.clone(),
            api_version: look.api_version.clone(),
            sunset: look.sunset.clone(),
            rate: known
                .manifest
                .limits
                .rate
                .as_ref()
                .map(connectors::http::rate::Rate::words),
            streams: stream_views(&known.manifest),
            templates: known
                .manifest
                .template_names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            refused: known
                .manifest
                .refused
                .iter()
                .map(|refused| RefusedStream {
                    stream: refused.stream.clone(),
                    reason: sentence(&refused.reason),
                })
                .collect(),
            specification,
            oauth: oauth_view(&known.manifest),
            versions: versions(summary.version),
            comes_along,
            connections,
            summary,
        });
    }
    let broken = platforms.broken_connectors();
    let broken = broken
        .iter()
        .find(|broken| broken.name == name)
        .ok_or_else(|| ApiError::not_found(format!("There is no connector \"{name}\".")))?;
    Ok(ConnectorDetail {
        summary: broken_view(broken),
        docs: None,
        api_version: None,
        sunset: None,
        rate: None,
        streams: Vec::new(),
        templates: Vec::new(),
        refused: Vec::new(),
        specification: serde_json::json!({}),
        oauth: None,
        versions: versions(Some(broken.version)),
        comes_along,
        connections,
    })
}

fn stream_views(manifest: &Manifest) -> Vec<ConnectorStream> {
    let view = |stream: &Stream| ConnectorStream {
        name: stream.name.clone(),
        label: stream.label.clone(),
        schema: stream
            .schema
            .clone()
            .filter(|schema: &Schema| !schema.fields.is_empty()),
        key: stream.key.clone(),
        cursor_field: stream
            .cursor
            .as_ref()
            .map(|cursor| cursor.field_text().to_owned()),
        capabilities: capabilities_view(manifest.capabilities(stream)),
    };
    manifest.streams.iter().map(|stream| view(stream)).collect()
}

fn oauth_view(manifest: &Manifest) -> Option<AdvancedAuthView> {
    let advanced = AdvancedAuth::of(manifest).filter(|_| manifest.auth.is_empty())?;
    let (predicate, predicate_value) = advanced.predicate.clone().unwrap_or_default();
    Some(AdvancedAuthView {
        auth_method: advanced_auth::NAME.to_owned(),
        predicate,
        predicate_value,
        fills: advanced
            .fills
            .iter()
            .map(|(path, _)| path.clone())
            .collect(),
        checklist: advanced_auth::checklist(),
        label: advanced.label,
    })
}

pub(crate) async fn get_connector_text(
    app: &App,
    request: GetConnectorText,
) -> Result<ConnectorText> {
    let text = app
        .engine()
        .connector_text(&request.connector, request.version)
        .await?;
    Ok(ConnectorText { text })
}

pub(crate) async fn get_connector_schema(_: &App, _: Nothing) -> Result<ConnectorSchema> {
    let schema = serde_json::from_str(connectors::registry::SCHEMA).map_err(|error| ApiError {
        code: crate::error::Code::Internal,
        message: "The schema of connector files cannot be read.".into(),
        hint: None,
        details: Some(error.to_string()),
    })?;
    Ok(ConnectorSchema { schema })
}

pub(crate) async fn validate_connector(
    app: &App,
    request: ValidateConnector,
) -> Result<ConnectorReport> {
    app.engine().platforms().refresh().await?;
    let wanted = request.name.trim();
    let (manifest, findings) = read_connector(wanted, &request.text);
    // A file that says what its platform is called needs no other name.
    let title = manifest
        .as_ref()
        .map(|manifest| manifest.platform.name.clone())
        .filter(|title| !title.is_empty());
    let name = match wanted {
        "" => title
            .as_deref()
            .and_then(|title| connector_name(title).ok()),
        wanted => connector_name(wanted).ok(),
    };
    let known = app.engine().platforms().connectors();
    Ok(ConnectorReport {
        exists: name.as_ref().is_some_and(|name| {
            known.iter().any(|known| known.manifest.name == *name)
                || app
                    .engine()
                    .platforms()
                    .broken_connectors()
                    .iter()
                    .any(|broken| broken.name == *name)
        }),
        name,
        title,
        is_usable: manifest.is_some(),
        streams: manifest.map_or_else(Vec::new, |manifest| {
            let streams = manifest.streams.iter();
            streams.map(|stream| stream.name.clone()).collect()
        }),
        problems: findings.into_iter().map(problem_view).collect(),
    })
}

fn problem_view(finding: Finding) -> ConnectorProblem {
    ConnectorProblem {
        is_error: finding.severity == Severity::Error,
        line: (finding.line > 0).then_some(finding.line),
        column: (finding.line > 0).then_some(finding.column),
        path: finding.path,
        problem: sentence(&finding.problem),
        expected: finding.expected,
    }
}

pub(crate) async fn compare_connector(
    app: &App,
    request: CompareConnector,
) -> Result<ConnectorComparison> {
    let engine = app.engine();
    engine.platforms().refresh().await?;
    let name = request.connector.as_str();
    let is_known = engine.platforms().known(name).is_some()
        || engine
            .platforms()
            .broken_connectors()
            .iter()
            .any(|broken| broken.name == name);
    let before = match is_known {
        true => engine.connector_text(name, None).await?,
        false => String::new(),
    };
    let after = match (request.text, request.version) {
        (Some(text), _) => text,
        (None, version) => engine.connector_text(name, version).await?,
    };
    let changes = engine
        .compare_connector(name, &after)
        .await?
        .into_iter()
        .map(change_view)
        .collect();
    Ok(ConnectorComparison {
        before,
        after,
        changes,
    })
}

fn change_view(difference: Difference) -> ConnectorChange {
    use ConnectorChangeKind as View;
    ConnectorChange {
        may_break: difference.kind.may_break(),
        kind: match difference.kind {
            DifferenceKind::StreamGone => View::StreamGone,
            DifferenceKind::StreamRefused => View::StreamRefused,
            DifferenceKind::KeyChanged => View::KeyChanged,
            DifferenceKind::CursorChanged => View::CursorChanged,
            DifferenceKind::WriteGone => View::WriteGone,
            DifferenceKind::FieldGone => View::FieldGone,
            DifferenceKind::FieldChanged => View::FieldChanged,
            DifferenceKind::StreamAdded => View::StreamAdded,
            DifferenceKind::WriteAdded => View::WriteAdded,
            DifferenceKind::FieldAdded => View::FieldAdded,
        },
        stream: difference.stream,
        field: difference.field,
        syncs: difference
            .syncs
            .into_iter()
            .map(|(id, name)| NamedSync { id, name })
            .collect(),
    }
}

pub(crate) async fn save_connector(app: &App, request: SaveConnector) -> Result<SavedConnector> {
    let connector = connector_name(&request.name)?;
    let origin = match request.origin {
        ConnectorSource::File { name } => {
            format!("File {}", name.chars().take(200).collect::<String>())
        }
        ConnectorSource::Pasted => "Pasted text".into(),
        ConnectorSource::Editor => "Edited here".into(),
    };
    app.engine().platforms().refresh().await?;
    let before = used_version(app, &connector);
    let version = app
        .engine()
        .save_connector(&connector, &request.text, &origin)
        .await?;
    Ok(SavedConnector {
        connector,
        version,
        before,
    })
}

fn used_version(app: &App, connector: &str) -> Option<u32> {
    let platforms = app.engine().platforms();
    match platforms.known(connector) {
        Some(known) => origin_view(&known.origin).1,
        None => platforms
            .broken_connectors()
            .into_iter()
            .find(|broken| broken.name == connector)
            .map(|broken| broken.version),
    }
}

pub(crate) async fn use_connector_version(
    app: &App,
    request: ConnectorVersionRef,
) -> Result<SavedConnector> {
    app.engine().platforms().refresh().await?;
    let before = used_version(app, &request.connector);
    app.engine()
        .use_connector_version(&request.connector, request.version)
        .await?;
    Ok(SavedConnector {
        connector: request.connector,
        version: request.version,
        before,
    })
}

/// Deletes softly. The answer are the connections that stand still until it is back, if nothing takes its
/// place.
pub(crate) async fn delete_connector(
    app: &App,
    request: ConnectorRef,
) -> Result<Vec<NamedConnection>> {
    let engine = app.engine();
    let wanted = request.connector.clone();
    let connections = engine.store().read(store::connections::list).await?;
    engine.delete_connector(&request.connector).await?;
    if engine.platforms().comes_along(&wanted) {
        return Ok(Vec::new());
    }
    Ok(connections
        .into_iter()
        .filter(|connection| connection.connector == wanted)
        .map(|connection| NamedConnection {
            id: connection.id,
            name: connection.name,
        })
        .collect())
}

pub(crate) async fn restore_connector(app: &App, request: ConnectorRef) -> Result<SavedConnector> {
    app.engine().restore_connector(&request.connector).await?;
    let version = used_version(app, &request.connector).unwrap_or_default();
    Ok(SavedConnector {
        connector: request.connector,
        version,
        before: None,
    })
}

pub(crate) async fn start_try(app: &App, request: StartTry) -> Result<TryRef> {
    app.engine().platforms().refresh().await?;
    let account = match request.account {
        TryAccount::Connection { connection } => tries::TryAccount::Connection(connection),
        TryAccount::Form {
            connector,
            auth_method,
            config,
        } => {
            let nothing = serde_json::Value::Null;
            let (config, fields) = typed_in(app, &connector, &auth_method, config, &nothing)?;
            tries::TryAccount::Form {
                connector,
                auth: auth_method,
                config,
                fields,
            }
        }
    };
    let id = app
        .engine()
        .start_try(tries::TryRequest {
            account,
            stream: request.stream,
            state: request.state.filter(|state| !state.is_null()),
            draft: request.draft,
        })
        .await?;
    Ok(TryRef { id })
}

pub(crate) async fn next_try_page(app: &App, request: TryRef) -> Result<TryPage> {
    let page = app.engine().next_try_page(request.id).await?;
    Ok(TryPage {
        number: page.number,
        exchanges: page.exchanges.into_iter().map(exchange_view).collect(),
        records: page.records,
        n_records: u32::try_from(page.n_records).unwrap_or(u32::MAX),
        slice: page.slice,
        state: page.state,
        is_over: page.is_over,
        error: page.error.map(ApiError::from),
    })
}

fn exchange_view(exchange: connectors::Exchange) -> ExchangeView {
    ExchangeView {
        id: exchange.id,
        at: exchange.at,
        took_ms: u64::try_from(exchange.took.as_millis()).unwrap_or(u64::MAX),
        method: exchange.method,
        url: exchange.url,
        request_headers: exchange.request_headers,
        request_body: exchange.request_body,
        status: exchange.status,
        response_headers: exchange.response_headers,
        response_body: exchange.response_body,
        error: exchange.error,
        attempt: exchange.attempt,
    }
}

pub(crate) async fn stop_try(app: &App, request: TryRef) -> Result<Nothing> {
    app.engine().stop_try(request.id).await;
    Ok(Nothing {})
}
