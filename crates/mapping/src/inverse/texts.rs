//! Replaced, cut and padded text.

use model::field::FieldType;
use model::mapping::Step;

use super::steps::{Answer, Asked, Undone};
use super::table::as_it_is;
use crate::transforms::step;

/// A replacement is turned around where that does not do harm. Where it tidied up (two spaces become one,
/// dashes go) it must not be: the other side's spaces would all be doubled.
pub(super) fn replace(asked: &Asked<'_>) -> Answer {
    let find = asked.with.text("find").unwrap_or_default();
    let new = asked.with.text("with").unwrap_or_default();
    if asked.with.flag("regex") || new.is_empty() || find.contains(&new) {
        return as_it_is(asked, "what was replaced does not come back");
    }
    let why = format!("every \"{new}\" comes back as \"{find}\"");
    let turned = step("replace", [("find", new.into()), ("with", find.into())]);
    Ok(Undone::by([turned], FieldType::Text).losing(why))
}

pub(super) fn slice(asked: &Asked<'_>) -> Answer {
    if asked.with.integer("start").unwrap_or(0) != 0 {
        return Err("a part of a text cannot be put back into the whole".to_owned());
    }
    as_it_is(asked, "what was cut off does not come back")
}

/// Takes the padding off. Of numbers nothing is lost by that; a text may have begun with what it is filled with.
pub(super) fn pad(asked: &Asked<'_>) -> Answer {
    let fill = asked.with.text("with").unwrap_or_default();
    let right = asked.with.text("side").as_deref() == Some("right");
    let mut letters = fill.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        return as_it_is(asked, "what was filled in stays");
    };
    let undone = Undone::by([strip(letter, right)], FieldType::Text);
    let of_number = asked.before.kind == FieldType::Integer
        && !right
        && (letter == '0' || letter.is_whitespace());
    Ok(if of_number {
        undone
    } else {
        let end = if right { "end" } else { "start" };
        undone.losing(format!(
            "\"{letter}\" at the {end} of a text does not come back"
        ))
    })
}

/// All of the letters at one end, but not the last one that is left.
fn strip(letter: char, right: bool) -> Step {
    let letter = regex::escape(&letter.to_string());
    let find = if right {
        format!("(?s)(.){letter}+$")
    } else {
        format!("(?s)^{letter}+(.)")
    };
    step(
        "replace",
        [
            ("find", find.into()),
            ("with", "${1}".into()),
            ("regex", true.into()),
        ],
    )
}
