mod examples;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::*;
use crate::declarative::manifest::Manifest;
use crate::declarative::node::asked;

/// Compares a document with what it is made from, or writes it when `PATCHBAY_BLESS` is set.
fn check_document(path: &str, made: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("PATCHBAY_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == made,
        "{} is not what the table says: run this test with PATCHBAY_BLESS=1",
        path.display()
    );
}

#[test]
fn the_published_documents_say_what_the_table_says() {
    let schema = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    check_document("schema/connector.schema.json", &schema);
    check_document("../../docs/connectors.md", &reference());
}

#[test]
fn every_name_in_the_table_is_in_the_table() {
    fn names(holds: &Holds, out: &mut Vec<String>) {
        match holds {
            Holds::Named(name) => out.push(name.clone()),
            Holds::List(inner) | Holds::MapOf(inner) => names(inner, out),
            Holds::Either(several) => several.iter().for_each(|one| names(one, out)),
            _ => {}
        }
    }
    let shapes = &*SHAPES;
    assert!(shapes.components.len() > 120, "both files are read");
    for choice in shapes.kinds.values() {
        for name in &choice.of {
            assert!(shapes.components.contains_key(name), "{name}");
        }
    }
    for (name, component) in &shapes.components {
        assert!(!component.says.is_empty(), "{name}");
        for (member, field) in &component.fields {
            assert!(!field.says.is_empty(), "{name}.{member}");
            let mut used = Vec::new();
            names(&field.holds, &mut used);
            for used in used {
                assert!(
                    shapes.kinds.contains_key(&used) || shapes.components.contains_key(&used),
                    "{name}.{member} holds `{used}`"
                );
            }
        }
    }
}

#[test]
fn the_connectors_that_come_along_fit_the_published_schema() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for text in [
        include_str!("../../../manifests/harbor/connector.yaml"),
        include_str!("../../../manifests/postino/connector.yaml"),
    ] {
        let file = Node::parse("x", text).unwrap().to_json();
        let problems: Vec<String> = validator
            .iter_errors(&file)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        let mut wrong = file;
        wrong["patchbay"]["platfrom"] = json!({});
        assert!(!validator.is_valid(&wrong));
    }
}

/// A value of this kind, with `focus` filled in beside what must be there.
fn sample(holds: &Holds, depth: usize) -> Value {
    match holds {
        Holds::Text | Holds::Template | Holds::Any => json!("a"),
        Holds::Count | Holds::Number => json!(1),
        Holds::Flag => json!(true),
        Holds::Map => json!({"a": "b"}),
        Holds::Path => json!(["a"]),
        Holds::Words(words) => json!(words[0]),
        Holds::List(inner) => json!([sample(inner, depth)]),
        Holds::MapOf(inner) => json!({"a": sample(inner, depth)}),
        Holds::Either(several) => sample(
            several
                .iter()
                .find(|one| !SHAPES.components_of(one).is_empty())
                .unwrap_or(&several[0]),
            depth,
        ),
        Holds::Named(_) => component(SHAPES.components_of(holds)[0], None, depth),
    }
}

/// A component with what must be there, and one member more.
fn component(name: &str, more: Option<(&str, Value)>, depth: usize) -> Value {
    assert!(depth < 12, "{name} needs itself");
    let shape = &SHAPES.components[name];
    let mut out = Map::new();
    if !shape.is_ours || shape.written.is_some() {
        out.insert("type".into(), json!(SHAPES.written(name)));
    }
    for (member, field) in &shape.fields {
        if field.is_required {
            out.insert(member.clone(), sample(&field.holds, depth + 1));
        }
    }
    // What is demanded beyond single members.
    let beyond = match name {
        "RequestOption" => json!({"field_name": "a"}),
        "HttpRequester" => json!({"url_base": "http://x.example", "http_method": "POST"}),
        "JwtAuthenticator" => json!({"algorithm": "HS256"}),
        "RecordExpander" => json!({"truncation_indicator_path": ["a"]}),
        "SignInTokenExchange" => json!({"first": {"type": "bearer"}}),
        "AsyncJobStatusMap" => {
            json!({"running": ["a"], "completed": ["b"], "failed": ["c"], "timeout": ["d"]})
        }
        "Batch" => json!({"entries": {"create": "a"}}),
        _ => json!({}),
    };
    // Of a list of failures, and of nothing else, it can be said what worked beside them.
    if name == "Results" && matches!(more, Some(("ids" | "records" | "listed", _))) {
        out.insert("failures".into(), json!({"path": ["a"]}));
    }
    for (member, value) in beyond.as_object().unwrap() {
        out.insert(member.clone(), value.clone());
    }
    if let Some((member, value)) = more {
        out.insert(member.into(), value);
    }
    Value::Object(out)
}

/// The shortest way from the file to each component: a member of a component above it.
fn ways() -> BTreeMap<String, Vec<(String, String)>> {
    let mut ways = BTreeMap::from([("DeclarativeSource".to_owned(), Vec::new())]);
    let mut queue = std::collections::VecDeque::from(["DeclarativeSource".to_owned()]);
    while let Some(above) = queue.pop_front() {
        for (member, field) in &SHAPES.components[&above].fields {
            for below in SHAPES.components_of(&field.holds) {
                let is_there = !field.is_idle && !SHAPES.components[below].is_absent;
                if !ways.contains_key(below) && is_there {
                    let mut way = ways[&above].clone();
                    way.push((above.clone(), member.clone()));
                    ways.insert(below.to_owned(), way);
                    queue.push_back(below.to_owned());
                }
            }
        }
    }
    ways
}

fn placed(holds: &Holds, name: &str, value: Value) -> Value {
    match holds {
        Holds::List(inner) => json!([placed(inner, name, value)]),
        Holds::MapOf(inner) => {
            let mut map = Map::new();
            map.insert("a".into(), placed(inner, name, value));
            Value::Object(map)
        }
        Holds::Either(several) => {
            let one = several
                .iter()
                .find(|one| SHAPES.components_of(one).contains(&name));
            placed(one.unwrap(), name, value)
        }
        _ => value,
    }
}

/// A whole file in which `value` stands where the component `name` may stand.
fn file_with(name: &str, way: &[(String, String)], value: Value) -> String {
    let mut value = value;
    let mut below = name.to_owned();
    for (above, member) in way.iter().rev() {
        let holds = &SHAPES.components[above].fields[member].holds;
        value = component(above, Some((member, placed(holds, &below, value))), 0);
        below.clone_from(above);
    }
    if value.get("streams").is_none() {
        value["streams"] = json!([component("DeclarativeStream", None, 0)]);
    }
    value.to_string()
}

/// Every complaint that the runtime has about the samples, by component and member.
fn complaints() -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    for (name, way) in &ways() {
        let mut members: Vec<(String, Value)> = SHAPES.components[name]
            .fields
            .iter()
            .map(|(member, field)| (member.clone(), sample(&field.holds, 0)))
            .collect();
        members.push(("zzzzzzzzzz".into(), json!(1)));
        for (member, value) in members {
            let text = file_with(name, way, component(name, Some((&member, value)), 0));
            let problem = match Manifest::parse("x", &text) {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            out.push((name.clone(), member, problem));
        }
    }
    out
}

/// What the runtime says where a component of an unknown type stands at a place for one of several.
fn refusals() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, way) in &ways() {
        for (member, field) in &SHAPES.components[name].fields {
            let choices = SHAPES.components_of(&field.holds);
            let is_one_of_ours =
                SHAPES.components[choices.first().copied().unwrap_or(name)].is_ours;
            let is_choice = choices.iter().any(|choice| *choice != choices[0]);
            if !is_choice || is_one_of_ours || field.is_idle {
                continue;
            }
            let mut odd = component(choices[0], None, 0);
            odd["type"] = json!("Zzzzzzzzzz");
            let value = placed(&field.holds, choices[0], odd);
            let text = file_with(name, way, component(name, Some((member, value)), 0));
            let said = match Manifest::parse("x", &text) {
                // What is wrong with one stream of several is told beside it.
                Ok(manifest) => match manifest.refused.into_iter().next() {
                    Some(refused) => refused.reason,
                    None => "it is taken".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            out.push((format!("{name}.{member}"), said));
        }
    }
    out
}

/// Members that the runtime asks several kinds of components for, and that mean nothing in these.
const ASKED_IN_PASSING: &[(&str, &str)] = &[
    ("CheckDynamicStream", "stream_names"),
    ("CursorPagination", "inject_on_first_request"),
    ("DatetimeBasedCursor", "start_value_option"),
    ("IncrementingCountCursor", "end_time_option"),
    ("IncrementingCountCursor", "global_substream_cursor"),
    ("IncrementingCountCursor", "is_client_side_incremental"),
    ("IncrementingCountCursor", "is_compare_strictly"),
    ("IncrementingCountCursor", "is_data_feed"),
    ("IncrementingCountCursor", "partition_field_end"),
    ("IncrementingCountCursor", "partition_field_start"),
    ("IncrementingCountCursor", "start_time_option"),
];

/// Places where the runtime itself looks at the type later, or not at all; a check of the file refuses unknown ones.
const TAKES_ANYTHING: &[&str] = &[
    "DeclarativeSource.check",
    "DefaultPaginator.page_token_option",
    "DynamicDeclarativeStream.stream_template",
    // Only their names count there.
    "StreamGroup.streams",
];

/// Members that only the app asks for.
const READ_BY_THE_APP: &[(&str, &str)] =
    &[("Spec", "advanced_auth"), ("Spec", "documentation_url")];

/// Components whose members are gone through instead of asked for.
const GONE_THROUGH: &[&str] = &["AsyncJobStatusMap"];

#[test]
fn the_table_and_the_runtime_know_the_same_components_and_members() {
    let complaints = complaints();
    let ways = ways();
    let asked = asked::all();
    let mut wrong = BTreeSet::new();
    for (name, component) in &SHAPES.components {
        let is_reached = ways.contains_key(name) && !GONE_THROUGH.contains(&name.as_str());
        if component.is_ours || component.is_python || !is_reached {
            continue;
        }
        let written = SHAPES.written(name);
        for (member, field) in &component.fields {
            let is_read = asked.contains(&(written.to_owned(), member.clone()))
                || READ_BY_THE_APP.contains(&(name, member));
            if is_read == field.is_idle {
                wrong.insert(format!(
                    "{name}.{member} is {}read",
                    if is_read { "" } else { "not " }
                ));
            }
        }
        for (_, member) in asked.iter().filter(|(kind, _)| kind == written) {
            let is_known = component.fields.contains_key(member) || member == "type";
            if !is_known && !ASKED_IN_PASSING.contains(&(name, member)) {
                wrong.insert(format!("{name}.{member} is read and not in the table"));
            }
        }
    }
    for (name, _) in SHAPES
        .components
        .iter()
        .filter(|(_, known)| known.is_absent)
    {
        if asked
            .iter()
            .any(|(kind, member)| kind == name && member != "type")
        {
            wrong.insert(format!("{name} is there and called absent"));
        }
    }
    let known: BTreeSet<&str> = SHAPES
        .components
        .keys()
        .map(|name| SHAPES.written(name))
        .collect();
    for (name, member, problem) in &complaints {
        if SHAPES.components[name].is_ours {
            if member != "zzzzzzzzzz" && problem.contains(&format!("`{member}` is not known here"))
            {
                wrong.insert(format!("{name}.{member} is refused"));
            }
            if member == "zzzzzzzzzz" && !SHAPES.components[name].is_open {
                match problem.split_once("expected one of ") {
                    Some((_, list)) if problem.contains("zzzzzzzzzz") => {
                        for real in list.split(", ").filter(|real| *real != "type") {
                            if !SHAPES.components[name].fields.contains_key(real) {
                                wrong
                                    .insert(format!("{name}.{real} is taken and not in the table"));
                            }
                        }
                    }
                    _ => {
                        wrong.insert(format!("{name}: {problem}"));
                    }
                }
            }
        }
    }
    // Components that the runtime names when it refuses one.
    for (place, refusal) in refusals() {
        let Some((_, list)) = refusal
            .split_once("`Zzzzzzzzzz` is not supported here")
            .and_then(|(_, rest)| rest.split_once("expected one of "))
        else {
            if !TAKES_ANYTHING.contains(&place.as_str()) {
                wrong.insert(format!("{place} takes anything: {refusal}"));
            }
            continue;
        };
        for real in list.split(", ").filter(|real| !known.contains(real)) {
            wrong.insert(format!(
                "{place}: {real} is known to the runtime and not in the table"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}",
        wrong.into_iter().collect::<Vec<_>>().join("\n")
    );
}
