//! Paths into answers, as `field_path` has them: names, numbers, and globs.

use model::value::{Object, Value};

use super::node::{Kind, View};
use super::template::{Scope, Template, Templates};
use crate::Result;

/// Names that paths may use.
pub const NAMES: &[&str] = &["config", "parameters"];

/// A path whose steps may be templates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathTemplate(Vec<Template>);

impl PathTemplate {
    /// From a list of steps, or a single one.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        let steps = match view.node().kind {
            Kind::List(_) => view.items()?,
            _ => vec![view.clone()],
        };
        Ok(Self(
            steps
                .iter()
                .map(|step| templates.compile(step, NAMES))
                .collect::<Result<_>>()?,
        ))
    }

    /// Filled in.
    pub fn steps(&self, templates: &Templates, scope: &Scope) -> Result<Vec<String>> {
        self.0
            .iter()
            .map(|step| step.render(templates, scope))
            .collect()
    }

    /// The steps as they stand in the file.
    pub fn source(&self) -> Vec<String> {
        self.0.iter().map(|step| step.source().to_owned()).collect()
    }
}

/// The value at plain steps.
pub fn at<'v>(value: &'v Value, steps: &[String]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |here, step| match here {
        Value::Object(object) => object.get(step),
        Value::List(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The records that a page holds, where they stand.
///
/// Without `*`: the items of the list at the path, or the one value there if it is not empty. With a
/// `*` step: every match is one record.
pub fn records<'v>(value: &'v Value, steps: &[String]) -> Vec<&'v Value> {
    if steps.iter().any(|step| step == "*") {
        let mut found = vec![value];
        for step in steps {
            found = found
                .into_iter()
                .flat_map(|here| -> Vec<&Value> {
                    match here {
                        Value::List(items) if step == "*" => items.iter().collect(),
                        Value::Object(object) if step == "*" => {
                            object.iter().map(|(_, member)| member).collect()
                        }
                        _ => at(here, std::slice::from_ref(step)).into_iter().collect(),
                    }
                })
                .collect();
        }
        return found;
    }
    match at(value, steps) {
        Some(Value::List(items)) => items.iter().collect(),
        Some(one) if is_truthy(one) => vec![one],
        _ => Vec::new(),
    }
}

/// The same records, moved out of the page.
pub fn take_records(value: Value, steps: &[String]) -> Vec<Value> {
    if steps.iter().any(|step| step == "*") {
        return records(&value, steps).into_iter().cloned().collect();
    }
    let mut here = value;
    for step in steps {
        let next = match &mut here {
            Value::Object(object) => object.get_mut(step).map(std::mem::take),
            Value::List(items) => step
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
                .map(std::mem::take),
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => return Vec::new(),
        }
    }
    match here {
        Value::List(items) => items,
        one if is_truthy(&one) => vec![one],
        _ => Vec::new(),
    }
}

/// What Python calls true.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Int(n) => *n != 0,
        Value::Float(float) => *float != 0.0,
        Value::Decimal(decimal) => decimal.to_f64() != 0.0,
        other => !other.is_empty(),
    }
}

/// Puts a value at a path of names, making objects on the way.
pub fn put(value: &mut Value, steps: &[String], new: Value) {
    let Some((first, rest)) = steps.split_first() else {
        *value = new;
        return;
    };
    if let Value::List(items) = value {
        if let Ok(index) = first.parse::<usize>()
            && index < 10_000
        {
            while items.len() <= index {
                items.push(Value::Null);
            }
            if let Some(slot) = items.get_mut(index) {
                put(slot, rest, new);
            }
        }
        return;
    }
    if !matches!(value, Value::Object(_)) {
        *value = Value::Object(Object::new());
    }
    if let Value::Object(object) = value {
        if object.get(first).is_none() {
            object.push(first.as_str(), Value::Null);
        }
        if let Some(slot) = object.get_mut(first) {
            put(slot, rest, new);
        }
    }
}

/// Removes what is at a path; `*` stands for every member. In lists the place is left, empty.
pub fn remove(value: &mut Value, steps: &[String]) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    match value {
        Value::Object(object) => {
            if rest.is_empty() {
                if first == "*" {
                    *object = Object::new();
                } else {
                    object.remove(first);
                }
                return;
            }
            for (name, member) in object.iter_mut() {
                if first == "*" || name == first {
                    remove(member, rest);
                }
            }
        }
        Value::List(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                if first == "*" || n.to_string() == *first {
                    if rest.is_empty() {
                        *item = Value::Null;
                    } else {
                        remove(item, rest);
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_and_taken_alike() {
        fn check(json: &str, path: &[&str], expected: &[&str]) {
            let value = model::json::parse(json.as_bytes()).unwrap();
            let steps: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            let seen: Vec<String> = records(&value, &steps)
                .into_iter()
                .map(model::json::to_string)
                .collect();
            assert_eq!(seen, expected, "{json} {path:?}");
            let taken: Vec<String> = take_records(value, &steps)
                .iter()
                .map(model::json::to_string)
                .collect();
            assert_eq!(taken, expected, "{json} {path:?}");
        }
        check(r#"{"data":[1,2]}"#, &["data"], &["1", "2"]);
        check(r#"[{"a":1}]"#, &[], &[r#"{"a":1}"#]);
        check(r#"{"a":1}"#, &[], &[r#"{"a":1}"#]);
        check(r#"{"data":{"x":1}}"#, &["data"], &[r#"{"x":1}"#]);
        check(r#"{"data":null}"#, &["data"], &[]);
        check(r#"{"data":{}}"#, &["data"], &[]);
        check(
            r#"{"d":[{"r":1},{"r":[2]}]}"#,
            &["d", "*", "r"],
            &["1", "[2]"],
        );
        check(r#"{"d":[[7]]}"#, &["d", "0"], &["7"]);
        check(r#"{"x":1}"#, &["d"], &[]);
    }

    #[test]
    fn values_are_put_and_removed_by_path() {
        let steps =
            |path: &[&str]| -> Vec<String> { path.iter().map(|s| (*s).to_owned()).collect() };
        let mut value =
            model::json::parse(br#"{"a":{"b":1,"c":2},"l":[{"x":1},{"x":2}]}"#).unwrap();
        put(&mut value, &steps(&["a", "d", "e"]), Value::Int(3));
        remove(&mut value, &steps(&["a", "b"]));
        remove(&mut value, &steps(&["l", "*", "x"]));
        assert_eq!(
            model::json::to_string(&value),
            r#"{"a":{"c":2,"d":{"e":3}},"l":[{},{}]}"#
        );
    }
}
