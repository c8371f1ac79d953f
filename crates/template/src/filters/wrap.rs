//! `wordwrap`: text in lines of a width, as Python's `textwrap` breaks it.

use super::{flag, whole};
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::Val;

pub(super) fn wordwrap<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [width, long_words, separator, hyphens] = given.bind(
        "wordwrap",
        [
            "width",
            "break_long_words",
            "wrapstring",
            "break_on_hyphens",
        ],
        0,
    )?;
    let width = whole(width, 79)?;
    let long_words = flag(m, long_words, true)?;
    let hyphens = flag(m, hyphens, true)?;
    let separator = separator.filter(|separator| !matches!(separator, Val::None));
    let separator = match &separator {
        Some(separator) => crate::value::print::to_str(m, separator)?.to_string(),
        None => "\n".to_owned(),
    };
    if let Val::Undefined(missing) = &value {
        return Err(m.undefined_fault(missing));
    }
    let text = value
        .as_str()
        .ok_or_else(|| super::no_attribute(&value, "splitlines"))?;
    m.pay_for_bytes(text.len().saturating_mul(4))?;
    let width = usize::try_from(width)
        .ok()
        .filter(|width| *width > 0)
        .ok_or_else(|| Fault::value(format!("invalid width {width} (must be > 0)")))?;
    let mut lines = Vec::new();
    for line in crate::methods::search::lines(text, false) {
        lines.push(wrapped(line, width, long_words, hyphens).join(&separator));
    }
    let out = lines.join(&separator);
    m.check_length(&out)?;
    Ok(Val::text(out))
}

fn wrapped(text: &str, width: usize, long_words: bool, hyphens: bool) -> Vec<String> {
    let length = |text: &str| crate::text::length(text);
    let mut chunks: std::collections::VecDeque<String> = chunks(text, hyphens).into();
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        if !lines.is_empty() && chunks.front().is_some_and(|chunk| is_blank(chunk)) {
            chunks.pop_front();
        }
        let mut line: Vec<String> = Vec::new();
        let mut used = 0;
        while let Some(chunk) = chunks.front() {
            if used + length(chunk) > width {
                break;
            }
            used += length(chunk);
            line.extend(chunks.pop_front());
        }
        if let Some(chunk) = chunks
            .front()
            .filter(|chunk| length(chunk) > width)
            .cloned()
        {
            if long_words {
                let mut room = width.saturating_sub(used).max(1);
                if hyphens && length(&chunk) > room {
                    let head = crate::text::chars_between(&chunk, 0, room);
                    if let Some(at) = head.rfind('-')
                        && at > 0
                        && head
                            .get(..at)
                            .is_some_and(|before| before.contains(|c| c != '-'))
                    {
                        room = length(head.get(..=at).unwrap_or(head));
                    }
                }
                let head = crate::text::chars_between(&chunk, 0, room).to_owned();
                let rest = chunk.get(head.len()..).unwrap_or_default().to_owned();
                line.push(head);
                if let Some(front) = chunks.front_mut() {
                    *front = rest;
                }
            } else if line.is_empty() {
                line.extend(chunks.pop_front());
            }
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
    }
    lines
}

fn is_blank(chunk: &str) -> bool {
    chunk.chars().all(crate::text::is_space)
}

/// Words, the spaces between them, and the parts of words with hyphens.
fn chunks(text: &str, hyphens: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut space = None;
    for c in text.chars() {
        let here = crate::text::is_space(c);
        if space == Some(here)
            && let Some(last) = out.last_mut()
        {
            last.push(c);
        } else {
            out.push(c.to_string());
        }
        space = Some(here);
    }
    if !hyphens {
        return out;
    }
    let mut parts = Vec::with_capacity(out.len());
    for word in out {
        let chars: Vec<char> = word.chars().collect();
        let letter = |at: usize| {
            chars
                .get(at)
                .is_some_and(|c| c.is_alphabetic() || *c == '_')
        };
        let mut part = String::new();
        for (at, c) in chars.iter().enumerate() {
            part.push(*c);
            let breaks = *c == '-'
                && at >= 2
                && letter(at - 1)
                && chars
                    .get(at - 2)
                    .is_some_and(|c| c.is_alphanumeric() || *c == '_')
                && letter(at + 1)
                && (letter(at + 2) || chars.get(at + 2) == Some(&'-'));
            if breaks {
                parts.push(std::mem::take(&mut part));
            }
        }
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}
