//! Checks a connector file as a whole: everything that is wrong or suspicious, each with its place.

use std::collections::{HashMap, HashSet};

use super::node::{Kind, Node, View, nearest};
use super::shape::{Component, Holds, SHAPES};
use super::stream::Stream;
use super::text::{KNOWN, Text};
use super::writes::spec::WriteSpec;
use super::{changes, custom, deletions, parameters, patchbay_keys, refs};
use crate::Error;
use crate::declarative::manifest::Manifest;
use crate::declarative::schema::Describe;

/// Findings that are given at most.
const MOST: usize = 1_000;
/// Values within values that are followed.
const DEEPEST: usize = 100;

/// Something wrong or suspicious in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Finding {
    /// Counted from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Counted from 1; 0 where the whole file is meant.
    pub column: u32,
    /// The way to it: `streams[0].retriever`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file, or a stream of it, does not run.
    Error,
    /// It runs, but probably not as it is meant.
    Warning,
}

/// All findings about a file, in the order of the file. `name` is the connector's name.
pub fn validate(name: &str, text: &str) -> Vec<Finding> {
    let file = format!("the connector file {name}");
    let tree = match Node::parse(&file, text).and_then(|tree| refs::resolve(&file, &tree)) {
        Ok(tree) => parameters::propagate(&tree),
        Err(error) => return vec![of_error(&error)],
    };
    let mut check = Check::default();
    let root = View::root(&file, &tree);
    check.holds(&root, &Holds::Named("DeclarativeSource".into()), 0);
    check.compile(name, text, &root);
    check.streams(&root);
    let mut found = check.found;
    found.sort_by(|a, b| {
        (a.line, a.column, a.severity, &a.problem).cmp(&(b.line, b.column, b.severity, &b.problem))
    });
    found
}

#[derive(Default)]
struct Check {
    found: Vec<Finding>,
    /// Parts that are used by reference stand at one place and are come across several times.
    known: HashSet<(u32, u32, String)>,
    is_in_sign_in: bool,
}

impl Check {
    fn add(&mut self, view: &View<'_>, severity: Severity, problem: String, expected: String) {
        let (line, column) = view.node().at;
        self.take(Finding {
            line,
            column,
            path: view.path().to_owned(),
            problem,
            expected,
            severity,
        });
    }

    fn take(&mut self, finding: Finding) {
        let place = (finding.line, finding.column, finding.problem.clone());
        if self.found.len() < MOST && self.known.insert(place) {
            self.found.push(finding);
        }
    }

    /// A complaint of the runtime, unless something is said of the same place or of one inside it already.
    fn error(&mut self, error: &Error) {
        let finding = of_error(error);
        let is_known = self.found.iter().any(|known| {
            let is_same = (known.line, known.column) == (finding.line, finding.column);
            let inside = known.path.strip_prefix(finding.path.as_str());
            let is_inside = inside.is_some_and(|rest| rest.starts_with(['.', '[']));
            known.severity == Severity::Error
                && (is_same || (is_inside && !finding.path.is_empty()))
        });
        if !is_known {
            self.take(finding);
        }
    }

    fn holds(&mut self, view: &View<'_>, holds: &Holds, depth: usize) {
        if depth > DEEPEST || view.node().kind == Kind::Null {
            return;
        }
        let is_scalar = matches!(
            view.node().kind,
            Kind::Text(_) | Kind::Number(_) | Kind::Bool(_)
        );
        match holds {
            Holds::Text if is_scalar => {}
            Holds::Template if is_scalar => self.template(view),
            Holds::Any => self.templates(view, depth),
            Holds::Count | Holds::Number
                if matches!(view.node().kind, Kind::Number(_) | Kind::Text(_)) => {}
            Holds::Flag if matches!(view.node().kind, Kind::Bool(_) | Kind::Text(_)) => {}
            Holds::Path if is_scalar => self.template(view),
            Holds::Path => match view.items() {
                Ok(steps) => steps
                    .iter()
                    .for_each(|step| self.templates(step, depth + 1)),
                Err(_) => self.wrong(view, holds),
            },
            Holds::Words(words) => match view.node().as_text() {
                Some(word) if words.iter().any(|known| known.eq_ignore_ascii_case(word)) => {}
                Some(word) => {
                    let known: Vec<&str> = words.iter().map(String::as_str).collect();
                    let expected = match nearest(word, &known) {
                        Some(nearest) => format!("perhaps `{nearest}`"),
                        None => format!("one of {}", known.join(", ")),
                    };
                    self.add(
                        view,
                        Severity::Error,
                        format!("`{word}` is not known here"),
                        expected,
                    );
                }
                None => self.wrong(view, holds),
            },
            Holds::Map => match view.node().kind {
                Kind::Map(_) => self.templates(view, depth),
                _ => self.wrong(view, holds),
            },
            Holds::List(inner) => match view.items() {
                Ok(items) => items
                    .iter()
                    .for_each(|item| self.holds(item, inner, depth + 1)),
                Err(_) => self.wrong(view, holds),
            },
            Holds::MapOf(inner) => match view.members() {
                Ok(members) => {
                    for (name, member) in members {
                        if name != "$parameters" && name != "type" {
                            self.holds(&member, inner, depth + 1);
                        }
                    }
                }
                Err(_) => self.wrong(view, holds),
            },
            Holds::Either(several) => match chosen(view.node(), several) {
                Some(one) => self.holds(view, one, depth),
                None => self.wrong(view, holds),
            },
            Holds::Named(name) => self.named(view, name, depth),
            Holds::Text | Holds::Template | Holds::Count | Holds::Number | Holds::Flag => {
                self.wrong(view, holds);
            }
        }
    }

    fn wrong(&mut self, view: &View<'_>, holds: &Holds) {
        let problem = format!("this is {}", view.node().word());
        self.add(view, Severity::Error, problem, holds.words());
    }

    fn named(&mut self, view: &View<'_>, name: &str, depth: usize) {
        if !matches!(view.node().kind, Kind::Map(_)) {
            self.add(
                view,
                Severity::Error,
                format!("this is {}", view.node().word()),
                match choices_of(name).as_slice() {
                    [] | [_] => format!("a map: {name}"),
                    several => format!("a map whose type is one of {}", several.join(", ")),
                },
            );
            return;
        }
        let shapes = &*SHAPES;
        let written = view.node().get("type").and_then(Node::as_text);
        let choices = shapes.components_of(&Holds::Named(name.to_owned()));
        let chosen = match (choices.as_slice(), written) {
            // What is ours has no type, and a place for one component needs none.
            ([only], None) => Some(*only),
            ([only], Some(_))
                if shapes
                    .components
                    .get(*only)
                    .is_some_and(|part| part.is_ours) =>
            {
                Some(*only)
            }
            (_, Some(written)) => choices
                .iter()
                .copied()
                .find(|choice| shapes.written(choice) == written),
            (_, None) => None,
        };
        let Some((chosen, component)) =
            chosen.and_then(|chosen| Some((chosen, shapes.components.get(chosen)?)))
        else {
            let known: Vec<&str> = choices
                .iter()
                .map(|choice| shapes.written(choice))
                .collect();
            let problem = match written {
                Some(written) => format!("`{written}` is not known here"),
                None => "`type` is missing".to_owned(),
            };
            let expected = match written.and_then(|written| nearest(written, &known)) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => format!("one of {}", known.join(", ")),
            };
            self.add(view, Severity::Error, problem, expected);
            return;
        };
        if !component.is_python {
            self.members(view, chosen, component, depth);
        }
    }

    fn members(&mut self, view: &View<'_>, name: &str, component: &Component, depth: usize) {
        let Ok(members) = view.members() else {
            return;
        };
        // What the templates of a sign-in may use depends on its type; the runtime says what is wrong with them.
        let is_sign_in = component.is_ours && component.written.is_some();
        let was_sign_in = self.is_in_sign_in;
        self.is_in_sign_in |= is_sign_in;
        let handed_down = view.node().get("$parameters");
        for (member, inner) in members {
            if let Some(field) = component.fields.get(member) {
                // Descriptions of fields are no templates, and what has no effect cannot be wrong.
                if !field.is_idle && !matches!(name, "InlineSchemaLoader" | "Spec") {
                    self.holds(&inner, &field.holds, depth + 1);
                }
                continue;
            }
            let is_handed_down =
                handed_down.is_some_and(|parameters| parameters.get(member).is_some());
            if member.starts_with('$') || member == "type" || is_handed_down || component.is_open {
                continue;
            }
            let known: Vec<&str> = component.fields.keys().map(String::as_str).collect();
            let expected = match nearest(member, &known) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None if known.is_empty() => "no members".to_owned(),
                None => format!("one of {}", known.join(", ")),
            };
            let (severity, problem) = match component.is_ours {
                true => (Severity::Error, format!("`{member}` is not known here")),
                false => (
                    Severity::Warning,
                    format!("`{member}` is not known in {name} and has no effect"),
                ),
            };
            self.add(&inner, severity, problem, expected);
        }
        self.is_in_sign_in = was_sign_in;
        for (member, field) in &component.fields {
            if field.is_required && view.get(member).is_none() {
                self.add(
                    view,
                    Severity::Error,
                    format!("`{member}` is missing"),
                    format!("`{member}`: {}", field.says),
                );
            }
        }
    }

    /// All texts below, as templates.
    fn templates(&mut self, view: &View<'_>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match &view.node().kind {
            Kind::Text(_) => self.template(view),
            Kind::List(_) => {
                for item in view.items().unwrap_or_default() {
                    self.templates(&item, depth + 1);
                }
            }
            Kind::Map(_) => {
                for (name, member) in view.members().unwrap_or_default() {
                    if name != "$parameters" {
                        self.templates(&member, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn template(&mut self, view: &View<'_>) {
        let Some(text) = view.node().as_text().filter(|text| text.contains('{')) else {
            return;
        };
        if self.is_in_sign_in {
            return;
        }
        match Text::compile(view) {
            Err(error) => self.error(&error),
            Ok(_) => {
                let Ok(template) = template::Template::compile(text) else {
                    return;
                };
                for name in template.names() {
                    if !KNOWN.contains(&name.as_str()) {
                        self.add(
                            view,
                            Severity::Warning,
                            format!(
                                "the template uses `{name}`, which is not there in most places"
                            ),
                            format!("one of {}", KNOWN.join(", ")),
                        );
                    }
                }
            }
        }
    }

    /// What the runtime itself says, part by part.
    fn compile(&mut self, name: &str, text: &str, root: &View<'_>) {
        let base = Manifest::parse(name, text)
            .map_err(|error| self.error(&error))
            .ok()
            .and_then(|manifest| {
                manifest
                    .streams
                    .first()
                    .and_then(|stream| stream.requester().base().cloned())
            });
        for stream in self.each_stream(root) {
            if custom::refusal(stream.node()).is_none()
                && let Err(error) = Stream::compile(&stream)
            {
                self.error(&error);
            }
        }
        let ours = root.get("patchbay");
        let of_ours = |member: &str| ours.as_ref().and_then(|ours| ours.get(member));
        let mut note = |result: crate::Result<()>| {
            if let Err(error) = result {
                self.error(&error);
            }
        };
        note(patchbay_keys::platform(of_ours("platform"), name).map(drop));
        note(patchbay_keys::auth(of_ours("auth")).map(drop));
        note(patchbay_keys::limits(of_ours("limits")).map(drop));
        note(patchbay_keys::account(of_ours("account"), base.as_ref()).map(drop));
        for (_, view) in of_ours("deletions")
            .and_then(|map| map.members().ok())
            .unwrap_or_default()
        {
            note(deletions::compile(&view).map(drop));
        }
        for (_, view) in of_ours("changes")
            .and_then(|map| map.members().ok())
            .unwrap_or_default()
        {
            note(changes::compile(&view).map(drop));
        }
        for (member, is_writes) in [("schema", false), ("writes", true)] {
            for (_, view) in of_ours(member)
                .and_then(|map| map.members().ok())
                .unwrap_or_default()
            {
                note(match is_writes {
                    true => WriteSpec::compile(&view, base.as_ref()).map(drop),
                    false => Describe::compile(&view).map(drop),
                });
            }
        }
    }

    /// The streams that a check of the connection names.
    fn checked(&mut self, root: &View<'_>) {
        // Names of streams that are found out later are not known here.
        if root.get("dynamic_streams").is_some() {
            return;
        }
        let names: Vec<String> = self
            .each_stream(root)
            .iter()
            .filter_map(|stream| stream.get("name")?.scalar().ok())
            .collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let checked = root
            .get("check")
            .and_then(|check| check.get("stream_names")?.items().ok());
        for wanted in checked.unwrap_or_default() {
            let Some(name) = wanted.node().as_text().filter(|name| !known.contains(name)) else {
                continue;
            };
            let expected = match nearest(name, &known) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => "the name of a stream of this file".to_owned(),
            };
            let problem = format!("the check reads `{name}`, and there is no such stream");
            self.add(&wanted, Severity::Warning, problem, expected);
        }
    }

    /// Streams of one name: the later one counts.
    fn twins(&mut self, root: &View<'_>) {
        let mut places: HashMap<String, (u32, u32)> = HashMap::new();
        for stream in self.each_stream(root) {
            let Some(name) = stream.get("name").and_then(|name| name.scalar().ok()) else {
                continue;
            };
            let at = stream.node().at;
            // A part that is used twice by reference is one stream.
            if let Some((line, _)) = places.insert(name.clone(), at).filter(|known| *known != at) {
                self.add(
                    &stream,
                    Severity::Warning,
                    format!(
                        "this stream replaces the one in line {line}: both are called `{name}`"
                    ),
                    "a name of its own".into(),
                );
            }
        }
    }

    fn each_stream<'a>(&self, root: &View<'a>) -> Vec<View<'a>> {
        let mut streams = Vec::new();
        for item in root
            .get("streams")
            .and_then(|list| list.items().ok())
            .unwrap_or_default()
        {
            match item.get("streams").and_then(|inner| inner.items().ok()) {
                Some(inner) => streams.extend(inner),
                None => streams.push(item),
            }
        }
        streams
    }

    /// What is legal and probably not meant.
    fn streams(&mut self, root: &View<'_>) {
        self.checked(root);
        self.twins(root);
        for stream in self.each_stream(root) {
            if let Some(reason) = custom::refusal(stream.node()) {
                let name = stream
                    .get("name")
                    .and_then(|name| name.scalar().ok())
                    .unwrap_or_default();
                self.add(
                    &stream,
                    Severity::Warning,
                    format!("the stream `{name}` is left out: {reason}"),
                    "built-in components, or a file without this stream".into(),
                );
            }
            let is_incremental = |stream: &View<'_>| stream.get("incremental_sync").is_some();
            let routers = stream
                .get("retriever")
                .and_then(|retriever| retriever.get("partition_router"));
            let routers = match routers {
                Some(routers) => routers.items().unwrap_or_else(|_| vec![routers.clone()]),
                None => Vec::new(),
            };
            let parents = routers
                .iter()
                .filter_map(|router| router.get("parent_stream_configs")?.items().ok())
                .flatten();
            for parent in parents {
                let Some(depends) = parent
                    .get("incremental_dependency")
                    .filter(|flag| flag.flag().is_ok_and(|flag| flag))
                else {
                    continue;
                };
                if !is_incremental(&stream) {
                    self.add(
                        &depends,
                        Severity::Warning,
                        "`incremental_dependency` has no effect: the stream itself has no `incremental_sync`".into(),
                        "an `incremental_sync` in this stream".into(),
                    );
                } else if parent
                    .get("stream")
                    .is_some_and(|parent| !is_incremental(&parent))
                {
                    self.add(
                        &depends,
                        Severity::Warning,
                        "`incremental_dependency` has no effect: the other stream has no `incremental_sync`".into(),
                        "an `incremental_sync` in the other stream".into(),
                    );
                }
            }
        }
    }
}

/// What may stand under `type` where `name` says what a place holds.
fn choices_of(name: &str) -> Vec<&'static str> {
    let shapes = &*SHAPES;
    let components = shapes.components_of(&Holds::Named(name.to_owned()));
    components
        .into_iter()
        .map(|component| shapes.written(component))
        .collect()
}

/// The alternative that a value is meant as: by its `type`, else by what it is.
fn chosen<'h>(node: &Node, several: &'h [Holds]) -> Option<&'h Holds> {
    let fits = |one: &&Holds| {
        matches!(
            (&node.kind, one),
            (_, Holds::Any)
                | (Kind::List(_), Holds::List(_) | Holds::Path)
                | (Kind::Map(_), Holds::Named(_) | Holds::Map | Holds::MapOf(_))
                | (
                    Kind::Text(_) | Kind::Number(_) | Kind::Bool(_),
                    Holds::Text | Holds::Template | Holds::Flag | Holds::Words(_)
                )
        )
    };
    let written = node.get("type").and_then(Node::as_text);
    let named = |one: &&Holds| {
        let components = SHAPES.components_of(one);
        matches!(one, Holds::Named(_))
            && components
                .iter()
                .any(|name| Some(SHAPES.written(name)) == written)
    };
    let by_type = several.iter().find(named);
    by_type.or_else(|| several.iter().find(fits))
}

/// A complaint as a finding.
fn of_error(error: &Error) -> Finding {
    let mut finding = Finding {
        line: 0,
        column: 0,
        path: String::new(),
        problem: error.to_string(),
        expected: String::new(),
        severity: Severity::Error,
    };
    if let Error::Misconfigured {
        place,
        problem,
        expected,
        ..
    } = error
    {
        (finding.line, finding.column, finding.path) = place_of(place);
        // What a regular expression or a parser says may have several lines.
        finding.problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
        finding.expected.clone_from(expected);
    }
    finding
}

/// "line 3, column 5 (streams[0].name)".
fn place_of(place: &str) -> (u32, u32, String) {
    let nowhere = || (0, 0, place.to_owned());
    let Some((line, rest)) = place
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(", column "))
    else {
        return nowhere();
    };
    let (column, path) = match rest.split_once(" (") {
        Some((column, path)) => (column, path.trim_end_matches(')')),
        None => (rest, ""),
    };
    match (line.parse(), column.parse()) {
        (Ok(line), Ok(column)) => (line, column, path.to_owned()),
        _ => nowhere(),
    }
}
