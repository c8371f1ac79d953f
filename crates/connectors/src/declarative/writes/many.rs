//! `batch` and `bulk`: several records in one request, or as a job of the platform.

use std::time::Duration;

use model::record::Operation;

use super::answers::{FailedIf, Results};
use super::graphql::Mutation;
use super::rows::{FORMATS, Format};
use super::spec::{by_post, idempotency, requester};
use crate::Result;
use crate::declarative::node::{Kind, View};
use crate::declarative::requester::Requester;
use crate::declarative::text::{PathText, Text, Tree};

/// An operation on many records.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The request.
    pub request: Requester,
    /// Most records in it.
    pub size: usize,
    /// The header that makes repeating safe.
    pub idempotency_header: Option<String>,
    /// What an entry looks like, for each operation.
    pub entries: Entries,
    /// What the answer looks like; for GraphQL it is known.
    pub results: Option<Results>,
    /// Statuses and codes of items that say: not carried out, worth sending again.
    pub retry: Vec<String>,
    /// When an answer with a success status is a refusal of the whole.
    pub failed_if: Option<FailedIf>,
}

/// What one record looks like among many, for each operation.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    trees: Vec<(Entry, Tree)>,
    mutations: Vec<(Entry, Mutation)>,
}

/// The kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Create,
    Update,
    Delete,
    /// Creates, or changes what is there.
    Upsert,
}

const ENTRIES: &[(&str, Entry)] = &[
    ("create", Entry::Create),
    ("update", Entry::Update),
    ("delete", Entry::Delete),
    ("upsert", Entry::Upsert),
];

/// A job that the platform does in its own time.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// Most records in one job.
    pub size: usize,
    /// Fewer changes than this go another way, if there is one.
    pub from: usize,
    /// How records are written down.
    pub format: Format,
    /// What a record looks like, for each operation.
    pub entries: Entries,
    /// The request that makes the job; it has the records unless `upload` has.
    pub submit: Requester,
    /// The header that makes submitting twice safe.
    pub idempotency_header: Option<String>,
    /// Where the job's id is in the answer.
    pub job: PathText,
    /// Takes the records, where that is a request of its own.
    pub upload: Option<Requester>,
    /// Lets the job begin, where that is a request of its own.
    pub start: Option<Requester>,
    /// How it is asked whether the job is done.
    pub poll: Poll,
    /// Where the results are, one entry for each request.
    pub results: Vec<Outcomes>,
}

/// How it is asked whether a job is done.
#[derive(Clone, Debug)]
pub struct Poll {
    /// The request; `job` is the job's id.
    pub request: Requester,
    /// Where the job's state is.
    pub status: PathText,
    /// The states in which the results are there.
    pub done: Vec<String>,
    /// The states in which it ended before its end: what has no result is not known.
    pub failed: Vec<String>,
    /// The states in which nothing was carried out.
    pub refused: Vec<String>,
    /// Time between two questions, unless the platform says.
    pub interval: Duration,
    /// How long a job may take before it is left alone.
    pub deadline: Duration,
}

/// Where a job's results are.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// The request; none: the answer to the last question holds them.
    pub request: Option<Requester>,
    /// How they are written down.
    pub format: Format,
    /// What they look like.
    pub results: Results,
}

impl Batch {
    /// From `batch`.
    pub fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "request",
            "size",
            "idempotency_key",
            "entries",
            "graphql",
            "results",
            "retry",
            "failed_if",
        ])?;
        let request = requester(view, base)?;
        let entries = match view.get("graphql") {
            Some(graphql) => {
                by_post(&graphql, &request)?;
                Entries::mutations(&graphql)?
            }
            None => Entries::compile(
                &view.require("entries", "what an entry looks like, for each operation")?,
            )?,
        };
        Ok(Self {
            size: size_of(
                &view.require("size", "most records in one request")?,
                10_000,
            )?,
            request,
            idempotency_header: idempotency(view)?,
            results: match view.get("results") {
                Some(results) => Some(Results::compile(&results)?),
                None if entries.is_graphql() => None,
                None => {
                    return Err(view.fail(
                        "`results` is missing",
                        "`results`: what the answer looks like",
                    ));
                }
            },
            entries,
            retry: match view.get("retry") {
                Some(codes) => codes.texts()?,
                None => Vec::new(),
            },
            failed_if: FailedIf::compile(view)?,
        })
    }
}

impl Entries {
    fn compile(view: &View<'_>) -> Result<Self> {
        let mut entries = Self::default();
        Self::each(view, |entry, view| {
            entries.trees.push((entry, Tree::compile(view)?));
            Ok(())
        })?;
        Ok(entries)
    }

    fn mutations(view: &View<'_>) -> Result<Self> {
        let mut entries = Self::default();
        Self::each(view, |entry, view| {
            entries.mutations.push((entry, Mutation::compile(view)?));
            Ok(())
        })?;
        Ok(entries)
    }

    fn each(view: &View<'_>, mut take: impl FnMut(Entry, &View<'_>) -> Result<()>) -> Result<()> {
        view.only(&["create", "update", "delete", "upsert"])?;
        for (name, entry) in ENTRIES {
            if let Some(found) = view.get(name) {
                take(*entry, &found)?;
            }
        }
        Ok(())
    }

    /// Whether there is an entry for this.
    pub fn offers(&self, operation: Operation) -> bool {
        self.tree(operation).is_some() || self.mutation(operation).is_some()
    }

    /// Whether the entries are mutations.
    pub fn is_graphql(&self) -> bool {
        !self.mutations.is_empty()
    }

    /// Whether a create that is sent twice does no more than one that is sent once.
    pub fn creates_by_upsert(&self) -> bool {
        let is_create = |entry: Entry| entry == Entry::Create;
        !self.trees.iter().any(|(entry, _)| is_create(*entry))
            && !self.mutations.iter().any(|(entry, _)| is_create(*entry))
    }

    /// What an entry looks like.
    pub fn tree(&self, operation: Operation) -> Option<&Tree> {
        chosen(&self.trees, operation)
    }

    /// Whether what is sent names the version that must still be there.
    pub fn names_version(&self, operation: Operation) -> bool {
        let by_tree = self.tree(operation).map(|tree| tree.mentions("version"));
        by_tree.unwrap_or_else(|| {
            self.mutation(operation)
                .is_some_and(|mutation| mutation.mentions("version"))
        })
    }

    /// The mutation that is sent.
    pub fn mutation(&self, operation: Operation) -> Option<&Mutation> {
        chosen(&self.mutations, operation)
    }
}

/// A create goes as `create`, else as `upsert`.
fn chosen<T>(entries: &[(Entry, T)], operation: Operation) -> Option<&T> {
    let ways: &[Entry] = match operation {
        Operation::Create => &[Entry::Create, Entry::Upsert],
        Operation::Update => &[Entry::Update],
        Operation::Delete => &[Entry::Delete],
    };
    ways.iter().find_map(|way| {
        entries
            .iter()
            .find(|(entry, _)| entry == way)
            .map(|(_, found)| found)
    })
}

impl Bulk {
    /// From `bulk`.
    pub fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "size", "from", "format", "entries", "submit", "upload", "start", "poll", "results",
        ])?;
        let submit = view.require("submit", "the request that makes the job")?;
        submit.only(&["request", "job", "idempotency_key"])?;
        let further = |name: &str| -> Result<Option<Requester>> {
            view.get(name)
                .map(|found| {
                    found.only(&["request"])?;
                    requester(&found, base)
                })
                .transpose()
        };
        let results = view.require("results", "where the job's results are")?;
        let results = match results.node().kind {
            Kind::List(_) => results.items()?,
            _ => vec![results],
        };
        let entries = view.require("entries", "what a record looks like, for each operation")?;
        Ok(Self {
            size: size_of(&view.require("size", "most records in one job")?, 100_000)?,
            from: match view.get("from") {
                Some(from) => size_of(&from, 100_000)?,
                None => 1,
            },
            format: format_of(view)?,
            entries: Entries::compile(&entries)?,
            idempotency_header: idempotency(&submit)?,
            job: PathText::compile(&submit.require("job", "where the job's id is in the answer")?)?,
            submit: requester(&submit, base)?,
            upload: further("upload")?,
            start: further("start")?,
            poll: Poll::compile(
                &view.require("poll", "how it is asked whether the job is done")?,
                base,
            )?,
            results: results
                .iter()
                .map(|results| Outcomes::compile(results, base))
                .collect::<Result<_>>()?,
        })
    }
}

impl Poll {
    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "request", "status", "done", "failed", "refused", "interval", "deadline",
        ])?;
        let words = |name: &str| -> Result<Vec<String>> {
            view.get(name)
                .map_or_else(|| Ok(Vec::new()), |found| found.texts())
        };
        let seconds = |name: &str, otherwise: f64, longest: f64| -> Result<Duration> {
            let Some(found) = view.get(name) else {
                return Ok(Duration::from_secs_f64(otherwise));
            };
            let seconds = found.number()?;
            if !(0.01..=longest).contains(&seconds) {
                return Err(found.fail(
                    format!("{seconds} seconds are not possible"),
                    format!("0.01 to {longest} seconds"),
                ));
            }
            Ok(Duration::from_secs_f64(seconds))
        };
        view.require("done", "the states in which the results are there")?;
        Ok(Self {
            request: requester(view, base)?,
            status: PathText::compile(&view.require("status", "where the job's state is")?)?,
            done: words("done")?,
            failed: words("failed")?,
            refused: words("refused")?,
            interval: seconds("interval", 5.0, 600.0)?,
            deadline: seconds("deadline", 3600.0, 86_400.0)?,
        })
    }
}

impl Outcomes {
    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&["request", "format", "items"])?;
        Ok(Self {
            request: match view.get("request") {
                Some(_) => Some(requester(view, base)?),
                None => None,
            },
            format: format_of(view)?,
            results: Results::compile(&view.require("items", "what the results look like")?)?,
        })
    }
}

fn format_of(view: &View<'_>) -> Result<Format> {
    let Some(found) = view.get("format") else {
        return Ok(Format::default());
    };
    let word = found.text()?;
    FORMATS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, format)| *format)
        .ok_or_else(|| found.fail(format!("`{word}` is not known here"), "json, jsonl or csv"))
}

fn size_of(view: &View<'_>, most: usize) -> Result<usize> {
    usize::try_from(view.count()?)
        .ok()
        .filter(|size| (1..=most).contains(size))
        .ok_or_else(|| view.fail("this size is not possible", format!("1 to {most}")))
}
