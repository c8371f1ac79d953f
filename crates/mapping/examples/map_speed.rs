//! Prints how many records a program of thirteen rules maps per CPU-second, how many a program of nine rules and its
//! way back do, and how long proposing rules for 500 by 500 fields takes. Run with `cargo run --release -p mapping --example map_speed`.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a tool for the terminal"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use mapping::inverse::{invert, round_trip};
use mapping::suggest::{Candidate, Options, suggest};
use mapping::{Program, Purpose, compile};
use model::field::{Field, FieldType, Schema};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::path::FieldPath;
use model::value::Value;
use serde_json::json;

const RECORD: &str = r#"{"id":"ct_10001","serial":9007199254750993,"version":1,"salutation":null,"first_name":"Ana","last_name":"Souza",
 "preferred_name":null,"email":" Ana.Souza.10001@Example.com","email_verified":true,"email_bounces":0,
 "phone":"(11) 98765-4321","job_title":"Buyer","department":"Purchasing","company_id":"co_1003",
 "owner":{"id":"usr_h1","name":"Dana Whitfield"},"lifecycle_stage":"customer","lead_source":"referral",
 "industry":"Retail","address":{"street":"Rua Augusta 1200","city":"São Paulo","region":"SP","postal_code":"01304-001","country":"Brazil"},
 "language":"pt-BR","timezone":"America/Sao_Paulo","website":"https://souza.example","tags":["vip","newsletter"],
 "annual_revenue":"1240000.50","currency":"BRL","lifetime_value":"1890.00","orders_count":12,"score":87.50,
 "do_not_email":false,"newsletter_opt_in":true,"consent_given_at":"2023-05-02T09:12:44-03:00",
 "notes":"Met at the fair.\nPrefers calls after 14:00","last_contacted_at":null,"archived":false,
 "created_at":"2022-11-03T08:15:00-03:00","updated_at":"2024-03-31T01:30:00-03:00"}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let rules = json!([
        ["email_address", ["email"], [{"name": "trim"}, {"name": "lower"}]],
        ["full_name", ["first_name", "last_name"], [{"name": "concat"}, {"name": "slice", "with": {"length": 120}}]],
        ["phone_e164", ["phone", "address.country"], [{"name": "phone_e164"}]],
        ["location.city", ["address.city"], []],
        ["location.region", ["address.region"], []],
        ["location.country_code", ["address.country"], [{"name": "country_code"}]],
        ["signup_date", ["created_at"], [{"name": "date_only"}]],
        ["tags", ["tags"], []],
        ["lifetime_value", ["lifetime_value"], []],
        ["language", ["language"], []],
        ["notes", ["notes"], [{"name": "slice", "with": {"length": 255}}]],
        ["marketing_consent", ["newsletter_opt_in"], []],
        ["status", ["do_not_email"], [{"name": "value_map", "with": {"entries": {"true": "unsubscribed", "false": "subscribed"}}}]],
    ]);
    let mapping = mapping_of(&rules)?;
    let target = Schema::default();
    let program = compile(&mapping, &Schema::default(), &target, Purpose::Upsert)
        .program
        .ok_or("the mapping is wrong")?;
    let record = model::json::parse(RECORD.as_bytes())?;
    println!("forward: {}", speed(&program, &record));
    there_and_back(&record)?;

    let side = |prefix: &str| -> Result<Vec<Candidate>, Box<dyn Error>> {
        let words = [
            "email",
            "phone",
            "first_name",
            "zip",
            "city",
            "country",
            "total",
            "created_at",
            "status",
            "note",
            "price",
            "owner",
            "company",
            "website",
            "score",
        ];
        (0..500)
            .map(|n| {
                let word = words[n % words.len()];
                let path: FieldPath = format!("{prefix}{}.{word}_{}", n / 50, n % 37).parse()?;
                let mut field = Field::new(path.leaf(), FieldType::Text);
                field.description = Some(format!(
                    "The {word} of the {prefix} in section {n}, as entered by people on the form."
                ));
                let samples = (0..20)
                    .map(|m| Value::from(format!("{word} {m}@{n}")))
                    .collect();
                Ok(Candidate {
                    path,
                    field,
                    samples,
                })
            })
            .collect()
    };
    let (left, right) = (side("contact")?, side("subscriber")?);
    let start = Instant::now();
    let found = suggest(&left, &right, &Options::default());
    println!(
        "{:.0} ms to propose {} rules for 500 by 500 fields",
        start.elapsed().as_secs_f64() * 1000.0,
        found.rules.len()
    );
    Ok(())
}

/// How fast a program maps a record.
fn speed(program: &Program, record: &Value) -> String {
    const RECORDS: u32 = 300_000;
    let start = Instant::now();
    let mut fields = 0;
    for _ in 0..RECORDS {
        fields += std::hint::black_box(program.apply(std::hint::black_box(record)))
            .fields
            .len();
    }
    let seconds = start.elapsed().as_secs_f64();
    format!(
        "{:.0} records per CPU-second ({} rules, {} fields)",
        f64::from(RECORDS) / seconds,
        program.target_paths().len(),
        fields / RECORDS as usize
    )
}

/// Rules whose steps are undone by other steps, so that both directions work.
fn there_and_back(record: &Value) -> Result<(), Box<dyn Error>> {
    let source = fields(&[
        ("email", FieldType::Text),
        ("orders_count", FieldType::Integer),
        ("lifetime_value", FieldType::Decimal),
        ("currency", FieldType::Text),
        ("newsletter_opt_in", FieldType::Bool),
        ("consent_given_at", FieldType::Timestamp),
        ("language", FieldType::Text),
        ("tags", FieldType::List),
        ("notes", FieldType::Text),
    ]);
    let target = fields(&[
        ("mail", FieldType::Text),
        ("orders", FieldType::Text),
        ("cents", FieldType::Decimal),
        ("money", FieldType::Text),
        ("consent", FieldType::Text),
        ("since", FieldType::Text),
        ("tongue", FieldType::Text),
        ("labels", FieldType::Text),
        ("remark", FieldType::Text),
    ]);
    let mapping = mapping_of(&json!([
        ["mail", ["email"], [{"name": "trim"}, {"name": "lower"}]],
        ["orders", ["orders_count"], []],
        ["cents", ["lifetime_value"], [{"name": "multiply", "with": {"by": 100}}]],
        ["money", ["currency"], []],
        ["consent", ["newsletter_opt_in"], [{"name": "value_map", "with": {"entries": {"true": "yes", "false": "no"}}}]],
        ["since", ["consent_given_at"], [{"name": "format_date", "with": {"format": "%d.%m.%Y %H:%M:%S %z"}}]],
        ["tongue", ["language"], [{"name": "replace", "with": {"find": "-", "with": "_"}}]],
        ["labels", ["tags"], [{"name": "join"}]],
        ["remark", ["notes"], []],
    ]))?;
    let inverted = invert(&mapping, &source, &target, &BTreeMap::new());
    let program = |mapping, source, target| {
        compile(mapping, source, target, Purpose::Update)
            .program
            .ok_or("the mapping is wrong")
    };
    let forward = program(&mapping, &source, &target)?;
    let back = program(&inverted.mapping, &target, &source)?;
    let there = Value::Object(forward.apply(record).fields);
    println!("there: {}", speed(&forward, record));
    println!("back: {}", speed(&back, &there));
    let samples = vec![record.clone(); 200];
    let start = Instant::now();
    let trip = round_trip(&forward, &back, &inverted.fields, &samples);
    println!(
        "{:.1} ms for the round trip of 200 records, {} fields",
        start.elapsed().as_secs_f64() * 1000.0,
        trip.fields.len()
    );
    Ok(())
}

fn fields(list: &[(&str, FieldType)]) -> Schema {
    Schema {
        fields: list
            .iter()
            .map(|(name, field_type)| Field::new(*name, *field_type))
            .collect(),
    }
}

/// Rules as target, sources, steps.
fn mapping_of(rules: &serde_json::Value) -> Result<Mapping, serde_json::Error> {
    let mut mapping = Mapping::default();
    for rule in rules.as_array().into_iter().flatten() {
        mapping.rules.push(Rule {
            target: serde_json::from_value(rule[0].clone())?,
            origin: Origin::Fields {
                paths: serde_json::from_value(rule[1].clone())?,
            },
            steps: serde_json::from_value(rule[2].clone())?,
            on_failure: OnFailure::Hold,
            comment: None,
        });
    }
    Ok(mapping)
}
