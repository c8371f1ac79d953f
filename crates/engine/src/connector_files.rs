//! The person's own connector files: saved as versions, compared, deleted and brought back.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::declarative::manifest::Manifest;
use connectors::declarative::stream::Stream;
use connectors::declarative::validate::{Finding, Severity, validate};
use connectors::registry;
use model::field::Schema;
use model::ids::SyncId;
use model::mapping::Origin as RuleOrigin;
use model::path::FieldPath;
use model::record::Operation;
use model::sync::Sync;

use crate::Engine;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::limits::LONGEST_CONNECTOR_NAME;
use crate::shelf::Origin;

/// What another version of a connector file changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What.
    pub kind: DifferenceKind,
    /// Of which stream.
    pub stream: String,
    /// Which field, where it is one; else what the kind is about.
    pub field: Option<String>,
    /// Syncs that use it.
    pub syncs: Vec<(SyncId, String)>,
}

/// What another version of a connector file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// A stream is no longer there.
    StreamGone,
    /// A stream is there, but cannot be read here.
    StreamRefused,
    /// Another field identifies its records.
    KeyChanged,
    /// Changes are found by another field, or no longer.
    CursorChanged,
    /// Records can no longer be created, changed or deleted.
    WriteGone,
    /// A field is no longer there.
    FieldGone,
    /// A field holds something else.
    FieldChanged,
    /// A stream came.
    StreamAdded,
    /// Records can be created, changed or deleted now.
    WriteAdded,
    /// A field came.
    FieldAdded,
}

impl DifferenceKind {
    /// Whether a sync that uses it may no longer work.
    pub const fn may_break(self) -> bool {
        !matches!(
            self,
            Self::StreamAdded | Self::WriteAdded | Self::FieldAdded
        )
    }
}

/// Reads a connector file's text: what it is, as far as it can be used, and what is to be said about it.
pub fn read_connector(name: &str, text: &str) -> (Option<Manifest>, Vec<Finding>) {
    let manifest = parse(name, text).ok();
    let mut findings = validate(name, text);
    for refused in manifest.iter().flat_map(|manifest| &manifest.refused) {
        // Templates of streams can be refused too; they stand at no place of their own.
        let named = format!("`{}`", refused.stream);
        if !findings
            .iter()
            .any(|finding| finding.problem.contains(&named))
        {
            findings.push(Finding {
                line: 0,
                column: 0,
                path: "dynamic_streams".into(),
                problem: format!("the streams of {named} are left out: {}", refused.reason),
                expected: "built-in components, or a file without these streams".into(),
                severity: Severity::Warning,
            });
        }
    }
    (manifest, findings)
}

/// Reads a connector file's text, with [`tell_settings`].
pub(crate) fn parse(name: &str, text: &str) -> Result<Manifest> {
    let mut manifest = Manifest::parse(name, text)?;
    tell_settings(&mut manifest, text);
    Ok(manifest)
}

/// Gives a connector that does not say which settings it needs those that it uses.
pub(crate) fn tell_settings(manifest: &mut Manifest, text: &str) {
    let is_told = manifest.spec.get("connection_specification").is_some();
    if !is_told
        && manifest.auth.is_empty()
        && let Some(used) = crate::settings::used_settings(text)
    {
        manifest.connection_specification = used;
    }
}

/// The name of an own connector, from what a person calls it or from its file's name.
pub fn connector_name(wanted: &str) -> Result<String> {
    let mut name = String::new();
    for c in wanted.trim().chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_matches(['-', '_']).to_owned();
    if name.is_empty() || name.len() > LONGEST_CONNECTOR_NAME {
        return Err(Error::Refused(format!(
            "\"{}\" cannot be a connector's name; use 1 to {LONGEST_CONNECTOR_NAME} letters and digits",
            wanted.chars().take(80).collect::<String>()
        )));
    }
    Ok(name)
}

impl Engine {
    /// Saves a connector file as the version that is used from now on. Returns the version; the one before
    /// where nothing changed.
    ///
    /// # Errors
    /// A file that cannot be read is refused with its place.
    pub async fn save_connector(&self, name: &str, text: &str, origin: &str) -> Result<u32> {
        let manifest = parse(name, text)?;
        let (name, text, origin) = (manifest.name, text.to_owned(), origin.to_owned());
        let now = self.clock().now();
        let version = self
            .store()
            .write(move |tx| {
                match store::connectors::get(tx, &name) {
                    Ok(used) if used.document == text => return Ok(used.version),
                    Ok(_) | Err(store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
                store::connectors::save(tx, &name, &text, &origin, now)
            })
            .await?;
        self.take_up_connectors().await?;
        Ok(version)
    }

    /// Uses a version of an own connector that was saved once.
    pub async fn use_connector_version(&self, name: &str, version: u32) -> Result<()> {
        let text = self.connector_text(name, Some(version)).await?;
        Manifest::parse(name, &text)?;
        let (name, now) = (name.to_owned(), self.clock().now());
        self.store()
            .write(move |tx| store::connectors::use_version(tx, &name, version, now))
            .await?;
        self.take_up_connectors().await
    }

    /// Deletes an own connector; it can be brought back. Where one of the same name comes along, that one
    /// takes its place.
    pub async fn delete_connector(&self, name: &str) -> Result<()> {
        let (name, now) = (name.to_owned(), self.clock().now());
        self.store()
            .write(move |tx| store::connectors::delete(tx, &name, now))
            .await?;
        self.take_up_connectors().await
    }

    /// Takes the deletion of an own connector back.
    pub async fn restore_connector(&self, name: &str) -> Result<()> {
        let (name, now) = (name.to_owned(), self.clock().now());
        self.store()
            .write(move |tx| store::connectors::restore(tx, &name, now))
            .await?;
        self.take_up_connectors().await
    }

    async fn take_up_connectors(&self) -> Result<()> {
        let changed = self.platforms().refresh().await?;
        let connections = self.store().read(store::connections::list).await?;
        for connection in connections {
            if changed.contains(&connection.connector) {
                self.announce(Event::ConnectionChanged {
                    connection: connection.id,
                });
            }
        }
        Ok(())
    }

    /// The text of a connector file: of the version in use, or of another.
    pub async fn connector_text(&self, name: &str, version: Option<u32>) -> Result<String> {
        let wanted = name.to_owned();
        if let Some(version) = version {
            return Ok(self
                .store()
                .read(move |db| store::connectors::document(db, &wanted, version))
                .await?);
        }
        match self
            .store()
            .read(move |db| store::connectors::get(db, &wanted))
            .await
        {
            Ok(own) => return Ok(own.document),
            Err(store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let known = self
            .platforms()
            .fixed(name)
            .ok_or_else(|| Error::Refused(format!("there is no connector \"{name}\"")))?;
        match known.origin {
            Origin::Folder(path) => tokio::fs::read_to_string(&path).await.map_err(|error| {
                Error::Refused(format!(
                    "the connector file {} cannot be read: {error}; check that it is still there",
                    path.display()
                ))
            }),
            Origin::Builtin | Origin::Own(_) => registry::BUILTIN
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| Error::Refused(format!("there is no connector \"{name}\""))),
        }
    }

    /// What a text in place of the connector's file changes, and for which syncs. Nothing where there is no
    /// such connector yet.
    pub async fn compare_connector(&self, name: &str, after: &str) -> Result<Vec<Difference>> {
        let after = Manifest::parse(name, after)?;
        let Some(before) = self.platforms().connector(name) else {
            return Ok(Vec::new());
        };
        let mut differences = compare(&before, &after);
        let connector = name.to_owned();
        let users = self
            .store()
            .read(move |db| {
                let mut connections = store::connections::list(db)?;
                connections.retain(|connection| connection.connector == connector);
                let syncs = store::syncs::list(db)?;
                Ok((connections, syncs))
            })
            .await?;
        let (connections, syncs) = users;
        let is_ours = |id| connections.iter().any(|connection| connection.id == id);
        for difference in &mut differences {
            for stored in &syncs {
                let sync = stored.draft.as_ref().unwrap_or(&stored.document);
                let reads = is_ours(sync.source.connection)
                    && sync.source.stream == difference.stream
                    && reads(sync, difference);
                let writes = is_ours(sync.target.connection)
                    && sync.target.stream == difference.stream
                    && writes(sync, difference);
                if reads || writes {
                    let name = sync.name.clone();
                    difference.syncs.push((stored.id, name));
                }
            }
        }
        Ok(differences)
    }
}

/// Whether a difference of the source touches a sync.
fn reads(sync: &Sync, difference: &Difference) -> bool {
    let Some(field) = difference.kind.of_field(difference) else {
        return !matches!(
            difference.kind,
            DifferenceKind::WriteGone | DifferenceKind::WriteAdded
        );
    };
    sync.mapping.rules.iter().any(|rule| match &rule.origin {
        RuleOrigin::Fields { paths } => paths.iter().any(|path| is_within(path, field)),
        RuleOrigin::Expression { template } => template.contains(field),
        RuleOrigin::Constant { .. } => false,
    })
}

/// Whether a difference of the target touches a sync.
fn writes(sync: &Sync, difference: &Difference) -> bool {
    let Some(field) = difference.kind.of_field(difference) else {
        return difference.kind != DifferenceKind::CursorChanged;
    };
    sync.mapping
        .rules
        .iter()
        .map(|rule| &rule.target)
        .chain(&sync.match_on)
        .any(|path| is_within(path, field))
}

/// Whether a path is the field or leads through it.
fn is_within(path: &FieldPath, field: &str) -> bool {
    let path = path.to_string();
    path.strip_prefix(field)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl DifferenceKind {
    fn of_field(self, difference: &Difference) -> Option<&str> {
        match self {
            Self::FieldGone | Self::FieldChanged | Self::FieldAdded => difference.field.as_deref(),
            _ => None,
        }
    }
}

fn compare(before: &Manifest, after: &Manifest) -> Vec<Difference> {
    let mut out = Vec::new();
    let mut note = |kind, stream: &str, field: Option<String>| {
        out.push(Difference {
            kind,
            stream: stream.to_owned(),
            field,
            syncs: Vec::new(),
        });
    };
    let find = |manifest: &Manifest, name: &str| -> Option<Arc<Stream>> {
        let mut streams = manifest.streams.iter();
        streams.find(|stream| stream.name == name).cloned()
    };
    for stream in &before.streams {
        let name = stream.name.as_str();
        let Some(next) = find(after, name) else {
            let is_refused = after.refused.iter().any(|refused| refused.stream == name);
            let kind = match is_refused {
                true => DifferenceKind::StreamRefused,
                false => DifferenceKind::StreamGone,
            };
            note(kind, name, None);
            continue;
        };
        if stream.key != next.key {
            note(DifferenceKind::KeyChanged, name, Some(words(&next.key)));
        }
        let cursor = |stream: &Stream| {
            let cursor = stream.cursor.as_ref();
            cursor.map(|cursor| cursor.field_text().to_owned())
        };
        if cursor(stream) != cursor(&next) {
            note(DifferenceKind::CursorChanged, name, cursor(&next));
        }
        for (operation, word) in OPERATIONS {
            match (
                before.offers(name, operation),
                after.offers(name, operation),
            ) {
                (true, false) => note(DifferenceKind::WriteGone, name, Some(word.to_owned())),
                (false, true) => note(DifferenceKind::WriteAdded, name, Some(word.to_owned())),
                _ => {}
            }
        }
        // Where the platform itself is asked for the fields, the file does not say.
        if let (Some(old), Some(new)) = (&stream.schema, &next.schema) {
            compare_fields(old, new, &mut |kind, field| note(kind, name, Some(field)));
        }
    }
    for stream in &after.streams {
        if find(before, &stream.name).is_none() {
            note(DifferenceKind::StreamAdded, &stream.name, None);
        }
    }
    // What may break comes first; within that the order of the file.
    out.sort_by_key(|difference| !difference.kind.may_break());
    out
}

/// What can be done with records, in words.
pub const OPERATIONS: [(Operation, &str); 3] = [
    (Operation::Create, "create"),
    (Operation::Update, "update"),
    (Operation::Delete, "delete"),
];

fn compare_fields(before: &Schema, after: &Schema, note: &mut impl FnMut(DifferenceKind, String)) {
    let by_path = |schema: &Schema| -> BTreeMap<String, model::field::FieldType> {
        schema
            .walk()
            .into_iter()
            .map(|(path, field)| (path.to_string(), field.field_type))
            .collect()
    };
    let (old, new) = (by_path(before), by_path(after));
    for (path, field_type) in &old {
        match new.get(path) {
            None => note(DifferenceKind::FieldGone, path.clone()),
            Some(now) if now != field_type => note(DifferenceKind::FieldChanged, path.clone()),
            Some(_) => {}
        }
    }
    for path in new.keys() {
        if !old.contains_key(path) {
            note(DifferenceKind::FieldAdded, path.clone());
        }
    }
}

fn words(key: &[FieldPath]) -> String {
    let paths: Vec<String> = key.iter().map(ToString::to_string).collect();
    paths.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_a_person_types() {
        let check = |wanted: &str, expected: Option<&str>| {
            assert_eq!(connector_name(wanted).ok().as_deref(), expected, "{wanted}");
        };
        check("Harbor CRM (EU)", Some("harbor-crm-eu"));
        check("source-notes_2", Some("source-notes_2"));
        check("  ../../etc ", Some("etc"));
        check("…", None);
        check("", None);
        check(&"x".repeat(65), None);
    }

    fn manifest(streams: &[(&str, &str, &str)]) -> Manifest {
        let streams: Vec<String> = streams
            .iter()
            .map(|(name, more, fields)| {
                format!(
                    "  - type: DeclarativeStream
    name: {name}
    {more}
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: 'https://example.com', path: x}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: []}}}}
    schema_loader: {{type: InlineSchemaLoader, schema: {{type: object, properties: {{{fields}}}}}}}
"
                )
            })
            .collect();
        let text = format!(
            "version: 6.44.0\ntype: DeclarativeSource\ncheck: {{type: CheckStream, stream_names: []}}\nstreams:\n{}",
            streams.concat()
        );
        Manifest::parse("x", &text).unwrap()
    }

    #[test]
    fn what_may_break_a_sync_is_told_before_what_came_new() {
        let before = manifest(&[
            (
                "a",
                "primary_key: id",
                "id: {type: string}, n: {type: integer}, o: {type: object, properties: {p: {type: string}}}",
            ),
            ("b", "", "x: {type: string}"),
        ]);
        let after = manifest(&[
            ("c", "", "x: {type: string}"),
            (
                "a",
                "primary_key: key",
                "id: {type: string}, n: {type: string}, o: {type: object, properties: {q: {type: string}}}",
            ),
        ]);
        let told: Vec<String> = compare(&before, &after)
            .into_iter()
            .map(|found| {
                let field = found.field.unwrap_or_default();
                format!("{:?} {} {field}", found.kind, found.stream)
            })
            .collect();
        assert_eq!(
            told,
            [
                "KeyChanged a key",
                "FieldChanged a n",
                "FieldGone a o.p",
                "StreamGone b ",
                "FieldAdded a o.q",
                "StreamAdded c ",
            ]
        );
        assert_eq!(compare(&after, &after), []);
    }

    #[test]
    fn a_file_with_something_wrong_is_told_of_and_used_as_far_as_it_can_be() {
        let check = |text: &str, is_usable: bool, at: (u32, u32), severity: Severity| {
            let (manifest, findings) = read_connector("x", text);
            assert_eq!(manifest.is_some(), is_usable, "{text}");
            let found = findings.first().unwrap();
            assert_eq!(
                ((found.line, found.column), found.severity),
                (at, severity),
                "{found:?}"
            );
        };
        check(
            "type: DeclarativeSource\nstreams: 5",
            false,
            (2, 10),
            Severity::Error,
        );
        let colour = "type: DeclarativeSource\ncolour: red\nstreams: []\ncheck: {type: CheckStream, stream_names: []}";
        check(colour, true, (2, 9), Severity::Warning);
        let python = "type: DeclarativeSource\ncheck: {type: CheckDynamicStream, stream_count: 1}\ndynamic_streams:\n  - {type: DynamicDeclarativeStream, name: sheets, components_resolver: {type: CustomResolver, class_name: a.B}}";
        let (manifest, findings) = read_connector("x", python);
        assert!(manifest.is_some(), "{findings:?}");
        assert!(
            findings
                .iter()
                .any(|finding| finding.problem.contains("`sheets`")),
            "{findings:?}"
        );
    }

    #[test]
    fn a_file_that_does_not_say_its_settings_gets_those_that_it_uses() {
        let check = |spec: &str, expected: &[&str]| {
            let text = format!(
                "type: DeclarativeSource\ncheck: {{type: CheckStream, stream_names: []}}\nstreams: []\ndefinitions: {{url: \"{{{{ config['shop'] }}}}\"}}\n{spec}"
            );
            let manifest = parse("x", &text).unwrap();
            let properties = &manifest.connection_specification["properties"];
            let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
            assert_eq!(names, expected, "{text}");
        };
        check("", &["shop"]);
        check(
            "spec: {type: Spec, connection_specification: {properties: {}}}",
            &[],
        );
        check(
            "spec: {type: Spec, connection_specification: {properties: {other: {}}}}",
            &["other"],
        );
    }

    #[test]
    fn a_path_is_within_a_field_only_at_a_border() {
        let check = |path: &str, field: &str, expected: bool| {
            assert_eq!(
                is_within(&path.parse().unwrap(), field),
                expected,
                "{path} {field}"
            );
        };
        check("address.city", "address", true);
        check("tags[]", "tags", true);
        check("email", "email", true);
        check("email_address", "email", false);
    }
}
