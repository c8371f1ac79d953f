//! Filters with regular expressions, as Python's `re` has them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use fancy_regex::{Captures, Regex, RegexBuilder};

use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::Val;

/// Compiled patterns that are kept on each thread.
const KEPT: usize = 64;

thread_local! {
    static PATTERNS: RefCell<Vec<(Box<str>, Rc<Regex>)>> = const { RefCell::new(Vec::new()) };
}

/// The pattern, compiled: the same few patterns meet millions of records.
fn compiled(pattern: &str, text: &str) -> Fallible<Rc<Regex>> {
    let pattern = &*translated(pattern, text.ends_with('\n'));
    PATTERNS.with_borrow_mut(|known| {
        if let Some(place) = known.iter().position(|(text, _)| **text == *pattern) {
            // The most recent first.
            if let Some(head) = known.get_mut(..=place) {
                head.rotate_right(1);
            }
        } else {
            let regex = RegexBuilder::new(pattern)
                .backtrack_limit(200_000)
                .delegate_size_limit(1 << 20)
                .build()
                .map_err(|error| Fault::failed(format!("the pattern cannot be read: {error}")))?;
            known.truncate(KEPT - 1);
            known.insert(0, (pattern.into(), Rc::new(regex)));
        }
        known
            .first()
            .map(|(_, regex)| regex.clone())
            .ok_or_else(|| Fault::failed("the pattern is not there"))
    })
}

/// What only Python writes that way. Its `$` also stands before a line end at the end of the text.
fn translated(pattern: &str, ends_in_line_end: bool) -> Cow<'_, str> {
    let has_end = ends_in_line_end && pattern.contains('$');
    if !has_end && !pattern.contains("\\Z") {
        return Cow::Borrowed(pattern);
    }
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                match chars.next() {
                    Some('Z') => out.push('z'),
                    Some(escaped) => out.push(escaped),
                    None => {}
                }
            }
            '$' if ends_in_line_end && !in_class => out.push_str("(?=\\n?\\z)"),
            _ => {
                in_class = match c {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                out.push(c);
            }
        }
    }
    Cow::Owned(out)
}

/// A value that must be text.
fn text_of<'v, 'r>(m: &Machine<'r>, value: &'v Val<'r>) -> Fallible<&'v str> {
    let text = value.as_str().ok_or_else(|| {
        Fault::wrong_type(format!(
            "expected string or bytes-like object, got '{}'",
            value.type_name()
        ))
    })?;
    m.pay_for_bytes(text.len())?;
    Ok(text)
}

fn too_hard(error: fancy_regex::Error) -> Box<Fault> {
    Fault::exhausted(format!("the pattern takes too long: {error}"))
}

pub(super) fn search<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let pattern = given.only("regex_search", "regex")?;
    let text = text_of(m, &value)?;
    let regex = compiled(text_of(m, &pattern)?, text)?;
    let found = regex.captures(text).map_err(too_hard)?;
    Ok(match found {
        Some(found) if found.len() > 1 => match found.get(1) {
            Some(group) => Val::text(group.as_str()),
            None => Val::None,
        },
        _ => Val::borrowed(""),
    })
}

pub(super) fn replace<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [pattern, replacement] = given.bind("regex_replace", ["regex", "replacement"], 2)?;
    let (pattern, replacement) = (
        pattern.unwrap_or(Val::None),
        replacement.unwrap_or(Val::None),
    );
    let text = text_of(m, &value)?;
    let regex = compiled(text_of(m, &pattern)?, text)?;
    let parts = parts(text_of(m, &replacement)?, &regex)?;
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for found in regex.captures_iter(text) {
        let found = found.map_err(too_hard)?;
        let Some(whole) = found.get(0) else {
            continue;
        };
        out.push_str(text.get(end..whole.start()).unwrap_or_default());
        write_parts(&mut out, &parts, &found);
        m.check_length(&out)?;
        m.step()?;
        end = whole.end();
    }
    out.push_str(text.get(end..).unwrap_or_default());
    m.check_length(&out)?;
    Ok(Val::text(out))
}

enum Part {
    Text(String),
    Group(usize),
}

/// A replacement as Python reads it: `\1`, `\g<1>`, `\g<name>`, `\n`.
fn parts(replacement: &str, regex: &Regex) -> Fallible<Vec<Part>> {
    let groups = regex.captures_len();
    let group = |n: usize| {
        if n < groups {
            Ok(Part::Group(n))
        } else {
            Err(Fault::failed(format!("invalid group reference {n}")))
        }
    };
    let mut out = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let escaped = chars
            .next()
            .ok_or_else(|| Fault::failed("bad escape (end of pattern)"))?;
        let reference = match escaped {
            'g' => {
                if chars.next() != Some('<') {
                    return Err(Fault::failed("missing <"));
                }
                let name: String = chars.by_ref().take_while(|c| *c != '>').collect();
                Some(match name.parse() {
                    Ok(n) => group(n)?,
                    Err(_) => {
                        let place = regex
                            .capture_names()
                            .position(|known| known == Some(name.as_str()));
                        let place = place
                            .ok_or_else(|| Fault::lookup(format!("unknown group name '{name}'")))?;
                        group(place)?
                    }
                })
            }
            '0' => {
                let mut code = 0;
                while let Some(digit) = chars
                    .peek()
                    .and_then(|c| c.to_digit(8))
                    .filter(|_| code < 8)
                {
                    chars.next();
                    code = code * 8 + digit;
                }
                text.extend(char::from_u32(code));
                None
            }
            '1'..='9' => {
                let mut n = escaped.to_digit(10).unwrap_or(0) as usize;
                if let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    chars.next();
                    n = n * 10 + digit as usize;
                }
                Some(group(n)?)
            }
            'n' => {
                text.push('\n');
                None
            }
            't' => {
                text.push('\t');
                None
            }
            'r' => {
                text.push('\r');
                None
            }
            'a' => {
                text.push('\u{7}');
                None
            }
            'b' => {
                text.push('\u{8}');
                None
            }
            'f' => {
                text.push('\u{c}');
                None
            }
            'v' => {
                text.push('\u{b}');
                None
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(Fault::failed(format!("bad escape \\{letter}")));
            }
            '\\' => {
                text.push('\\');
                None
            }
            other => {
                text.push('\\');
                text.push(other);
                None
            }
        };
        if let Some(reference) = reference {
            out.push(Part::Text(std::mem::take(&mut text)));
            out.push(reference);
        }
    }
    out.push(Part::Text(text));
    Ok(out)
}

fn write_parts(out: &mut String, parts: &[Part], found: &Captures<'_, str>) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Group(n) => out.push_str(found.get(*n).map_or("", |group| group.as_str())),
        }
    }
}
