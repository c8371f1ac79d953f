//! Reports of what comes back the same, on records.

use mapping::inverse::{Inverted, RoundTrip, round_trip, round_trip_of};
use mapping::{Program, Purpose, compile};
use model::field::Schema;
use model::value::Value;
use serde_json::{Value as Json, json};

use crate::inverse::turned;
use crate::program::mapping;
use crate::schemas::{contact, harbor, postino, schema};

/// A mapping and its way back.
struct Both {
    inverted: Inverted,
    forward: Program,
    back: Program,
}

fn both(rules: &Json, source: &Schema, target: &Schema) -> Both {
    let rules = mapping(rules);
    let inverted = turned(&rules, source, target);
    let program = |rules, source, target| {
        compile(rules, source, target, Purpose::Update)
            .program
            .unwrap()
    };
    Both {
        forward: program(&rules, source, target),
        back: program(&inverted.mapping, target, source),
        inverted,
    }
}

fn records(lines: &[&str]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| model::json::parse(line.as_bytes()).unwrap())
        .collect()
}

/// One field of a trip per paragraph, with examples.
fn told(trip: &RoundTrip) -> String {
    let mut out = String::new();
    for field in &trip.fields {
        out += &format!("{} <-> {}\n{field}\n", field.source, field.target);
        for (way, one) in [("A", &field.from_source), ("B", &field.from_target)] {
            for change in &one.examples {
                let before = model::json::to_string(&change.before);
                let after = match &change.after {
                    Ok(value) => model::json::to_string(value),
                    Err(why) => format!("refused: {why}"),
                };
                out += &format!("  {way}: {before} => {after}\n");
            }
        }
    }
    out
}

#[test]
fn a_report_counts_what_comes_back_and_guesses_why_the_rest_does_not() {
    let both = both(
        &json!([
            {"to": "email_address", "from": "email", "steps": ["trim", "lower"]},
            {"to": "full_name", "from": ["first_name", "last_name"], "steps": ["concat"]},
            {"to": "phone_e164", "from": ["phone", "address.country"], "steps": ["phone_e164"]},
            {"to": "location.city", "from": "address.city"},
            {"to": "location.country_code", "from": "address.country", "steps": ["country_code"]},
            {"to": "signup_date", "from": "consent_given_at", "steps": ["date_only"]},
            {"to": "tags", "from": "tags"},
            {"to": "lifetime_value", "from": "lifetime_value"},
            {"to": "marketing_consent", "from": "newsletter_opt_in"},
            {"to": "notes", "from": "notes", "steps": [{"name": "slice", "with": {"length": 10}}]},
        ]),
        &harbor(),
        &postino(),
    );
    let samples: Vec<Value> = (0..200)
        .map(|n| match n {
            0..3 => contact(&[]),
            3 => contact(&[("email", "\"not an address\""), ("notes", "\"short\"")]),
            _ => contact(&[
                ("email", &format!("\"ana{n}@example.com\"")),
                ("address.country", "\"BR\""),
                ("phone", "null"),
                ("tags", "[]"),
            ]),
        })
        .collect();
    let trip = round_trip(&both.forward, &both.back, &both.inverted.fields, &samples);
    insta::assert_snapshot!(told(&trip), @r#"
    email <-> email_address
    A→B→A equal for 196; 3 differ (case); 1 does not come back
    B→A→B equal for 199
      A: " Ana.Souza.10001@Example.com" => "ana.souza.10001@example.com"
      A: "not an address" => refused: "not an address" is not an e-mail address
    phone <-> phone_e164
    A→B→A equal for 196; 4 differ (format)
    B→A→B equal for 200
      A: "(11) 98765-4321" => "+5511987654321"
    address.city <-> location.city
    A→B→A equal for 200
    B→A→B equal for 200
    address.country <-> location.country_code
    A→B→A equal for 196; 4 differ (another value)
    B→A→B equal for 200
      A: "Brazil" => "BR"
    consent_given_at <-> signup_date
    A→B→A equal for 0; 200 differ (time of day)
    B→A→B equal for 200
      A: "2023-05-02T09:12:44-03:00" => "2023-05-02T00:00:00Z"
    tags <-> tags
    A→B→A equal for 200
    B→A→B equal for 200
    lifetime_value <-> lifetime_value
    A→B→A equal for 200
    B→A→B equal for 200
    newsletter_opt_in <-> marketing_consent
    A→B→A equal for 200
    B→A→B equal for 200
    notes <-> notes
    A→B→A equal for 1; 199 differ (shortened)
    B→A→B equal for 200
      A: "Met at the fair.\nPrefers calls after 14:00 ☎" => "Met at the"
    "#);
}

#[test]
fn records_of_the_target_are_sent_around_as_well() {
    let both = both(
        &json!([
            {"to": "price", "from": "cents", "steps": [{"name": "multiply", "with": {"by": "0.01"}}]},
            {"to": "state", "from": "open", "steps": [{"name": "value_map", "with": {"entries": {"true": "open", "false": "shut"}}}]},
            {"to": "day", "from": "day", "steps": [{"name": "parse_date", "with": {"format": "%d.%m.%Y"}}]},
            {"to": "labels", "from": "labels", "steps": ["split"]},
        ]),
        &schema("cents:integer?\nopen:bool?\nday:text?\nlabels:text?"),
        &schema("price:decimal?\nstate:text?\nday:date?\nlabels:list?"),
    );
    let source = records(&[
        r#"{"cents":1999,"open":true,"day":"01.03.2024","labels":"a, b"}"#,
        r#"{"cents":null,"open":null,"day":"1.3.2024","labels":null}"#,
    ]);
    let target = records(&[
        r#"{"price":"19.99","state":"shut","day":"2024-03-01","labels":["a","b"]}"#,
        r#"{"price":0.005,"state":"ajar","day":null,"labels":["a,b"]}"#,
        r#"{"price":19.990,"labels":[]}"#,
    ]);
    let trip = round_trip_of(
        &both.forward,
        &both.back,
        &both.inverted.fields,
        &source,
        &target,
    );
    insta::assert_snapshot!(told(&trip), @r#"
    cents <-> price
    A→B→A equal for 2
    B→A→B equal for 2; 1 does not come back
      B: 0.005 => refused: 0.500 is not a whole number; use the step "round"
    open <-> state
    A→B→A equal for 2
    B→A→B equal for 2; 1 does not come back
      B: "ajar" => refused: "ajar" is not in the table of values
    day <-> day
    A→B→A equal for 1; 1 differs (format)
    B→A→B equal for 3
      A: "1.3.2024" => "01.03.2024"
    labels <-> labels
    A→B→A equal for 1; 1 differs (spaces)
    B→A→B equal for 1; 2 differ (items, empty)
      A: "a, b" => "a,b"
      B: ["a,b"] => ["a","b"]
      B: [] => null
    "#);
}

#[test]
fn what_the_way_back_leaves_alone_counts_as_the_same() {
    let both = both(
        &json!([{"to": "b", "from": "a", "steps": [
            {"name": "value_map", "with": {"entries": {"x": "y"}, "unknown": "default", "default": "other"}},
        ]}]),
        &schema("a:text"),
        &schema("b:text"),
    );
    let samples = records(&[r#"{"a":"x"}"#, r#"{"a":"z"}"#]);
    let trip = round_trip(&both.forward, &both.back, &both.inverted.fields, &samples);
    insta::assert_snapshot!(told(&trip), @r#"
    a <-> b
    A→B→A equal for 2
    B→A→B equal for 1; 1 does not come back
      B: "other" => refused: "other" is not in the table of values
    "#);
}

#[test]
fn nothing_is_counted_without_samples_or_for_what_goes_one_way() {
    let both = both(
        &json!([{"to": "b", "from": "a"}, {"to": "c", "from": "a", "steps": ["hash"]}]),
        &schema("a:text"),
        &schema("b:text\nc:text"),
    );
    let trip = round_trip(&both.forward, &both.back, &both.inverted.fields, &[]);
    insta::assert_snapshot!(told(&trip), @r#"
    a <-> b
    A→B→A equal for 0
    B→A→B equal for 0
    "#);
}
