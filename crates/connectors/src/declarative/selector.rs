//! `RecordSelector`: which parts of a page are records, and what is done to them first.

use std::sync::Arc;

use model::row::Row;
use template::{Env, Members, Reads, Scope};

use super::context::Context;
use super::decode::json::Keep;
use super::decode::{BodyDecoder, DecodeError, Decoder, Ending};
use super::extract::{Extraction, Extractor};
use super::node::View;
use super::spot::Spot;
use super::stream::Stream;
use super::text::{Condition, PathText};
use super::transform::normalise::Normaliser;
use super::transform::{Known, Transformation};
use crate::Result;
use crate::http::Answer;

/// Picks records out of a page.
#[derive(Clone, Debug)]
pub struct Selector {
    decoder: Decoder,
    extractor: Extractor,
    filter: Option<Condition>,
    transformations: Vec<Transformation>,
    transform_first: bool,
    normalises: bool,
    normaliser: Option<Normaliser>,
    /// How lists that the platform cuts short are fetched whole.
    pub(super) whole_lists: Option<Arc<Stream>>,
}

impl Selector {
    /// From the file: a record selector, how answers are read, and the transformations of the stream.
    pub fn compile(
        view: &View<'_>,
        decoder: Option<&View<'_>>,
        transformations: Option<View<'_>>,
    ) -> Result<Self> {
        let extractor = view.require("extractor", "where the records are")?;
        Self::extracting(view, Some(&extractor), decoder)?.with_rules(view, transformations)
    }

    /// Only what finds records: an extractor (none: each body of an answer is a record) and how answers are read. `view`
    /// is what it stands in.
    pub fn extracting(
        view: &View<'_>,
        extractor: Option<&View<'_>>,
        decoder: Option<&View<'_>>,
    ) -> Result<Self> {
        let whole = || Extractor::Path {
            path: PathText::default(),
            spot: Spot::of(view),
            expander: None,
        };
        let whole_lists = extractor.and_then(whole_lists);
        let (decoder, extractor) = match extractor {
            // A table, whatever the decoder says.
            Some(extractor) if extractor.component()? == "ResponseToFileExtractor" => {
                (Decoder::report(extractor)?, whole())
            }
            Some(extractor) => (Decoder::compile(decoder)?, Extractor::compile(extractor)?),
            None => (Decoder::compile(decoder)?, whole()),
        };
        Ok(Self {
            decoder,
            extractor,
            filter: None,
            transformations: Vec::new(),
            transform_first: false,
            normalises: false,
            normaliser: None,
            whole_lists: match whole_lists {
                Some(retriever) => {
                    let stream = Stream::of_retriever("the whole of a list", &retriever)?;
                    Some(Arc::new(stream))
                }
                None => None,
            },
        })
    }

    /// Where the records are, with its paths filled in.
    pub fn extraction(&self, scope: &Scope<'_>, env: &Env) -> Result<Arc<Extraction>> {
        self.extractor.fill(scope, env)
    }

    /// With the filter of a record selector and the transformations of its stream.
    pub fn with_rules(self, view: &View<'_>, transformations: Option<View<'_>>) -> Result<Self> {
        if view.component()? != "RecordSelector" {
            return Err(view.unknown_component(&["RecordSelector"]));
        }
        let filter = match view.get("record_filter") {
            Some(filter) => {
                if filter.component()? != "RecordFilter" {
                    return Err(filter.unknown_component(&["RecordFilter"]));
                }
                Some(Condition::member(&filter, "condition", true)?)
            }
            None => None,
        };
        let normalises = match view.text_of("schema_normalization")? {
            None | Some("None") => false,
            Some("Default") => true,
            Some(other) => {
                return Err(view.fail(
                    format!("the normalisation `{other}` is not known here"),
                    "Default or None",
                ));
            }
        };
        Ok(Self {
            filter,
            transformations: Transformation::compile_list(transformations.as_ref())?,
            transform_first: view.flag_or("transform_before_filtering", false)?,
            normalises,
            ..self
        })
    }

    /// Whether the file asks for records that fit their schema.
    pub const fn normalises(&self) -> bool {
        self.normalises
    }

    /// Fits records to a schema, where the file asks for it.
    pub fn fit_to(&mut self, schema: &serde_json::Value) {
        self.normaliser = self
            .normalises
            .then(|| Normaliser::compile(schema))
            .filter(|normaliser| !normaliser.is_idle());
    }

    /// What of a body must be kept beside its records, given what somebody looks at.
    pub fn keep(&self, reads: &Reads) -> Keep {
        match reads {
            Reads::Nothing => Keep::Nothing,
            Reads::Everything => Keep::All,
            Reads::Paths(paths) => {
                // A path of templates or patterns may lead anywhere.
                let own = match &self.extractor {
                    Extractor::Path { path, .. } => path.fixed(),
                    _ => None,
                };
                match own {
                    Some(own) if own.is_empty() => Keep::Frame,
                    Some(own) if !meets(paths, &own) => Keep::Frame,
                    _ => Keep::All,
                }
            }
        }
    }

    /// Whether large answers may be taken piece by piece: formats whose records stand in lines, or are packed.
    pub fn reads_in_pieces(&self) -> bool {
        !matches!(
            self.decoder,
            Decoder::Json | Decoder::JsonItems(..) | Decoder::Xml(_)
        )
    }

    /// Begins to take an answer apart.
    pub fn begin(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        keep: Keep,
        content_type: Option<&str>,
    ) -> Result<Box<dyn BodyDecoder>> {
        let extraction = self.extractor.fill(scope, env)?;
        Ok(self.decoder.start(&extraction, keep, content_type))
    }

    /// All records of an answer that is there as a whole, as they came, and the rest of what there is to say of it.
    pub fn extract(
        &self,
        context: &Context,
        scope: &Scope<'_>,
        answer: &Answer,
        keep: Keep,
        rows: &mut Vec<Row>,
    ) -> Result<Ending> {
        let malformed = |problem: DecodeError| context.malformed(&problem.to_string());
        let content_type = answer.header("content-type");
        let mut body = self.begin(scope, context.env(), keep, content_type)?;
        body.push(answer.body.clone(), rows).map_err(malformed)?;
        body.finish(rows).map_err(malformed)
    }

    /// The records that are handed on, as they are handed on.
    pub fn select(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        rows: Vec<Row>,
        transform_first: bool,
    ) -> Result<Vec<Row>> {
        if self.filter.is_none() && self.transformations.is_empty() && self.normaliser.is_none() {
            return Ok(rows);
        }
        let transform_first = transform_first || self.transform_first;
        let mut kept = Vec::with_capacity(rows.len());
        let known: Vec<Known> = self
            .transformations
            .iter()
            .map(|transformation| transformation.know(scope, env))
            .collect();
        for mut row in rows {
            if transform_first {
                self.transform(scope, env, &mut row, &known)?;
            }
            if let Some(filter) = &self.filter {
                let scope = Scope::within(scope).with("record", &row as &dyn Members);
                if !filter.holds(&scope, env)? {
                    continue;
                }
            }
            if !transform_first {
                self.transform(scope, env, &mut row, &known)?;
            }
            if let Some(normaliser) = &self.normaliser {
                normaliser.apply(&mut row);
            }
            kept.push(row);
        }
        Ok(kept)
    }

    fn transform(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        row: &mut Row,
        known: &[Known],
    ) -> Result<()> {
        self.transformations
            .iter()
            .zip(known)
            .try_for_each(|(transformation, known)| {
                transformation.apply_knowing(row, scope, env, known)
            })
    }
}

/// Whether one of the paths is on the way to `own`, or goes on from there.
fn meets(paths: &[Vec<compact_str::CompactString>], own: &[compact_str::CompactString]) -> bool {
    paths
        .iter()
        .any(|path| path.iter().zip(own).all(|(left, right)| left == right))
}

/// The retriever of lists that are cut short: of an extractor, or of one that it is combined of.
fn whole_lists<'a>(extractor: &View<'a>) -> Option<View<'a>> {
    match extractor.component().ok()? {
        "DpathExtractor" => extractor
            .get("record_expander")?
            .get("truncated_list_retriever"),
        "CombinedExtractor" => {
            let parts = extractor.get("extractors")?.items().ok()?;
            parts.iter().find_map(whole_lists)
        }
        _ => None,
    }
}
