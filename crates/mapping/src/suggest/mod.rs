//! Proposes rules: which source field goes into which target field, by which steps, and why.

mod assign;
mod dictionary;
mod evidence;
mod join;
mod propose;
mod score;
mod tokens;

use model::field::{Field, FieldType};
use model::mapping::Rule;
use model::path::{FieldPath, Segment};
use model::value::Value;
use serde::Serialize;

pub(crate) use propose::nearest_option;
use score::{Points, Table};

/// A field that may be matched, and some values of it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it is.
    pub path: FieldPath,
    /// What is known of it.
    pub field: Field,
    /// Values from real records; may be empty.
    pub samples: Vec<Value>,
}

/// What to propose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Proposals below this score (0 to 1) are left out.
    pub threshold: f64,
    /// How many other source fields to name for each target field.
    pub alternatives: usize,
    /// Whether to propose rules that join several source fields.
    pub join_fields: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            alternatives: 4,
            join_fields: true,
        }
    }
}

/// Proposals for a pair of schemas.
#[derive(Clone, Debug, Default, Serialize, ts_rs::TS)]
pub struct Suggestions {
    /// One per target field at most, best first.
    pub rules: Vec<Suggestion>,
    /// Target fields without a proposal.
    pub unmatched: Vec<FieldPath>,
}

/// A proposed rule.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Suggestion {
    /// The rule, ready to be added to a mapping.
    pub rule: Rule,
    /// How sure, 0 to 1.
    pub score: f64,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
    /// Other source fields for the same target, best first.
    pub alternatives: Vec<Alternative>,
}

/// Another source field for the same target.
#[derive(Clone, Debug, Serialize, ts_rs::TS)]
pub struct Alternative {
    /// The source field.
    pub path: FieldPath,
    /// How sure, 0 to 1.
    pub score: f64,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, ts_rs::TS)]
pub struct Reason {
    /// A stable word, such as `same_name`.
    pub code: &'static str,
    /// A few words for a chip.
    pub text: String,
}

/// Two fields and how well they suit each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Index of the source candidate.
    pub source: usize,
    /// Index of the target candidate.
    pub target: usize,
    /// 0 to 1.
    pub score: f64,
}

/// Most fields of one side that are compared; time and memory grow with the product. The rest is unmatched.
pub const MAX_FIELDS: usize = 1_000;

/// Scores every pair, best first. Pairs that hardly have anything in common are left out.
pub fn rank(source: &[Candidate], target: &[Candidate]) -> Vec<Ranked> {
    const FLOOR: f64 = 0.05;
    let source = source.get(..MAX_FIELDS).unwrap_or(source);
    let target = target.get(..MAX_FIELDS).unwrap_or(target);
    let table = Table::new(source, target);
    let mut ranked: Vec<Ranked> = (0..source.len())
        .flat_map(|source| (0..target.len()).map(move |target| (source, target)))
        .map(|(source, target)| Ranked {
            source,
            target,
            score: table.points(source, target).score,
        })
        .filter(|pair| pair.score >= FLOOR)
        .collect();
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then((a.source, a.target).cmp(&(b.source, b.target)))
    });
    ranked
}

/// Proposes rules for `target` from `source`: each field is used once, the total counts.
///
/// Fields that cannot be written and objects whose members stand for themselves are passed over.
pub fn suggest(source: &[Candidate], target: &[Candidate], options: &Options) -> Suggestions {
    let is_whole = |candidate: &Candidate| {
        let holds_members =
            !candidate.field.fields.is_empty() && candidate.field.field_type == FieldType::Object;
        !holds_members
    };
    let mut sources: Vec<Candidate> = source
        .iter()
        .filter(|candidate| is_whole(candidate))
        .cloned()
        .collect();
    let mut targets: Vec<Candidate> = target
        .iter()
        .filter(|candidate| {
            let inside_list = candidate
                .path
                .segments()
                .iter()
                .any(|segment| !matches!(segment, Segment::Name(_)));
            is_whole(candidate) && !candidate.field.read_only && !inside_list
        })
        .cloned()
        .collect();
    let mut out = Suggestions::default();
    sources.truncate(MAX_FIELDS);
    out.unmatched.extend(
        targets
            .iter()
            .skip(MAX_FIELDS)
            .map(|candidate| candidate.path.clone()),
    );
    targets.truncate(MAX_FIELDS);
    let table = Table::new(&sources, &targets);
    let points: Vec<Vec<Points>> = (0..sources.len())
        .map(|source| {
            (0..targets.len())
                .map(|target| table.points(source, target))
                .collect()
        })
        .collect();
    let at = |source: usize, target: usize| {
        points
            .get(source)
            .and_then(|row| row.get(target))
            .copied()
            .unwrap_or_default()
    };
    let gain = |source: usize, target: usize| {
        let score = at(source, target).score;
        if score >= options.threshold {
            score * score
        } else {
            0.0
        }
    };
    let assigned = assign::assign(sources.len(), targets.len(), gain);
    let mut by_target: Vec<Option<usize>> = vec![None; targets.len()];
    for (source, target) in assigned.iter().enumerate() {
        if let Some(slot) = target.and_then(|target| by_target.get_mut(target)) {
            *slot = Some(source);
        }
    }
    for (index, (candidate, chosen)) in targets.iter().zip(&by_target).enumerate() {
        let chosen_score = chosen.map_or(0.0, |source| at(source, index).score);
        if options.join_fields
            && let Some(joined) = join::full_name(&table, &sources, candidate, index, chosen_score)
        {
            out.rules.push(joined);
            continue;
        }
        let Some(chosen) = *chosen else {
            out.unmatched.push(candidate.path.clone());
            continue;
        };
        let (Some(from), Some(looked), Some(to)) = (
            sources.get(chosen),
            table.source.get(chosen),
            table.target.get(index),
        ) else {
            continue;
        };
        let country = join::country_for(&table, &sources, from);
        let picked = at(chosen, index);
        out.rules.push(Suggestion {
            rule: propose::rule(from, looked, candidate, to, country),
            score: picked.score,
            reasons: table.reasons(chosen, index, &picked),
            alternatives: alternatives(&table, &sources, index, chosen, options, &at),
        });
    }
    out.rules.sort_by(|a, b| b.score.total_cmp(&a.score));
    out
}

/// The next best source fields for a target field.
fn alternatives(
    table: &Table,
    sources: &[Candidate],
    target: usize,
    chosen: usize,
    options: &Options,
    at: &impl Fn(usize, usize) -> Points,
) -> Vec<Alternative> {
    const WORTH_NAMING: f64 = 0.3;
    let mut others: Vec<(usize, Points)> = (0..sources.len())
        .filter(|source| *source != chosen)
        .map(|source| (source, at(source, target)))
        .filter(|(_, points)| points.score >= WORTH_NAMING)
        .collect();
    others.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
    others
        .into_iter()
        .take(options.alternatives)
        .filter_map(|(source, points)| {
            Some(Alternative {
                path: sources.get(source)?.path.clone(),
                score: points.score,
                reasons: table.reasons(source, target, &points),
            })
        })
        .collect()
}
