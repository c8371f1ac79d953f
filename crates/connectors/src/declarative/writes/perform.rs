//! Carries changes out, and says of each what became of it.
//!
//! The rule: an error is returned only while nothing can have been applied. From then on every doubt
//! is [`Outcome::Unknown`], to be settled by a look-up before anything is sent again.

use model::ids::ExchangeId;
use model::path::FieldPath;
use model::record::{Change, Operation, Outcome, Rejection};
use model::value::{Object, Value};
use sha2::{Digest as _, Sha256};

use template::Scope;

use super::answers::Said;
use super::find::{key_value, path_step, tag_of};
use super::graphql::{Document, Mutation};
use super::outcome::outcome;
use super::policy::Outgoing;
use super::spec::{Single, WriteSpec};
use crate::declarative::connection::Connection;
use crate::declarative::glob_path;
use crate::declarative::options::Options;
use crate::declarative::text::python_text;
use crate::http::answer::words_of;
use crate::http::{Answer, Body, Failure, Repeat, RequestParts, Verdict};
use crate::{Access, Error, Result, Written};

/// The name of a lone mutation in its document.
const ALIAS: &str = "change";

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
    let outgoing = changes
        .iter()
        .map(|change| spec.policy.apply(&change.fields))
        .collect();
    let mut writing = Writing {
        inner,
        spec,
        access,
        stream,
        changes,
        outgoing,
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

/// Changes on their way out.
pub(super) struct Writing<'a> {
    pub(super) inner: &'a Connection,
    pub(super) spec: &'a WriteSpec,
    pub(super) access: &'a Access,
    pub(super) stream: &'a str,
    pub(super) changes: &'a [Change],
    /// What is sent of each change's fields.
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) settled: Vec<Option<Outcome>>,
    pub(super) exchanges: Vec<Option<ExchangeId>>,
    /// Something may have been applied: from now on no error is returned.
    pub(super) anything_sent: bool,
    pub(super) splits: u32,
}

/// Whether to go on with the next changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    /// The platform cannot be worked with now.
    Stop,
}

impl<'a> Writing<'a> {
    async fn all(&mut self) -> Result<()> {
        if self.bulk_takes_part() && self.bulks().await? == Next::Stop {
            return Ok(());
        }
        let mut waiting: Vec<usize> = Vec::new();
        for (n, change) in self.changes.iter().enumerate() {
            if self.settled.get(n).is_some_and(Option::is_some) {
                continue;
            }
            let in_batch = self.spec.offers_in_batch(change.operation)
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
            if self.alone(n, change).await? == Next::Stop {
                return Ok(());
            }
        }
        self.batches(waiting).await?;
        Ok(())
    }

    /// Sends one change by itself.
    async fn alone(&mut self, n: usize, change: &'a Change) -> Result<Next> {
        if let Some(single) = self.spec.single(change.operation) {
            let key = change.target_key.as_ref().map_or("", |key| key.as_str());
            let safe = single.idempotency_header.is_some();
            return self.single(n, change, single, key, safe).await;
        }
        let Some(upsert) = &self.spec.upsert else {
            return Ok(Next::GoOn);
        };
        let fields = Value::Object(change.fields.clone());
        let Some(key) = fields.at(&upsert.by).filter(|key| !key.is_empty()) else {
            let refusal = Outcome::Rejected(Rejection {
                code: "no_key".into(),
                message: format!(
                    "the platform tells records apart by {}, and this one has none",
                    upsert.by
                ),
                field: Some(upsert.by.clone()),
            });
            self.settle(n, refusal, None);
            return Ok(Next::GoOn);
        };
        // Sending it twice leaves what sending it once does.
        self.single(n, change, &upsert.single, &python_text(key), true)
            .await
    }

    fn prefers_single(&self, operation: Operation) -> bool {
        let batch = self.spec.batch.as_ref();
        let by_batch = batch.is_some_and(|batch| batch.entries.names_version(operation));
        let single = self.spec.single(operation);
        !by_batch && single.is_some_and(Single::names_version)
    }

    /// What the templates of a change may use.
    pub(super) fn scope(&self, n: usize, change: &Change) -> Scope<'a> {
        let (fields, removed) = match self.outgoing.get(n) {
            Some(outgoing) => (outgoing.fields.clone(), outgoing.removed.as_slice()),
            None => (Value::Object(change.fields.clone()), [].as_slice()),
        };
        let mut scope = self.inner.scope();
        set_change(&mut scope, change, removed);
        scope.with("fields", fields)
    }

    /// The same within that of the connection, with the fields where they are.
    pub(super) fn scope_among_many<'s>(
        &'s self,
        connection: &'s Scope<'s>,
        n: usize,
        change: &'s Change,
    ) -> Scope<'s> {
        let mut scope = Scope::within(connection);
        match self.outgoing.get(n) {
            Some(outgoing) => {
                set_change(&mut scope, change, &outgoing.removed);
                scope.set("fields", &outgoing.fields);
            }
            None => {
                set_change(&mut scope, change, &[]);
                scope.set("fields", Value::Object(change.fields.clone()));
            }
        }
        scope
    }

    /// The fields that a mutation asks back whatever the change has.
    fn always(&self) -> Vec<FieldPath> {
        std::iter::once(&self.spec.key)
            .chain(&self.spec.version)
            .cloned()
            .collect()
    }

    /// Adds a change to a GraphQL document.
    pub(super) fn add_mutation(
        &self,
        document: &mut Document,
        alias: &str,
        mutation: &Mutation,
        n: usize,
        change: &Change,
    ) -> Result<()> {
        // What is deleted has no fields any more.
        let (always, fields) = match (change.operation, self.outgoing.get(n)) {
            (Operation::Delete, _) | (_, None) => (Vec::new(), Object::new()),
            (_, Some(outgoing)) => (
                self.always(),
                outgoing.fields.as_object().cloned().unwrap_or_default(),
            ),
        };
        let scope = self.scope(n, change);
        mutation.add_to(document, alias, &always, &fields, &scope, &self.inner.env)
    }

    pub(super) fn settle(&mut self, n: usize, outcome: Outcome, exchange: Option<ExchangeId>) {
        if let Some(slot) = self.settled.get_mut(n) {
            *slot = Some(outcome);
        }
        if let Some(slot) = self.exchanges.get_mut(n) {
            *slot = exchange;
        }
    }

    /// No answer came.
    pub(super) fn failed(&mut self, these: &[usize], failure: Failure) -> Result<Next> {
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
    pub(super) fn not_applied(&mut self, these: &[usize], answer: &Answer) -> Result<Next> {
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

    async fn single(
        &mut self,
        n: usize,
        change: &Change,
        single: &'a Single,
        key: &str,
        safe: bool,
    ) -> Result<Next> {
        let scope = self.scope(n, change).with("key", Value::text(key));
        let for_path = Scope::within(&scope).with("key", Value::text(path_step(key)));
        let request = match self.request_of(n, change, single, &scope, &for_path) {
            Ok(request) => request,
            Err(error) if !self.anything_sent => return Err(error),
            Err(error) => {
                self.settle(n, not_possible(&error), None);
                return Ok(Next::GoOn);
            }
        };
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
        let result = match self.said(&answer, single, &scope)? {
            Some(said) => outcome(self.spec, change, said),
            None => Outcome::Unknown {
                reason: "the platform's answer says nothing about it".into(),
            },
        };
        self.settle(n, result, Some(answer.exchange));
        Ok(Next::GoOn)
    }

    fn request_of(
        &self,
        n: usize,
        change: &Change,
        single: &Single,
        scope: &Scope<'_>,
        for_path: &Scope<'_>,
    ) -> Result<RequestParts> {
        let env = &self.inner.env;
        let mut request = single
            .request
            .build(scope, for_path, env, Options::default(), None)?;
        if let Some(mutation) = &single.mutation {
            let mut document = Document::default();
            self.add_mutation(&mut document, ALIAS, mutation, n, change)?;
            request.body = Body::Json(document.into_body());
        }
        if let Some(header) = &single.idempotency_header {
            request.set_header(header, &idempotency_key([change], 0));
        }
        if let (Some((header, value)), Some(_)) = (&single.if_match, &change.version) {
            let text = value.render(scope, env)?;
            if !request.set_header(header, &text) {
                return Err(value.fail("its value cannot be a header".into()));
            }
        }
        Ok(request)
    }

    /// What the answer to a lone change says; none: nothing.
    fn said(&self, answer: &Answer, single: &Single, scope: &Scope<'_>) -> Result<Option<Said>> {
        let env = &self.inner.env;
        let status = answer.status.as_u16();
        let is_success = answer.status.is_success();
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            model::json::parse(&answer.body).unwrap_or(Value::Null)
        };
        if let Some(mutation) = single.mutation.as_ref().filter(|_| is_success) {
            return Ok(mutation.said(&body, ALIAS));
        }
        let is_refusal = match &single.failed_if {
            Some(condition) if is_success => condition.holds(scope, env, &body)?,
            _ => false,
        };
        if is_success && !is_refusal {
            let at = |way: &crate::declarative::text::PathText| -> Result<Option<Value>> {
                Ok(glob_path::at(&body, &way.steps(scope, env)?).cloned())
            };
            return Ok(Some(Said {
                status,
                id: match &single.id {
                    Some(id) => at(id)?,
                    None => None,
                },
                record: at(&single.record)?,
                tag: tag_of(answer),
                trouble: None,
            }));
        }
        let mut trouble = self.spec.errors.trouble(scope, env, &body)?;
        let words = words_of(&answer.body);
        if trouble.message.is_none() && !words.is_empty() {
            trouble.message = Some(words);
        }
        Ok(Some(Said::refused(
            if is_refusal { 422 } else { status },
            trouble,
        )))
    }
}

fn set_change(scope: &mut Scope<'_>, change: &Change, removed: &[String]) {
    let key = change.target_key.as_ref();
    let version = change.version.as_deref();
    let removed = removed.iter().map(|name| Value::text(name.as_str()));
    scope.set("key", key_value(key));
    scope.set("removed", Value::List(removed.collect()));
    scope.set("version", version.map_or(Value::Null, Value::text));
    scope.set("id", Value::text(change.id.text(&mut [0; 36]) as &str));
}

pub(super) const fn repeat(safe: bool) -> Repeat {
    if safe {
        Repeat::Safe
    } else {
        Repeat::OnlyIfNotApplied
    }
}

/// 503 with a time to come back: not carried out.
pub(super) fn says_later(answer: &Answer) -> bool {
    answer.status.as_u16() == 503 && answer.headers.contains_key("retry-after")
}

/// A whole request's refusal, as the outcome of a change in it.
pub(super) fn refused(result: Outcome, answer: &Answer) -> Outcome {
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
pub(super) fn idempotency_key<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    round: u32,
) -> String {
    let mut hasher = Sha256::new();
    for change in changes {
        hasher.update(change.id.text(&mut [0; 36]));
        hasher.update(b"\n");
    }
    hasher.update(round.to_le_bytes());
    let digest = hasher.finalize();
    format!(
        "patchbay-{}",
        hex::encode(digest.get(..20).unwrap_or_default())
    )
}
