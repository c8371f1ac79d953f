//! Templates of mappings: nothing is guessed, no digit is lost, no clock is read.

use model::json;
use template::{Env, Scope, Template};

const RECORD: &str = r#"{"name": " Ana ", "nick": null, "amount": 1.10, "big": 9007199254740993, "long": 12345678901234567.89,
    "tags": ["a", "b"], "address": {"city": "Rosario"}, "items": 5, "is_new": true}"#;

fn check(template: &str, expected: &str) {
    let record = json::parse(RECORD.as_bytes()).unwrap();
    let scope = Scope::new().with("record", &record);
    let env = Env::frozen(crate::table::NOW.parse().unwrap());
    let got = match Template::compile_strict(template) {
        Ok(template) => match template.value(&scope, &env) {
            Ok(value) => json::to_string(&value),
            Err(error) => format!("{error} {:?}", error.missing),
        },
        Err(error) => error.to_string(),
    };
    assert_eq!(got, expected, "{template}");
}

#[test]
fn a_single_expression_keeps_the_kind_of_its_value() {
    check("{{ record.amount }}", "1.10");
    check("{{ record.long }}", "12345678901234567.89");
    check("{{ record.big + 1 }}", "9007199254740994");
    check("{{ record.nick }}", "null");
    check("{{ record.tags }}", "[\"a\",\"b\"]");
    check("{{ '12' }}", "\"12\"");
    check("{{ record.tags | map('upper') }}", "[\"A\",\"B\"]");
    check("{{ record.address.items() }}", "[[\"city\",\"Rosario\"]]");
    check("{{ range(2, 8, 3) }}", "[2,5]");
    check("{{ {'a': record.amount} }}", "{\"a\":1.10}");
    check("{{ duration('PT1H') }}", "\"1:00:00\"");
    check(
        "{{ str_to_datetime('2024-01-31').date() }}",
        "\"2024-01-31\"",
    );
}

#[test]
fn text_is_written_as_all_of_a_mapping_writes_it() {
    check("{{ record.amount }} EUR", "\"1.10 EUR\"");
    check("[{{ record.nick }}]", "\"[]\"");
    check("{{ record.is_new }}!", "\"true!\"");
    check(
        "{{ record.name ~ record.nick ~ record.is_new }}",
        "\" Ana true\"",
    );
    check("{{ [record.nick, true, 1] | join('-') }}", "\"-true-1\"");
}

#[test]
fn a_field_hides_the_method_of_its_name() {
    check("{{ record.items }}", "5");
    check("{{ record.get('items') }}", "5");
    check("{{ record.address.keys() | list }}", "[\"city\"]");
}

#[test]
fn amounts_are_exact_or_refused() {
    check("{{ record.long + record.amount }}", "12345678901234568.99");
    check("{{ record.amount * record.amount }}", "1.2100");
    check("{{ record.amount - 1 }}", "0.10");
    check("{{ -record.amount }}", "-1.10");
    check("{{ record.amount / 2 }}", "0.55");
    check(
        "{{ record.long > record.amount and record.amount == 1.1 }}",
        "true",
    );
    check(
        "{{ record.long / 2 }}",
        "12345678901234567.89 has more digits than `/` keeps; write `| float` to let them go (line 1, column 16) None",
    );
    check("{{ (record.long | float) / 2 }}", "6172839450617284.0");
    check("{{ record.amount | round(1) }}", "1.1");
}

#[test]
fn what_is_not_there_is_an_error_that_names_it() {
    check(
        "{{ record.nope }}",
        "`record.nope` is not there (line 1, column 1) Some(\"record.nope\")",
    );
    check(
        "{{ record.address['zip code'] | upper }}",
        "`record.address['zip code']` is not there (line 1, column 33) Some(\"record.address['zip code']\")",
    );
    check(
        "a {{ record.nope }}",
        "`record.nope` is not there (line 1, column 12) Some(\"record.nope\")",
    );
    check(
        "{{ record.nope.x }}",
        "`record.nope` is not there (line 1, column 15) Some(\"record.nope\")",
    );
    check("{{ record.nope | default('x') }}", "\"x\"");
    check("{{ record.nope is defined or not record.nope }}", "true");
    check(
        "{{ 'x' in record.nope }}",
        "`record.nope` is not there (line 1, column 4) Some(\"record.nope\")",
    );
}

#[test]
fn there_is_neither_a_clock_nor_chance() {
    for text in [
        "{{ now_utc() }}",
        "{{ generate_uuid() }}",
        "{{ day_delta(1) }}",
    ] {
        let template = Template::compile_strict(text).unwrap();
        assert_eq!(template.names().len(), 1, "{text}");
    }
    check(
        "{{ str_to_datetime('2024-01-31').now() }}",
        "there is no clock here: the same record must always give the same (line 1, column 37) None",
    );
    check(
        "{{ record.tags | random }}",
        "nothing is random here: the same record must always give the same (line 1, column 18) None",
    );
}

#[test]
fn no_number_is_guessed() {
    check(
        "{{ 'x' | int }}",
        "\"x\" is not a number (line 1, column 10) None",
    );
    check(
        "{{ record.tags | float }}",
        "list is not a number (line 1, column 18) None",
    );
    check("{{ 'x' | int(0) }}", "0");
}
