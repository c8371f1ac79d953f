//! Cuts a template into tokens, as Jinja does: text outside, words and signs inside `{{ }}` and `{% %}`.

use num_bigint::BigInt;

use crate::TemplateError;
use crate::text::{is_space, trim_end};

/// A token and where it begins, in bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Text that is passed through.
    Data(String),
    /// `{{`
    PrintBegin,
    /// `}}`
    PrintEnd,
    /// `{%`
    BlockBegin,
    /// `%}`
    BlockEnd,
    /// A word.
    Name(String),
    /// A text in quotes, without them.
    Text(String),
    /// A whole number.
    Int(BigInt),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of the template.
    End,
}

impl Kind {
    /// As it is named in messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Data(_) => "text".to_owned(),
            Self::PrintBegin => "`{{`".to_owned(),
            Self::PrintEnd => "`}}`".to_owned(),
            Self::BlockBegin => "`{%`".to_owned(),
            Self::BlockEnd => "`%}`".to_owned(),
            Self::Name(name) => format!("`{name}`"),
            Self::Text(_) => "a text in quotes".to_owned(),
            Self::Int(_) | Self::Float(_) => "a number".to_owned(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end of the template".to_owned(),
        }
    }
}

/// All tokens of `source`; the last is [`Kind::End`].
pub(crate) fn lex(source: &str) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: Vec::new(),
        open: Vec::new(),
    };
    lexer.outside()?;
    Ok(lexer.tokens)
}

/// Line ends are `\n`, and one at the end of the template does not count.
pub(crate) fn normalise(text: &str) -> String {
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    };
    match text.strip_suffix('\n') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// The complaint at a place of `source`.
pub(crate) fn complain(
    source: &str,
    at: usize,
    message: impl Into<String>,
    expected: impl Into<String>,
) -> TemplateError {
    let (line, column) = position(source, at);
    TemplateError {
        line,
        column,
        message: message.into(),
        expected: expected.into(),
    }
}

/// Line and column of a byte of `source`.
pub(crate) fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at.min(source.len())).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
    /// Brackets that must be closed before a tag can end.
    open: Vec<char>,
}

/// Longest first.
const SIGNS: [&str; 29] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";", "!", "@", "$",
];

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, at: usize, kind: Kind) {
        self.tokens.push(Token { at, kind });
    }

    fn fail<T>(&self, at: usize, message: &str, expected: &str) -> Result<T, TemplateError> {
        Err(complain(self.source, at, message, expected))
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }

    fn data(&mut self, at: usize, text: &str) {
        if !text.is_empty() {
            self.push(at, Kind::Data(text.to_owned()));
        }
    }

    fn outside(&mut self) -> Result<(), TemplateError> {
        loop {
            let begin = self.at;
            let rest = self.rest();
            let Some(found) = next_tag(rest) else {
                self.data(begin, rest);
                self.at = self.source.len();
                self.push(self.at, Kind::End);
                return Ok(());
            };
            let tag = begin + found;
            let sign = self
                .source
                .get(tag + 2..)
                .and_then(|inside| inside.chars().next());
            let text = rest.get(..found).unwrap_or_default();
            let text = if sign == Some('-') {
                trim_end(text)
            } else {
                text
            };
            self.data(begin, text);
            let opening = self.source.get(tag..tag + 2).unwrap_or_default();
            self.at = tag + 2 + usize::from(matches!(sign, Some('-' | '+')));
            match opening {
                "{#" => self.comment(tag)?,
                "{{" => {
                    self.push(tag, Kind::PrintBegin);
                    self.inside(tag, true)?;
                }
                _ => {
                    if !self.raw(tag)? {
                        self.push(tag, Kind::BlockBegin);
                        self.inside(tag, false)?;
                    }
                }
            }
        }
    }

    fn comment(&mut self, tag: usize) -> Result<(), TemplateError> {
        let rest = self.rest();
        let Some(end) = rest.find("#}") else {
            return self.fail(tag, "this comment does not end", "`#}` behind it");
        };
        let strip = rest.get(..end).is_some_and(|text| text.ends_with('-'));
        self.at += end + 2;
        if strip {
            self.spaces();
        }
        Ok(())
    }

    /// `{% raw %} … {% endraw %}`, if it stands here.
    fn raw(&mut self, tag: usize) -> Result<bool, TemplateError> {
        let begin = self.at;
        self.spaces();
        let inner = self.rest().strip_prefix("raw");
        let after = inner.map(|inner| inner.trim_start_matches(is_space));
        let text = match after.map(|after| (after.strip_prefix("-%}"), after.strip_prefix("%}"))) {
            Some((Some(text), _)) => text.trim_start_matches(is_space),
            Some((None, Some(text))) => text,
            _ => {
                self.at = begin;
                return Ok(false);
            }
        };
        let start = self.source.len() - text.len();
        let mut from = 0;
        while let Some(found) = text.get(from..).and_then(|rest| rest.find("{%")) {
            let here = from + found;
            from = here + 2;
            let mut inside = text.get(from..).unwrap_or_default();
            let sign = inside
                .chars()
                .next()
                .filter(|sign| matches!(sign, '-' | '+'));
            inside = inside
                .get(sign.map_or(0, char::len_utf8)..)
                .unwrap_or_default();
            inside = inside.trim_start_matches(is_space);
            let Some(inside) = inside.strip_prefix("endraw") else {
                continue;
            };
            let inside = inside.trim_start_matches(is_space);
            let rest = match (
                inside.strip_prefix("-%}"),
                inside.strip_prefix("+%}"),
                inside.strip_prefix("%}"),
            ) {
                (Some(rest), ..) => rest.trim_start_matches(is_space),
                (_, Some(rest), _) | (_, _, Some(rest)) => rest,
                _ => continue,
            };
            let inner = text.get(..here).unwrap_or_default();
            let inner = if sign == Some('-') {
                trim_end(inner)
            } else {
                inner
            };
            self.data(start, inner);
            self.at = self.source.len() - rest.len();
            return Ok(true);
        }
        self.fail(tag, "this `raw` does not end", "`{% endraw %}` behind it")
    }

    fn inside(&mut self, tag: usize, print: bool) -> Result<(), TemplateError> {
        self.open.clear();
        loop {
            if self.open.is_empty() && self.end(print) {
                return Ok(());
            }
            let at = self.at;
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                self.push(at, Kind::End);
                let (what, end) = if print { ("{{", "}}") } else { ("{%", "%}") };
                return self.fail(
                    tag,
                    &format!("this `{what}` does not end"),
                    &format!("`{end}` behind it"),
                );
            };
            if is_space(c) {
                self.spaces();
            } else if c.is_ascii_digit() {
                self.number()?;
            } else if c == '_' || c.is_alphanumeric() {
                let word: &str = rest
                    .find(|c: char| c != '_' && !c.is_alphanumeric())
                    .and_then(|end| rest.get(..end))
                    .unwrap_or(rest);
                if !word.starts_with(|c: char| c == '_' || c.is_alphabetic()) {
                    return self.fail(at, &format!("`{word}` is not a name"), "a letter first");
                }
                self.at += word.len();
                self.push(at, Kind::Name(word.to_owned()));
            } else if c == '\'' || c == '"' {
                self.text(c)?;
            } else {
                self.sign(c)?;
            }
        }
    }

    /// The end of the tag, if it is here.
    fn end(&mut self, print: bool) -> bool {
        let at = self.at;
        let rest = self.rest();
        let end = if print { "}}" } else { "%}" };
        if let Some(after) = rest
            .strip_prefix('-')
            .and_then(|rest| rest.strip_prefix(end))
        {
            self.at = self.source.len() - after.len();
            self.spaces();
        } else if let Some(after) = rest.strip_prefix(end).or_else(|| {
            rest.strip_prefix('+')
                .filter(|_| !print)
                .and_then(|rest| rest.strip_prefix(end))
        }) {
            self.at = self.source.len() - after.len();
        } else {
            return false;
        }
        self.push(
            at,
            if print {
                Kind::PrintEnd
            } else {
                Kind::BlockEnd
            },
        );
        true
    }

    fn sign(&mut self, c: char) -> Result<(), TemplateError> {
        let at = self.at;
        let rest = self.rest();
        let known = SIGNS.iter().find(|sign| rest.starts_with(**sign));
        let Some(sign) = known.filter(|sign| !matches!(**sign, "!" | "@" | "$")) else {
            return self.fail(
                at,
                &format!("`{c}` means nothing here"),
                "an operator, a name, a number or a text in quotes",
            );
        };
        match c {
            '(' => self.open.push(')'),
            '[' => self.open.push(']'),
            '{' => self.open.push('}'),
            ')' | ']' | '}' => match self.open.pop() {
                Some(open) if open == c => {}
                Some(open) => {
                    return self.fail(at, &format!("`{c}` closes nothing"), &format!("`{open}`"));
                }
                None => {
                    return self.fail(at, &format!("`{c}` closes nothing"), "its opening bracket");
                }
            },
            _ => {}
        }
        self.at += sign.len();
        self.push(at, Kind::Sign(sign));
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let at = self.at;
        let rest = self.rest();
        // Behind a dot, `.1.5` is an index and a rest, not a fraction.
        let behind_dot = self
            .source
            .get(..at)
            .is_some_and(|text| text.ends_with('.'));
        if !behind_dot && let Some(length) = float_length(rest) {
            let digits: String = rest.chars().take(length).filter(|c| *c != '_').collect();
            self.at += length;
            self.push(at, Kind::Float(digits.parse().unwrap_or(f64::INFINITY)));
            return Ok(());
        }
        let (radix, prefix) = match rest.as_bytes() {
            [b'0', b'b' | b'B', ..] => (2, 2),
            [b'0', b'o' | b'O', ..] => (8, 2),
            [b'0', b'x' | b'X', ..] => (16, 2),
            _ => (10, 0),
        };
        let body = rest.get(prefix..).unwrap_or_default();
        let leading = prefix > 0 && body.starts_with('_');
        let length = usize::from(leading)
            + digit_run(body.get(usize::from(leading)..).unwrap_or_default(), radix);
        let (radix, prefix, length) = if prefix > 0 && length == usize::from(leading) {
            (10, 0, 1)
        } else if radix == 10 && rest.starts_with('0') {
            // Zeros are a number of their own: `007` is none.
            let zeros = rest.find(|c| c != '0' && c != '_').unwrap_or(rest.len());
            let zeros = rest.get(..zeros).unwrap_or_default();
            (10, 0, zeros.trim_end_matches('_').len())
        } else {
            (radix, prefix, length)
        };
        let digits: String = rest
            .get(prefix..prefix + length)
            .unwrap_or_default()
            .chars()
            .filter(|c| *c != '_')
            .collect();
        if digits.len() > 4000 {
            return self.fail(at, "this number is too long", "at most 4000 digits");
        }
        self.at += prefix + length;
        let value = BigInt::parse_bytes(digits.as_bytes(), radix).unwrap_or_default();
        self.push(at, Kind::Int(value));
        Ok(())
    }

    fn text(&mut self, quote: char) -> Result<(), TemplateError> {
        let at = self.at;
        let inner = self.rest().get(1..).unwrap_or_default();
        let mut end = None;
        let mut chars = inner.char_indices();
        while let Some((here, c)) = chars.next() {
            if c == '\\' {
                chars.next();
            } else if c == quote {
                end = Some(here);
                break;
            }
        }
        let Some(end) = end else {
            return self.fail(
                at,
                "this text does not end",
                &format!("`{quote}` behind it"),
            );
        };
        self.at += end + 2;
        let written = inner.get(..end).unwrap_or_default();
        match unescape(written) {
            Some(text) => {
                self.push(at, Kind::Text(text));
                Ok(())
            }
            None => self.fail(
                at,
                "this text has a `\\` that means nothing",
                "`\\\\` for a `\\`",
            ),
        }
    }
}

/// Where the next `{{`, `{%` or `{#` begins.
fn next_tag(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let here = from + memchr::memchr(b'{', bytes.get(from..)?)?;
        if matches!(bytes.get(here + 1), Some(b'{' | b'%' | b'#')) {
            return Some(here);
        }
        from = here + 1;
    }
}

/// How many bytes of digits with single underscores between them `text` begins with.
fn digit_run(text: &str, radix: u32) -> usize {
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((here, c)) = chars.next() {
        if c.is_digit(radix) {
            length = here + 1;
        } else if c != '_'
            || length != here
            || !chars.peek().is_some_and(|(_, c)| c.is_digit(radix))
        {
            break;
        }
    }
    length
}

/// How many bytes of a number with a fraction or an exponent `text` begins with.
fn float_length(text: &str) -> Option<usize> {
    let whole = digit_run(text, 10);
    if whole == 0 {
        return None;
    }
    let mut length = whole;
    let after = text.get(length..).unwrap_or_default();
    if let Some(fraction) = after.strip_prefix('.') {
        let digits = digit_run(fraction, 10);
        if digits > 0 {
            length += 1 + digits;
        }
    }
    let has_fraction = length > whole;
    let after = text.get(length..).unwrap_or_default();
    if let Some(exponent) = after.strip_prefix(['e', 'E']) {
        let signed = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let digits = digit_run(signed, 10);
        if digits > 0 {
            length += 1 + (exponent.len() - signed.len()) + digits;
            return Some(length);
        }
    }
    has_fraction.then_some(length)
}

/// A text between quotes with its escapes undone, as Python's `unicode-escape` does it; none where one is broken.
fn unescape(written: &str) -> Option<String> {
    if !written.contains('\\') {
        return Some(written.to_owned());
    }
    let mut out = String::with_capacity(written.len());
    let mut chars = written.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escaped = chars.next()?;
        if !escaped.is_ascii() {
            // The reference turns what is not ASCII into an escape first, and then finds its backslash escaped.
            let code = u32::from(escaped);
            out.push('\\');
            out.push_str(&match code {
                ..0x100 => format!("x{code:02x}"),
                0x100..0x1_0000 => format!("u{code:04x}"),
                _ => format!("U{code:08x}"),
            });
            continue;
        }
        crate::text::unescape_one(escaped, &mut chars, &mut out)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests;
