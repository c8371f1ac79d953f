//! Lists.

use model::field::FieldType;

use super::steps::{Answer, Asked, Undone, undo};
use super::table::same;
use crate::compile::flow::Flow;
use crate::transforms::step;

pub(super) fn to_list(asked: &Asked<'_>) -> Answer {
    if asked.before.kind == FieldType::List {
        return Ok(same(asked));
    }
    let item = asked.have.items.unwrap_or(asked.before.kind);
    Ok(Undone::by([step("first", [])], item).losing("of several items only the first comes back"))
}

/// The steps of each item, undone with each item.
pub(super) fn each(asked: &Asked<'_>) -> Answer {
    let steps: Vec<model::mapping::Step> = asked
        .with
        .json("steps")
        .and_then(|steps| serde_json::from_value(steps).ok())
        .unwrap_or_default();
    let item = |flow: &Flow| Flow::of_type(flow.items.unwrap_or(FieldType::Any));
    let (start, end) = (item(asked.before), item(asked.have));
    let mut back = undo(&steps, &start, &end, asked.depth + 1)?;
    if !back.steps.is_empty() {
        let steps = serde_json::to_value(&back.steps).unwrap_or_default();
        back.steps = vec![step("each", [("steps", steps)])];
    }
    let mut gives = Flow::of_type(FieldType::List);
    gives.items = Some(start.kind);
    Ok(Undone { back, gives })
}

pub(super) fn join(asked: &Asked<'_>) -> Answer {
    let separator = asked.with.text("separator").unwrap_or_default();
    let skip_empty = asked.with.flag("skip_empty");
    // The other side may write `a,b` or `a, b`; a word between spaces is not to be found inside other words.
    let bare = separator.trim();
    let cut = if skip_empty && !bare.is_empty() && !bare.contains(char::is_alphanumeric) {
        bare
    } else {
        &separator
    };
    if cut.is_empty() {
        return Err("without a separator it is not known where one item ends".to_owned());
    }
    let mut undone = Undone::by(
        [step(
            "split",
            [("separator", cut.into()), ("trim", skip_empty.into())],
        )],
        FieldType::List,
    );
    undone.gives.items = Some(FieldType::Text);
    Ok(undone.losing(two_items(cut)))
}

pub(super) fn split(asked: &Asked<'_>) -> Answer {
    let separator = asked.with.text("separator").unwrap_or_default();
    let trim = asked.with.flag("trim");
    let why = two_items(&separator);
    let joined = step(
        "join",
        [("separator", separator.into()), ("skip_empty", trim.into())],
    );
    Ok(Undone::by([joined], FieldType::Text).losing(why))
}

fn two_items(separator: &str) -> String {
    format!(
        "an item with \"{separator}\" in it becomes two items, and an empty list becomes nothing"
    )
}
