//! A platform that answers at once: pages that are made beforehand, so that what is measured is who reads them.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;

/// Records of a page.
pub const PAGE: usize = 100;
/// Different pages; they are given out in turns.
const DIFFERENT: usize = 64;

#[derive(Deserialize)]
struct Asked {
    page: Option<usize>,
}

struct Made {
    pages: Vec<Bytes>,
    empty: Bytes,
}

/// Serves until the process ends; says where. `/pages/{n}` is a stream of n pages, `/parents/{n}` a list of n
/// parents.
pub async fn serve() -> (String, impl Future<Output = ()>) {
    let made = Arc::new(Made {
        pages: (0..DIFFERENT).map(page).collect(),
        empty: Bytes::from_static(b"{\"data\":[],\"meta\":{\"count\":0}}"),
    });
    let app = Router::new()
        .route("/pages/{pages}", get(pages))
        .route("/pages/{pages}/{of}", get(pages_of))
        .route("/parents/{parents}", get(parents))
        .with_state(made);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, async move {
        axum::serve(listener, app).await.unwrap();
    })
}

async fn pages(made: State<Arc<Made>>, Path(pages): Path<usize>, asked: Query<Asked>) -> Response {
    answer(&made, pages, &asked)
}

async fn pages_of(
    made: State<Arc<Made>>,
    Path((pages, _)): Path<(usize, String)>,
    asked: Query<Asked>,
) -> Response {
    answer(&made, pages, &asked)
}

fn answer(made: &Made, pages: usize, asked: &Asked) -> Response {
    let page = asked.page.unwrap_or(0);
    let body = if page < pages {
        made.pages[page % DIFFERENT].clone()
    } else {
        made.empty.clone()
    };
    ([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

async fn parents(Path(parents): Path<usize>) -> Response {
    let list: Vec<String> = (0..parents)
        .map(|n| format!("{{\"id\":\"p{n}\"}}"))
        .collect();
    let body = format!("{{\"data\":[{}]}}", list.join(","));
    ([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

/// 100 records of 15 fields, about 490 bytes each.
fn page(number: usize) -> Bytes {
    let mut out = String::from("{\"data\":[");
    for n in 0..PAGE {
        let id = number * PAGE + n;
        if n > 0 {
            out.push(',');
        }
        write!(
            out,
            "{{\"id\":{id},\"email\":\"person{id}@customers.example.com\",\"first_name\":\"Ana{n}\",\"last_name\":\"Sutherland\",\
             \"status\":\"{status}\",\"created_at\":\"2024-03-{day:02}T10:00:00Z\",\"updated_at\":\"2024-06-{day:02}T12:30:{n:02}.123Z\",\
             \"amount\":\"{id}.50\",\"score\":{n}.25,\"is_active\":{active},\"phone\":null,\
             \"company\":\"Harbour and Sons Trading {n}\",\
             \"address\":{{\"street\":\"{n} Long Acre Street\",\"city\":\"Rosario\",\"zip\":\"S2000\",\"country\":\"AR\"}},\
             \"tags\":[\"customer\",\"newsletter\",\"spring\"],\"note\":\"met at the fair in hall {n}, asked for the new list\"}}",
            status = if n % 3 == 0 { "archived" } else { "active" },
            day = n % 28 + 1,
            active = n % 2 == 0,
        )
        .unwrap();
    }
    write!(out, "],\"meta\":{{\"count\":{PAGE},\"page\":{number}}}}}").unwrap();
    Bytes::from(out)
}
