//! Methods of text that look for parts of it and cut it there.

use super::text::{argument, argument_of, piece};
use crate::error::{Fallible, Fault};
use crate::filters::whole;
use crate::run::{Given, Machine};
use crate::text::{chars_between, is_space, length};
use crate::value::{Text, Val};

pub(super) fn split<'r>(
    m: &Machine<'r>,
    text: &Text<'r>,
    from_end: bool,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let [separator, most] = given.bind("split", ["sep", "maxsplit"], 0)?;
    let most = usize::try_from(whole(most, -1)?).ok();
    let parts: Vec<&str> = match &separator {
        None | Some(Val::None) => split_spaces(text, most, from_end),
        Some(separator) => {
            let separator = separator.as_str().ok_or_else(|| {
                Fault::wrong_type(format!(
                    "must be str or None, not {}",
                    separator.type_name()
                ))
            })?;
            if separator.is_empty() {
                return Err(Fault::value("empty separator"));
            }
            match (most, from_end) {
                (None, _) => text.split(separator).collect(),
                (Some(most), false) => text.splitn(most + 1, separator).collect(),
                (Some(most), true) => {
                    let mut parts: Vec<&str> = text.rsplitn(most + 1, separator).collect();
                    parts.reverse();
                    parts
                }
            }
        }
    };
    m.steps(parts.len())?;
    Ok(Val::list(
        parts.into_iter().map(|part| piece(text, part)).collect(),
    ))
}

fn split_spaces(text: &str, most: Option<usize>, from_end: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if from_end {
        text.trim_end_matches(is_space)
    } else {
        text.trim_start_matches(is_space)
    };
    while !rest.is_empty() {
        let at = if from_end {
            rest.rfind(is_space)
        } else {
            rest.find(is_space)
        };
        let at = at.filter(|_| most.is_none_or(|most| parts.len() < most));
        let Some(at) = at else {
            parts.push(if most.is_some_and(|most| parts.len() >= most) {
                // What is left keeps its inner spaces, and loses those at its other end.
                if from_end {
                    rest.trim_start_matches(is_space)
                } else {
                    rest.trim_end_matches(is_space)
                }
            } else {
                rest
            });
            break;
        };
        if from_end {
            let (before, word) = rest.split_at_checked(at).unwrap_or((rest, ""));
            parts.push(word.trim_start_matches(is_space));
            rest = before.trim_end_matches(is_space);
        } else {
            let (word, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            parts.push(word);
            rest = after.trim_start_matches(is_space);
        }
    }
    parts.retain(|part| !part.is_empty());
    if from_end {
        parts.reverse();
    }
    parts
}

/// The part between two places, as `text[start:stop]`, and where it begins; none where they are the wrong way round.
pub(super) fn bounded<'t>(
    text: &'t str,
    start: Option<Val<'_>>,
    stop: Option<Val<'_>>,
) -> Fallible<(usize, Option<&'t str>)> {
    let count = length(text);
    let all = i64::try_from(count).unwrap_or(i64::MAX);
    let place = |value: Option<Val<'_>>, default: i64| -> Fallible<i64> {
        let n = match value {
            None | Some(Val::None) => default,
            value => whole(value, default)?,
        };
        Ok(if n < 0 {
            n.saturating_add(all).max(0)
        } else {
            n
        })
    };
    let (start, stop) = (place(start, 0)?, place(stop, all)?.min(all));
    if start > stop {
        return Ok((0, None));
    }
    let (start, stop) = (
        usize::try_from(start).unwrap_or(0),
        usize::try_from(stop).unwrap_or(0),
    );
    Ok((start, Some(chars_between(text, start, stop))))
}

pub(super) fn find<'r>(text: &str, name: &str, given: Given<'r>) -> Fallible<Val<'r>> {
    let [part, start, stop] = given.bind(name, ["", "", ""], 1)?;
    let part = argument(&part)?;
    let (start, here) = bounded(text, start, stop)?;
    let found = here.and_then(|here| {
        let at = if name.starts_with('r') {
            here.rfind(part)
        } else {
            here.find(part)
        };
        at.and_then(|at| here.get(..at))
            .map(|before| start + length(before))
    });
    match found {
        Some(at) => Ok(Val::count(at)),
        None if name.ends_with("find") => Ok(Val::Int(-1)),
        None => Err(Fault::value("substring not found")),
    }
}

pub(super) fn affix<'r>(
    m: &Machine<'r>,
    text: &str,
    name: &str,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    let [affix, start, stop] = given.bind(name, ["", "", ""], 1)?;
    let affix = affix.unwrap_or(Val::None);
    let (_, here) = bounded(text, start, stop)?;
    let fits = |affix: &str| {
        here.is_some_and(|here| {
            if name == "startswith" {
                here.starts_with(affix)
            } else {
                here.ends_with(affix)
            }
        })
    };
    if let Val::Tuple(tuple) = &affix {
        for affix in &tuple.items {
            m.step()?;
            if fits(argument_of(affix)?) {
                return Ok(Val::Bool(true));
            }
        }
        return Ok(Val::Bool(false));
    }
    let affix = affix.as_str().ok_or_else(|| {
        Fault::wrong_type(format!(
            "{name} first arg must be str or a tuple of str, not {}",
            affix.type_name()
        ))
    })?;
    Ok(Val::Bool(fits(affix)))
}

/// The lines of a text; their ends too, if wanted.
pub(crate) fn lines(text: &str, keep: bool) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    while !rest.is_empty() {
        let Some(at) = rest.find(is_end) else {
            out.push(rest);
            break;
        };
        let (line, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let end = if tail.starts_with("\r\n") {
            2
        } else {
            tail.chars().next().map_or(0, char::len_utf8)
        };
        out.push(if keep {
            rest.get(..at + end).unwrap_or(line)
        } else {
            line
        });
        rest = tail.get(end..).unwrap_or_default();
    }
    out
}
