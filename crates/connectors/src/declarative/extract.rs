//! Which parts of a body are records: the extractors of connector files.
//!
//! An [`Extractor`] is what the file says, an [`Extraction`] the same with its paths filled in, and a [`Run`] goes with one
//! answer. Bodies that are still text are followed as text: the records share their bytes.

mod expand;
mod own;
mod run;

use std::sync::Arc;

use compact_str::CompactString;
use model::row::Row;
use template::{Env, Scope};

use self::expand::{Expander, Expansion};
use self::own::{OwnExtraction, OwnExtractor};
pub use self::run::Run;
use super::decode::DecodeError;
use super::glob_path::GlobPath;
use super::node::View;
use super::spot::{Spot, needs_python};
use super::text::PathText;

/// Where records are, from the connector file.
#[derive(Clone, Debug, PartialEq)]
pub enum Extractor {
    /// `DpathExtractor`: at a path.
    Path {
        /// The path; templates see `config` and `parameters`.
        path: PathText,
        /// Its place in the file.
        spot: Spot,
        /// What makes several records of each.
        expander: Option<Box<Expander>>,
    },
    /// `CombinedExtractor`: what several others find.
    Combined {
        /// The others.
        parts: Vec<Extractor>,
        /// Only of the first that finds any.
        first_match: bool,
        /// Without records that are null or empty.
        skips_empty: bool,
    },
    /// `KeyValueExtractor`: one extractor finds names, the other one their values, record after record.
    KeyValue {
        /// Finds the names.
        keys: Box<Extractor>,
        /// Finds the values.
        values: Box<Extractor>,
    },
    /// One that the other format has not.
    Own(Box<OwnExtractor>),
}

/// The types that [`Extractor::compile`] knows.
const KNOWN: &[&str] = &[
    "DpathExtractor",
    "CombinedExtractor",
    "KeyValueExtractor",
    "WrappedExtractor",
    "EntriesExtractor",
    "TableExtractor",
    "IncludedExtractor",
];

impl Extractor {
    /// From the file.
    pub fn compile(view: &View<'_>) -> crate::Result<Self> {
        let part = |name: &str| -> crate::Result<Box<Self>> {
            let part = view.require(name, "an extractor")?;
            Self::compile(&part).map(Box::new)
        };
        match view.component()? {
            "DpathExtractor" => {
                let path = view.require("field_path", "a list of names; empty for all of it")?;
                Ok(Self::Path {
                    spot: Spot::of(&path),
                    path: PathText::compile(&path)?,
                    expander: view
                        .get("record_expander")
                        .map(|view| Expander::compile(&view).map(Box::new))
                        .transpose()?,
                })
            }
            "CombinedExtractor" => {
                let list = view.require("extractors", "a list of extractors")?;
                let parts: Vec<Self> = list
                    .items()?
                    .iter()
                    .map(Self::compile)
                    .collect::<crate::Result<_>>()?;
                if parts.is_empty() {
                    return Err(list.fail("the list is empty", "at least one extractor"));
                }
                let first_match = match view.text_of("mode")? {
                    None | Some("union") => false,
                    Some("first_match") => true,
                    Some(other) => {
                        return Err(view.fail(
                            format!("the mode `{other}` is not known here"),
                            "union or first_match",
                        ));
                    }
                };
                Ok(Self::Combined {
                    parts,
                    first_match,
                    skips_empty: view.flag_or("skip_empty_records", false)?,
                })
            }
            "KeyValueExtractor" => Ok(Self::KeyValue {
                keys: part("keys_extractor")?,
                values: part("values_extractor")?,
            }),
            "CustomRecordExtractor" => Err(needs_python(view)),
            _ => match OwnExtractor::compile(view)? {
                Some(own) => Ok(Self::Own(Box::new(own))),
                None => Err(view.unknown_component(KNOWN)),
            },
        }
    }

    /// With its paths filled in; `scope` has `config`.
    pub fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<Arc<Extraction>> {
        Ok(Arc::new(match self {
            Self::Path {
                path,
                spot,
                expander,
            } => Extraction::Path {
                path: PathAt {
                    path: path.clone(),
                    spot: spot.clone(),
                }
                .fill(scope, env)?,
                expansion: expander
                    .as_ref()
                    .map(|expander| expander.fill(scope, env))
                    .transpose()?,
            },
            Self::Combined {
                parts,
                first_match,
                skips_empty,
            } => Extraction::Combined {
                parts: parts
                    .iter()
                    .map(|part| part.fill(scope, env))
                    .collect::<crate::Result<_>>()?,
                first_match: *first_match,
                skips_empty: *skips_empty,
            },
            Self::KeyValue { keys, values } => Extraction::KeyValue {
                keys: keys.fill(scope, env)?,
                values: values.fill(scope, env)?,
            },
            Self::Own(own) => Extraction::Own(own.fill(scope, env)?),
        }))
    }
}

/// A path of the file and its place there.
#[derive(Clone, Debug, PartialEq)]
struct PathAt {
    path: PathText,
    spot: Spot,
}

impl PathAt {
    fn compile(view: &View<'_>) -> crate::Result<Self> {
        Ok(Self {
            path: PathText::compile(view)?,
            spot: Spot::of(view),
        })
    }

    /// The path of the member called `name`; the whole where it is absent.
    fn member(view: &View<'_>, name: &str) -> crate::Result<Self> {
        match view.get(name) {
            Some(view) => Self::compile(&view),
            None => Ok(Self {
                path: PathText::default(),
                spot: Spot::of(view),
            }),
        }
    }

    /// The path that it comes to.
    fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<GlobPath> {
        GlobPath::new(self.path.steps(scope, env)?).ok_or_else(|| {
            self.spot
                .fail("the path has `**` twice", "`**` at most once")
        })
    }

    /// The same, where it must lead to one value.
    fn fill_plain(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<Vec<CompactString>> {
        let path = self.fill(scope, env)?;
        path.plain().map(<[_]>::to_vec).ok_or_else(|| {
            self.spot.fail(
                "the path has a pattern (`*`, `?` or `[`)",
                "names only: it has to lead to one value",
            )
        })
    }
}

/// Where records are, ready for answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Extraction {
    /// At a path.
    Path {
        /// The path.
        path: GlobPath,
        /// What makes several records of each.
        expansion: Option<Expansion>,
    },
    /// What several others find.
    Combined {
        /// The others.
        parts: Vec<Arc<Extraction>>,
        /// Only of the first that finds any.
        first_match: bool,
        /// Without records that are null or empty.
        skips_empty: bool,
    },
    /// Names and values apart.
    KeyValue {
        /// Finds the names.
        keys: Arc<Extraction>,
        /// Finds the values.
        values: Arc<Extraction>,
    },
    /// One that the other format has not.
    Own(OwnExtraction),
}

impl Extraction {
    /// Each body is a record, or a list of them.
    pub fn whole() -> Arc<Self> {
        Arc::new(Self::Path {
            path: GlobPath::whole(),
            expansion: None,
        })
    }

    /// The path to the records, where it is plain and there is nothing more to it: then an answer can be taken apart
    /// while it comes in.
    pub fn plain_path(&self) -> Option<&[CompactString]> {
        match self {
            Self::Path {
                path,
                expansion: None,
            } => path
                .plain()
                // The streaming reader does not count from the end of a list.
                .filter(|steps| !steps.iter().any(|step| step.trim_start().starts_with('-'))),
            Self::Path { .. } | Self::Combined { .. } | Self::KeyValue { .. } | Self::Own(_) => {
                None
            }
        }
    }

    /// Whether several lists are put together, so that the records of a page are no longer counted as the platform counts.
    pub fn is_union(&self) -> bool {
        match self {
            Self::Combined {
                parts, first_match, ..
            } => !first_match || parts.iter().any(|part| part.is_union()),
            Self::Path { .. } | Self::KeyValue { .. } | Self::Own(_) => false,
        }
    }

    /// The records of a list that was cut short ([`Ending::cut_short`]) and then fetched whole. Where nothing was
    /// fetched, the items that are there count.
    pub fn adopt(
        &self,
        parent: Row,
        fetched: Vec<Row>,
        rows: &mut Vec<Row>,
    ) -> Result<(), DecodeError> {
        match self {
            Self::Path {
                expansion: Some(expansion),
                ..
            } => expansion.adopt(parent, fetched, rows),
            Self::Combined { parts, .. } => {
                let cutting = parts.iter().find(|part| part.cuts_short());
                cutting.map_or(Ok(()), |part| part.adopt(parent, fetched, rows))
            }
            Self::Path { .. } | Self::KeyValue { .. } | Self::Own(_) => Ok(()),
        }
    }

    fn cuts_short(&self) -> bool {
        match self {
            Self::Path { expansion, .. } => expansion.as_ref().is_some_and(Expansion::cuts_short),
            Self::Combined { parts, .. } => parts.iter().any(|part| part.cuts_short()),
            Self::KeyValue { .. } | Self::Own(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
