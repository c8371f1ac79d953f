//! What the documents show works: the YAML of the guides is part of a file that is checked as a whole.

use connectors::declarative::shape::json_schema;
use connectors::declarative::validate::validate;
use serde_json::{Value as Json, json};

const GUIDE: &str = include_str!("../../../../docs/howto/add-connector.md");
const SIGN_INS: &str = include_str!("../../../../docs/howto/add-sign-in.md");

/// The blocks of YAML in a document, with the line that each begins in.
fn blocks(document: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (n, line) in document.lines().enumerate() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((n + 2, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}

fn parsed(text: &str) -> Json {
    connectors::declarative::node::Node::parse("the guide", text)
        .unwrap_or_else(|error| panic!("{error}"))
        .to_json()
}

/// The pieces of a block: one for each time that its first name stands at the beginning of a line.
fn pieces(block: &str) -> Vec<String> {
    let name = first_name(block);
    let mut pieces: Vec<String> = Vec::new();
    for line in block.lines() {
        let begins = line.starts_with(&format!("{name}:")) || pieces.is_empty();
        if begins {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(line);
            piece.push('\n');
        }
    }
    pieces.retain(|piece| piece.lines().any(|line| line.starts_with(&name)));
    pieces
}

fn first_name(block: &str) -> String {
    let line = block.lines().find(|line| !line.starts_with('#')).unwrap();
    line.split(':').next().unwrap().to_owned()
}

fn by_day(field: &str) -> Json {
    json!({
        "type": "DatetimeBasedCursor", "cursor_field": field,
        "start_datetime": "2024-01-01", "datetime_format": "%Y-%m-%d",
    })
}

/// The simplest file with a piece of the guide in its place.
fn completed(simplest: &Json, piece: &str) -> Json {
    let mut file = simplest.clone();
    let name = first_name(piece);
    let value = parsed(piece)[&name].clone();
    let writes =
        |operations: Json| json!({"writes": {"people": {"key": "id", "operations": operations}}});
    match name.as_str() {
        "version" => return parsed(piece),
        "streams" => {
            let streams = value.as_array().unwrap().clone();
            file["streams"].as_array_mut().unwrap().extend(streams);
        }
        // A sign-in.
        "name" => file["patchbay"] = json!({"auth": [parsed(piece)]}),
        "patchbay" => file["patchbay"] = value,
        "bulk" => file["patchbay"] = writes(json!({"bulk": value})),
        "results" => {
            let request = json!({"path": "people/batch", "http_method": "POST", "request_body_json": "{{ entries }}"});
            let entries = json!({"create": "{{ fields }}"});
            file["patchbay"] = writes(
                json!({"batch": {"request": request, "size": 100, "entries": entries, "results": value}}),
            );
        }
        "partition_router" => {
            file["definitions"] = json!({"members": simplest["streams"][0]});
            file["streams"][0]["name"] = json!("people_of_a_part");
            file["streams"][0]["retriever"][&name] = value;
            file["check"]["stream_names"] = json!(["people_of_a_part"]);
        }
        "state_migrations" => {
            file["streams"][0][&name] = value;
            file["streams"][0]["incremental_sync"] = by_day("updated_at");
        }
        "changes" => {
            let mut events = simplest["streams"][0].clone();
            events["name"] = json!("events");
            events["incremental_sync"] = by_day("at");
            file["streams"].as_array_mut().unwrap().push(events);
            file["patchbay"] = writes(json!({"get": {"request": {"path": "people/{{ key }}"}}}));
            file["patchbay"][&name] = value;
        }
        other => panic!("this test knows no place for a block that begins with `{other}`"),
    }
    file
}

#[test]
fn the_files_of_the_guides_are_right() {
    let simplest = parsed(&blocks(GUIDE)[0].1);
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    for (document, least) in [(GUIDE, 8), (SIGN_INS, 16)] {
        let mut checked = 0;
        for (line, block) in &blocks(document) {
            for piece in pieces(block) {
                let file = completed(&simplest, &piece);
                let mut wrong: Vec<String> = validate("people", &file.to_string())
                    .iter()
                    .map(|finding| format!("{finding:?}"))
                    .collect();
                // What editors say of it.
                wrong.extend(schema.iter_errors(&file).map(|error| error.to_string()));
                assert!(
                    wrong.is_empty(),
                    "line {line}: {}\n{piece}",
                    wrong.join("\n")
                );
                checked += 1;
            }
        }
        assert!(checked >= least, "only {checked} pieces");
    }
}
