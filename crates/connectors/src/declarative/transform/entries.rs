//! Lists of named things as objects, and objects as lists of named things.

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use regex::Regex;
use template::{Env, Scope};

use crate::Result;
use crate::declarative::glob_path::{GlobPath, put_in_row, row_at};
use crate::declarative::node::{Kind, View};
use crate::declarative::spot::Spot;
use crate::declarative::text::{Text, python_text};

/// `EntriesToObject`: `[{name: a, values: [{value: 1}]}]` becomes `{a: 1}`.
#[derive(Clone, Debug)]
pub struct EntriesToObject {
    entries: Vec<CompactString>,
    keys: Keys,
    value: Option<GlobPath>,
    into: Vec<CompactString>,
    spot: Spot,
    keeps_entries: bool,
}

/// What members are called.
#[derive(Clone, Debug)]
enum Keys {
    /// As it stands in each entry; of an object, as the entry is called.
    Path(Option<GlobPath>),
    /// One after the other.
    Names(Vec<Text>),
    /// The same, from a template that makes a list.
    Template(Text),
}

/// `ObjectToEntries`: `{a: 1}` becomes `[{name: a, value: 1}]`.
#[derive(Clone, Debug)]
pub struct ObjectToEntries {
    object: Vec<CompactString>,
    matches: Option<Regex>,
    key_field: CompactString,
    value_field: CompactString,
    into: Vec<CompactString>,
    spot: Spot,
    keeps_object: bool,
}

/// The plain path of a member; empty where it is absent.
pub(super) fn plain_path(view: &View<'_>, name: &str) -> Result<Vec<CompactString>> {
    match view.get(name) {
        Some(path) => Ok(path.texts()?.into_iter().map(Into::into).collect()),
        None => Ok(Vec::new()),
    }
}

/// A pattern of the file.
pub(super) fn pattern(view: &View<'_>, name: &str) -> Result<Option<Regex>> {
    let Some(pattern) = view.get(name) else {
        return Ok(None);
    };
    match Regex::new(pattern.text()?) {
        Ok(regex) => Ok(Some(regex)),
        Err(error) => Err(pattern.fail(
            format!("the pattern does not work: {error}"),
            "a regular expression",
        )),
    }
}

fn glob(view: &View<'_>, name: &str) -> Result<Option<GlobPath>> {
    let Some(path) = view.get(name).filter(|path| !path.node().is_falsy()) else {
        return Ok(None);
    };
    GlobPath::new(path.texts()?)
        .map(Some)
        .ok_or_else(|| path.fail("the path has `**` twice", "`**` at most once"))
}

fn key_of(value: &Value) -> CompactString {
    match value {
        Value::Text(name) => name.clone(),
        other => python_text(other).into(),
    }
}

impl EntriesToObject {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> Result<Self> {
        let entries = view.require("entries_path", "the path of a list, or of an object")?;
        let keys = match view.get("key_names") {
            Some(names) => match names.node().kind {
                Kind::List(_) => Keys::Names(
                    names
                        .items()?
                        .iter()
                        .map(Text::compile)
                        .collect::<Result<_>>()?,
                ),
                _ => Keys::Template(Text::compile(&names)?),
            },
            None => Keys::Path(glob(view, "key_path")?),
        };
        Ok(Self {
            entries: plain_path(view, "entries_path")?,
            keys,
            value: glob(view, "value_path")?,
            into: plain_path(view, "into_path")?,
            spot: Spot::of(&entries),
            keeps_entries: view.flag_or("keep_entries", false)?,
        })
    }

    /// Makes the object. A record without the list stays as it is.
    pub(super) fn apply(&self, row: &mut Row, scope: &Scope<'_>, env: &Env) -> Result<()> {
        let Some(entries) = row_at(row, &self.entries) else {
            return Ok(());
        };
        let names = self.names(row, scope, env)?;
        let mut object = Object::new();
        match &entries {
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    let key = match (&names, &self.keys) {
                        (Some(names), _) => names.get(n).cloned(),
                        (None, Keys::Path(Some(path))) => {
                            path.find(item).first().map(|key| key_of(key))
                        }
                        (None, _) => None,
                    };
                    if let Some(key) = key {
                        object.insert(key, self.value(item));
                    }
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter() {
                    let key = match &self.keys {
                        Keys::Path(Some(path)) => path.find(member).first().map(|key| key_of(key)),
                        _ => Some(name.into()),
                    };
                    if let Some(key) = key {
                        object.insert(key, self.value(member));
                    }
                }
            }
            _ => return Ok(()),
        }
        if !self.keeps_entries {
            GlobPath::literal_of(&self.entries).delete_in_row(row);
        }
        put_members(row, &self.into, object, &self.spot)
    }

    fn names(&self, row: &Row, scope: &Scope<'_>, env: &Env) -> Result<Option<Vec<CompactString>>> {
        let scope = Scope::within(scope).with("record", row);
        Ok(match &self.keys {
            Keys::Path(_) => None,
            Keys::Names(names) => Some(
                names
                    .iter()
                    .map(|name| Ok(name.printed(&scope, env)?.into()))
                    .collect::<Result<_>>()?,
            ),
            Keys::Template(text) => match text.eval(&scope, env)? {
                Value::List(names) => Some(names.iter().map(key_of).collect()),
                _ => return Err(text.fail("it makes no list of names".into())),
            },
        })
    }

    /// What an entry is worth: all of it, or what stands at the path; with a `*` in it, a list of what is found.
    fn value(&self, entry: &Value) -> Value {
        let Some(path) = &self.value else {
            return entry.clone();
        };
        let mut found = path.find(entry).into_iter().cloned();
        if path.picks_each() {
            Value::List(found.collect())
        } else {
            found.next().unwrap_or_default()
        }
    }
}

/// Puts members at the top, or into the object at a path.
fn put_members(row: &mut Row, into: &[CompactString], object: Object, spot: &Spot) -> Result<()> {
    for (name, value) in object {
        if into.is_empty() && row.is_object() {
            row.set(&name, value);
            continue;
        }
        let mut steps = into.to_vec();
        steps.push(name);
        put_in_row(row, &steps, value).map_err(|error| {
            spot.fail(
                format!("what is found cannot be put at `into_path`: {error}"),
                "the path of an object, or of nothing",
            )
        })?;
    }
    Ok(())
}

impl ObjectToEntries {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> Result<Self> {
        let into = view.require("into_path", "where the list goes")?;
        let text = |name: &str, otherwise: &str| -> Result<CompactString> {
            Ok(view.text_of(name)?.unwrap_or(otherwise).into())
        };
        if into.node().is_falsy() {
            return Err(into.fail("the path is empty", "where the list goes"));
        }
        Ok(Self {
            object: plain_path(view, "object_path")?,
            matches: pattern(view, "match_keys")?,
            key_field: text("entry_key_field", "name")?,
            value_field: text("entry_value_field", "value")?,
            into: plain_path(view, "into_path")?,
            spot: Spot::of(&into),
            keeps_object: view.flag_or("keep_object", false)?,
        })
    }

    /// Makes the list. A record without the object stays as it is.
    pub(super) fn apply(&self, row: &mut Row) -> Result<()> {
        let Some(Value::Object(object)) = row_at(row, &self.object) else {
            return Ok(());
        };
        let mut entries = Vec::new();
        for (key, value) in object {
            if self
                .matches
                .as_ref()
                .is_some_and(|matches| !matches.is_match(&key))
            {
                continue;
            }
            if !self.keeps_object {
                let mut steps = self.object.clone();
                steps.push(key.clone());
                GlobPath::literal_of(steps).delete_in_row(row);
            }
            let mut entry = Object::with_capacity(2);
            entry.push(self.key_field.clone(), Value::Text(key));
            entry.insert(self.value_field.clone(), value);
            entries.push(Value::Object(entry));
        }
        // What is left of an object that the list takes the place of is an empty one.
        if self.into == self.object
            && matches!(row_at(row, &self.into), Some(Value::Object(left)) if left.is_empty())
        {
            GlobPath::literal_of(&self.into).delete_in_row(row);
        }
        put_in_row(row, &self.into, Value::List(entries)).map_err(|error| {
            self.spot.fail(
                format!("the list cannot be put there: {error}"),
                "a path that leads through objects",
            )
        })
    }
}
