//! `AsyncRetriever`: records that a platform gets ready first. A job is ordered, asked after until it is done, and its
//! results are fetched.

use std::collections::VecDeque;
use std::time::Duration;

use model::value::{Object, Value};
use template::{Env, Scope};
use tokio::time::Instant;
use url::Url;

use super::decode::json::Keep;
use super::node::View;
use super::options::Options;
use super::pages::adapt::Adapting;
use super::pages::{Context, page_scope};
use super::partition::Router;
use super::requester::Requester;
use super::selector::Selector;
use super::slice::Slice;
use super::stream::{Simple, SliceOptions};
use super::text::{Text, python_text};
use crate::http::client::same_origin;
use crate::http::{Answer, Body, Repeat, RequestParts, Verdict};
use crate::{Error, Result};

/// Between two questions after a job, and before a failed one is ordered anew.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
/// How often a job is ordered before it is given up.
const MOST_ATTEMPTS: u32 = 3;
/// How long a job may take, where the file does not say.
const USUAL_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The longest that a file may allow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Results that one job may have.
const MOST_TARGETS: usize = 100_000;

/// A job of the file.
#[derive(Clone, Debug)]
pub struct Job {
    /// How results are fetched, page by page; filter and transformations are the stream's.
    pub download: Simple,
    /// What a job is ordered for each of.
    pub router: Router,
    /// How a job is ordered.
    pub creation: Requester,
    polling: Requester,
    status: Selector,
    meanings: Vec<(String, Status)>,
    target: Option<Selector>,
    target_requester: Option<Requester>,
    abort: Option<Requester>,
    delete: Option<Requester>,
    timeout: Option<Text>,
    wait_after_failure: Option<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Running,
    Completed,
    Failed,
    TimedOut,
    Skipped,
}

impl Status {
    const ALL: [(&'static str, Self); 5] = [
        ("running", Self::Running),
        ("completed", Self::Completed),
        ("failed", Self::Failed),
        ("timeout", Self::TimedOut),
        ("skipped", Self::Skipped),
    ];
}

impl Job {
    /// From the file: the retriever and its stream.
    pub fn compile(view: &View<'_>, stream: &View<'_>) -> Result<Self> {
        let requester = |name: &str| -> Result<Option<Requester>> {
            view.get(name)
                .map(|requester| Requester::compile(&requester))
                .transpose()
        };
        let required = |name: &str, what: &str| Requester::compile(&view.require(name, what)?);
        let decoder = view.get("decoder");
        let extractor = |name: &str| -> Result<Option<Selector>> {
            view.get(name)
                .map(|extractor| Selector::extracting(view, Some(&extractor), decoder.as_ref()))
                .transpose()
        };
        let target = extractor("download_target_extractor")?;
        let target_requester = requester("download_target_requester")?;
        if target_requester.is_some() && target.is_none() {
            return Err(view.fail(
                "there is a download_target_requester but no download_target_extractor",
                "`download_target_extractor`: where the results stand in its answer",
            ));
        }
        let records = view.require("record_selector", "what is done to records")?;
        let results = view.get("download_extractor");
        let selector = Selector::extracting(
            view,
            results.as_ref(),
            view.get("download_decoder").as_ref(),
        )?
        .with_rules(&records, stream.get("transformations"))?;
        Ok(Self {
            download: Simple {
                requester: required("download_requester", "how results are fetched")?,
                selector,
                paginator: match view.get("download_paginator") {
                    Some(paginator) => super::paginator::Paginator::compile(&paginator)?,
                    None => None,
                },
                router: Router::Single,
                slice_options: SliceOptions::Never,
                properties: None,
                adapting: Adapting::default(),
            },
            router: Router::compile(view.get("partition_router"))?,
            creation: required("creation_requester", "how a job is ordered")?,
            polling: required("polling_requester", "how a job is asked after")?,
            status: extractor("status_extractor")?.ok_or_else(|| {
                view.fail(
                    "`status_extractor` is missing",
                    "`status_extractor`: where the status stands in the answer",
                )
            })?,
            meanings: meanings(&view.require("status_mapping", "what the statuses mean")?)?,
            target,
            target_requester,
            abort: requester("abort_requester")?,
            delete: requester("delete_requester")?,
            timeout: Text::member(view, "polling_job_timeout")?,
            wait_after_failure: Text::member(view, "failed_retry_wait_time_in_seconds")?,
        })
    }

    /// Orders a job for a slice and waits for it; none when the platform says that there is nothing to fetch.
    pub async fn run(
        &self,
        context: &Context,
        stream: &str,
        slice: &Slice,
    ) -> Result<Option<Ready>> {
        let _place = context.connection.job_place(&context.access).await?;
        let mut last = String::new();
        for attempt in 1..=MOST_ATTEMPTS {
            if attempt > 1 {
                let wait = self.wait_after_failure(context)?;
                pause(context, wait).await?;
            }
            let ordered = match self.order(context, slice).await {
                Ok(ordered) => ordered,
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(stream, attempt, "A job could not be ordered: {error}");
                    last = error.to_string();
                    continue;
                }
            };
            match self.wait_for(context, stream, &ordered).await? {
                (Status::Completed, Some(ready)) => return Ok(Some(ready)),
                (Status::Skipped, _) => return Ok(None),
                (Status::TimedOut, _) => {
                    last = "it took too long".into();
                    self.tell(context, &ordered, self.abort.as_ref()).await;
                }
                _ => last = "the platform says that it failed".into(),
            }
            tracing::warn!(stream, attempt, "A job did not come to its end: {last}");
        }
        Err(Error::Malformed {
            platform: context.connection.http.name().to_owned(),
            reason: format!(
                "a job of the stream {stream} did not come to its end, {MOST_ATTEMPTS} times ordered: {last}"
            ),
        })
    }

    /// The address that the credentials of a request of the job are for. Where results lie is for the platform to say,
    /// not who gets the credentials.
    pub fn home(
        &self,
        context: &Context,
        requester: &Requester,
        scope: &Scope<'_>,
        url: &Url,
    ) -> Result<Url> {
        if requester.is_answered() {
            context.connection.home(&self.creation, scope)
        } else {
            Ok(requester.home(scope, context.env(), url))
        }
    }

    /// Tells the platform that a job's results have been fetched.
    pub async fn finish(&self, context: &Context, ready: &Ready) {
        self.tell(context, &ready.slice, self.delete.as_ref()).await;
    }

    fn wait_after_failure(&self, context: &Context) -> Result<Duration> {
        let said = number(&self.wait_after_failure, &context.scope(), context.env())?;
        Ok(said.map_or(BETWEEN_QUESTIONS, |seconds| {
            Duration::from_secs(seconds).clamp(BETWEEN_QUESTIONS, LONGEST_TIMEOUT)
        }))
    }

    fn timeout(&self, context: &Context) -> Result<Duration> {
        let said = number(&self.timeout, &context.scope(), context.env())?;
        Ok(said
            .filter(|minutes| *minutes > 0)
            .map_or(USUAL_TIMEOUT, |minutes| {
                Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST_TIMEOUT)
            }))
    }

    /// The slice with what the order was answered.
    async fn order(&self, context: &Context, slice: &Slice) -> Result<Slice> {
        let (request, answer) = self.ask(context, &self.creation, slice).await?;
        let body = model::json::parse(&answer.body).unwrap_or_default();
        let names = self
            .creation
            .header_names(&page_scope(context, slice, &Value::Null), context.env())?;
        Ok(slice.with_extra(
            "creation_response",
            exchange(body, &answer, &request, &names),
        ))
    }

    async fn wait_for(
        &self,
        context: &Context,
        stream: &str,
        ordered: &Slice,
    ) -> Result<(Status, Option<Ready>)> {
        let deadline = Instant::now() + self.timeout(context)?;
        loop {
            let (request, answer) = self.ask(context, &self.polling, ordered).await?;
            let scope = page_scope(context, ordered, &Value::Null);
            let env = context.env();
            let mut rows = Vec::new();
            let body = self
                .status
                .extract(context, &scope, &answer, Keep::All, &mut rows)?
                .response;
            let said = rows
                .first()
                .map_or_else(|| "None".to_owned(), |row| python_text(&row.to_value()));
            let status = self
                .meanings
                .iter()
                .find(|(name, _)| *name == said)
                .map(|(_, status)| *status)
                .ok_or_else(|| {
                    context.malformed(&format!(
                        "a job of the stream {stream} has the status `{said}`, which the connector file does not know; \
                         its status_mapping names {}",
                        self.meanings
                            .iter()
                            .map(|(name, _)| name.as_str())
                            .collect::<Vec<_>>()
                            .join(", ")
                    ))
                })?;
            match status {
                Status::Completed => {
                    let names = self.polling.header_names(&scope, env)?;
                    let polled = exchange(body, &answer, &request, &names);
                    let slice = ordered.with_extra("polling_response", polled);
                    let targets = self.targets(context, &slice, &answer).await?;
                    return Ok((status, Some(Ready { slice, targets })));
                }
                Status::Running if Instant::now() >= deadline => {
                    return Ok((Status::TimedOut, None));
                }
                Status::Running => pause(context, BETWEEN_QUESTIONS).await?,
                over => return Ok((over, None)),
            }
        }
    }

    /// What is to be fetched; one nothing where the download needs no name.
    async fn targets(
        &self,
        context: &Context,
        slice: &Slice,
        polled: &Answer,
    ) -> Result<VecDeque<Value>> {
        let Some(target) = &self.target else {
            return Ok(VecDeque::from([Value::text("")]));
        };
        let asked;
        let answer = match &self.target_requester {
            Some(requester) => {
                asked = self.ask(context, requester, slice).await?.1;
                &asked
            }
            None => polled,
        };
        let scope = page_scope(context, slice, &Value::Null);
        let mut rows = Vec::new();
        target.extract(context, &scope, answer, Keep::Nothing, &mut rows)?;
        if rows.len() > MOST_TARGETS {
            return Err(Error::LimitExceeded {
                platform: context.connection.http.name().to_owned(),
                reason: format!("a job has {} results, more than {MOST_TARGETS}", rows.len()),
            });
        }
        Ok(rows.into_iter().map(model::row::Row::into_value).collect())
    }

    /// Tells the platform what becomes of a job. Nothing depends on the answer.
    async fn tell(&self, context: &Context, slice: &Slice, requester: Option<&Requester>) {
        if let Some(requester) = requester
            && let Err(error) = self.ask(context, requester, slice).await
        {
            tracing::warn!("A job could not be ended or removed: {error}");
        }
    }

    async fn ask(
        &self,
        context: &Context,
        requester: &Requester,
        slice: &Slice,
    ) -> Result<(RequestParts, Answer)> {
        let scope = page_scope(context, slice, &Value::Null);
        let request = requester.build(&scope, &scope, context.env(), Options::default(), None)?;
        let home = self.home(context, requester, &scope, &request.url)?;
        let unsigned;
        let requester = if same_origin(&home, &request.url) {
            requester
        } else {
            unsigned = requester.unsigned();
            &unsigned
        };
        let sent = request.clone();
        let connection = &context.connection;
        let answer = connection
            .send(
                requester,
                request,
                &home,
                &scope,
                Repeat::Safe,
                &context.access,
            )
            .await
            .map_err(Error::from)?;
        match answer.verdict {
            Verdict::Success | Verdict::Ignore => Ok((sent, answer)),
            _ => Err(answer.to_error(connection.http.name())),
        }
    }
}

/// A job whose results can be fetched.
#[derive(Debug)]
pub struct Ready {
    /// The slice with what was answered.
    slice: Slice,
    targets: VecDeque<Value>,
}

impl Ready {
    /// The slice of the next result; none when there are no more.
    pub fn next_slice(&mut self) -> Option<Slice> {
        let target = self.targets.pop_front()?;
        Some(self.slice.with_extra("download_target", target))
    }
}

fn meanings(view: &View<'_>) -> Result<Vec<(String, Status)>> {
    let mut meanings = Vec::new();
    for (name, values) in view.members()? {
        let Some((_, status)) = Status::ALL.iter().find(|(known, _)| *known == name) else {
            if matches!(name, "type" | "$parameters") || values.texts().is_err() {
                continue;
            }
            return Err(values.fail(
                format!("`{name}` is no state of a job"),
                "running, completed, failed, timeout or skipped",
            ));
        };
        for value in values.texts()? {
            if meanings
                .iter()
                .any(|(known, meaning)| *known == value && meaning != status)
            {
                return Err(values.fail(
                    format!("the status `{value}` has two meanings"),
                    "each status once",
                ));
            }
            meanings.push((value, *status));
        }
    }
    Ok(meanings)
}

fn number(text: &Option<Text>, scope: &Scope<'_>, env: &Env) -> Result<Option<u64>> {
    let Some(text) = text else {
        return Ok(None);
    };
    let said = text.printed(scope, env)?;
    match said.trim() {
        "" | "None" => Ok(None),
        said => match said.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(text.fail(format!("`{said}` is no whole number"))),
        },
    }
}

/// What ordering the same again cannot help.
const fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::Cancelled
            | Error::Misconfigured { .. }
            | Error::SignInNeeded { .. }
            | Error::Forbidden { .. }
            | Error::Secrets { .. }
            | Error::SignInFailed { .. }
    )
}

async fn pause(context: &Context, time: Duration) -> Result<()> {
    tokio::select! {
        biased;
        () = context.access.cancel.cancelled() => Err(Error::Cancelled),
        () = tokio::time::sleep(time) => Ok(()),
    }
}

/// An answer as templates see it: its members, its `headers`, and the `request`.
fn exchange(body: Value, answer: &Answer, request: &RequestParts, names: &[String]) -> Value {
    let mut object = match body {
        Value::Object(object) => object,
        _ => Object::new(),
    };
    if object.get("headers").is_none() {
        object.push("headers", headers(&answer.headers, &[]));
    }
    if object.get("request").is_none() {
        let mut url = request.url.clone();
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut asked = Object::new();
        asked.push("method", Value::text(request.method.as_str()));
        asked.push("url", Value::text(url.as_str()));
        asked.push("headers", headers(&request.headers, names));
        asked.push(
            "body",
            match &request.body {
                Body::Json(value) => Value::from(model::json::to_string(value)),
                Body::Raw(bytes) => Value::from(String::from_utf8_lossy(bytes).into_owned()),
                Body::Empty | Body::Form(_) => Value::Null,
            },
        );
        object.push("request", Value::Object(asked));
    }
    Value::Object(object)
}

/// Headers by all the ways in which files write their names: `x-report-id`, `X-Report-Id`, and `names`.
fn headers(headers: &http::HeaderMap, names: &[String]) -> Value {
    let mut object = Object::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else {
            continue;
        };
        let mut in_capitals = String::with_capacity(name.as_str().len());
        let mut begins = true;
        for c in name.as_str().chars() {
            in_capitals.push(if begins { c.to_ascii_uppercase() } else { c });
            begins = c == '-';
        }
        object.insert(name.as_str(), Value::text(value));
        object.insert(in_capitals, Value::text(value));
        for written in names {
            if written.eq_ignore_ascii_case(name.as_str()) {
                object.insert(written.as_str(), Value::text(value));
            }
        }
    }
    Value::Object(object)
}
