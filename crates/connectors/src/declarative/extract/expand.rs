//! Records within records: each item of a list in a record becomes a record of its own.

use compact_str::CompactString;
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use super::PathAt;
use super::run::is_full;
use crate::declarative::decode::{DecodeError, Ending};
use crate::declarative::glob_path::{GlobPath, PutError, add_items, at, put, row_at};
use crate::declarative::node::View;

/// `RecordExpander`, from the connector file.
#[derive(Clone, Debug, PartialEq)]
pub struct Expander {
    list: PathAt,
    indicator: Option<PathAt>,
    copied: CopiedFields,
    fetches: bool,
    merges_parent: bool,
    keeps_parent: bool,
    gives_parent: bool,
}

impl Expander {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> crate::Result<Self> {
        if view.component()? != "RecordExpander" {
            return Err(view.unknown_component(&["RecordExpander"]));
        }
        let fetches = view.get("truncated_list_retriever").is_some();
        let indicator = view
            .get("truncation_indicator_path")
            .filter(|view| !view.node().is_falsy());
        if fetches && indicator.is_none() {
            return Err(view.fail(
                "`truncated_list_retriever` does not know when to fetch",
                "`truncation_indicator_path`: where a record says that its list is cut short",
            ));
        }
        Ok(Self {
            list: PathAt::compile(
                &view.require("expand_records_from_field", "the path of a list")?,
            )?,
            indicator: indicator.as_ref().map(PathAt::compile).transpose()?,
            copied: CopiedFields::compile(view)?,
            fetches,
            merges_parent: view.flag_or("merge_parent", false)?,
            keeps_parent: view.flag_or("remain_original_record", false)?,
            gives_parent: match view.text_of("on_no_records")? {
                None | Some("skip") => false,
                Some("emit_parent") => true,
                Some(other) => {
                    return Err(view.fail(
                        format!("`on_no_records` is `{other}`"),
                        "skip or emit_parent",
                    ));
                }
            },
        })
    }

    /// With its paths filled in.
    pub(super) fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<Expansion> {
        if self.fetches {
            self.list.fill_plain(scope, env)?;
        }
        Ok(Expansion {
            list: self.list.fill(scope, env)?,
            indicator: self
                .indicator
                .as_ref()
                .map(|path| path.fill_plain(scope, env))
                .transpose()?,
            copied: self.copied.fill(scope, env)?,
            fetches: self.fetches,
            merges_parent: self.merges_parent,
            keeps_parent: self.keeps_parent,
            gives_parent: self.gives_parent,
        })
    }
}

/// `parent_fields`: values of a record that what is made of it gets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CopiedFields(Vec<(PathAt, PathAt)>);

impl CopiedFields {
    /// The `parent_fields` of a component.
    pub(super) fn compile(view: &View<'_>) -> crate::Result<Self> {
        let mut copied = Vec::new();
        if let Some(fields) = view.get("parent_fields") {
            for field in fields.items()? {
                let path = |name: &str| {
                    let path = field.require(name, "a list of names")?;
                    if path.node().is_falsy() {
                        return Err(path.fail("the path is empty", "a list of names"));
                    }
                    PathAt::compile(&path)
                };
                copied.push((path("parent_path")?, path("record_path")?));
            }
        }
        Ok(Self(copied))
    }

    /// With their paths filled in.
    pub(super) fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<Copies> {
        self.0
            .iter()
            .map(|(from, to)| Ok((from.fill_plain(scope, env)?, to.fill_plain(scope, env)?)))
            .collect::<crate::Result<_>>()
            .map(Copies)
    }
}

/// The same, ready for records: from where, and to where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Copies(Vec<(Vec<CompactString>, Vec<CompactString>)>);

impl Copies {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Copies values of `parent` to `record`: null where it has none.
    pub(super) fn apply(&self, parent: &Value, record: &mut Value) -> Result<(), DecodeError> {
        for (from, to) in &self.0 {
            let value = at(parent, from).cloned().unwrap_or_default();
            put(record, to, value).map_err(|error| DecodeError::Path {
                path: to.join("."),
                problem: match error {
                    PutError::InTheWay { .. } => {
                        "(`record_path`) leads through a value of the item that is no object"
                    }
                    PutError::NoPlace(_) => "(`record_path`) has a name where the item has a list",
                },
            })?;
        }
        Ok(())
    }
}

/// An expander, ready for records.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    list: GlobPath,
    /// Where a record says that its list is cut short.
    indicator: Option<Vec<CompactString>>,
    copied: Copies,
    /// A list that is cut short is fetched whole.
    fetches: bool,
    merges_parent: bool,
    keeps_parent: bool,
    /// A record without items comes out itself.
    gives_parent: bool,
}

impl Expansion {
    /// Whether lists that are cut short have to be fetched.
    pub const fn cuts_short(&self) -> bool {
        self.fetches
    }

    /// Adds the items of a record.
    pub fn expand(
        &self,
        parent: Row,
        rows: &mut Vec<Row>,
        ending: &mut Ending,
    ) -> Result<(), DecodeError> {
        let is_cut_short = self.indicator.as_ref().is_some_and(|path| {
            parent.is_object()
                && row_at(&parent, path).is_some_and(|flag| is_full(&Row::from(flag)))
        });
        if is_cut_short && self.fetches {
            ending.cut_short.push(parent);
            return Ok(());
        }
        if is_cut_short && ending.warnings.is_empty() {
            ending.warnings.push(format!(
                "a list at {} is cut short by the platform, and no `truncated_list_retriever` says how to fetch the rest",
                self.list.shown()
            ));
        }
        self.embedded(parent, rows)
    }

    /// Adds fetched items of a record; without any, those that it has in it.
    pub fn adopt(
        &self,
        parent: Row,
        fetched: Vec<Row>,
        rows: &mut Vec<Row>,
    ) -> Result<(), DecodeError> {
        if fetched.is_empty() {
            return self.embedded(parent, rows);
        }
        let context = self
            .has_context()
            .then(|| self.context(parent.into_value()));
        for item in fetched {
            rows.push(match &context {
                Some(context) => Row::from(self.with_context(item.into_value(), context)?),
                None => item,
            });
        }
        Ok(())
    }

    fn embedded(&self, parent: Row, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        if !parent.is_object() || self.list.is_empty() {
            rows.push(parent);
            return Ok(());
        }
        let before = rows.len();
        if !self.has_context() && self.add_shared(&parent, rows) {
            if rows.len() == before && self.gives_parent {
                rows.push(parent);
            }
            return Ok(());
        }
        let whole = parent.to_value();
        let context = self.context(whole.clone());
        for list in self.list.find(&whole) {
            for item in list.as_list().unwrap_or_default() {
                let item = item.clone();
                rows.push(Row::from(if self.has_context() {
                    self.with_context(item, &context)?
                } else {
                    item
                }));
            }
        }
        if rows.len() == before && self.gives_parent {
            rows.push(parent);
        }
        Ok(())
    }

    /// Adds the items as they stand in the record's text; false where it is no text, or the path needs values.
    fn add_shared(&self, parent: &Row, rows: &mut Vec<Row>) -> bool {
        let Some(text) = parent.text() else {
            return false;
        };
        let before = rows.len();
        let visited = self.list.visit(text, &mut |text, at| {
            if text.get(at) == Some(&b'[') {
                return add_items(text, at, rows);
            }
            Ok(model::json::scan::value(text, at, 0)?.end)
        });
        let done = matches!(visited, Some(Ok(())));
        if !done {
            rows.truncate(before);
        }
        done
    }

    const fn has_context(&self) -> bool {
        self.merges_parent || self.keeps_parent || !self.copied.is_empty()
    }

    fn context(&self, parent: Value) -> Context {
        let base = self.merges_parent.then(|| {
            let mut base = parent.clone();
            self.list.delete_lists(&mut base);
            match base {
                Value::Object(base) => base,
                _ => Object::new(),
            }
        });
        Context { parent, base }
    }

    /// An item with what it gets of its parent: first all of it underneath, then the named values, then the original.
    fn with_context(&self, item: Value, context: &Context) -> Result<Value, DecodeError> {
        let item = match item {
            Value::Object(item) => item,
            other => Object::from_iter([("value".into(), other)]),
        };
        let mut record = match &context.base {
            Some(base) => {
                let mut record = base.clone();
                for (name, value) in item {
                    record.insert(name, value);
                }
                Value::Object(record)
            }
            None => Value::Object(item),
        };
        self.copied.apply(&context.parent, &mut record)?;
        if let (true, Value::Object(record)) = (self.keeps_parent, &mut record) {
            record.insert("original_record", context.parent.clone());
        }
        Ok(record)
    }
}

/// What items get of their parent.
struct Context {
    parent: Value,
    /// The parent without the list that is expanded.
    base: Option<Object>,
}
