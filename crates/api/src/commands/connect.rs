//! Connecting a platform: what was typed, the way to the sign-in and back, and how it ended.

use std::collections::BTreeMap;

use engine::advanced_auth::{self, AdvancedAuth};
use engine::connect::{ConnectRequest, Flow, FlowResult, FlowStep};
use engine::{platforms, settings};
use model::secret::Secret;

use crate::app::App;
use crate::error::{ApiError, sentence};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

pub(crate) async fn start_connect(app: &App, request: StartConnect) -> Result<ConnectFlow> {
    app.engine().platforms().refresh().await?;
    let kept = match request.reconnect {
        Some(id) => {
            app.engine()
                .store()
                .read(move |db| store::connections::get(db, id))
                .await?
                .config
        }
        None => serde_json::Value::Null,
    };
    let (config, fields) = typed_in(
        app,
        &request.connector,
        &request.auth_method,
        request.config,
        &kept,
    )?;
    let host = app.0.host.clone();
    let flow = app.engine().start_connect(
        ConnectRequest {
            connector: request.connector,
            auth: request.auth_method,
            name: request.name,
            config,
            fields,
            reconnect: request.reconnect,
        },
        std::sync::Arc::new(move |url| host.open_url(url)),
    )?;
    Ok(flow_view(&flow))
}

/// What was typed into a connect form: the settings, complete and checked, and what the sign-in asks for.
/// `kept` are the settings as they are stored; their secrets stay where nothing was typed in.
pub(crate) fn typed_in(
    app: &App,
    connector: &str,
    auth_method: &str,
    values: serde_json::Map<String, serde_json::Value>,
    kept: &serde_json::Value,
) -> Result<(serde_json::Value, BTreeMap<String, Secret>)> {
    let manifest = app
        .engine()
        .platforms()
        .connector(connector)
        .ok_or_else(|| ApiError::not_found(format!("There is no connector \"{connector}\".")))?;
    let methods = platforms::auth_methods(&manifest);
    let method = methods
        .iter()
        .find(|method| method.name == auth_method)
        .ok_or_else(|| {
            ApiError::invalid(
                format!(
                    "{} has no way to sign in called \"{auth_method}\".",
                    manifest.platform.name
                ),
                "Choose one of those that the form offers.",
            )
        })?;
    // What the sign-in asks for is secret; what the connector asks for is a setting.
    let asked: Vec<&str> = method
        .fields()
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    let mut fields = BTreeMap::new();
    let mut config = serde_json::Map::new();
    for (name, value) in values {
        if asked.contains(&name.as_str()) {
            if let serde_json::Value::String(text) = value {
                fields.insert(name, Secret::new(text));
            }
        } else {
            config.insert(name, value);
        }
    }
    let specification = platforms::specification(&manifest);
    let config = settings::tidy(&serde_json::Value::Object(config));
    let config = settings::keep_secrets(kept, &config);
    let config = settings::complete(&specification, &config);
    let filled: Vec<String> = match AdvancedAuth::of(&manifest) {
        Some(advanced) if auth_method == advanced_auth::NAME => advanced
            .fills
            .iter()
            .map(|(path, _)| format!("/{}", path.join("/")))
            .collect(),
        _ => Vec::new(),
    };
    let problem = settings::check(&specification, &config)
        .into_iter()
        .find(|problem| !filled.contains(&problem.path));
    match problem {
        Some(problem) => Err(ApiError::invalid(
            format!("\"{}\" {}.", problem.label, problem.problem),
            "Correct it in the form and try again.",
        )),
        None => Ok((config, fields)),
    }
}

pub(crate) fn flow_view(flow: &Flow) -> ConnectFlow {
    ConnectFlow {
        id: flow.id,
        connector: flow.connector.clone(),
        steps: flow.steps.iter().map(step_view).collect(),
        authorize_url: flow.url.as_ref().map(ToString::to_string),
        user_code: flow.code.clone(),
        expires_at: flow.until,
        result: flow.result.as_ref().map(|result| match result {
            FlowResult::Connected {
                connection,
                account,
            } => ConnectResult::Connected {
                connection: *connection,
                account: account.clone(),
            },
            FlowResult::Failed(words) => {
                let error = ApiError::from(engine::Error::Refused(words.clone()));
                ConnectResult::Failed {
                    message: error.message,
                    hint: error.hint,
                }
            }
            FlowResult::WrongAccount { expected, found } => ConnectResult::WrongAccount {
                expected: expected.clone(),
                found: found.clone(),
            },
            FlowResult::Cancelled => ConnectResult::Cancelled,
        }),
    }
}

fn step_view(step: &FlowStep) -> ConnectStep {
    let (state, detail) = match &step.result {
        None => (StepState::Running, None),
        Some(Ok(detail)) => (StepState::Done, detail.clone()),
        Some(Err(words)) => (StepState::Failed, Some(sentence(words))),
    };
    ConnectStep {
        label: step.label.clone(),
        state,
        detail,
        took_ms: step.took_ms,
    }
}

fn flow_now(app: &App, request: &FlowRef) -> Result<ConnectFlow> {
    app.engine()
        .flow(request.flow)
        .map(|flow| flow_view(&flow))
        .ok_or_else(|| ApiError::not_found("This sign-in is over. Start it again."))
}

pub(crate) async fn get_connect_flow(app: &App, request: FlowRef) -> Result<ConnectFlow> {
    flow_now(app, &request)
}

pub(crate) async fn open_connect_page(app: &App, request: FlowRef) -> Result<ConnectFlow> {
    app.engine().open_flow_again(request.flow)?;
    flow_now(app, &request)
}

pub(crate) async fn paste_redirect(app: &App, request: PasteRedirect) -> Result<ConnectFlow> {
    app.engine().paste_redirect(request.flow, &request.url)?;
    flow_now(app, &FlowRef { flow: request.flow })
}

pub(crate) async fn cancel_connect(app: &App, request: FlowRef) -> Result<ConnectFlow> {
    app.engine().cancel_flow(request.flow);
    flow_now(app, &request)
}
