//! What an answer says: its bytes, taken apart into records while they come in.
//!
//! A [`Decoder`] comes from the connector file. For each answer it starts a [`BodyDecoder`], which takes the bytes as
//! they arrive and gives records. Three layers, of which a plain JSON answer needs only one ([`json`]):
//!
//! - unpacking ([`gzip`], [`zip`]): bytes to bytes, within bounds;
//! - reading ([`csv`], [`lines`], [`whole`], [`xml`]): bytes to *bodies*, each of which may hold several records;
//! - extracting ([`extracting`]): a body to its records, as [`super::extract`] says.

pub mod json;

mod charset;
mod csv;
mod extracting;
mod feed;
mod gzip;
mod lines;
mod whole;
mod xml;
mod zip;

use std::sync::Arc;

use bytes::Bytes;
use model::row::Row;
use model::value::{Object, Value};

use self::charset::Charset;
use self::csv::{CsvBody, CsvFormat};
use self::extracting::Extracting;
use self::gzip::GzipBody;
use self::json::{JsonBody, Keep};
use self::lines::{IterableBody, JsonlBody};
use self::whole::WholeBody;
use self::xml::{XmlBody, XmlKind};
use self::zip::ZipBody;
use super::extract::Extraction;
use super::glob_path::GlobPath;
use super::node::View;
use super::spot::needs_python;

/// An answer that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It should be JSON and is not.
    #[error("the answer is not JSON at byte {at}: expected {expected}")]
    NotJson {
        /// Offset in the decompressed answer.
        at: usize,
        /// What would have been right.
        expected: &'static str,
    },
    /// It is beyond a bound.
    #[error("{what} has more than {} MiB", limit / (1024 * 1024))]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A few bytes that become very many: nothing that a platform would send.
    #[error("the answer is a {format} bomb: {packed} bytes become more than {unpacked}")]
    Bomb {
        /// gzip or ZIP.
        format: &'static str,
        /// Bytes that came in.
        packed: u64,
        /// Bytes that they had become when it was given up.
        unpacked: u64,
    },
    /// It is in another format than the connector file says.
    #[error("the answer is not {format}: {problem}")]
    Malformed {
        /// CSV, XML…
        format: &'static str,
        /// What is wrong, and where.
        problem: String,
    },
    /// It can be read, but a path of the connector file does not work in it.
    #[error("the path {path} {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Takes one answer apart. Bytes go in as they arrive, records come out as soon as they are complete.
pub trait BodyDecoder: Send + Sync + std::fmt::Debug {
    /// Takes the next bytes and adds the records that are complete with them.
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError>;

    /// There is no more: adds the last records. To be called once.
    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError>;
}

/// What there is to say of an answer when all of its records are out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// What templates call `response`: the first body, as far as it was to be kept; an empty object else.
    pub response: Value,
    /// What the person should hear of although it went well.
    pub warnings: Vec<String>,
    /// Empty records that were left out, but count for the size of the page.
    pub left_out: usize,
    /// Records whose list is cut short; the whole list is to be fetched ([`Extraction::adopt`]).
    pub cut_short: Vec<Row>,
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            response: Value::Object(Object::new()),
            warnings: Vec::new(),
            left_out: 0,
            cut_short: Vec::new(),
        }
    }
}

/// How the answers of a stream are read, from the connector file.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoder {
    /// One JSON value.
    Json,
    /// One JSON value; each item of the list at the path is a body.
    JsonItems(GlobPath, Charset),
    /// A JSON value in each line.
    Jsonl(Charset),
    /// A text in each line, put into `record`.
    Iterable,
    /// A table, its first row the names.
    Csv(Arc<CsvFormat>),
    /// One XML document.
    Xml(XmlKind),
    /// Packed or not; the inside is read by another one.
    Gzip(Box<Decoder>),
    /// Packed in either of the two formats of zlib, or not.
    Report(Box<Decoder>),
    /// Files in an archive, each read by another one.
    Zip(Arc<Decoder>),
}

/// The types that [`Decoder::compile`] knows.
const KNOWN: &[&str] = &[
    "JsonDecoder",
    "JsonItemsDecoder",
    "JsonlDecoder",
    "IterableDecoder",
    "CsvDecoder",
    "XmlDecoder",
    "TypedXmlDecoder",
    "FeedDecoder",
    "GzipDecoder",
    "ZipfileDecoder",
    "CompositeRawDecoder",
];

impl Decoder {
    /// From the file; JSON where it says nothing.
    pub fn compile(view: Option<&View<'_>>) -> crate::Result<Self> {
        let Some(view) = view else {
            return Ok(Self::Json);
        };
        let inner = |name: &str| -> crate::Result<Self> {
            Self::compile(Some(&view.require(name, "how the inside is read")?))
        };
        Ok(match view.component()? {
            "JsonDecoder" => Self::Json,
            // Older files have parsers inside a `CompositeRawDecoder`.
            "JsonParser" => match Charset::member(view)? {
                Charset::UTF_8 => Self::Json,
                other => Self::JsonItems(GlobPath::whole(), other),
            },
            "JsonItemsDecoder" => {
                let path = view.require("items_path", "names with points between them")?;
                let steps = path.scalar()?;
                if steps.is_empty() {
                    return Err(path.fail("the path is empty", "names with points between them"));
                }
                Self::JsonItems(
                    GlobPath::literal_of(steps.split('.')),
                    Charset::member(view)?,
                )
            }
            "JsonlDecoder" => Self::Jsonl(Charset::UTF_8),
            "JsonLineParser" => Self::Jsonl(Charset::member(view)?),
            "IterableDecoder" => Self::Iterable,
            "CsvDecoder" | "CsvParser" => Self::Csv(Arc::new(CsvFormat::compile(view)?)),
            "XmlDecoder" => Self::Xml(XmlKind::Plain),
            "TypedXmlDecoder" => Self::Xml(XmlKind::Typed),
            "FeedDecoder" => Self::Xml(XmlKind::Feed),
            "GzipDecoder" => Self::Gzip(Box::new(inner("decoder")?)),
            "GzipParser" => Self::Gzip(Box::new(inner("inner_parser")?)),
            "GzipJsonDecoder" => Self::Gzip(Box::new(match Charset::member(view)? {
                Charset::UTF_8 => Self::Json,
                other => Self::JsonItems(GlobPath::whole(), other),
            })),
            "ZipfileDecoder" => Self::Zip(Arc::new(inner(match view.get("decoder") {
                Some(_) => "decoder",
                None => "parser",
            })?)),
            "CompositeRawDecoder" => inner("parser")?,
            "CustomDecoder" => return Err(needs_python(view)),
            _ => return Err(view.unknown_component(KNOWN)),
        })
    }

    /// How the result of an asynchronous job is read where a `ResponseToFileExtractor` is asked for: a table, packed or not,
    /// in which empty cells and words such as `NA` say that there is nothing.
    pub fn report(view: &View<'_>) -> crate::Result<Self> {
        let keeps_words = view.flag_or("preserve_na_values", false)?;
        let format = CsvFormat::report(keeps_words);
        Ok(Self::Report(Box::new(Self::Csv(Arc::new(format)))))
    }

    /// Begins with an answer. `content_type` is its header, if it has one; `keep` says what of it templates will ask for.
    pub fn start(
        &self,
        extraction: &Arc<Extraction>,
        keep: Keep,
        content_type: Option<&str>,
    ) -> Box<dyn BodyDecoder> {
        let extracting = |inner: Box<dyn BodyDecoder>| -> Box<dyn BodyDecoder> {
            Box::new(Extracting::new(inner, extraction))
        };
        let keep_first = keep != Keep::Nothing;
        match self {
            Self::Json => match extraction.plain_path() {
                Some(path) => Box::new(JsonBody::new(path.to_vec(), keep)),
                None => extracting(Box::new(WholeBody::new(keep_first))),
            },
            Self::JsonItems(path, charset) => {
                let items: Box<dyn BodyDecoder> = match path.plain() {
                    Some([]) | None => Box::new(WholeBody::new(keep_first)),
                    Some(path) => Box::new(JsonBody::new(path.to_vec(), Keep::Nothing)),
                };
                extracting(charset.before(items))
            }
            Self::Jsonl(charset) => extracting(charset.before(Box::new(JsonlBody::default()))),
            Self::Iterable => extracting(Box::<IterableBody>::default()),
            Self::Csv(format) => {
                let named = content_type.and_then(Charset::of_content_type);
                extracting(Box::new(CsvBody::new(format, named)))
            }
            Self::Xml(kind) => {
                let named = content_type.and_then(Charset::of_content_type);
                extracting(Box::new(XmlBody::new(*kind, named, keep_first)))
            }
            Self::Gzip(inner) => Box::new(GzipBody::new(
                inner.start(extraction, Keep::Nothing, None),
                false,
            )),
            Self::Report(inner) => Box::new(GzipBody::new(
                inner.start(extraction, Keep::Nothing, content_type),
                true,
            )),
            Self::Zip(inner) => Box::new(ZipBody::new(inner, extraction, keep)),
        }
    }

    /// Whether templates find nothing in `response`, for answers are not kept while they stream through.
    pub fn is_streamed(&self) -> bool {
        match self {
            Self::Json | Self::Xml(_) | Self::Zip(_) => false,
            Self::JsonItems(path, _) => path.plain() != Some(&[]),
            Self::Jsonl(_) | Self::Iterable | Self::Csv(_) | Self::Gzip(_) | Self::Report(_) => {
                true
            }
        }
    }
}

impl BodyDecoder for JsonBody {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        Self::push(self, chunk, rows)
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        Ok(Ending {
            response: Self::finish(self, rows)?,
            ..Ending::default()
        })
    }
}

#[cfg(test)]
mod tests;
