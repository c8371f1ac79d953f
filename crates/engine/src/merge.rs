//! The three-way merge of one pair of records: pure, field by field.
//!
//! Everything is in the target's terms: *source* is what the mapping makes of the source's record, *target* is what the
//! target has, *base* is what each side had when they last agreed. A side has changed a field when it differs from that
//! side's own base, so a platform that trims or rounds what it was sent has not changed it.

use model::conflict::ConflictKind;
use model::sync::{Direction, Policy, ReadOnly, Side, Truth};
use model::value::{Object, Value};

use crate::job::BackField;
use crate::plan::agrees;

/// One pair, as far as it is known.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// What both agreed on: as the source had it, and as the target had it. None where they meet for the first time; a
    /// field that is in neither was never agreed on.
    pub(crate) base: Option<(&'a Object, &'a Object)>,
    /// As the source has it now.
    pub(crate) source: &'a Object,
    /// As the target has it now.
    pub(crate) target: &'a Object,
    /// Which side's record was changed last, where both tell.
    pub(crate) newest: Option<Side>,
}

/// What comes of a pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Merged {
    /// To be written to the target.
    pub(crate) to_target: Object,
    /// To be written to the source, in the target's terms.
    pub(crate) to_source: Object,
    /// Fields that need nothing, and what each side has: the new base.
    pub(crate) agreed: Vec<(String, Value, Value)>,
    /// Fields for a person.
    pub(crate) conflicts: Vec<Clash>,
}

/// A field that a person has to decide.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clash {
    pub(crate) field: String,
    pub(crate) kind: ConflictKind,
    pub(crate) base: Option<Value>,
    pub(crate) source: Value,
    pub(crate) target: Value,
}

/// What is to be done with one field.
enum Fate {
    Nothing,
    Agreed,
    Flows(Side),
    /// Both sides get this.
    Both(Value),
    Asks(ConflictKind),
}

/// Merges a pair. `rule` tells how a field flows.
pub(crate) fn merge<'r>(
    pair: &Pair<'_>,
    rule: impl Fn(&str) -> Option<&'r BackField>,
    read_only: ReadOnly,
) -> Merged {
    let mut out = Merged::default();
    let one_way = BackField {
        direction: Direction::ToTarget,
        ..BackField::default()
    };
    for (name, source) in pair.source.iter() {
        let target = pair.target.get(name).unwrap_or(&Value::Null);
        let rule = rule(name).unwrap_or(&one_way);
        let base = pair.base.and_then(|(on_source, on_target)| {
            match (on_source.get(name), on_target.get(name)) {
                (None, None) => None,
                (source, target) => Some((
                    source.unwrap_or(&Value::Null),
                    target.unwrap_or(&Value::Null),
                )),
            }
        });
        let same = agrees(source, Some(target)) || (is_nothing(source) && is_nothing(target));
        let fate = match base {
            None => first_meeting(source, target, same, rule, pair.newest),
            Some(base) => later(base, source, target, same, rule, read_only, pair.newest),
        };
        let name = name.to_owned();
        match fate {
            Fate::Nothing => {}
            Fate::Agreed => out.agreed.push((name, source.clone(), target.clone())),
            Fate::Flows(Side::Target) => out.to_target.push(name, source.clone()),
            Fate::Flows(Side::Source) => out.to_source.push(name, shaped(source, target)),
            Fate::Both(value) => {
                if !agrees(&value, Some(target)) {
                    out.to_target.push(name.as_str(), value.clone());
                }
                if !agrees(&value, Some(source)) {
                    out.to_source.push(name, value);
                }
            }
            Fate::Asks(kind) => out.conflicts.push(Clash {
                field: name,
                kind,
                base: base.map(|(source, _)| source.clone()),
                source: source.clone(),
                target: shaped(source, target),
            }),
        }
    }
    out
}

/// Null and empty text: many platforms do not tell them apart.
fn is_nothing(value: &Value) -> bool {
    value.is_empty()
}

/// Inside objects, only the members that the mapping fills are ours.
fn shaped(shape: &Value, value: &Value) -> Value {
    match (shape, value) {
        (Value::Object(shape), Value::Object(value)) => {
            Value::Object(crate::plan::project(shape, value))
        }
        (_, value) => value.clone(),
    }
}

fn first_meeting(
    source: &Value,
    target: &Value,
    same: bool,
    rule: &BackField,
    newest: Option<Side>,
) -> Fate {
    if same {
        return Fate::Agreed;
    }
    match rule.direction {
        Direction::ToTarget => return Fate::Flows(Side::Target),
        Direction::ToSource => return Fate::Flows(Side::Source),
        Direction::Both => {}
    }
    // What only one side knows contradicts nobody.
    match (is_nothing(source), is_nothing(target)) {
        (false, true) => return Fate::Flows(Side::Target),
        (true, false) => return Fate::Flows(Side::Source),
        _ => {}
    }
    match (rule.truth, newest) {
        (Truth::Source, _) | (Truth::Newest, Some(Side::Source)) => Fate::Flows(Side::Target),
        (Truth::Target, _) | (Truth::Newest, Some(Side::Target)) => Fate::Flows(Side::Source),
        (Truth::Ask, _) | (Truth::Newest, None) => Fate::Asks(ConflictKind::FirstMeeting),
    }
}

fn later(
    (base_source, base_target): (&Value, &Value),
    source: &Value,
    target: &Value,
    same: bool,
    rule: &BackField,
    read_only: ReadOnly,
    newest: Option<Side>,
) -> Fate {
    let by_source = !agrees(base_source, Some(source));
    let by_target = !agrees(base_target, Some(target));
    match (by_source, by_target, rule.direction) {
        (false, false, _) => Fate::Nothing,
        _ if same => Fate::Agreed,
        (true, _, Direction::ToTarget) => Fate::Flows(Side::Target),
        (_, true, Direction::ToSource) => Fate::Flows(Side::Source),
        (false, true, Direction::ToTarget) => read_only_change(read_only, Side::Target),
        (true, false, Direction::ToSource) => read_only_change(read_only, Side::Source),
        (true, false, Direction::Both) => Fate::Flows(Side::Target),
        (false, true, Direction::Both) => Fate::Flows(Side::Source),
        (true, true, Direction::Both) => settle_both(
            base_source,
            source,
            &shaped(source, target),
            rule.policy,
            newest,
        ),
    }
}

/// A change on the side that does not decide over the field.
fn read_only_change(read_only: ReadOnly, changed: Side) -> Fate {
    match read_only {
        ReadOnly::Ignore => Fate::Agreed,
        ReadOnly::Revert => Fate::Flows(changed),
        ReadOnly::Error => Fate::Asks(ConflictKind::ReadOnly),
    }
}

fn settle_both(
    base: &Value,
    source: &Value,
    target: &Value,
    policy: Policy,
    newest: Option<Side>,
) -> Fate {
    let ask = Fate::Asks(ConflictKind::BothChanged);
    // The side that is right is the one whose value flows to the other.
    let right = |side: Option<Side>| side.map(|side| Fate::Flows(side.other()));
    let made = match policy {
        Policy::Source => right(Some(Side::Source)),
        Policy::Target => right(Some(Side::Target)),
        Policy::Newest => right(newest),
        Policy::Ask => None,
        Policy::Longest => right(longer(source, target)),
        Policy::Min => right(smaller(source, target)),
        Policy::Max => right(smaller(source, target).map(Side::other)),
        Policy::Union => union(source, target).map(Fate::Both),
        Policy::Merge => three_way(base, source, target).map(Fate::Both),
    };
    made.unwrap_or(ask)
}

fn longer(source: &Value, target: &Value) -> Option<Side> {
    let (source, target) = (source.as_text()?, target.as_text()?);
    match source.chars().count().cmp(&target.chars().count()) {
        std::cmp::Ordering::Greater => Some(Side::Source),
        std::cmp::Ordering::Less => Some(Side::Target),
        std::cmp::Ordering::Equal => None,
    }
}

/// The side with the smaller number, or the earlier point in time.
fn smaller(source: &Value, target: &Value) -> Option<Side> {
    let order = compare(source, target)?;
    match order {
        std::cmp::Ordering::Less => Some(Side::Source),
        std::cmp::Ordering::Greater => Some(Side::Target),
        std::cmp::Ordering::Equal => None,
    }
}

fn compare(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.instant.cmp(&right.instant)),
        (Value::Text(left), Value::Text(right)) => {
            match (point_in_time(left), point_in_time(right)) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => number(left)?.partial_cmp(&number(right)?),
            }
        }
        _ => as_number(left)?.partial_cmp(&as_number(right)?),
    }
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Float(_) => {
            number(&model::json::to_string(value))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| !number.is_nan())
}

/// A point in time as platforms write it: with a zone, else taken as UTC; a day counts from its beginning.
pub(crate) fn point_in_time(text: &str) -> Option<jiff::Timestamp> {
    let utc = |civil: jiff::civil::DateTime| {
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(zoned.timestamp())
    };
    text.parse()
        .ok()
        .or_else(|| utc(text.parse().ok()?))
        .or_else(|| utc(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)))
}

fn union(source: &Value, target: &Value) -> Option<Value> {
    let (source, target) = (source.as_list()?, target.as_list()?);
    let mut items = source.to_vec();
    for item in target {
        if !items.iter().any(|known| known.same_as(item)) {
            items.push(item.clone());
        }
    }
    Some(Value::List(items))
}

/// Puts both changes together where they do not touch each other.
fn three_way(base: &Value, source: &Value, target: &Value) -> Option<Value> {
    match (base, source, target) {
        (_, source, target) if source.same_as(target) => Some(source.clone()),
        (Value::List(base), Value::List(source), Value::List(target)) => {
            Some(Value::List(merge_lists(base, source, target)))
        }
        (Value::Object(base), Value::Object(source), Value::Object(target)) => {
            merge_objects(base, source, target).map(Value::Object)
        }
        (Value::Text(base), Value::Text(source), Value::Text(target)) => {
            merge_lines(base, source, target).map(Value::text)
        }
        _ => None,
    }
}

/// Lists as sets: what one side added is in, what one side took out is out. In the source's order.
fn merge_lists(base: &[Value], source: &[Value], target: &[Value]) -> Vec<Value> {
    let has = |list: &[Value], item: &Value| list.iter().any(|known| known.same_as(item));
    let mut items: Vec<Value> = source
        .iter()
        .filter(|item| has(target, item) || !has(base, item))
        .cloned()
        .collect();
    for item in target {
        if !has(base, item) && !has(&items, item) {
            items.push(item.clone());
        }
    }
    items
}

fn merge_objects(base: &Object, source: &Object, target: &Object) -> Option<Object> {
    source
        .iter()
        .map(|(name, source)| {
            let base = base.get(name).unwrap_or(&Value::Null);
            let target = target.get(name).unwrap_or(&Value::Null);
            let value = if agrees(base, Some(source)) {
                target.clone()
            } else if agrees(base, Some(target)) {
                source.clone()
            } else {
                three_way(base, source, target)?
            };
            Some((name.into(), value))
        })
        .collect()
}

/// Texts are only put together when they have lines: in a short one both changes are about the same thing.
fn merge_lines(base: &str, source: &str, target: &str) -> Option<String> {
    /// Bounds the work: lines are compared with each other.
    const LINES: usize = 500;
    let lines =
        |text: &str| -> Vec<String> { text.split_inclusive('\n').map(ToOwned::to_owned).collect() };
    let (base, source, target) = (lines(base), lines(source), lines(target));
    let most = base.len().max(source.len()).max(target.len());
    if base.len() < 3 || most > LINES {
        return None;
    }
    let by_source = edits(&base, &source);
    let by_target = edits(&base, &target);
    let mut out = String::new();
    let mut at = 0;
    let (mut left, mut right) = (by_source.iter().peekable(), by_target.iter().peekable());
    loop {
        let edit = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => left.next(),
            (None, Some(_)) => right.next(),
            (Some(one), Some(other)) if one == other => {
                right.next();
                left.next()
            }
            // Edits that touch, or meet at a line, are about the same thing.
            (Some(one), Some(other)) if one.from <= other.to && other.from <= one.to => {
                return None;
            }
            (Some(one), Some(other)) if one.from < other.from => left.next(),
            (Some(_), Some(_)) => right.next(),
        };
        let Some(edit) = edit else { break };
        out.extend(base.get(at..edit.from)?.iter().map(String::as_str));
        out.extend(edit.lines.iter().map(String::as_str));
        at = edit.to;
    }
    out.extend(base.get(at..)?.iter().map(String::as_str));
    Some(out)
}

/// Lines `from..to` of the base become `lines`.
#[derive(Debug, PartialEq)]
struct Edit {
    from: usize,
    to: usize,
    lines: Vec<String>,
}

/// What was done to the base, by its longest common subsequence.
fn edits(base: &[String], other: &[String]) -> Vec<Edit> {
    let (rows, columns) = (base.len(), other.len());
    let width = columns + 1;
    let mut common = vec![0u32; (rows + 1) * width];
    let at = |row: usize, column: usize| row * width + column;
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let same = base.get(row) == other.get(column);
            let value = match same {
                true => common.get(at(row + 1, column + 1)).map_or(0, |n| n + 1),
                false => {
                    let down = common.get(at(row + 1, column)).copied().unwrap_or(0);
                    let right = common.get(at(row, column + 1)).copied().unwrap_or(0);
                    down.max(right)
                }
            };
            if let Some(slot) = common.get_mut(at(row, column)) {
                *slot = value;
            }
        }
    }
    let mut out: Vec<Edit> = Vec::new();
    let (mut row, mut column) = (0, 0);
    let mut open: Option<Edit> = None;
    while row < rows || column < columns {
        if row < rows && column < columns && base.get(row) == other.get(column) {
            out.extend(open.take());
            row += 1;
            column += 1;
            continue;
        }
        let edit = open.get_or_insert_with(|| Edit {
            from: row,
            to: row,
            lines: Vec::new(),
        });
        let down = common
            .get(at((row + 1).min(rows), column))
            .copied()
            .unwrap_or(0);
        let right = common
            .get(at(row, (column + 1).min(columns)))
            .copied()
            .unwrap_or(0);
        if column >= columns || (row < rows && down >= right) {
            row += 1;
            edit.to = row;
        } else {
            edit.lines.extend(other.get(column).cloned());
            column += 1;
        }
    }
    out.extend(open);
    out
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
