//! What a connector file says to do when the platform finds a request too much: begin with the first page again, ask
//! for smaller pages, or for a shorter window.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Span;

use super::{SliceReader, first_token};
use crate::declarative::datetime;
use crate::declarative::node::View;
use crate::declarative::slice::Slice;
use crate::declarative::stream::Stream;
use crate::http::answer::Adaptation;
use crate::{Error, Result};

/// Windows that are halved this often are as good as endless.
const MOST_SPLITS: u32 = 1_000;
/// The longest wait before a page is asked for again.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What the file says of all three.
#[derive(Clone, Debug, Default)]
pub struct Adapting {
    reset: Option<Reset>,
    /// How pages become smaller.
    pub reduction: Option<Reduction>,
    splitting: Option<Splitting>,
}

/// `PaginationReset`.
#[derive(Clone, Copy, Debug)]
struct Reset {
    by_cursor: bool,
    most_records: Option<u64>,
}

/// `PageSizeReduction`.
#[derive(Clone, Debug)]
pub struct Reduction {
    factor: f64,
    smallest: i64,
    most_attempts: u32,
    wait_seconds: f64,
    most_at_smallest: u32,
    restores: bool,
    advice: String,
}

/// `RequestWindowSplitting`.
#[derive(Clone, Debug)]
struct Splitting {
    smallest: Option<Span>,
    advice: String,
}

impl Adapting {
    /// From the file: a retriever's.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let advice = |view: &View<'_>| -> Result<String> {
            Ok(view
                .text_of("failure_message")?
                .map_or_else(String::new, |advice| format!(" {}", advice.trim())))
        };
        let reset = view
            .get("pagination_reset")
            .map(|reset| -> Result<_> {
                let action = reset.require("action", "RESET or SPLIT_USING_CURSOR")?;
                Ok(Reset {
                    by_cursor: match action.text()? {
                        "RESET" => false,
                        "SPLIT_USING_CURSOR" => true,
                        other => {
                            return Err(action.fail(
                                format!("`{other}` is not known here"),
                                "RESET or SPLIT_USING_CURSOR",
                            ));
                        }
                    },
                    most_records: reset
                        .get("limits")
                        .and_then(|limits| limits.get("number_of_records"))
                        .map(|most| most.count())
                        .transpose()?,
                })
            })
            .transpose()?;
        let reduction = view
            .get("page_size_reduction")
            .map(|reduction| -> Result<_> {
                let number = |name: &str, default: f64| -> Result<f64> {
                    reduction
                        .get(name)
                        .map_or(Ok(default), |view| view.number())
                };
                let count = |name: &str, default: u32| -> Result<u32> {
                    let found = reduction.get(name).map(|view| view.count()).transpose()?;
                    Ok(found.map_or(default, |found| u32::try_from(found).unwrap_or(u32::MAX)))
                };
                let factor = number("reduction_factor", 2.0)?;
                if factor <= 1.0 {
                    return Err(reduction.fail(
                        format!("a reduction_factor of {factor} makes nothing smaller"),
                        "more than 1",
                    ));
                }
                Ok(Reduction {
                    factor,
                    smallest: i64::from(count("minimum_page_size", 1)?.max(1)),
                    most_attempts: count("max_attempts", 5)?.max(1),
                    wait_seconds: number("backoff_seconds", 0.5)?.max(0.0),
                    most_at_smallest: count("retries_at_minimum_page_size", 0)?,
                    restores: reduction.text_of("reset_policy")? == Some("AFTER_SUCCESSFUL_PAGE"),
                    advice: advice(&reduction)?,
                })
            })
            .transpose()?;
        let splitting = view
            .get("request_window_splitting")
            .map(|splitting| -> Result<_> {
                Ok(Splitting {
                    smallest: splitting
                        .get("min_split_window")
                        .map(|smallest| {
                            datetime::duration(smallest.text()?).ok_or_else(|| {
                                smallest.fail("this is no duration", "such as PT1H or P1D")
                            })
                        })
                        .transpose()?,
                    advice: advice(&splitting)?,
                })
            })
            .transpose()?;
        Ok(Self {
            reset,
            reduction,
            splitting,
        })
    }
}

/// How a slice is being read differently from what was intended.
#[derive(Debug, Default)]
pub(super) struct Adapted {
    /// Parts of the window that are still to be read.
    windows: VecDeque<Slice>,
    /// The page size instead of the file's.
    pub(super) page_size: Option<i64>,
    attempts: u32,
    at_smallest: u32,
    splits: u32,
    /// Records since the first page.
    records: u64,
    resets: u32,
}

impl Adapted {
    /// The next part of the window; none when all have been read.
    pub(super) fn next_window(&mut self) -> Option<Slice> {
        self.windows.pop_front()
    }
}

impl SliceReader {
    /// Does what an answer asks for, so that the page can be asked for anew.
    pub(super) async fn adapt(
        &mut self,
        stream: &Stream,
        adaptation: Adaptation,
        said: &str,
    ) -> Result<()> {
        let adapting = &stream.retriever.pages().adapting;
        match adaptation {
            Adaptation::ResetPagination => self.start_over(stream),
            Adaptation::ReducePageSize => match &adapting.reduction {
                Some(reduction) => self.reduce(stream, reduction, said).await,
                None => Err(self.not_said(stream, "REDUCE_PAGE_SIZE", "page_size_reduction")),
            },
            Adaptation::SplitWindow => match &adapting.splitting {
                Some(splitting) => self.split(stream, splitting, said),
                None => {
                    Err(self.not_said(stream, "SPLIT_REQUEST_WINDOW", "request_window_splitting"))
                }
            },
        }
    }

    /// A page was read. True when the slice's pages begin again, for there are more than the platform gives.
    pub(super) fn page_was_read(&mut self, stream: &Stream, records: usize) -> Result<bool> {
        let adapting = &stream.retriever.pages().adapting;
        self.adapted.attempts = 0;
        self.adapted.at_smallest = 0;
        if adapting
            .reduction
            .as_ref()
            .is_some_and(|reduction| reduction.restores)
        {
            self.adapted.page_size = None;
        }
        self.adapted.records += records as u64;
        let most = adapting.reset.and_then(|reset| reset.most_records);
        if most.is_some_and(|most| self.adapted.records >= most) {
            self.start_over(stream)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn start_over(&mut self, stream: &Stream) -> Result<()> {
        self.adapted.records = 0;
        self.token = first_token(stream);
        self.tokens.clear();
        let reset = stream.retriever.pages().adapting.reset;
        let by_cursor = reset.is_some_and(|reset| reset.by_cursor);
        let shorter = match by_cursor {
            true => self
                .newest
                .and_then(|newest| self.progress.from(&self.slice, newest))
                .filter(|shorter| shorter.window != self.shown.window),
            false => None,
        };
        if let Some(shorter) = shorter {
            self.shown = Arc::new(shorter);
            self.adapted.resets = 0;
            return Ok(());
        }
        self.adapted.resets += 1;
        // Without a cursor the same pages may work the second time.
        if by_cursor || self.adapted.resets > 1 {
            return Err(self.exceeded(format!(
                "the pages of the stream {} end too early, and beginning with the first one again does not help",
                stream.name
            )));
        }
        Ok(())
    }

    async fn reduce(&mut self, stream: &Stream, reduction: &Reduction, said: &str) -> Result<()> {
        let simple = stream.retriever.pages();
        let configured = match (self.adapted.page_size, &simple.paginator) {
            (Some(size), _) => Some(size),
            (None, Some(paginator)) => {
                paginator.injected_size(&self.context.scope(), self.context.env())?
            }
            (None, None) => None,
        };
        let Some(size) = configured else {
            return Err(self.not_said(
                stream,
                "REDUCE_PAGE_SIZE",
                "page_size and page_size_option",
            ));
        };
        let smaller = ((size as f64 / reduction.factor).floor() as i64).max(reduction.smallest);
        let attempts = if smaller >= size {
            self.adapted.at_smallest += 1;
            if self.adapted.at_smallest > reduction.most_at_smallest {
                return Err(self.too_much(
                    stream,
                    &format!("pages of {size}"),
                    said,
                    &reduction.advice,
                ));
            }
            self.adapted.at_smallest
        } else {
            self.adapted.attempts += 1;
            if self.adapted.attempts > reduction.most_attempts {
                return Err(self.too_much(
                    stream,
                    &format!("pages of {size}"),
                    said,
                    &reduction.advice,
                ));
            }
            self.adapted.page_size = Some(smaller);
            self.adapted.attempts
        };
        let wait = Duration::try_from_secs_f64(reduction.wait_seconds * f64::from(attempts))
            .unwrap_or(LONGEST_WAIT)
            .min(LONGEST_WAIT);
        tokio::select! {
            biased;
            () = self.context.access.cancel.cancelled() => Err(Error::Cancelled),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    fn split(&mut self, stream: &Stream, splitting: &Splitting, said: &str) -> Result<()> {
        self.adapted.splits += 1;
        let halves = match self.adapted.splits {
            0..=MOST_SPLITS => self.progress.halves(&self.shown, splitting.smallest),
            _ => None,
        };
        let Some((first, second)) = halves else {
            return Err(self.too_much(stream, "the smallest window", said, &splitting.advice));
        };
        self.adapted.windows.push_front(second);
        self.adapted.records = 0;
        self.adapted.page_size = None;
        self.shown = Arc::new(first);
        self.token = first_token(stream);
        self.tokens.clear();
        Ok(())
    }

    fn too_much(&self, stream: &Stream, what: &str, said: &str, advice: &str) -> Error {
        let said = match said.is_empty() {
            true => String::new(),
            false => format!(" ({said})"),
        };
        Error::Unavailable {
            platform: self.context.connection.http.name().to_owned(),
            reason: format!(
                "{what} of the stream {} is still too much for it{said}.{advice}",
                stream.name
            ),
        }
    }

    fn not_said(&self, stream: &Stream, action: &str, missing: &str) -> Error {
        Error::Misconfigured {
            what: format!("the connector {}", self.context.connection.connector.name),
            place: format!("the stream {}", stream.name),
            problem: format!("an answer leads to {action}, but the file does not say how"),
            expected: format!("{missing} in the stream's retriever or paginator"),
        }
    }
}
