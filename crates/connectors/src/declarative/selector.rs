//! `RecordSelector`: which parts of a page are records, and what is done to them first.

use std::sync::Arc;

use model::value::Value;

use super::node::{Kind, View};
use super::path::{self, PathTemplate};
use super::template::{self, Scope, Template, Templates};
use crate::Result;

const FILTER_NAMES: &[&str] = &[
    "config",
    "parameters",
    "record",
    "stream_slice",
    "stream_interval",
    "stream_partition",
    "next_page_token",
];
const ADD_NAMES: &[&str] = &[
    "config",
    "parameters",
    "record",
    "stream_slice",
    "stream_interval",
    "stream_partition",
    "value",
    "path",
];
const REMOVE_NAMES: &[&str] = &["config", "parameters", "property"];

/// Picks records out of a page.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    field_path: PathTemplate,
    filter: Option<Template>,
    transformations: Vec<Transformation>,
    transform_first: bool,
}

#[derive(Clone, Debug)]
enum Transformation {
    Add {
        fields: Vec<AddedField>,
        condition: Option<Template>,
    },
    Remove {
        paths: Vec<PathTemplate>,
        condition: Option<Template>,
    },
}

#[derive(Clone, Debug)]
struct AddedField {
    path: PathTemplate,
    value: Template,
    /// `string`: the value stays text even when it reads as something else.
    as_text: bool,
}

impl Selector {
    /// From the file: a record selector and the transformations of its stream.
    pub fn compile(
        templates: &mut Templates,
        view: &View<'_>,
        transformations: Option<View<'_>>,
    ) -> Result<Self> {
        if view.component()? != "RecordSelector" {
            return Err(view.unknown_component(&["RecordSelector"]));
        }
        let extractor = view.require("extractor", "where the records are")?;
        if extractor.component()? != "DpathExtractor" {
            return Err(extractor.unknown_component(&["DpathExtractor"]));
        }
        let filter = view
            .get("record_filter")
            .map(|filter| -> Result<_> {
                if filter.component()? != "RecordFilter" {
                    return Err(filter.unknown_component(&["RecordFilter"]));
                }
                filter
                    .get("condition")
                    .filter(|condition| !condition.node().is_falsy())
                    .map(|condition| templates.compile(&condition, FILTER_NAMES))
                    .transpose()
            })
            .transpose()?
            .flatten();
        let mut selector = Self {
            field_path: PathTemplate::compile(
                templates,
                &extractor.require("field_path", "a list of names; empty for the page itself")?,
            )?,
            filter,
            transformations: Vec::new(),
            transform_first: view.flag_or("transform_before_filtering", false)?,
        };
        if let Some(list) = transformations {
            for transformation in list.items()? {
                selector
                    .transformations
                    .push(Transformation::compile(templates, &transformation)?);
            }
        }
        Ok(selector)
    }

    /// The records at a path, as they are.
    pub const fn at(field_path: PathTemplate) -> Self {
        Self {
            field_path,
            filter: None,
            transformations: Vec::new(),
            transform_first: false,
        }
    }

    /// Where the records stand, filled in.
    pub fn steps(&self, templates: &Templates, scope: &Scope) -> Result<Vec<String>> {
        self.field_path.steps(templates, scope)
    }

    /// Whether records come out as they went in.
    pub fn is_plain(&self) -> bool {
        self.filter.is_none() && self.transformations.is_empty()
    }

    /// Filters and transforms one record; none when it is filtered out.
    pub fn prepare(
        &self,
        templates: &Templates,
        scope: &Scope,
        mut record: Value,
    ) -> Result<Option<Value>> {
        if self.is_plain() {
            return Ok(Some(record));
        }
        if self.transform_first {
            self.transform(templates, scope, &mut record)?;
        }
        if let Some(filter) = &self.filter {
            let shared = Arc::new(record);
            let keep = filter.is_true(
                templates,
                &scope.clone().with("record", template::live(&shared)),
            )?;
            if !keep {
                return Ok(None);
            }
            record = Arc::unwrap_or_clone(shared);
        }
        if !self.transform_first {
            self.transform(templates, scope, &mut record)?;
        }
        Ok(Some(record))
    }

    fn transform(&self, templates: &Templates, scope: &Scope, record: &mut Value) -> Result<()> {
        for transformation in &self.transformations {
            transformation.apply(templates, scope, record)?;
        }
        Ok(())
    }
}

impl Transformation {
    fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        let condition = |templates: &mut Templates, names| -> Result<Option<Template>> {
            view.get("condition")
                .filter(|condition| !condition.node().is_falsy())
                .map(|condition| templates.compile(&condition, names))
                .transpose()
        };
        match view.component()? {
            "AddFields" => {
                let mut fields = Vec::new();
                for field in view.require("fields", "a list of fields")?.items()? {
                    fields.push(AddedField {
                        path: PathTemplate::compile(
                            templates,
                            &field.require("path", "a list of names")?,
                        )?,
                        value: templates
                            .compile(&field.require("value", "a template")?, ADD_NAMES)?,
                        as_text: field.text_of("value_type")? == Some("string"),
                    });
                }
                Ok(Self::Add {
                    fields,
                    condition: condition(templates, ADD_NAMES)?,
                })
            }
            "RemoveFields" => {
                let mut paths = Vec::new();
                for pointer in view.require("field_pointers", "a list of paths")?.items()? {
                    if let Kind::List(_) = pointer.node().kind {
                        paths.push(PathTemplate::compile(templates, &pointer)?);
                    } else {
                        return Err(pointer.fail("this is no path", "a list of names"));
                    }
                }
                Ok(Self::Remove {
                    paths,
                    condition: condition(templates, REMOVE_NAMES)?,
                })
            }
            _ => Err(view.unknown_component(&["AddFields", "RemoveFields"])),
        }
    }

    fn apply(&self, templates: &Templates, scope: &Scope, record: &mut Value) -> Result<()> {
        match self {
            Self::Add { fields, condition } => {
                for field in fields {
                    let shared = Arc::new(std::mem::take(record));
                    let seen = scope.clone().with("record", template::live(&shared));
                    let value = if field.as_text {
                        Value::text(field.value.render(templates, &seen)?)
                    } else {
                        field.value.eval(templates, &seen)?
                    };
                    let wanted = match condition {
                        Some(condition) => condition.is_true(
                            templates,
                            &seen.clone().with("value", template::plain(&value)),
                        )?,
                        None => true,
                    };
                    drop(seen);
                    *record = Arc::unwrap_or_clone(shared);
                    if wanted {
                        path::put(record, &field.path.steps(templates, scope)?, value);
                    }
                }
            }
            Self::Remove { paths, condition } => {
                for way in paths {
                    let steps = way.steps(templates, scope)?;
                    let wanted = match condition {
                        Some(condition) => {
                            let property = path::at(record, &steps)
                                .map_or(minijinja::Value::UNDEFINED, template::plain);
                            condition
                                .is_true(templates, &scope.clone().with("property", property))?
                        }
                        None => true,
                    };
                    if wanted {
                        path::remove(record, &steps);
                    }
                }
            }
        }
        Ok(())
    }
}
