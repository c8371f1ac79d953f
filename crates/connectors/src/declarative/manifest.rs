//! A connector file, read and checked: nothing in it fails later for being misspelt.

use std::path::Path;

use super::auth_spec::AuthMethod;
use super::node::{Node, View};
use super::patchbay_keys::{self, AccountSpec, LimitSpec, PlatformSpec};
use super::schema::Describe;
use super::stream::Stream;
use super::template::Templates;
use super::writes::spec::WriteSpec;
use super::{parameters, refs};
use crate::{Error, Result};

/// Streams that one file may have.
const MOST_STREAMS: usize = 5_000;

/// A connector.
#[derive(Debug)]
pub struct Manifest {
    /// Its name in documents: the name of its folder.
    pub name: String,
    /// What is shown of it.
    pub platform: PlatformSpec,
    /// The ways to sign in.
    pub auth: Vec<AuthMethod>,
    /// The JSON schema of the settings that a connection asks for.
    pub connection_specification: serde_json::Value,
    /// Its streams, in the order of the file.
    pub streams: Vec<Stream>,
    /// Its bounds.
    pub limits: LimitSpec,
    pub(super) templates: Templates,
    pub(super) account: Option<AccountSpec>,
    pub(super) describes: Vec<(String, Describe)>,
    pub(super) writes: Vec<(String, WriteSpec)>,
}

impl Manifest {
    /// Reads a file's text. `name` is the connector's name and stands in complaints.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let file = format!("the connector file {name}");
        let tree = Node::parse(&file, text)?;
        let tree = refs::resolve(&file, &tree)?;
        let tree = parameters::propagate(&tree);
        let root = View::root(&file, &tree);
        if root.component()? != "DeclarativeSource" {
            return Err(root.unknown_component(&["DeclarativeSource"]));
        }
        let mut templates = Templates::default();
        let list = root.require("streams", "a list of streams")?;
        let items = list.items()?;
        if items.len() > MOST_STREAMS {
            return Err(list.fail(
                format!("there are {} streams", items.len()),
                "at most 5,000",
            ));
        }
        let mut streams: Vec<Stream> = Vec::with_capacity(items.len());
        for item in &items {
            let stream = Stream::compile(&mut templates, item)?;
            if streams.iter().any(|known| known.name == stream.name) {
                return Err(item.fail(
                    format!("there are two streams called `{}`", stream.name),
                    "a name of its own",
                ));
            }
            streams.push(stream);
        }
        // Requests of our own keys go to the same platform unless they say otherwise.
        let base = streams
            .iter()
            .find_map(|stream| stream.requester.base())
            .cloned();
        let ours = root.get("patchbay");
        let of_ours = |member: &str| ours.as_ref().and_then(|ours| ours.get(member));
        if let Some(ours) = &ours {
            ours.only(&[
                "platform", "account", "auth", "limits", "schema", "writes", "webhooks",
            ])?;
        }
        let mut describes = Vec::new();
        if let Some(map) = of_ours("schema") {
            for (stream, view) in map.members()? {
                known_stream(&streams, stream, &view)?;
                let mut describe = Describe::compile(&mut templates, &view)?;
                describe.request.inherit_base(base.as_ref());
                describes.push((stream.to_owned(), describe));
            }
        }
        let mut writes = Vec::new();
        if let Some(map) = of_ours("writes") {
            for (stream, view) in map.members()? {
                known_stream(&streams, stream, &view)?;
                let spec = WriteSpec::compile(&mut templates, &view, base.as_ref())?;
                writes.push((stream.to_owned(), spec));
            }
        }
        Ok(Self {
            platform: patchbay_keys::platform(of_ours("platform"), name)?,
            auth: patchbay_keys::auth(of_ours("auth"))?,
            limits: patchbay_keys::limits(of_ours("limits"))?,
            account: patchbay_keys::account(&mut templates, of_ours("account"), base.as_ref())?,
            connection_specification: root
                .get("spec")
                .and_then(|spec| spec.get("connection_specification"))
                .map_or_else(
                    || serde_json::json!({"type": "object", "properties": {}}),
                    |found| found.node().to_json(),
                ),
            name: name.to_owned(),
            streams,
            describes,
            writes,
            templates,
        })
    }

    /// Reads a file from disk.
    pub fn load(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let fail = |problem: String| Error::Misconfigured {
            what: shown.clone(),
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
        let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        // `manifests/harbor/connector.yaml` is harbor, `harbor.yaml` too.
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        let name = match (stem, folder) {
            (Some("connector" | "manifest"), Some(folder)) => folder,
            (Some(stem), _) => stem,
            _ => "connector",
        };
        Self::parse(name, &text)
    }

    /// The stream called `name`.
    pub fn stream(&self, name: &str) -> Result<&Stream> {
        self.streams
            .iter()
            .find(|stream| stream.name == name)
            .ok_or_else(|| Error::Misconfigured {
                what: format!("the connector {}", self.name),
                place: "streams".into(),
                problem: format!("there is no stream `{name}`"),
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

    /// The sign-in called `name`.
    pub fn auth_method(&self, name: &str) -> Option<&AuthMethod> {
        self.auth.iter().find(|method| method.name == name)
    }
}

fn known_stream(streams: &[Stream], name: &str, view: &View<'_>) -> Result<()> {
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
