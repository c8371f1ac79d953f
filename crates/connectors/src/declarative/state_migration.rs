//! `state_migrations`: states that an older connector wrote, in the shape that this one reads.

use compact_str::CompactString;
use model::value::{Object, Value};
use template::{Env, Scope};

use super::node::{Kind, View};
use super::pages::Context;
use super::stream::Stream;
use super::text::{Condition, PathText, Text};
use crate::Result;

/// Levels of objects that partitions may be made of.
const MOST_LEVELS: usize = 16;

/// One migration of a stream's state.
#[derive(Clone, Debug)]
pub enum Migration {
    /// `LegacyToPerPartitionStateMigration`: `{key: {cursor: …}}`.
    Legacy,
    /// `StateMigration`: steps, under a condition. Ours: it stands for what is Python code elsewhere.
    Steps {
        /// Over `state`.
        when: Condition,
        /// One after another; what a step does not find it leaves alone.
        steps: Vec<StepText>,
    },
}

/// A step of a `StateMigration`.
#[derive(Clone, Debug)]
pub enum StepText {
    /// Puts a value at a way.
    Set(PathText, Text),
    /// Removes what is at a way.
    Remove(PathText),
    /// Moves what is at a way to another.
    Move(PathText, PathText),
    /// Makes partitions of objects in objects.
    ToPartitions {
        /// The partition's field for each level.
        levels: Vec<String>,
        /// Of the cursor, where the innermost values are no objects.
        cursor_field: Option<Text>,
        /// Further members of each partition.
        extra: Object,
        /// Members that are no partitions.
        skip: Vec<String>,
    },
    /// Changes each partition; templates see `partition` and `cursor`.
    EachPartition {
        /// Members that are set.
        set: Vec<(String, Text)>,
        /// Members that are removed.
        remove: Vec<String>,
    },
    /// One cursor for all: the smallest or largest of the partitions'.
    ToSingle {
        /// Whether the largest.
        largest: bool,
        /// The cursor's field.
        cursor_field: Text,
    },
    /// The state of a parent stream.
    ToParent {
        /// The parent's name.
        stream: String,
        /// The parent's cursor field.
        cursor_field: Text,
        /// Its value.
        value: Text,
    },
}

impl Migration {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        match view.component()? {
            "LegacyToPerPartitionStateMigration" => Ok(Self::Legacy),
            "StateMigration" => {
                view.only(&["type", "when", "steps", "$parameters"])?;
                let steps = view.require("steps", "a list of steps")?;
                Ok(Self::Steps {
                    when: Condition::member(view, "when", true)?,
                    steps: steps
                        .items()?
                        .iter()
                        .map(StepText::compile)
                        .collect::<Result<_>>()?,
                })
            }
            _ => {
                Err(view
                    .unknown_component(&["LegacyToPerPartitionStateMigration", "StateMigration"]))
            }
        }
    }

    /// The state as the stream reads it.
    pub fn apply(&self, stream: &Stream, context: &Context, state: Value) -> Result<Value> {
        let (scope, env) = (context.scope(), context.env());
        match self {
            Self::Legacy => {
                let field = stream.router().partition_field(&scope, env)?;
                let cursor = stream.cursor_field(&scope, env);
                Ok(match (field, cursor) {
                    (Some(field), Some(cursor)) => legacy(&state, &field, &cursor).unwrap_or(state),
                    _ => state,
                })
            }
            Self::Steps { when, steps } => apply_steps(when, steps, &scope, env, state),
        }
    }
}

/// `{key: {cursor: …}}` as partitions; none where it is something else.
fn legacy(state: &Value, field: &str, cursor: &str) -> Option<Value> {
    let object = state.as_object().filter(|object| !object.is_empty())?;
    let mut states = Vec::with_capacity(object.len());
    for (key, value) in object.iter() {
        let inner = value.as_object()?;
        if inner.len() != 1 || inner.get(cursor).is_none() {
            return None;
        }
        let mut partition = Object::new();
        partition.push(field, Value::text(key));
        states.push(entry(partition, value.clone()));
    }
    let mut migrated = Object::new();
    migrated.push("states", Value::List(states));
    Some(Value::Object(migrated))
}

fn entry(partition: Object, cursor: Value) -> Value {
    let mut entry = Object::new();
    entry.push("partition", Value::Object(partition));
    entry.push("cursor", cursor);
    Value::Object(entry)
}

fn apply_steps(
    when: &Condition,
    steps: &[StepText],
    scope: &Scope<'_>,
    env: &Env,
    mut state: Value,
) -> Result<Value> {
    if state.is_empty() {
        return Ok(state);
    }
    if !when.holds(&Scope::within(scope).with("state", &state), env)? {
        return Ok(state);
    }
    for step in steps {
        state = step.apply(scope, env, state)?;
    }
    Ok(state)
}

impl StepText {
    fn compile(view: &View<'_>) -> Result<Self> {
        const KINDS: &str =
            "set, remove, move, to_partitions, each_partition, to_single or to_parent";
        let path = |name: &str| PathText::compile(&view.require(name, "a list of names")?);
        let text = |view: &View<'_>, name: &str| Text::compile(&view.require(name, "a text")?);
        let has = |name: &str| view.get(name).is_some();
        if has("set") {
            view.only(&["set", "value"])?;
            return Ok(Self::Set(path("set")?, text(view, "value")?));
        }
        if has("remove") {
            view.only(&["remove"])?;
            return Ok(Self::Remove(path("remove")?));
        }
        if has("move") {
            view.only(&["move", "to"])?;
            return Ok(Self::Move(path("move")?, path("to")?));
        }
        if let Some(inner) = view.get("to_partitions") {
            inner.only(&["levels", "cursor_field", "extra", "skip"])?;
            let levels = inner.require("levels", "the partition's field for each level")?;
            let names = levels.texts()?;
            if names.is_empty() || names.len() > MOST_LEVELS {
                return Err(levels.fail("there are none, or too many", "1 to 16 names"));
            }
            return Ok(Self::ToPartitions {
                levels: names,
                cursor_field: Text::member(&inner, "cursor_field")?,
                extra: match inner
                    .get("extra")
                    .map(|extra| Value::from_serde(&extra.node().to_json()))
                {
                    Some(Value::Object(extra)) => extra,
                    _ => Object::new(),
                },
                skip: match inner.get("skip") {
                    Some(skip) => skip.texts()?,
                    None => Vec::new(),
                },
            });
        }
        if let Some(inner) = view.get("each_partition") {
            inner.only(&["set", "remove"])?;
            let mut set = Vec::new();
            if let Some(members) = inner.get("set") {
                for (name, value) in members.members()? {
                    let value = match value.node().kind {
                        // `parent_slice: {}`
                        Kind::Map(_) | Kind::List(_) => {
                            let json = value.node().to_json().to_string();
                            Text::compile_text(&json, &value)?
                        }
                        _ => Text::compile(&value)?,
                    };
                    set.push((name.to_owned(), value));
                }
            }
            return Ok(Self::EachPartition {
                set,
                remove: match inner.get("remove") {
                    Some(names) => names.texts()?,
                    None => Vec::new(),
                },
            });
        }
        if let Some(which) = view.get("to_single") {
            view.only(&["to_single", "cursor_field"])?;
            return Ok(Self::ToSingle {
                largest: match which.text()? {
                    "max" => true,
                    "min" => false,
                    other => {
                        return Err(which.fail(format!("`{other}` is not known"), "min or max"));
                    }
                },
                cursor_field: text(view, "cursor_field")?,
            });
        }
        if let Some(parent) = view.get("to_parent") {
            view.only(&["to_parent", "cursor_field", "value"])?;
            return Ok(Self::ToParent {
                stream: parent.scalar()?,
                cursor_field: text(view, "cursor_field")?,
                value: text(view, "value")?,
            });
        }
        Err(view.fail("this is no step of a migration", KINDS))
    }

    fn apply(&self, outer: &Scope<'_>, env: &Env, mut state: Value) -> Result<Value> {
        match self {
            Self::Set(way, value) => {
                let value = value.eval(&Scope::within(outer).with("state", &state), env)?;
                put(&mut state, &way.steps(outer, env)?, value);
            }
            Self::Remove(way) => {
                take(&mut state, &way.steps(outer, env)?);
            }
            Self::Move(from, to) => {
                if let Some(value) = take(&mut state, &from.steps(outer, env)?) {
                    put(&mut state, &to.steps(outer, env)?, value);
                }
            }
            Self::ToPartitions {
                levels,
                cursor_field,
                extra,
                skip,
            } => {
                let field = match cursor_field {
                    Some(field) => Some(field.printed(outer, env)?),
                    None => None,
                };
                if let Value::Object(object) = &state {
                    let mut states = Vec::new();
                    let whole: Object = object
                        .iter()
                        .filter(|(name, _)| !skip.iter().any(|skipped| skipped == name))
                        .map(|(name, value)| (name.into(), value.clone()))
                        .collect();
                    partitions(&whole, levels, field.as_deref(), extra, &mut states);
                    let mut migrated = Object::new();
                    migrated.push("states", Value::List(states));
                    state = Value::Object(migrated);
                }
            }
            Self::EachPartition { set, remove } => {
                for (partition, cursor) in partitions_of(&mut state) {
                    let before = Value::Object(partition.clone());
                    let scope = Scope::within(outer)
                        .with("partition", &before)
                        .with("cursor", &*cursor);
                    for name in remove {
                        partition.remove(name);
                    }
                    for (name, value) in set {
                        partition.insert(name.as_str(), value.eval(&scope, env)?);
                    }
                }
            }
            Self::ToSingle {
                largest,
                cursor_field,
            } => {
                let field = cursor_field.printed(outer, env)?;
                let mut found: Vec<Value> = partitions_of(&mut state)
                    .filter_map(|(_, cursor)| cursor.as_object()?.get(&field).cloned())
                    .filter(|value| !value.is_null())
                    .collect();
                // Texts of one format are in the order of what they mean.
                found.sort_by(|left, right| match (left, right) {
                    (Value::Int(left), Value::Int(right)) => left.cmp(right),
                    (left, right) => {
                        super::text::python_text(left).cmp(&super::text::python_text(right))
                    }
                });
                let one = if *largest {
                    found.pop()
                } else {
                    found.into_iter().next()
                };
                if let Some(one) = one {
                    let mut single = Object::new();
                    single.push(field, one);
                    state = Value::Object(single);
                }
            }
            Self::ToParent {
                stream,
                cursor_field,
                value,
            } => {
                let value = value.eval(&Scope::within(outer).with("state", &state), env)?;
                if !value.is_empty() {
                    let field = cursor_field.printed(outer, env)?;
                    let way = ["parent_state", stream.as_str(), field.as_str()];
                    put(&mut state, &way.map(CompactString::from), value);
                }
            }
        }
        Ok(state)
    }
}

/// The partitions of a state document, each with its cursor.
fn partitions_of(state: &mut Value) -> impl Iterator<Item = (&mut Object, &mut Value)> {
    let states = match state {
        Value::Object(object) => match object.get_mut("states") {
            Some(Value::List(states)) => Some(states),
            _ => None,
        },
        _ => None,
    };
    states.into_iter().flatten().filter_map(|entry| {
        let Value::Object(entry) = entry else {
            return None;
        };
        let (mut partition, mut cursor) = (None, None);
        for (name, member) in entry.iter_mut() {
            match (name, member) {
                ("partition", Value::Object(found)) => partition = Some(found),
                ("cursor", found) => cursor = Some(found),
                _ => {}
            }
        }
        Some((partition?, cursor?))
    })
}

fn partitions(
    object: &Object,
    levels: &[String],
    cursor_field: Option<&str>,
    above: &Object,
    out: &mut Vec<Value>,
) {
    let Some((field, rest)) = levels.split_first() else {
        return;
    };
    for (key, value) in object.iter() {
        let mut partition = above.clone();
        partition.insert(field.as_str(), Value::text(key));
        match (rest.is_empty(), value, cursor_field) {
            (false, Value::Object(inner), _) => {
                partitions(inner, rest, cursor_field, &partition, out);
            }
            (true, Value::Object(_), _) => out.push(entry(partition, value.clone())),
            (true, scalar, Some(cursor_field)) if !scalar.is_empty() => {
                let mut cursor = Object::new();
                cursor.push(cursor_field, scalar.clone());
                out.push(entry(partition, Value::Object(cursor)));
            }
            _ => {}
        }
    }
}

fn put(state: &mut Value, steps: &[CompactString], value: Value) {
    let Some((last, above)) = steps.split_last() else {
        return;
    };
    let mut here = state;
    for step in above.iter().chain(std::iter::once(last)) {
        if !matches!(here, Value::Object(_)) {
            *here = Value::Object(Object::new());
        }
        let Value::Object(object) = here else {
            return;
        };
        if object.get(step).is_none() {
            object.push(step.clone(), Value::Null);
        }
        let Some(next) = object.get_mut(step) else {
            return;
        };
        here = next;
    }
    *here = value;
}

fn take(state: &mut Value, steps: &[CompactString]) -> Option<Value> {
    let (last, above) = steps.split_last()?;
    let mut here = state;
    for step in above {
        let Value::Object(object) = here else {
            return None;
        };
        here = object.get_mut(step)?;
    }
    match here {
        Value::Object(object) => object.remove(last),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn migrated(yaml: &str, state: &str) -> String {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let Migration::Steps { when, steps } =
            Migration::compile(&View::root("x.yaml", &node)).unwrap()
        else {
            panic!("{yaml}");
        };
        let state = model::json::parse(state.as_bytes()).unwrap();
        let env = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
        model::json::to_string(&apply_steps(&when, &steps, &Scope::new(), &env, state).unwrap())
    }

    #[test]
    fn steps_change_states_and_leave_alone_what_they_do_not_find() {
        fn check(steps: &str, state: &str, expected: &str) {
            let yaml = format!("{{type: StateMigration, steps: [{steps}]}}");
            assert_eq!(migrated(&yaml, state), expected, "{steps}");
        }
        check(
            "{move: [updated], to: [updated_at]}",
            r#"{"updated":"1"}"#,
            r#"{"updated_at":"1"}"#,
        );
        check(
            "{move: [updated], to: [updated_at]}",
            r#"{"x":"1"}"#,
            r#"{"x":"1"}"#,
        );
        check(
            "{remove: [a, b]}",
            r#"{"a":{"b":1,"c":2}}"#,
            r#"{"a":{"c":2}}"#,
        );
        check(
            "{set: [a, b], value: \"{{ state.x }}\"}",
            r#"{"x":"v"}"#,
            r#"{"x":"v","a":{"b":"v"}}"#,
        );
        check(
            "{to_partitions: {levels: [site, kind], cursor_field: date, extra: {parent_slice: {}}, skip: [date]}}",
            r#"{"a":{"web":{"date":"2"},"image":"3"},"date":"9"}"#,
            r#"{"states":[{"partition":{"parent_slice":{},"site":"a","kind":"web"},"cursor":{"date":"2"}},{"partition":{"parent_slice":{},"site":"a","kind":"image"},"cursor":{"date":"3"}}]}"#,
        );
        let states = r#"{"states":[{"partition":{"id":1,"old":2},"cursor":{"u":"2"}},{"partition":{"id":3},"cursor":{"u":"1"}}]}"#;
        check(
            "{each_partition: {set: {parent_slice: {}, was: \"{{ cursor.u }}\"}, remove: [old]}}",
            states,
            r#"{"states":[{"partition":{"id":1,"parent_slice":{},"was":2},"cursor":{"u":"2"}},{"partition":{"id":3,"parent_slice":{},"was":1},"cursor":{"u":"1"}}]}"#,
        );
        check("{to_single: min, cursor_field: u}", states, r#"{"u":"1"}"#);
        check("{to_single: max, cursor_field: u}", states, r#"{"u":"2"}"#);
        check(
            "{to_parent: tickets, cursor_field: u, value: \"{{ state.u }}\"}",
            r#"{"u":"a"}"#,
            r#"{"u":"a","parent_state":{"tickets":{"u":"a"}}}"#,
        );
    }

    #[test]
    fn a_migration_runs_only_where_its_condition_holds() {
        let yaml = "{type: StateMigration, when: \"{{ 'old' in state }}\", steps: [{move: [old], to: [new]}]}";
        assert_eq!(migrated(yaml, r#"{"old":1}"#), r#"{"new":1}"#);
        assert_eq!(migrated(yaml, r#"{"new":1}"#), r#"{"new":1}"#);
        assert_eq!(migrated(yaml, "{}"), "{}");
    }

    #[test]
    fn old_states_by_key_become_partitions() {
        let parse = |text: &str| model::json::parse(text.as_bytes()).unwrap();
        assert_eq!(
            legacy(&parse(r#"{"1":{"u":"a"},"2":{"u":"b"}}"#), "id", "u")
                .map(|state| model::json::to_string(&state)),
            Some(r#"{"states":[{"partition":{"id":"1"},"cursor":{"u":"a"}},{"partition":{"id":"2"},"cursor":{"u":"b"}}]}"#.to_owned())
        );
        assert_eq!(legacy(&parse(r#"{"u":"a"}"#), "id", "u"), None);
        assert_eq!(legacy(&parse(r#"{"1":{"u":"a","v":1}}"#), "id", "u"), None);
    }
}
