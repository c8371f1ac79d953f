//! Text that is safe in HTML.

use super::flag;
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::{Val, print};

/// Writes a value with what HTML would take for its own escaped.
pub(crate) fn write_escaped<'r>(
    m: &Machine<'r>,
    out: &mut String,
    value: &Val<'r>,
) -> Fallible<()> {
    if let Val::Markup(text) = value {
        return m.append(out, text);
    }
    let text = print::to_str(m, value)?;
    m.pay_for_bytes(text.len())?;
    out.push_str(&escaped(&text));
    m.check_length(out)
}

pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn escape<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("escape")?;
    let mut out = String::new();
    write_escaped(m, &mut out, &value)?;
    Ok(Val::Markup(out.into()))
}

pub(super) fn force_escape<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("forceescape")?;
    let text = print::to_str(m, &value)?;
    Ok(Val::Markup(escaped(&text).into()))
}

pub(super) fn safe<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("safe")?;
    let text = print::to_str(m, &value)?;
    Ok(Val::Markup((*text).into()))
}

pub(super) fn striptags<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("striptags")?;
    let text = print::to_str(m, &value)?;
    m.pay_for_bytes(text.len())?;
    let mut text = text.to_string();
    for (open, close) in [("<!--", "-->"), ("<", ">")] {
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, inside)) = rest.split_once(open) {
            let Some((_, after)) = inside.split_once(close) else {
                break;
            };
            out.push_str(before);
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    let words: Vec<&str> = text
        .split(crate::text::is_space)
        .filter(|word| !word.is_empty())
        .collect();
    Ok(Val::text(unescaped(&words.join(" "))))
}

/// Entities as the characters that they stand for.
fn unescaped(text: &str) -> String {
    const NAMED: [(&str, char); 12] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", '\u{a0}'),
        ("copy", '©'),
        ("reg", '®'),
        ("hellip", '…'),
        ("ndash", '–'),
        ("mdash", '—'),
        ("euro", '€'),
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '#'))
            .unwrap_or(after.len());
        let (name, tail) = after.split_at_checked(end).unwrap_or((after, ""));
        let c = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            }
            .and_then(char::from_u32),
            None => NAMED
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, c)| *c),
        };
        match c {
            Some(c) => {
                out.push(c);
                rest = tail.strip_prefix(';').unwrap_or(tail);
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

pub(super) fn xmlattr<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [autospace] = given.bind("xmlattr", ["autospace"], 0)?;
    let autospace = flag(m, autospace, true)?;
    if let Val::Undefined(missing) = &value {
        return Err(m.undefined_fault(missing));
    }
    if m.settled(&value).type_name() != "dict" {
        return Err(super::no_attribute(&value, "items"));
    }
    let mut parts = Vec::new();
    for (key, value) in m.entries_of(&value)? {
        if matches!(value, Val::None | Val::Undefined(_)) {
            continue;
        }
        let Some(name) = key.as_str() else {
            return Err(Fault::wrong_type("expected string or bytes-like object"));
        };
        if name
            .contains(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=' | '\u{b}'))
        {
            return Err(Fault::value(format!(
                "Invalid character in attribute name: '{name}'"
            )));
        }
        let mut part = escaped(name);
        part.push_str("=\"");
        write_escaped(m, &mut part, &value)?;
        part.push('"');
        parts.push(part);
    }
    let mut out = parts.join(" ");
    if autospace && !out.is_empty() {
        out.insert(0, ' ');
    }
    m.check_length(&out)?;
    Ok(Val::text(out))
}

pub(super) fn urlize<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [limit, nofollow, target, rel, extra] = given.bind(
        "urlize",
        [
            "trim_url_limit",
            "nofollow",
            "target",
            "rel",
            "extra_schemes",
        ],
        0,
    )?;
    let text = print::to_str(m, &value)?;
    m.pay_for_bytes(text.len().saturating_mul(4))?;
    let limit = match limit.filter(|limit| !matches!(limit, Val::None)) {
        Some(limit) => Some(usize::try_from(super::whole(Some(limit), 0)?).unwrap_or(0)),
        None => None,
    };
    let mut rels = vec!["noopener".to_owned()];
    if flag(m, nofollow, false)? {
        rels.push("nofollow".to_owned());
    }
    if let Some(rel) = rel.as_ref().and_then(Val::as_str) {
        rels.extend(rel.split_whitespace().map(ToOwned::to_owned));
    }
    rels.sort();
    rels.dedup();
    let mut attributes = format!(" rel=\"{}\"", escaped(&rels.join(" ")));
    if let Some(target) = target.as_ref().and_then(Val::as_str) {
        attributes.push_str(&format!(" target=\"{}\"", escaped(target)));
    }
    let mut schemes = Vec::new();
    if let Some(extra) = extra.filter(|extra| !matches!(extra, Val::None)) {
        for scheme in m.collect(&extra)? {
            let scheme = print::to_str(m, &scheme)?.to_string();
            if !scheme.contains(':') || scheme.len() < 3 {
                return Err(Fault::failed(format!(
                    "'{scheme}' is not a valid URI scheme prefix."
                )));
            }
            schemes.push(scheme);
        }
    }
    let escaped = escaped(&text);
    let mut out = String::new();
    let mut rest = escaped.as_str();
    while !rest.is_empty() {
        let space = rest.starts_with(crate::text::is_space);
        let end = rest
            .find(|c| crate::text::is_space(c) != space)
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if space {
            out.push_str(word);
        } else {
            out.push_str(&linked(word, limit, &attributes, &schemes));
        }
        rest = after;
    }
    m.check_length(&out)?;
    Ok(Val::text(out))
}

fn linked(word: &str, limit: Option<usize>, attributes: &str, schemes: &[String]) -> String {
    let mut middle = word;
    loop {
        let shorter = middle
            .strip_prefix(['(', '<'])
            .or_else(|| middle.strip_prefix("&lt;"));
        match shorter {
            Some(shorter) => middle = shorter,
            None => break,
        }
    }
    let head_length = word.len() - middle.len();
    loop {
        let shorter = middle
            .strip_suffix([')', '>', '.', ',', '\n'])
            .or_else(|| middle.strip_suffix("&gt;"));
        match shorter {
            Some(shorter) => middle = shorter,
            None => break,
        }
    }
    let mut end = head_length + middle.len();
    for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
        let here = word.get(head_length..end).unwrap_or_default();
        let opened = here.matches(open).count();
        if opened <= here.matches(close).count() {
            continue;
        }
        let tail = word.get(end..).unwrap_or_default();
        for _ in 0..opened.min(tail.matches(close).count()) {
            let tail = word.get(end..).unwrap_or_default();
            if let Some(at) = tail.find(close) {
                end += at + close.len();
            }
        }
    }
    let head = word.get(..head_length).unwrap_or_default();
    let middle = word.get(head_length..end).unwrap_or_default();
    let tail = word.get(end..).unwrap_or_default();
    let shown = match limit {
        Some(limit) if crate::text::length(middle) > limit => {
            format!("{}...", crate::text::chars_between(middle, 0, limit))
        }
        _ => middle.to_owned(),
    };
    let link = if middle.starts_with("https://") || middle.starts_with("http://") {
        format!("<a href=\"{middle}\"{attributes}>{shown}</a>")
    } else if is_host(middle) {
        format!("<a href=\"https://{middle}\"{attributes}>{shown}</a>")
    } else if let Some(address) = middle
        .strip_prefix("mailto:")
        .filter(|rest| is_address(rest))
    {
        format!("<a href=\"{middle}\">{address}</a>")
    } else if is_address(middle) && !middle.starts_with("www.") && !middle.contains(':') {
        format!("<a href=\"mailto:{middle}\">{middle}</a>")
    } else if schemes
        .iter()
        .any(|scheme| middle != scheme && middle.starts_with(scheme))
    {
        format!("<a href=\"{middle}\"{attributes}>{middle}</a>")
    } else {
        middle.to_owned()
    };
    format!("{head}{link}{tail}")
}

fn is_host(text: &str) -> bool {
    let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let is_name = |host: &str| {
        host.split('.').count() > 1
            && host.split('.').all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            })
    };
    if let Some(rest) = host.strip_prefix("www.") {
        return is_name(host) && !rest.is_empty();
    }
    let known = [
        ".com", ".net", ".int", ".edu", ".gov", ".org", ".info", ".mil",
    ];
    is_name(host) && known.iter().any(|end| host.ends_with(end))
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && !name.contains(char::is_whitespace)
            && host.split('.').count() > 1
            && host.split('.').all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            })
    })
}
