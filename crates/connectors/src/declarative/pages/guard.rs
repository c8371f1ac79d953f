//! Bounds of a read, and platforms that go round in circles.

use model::row::Row;
use model::value::Value;

use super::SliceReader;
use crate::declarative::paginator::Paginator;
use crate::declarative::stream::{Simple, Stream};
use crate::http::Answer;
use crate::{Error, Result};

/// Pages without a record in a row before the platform is taken to go round in circles.
const MOST_EMPTY_PAGES: u32 = 1_000;
/// The same page in a row before the platform is taken to ignore the page number.
const MOST_SAME_PAGES: u32 = 3;
/// Page tokens that are remembered to notice a circle.
const REMEMBERED_TOKENS: usize = 1_000_000;

impl SliceReader {
    /// Counts a page, and says when there are too many of them.
    pub(super) fn guard(&mut self, stream: &Stream, answer: &Answer, count: usize) -> Result<()> {
        let limits = &self.context.connection.connector.limits;
        self.pages += 1;
        self.records += count as u64;
        let platform = self.context.connection.http.name().to_owned();
        let exceeded = move |reason| Error::LimitExceeded { platform, reason };
        if self.pages > limits.max_pages {
            return Err(exceeded(format!(
                "the stream {} has more than {} pages",
                stream.name, limits.max_pages
            )));
        }
        if self.records > limits.max_records {
            return Err(exceeded(format!(
                "the stream {} has more than {} records",
                stream.name, limits.max_records
            )));
        }
        self.empty_pages = if count == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Err(exceeded(format!(
                "the stream {} had {MOST_EMPTY_PAGES} pages in a row without a record; it seems to go \
                 round in circles",
                stream.name
            )));
        }
        if count > 0 {
            let again = self.last_page == answer.body;
            self.same_pages = if again { self.same_pages + 1 } else { 0 };
            self.last_page = answer.body.clone();
            if self.same_pages >= MOST_SAME_PAGES {
                return Err(exceeded(format!(
                    "the stream {} sends the same page again and again; its paging does not work",
                    stream.name
                )));
            }
        }
        Ok(())
    }

    /// The complaint about a record that has no fields.
    pub(super) fn no_record(&self, stream: &Stream, row: &Row) -> Error {
        let what = match row.to_value() {
            Value::List(_) => "a list",
            Value::Text(_) => "a text",
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            _ => "a number",
        };
        self.context.malformed(&format!(
            "a record of the stream {} is {what}, not an object with fields; perhaps field_path leads too far or not \
             far enough",
            stream.name
        ))
    }

    /// The complaint about a bound.
    pub(super) fn exceeded(&self, reason: String) -> Error {
        Error::LimitExceeded {
            platform: self.context.connection.http.name().to_owned(),
            reason,
        }
    }

    /// Remembers a page's token, and says when it came before.
    pub(super) fn guard_token(&mut self, simple: &Simple, token: &Value) -> Result<()> {
        if !simple
            .paginator
            .as_ref()
            .is_some_and(Paginator::tokens_must_differ)
        {
            return Ok(());
        }
        if !self.tokens.insert(token.fingerprint()) {
            return Err(self.exceeded(format!(
                "the stream {} goes round in circles: a page's token came twice",
                self.stream.name
            )));
        }
        if self.tokens.len() > REMEMBERED_TOKENS {
            self.tokens.clear();
        }
        Ok(())
    }
}
