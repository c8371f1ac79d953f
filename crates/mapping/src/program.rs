//! A compiled mapping: takes a record, gives the target's fields. Made once per run by
//! [`compile`](crate::compile::compile).
//!
//! A rule reads its value, does its steps and is checked against the target field. Where any of this
//! fails, the rule's policy decides; the failure is a [`Problem`] in every case, so that it is counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use compact_str::CompactString;
use model::field::FieldType;
use model::ids::SyncId;
use model::path::{FieldPath, Segment};
use model::record::RecordKey;
use model::row::Row;
use model::value::{Object, Value};

use crate::expression::Expression;
use crate::fit::Fit;
use crate::record::Record;
use crate::transforms::{Built, Scope};

/// A compiled mapping.
#[derive(Debug)]
pub struct Program {
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) sources: Vec<FieldPath>,
    /// Members that templates read which say what they read.
    pub(crate) named: Vec<CompactString>,
}

/// What a program made of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    /// The target's fields, nested.
    pub fields: Object,
    /// What could not be made. With one that [`holds`](Problem::holds), the record is not to be written.
    pub problems: Vec<Problem>,
}

impl Mapped {
    /// True when a problem keeps the record back.
    pub fn is_held(&self) -> bool {
        self.problems.iter().any(|problem| problem.holds)
    }
}

/// A value that could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The target field.
    pub target: FieldPath,
    /// The step that failed, counted from 0; none where reading or the last check failed.
    pub step: Option<usize>,
    /// What was there and what was expected.
    pub message: String,
    /// Keeps the whole record back.
    pub holds: bool,
}

/// How one target field came about.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTrace {
    /// The target field.
    pub target: FieldPath,
    /// The values that were read; null where the record has no such field.
    pub inputs: Vec<Value>,
    /// The value after each step, up to the one that failed.
    pub after_steps: Vec<Result<Value, String>>,
    /// What is sent: none where the field is left out. The error is that of the rule, whatever its policy
    /// then sends instead.
    pub result: Result<Option<Value>, String>,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) target: FieldPath,
    /// The names on the way to the target field.
    pub(crate) names: Vec<CompactString>,
    pub(crate) origin: Source,
    pub(crate) steps: Vec<Built>,
    pub(crate) fit: Fit,
    pub(crate) on_failure: Failure,
    /// The value is the key of another record: the links of this sync say which one it is on the target.
    pub(crate) reference: Option<SyncId>,
}

#[derive(Debug)]
pub(crate) enum Source {
    One(Route),
    Several(Vec<Route>),
    Constant(Value),
    Expression(Expression),
}

#[derive(Debug)]
pub(crate) enum Failure {
    Hold,
    Skip,
    Send(Value),
}

/// A path that is looked up in every record.
#[derive(Debug)]
pub(crate) enum Route {
    /// Names only, the common case; each with the place where it was last found.
    Names(Vec<(CompactString, AtomicUsize)>),
    /// With `[]` or `[0]` on the way.
    Path(Vec<Segment>),
}

impl Route {
    pub(crate) fn new(path: &FieldPath) -> Self {
        let names: Option<Vec<(CompactString, AtomicUsize)>> = path
            .segments()
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => Some((name.clone(), AtomicUsize::new(0))),
                Segment::Each | Segment::Index(_) => None,
            })
            .collect();
        names.map_or_else(|| Self::Path(path.segments().to_vec()), Self::Names)
    }

    /// The value, or none where the record has no such field.
    fn read(&self, record: &Record<'_>) -> Option<Value> {
        match (self, record) {
            (Self::Names(names), Record::Row(reading)) => {
                reading.row.at(names.iter().map(|(name, _)| name.as_str()))
            }
            (Self::Names(names), Record::Whole(record)) => {
                let mut here: &Value = record;
                for (name, hint) in names {
                    let guess = hint.load(Ordering::Relaxed);
                    let (place, found) = here.as_object()?.get_near(name, guess)?;
                    if place != guess {
                        hint.store(place, Ordering::Relaxed);
                    }
                    here = found;
                }
                Some(here.clone())
            }
            (Self::Path(segments), record) => follow(record.whole(), segments),
        }
    }
}

/// Follows a path; `[]` gathers what lies behind every item.
fn follow(value: &Value, segments: &[Segment]) -> Option<Value> {
    let Some((first, rest)) = segments.split_first() else {
        return Some(value.clone());
    };
    match (first, value) {
        (Segment::Name(name), Value::Object(object)) => follow(object.get(name)?, rest),
        (Segment::Index(index), Value::List(items)) => follow(items.get(*index)?, rest),
        (Segment::Each, Value::List(items)) => {
            let nested = rest.contains(&Segment::Each);
            let mut gathered = Vec::with_capacity(items.len());
            for item in items {
                match follow(item, rest) {
                    Some(Value::List(inner)) if nested => gathered.extend(inner),
                    Some(found) => gathered.push(found),
                    None if nested => {}
                    None => gathered.push(Value::Null),
                }
            }
            Some(Value::List(gathered))
        }
        _ => None,
    }
}

/// Sees what a rule does on the way.
trait Watch {
    fn input(&mut self, value: &Value);
    fn step(&mut self, after: &Result<Value, String>);
}

struct Unwatched;

impl Watch for Unwatched {
    fn input(&mut self, _: &Value) {}
    fn step(&mut self, _: &Result<Value, String>) {}
}

#[derive(Default)]
struct Traced {
    inputs: Vec<Value>,
    after_steps: Vec<Result<Value, String>>,
}

impl Watch for Traced {
    fn input(&mut self, value: &Value) {
        self.inputs.push(value.clone());
    }

    fn step(&mut self, after: &Result<Value, String>) {
        self.after_steps.push(after.clone());
    }
}

impl CompiledRule {
    fn make(
        &self,
        record: &Record<'_>,
        watch: &mut impl Watch,
    ) -> Result<Option<Value>, (Option<usize>, String)> {
        let mut missing = false;
        let mut value = match &self.origin {
            Source::One(route) => {
                let read = route.read(record);
                missing = read.is_none();
                let value = read.unwrap_or_default();
                watch.input(&value);
                value
            }
            Source::Several(routes) => {
                missing = true;
                let mut values = Vec::with_capacity(routes.len());
                for route in routes {
                    let read = route.read(record);
                    missing &= read.is_none();
                    let value = read.unwrap_or_default();
                    watch.input(&value);
                    values.push(value);
                }
                Value::List(values)
            }
            Source::Constant(value) => value.clone(),
            Source::Expression(expression) => {
                let read = match expression.names_what_it_reads() {
                    true => record.named(),
                    false => record.whole(),
                };
                expression
                    .evaluate(read, &Value::Null)
                    .map_err(|why| (None, why))?
            }
        };
        let scope = Scope { record };
        for (n, step) in self.steps.iter().enumerate() {
            let made = step.run(value, &mut missing, &scope);
            watch.step(&made);
            value = made.map_err(|why| (Some(n), why))?;
        }
        if self.reference.is_some() && !value.is_empty() {
            // Whether it suits the field is seen once it is looked up.
            return Ok(Some(value));
        }
        self.fit.check(value).map_err(|why| (None, why))
    }
}

impl Program {
    /// Makes the target's fields. Never fails as a whole, never panics.
    pub fn apply(&self, record: &Value) -> Mapped {
        self.make(&Record::Whole(record))
    }

    /// The same of a record as it came, of which no more is read than the rules ask for.
    pub fn apply_row(&self, row: &Row) -> Mapped {
        self.make(&Record::of(row, &self.named))
    }

    fn make(&self, record: &Record<'_>) -> Mapped {
        let mut mapped = Mapped {
            fields: Object::with_capacity(self.rules.len()),
            problems: Vec::new(),
        };
        for rule in &self.rules {
            match rule.make(record, &mut Unwatched) {
                Ok(Some(value)) => put(&mut mapped.fields, &rule.names, value),
                Ok(None) => {}
                Err((step, message)) => {
                    if let Failure::Send(value) = &rule.on_failure {
                        put(&mut mapped.fields, &rule.names, value.clone());
                    }
                    mapped.problems.push(Problem {
                        target: rule.target.clone(),
                        step,
                        message,
                        holds: matches!(rule.on_failure, Failure::Hold),
                    });
                }
            }
        }
        mapped
    }

    /// The same, step by step, for the editor.
    pub fn explain(&self, record: &Value) -> Vec<FieldTrace> {
        self.rules
            .iter()
            .map(|rule| {
                let mut watch = Traced::default();
                let result = rule.make(&Record::Whole(record), &mut watch);
                let result = result.map_err(|(_, why)| why);
                FieldTrace {
                    target: rule.target.clone(),
                    inputs: watch.inputs,
                    after_steps: watch.after_steps,
                    result,
                }
            })
            .collect()
    }

    /// The source fields that are read, each once, in the order of the rules.
    pub fn source_paths(&self) -> Vec<FieldPath> {
        self.sources.clone()
    }

    /// The target fields that are filled, in the order of the rules.
    pub fn target_paths(&self) -> Vec<FieldPath> {
        self.rules.iter().map(|rule| rule.target.clone()).collect()
    }
}

/// A record of another sync that a record points at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The sync that links it.
    pub sync: SyncId,
    /// Its key on the source.
    pub key: RecordKey,
}

impl Program {
    /// Whether records point at others.
    pub fn has_references(&self) -> bool {
        self.rules.iter().any(|rule| rule.reference.is_some())
    }

    /// The target fields that point at records.
    pub fn referring_paths(&self) -> Vec<FieldPath> {
        let rules = self.rules.iter().filter(|rule| rule.reference.is_some());
        rules.map(|rule| rule.target.clone()).collect()
    }

    /// The records that what was mapped points at; they are still named by their keys on the source.
    pub fn references(&self, mapped: &Mapped) -> Vec<Reference> {
        self.referring(mapped)
            .flat_map(|(rule, sync)| {
                let value = at(&mapped.fields, &rule.names).cloned().unwrap_or_default();
                keys_of(&value)
                    .into_iter()
                    .map(move |key| Reference { sync, key })
            })
            .collect()
    }

    /// Puts the keys of the counterparts in the place of those of the source. Gives back what has none yet: there the
    /// rule's policy decides.
    pub fn settle(
        &self,
        mapped: &mut Mapped,
        counterpart: impl Fn(&Reference) -> Option<RecordKey>,
    ) -> Vec<Reference> {
        let mut waits = Vec::new();
        let rules: Vec<(&CompiledRule, SyncId)> = self.referring(mapped).collect();
        for (rule, sync) in rules {
            let Some(value) = take(&mut mapped.fields, &rule.names) else {
                continue;
            };
            let known: Vec<(Reference, Option<RecordKey>)> = keys_of(&value)
                .into_iter()
                .map(|key| {
                    let reference = Reference { sync, key };
                    let found = counterpart(&reference);
                    (reference, found)
                })
                .collect();
            let found: Option<Vec<Value>> = known
                .iter()
                .map(|(_, found)| found.as_ref().map(|key| Value::text(key.as_str())))
                .collect();
            let made = match found {
                Some(keys) => match value {
                    Value::List(_) => rule.fit.check(Value::List(keys)),
                    _ => rule.key(keys.into_iter().next().unwrap_or_default()),
                },
                None => {
                    let missing = known.into_iter().filter(|(_, found)| found.is_none());
                    let missing: Vec<Reference> = missing.map(|(reference, _)| reference).collect();
                    let names: Vec<&str> =
                        missing.iter().take(3).map(|one| one.key.as_str()).collect();
                    let why = format!(
                        "points at {}, which is not on the target yet; it follows as soon as it is",
                        names.join(", ")
                    );
                    waits.extend(missing);
                    Err(why)
                }
            };
            match made {
                Ok(Some(value)) => put(&mut mapped.fields, &rule.names, value),
                Ok(None) => {}
                Err(message) => {
                    if let Failure::Send(value) = &rule.on_failure {
                        put(&mut mapped.fields, &rule.names, value.clone());
                    }
                    mapped.problems.push(Problem {
                        target: rule.target.clone(),
                        step: None,
                        message,
                        holds: matches!(rule.on_failure, Failure::Hold),
                    });
                }
            }
        }
        waits
    }

    /// The rules that point at records; not those whose value could not be made.
    fn referring<'a>(
        &'a self,
        mapped: &Mapped,
    ) -> impl Iterator<Item = (&'a CompiledRule, SyncId)> + use<'a> {
        let failed: Vec<FieldPath> = mapped
            .problems
            .iter()
            .map(|problem| problem.target.clone())
            .collect();
        self.rules
            .iter()
            .filter(move |rule| !failed.contains(&rule.target))
            .filter_map(|rule| Some((rule, rule.reference?)))
    }
}

impl CompiledRule {
    /// The key of a record as the target field wants it.
    fn key(&self, key: Value) -> Result<Option<Value>, String> {
        let number = key
            .as_text()
            .and_then(|text| model::json::parse(text.as_bytes()).ok())
            .filter(|value| matches!(value, Value::Int(_) | Value::UInt(_)));
        match (self.fit.field_type(), number) {
            (FieldType::Integer | FieldType::Decimal | FieldType::Float, Some(number)) => {
                self.fit.check(number)
            }
            _ => self.fit.check(key),
        }
    }
}

/// The keys that a value holds: one, or those of a list.
fn keys_of(value: &Value) -> Vec<RecordKey> {
    match value {
        Value::List(items) => items.iter().filter_map(RecordKey::from_value).collect(),
        value => RecordKey::from_value(value).into_iter().collect(),
    }
}

/// The value at a place.
fn at<'a>(fields: &'a Object, names: &[CompactString]) -> Option<&'a Value> {
    match names {
        [] => None,
        [name] => fields.get(name),
        [first, rest @ ..] => at(fields.get(first)?.as_object()?, rest),
    }
}

/// Takes the value out that is at a place; nothing where it is null.
fn take(fields: &mut Object, names: &[CompactString]) -> Option<Value> {
    match names {
        [] => None,
        [name] => match fields.get(name)? {
            Value::Null => None,
            _ => fields.remove(name),
        },
        [first, rest @ ..] => match fields.get_mut(first)? {
            Value::Object(inner) => take(inner, rest),
            _ => None,
        },
    }
}

/// Puts a value at its place. Targets are distinct, so the last name needs no search at the top.
fn put(fields: &mut Object, names: &[CompactString], value: Value) {
    match names {
        [] => {}
        [name] => fields.push(name.clone(), value),
        [first, rest @ ..] => {
            if fields.get(first).is_none() {
                fields.push(first.clone(), Value::Object(Object::with_capacity(4)));
            }
            if let Some(Value::Object(inner)) = fields.get_mut(first) {
                put(inner, rest, value);
            }
        }
    }
}
