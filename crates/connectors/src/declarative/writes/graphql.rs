//! GraphQL mutations: a document that writes and asks back only the fields of the change.

use indexmap::IndexMap;
use model::path::FieldPath;
use model::value::{Object, Value};
use template::{Env, Scope};

use super::answers::Said;
use super::trouble::Trouble;
use crate::Result;
use crate::declarative::glob_path;
use crate::declarative::node::View;
use crate::declarative::text::{Reading, Tree, python_text};

/// Deepest selection.
const DEEPEST: usize = 12;

/// A mutation of a platform.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Its name.
    name: String,
    arguments: Vec<Argument>,
    /// Where the record is, below the mutation.
    record: Vec<String>,
    /// Fields that are asked back whatever the change has.
    select: Vec<FieldPath>,
    errors: Option<UserErrors>,
}

#[derive(Clone, Debug)]
struct Argument {
    name: String,
    kind: String,
    value: Tree,
}

/// The list of complaints beside the record.
#[derive(Clone, Debug)]
struct UserErrors {
    list: Vec<String>,
    code: Option<String>,
    message: String,
    field: Option<String>,
}

/// The body of a request: a document with its variables.
#[derive(Clone, Debug, Default)]
pub struct Document {
    variables: Vec<(String, String, Value)>,
    selections: String,
}

impl Mutation {
    /// Whether its arguments use a name, such as `version`.
    pub fn mentions(&self, name: &str) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument.value.mentions(name))
    }

    /// From `graphql` of an operation.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        view.only(&["mutation", "arguments", "record", "select", "errors"])?;
        let name = view.require("mutation", "the mutation's name")?;
        let mut arguments = Vec::new();
        for (argument, member) in view
            .require("arguments", "the mutation's arguments")?
            .members()?
        {
            member.only(&["type", "value"])?;
            let kind =
                member.require("type", "the argument's GraphQL type, such as ContactInput!")?;
            let word = kind.text()?;
            if !is_name(argument) || !is_type(word) {
                return Err(kind.fail(
                    format!("`{argument}: {word}` is no argument"),
                    "a name and a type such as ContactInput!, [ID!] or String",
                ));
            }
            arguments.push(Argument {
                name: argument.to_owned(),
                kind: word.to_owned(),
                value: Tree::compile(&member.require("value", "what is sent")?)?,
            });
        }
        let names = |member: &str| -> Result<Vec<String>> {
            let Some(found) = view.get(member) else {
                return Ok(Vec::new());
            };
            found
                .texts()?
                .into_iter()
                .map(|step| graphql_name(&found, step))
                .collect()
        };
        let errors = match view.get("errors") {
            Some(errors) => {
                errors.only(&["list", "code", "message", "field"])?;
                let list = errors.require("list", "where the list of complaints is")?;
                let part = |member: &str| -> Result<Option<String>> {
                    errors
                        .text_of(member)?
                        .map(|name| graphql_name(&errors, name.to_owned()))
                        .transpose()
                };
                Some(UserErrors {
                    list: list
                        .texts()?
                        .into_iter()
                        .map(|step| graphql_name(&list, step))
                        .collect::<Result<_>>()?,
                    code: part("code")?,
                    message: part("message")?.unwrap_or_else(|| "message".into()),
                    field: part("field")?,
                })
            }
            None => None,
        };
        Ok(Self {
            name: graphql_name(&name, name.text()?.to_owned())?,
            arguments,
            record: names("record")?,
            select: match view.get("select") {
                Some(fields) => fields
                    .items()?
                    .iter()
                    .map(crate::declarative::stream::path_of)
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            errors,
        })
    }

    /// Adds this mutation to a document. `alias` is a GraphQL name of its own.
    pub fn add_to(
        &self,
        document: &mut Document,
        alias: &str,
        always: &[FieldPath],
        fields: &Object,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<()> {
        let mut given = Vec::new();
        for argument in &self.arguments {
            // What comes to nothing is not given: null would mean "clear it".
            let Some(value) = argument.value.eval(scope, env, Reading::Exact)? else {
                continue;
            };
            let variable = format!("{alias}_{}", argument.name);
            given.push(format!("{}: ${variable}", argument.name));
            document
                .variables
                .push((variable, argument.kind.clone(), value));
        }
        let given = if given.is_empty() {
            String::new()
        } else {
            format!("({})", given.join(", "))
        };
        let mut selection = Selection::default();
        let asks_back = !always.is_empty() || !self.select.is_empty();
        for path in always.iter().chain(&self.select) {
            selection.add_path(path);
        }
        if asks_back {
            selection.add_fields(fields, 0);
        }
        let mut inner = Selection::default();
        if asks_back {
            inner.add_below(&self.record, selection);
        }
        if let Some(errors) = &self.errors {
            let mut asked = Selection::default();
            let names = [
                errors.code.as_ref(),
                Some(&errors.message),
                errors.field.as_ref(),
            ];
            for name in names.into_iter().flatten() {
                asked.child(name);
            }
            inner.add_below(&errors.list, asked);
        }
        if inner.0.is_empty() {
            inner.child("__typename");
        }
        document
            .selections
            .push_str(&format!(" {alias}: {}{given}", self.name));
        inner.write(&mut document.selections);
        Ok(())
    }

    /// What an answer says about the mutation called `alias`; none: nothing.
    pub fn said(&self, answer: &Value, alias: &str) -> Option<Said> {
        let result = glob_path::at(answer, &["data".into(), alias.into()]);
        let mine = result.filter(|result| !result.is_null());
        if let Some(result) = mine {
            if let Some(trouble) = self.complaints(result) {
                return Some(Said::refused(422, trouble));
            }
            let record = at(result, &self.record).cloned();
            return Some(Said {
                status: 200,
                record,
                ..Said::default()
            });
        }
        let errors = answer.as_object()?.get("errors")?.as_list()?;
        let belongs = |error: &&Value| match glob_path::at(error, &["path".into(), "0".into()]) {
            Some(first) => first.as_text() == Some(alias),
            // An error without a path is about the whole request.
            None => true,
        };
        let error = errors.iter().find(belongs)?;
        let text = |steps: &[&str]| {
            let steps: Vec<_> = steps.iter().map(|step| (*step).into()).collect();
            glob_path::at(error, &steps)
                .filter(|found| !found.is_empty())
                .map(python_text)
        };
        let code = text(&["extensions", "code"]);
        Some(Said::refused(
            status_of(code.as_deref()),
            Trouble {
                message: text(&["message"]),
                field: text(&["extensions", "argumentName"]),
                code: code.or_else(|| Some("graphql".into())),
            },
        ))
    }

    fn complaints(&self, result: &Value) -> Option<Trouble> {
        let errors = self.errors.as_ref()?;
        let list = at(result, &errors.list)?.as_list()?;
        let first = list.first()?;
        let member = |name: &str| {
            first
                .as_object()
                .and_then(|object| object.get(name))
                .filter(|found| !found.is_empty())
        };
        let field = errors
            .field
            .as_deref()
            .and_then(member)
            .map(|field| match field {
                Value::List(steps) => {
                    let mut steps: Vec<String> = steps.iter().map(python_text).collect();
                    // The way begins at the argument; the record's fields are below it.
                    if steps.len() > 1
                        && self
                            .arguments
                            .iter()
                            .any(|argument| Some(&argument.name) == steps.first())
                    {
                        steps.remove(0);
                    }
                    steps.join(".")
                }
                field => python_text(field),
            });
        let messages: Vec<String> = list
            .iter()
            .take(5)
            .filter_map(|error| error.as_object()?.get(&errors.message))
            .map(python_text)
            .collect();
        Some(Trouble {
            code: errors.code.as_deref().and_then(member).map(python_text),
            message: (!messages.is_empty()).then(|| messages.join("; ")),
            field,
        })
    }
}

impl Document {
    /// The request's JSON.
    pub fn into_body(self) -> Value {
        let mut head = String::new();
        let mut variables = Object::with_capacity(self.variables.len());
        for (name, kind, value) in self.variables {
            head.push_str(if head.is_empty() { "" } else { ", " });
            head.push_str(&format!("${name}: {kind}"));
            variables.insert(name, value);
        }
        let head = if head.is_empty() {
            head
        } else {
            format!("({head})")
        };
        let query = format!("mutation{head} {{{} }}", self.selections);
        let mut body = Object::with_capacity(2);
        body.insert("query", Value::text(query));
        body.insert("variables", Value::Object(variables));
        Value::Object(body)
    }
}

/// Names to ask for, in order, each with what is asked below it.
#[derive(Clone, Debug, Default)]
struct Selection(IndexMap<String, Selection>);

impl Selection {
    fn child(&mut self, name: &str) -> &mut Self {
        self.0.entry(name.to_owned()).or_default()
    }

    fn add_below(&mut self, way: &[String], inner: Self) {
        match way.split_first() {
            Some((step, rest)) => self.child(step).add_below(rest, inner),
            None => {
                for (name, below) in inner.0 {
                    self.child(&name).add_below(&[], below);
                }
            }
        }
    }

    fn add_path(&mut self, path: &FieldPath) {
        let mut here = self;
        for segment in path.segments() {
            if let model::path::Segment::Name(name) = segment
                && is_name(name)
            {
                here = here.child(name);
            }
        }
    }

    /// The fields that are written; names that GraphQL cannot have cannot be asked for.
    fn add_fields(&mut self, fields: &Object, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for (name, value) in fields.iter().filter(|(name, _)| is_name(name)) {
            let below = self.child(name);
            match value {
                Value::Object(inner) => below.add_fields(inner, depth + 1),
                Value::List(items) => {
                    for item in items.iter().filter_map(Value::as_object) {
                        below.add_fields(item, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    fn write(&self, out: &mut String) {
        if self.0.is_empty() {
            return;
        }
        out.push_str(" {");
        for (name, below) in &self.0 {
            out.push(' ');
            out.push_str(name);
            below.write(out);
        }
        out.push_str(" }");
    }
}

/// The status that HTTP would have for the codes that GraphQL servers agree on.
fn status_of(code: Option<&str>) -> u16 {
    match code {
        Some("THROTTLED" | "RATE_LIMITED" | "TOO_MANY_REQUESTS") => 429,
        Some("INTERNAL_SERVER_ERROR" | "SERVICE_UNAVAILABLE" | "TIMEOUT") => 500,
        Some("UNAUTHENTICATED") => 401,
        Some("FORBIDDEN" | "ACCESS_DENIED") => 403,
        Some("NOT_FOUND") => 404,
        _ => 422,
    }
}

fn at<'v>(value: &'v Value, steps: &[String]) -> Option<&'v Value> {
    let steps: Vec<_> = steps.iter().map(|step| step.as_str().into()).collect();
    glob_path::at(value, &steps)
}

fn graphql_name(view: &View<'_>, name: String) -> Result<String> {
    if is_name(&name) {
        return Ok(name);
    }
    Err(view.fail(
        format!("`{name}` cannot be a name in GraphQL"),
        "letters, digits and underscores",
    ))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_type(text: &str) -> bool {
    let bare = text.strip_suffix('!').unwrap_or(text);
    match bare
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inner) => is_type(inner),
        None => is_name(bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn mutation(yaml: &str) -> Mutation {
        let node = Node::parse("x", yaml).unwrap();
        Mutation::compile(&View::root("x", &node)).unwrap()
    }

    const CREATE: &str = "
mutation: contactCreate
arguments: {input: {type: 'ContactInput!', value: '{{ fields }}'}, note: {type: String, value: '{{ version }}'}}
record: [contact]
errors: {list: userErrors, code: code, field: field}";

    fn fields(json: &str) -> Object {
        match model::json::parse(json.as_bytes()).unwrap() {
            Value::Object(object) => object,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_document_names_the_fields_of_the_change_and_no_others() {
        let fields = fields(
            r#"{"name":"Ana","address":{"city":"Rosario"},"tags":["a"],"odd-one":1,"items":[{"sku":1},{"price":2}]}"#,
        );
        let scope = Scope::new()
            .with("fields", Value::Object(fields.clone()))
            .with("version", Value::Null);
        let env = Env::new(model::clock::Clock::system());
        let mut document = Document::default();
        mutation(CREATE)
            .add_to(
                &mut document,
                "c0",
                &["id".parse().unwrap()],
                &fields,
                &scope,
                &env,
            )
            .unwrap();
        let body = document.into_body();
        assert_eq!(
            body.as_object()
                .unwrap()
                .get("query")
                .unwrap()
                .as_text()
                .unwrap(),
            "mutation($c0_input: ContactInput!) { c0: contactCreate(input: $c0_input) { contact { id name \
             address { city } tags items { sku price } } userErrors { code message field } } }"
        );
        assert_eq!(
            body.at(&"variables.c0_input".parse().unwrap()),
            Some(&Value::Object(fields))
        );
    }

    #[test]
    fn answers_are_read_by_alias() {
        fn check(answer: &str, expected: Option<(u16, Option<&str>, Option<&str>)>) {
            let answer = model::json::parse(answer.as_bytes()).unwrap();
            let said = mutation(CREATE).said(&answer, "c0");
            let shown = said.as_ref().map(|said| {
                let trouble = said.trouble.as_ref();
                (
                    said.status,
                    trouble.and_then(|trouble| trouble.code.as_deref()),
                    trouble.and_then(|trouble| trouble.field.as_deref()),
                )
            });
            assert_eq!(shown, expected, "{answer:?}");
        }
        check(
            r#"{"data":{"c0":{"contact":{"id":"1"},"userErrors":[]}}}"#,
            Some((200, None, None)),
        );
        check(
            r#"{"data":{"c0":{"contact":null,"userErrors":[{"code":"TAKEN","message":"m","field":["input","email"]}]}}}"#,
            Some((422, Some("TAKEN"), Some("email"))),
        );
        check(
            r#"{"data":{"c0":null},"errors":[{"message":"other","path":["c1"]},{"message":"m","path":["c0"],"extensions":{"code":"THROTTLED"}}]}"#,
            Some((429, Some("THROTTLED"), None)),
        );
        check(
            r#"{"errors":[{"message":"syntax"}]}"#,
            Some((422, Some("graphql"), None)),
        );
        check(r#"{"data":{"c1":{}}}"#, None);
        check("[]", None);
    }

    #[test]
    fn names_and_types_that_graphql_cannot_have_are_refused() {
        fn check(yaml: &str) {
            let node = Node::parse("x", yaml).unwrap();
            assert!(
                Mutation::compile(&View::root("x", &node)).is_err(),
                "{yaml}"
            );
        }
        check("{mutation: 'a) { b', arguments: {}}");
        check("{mutation: a, arguments: {x: {type: 'Y) {', value: 1}}}");
        check("{mutation: a, arguments: {x: {type: Y, value: 1}}, record: ['a b']}");
    }
}
