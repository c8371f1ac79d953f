//! Carries changes out, and says of each what became of it.
//!
//! The rule: an error is returned only while nothing can have been applied. From then on every doubt
//! is [`Outcome::Unknown`], to be settled by a look-up before anything is sent again.

use model::ids::ExchangeId;
use model::record::{Change, Operation, Outcome, Rejection};
use model::value::Value;
use sha2::{Digest as _, Sha256};

use template::Scope;

use super::find::{path_step, tag_of, with_key};
use super::outcome::{Said, outcome};
use super::spec::{Batch, Single, WriteSpec};
use crate::declarative::options::Options;
use crate::declarative::path;
use crate::declarative::platform::Connection;
use crate::declarative::text::{PathText, Reading, python_text};
use crate::http::answer::words_of;
use crate::http::{Answer, Failure, Repeat, Verdict};
use crate::{Access, Error, Result, Written};

/// How often items that a platform put off are sent again.
const ROUNDS: u32 = 5;
/// Most requests that finding the bad items of a refused batch may take.
const MOST_SPLITS: u32 = 64;

/// Carries out changes in order.
pub async fn write(
    inner: &Connection,
    stream: &str,
    changes: &[Change],
    access: &Access,
) -> Result<Written> {
    inner.connector.stream(stream)?;
    let spec = inner.connector.writes(stream);
    let refused = changes
        .iter()
        .find(|change| !spec.is_some_and(|spec| spec.offers(change.operation)));
    let (Some(spec), None) = (spec, refused) else {
        return Err(Error::Misconfigured {
            what: format!("the connector {}", inner.connector.name),
            place: format!("patchbay.writes.{stream}"),
            problem: format!(
                "{} is not offered for {stream}",
                refused.map_or("writing", |change| change.operation.as_str())
            ),
            expected: "an operation of this kind, or a sync that does without".into(),
        });
    };
    let mut writing = Writing {
        inner,
        spec,
        access,
        changes,
        settled: vec![None; changes.len()],
        exchanges: vec![None; changes.len()],
        anything_sent: false,
        splits: 0,
    };
    writing.all().await?;
    let outcomes = writing
        .settled
        .into_iter()
        .map(|outcome| {
            outcome.unwrap_or_else(|| Outcome::Unknown {
                reason: "it was not sent: the writing stopped before".into(),
            })
        })
        .collect();
    Ok(Written {
        outcomes,
        exchanges: writing.exchanges,
    })
}

struct Writing<'a> {
    inner: &'a Connection,
    spec: &'a WriteSpec,
    access: &'a Access,
    changes: &'a [Change],
    settled: Vec<Option<Outcome>>,
    exchanges: Vec<Option<ExchangeId>>,
    /// Something may have been applied: from now on no error is returned.
    anything_sent: bool,
    splits: u32,
}

/// Whether to go on with the next changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    /// The platform cannot be worked with now.
    Stop,
}

impl<'a> Writing<'a> {
    async fn all(&mut self) -> Result<()> {
        let mut waiting: Vec<usize> = Vec::new();
        for (n, change) in self.changes.iter().enumerate() {
            let in_batch = self.spec.batch_entry(change.operation).is_some()
                // A version that must still be there goes where it can be said.
                && !(change.version.is_some() && self.prefers_single(change.operation));
            if in_batch {
                waiting.push(n);
                let full = self
                    .spec
                    .batch
                    .as_ref()
                    .is_some_and(|batch| waiting.len() >= batch.size);
                if full && self.batches(std::mem::take(&mut waiting)).await? == Next::Stop {
                    return Ok(());
                }
                continue;
            }
            // The order is kept.
            if self.batches(std::mem::take(&mut waiting)).await? == Next::Stop {
                return Ok(());
            }
            let Some(single) = self.spec.single(change.operation) else {
                continue;
            };
            if self.single(n, change, single).await? == Next::Stop {
                return Ok(());
            }
        }
        self.batches(waiting).await?;
        Ok(())
    }

    fn prefers_single(&self, operation: Operation) -> bool {
        let says_version = |tree: &crate::declarative::text::Tree| tree.mentions("version");
        !self.spec.batch_entry(operation).is_some_and(says_version)
            && self
                .spec
                .single(operation)
                .is_some_and(|single| single.if_match.is_some())
    }

    fn scope(&self, change: &Change) -> Scope<'a> {
        let version = change.version.as_deref();
        with_key(self.inner.scope(), change.target_key.as_ref())
            .with("fields", Value::Object(change.fields.clone()))
            .with("version", version.map_or(Value::Null, Value::text))
            .with("id", Value::text(change.id.to_string()))
    }

    fn settle(&mut self, n: usize, outcome: Outcome, exchange: Option<ExchangeId>) {
        if let Some(slot) = self.settled.get_mut(n) {
            *slot = Some(outcome);
        }
        if let Some(slot) = self.exchanges.get_mut(n) {
            *slot = exchange;
        }
    }

    /// No answer came.
    fn failed(&mut self, these: &[usize], failure: Failure) -> Result<Next> {
        if !failure.sent {
            if !self.anything_sent {
                return Err(failure.error);
            }
            return Ok(Next::Stop);
        }
        self.anything_sent = true;
        let reason = failure.error.to_string();
        for n in these {
            let outcome = Outcome::Unknown {
                reason: reason.clone(),
            };
            self.settle(*n, outcome, failure.exchange);
        }
        Ok(Next::Stop)
    }

    /// An answer came that says nothing about single changes and that nothing was applied.
    fn not_applied(&mut self, these: &[usize], answer: &Answer) -> Result<Next> {
        if !self.anything_sent {
            return Err(answer.to_error(self.inner.http.name()));
        }
        for n in these {
            let reason = format!(
                "it was not applied: {}",
                answer.to_error(self.inner.http.name())
            );
            self.settle(*n, Outcome::Unknown { reason }, Some(answer.exchange));
        }
        Ok(Next::Stop)
    }

    async fn single(&mut self, n: usize, change: &Change, single: &'a Single) -> Result<Next> {
        let scope = self.scope(change);
        let key = change.target_key.as_ref().map_or("", |key| key.as_str());
        let for_path = Scope::within(&scope).with("key", Value::text(path_step(key)));
        let built = single.request.build(&scope, &for_path, &self.inner.env, Options::default(), None);
        let mut request = match built {
            Ok(request) => request,
            Err(error) if !self.anything_sent => return Err(error),
            Err(error) => {
                self.settle(n, not_possible(&error), None);
                return Ok(Next::GoOn);
            }
        };
        if let Some(header) = &single.idempotency_header {
            request.set_header(header, &idempotency_key([change], 0));
        }
        if let (Some((header, value)), Some(_)) = (&single.if_match, &change.version) {
            let text = value.render(&scope, &self.inner.env)?;
            if !request.set_header(header, &text) {
                return Err(value.fail("its value cannot be a header".into()));
            }
        }
        let safe = single.idempotency_header.is_some();
        let home = request.url.clone();
        let sent = self
            .inner
            .send(
                &single.request,
                request,
                &home,
                &scope,
                repeat(safe),
                self.access,
            )
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => return self.failed(&[n], failure),
        };
        let status = answer.status.as_u16();
        if matches!(status, 401 | 403 | 405 | 407 | 429) || says_later(&answer) {
            return self.not_applied(&[n], &answer);
        }
        if answer.status.is_success() && answer.verdict != Verdict::Success
            || answer.status.is_redirection()
        {
            self.anything_sent = true;
            let reason = answer.to_error(self.inner.http.name()).to_string();
            self.settle(n, Outcome::Unknown { reason }, Some(answer.exchange));
            return Ok(Next::GoOn);
        }
        self.anything_sent |= !(400..500).contains(&status);
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            model::json::parse(&answer.body).unwrap_or(Value::Null)
        };
        let steps = single.record.steps(&scope, &self.inner.env)?;
        let record = path::at(&body, &steps).cloned();
        let mut result = outcome(
            &scope,
            &self.inner.env,
            self.spec,
            &self.spec.errors,
            change,
            Said {
                status,
                id: None,
                record,
                tag: tag_of(&answer),
                body: &body,
            },
        )?;
        if body.is_null()
            && let Outcome::Rejected(rejection) = &mut result
        {
            let words = words_of(&answer.body);
            if !words.is_empty() {
                rejection.message = words;
            }
        }
        self.settle(n, result, Some(answer.exchange));
        Ok(Next::GoOn)
    }

    /// Sends changes as one batch; what is put off is sent again, what is refused as a whole is halved
    /// until the bad ones are found.
    async fn batches(&mut self, these: Vec<usize>) -> Result<Next> {
        let Some(batch) = &self.spec.batch else {
            return Ok(Next::GoOn);
        };
        let mut stack = vec![(these, 0u32)];
        while let Some((these, round)) = stack.pop() {
            if these.is_empty() {
                continue;
            }
            match self.batch(batch, &these, round).await? {
                BatchEnd::Stop => return Ok(Next::Stop),
                BatchEnd::Settled(put_off) if put_off.is_empty() => {}
                BatchEnd::Settled(put_off) => {
                    if round + 1 < ROUNDS {
                        for n in &put_off {
                            if let Some(slot) = self.settled.get_mut(*n) {
                                *slot = None;
                            }
                        }
                        stack.push((put_off, round + 1));
                    }
                }
                BatchEnd::RefusedAsAWhole => {
                    let (left, right) = these.split_at(these.len() / 2);
                    stack.push((right.to_vec(), round));
                    stack.push((left.to_vec(), round));
                }
            }
        }
        Ok(Next::GoOn)
    }

    async fn batch(&mut self, batch: &'a Batch, these: &[usize], round: u32) -> Result<BatchEnd> {
        let mut entries = Vec::with_capacity(these.len());
        let mut changes = Vec::with_capacity(these.len());
        for n in these {
            let Some(change) = self.changes.get(*n) else {
                continue;
            };
            let Some(tree) = self.spec.batch_entry(change.operation) else {
                continue;
            };
            let entry = tree.eval(&self.scope(change), &self.inner.env, Reading::Exact)?;
            entries.push(entry.unwrap_or(Value::Null));
            changes.push(change);
        }
        let scope = self.inner.scope().with("entries", Value::List(entries));
        let mut request = match batch
            .request
            .build(&scope, &scope, &self.inner.env, Options::default(), None) {
            Ok(request) => request,
            Err(error) if !self.anything_sent => return Err(error),
            Err(_) => return Ok(BatchEnd::Stop),
        };
        let safe = batch.idempotency_header.is_some();
        if let Some(header) = &batch.idempotency_header {
            request.set_header(header, &idempotency_key(changes.iter().copied(), round));
        }
        let home = request.url.clone();
        let sent = self
            .inner
            .send(
                &batch.request,
                request,
                &home,
                &scope,
                repeat(safe),
                self.access,
            )
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => {
                self.failed(these, failure)?;
                return Ok(BatchEnd::Stop);
            }
        };
        let status = answer.status.as_u16();
        if answer.status.is_success() && answer.verdict == Verdict::Success {
            self.anything_sent = true;
            return self.results(batch, these, &answer, &scope);
        }
        if matches!(status, 401 | 403 | 404 | 405 | 407 | 429) || says_later(&answer) {
            self.not_applied(these, &answer)?;
            return Ok(BatchEnd::Stop);
        }
        if (400..500).contains(&status) {
            if these.len() > 1 && self.splits < MOST_SPLITS {
                self.splits += 1;
                return Ok(BatchEnd::RefusedAsAWhole);
            }
            let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
            for (n, change) in these.iter().zip(changes) {
                let result = outcome(
                    &scope,
                    &self.inner.env,
                    self.spec,
                    &self.spec.errors,
                    change,
                    Said {
                        status,
                        id: None,
                        record: None,
                        tag: None,
                        body: &body,
                    },
                )?;
                self.settle(*n, refused(result, &answer), Some(answer.exchange));
            }
            return Ok(BatchEnd::Settled(Vec::new()));
        }
        // It answers, but broken: what became of the changes is not known.
        self.anything_sent = true;
        let reason = answer.to_error(self.inner.http.name()).to_string();
        for n in these {
            let outcome = Outcome::Unknown {
                reason: reason.clone(),
            };
            self.settle(*n, outcome, Some(answer.exchange));
        }
        Ok(BatchEnd::Settled(Vec::new()))
    }

    /// Reads the items of a batch's answer; gives back what the platform put off.
    fn results(
        &mut self,
        batch: &'a Batch,
        these: &[usize],
        answer: &Answer,
        scope: &Scope<'_>,
    ) -> Result<BatchEnd> {
        let paths = &batch.results;
        let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
        let steps = paths.items.steps(scope, &self.inner.env)?;
        let items = match path::at(&body, &steps) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        let status_steps = paths.status.steps(scope, &self.inner.env)?;
        let optional = |path: &Option<PathText>| {
            path.as_ref()
                .map(|path| path.steps(scope, &self.inner.env))
                .transpose()
        };
        let index_steps = optional(&paths.index)?;
        let id_steps = optional(&paths.id)?;
        let record_steps = optional(&paths.record)?;
        let mut put_off = Vec::new();
        for (order, item) in items.iter().enumerate() {
            let place = match &index_steps {
                Some(steps) => {
                    path::at(item, steps).and_then(|index| python_text(index).parse::<usize>().ok())
                }
                None => Some(order),
            };
            let Some(n) = place.and_then(|place| these.get(place)).copied() else {
                continue;
            };
            let Some(change) = self.changes.get(n) else {
                continue;
            };
            let status = path::at(item, &status_steps)
                .and_then(|status| python_text(status).parse::<u16>().ok())
                .unwrap_or(0);
            let result = if status == 0 {
                Outcome::Unknown {
                    reason: "the platform's answer has no status for it".into(),
                }
            } else {
                outcome(
                    scope,
                    &self.inner.env,
                    self.spec,
                    &paths.errors,
                    change,
                    Said {
                        status,
                        id: id_steps.as_ref().and_then(|steps| path::at(item, steps)),
                        record: record_steps
                            .as_ref()
                            .and_then(|steps| path::at(item, steps))
                            .cloned(),
                        tag: None,
                        body: item,
                    },
                )?
            };
            if batch.retry.contains(&status) {
                put_off.push(n);
            }
            self.settle(n, result, Some(answer.exchange));
        }
        for n in these {
            if self.settled.get(*n).is_some_and(Option::is_none) {
                let outcome = Outcome::Unknown {
                    reason: "the platform's answer says nothing about it".into(),
                };
                self.settle(*n, outcome, Some(answer.exchange));
            }
        }
        Ok(BatchEnd::Settled(put_off))
    }
}

enum BatchEnd {
    /// Every change has an outcome; these were put off by the platform.
    Settled(Vec<usize>),
    /// Nothing was applied, and it is not said why.
    RefusedAsAWhole,
    Stop,
}

const fn repeat(safe: bool) -> Repeat {
    if safe {
        Repeat::Safe
    } else {
        Repeat::OnlyIfNotApplied
    }
}

/// 503 with a time to come back: not carried out.
fn says_later(answer: &Answer) -> bool {
    answer.status.as_u16() == 503 && answer.headers.contains_key("retry-after")
}

/// A whole request's refusal, as the outcome of a change in it.
fn refused(result: Outcome, answer: &Answer) -> Outcome {
    match result {
        Outcome::Written { .. } => Outcome::Rejected(Rejection {
            code: answer.status.as_u16().to_string(),
            message: answer.words.clone(),
            field: None,
        }),
        other => other,
    }
}

fn not_possible(error: &Error) -> Outcome {
    Outcome::Rejected(Rejection {
        code: "not_sendable".into(),
        message: error.to_string(),
        field: None,
    })
}

/// The same for the same changes in the same order; `round` tells apart what is sent on purpose again.
fn idempotency_key<'c>(changes: impl IntoIterator<Item = &'c Change>, round: u32) -> String {
    let mut hasher = Sha256::new();
    for change in changes {
        hasher.update(change.id.to_string());
        hasher.update(b"\n");
    }
    hasher.update(round.to_le_bytes());
    let digest = hasher.finalize();
    format!(
        "patchbay-{}",
        hex::encode(digest.get(..20).unwrap_or_default())
    )
}
