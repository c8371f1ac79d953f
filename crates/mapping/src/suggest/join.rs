//! Rules that take more than one source field.

use model::field::FieldType;
use model::mapping::{OnFailure, Origin, Rule};

use super::score::{Prepared, Table};
use super::{Candidate, Reason, Suggestion};
use crate::transforms::step;

/// First and last name into a full name, where no single field is a full name itself.
pub(super) fn full_name(
    table: &Table,
    sources: &[Candidate],
    target: &Candidate,
    index: usize,
    single: f64,
) -> Option<Suggestion> {
    let to = table.target.get(index)?;
    let words = leaf_words(target);
    let asked = match words.as_slice() {
        ["full", "name"] => 0.92,
        ["name"] => 0.8,
        _ => return None,
    };
    let texts = matches!(target.field.field_type, FieldType::Text | FieldType::Any);
    if !texts || to.words.contains(&"company") {
        return None;
    }
    let whole = sources
        .iter()
        .any(|source| matches!(leaf_words(source).as_slice(), ["full", "name"] | ["name"]));
    if single >= asked || (whole && single >= 0.6) {
        return None;
    }
    let part = |which: &str| {
        sources.iter().find(|source| {
            leaf_words(source) == [which, "name"]
                && source
                    .path
                    .segments()
                    .iter()
                    .all(|segment| matches!(segment, model::path::Segment::Name(_)))
        })
    };
    let (first, last) = (part("first")?, part("last")?);
    if first.path.parent() != last.path.parent() {
        return None;
    }
    let mut steps = vec![step(
        "concat",
        [("separator", " ".into()), ("skip_empty", true.into())],
    )];
    let longest = first
        .field
        .max_length
        .zip(last.field.max_length)
        .map(|(a, b)| a.saturating_add(b).saturating_add(1));
    if let (Some(most), Some(longest)) = (target.field.max_length, longest)
        && longest > most
    {
        steps.push(step("slice", [("length", most.into())]));
    }
    Some(Suggestion {
        rule: Rule {
            target: target.path.clone(),
            origin: Origin::Fields {
                paths: vec![first.path.clone(), last.path.clone()],
            },
            steps,
            on_failure: OnFailure::Hold,
            comment: None,
        },
        score: asked,
        reasons: vec![Reason {
            code: "joined",
            text: "first and last name make the full name".to_owned(),
        }],
        alternatives: Vec::new(),
    })
}

/// The field that tells the country of a phone number: in the same object first, anywhere else next.
pub(super) fn country_for<'a>(
    table: &Table,
    sources: &'a [Candidate],
    phone: &Candidate,
) -> Option<&'a Candidate> {
    let is_country = |(candidate, looked): &(&'a Candidate, &Prepared)| {
        let words = leaf_words(candidate);
        let plain = candidate
            .path
            .segments()
            .iter()
            .all(|segment| matches!(segment, model::path::Segment::Name(_)));
        plain
            && looked.words.contains(&"country")
            && matches!(words.as_slice(), ["country"] | ["country", "code"])
    };
    let all: Vec<(&Candidate, &Prepared)> = sources
        .iter()
        .zip(&table.source)
        .filter(is_country)
        .collect();
    let beside = all
        .iter()
        .find(|(candidate, _)| candidate.path.parent() == phone.path.parent());
    beside
        .or_else(|| all.first())
        .map(|(candidate, _)| *candidate)
}

fn leaf_words(candidate: &Candidate) -> Vec<&'static str> {
    super::tokens::words(candidate.path.leaf())
}
