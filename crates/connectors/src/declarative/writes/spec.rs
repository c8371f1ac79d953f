//! `patchbay.writes.<stream>`: what can be done with a stream, and how.

use model::path::FieldPath;
use model::record::Operation;

use super::answers::FailedIf;
use super::fields::{self, FieldSpec};
use super::graphql::Mutation;
use super::many::{Batch, Bulk, Entries};
use super::policy::Policy;
use super::trouble::ErrorPaths;
use crate::Result;
use crate::declarative::node::{Kind, View};
use crate::declarative::paginator::Paginator;
use crate::declarative::requester::Requester;
use crate::declarative::stream::path_of;
use crate::declarative::text::{PathText, Text};

/// What can be done with a stream.
#[derive(Clone, Debug)]
pub struct WriteSpec {
    /// The field that holds the record's key.
    pub key: FieldPath,
    /// The field that holds the record's version.
    pub version: Option<FieldPath>,
    /// Fields by which records can be looked up.
    pub match_by: Vec<FieldPath>,
    /// One record per request.
    pub create: Option<Single>,
    /// One record per request.
    pub update: Option<Single>,
    /// One record per request.
    pub delete: Option<Single>,
    /// Creates a record, or changes the one that has the same value in a field.
    pub upsert: Option<Upsert>,
    /// Many records per request.
    pub batch: Option<Batch>,
    /// Many records as a job of the platform.
    pub bulk: Option<Bulk>,
    /// Look-ups, one for each field.
    pub finds: Vec<FindSpec>,
    /// Reading by key.
    pub get: Option<GetSpec>,
    /// Where an error's parts are.
    pub errors: ErrorPaths,
    /// What goes out for null and empty texts.
    pub policy: Policy,
    /// What is known of single fields beside what the platform says.
    pub fields: Vec<FieldSpec>,
    /// The fields, and their values, of a record that is put away.
    pub archive: Option<serde_json::Map<String, serde_json::Value>>,
}

/// An operation on one record.
#[derive(Clone, Debug)]
pub struct Single {
    /// The request.
    pub request: Requester,
    /// Its body, for GraphQL.
    pub mutation: Option<Mutation>,
    /// The header that makes repeating safe.
    pub idempotency_header: Option<String>,
    /// The header, and its value, that names the version that must still be there.
    pub if_match: Option<(String, Text)>,
    /// Where the record is in the answer.
    pub record: PathText,
    /// Where the record's key is, for answers without the record.
    pub id: Option<PathText>,
    /// When an answer with a success status is a refusal.
    pub failed_if: Option<FailedIf>,
}

/// An operation that creates or changes.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// The field that decides which of the two.
    pub by: FieldPath,
    /// How it is sent.
    pub single: Single,
}

/// A look-up by a field.
#[derive(Clone, Debug)]
pub struct FindSpec {
    /// The field.
    pub by: FieldPath,
    /// The request; `values` are the texts that are looked for.
    pub request: Requester,
    /// Most values in one request.
    pub size: usize,
    /// What stands between the values; a value with it cannot be looked up.
    pub separator: Option<String>,
    /// How the platform compares.
    pub trim: bool,
    /// How the platform compares.
    pub lower: bool,
    /// Where the records are.
    pub records: PathText,
    /// For answers of several pages.
    pub paginator: Option<Paginator>,
}

/// Reading one record by key.
#[derive(Clone, Debug)]
pub struct GetSpec {
    /// The request.
    pub request: Requester,
    /// Where the record is.
    pub record: PathText,
}

/// What can be asked of a stream, by name.
pub const OPERATIONS: &[&str] = &[
    "create", "update", "delete", "upsert", "batch", "bulk", "find", "get",
];

impl WriteSpec {
    /// From the file. `base` is the platform's address, for requests that do not name it.
    pub fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "key",
            "version",
            "match",
            "errors",
            "blanks",
            "schema",
            "archive",
            "operations",
        ])?;
        let operations = view.require("operations", "what can be done")?;
        operations.only(OPERATIONS)?;
        let single = |name: &str| -> Result<Option<Single>> {
            operations
                .get(name)
                .map(|view| {
                    view.only(SINGLE)?;
                    Single::compile(&view, base)
                })
                .transpose()
        };
        let (create, update, delete) = (single("create")?, single("update")?, single("delete")?);
        let finds = match operations.get("find") {
            Some(find) => match find.node().kind {
                Kind::List(_) => find.items()?,
                _ => vec![find],
            },
            None => Vec::new(),
        };
        let finds = finds
            .iter()
            .map(|find| FindSpec::compile(find, base))
            .collect::<Result<Vec<_>>>()?;
        let match_by = match view.get("match") {
            Some(fields) => fields
                .items()?
                .iter()
                .map(|field| {
                    let path = path_of(field)?;
                    if finds.iter().any(|find| find.by == path) {
                        Ok(path)
                    } else {
                        Err(field.fail(
                            format!("nothing looks records up by `{path}`"),
                            "an operation `find` with `by` set to it",
                        ))
                    }
                })
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        let (fields, rules) = match view.get("schema") {
            Some(schema) => fields::compile(&schema, base)?,
            None => (Vec::new(), Vec::new()),
        };
        let errors = view.get("errors");
        if let Some(errors) = &errors {
            errors.only(&ErrorPaths::MEMBERS)?;
        }
        let archive = view
            .get("archive")
            .map(|view| archive_of(&view))
            .transpose()?;
        let spec = Self {
            key: path_of(&view.require("key", "the field that holds the record's key")?)?,
            version: view
                .get("version")
                .map(|field| path_of(&field))
                .transpose()?,
            match_by,
            create,
            update,
            delete,
            upsert: operations
                .get("upsert")
                .map(|view| Upsert::compile(&view, base))
                .transpose()?,
            batch: operations
                .get("batch")
                .map(|view| Batch::compile(&view, base))
                .transpose()?,
            bulk: operations
                .get("bulk")
                .map(|view| Bulk::compile(&view, base))
                .transpose()?,
            finds,
            get: operations
                .get("get")
                .map(|view| -> Result<GetSpec> {
                    view.only(&["request", "record"])?;
                    Ok(GetSpec {
                        request: requester(&view, base)?,
                        record: path_or_root(view.get("record"))?,
                    })
                })
                .transpose()?,
            errors: ErrorPaths::compile(errors.as_ref())?,
            policy: Policy::compile(view.get("blanks").as_ref(), rules)?,
            fields,
            archive,
        };
        if let Some(archive) = view.get("archive")
            && !spec.offers(Operation::Update)
        {
            return Err(archive.fail(
                "a record is put away by changing it, and records cannot be changed",
                "an operation `update`, or no `archive`",
            ));
        }
        Ok(spec)
    }

    /// Whether a change can be refused because the record has changed since its version tag was read, whichever way
    /// the change goes.
    pub fn is_versioned(&self) -> bool {
        // Where reading brings no version there is none to name.
        let has_version = self.version.is_some() || self.get.is_some();
        let by_single = self.update.as_ref().is_some_and(Single::names_version);
        let of_many = |entries: &Entries| entries.names_version(Operation::Update);
        let by_batch = match &self.batch {
            Some(batch) if self.offers_in_batch(Operation::Update) => {
                // A change with a version goes by itself where the batch cannot name it.
                of_many(&batch.entries) || by_single
            }
            _ => by_single,
        };
        let by_bulk = match &self.bulk {
            Some(bulk) if self.offers_in_bulk(Operation::Update) => {
                let is_only_way = self.update.is_none() && !self.offers_in_batch(Operation::Update);
                of_many(&bulk.entries) && (by_batch || is_only_way)
            }
            _ => by_batch,
        };
        has_version && by_bulk
    }

    /// Whether this can be done, one by one, in batches or as a job.
    pub fn offers(&self, operation: Operation) -> bool {
        self.single(operation).is_some()
            || self.offers_in_batch(operation)
            || self.offers_in_bulk(operation)
            || self.upsert.is_some() && operation == Operation::Create
    }

    /// The operation on one record.
    pub const fn single(&self, operation: Operation) -> Option<&Single> {
        match operation {
            Operation::Create => self.create.as_ref(),
            Operation::Update => self.update.as_ref(),
            Operation::Delete => self.delete.as_ref(),
        }
    }

    /// Whether a batch may hold this.
    pub fn offers_in_batch(&self, operation: Operation) -> bool {
        self.batch
            .as_ref()
            .is_some_and(|batch| batch.entries.offers(operation))
    }

    /// Whether a job may hold this.
    pub fn offers_in_bulk(&self, operation: Operation) -> bool {
        self.bulk
            .as_ref()
            .is_some_and(|bulk| bulk.entries.offers(operation))
    }

    /// Most records that are taken at once.
    pub fn batch_size(&self) -> usize {
        let batch = self.batch.as_ref().map_or(1, |batch| batch.size);
        self.bulk
            .as_ref()
            .map_or(batch, |bulk| bulk.size.max(batch))
    }

    /// Whether sending the same create twice creates once.
    pub fn idempotent_create(&self) -> bool {
        // Whatever way a create may go, the way must be safe.
        let bulk = self
            .bulk
            .as_ref()
            .filter(|bulk| bulk.entries.offers(Operation::Create))
            .is_none_or(|bulk| bulk.idempotency_header.is_some());
        let other = match &self.batch {
            Some(batch) if batch.entries.offers(Operation::Create) => {
                batch.idempotency_header.is_some() || batch.entries.creates_by_upsert()
            }
            _ => match &self.create {
                Some(create) => create.idempotency_header.is_some(),
                None => self.upsert.is_some() || self.offers_in_bulk(Operation::Create),
            },
        };
        bulk && other
    }
}

/// `archive`: fields and what they hold in a record that is put away.
fn archive_of(view: &View<'_>) -> Result<serde_json::Map<String, serde_json::Value>> {
    let expected = "fields with their values, such as {archived: true}";
    let members = view.members()?;
    if members.is_empty() {
        return Err(view.fail("there is no field", expected));
    }
    for (_, member) in &members {
        // The values are compared with what was read: they have to be known beforehand.
        if member
            .node()
            .as_text()
            .is_some_and(|text| text.contains("{{"))
        {
            return Err(member.fail("this is a template", "a fixed value"));
        }
    }
    match view.node().to_json() {
        serde_json::Value::Object(fields) => Ok(fields),
        _ => Err(view.fail("these are no fields", expected)),
    }
}

const SINGLE: &[&str] = &[
    "request",
    "graphql",
    "idempotency_key",
    "if_match",
    "record",
    "id",
    "failed_if",
];

impl Single {
    /// Whether what is sent names the version that must still be there.
    pub fn names_version(&self) -> bool {
        self.if_match.is_some()
            || self
                .mutation
                .as_ref()
                .is_some_and(|mutation| mutation.mentions("version"))
    }

    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        let request = requester(view, base)?;
        let mutation = view
            .get("graphql")
            .map(|graphql| {
                by_post(&graphql, &request)?;
                Mutation::compile(&graphql)
            })
            .transpose()?;
        Ok(Self {
            request,
            mutation,
            idempotency_header: idempotency(view)?,
            if_match: view
                .get("if_match")
                .map(|found| -> Result<_> {
                    found.only(&["header", "value"])?;
                    Ok((
                        header_name(&found)?,
                        Text::compile(&found.require("value", "a template")?)?,
                    ))
                })
                .transpose()?,
            record: path_or_root(view.get("record"))?,
            id: view
                .get("id")
                .map(|id| PathText::compile(&id))
                .transpose()?,
            failed_if: FailedIf::compile(view)?,
        })
    }
}

impl Upsert {
    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        let known: Vec<&str> = SINGLE.iter().copied().chain(["key"]).collect();
        view.only(&known)?;
        Ok(Self {
            by: path_of(
                &view.require("key", "the field by which the platform tells records apart")?,
            )?,
            single: Single::compile(view, base)?,
        })
    }
}

impl FindSpec {
    fn compile(view: &View<'_>, base: Option<&Text>) -> Result<Self> {
        view.only(&[
            "by",
            "request",
            "size",
            "separator",
            "compare",
            "records",
            "paginator",
        ])?;
        let compare = match view.get("compare") {
            Some(compare) => {
                let words = compare.texts()?;
                if let Some(odd) = words
                    .iter()
                    .find(|word| !["trim", "lower"].contains(&word.as_str()))
                {
                    return Err(compare.fail(format!("`{odd}` is not known"), "trim, lower"));
                }
                words
            }
            None => Vec::new(),
        };
        let size = view
            .get("size")
            .map_or(Ok(1), |size| size.count())?
            .clamp(1, 10_000);
        Ok(Self {
            by: path_of(&view.require("by", "the field that is looked up")?)?,
            request: requester(view, base)?,
            size: usize::try_from(size).unwrap_or(1),
            separator: view.text_of("separator")?.map(str::to_owned),
            trim: compare.iter().any(|word| word == "trim"),
            lower: compare.iter().any(|word| word == "lower"),
            records: path_or_root(view.get("records"))?,
            paginator: match view.get("paginator") {
                Some(paginator) => Paginator::compile(&paginator)?,
                None => None,
            },
        })
    }
}

/// The `request` of an operation.
pub(super) fn requester(view: &View<'_>, base: Option<&Text>) -> Result<Requester> {
    let mut request = Requester::compile(&view.require("request", "what is sent")?)?.for_writes();
    request.inherit_base(base);
    Ok(request)
}

/// GraphQL mutations are sent by POST.
pub(super) fn by_post(view: &View<'_>, request: &Requester) -> Result<()> {
    if *request.method() == http::Method::POST {
        return Ok(());
    }
    Err(view.fail(
        format!("the request goes by {}", request.method()),
        "http_method: POST in the request, as GraphQL servers want it",
    ))
}

/// A path; without it, the whole.
pub(super) fn path_or_root(view: Option<View<'_>>) -> Result<PathText> {
    view.map_or_else(|| Ok(PathText::default()), |view| PathText::compile(&view))
}

/// The header of `idempotency_key`.
pub(super) fn idempotency(view: &View<'_>) -> Result<Option<String>> {
    view.get("idempotency_key")
        .map(|found| {
            found.only(&["header"])?;
            header_name(&found)
        })
        .transpose()
}

fn header_name(view: &View<'_>) -> Result<String> {
    let header = view.require("header", "a header's name")?;
    let name = header.text()?;
    http::HeaderName::try_from(name)
        .map(|_| name.to_owned())
        .map_err(|_| header.fail(format!("`{name}` cannot be a header"), "letters and dashes"))
}
