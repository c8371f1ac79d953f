//! Templates in mappings: the product's template language over `record` and `value`, in its strict form.
//!
//! A template that is one `{{ … }}` keeps the kind of its result; any other gives text. Names that
//! are not there are errors, not empty text. Templates have fuel, no clock and no way out.

use std::sync::LazyLock;

use model::path::{FieldPath, Segment};
use model::value::Value;
use template::{Env, Error, Reads, Scope, Template};

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 16 * 1024;
/// Steps that one evaluation may take.
const FUEL: u64 = 50_000;
/// Longest text that a template may make, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Most values that a template's result may hold.
const MAX_VALUES: usize = 10_000;
/// Deepest nesting of a template's result.
const MAX_DEPTH: usize = 32;

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
    names_what_it_reads: bool,
    uses_value: bool,
}

#[derive(Debug)]
enum Kind {
    /// `{{ record.a.b }}`: no template needed.
    Path(FieldPath),
    Template(Template),
}

/// No clock and no chance: the same record always gives the same.
static ENV: LazyLock<Env> = LazyLock::new(|| {
    let mut env = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
    env.fuel = FUEL;
    env.longest = MAX_TEXT;
    env
});

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
        if let Some(path) = single(template).and_then(plain_path) {
            return Ok(Self {
                reads: vec![path.clone()],
                names_what_it_reads: true,
                uses_value: false,
                kind: Kind::Path(path),
            });
        }
        let compiled = Template::compile_strict(template).map_err(located)?;
        let known = ["record", "value"];
        if let Some(unknown) = compiled
            .names()
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(at_word(
                template,
                unknown,
                format!("there is no name \"{unknown}\"; fields are written record.{unknown}"),
            ));
        }
        // White space around a single expression does not make it text.
        let compiled = match Template::compile_strict(template.trim()) {
            Ok(trimmed) if trimmed.is_single() => trimmed,
            _ => compiled,
        };
        let reads = compiled.reads("record");
        Ok(Self {
            names_what_it_reads: reads != Reads::Everything,
            reads: top_level(reads),
            uses_value: compiled.reads("value") != Reads::Nothing,
            kind: Kind::Template(compiled),
        })
    }

    /// The top-level fields that the template reads, as far as it names them.
    pub fn reads(&self) -> &[FieldPath] {
        &self.reads
    }

    /// Whether [`Expression::reads`] is all that it reads of the record.
    pub(crate) fn names_what_it_reads(&self) -> bool {
        self.names_what_it_reads
    }

    /// Whether it reads `value`.
    pub fn uses_value(&self) -> bool {
        self.uses_value
    }

    /// Fills the template. The error says what is missing or what went wrong.
    pub fn evaluate(&self, record: &Value, value: &Value) -> Result<Value, String> {
        match &self.kind {
            Kind::Path(path) => record
                .at(path)
                .cloned()
                .ok_or_else(|| format!("the record has no field \"{path}\"")),
            Kind::Template(template) => {
                let scope = Scope::new().with("record", record).with("value", value);
                let made = template.value(&scope, &ENV).map_err(words)?;
                let mut room = MAX_VALUES;
                is_bounded(&made, 0, &mut room)?;
                Ok(made)
            }
        }
    }
}

/// The first steps of what is read: whatever stands behind them may be a method.
fn top_level(reads: Reads) -> Vec<FieldPath> {
    let Reads::Paths(paths) = reads else {
        return Vec::new();
    };
    let mut fields: Vec<FieldPath> = Vec::new();
    for first in paths.into_iter().filter_map(|path| path.into_iter().next()) {
        let field = FieldPath::from_segments(vec![Segment::Name(first)]);
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    fields
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

fn located(error: template::TemplateError) -> TemplateError {
    let template::TemplateError {
        line,
        column,
        message,
        expected,
    } = error;
    // "There is no filter" says it already, unless a name comes near.
    let says_it = message.starts_with("there is no") && !expected.contains("perhaps");
    TemplateError {
        message: if says_it {
            message
        } else {
            format!("{message}; expected {expected}")
        },
        line,
        column,
    }
}

fn words(error: Error) -> String {
    match error.missing {
        Some(path) => format!("the template reads `{path}`, which the record does not have"),
        None => error.message,
    }
}

/// A result must not be larger or deeper than a record.
fn is_bounded(value: &Value, depth: usize, room: &mut usize) -> Result<(), String> {
    *room = room
        .checked_sub(1)
        .ok_or("the template makes too many values")?;
    if depth > MAX_DEPTH {
        return Err("the template's result is nested too deep".to_owned());
    }
    match value {
        Value::List(items) => items
            .iter()
            .try_for_each(|item| is_bounded(item, depth + 1, room)),
        Value::Object(object) => object
            .iter()
            .try_for_each(|(_, member)| is_bounded(member, depth + 1, room)),
        _ => Ok(()),
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
            "bad: this `{{` does not end; expected `}}` behind it (line 1, column 1)",
        );
        check(
            "",
            "bad: the template is empty; write {{ record.field }} (line 1, column 1)",
        );
    }

    #[test]
    fn pythons_operators_and_methods_work_on_fields() {
        check("{{ '%05.1f' % record.amount }}", "\"001.1\"");
        check("{{ record.amount * 3 }}", "3.30");
        check("{{ record.long + 1 }}", "12345678901234568.89");
        check("{{ record.first_name.strip()[::-1] }}", "\"anA\"");
        check("{{ record.tags[1:] }}", "[\"b\"]");
        check("{{ record.tags is iterable }} {{ true }}", "\"true true\"");
        check(
            "{{ str_to_datetime('2024-01-31') + duration('P1M') }}",
            "\"2024-02-29T00:00:00Z\"",
        );
        check(" {{ record.tags }} ", "[\"a\",\"b\"]");
        check(
            "{{ record.long / 3 }}",
            "error: 12345678901234567.89 has more digits than `/` keeps; write `| float` to let them go",
        );
        check("{{ 'x' | int }}", "error: \"x\" is not a number");
        check(
            "{{ now_utc() }}",
            "bad: there is no name \"now_utc\"; fields are written record.now_utc (line 1, column 4)",
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
