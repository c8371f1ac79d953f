//! Many changes as a job of the platform: submitted, asked about until it is done, its results brought back to the
//! changes. A job that is under way when the program ends is found again by the [`JobLog`](crate::JobLog).

use std::time::Duration;

use model::record::Outcome;
use model::value::Value;
use template::Scope;
use tokio::time::Instant;

use super::answers::Said;
use super::find::path_step;
use super::many::{Bulk, Outcomes};
use super::outcome::outcome;
use super::perform::{Next, Writing, idempotency_key, repeat, says_later};
use super::rows::Format;
use crate::declarative::glob_path;
use crate::declarative::options::Options;
use crate::declarative::requester::Requester;
use crate::declarative::text::{Reading, python_text};
use crate::http::rate::retry_after;
use crate::http::{Answer, Body, Repeat, RequestParts, Verdict};
use crate::{BulkJob, Result};

/// Failed questions in a row after which a job is left alone.
const PATIENCE: u32 = 5;

/// How a job ended.
enum JobEnd {
    /// The results are there; the last answer.
    Done(Answer),
    /// It ended before its end; the platform's words.
    Failed(Answer, String),
    /// Nothing was carried out; the platform's answer.
    Refused(Answer),
    /// The platform does not know it any more.
    Gone,
    /// It may still be under way, and why nobody waits for it.
    LeftAlone(String),
}

impl<'a> Writing<'a> {
    /// Whether these changes are enough for a job, or have no other way.
    pub(super) fn bulk_takes_part(&self) -> bool {
        let Some(bulk) = &self.spec.bulk else {
            return false;
        };
        let able = |n: &usize| self.goes_by_bulk(*n);
        let count = (0..self.changes.len()).filter(able).count();
        count >= bulk.from
            || (0..self.changes.len()).filter(able).any(|n| self.has_no_other_way(n))
            // A job that is known has to be asked about, however few of its changes are left.
            || count > 0 && self.access.jobs.is_some()
    }

    fn goes_by_bulk(&self, n: usize) -> bool {
        self.changes
            .get(n)
            .is_some_and(|change| self.spec.offers_in_bulk(change.operation))
    }

    fn has_no_other_way(&self, n: usize) -> bool {
        self.changes.get(n).is_some_and(|change| {
            self.spec.single(change.operation).is_none()
                && !self.spec.offers_in_batch(change.operation)
        })
    }

    /// Sends changes as jobs.
    pub(super) async fn bulks(&mut self) -> Result<Next> {
        let Some(bulk) = &self.spec.bulk else {
            return Ok(Next::GoOn);
        };
        let mut these: Vec<usize> = (0..self.changes.len())
            .filter(|n| self.goes_by_bulk(*n))
            .collect();
        if self.follow_known(bulk, &mut these).await? == Next::Stop {
            return Ok(Next::Stop);
        }
        if these.len() < bulk.from {
            these.retain(|n| self.has_no_other_way(*n));
        }
        for chunk in these.chunks(bulk.size) {
            let Some(job) = self.submit(bulk, chunk).await? else {
                return Ok(Next::Stop);
            };
            if let Some(log) = &self.access.jobs
                && let Err(error) = log.started(&job).await
            {
                tracing::warn!(%error, job = job.id, "A bulk job could not be written down; it is waited for all the same.");
            }
            if self.follow(bulk, &job).await? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::GoOn)
    }

    /// Waits for the jobs that some of the changes are part of already; those changes are not sent again.
    async fn follow_known(&mut self, bulk: &'a Bulk, these: &mut Vec<usize>) -> Result<Next> {
        let Some(log) = &self.access.jobs else {
            return Ok(Next::GoOn);
        };
        let ids: Vec<_> = self.those(these).map(|change| change.id).collect();
        for job in log.under_way(self.stream, &ids).await? {
            self.anything_sent = true;
            let next = self.follow(bulk, &job).await?;
            these.retain(|n| self.settled.get(*n).is_some_and(Option::is_none));
            if next == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::GoOn)
    }

    /// Makes a job of these changes; none when the writing has to stop.
    async fn submit(&mut self, bulk: &'a Bulk, these: &[usize]) -> Result<Option<BulkJob>> {
        let env = &self.inner.env;
        let mut entries = Vec::with_capacity(these.len());
        let connection = self.inner.scope();
        for (n, change) in these.iter().zip(self.those(these)) {
            if let Some(tree) = bulk.entries.tree(change.operation) {
                let entry = tree.eval(
                    &self.scope_among_many(&connection, *n, change),
                    env,
                    Reading::Exact,
                )?;
                entries.push(entry.unwrap_or(Value::Null));
            }
        }
        let lines = (bulk.format != Format::Json).then(|| bulk.format.write(&entries));
        let scope = self.inner.scope().with("entries", Value::List(entries));
        let with_lines = |request: &mut RequestParts| {
            if let Some(lines) = &lines {
                request.body = Body::Raw(lines.clone().into());
                if !request.headers.contains_key("content-type") {
                    request.set_header("content-type", bulk.format.media_type());
                }
            }
        };
        let mut request = match bulk
            .submit
            .build(&scope, &scope, env, Options::default(), None)
        {
            Ok(request) => request,
            Err(error) if !self.anything_sent => return Err(error),
            Err(_) => return Ok(None),
        };
        if bulk.upload.is_none() {
            with_lines(&mut request);
        }
        if let Some(header) = &bulk.idempotency_header {
            request.set_header(header, &idempotency_key(self.those(these), 0));
        }
        // A job that waits for its records, or for its start, does nothing by itself.
        let is_harmless = bulk.upload.is_some() || bulk.start.is_some();
        let safe = bulk.idempotency_header.is_some() || is_harmless;
        let Some(answer) = self
            .step(&bulk.submit, request, &scope, safe, these, is_harmless)
            .await?
        else {
            return Ok(None);
        };
        let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
        let id = glob_path::at(&body, &bulk.job.steps(&scope, env)?)
            .filter(|id| !id.is_empty())
            .map(python_text);
        let Some(id) = id else {
            self.all_unknown(
                these,
                "the platform took the job but does not say under which id",
                &answer,
            );
            return Ok(None);
        };
        let job = BulkJob {
            id,
            stream: self.stream.to_owned(),
            changes: self.those(these).map(|change| change.id).collect(),
        };
        let (scope, for_path) = self.job_scopes(&job, &body);
        // Putting the same records into the same job twice leaves them there once, and so does starting it.
        if let Some(upload) = &bulk.upload {
            let mut request = upload.build(&scope, &for_path, env, Options::default(), None)?;
            with_lines(&mut request);
            let is_harmless = bulk.start.is_some();
            if self
                .step(upload, request, &scope, true, these, is_harmless)
                .await?
                .is_none()
            {
                return Ok(None);
            }
        }
        if let Some(start) = &bulk.start {
            let request = start.build(&scope, &for_path, env, Options::default(), None)?;
            if self
                .step(start, request, &scope, true, these, false)
                .await?
                .is_none()
            {
                return Ok(None);
            }
        }
        self.anything_sent = true;
        Ok(Some(job))
    }

    /// Sends one request of a job's beginning; none when the writing has to stop.
    async fn step(
        &mut self,
        requester: &Requester,
        request: RequestParts,
        scope: &Scope<'_>,
        safe: bool,
        these: &[usize],
        is_harmless: bool,
    ) -> Result<Option<Answer>> {
        let home = request.url.clone();
        let sent = self
            .inner
            .send(requester, request, &home, scope, repeat(safe), self.access)
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) if is_harmless && !self.anything_sent => return Err(failure.error),
            Err(failure) => {
                self.failed(these, failure)?;
                return Ok(None);
            }
        };
        let status = answer.status.as_u16();
        if answer.status.is_success() && answer.verdict == Verdict::Success {
            return Ok(Some(answer));
        }
        if (400..500).contains(&status) || says_later(&answer) || is_harmless {
            self.not_applied(these, &answer)?;
        } else {
            self.anything_sent = true;
            let reason = answer.to_error(self.inner.http.name()).to_string();
            self.all_unknown(these, &reason, &answer);
        }
        Ok(None)
    }

    fn all_unknown(&mut self, these: &[usize], reason: &str, answer: &Answer) {
        self.anything_sent = true;
        for n in these {
            let outcome = Outcome::Unknown {
                reason: reason.to_owned(),
            };
            self.settle(*n, outcome, Some(answer.exchange));
        }
    }

    /// What the templates of a job may use, and the same for paths.
    fn job_scopes(&self, job: &BulkJob, submitted: &Value) -> (Scope<'a>, Scope<'a>) {
        let with = |id: String| {
            self.inner
                .scope()
                .with("job", Value::text(id))
                .with("response", submitted.clone())
        };
        (with(job.id.clone()), with(path_step(&job.id)))
    }

    /// Waits for a job and reads what became of its changes.
    async fn follow(&mut self, bulk: &'a Bulk, job: &BulkJob) -> Result<Next> {
        // The numbers of the job's changes here; a change that is not asked about keeps its place.
        let places: Vec<Option<usize>> = job
            .changes
            .iter()
            .map(|id| self.changes.iter().position(|change| change.id == *id))
            .collect();
        let these: Vec<usize> = places.iter().copied().flatten().collect();
        let end = self.wait_for(bulk, job).await?;
        if let Some(waiting) = &self.access.waiting {
            waiting(None);
        }
        let unknown = |reason: String| Outcome::Unknown { reason };
        match end {
            JobEnd::LeftAlone(reason) => {
                for n in these {
                    let reason = format!("job {} {reason}", job.id);
                    self.settle(n, unknown(reason), None);
                }
                // It is asked about again: the job stays written down.
                return Ok(Next::Stop);
            }
            JobEnd::Gone => {
                for n in &these {
                    let reason = format!("the platform does not know the job {} any more", job.id);
                    self.settle(*n, unknown(reason), None);
                }
            }
            JobEnd::Refused(answer) => {
                let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
                let (scope, _) = self.job_scopes(job, &body);
                let trouble = self.spec.errors.trouble(&scope, &self.inner.env, &body)?;
                for n in &these {
                    if let Some(change) = self.changes.get(*n) {
                        let said = Said::refused(422, trouble.clone());
                        let result = outcome(self.spec, change, said);
                        self.settle(*n, result, Some(answer.exchange));
                    }
                }
            }
            JobEnd::Done(answer) => {
                if !self.results(bulk, job, &places, &answer).await? {
                    return Ok(Next::Stop);
                }
                self.rest(
                    &these,
                    &format!("the results of job {} do not mention it", job.id),
                    &answer,
                );
            }
            JobEnd::Failed(answer, words) => {
                self.results(bulk, job, &places, &answer).await?;
                self.rest(
                    &these,
                    &format!("job {} ended before its end: {words}", job.id),
                    &answer,
                );
            }
        }
        if let Some(log) = &self.access.jobs
            && let Err(error) = log.ended(job).await
        {
            tracing::warn!(%error, job = job.id, "The end of a bulk job could not be written down.");
        }
        Ok(Next::GoOn)
    }

    fn rest(&mut self, these: &[usize], reason: &str, answer: &Answer) {
        for n in these {
            if self.settled.get(*n).is_some_and(Option::is_none) {
                let outcome = Outcome::Unknown {
                    reason: reason.to_owned(),
                };
                self.settle(*n, outcome, Some(answer.exchange));
            }
        }
    }

    async fn wait_for(&self, bulk: &Bulk, job: &BulkJob) -> Result<JobEnd> {
        let poll = &bulk.poll;
        let (scope, for_path) = self.job_scopes(job, &Value::Null);
        let status_at = poll.status.steps(&scope, &self.inner.env)?;
        let started = Instant::now();
        let mut failures = 0;
        if let Some(waiting) = &self.access.waiting {
            waiting(Some(format!(
                "{} works on job {}",
                self.inner.http.name(),
                job.id
            )));
        }
        loop {
            let mut pause = poll.interval;
            match self.ask(&poll.request, &scope, &for_path).await {
                Ok(answer) if matches!(answer.status.as_u16(), 404 | 410) => {
                    return Ok(JobEnd::Gone);
                }
                Ok(answer) if answer.status.is_success() => {
                    failures = 0;
                    let body = model::json::parse(&answer.body).unwrap_or(Value::Null);
                    let state = glob_path::at(&body, &status_at)
                        .map(python_text)
                        .unwrap_or_default();
                    let is_one_of = |words: &[String]| words.contains(&state);
                    if is_one_of(&poll.done) {
                        return Ok(JobEnd::Done(answer));
                    }
                    if is_one_of(&poll.refused) {
                        return Ok(JobEnd::Refused(answer));
                    }
                    if is_one_of(&poll.failed) {
                        let words = crate::http::answer::message_in(&body, 0).unwrap_or(state);
                        return Ok(JobEnd::Failed(answer, words));
                    }
                    if let Some(wished) = retry_after(&answer.headers, self.inner.clock.now()) {
                        pause = wished.min(Duration::from_secs(600));
                    }
                }
                Ok(answer) => {
                    failures += 1;
                    if failures >= PATIENCE {
                        let words = answer.to_error(self.inner.http.name());
                        return Ok(JobEnd::LeftAlone(format!("cannot be asked about: {words}")));
                    }
                }
                Err(error) => {
                    failures += 1;
                    if self.access.cancel.is_cancelled() || failures >= PATIENCE {
                        return Ok(JobEnd::LeftAlone(format!("cannot be asked about: {error}")));
                    }
                }
            }
            if started.elapsed() + pause > poll.deadline {
                return Ok(JobEnd::LeftAlone(format!(
                    "is not done after {} s; it is asked about again at the next run",
                    started.elapsed().as_secs()
                )));
            }
            tokio::select! {
                biased;
                () = self.access.cancel.cancelled() => {
                    return Ok(JobEnd::LeftAlone(
                        "was under way when the writing was stopped; it is asked about again at the next run".into(),
                    ));
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn ask(
        &self,
        requester: &Requester,
        scope: &Scope<'_>,
        for_path: &Scope<'_>,
    ) -> Result<Answer> {
        let request =
            requester.build(scope, for_path, &self.inner.env, Options::default(), None)?;
        let home = request.url.clone();
        self.inner
            .send(requester, request, &home, scope, Repeat::Safe, self.access)
            .await
            .map_err(|failure| failure.error)
    }

    /// Reads a job's results; false when they cannot be fetched now.
    async fn results(
        &mut self,
        bulk: &'a Bulk,
        job: &BulkJob,
        places: &[Option<usize>],
        last: &Answer,
    ) -> Result<bool> {
        let last_body = model::json::parse(&last.body).unwrap_or(Value::Null);
        let (scope, for_path) = self.job_scopes(job, &last_body);
        let references: Vec<String> = job.changes.iter().map(ToString::to_string).collect();
        for Outcomes {
            request,
            format,
            results,
        } in &bulk.results
        {
            let fetched = match request {
                Some(request) => match self.ask(request, &scope, &for_path).await {
                    Ok(answer) if answer.status.is_success() => Some(answer),
                    Ok(answer) => {
                        let words = answer.to_error(self.inner.http.name());
                        self.left_alone(job, places, &words.to_string());
                        return Ok(false);
                    }
                    Err(error) => {
                        self.left_alone(job, places, &error.to_string());
                        return Ok(false);
                    }
                },
                None => None,
            };
            let answer = fetched.as_ref().unwrap_or(last);
            let body = match format.read(&answer.body) {
                Ok(body) => body,
                Err(problem) => {
                    self.left_alone(job, places, &problem);
                    return Ok(false);
                }
            };
            let said = results.read(&scope, &self.inner.env, &body, &references)?;
            for (place, said) in places.iter().zip(said) {
                let (Some(n), Some(said)) = (place, said) else {
                    continue;
                };
                if let Some(change) = self.changes.get(*n) {
                    let result = outcome(self.spec, change, said);
                    self.settle(*n, result, Some(answer.exchange));
                }
            }
        }
        Ok(true)
    }

    fn left_alone(&mut self, job: &BulkJob, places: &[Option<usize>], problem: &str) {
        for n in places.iter().flatten() {
            if self.settled.get(*n).is_some_and(Option::is_none) {
                let outcome = Outcome::Unknown {
                    reason: format!("the results of job {} cannot be read: {problem}", job.id),
                };
                self.settle(*n, outcome, None);
            }
        }
    }
}
