//! The built pages, from a folder.

use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_http::services::{ServeDir, ServeFile};

use crate::failure::Failure;

/// The folder of the pages: the named one, or the one that was installed with this program.
pub(super) fn folder(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let has_pages = |folder: &PathBuf| folder.join("index.html").is_file();
    if let Some(folder) = named {
        if has_pages(&folder) {
            return Ok(folder);
        }
        return Err(Failure::invalid(
            format!("There are no pages in {}.", folder.display()),
            "Name the folder that holds index.html; in a checkout, `npm run build` in `ui` makes `ui/dist`.",
        ));
    }
    usual_places().into_iter().find(has_pages).ok_or_else(|| {
        Failure::invalid(
            "The pages of Patchbay are not installed beside this program.",
            "Name their folder with --ui.",
        )
    })
}

fn usual_places() -> Vec<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(PathBuf::from));
    let mut places: Vec<PathBuf> = beside
        .into_iter()
        .flat_map(|folder| {
            ["ui", "../share/patchbay/ui", "../lib/patchbay/ui"].map(|way| folder.join(way))
        })
        .collect();
    if cfg!(debug_assertions) {
        places.push(
            [env!("CARGO_MANIFEST_DIR"), "..", "..", "ui", "dist"]
                .iter()
                .collect(),
        );
    }
    places
}

pub(super) fn router(folder: PathBuf) -> Router {
    Router::new().fallback(page).with_state(folder)
}

/// A file, or the one page that all addresses of the window share.
async fn page(State(folder): State<PathBuf>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_asset = path.starts_with("/assets/");
    let is_file = is_asset
        || path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.'));
    if path.starts_with("/api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let found = ServeDir::new(&folder)
        .try_call(request)
        .await
        .map(IntoResponse::into_response);
    let mut response = match found {
        Ok(response) if response.status() == StatusCode::NOT_FOUND && is_read && !is_file => {
            match ServeFile::new(folder.join("index.html"))
                .try_call(Request::new(Body::empty()))
                .await
            {
                Ok(response) => response.into_response(),
                Err(error) => failed(&error),
            }
        }
        Ok(response) => response,
        Err(error) => failed(&error),
    };
    // Files in assets/ are named after their content; the page that names them must be fresh.
    let keep = if is_asset && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

fn failed(error: &std::io::Error) -> Response {
    tracing::warn!(%error, "A page could not be read.");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
