//! What an evaluation costs, by hand: `cargo run --release -p template --example template_speed`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example for the terminal"
)]

use std::hint::black_box;
use std::time::Instant;

use model::clock::Clock;
use model::json;
use template::{Env, Scope, Template};

const RECORD: &str = r#"{"id": 4711, "object": "contact", "email": "ana@example.org", "first_name": "Ana",
    "last_name": "Pérez", "status": "active", "amount": 19.90, "currency": "EUR", "created_at": "2024-01-15T10:20:30Z",
    "updated_at": "2024-03-01T08:00:00Z", "tags": ["a", "b", "c"], "address": {"city": "Rosario", "country": "AR"},
    "owner": null, "is_active": true, "score": 0.5, "notes": "a longer text that is only carried along", "phone":
    "+54 341 555 0100", "source": "web", "visits": 12, "parent": {"id": 1, "name": "Acme"}}"#;

const CASES: [(&str, &str); 8] = [
    ("a path", "{{ record['email'] }}"),
    ("a path two deep", "{{ record.address.city }}"),
    (
        "a condition",
        "{{ record['status'] == 'active' and record['visits'] > 10 }}",
    ),
    (
        "two fields in a text",
        "{{ record['first_name'] }} {{ record['last_name'] }}",
    ),
    (
        "two fields added",
        "{{ record.first_name + ' ' + record.last_name }}",
    ),
    ("now", "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') }}"),
    (
        "a date in another form",
        "{{ format_datetime(record.created_at, '%Y-%m-%d') }}",
    ),
    ("an object", "{{ record.address }}"),
];

/// Evaluations that one number is the best of.
const ROUNDS: usize = 20;
const TIMES: u32 = 20_000;

fn main() {
    let record = json::parse(RECORD.as_bytes()).unwrap();
    let config = json::parse(br#"{"api_key": "k", "start_date": "2024-01-01T00:00:00Z"}"#).unwrap();
    let env = Env::new(Clock::system());
    for (name, text) in CASES {
        let template = Template::compile(text).unwrap();
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for _ in 0..TIMES {
                let mut scope = Scope::new();
                scope.set("config", &config);
                scope.set("record", &record);
                _ = black_box(template.eval(black_box(&scope), &env));
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(TIMES));
        }
        println!("{best:7.0} ns  {name}");
    }
}
