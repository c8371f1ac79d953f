//! How each transform is undone. One row per row of the table of transforms; a test sees to it.

use model::field::FieldType;

use super::steps::{Answer, Asked, Undone};
use super::{dates, lists, numbers, texts, values};

/// How the step is undone; none where the transform has no row here.
pub(super) fn answer(asked: &Asked<'_>) -> Option<Answer> {
    Some(match asked.step.name.as_str() {
        "trim" => as_it_is(asked, "spaces at the ends do not come back"),
        "normalise_space" => as_it_is(asked, "extra spaces do not come back"),
        "lower" => as_it_is(asked, "capitals do not come back"),
        "upper" => as_it_is(asked, "small letters do not come back"),
        "capitalise" => as_it_is(asked, "the case of the letters does not come back"),
        "replace" => texts::replace(asked),
        "slice" => texts::slice(asked),
        "pad" => texts::pad(asked),
        "strip_html" => as_it_is(asked, "HTML does not come back"),
        "nfc" => as_it_is(asked, "another spelling of accents does not come back"),
        "length" => one_way("only the length is passed on"),
        "expression" => one_way("an expression cannot be turned around"),
        "parse_number" => numbers::parse_number(asked),
        "format_number" => numbers::format_number(asked),
        "round" => as_it_is(asked, "digits that were rounded away do not come back"),
        "multiply" => numbers::multiply(asked),
        "add" => numbers::add(asked),
        "parse_date" => dates::parse_date(asked),
        "format_date" => dates::format_date(asked),
        "date_only" => dates::date_only(asked),
        "to_zone" => as_it_is(
            asked,
            "the same point in time comes back with another offset",
        ),
        "default_if_empty" | "default_if_missing" => values::default(asked),
        "coalesce" | "first" | "last" | "item" => {
            one_way("only one item is passed on; the others would be lost")
        }
        "null_if" => as_it_is(asked, "texts that mean nothing come back as nothing"),
        "require" => Ok(same(asked)),
        "to_text" => values::to_text(asked),
        // What was read as a number is written as one again, true and false are read as before.
        "to_integer" | "to_decimal" => Ok(same(asked)),
        "to_bool" => values::to_bool(asked),
        "to_list" => lists::to_list(asked),
        "count" => one_way("only the number of items is passed on"),
        "distinct" => as_it_is(asked, "repeated items do not come back"),
        "compact" => as_it_is(asked, "items that were left out do not come back"),
        "each" => lists::each(asked),
        "concat" => one_way("texts that were put together cannot be told apart"),
        "join" => lists::join(asked),
        "split" => lists::split(asked),
        "value_map" => values::value_map(asked),
        "reference" => one_way("which record it points at is only looked up from source to target"),
        "country_code" => as_it_is(asked, "the country comes back as its code"),
        "phone_e164" => as_it_is(asked, "the number comes back in its international form"),
        "hash" => one_way("a hash cannot be read back"),
        "mask" => one_way("what was covered cannot be read back"),
        _ => return None,
    })
}

/// The value as it is, and nothing lost.
pub(super) fn same(asked: &Asked<'_>) -> Undone {
    let mut undone = Undone::by([], asked.after.kind);
    if asked.after.kind == FieldType::List {
        undone.gives.items = asked.have.items.or(asked.after.items);
    }
    undone
}

/// The value as it is.
pub(super) fn as_it_is(asked: &Asked<'_>, loss: &str) -> Answer {
    Ok(same(asked).losing(loss))
}

fn one_way(why: &str) -> Answer {
    Err(why.to_owned())
}
