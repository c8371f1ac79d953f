//! `patchbay.writes.<stream>`: what can be done with a stream, and how.

use model::path::FieldPath;
use model::record::Operation;

use crate::Result;
use crate::declarative::stream::path_of;
use crate::declarative::node::{Kind, View};
use crate::declarative::paginator::Paginator;
use crate::declarative::text::{PathText, Text, Tree};
use crate::declarative::requester::Requester;


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
    /// Many records per request.
    pub batch: Option<Batch>,
    /// Look-ups, one for each field.
    pub finds: Vec<FindSpec>,
    /// Reading by key.
    pub get: Option<GetSpec>,
    /// Where an error's parts are.
    pub errors: ErrorPaths,
}

/// An operation on one record.
#[derive(Clone, Debug)]
pub struct Single {
    /// The request.
    pub request: Requester,
    /// The header that makes repeating safe.
    pub idempotency_header: Option<String>,
    /// The header, and its value, that names the version that must still be there.
    pub if_match: Option<(String, Text)>,
    /// Where the record is in the answer.
    pub record: PathText,
}

/// An operation on many records.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The request.
    pub request: Requester,
    /// Most records in it.
    pub size: usize,
    /// The header that makes repeating safe.
    pub idempotency_header: Option<String>,
    /// What an entry looks like, for each operation.
    pub entries: Vec<(Operation, Tree)>,
    /// What the answer looks like.
    pub results: ResultPaths,
    /// Item statuses that say: not carried out, worth sending again.
    pub retry: Vec<u16>,
}

/// Where things are in one item of a batch's answer.
#[derive(Clone, Debug)]
pub struct ResultPaths {
    /// The list of items.
    pub items: PathText,
    /// Which entry an item answers; without it, by order.
    pub index: Option<PathText>,
    /// The item's status, as HTTP has it.
    pub status: PathText,
    /// The record's key.
    pub id: Option<PathText>,
    /// The record.
    pub record: Option<PathText>,
    /// Where an error's parts are.
    pub errors: ErrorPaths,
}

/// Where an error's parts are.
#[derive(Clone, Debug, Default)]
pub struct ErrorPaths {
    /// The platform's code.
    pub code: Option<PathText>,
    /// The platform's words.
    pub message: Option<PathText>,
    /// The field at fault: a JSON pointer or a name.
    pub field: Option<PathText>,
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

impl WriteSpec {
    /// From the file. `base` is the platform's address, for requests that do not name it.
    pub fn compile(
        view: &View<'_>,
        base: Option<&Text>,
    ) -> Result<Self> {
        view.only(&["key", "version", "match", "errors", "operations"])?;
        let operations = view.require("operations", "what can be done")?;
        operations.only(&["create", "update", "delete", "batch", "find", "get"])?;
        let single = |name: &str| -> Result<Option<Single>> {
            operations
                .get(name)
                .map(|view| Single::compile(&view, base))
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
        Ok(Self {
            key: path_of(&view.require("key", "the field that holds the record's key")?)?,
            version: view
                .get("version")
                .map(|field| path_of(&field))
                .transpose()?,
            match_by,
            create,
            update,
            delete,
            batch: operations
                .get("batch")
                .map(|view| Batch::compile(&view, base))
                .transpose()?,
            finds,
            get: operations
                .get("get")
                .map(|view| -> Result<GetSpec> {
                    view.only(&["request", "record"])?;
                    Ok::<_, crate::Error>(GetSpec {
                        request: requester(&view, base)?,
                        record: path_or_root(view.get("record"))?,
                    })
                })
                .transpose()?,
            errors: ErrorPaths::compile(view.get("errors"))?,
        })
    }

    /// Whether this can be done, one by one or in batches.
    pub fn offers(&self, operation: Operation) -> bool {
        self.single(operation).is_some() || self.batch_entry(operation).is_some()
    }

    /// The operation on one record.
    pub const fn single(&self, operation: Operation) -> Option<&Single> {
        match operation {
            Operation::Create => self.create.as_ref(),
            Operation::Update => self.update.as_ref(),
            Operation::Delete => self.delete.as_ref(),
        }
    }

    /// What an entry of a batch looks like.
    pub fn batch_entry(&self, operation: Operation) -> Option<&Tree> {
        self.batch
            .as_ref()?
            .entries
            .iter()
            .find(|(known, _)| *known == operation)
            .map(|(_, tree)| tree)
    }

    /// Whether sending the same create twice creates once.
    pub fn idempotent_create(&self) -> bool {
        match &self.batch {
            Some(batch) if self.batch_entry(Operation::Create).is_some() => {
                batch.idempotency_header.is_some()
            }
            _ => self
                .create
                .as_ref()
                .is_some_and(|create| create.idempotency_header.is_some()),
        }
    }
}

impl Single {
    fn compile(
        view: &View<'_>,
        base: Option<&Text>,
    ) -> Result<Self> {
        view.only(&["request", "idempotency_key", "if_match", "record"])?;
        Ok(Self {
            request: requester(view, base)?,
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
        })
    }
}

impl Batch {
    fn compile(
        view: &View<'_>,
        base: Option<&Text>,
    ) -> Result<Self> {
        view.only(&[
            "request",
            "size",
            "idempotency_key",
            "entries",
            "results",
            "retry",
        ])?;
        let size = view.require("size", "most records in one request")?;
        let entries = view.require("entries", "what an entry looks like, for each operation")?;
        entries.only(&["create", "update", "delete"])?;
        let mut trees = Vec::new();
        for (name, operation) in [
            ("create", Operation::Create),
            ("update", Operation::Update),
            ("delete", Operation::Delete),
        ] {
            if let Some(entry) = entries.get(name) {
                trees.push((operation, Tree::compile(&entry)?));
            }
        }
        let results = view.require("results", "what the answer looks like")?;
        results.only(&[
            "path", "index", "status", "id", "record", "code", "message", "field",
        ])?;
        let part = |name: &str| -> Result<Option<PathText>> {
            results
                .get(name)
                .map(|found| PathText::compile(&found))
                .transpose()
        };
        let (index, id, record) = (part("index")?, part("id")?, part("record")?);
        Ok(Self {
            request: requester(view, base)?,
            size: usize::try_from(size.count()?)
                .ok()
                .filter(|size| (1..=10_000).contains(size))
                .ok_or_else(|| size.fail("this size is not possible", "1 to 10,000"))?,
            idempotency_header: idempotency(view)?,
            entries: trees,
            results: ResultPaths {
                items: path_or_root(results.get("path"))?,
                index,
                status: PathText::compile(
                        &results.require("status", "where an item's status is")?,
                )?,
                id,
                record,
                errors: ErrorPaths::compile(Some(results.clone()))?,
            },
            retry: match view.get("retry") {
                Some(codes) => codes
                    .items()?
                    .iter()
                    .map(|code| {
                        u16::try_from(code.count()?)
                            .map_err(|_| code.fail("this is no status", "100 to 599"))
                    })
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
        })
    }
}

impl FindSpec {
    fn compile(
        view: &View<'_>,
        base: Option<&Text>,
    ) -> Result<Self> {
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

impl ErrorPaths {
    fn compile(view: Option<View<'_>>) -> Result<Self> {
        let Some(view) = view else {
            return Ok(Self::default());
        };
        let part = |name: &str| -> Result<Option<PathText>> {
            view.get(name)
                .map(|found| PathText::compile(&found))
                .transpose()
        };
        Ok(Self {
            code: part("code")?,
            message: part("message")?,
            field: part("field")?,
        })
    }
}

fn requester(
    view: &View<'_>,
    base: Option<&Text>,
) -> Result<Requester> {
    let mut request =
        Requester::compile(&view.require("request", "what is sent")?)?.for_writes();
    request.inherit_base(base);
    Ok(request)
}

fn path_or_root(view: Option<View<'_>>) -> Result<PathText> {
    view.map_or_else(
        || Ok(PathText::default()),
        |view| PathText::compile(&view),
    )
}

fn idempotency(view: &View<'_>) -> Result<Option<String>> {
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
