//! Connectors and connections.

use connectors::declarative::auth_spec::{
    AuthField, AuthKind as MethodKind, AuthMethod, FieldFormat,
};
use connectors::declarative::manifest::Manifest;
use connectors::{Access, Deletions, Source};
use engine::{platforms, settings};
use model::ids::ConnectionId;
use store::connections::{Connection, ConnectionState};

use crate::app::App;
use crate::error::{ApiError, sentence};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// One sentence for the gallery.
pub(crate) fn summary(manifest: &Manifest) -> String {
    let streams: Vec<String> = manifest
        .streams
        .iter()
        .map(|stream| stream.name.replace('_', " "))
        .collect();
    let verb = if manifest.can_write() {
        "Reads and writes"
    } else {
        "Reads"
    };
    match streams.as_slice() {
        [] => "Has no streams.".into(),
        [one] => format!("{verb} {one}."),
        [first, second] => format!("{verb} {first} and {second}."),
        [first, second, rest @ ..] => format!("{verb} {first}, {second} and {} more.", rest.len()),
    }
}

/// The connect form: the properties of `connection_specification`, in their order, except those that
/// the sign-in itself asks for.
pub(crate) fn config_fields(manifest: &Manifest) -> Vec<ConfigField> {
    let specification = platforms::specification(manifest);
    let required: Vec<&str> = specification
        .get("required")
        .and_then(serde_json::Value::as_array)
        .map(|names| names.iter().filter_map(serde_json::Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = specification
        .get("properties")
        .and_then(serde_json::Value::as_object)
    else {
        return Vec::new();
    };
    let mut fields: Vec<(i64, ConfigField)> = properties
        .iter()
        .map(|(name, property)| {
            let text = |key: &str| {
                property
                    .get(key)
                    .and_then(serde_json::Value::as_str)
                    .map(str::to_owned)
            };
            let order = property
                .get("order")
                .and_then(serde_json::Value::as_i64)
                .unwrap_or(i64::MAX);
            let field = ConfigField {
                label: text("title").unwrap_or_else(|| name.replace('_', " ")),
                description: text("description"),
                placeholder: property
                    .get("examples")
                    .and_then(|examples| examples.get(0))
                    .map(|example| {
                        example
                            .as_str()
                            .map_or_else(|| example.to_string(), str::to_owned)
                    }),
                default: property.get("default").map(|default| {
                    default
                        .as_str()
                        .map_or_else(|| default.to_string(), str::to_owned)
                }),
                required: required.contains(&name.as_str()),
                secret: property
                    .get("airbyte_secret")
                    .and_then(serde_json::Value::as_bool)
                    .unwrap_or(false),
                lines: property
                    .get("multiline")
                    .and_then(serde_json::Value::as_bool)
                    .unwrap_or(false),
                name: name.clone(),
            };
            (order, field)
        })
        .collect();
    fields.sort_by_key(|(order, _)| *order);
    fields.into_iter().map(|(_, field)| field).collect()
}

pub(crate) fn auth_view(method: &AuthMethod) -> AuthMethodView {
    let kind = match &method.kind {
        MethodKind::DeviceCode(_) => AuthKind::Device,
        _ if method.needs_a_browser() => AuthKind::Browser,
        MethodKind::ApiKey(_) => AuthKind::ApiKey,
        MethodKind::Bearer(_) | MethodKind::None => AuthKind::Bearer,
        MethodKind::Basic(_) => AuthKind::Basic,
        _ => AuthKind::Other,
    };
    AuthMethodView {
        name: method.name.clone(),
        label: method.label.clone(),
        kind,
        fields: method.fields().iter().map(field_view).collect(),
        scopes: method
            .scopes()
            .iter()
            .map(|scope| ScopeView {
                name: scope.clone(),
                reason: scope_words(scope),
            })
            .collect(),
        checklist: method.checklist.clone(),
    }
}

/// `contacts.read` and `subscribers:write` in words.
fn scope_words(scope: &str) -> String {
    match scope.split_once(['.', ':']) {
        Some((what, "read")) => format!("to read {what}"),
        Some((what, "write")) => format!("to create and change {what}"),
        _ => String::new(),
    }
}

fn field_view(field: &AuthField) -> ConfigField {
    ConfigField {
        name: field.name.clone(),
        label: field.label.clone(),
        description: field.help.clone(),
        placeholder: None,
        default: None,
        required: !field.optional,
        secret: field.secret,
        lines: field.format != FieldFormat::Text,
    }
}

pub(crate) async fn list_connections(app: &App, _: Nothing) -> Result<Vec<ConnectionSummary>> {
    let rows = app
        .engine()
        .store()
        .read(|db| {
            store::connections::list(db)?
                .into_iter()
                .map(|connection| {
                    let used_by = store::connections::used_by(db, connection.id)?;
                    Ok((connection, used_by))
                })
                .collect::<store::Result<Vec<_>>>()
        })
        .await?;
    Ok(rows
        .into_iter()
        .map(|(connection, used_by)| summary_view(app, connection, used_by))
        .collect())
}

fn breaker_health(breaker: connectors::http::breaker::BreakerView) -> ConnectionHealth {
    use connectors::http::breaker::Phase;
    match breaker.phase {
        Phase::Closed => ConnectionHealth::Well,
        Phase::Open { .. } | Phase::HalfOpen => ConnectionHealth::Unavailable {
            reason: format!(
                "{} requests in a row failed; requests pause and are tried again by themselves",
                breaker.failures
            ),
        },
    }
}

async fn summary_of(app: &App, connection: ConnectionId) -> Result<ConnectionSummary> {
    let (row, used_by) = app
        .engine()
        .store()
        .read(move |db| {
            Ok((
                store::connections::get(db, connection)?,
                store::connections::used_by(db, connection)?,
            ))
        })
        .await?;
    Ok(summary_view(app, row, used_by))
}

fn summary_view(
    app: &App,
    connection: Connection,
    used_by: Vec<store::connections::UsedBy>,
) -> ConnectionSummary {
    let manifest = app.engine().platforms().connector(&connection.connector);
    let health = match &connection.state {
        ConnectionState::SignInNeeded { reason } => ConnectionHealth::SignInNeeded {
            reason: reason.clone(),
        },
        ConnectionState::Untested => ConnectionHealth::Untested,
        ConnectionState::Connected => match app.engine().platforms().breaker(connection.id) {
            Some(breaker) => breaker_health(breaker),
            None => ConnectionHealth::Well,
        },
    };
    ConnectionSummary {
        id: connection.id,
        name: connection.name,
        connector_name: manifest.as_ref().map_or_else(
            || connection.connector.clone(),
            |manifest| manifest.platform.name.clone(),
        ),
        monogram: manifest
            .as_ref()
            .map_or_else(|| "?".into(), |manifest| manifest.platform.monogram.clone()),
        color: manifest.as_ref().map_or_else(
            || "#6b7280".into(),
            |manifest| manifest.platform.colour.clone(),
        ),
        connector: connection.connector,
        account: connection.account.map(|account| account.label),
        health,
        used_by: used_by
            .into_iter()
            .map(|used| NamedSync {
                id: used.sync,
                name: used.name,
            })
            .collect(),
        created_at: connection.created_at,
    }
}

pub(crate) async fn get_connection(app: &App, request: ConnectionRef) -> Result<ConnectionDetail> {
    let id = request.connection;
    let row = app
        .engine()
        .store()
        .read(move |db| store::connections::get(db, id))
        .await?;
    let summary = summary_of(app, id).await?;
    let manifest = app.engine().platforms().manifest(id, &row.connector)?;
    let methods = platforms::auth_methods(&manifest);
    let method = methods.iter().find(|method| method.name == row.auth);
    let config = settings::values(&platforms::specification(&manifest), &row.config)
        .into_iter()
        .map(|value| ConfigValue {
            name: value.path,
            label: value.label,
            value: value.text,
        })
        .collect();
    // Neither a locked keychain nor a platform that is down keeps the page from opening.
    let token = connectors::auth::Credentials::load(app.engine().keeper(), id)
        .await
        .ok()
        .flatten();
    let (scopes, token_expires_at) = match token.as_ref().and_then(|known| known.kind.token()) {
        Some(set) => (set.scopes.clone(), set.expires_at),
        None => (Vec::new(), None),
    };
    let streams = match app.engine().platforms().get(id).await {
        Ok(platform) => Source::discover(&*platform, &Access::unattended())
            .await
            .map(stream_views)
            .unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    Ok(ConnectionDetail {
        summary,
        auth_label: method.map_or_else(|| row.auth.clone(), |method| method.label.clone()),
        auth_method: row.auth,
        config,
        settings: row.config,
        scopes,
        secrets_backend: app.engine().keeper().backend_name(),
        token_expires_at,
        streams,
    })
}

fn stream_views(streams: Vec<connectors::StreamSummary>) -> Vec<StreamView> {
    streams
        .into_iter()
        .map(|stream| StreamView {
            name: stream.name,
            label: stream.label,
            capabilities: capabilities_view(stream.capabilities),
        })
        .collect()
}

pub(crate) fn capabilities_view(can: connectors::Capabilities) -> CapabilitiesView {
    CapabilitiesView {
        read: can.read,
        incremental: can.incremental,
        create: can.create,
        update: can.update,
        delete: can.delete,
        archive: can.archive.is_some(),
        upsert: can.upsert,
        batch_size: u32::try_from(can.batch_size).unwrap_or(u32::MAX),
        match_by: can.match_by,
        idempotent_create: can.idempotent_create,
        deletions: match can.deletions {
            Deletions::ByAbsence => DeletionsView::ByAbsence,
            Deletions::Marked { field } => DeletionsView::Marked { field },
            Deletions::Listed { stream, .. } => DeletionsView::Listed { stream },
        },
    }
}

pub(crate) fn stream_detail(stream: connectors::StreamDescription) -> StreamDetail {
    StreamDetail {
        name: stream.name,
        label: stream.label,
        schema: stream.schema,
        key: stream.key,
        cursor_field: stream.cursor_field,
        capabilities: capabilities_view(stream.capabilities),
    }
}

pub(crate) async fn describe_stream(app: &App, request: StreamRequest) -> Result<StreamDetail> {
    Ok(stream_detail(
        app.engine()
            .platforms()
            .describe(request.connection, &request.stream)
            .await?,
    ))
}

pub(crate) async fn test_connection(app: &App, request: ConnectionRef) -> Result<TestResult> {
    let id = request.connection;
    let platform = app.engine().platforms().get(id).await?;
    let steps = Source::check(&*platform, &Access::unattended()).await;
    let ok = steps.iter().all(|step| step.result.is_ok());
    if ok {
        let now = app.engine().clock().now();
        app.engine()
            .store()
            .write(move |tx| {
                store::connections::set_state(tx, id, &ConnectionState::Connected, now)
            })
            .await?;
    }
    Ok(TestResult {
        steps: steps
            .into_iter()
            .map(|step| ConnectStep {
                label: step.name,
                state: if step.result.is_ok() {
                    StepState::Done
                } else {
                    StepState::Failed
                },
                detail: Some(match step.result {
                    Ok(words) => words,
                    Err(words) => sentence(&words),
                }),
                took_ms: u64::try_from(step.took.as_millis()).ok(),
            })
            .collect(),
        ok,
    })
}

pub(crate) async fn rename_connection(
    app: &App,
    request: RenameConnection,
) -> Result<ConnectionSummary> {
    let name = request.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 120 {
        return Err(ApiError::invalid(
            "A name needs 1 to 120 characters.",
            "Type one in.",
        ));
    }
    let (id, now) = (request.connection, app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| {
            let row = store::connections::get(tx, id)?;
            store::connections::update(
                tx,
                &Connection {
                    name,
                    updated_at: now,
                    ..row
                },
            )
        })
        .await?;
    app.engine().platforms().forget(id);
    summary_of(app, id).await
}

/// Deletes softly: it can be brought back, its secrets stay in the keychain until it is purged.
pub(crate) async fn delete_connection(app: &App, request: ConnectionRef) -> Result<Vec<NamedSync>> {
    let (id, now) = (request.connection, app.engine().clock().now());
    let used_by = app
        .engine()
        .store()
        .write(move |tx| {
            let used_by = store::connections::used_by(tx, id)?;
            store::connections::delete(tx, id, now)?;
            Ok(used_by)
        })
        .await?;
    app.engine().platforms().forget(id);
    Ok(used_by
        .into_iter()
        .map(|used| NamedSync {
            id: used.sync,
            name: used.name,
        })
        .collect())
}

pub(crate) async fn restore_connection(
    app: &App,
    request: ConnectionRef,
) -> Result<ConnectionSummary> {
    let (id, now) = (request.connection, app.engine().clock().now());
    app.engine()
        .store()
        .write(move |tx| store::connections::restore(tx, id, now))
        .await?;
    summary_of(app, id).await
}
