//! Reads what Python's `ast.literal_eval` reads: rendered templates become values this way.

use compact_str::CompactString;
use model::number::Decimal;
use model::value::{Object, Value};

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 100;

/// What kind of literal a value was: lists and tuples are the same afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    Bool,
    Number,
    Text,
    Bytes,
    List,
    Tuple,
    Dict,
    Set,
}

impl Kind {
    fn is_hashable(self) -> bool {
        !matches!(self, Self::List | Self::Dict | Self::Set)
    }
}

/// The value that the text is a literal of; none when it is not one (it then stays text).
pub(crate) fn read(text: &str) -> Option<(Value, Kind)> {
    let start = text.trim_start_matches([' ', '\t']);
    // Most texts are no literal: decide by the first character.
    let first = *start.as_bytes().first()?;
    let may_be = match first {
        b'0'..=b'9'
        | b'-'
        | b'+'
        | b'.'
        | b'\''
        | b'"'
        | b'['
        | b'('
        | b'{'
        | b'\n'
        | b'\r'
        | b'#'
        | b'\\'
        | 0xc => true,
        b'T' | b'F' | b'N' => ["True", "False", "None"]
            .iter()
            .any(|word| start.starts_with(word)),
        b's' => start.starts_with("set"),
        b'r' | b'R' | b'b' | b'B' | b'u' | b'U' => start
            .bytes()
            .take(3)
            .skip(1)
            .any(|byte| matches!(byte, b'\'' | b'"')),
        _ => false,
    };
    if first.is_ascii_digit() {
        // Dates and times, most often.
        let end = start.find(|c: char| !c.is_ascii_digit() && c != '_');
        let after = end.and_then(|end| start.as_bytes().get(end));
        let goes_on = |byte: &u8| byte.is_ascii_whitespace() || b".eExXoObB,#\\".contains(byte);
        if after.is_some_and(|byte| !goes_on(byte)) {
            return None;
        }
    }
    if !may_be || start.contains('\0') {
        return None;
    }
    let mut reader = Reader {
        text: start,
        at: 0,
        open: 0,
    };
    reader.blank_lines()?;
    let value = reader.items_without_brackets()?;
    reader.end()?;
    Some(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Brackets that are open: within them, lines may end anywhere.
    open: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Lines without anything before the expression, which must then begin at the start of its line.
    fn blank_lines(&mut self) -> Option<()> {
        loop {
            let rest = self.rest();
            let line = rest.trim_start_matches([' ', '\t', '\u{c}']);
            let skipped = rest.len() - line.len();
            if let Some(after) = line.strip_prefix(['\n', '\r']) {
                self.at = self.text.len() - after.len();
            } else if line.starts_with('#') {
                let end = line.find(['\n', '\r'])?;
                self.at += skipped + end;
            } else if self.at > 0 && skipped > 0 {
                return None;
            } else {
                self.at += skipped;
                return Some(());
            }
        }
    }

    fn spaces(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | 0xc) => self.at += 1,
                Some(b'\n' | b'\r') if self.open > 0 => self.at += 1,
                Some(b'\\') if self.rest().starts_with("\\\n") => self.at += 2,
                Some(b'#') => {
                    let rest = self.rest();
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                    if self.open == 0 {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Nothing but space up to the end. A last line of spaces alone is an indent to Python, and an error.
    fn end(&mut self) -> Option<()> {
        self.spaces();
        let mut indent = false;
        loop {
            match self.peek() {
                None => return (!indent).then_some(()),
                Some(b'\n' | b'\r' | 0xc) => indent = false,
                Some(b' ' | b'\t') => indent = true,
                Some(b'#') if self.text.get(..self.at)?.contains(['\n', '\r']) => {
                    let rest = self.rest();
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                    indent = false;
                    continue;
                }
                Some(_) => return None,
            }
            self.at += 1;
        }
    }

    /// One value, or several with commas between them.
    fn items_without_brackets(&mut self) -> Option<(Value, Kind)> {
        let first = self.value(0)?;
        self.spaces();
        if self.peek() != Some(b',') {
            return Some(first);
        }
        let mut items = vec![first.0];
        while self.eat(b',') {
            self.spaces();
            if matches!(self.peek(), None | Some(b'\n' | b'\r')) {
                break;
            }
            items.push(self.value(0)?.0);
            self.spaces();
        }
        Some((Value::List(items), Kind::Tuple))
    }

    fn value(&mut self, depth: usize) -> Option<(Value, Kind)> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'[' => {
                let (items, _) = self.items(depth, b']')?;
                let items = items.into_iter().map(|(value, _)| value).collect();
                Some((Value::List(items), Kind::List))
            }
            b'(' => {
                let (mut items, comma) = self.items(depth, b')')?;
                if items.len() == 1 && !comma {
                    return items.pop();
                }
                let hashable = items.iter().all(|(_, kind)| kind.is_hashable());
                let items = items.into_iter().map(|(value, _)| value).collect();
                // A tuple of lists cannot be a key; elsewhere it is a tuple like any other.
                let kind = if hashable { Kind::Tuple } else { Kind::List };
                Some((
                    Value::List(items),
                    if depth == 0 { Kind::Tuple } else { kind },
                ))
            }
            b'{' => self.braces(depth),
            b'0'..=b'9' | b'.' => self.number().map(|value| (value, Kind::Number)),
            sign @ (b'-' | b'+') => {
                self.at += 1;
                self.spaces();
                if !matches!(self.peek(), Some(b'0'..=b'9' | b'.')) {
                    return None;
                }
                let value = self.number()?;
                let value = if sign == b'-' { negated(value)? } else { value };
                Some((value, Kind::Number))
            }
            b'T' if self.word("True") => Some((Value::Bool(true), Kind::Bool)),
            b'F' if self.word("False") => Some((Value::Bool(false), Kind::Bool)),
            b'N' if self.word("None") => Some((Value::Null, Kind::None)),
            b's' if self.word("set") => {
                self.spaces();
                self.eat(b'(').then_some(())?;
                self.open += 1;
                self.spaces();
                self.open -= 1;
                self.eat(b')')
                    .then_some((Value::List(Vec::new()), Kind::Set))
            }
            _ => self.texts(),
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else {
            return false;
        };
        let ends = !after.starts_with(|c: char| c == '_' || c.is_alphanumeric());
        if ends {
            self.at += word.len();
        }
        ends
    }

    /// Values up to the closing bracket, and whether a comma stood before it.
    fn items(&mut self, depth: usize, close: u8) -> Option<(Vec<(Value, Kind)>, bool)> {
        self.at += 1;
        self.open += 1;
        let mut items = Vec::new();
        let mut comma = true;
        loop {
            self.spaces();
            if self.peek() == Some(close) {
                self.at += 1;
                self.open -= 1;
                return Some((items, comma));
            }
            if !comma {
                return None;
            }
            items.push(self.value(depth + 1)?);
            self.spaces();
            comma = self.eat(b',');
        }
    }

    /// A dict or a set.
    fn braces(&mut self, depth: usize) -> Option<(Value, Kind)> {
        self.at += 1;
        self.open += 1;
        let mut object = Object::new();
        let mut set: Vec<Value> = Vec::new();
        let mut comma = true;
        loop {
            self.spaces();
            if self.eat(b'}') {
                self.open -= 1;
                return Some(if set.is_empty() {
                    (Value::Object(object), Kind::Dict)
                } else {
                    (Value::List(set), Kind::Set)
                });
            }
            if !comma {
                return None;
            }
            let (key, kind) = self.value(depth + 1)?;
            if !kind.is_hashable() {
                return None;
            }
            self.spaces();
            if self.eat(b':') {
                if !set.is_empty() {
                    return None;
                }
                self.spaces();
                let (value, _) = self.value(depth + 1)?;
                object.insert(member_name(&key), value);
            } else {
                if !object.is_empty() {
                    return None;
                }
                if !set.contains(&key) {
                    set.push(key);
                }
            }
            self.spaces();
            comma = self.eat(b',');
        }
    }

    /// One text, or several side by side.
    fn texts(&mut self) -> Option<(Value, Kind)> {
        let (mut out, bytes) = self.text()?;
        loop {
            let before = self.at;
            self.spaces();
            if !matches!(
                self.peek(),
                Some(b'\'' | b'"' | b'r' | b'R' | b'b' | b'B' | b'u' | b'U')
            ) {
                self.at = before;
                break;
            }
            let (more, more_bytes) = self.text()?;
            if more_bytes != bytes {
                return None;
            }
            out.push_str(&more);
        }
        if bytes {
            let bytes: Option<Vec<u8>> = out
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect();
            return Some((Value::Bytes(bytes?), Kind::Bytes));
        }
        Some((Value::Text(out.into()), Kind::Text))
    }

    fn text(&mut self) -> Option<(String, bool)> {
        let (mut raw, mut bytes, mut marked) = (false, false, false);
        loop {
            match self.peek()? {
                b'r' | b'R' if !raw && !marked => raw = true,
                b'b' | b'B' if !bytes && !marked => bytes = true,
                b'u' | b'U' if !raw && !bytes && !marked => marked = true,
                b'\'' | b'"' => break,
                _ => return None,
            }
            self.at += 1;
        }
        let quote = char::from(self.peek()?);
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let is_triple = self.rest().starts_with(&triple);
        self.at += if is_triple { 3 } else { 1 };
        let mut out = String::new();
        let mut chars = self.rest().chars();
        loop {
            let here = chars.as_str();
            if is_triple && here.starts_with(&triple) {
                chars.nth(2);
                break;
            }
            let c = chars.next()?;
            match c {
                c if c == quote && !is_triple => break,
                '\n' | '\r' if !is_triple => return None,
                '\r' => {
                    if !chars.as_str().starts_with('\n') {
                        out.push('\n');
                    }
                }
                '\\' if raw => {
                    out.push('\\');
                    let escaped = chars.next()?;
                    out.push(escaped);
                }
                '\\' => {
                    let escaped = chars.next()?;
                    if bytes && matches!(escaped, 'u' | 'U' | 'N') {
                        out.push('\\');
                        out.push(escaped);
                    } else {
                        crate::text::unescape_one(escaped, &mut chars, &mut out)?;
                    }
                }
                c if bytes && !c.is_ascii() => return None,
                c => out.push(c),
            }
        }
        self.at = self.text.len() - chars.as_str().len();
        Some((out, bytes))
    }

    fn number(&mut self) -> Option<Value> {
        let rest = self.rest();
        let lower = rest.as_bytes();
        let prefixed = match (lower.first(), lower.get(1)) {
            (Some(b'0'), Some(b'x' | b'X')) => Some(16),
            (Some(b'0'), Some(b'o' | b'O')) => Some(8),
            (Some(b'0'), Some(b'b' | b'B')) => Some(2),
            _ => None,
        };
        let (value, length) = match prefixed {
            Some(radix) => prefixed_int(rest, radix)?,
            None => plain_number(rest)?,
        };
        let after = rest.get(length..)?;
        // `12abc`, `1j`, `1.2.3`
        if after.starts_with(|c: char| c == '_' || c == '.' || c.is_alphanumeric()) {
            return None;
        }
        self.at += length;
        Some(value)
    }
}

/// Digits with single underscores between them: how many bytes, and the digits alone.
fn digits(text: &str, radix: u32) -> (usize, String) {
    let mut out = String::new();
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c.is_digit(radix) {
            out.push(c);
            length = at + 1;
        } else if c != '_' || length != at || !chars.peek().is_some_and(|(_, c)| c.is_digit(radix))
        {
            break;
        }
    }
    (length, out)
}

fn prefixed_int(text: &str, radix: u32) -> Option<(Value, usize)> {
    let body = text.get(2..)?;
    let skipped = usize::from(body.starts_with('_'));
    let (length, digits) = digits(body.get(skipped..)?, radix);
    if length == 0 {
        return None;
    }
    let n = num_bigint::BigInt::parse_bytes(digits.as_bytes(), radix)?;
    Some((whole(&n.to_string())?, 2 + skipped + length))
}

fn plain_number(text: &str) -> Option<(Value, usize)> {
    let (mut length, mut written) = digits(text, 10);
    let mut is_float = false;
    let after = text.get(length..)?;
    if let Some(fraction) = after.strip_prefix('.') {
        let (fraction_length, fraction) = digits(fraction, 10);
        if length == 0 && fraction_length == 0 {
            return None;
        }
        if written.is_empty() {
            written.push('0');
        }
        written.push('.');
        written.push_str(if fraction.is_empty() { "0" } else { &fraction });
        length += 1 + fraction_length;
        is_float = true;
    }
    let after = text.get(length..)?;
    if let Some(exponent) = after.strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let (exponent_length, exponent_digits) = digits(signed, 10);
        if exponent_length > 0 {
            written.push('e');
            if exponent.starts_with('-') {
                written.push('-');
            }
            written.push_str(&exponent_digits);
            length += 1 + (exponent.len() - signed.len()) + exponent_length;
            is_float = true;
        }
    }
    if is_float {
        return Some((float_value(written.parse().ok()?), length));
    }
    if written.len() > 1 && written.starts_with('0') && written.bytes().any(|byte| byte != b'0') {
        return None;
    }
    Some((whole(&written)?, length))
}

/// The value of a whole number, whatever its size.
pub(crate) fn whole(digits: &str) -> Option<Value> {
    if let Ok(n) = digits.parse::<i64>() {
        return Some(Value::Int(n));
    }
    if let Ok(n) = digits.parse::<u64>() {
        return Some(Value::from_u64(n));
    }
    Decimal::parse(digits).map(Value::Decimal)
}

/// The value of a float: the digits that Python prints.
pub(crate) fn float_value(float: f64) -> Value {
    let mut written = CompactString::default();
    if float.is_finite() {
        let mut out = String::new();
        crate::value::print::write_float(&mut out, float);
        written = out.into();
    }
    Decimal::parse(&written).map_or(Value::Float(float), Value::Decimal)
}

fn negated(value: Value) -> Option<Value> {
    Some(match value {
        Value::Int(n) => match n.checked_neg() {
            Some(n) => Value::Int(n),
            None => whole("9223372036854775808")?,
        },
        Value::UInt(n) => whole(&format!("-{n}"))?,
        Value::Float(float) => Value::Float(-float),
        Value::Decimal(decimal) => Value::Decimal(Decimal::parse(&format!("-{decimal}"))?),
        other => other,
    })
}

/// The key of a dict as the name of a member, as JSON has it.
pub(crate) fn member_name(key: &Value) -> CompactString {
    match key {
        Value::Text(text) => text.clone(),
        Value::Null => "null".into(),
        Value::Bool(flag) => if *flag { "true" } else { "false" }.into(),
        other => model::json::to_string(other).into(),
    }
}

#[cfg(test)]
mod tests;
