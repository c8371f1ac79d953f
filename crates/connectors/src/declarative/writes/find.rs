//! Looks records up, by fields and by key.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use model::path::FieldPath;
use model::record::{Record, RecordKey};
use model::row::Row;
use model::value::Value;
use template::Scope;

use super::spec::FindSpec;
use crate::auth::wire::encoded;
use crate::declarative::connection::Connection;
use crate::declarative::options::Options;
use crate::declarative::paginator::PageSeen;
use crate::declarative::path;
use crate::declarative::platform::paths_words;
use crate::declarative::reading::record_of;
use crate::declarative::text::python_text;
use crate::http::{Repeat, Verdict};
use crate::{Access, Error, Find, Result};

/// Requests for single records that are under way at the same time.
const AT_A_TIME: usize = 4;
/// Pages that one look-up may have.
const MOST_PAGES: usize = 50;

/// A key as one step of a path: it cannot climb out of it.
pub(super) fn path_step(key: &str) -> String {
    match key {
        "." => "%2E".into(),
        ".." => "%2E%2E".into(),
        _ => encoded(key).into_owned(),
    }
}

/// Looks records up by the values of fields.
pub async fn find(inner: &Connection, find: Find, access: &Access) -> Result<Vec<Vec<Record>>> {
    let stream = inner.connector.stream(&find.stream)?;
    let spec = inner.connector.writes(&find.stream);
    // One field is asked for; the others are compared here.
    let chosen = spec.and_then(|spec| {
        spec.finds.iter().find_map(|offered| {
            let index = find.by.iter().position(|path| *path == offered.by)?;
            Some((spec, offered, index))
        })
    });
    let Some((spec, offered, index)) = chosen else {
        return Err(Error::Misconfigured {
            what: format!("the connector {}", inner.connector.name),
            place: format!("patchbay.writes.{}.operations.find", find.stream),
            problem: format!(
                "{} cannot be looked up by {}",
                find.stream,
                paths_words(&find.by)
            ),
            expected: match spec {
                Some(spec) if !spec.finds.is_empty() => {
                    format!("a match by {}", paths_words(&spec.match_by))
                }
                _ => "a stream that records can be looked up in".into(),
            },
        });
    };
    let wanted: Vec<Option<String>> = find
        .values
        .iter()
        .map(|values| {
            let text = python_text(values.get(index)?);
            let odd = offered
                .separator
                .as_ref()
                .is_some_and(|separator| text.contains(separator.as_str()));
            (!text.trim().is_empty() && !odd).then_some(text)
        })
        .collect();
    let mut distinct: Vec<&str> = Vec::with_capacity(wanted.len());
    let mut known: HashMap<String, Vec<Record>> = HashMap::with_capacity(wanted.len());
    for text in wanted.iter().flatten() {
        if known
            .insert(comparable(offered, text), Vec::new())
            .is_none()
        {
            distinct.push(text);
        }
    }
    let mut found_any = false;
    for values in distinct.chunks(offered.size.max(1)) {
        for fields in look_up(inner, offered, values, access).await? {
            let record = record_of(fields, &stream.key, spec.version.as_ref());
            let Some(value) = record.fields.at(&offered.by) else {
                continue;
            };
            // What was not asked for is dropped: some platforms search by similarity.
            if let Some(found) = known.get_mut(&comparable(offered, &python_text(value))) {
                found.push(record);
                found_any = true;
            }
        }
    }
    if !found_any {
        return Ok(vec![Vec::new(); find.values.len()]);
    }
    Ok(find
        .values
        .iter()
        .zip(&wanted)
        .map(|(values, text)| {
            let Some(text) = text else {
                return Vec::new();
            };
            let found = known
                .get(&comparable(offered, text))
                .map(Vec::as_slice)
                .unwrap_or_default();
            found
                .iter()
                .filter(|record| fits(record, &find.by, values, index))
                .cloned()
                .collect()
        })
        .collect())
}

fn fits(record: &Record, by: &[FieldPath], values: &[Value], asked: usize) -> bool {
    by.iter().zip(values).enumerate().all(|(n, (path, value))| {
        n == asked
            || record
                .fields
                .at(path)
                .is_some_and(|found| found.same_as(value))
    })
}

fn comparable(offered: &FindSpec, text: &str) -> String {
    let text = if offered.trim { text.trim() } else { text };
    match offered.lower {
        true if text.is_ascii() => text.to_ascii_lowercase(),
        true => text.to_lowercase(),
        false => text.to_owned(),
    }
}

async fn look_up(
    inner: &Connection,
    offered: &FindSpec,
    values: &[&str],
    access: &Access,
) -> Result<Vec<Value>> {
    let texts: Vec<Value> = values.iter().copied().map(Value::text).collect();
    let first = texts.first().cloned().unwrap_or_default();
    let scope = inner
        .scope()
        .with("values", Value::List(texts))
        .with("value", first);
    let env = &inner.env;
    let steps = offered.records.steps(&scope, env)?;
    let mut token = offered
        .paginator
        .as_ref()
        .and_then(crate::declarative::paginator::Paginator::first);
    let mut out = Vec::new();
    for _ in 0..MOST_PAGES {
        let mut options = Options::default();
        let page = match &offered.paginator {
            Some(paginator) => {
                paginator.options(&scope, env, token.as_ref(), None, &mut options)?
            }
            None => None,
        };
        let request = offered
            .request
            .build(&scope, &scope, env, options, page.as_deref())?;
        let home = inner.home(&offered.request, &scope)?;
        let answer = inner
            .send(
                &offered.request,
                request,
                &home,
                &scope,
                Repeat::Safe,
                access,
            )
            .await?;
        match answer.verdict {
            Verdict::Success | Verdict::Ignore => {}
            _ => return Err(answer.to_error(inner.http.name())),
        }
        if !answer.status.is_success() {
            break;
        }
        let body = inner.parse(&answer)?;
        let next = match &offered.paginator {
            Some(paginator) => {
                let found = path::records(&body, &steps);
                let last = found.last().map(|last| Row::from((*last).clone()));
                paginator.next(
                    &scope,
                    env,
                    &PageSeen {
                        response: &body,
                        headers: &answer.headers,
                        extracted: found.len(),
                        kept: found.len(),
                        last: last.as_ref(),
                        token: token.as_ref(),
                        page_size: None,
                    },
                )?
            }
            None => None,
        };
        out.extend(path::take_records(body, &steps));
        if next.is_none() {
            return Ok(out);
        }
        token = next;
    }
    Ok(out)
}

/// Reads records by key; none where there is none.
pub async fn get(
    inner: &Connection,
    stream: &str,
    keys: &[RecordKey],
    access: &Access,
) -> Result<Vec<Option<Record>>> {
    let described = inner.connector.stream(stream)?;
    let spec = inner.connector.writes(stream);
    let Some((spec, getter)) = spec.and_then(|spec| Some((spec, spec.get.as_ref()?))) else {
        return Err(Error::Misconfigured {
            what: format!("the connector {}", inner.connector.name),
            place: format!("patchbay.writes.{stream}.operations.get"),
            problem: format!("single {stream} cannot be read"),
            expected: "an operation `get`".into(),
        });
    };
    let one = |key: RecordKey| async move {
        let scope = with_key(inner.scope(), Some(&key));
        let for_path = Scope::within(&scope).with("key", Value::text(path_step(key.as_str())));
        let request =
            getter
                .request
                .build(&scope, &for_path, &inner.env, Options::default(), None)?;
        let home = request.url.clone();
        let answer = inner
            .send(
                &getter.request,
                request,
                &home,
                &scope,
                Repeat::Safe,
                access,
            )
            .await?;
        if matches!(answer.status.as_u16(), 404 | 410) {
            return Ok(None);
        }
        match answer.verdict {
            Verdict::Success => {}
            Verdict::Ignore => return Ok(None),
            _ => return Err(answer.to_error(inner.http.name())),
        }
        let body = inner.parse(&answer)?;
        let steps = getter.record.steps(&scope, &inner.env)?;
        let Some(fields) = path::take_records(body, &steps).into_iter().next() else {
            return Ok(None);
        };
        let mut record = record_of(fields, &described.key, spec.version.as_ref());
        if record.version.is_none() {
            record.version = tag_of(&answer);
        }
        Ok(Some(record))
    };
    let mut out = Vec::with_capacity(keys.len());
    let mut answers = futures_util::stream::iter(keys.to_vec())
        .map(one)
        .buffered(AT_A_TIME);
    while let Some(answer) = answers.next().await {
        out.push(answer?);
    }
    Ok(out)
}

/// The `key` of templates.
pub(super) fn with_key<'a>(scope: Scope<'a>, key: Option<&RecordKey>) -> Scope<'a> {
    scope.with("key", key_value(key))
}

pub(super) fn key_value(key: Option<&RecordKey>) -> Value {
    key.map_or(Value::Null, |key| Value::text(key.as_str()))
}

/// The answer's `ETag`, without its quotes.
pub(super) fn tag_of(answer: &crate::http::Answer) -> Option<String> {
    let tag = answer.header("etag")?.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    Some(tag.trim_matches('"').to_owned())
}
