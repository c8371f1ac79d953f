//! The window's pages in a browser: static files, one address for calls, one for events. Loopback only.
//!
//! Whoever may open a socket on this computer could reach it, so a call needs a token that is only in the printed
//! address. A page of another site that makes the browser call is refused four times over: by the name it called
//! ([`gate`]), by its origin, by the header that a foreign page cannot set, and by the token.

mod events;
mod gate;
mod pages;

use std::net::Ipv4Addr;
use std::time::Duration;

use api::{ApiError, App, Code};
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::arguments::Serve;
use crate::failure::{End, Failure};
use crate::hosts::Page;
use crate::output::Output;
use crate::serve::gate::Gate;
use crate::signals::wanted_to_end;
use crate::workspace::{self, Workspace};

/// Largest request that is read.
const MAX_BODY: usize = 8 * 1024 * 1024;
/// How long answers under way get when the program is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Served {
    app: App,
    /// True from the moment on that the program is to end.
    ending: watch::Receiver<bool>,
}

/// Serves until the person or the system wants it to end.
pub(crate) async fn serve(
    workspace: &Workspace,
    serve: Serve,
    output: &Output,
) -> Result<End, Failure> {
    let pages = pages::folder(serve.ui)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, serve.port))
        .await
        .map_err(|error| Failure::port(serve.port, &error))?;
    let port = listener
        .local_addr()
        .map_err(|error| Failure::internal("The port is not known.", &error))?
        .port();
    let app = workspace.open_to_stay(Page, serve.contacts).await?;
    let result = async {
        if serve.sample {
            app.call("start_sample_platforms", json!({})).await?;
        }
        let token = token()?;
        let gate = Gate::new(port, token.clone(), serve.allow_origin);
        let (end, ending) = watch::channel(false);
        let router = router(
            Served {
                app: app.clone(),
                ending: ending.clone(),
            },
            gate,
            pages,
        );
        let origin = format!("http://127.0.0.1:{port}");
        let url = format!("{origin}/#token={token}");
        output.answer(
            &json!({"url": url, "origin": origin, "token": token}),
            || format!("Patchbay is at {url}\nCtrl-C ends it."),
        )?;
        if serve.open
            && let Err(error) = open::that_detached(&url)
        {
            output.note(&format!(
                "The browser could not be opened ({error}): open the address yourself."
            ));
        }
        listen(listener, router, end, ending).await
    }
    .await;
    workspace::close(app).await;
    result
}

async fn listen(
    listener: TcpListener,
    router: Router,
    end: watch::Sender<bool>,
    mut ending: watch::Receiver<bool>,
) -> Result<End, Failure> {
    let mut told = ending.clone();
    let served = axum::serve(listener, router).with_graceful_shutdown(async move {
        // An error is the end too: nobody is left to tell.
        _ = told.wait_for(|ending| *ending).await;
    });
    let patience = async {
        _ = ending.wait_for(|ending| *ending).await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    let signal = async {
        wanted_to_end().await;
        _ = end.send(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = served.into_future() => served
            .map(|()| End::Done)
            .map_err(|error| Failure::internal("The server stopped.", &error)),
        () = patience => Ok(End::Done),
        () = signal => Ok(End::Done),
    }
}

fn router(served: Served, gate: Gate, pages: std::path::PathBuf) -> Router {
    let calls = Router::new()
        .route("/api/events", get(events::events))
        .route("/api/{name}", post(call))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(served)
        .layer(middleware::from_fn_with_state(
            gate.clone(),
            gate::only_with_token,
        ));
    calls
        .merge(pages::router(pages))
        .layer(middleware::from_fn_with_state(gate, gate::only_from_here))
        .layer(middleware::map_response(gate::with_headers))
}

async fn call(
    State(served): State<Served>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let request = match body {
        Ok(body) if body.is_empty() => Value::Null,
        Ok(body) => match serde_json::from_slice(&body) {
            Ok(request) => request,
            Err(error) => {
                return refuse(
                    StatusCode::BAD_REQUEST,
                    &ApiError::invalid(
                        format!("The request is not JSON: {error}."),
                        "Reload the page.",
                    ),
                );
            }
        },
        Err(rejection) => {
            let error = ApiError::invalid(
                "The request is too large.",
                "Split it; 8 MiB are read at most.",
            );
            return refuse(rejection.status(), &error);
        }
    };
    // What was begun is brought to its end, also when the page is closed meanwhile.
    let answer = tokio::spawn(async move { served.app.call(&name, request).await }).await;
    match answer {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(error)) => refuse(status_of(error.code), &error),
        Err(error) => {
            tracing::error!(%error, "A command broke down.");
            let error = ApiError {
                code: Code::Internal,
                message: "This did not work because of an error in Patchbay.".into(),
                hint: Some("Try it again; nothing that is stored was harmed.".into()),
                details: None,
            };
            refuse(StatusCode::INTERNAL_SERVER_ERROR, &error)
        }
    }
}

fn refuse(status: StatusCode, error: &ApiError) -> Response {
    (status, Json(json!(error))).into_response()
}

/// 401 is kept for pages without the token.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::InvalidRequest => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::SignInNeeded | Code::Busy | Code::ChangedElsewhere => StatusCode::CONFLICT,
        Code::MappingInvalid => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Unavailable | Code::SecretsUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::Platform => StatusCode::BAD_GATEWAY,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// 256 bits that nobody can guess.
fn token() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal("The system gives no random numbers.", &error))?;
    Ok(hex::encode(bytes))
}
