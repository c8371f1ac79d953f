//! `'{} of {total:>5}'.format(a, total=b)`

use crate::error::{Fallible, Fault, FaultKind};
use crate::run::{Given, Machine};
use crate::value::{Val, print};

/// `format.format(…)`
pub(crate) fn format<'r>(
    m: &Machine<'r>,
    format: &str,
    given: &Given<'r>,
    safe: bool,
) -> Fallible<String> {
    let mut formatter = Formatter {
        m,
        given,
        next: 0,
        numbered: None,
        safe,
    };
    let mut out = String::new();
    formatter.write(&mut out, format, 2)?;
    Ok(out)
}

struct Formatter<'m, 'r> {
    m: &'m Machine<'r>,
    given: &'m Given<'r>,
    next: usize,
    /// Whether places are given by number; none until the first one.
    numbered: Option<bool>,
    safe: bool,
}

impl<'r> Formatter<'_, 'r> {
    fn write(&mut self, out: &mut String, format: &str, depth: usize) -> Fallible<()> {
        if depth == 0 {
            return Err(Fault::value("Max string recursion exceeded"));
        }
        let mut rest = format;
        while let Some(at) = rest.find(['{', '}']) {
            let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.m.append(out, plain)?;
            let mut chars = tail.chars();
            let brace = chars.next();
            if chars.clone().next() == brace {
                chars.next();
                out.extend(brace);
                rest = chars.as_str();
                continue;
            }
            if brace == Some('}') {
                return Err(Fault::value("Single '}' encountered in format string"));
            }
            let inner = chars.as_str();
            let end = field_end(inner)?;
            let field = inner.get(..end).unwrap_or_default();
            rest = inner.get(end + 1..).unwrap_or_default();
            self.field(out, field, depth)?;
        }
        self.m.append(out, rest)
    }

    fn field(&mut self, out: &mut String, field: &str, depth: usize) -> Fallible<()> {
        // A `!` or `:` in brackets belongs to the name.
        let mut bracket = false;
        let end = field
            .char_indices()
            .find(|(_, c)| {
                match c {
                    '[' => bracket = true,
                    ']' => bracket = false,
                    _ => {}
                }
                !bracket && matches!(c, '!' | ':')
            })
            .map_or(field.len(), |(at, _)| at);
        let (name, tail) = field.split_at_checked(end).unwrap_or((field, ""));
        let (conversion, spec) = match tail.strip_prefix('!') {
            Some(tail) => {
                let mut chars = tail.chars();
                let conversion = chars.next().ok_or_else(|| {
                    Fault::value("end of string while looking for conversion specifier")
                })?;
                let spec = match chars.next() {
                    None => "",
                    Some(':') => chars.as_str(),
                    Some(_) => {
                        return Err(Fault::value("expected ':' after conversion specifier"));
                    }
                };
                (Some(conversion), spec)
            }
            None => (None, tail.strip_prefix(':').unwrap_or_default()),
        };
        let value = self.value(name)?;
        let value = match conversion {
            None => value,
            Some('s') => Val::Text(print::to_str(self.m, &value)?),
            Some('r') => Val::text(print::to_repr(self.m, &value)?),
            Some('a') => Val::text(super::percent::ascii(&print::to_repr(self.m, &value)?)),
            Some(other) => {
                return Err(Fault::value(format!(
                    "Unknown conversion specifier {other}"
                )));
            }
        };
        let mut written_spec = String::new();
        self.write(&mut written_spec, spec, depth - 1)?;
        let text = super::spec::format(self.m, &value, &written_spec)?;
        if self.safe && !matches!(value, Val::Markup(_)) {
            return crate::filters::markup::write_escaped(self.m, out, &Val::text(text));
        }
        self.m.append(out, &text)
    }

    fn value(&mut self, name: &str) -> Fallible<Val<'r>> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at_checked(end).unwrap_or((name, ""));
        let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        if first.is_empty() || is_number {
            let by_number = *self.numbered.get_or_insert(is_number);
            if by_number != is_number {
                return Err(Fault::value(if is_number {
                    "cannot switch from automatic field numbering to manual field specification"
                } else {
                    "cannot switch from manual field specification to automatic field numbering"
                }));
            }
        }
        let mut value = if first.is_empty() || is_number {
            let place = if is_number {
                first.parse().unwrap_or(usize::MAX)
            } else {
                self.next += 1;
                self.next - 1
            };
            self.given.by_place.get(place).cloned().ok_or_else(|| {
                Fault::lookup(format!(
                    "Replacement index {place} out of range for positional args tuple"
                ))
            })?
        } else {
            self.given
                .by_name
                .iter()
                .find(|(known, _)| &**known == first)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| Fault::lookup(format!("'{first}'")))?
        };
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (attribute, after) = after.split_at_checked(end).unwrap_or((after, ""));
                if attribute.is_empty() {
                    return Err(Fault::value("Empty attribute in format string"));
                }
                value = self.m.attribute(&value, attribute)?;
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (key, after) = after
                    .split_once(']')
                    .ok_or_else(|| Fault::value("Missing ']' in format string"))?;
                if key.is_empty() {
                    return Err(Fault::value("Empty attribute in format string"));
                }
                let key = match key.parse::<i64>() {
                    Ok(n) if n >= 0 && !key.starts_with('+') => Val::Int(n),
                    _ => Val::text(key),
                };
                value = self.m.subscript(&value, &key)?;
                rest = after;
            } else {
                return Err(Fault::value(
                    "Only '.' or '[' may follow ']' in format field specifier",
                ));
            }
        }
        if let Val::Undefined(missing) = &value
            && missing.kind != FaultKind::Undefined
        {
            return Err(self.m.undefined_fault(missing));
        }
        Ok(value)
    }
}

/// Where the field ends that begins behind a `{`.
fn field_end(text: &str) -> Fallible<usize> {
    let mut open = 1;
    let mut bracket = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => bracket = true,
            ']' => bracket = false,
            '{' if !bracket => open += 1,
            '}' if !bracket => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok(at);
        }
    }
    Err(Fault::value("expected '}' before end of string"))
}
