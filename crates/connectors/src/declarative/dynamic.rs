//! `dynamic_streams`: streams that are made from a template, one for each set of values that the settings, the file or
//! the platform gives.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::value::{Object, Value};
use template::{Env, Literals, Members, Scope};

use super::custom;
use super::node::{Kind, Node, View};
use super::pages::{Context, Pages, Step};
use super::parameters;
use super::stream::Stream;
use super::text::{Condition, PathText, Text, python_text};
use crate::{Error, Result};

/// Streams that one connection may have.
const MOST_STREAMS: usize = 5_000;

/// `DynamicDeclarativeStream`: a template of streams, and where the values for it come from.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its name, for checks and for people.
    pub name: String,
    file: Arc<str>,
    folder: Option<PathBuf>,
    path: String,
    stream: Node,
    outer_parameters_win: bool,
    values: Values,
    mappings: Vec<Mapping>,
}

/// Where sets of values come from.
#[derive(Clone, Debug)]
enum Values {
    /// `ConfigComponentsResolver`: the settings; every combination of several lists.
    Settings(Vec<List>),
    /// `ParametrizedComponentsResolver`: the file.
    File(Vec<Value>),
    /// `HttpComponentsResolver`: records of the platform.
    Records(Arc<Stream>),
}

/// `StreamConfig`.
#[derive(Clone, Debug)]
struct List {
    pointer: PathText,
    more: Vec<Value>,
}

/// `ComponentMappingDefinition`: what of the template is replaced, and by what.
#[derive(Clone, Debug)]
struct Mapping {
    path: PathText,
    value: Text,
    kind: Option<ValueKind>,
    creates: bool,
    condition: Condition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueKind {
    Text,
    Number,
    Integer,
    Bool,
}

/// A stream of a connection, and the template that it was made from.
#[derive(Clone, Debug)]
pub struct Made {
    /// The stream.
    pub stream: Arc<Stream>,
    /// The template's name.
    pub template: String,
}

impl Template {
    /// From the file; `n` counts the templates of the file.
    pub fn compile(view: &View<'_>, n: usize) -> Result<Self> {
        if let Some(kind) = view.text_of("type")?
            && kind != "DynamicDeclarativeStream"
        {
            return Err(view.unknown_component(&["DynamicDeclarativeStream"]));
        }
        let name = match view.get("name") {
            Some(name) if !name.node().is_falsy() => name.scalar()?,
            _ => format!("dynamic_stream_{n}"),
        };
        let resolver = view.require("components_resolver", "where the values come from")?;
        let stream = view.require("stream_template", "a stream in which values are replaced")?;
        let (values, by_http) = match resolver.component()? {
            "ConfigComponentsResolver" => {
                let lists =
                    resolver.require("stream_config", "where the values stand in the settings")?;
                let lists = match lists.node().kind {
                    Kind::List(_) => lists.items()?,
                    _ => vec![lists],
                };
                (
                    Values::Settings(lists.iter().map(List::compile).collect::<Result<_>>()?),
                    false,
                )
            }
            "ParametrizedComponentsResolver" => {
                let sets = resolver
                    .require("stream_parameters", "the values of each stream")?
                    .require("list_of_parameters_for_stream", "a list of objects")?;
                let sets = sets.items()?;
                let of = |set: &View<'_>| Value::from_serde(&set.node().to_json());
                (Values::File(sets.iter().map(of).collect()), false)
            }
            "HttpComponentsResolver" => {
                let retriever = resolver.require("retriever", "how the values are read")?;
                let stream = Stream::of_retriever(&name, &retriever)?.kept_in_memory();
                (Values::Records(Arc::new(stream)), true)
            }
            _ => {
                return Err(resolver.unknown_component(&[
                    "HttpComponentsResolver",
                    "ConfigComponentsResolver",
                    "ParametrizedComponentsResolver",
                ]));
            }
        };
        let mappings = resolver.require("components_mapping", "what is replaced by what")?;
        Ok(Self {
            name,
            file: view.file().into(),
            folder: view.folder().map(Path::to_owned),
            path: stream.path().to_owned(),
            stream: stream.node().clone(),
            outer_parameters_win: view.flag_or("use_parent_parameters", true)?,
            values,
            mappings: mappings
                .items()?
                .iter()
                .map(|mapping| Mapping::compile(mapping, by_http))
                .collect::<Result<_>>()?,
        })
    }

    /// The streams by whose records its own are read or made.
    pub fn parents(&self) -> Vec<&Arc<Stream>> {
        match &self.values {
            Values::Records(stream) => stream.parents(),
            Values::Settings(_) | Values::File(_) => Vec::new(),
        }
    }

    /// Makes its streams.
    async fn make(&self, context: &Context, made: &mut Vec<Made>) -> Result<()> {
        let template = Value::from_serde(&self.stream.to_json());
        let first = made.len();
        match &self.values {
            Values::File(sets) => {
                for set in sets {
                    self.add(context, &template, set, None, first, made)?;
                }
            }
            Values::Settings(lists) => {
                for set in combinations(lists, context.connection.config(), context.env())? {
                    self.add(context, &template, &set, None, first, made)?;
                }
            }
            Values::Records(stream) => {
                let mut pages = Pages::begin(context.clone(), stream.clone(), &Value::Null)?;
                while let Some(step) = pages.next().await? {
                    if let Step::Rows { slice, rows, .. } = step {
                        for row in rows {
                            let slice: &dyn Members = &*slice;
                            self.add(
                                context,
                                &template,
                                &row.to_value(),
                                Some(slice),
                                first,
                                made,
                            )?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn add(
        &self,
        context: &Context,
        template: &Value,
        set: &Value,
        slice: Option<&dyn Members>,
        first: usize,
        made: &mut Vec<Made>,
    ) -> Result<()> {
        if made.len() >= MOST_STREAMS {
            return Err(self.fail(
                format!("it makes more than {MOST_STREAMS} streams"),
                "fewer, for example by a filter on the records that they are made of",
            ));
        }
        let outer = context.scope();
        let mut scope = Scope::within(&outer)
            .with("components_values", set)
            .with("stream_template_config", template);
        let none = Value::Object(Object::new());
        match slice {
            Some(slice) => scope.set("stream_slice", slice),
            None => scope.set("stream_slice", &none),
        }
        let mut node = self.stream.clone();
        let reads_yaml = !matches!(self.values, Values::Records(_));
        for mapping in &self.mappings {
            mapping.apply(&mut node, &scope, context.env(), reads_yaml)?;
        }
        if node.get("type").is_none() {
            node.set("type", Node::text("DeclarativeStream".into()));
        }
        let node = parameters::propagate_again(node, self.outer_parameters_win);
        if let Some(reason) = custom::refusal(&node) {
            return Err(self.fail(reason, "built-in components"));
        }
        let stream = Stream::compile(&View::root_in(&self.file, self.folder.as_deref(), &node))?;
        if made
            .iter()
            .skip(first)
            .any(|known| known.stream.name == stream.name)
        {
            return Err(self.fail(
                format!("two of its streams are called `{}`", stream.name),
                "a name of its own for each; see the mapping of `name` and the values",
            ));
        }
        made.push(Made {
            stream: Arc::new(stream),
            template: self.name.clone(),
        });
        Ok(())
    }

    fn fail(&self, problem: String, expected: &str) -> Error {
        Error::Misconfigured {
            what: self.file.to_string(),
            place: format!("{} ({})", self.path, self.name),
            problem,
            expected: expected.to_owned(),
        }
    }
}

/// All streams that templates of a file make for a connection.
pub async fn make_all(context: &Context, templates: &[Template]) -> Result<Vec<Made>> {
    let mut made = Vec::new();
    for template in templates {
        template.make(context, &mut made).await?;
    }
    Ok(made)
}

impl List {
    fn compile(view: &View<'_>) -> Result<Self> {
        Ok(Self {
            pointer: PathText::compile(
                &view.require("configs_pointer", "the way in the settings")?,
            )?,
            more: match view.get("default_values") {
                Some(values) => values
                    .items()?
                    .iter()
                    .map(|value| Value::from_serde(&value.node().to_json()))
                    .collect(),
                None => Vec::new(),
            },
        })
    }

    fn values(&self, config: &Value, env: &Env) -> Result<Vec<Value>> {
        let scope = Scope::new().with("config", config);
        let steps = self.pointer.steps(&scope, env)?;
        let mut values = match super::path::at(config, &steps) {
            Some(Value::List(items)) => items.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        values.extend(self.more.iter().cloned());
        Ok(values)
    }
}

/// Every combination of one value of each list as one object. A value that is no object goes by its list's number.
fn combinations(lists: &[List], config: &Value, env: &Env) -> Result<Vec<Value>> {
    let mut sets = vec![Object::new()];
    for (n, list) in lists.iter().enumerate() {
        let values = list.values(config, env)?;
        if sets.len().saturating_mul(values.len()) > MOST_STREAMS {
            return Err(Error::Misconfigured {
                what: "the connection's settings".into(),
                place: "the values that streams are made of".into(),
                problem: format!("they give more than {MOST_STREAMS} combinations"),
                expected: "fewer values".into(),
            });
        }
        let mut longer = Vec::with_capacity(sets.len() * values.len());
        for set in &sets {
            for (place, value) in values.iter().enumerate() {
                let mut set = set.clone();
                match value {
                    Value::Object(members) => {
                        for (name, member) in members.iter() {
                            set.insert(name, member.clone());
                        }
                    }
                    scalar => {
                        let place = i64::try_from(place).unwrap_or(i64::MAX);
                        let both = Value::List(vec![Value::Int(place), scalar.clone()]);
                        set.insert(format!("source_config_{n}"), both);
                    }
                }
                longer.push(set);
            }
        }
        sets = longer;
    }
    Ok(sets.into_iter().map(Value::Object).collect())
}

impl Mapping {
    fn compile(view: &View<'_>, by_http: bool) -> Result<Self> {
        if by_http && let Some(condition) = view.get("condition").filter(|c| !c.node().is_falsy()) {
            return Err(condition.fail(
                "a condition is not possible with HttpComponentsResolver",
                "a record_filter in its record_selector",
            ));
        }
        let kind = match view.text_of("value_type")? {
            None => None,
            Some("string") => Some(ValueKind::Text),
            Some("number") => Some(ValueKind::Number),
            Some("integer") => Some(ValueKind::Integer),
            Some("boolean") => Some(ValueKind::Bool),
            Some(other) => {
                return Err(view.fail(
                    format!("`{other}` is no type of a value"),
                    "string, number, integer or boolean",
                ));
            }
        };
        Ok(Self {
            path: PathText::compile(&view.require("field_path", "the way in the template")?)?,
            value: Text::compile(&view.require("value", "what is put there")?)?,
            kind,
            creates: !by_http && view.flag_or("create_or_update", false)?,
            condition: Condition::member(view, "condition", true)?,
        })
    }

    fn apply(&self, node: &mut Node, scope: &Scope<'_>, env: &Env, reads_yaml: bool) -> Result<()> {
        if !self.condition.holds(scope, env)? {
            return Ok(());
        }
        let value = self.value(scope, env)?;
        let new = match &value {
            Value::Text(text) if reads_yaml && self.kind != Some(ValueKind::Text) => {
                // What is no YAML (`%Y-%m-%d`) stays text.
                match text.trim() {
                    "" => Node::NULL,
                    _ => Node::parse("a value", text)
                        .unwrap_or_else(|_| Node::text(text.to_string())),
                }
            }
            value => Node::from_json(&value.to_serde()),
        };
        let steps = self.path.steps(scope, env)?;
        let steps: Vec<&str> = steps
            .iter()
            .map(compact_str::CompactString::as_str)
            .collect();
        let replaced = replace(node, &steps, &new);
        if replaced == 0 && self.creates && !new.is_falsy() {
            create(node, &steps, new);
        }
        Ok(())
    }

    fn value(&self, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        let Some(kind) = self.kind else {
            return self.value.eval(scope, env);
        };
        if kind == ValueKind::Text {
            let text = self.value.eval_as(scope, env, Literals::Text)?;
            return Ok(Value::from(python_text(&text)));
        }
        let value = self.value.eval(scope, env)?;
        let fits = matches!(
            (kind, &value),
            (
                ValueKind::Integer,
                Value::Int(_) | Value::UInt(_) | Value::Bool(_)
            ) | (ValueKind::Bool, Value::Bool(_))
                | (ValueKind::Number, Value::Float(_) | Value::Decimal(_))
        );
        match fits {
            true => Ok(value),
            // Of another type: the text that it is.
            false => Ok(Value::from(self.value.render(scope, env)?)),
        }
    }
}

/// Replaces what is there at a way (`*` for every member); how many that were.
fn replace(node: &mut Node, steps: &[&str], new: &Node) -> usize {
    let Some((step, rest)) = steps.split_first() else {
        node.kind = new.kind.clone();
        return 1;
    };
    let mut count = 0;
    match &mut node.kind {
        Kind::Map(members) => {
            for (name, member) in members {
                if *step == "*" || name == step {
                    count += replace(member, rest, new);
                }
            }
        }
        Kind::List(items) => {
            let wanted: Option<usize> = step.parse().ok();
            for (n, item) in items.iter_mut().enumerate() {
                if *step == "*" || wanted == Some(n) {
                    count += replace(item, rest, new);
                }
            }
        }
        _ => {}
    }
    count
}

/// Puts a value at a way that is not there yet.
fn create(node: &mut Node, steps: &[&str], new: Node) {
    let Some((step, rest)) = steps.split_first() else {
        *node = new;
        return;
    };
    if let Kind::List(items) = &mut node.kind {
        if let Ok(place) = step.parse::<usize>()
            && place < 1_000
        {
            while items.len() <= place {
                items.push(Node::NULL);
            }
            if let Some(item) = items.get_mut(place) {
                create(item, rest, new);
            }
        }
        return;
    }
    if !matches!(node.kind, Kind::Map(_)) {
        node.kind = Kind::Map(Vec::new());
    }
    if node.get(step).is_none() {
        node.set(step, Node::NULL);
    }
    if let Kind::Map(members) = &mut node.kind
        && let Some((_, member)) = members.iter_mut().find(|(name, _)| name == step)
    {
        create(member, rest, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_replace_what_is_there_and_create_what_is_not_only_where_asked() {
        fn check(steps: &[&str], creates: bool, expected: &str) {
            let mut node = Node::parse("x.yaml", "{a: {b: 1, c: [1, 2]}, d: {b: 2}}").unwrap();
            let new = Node::text("new".into());
            if replace(&mut node, steps, &new) == 0 && creates {
                create(&mut node, steps, new);
            }
            assert_eq!(node.to_json().to_string(), expected, "{steps:?}");
        }
        check(
            &["a", "b"],
            false,
            r#"{"a":{"b":"new","c":[1,2]},"d":{"b":2}}"#,
        );
        check(
            &["*", "b"],
            false,
            r#"{"a":{"b":"new","c":[1,2]},"d":{"b":"new"}}"#,
        );
        check(
            &["a", "c", "1"],
            false,
            r#"{"a":{"b":1,"c":[1,"new"]},"d":{"b":2}}"#,
        );
        check(
            &["a", "x", "y"],
            false,
            r#"{"a":{"b":1,"c":[1,2]},"d":{"b":2}}"#,
        );
        check(
            &["a", "x", "y"],
            true,
            r#"{"a":{"b":1,"c":[1,2],"x":{"y":"new"}},"d":{"b":2}}"#,
        );
        check(
            &["a", "c", "3"],
            true,
            r#"{"a":{"b":1,"c":[1,2,null,"new"]},"d":{"b":2}}"#,
        );
    }

    #[test]
    fn several_lists_of_the_settings_give_every_combination() {
        let yaml = "- {configs_pointer: [a]}\n- {configs_pointer: [b], default_values: [{n: 3}]}\n";
        let node = Node::parse("x.yaml", yaml).unwrap();
        let lists: Vec<List> = View::root("x.yaml", &node)
            .items()
            .unwrap()
            .iter()
            .map(|list| List::compile(list).unwrap())
            .collect();
        let config = model::json::parse(br#"{"a":["x","y"],"b":{"n":1}}"#).unwrap();
        let env = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
        let sets: Vec<String> = combinations(&lists, &config, &env)
            .unwrap()
            .iter()
            .map(model::json::to_string)
            .collect();
        assert_eq!(
            sets,
            [
                r#"{"source_config_0":[0,"x"],"n":1}"#,
                r#"{"source_config_0":[0,"x"],"n":3}"#,
                r#"{"source_config_0":[1,"y"],"n":1}"#,
                r#"{"source_config_0":[1,"y"],"n":3}"#,
            ]
        );
    }
}
