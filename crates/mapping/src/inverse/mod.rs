//! The way back of a mapping, for syncs that go both ways: from a mapping source → target, the one
//! target → source, and how well it keeps what goes there and back.
//!
//! [`invert`] walks each rule backwards. First what the target field holds is read as what the last step
//! made, then each step is answered by the steps that undo it. Every transform of the table has an answer:
//!
//! - [`Exact`](WayBack::Exact): the same comes back. Where a text stands for a number or a day, that is the
//!   same number or day; spaces around it and the like do not count.
//! - [`Lossy`](WayBack::Lossy): something comes back, but it need not be the same. Tidying (`trim`, `lower`,
//!   `round` …) is answered by taking the value as it is.
//! - [`OneWay`](WayBack::OneWay): nothing can come back, and the mapping back has no rule for the field.
//!
//! What an answer claims about formats of dates and numbers is not looked up but tried on a few values
//! that are hard to keep. In the end the compiler judges each rule: what would not compile is one way, with
//! the compiler's words. So the mapping back compiles against the two schemas in the other order (with
//! [`Purpose::Update`]), whatever steps there were or were chosen.
//!
//! [`round_trip`] tries a mapping and its way back on real records and counts what came back the same.

mod dates;
mod lists;
mod numbers;
mod round_trip;
mod steps;
mod table;
mod texts;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use model::field::Schema;
use model::mapping::{Mapping, OnFailure, Origin, Rule, Step};
use model::path::FieldPath;

use crate::compile::flow::Flow;
use crate::compile::{Purpose, compile};

pub use round_trip::{Change, Difference, FieldTrip, RoundTrip, Trip, round_trip, round_trip_of};

use steps::{Back, undo};

/// A mapping turned around.
#[derive(Clone, Debug, PartialEq)]
pub struct Inverted {
    /// From the target's fields to the source's: one rule for each field that can come back. Compiles
    /// against (target, source).
    pub mapping: Mapping,
    /// What becomes of each rule of the forward mapping, in its order.
    pub fields: Vec<FieldBack>,
}

/// What becomes of one rule on the way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldBack {
    /// The target's field, which the way back reads.
    pub target: FieldPath,
    /// The source's field, which the way back fills; none where the rule reads no field.
    pub source: Option<FieldPath>,
    /// How well it comes back.
    pub kind: WayBack,
}

/// How well a field comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// The same comes back.
    Exact,
    /// Something comes back that need not be the same.
    Lossy {
        /// What gets lost, for people.
        why: String,
    },
    /// Nothing comes back.
    OneWay {
        /// Why not, for people.
        why: String,
    },
}

impl WayBack {
    /// Whether the mapping back has a rule for the field.
    pub fn comes_back(&self) -> bool {
        !matches!(self, Self::OneWay { .. })
    }
}

/// Makes the mapping back. `chosen` has, by target field, the steps that a person wants on the way back
/// instead of those found here.
pub fn invert(
    mapping: &Mapping,
    source: &Schema,
    target: &Schema,
    chosen: &BTreeMap<FieldPath, Vec<Step>>,
) -> Inverted {
    let mut found: Vec<(FieldBack, Option<Candidate>)> = mapping
        .rules
        .iter()
        .map(|rule| one(rule, source, target, chosen.get(&rule.target)))
        .collect();
    contest(&mut found);
    let (fields, candidates): (Vec<FieldBack>, Vec<Option<Candidate>>) = found.into_iter().unzip();
    Inverted {
        mapping: Mapping {
            version: mapping.version,
            rules: candidates
                .into_iter()
                .flatten()
                .map(|candidate| candidate.rule)
                .collect(),
        },
        fields,
    }
}

/// A rule back that compiles by itself.
struct Candidate {
    rule: Rule,
    by_hand: bool,
}

/// The way back of one rule, not knowing the others.
fn one(
    rule: &Rule,
    source: &Schema,
    target: &Schema,
    chosen: Option<&Vec<Step>>,
) -> (FieldBack, Option<Candidate>) {
    let from = origin(rule);
    let told = |kind| FieldBack {
        target: rule.target.clone(),
        source: from.as_ref().ok().map(|(path, _)| (*path).clone()),
        kind,
    };
    let path = match &from {
        Ok((path, _)) => *path,
        Err(why) => {
            let why = (*why).to_owned();
            return (told(WayBack::OneWay { why }), None);
        }
    };
    let several = from.as_ref().is_ok_and(|(_, several)| *several);
    let automatic = if several {
        Err("several fields were put together".to_owned())
    } else {
        undo_all(rule, path, source, target)
    };
    let by_hand = chosen.is_some();
    let back = match (chosen, automatic) {
        (Some(steps), Ok(back)) if *steps == back.steps => Ok(back),
        (Some(steps), _) => Ok(Back {
            steps: steps.clone(),
            losses: vec!["the steps back were chosen by hand".to_owned()],
            leaves_out: false,
        }),
        (None, automatic) => automatic,
    };
    let back = match back {
        Ok(back) => back,
        Err(why) => return (told(WayBack::OneWay { why }), None),
    };
    let made = Rule {
        target: path.clone(),
        origin: Origin::Fields {
            paths: vec![rule.target.clone()],
        },
        steps: back.steps,
        // A field that does not hold records back on the way there does not do so on the way back either.
        on_failure: if rule.on_failure == OnFailure::Hold && !back.leaves_out {
            OnFailure::Hold
        } else {
            OnFailure::Skip
        },
        comment: None,
    };
    let alone = Mapping {
        rules: vec![made],
        ..Mapping::default()
    };
    let compiled = compile(&alone, target, source, Purpose::Update);
    if let Some(error) = compiled.errors().next() {
        let why = error.message.clone();
        return (told(WayBack::OneWay { why }), None);
    }
    let kind = if back.losses.is_empty() {
        WayBack::Exact
    } else {
        WayBack::Lossy {
            why: back.losses.join("; "),
        }
    };
    let candidate = alone
        .rules
        .into_iter()
        .next()
        .map(|rule| Candidate { rule, by_hand });
    (told(kind), candidate)
}

/// The field that a rule's value comes from, and whether it is but one of several that are put together.
fn origin(rule: &Rule) -> Result<(&FieldPath, bool), &'static str> {
    match &rule.origin {
        Origin::Fields { paths } => {
            let first = paths.first().ok_or("the rule reads no field")?;
            // The second field of a phone number only says its country.
            let phone = rule
                .steps
                .first()
                .is_some_and(|step| step.name == "phone_e164");
            Ok((first, paths.len() > 1 && !phone))
        }
        Origin::Constant { .. } => Err("the target always gets the same value"),
        Origin::Expression { .. } => Err("an expression cannot be turned around"),
    }
}

/// The steps that undo all steps of a rule.
fn undo_all(
    rule: &Rule,
    path: &FieldPath,
    source: &Schema,
    target: &Schema,
) -> Result<Back, String> {
    let start = flow_at(source, path)
        .ok_or_else(|| format!("the source has no field \"{path}\" that is known"))?;
    let end = flow_at(target, &rule.target)
        .ok_or_else(|| format!("the target has no field \"{}\" that is known", rule.target))?;
    let mut back = undo(&rule.steps, &start, &end, 0)?;
    match rule.on_failure {
        OnFailure::Null => back.lose("what cannot be made becomes empty"),
        OnFailure::Default { .. } => back.lose("what cannot be made becomes another value"),
        OnFailure::Hold | OnFailure::Skip => {}
    }
    Ok(back)
}

/// What is known of a field. Its accepted values count whatever its type.
fn flow_at(schema: &Schema, path: &FieldPath) -> Option<Flow> {
    let guessed = schema.fields.iter().any(|field| field.inferred);
    let mut flow = match Flow::of_path(schema, path) {
        Ok(flow) => flow,
        Err(_) if guessed => Flow::of_type(model::field::FieldType::Any),
        Err(_) => return None,
    };
    if let Some(field) = schema.at(path) {
        flow.nullable = field.nullable && !field.required;
        if flow.options.is_none() && !field.options.is_empty() {
            let values = field.options.iter();
            flow.options = Some(values.map(|option| option.value.as_str().into()).collect());
        }
    }
    Some(flow)
}

/// Of several rules that would fill the same field (or a field and a part of it), one keeps its way back:
/// the one chosen by hand, else one that is exact, else the first.
fn contest(found: &mut [(FieldBack, Option<Candidate>)]) {
    let mut order: Vec<(u8, usize)> = found
        .iter()
        .enumerate()
        .filter_map(|(index, (field, candidate))| {
            let rank = match (&field.kind, candidate.as_ref()?.by_hand) {
                (_, true) => 0,
                (WayBack::Exact, _) => 1,
                _ => 2,
            };
            Some((rank, index))
        })
        .collect();
    order.sort_unstable();
    let mut filled: HashMap<FieldPath, FieldPath> = HashMap::new();
    let mut above: HashSet<FieldPath> = HashSet::new();
    for (_, index) in order {
        let Some((field, candidate)) = found.get_mut(index) else {
            continue;
        };
        let Some(path) = field.source.clone() else {
            continue;
        };
        let ancestors: Vec<FieldPath> =
            std::iter::successors(path.parent(), FieldPath::parent).collect();
        let taken = filled
            .get(&path)
            .or_else(|| ancestors.iter().find_map(|parent| filled.get(parent)));
        let why = match taken {
            Some(by) => format!("\"{path}\" already comes back from \"{by}\""),
            None if above.contains(&path) => {
                format!("parts of \"{path}\" already come back from other fields")
            }
            None => {
                filled.insert(path, field.target.clone());
                above.extend(ancestors);
                continue;
            }
        };
        field.kind = WayBack::OneWay { why };
        *candidate = None;
    }
}
