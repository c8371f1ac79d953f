//! `schema_loader`: where the JSON schema of a stream comes from.

use std::sync::Arc;

use jiff::Timestamp;
use model::value::{Object, Value};
use serde_json::{Value as Json, json};
use template::{Env, Scope};

use super::node::{Kind, View};
use super::pages::{Context, Pages, Step};
use super::schema_file;
use super::schema_types::SchemaTypes;
use super::stream::Stream;
use super::text::Text;
use crate::Result;

/// Where the JSON schema of a stream comes from.
#[derive(Clone, Debug)]
pub enum SchemaLoader {
    /// Nobody says: the records show it.
    Unknown,
    /// The connector file, or a file beside it.
    Fixed(Json),
    /// The platform describes its fields.
    Platform(Arc<Described>),
    /// Several, as one.
    Several(Vec<SchemaLoader>),
}

/// `DynamicSchemaLoader`.
#[derive(Debug)]
pub struct Described {
    stream: Arc<Stream>,
    types: SchemaTypes,
}

impl SchemaLoader {
    /// From the file: a stream's.
    pub fn compile(stream: &View<'_>, name: &str) -> Result<Self> {
        let Some(loader) = stream.get("schema_loader") else {
            return from_file(stream, &schema_file::default_path(name));
        };
        if !matches!(loader.node().kind, Kind::List(_)) {
            return Self::one(&loader, name);
        }
        let parts: Vec<Self> = loader
            .items()?
            .iter()
            .map(|part| Self::one(part, name))
            .collect::<Result<_>>()?;
        let fixed: Option<Vec<Json>> = parts.iter().map(|part| part.fixed().cloned()).collect();
        Ok(match fixed {
            Some(fixed) => Self::Fixed(schema_file::combined(fixed)),
            None => Self::Several(parts),
        })
    }

    fn one(view: &View<'_>, name: &str) -> Result<Self> {
        match view.component()? {
            "InlineSchemaLoader" => Ok(Self::Fixed(
                view.get("schema")
                    .map_or_else(|| json!({}), |schema| schema.node().to_json()),
            )),
            "JsonFileSchemaLoader" => match Text::member(view, "file_path")? {
                Some(path) => {
                    // Where files lie depends on no connection.
                    let none = Value::Object(Object::new());
                    let scope = Scope::new().with("config", &none);
                    let path = path.printed(&scope, &Env::frozen(Timestamp::UNIX_EPOCH))?;
                    from_file(view, &path)
                }
                None => from_file(view, &schema_file::default_path(name)),
            },
            "DynamicSchemaLoader" => {
                let retriever = view.require("retriever", "how the fields are asked for")?;
                let stream = Stream::of_retriever(&format!("{name} fields"), &retriever)?;
                Ok(Self::Platform(Arc::new(Described {
                    stream: Arc::new(stream.kept_in_memory()),
                    types: SchemaTypes::compile(view)?,
                })))
            }
            _ => Err(view.unknown_component(&[
                "InlineSchemaLoader",
                "JsonFileSchemaLoader",
                "DynamicSchemaLoader",
            ])),
        }
    }

    /// The schema that is known without asking anybody.
    pub const fn fixed(&self) -> Option<&Json> {
        match self {
            Self::Fixed(schema) => Some(schema),
            _ => None,
        }
    }

    /// Whether the platform has to be asked.
    pub fn asks(&self) -> bool {
        match self {
            Self::Unknown | Self::Fixed(_) => false,
            Self::Platform(_) => true,
            Self::Several(parts) => parts.iter().any(Self::asks),
        }
    }

    /// The schema; none where nobody says.
    pub async fn load(&self, context: &Context) -> Result<Option<Json>> {
        match self {
            Self::Unknown => Ok(None),
            Self::Fixed(schema) => Ok(Some(schema.clone())),
            Self::Platform(described) => described.load(context).await.map(Some),
            Self::Several(parts) => {
                let mut schemas = Vec::with_capacity(parts.len());
                for part in parts {
                    schemas.extend(Box::pin(part.load(context)).await?);
                }
                Ok(Some(schema_file::combined(schemas)))
            }
        }
    }

    /// The streams that are read on the way.
    pub fn parents(&self) -> Vec<&Arc<Stream>> {
        match self {
            Self::Unknown | Self::Fixed(_) => Vec::new(),
            Self::Platform(described) => described.stream.parents(),
            Self::Several(parts) => parts.iter().flat_map(Self::parents).collect(),
        }
    }
}

impl Described {
    async fn load(&self, context: &Context) -> Result<Json> {
        let mut pages = Pages::begin(context.clone(), self.stream.clone(), &Value::Null)?;
        let mut first = None;
        while first.is_none() {
            // Boxed: what is asked first may have a schema of its own.
            match Box::pin(pages.next()).await? {
                Some(Step::Rows { rows, .. }) => {
                    first = rows.into_iter().next().map(model::row::Row::into_value);
                }
                Some(Step::End { .. }) => {}
                None => break,
            }
        }
        self.types
            .json_schema(first.as_ref(), &context.scope(), context.env())
    }
}

/// A schema in a file beside the connector file. Where there is none, the records show what there is.
fn from_file(view: &View<'_>, path: &str) -> Result<SchemaLoader> {
    let Some(folder) = view.folder() else {
        return Ok(SchemaLoader::Unknown);
    };
    Ok(schema_file::read(folder, path)?.map_or(SchemaLoader::Unknown, SchemaLoader::Fixed))
}
