//! `patchbay.writes.<stream>.schema`: what is known of fields beside what the platform says, option lists and
//! references fetched live included.

use std::time::Duration;

use model::field::{Field, FieldOption, FieldReference, FieldType, Format, Schema};
use model::path::{FieldPath, Segment};
use model::value::Value;

use super::policy::Rule;
use super::spec::{path_or_root, requester};
use crate::declarative::connection::Connection;
use crate::declarative::glob_path;
use crate::declarative::node::{Kind, View};
use crate::declarative::path;
use crate::declarative::platform::Platform;
use crate::declarative::requester::Requester;
use crate::declarative::schema::type_called;
use crate::declarative::stream::path_of;
use crate::declarative::text::{PathText, Text, python_text};
use crate::{Access, Error, ReadRequest, Result, Source as _};

/// Options that one field may have.
const MOST_OPTIONS: usize = 2_000;
/// How long fetched options are good for.
const FRESH: Duration = Duration::from_secs(300);

/// What the file says of one field. What it does not say is left as the platform has it.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// Which field.
    pub path: FieldPath,
    kind: Option<(FieldType, Option<Format>)>,
    label: Option<String>,
    description: Option<String>,
    required: Option<bool>,
    read_only: Option<bool>,
    nullable: Option<bool>,
    unique: Option<bool>,
    max_length: Option<u32>,
    options: Choices,
    references: Option<Reference>,
}

/// Where the values come from that a field accepts.
#[derive(Clone, Debug, Default)]
enum Choices {
    /// Not said.
    #[default]
    Unsaid,
    /// Always the same.
    Fixed(Vec<FieldOption>),
    /// Asked of the platform.
    Fetched(Box<Fetched>),
}

#[derive(Clone, Debug)]
struct Fetched {
    request: Requester,
    records: PathText,
    value: PathText,
    label: Option<PathText>,
}

/// The stream whose records a field names.
#[derive(Clone, Debug)]
struct Reference {
    stream: String,
    by: FieldPath,
    label: Option<FieldPath>,
}

/// Fields, and their rules for what is blank.
pub type Fields = (Vec<FieldSpec>, Vec<(FieldPath, Rule)>);

/// The fields of `schema`, and their rules for what is blank.
pub fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Fields> {
    let (mut fields, mut rules) = (Vec::new(), Vec::new());
    for (name, field) in view.members()? {
        let path: FieldPath = name.parse().map_err(|_| {
            field.fail(
                format!("`{name}` is no field"),
                "a name such as address.city",
            )
        })?;
        rules.push((path.clone(), Rule::compile(&field)?));
        fields.push(FieldSpec::compile(path, &field, base)?);
    }
    Ok((fields, rules))
}

impl FieldSpec {
    fn compile(path: FieldPath, view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "type",
            "label",
            "description",
            "required",
            "read_only",
            "nullable",
            "unique",
            "max_length",
            "options",
            "references",
            "null",
            "empty",
        ])?;
        let flag = |name: &str| view.get(name).map(|found| found.flag()).transpose();
        Ok(Self {
            path,
            kind: match view.get("type") {
                Some(word) => Some(type_called(&word)?),
                None => None,
            },
            label: view.text_of("label")?.map(str::to_owned),
            description: view.text_of("description")?.map(str::to_owned),
            required: flag("required")?,
            read_only: flag("read_only")?,
            nullable: flag("nullable")?,
            unique: flag("unique")?,
            max_length: match view.get("max_length") {
                Some(length) => u32::try_from(length.count()?).ok(),
                None => None,
            },
            options: match view.get("options") {
                Some(options) => Choices::compile(&options, base)?,
                None => Choices::Unsaid,
            },
            references: view
                .get("references")
                .map(|found| -> Result<Reference> {
                    found.only(&["stream", "by", "label"])?;
                    Ok(Reference {
                        stream: found
                            .require("stream", "the other stream's name")?
                            .text()?
                            .to_owned(),
                        by: path_of(
                            &found.require("by", "the other stream's field that is named")?,
                        )?,
                        label: found
                            .get("label")
                            .map(|label| path_of(&label))
                            .transpose()?,
                    })
                })
                .transpose()?,
        })
    }

    /// The stream that it refers to.
    pub fn refers_to(&self) -> Option<&str> {
        self.references
            .as_ref()
            .map(|reference| reference.stream.as_str())
    }
}

impl Choices {
    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        if let Kind::List(_) = view.node().kind {
            let options = view.items()?.iter().map(fixed).collect::<Result<_>>()?;
            return Ok(Self::Fixed(options));
        }
        view.only(&["request", "records", "value", "label"])?;
        Ok(Self::Fetched(Box::new(Fetched {
            request: requester(view, base)?,
            records: path_or_root(view.get("records"))?,
            value: PathText::compile(&view.require("value", "where an option's value is")?)?,
            label: view
                .get("label")
                .map(|label| PathText::compile(&label))
                .transpose()?,
        })))
    }
}

fn fixed(view: &View<'_>) -> Result<FieldOption> {
    if !matches!(view.node().kind, Kind::Map(_)) {
        return Ok(FieldOption {
            value: view.scalar()?,
            label: None,
        });
    }
    view.only(&["value", "label"])?;
    Ok(FieldOption {
        value: view.require("value", "what is sent")?.scalar()?,
        label: view.text_of("label")?.map(str::to_owned),
    })
}

/// Adds to `schema` what the file says, asking the platform where it has to.
pub async fn complete(
    platform: &Platform,
    inner: &Connection,
    fields: &[FieldSpec],
    schema: &mut Schema,
    access: &Access,
) -> Result<()> {
    for spec in fields {
        let options = match (&spec.options, &spec.references) {
            (Choices::Fixed(options), _) => Some(options.clone()),
            (Choices::Fetched(fetched), _) => Some(inner.fetched_options(fetched, access).await?),
            (Choices::Unsaid, Some(reference)) => {
                referenced(platform, inner, reference, access).await?
            }
            (Choices::Unsaid, None) => None,
        };
        let Some(field) = field_at(&mut schema.fields, &spec.path) else {
            continue;
        };
        if let Some((field_type, format)) = spec.kind {
            field.field_type = field_type;
            field.format = format;
            field.inferred = false;
        }
        if let Some(label) = &spec.label {
            field.label = Some(label.clone());
        }
        if let Some(description) = &spec.description {
            field.description = Some(description.clone());
        }
        field.required = spec.required.unwrap_or(field.required);
        field.read_only = spec.read_only.unwrap_or(field.read_only);
        field.nullable = spec.nullable.unwrap_or(field.nullable);
        field.unique = spec.unique.unwrap_or(field.unique);
        field.max_length = spec.max_length.or(field.max_length);
        if let Some(reference) = &spec.references {
            field.references = Some(FieldReference {
                stream: reference.stream.clone(),
                by: reference.by.clone(),
            });
        }
        if let Some(options) = options {
            field.options = options;
            if spec.kind.is_none()
                && spec.references.is_none()
                && field.field_type == FieldType::Text
            {
                field.field_type = FieldType::Enum;
            }
        }
    }
    Ok(())
}

/// The field at `path`; fields that the platform does not mention are added.
fn field_at<'f>(fields: &'f mut Vec<Field>, path: &FieldPath) -> Option<&'f mut Field> {
    let mut names = path.segments().iter().filter_map(|segment| match segment {
        Segment::Name(name) => Some(name.as_str()),
        _ => None,
    });
    let mut here = child(fields, names.next()?)?;
    for name in names {
        if here.field_type == FieldType::Any {
            here.field_type = FieldType::Object;
        }
        here = child(&mut here.fields, name)?;
    }
    Some(here)
}

fn child<'f>(fields: &'f mut Vec<Field>, name: &str) -> Option<&'f mut Field> {
    let index = match fields.iter().position(|field| field.name == name) {
        Some(index) => index,
        None => {
            fields.push(Field::new(name, FieldType::Any));
            fields.len() - 1
        }
    };
    fields.get_mut(index)
}

/// The records of another stream as options; none when there are too many for a list, or when this sign-in may
/// not read them.
async fn referenced(
    platform: &Platform,
    inner: &Connection,
    reference: &Reference,
    access: &Access,
) -> Result<Option<Vec<FieldOption>>> {
    let name = format!("{}\n{}", reference.stream, reference.by);
    if let Some(known) = inner.options.get(&name, FRESH) {
        return Ok(Some(known));
    }
    let request = ReadRequest {
        stream: reference.stream.clone(),
        cursor: None,
        position: None,
        full: true,
        limit: Some(MOST_OPTIONS + 1),
    };
    let mut options = Vec::new();
    let mut reader = match platform.read(request, access.clone()).await {
        Ok(reader) => reader,
        Err(Error::Forbidden { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    loop {
        let page = match reader.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(Error::Forbidden { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        options.extend(page.records.iter().filter_map(|record| {
            Some(FieldOption {
                value: record
                    .fields
                    .at(&reference.by)
                    .filter(|value| !value.is_empty())
                    .map(python_text)?,
                label: reference
                    .label
                    .as_ref()
                    .and_then(|label| record.fields.at(label))
                    .filter(|label| !label.is_empty())
                    .map(python_text),
            })
        }));
        if options.len() > MOST_OPTIONS {
            return Ok(None);
        }
    }
    inner.options.keep(name, &options);
    Ok(Some(options))
}

impl Connection {
    /// The options that the platform has now.
    async fn fetched_options(
        &self,
        fetched: &Fetched,
        access: &Access,
    ) -> Result<Vec<FieldOption>> {
        let (scope, env) = (self.scope(), &self.env);
        let asked = fetched.request.build(
            &scope,
            &scope,
            env,
            crate::declarative::options::Options::default(),
            None,
        )?;
        let name = format!(
            "{} {:?} {:?}",
            asked.url,
            asked.query,
            fetched.value.source()
        );
        if let Some(known) = self.options.get(&name, FRESH) {
            return Ok(known);
        }
        let answer = match self.fetch(&fetched.request, &scope, &scope, access).await {
            Ok(answer) => answer,
            // Without the list the field is still there.
            Err(Error::Forbidden { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let body = self.parse(&answer)?;
        let value = fetched.value.steps(&scope, env)?;
        let label = fetched
            .label
            .as_ref()
            .map(|label| label.steps(&scope, env))
            .transpose()?;
        let option = |record: &Value| -> Option<FieldOption> {
            Some(FieldOption {
                value: glob_path::at(record, &value)
                    .filter(|value| !value.is_empty())
                    .map(python_text)?,
                label: label
                    .as_ref()
                    .and_then(|steps| glob_path::at(record, steps))
                    .filter(|label| !label.is_empty())
                    .map(python_text),
            })
        };
        let options: Vec<FieldOption> = path::records(&body, &fetched.records.steps(&scope, env)?)
            .into_iter()
            .take(MOST_OPTIONS)
            .filter_map(option)
            .collect();
        self.options.keep(name, &options);
        Ok(options)
    }
}

/// Options that were fetched a moment ago.
#[derive(Debug, Default)]
pub struct KnownOptions(std::sync::Mutex<Vec<(String, std::time::Instant, Vec<FieldOption>)>>);

impl KnownOptions {
    fn lock(
        &self,
    ) -> std::sync::MutexGuard<'_, Vec<(String, std::time::Instant, Vec<FieldOption>)>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn get(&self, name: &str, fresh: Duration) -> Option<Vec<FieldOption>> {
        let mut known = self.lock();
        known.retain(|(_, at, _)| at.elapsed() < fresh);
        known
            .iter()
            .find(|(known, _, _)| known == name)
            .map(|(_, _, options)| options.clone())
    }

    fn keep(&self, name: String, options: &[FieldOption]) {
        let mut known = self.lock();
        known.retain(|(other, _, _)| *other != name);
        known.push((name, std::time::Instant::now(), options.to_vec()));
    }
}
