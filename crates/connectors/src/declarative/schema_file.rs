//! Schemas in files beside the connector file, and several schemas as one.
//!
//! `./source_x/schemas/users.json` stands in the folder of the connector file, whether that folder is called `source_x`
//! or not. A schema may refer to parts of itself and to files in `schemas/shared`; references are replaced by what they
//! refer to. Nothing outside of the connector's own folder is ever read.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value as Schema};

use crate::{Error, Result};

/// Largest schema file, in bytes.
const LARGEST_FILE: u64 = 8 * 1024 * 1024;
/// References within references that are followed.
const DEEPEST: usize = 40;
/// Parts that a schema may have when its references are replaced.
const MOST_PARTS: usize = 200_000;

/// Where a stream's schema stands when the connector file does not say.
pub fn default_path(stream: &str) -> String {
    format!("./schemas/{stream}.json")
}

/// The schema in a file: `path` as the connector file has it, filled in. None where there is no such file.
pub fn read(folder: &Path, path: &str) -> Result<Option<Schema>> {
    let Some(file) = find(folder, path)? else {
        return Ok(None);
    };
    let schema = load(&file, path)?;
    let shared = match file.parent() {
        Some(beside) => beside.join("shared"),
        None => folder.join("shared"),
    };
    let mut references = References {
        shared,
        path,
        parts: 0,
        loaded: Vec::new(),
    };
    let mut schema = references.replaced(&schema, &schema, 0)?;
    if let Some(members) = schema.as_object_mut() {
        members.remove("definitions");
    }
    Ok(Some(schema))
}

/// Several schemas as one: of fields that several have, the first one's counts.
pub fn combined(schemas: impl IntoIterator<Item = Schema>) -> Schema {
    let mut properties = Map::new();
    for mut schema in schemas {
        let own = schema.get_mut("properties").map(Schema::take);
        if let Some(Schema::Object(own)) = own {
            for (name, property) in own {
                properties.entry(name).or_insert(property);
            }
        }
    }
    serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": ["null", "object"],
        "properties": properties,
    })
}

fn fail(path: &str, problem: impl Into<String>, expected: &str) -> Error {
    Error::Misconfigured {
        what: "the schema file".into(),
        place: path.to_owned(),
        problem: problem.into(),
        expected: expected.into(),
    }
}

/// The file that a path means. Its first part may be the folder's own name.
fn find(folder: &Path, path: &str) -> Result<Option<PathBuf>> {
    let mut parts = Vec::new();
    // Files of connectors are written with slashes everywhere.
    for part in Path::new(&path.replace('\\', "/")).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(fail(
                    path,
                    "it leads out of the connector's folder",
                    "a path below it, such as ./schemas/users.json",
                ));
            }
        }
    }
    let below = |parts: &[std::ffi::OsString]| folder.join(parts.iter().collect::<PathBuf>());
    let candidates = [below(&parts), below(parts.get(1..).unwrap_or_default())];
    Ok(candidates.into_iter().find(|file| file.is_file()))
}

fn load(file: &Path, path: &str) -> Result<Schema> {
    let unreadable =
        |error: std::io::Error| fail(path, format!("it cannot be read: {error}"), "a JSON file");
    if file.metadata().map_err(unreadable)?.len() > LARGEST_FILE {
        return Err(fail(
            path,
            "it has more than 8 MiB",
            "a schema of a reasonable size",
        ));
    }
    let text = std::fs::read(file).map_err(unreadable)?;
    serde_json::from_slice(&text).map_err(|error| fail(path, error.to_string(), "a JSON schema"))
}

/// Replaces references.
struct References<'p> {
    shared: PathBuf,
    path: &'p str,
    parts: usize,
    loaded: Vec<(String, Schema)>,
}

impl References<'_> {
    fn replaced(&mut self, part: &Schema, document: &Schema, depth: usize) -> Result<Schema> {
        self.parts += 1;
        if self.parts > MOST_PARTS || depth > DEEPEST {
            return Err(fail(
                self.path,
                "its references go round in a circle, or it becomes too large",
                "references that end",
            ));
        }
        match part {
            Schema::Object(members) => match members.get("$ref").and_then(Schema::as_str) {
                Some(reference) => self.referred(reference, document, depth),
                None => members
                    .iter()
                    .map(|(name, member)| {
                        // Only references make a schema endless; nesting alone ends with the file.
                        Ok((name.clone(), self.replaced(member, document, depth)?))
                    })
                    .collect::<Result<Map<_, _>>>()
                    .map(Schema::Object),
            },
            Schema::Array(items) => items
                .iter()
                .map(|item| self.replaced(item, document, depth))
                .collect::<Result<Vec<_>>>()
                .map(Schema::Array),
            other => Ok(other.clone()),
        }
    }

    fn referred(&mut self, reference: &str, document: &Schema, depth: usize) -> Result<Schema> {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let other;
        let document = if file.is_empty() {
            document
        } else {
            other = self.shared(file)?;
            &other
        };
        let Some(target) = document.pointer(pointer) else {
            return Err(fail(
                self.path,
                format!("`{reference}` refers to nothing"),
                "a part of the schema or of a file in schemas/shared",
            ));
        };
        let mut target = self.replaced(target, document, depth + 1)?;
        if let Some(members) = target.as_object_mut() {
            members.remove("definitions");
        }
        Ok(target)
    }

    fn shared(&mut self, file: &str) -> Result<Schema> {
        if let Some((_, schema)) = self.loaded.iter().find(|(name, _)| name == file) {
            return Ok(schema.clone());
        }
        let Some(found) = find(&self.shared, file)? else {
            return Err(fail(
                self.path,
                format!("it refers to `{file}`, which is not there"),
                "the file in schemas/shared",
            ));
        };
        let schema = load(&found, file)?;
        self.loaded.push((file.to_owned(), schema.clone()));
        Ok(schema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_schema_is_found_whatever_the_folder_is_called() {
        let folder = folder(&[("schemas/users.json", r#"{"type":"object"}"#)]);
        for path in [
            "./schemas/users.json",
            "schemas/users.json",
            "./source_x/schemas/users.json",
            &default_path("users"),
        ] {
            let schema = read(folder.path(), path).unwrap();
            assert_eq!(schema, Some(json!({"type": "object"})), "{path}");
        }
        assert_eq!(read(folder.path(), &default_path("other")).unwrap(), None);
    }

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let folder = folder(&[
            ("secret.json", "{}"),
            ("connector/a.json", r#"{"$ref":"../../secret.json"}"#),
        ]);
        let connector = folder.path().join("connector");
        let absolute = folder.path().join("secret.json");
        for path in [
            "../secret.json",
            "./schemas/../../secret.json",
            absolute.to_str().unwrap(),
            "a.json",
        ] {
            let error = read(&connector, path).unwrap_err().to_string();
            assert!(
                error.contains("leads out of the connector's folder"),
                "{error}"
            );
        }
    }

    #[test]
    fn references_are_replaced() {
        let folder = folder(&[
            (
                "schemas/users.json",
                r##"{"properties":{"a":{"$ref":"#/definitions/id"},"b":{"$ref":"address.json"},"c":{"$ref":"address.json#/definitions/city"}},"definitions":{"id":{"type":"integer"}}}"##,
            ),
            (
                "schemas/shared/address.json",
                r##"{"properties":{"city":{"$ref":"#/definitions/city"}},"definitions":{"city":{"type":"string"}}}"##,
            ),
        ]);
        assert_eq!(
            read(folder.path(), "schemas/users.json").unwrap(),
            Some(json!({"properties": {
                "a": {"type": "integer"},
                "b": {"properties": {"city": {"type": "string"}}},
                "c": {"type": "string"},
            }}))
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, problem) in [
            ("{", "EOF while parsing"),
            (r##"{"$ref":"#/nowhere"}"##, "`#/nowhere` refers to nothing"),
            (r#"{"$ref":"other.json"}"#, "it refers to `other.json`"),
            (r##"{"a":{"$ref":"#/a"}}"##, "go round in a circle"),
            (
                r##"{"a":[{"$ref":"#/b"},{"$ref":"#/b"},{"$ref":"#/b"}],"b":[{"$ref":"#/a"},{"$ref":"#/a"}]}"##,
                "go round in a circle",
            ),
        ] {
            let folder = folder(&[("a.json", text)]);
            let error = read(folder.path(), "a.json").unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn of_several_schemas_the_first_counts() {
        let schemas = [
            json!({"properties": {"a": {"type": "string"}}}),
            json!({}),
            json!({"properties": {"a": {"type": "integer"}, "b": {}}}),
        ];
        assert_eq!(
            combined(schemas)["properties"],
            json!({"a": {"type": "string"}, "b": {}})
        );
    }
}
