//! Reads schema pairs (`schema-match-pair/1`) below the folder that `PATCHBAY_MATCHING` names, and writes
//! predictions for its `score.py` to the file given as the only argument.
#![allow(
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a tool for the terminal"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mapping::suggest::{Candidate, Options, rank, suggest};
use model::field::{Field, FieldType};
use serde_json::{Map, Value as Json, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var("PATCHBAY_MATCHING")
        .map_err(|_| "set PATCHBAY_MATCHING to the folder of pairs")?;
    let out = std::env::args().nth(1).ok_or("name the file to write")?;
    let mut files = Vec::new();
    gather(Path::new(&folder), &mut files)?;
    let mut predictions = Map::new();
    for file in files {
        let Ok(pair) = serde_json::from_slice::<Json>(&std::fs::read(&file)?) else {
            continue;
        };
        if pair["format"] != "schema-match-pair/1" {
            continue;
        }
        let (source_ids, source) = side(&pair["source"]);
        let (target_ids, target) = side(&pair["target"]);
        let start = Instant::now();
        let ranked = rank(&source, &target);
        let options = Options {
            join_fields: false,
            ..Options::default()
        };
        let suggestions = suggest(&source, &target, &options);
        let ms = start.elapsed().as_secs_f64() * 1000.0;
        let ranked: Vec<Json> = ranked
            .iter()
            .map(|pair| {
                json!([
                    source_ids.get(pair.source),
                    target_ids.get(pair.target),
                    pair.score
                ])
            })
            .collect();
        let mapping: Vec<Json> = suggestions
            .rules
            .iter()
            .filter_map(|suggestion| {
                let model::mapping::Origin::Fields { paths } = &suggestion.rule.origin else {
                    return None;
                };
                let from = source
                    .iter()
                    .position(|candidate| Some(&candidate.path) == paths.first())?;
                let to = target
                    .iter()
                    .position(|candidate| candidate.path == suggestion.rule.target)?;
                Some(json!([source_ids.get(from), target_ids.get(to)]))
            })
            .collect();
        let id = pair["id"].as_str().unwrap_or_default().to_owned();
        predictions.insert(id, json!({"ranked": ranked, "mapping": mapping, "ms": ms}));
    }
    eprintln!("{} pairs", predictions.len());
    std::fs::write(out, Json::Object(predictions).to_string())?;
    Ok(())
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

fn side(side: &Json) -> (Vec<String>, Vec<Candidate>) {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    side["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|field| {
            let path: model::path::FieldPath = field["name"].as_str()?.parse().ok()?;
            let kind = field["type"].as_str().unwrap_or_default();
            let mut known = Field::new(path.leaf(), field_type(kind));
            known.description = field["description"]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned);
            let samples = field["samples"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|sample| {
                    let text = text(sample);
                    match model::json::parse(text.as_bytes()) {
                        Ok(value @ model::value::Value::List(_)) => value,
                        _ => text.into(),
                    }
                });
            let samples = samples.collect();
            Some((
                text(&field["id"]),
                Candidate {
                    path,
                    field: known,
                    samples,
                },
            ))
        })
        .unzip()
}

fn field_type(kind: &str) -> FieldType {
    match kind {
        "string" => FieldType::Text,
        "integer" => FieldType::Integer,
        "number" => FieldType::Decimal,
        "boolean" => FieldType::Bool,
        "object" => FieldType::Object,
        kind if kind.starts_with("array") => FieldType::List,
        _ => FieldType::Any,
    }
}
