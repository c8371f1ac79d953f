//! How well a source field suits a target field: names, descriptions, types, values.

use std::collections::HashMap;

use model::field::FieldType;

use super::evidence::{Evidence, Shape, shapes};
use super::{Candidate, Reason, tokens};

/// How much an object on the way counts against the last name.
const PARENT: f64 = 0.45;

/// A candidate, looked at once.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Words of the last name with their weight.
    leaf: Vec<(usize, f64)>,
    /// Words of the whole path with their weight.
    path: Vec<(usize, f64)>,
    /// Words of name and description with their weight, by index, of length 1.
    prose: Vec<(usize, f64)>,
    has_prose: bool,
    /// The last name says little by itself.
    is_generic: bool,
    pub(super) spelling: String,
    pub(super) evidence: Evidence,
    pub(super) kind: FieldType,
    /// The canonical words, for proposals.
    pub(super) words: Vec<&'static str>,
    pub(super) options: Vec<String>,
}

/// Both sides, ready to be compared.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) source: Vec<Prepared>,
    pub(super) target: Vec<Prepared>,
    /// Likeness of every two words: one row per word.
    alike: Vec<Vec<f32>>,
    weight: Vec<f64>,
    shapes: HashMap<(bool, Shape), usize>,
}

/// What speaks for a pair.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Points {
    pub(super) score: f64,
    pub(super) name: f64,
    pub(super) prose: f64,
    pub(super) shape: f64,
    pub(super) overlap: f64,
    pub(super) polarity: bool,
}

struct Draft {
    leaf: Vec<&'static str>,
    parents: Vec<&'static str>,
    prose: Vec<&'static str>,
}

impl Table {
    pub(super) fn new(source: &[Candidate], target: &[Candidate]) -> Self {
        let drafts = |side: &[Candidate]| side.iter().map(draft).collect::<Vec<_>>();
        let (left, right) = (drafts(source), drafts(target));
        let mut index: HashMap<&'static str, usize> = HashMap::new();
        let mut names: Vec<&'static str> = Vec::new();
        for draft in left.iter().chain(&right) {
            for word in draft.leaf.iter().chain(&draft.parents) {
                index.entry(word).or_insert_with(|| {
                    names.push(word);
                    names.len() - 1
                });
            }
        }
        // Words of names only: descriptions are compared to the letter.
        let n_names = names.len();
        for draft in left.iter().chain(&right) {
            for word in &draft.prose {
                index.entry(word).or_insert_with(|| {
                    names.push(word);
                    names.len() - 1
                });
            }
        }
        let alike: Vec<Vec<f32>> = names
            .iter()
            .take(n_names)
            .map(|left| {
                names
                    .iter()
                    .take(n_names)
                    .map(|right| tokens::alike(left, right) as f32)
                    .collect()
            })
            .collect();
        let n = (left.len() + right.len()).max(1) as f64;
        let mut in_names = vec![0usize; names.len()];
        let mut in_prose = vec![0usize; names.len()];
        for draft in left.iter().chain(&right) {
            let tally = |words: Vec<&&'static str>, tally: &mut Vec<usize>| {
                let mut seen: Vec<usize> = words
                    .iter()
                    .filter_map(|word| index.get(**word).copied())
                    .collect();
                seen.sort_unstable();
                seen.dedup();
                for at in seen {
                    if let Some(slot) = tally.get_mut(at) {
                        *slot += 1;
                    }
                }
            };
            tally(
                draft.leaf.iter().chain(&draft.parents).collect(),
                &mut in_names,
            );
            tally(draft.prose.iter().collect(), &mut in_prose);
        }
        let rare = |count: usize| {
            ((1.0 + n / (count.max(1) as f64)).ln() / (1.0 + n).ln()).clamp(0.15, 1.0)
        };
        let weight: Vec<f64> = names
            .iter()
            .zip(&in_names)
            .map(|(word, count)| rare(*count) * tokens::weight(word))
            .collect();
        let prose_weight: Vec<f64> = in_prose.iter().map(|count| rare(*count).powi(2)).collect();
        let prepare = |candidates: &[Candidate], drafts: Vec<Draft>| -> Vec<Prepared> {
            candidates
                .iter()
                .zip(drafts)
                .map(|(candidate, draft)| prepared(candidate, &draft, &index, &prose_weight))
                .collect()
        };
        let (source, target) = (prepare(source, left), prepare(target, right));
        let mut shapes = HashMap::new();
        for (is_target, side) in [(false, &source), (true, &target)] {
            for shape in side.iter().filter_map(|one| one.evidence.shape) {
                *shapes.entry((is_target, shape)).or_insert(0) += 1;
            }
        }
        Self {
            source,
            target,
            alike,
            weight,
            shapes,
        }
    }

    fn likeness(&self, left: usize, right: usize) -> f64 {
        f64::from(
            self.alike
                .get(left)
                .and_then(|row| row.get(right))
                .copied()
                .unwrap_or(0.0),
        )
    }

    fn weight_of(&self, word: usize) -> f64 {
        self.weight.get(word).copied().unwrap_or(1.0)
    }

    /// Each word looks for its best partner on the other side; rare words count more.
    fn soft(&self, left: &[(usize, f64)], right: &[(usize, f64)]) -> f64 {
        let mut gained = 0.0;
        let mut most = 0.0;
        for (from, to) in [(left, right), (right, left)] {
            for (word, depth) in from {
                let weight = self.weight_of(*word) * depth;
                let best = to
                    .iter()
                    .map(|(other, _)| self.likeness(*word, *other))
                    .fold(0.0, f64::max);
                gained += weight * best;
                most += weight;
            }
        }
        if most == 0.0 { 0.0 } else { gained / most }
    }

    fn name(&self, left: &Prepared, right: &Prepared) -> f64 {
        let leaf = self.soft(&left.leaf, &right.leaf);
        let path = self.soft(&left.path, &right.path);
        let share = if left.is_generic || right.is_generic {
            0.3
        } else {
            0.6
        };
        let mut name = share * leaf + (1.0 - share) * path;
        // `id` is the record's own, `list_id` points elsewhere.
        if left.is_generic != right.is_generic {
            name *= 0.8;
        }
        if left.spelling == right.spelling {
            name = name.max(0.9) + (1.0 - name.max(0.9)) * 0.5;
        }
        name.min(1.0)
    }

    /// Everything that speaks for the pair.
    pub(super) fn points(&self, source: usize, target: usize) -> Points {
        let (Some(left), Some(right)) = (self.source.get(source), self.target.get(target)) else {
            return Points::default();
        };
        let name = self.name(left, right);
        let prose = if left.has_prose || right.has_prose {
            cosine(&left.prose, &right.prose)
        } else {
            0.0
        };
        let lexical = name + (1.0 - name) * 0.5 * prose;
        let polarity = super::propose::polarity(left, right).is_some();
        let (a, b) = (&left.evidence, &right.evidence);
        let mut shape = 0.0;
        if let (Some(x), Some(y)) = (a.shape, b.shape) {
            let sure = a.share.min(b.share);
            shape = shapes(x, y) * sure;
            if polarity {
                shape = shape.max(0.0);
            }
            if shape > 0.0 {
                let count = |is_target, shape| {
                    self.shapes.get(&(is_target, shape)).copied().unwrap_or(1) as f64
                };
                shape /= (count(false, x) * count(true, y)).powf(0.25);
            }
        }
        let overlap = if a.shape == Some(Shape::Bool) {
            0.0
        } else {
            a.overlap(b)
        };
        let mut score = if shape >= 0.0 {
            lexical + (1.0 - lexical) * 0.4 * shape
        } else {
            // Numbers under `country_id` are keys of countries: they do not speak against a country.
            let is_key = |one: &Prepared| one.words.contains(&"id") || one.words.contains(&"key");
            let in_tables = [
                Shape::CountryCode,
                Shape::CountryName,
                Shape::Currency,
                Shape::Language,
                Shape::Zone,
            ];
            let keyed = |key: &Prepared, other: &Prepared| {
                is_key(key)
                    && other
                        .evidence
                        .shape
                        .is_some_and(|shape| in_tables.contains(&shape))
            };
            let same = left.spelling == right.spelling;
            let against = if same || keyed(left, right) || keyed(right, left) {
                0.25
            } else {
                0.6
            };
            lexical * (1.0 + against * shape)
        };
        let vocabulary = a.is_vocabulary() && b.is_vocabulary();
        score += (1.0 - score) * overlap * if vocabulary { 0.3 } else { 0.15 };
        if let Some(manner) = a.manner(b) {
            score *= 0.9 + 0.1 * manner;
        }
        score *= types(left, right);
        if polarity {
            score = score.max(0.72);
        } else if !left.options.is_empty() && !right.options.is_empty() {
            // Two vocabularies without a common word are hardly the same field.
            let shared = super::propose::paired(&left.options, &right.options);
            score *= if shared == 0 { 0.5 } else { 1.0 };
        }
        Points {
            score: score.clamp(0.0, 1.0),
            name,
            prose,
            shape,
            overlap,
            polarity,
        }
    }

    /// The points in words.
    pub(super) fn reasons(&self, source: usize, target: usize, points: &Points) -> Vec<Reason> {
        let (Some(left), Some(right)) = (self.source.get(source), self.target.get(target)) else {
            return Vec::new();
        };
        let mut found: Vec<(f64, Reason)> = Vec::new();
        let mut say = |strength: f64, code: &'static str, text: String| {
            found.push((strength, Reason { code, text }));
        };
        if left.spelling == right.spelling {
            say(1.0, "same_name", "same name".to_owned());
        } else if left.words == right.words {
            say(0.95, "same_meaning", "names mean the same".to_owned());
        } else if points.name >= 0.6 {
            say(points.name * 0.9, "similar_name", "similar name".to_owned());
        }
        if let (Some(shape), true) = (
            left.evidence.shape.and_then(Shape::words),
            points.shape > 0.15,
        ) {
            let text = if left.evidence.seen {
                format!(
                    "{} % of values look like {shape}",
                    (left.evidence.share * 100.0).round()
                )
            } else {
                format!("both hold {shape}")
            };
            say(points.shape, "values_look_alike", text);
        }
        if points.overlap >= 0.3 {
            say(
                points.overlap * 0.8,
                "shared_values",
                format!(
                    "{} % of values occur on both sides",
                    (points.overlap * 100.0).round()
                ),
            );
        }
        if points.prose >= 0.25 {
            say(points.prose, "description", "descriptions agree".to_owned());
        }
        if points.polarity {
            say(
                0.85,
                "opposites",
                "yes and no have a counterpart".to_owned(),
            );
        }
        if left.kind == right.kind && left.kind != FieldType::Any && left.kind != FieldType::Text {
            say(0.2, "same_type", "same type".to_owned());
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().map(|(_, reason)| reason).collect()
    }
}

/// Says little without the words around it.
fn is_generic(word: &str) -> bool {
    matches!(
        word,
        "id" | "name"
            | "type"
            | "value"
            | "code"
            | "date"
            | "number"
            | "status"
            | "title"
            | "amount"
            | "url"
            | "key"
            | "description"
            | "total"
            | "text"
            | "state"
            | "full"
            | "external"
    )
}

fn draft(candidate: &Candidate) -> Draft {
    let mut names: Vec<&str> = candidate
        .path
        .segments()
        .iter()
        .filter_map(|segment| match segment {
            model::path::Segment::Name(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let leaf = names.pop().unwrap_or_default();
    let field = &candidate.field;
    let mut prose: Vec<&'static str> = field
        .description
        .as_deref()
        .map(tokens::prose)
        .unwrap_or_default();
    if let Some(label) = &field.label {
        prose.extend(tokens::words(label));
    }
    let mut words = tokens::words(leaf);
    // `account.name` is an account's name, not a name: a last name that says little takes its object in.
    if words.iter().all(|word| is_generic(word))
        && let Some(parent) = names.pop()
    {
        words = tokens::words(&format!("{parent} {leaf}"));
    }
    // A name that says nothing (`cf_17`, `field3`) is replaced by what people see.
    if let Some(label) = field
        .label
        .as_deref()
        .filter(|_| field.custom || words.is_empty())
    {
        words.extend(tokens::words(label));
    }
    Draft {
        leaf: words,
        parents: names.iter().flat_map(|name| tokens::words(name)).collect(),
        prose,
    }
}

fn prepared(
    candidate: &Candidate,
    draft: &Draft,
    index: &HashMap<&'static str, usize>,
    prose_weight: &[f64],
) -> Prepared {
    let at = |word: &&'static str| index.get(*word).copied();
    // Beside words that say more, a generic one counts half: `country_id` is about a country.
    let beside = draft.leaf.iter().any(|word| !is_generic(word));
    let depth = |word: &str| if beside && is_generic(word) { 0.5 } else { 1.0 };
    let leaf: Vec<(usize, f64)> = draft
        .leaf
        .iter()
        .filter_map(|word| Some((at(word)?, depth(word))))
        .collect();
    let parents = draft
        .parents
        .iter()
        .filter_map(at)
        .map(|word| (word, PARENT));
    let path: Vec<(usize, f64)> = leaf.iter().copied().chain(parents).collect();
    let mut prose: HashMap<usize, f64> = HashMap::new();
    for word in draft.prose.iter().chain(&draft.leaf).filter_map(at) {
        *prose.entry(word).or_insert(0.0) += prose_weight.get(word).copied().unwrap_or(1.0);
    }
    let length = prose
        .values()
        .map(|weight| weight * weight)
        .sum::<f64>()
        .sqrt()
        .max(1e-9);
    let mut prose: Vec<(usize, f64)> = prose
        .into_iter()
        .map(|(word, weight)| (word, weight / length))
        .collect();
    prose.sort_unstable_by_key(|(word, _)| *word);
    let field = &candidate.field;
    let spelling: String = candidate
        .path
        .to_string()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '.')
        .flat_map(char::to_lowercase)
        .collect();
    let is_generic = draft.leaf.iter().all(|word| is_generic(word));
    Prepared {
        leaf,
        path,
        prose,
        has_prose: !draft.prose.is_empty(),
        is_generic,
        spelling,
        evidence: Evidence::of(field, &candidate.samples),
        kind: field.field_type,
        words: draft.parents.iter().chain(&draft.leaf).copied().collect(),
        options: field
            .options
            .iter()
            .map(|option| option.value.clone())
            .collect(),
    }
}

/// Of two sorted, normalised vectors.
fn cosine(left: &[(usize, f64)], right: &[(usize, f64)]) -> f64 {
    let mut sum = 0.0;
    let mut others = right.iter().peekable();
    for (word, weight) in left {
        while others.peek().is_some_and(|(other, _)| other < word) {
            others.next();
        }
        if let Some((other, more)) = others.peek()
            && other == word
        {
            sum += weight * more;
        }
    }
    sum
}

/// How well the declared types go together, 0 to 1.
fn types(left: &Prepared, right: &Prepared) -> f64 {
    use FieldType as T;
    let list = match (left.evidence.is_list, right.evidence.is_list) {
        (true, false) | (false, true) => 0.93,
        _ => 1.0,
    };
    let number = |kind| matches!(kind, T::Integer | T::Decimal | T::Float);
    let dated = |kind| matches!(kind, T::Date | T::Timestamp);
    list * match (left.kind, right.kind) {
        (T::Any | T::Text | T::List, _) | (_, T::Any | T::Text | T::List) => 1.0,
        (a, b) if a == b => 1.0,
        (T::Enum, T::Bool) | (T::Bool, T::Enum) => 0.85,
        (T::Enum, _) | (_, T::Enum) => 0.8,
        (a, b) if number(a) && number(b) => 0.95,
        (a, b) if dated(a) && dated(b) => 0.95,
        (T::Integer, b) if dated(b) => 0.85,
        (a, T::Integer) if dated(a) => 0.85,
        (T::Bool, b) if number(b) => 0.6,
        (a, T::Bool) if number(a) => 0.6,
        _ => 0.4,
    }
}
