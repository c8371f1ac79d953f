//! The two platforms of the sync that is measured, each in a process of its own: a source that makes its pages as they
//! are asked for, and a target that takes batches and remembers which address belongs to which record.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

/// Records of a page of the source.
pub(crate) const PAGE: usize = 500;
/// Changes in a request to the target.
pub(crate) const BATCH: usize = 100;
/// One in so many records changes in a round.
pub(crate) const CHANGES_ONE_IN: usize = 100;

/// Both platforms; a process uses one half of it.
#[derive(Default)]
struct Book {
    contacts: usize,
    /// How often the source was changed.
    round: AtomicUsize,
    people: Mutex<People>,
}

#[derive(Default)]
struct People {
    by_email: HashMap<String, usize>,
    count: usize,
}

#[derive(Deserialize)]
struct Asked {
    page: Option<String>,
    email: Option<String>,
}

/// Serves until the process ends; says where.
pub(crate) async fn serve(contacts: usize) -> (String, impl Future<Output = ()>) {
    let book = Arc::new(Book {
        contacts,
        ..Book::default()
    });
    let app = Router::new()
        .route("/contacts", get(contacts_page))
        .route("/change", post(change))
        .route("/people", get(find))
        .route("/people/batch", post(batch))
        .route("/forget", post(forget))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(book);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, async move {
        axum::serve(listener, app).await.unwrap();
    })
}

fn answer(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}

async fn contacts_page(book: State<Arc<Book>>, asked: Query<Asked>) -> Response {
    let number: usize = asked
        .page
        .as_deref()
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let round = book.round.load(Ordering::Relaxed);
    let from = number * PAGE;
    let to = (from + PAGE).min(book.contacts);
    let mut text = String::with_capacity(PAGE * 700);
    text.push_str("{\"data\":[");
    for id in from..to {
        if id > from {
            text.push(',');
        }
        contact(&mut text, id, round);
    }
    if to < book.contacts {
        write!(text, "],\"next\":\"{}\"}}", number + 1).unwrap();
    } else {
        text.push_str("],\"next\":null}");
    }
    answer(text)
}

async fn change(book: State<Arc<Book>>) -> Response {
    book.round.fetch_add(1, Ordering::Relaxed);
    answer("{}".to_owned())
}

async fn forget(book: State<Arc<Book>>) -> Response {
    book.round.store(0, Ordering::Relaxed);
    *book.people.lock().unwrap() = People::default();
    answer("{}".to_owned())
}

async fn find(book: State<Arc<Book>>, asked: Query<Asked>) -> Response {
    let people = book.people.lock().unwrap();
    let found: Vec<Value> = asked
        .email
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter_map(|email| {
            let id = people.by_email.get(email)?;
            Some(json!({"id": person(*id), "email": email, "version": 1}))
        })
        .collect();
    answer(json!({"items": found}).to_string())
}

#[derive(Deserialize)]
struct Batch {
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    op: String,
    id: Option<String>,
    data: Value,
}

async fn batch(book: State<Arc<Book>>, body: Bytes) -> Response {
    let batch: Batch = serde_json::from_slice(&body).unwrap();
    let mut people = book.people.lock().unwrap();
    let mut text = String::with_capacity(batch.operations.len() * 64);
    text.push_str("{\"results\":[");
    for (n, operation) in batch.operations.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        if operation.op == "create" {
            let id = people.count;
            people.count += 1;
            let email = operation.data["email"].as_str().unwrap_or_default();
            let before = people.by_email.insert(email.to_owned(), id);
            assert!(before.is_none(), "{email} was created twice");
            write!(
                text,
                "{{\"index\":{n},\"status\":201,\"id\":\"{}\",\"version\":1}}",
                person(id)
            )
            .unwrap();
        } else {
            let id = operation.id.unwrap_or_default();
            write!(
                text,
                "{{\"index\":{n},\"status\":200,\"id\":\"{id}\",\"version\":2}}"
            )
            .unwrap();
        }
    }
    text.push_str("]}");
    answer(text)
}

fn person(id: usize) -> String {
    format!("per_{id:010}")
}

const FIRST: [&str; 16] = [
    "Ana", "Bruno", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hana", "Ivo", "Jelena", "Kofi",
    "Lucía", "Marek", "Noor", "Olu", "Paula",
];
const LAST: [&str; 16] = [
    "Sutherland",
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Nakamura",
    "Oyelaran",
    "Petrov",
    "Quiroga",
    "Rasmussen",
    "Schneider",
    "Takahashi",
    "Ulloa",
    "Villanueva",
    "Wójcik",
    "Yilmaz",
    "Zhang",
];
const TRADE: [&str; 12] = [
    "Harbour", "Timber", "Glass", "Paper", "Coffee", "Marine", "Textile", "Copper", "Orchard",
    "Granite", "Signal", "Freight",
];
const PLACE: [(&str, &str); 12] = [
    ("Rosario", "AR"),
    ("Lyon", "FR"),
    ("Porto", "PT"),
    ("Graz", "AT"),
    ("Bergen", "NO"),
    ("Cork", "IE"),
    ("Gdynia", "PL"),
    ("Varna", "BG"),
    ("Bari", "IT"),
    ("Turku", "FI"),
    ("Leiden", "NL"),
    ("Malmö", "SE"),
];
const NOTE: [&str; 8] = [
    "met at the fair, asked for the new list",
    "wants invoices by post",
    "call in spring about the renewal",
    "prefers to be written to in the mornings",
    "moved from the old account",
    "has a discount until the end of the year",
    "do not call, write",
    "introduced by a partner",
];

/// About 500 bytes, different for each id; a record that changed has another name.
fn contact(text: &mut String, id: usize, round: usize) {
    let mut dice = (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |most: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice >> 33).unwrap() % most
    };
    let (first, last) = (FIRST[roll(16)], LAST[roll(16)]);
    let (trade, other) = (TRADE[roll(12)], TRADE[roll(12)]);
    let (city, country) = PLACE[roll(12)];
    let edits = (1..=round)
        .filter(|round| id % CHANGES_ONE_IN == *round)
        .count();
    let initial = if edits > 0 { "M. " } else { "" };
    write!(
        text,
        "{{\"id\":\"ct_{id:08}\",\"email\":\"person.{id}@{}-{}.example.com\",\"first_name\":\"{first}\",\"last_name\":\"{initial}{last}\",\
         \"status\":\"{}\",\"created_at\":\"20{:02}-{:02}-{:02}T{:02}:{:02}:00Z\",\"updated_at\":\"2025-{:02}-{:02}T12:30:{:02}.123Z\",\
         \"lifetime_value\":\"{}.{:02}\",\"score\":{},\"is_active\":{},\"phone\":\"+{} {} {}\",\
         \"company\":\"{trade} and {other} {}\",\
         \"address\":{{\"street\":\"{} Long Acre\",\"city\":\"{city}\",\"zip\":\"{}\",\"country\":\"{country}\"}},\
         \"tags\":[\"customer\",\"newsletter\"],\"note\":\"{}\"}}",
        trade.to_lowercase(),
        other.to_lowercase(),
        if roll(3) == 0 { "archived" } else { "active" },
        10 + roll(15),
        1 + roll(12),
        1 + roll(28),
        roll(24),
        roll(60),
        1 + roll(12),
        1 + roll(28),
        roll(60),
        roll(20_000),
        roll(100),
        roll(1000),
        roll(2) == 0,
        30 + roll(69),
        100 + roll(900),
        100_000 + roll(900_000),
        roll(100),
        1 + roll(300),
        10_000 + roll(90_000),
        NOTE[roll(8)],
    )
    .unwrap();
}
