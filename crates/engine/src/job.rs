//! Everything that a run needs, looked up and checked before the first request.

use std::collections::HashMap;
use std::sync::Arc;

use compact_str::CompactString;
use connectors::{Access, Deletions, Destination, Source, StreamDescription};
use mapping::Program;
use mapping::expression::Expression;
use model::field::Schema;
use model::ids::SyncId;
use model::path::{FieldPath, Segment};
use model::row::Row;
use model::sync::{DeleteAction, Direction, Policy, Side, Sync, Truth, WriteMode};
use model::value::Value;

use crate::deletes;
use crate::earlier::Earlier;
use crate::error::{Error, Result};
use crate::linked::Links;
use crate::plan::{Problem, Rules};
use crate::run::Work;

/// A sync ready to run.
#[derive(Clone)]
pub struct Job {
    /// Which.
    pub sync: SyncId,
    /// Its version.
    pub version: u32,
    /// Its document.
    pub document: Sync,
    /// Its mapping, compiled.
    pub program: Arc<Program>,
    /// Read from.
    pub source: Arc<dyn Source>,
    /// Written to.
    pub destination: Arc<dyn Destination>,
    /// The source stream as it is now.
    pub source_stream: StreamDescription,
    /// The target stream as it is now.
    pub target_stream: StreamDescription,
    /// Changes when the mapping or the match key does.
    pub mapping_mark: String,
    /// Only records for which it is true take part.
    pub(crate) filter: Option<Arc<Expression>>,
    /// The way back, where the target's changes are read too.
    pub back: Option<Back>,
    /// Which record is which.
    pub(crate) links: Links,
    /// As it was mapped before.
    pub(crate) earlier: Earlier,
}

/// What it takes to read the target, and to write the source.
#[derive(Clone)]
pub struct Back {
    /// The target, to be read.
    pub source: Arc<dyn Source>,
    /// The source, to be written.
    pub destination: Arc<dyn Destination>,
    /// The source's stream as one that is written.
    pub stream: StreamDescription,
    /// The mapping back, compiled.
    pub(crate) program: Arc<Program>,
    /// The target's top-level fields.
    pub(crate) fields: HashMap<CompactString, BackField>,
    /// Source fields that tell which record is meant; empty where the match key does not come back.
    pub(crate) match_on: Vec<FieldPath>,
}

/// How a field of the target, at its top level, flows.
#[derive(Clone, Debug, Default)]
pub(crate) struct BackField {
    /// Where it comes from; empty where nothing comes back.
    pub(crate) sources: Vec<FieldPath>,
    pub(crate) direction: Direction,
    pub(crate) policy: Policy,
    pub(crate) truth: Truth,
}

/// One side of a job, to be written.
pub(crate) struct End<'a> {
    pub(crate) side: Side,
    pub(crate) destination: &'a dyn Destination,
    pub(crate) stream: &'a StreamDescription,
    pub(crate) access: &'a Access,
    /// Fields of this side that tell which record is meant.
    pub(crate) match_on: &'a [FieldPath],
}

impl Job {
    /// Compiles the mapping and checks that the target can do what the sync wants.
    pub fn new(
        sync: SyncId,
        version: u32,
        mut document: Sync,
        source: Arc<dyn Source>,
        destination: Arc<dyn Destination>,
        source_stream: StreamDescription,
        target_stream: StreamDescription,
    ) -> Result<Self> {
        let program = compile(&document, &source_stream.schema, &target_stream.schema)?;
        let can = &target_stream.capabilities;
        let refuse = |what: &str| {
            Err(Error::Refused(format!(
                "{} cannot {what} records of \"{}\"; choose another mode",
                document.name, target_stream.label
            )))
        };
        if let Some(problem) = mode_problem(document.mode, &target_stream) {
            return Err(Error::Refused(format!(
                "{problem}; choose another mode for {}",
                document.name
            )));
        }
        // A mirror of what can only be put away puts away.
        if (&document.deletes.action, document.mode) == (&DeleteAction::Keep, WriteMode::Mirror)
            && !can.delete
            && can.archive.is_some()
        {
            document.deletes.action = DeleteAction::Archive;
        }
        match document.delete_action() {
            DeleteAction::Delete if !can.delete => return refuse("delete"),
            DeleteAction::Archive if can.archive.is_none() => return refuse("put away"),
            DeleteAction::Clear | DeleteAction::Set { .. } if !can.update => {
                return refuse("update");
            }
            _ => {}
        }
        for path in document.match_also.iter().flat_map(|rule| &rule.fields) {
            if !can.match_by.contains(path) {
                return Err(Error::Refused(format!(
                    "\"{}\" cannot be searched by {path}; take it out of the ways to match",
                    target_stream.label
                )));
            }
        }
        let filter = match &document.filter {
            None => None,
            Some(text) => Some(Arc::new(Expression::parse(text).map_err(|error| {
                Error::Refused(format!(
                    "the filter of {} cannot be read: {error}",
                    document.name
                ))
            })?)),
        };
        if !source_stream.capabilities.read {
            return Err(Error::Refused(format!(
                "\"{}\" cannot be read",
                source_stream.label
            )));
        }
        let mapping_mark = mark(&document);
        Ok(Self {
            sync,
            version,
            document,
            program: Arc::new(program),
            source,
            destination,
            source_stream,
            target_stream,
            mapping_mark,
            filter,
            back: None,
            links: Links::of(sync),
            earlier: Earlier::default(),
        })
    }

    /// The same with the mapping of another version; none where it does not fit what the platforms have now.
    pub(crate) fn mapped_as(&self, version: &Sync) -> Option<Self> {
        let (source, target) = (&self.source_stream.schema, &self.target_stream.schema);
        let program = compile(version, source, target).ok()?;
        Some(Self {
            program: Arc::new(program),
            document: Sync {
                mapping: version.mapping.clone(),
                ..self.document.clone()
            },
            earlier: Earlier::default(),
            ..self.clone()
        })
    }

    /// The job with what it takes to read the target and to write the source, which a two-way sync and a full
    /// refresh need.
    pub fn with_back(
        mut self,
        source: Arc<dyn Source>,
        destination: Arc<dyn Destination>,
        target_stream: &StreamDescription,
        stream: StreamDescription,
    ) -> Result<Self> {
        let two_way = self.document.both_ways();
        let refuse = |words: String| Err(Error::Refused(words));
        if !self.document.match_also.is_empty() {
            return refuse(
                "a sync that reads both sides matches by one key; take the other ways to match out"
                    .into(),
            );
        }
        if !target_stream.capabilities.read {
            return refuse(format!(
                "\"{}\" cannot be read, so its changes cannot be seen; choose another mode",
                target_stream.label
            ));
        }
        let chosen = two_way
            .fields
            .iter()
            .filter_map(|field| Some((field.field.clone(), field.back.clone()?)))
            .collect();
        let (from, to) = (&self.source_stream.schema, &self.target_stream.schema);
        let inverted = mapping::inverse::invert(&self.document.mapping, from, to, &chosen);
        let compiled = mapping::compile(&inverted.mapping, to, from, mapping::Purpose::Update);
        let problems: Vec<String> = compiled
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == mapping::Severity::Error)
            .map(|diagnostic| match &diagnostic.target {
                Some(field) => format!("on the way back to {field}: {}", diagnostic.message),
                None => diagnostic.message.clone(),
            })
            .collect();
        let Some(program) = compiled.program.filter(|_| problems.is_empty()) else {
            return Err(Error::MappingInvalid { problems });
        };
        let mut fields: HashMap<CompactString, BackField> = HashMap::new();
        for field in &inverted.fields {
            let Some(top) = top_level(&field.target) else {
                continue;
            };
            let rule = two_way.rule_of(&field.target);
            let entry = fields.entry(top).or_insert_with(|| BackField {
                sources: Vec::new(),
                direction: match (self.document.mode, rule) {
                    (WriteMode::FullRefresh, _) => Direction::ToTarget,
                    (_, rule) => rule.map_or(Direction::Both, |rule| rule.direction),
                },
                policy: rule.and_then(|rule| rule.policy).unwrap_or(two_way.policy),
                truth: rule.and_then(|rule| rule.truth).unwrap_or(two_way.truth),
            });
            match &field.source {
                Some(source) if field.kind.comes_back() => entry.sources.push(source.clone()),
                // Part of it cannot come back, so nothing of it does.
                _ => entry.direction = Direction::ToTarget,
            }
        }
        let writes_source = fields
            .values()
            .any(|field| field.direction != Direction::ToTarget);
        if writes_source && !stream.capabilities.update {
            return refuse(format!(
                "\"{}\" cannot be changed, so nothing can flow back to it; let the fields flow one way",
                stream.label
            ));
        }
        let match_on: Option<Vec<FieldPath>> = self
            .document
            .match_on
            .iter()
            .map(|path| {
                inverted
                    .fields
                    .iter()
                    .find(|field| field.target == *path && field.kind.comes_back())
                    .and_then(|field| field.source.clone())
            })
            .collect();
        self.back = Some(Back {
            source,
            destination,
            stream,
            program: Arc::new(program),
            fields,
            match_on: match_on.unwrap_or_default(),
        });
        Ok(self)
    }

    /// Why a record does not take part, whatever the mapping makes of it.
    pub(crate) fn leaves_out(&self, record: &Row) -> Option<Problem> {
        let deletions = &self.source_stream.capabilities.deletions;
        if self.filter.is_none() && !matches!(deletions, Deletions::Marked { .. }) {
            return None;
        }
        let record = &*record.as_value();
        let problem = |message: String| {
            Some(Problem {
                message,
                field: None,
            })
        };
        if deletes::is_marked(deletions, record) {
            return problem("deleted on the source".into());
        }
        let filter = self.filter.as_ref()?;
        match filter.evaluate(record, &Value::Null) {
            Ok(Value::Null | Value::Bool(false) | Value::Int(0)) => {
                problem("does not pass this sync's filter".into())
            }
            Ok(value) if value.is_empty() => problem("does not pass this sync's filter".into()),
            Ok(_) => None,
            Err(error) => problem(format!("the filter cannot be told for it: {error}")),
        }
    }

    /// A side, to be written. The source's only where the job has a way back.
    pub(crate) fn end<'a>(&'a self, work: &'a Work, side: Side) -> Result<End<'a>> {
        match (side, &self.back) {
            (Side::Target, _) => Ok(End {
                side,
                destination: &*self.destination,
                stream: &self.target_stream,
                access: &work.target_access,
                match_on: &self.document.match_on,
            }),
            (Side::Source, Some(back)) => Ok(End {
                side,
                destination: &*back.destination,
                stream: &back.stream,
                access: &work.source_access,
                match_on: &back.match_on,
            }),
            (Side::Source, None) => Err(Error::Refused(
                "this sync flows one way, so its source is never written".into(),
            )),
        }
    }

    /// The rules that decisions follow.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            mode: self.document.mode,
            match_on: self.document.match_on.clone(),
            match_also: self.document.match_also.clone(),
        }
    }
}

/// The first name of a path.
pub(crate) fn top_level(path: &FieldPath) -> Option<CompactString> {
    match path.segments().first()? {
        Segment::Name(name) => Some(name.clone()),
        Segment::Each | Segment::Index(_) => None,
    }
}

/// Why a stream cannot be written in a mode; none where it can.
pub fn mode_problem(mode: WriteMode, target: &StreamDescription) -> Option<String> {
    let can = &target.capabilities;
    let cannot = |what: &str| Some(format!("\"{}\" cannot {what} records", target.label));
    if mode.creates() && !can.create {
        return cannot("create");
    }
    if mode.updates() && !can.update {
        return cannot("update");
    }
    match mode {
        WriteMode::Mirror if !can.delete && can.archive.is_none() => cannot("delete"),
        WriteMode::FullRefresh if !can.read => Some(format!(
            "\"{}\" cannot be read, so it cannot be told what was changed there",
            target.label
        )),
        _ => None,
    }
}

/// Compiles a sync's mapping; errors become one [`Error::MappingInvalid`].
fn compile(document: &Sync, source: &Schema, target: &Schema) -> Result<Program> {
    let compiled = mapping::compile(&document.mapping, source, target, purpose(document.mode));
    let problems: Vec<String> = compiled
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == mapping::Severity::Error)
        .map(|diagnostic| match &diagnostic.target {
            Some(target) => format!("{target}: {}", diagnostic.message),
            None => diagnostic.message.clone(),
        })
        .collect();
    match compiled.program {
        Some(program) if problems.is_empty() => Ok(program),
        _ => Err(Error::MappingInvalid { problems }),
    }
}

/// What the compiler has to know of a mode.
pub const fn purpose(mode: WriteMode) -> mapping::Purpose {
    match mode {
        WriteMode::Create | WriteMode::Append => mapping::Purpose::Create,
        WriteMode::Update => mapping::Purpose::Update,
        WriteMode::Upsert | WriteMode::Mirror | WriteMode::FullRefresh => mapping::Purpose::Upsert,
    }
}

fn mark(document: &Sync) -> String {
    let mut text = serde_json::json!({
        "rules": document.mapping.rules,
        "match_on": document.match_on,
        "mode": document.mode,
        "source": document.source,
        "target": document.target,
    });
    if let (Some(filter), Some(members)) = (&document.filter, text.as_object_mut()) {
        members.insert("filter".into(), filter.as_str().into());
    }
    format!(
        "{:032x}",
        model::value::Value::from_serde(&text).fingerprint().0
    )
}
