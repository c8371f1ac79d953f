//! Tries a mapping and its way back on records: what comes back the same, what does not, and why probably.

mod guess;

use std::fmt;

use model::field::FieldType;
use model::path::FieldPath;
use model::value::{Object, Value};

use super::FieldBack;
use crate::arithmetic::Exact;
use crate::dates;
use crate::program::{Mapped, Problem, Program};

pub use guess::Difference;

/// What came of sending records there and back. A is the source, B the target.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundTrip {
    /// One entry for each field that comes back, in the order of the rules.
    pub fields: Vec<FieldTrip>,
}

/// One field, both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTrip {
    /// The target's field.
    pub target: FieldPath,
    /// The source's field.
    pub source: FieldPath,
    /// From the source to the target and back: A→B→A.
    pub from_source: Trip,
    /// From the target to the source and back: B→A→B.
    pub from_target: Trip,
}

/// One field, one way round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trip {
    /// How many came back the same.
    pub equal: usize,
    /// How many came back as something else.
    pub differ: usize,
    /// How many did not come back, because one of the mappings refused them.
    pub refused: usize,
    /// Why they differ, the most frequent first.
    pub differences: Vec<(Difference, usize)>,
    /// A few that did not come back the same, each another.
    pub examples: Vec<Change>,
}

/// A value that did not come back the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it was.
    pub before: Value,
    /// What came back, or why nothing did.
    pub after: Result<Value, String>,
}

/// Most examples of one field, one way round.
const EXAMPLES: usize = 3;

/// Sends the source's records to the target and back, and what arrived at the target back and there again.
pub fn round_trip(
    forward: &Program,
    back: &Program,
    fields: &[FieldBack],
    samples: &[Value],
) -> RoundTrip {
    let mut trips = Trips::new(forward, back, fields);
    for sample in samples {
        let mapped = forward.apply(sample);
        trips.send_source(sample, &mapped);
        trips.send_mapped(sample, mapped);
    }
    trips.done()
}

/// The same with records of the target's own, which may hold what no mapping would write.
pub fn round_trip_of(
    forward: &Program,
    back: &Program,
    fields: &[FieldBack],
    source: &[Value],
    target: &[Value],
) -> RoundTrip {
    let mut trips = Trips::new(forward, back, fields);
    for sample in source {
        trips.send_source(sample, &forward.apply(sample));
    }
    for sample in target {
        let around = Value::Object(Object::with_capacity(8));
        trips.send_target(sample, around, &[]);
    }
    trips.done()
}

/// The trips while records are on the way.
struct Trips<'a> {
    forward: &'a Program,
    back: &'a Program,
    /// With the types of the source's and the target's field.
    fields: Vec<(FieldTrip, FieldType, FieldType)>,
}

impl<'a> Trips<'a> {
    fn new(forward: &'a Program, back: &'a Program, fields: &[FieldBack]) -> Self {
        let both = fields.iter().filter_map(|field| {
            let source = field.source.clone()?;
            // A field that does not come back has no rule in the program.
            let source_type = type_in(back, &source)?;
            let target_type = type_in(forward, &field.target)?;
            let trip = FieldTrip {
                target: field.target.clone(),
                source,
                from_source: Trip::default(),
                from_target: Trip::default(),
            };
            field
                .kind
                .comes_back()
                .then_some((trip, source_type, target_type))
        });
        Self {
            forward,
            back,
            fields: both.collect(),
        }
    }

    fn send_source(&mut self, sample: &Value, there: &Mapped) {
        let again = self.back.apply(&Value::Object(there.fields.clone()));
        for (field, source_type, _) in &mut self.fields {
            let came = arrived(there, &again, &field.target, &field.source);
            field
                .from_source
                .count(sample.at(&field.source), came, *source_type);
        }
    }

    /// What was refused on the way to the target is not there to be sent back.
    fn send_mapped(&mut self, sample: &Value, mapped: Mapped) {
        let missing: Vec<FieldPath> = mapped
            .problems
            .iter()
            .filter(|problem| in_fields(&mapped, &problem.target).is_none())
            .map(|problem| problem.target.clone())
            .collect();
        self.send_target(&Value::Object(mapped.fields), sample.clone(), &missing);
    }

    /// `record` is the record of the source, for what the way back does not fill.
    fn send_target(&mut self, sample: &Value, mut record: Value, missing: &[FieldPath]) {
        let there = self.back.apply(sample);
        for (field, ..) in &self.fields {
            match in_fields(&there, &field.source) {
                Some(value) => record.put(&field.source, value.clone()),
                // What was refused stays as it is; what is merely not there is empty.
                None if problem(&there, &field.source).is_some() => {}
                None => record.put(&field.source, Value::Null),
            }
        }
        let again = self.forward.apply(&record);
        for (field, _, target_type) in &mut self.fields {
            if missing.contains(&field.target) {
                continue;
            }
            let came = arrived(&there, &again, &field.source, &field.target);
            field
                .from_target
                .count(sample.at(&field.target), came, *target_type);
        }
    }

    fn done(self) -> RoundTrip {
        RoundTrip {
            fields: self
                .fields
                .into_iter()
                .map(|(mut field, ..)| {
                    for trip in [&mut field.from_source, &mut field.from_target] {
                        trip.differences
                            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                    }
                    field
                })
                .collect(),
        }
    }
}

fn type_in(program: &Program, target: &FieldPath) -> Option<FieldType> {
    let rule = program.rules.iter().find(|rule| rule.target == *target)?;
    Some(rule.fit.field_type())
}

fn in_fields<'v>(mapped: &'v Mapped, path: &FieldPath) -> Option<&'v Value> {
    let mut segments = path.segments().iter();
    let model::path::Segment::Name(first) = segments.next()? else {
        return None;
    };
    let rest = FieldPath::from_segments(segments.cloned().collect());
    mapped.fields.get(first)?.at(&rest)
}

fn problem<'v>(mapped: &'v Mapped, target: &FieldPath) -> Option<&'v Problem> {
    mapped
        .problems
        .iter()
        .find(|problem| problem.target == *target)
}

/// What there is at the end of both legs.
enum Came<'v> {
    Value(Option<&'v Value>),
    /// The second leg leaves the field alone, so that it keeps its value.
    Kept,
    Refused(&'v str),
}

fn arrived<'v>(
    there: &'v Mapped,
    again: &'v Mapped,
    first: &FieldPath,
    second: &FieldPath,
) -> Came<'v> {
    // A policy may have sent another value instead; then that one is on the way.
    if let Some(problem) = problem(there, first)
        && in_fields(there, first).is_none()
    {
        return Came::Refused(&problem.message);
    }
    match problem(again, second) {
        Some(problem) if problem.holds => Came::Refused(&problem.message),
        Some(_) if in_fields(again, second).is_none() => Came::Kept,
        _ => Came::Value(in_fields(again, second)),
    }
}

impl Trip {
    fn count(&mut self, before: Option<&Value>, came: Came<'_>, kind: FieldType) {
        let null = Value::Null;
        let before = before.unwrap_or(&null);
        let after = match came {
            Came::Kept => Ok(before),
            Came::Value(after) => Ok(after.unwrap_or(&null)),
            Came::Refused(why) => Err(why),
        };
        match after {
            Ok(after) if alike(before, after, kind) => {
                self.equal += 1;
                return;
            }
            Ok(after) => {
                self.differ += 1;
                let why = Difference::between(before, after);
                match self.differences.iter_mut().find(|(other, _)| *other == why) {
                    Some((_, count)) => *count += 1,
                    None => self.differences.push((why, 1)),
                }
            }
            Err(_) => self.refused += 1,
        }
        if self.examples.len() < EXAMPLES {
            let change = Change {
                before: before.clone(),
                after: after.cloned().map_err(str::to_owned),
            };
            if !self.examples.contains(&change) {
                self.examples.push(change);
            }
        }
    }
}

/// Whether a field of this type holds the same in both: numbers and dates may be written as text.
fn alike(before: &Value, after: &Value, kind: FieldType) -> bool {
    before.same_as(after)
        || match (read(before, kind), read(after, kind)) {
            (None, None) => false,
            (left, right) => left
                .as_ref()
                .unwrap_or(before)
                .same_as(right.as_ref().unwrap_or(after)),
        }
}

fn read(value: &Value, kind: FieldType) -> Option<Value> {
    let text = value.as_text()?.trim();
    match kind {
        FieldType::Integer | FieldType::Decimal | FieldType::Float => {
            Exact::parse(text)?.to_value()
        }
        FieldType::Date => dates::parse_date(text).map(Value::Date),
        FieldType::Timestamp => dates::parse_timestamp(text).map(Value::Timestamp),
        _ => None,
    }
}

impl fmt::Display for FieldTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (there, back) = (&self.from_source, &self.from_target);
        write!(f, "A→B→A {there}\nB→A→B {back}")
    }
}

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "equal for {}", self.equal)?;
        if self.differ > 0 {
            let words: Vec<&str> = self
                .differences
                .iter()
                .map(|(difference, _)| difference.words())
                .collect();
            let verb = if self.differ == 1 {
                "differs"
            } else {
                "differ"
            };
            write!(f, "; {} {verb} ({})", self.differ, words.join(", "))?;
        }
        if self.refused > 0 {
            let verb = if self.refused == 1 { "does" } else { "do" };
            write!(f, "; {} {verb} not come back", self.refused)?;
        }
        Ok(())
    }
}
