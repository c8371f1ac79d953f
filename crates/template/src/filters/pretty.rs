//! `pprint`: values over several lines once they are too wide for one.

use model::value::Value;

use super::flag;
use super::sequence::sorted;
use crate::error::Fallible;
use crate::run::{Given, Machine};
use crate::value::{Val, print};

const WIDTH: usize = 80;

pub(super) fn pprint<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [verbose] = given.bind("pprint", ["verbose"], 0)?;
    flag(m, verbose, false)?;
    let mut out = String::new();
    write(m, &mut out, &value, 0, 0)?;
    Ok(Val::text(out))
}

/// Writes a value that begins in column `indent`, with `behind` characters to come after it.
fn write<'r>(
    m: &Machine<'r>,
    out: &mut String,
    value: &Val<'r>,
    indent: usize,
    behind: usize,
) -> Fallible<()> {
    let line = one_line(m, value)?;
    if crate::text::length(&line) + indent + behind <= WIDTH {
        return m.append(out, &line);
    }
    let pad = " ".repeat(indent + 1);
    let settled = m.settled(value);
    m.deeper(|m| match &settled {
        Val::Ref(Value::List(_)) | Val::List(_) | Val::Tuple(_) => {
            let (open, close) = if matches!(settled, Val::Tuple(_)) {
                ('(', ')')
            } else {
                ('[', ']')
            };
            let items = m.items_of(&settled)?;
            out.push(open);
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push_str(",\n");
                    out.push_str(&pad);
                }
                let last = n + 1 == items.len();
                write(m, out, item, indent + 1, if last { behind + 1 } else { 1 })?;
            }
            if items.len() == 1 && open == '(' {
                out.push(',');
            }
            out.push(close);
            Ok(())
        }
        Val::Ref(_) | Val::Lazy(_) | Val::Dict(_) => {
            let entries = sorted(m, m.entries_of(&settled)?, false)?;
            out.push('{');
            for (n, (key, value)) in entries.iter().enumerate() {
                if n > 0 {
                    out.push_str(",\n");
                    out.push_str(&pad);
                }
                let key = one_line(m, key)?;
                out.push_str(&key);
                out.push_str(": ");
                let last = n + 1 == entries.len();
                let column = indent + crate::text::length(&key) + 3;
                write(m, out, value, column, if last { behind + 1 } else { 1 })?;
            }
            out.push('}');
            Ok(())
        }
        _ => m.append(out, &line),
    })
}

/// As `repr`, with the members of dicts sorted.
fn one_line<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<String> {
    let settled = m.settled(value);
    m.deeper(|m| {
        Ok(match &settled {
            Val::Ref(Value::Object(_)) | Val::Lazy(_) | Val::Dict(_) => {
                let mut parts = Vec::new();
                for (key, value) in sorted(m, m.entries_of(&settled)?, false)? {
                    parts.push(format!("{}: {}", one_line(m, &key)?, one_line(m, &value)?));
                }
                format!("{{{}}}", parts.join(", "))
            }
            Val::Ref(Value::List(_)) | Val::List(_) => {
                let mut parts = Vec::new();
                for item in m.items_of(&settled)? {
                    parts.push(one_line(m, &item)?);
                }
                format!("[{}]", parts.join(", "))
            }
            other => print::to_repr(m, other)?,
        })
    })
}
