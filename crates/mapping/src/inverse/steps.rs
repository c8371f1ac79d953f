//! Walks the steps of a rule backwards.

use model::field::FieldType;
use model::mapping::Step;
use model::value::Value;

use super::table;
use crate::compile::flow::Flow;
use crate::compile::names::type_words;
use crate::record::Record;
use crate::transforms::with::With;
use crate::transforms::{self, Built, MAX_STEPS, Scope, step};
use crate::words::quoted;

/// The steps of a way back and what they lose.
#[derive(Debug, Default)]
pub(super) struct Back {
    pub(super) steps: Vec<Step>,
    /// In words; empty where the same comes back.
    pub(super) losses: Vec<String>,
    /// What the steps refuse is left out instead of holding the record back.
    pub(super) leaves_out: bool,
}

impl Back {
    pub(super) fn lose(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.losses.contains(&why) {
            self.losses.push(why);
        }
    }

    fn take(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.leaves_out |= other.leaves_out;
        for loss in other.losses {
            self.lose(loss);
        }
    }
}

/// A step that is to be undone.
pub(super) struct Asked<'a> {
    pub(super) step: &'a Step,
    /// Its parameters, checked.
    pub(super) with: With<'a>,
    /// What went into it.
    pub(super) before: &'a Flow,
    /// What came out of it.
    pub(super) after: &'a Flow,
    /// What is there to undo it from: like `after` as far as the target field's type allows.
    pub(super) have: &'a Flow,
    /// How deep it lies in steps that hold steps.
    pub(super) depth: usize,
}

/// How one step is undone, or why it cannot be.
pub(super) type Answer = Result<Undone, String>;

/// How one step is undone.
pub(super) struct Undone {
    pub(super) back: Back,
    /// What comes out.
    pub(super) gives: Flow,
}

impl Undone {
    pub(super) fn by(steps: impl IntoIterator<Item = Step>, gives: FieldType) -> Self {
        Self {
            back: Back {
                steps: steps.into_iter().collect(),
                ..Back::default()
            },
            gives: Flow::of_type(gives),
        }
    }

    pub(super) fn losing(mut self, why: impl Into<String>) -> Self {
        self.back.lose(why);
        self
    }
}

/// The steps that undo `steps`, which lead from `start` to a field that holds `end`.
pub(super) fn undo(steps: &[Step], start: &Flow, end: &Flow, depth: usize) -> Result<Back, String> {
    if steps.len() > MAX_STEPS {
        return Err(format!("more than {MAX_STEPS} steps are not undone"));
    }
    let mut stages: Vec<(&Step, Built, Flow)> = Vec::with_capacity(steps.len());
    let mut flow = start.clone();
    for step in steps {
        let built = transforms::build(step, depth).map_err(|error| error.to_string())?;
        let after = flow.after(&built, step);
        stages.push((step, built, std::mem::replace(&mut flow, after)));
    }
    let mut back = Back::default();
    if (start.kind == FieldType::Any) != (end.kind == FieldType::Any) {
        back.lose("of one side it is not known what kind of value it holds");
    }
    if !steps.is_empty() && is_text(flow.kind) && !is_text(end.kind) && end.kind != FieldType::Any {
        // 1.000 that was written for people is another number to a field of numbers.
        back.lose("the target reads the text as something else");
    }
    let mut have = end.clone();
    let mut after = flow;
    for (step, built, before) in stages.into_iter().rev() {
        back.take(read_as(&have, &after)?);
        have = known_as(have, &after);
        let asked = Asked {
            step,
            with: With::new(built.transform, &step.with, depth),
            before: &before,
            after: &after,
            have: &have,
            depth,
        };
        let undone = table::answer(&asked)
            .ok_or_else(|| format!("\"{}\" cannot be undone", step.name))??;
        back.take(undone.back);
        have = undone.gives;
        after = before;
    }
    back.take(read_as(&have, start)?);
    // In the order in which it gets lost.
    back.losses.reverse();
    Ok(back)
}

fn is_text(kind: FieldType) -> bool {
    matches!(kind, FieldType::Text | FieldType::Enum)
}

/// What there is once it was read as what came out of a step. The texts that a field accepts stay known.
fn known_as(mut have: Flow, after: &Flow) -> Flow {
    if after.kind != FieldType::Any && have.kind != after.kind {
        if !(is_text(have.kind) && is_text(after.kind)) {
            have.options = None;
        }
        have.kind = after.kind;
    }
    have.items = after.items.or(have.items);
    have
}

/// The steps that read a value of one kind as another: what the last check of a rule widened on the way
/// there (a number that went into text) is narrowed again.
fn read_as(from: &Flow, to: &Flow) -> Result<Back, String> {
    let items = |flow: &Flow| flow.items.unwrap_or(FieldType::Any);
    if from.kind == FieldType::List && to.kind == FieldType::List {
        let mut back = between(items(from), items(to))?;
        if !back.steps.is_empty() {
            let steps = serde_json::to_value(&back.steps).unwrap_or_default();
            back.steps = vec![step("each", [("steps", steps)])];
        }
        return Ok(back);
    }
    between(from.kind, to.kind)
}

fn between(from: FieldType, to: FieldType) -> Result<Back, String> {
    use FieldType as T;
    let (steps, loss) = match (from, to) {
        (T::Any, _) | (_, T::Any) | (T::Text | T::Enum, T::Text | T::Enum) => (None, None),
        (from, to) if from == to => (None, None),
        (T::Bool | T::Integer | T::Decimal | T::Float, T::Text | T::Enum)
        | (T::Date | T::Time | T::Timestamp, T::Text | T::Enum) => {
            (Some(step("to_text", [])), None)
        }
        (T::Integer | T::Decimal, T::Float) | (T::Integer | T::Float, T::Decimal) => (None, None),
        (T::Text | T::Enum | T::Bool | T::Decimal | T::Float, T::Integer) => {
            (Some(step("to_integer", [])), None)
        }
        (T::Text | T::Enum | T::Bool, T::Decimal | T::Float) => {
            (Some(step("to_decimal", [])), None)
        }
        (T::Text | T::Enum | T::Integer | T::Decimal | T::Float, T::Bool) => {
            (Some(step("to_bool", [])), None)
        }
        (T::Text | T::Enum, T::Date) => (Some(step("parse_date", [])), None),
        (T::Text | T::Enum, T::Timestamp) => (
            Some(step("parse_date", [("result", "timestamp".into())])),
            None,
        ),
        (T::Text | T::Enum, T::Time) => (None, None),
        (T::Date, T::Timestamp) => (Some(midnight("UTC")), Some(NO_TIME)),
        (T::Timestamp, T::Date) => (Some(step("date_only", [])), Some(NO_TIME)),
        (T::Timestamp, T::Time) => (
            Some(step("format_date", [("format", "%H:%M:%S".into())])),
            Some("the day does not come back"),
        ),
        (from, to) => {
            return Err(format!(
                "{} does not go back into {}",
                type_words(from),
                type_words(to)
            ));
        }
    };
    Ok(Back {
        steps: steps.into_iter().collect(),
        losses: loss.into_iter().map(str::to_owned).collect(),
        leaves_out: false,
    })
}

/// The words for a day that was a point in time.
pub(super) const NO_TIME: &str = "the time of day does not come back";

/// The step that makes a day the moment at which it begins.
pub(super) fn midnight(zone: &str) -> Step {
    step(
        "parse_date",
        [("result", "timestamp".into()), ("zone", zone.into())],
    )
}

/// What became of values that went through steps and came back.
pub(super) enum Tried {
    /// All came back the same.
    Same,
    /// One came back as another.
    Differs(String),
    /// One could not be made.
    Fails,
}

/// Sends values there and back.
pub(super) fn try_there_and_back(there: &[Step], back: &[Step], values: &[Value]) -> Tried {
    let (Some(there), Some(back)) = (built(there), built(back)) else {
        return Tried::Fails;
    };
    let mut differs = None;
    for value in values {
        let Some(came) = run(&there, value.clone()).and_then(|made| run(&back, made)) else {
            return Tried::Fails;
        };
        if differs.is_none() && !came.same_as(value) {
            differs = Some(format!(
                "for example, {} comes back as {}",
                quoted(value),
                quoted(&came)
            ));
        }
    }
    differs.map_or(Tried::Same, Tried::Differs)
}

fn built(steps: &[Step]) -> Option<Vec<Built>> {
    steps
        .iter()
        .map(|step| transforms::build(step, 0).ok())
        .collect()
}

fn run(steps: &[Built], value: Value) -> Option<Value> {
    let nothing = Value::Null;
    let record = Record::Whole(&nothing);
    steps.iter().try_fold(value, |value, step| {
        step.run(value, &mut false, &Scope { record: &record }).ok()
    })
}
