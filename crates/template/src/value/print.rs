//! `str(value)` and `repr(value)`.

use std::fmt::Write as _;

use model::value::Value;

use super::{Text, Thing, Val, View};
use crate::error::Fallible;
use crate::run::Machine;
use crate::text::is_printable;

/// Writes `str(value)`.
pub(crate) fn write_str<'r>(m: &Machine<'r>, out: &mut String, value: &Val<'r>) -> Fallible<()> {
    match value {
        Val::Text(text) => m.append(out, text),
        Val::Markup(text) => m.append(out, text),
        Val::Undefined(_) => Ok(()),
        // As all of a mapping writes it.
        Val::Bool(flag) if m.strict => m.append(out, if *flag { "true" } else { "false" }),
        Val::Amount(decimal) => m.append(out, decimal.as_str()),
        Val::Date(date) => {
            _ = write!(out, "{date}");
            Ok(())
        }
        Val::Time(time) => {
            crate::dates::write_time(out, *time);
            Ok(())
        }
        Val::Moment(moment) => {
            moment.write_iso(out, ' ');
            Ok(())
        }
        Val::Span(span) => {
            span.write(out);
            Ok(())
        }
        Val::Period(period) => {
            period.write(out);
            Ok(())
        }
        Val::Object(thing) => match &**thing {
            Thing::Zone(zone) => {
                out.push_str(&zone.name());
                Ok(())
            }
            _ => write_repr(m, out, value),
        },
        _ => write_repr(m, out, value),
    }
}

/// Writes a value as Python's `repr` prints it.
pub fn python_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Float(float) => write_float(out, *float),
        Value::Text(text) => write_quoted(out, text),
        Value::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                python_repr(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (n, (name, member)) in object.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                write_quoted(out, name);
                out.push_str(": ");
                python_repr(out, member);
            }
            out.push('}');
        }
        other => out.push_str(model::json::to_string(other).trim_matches('"')),
    }
}

/// `str(value)`
pub(crate) fn to_str<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Text<'r>> {
    match value {
        Val::Text(text) => Ok(text.clone()),
        _ => {
            let mut out = String::new();
            write_str(m, &mut out, value)?;
            Ok(Text::Owned(out.into()))
        }
    }
}

/// `repr(value)`
pub(crate) fn to_repr<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<String> {
    let mut out = String::new();
    write_repr(m, &mut out, value)?;
    Ok(out)
}

/// Writes `repr(value)`.
pub(crate) fn write_repr<'r>(m: &Machine<'r>, out: &mut String, value: &Val<'r>) -> Fallible<()> {
    m.step()?;
    m.check_length(out)?;
    match value {
        Val::Undefined(_) => out.push_str("Undefined"),
        Val::None => out.push_str("None"),
        Val::Bool(true) => out.push_str("True"),
        Val::Bool(false) => out.push_str("False"),
        Val::Int(n) => _ = write!(out, "{n}"),
        Val::Big(n) => out.push_str(&n.to_string()),
        Val::Float(float) => write_float(out, *float),
        Val::Amount(decimal) => out.push_str(decimal.as_str()),
        Val::Text(text) => write_quoted(out, text),
        Val::Markup(text) => {
            out.push_str("Markup(");
            write_quoted(out, text);
            out.push(')');
        }
        Val::Bytes(bytes) => write_bytes(out, bytes),
        Val::Ref(_) | Val::Lazy(_) | Val::List(_) | Val::Tuple(_) | Val::Dict(_) => {
            return m.deeper(|m| write_container(m, out, &m.settled(value)));
        }
        Val::Date(date) => {
            _ = write!(
                out,
                "datetime.date({}, {}, {})",
                date.year(),
                date.month(),
                date.day()
            );
        }
        Val::Time(time) => crate::dates::write_time_repr(out, *time),
        Val::Moment(moment) => moment.write_repr(out),
        Val::Span(span) => span.write_repr(out),
        Val::Period(period) => period.write_repr(out),
        Val::Object(thing) => return m.deeper(|m| write_thing(m, out, thing)),
    }
    Ok(())
}

fn write_container<'r>(m: &Machine<'r>, out: &mut String, value: &Val<'r>) -> Fallible<()> {
    match value {
        Val::Tuple(tuple) => {
            out.push('(');
            write_all(m, out, &tuple.items)?;
            if tuple.items.len() == 1 {
                out.push(',');
            }
            out.push(')');
        }
        Val::Ref(Value::List(_)) | Val::List(_) => {
            out.push('[');
            write_all(m, out, &m.items_of(value)?)?;
            out.push(']');
        }
        _ => {
            out.push('{');
            for (n, (key, value)) in m.entries_of(value)?.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                write_repr(m, out, key)?;
                out.push_str(": ");
                write_repr(m, out, value)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_all<'r>(m: &Machine<'r>, out: &mut String, items: &[Val<'r>]) -> Fallible<()> {
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push_str(", ");
        }
        write_repr(m, out, item)?;
    }
    Ok(())
}

fn write_thing<'r>(m: &Machine<'r>, out: &mut String, thing: &Thing<'r>) -> Fallible<()> {
    match thing {
        Thing::Function(function) => _ = write!(out, "<function {}>", function.name),
        Thing::Method(of, name) => {
            _ = write!(out, "<built-in method {name} of {} object>", of.type_name());
        }
        Thing::Macro(node, _) if node.name.is_empty() => out.push_str("<Macro anonymous>"),
        Thing::Macro(node, _) => {
            out.push_str("<Macro ");
            write_quoted(out, &node.name);
            out.push('>');
        }
        Thing::Loop(each) => {
            _ = write!(out, "<LoopContext {}/{}>", each.index0() + 1, each.length());
        }
        Thing::Namespace(members) => {
            out.push_str("<Namespace ");
            let entries: Vec<(Val<'r>, Val<'r>)> = members
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            let mut dict = super::Dict::with_capacity(entries.len());
            for (key, value) in entries {
                if let Some(key) = super::dict::Key::new(key) {
                    dict.set(key, value);
                }
            }
            write_repr(m, out, &Val::dict(dict))?;
            out.push('>');
        }
        Thing::Cycler(..) => out.push_str("<Cycler>"),
        Thing::Joiner(..) => out.push_str("<Joiner>"),
        Thing::Iter(_, name) => _ = write!(out, "<{name} object>"),
        Thing::View(of, view) => {
            out.push_str(view.type_name());
            out.push('(');
            let items: Vec<Val<'r>> = m
                .entries_of(of)?
                .into_iter()
                .map(|(key, value)| match view {
                    View::Keys => key,
                    View::Values => value,
                    View::Items => Val::tuple(vec![key, value]),
                })
                .collect();
            out.push('[');
            write_all(m, out, &items)?;
            out.push_str("])");
        }
        Thing::Range(start, stop, 1) => _ = write!(out, "range({start}, {stop})"),
        Thing::Range(start, stop, step) => _ = write!(out, "range({start}, {stop}, {step})"),
        Thing::Zone(zone) => out.push_str(&zone.repr()),
    }
    Ok(())
}

/// As Python prints a float: the shortest digits that read back the same.
pub(crate) fn write_float(out: &mut String, float: f64) {
    if !float.is_finite() {
        out.push_str(if float.is_nan() {
            "nan"
        } else if float > 0.0 {
            "inf"
        } else {
            "-inf"
        });
        return;
    }
    if float == 0.0 || (1e-4..1e16).contains(&float.abs()) {
        let before = out.len();
        _ = write!(out, "{float}");
        if !out.get(before..).unwrap_or_default().contains('.') {
            out.push_str(".0");
        }
        return;
    }
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
}

/// As Python writes a text in code.
pub(crate) fn write_quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => {
                let code = u32::from(c);
                _ = match code {
                    ..0x100 => write!(out, "\\x{code:02x}"),
                    0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push('b');
    out.push(quote);
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => {
                if char::from(*byte) == quote {
                    out.push('\\');
                }
                out.push(char::from(*byte));
            }
            _ => _ = write!(out, "\\x{byte:02x}"),
        }
    }
    out.push(quote);
}
