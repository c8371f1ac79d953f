//! What is to be done with each record: pure, plain data.
//!
//! Terms: a record is *linked* when we know its record on the target. The link holds the fingerprint
//! of the mapped fields as last agreed (so an unchanged record costs one comparison) and the *shadow*,
//! those fields themselves (so an update names only what differs, and says what was there before).
//!
//! Preview, a stored plan and a run all come from [`decide`].

use std::collections::HashMap;

use model::ids::ChangeId;
use model::path::FieldPath;
use model::record::{Change, Operation, Record, RecordKey};
use model::row::Row;
use model::sync::{MatchRule, WriteMode};
use model::value::{Fingerprint, Object, Value};
use store::agreed::Agreed;
use store::conflicts::Conflict;
use store::links::Link;

/// One record of the source after the mapping.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// What identifies it; records without a key are told apart by their place.
    pub source_key: RecordKey,
    /// As it came.
    pub source: Row,
    /// The target's fields as the mapping makes them.
    pub fields: Object,
    /// Fingerprint of `fields`.
    pub fingerprint: Fingerprint,
    /// Why the mapping could not make it, if so.
    pub problem: Option<Problem>,
}

/// Why a record is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In words.
    pub message: String,
    /// Which target field it is about.
    pub field: Option<FieldPath>,
}

impl Problem {
    fn of(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            field: None,
        }
    }
}

/// What is known of a record's counterpart on the target.
#[derive(Clone, Debug)]
pub enum Known {
    /// Linked, and the mapped fields are as last agreed.
    Same,
    /// Linked, and the mapped fields differ from what was agreed.
    Linked(Box<Link>),
    /// Not linked; this is what looking it up gave.
    Looked(Vec<Record>),
    /// Not linked, and the target cannot be searched.
    NotSearchable,
    /// Not linked, and a value of the match key is missing.
    NoMatchValue(FieldPath),
    /// An earlier write of it has an outcome that nobody knows yet.
    Unsettled,
}

/// What is to be done with one record.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It is as it should be. `adopt` is the link to store where there was none.
    Unchanged {
        /// A counterpart that was found and already agrees.
        adopt: Option<Box<Link>>,
    },
    /// Write it.
    Write(Box<Change>),
    /// The sync's own rules leave it out.
    Filtered(Problem),
    /// The mapping could not make it.
    Invalid(Problem),
    /// Kept back until a person decides.
    Held(Problem),
    /// Both sides changed it, and a person decides.
    Conflict(Problem, Vec<Conflict>),
    /// Nothing is written, but both sides are known to agree in some fields.
    Agreed(Box<Agreed>),
    /// The pair is none any more.
    Forget,
}

/// The rules of one sync that decisions follow.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What may be done on the target.
    pub mode: WriteMode,
    /// Target fields that tell which record is meant.
    pub match_on: Vec<FieldPath>,
    /// More ways to find it, in their order.
    pub match_also: Vec<MatchRule>,
}

/// Why nothing is done to a record whose last write nobody could settle.
pub(crate) const UNSETTLED: &str = "an earlier write of this record got no answer and could not be looked up; check it on the target, then retry it";

/// Decides for one record. `claimed` tells which target records are already linked to another one.
pub fn decide(
    mapped: &Mapped,
    known: Known,
    rules: &Rules,
    claimed: &HashMap<RecordKey, RecordKey>,
) -> Decision {
    if let Some(problem) = &mapped.problem {
        return Decision::Invalid(problem.clone());
    }
    match known {
        Known::Same => Decision::Unchanged { adopt: None },
        Known::Unsettled => Decision::Held(Problem::of(UNSETTLED)),
        Known::NoMatchValue(field) => Decision::Held(Problem {
            message: format!(
                "\"{field}\" is empty, and it is what records are matched by; fill it in or match by another field"
            ),
            field: Some(field),
        }),
        Known::Linked(link) if rules.mode == WriteMode::Append => {
            match differences(&mapped.fields, &link.shadow).0.is_empty() {
                true => Decision::Unchanged {
                    adopt: Some(Box::new(link_of(
                        mapped,
                        link.target_key,
                        link.target_version,
                    ))),
                },
                false => add_again(mapped, *link, rules),
            }
        }
        Known::Linked(link) => update_linked(mapped, &link, rules),
        Known::NotSearchable => create(mapped, rules),
        Known::Looked(found) => match found.as_slice() {
            [] => create(mapped, rules),
            [record] => adopt_or_update(mapped, record, rules, claimed),
            several => Decision::Held(Problem {
                message: format!(
                    "{} records of the target match {}; merge them there, or match by a field that is unique",
                    several.len(),
                    match_words(mapped, rules)
                ),
                field: rules.match_on.first().cloned(),
            }),
        },
    }
}

/// A new record for what changed; a plan remembers as what it was added before.
fn add_again(mapped: &Mapped, link: Link, rules: &Rules) -> Decision {
    let mut decision = create(mapped, rules);
    if let Decision::Write(change) = &mut decision {
        change.before = Some(link.shadow);
    }
    decision
}

pub(crate) fn create(mapped: &Mapped, rules: &Rules) -> Decision {
    if !rules.mode.creates() {
        return Decision::Filtered(Problem::of(
            "not on the target yet, and this sync only updates",
        ));
    }
    Decision::Write(Box::new(Change {
        id: ChangeId::new(),
        operation: Operation::Create,
        source_key: mapped.source_key.clone(),
        target_key: None,
        fields: mapped.fields.clone(),
        before: None,
        version: None,
    }))
}

/// What changed on the source is written, unless the target has it already; what was taken back on the target stays so
/// until the source changes it again.
fn update_linked(mapped: &Mapped, link: &Link, rules: &Rules) -> Decision {
    let Some(on_target) = &link.target_shadow else {
        let version = link.target_version.clone();
        return update(mapped, &link.target_key, &link.shadow, version, rules);
    };
    let (changed, _) = differences(&mapped.fields, &link.shadow);
    let mut now = link.on_target();
    for (name, value) in mapped.fields.iter() {
        if changed.get(name).is_none() && on_target.get(name).is_some() {
            // As far as this sync is concerned, both are as they should be.
            now.insert(name, value.clone());
        }
    }
    update(
        mapped,
        &link.target_key,
        &now,
        link.target_version.clone(),
        rules,
    )
}

fn update(
    mapped: &Mapped,
    target_key: &RecordKey,
    now: &Object,
    version: Option<String>,
    rules: &Rules,
) -> Decision {
    let (fields, before) = differences(&mapped.fields, now);
    if fields.is_empty() {
        return Decision::Unchanged {
            adopt: Some(Box::new(link_of(mapped, target_key.clone(), version))),
        };
    }
    if !rules.mode.updates() {
        return Decision::Filtered(Problem::of(
            "already on the target, and this sync only creates",
        ));
    }
    Decision::Write(Box::new(Change {
        id: ChangeId::new(),
        operation: Operation::Update,
        source_key: mapped.source_key.clone(),
        target_key: Some(target_key.clone()),
        fields,
        before: Some(before),
        version,
    }))
}

fn adopt_or_update(
    mapped: &Mapped,
    record: &Record,
    rules: &Rules,
    claimed: &HashMap<RecordKey, RecordKey>,
) -> Decision {
    let Some(key) = &record.key else {
        return Decision::Held(Problem::of("a record of the target matches but has no key"));
    };
    if let Some(owner) = claimed
        .get(key)
        .filter(|owner| **owner != mapped.source_key)
    {
        return Decision::Held(Problem {
            message: format!(
                "{} matches {key} on the target, which already belongs to {owner}; two records of the source share it",
                match_words(mapped, rules)
            ),
            field: rules.match_on.first().cloned(),
        });
    }
    let empty = Object::new();
    let now = record.fields.as_object().unwrap_or(&empty);
    let mut decision = update(mapped, key, now, record.version.clone(), rules);
    if let Decision::Write(change) = &mut decision {
        // The whole record was seen: what it does not have, it did not have.
        let before = change.before.get_or_insert_with(Object::new);
        for (name, _) in change.fields.iter() {
            if before.get(name).is_none() {
                before.push(name, Value::Null);
            }
        }
    }
    decision
}

fn match_words(mapped: &Mapped, rules: &Rules) -> String {
    let record = Value::Object(mapped.fields.clone());
    let parts: Vec<String> = rules
        .match_on
        .iter()
        .map(|path| {
            format!(
                "{path} = {}",
                record
                    .at(path)
                    .map(model::json::to_string)
                    .unwrap_or_default()
            )
        })
        .collect();
    parts.join(", ")
}

/// The link that a record has once the target agrees with it.
pub fn link_of(mapped: &Mapped, target_key: RecordKey, target_version: Option<String>) -> Link {
    Link {
        shadow: mapped.fields.clone(),
        target_version,
        ..link_to(&mapped.source_key, mapped.fingerprint, target_key)
    }
}

/// A link without what both sides agreed on.
pub(crate) fn link_to(
    source_key: &RecordKey,
    source_fingerprint: Fingerprint,
    target_key: RecordKey,
) -> Link {
    Link {
        source_key: source_key.clone(),
        target_key,
        source_fingerprint,
        shadow: Object::new(),
        target_shadow: None,
        target_version: None,
        source_version: None,
        made_on: None,
    }
}

/// Stands for a record that was not read in this run.
pub const NOT_READ: Fingerprint = Fingerprint(0);

/// Stands for a record of which something older is known than what counts by now.
pub(crate) const OUTDATED: Fingerprint = Fingerprint(1);

/// What `now` has of the fields, and inside objects of the members, that `shape` has.
pub fn project(shape: &Object, now: &Object) -> Object {
    shape
        .iter()
        .map(|(name, value)| {
            let now = now.get(name).cloned().unwrap_or_default();
            let part = match (value, now) {
                (Value::Object(shape), Value::Object(now)) => Value::Object(project(shape, &now)),
                (_, now) => now,
            };
            (name.into(), part)
        })
        .collect()
}

/// The top-level fields of `wanted` that `now` does not have, and what it has instead.
///
/// Inside objects only the members that are wanted count: what the mapping does not fill is not ours.
/// A field that is wanted as null and is absent on the target is no difference.
pub fn differences(wanted: &Object, now: &Object) -> (Object, Object) {
    let (mut fields, mut before) = (Object::new(), Object::new());
    for (name, value) in wanted.iter() {
        let current = now.get(name);
        if agrees(value, current) {
            continue;
        }
        fields.push(name, value.clone());
        if let Some(current) = current {
            before.push(name, current.clone());
        }
    }
    (fields, before)
}

/// Whether somebody else has changed a record since it was `was`: by its version tag where both are known, else by its
/// fields. Platforms trim and rewrite what they are sent, which is nobody's change.
pub(crate) fn is_touched(
    was: &Object,
    was_version: Option<&str>,
    now: &Object,
    now_version: Option<&str>,
) -> bool {
    if let (Some(was), Some(now)) = (was_version, now_version)
        && was == now
    {
        return false;
    }
    was.iter().any(|(name, was)| {
        let now = now.get(name);
        !agrees(was, now) && !looks_like(was, now.unwrap_or(&Value::Null))
    })
}

/// Of what was found a moment after a write, leaves what the platform made of what it was sent: the same written otherwise,
/// or what it had made of the same before. Anything else may be an edit that came in between, which the next run puts back;
/// where it is the platform's own, it comes back once more and is known from then on.
pub(crate) fn keep_to_what_was_sent(sent: &Change, now: &mut Object) {
    for (name, value) in sent.fields.iter() {
        let found = now.get(name).unwrap_or(&Value::Null);
        let before = sent.before.as_ref().and_then(|before| before.get(name));
        let is_ours = agrees(value, Some(found))
            || looks_like(value, found)
            || before.is_some_and(|before| before.same_as(found));
        if !is_ours {
            now.insert(name, value.clone());
        }
    }
}

/// The same but for case, spaces, and nothing being written in different ways.
fn looks_like(was: &Value, now: &Value) -> bool {
    match (was, now) {
        (Value::Text(was), Value::Text(now)) => {
            let plain = |text: &str| {
                let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
                words.join(" ")
            };
            plain(was) == plain(now)
        }
        (Value::Object(was), Value::Object(now)) => was
            .iter()
            .all(|(name, was)| looks_like(was, now.get(name).unwrap_or(&Value::Null))),
        (was, now) => (was.is_empty() && now.is_empty()) || was.same_as(now),
    }
}

pub(crate) fn agrees(wanted: &Value, now: Option<&Value>) -> bool {
    match (wanted, now) {
        (Value::Null, None) => true,
        (_, None) => false,
        (Value::Object(wanted), Some(Value::Object(now))) => wanted
            .iter()
            .all(|(name, value)| agrees(value, now.get(name))),
        (wanted, Some(now)) => wanted.same_as(now),
    }
}

/// What a guard says of the updates so far.
pub fn too_many_updates(updates: u64, linked: u64, guards: &model::sync::Guards) -> Option<String> {
    if linked < u64::from(guards.from_records) || guards.max_update_percent >= 100 {
        return None;
    }
    let percent = updates.saturating_mul(100) / linked.max(1);
    (percent > u64::from(guards.max_update_percent)).then(|| {
        format!(
            "{updates} of {linked} records would be updated: {percent} %, more than the {} % that this sync may change without asking. Nothing was written",
            guards.max_update_percent
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(json: &str) -> Object {
        match model::json::parse(json.as_bytes()).unwrap() {
            Value::Object(object) => object,
            other => panic!("not an object: {other:?}"),
        }
    }

    fn mapped(json: &str) -> Mapped {
        let fields = object(json);
        Mapped {
            source_key: RecordKey("ct_1".into()),
            source: Row::default(),
            fingerprint: Value::Object(fields.clone()).fingerprint(),
            fields,
            problem: None,
        }
    }

    fn rules(mode: WriteMode) -> Rules {
        Rules {
            mode,
            match_on: vec!["email".parse().unwrap()],
            match_also: Vec::new(),
        }
    }

    fn record(key: &str, json: &str) -> Record {
        Record {
            key: Some(RecordKey(key.into())),
            fields: Value::Object(object(json)),
            version: Some("3".into()),
        }
    }

    fn words(decision: &Decision) -> String {
        match decision {
            Decision::Unchanged { adopt: None } => "unchanged".into(),
            Decision::Unchanged { adopt: Some(link) } => format!("adopt {}", link.target_key),
            Decision::Write(change) => format!(
                "{} {} {} before {}",
                change.operation.as_str(),
                change.target_key.as_ref().map_or("-", RecordKey::as_str),
                model::json::to_string(&Value::Object(change.fields.clone())),
                change
                    .before
                    .clone()
                    .map_or("-".into(), |before| model::json::to_string(&Value::Object(
                        before
                    ))),
            ),
            Decision::Filtered(problem) => format!("filtered: {}", problem.message),
            Decision::Invalid(problem) => format!("invalid: {}", problem.message),
            Decision::Held(problem) => format!("held: {}", problem.message),
            Decision::Conflict(problem, _) => format!("conflict: {}", problem.message),
            Decision::Agreed(agreed) => format!("agreed {}", agreed.target_key),
            Decision::Forget => "forget".into(),
        }
    }

    fn check(
        mode: WriteMode,
        wanted: &str,
        known: Known,
        claimed: &[(&str, &str)],
        expected: &str,
    ) {
        let claimed = claimed
            .iter()
            .map(|(t, s)| (RecordKey((*t).into()), RecordKey((*s).into())))
            .collect();
        assert_eq!(
            words(&decide(&mapped(wanted), known, &rules(mode), &claimed)),
            expected
        );
    }

    #[test]
    fn each_record_gets_the_one_decision_that_its_mode_allows() {
        use WriteMode::{Create, Update, Upsert};
        let wanted = r#"{"email":"a@x.io","name":"A","at":{"city":"Rosario"}}"#;
        let same = r#"{"email":"a@x.io","name":"A","at":{"city":"Rosario","zip":"1"},"id":7}"#;
        let other = r#"{"email":"a@x.io","name":"B","at":{"city":"Rosario"}}"#;
        let found = |json: &str| Known::Looked(vec![record("t1", json)]);
        check(
            Upsert,
            wanted,
            Known::Looked(vec![]),
            &[],
            &format!("create - {wanted} before -"),
        );
        check(
            Update,
            wanted,
            Known::Looked(vec![]),
            &[],
            "filtered: not on the target yet, and this sync only updates",
        );
        check(Upsert, wanted, found(same), &[], "adopt t1");
        check(
            Upsert,
            wanted,
            found(other),
            &[],
            r#"update t1 {"name":"A"} before {"name":"B"}"#,
        );
        check(
            Create,
            wanted,
            found(other),
            &[],
            "filtered: already on the target, and this sync only creates",
        );
        check(
            Upsert,
            wanted,
            Known::Looked(vec![record("t1", same), record("t2", same)]),
            &[],
            "held: 2 records of the target match email = \"a@x.io\"; merge them there, or match by a field that is unique",
        );
        check(
            Upsert,
            wanted,
            found(same),
            &[("t1", "ct_9")],
            "held: email = \"a@x.io\" matches t1 on the target, which already belongs to ct_9; two records of the source share it",
        );
        check(Upsert, wanted, found(same), &[("t1", "ct_1")], "adopt t1");
    }

    #[test]
    fn a_field_that_should_be_null_and_is_absent_is_no_difference() {
        check(
            WriteMode::Upsert,
            r#"{"email":"a@x.io","phone":null}"#,
            Known::Looked(vec![record("t1", r#"{"email":"a@x.io"}"#)]),
            &[],
            "adopt t1",
        );
    }

    #[test]
    fn many_updates_trip_the_guard_only_where_there_are_many_records() {
        let guards = model::sync::Guards::default();
        assert!(too_many_updates(11, 20, &guards).is_some());
        assert!(too_many_updates(10, 20, &guards).is_none());
        assert!(too_many_updates(19, 19, &guards).is_none());
    }

    proptest! {
        /// Applying the differences leaves nothing to do.
        #[test]
        fn a_plan_after_its_apply_is_empty(wanted in fields(), now in fields()) {
            let (wanted, mut now) = (object_of(wanted), object_of(now));
            let (changes, _) = differences(&wanted, &now);
            for (name, value) in changes {
                now.insert(name, value);
            }
            let (left, _) = differences(&wanted, &now);
            prop_assert!(left.is_empty(), "{left:?}");
        }
    }

    fn fields() -> impl Strategy<Value = Vec<(String, i64)>> {
        prop::collection::vec(("[a-d]", 0i64..3), 0..5)
    }

    fn object_of(pairs: Vec<(String, i64)>) -> Object {
        let mut object = Object::new();
        for (name, n) in pairs {
            object.insert(name, if n == 0 { Value::Null } else { Value::Int(n) });
        }
        object
    }
}
