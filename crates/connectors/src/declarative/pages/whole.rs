//! Pages that are not one answer that is handed on as it comes in: put together from several requests, or there
//! already in the parent's record.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use model::ids::ExchangeId;
use model::row::Row;
use model::value::{Object, Value};
use template::Scope;

use super::{Finished, PageMark, SliceReader, page_scope, piece_of};
use crate::Result;
use crate::declarative::paginator::token_scope;
use crate::declarative::progress::Progress;
use crate::declarative::properties::Properties;
use crate::declarative::slice::Slice;
use crate::declarative::stream::{Simple, Stream};
use crate::http::{Answer, OpenBody, Verdict};

impl SliceReader {
    /// A page whose fields take a request for each group of them.
    pub(super) async fn page_by_properties(
        &mut self,
        stream: &Stream,
        simple: &Simple,
        properties: &Properties,
    ) -> Result<(Vec<Row>, PageMark)> {
        let context = self.context.clone();
        let groups = match &self.groups {
            Some(groups) => groups.clone(),
            None => {
                let groups = Arc::new(properties.chunks(&context, &stream.name).await?);
                self.groups.insert(groups).clone()
            }
        };
        let is_client_side = stream.filters_here();
        'page: loop {
            let token = token_scope(self.token.as_ref());
            let mut found = Vec::with_capacity(groups.len());
            let mut last = None;
            for names in groups.iter() {
                let list = names
                    .iter()
                    .map(|name| Value::text(name.as_str()))
                    .collect();
                let slice = self.shown.with_extra("query_properties", Value::List(list));
                let scope = page_scope(&context, &slice, &token);
                let (answer, rest) = self.ask(stream, simple, &scope, Some(names)).await?;
                if !self.accept(stream, &answer).await? {
                    continue 'page;
                }
                let (rows, response) = self.read_whole(simple, &scope, &answer, rest).await?;
                let extracted = rows.len();
                found.push(
                    simple
                        .selector
                        .select(&scope, context.env(), rows, is_client_side)?,
                );
                last = Some((answer, response, extracted));
            }
            let Some((answer, response, extracted)) = last else {
                self.done = true;
                return Ok((Vec::new(), PageMark::default()));
            };
            let rows = self.wanted(stream, properties.merge(found));
            self.guard(stream, &answer, extracted)?;
            let scope_slice = self.shown.clone();
            let scope = page_scope(&context, &scope_slice, &token);
            let finished = Finished {
                exchange: Some(answer.exchange),
                answer: &answer,
                response: &response,
                extracted,
                kept: rows.len(),
                last: None,
            };
            return self.conclude(stream, simple, &scope, finished, rows);
        }
    }

    /// The first page, where the parent's record has it.
    pub(super) async fn page_of_parent(
        &mut self,
        stream: &Stream,
        simple: &Simple,
    ) -> Result<Option<(Vec<Row>, PageMark)>> {
        if !simple.router.is_lazy() || self.pages > 0 || self.resumed {
            return Ok(None);
        }
        let Some(given) = self.shown.extra.get("child_response") else {
            return Ok(None);
        };
        if given.is_empty() {
            self.done = true;
            return Ok(Some((Vec::new(), PageMark::default())));
        }
        let answer = Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from(model::json::to_string(given)),
            // Nothing was exchanged; nobody is told this one.
            exchange: ExchangeId::new(),
            verdict: Verdict::Success,
            words: String::new(),
        };
        let context = self.context.clone();
        let (slice, token) = (self.shown.clone(), token_scope(self.token.as_ref()));
        let scope = page_scope(&context, &slice, &token);
        let mut rows = Vec::new();
        let ending =
            simple
                .selector
                .extract(&context, &scope, &answer, simple.keep(), &mut rows)?;
        self.add_whole_lists(simple, &scope, ending.cut_short, &mut rows)
            .await?;
        let response = ending.response;
        let extracted = rows.len();
        let is_client_side = stream.filters_here();
        let rows = simple
            .selector
            .select(&scope, context.env(), rows, is_client_side)?;
        let rows = self.wanted(stream, rows);
        self.guard(stream, &answer, extracted)?;
        let finished = Finished {
            exchange: None,
            answer: &answer,
            response: &response,
            extracted,
            kept: rows.len(),
            last: None,
        };
        self.conclude(stream, simple, &scope, finished, rows)
            .map(Some)
    }

    /// Fetches the lists that records were cut short of, and adds what is in them.
    pub(super) async fn add_whole_lists(
        &self,
        simple: &Simple,
        scope: &Scope<'_>,
        cut_short: Vec<Row>,
        rows: &mut Vec<Row>,
    ) -> Result<()> {
        let context = &self.context;
        if cut_short.is_empty() {
            return Ok(());
        }
        let Some(lists) = &simple.selector.whole_lists else {
            return Ok(());
        };
        let extraction = simple.selector.extraction(scope, context.env())?;
        for parent in cut_short {
            let mut partition = Object::new();
            partition.push("parent_record", parent.to_value());
            let slice = Slice::new(partition, Object::new());
            let mut reader = Self::begin(context, lists, &Progress::whole(), slice);
            let mut fetched = Vec::new();
            // Boxed: a list's items may have lists that are cut short.
            while let Some((more, _)) = Box::pin(reader.next()).await? {
                fetched.extend(more);
            }
            extraction
                .adopt(parent, fetched, rows)
                .map_err(|problem| context.malformed(&problem.to_string()))?;
        }
        Ok(())
    }

    async fn read_whole(
        &self,
        simple: &Simple,
        scope: &Scope<'_>,
        answer: &Answer,
        mut rest: Option<OpenBody>,
    ) -> Result<(Vec<Row>, Value)> {
        let context = &self.context;
        let mut rows = Vec::new();
        if answer.status.as_u16() >= 400 {
            return Ok((rows, Value::Object(Object::new())));
        }
        let malformed = |problem: crate::declarative::decode::DecodeError| {
            context.malformed(&problem.to_string())
        };
        let content_type = answer.header("content-type");
        let mut body = simple
            .selector
            .begin(scope, context.env(), simple.keep(), content_type)?;
        body.push(answer.body.clone(), &mut rows)
            .map_err(malformed)?;
        while let Some(open) = &mut rest {
            match piece_of(context, open).await? {
                Some(piece) => body.push(piece, &mut rows).map_err(malformed)?,
                None => rest = None,
            }
        }
        let ending = body.finish(&mut rows).map_err(malformed)?;
        self.add_whole_lists(simple, scope, ending.cut_short, &mut rows)
            .await?;
        Ok((rows, ending.response))
    }
}
