use mapping::suggest::{Candidate, Options, suggest};
use mapping::{Purpose, compile};
use model::field::{Field, FieldType, Schema};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::value::Value;

use crate::schemas::{contact, harbor, postino};

fn candidates(schema: &Schema, records: &[Value]) -> Vec<Candidate> {
    schema
        .walk()
        .into_iter()
        .map(|(path, field)| Candidate {
            samples: records
                .iter()
                .filter_map(|record| record.at(&path))
                .filter(|value| !value.is_null())
                .cloned()
                .collect(),
            field: field.clone(),
            path,
        })
        .collect()
}

fn contacts() -> Vec<Value> {
    vec![
        contact(&[]),
        contact(&[
            ("first_name", "\"Jonas\""),
            ("last_name", "\"Weber\""),
            ("email", "\"jonas@weber.example\""),
            ("phone", "\"0171/555 12 34 ext. 5\""),
            ("address.country", "\"Germany\""),
            ("address.city", "\"Köln\""),
            ("language", "\"de\""),
            ("currency", "\"EUR\""),
            ("tags", "[]"),
        ]),
        contact(&[
            ("first_name", "null"),
            ("last_name", "\"Cher\""),
            ("email", "\"n/a\""),
            ("phone", "\"+44 20 7946 0011\""),
            ("address.country", "\"United Kingdom\""),
            ("language", "\"en-GB\""),
            ("do_not_email", "true"),
            ("newsletter_opt_in", "false"),
        ]),
        contact(&[
            ("email", "\"\""),
            ("address", "null"),
            ("phone", "null"),
            ("lead_source", "null"),
        ]),
    ]
}

fn shown(rule: &Rule) -> String {
    let from = match &rule.origin {
        Origin::Fields { paths } => paths
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" + "),
        other => format!("{other:?}"),
    };
    let steps: Vec<String> = rule
        .steps
        .iter()
        .map(|step| {
            if step.with.is_empty() {
                step.name.clone()
            } else {
                format!(
                    "{}{}",
                    step.name,
                    serde_json::to_string(&step.with).unwrap()
                )
            }
        })
        .collect();
    let on_failure = if rule.on_failure == OnFailure::Hold {
        ""
    } else {
        " (skip)"
    };
    format!(
        "{} <- {}{}{on_failure}",
        rule.target,
        from,
        steps
            .iter()
            .map(|step| format!(" > {step}"))
            .collect::<String>()
    )
}

#[test]
fn harbor_contacts_become_postino_subscribers_without_help() {
    let (source, target) = (harbor(), postino());
    let found = suggest(
        &candidates(&source, &contacts()),
        &candidates(&target, &[]),
        &Options::default(),
    );
    let mut lines: Vec<String> = found
        .rules
        .iter()
        .map(|suggestion| shown(&suggestion.rule))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
email_address <- email > trim > lower
full_name <- first_name + last_name > concat{"separator":" ","skip_empty":true} > slice{"length":120}
language <- language
lifetime_value <- lifetime_value
location.city <- address.city
location.country_code <- address.country > country_code (skip)
location.region <- address.region
marketing_consent <- newsletter_opt_in
notes <- notes > slice{"length":255}
phone_e164 <- phone + address.country > phone_e164 (skip)
signup_date <- created_at > date_only
source <- lead_source
status <- do_not_email > value_map{"entries":{"true":"unsubscribed","false":"subscribed"}}
tags <- tags
"#);
    let unmatched: Vec<String> = found.unmatched.iter().map(ToString::to_string).collect();
    assert_eq!(unmatched, ["list_id"]);

    let mut mapping = Mapping {
        rules: found
            .rules
            .into_iter()
            .map(|suggestion| suggestion.rule)
            .collect(),
        ..Mapping::default()
    };
    let compiled = compile(&mapping, &source, &target, Purpose::Upsert);
    let errors: Vec<String> = compiled
        .errors()
        .map(|error| format!("{} {}", error.code, error.message))
        .collect();
    assert_eq!(
        errors,
        ["required_unmapped \"list_id\" is required to create a record, but nothing fills it"]
    );

    mapping.rules.push(Rule {
        target: "list_id".parse().unwrap(),
        origin: Origin::Constant {
            value: "lst_main".into(),
        },
        steps: Vec::new(),
        on_failure: OnFailure::Hold,
        comment: None,
    });
    mapping.rules.sort_by(|a, b| a.target.cmp(&b.target));
    let compiled = compile(&mapping, &source, &target, Purpose::Upsert);
    assert_eq!(compiled.errors().count(), 0, "{:?}", compiled.diagnostics);
    let program = compiled.program.unwrap();
    let lines: Vec<String> = contacts()
        .iter()
        .map(|record| {
            let mapped = program.apply(record);
            let problems: Vec<String> = mapped
                .problems
                .iter()
                .map(|problem| format!("\n  {} {}", problem.target, problem.message))
                .collect();
            model::json::to_string(&Value::Object(mapped.fields)) + &problems.concat()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
{"email_address":"ana.souza.10001@example.com","full_name":"Ana Souza","language":"pt-BR","lifetime_value":"1890.00","list_id":"lst_main","location":{"city":"São Paulo","country_code":"BR","region":"SP"},"marketing_consent":true,"notes":"Met at the fair.\nPrefers calls after 14:00 ☎","phone_e164":"+5511987654321","signup_date":"2022-11-03","source":"referral","status":"subscribed","tags":["vip","newsletter"]}
{"email_address":"jonas@weber.example","full_name":"Jonas Weber","language":"de","lifetime_value":"1890.00","list_id":"lst_main","location":{"city":"Köln","country_code":"DE","region":"SP"},"marketing_consent":true,"notes":"Met at the fair.\nPrefers calls after 14:00 ☎","phone_e164":"+491715551234","signup_date":"2022-11-03","source":"referral","status":"subscribed","tags":[]}
{"full_name":"Cher","language":"en-GB","lifetime_value":"1890.00","list_id":"lst_main","location":{"city":"São Paulo","country_code":"GB","region":"SP"},"marketing_consent":false,"notes":"Met at the fair.\nPrefers calls after 14:00 ☎","phone_e164":"+442079460011","signup_date":"2022-11-03","source":"referral","status":"unsubscribed","tags":["vip","newsletter"]}
  email_address "n/a" is not an e-mail address
{"full_name":"Ana Souza","language":"pt-BR","lifetime_value":"1890.00","list_id":"lst_main","location":{"city":null,"country_code":null,"region":null},"marketing_consent":true,"notes":"Met at the fair.\nPrefers calls after 14:00 ☎","phone_e164":null,"signup_date":"2022-11-03","source":null,"status":"subscribed","tags":["vip","newsletter"]}
  email_address is required but empty
"#);
}

#[test]
fn names_of_other_languages_and_shapes_of_values_decide() {
    fn side(fields: &[(&str, &str)]) -> Vec<Candidate> {
        fields
            .iter()
            .map(|(name, sample)| Candidate {
                path: name.parse().unwrap(),
                field: Field::new(*name, FieldType::Text),
                samples: vec![Value::text(*sample)],
            })
            .collect()
    }
    let source = side(&[
        ("Vorname", "Ana"),
        ("Nachname", "Souza"),
        ("Firma", "Calder"),
        ("PLZ", "50667"),
        ("Ort", "Köln"),
        ("Straße", "Domkloster 4"),
        ("Mailadresse", "ana@example.com"),
        ("Telefon", "0221 123456"),
        ("Geburtsdatum", "09.07.1984"),
        ("Feld7", "https://a.example"),
    ]);
    let target = side(&[
        ("first_name", "Bo"),
        ("surname", "Li"),
        ("organisation", "Finch"),
        ("zip", "1010"),
        ("town", "Wien"),
        ("address_line_1", "Ring 1"),
        ("email", "bo@example.org"),
        ("phone_number", "+43 1 234567"),
        ("dob", "1990-01-01"),
        ("homepage", "https://b.example"),
    ]);
    let found = suggest(
        &source,
        &target,
        &Options {
            threshold: 0.3,
            ..Options::default()
        },
    );
    let mut lines: Vec<String> = found
        .rules
        .iter()
        .map(|suggestion| shown(&suggestion.rule))
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
address_line_1 <- Straße
dob <- Geburtsdatum
email <- Mailadresse > trim > lower
first_name <- Vorname
homepage <- Feld7
organisation <- Firma
phone_number <- Telefon
surname <- Nachname
town <- Ort
zip <- PLZ
"#);
}

#[test]
fn every_suggestion_has_a_reason_and_a_score_within_bounds() {
    let found = suggest(
        &candidates(&harbor(), &contacts()),
        &candidates(&postino(), &[]),
        &Options {
            threshold: 0.2,
            ..Options::default()
        },
    );
    for suggestion in &found.rules {
        assert!((0.0..=1.0).contains(&suggestion.score), "{suggestion:?}");
        assert!(
            !suggestion.reasons.is_empty() || suggestion.score < 0.6,
            "{suggestion:?}"
        );
    }
    let mut targets: Vec<_> = found
        .rules
        .iter()
        .map(|suggestion| suggestion.rule.target.clone())
        .collect();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), found.rules.len());
}

#[test]
fn more_fields_than_are_compared_stay_unmatched_and_nothing_breaks() {
    let many = |n: usize| -> Vec<Candidate> {
        (0..n)
            .map(|n| Candidate {
                path: format!("f{}", n % 7).parse().unwrap(),
                field: Field::new("f", FieldType::Any),
                samples: Vec::new(),
            })
            .collect()
    };
    let few = many(3);
    let found = suggest(
        &few,
        &many(mapping::suggest::MAX_FIELDS + 5),
        &Options::default(),
    );
    assert!(found.rules.len() <= 3);
    assert_eq!(
        found.rules.len() + found.unmatched.len(),
        mapping::suggest::MAX_FIELDS + 5
    );
    assert!(suggest(&[], &few, &Options::default()).rules.is_empty());
    assert!(suggest(&few, &[], &Options::default()).rules.is_empty());
}
