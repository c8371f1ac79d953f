//! JSON as Python's `json.dumps` writes it.

use std::fmt::Write as _;

use model::value::Value;

use super::sequence::sorted;
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::{Val, print};

struct Style {
    sorted: bool,
    indent: Option<String>,
}

pub(super) fn tojson<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [indent] = given.bind("tojson", ["indent"], 0)?;
    let indent = match indent {
        None | Some(Val::None) => None,
        Some(indent) => match indent.as_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                let width = super::whole(Some(indent), 0)?.clamp(0, 1000);
                Some(" ".repeat(usize::try_from(width).unwrap_or(0)))
            }
        },
    };
    let style = Style {
        sorted: true,
        indent,
    };
    let mut json = String::new();
    write(m, &mut json, &value, &style, 0)?;
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\'' => out.push_str("\\u0027"),
            c => out.push(c),
        }
    }
    Ok(Val::Markup(out.into()))
}

/// The filter of connector files: JSON in triple quotes, which is text again once it is read as a literal.
pub(super) fn string<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("string")?;
    if value.as_str().is_some() {
        return Ok(value);
    }
    if m.strict {
        let text = print::to_str(m, &value)?;
        return Ok(Val::Text(text));
    }
    let style = Style {
        sorted: false,
        indent: None,
    };
    let mut out = "\"\"\"".to_owned();
    write(m, &mut out, &value, &style, 0)?;
    out.push_str("\"\"\"");
    Ok(Val::text(out))
}

fn write<'r>(
    m: &Machine<'r>,
    out: &mut String,
    value: &Val<'r>,
    style: &Style,
    depth: usize,
) -> Fallible<()> {
    m.step()?;
    m.check_length(out)?;
    if let Some(text) = value.as_str() {
        write_text(out, text);
        return Ok(());
    }
    match &m.settled(value) {
        Val::None => out.push_str("null"),
        Val::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Val::Int(n) => _ = write!(out, "{n}"),
        Val::Big(n) => out.push_str(&n.to_string()),
        Val::Float(float) => write_float(out, *float),
        Val::Amount(decimal) => out.push_str(decimal.as_str()),
        settled @ (Val::Tuple(_) | Val::List(_) | Val::Ref(Value::List(_))) => {
            let items = m.items_of(settled)?;
            return m.deeper(|m| {
                let mut list = Brackets::new(style, depth, items.is_empty());
                list.open(out, '[');
                for item in &items {
                    list.next(out);
                    write(m, out, item, style, depth + 1)?;
                }
                list.close(out, ']');
                Ok(())
            });
        }
        settled @ (Val::Ref(_) | Val::Lazy(_) | Val::Dict(_)) => {
            let mut entries = m.entries_of(settled)?;
            if style.sorted {
                entries = sorted(m, entries, false)?;
            }
            return m.deeper(|m| {
                let mut dict = Brackets::new(style, depth, entries.is_empty());
                dict.open(out, '{');
                for (key, value) in &entries {
                    dict.next(out);
                    write_key(out, key)?;
                    out.push_str(": ");
                    write(m, out, value, style, depth + 1)?;
                }
                dict.close(out, '}');
                Ok(())
            });
        }
        other => {
            return Err(Fault::wrong_type(format!(
                "Object of type {} is not JSON serializable",
                other.type_name()
            )));
        }
    }
    Ok(())
}

/// Brackets, commas, and the lines between them.
struct Brackets<'s> {
    style: &'s Style,
    depth: usize,
    is_empty: bool,
    is_first: bool,
}

impl<'s> Brackets<'s> {
    fn new(style: &'s Style, depth: usize, is_empty: bool) -> Self {
        Self {
            style,
            depth,
            is_empty,
            is_first: true,
        }
    }

    fn line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.style.indent {
            out.push('\n');
            for _ in 0..depth {
                out.push_str(indent);
            }
        }
    }

    fn open(&self, out: &mut String, bracket: char) {
        out.push(bracket);
    }

    fn next(&mut self, out: &mut String) {
        if !self.is_first {
            out.push_str(if self.style.indent.is_some() {
                ","
            } else {
                ", "
            });
        }
        self.is_first = false;
        self.line(out, self.depth + 1);
    }

    fn close(&self, out: &mut String, bracket: char) {
        if !self.is_empty {
            self.line(out, self.depth);
        }
        out.push(bracket);
    }
}

fn write_float(out: &mut String, float: f64) {
    if float.is_finite() {
        print::write_float(out, float);
    } else if float.is_nan() {
        out.push_str("NaN");
    } else {
        out.push_str(if float > 0.0 { "Infinity" } else { "-Infinity" });
    }
}

fn write_key(out: &mut String, key: &Val<'_>) -> Fallible<()> {
    if let Some(text) = key.as_str() {
        write_text(out, text);
        return Ok(());
    }
    let mut text = String::new();
    match key {
        Val::None => text.push_str("null"),
        Val::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Val::Int(n) => _ = write!(text, "{n}"),
        Val::Big(n) => text.push_str(&n.to_string()),
        Val::Float(float) => write_float(&mut text, *float),
        other => {
            return Err(Fault::wrong_type(format!(
                "keys must be str, int, float, bool or None, not {}",
                other.type_name()
            )));
        }
    }
    write_text(out, &text);
    Ok(())
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
