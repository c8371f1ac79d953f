//! Reads what Python's `ast.literal_eval` would read: rendered templates become values this way.

use compact_str::CompactString;
use model::value::{Object, Value};

/// The value that the text is a literal of; none when it is not one (it then stays text).
pub(super) fn read(text: &str) -> Option<Value> {
    // Most texts are no literal: decide by the first character.
    let first = text.trim_start_matches([' ', '\t']).bytes().next()?;
    if !matches!(
        first,
        b'0'..=b'9' | b'-' | b'+' | b'.' | b'\'' | b'"' | b'[' | b'(' | b'{' | b'T' | b'F' | b'N'
    ) {
        return None;
    }
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
    };
    reader.spaces();
    let value = reader.value(0)?;
    reader.spaces();
    if reader.peek() == Some(',') {
        // A tuple without parentheses.
        let mut items = vec![value];
        while reader.eat(',') {
            reader.spaces();
            if reader.peek().is_none() {
                break;
            }
            items.push(reader.value(0)?);
            reader.spaces();
        }
        return reader.peek().is_none().then_some(Value::List(items));
    }
    reader.peek().is_none().then_some(value)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        self.at += usize::from(here);
        here
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let here = self
            .chars
            .get(self.at..)
            .unwrap_or_default()
            .iter()
            .take(word.len())
            .copied()
            .eq(word.chars());
        let next = self.chars.get(self.at + word.len());
        let ends = next.is_none_or(|c| !c.is_alphanumeric() && *c != '_');
        if here && ends {
            self.at += word.len();
        }
        here && ends
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > 50 {
            return None;
        }
        match self.peek()? {
            '\'' | '"' => self.string().map(Value::Text),
            '[' => self.list(depth, ']').map(|(items, _)| Value::List(items)),
            '(' => {
                let (mut items, comma) = self.list(depth, ')')?;
                if items.len() == 1 && !comma {
                    return items.pop();
                }
                Some(Value::List(items))
            }
            '{' => self.map(depth),
            'T' if self.word("True") => Some(Value::Bool(true)),
            'F' if self.word("False") => Some(Value::Bool(false)),
            'N' if self.word("None") => Some(Value::Null),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: usize, end: char) -> Option<(Vec<Value>, bool)> {
        self.at += 1;
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            self.spaces();
            if self.eat(end) {
                return Some((items, comma));
            }
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value(depth + 1)?);
            self.spaces();
            comma = self.eat(',');
        }
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut object = Object::new();
        let mut comma = true;
        loop {
            self.spaces();
            if self.eat('}') {
                return Some(Value::Object(object));
            }
            if !comma {
                return None;
            }
            let name: CompactString = match self.value(depth + 1)? {
                Value::Text(text) => text,
                Value::Int(n) => n.to_string().into(),
                _ => return None,
            };
            self.spaces();
            if !self.eat(':') {
                return None;
            }
            self.spaces();
            let value = self.value(depth + 1)?;
            object.insert(name, value);
            self.spaces();
            comma = self.eat(',');
        }
    }

    fn string(&mut self) -> Option<CompactString> {
        let quote = self.peek()?;
        self.at += 1;
        let mut out = CompactString::default();
        loop {
            let c = self.peek()?;
            self.at += 1;
            match c {
                c if c == quote => return Some(out),
                '\n' => return None,
                '\\' => {
                    let escaped = self.peek()?;
                    self.at += 1;
                    match escaped {
                        'n' => out.push('\n'),
                        't' => out.push('\t'),
                        'r' => out.push('\r'),
                        '\\' | '\'' | '"' => out.push(escaped),
                        'x' => out.push(self.hex(2)?),
                        'u' => out.push(self.hex(4)?),
                        'U' => out.push(self.hex(8)?),
                        other => {
                            out.push('\\');
                            out.push(other);
                        }
                    }
                }
                c => out.push(c),
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let text: String = self.chars.get(self.at..self.at + digits)?.iter().collect();
        self.at += digits;
        char::from_u32(u32::from_str_radix(&text, 16).ok()?)
    }

    fn number(&mut self) -> Option<Value> {
        let negative = match self.peek()? {
            '-' => {
                self.at += 1;
                true
            }
            '+' => {
                self.at += 1;
                false
            }
            _ => false,
        };
        let start = self.at;
        let hex = matches!(self.chars.get(start..start + 2), Some(['0', 'x' | 'X']));
        while let Some(c) = self.peek() {
            // A sign goes on with the number only behind its exponent.
            let in_exponent =
                !hex && self.at > start && matches!(self.chars.get(self.at - 1), Some('e' | 'E'));
            if !(c.is_ascii_alphanumeric()
                || matches!(c, '_' | '.')
                || in_exponent && matches!(c, '+' | '-'))
            {
                break;
            }
            self.at += 1;
        }
        let text: String = self.chars.get(start..self.at)?.iter().collect();
        if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
            return None;
        }
        let digits = text.replace('_', "");
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
            if let Some(rest) = digits.strip_prefix(prefix) {
                let n = i64::from_str_radix(rest, radix).ok()?;
                return Some(Value::Int(if negative { -n } else { n }));
            }
        }
        let signed = if negative {
            format!("-{digits}")
        } else {
            digits.clone()
        };
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|b| b != b'0') {
                return None;
            }
            if let Ok(n) = signed.parse::<i64>() {
                return Some(Value::Int(n));
            }
            if let Ok(n) = signed.parse::<u64>() {
                return Some(Value::UInt(n));
            }
            return model::number::Decimal::parse(&signed).map(Value::Decimal);
        }
        // Only digits, point and exponent: `inf` and `nan` are names in Python.
        if !digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            || !digits.bytes().any(|byte| byte.is_ascii_digit())
            || digits.starts_with(['e', 'E'])
        {
            return None;
        }
        signed
            .parse::<f64>()
            .ok()
            .filter(|float| float.is_finite())
            .map(Value::Float)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_python_reads_them() {
        fn check(text: &str, json: &str) {
            let value = read(text).map(|value| model::json::to_string(&value));
            assert_eq!(value.as_deref(), Some(json), "{text}");
        }
        check("12345", "12345");
        check("1_000", "1000");
        check("0x1F", "31");
        check("1e5", "100000.0");
        check(".5", "0.5");
        check("True", "true");
        check("None", "null");
        check("1,2", "[1,2]");
        check("(1,)", "[1]");
        check("(1)", "1");
        check("'q'", "\"q\"");
        check("\"x\"", "\"x\"");
        check("{'a': 1, 'b': [None, True]}", r#"{"a":1,"b":[null,true]}"#);
        check("-5", "-5");
        check("+5", "5");
        check("  7", "7");
        check(r"'a\'b\n'", r#""a'b\n""#);
        check("18446744073709551615", "18446744073709551615");
    }

    #[test]
    fn what_is_no_literal_stays_text() {
        for text in [
            "007",
            "true",
            "null",
            "10-5",
            "2024-01-15",
            "1j",
            "nan",
            "Nonesuch",
            "[1",
            "{'a'}",
            "'a' 'b",
            "1 2",
            "hello",
            "12:30",
            "1e999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = read(&text);
        }
    }
}
