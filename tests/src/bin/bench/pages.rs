//! A platform that answers at once: pages that are made beforehand, so that what is measured is who reads them.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;

/// Records of a page.
pub(crate) const PAGE: usize = 100;
/// Different pages; they are given out in turns.
const DIFFERENT: usize = 64;
/// The day of the records of a page that is made beforehand.
const A_DAY: &str = "2024-06-15";

#[derive(Deserialize)]
struct Asked {
    page: Option<String>,
    day: Option<String>,
}

/// A page made beforehand, without what follows its records, and where its day stands.
struct Made {
    text: String,
    days: Vec<usize>,
}

/// Serves until the process ends; says where. `/pages/{n}` is a stream of n pages, `/days/{n}` n pages for each day,
/// `/parents/{n}` a list of n parents.
pub(crate) async fn serve() -> (String, impl Future<Output = ()>) {
    let made: Arc<Vec<Made>> = Arc::new((0..DIFFERENT).map(page).collect());
    let app = Router::new()
        .route("/pages/{pages}", get(pages))
        .route("/pages/{pages}/{of}", get(pages_of))
        .route("/days/{pages}", get(pages))
        .route("/parents/{parents}", get(parents))
        .with_state(made);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, async move {
        axum::serve(listener, app).await.unwrap();
    })
}

async fn pages(
    made: State<Arc<Vec<Made>>>,
    Path(pages): Path<usize>,
    asked: Query<Asked>,
) -> Response {
    answer(&made, pages, &asked)
}

async fn pages_of(
    made: State<Arc<Vec<Made>>>,
    Path((pages, _)): Path<(usize, String)>,
    asked: Query<Asked>,
) -> Response {
    answer(&made, pages, &asked)
}

fn answer(made: &[Made], pages: usize, asked: &Asked) -> Response {
    let number = asked
        .page
        .as_deref()
        .and_then(|page| page.trim_start_matches('p').parse().ok())
        .unwrap_or(0);
    let page = &made[number % DIFFERENT];
    let mut body = page.text.clone().into_bytes();
    if let Some(day) = asked.day.as_deref().filter(|day| day.len() == A_DAY.len()) {
        for at in &page.days {
            body[*at..at + A_DAY.len()].copy_from_slice(day.as_bytes());
        }
    }
    let next = if number + 1 < pages {
        format!("\"p{}\"", number + 1)
    } else {
        "null".to_owned()
    };
    let end = format!("],\"meta\":{{\"count\":{PAGE},\"page\":{number},\"next\":{next}}}}}");
    body.extend_from_slice(end.as_bytes());
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
fn page(number: usize) -> Made {
    let mut text = String::from("{\"data\":[");
    for n in 0..PAGE {
        let id = number * PAGE + n;
        if n > 0 {
            text.push(',');
        }
        write!(
            text,
            "{{\"id\":{id},\"email\":\"person{id}@customers.example.com\",\"first_name\":\"Ana{n}\",\"last_name\":\"Sutherland\",\
             \"status\":\"{status}\",\"created_at\":\"2014-03-{day:02}T10:00:00Z\",\"updated_at\":\"{A_DAY}T12:30:{second:02}.123Z\",\
             \"amount\":\"{id}.50\",\"score\":{n}.25,\"is_active\":{active},\"phone\":null,\
             \"company\":\"Harbour and Sons Trading {n}\",\
             \"address\":{{\"street\":\"{n} Long Acre Street\",\"city\":\"Rosario\",\"zip\":\"S2000\",\"country\":\"AR\"}},\
             \"tags\":[\"customer\",\"newsletter\",\"spring\"],\"note\":\"met at the fair in hall {n}, asked for the new list\"}}",
            status = if n % 3 == 0 { "archived" } else { "active" },
            day = n % 28 + 1,
            second = n % 60,
            active = n % 2 == 0,
        )
        .unwrap();
    }
    let days = text.match_indices(A_DAY).map(|(at, _)| at).collect();
    Made { text, days }
}
