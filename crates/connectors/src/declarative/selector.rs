//! `RecordSelector`: which parts of a page are records, and what is done to them first.

use model::row::Row;
use template::{Env, Members, Reads, Scope};

use super::decode::DecodeError;
use super::decode::json::{JsonBody, Keep};
use super::node::View;
use super::text::{Condition, PathText};
use super::transform::Transformation;
use crate::Result;

/// Picks records out of a page.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    path: PathText,
    filter: Option<Condition>,
    transformations: Vec<Transformation>,
    transform_first: bool,
}

impl Selector {
    /// From the file: a record selector and the transformations of its stream.
    pub fn compile(view: &View<'_>, transformations: Option<View<'_>>) -> Result<Self> {
        if view.component()? != "RecordSelector" {
            return Err(view.unknown_component(&["RecordSelector"]));
        }
        let extractor = view.require("extractor", "where the records are")?;
        if extractor.component()? != "DpathExtractor" {
            return Err(extractor.unknown_component(&["DpathExtractor"]));
        }
        let path = match extractor.get("field_path") {
            Some(path) => PathText::compile(&path)?,
            None => PathText::default(),
        };
        let filter = match view.get("record_filter") {
            Some(filter) => {
                if filter.component()? != "RecordFilter" {
                    return Err(filter.unknown_component(&["RecordFilter"]));
                }
                Some(Condition::member(&filter, "condition", true)?)
            }
            None => None,
        };
        let transformations = match transformations {
            Some(list) => list
                .items()?
                .iter()
                .map(Transformation::compile)
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            path,
            filter,
            transformations,
            transform_first: view.flag_or("transform_before_filtering", false)?,
        })
    }

    /// What of a body must be kept beside its records, given what somebody looks at.
    pub fn keep(&self, reads: &Reads) -> Keep {
        match reads {
            Reads::Nothing => Keep::Nothing,
            Reads::Everything => Keep::All,
            Reads::Paths(_) if self.path.is_empty() => Keep::Frame,
            Reads::Paths(paths) => {
                // A path of templates may lead anywhere.
                let Some(own) = self.path.fixed() else {
                    return Keep::All;
                };
                let meets = paths
                    .iter()
                    .any(|path| path.iter().zip(&own).all(|(left, right)| left == right));
                if meets { Keep::All } else { Keep::Frame }
            }
        }
    }

    /// Begins to take an answer apart.
    pub fn begin(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        keep: Keep,
    ) -> std::result::Result<JsonBody, DecodeError> {
        let path = self
            .path
            .steps(scope, env)
            .map_err(|error| DecodeError::Malformed {
                format: "as the connector file says",
                problem: error.to_string(),
            })?;
        Ok(JsonBody::new(path, keep))
    }

    /// The records that are handed on, as they are handed on.
    pub fn select(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        rows: Vec<Row>,
        transform_first: bool,
    ) -> Result<Vec<Row>> {
        if self.filter.is_none() && self.transformations.is_empty() {
            return Ok(rows);
        }
        let transform_first = transform_first || self.transform_first;
        let mut kept = Vec::with_capacity(rows.len());
        for mut row in rows {
            if transform_first {
                self.transform(scope, env, &mut row)?;
            }
            if let Some(filter) = &self.filter {
                let scope = Scope::within(scope).with("record", &row as &dyn Members);
                if !filter.holds(&scope, env)? {
                    continue;
                }
            }
            if !transform_first {
                self.transform(scope, env, &mut row)?;
            }
            kept.push(row);
        }
        Ok(kept)
    }

    fn transform(&self, scope: &Scope<'_>, env: &Env, row: &mut Row) -> Result<()> {
        self.transformations
            .iter()
            .try_for_each(|transformation| transformation.apply(row, scope, env))
    }
}
