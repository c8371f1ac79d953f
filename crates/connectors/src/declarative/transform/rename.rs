//! Members by the pattern of their names: renamed, or put out of the way.

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use regex::Regex;

use super::entries::{pattern, plain_path};
use crate::Result;
use crate::declarative::glob_path::{put_in_row, row_at};
use crate::declarative::node::View;
use crate::declarative::spot::Spot;

/// `RenameKeys`: names that match a pattern become other names.
#[derive(Clone, Debug)]
pub struct RenameKeys {
    matches: Regex,
    new_name: String,
    object: Vec<CompactString>,
    keeps_original: bool,
    spot: Spot,
}

/// `NestFields`: all members but a few go into an object of their own.
#[derive(Clone, Debug)]
pub struct NestFields {
    kept: Vec<CompactString>,
    under: CompactString,
}

impl RenameKeys {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> Result<Self> {
        view.require("match_keys", "a regular expression")?;
        let new_name = view.require("new_key", "the new name; $1 is the first group")?;
        let Some(matches) = pattern(view, "match_keys")? else {
            return Err(new_name.fail("there is no pattern", "`match_keys`"));
        };
        Ok(Self {
            matches,
            // `\1` is how connectors write it; `$1` is how the engine does.
            new_name: dollars(&new_name.scalar()?),
            object: plain_path(view, "object_path")?,
            keeps_original: view.flag_or("keep_original", false)?,
            spot: Spot::of(view),
        })
    }

    /// Renames members of the record, or of the object at the path. Where a member of the new name has a value already,
    /// that one stays.
    pub(super) fn apply(&self, row: &mut Row) -> Result<()> {
        if self.object.is_empty() {
            if !row.names().iter().any(|name| self.matches.is_match(name)) {
                return Ok(());
            }
            row.edit(|value| {
                if let Value::Object(object) = value {
                    self.rename(object);
                }
            });
            return Ok(());
        }
        let Some(Value::Object(mut object)) = row_at(row, &self.object) else {
            return Ok(());
        };
        if !object.iter().any(|(name, _)| self.matches.is_match(name)) {
            return Ok(());
        }
        self.rename(&mut object);
        put_in_row(row, &self.object, Value::Object(object)).map_err(|error| {
            self.spot.fail(
                format!("the members cannot be renamed: {error}"),
                "`object_path`: the path of an object",
            )
        })
    }

    fn rename(&self, object: &mut Object) {
        let mut renamed = Object::with_capacity(object.len());
        let mut new: Vec<(CompactString, Value)> = Vec::new();
        for (name, value) in std::mem::take(object) {
            if !self.matches.is_match(&name) {
                renamed.push(name, value);
                continue;
            }
            let new_name = self.matches.replace_all(&name, self.new_name.as_str());
            if self.keeps_original {
                new.push((CompactString::from(&*new_name), value.clone()));
                renamed.push(name, value);
            } else {
                new.push((CompactString::from(&*new_name), value));
            }
        }
        for (name, value) in new {
            if renamed.get(&name).is_none_or(Value::is_null) {
                renamed.insert(name, value);
            }
        }
        *object = renamed;
    }
}

/// Groups in the engine's way of writing.
fn dollars(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str("${");
                out.push(*digit);
                out.push('}');
                letters.next();
            }
            _ => out.push(letter),
        }
    }
    out
}

impl NestFields {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> Result<Self> {
        let kept = view.require("keep_fields", "the names that stay")?;
        Ok(Self {
            kept: kept.texts()?.into_iter().map(Into::into).collect(),
            under: view
                .require("nest_under", "the field that the others go into")?
                .text()?
                .into(),
        })
    }

    /// Puts the other members away.
    pub(super) fn apply(&self, row: &mut Row) {
        let mut nested = Object::new();
        for name in row.names() {
            if self.kept.contains(&name) {
                continue;
            }
            if let Some(value) = row.get(&name) {
                nested.push(name.clone(), value);
                row.remove(&name);
            }
        }
        if row.is_object() {
            row.set(&self.under, Value::Object(nested));
        }
    }
}
