//! Methods of text and bytes.

use std::rc::Rc;

use super::search::{affix, bounded, find, lines, split};
use crate::error::{Fallible, Fault};
use crate::filters::{flag, whole};
use crate::run::{Given, Machine};
use crate::text::{is_printable, is_space, length};
use crate::value::{Text, Val, print};

pub(super) const METHODS: [&str; 46] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
pub(super) const BYTES: [&str; 3] = ["decode", "hex", "startswith"];

/// Calls a method of a text.
pub(super) fn call<'r>(
    m: &Machine<'r>,
    text: &Text<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    m.pay_for_bytes(text.len())?;
    match name {
        "split" | "rsplit" => split(m, text, name == "rsplit", given),
        "strip" | "lstrip" | "rstrip" => strip(text, name, given),
        "replace" => {
            let [old, new, count] = given.bind(name, ["", "", "count"], 2)?;
            let (old, new) = (argument(&old)?, argument(&new)?);
            replace(m, text, old, new, whole(count, -1)?).map(Val::text)
        }
        "join" => join(m, text, given),
        "lower" => {
            given.none(name)?;
            Ok(Val::text(lower(text)))
        }
        "upper" => {
            given.none(name)?;
            Ok(Val::text(text.to_uppercase()))
        }
        "startswith" | "endswith" => affix(m, text, name, given),
        "find" | "rfind" | "index" | "rindex" => find(text, name, given),
        "count" => {
            let [part, start, stop] = given.bind(name, ["", "", ""], 1)?;
            let part = argument(&part)?;
            let (_, here) = bounded(text, start, stop)?;
            let count = match here {
                None => 0,
                Some(here) if part.is_empty() => length(here) + 1,
                Some(here) => here.matches(part).count(),
            };
            Ok(Val::count(count))
        }
        "format" => crate::format::brace::format(m, text, &given, false).map(Val::text),
        "format_map" => {
            let mapping = given.only(name, "mapping")?;
            let mut given = Given::default();
            for (key, value) in m.entries_of(&mapping)? {
                if let Val::Text(key) = key {
                    given.by_name.push((key, value));
                }
            }
            crate::format::brace::format(m, text, &given, false).map(Val::text)
        }
        "splitlines" => {
            let [keep] = given.bind(name, ["keepends"], 0)?;
            let keep = flag(m, keep, false)?;
            let lines = lines(text, keep);
            m.steps(lines.len())?;
            Ok(Val::list(
                lines.into_iter().map(|line| piece(text, line)).collect(),
            ))
        }
        "partition" | "rpartition" => {
            let separator = given.only(name, "sep")?;
            let separator = argument_of(&separator)?;
            if separator.is_empty() {
                return Err(Fault::value("empty separator"));
            }
            let parts = if name == "partition" {
                text.split_once(separator)
            } else {
                text.rsplit_once(separator)
            };
            let parts = match parts {
                Some((before, after)) => [before, separator, after],
                None if name == "partition" => [&**text, "", ""],
                None => ["", "", &**text],
            };
            Ok(Val::tuple(parts.into_iter().map(Val::text).collect()))
        }
        "removeprefix" | "removesuffix" => {
            let affix = given.only(name, "")?;
            let affix = argument_of(&affix)?;
            let rest = if name == "removeprefix" {
                text.strip_prefix(affix)
            } else {
                text.strip_suffix(affix)
            };
            Ok(piece(text, rest.unwrap_or(text)))
        }
        "ljust" | "rjust" | "center" => justify(m, text, name, given),
        "zfill" => {
            let width = usize::try_from(whole(Some(given.only(name, "width")?), 0)?).unwrap_or(0);
            m.pay_for_bytes(width)?;
            let missing = width.saturating_sub(length(text));
            let (sign, digits) = match text.strip_prefix(['+', '-']) {
                Some(digits) => text
                    .split_at_checked(text.len() - digits.len())
                    .unwrap_or(("", text)),
                None => ("", &**text),
            };
            Ok(Val::text(format!("{sign}{}{digits}", "0".repeat(missing))))
        }
        "encode" => {
            let [encoding, _] = given.bind(name, ["encoding", "errors"], 0)?;
            let encoding = encoding.as_ref().map_or(Ok("utf-8"), argument_of)?;
            encode(text, encoding).map(|bytes| Val::Bytes(bytes.into()))
        }
        "translate" => translate(m, text, &given.only(name, "table")?),
        "expandtabs" => {
            let [size] = given.bind(name, ["tabsize"], 0)?;
            let size = usize::try_from(whole(size, 8)?).unwrap_or(0);
            m.pay_for_bytes(text.matches('\t').count().saturating_mul(size))?;
            Ok(Val::text(expand_tabs(text, size)))
        }
        _ => {
            given.none(name)?;
            simple(text, name)
        }
    }
}

fn simple<'r>(text: &str, name: &str) -> Fallible<Val<'r>> {
    let all = |holds: fn(char) -> bool| Val::Bool(!text.is_empty() && text.chars().all(holds));
    let is_digit = |c: char| c.is_ascii_digit() || crate::value::number::unicode_digit(c).is_some();
    Ok(match name {
        "capitalize" => {
            let mut chars = text.chars();
            let mut out = String::with_capacity(text.len());
            if let Some(first) = chars.next() {
                out.extend(first.to_uppercase());
                out.push_str(&lower(chars.as_str()));
            }
            Val::text(out)
        }
        "casefold" => Val::text(lower(text).replace('ß', "ss")),
        "swapcase" => {
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                if c.is_uppercase() {
                    out.extend(c.to_lowercase());
                } else if c.is_lowercase() {
                    out.extend(c.to_uppercase());
                } else {
                    out.push(c);
                }
            }
            Val::text(out)
        }
        "title" => {
            let mut out = String::with_capacity(text.len());
            let mut in_word = false;
            for c in text.chars() {
                if in_word {
                    out.extend(c.to_lowercase());
                } else {
                    out.extend(c.to_uppercase());
                }
                in_word = c.is_alphabetic();
            }
            Val::text(out)
        }
        "isalnum" => all(char::is_alphanumeric),
        "isalpha" => all(char::is_alphabetic),
        "isascii" => Val::Bool(text.is_ascii()),
        "isdecimal" => Val::Bool(!text.is_empty() && text.chars().all(is_digit)),
        "isdigit" => Val::Bool(
            !text.is_empty()
                && text.chars().all(|c| {
                    is_digit(c) || matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉')
                }),
        ),
        "isnumeric" => all(char::is_numeric),
        "isidentifier" => Val::Bool(
            text.starts_with(|c: char| c == '_' || c.is_alphabetic())
                && text.chars().all(|c| c == '_' || c.is_alphanumeric()),
        ),
        "islower" => Val::Bool(is_lower(text)),
        "isupper" => Val::Bool(is_upper(text)),
        "isprintable" => Val::Bool(text.chars().all(is_printable)),
        "isspace" => all(is_space),
        "istitle" => Val::Bool(is_title(text)),
        _ => {
            return Err(Fault::failed(format!(
                "there is no method '{name}' of text"
            )));
        }
    })
}

/// Lower case, with Python's only rule that looks around.
fn lower(text: &str) -> String {
    text.to_lowercase()
}

pub(crate) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)
}

pub(crate) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)
}

fn is_title(text: &str) -> bool {
    let mut in_word = false;
    let mut any = false;
    for c in text.chars() {
        if c.is_uppercase() {
            if in_word {
                return false;
            }
            (in_word, any) = (true, true);
        } else if c.is_lowercase() {
            if !in_word {
                return false;
            }
            any = true;
        } else {
            in_word = false;
        }
    }
    any
}

/// The text of an argument that must be one.
pub(super) fn argument<'v>(value: &'v Option<Val<'_>>) -> Fallible<&'v str> {
    match value {
        Some(value) => argument_of(value),
        None => Ok(""),
    }
}

pub(super) fn argument_of<'v>(value: &'v Val<'_>) -> Fallible<&'v str> {
    value.as_str().ok_or_else(|| {
        Fault::wrong_type(format!("argument must be str, not {}", value.type_name()))
    })
}

/// A part of a text: borrowed where the text is.
pub(super) fn piece<'r>(of: &Text<'r>, part: &str) -> Val<'r> {
    if let Text::Borrowed(whole) = of {
        let start = (part.as_ptr() as usize).wrapping_sub(whole.as_ptr() as usize);
        if let Some(same) = whole.get(start..start.wrapping_add(part.len()))
            && same.len() == part.len()
            && same == part
        {
            return Val::borrowed(same);
        }
    }
    Val::text(part)
}

/// `text.replace(old, new, count)`
pub(crate) fn replace<'r>(
    m: &Machine<'r>,
    text: &str,
    old: &str,
    new: &str,
    count: i64,
) -> Fallible<String> {
    let most = usize::try_from(count).unwrap_or(usize::MAX);
    let found = if old.is_empty() {
        length(text) + 1
    } else {
        text.matches(old).count()
    };
    let found = found.min(most);
    m.pay_for_bytes(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, found))
}

fn strip<'r>(text: &Text<'r>, name: &str, given: Given<'r>) -> Fallible<Val<'r>> {
    let [chars] = given.bind(name, [""], 0)?;
    let chars = match &chars {
        None | Some(Val::None) => None,
        Some(chars) => Some(
            chars
                .as_str()
                .ok_or_else(|| Fault::wrong_type(format!("{name} arg must be None or str")))?,
        ),
    };
    let drops = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    let rest = match name {
        "strip" => text.trim_matches(drops),
        "lstrip" => text.trim_start_matches(drops),
        _ => text.trim_end_matches(drops),
    };
    Ok(piece(text, rest))
}

fn join<'r>(m: &Machine<'r>, separator: &str, given: Given<'r>) -> Fallible<Val<'r>> {
    let items = given.only("join", "iterable")?;
    let mut iter = m.iter(&items).map_err(|fault| match fault.kind {
        crate::error::FaultKind::Type => Fault::wrong_type("can only join an iterable"),
        _ => fault,
    })?;
    let mut out = String::new();
    let mut n = 0;
    while let Some(item) = iter.next(m)? {
        let Some(text) = item.as_str() else {
            return Err(Fault::wrong_type(format!(
                "sequence item {n}: expected str instance, {} found",
                item.type_name()
            )));
        };
        if n > 0 {
            m.append(&mut out, separator)?;
        }
        m.append(&mut out, text)?;
        n += 1;
    }
    Ok(Val::text(out))
}

fn justify<'r>(
    m: &Machine<'r>,
    text: &Text<'r>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let [width, fill] = given.bind(name, ["", ""], 1)?;
    let width = usize::try_from(whole(width, 0)?).unwrap_or(0);
    let fill = fill.as_ref().map_or(Ok(" "), argument_of)?;
    let mut chars = fill.chars();
    let (Some(fill), None) = (chars.next(), chars.next()) else {
        return Err(Fault::wrong_type(
            "The fill character must be exactly one character long",
        ));
    };
    m.pay_for_bytes(width)?;
    let missing = width.saturating_sub(length(text));
    let left = match name {
        "ljust" => 0,
        "rjust" => missing,
        // As CPython rounds.
        _ => missing / 2 + (missing & width & 1),
    };
    let mut out = String::with_capacity(text.len() + missing);
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, missing - left));
    Ok(Val::text(out))
}

fn expand_tabs(text: &str, size: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let width = size - column % size;
                out.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\t' => {}
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

fn encode(text: &str, encoding: &str) -> Fallible<Vec<u8>> {
    let most = match encoding.to_lowercase().replace('_', "-").as_str() {
        "utf-8" | "utf8" => return Ok(text.as_bytes().to_vec()),
        "ascii" | "us-ascii" => 0x7f,
        "latin-1" | "latin1" | "iso-8859-1" => 0xff,
        _ => return Err(Fault::lookup(format!("unknown encoding: {encoding}"))),
    };
    text.chars()
        .map(|c| {
            u8::try_from(u32::from(c))
                .ok()
                .filter(|byte| u32::from(*byte) <= most)
                .ok_or_else(|| Fault::value(format!("'{encoding}' codec can't encode '{c}'")))
        })
        .collect()
}

fn translate<'r>(m: &Machine<'r>, text: &str, table: &Val<'r>) -> Fallible<Val<'r>> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        m.step()?;
        match m.item(table, &Val::Int(i64::from(u32::from(c))))? {
            None => out.push(c),
            Some(Val::None) => {}
            Some(Val::Int(n)) => out.extend(u32::try_from(n).ok().and_then(char::from_u32)),
            Some(value) => out.push_str(argument_of(&value)?),
        }
    }
    Ok(Val::text(out))
}

/// Calls a method of safe text: what it makes is safe, and what it is given is escaped.
pub(super) fn call_markup<'r>(
    m: &Machine<'r>,
    text: &Rc<str>,
    name: &str,
    mut given: Given<'r>,
) -> Fallible<Val<'r>> {
    let plain = Text::Shared(text.clone());
    if name == "format" {
        let text = crate::format::brace::format(m, text, &given, true)?;
        return Ok(Val::Markup(text.into()));
    }
    let escaped = |value: &Val<'r>| -> Fallible<Val<'r>> {
        let mut out = String::new();
        crate::filters::markup::write_escaped(m, &mut out, value)?;
        Ok(Val::text(out))
    };
    if name == "join" {
        let mut items = Vec::new();
        for item in m.collect(&given.only(name, "iterable")?)? {
            items.push(escaped(&item)?);
        }
        given = Given::one(Val::list(items));
    } else if name == "replace"
        && let Some(new) = given.by_place.get_mut(1)
    {
        *new = escaped(new)?;
    }
    Ok(match call(m, &plain, name, given)? {
        Val::Text(text) => Val::Markup((*text).into()),
        Val::List(list) => {
            let parts = list.0.borrow();
            Val::list(
                parts
                    .iter()
                    .map(|part| match part {
                        Val::Text(text) => Val::Markup((**text).into()),
                        other => other.clone(),
                    })
                    .collect(),
            )
        }
        other => other,
    })
}

/// Calls a method of bytes.
pub(super) fn call_bytes<'r>(
    m: &Machine<'r>,
    bytes: &Rc<[u8]>,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    m.pay_for_bytes(bytes.len())?;
    match name {
        "decode" => {
            let [encoding, _] = given.bind(name, ["encoding", "errors"], 0)?;
            let encoding = encoding.as_ref().map_or(Ok("utf-8"), argument_of)?;
            match encoding.to_lowercase().replace('_', "-").as_str() {
                "latin-1" | "latin1" | "iso-8859-1" => Ok(Val::text(
                    bytes
                        .iter()
                        .map(|byte| char::from(*byte))
                        .collect::<String>(),
                )),
                "utf-8" | "utf8" | "ascii" | "us-ascii" => {
                    std::str::from_utf8(bytes).map(Val::text).map_err(|_| {
                        Fault::value(format!("'{encoding}' codec can't decode the bytes"))
                    })
                }
                _ => Err(Fault::lookup(format!("unknown encoding: {encoding}"))),
            }
        }
        "hex" => {
            given.none(name)?;
            Ok(Val::text(hex::encode(bytes)))
        }
        _ => {
            let prefix = given.only(name, "")?;
            match &prefix {
                Val::Bytes(prefix) => Ok(Val::Bool(bytes.starts_with(prefix))),
                other => Err(Fault::wrong_type(format!(
                    "startswith first arg must be bytes, not {}",
                    print::to_repr(m, other)?
                ))),
            }
        }
    }
}
