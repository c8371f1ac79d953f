//! The settings that a connector file uses, for files that do not say which they need: their specification
//! stands in a file of its own, as connectors with parts in Python have it.

use std::collections::BTreeMap;

use connectors::declarative::node::{Kind, Node};
use serde_json::{Map, Value, json};

use super::DEEPEST;

/// Settings that one file may use.
const MOST: usize = 200;
/// How words in the names of secret settings end: `api_key`, `apikey`, `accessToken`.
const SECRET: [&str; 5] = ["token", "secret", "password", "passwd", "key"];

/// What the templates of a file use of the settings, as a specification; `None` where they use nothing.
/// Nothing is required and nothing has a type: the file does not say.
pub(crate) fn specification(text: &str) -> Option<Value> {
    let tree = Node::parse("", text).ok()?;
    let mut found = Found::default();
    found.walk(&tree, 0);
    if found.root.is_empty() {
        return None;
    }
    let mut schema = found.root.into_schema();
    schema.insert(
        "description".into(),
        "The file does not say which settings it needs. These are the ones that it uses.".into(),
    );
    Some(Value::Object(schema))
}

#[derive(Default)]
struct Found {
    root: Members,
    n_settings: usize,
}

/// Settings by name, in the order in which the file uses them.
#[derive(Default)]
struct Members {
    order: Vec<String>,
    of: BTreeMap<String, Setting>,
}

#[derive(Default)]
struct Setting {
    below: Members,
    /// What is used in its place where it is empty.
    fallback: Option<String>,
    options: Vec<String>,
}

impl Found {
    fn walk(&mut self, node: &Node, depth: usize) {
        if depth > 100 {
            return;
        }
        match &node.kind {
            Kind::Text(text) => self.template(text),
            Kind::List(items) => items.iter().for_each(|item| self.walk(item, depth + 1)),
            Kind::Map(members) => {
                self.selection(node);
                for (_, member) in members {
                    self.walk(member, depth + 1);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
        }
    }

    /// Every `config['a']['b']`, `config.a` and `config.get('a', b)` of a text.
    fn template(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("config") {
            let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            rest = after;
            if begins {
                let (path, fallback, behind) = steps(after);
                rest = behind;
                self.add(&path, fallback, &[]);
            }
        }
    }

    /// `SelectiveAuthenticator`: which setting chooses, and what there is to choose.
    fn selection(&mut self, node: &Node) {
        let Some(Kind::List(path)) = node
            .get("authenticator_selection_path")
            .map(|path| &path.kind)
        else {
            return;
        };
        let path: Vec<String> = path
            .iter()
            .filter_map(Node::as_text)
            .map(str::to_owned)
            .collect();
        let Some(Kind::Map(choices)) = node.get("authenticators").map(|choices| &choices.kind)
        else {
            return;
        };
        let options: Vec<String> = choices.iter().map(|(name, _)| name.to_string()).collect();
        self.add(&path, None, &options);
    }

    fn add(&mut self, path: &[String], fallback: Option<String>, options: &[String]) {
        let Some((last, above)) = path.split_last() else {
            return;
        };
        if self.n_settings >= MOST || path.len() > DEEPEST {
            return;
        }
        self.n_settings += 1;
        let mut members = &mut self.root;
        for name in above {
            members = &mut members.setting(name).below;
        }
        let setting = members.setting(last);
        setting.fallback = setting.fallback.take().or(fallback);
        if setting.options.is_empty() {
            setting.options = options.to_vec();
        }
    }
}

impl Members {
    fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    fn setting(&mut self, name: &str) -> &mut Setting {
        if !self.of.contains_key(name) {
            self.order.push(name.to_owned());
        }
        self.of.entry(name.to_owned()).or_default()
    }

    fn into_schema(mut self) -> Map<String, Value> {
        let mut properties = Map::new();
        for name in &self.order {
            if let Some(setting) = self.of.remove(name) {
                properties.insert(name.clone(), setting.into_schema(name));
            }
        }
        let mut schema = Map::new();
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), Value::Object(properties));
        schema
    }
}

impl Setting {
    fn into_schema(self, name: &str) -> Value {
        if !self.below.is_empty() {
            let mut schema = self.below.into_schema();
            schema.insert("always_show".into(), true.into());
            return Value::Object(schema);
        }
        let mut schema = Map::new();
        // What is filled in most often is not folded away.
        schema.insert("always_show".into(), self.fallback.is_none().into());
        if !self.options.is_empty() {
            schema.insert("enum".into(), json!(self.options));
        }
        if let Some(fallback) = self.fallback {
            schema.insert("description".into(), format!("If empty: {fallback}").into());
        }
        if is_secret(name) {
            schema.insert("airbyte_secret".into(), true.into());
        }
        Value::Object(schema)
    }
}

fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut words = lower.split(['_', '-', ' ', '.']);
    words.any(|word| SECRET.iter().any(|end| word.ends_with(end)))
}

/// The names behind `config`, the value that stands for an empty one, and what follows.
fn steps(text: &str) -> (Vec<String>, Option<String>, &str) {
    let mut path = Vec::new();
    let mut fallback = None;
    let mut rest = text;
    loop {
        let (name, given, behind) = match step(rest) {
            Some(found) => found,
            None => return (path, fallback, rest),
        };
        path.push(name);
        fallback = given;
        rest = behind;
    }
}

fn step(text: &str) -> Option<(String, Option<String>, &str)> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('[') {
        let (name, rest) = quoted(inside.trim_start())?;
        return Some((name, None, rest.trim_start().strip_prefix(']')?));
    }
    if let Some(inside) = text.strip_prefix(".get(") {
        let (name, rest) = quoted(inside.trim_start())?;
        let (given, rest) = rest.split_once(')')?;
        let given = given.trim().strip_prefix(',').map(str::trim);
        // An empty map or text in the place of nothing says nothing to a person.
        let given =
            given.filter(|given| !matches!(*given, "{}" | "[]" | "''" | "\"\"" | "none" | "None"));
        let given = given.map(|given| given.trim_matches(['\'', '"']).to_owned());
        return Some((name, given, rest));
    }
    let name = text.strip_prefix('.')?;
    let end = name
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(name.len());
    let (name, rest) = name.split_at_checked(end)?;
    // A method is no setting.
    (!name.is_empty() && !rest.starts_with('(')).then(|| (name.to_owned(), None, rest))
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (name, rest) = text.strip_prefix(quote)?.split_once(quote)?;
    Some((name.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_that_templates_use_are_found_with_what_stands_for_empty_ones() {
        let file = r#"
streams:
  - url: "https://{{ config['data_center'] }}.example.com/{{ config.shop }}"
    start: "{{ config.get('start_date', '1970-01-01') }}"
    token: "{{ config['credentials']['access_token'] if config.credentials.kind == 'x' else '' }}"
    also: "{{ config.get('credentials', {}).get('api_key') }}"
    not: "{{ my_config['a'] }} {{ config }} {{ config.items() }} reconfigure"
authenticator:
  type: SelectiveAuthenticator
  authenticator_selection_path: [credentials, kind]
  authenticators: {oauth: {}, key: {}}
"#;
        assert_eq!(
            specification(file).unwrap()["properties"],
            json!({
                "data_center": {"always_show": true},
                "shop": {"always_show": true},
                "start_date": {"always_show": false, "description": "If empty: 1970-01-01"},
                "credentials": {"type": "object", "always_show": true, "properties": {
                    "access_token": {"always_show": true, "airbyte_secret": true},
                    "kind": {"always_show": true, "enum": ["oauth", "key"]},
                    "api_key": {"always_show": true, "airbyte_secret": true},
                }},
            })
        );
        assert_eq!(specification("streams: []"), None);
        assert_eq!(specification("["), None);
    }

    #[test]
    fn a_setting_is_secret_by_what_it_is_called() {
        let check = |name: &str, expected: bool| assert_eq!(is_secret(name), expected, "{name}");
        check("api_key", true);
        check("apikey", true);
        check("accessToken", true);
        check("client_secret_2", true);
        check("key", true);
        check("keywords", false);
        check("tokens_per_page", false);
        check("domain", false);
    }

    #[test]
    fn texts_that_only_look_like_settings_end_the_search_and_nothing_else() {
        let check = |text: &str, expected: &[&str]| {
            let (path, _, _) = steps(text);
            assert_eq!(path, expected, "{text}");
        };
        check("['a", &[]);
        check("['a'", &[]);
        check(".get('a'", &[]);
        check(".get(name)", &[]);
        check(".", &[]);
        check(".é.b", &["é", "b"]);
        check("[ \"a\" ] ['b'].c }}", &["a", "b", "c"]);
    }
}
