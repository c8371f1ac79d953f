//! Filters of text.

use super::{AttributePath, flag, whole};
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::{Text, Val, print};

/// The text of any value; markup stays markup.
fn soft<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Val<'r>> {
    match value {
        Val::Text(_) | Val::Markup(_) => Ok(value.clone()),
        _ => print::to_str(m, value).map(Val::Text),
    }
}

/// Calls a method of the value's text.
fn method<'r>(m: &Machine<'r>, value: &Val<'r>, name: &str, given: Given<'r>) -> Fallible<Val<'r>> {
    let text = soft(m, value)?;
    crate::methods::call(m, &text, name, given)
}

pub(super) fn upper<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    method(m, &value, "upper", given)
}

pub(super) fn lower<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    method(m, &value, "lower", given)
}

pub(super) fn capitalize<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    method(m, &value, "capitalize", given)
}

pub(super) fn center<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [width] = given.bind("center", ["width"], 0)?;
    method(
        m,
        &value,
        "center",
        Given::one(width.unwrap_or(Val::Int(80))),
    )
}

pub(super) fn trim<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [chars] = given.bind("trim", ["chars"], 0)?;
    method(m, &value, "strip", Given::one(chars.unwrap_or(Val::None)))
}

pub(super) fn title<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("title")?;
    let text = print::to_str(m, &value)?;
    m.pay_for_bytes(text.len())?;
    let is_break = |c: char| matches!(c, '-' | '(' | '{' | '[' | '<') || crate::text::is_space(c);
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        if is_break(c) {
            at_start = true;
            out.push(c);
        } else if at_start {
            at_start = false;
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
    }
    Ok(Val::text(out))
}

pub(super) fn replace<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [old, new, count] = given.bind("replace", ["old", "new", "count"], 2)?;
    let count = whole(count.filter(|count| !matches!(count, Val::None)), -1)?;
    let text = print::to_str(m, &value)?;
    let old = print::to_str(m, &old.unwrap_or(Val::None))?;
    let new = print::to_str(m, &new.unwrap_or(Val::None))?;
    crate::methods::text::replace(m, &text, &old, &new, count).map(Val::text)
}

pub(super) fn join<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [separator, attribute] = given.bind("join", ["d", "attribute"], 0)?;
    let separator = match separator {
        Some(separator) => print::to_str(m, &separator)?,
        None => Text::Borrowed(""),
    };
    let attribute = attribute.filter(|attribute| !matches!(attribute, Val::None));
    let path = AttributePath::new(attribute.as_ref());
    let mut out = String::new();
    let mut iter = m.iter(&value)?;
    let mut first = true;
    while let Some(item) = iter.next(m)? {
        if !first {
            m.append(&mut out, &separator)?;
        }
        first = false;
        let item = path.of(m, &item, None)?;
        m.print_plain(&mut out, &item)?;
    }
    Ok(Val::text(out))
}

pub(super) fn format<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let text = soft(m, &value)?;
    if !given.by_place.is_empty() && !given.by_name.is_empty() {
        return Err(Fault::failed(
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let values = if given.by_name.is_empty() {
        Val::tuple(given.by_place.into_vec())
    } else {
        let mut dict = crate::value::dict::Dict::default();
        for (name, value) in given.by_name {
            dict.set_text(&name, value);
        }
        Val::dict(dict)
    };
    crate::format::percent::format(m, &text, &values)
}

pub(super) fn indent<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [width, first, blank] = given.bind("indent", ["width", "first", "blank"], 0)?;
    let first = flag(m, first, false)?;
    let blank = flag(m, blank, false)?;
    let indention = match &width {
        Some(width) if width.as_str().is_some() => width.as_str().unwrap_or_default().to_owned(),
        _ => {
            let width = usize::try_from(whole(width, 4)?).unwrap_or(0);
            m.pay_for_bytes(width)?;
            " ".repeat(width)
        }
    };
    let Some(text) = value.as_str() else {
        if let Val::Undefined(missing) = &value {
            return Err(m.undefined_fault(missing));
        }
        if value.type_name() == "list" {
            return Err(super::no_attribute(&value, "splitlines"));
        }
        return Err(Fault::wrong_type(format!(
            "unsupported operand type(s) for +=: '{}' and 'str'",
            value.type_name()
        )));
    };
    let whole = format!("{text}\n");
    let lines = crate::methods::search::lines(&whole, false);
    m.pay_for_bytes(text.len() + lines.len().saturating_mul(indention.len()))?;
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            out.push('\n');
        }
        if if n == 0 {
            first
        } else {
            blank || !line.is_empty()
        } {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(match value {
        Val::Markup(_) => Val::Markup(out.into()),
        _ => Val::text(out),
    })
}

pub(super) fn truncate<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [length, kill_words, end, leeway] =
        given.bind("truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let length = whole(length, 255)?;
    let kill_words = flag(m, kill_words, false)?;
    let end = match &end {
        Some(end) => print::to_str(m, end)?,
        None => Text::Borrowed("..."),
    };
    let leeway = whole(leeway.filter(|leeway| !matches!(leeway, Val::None)), 5)?;
    let end_length = i64::try_from(crate::text::length(&end)).unwrap_or(i64::MAX);
    if length < end_length || leeway < 0 {
        return Err(Fault::failed(format!(
            "expected length >= {end_length}, got {length}"
        )));
    }
    let Some(text) = value.as_str() else {
        let count = i64::try_from(m.length(&value)?).unwrap_or(i64::MAX);
        if count <= length.saturating_add(leeway) {
            return Ok(value);
        }
        return Err(Fault::wrong_type("only text can be truncated"));
    };
    let count = i64::try_from(crate::text::length(text)).unwrap_or(i64::MAX);
    if count <= length.saturating_add(leeway) {
        return Ok(value);
    }
    let kept = usize::try_from(length - end_length).unwrap_or(0);
    let mut kept = crate::text::chars_between(text, 0, kept);
    if !kill_words && let Some((before, _)) = kept.rsplit_once(' ') {
        kept = before;
    }
    Ok(Val::text(format!("{kept}{}", &*end)))
}

pub(super) fn wordcount<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("wordcount")?;
    let text = print::to_str(m, &value)?;
    let words = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .count();
    Ok(Val::count(words))
}
