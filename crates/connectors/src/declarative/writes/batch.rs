//! Several changes in one request: split, sent, read item by item; what was put off goes again.

use model::record::{Change, Outcome};
use model::value::Value;
use template::Scope;

use super::answers::Said;
use super::graphql::Document;
use super::many::Batch;
use super::outcome::outcome;
use super::perform::{Next, Writing, idempotency_key, refused, repeat, says_later};
use crate::Result;
use crate::declarative::options::Options;
use crate::declarative::text::Reading;
use crate::http::{Answer, Body, RequestParts, Verdict};

/// How often items that a platform put off are sent again.
const ROUNDS: u32 = 5;
/// Most requests that finding the bad items of a refused batch may take.
const MOST_SPLITS: u32 = 64;

/// How a batch ended.
enum BatchEnd {
    /// Every change has an outcome; these were put off by the platform.
    Settled(Vec<usize>),
    /// Nothing was applied, and it is not said why.
    RefusedAsAWhole,
    Stop,
}

impl<'a> Writing<'a> {
    /// Sends changes as one batch; what is put off is sent again, what is refused as a whole is halved
    /// until the bad ones are found.
    pub(super) async fn batches(&mut self, these: Vec<usize>) -> Result<Next> {
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

    /// The request for these changes, and the scope that it was made in.
    fn batch_request(
        &self,
        batch: &Batch,
        these: &[usize],
        round: u32,
    ) -> Result<(RequestParts, Scope<'a>)> {
        let mut entries = Vec::with_capacity(these.len());
        let mut document = Document::default();
        let connection = self.inner.scope();
        for n in these {
            let Some(change) = self.changes.get(*n) else {
                continue;
            };
            if let Some(mutation) = batch.entries.mutation(change.operation) {
                self.add_mutation(&mut document, &alias(*n), mutation, *n, change)?;
            } else if let Some(tree) = batch.entries.tree(change.operation) {
                let scope = self.scope_among_many(&connection, *n, change);
                let entry = tree.eval(&scope, &self.inner.env, Reading::Exact)?;
                entries.push(entry.unwrap_or(Value::Null));
            }
        }
        let scope = self.inner.scope().with("entries", Value::List(entries));
        let env = &self.inner.env;
        let mut request = batch
            .request
            .build(&scope, &scope, env, Options::default(), None)?;
        if batch.entries.is_graphql() {
            request.body = Body::Json(document.into_body());
        }
        if let Some(header) = &batch.idempotency_header {
            request.set_header(header, &idempotency_key(self.those(these), round));
        }
        Ok((request, scope))
    }

    /// The changes with these numbers.
    pub(super) fn those<'n>(
        &self,
        these: &'n [usize],
    ) -> impl Iterator<Item = &'a Change> + use<'a, 'n> {
        let changes = self.changes;
        these.iter().filter_map(|n| changes.get(*n))
    }

    async fn batch(&mut self, batch: &'a Batch, these: &[usize], round: u32) -> Result<BatchEnd> {
        let (request, scope) = match self.batch_request(batch, these, round) {
            Ok(made) => made,
            Err(error) if !self.anything_sent => return Err(error),
            Err(_) => return Ok(BatchEnd::Stop),
        };
        let safe = batch.idempotency_header.is_some();
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
        let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
        let is_success = answer.status.is_success() && answer.verdict == Verdict::Success;
        let is_refusal = match &batch.failed_if {
            Some(condition) if is_success => condition.holds(&scope, &self.inner.env, &body)?,
            _ => false,
        };
        if is_success && !is_refusal {
            self.anything_sent = true;
            return self.read_batch(batch, these, &answer, &body, &scope);
        }
        if matches!(status, 401 | 403 | 404 | 405 | 407 | 429) || says_later(&answer) {
            self.not_applied(these, &answer)?;
            return Ok(BatchEnd::Stop);
        }
        if (400..500).contains(&status) || is_refusal {
            if these.len() > 1 && self.splits < MOST_SPLITS {
                self.splits += 1;
                return Ok(BatchEnd::RefusedAsAWhole);
            }
            let trouble = self.spec.errors.trouble(&scope, &self.inner.env, &body)?;
            let status = if is_refusal { 422 } else { status };
            for n in these {
                if let Some(change) = self.changes.get(*n) {
                    let result = outcome(self.spec, change, Said::refused(status, trouble.clone()));
                    self.settle(*n, refused(result, &answer), Some(answer.exchange));
                }
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

    /// Reads what a batch's answer says of each change; gives back what the platform put off.
    fn read_batch(
        &mut self,
        batch: &Batch,
        these: &[usize],
        answer: &Answer,
        body: &Value,
        scope: &Scope<'_>,
    ) -> Result<BatchEnd> {
        let said = match &batch.results {
            Some(results) => {
                let references: Vec<String> = match results.go_by_reference() {
                    true => self
                        .those(these)
                        .map(|change| change.id.to_string())
                        .collect(),
                    false => vec![String::new(); these.len()],
                };
                results.read(scope, &self.inner.env, body, &references)?
            }
            None => these
                .iter()
                .map(|n| {
                    let operation = self.changes.get(*n)?.operation;
                    batch.entries.mutation(operation)?.said(body, &alias(*n))
                })
                .collect(),
        };
        let mut put_off = Vec::new();
        for (n, said) in these.iter().zip(said) {
            let Some(change) = self.changes.get(*n) else {
                continue;
            };
            if said.as_ref().is_some_and(|said| is_put_off(batch, said)) {
                put_off.push(*n);
            }
            let result = match said {
                Some(said) => outcome(self.spec, change, said),
                None => Outcome::Unknown {
                    reason: "the platform's answer says nothing about it".into(),
                },
            };
            self.settle(*n, result, Some(answer.exchange));
        }
        Ok(BatchEnd::Settled(put_off))
    }
}

fn is_put_off(batch: &Batch, said: &Said) -> bool {
    let code = said
        .trouble
        .as_ref()
        .and_then(|trouble| trouble.code.as_deref());
    batch
        .retry
        .iter()
        .any(|retry| *retry == said.status.to_string() || Some(retry.as_str()) == code)
}

/// A change's name in a GraphQL document.
fn alias(n: usize) -> String {
    format!("c{n}")
}
