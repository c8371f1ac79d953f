//! Templates in mappings: Jinja with Python's methods over `record` and `value`.
//!
//! A template that is one `{{ … }}` keeps the kind of its result; any other gives text. Names that
//! are not there are errors, not empty text. Templates have fuel, no loader, no clock and no way out.

use std::sync::LazyLock;

use minijinja::machinery::{CodeGenerator, Instruction, parse};
use minijinja::value::{Object as TemplateObject, ObjectRepr, ValueKind};
use minijinja::{Environment, ErrorKind, Expression as Compiled, UndefinedBehavior, Value as Tv};
use model::number::Decimal;
use model::path::{FieldPath, Segment};
use model::value::{Object, Value};

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024;
/// Instructions that one evaluation may take.
const FUEL: u64 = 50_000;
/// Longest text that a template may make, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Most values that a template's result may hold.
const MAX_VALUES: usize = 10_000;

/// A template that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
}

/// A template, ready to run.
#[derive(Debug)]
pub struct Expression {
    kind: Kind,
    reads: Vec<FieldPath>,
    /// Top-level members of the record to hand over; all of them where the template asks for the record.
    members: Option<Vec<String>>,
    uses_value: bool,
}

#[derive(Debug)]
enum Kind {
    /// `{{ record.a.b }}`: no engine needed, and no digit is lost.
    Path(FieldPath),
    /// `{{ … }}`.
    Single(Box<Compiled<'static, 'static>>),
    /// Anything else; its template is called [`NAME`].
    Text(Box<Environment<'static>>),
}

const NAME: &str = "template";

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(64);
    environment.set_debug(true);
    // Null is nothing, not the word "none".
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            return Ok(());
        }
        minijinja::escape_formatter(out, state, value)
    });
    environment.add_filter("float", |value: &Tv| -> Result<Tv, minijinja::Error> {
        let number = match value.downcast_object_ref::<Amount>() {
            Some(amount) => amount.0.to_f64(),
            None => match value.as_str() {
                Some(text) => text.trim().parse::<f64>().map_err(|_| {
                    minijinja::Error::new(
                        ErrorKind::InvalidOperation,
                        format!("{} is not a number", crate::words::quoted_text(text)),
                    )
                })?,
                None => f64::try_from(value.clone())?,
            },
        };
        Ok(Tv::from(number))
    });
    for name in ["debug", "lipsum"] {
        environment.remove_global(name);
    }
    environment
});

/// A number with more digits than floating point keeps. Prints them all; `| float` lets them go.
#[derive(Debug)]
struct Amount(Decimal);

impl TemplateObject for Amount {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &std::sync::Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Expression {
    /// Reads a template.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let start = |message: String| TemplateError {
            message,
            line: 1,
            column: 1,
        };
        if template.len() > MAX_TEMPLATE {
            return Err(start(format!("longer than {MAX_TEMPLATE} bytes")));
        }
        if template.trim().is_empty() {
            return Err(start(
                "the template is empty; write {{ record.field }}".to_owned(),
            ));
        }
        let environment = &*ENVIRONMENT;
        check_names(environment, template)?;
        let inner = single(template);
        if let Some(path) = inner.and_then(plain_path) {
            return Ok(Self {
                reads: vec![path.clone()],
                members: None,
                uses_value: false,
                kind: Kind::Path(path),
            });
        }
        let single =
            inner.and_then(|inner| environment.compile_expression_owned(inner.to_owned()).ok());
        let (kind, names) = match single {
            Some(compiled) => {
                let names = compiled.undeclared_variables(true);
                (Kind::Single(Box::new(compiled)), names)
            }
            None => {
                let mut own = environment.clone();
                own.add_template_owned(NAME, template.to_owned())
                    .map_err(|error| located(template, &error))?;
                let names = own
                    .get_template(NAME)
                    .map_err(|error| located(template, &error))?
                    .undeclared_variables(true);
                (Kind::Text(Box::new(own)), names)
            }
        };
        let mut reads = Vec::new();
        let mut members = Some(Vec::new());
        let mut uses_value = false;
        let known: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort();
        for name in names {
            let mut parts = name.split('.');
            match parts.next() {
                Some("record") => {
                    let segments: Vec<Segment> =
                        parts.map(|part| Segment::Name(part.into())).collect();
                    match (segments.first(), &mut members) {
                        (None, _) => members = None,
                        (Some(Segment::Name(first)), Some(list))
                            if !list.iter().any(|have: &String| have == first.as_str()) =>
                        {
                            list.push(first.to_string());
                        }
                        _ => {}
                    }
                    // `record.name.upper()` reads `name`; only the first name is certain.
                    if let Some(first) = segments.into_iter().next() {
                        let path = FieldPath::from_segments(vec![first]);
                        if !reads.contains(&path) && !is_method(&path) {
                            reads.push(path);
                        }
                    }
                }
                Some("value") => uses_value = true,
                Some(root) if known.contains(&root) => {}
                Some(root) => {
                    return Err(at_word(
                        template,
                        root,
                        format!("there is no name \"{root}\"; fields are written record.{root}"),
                    ));
                }
                None => {}
            }
        }
        if reads.is_empty() && members.as_ref().is_some_and(|list| !list.is_empty()) {
            members = None;
        }
        Ok(Self {
            kind,
            reads,
            members,
            uses_value,
        })
    }

    /// The top-level fields that the template reads, as far as it names them.
    pub fn reads(&self) -> &[FieldPath] {
        &self.reads
    }

    /// Whether it reads `value`.
    pub fn uses_value(&self) -> bool {
        self.uses_value
    }

    /// Fills the template. The error says what is missing or what went wrong.
    pub fn evaluate(&self, record: &Value, value: &Value) -> Result<Value, String> {
        if let Kind::Path(path) = &self.kind {
            return record
                .at(path)
                .cloned()
                .ok_or_else(|| format!("the record has no field \"{path}\""));
        }
        let record = match (&self.members, record) {
            (Some(members), Value::Object(object)) => Tv::from_pairs(
                members
                    .iter()
                    .filter_map(|name| Some((name.clone(), to_template(object.get(name)?)))),
            ),
            _ => to_template(record),
        };
        let value = if self.uses_value {
            to_template(value)
        } else {
            Tv::from(())
        };
        let context = minijinja::context! { record, value };
        match &self.kind {
            Kind::Path(_) => Ok(Value::Null),
            Kind::Single(compiled) => {
                let made = compiled.eval(context).map_err(|error| words(&error))?;
                let mut budget = MAX_VALUES;
                from_template(&made, 0, &mut budget)
            }
            Kind::Text(environment) => {
                let text = environment
                    .get_template(NAME)
                    .and_then(|template| template.render(context))
                    .map_err(|error| words(&error))?;
                bounded(&text)
            }
        }
    }
}

fn is_method(path: &FieldPath) -> bool {
    matches!(path.leaf(), "get" | "items" | "keys" | "values")
}

/// The inside of a template that is one `{{ … }}`.
fn single(template: &str) -> Option<&str> {
    let inner = template.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let inner = inner.strip_suffix(['-', '+']).unwrap_or(inner);
    Some(inner.trim())
}

/// `record.a.b`, plain names only.
fn plain_path(inner: &str) -> Option<FieldPath> {
    let mut parts = inner.split('.');
    if parts.next() != Some("record") {
        return None;
    }
    let segments: Option<Vec<Segment>> = parts
        .map(|part| {
            let plain = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            plain.then(|| Segment::Name(part.into()))
        })
        .collect();
    segments
        .filter(|segments| !segments.is_empty())
        .map(FieldPath::from_segments)
}

/// Finds filters and tests that do not exist: the engine itself would only say so for each record.
fn check_names(environment: &Environment<'static>, template: &str) -> Result<(), TemplateError> {
    let tree = parse(template, NAME, environment.syntax().clone())
        .map_err(|error| located(template, &error))?;
    let mut generator = CodeGenerator::new(NAME, template);
    generator.compile_stmt(&tree);
    let (instructions, blocks) = generator.finish();
    for instructions in std::iter::once(&instructions).chain(blocks.values()) {
        let mut index = 0;
        while let Some(instruction) = instructions.get(index) {
            let (kind, name, unknown) = match instruction {
                Instruction::ApplyFilter(name, ..) => (
                    "filter",
                    *name,
                    environment.empty_state().apply_filter(name, &[]),
                ),
                Instruction::PerformTest(name, ..) => (
                    "test",
                    *name,
                    environment
                        .empty_state()
                        .perform_test(name, &[])
                        .map(Tv::from),
                ),
                _ => {
                    index += 1;
                    continue;
                }
            };
            let gone = [ErrorKind::UnknownFilter, ErrorKind::UnknownTest];
            if unknown.is_err_and(|error| gone.contains(&error.kind())) {
                return Err(at_word(
                    template,
                    name,
                    format!("there is no {kind} \"{name}\""),
                ));
            }
            index += 1;
        }
    }
    Ok(())
}

fn at_word(template: &str, word: &str, message: String) -> TemplateError {
    let offset = template
        .match_indices(word)
        .find(|(at, _)| {
            let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            alone(
                template
                    .get(..*at)
                    .and_then(|before| before.chars().next_back()),
            ) && alone(
                template
                    .get(at + word.len()..)
                    .and_then(|after| after.chars().next()),
            )
        })
        .map_or(0, |(at, _)| at);
    let (line, column) = position(template, offset);
    TemplateError {
        message,
        line,
        column,
    }
}

fn position(template: &str, offset: usize) -> (usize, usize) {
    let before = template.get(..offset).unwrap_or(template);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

fn located(template: &str, error: &minijinja::Error) -> TemplateError {
    let (line, column) = match error.range() {
        Some(range) => position(template, range.start),
        None => (error.line().unwrap_or(1), 1),
    };
    TemplateError {
        message: words(error),
        line,
        column,
    }
}

const UNDEFINED: &str = "the template reads a field that the record does not have";

fn words(error: &minijinja::Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "the template takes too long".to_owned();
    }
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => UNDEFINED.to_owned(),
        (ErrorKind::UndefinedError, Some(detail)) => match detail.split('`').nth(1) {
            Some(name) => format!("the template reads `{name}`, which the record does not have"),
            None => UNDEFINED.to_owned(),
        },
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

fn bounded(text: &str) -> Result<Value, String> {
    if text.len() > MAX_TEXT {
        return Err(format!(
            "the template makes more than {MAX_TEXT} bytes of text"
        ));
    }
    Ok(Value::text(text))
}

fn to_template(value: &Value) -> Tv {
    match value {
        Value::Null => Tv::from(()),
        Value::Bool(flag) => Tv::from(*flag),
        Value::Int(n) => Tv::from(*n),
        Value::UInt(n) => Tv::from(*n),
        Value::Decimal(decimal) => {
            // Floating point only where not a digit of the amount is lost.
            let float = decimal.to_f64();
            match Decimal::from_f64(float) {
                Some(back) if back.normalised() == decimal.normalised() => Tv::from(float),
                _ => Tv::from_object(Amount(decimal.clone())),
            }
        }
        Value::Float(float) => Tv::from(*float),
        Value::Text(text) => Tv::from(text.as_str()),
        Value::Bytes(bytes) => Tv::from_bytes(bytes.clone()),
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) => Tv::from(
            crate::words::scalar_text(value)
                .unwrap_or_default()
                .as_str(),
        ),
        Value::List(items) => Tv::from(items.iter().map(to_template).collect::<Vec<Tv>>()),
        Value::Object(object) => Tv::from_pairs(
            object
                .iter()
                .map(|(name, member)| (name.to_owned(), to_template(member))),
        ),
    }
}

fn from_template(value: &Tv, depth: usize, budget: &mut usize) -> Result<Value, String> {
    const MAX_DEPTH: usize = 32;
    *budget = budget
        .checked_sub(1)
        .ok_or("the template makes too many values")?;
    if depth > MAX_DEPTH {
        return Err("the template's result is nested too deep".to_owned());
    }
    if value.is_undefined() {
        return Err(UNDEFINED.to_owned());
    }
    if let Some(amount) = value.downcast_object_ref::<Amount>() {
        return Ok(Value::Decimal(amount.0.clone()));
    }
    match value.kind() {
        ValueKind::None => Ok(Value::Null),
        ValueKind::Bool => Ok(Value::Bool(value.is_true())),
        ValueKind::Number => {
            if let Some(n) = value.as_i64().filter(|_| value.is_integer()) {
                return Ok(Value::Int(n));
            }
            let text = value.to_string();
            if value.is_integer() {
                return match text.parse::<u64>() {
                    Ok(n) => Ok(Value::from_u64(n)),
                    Err(_) => Decimal::parse(&text)
                        .map(Value::Decimal)
                        .ok_or_else(|| "the template's number is too long".to_owned()),
                };
            }
            f64::try_from(value.clone())
                .ok()
                .and_then(Decimal::from_f64)
                .map(Value::Decimal)
                .ok_or_else(|| "the template's result is not a finite number".to_owned())
        }
        ValueKind::String => bounded(value.as_str().unwrap_or_default()),
        ValueKind::Bytes => Ok(Value::Bytes(value.as_bytes().unwrap_or_default().to_vec())),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().map_err(|error| words(&error))? {
                items.push(from_template(&item, depth + 1, budget)?);
            }
            Ok(Value::List(items))
        }
        ValueKind::Map => {
            let mut object = Object::new();
            for key in value.try_iter().map_err(|error| words(&error))? {
                let member = value.get_item(&key).map_err(|error| words(&error))?;
                object.insert(key.to_string(), from_template(&member, depth + 1, budget)?);
            }
            Ok(Value::Object(object))
        }
        _ => bounded(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"first_name":" Ana ","nickname":null,"amount":1.10,"big":9007199254740993,
        "long":12345678901234567.89,"tags":["a","b"],"address":{"city":"Rosario"}}"#;

    fn check(template: &str, expected: &str) {
        let record = model::json::parse(RECORD.as_bytes()).unwrap();
        let got = match Expression::parse(template) {
            Err(error) => format!("bad: {error}"),
            Ok(expression) => match expression.evaluate(&record, &Value::text("v")) {
                Ok(value) => model::json::to_string(&value),
                Err(why) => format!("error: {why}"),
            },
        };
        assert_eq!(got, expected, "{template}");
    }

    #[test]
    fn one_expression_keeps_its_kind_and_anything_else_is_text() {
        check("{{ record.first_name | trim }}", "\"Ana\"");
        check(
            "{{ record.first_name.strip().upper() }} / {{ value }}",
            "\"ANA / v\"",
        );
        check("{{ record.amount }}", "1.10");
        check("{{ record.big }}", "9007199254740993");
        check("{{ record.big + 1 }}", "9007199254740994");
        check("{{ record.long }} EUR", "\"12345678901234567.89 EUR\"");
        check("{{ record.tags }}", "[\"a\",\"b\"]");
        check("{{ record.tags | join('-') }}", "\"a-b\"");
        check("{{ record.address.city }}", "\"Rosario\"");
        check("{{ record.nickname }}", "null");
        check("Hi {{ record.nickname }}!", "\"Hi !\"");
        check("{{ record.nickname or 'none' }}", "\"none\"");
        check("{{ record['address']['city'] }}", "\"Rosario\"");
        check(
            "{{ {'a': 1, 'b': record.tags} }}",
            "{\"a\":1,\"b\":[\"a\",\"b\"]}",
        );
        check(
            "{% if record.amount > 1 %}much{% else %}little{% endif %}",
            "\"much\"",
        );
        check("{{ \"a\" }}{{ \"b\" }}", "\"ab\"");
        check("plain", "\"plain\"");
    }

    #[test]
    fn names_that_are_not_there_are_errors() {
        check(
            "{{ record.nope }}",
            "error: the record has no field \"nope\"",
        );
        check(
            "{{ record.nope | upper }}",
            "error: the template reads `record.nope`, which the record does not have",
        );
        check(
            "a {{ record.nope }}",
            "error: the template reads `record.nope`, which the record does not have",
        );
        check("{{ record.nope | default('x') }}", "\"x\"");
        check(
            "{{ first_name }}",
            "bad: there is no name \"first_name\"; fields are written record.first_name (line 1, column 4)",
        );
        check(
            "a\n{{ record.a | nope }}",
            "bad: there is no filter \"nope\" (line 2, column 15)",
        );
        check(
            "{{ record.a",
            "bad: unexpected end of input, expected end of variable block (line 1, column 11)",
        );
        check(
            "",
            "bad: the template is empty; write {{ record.field }} (line 1, column 1)",
        );
    }

    #[test]
    fn a_template_cannot_run_away() {
        check(
            "{% for a in range(9000) %}{% for b in range(9000) %}x{% endfor %}{% endfor %}",
            "error: the template takes too long",
        );
        check(
            "{{ range(20000) }}",
            "error: the template makes too many values",
        );
    }

    #[test]
    fn the_fields_that_are_read_are_known() {
        let expression =
            Expression::parse("{{ record.first_name.upper() }} {{ record.address.city }}").unwrap();
        let reads: Vec<String> = expression.reads().iter().map(ToString::to_string).collect();
        assert_eq!(reads, ["address", "first_name"]);
    }
}
