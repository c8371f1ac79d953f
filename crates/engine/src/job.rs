//! Everything that a run needs, looked up and checked before the first request.

use std::sync::Arc;

use connectors::{Destination, Source, StreamDescription};
use mapping::Program;
use model::field::Schema;
use model::ids::SyncId;
use model::sync::{Sync, WriteMode};

use crate::error::{Error, Result};
use crate::plan::Rules;

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
}

impl Job {
    /// Compiles the mapping and checks that the target can do what the sync wants.
    pub fn new(
        sync: SyncId,
        version: u32,
        document: Sync,
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
        if document.mode.creates() && !can.create {
            return refuse("create");
        }
        if document.mode.updates() && !can.update {
            return refuse("update");
        }
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
        })
    }

    /// The rules that decisions follow.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            mode: self.document.mode,
            match_on: self.document.match_on.clone(),
        }
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
    let text = serde_json::json!({
        "rules": document.mapping.rules,
        "match_on": document.match_on,
        "mode": document.mode,
        "source": document.source,
        "target": document.target,
    });
    format!(
        "{:032x}",
        model::value::Value::from_serde(&text).fingerprint().0
    )
}
