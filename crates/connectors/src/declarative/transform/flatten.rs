//! Members of objects within the record, brought to the top.

use compact_str::{CompactString, format_compact};
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use crate::Result;
use crate::declarative::glob_path::{Ambiguous, GlobPath};
use crate::declarative::node::View;
use crate::declarative::spot::Spot;
use crate::declarative::text::{PathText, Text};

/// `FlattenFields`: everything at the top. A member keeps its own name as long as no other one has it, and gets the path
/// in front of it otherwise, and always once a list was met.
pub(super) fn flatten(row: &mut Row, lists: bool) {
    row.edit(|value| {
        if matches!(value, Value::Object(_)) {
            *value = Value::Object(flattened(std::mem::take(value), lists));
        }
    });
}

/// The last value comes first, on which it depends which of two members keeps the plain name.
fn flattened(record: Value, lists: bool) -> Object {
    let mut names = std::collections::HashMap::new();
    let mut flat: Vec<(CompactString, Value)> = Vec::new();
    let mut with_path = false;
    let mut stack = vec![(record, CompactString::const_new("_"))];
    while let Some((value, path)) = stack.pop() {
        match value {
            Value::Object(object) => {
                for (name, member) in object {
                    let name = if with_path || names.contains_key(&name) {
                        format_compact!("{path}.{name}")
                    } else {
                        name
                    };
                    stack.push((member, name));
                }
            }
            Value::List(items) if lists => {
                with_path |= !items.is_empty();
                for (n, item) in items.into_iter().enumerate() {
                    stack.push((item, format_compact!("{path}.{n}")));
                }
            }
            value => match names
                .get(&path)
                .and_then(|place: &usize| flat.get_mut(*place))
            {
                Some((_, slot)) => *slot = value,
                None => {
                    names.insert(path.clone(), flat.len());
                    flat.push((path, value));
                }
            },
        }
    }
    flat.into_iter().rev().collect()
}

/// `DpathFlattenFields`: the members of one object.
#[derive(Clone, Debug)]
pub struct DpathFlattenFields {
    path: PathText,
    spot: Spot,
    /// The same, where it is the same for every configuration.
    fixed: Option<GlobPath>,
    deletes_origin: bool,
    replaces_record: bool,
    prefix: Option<Text>,
    suffix: Option<Text>,
}

impl DpathFlattenFields {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let path = view.require("field_path", "a list of names")?;
        let is_fixed = path.texts()?.iter().all(|step| !step.contains('{'));
        let spot = Spot::of(&path);
        let fixed = match is_fixed {
            true => Some(GlobPath::new(path.texts()?).ok_or_else(|| twice(&spot))?),
            false => None,
        };
        let names = view.get("key_transformation");
        let text = |name: &str| match &names {
            Some(names) => Text::member(names, name),
            None => Ok(None),
        };
        Ok(Self {
            path: PathText::compile(&path)?,
            spot,
            fixed,
            deletes_origin: view.flag_or("delete_origin_value", false)?,
            replaces_record: view.flag_or("replace_record", false)?,
            prefix: text("prefix")?,
            suffix: text("suffix")?,
        })
    }

    /// Brings the members to the top, or does nothing where one of them is there already.
    pub fn apply(&self, row: &mut Row, scope: &Scope<'_>, env: &Env) -> Result<()> {
        let filled;
        let path = match &self.fixed {
            Some(path) => path,
            None => {
                filled =
                    GlobPath::new(self.path.steps(scope, env)?).ok_or_else(|| twice(&self.spot))?;
                &filled
            }
        };
        let found = if path.picks_each() {
            path.find(&row.to_value())
                .first()
                .map(|value| (*value).clone())
        } else {
            path.one_in_row(row).map_err(|Ambiguous| {
                self.spot.fail(
                    format!("the path {} finds more than one value", path.shown()),
                    "a path to one object",
                )
            })?
        };
        let Some(Value::Object(found)) = found else {
            return Ok(());
        };
        let affix = |text: &Option<Text>| -> Result<String> {
            text.as_ref()
                .map_or(Ok(String::new()), |text| text.printed(scope, env))
        };
        let (prefix, suffix) = (affix(&self.prefix)?, affix(&self.suffix)?);
        let mut named = Object::with_capacity(found.len());
        for (name, value) in found {
            let is_plain = prefix.is_empty() && suffix.is_empty();
            let name = match is_plain {
                true => name,
                false => format_compact!("{prefix}{name}{suffix}"),
            };
            named.insert(name, value);
        }
        if self.replaces_record && !named.is_empty() {
            *row = Row::from(Value::Object(named));
            return Ok(());
        }
        if named.iter().any(|(name, _)| row.has(name)) {
            return Ok(());
        }
        if self.deletes_origin {
            path.delete_in_row(row);
        }
        for (name, value) in named {
            row.set(&name, value);
        }
        Ok(())
    }
}

fn twice(spot: &Spot) -> crate::Error {
    spot.fail("the path has `**` twice", "`**` at most once")
}
