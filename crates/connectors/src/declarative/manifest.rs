//! A connector file, read and checked: nothing in it fails later for being misspelt.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use model::path::FieldPath;
use model::record::Operation;
use model::value::Value;
use template::{Env, Scope};

use super::auth_spec::AuthMethod;
use super::budget::BudgetSpec;
use super::changes::{self, Changes};
use super::config::ConfigRules;
use super::config::spec::ConnectionSpec;
use super::custom;
use super::deletions::{self, Fields};
use super::dynamic::Template;
use super::node::{Node, View};
use super::patchbay_keys::{self, AccountSpec, LimitSpec, PlatformSpec};
use super::schema::Describe;
use super::stream::Stream;
use super::text::{Condition, Text};
use super::writes::fields::FieldSpec;
use super::writes::spec::WriteSpec;
use super::{parameters, refs};
use crate::{Capabilities, Deletions, Error, Result};

/// Streams that one file may have.
const MOST_STREAMS: usize = 5_000;

/// Jobs that a file may have running at a time.
const MOST_JOBS: usize = 1_000;

/// A connector.
#[derive(Debug)]
pub struct Manifest {
    /// Its name in documents: the name of its folder.
    pub name: String,
    /// What is shown of it.
    pub platform: PlatformSpec,
    /// The ways to sign in.
    pub auth: Vec<AuthMethod>,
    /// The `spec` of the file.
    pub spec: serde_json::Value,
    /// The JSON schema of the settings that a connection asks for.
    pub connection_specification: serde_json::Value,
    /// The same, ready to be asked; none where it is no schema.
    pub(super) asked: Option<ConnectionSpec>,
    /// What is done to settings before they are used.
    pub(super) rules: ConfigRules,
    /// Its streams, in the order of the file.
    pub streams: Vec<Arc<Stream>>,
    /// Streams that cannot be read here, and why.
    pub refused: Vec<Refused>,
    /// Its bounds.
    pub limits: LimitSpec,
    /// How many requests of different partitions are made at a time.
    pub concurrency: Option<Text>,
    /// The most requests at a time, whatever the settings say.
    pub most_concurrency: Option<u64>,
    /// Streams of which one is read at a time, by name.
    pub groups: Vec<Vec<String>>,
    pub(super) jobs: Option<Text>,
    /// Templates of further streams.
    pub(super) templates: Vec<Template>,
    /// How many calls of each kind it allows itself.
    pub(super) budget: Option<BudgetSpec>,
    /// Templates of which a check of the connection reads streams, and how many; a template without a name is any.
    pub check_templates: Vec<(Option<String>, usize)>,
    /// Streams that are only there under a condition, by name.
    pub(super) conditions: Vec<(String, Condition)>,
    /// Streams that a check of the connection reads.
    pub check_streams: Vec<String>,
    parents: HashSet<String>,
    pub(super) account: Option<AccountSpec>,
    pub(super) describes: Vec<(String, Describe)>,
    pub(super) writes: Vec<(String, WriteSpec)>,
    /// How one learns what was deleted, by stream.
    deletions: Vec<(String, Deletions)>,
    changes: Vec<(String, Changes)>,
}

/// A stream that cannot be read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub stream: String,
    /// Why, and what would help.
    pub reason: String,
}

impl Manifest {
    /// Reads a file's text. `name` is the connector's name and stands in complaints.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        Self::parse_in(name, text, None)
    }

    /// As [`Manifest::parse`]; `folder` is where the file lies, for schemas in files beside it.
    pub fn parse_in(name: &str, text: &str, folder: Option<&Path>) -> Result<Self> {
        let file = format!("the connector file {name}");
        let tree = Node::parse(&file, text)?;
        let tree = refs::resolve(&file, &tree)?;
        let tree = parameters::propagate(&tree);
        let root = View::root_in(&file, folder, &tree);
        if root.component()? != "DeclarativeSource" {
            return Err(root.unknown_component(&["DeclarativeSource"]));
        }
        let mut found = Found::default();
        if let Some(list) = root.get("streams") {
            let items = list.items()?;
            if items.len() > MOST_STREAMS {
                return Err(list.fail(
                    format!("there are {} streams", items.len()),
                    "at most 5,000",
                ));
            }
            for item in &items {
                found.take(item)?;
            }
        } else if root.get("dynamic_streams").is_none() {
            root.require("streams", "a list of streams")?;
        }
        let mut templates = Vec::new();
        if let Some(list) = root.get("dynamic_streams") {
            for (n, item) in list.items()?.iter().enumerate() {
                match custom::refusal(item.node()) {
                    Some(reason) => found.refuse(item, reason),
                    None => match Template::compile(item, n) {
                        Ok(template) => templates.push(template),
                        Err(error) => found.fail(item, error),
                    },
                }
            }
        }
        let Found {
            streams,
            refused,
            conditions,
            mut errors,
        } = found;
        if streams.is_empty() && templates.is_empty() && !errors.is_empty() {
            return Err(errors.remove(0).1);
        }
        let parents = streams
            .iter()
            .flat_map(|stream| stream.parents())
            .chain(templates.iter().flat_map(Template::parents))
            .map(|parent| parent.name.clone())
            .collect();
        // Requests of our own keys go to the same platform unless they say otherwise.
        let base = streams
            .iter()
            .find_map(|stream| stream.requester().base())
            .cloned();
        let ours = root.get("patchbay");
        let of_ours = |member: &str| ours.as_ref().and_then(|ours| ours.get(member));
        if let Some(ours) = &ours {
            ours.only(&[
                "platform",
                "account",
                "auth",
                "limits",
                "schema",
                "writes",
                "deletions",
                "changes",
                "webhooks",
            ])?;
        }
        let mut describes = Vec::new();
        if let Some(map) = of_ours("schema") {
            for (stream, view) in map.members()? {
                known_stream(&streams, &mut errors, stream, &view)?;
                let mut describe = Describe::compile(&view)?;
                describe.request.inherit_base(base.as_ref());
                describes.push((stream.to_owned(), describe));
            }
        }
        let mut writes = Vec::new();
        if let Some(map) = of_ours("writes") {
            for (stream, view) in map.members()? {
                known_stream(&streams, &mut errors, stream, &view)?;
                let spec = WriteSpec::compile(&view, base.as_ref())?;
                for other in spec.fields.iter().filter_map(FieldSpec::refers_to) {
                    known_stream(&streams, &mut errors, other, &view)?;
                }
                if let Some(archive) = view.get("archive") {
                    for (field, place) in archive.members()? {
                        let path = FieldPath::root().child(field);
                        Fields(&streams, &describes).known(stream, &path, &place)?;
                    }
                }
                writes.push((stream.to_owned(), spec));
            }
        }
        let mut deletions = Vec::new();
        if let Some(map) = of_ours("deletions") {
            for (stream, view) in map.members()? {
                known_stream(&streams, &mut errors, stream, &view)?;
                let found = deletions::compile(&view)?;
                if let Deletions::Listed { stream: list, .. } = &found {
                    let place = view.get("stream").unwrap_or_else(|| view.clone());
                    known_stream(&streams, &mut errors, list, &place)?;
                }
                let fields = Fields(&streams, &describes);
                deletions::check(&view, stream, &found, &fields)?;
                deletions.push((stream.to_owned(), found));
            }
        }
        let mut listed = Vec::new();
        if let Some(map) = of_ours("changes") {
            for (stream, view) in map.members()? {
                known_stream(&streams, &mut errors, stream, &view)?;
                let found = changes::compile(&view)?;
                let place = view.get("stream").unwrap_or_else(|| view.clone());
                known_stream(&streams, &mut errors, &found.stream, &place)?;
                let can_get = writes
                    .iter()
                    .any(|(name, spec)| name == stream && spec.get.is_some());
                let fields = Fields(&streams, &describes);
                changes::check(&view, stream, &found, &fields, can_get)?;
                listed.push((stream.to_owned(), found));
            }
        }
        let spec = root.get("spec");
        let level = root.get("concurrency_level");
        let of_level = |name: &str| level.as_ref().and_then(|level| level.get(name));
        let concurrency = of_level("default_concurrency");
        Ok(Self {
            platform: patchbay_keys::platform(of_ours("platform"), name)?,
            auth: patchbay_keys::auth(of_ours("auth"))?,
            limits: patchbay_keys::limits(of_ours("limits"))?,
            account: patchbay_keys::account(of_ours("account"), base.as_ref())?,
            connection_specification: spec
                .as_ref()
                .and_then(|spec| spec.get("connection_specification"))
                .map_or_else(
                    || serde_json::json!({"type": "object", "properties": {}}),
                    |found| found.node().to_json(),
                ),
            rules: match &spec {
                Some(spec) => ConfigRules::compile(spec)?,
                None => ConfigRules::default(),
            },
            asked: asked(spec.as_ref()),
            spec: spec.map_or(serde_json::Value::Null, |spec| spec.node().to_json()),
            templates,
            budget: root
                .get("api_budget")
                .filter(|budget| !budget.node().is_falsy())
                .map(|budget| BudgetSpec::compile(&budget))
                .transpose()?,
            check_templates: checked_templates(&root)?,
            jobs: Text::member(&root, "max_concurrent_async_job_count")?,
            concurrency: concurrency.map(|level| Text::compile(&level)).transpose()?,
            most_concurrency: of_level("max_concurrency")
                .map(|most| most.count())
                .transpose()?,
            groups: match root.get("stream_groups") {
                Some(groups) => groups
                    .members()?
                    .iter()
                    .map(|(_, group)| group_of(group))
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            check_streams: match root
                .get("check")
                .and_then(|check| check.get("stream_names"))
            {
                Some(names) => names.texts()?,
                None => Vec::new(),
            },
            name: name.to_owned(),
            streams,
            refused,
            conditions,
            parents,
            describes,
            writes,
            deletions,
            changes: listed,
        })
    }

    /// How many jobs may run on the platform at a time.
    pub fn jobs_at_a_time(&self, config: &Value, env: &Env) -> usize {
        let Some(text) = &self.jobs else {
            return 1;
        };
        let scope = Scope::new().with("config", config);
        let said = text.printed(&scope, env).unwrap_or_default();
        said.trim().parse().unwrap_or(1).clamp(1, MOST_JOBS)
    }

    /// Whether other streams are read by this one's records.
    pub fn is_parent(&self, stream: &str) -> bool {
        self.parents.contains(stream)
    }

    /// Reads a file from disk.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse_in(name_of(path), &text_of(path)?, path.parent())
    }

    /// The stream called `name`.
    pub fn stream(&self, name: &str) -> Result<&Arc<Stream>> {
        self.streams
            .iter()
            .find(|stream| stream.name == name)
            .ok_or_else(|| Error::Misconfigured {
                what: format!("the connector {}", self.name),
                place: "streams".into(),
                problem: match self.refused.iter().find(|refused| refused.stream == name) {
                    Some(refused) => format!("`{name}` cannot be read here: {}", refused.reason),
                    None => format!("there is no stream `{name}`"),
                },
                expected: format!(
                    "one of {}",
                    self.streams
                        .iter()
                        .map(|stream| stream.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            })
    }

    pub(super) fn writes(&self, stream: &str) -> Option<&WriteSpec> {
        self.writes
            .iter()
            .find(|(name, _)| name == stream)
            .map(|(_, spec)| spec)
    }

    pub(super) fn describe(&self, stream: &str) -> Option<&Describe> {
        self.describes
            .iter()
            .find(|(name, _)| name == stream)
            .map(|(_, describe)| describe)
    }

    /// Whether any of its streams can be written.
    pub fn can_write(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Whether records of a stream can be created, changed, deleted.
    pub fn offers(&self, stream: &str, operation: Operation) -> bool {
        self.writes(stream)
            .is_some_and(|writes| writes.offers(operation))
    }

    /// The names of the templates from which further streams are made once a connection is there.
    pub fn template_names(&self) -> Vec<&str> {
        let templates = self.templates.iter();
        templates.map(|template| template.name.as_str()).collect()
    }

    /// What can be done with a stream, as far as the file says.
    pub fn capabilities(&self, stream: &Stream) -> Capabilities {
        let writes = self.writes(&stream.name);
        let offers = |operation| writes.is_some_and(|writes| writes.offers(operation));
        Capabilities {
            read: true,
            incremental: stream.cursor.is_some() || self.changes(&stream.name).is_some(),
            create: offers(Operation::Create),
            update: offers(Operation::Update),
            delete: offers(Operation::Delete),
            upsert: writes.and_then(|writes| Some(writes.upsert.as_ref()?.by.clone())),
            batch_size: writes.map_or(1, WriteSpec::batch_size),
            match_by: writes.map_or_else(Vec::new, |writes| writes.match_by.clone()),
            idempotent_create: writes.is_some_and(WriteSpec::idempotent_create),
            get: writes.is_some_and(|writes| writes.get.is_some()),
            versioned: writes.is_some_and(WriteSpec::is_versioned),
            archive: writes.and_then(|writes| writes.archive.clone()),
            deletions: self.deletions(&stream.name),
        }
    }

    /// How one learns what was deleted from a stream.
    fn deletions(&self, stream: &str) -> Deletions {
        self.deletions
            .iter()
            .find(|(name, _)| name == stream)
            .map(|(_, deletions)| deletions.clone())
            .unwrap_or_default()
    }

    /// The list of a stream's changes, where there is one.
    pub fn changes(&self, stream: &str) -> Option<&Changes> {
        let mut all = self.changes.iter();
        all.find(|(name, _)| name == stream)
            .map(|(_, changes)| changes)
    }

    /// The sign-in called `name`.
    pub fn auth_method(&self, name: &str) -> Option<&AuthMethod> {
        self.auth.iter().find(|method| method.name == name)
    }
}

/// The connector's name by the file's place: `manifests/harbor/connector.yaml` is harbor, `harbor.yaml` too.
pub fn name_of(path: &Path) -> &str {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    match (stem, folder) {
        (Some("connector" | "manifest"), Some(folder)) => folder,
        (Some(stem), _) => stem,
        _ => "connector",
    }
}

/// The text of a file on disk.
pub fn text_of(path: &Path) -> Result<String> {
    let fail = |problem: String| Error::Misconfigured {
        what: path.display().to_string(),
        place: "the file".into(),
        problem,
        expected: "a connector file in YAML that can be read".into(),
    };
    let size = std::fs::metadata(path)
        .map_err(|error| fail(error.to_string()))?
        .len();
    if size > super::node::LARGEST_FILE as u64 {
        return Err(fail(format!("it has {} MiB", size / (1024 * 1024))));
    }
    std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))
}

/// Streams as they are come across.
#[derive(Default)]
struct Found {
    streams: Vec<Arc<Stream>>,
    refused: Vec<Refused>,
    conditions: Vec<(String, Condition)>,
    /// What is wrong with streams, by name.
    errors: Vec<(String, Error)>,
}

impl Found {
    fn refuse(&mut self, item: &View<'_>, reason: String) {
        let name = item.get("name").and_then(|name| name.scalar().ok());
        self.refused.push(Refused {
            stream: name.unwrap_or_default(),
            reason,
        });
    }

    /// What is wrong with one stream keeps no other from being read.
    fn fail(&mut self, item: &View<'_>, error: Error) {
        self.refuse(item, error.to_string());
        let name = item.get("name").and_then(|name| name.scalar().ok());
        self.errors.push((name.unwrap_or_default(), error));
    }

    fn take(&mut self, item: &View<'_>) -> Result<()> {
        if item.component()? == "ConditionalStreams" {
            let condition = Condition::member(item, "condition", true)?;
            for inner in item.require("streams", "a list of streams")?.items()? {
                let before = self.streams.len();
                self.take(&inner)?;
                for stream in self.streams.iter().skip(before) {
                    self.conditions
                        .push((stream.name.clone(), condition.clone()));
                }
            }
            return Ok(());
        }
        // What needs Python is refused by name, and the other streams go on.
        if let Some(reason) = custom::refusal(item.node()) {
            self.refuse(item, reason);
            return Ok(());
        }
        let stream = match Stream::compile(item) {
            Ok(stream) => Arc::new(stream),
            Err(error) => {
                self.fail(item, error);
                return Ok(());
            }
        };
        // As the low-code format has it, the later of two with one name counts.
        match self
            .streams
            .iter_mut()
            .find(|known| known.name == stream.name)
        {
            Some(known) => {
                tracing::warn!(stream = %stream.name, "Two streams have this name; the later one counts.");
                *known = stream;
            }
            None => self.streams.push(stream),
        }
        Ok(())
    }
}

/// What a check reads of streams that are made from templates.
fn checked_templates(root: &View<'_>) -> Result<Vec<(Option<String>, usize)>> {
    let Some(check) = root.get("check") else {
        return Ok(Vec::new());
    };
    let count = |view: &View<'_>| -> Result<usize> {
        let count = view
            .get("stream_count")
            .map(|count| count.count())
            .transpose()?;
        Ok(count.map_or(usize::MAX, |count| {
            usize::try_from(count).unwrap_or(usize::MAX)
        }))
    };
    if check.text_of("type")? == Some("CheckDynamicStream") {
        return Ok(vec![(None, count(&check)?)]);
    }
    let Some(configs) = check.get("dynamic_streams_check_configs") else {
        return Ok(Vec::new());
    };
    configs
        .items()?
        .iter()
        .map(|config| {
            let name = config.require("dynamic_stream_name", "the name of a template")?;
            Ok((Some(name.scalar()?), count(config)?))
        })
        .collect()
}

/// The names of the streams of a group.
fn group_of(group: &View<'_>) -> Result<Vec<String>> {
    let action = group.require("action", "what is held back")?;
    if action.component()? != "BlockSimultaneousSyncsAction" {
        return Err(action.unknown_component(&["BlockSimultaneousSyncsAction"]));
    }
    let streams = group.require("streams", "a list of streams")?;
    streams
        .items()?
        .iter()
        .map(|stream| stream.require("name", "the stream's name")?.scalar())
        .collect()
}

/// What the connector asks for; settings are not held against what is no schema.
fn asked(spec: Option<&View<'_>>) -> Option<ConnectionSpec> {
    let spec = spec?.get("connection_specification")?;
    match ConnectionSpec::compile(&spec) {
        Ok(asked) => Some(asked),
        Err(error) => {
            tracing::warn!("Settings are not compared with the connection_specification: {error}");
            None
        }
    }
}

fn known_stream(
    streams: &[Arc<Stream>],
    errors: &mut Vec<(String, Error)>,
    name: &str,
    view: &View<'_>,
) -> Result<()> {
    // What can be written has to be readable too.
    if let Some(place) = errors.iter().position(|(stream, _)| stream == name) {
        return Err(errors.remove(place).1);
    }
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    Err(view.fail(
        format!("there is no stream `{name}`"),
        match super::node::nearest(name, &names) {
            Some(nearest) => format!("perhaps `{nearest}`"),
            None => format!("one of {}", names.join(", ")),
        },
    ))
}
