//! Jobs: many writes that are carried out later. Submitted as JSON, JSON lines or CSV; asked about by id; the
//! results as JSON lines or CSV.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::batch::one;
use crate::{
    http::{
        call::{Answer, Call},
        gate::Caller,
    },
    world::{Stream, World},
};

/// Operations of one job.
const MAX_OPERATIONS: usize = 10_000;
/// Jobs that are remembered.
const MAX_JOBS: usize = 200;
/// A job is queued when it is asked about first, runs at the second time, and is done at the third.
const QUESTIONS: u32 = 2;

/// The jobs that were submitted.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    jobs: BTreeMap<u64, Job>,
    next: u64,
}

#[derive(Debug)]
struct Job {
    stream: Stream,
    operations: Vec<Value>,
    asked: u32,
    /// One for each operation, once it is done.
    results: Vec<Value>,
}

/// `POST …/jobs`.
pub(crate) fn submit(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let operations = match operations(call) {
        Ok(operations) if operations.len() <= MAX_OPERATIONS => operations,
        Ok(_) => return Answer::error(413, "too_many", "a job holds at most 10000 operations"),
        Err(answer) => return answer,
    };
    let jobs = &mut world.jobs;
    jobs.next += 1;
    let number = jobs.next;
    let count = operations.len();
    jobs.jobs.insert(
        number,
        Job {
            stream,
            operations,
            asked: 0,
            results: Vec::new(),
        },
    );
    while jobs.jobs.len() > MAX_JOBS {
        jobs.jobs.pop_first();
    }
    Answer::json(
        202,
        &json!({"job": {"id": id(number), "state": "queued", "operations": count}}),
    )
}

/// `GET …/jobs/{id}`.
pub(crate) fn show(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let Some(number) = number(world, call, stream) else {
        return Answer::error(404, "not_found", "there is no such job");
    };
    let now = world.clock.write_time();
    let mut due = Vec::new();
    if let Some(job) = world.jobs.jobs.get_mut(&number) {
        job.asked += 1;
        if job.asked > QUESTIONS && job.results.is_empty() {
            due = job.operations.clone();
        }
    }
    let results: Vec<Value> = due
        .iter()
        .enumerate()
        .map(|(index, operation)| one(world, stream, index, operation, now))
        .collect();
    let Some(job) = world.jobs.jobs.get_mut(&number) else {
        return Answer::error(404, "not_found", "there is no such job");
    };
    if !results.is_empty() {
        job.results = results;
    }
    let state = match job.asked {
        1 => "queued",
        asked if asked <= QUESTIONS => "running",
        _ => "done",
    };
    Answer::json(
        200,
        &json!({"job": {"id": id(number), "state": state, "operations": job.operations.len()}}),
    )
}

/// `GET …/jobs/{id}/results`; `?format=csv` for CSV.
pub(crate) fn results(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let found = number(world, call, stream).and_then(|number| world.jobs.jobs.get(&number));
    let Some(job) = found.filter(|job| !job.results.is_empty() || job.operations.is_empty()) else {
        return Answer::error(404, "not_found", "there are no results under this id");
    };
    let mut answer;
    if call.param("format") == Some("csv") {
        let mut text = String::from("index,client_ref,status,id,code,message,field\r\n");
        for result in &job.results {
            let error = |name: &str| result.get("error").and_then(|error| error.get(name));
            let cells = [
                result.get("index"),
                result.get("client_ref"),
                result.get("status"),
                result.get("id"),
                error("code"),
                error("message"),
                error("field"),
            ];
            let cells: Vec<String> = cells.iter().map(|cell| csv_cell(*cell)).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        answer = Answer::text(200, text);
        answer.content_type = "text/csv";
    } else {
        let text: String = job
            .results
            .iter()
            .map(|result| format!("{result}\n"))
            .collect();
        answer = Answer::text(200, text);
        answer.content_type = "application/x-ndjson";
    }
    answer
}

fn csv_cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => format!("\"{}\"", text.replace('"', "\"\"")),
        Some(other) => other.to_string(),
    }
}

fn id(number: u64) -> String {
    format!("job_{number}")
}

fn number(world: &World, call: &Call, stream: Stream) -> Option<u64> {
    let number = call.id.strip_prefix("job_")?.parse().ok()?;
    let job = world.jobs.jobs.get(&number)?;
    (job.stream == stream).then_some(number)
}

fn operations(call: &Call) -> Result<Vec<Value>, Answer> {
    let bytes = call.bytes()?;
    let text = String::from_utf8_lossy(bytes);
    let kind = call.header("content-type").unwrap_or("");
    let broken = |problem: String| Answer::error(400, "invalid_body", &problem);
    if kind.starts_with("application/x-ndjson") {
        return text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .enumerate()
            .map(|(n, line)| {
                serde_json::from_str(line)
                    .map_err(|error| broken(format!("line {}: {error}", n + 1)))
            })
            .collect();
    }
    if kind.starts_with("text/csv") {
        return Ok(csv_operations(&text));
    }
    match call.json()?.remove("operations") {
        Some(Value::Array(operations)) => Ok(operations),
        _ => Err(broken("operations must be a list".into())),
    }
}

/// The columns `op`, `client_ref`, `id` and `if_version` are the operation's, all others the record's; what is empty
/// is not there. No cell holds a line break.
fn csv_operations(text: &str) -> Vec<Value> {
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(csv_line);
    let Some(names) = lines.next() else {
        return Vec::new();
    };
    lines
        .map(|cells| {
            let (mut operation, mut record) = (Map::new(), Map::new());
            for (name, cell) in names.iter().zip(cells) {
                if cell.is_empty() {
                    continue;
                }
                let name = name.as_str();
                match name {
                    "op" | "client_ref" | "id" => operation.insert(name.into(), json!(cell)),
                    "if_version" => operation.insert(name.into(), json!(cell.parse::<u64>().ok())),
                    _ => record.insert(name.into(), json!(cell)),
                };
            }
            operation.insert("data".into(), Value::Object(record));
            Value::Object(operation)
        })
        .collect()
}

fn csv_line(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}
