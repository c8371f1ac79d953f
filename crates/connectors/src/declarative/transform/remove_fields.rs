//! `RemoveFields`: takes fields away.

use model::row::Row;
use template::{Env, Scope};

use crate::Result;
use crate::declarative::glob_path::{GlobPath, delete_leaves};
use crate::declarative::node::{Kind, View};
use crate::declarative::text::Condition;

/// Paths of fields, and which values go.
#[derive(Clone, Debug)]
pub struct RemoveFields {
    paths: Vec<GlobPath>,
    condition: Condition,
}

impl RemoveFields {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let pointers = view.require("field_pointers", "a list of paths")?;
        let mut paths = Vec::new();
        for pointer in pointers.items()? {
            if !matches!(pointer.node().kind, Kind::List(_)) {
                return Err(pointer.fail("this is no path", "a list of names"));
            }
            let path = GlobPath::new(pointer.texts()?);
            paths.push(
                path.ok_or_else(|| pointer.fail("the path has `**` twice", "`**` at most once"))?,
            );
        }
        Ok(Self {
            paths,
            condition: Condition::member(view, "condition", true)?,
        })
    }

    /// Takes the fields away.
    ///
    /// With a condition the paths do not matter: as in the reference, every value of the record for which it holds goes,
    /// wherever it stands, unless it is an object or a list.
    pub fn apply(&self, row: &mut Row, scope: &Scope<'_>, env: &Env) -> Result<()> {
        match &self.condition {
            Condition::Fixed(false) => {}
            Condition::Fixed(true) => {
                for path in &self.paths {
                    path.delete_in_row(row);
                }
            }
            Condition::Text(_) => {
                for _ in &self.paths {
                    row.edit(|value| {
                        delete_leaves(value, &mut |property| {
                            let scope = Scope::within(scope).with("property", property);
                            self.condition.holds(&scope, env)
                        })
                    })?;
                }
            }
        }
        Ok(())
    }
}
