//! What an answer to several changes says about each of them.

use compact_str::CompactString;
use model::value::Value;
use template::{Env, Scope};

use super::trouble::{ErrorPaths, Trouble, way};
use crate::Result;
use crate::declarative::decode::json::is_truthy;
use crate::declarative::glob_path;
use crate::declarative::node::View;
use crate::declarative::text::{PathText, Text, python_text};

/// What a platform said about one change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The status, as HTTP has it.
    pub status: u16,
    /// The key that it named.
    pub id: Option<Value>,
    /// The record as it is now.
    pub record: Option<Value>,
    /// The version tag of the answer's headers.
    pub tag: Option<String>,
    /// What is wrong, where something is.
    pub trouble: Option<Trouble>,
}

impl Said {
    /// Not carried out.
    pub const fn refused(status: u16, trouble: Trouble) -> Self {
        Self {
            status,
            id: None,
            record: None,
            tag: None,
            trouble: Some(trouble),
        }
    }
}

/// How an answer to several changes is read.
#[derive(Clone, Debug)]
pub enum Results {
    /// One item for each change.
    PerItem(Box<PerItem>),
    /// Only what failed is listed.
    Failures(Box<Failures>),
}

/// Where things are in one item of an answer.
#[derive(Clone, Debug)]
pub struct PerItem {
    items: PathText,
    place: Place,
    status: Option<PathText>,
    /// Which words stand for which status.
    words: Vec<(String, u16)>,
    /// A member that is true, or not empty, when it worked.
    ok: Option<PathText>,
    /// The status of items that have none.
    counts_as: Option<u16>,
    id: Option<PathText>,
    record: Option<PathText>,
    errors: ErrorPaths,
}

/// Where things are in a list of what failed.
#[derive(Clone, Debug)]
pub struct Failures {
    items: PathText,
    place: Place,
    status: Option<PathText>,
    errors: ErrorPaths,
    ids: Option<PathText>,
    records: Option<PathText>,
    /// `ids` and `records` have entries for what worked only.
    only_succeeded: bool,
}

/// How an item is brought together with its change.
#[derive(Clone, Debug)]
enum Place {
    /// By the change's `id`, which went out with the entry.
    Reference(PathText),
    /// By the entry's number, counted from 0 or from `first`.
    Index(PathText, usize),
    /// By order.
    Order,
}

impl Results {
    /// From `results`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        if view.get("failures").is_none() {
            view.only(PER_ITEM)?;
            return Ok(Self::PerItem(Box::new(PerItem::compile(view)?)));
        }
        view.only(&["failures", "ids", "records", "listed"])?;
        let failures = view.require("failures", "what a failure looks like")?;
        failures.only(&[
            "path", "ref", "index", "first", "status", "list", "code", "message", "field",
        ])?;
        let only_succeeded = match view.text_of("listed")? {
            None | Some("all") => false,
            Some("succeeded") => true,
            Some(other) => {
                return Err(view.fail(format!("`{other}` is not known here"), "all or succeeded"));
            }
        };
        Ok(Self::Failures(Box::new(Failures {
            items: way(&failures, "path")?.unwrap_or_default(),
            place: Place::compile(&failures)?,
            status: way(&failures, "status")?,
            errors: ErrorPaths::compile(Some(&failures))?,
            ids: way(view, "ids")?,
            records: way(view, "records")?,
            only_succeeded,
        })))
    }

    /// Whether items say which change they are about; otherwise only the number of the references matters.
    pub fn go_by_reference(&self) -> bool {
        let place = match self {
            Self::PerItem(each) => &each.place,
            Self::Failures(failures) => &failures.place,
        };
        matches!(place, Place::Reference(_))
    }

    /// What `body` says of each of the changes, which are named by `references`; none: nothing.
    pub fn read(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        body: &Value,
        references: &[String],
    ) -> Result<Vec<Option<Said>>> {
        match self {
            Self::PerItem(each) => each.read(scope, env, body, references),
            Self::Failures(failures) => failures.read(scope, env, body, references),
        }
    }
}

/// Members of results with one item for each change.
pub const PER_ITEM: &[&str] = &[
    "path",
    "ref",
    "index",
    "first",
    "status",
    "words",
    "ok",
    "counts_as",
    "id",
    "record",
    "list",
    "code",
    "message",
    "field",
];

impl PerItem {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        let status = way(view, "status")?;
        let ok = way(view, "ok")?;
        let counts_as = view
            .get("counts_as")
            .map(|found| status_at(&found))
            .transpose()?;
        if status.is_none() && ok.is_none() && counts_as.is_none() {
            return Err(view.fail(
                "nothing says whether an item worked",
                "`status`: where an item's status is, `ok`: a member that is true, or `counts_as`",
            ));
        }
        Ok(Self {
            items: way(view, "path")?.unwrap_or_default(),
            place: Place::compile(view)?,
            status,
            words: match view.get("words") {
                Some(words) => words
                    .members()?
                    .into_iter()
                    .map(|(word, status)| Ok((word.to_owned(), status_at(&status)?)))
                    .collect::<Result<_>>()?,
                None => Vec::new(),
            },
            ok,
            counts_as,
            id: way(view, "id")?,
            record: way(view, "record")?,
            errors: ErrorPaths::compile(Some(view))?,
        })
    }

    fn read(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        body: &Value,
        references: &[String],
    ) -> Result<Vec<Option<Said>>> {
        let mut out = vec![None; references.len()];
        let place = self.place.steps(scope, env)?;
        let status = steps(self.status.as_ref(), scope, env)?;
        let ok = steps(self.ok.as_ref(), scope, env)?;
        let (id, record) = (
            steps(self.id.as_ref(), scope, env)?,
            steps(self.record.as_ref(), scope, env)?,
        );
        for (order, (name, item)) in listed(body, &self.items.steps(scope, env)?).enumerate() {
            let Some(slot) = place
                .of(item, name, order, references)
                .and_then(|n| out.get_mut(n))
            else {
                continue;
            };
            let said = status.as_ref().and_then(|steps| glob_path::at(item, steps));
            let is_status = |n: &u16| (100..600).contains(n);
            let by_word = said.and_then(|said| match said {
                Value::Int(status) if self.words.is_empty() => {
                    u16::try_from(*status).ok().filter(is_status)
                }
                said => {
                    let said = python_text(said);
                    self.words
                        .iter()
                        .find(|(word, _)| *word == said)
                        .map(|(_, status)| *status)
                        .or_else(|| said.parse().ok().filter(is_status))
                }
            });
            let by_flag = ok.as_ref().map(|steps| {
                let flag = glob_path::at(item, steps);
                // CSV has no truth values, only their words.
                let is_false = flag
                    .and_then(Value::as_text)
                    .is_some_and(|text| text.eq_ignore_ascii_case("false"));
                if !is_false && flag.is_some_and(is_truthy) {
                    200
                } else {
                    422
                }
            });
            let Some(status) = by_word.or(by_flag).or(self.counts_as) else {
                continue;
            };
            let found = |steps: &Option<Vec<CompactString>>| {
                steps
                    .as_ref()
                    .and_then(|steps| glob_path::at(item, steps))
                    .cloned()
            };
            let works = (200..300).contains(&status);
            *slot = Some(Said {
                status,
                id: found(&id),
                record: found(&record),
                tag: None,
                trouble: match works {
                    true => None,
                    false => Some(self.errors.trouble(scope, env, item)?),
                },
            });
        }
        Ok(out)
    }
}

impl Failures {
    fn read(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        body: &Value,
        references: &[String],
    ) -> Result<Vec<Option<Said>>> {
        let mut out: Vec<Option<Said>> = vec![None; references.len()];
        let place = self.place.steps(scope, env)?;
        let status = steps(self.status.as_ref(), scope, env)?;
        let way = self.items.steps(scope, env)?;
        // Without its list an answer says nothing: it is no answer of this kind.
        let Some(list) = glob_path::at(body, &way) else {
            return Ok(out);
        };
        if !matches!(list, Value::List(_) | Value::Object(_) | Value::Null) {
            return Ok(out);
        }
        let is_parallel = matches!(self.place, Place::Order);
        for (order, (name, item)) in listed(body, &way).enumerate() {
            if is_parallel && !is_truthy(item) {
                continue;
            }
            let Some(slot) = place
                .of(item, name, order, references)
                .and_then(|n| out.get_mut(n))
            else {
                // A failure that belongs to nothing puts everything in doubt.
                return Ok(vec![None; references.len()]);
            };
            let status = status
                .as_ref()
                .and_then(|steps| glob_path::at(item, steps))
                .and_then(|status| python_text(status).parse().ok())
                .unwrap_or(422);
            *slot = Some(Said::refused(
                status,
                self.errors.trouble(scope, env, item)?,
            ));
        }
        let list_at = |way: &Option<PathText>| -> Result<&[Value]> {
            let Some(way) = way else {
                return Ok(&[]);
            };
            Ok(match glob_path::at(body, &way.steps(scope, env)?) {
                Some(Value::List(items)) => items,
                _ => &[],
            })
        };
        let (ids, records) = (list_at(&self.ids)?, list_at(&self.records)?);
        let mut succeeded = 0;
        for (n, slot) in out.iter_mut().enumerate() {
            if slot.is_some() {
                continue;
            }
            let at = if self.only_succeeded { succeeded } else { n };
            succeeded += 1;
            *slot = Some(Said {
                status: 200,
                id: ids.get(at).cloned(),
                record: records.get(at).cloned(),
                ..Said::default()
            });
        }
        Ok(out)
    }
}

impl Place {
    fn compile(view: &View<'_>) -> Result<Self> {
        let first = match view.get("first") {
            Some(first) => usize::try_from(first.count()?).unwrap_or(usize::MAX),
            None => 0,
        };
        match (way(view, "ref")?, way(view, "index")?) {
            (Some(_), Some(_)) => Err(view.fail("there is `ref` and `index`", "one of them")),
            (Some(reference), None) => Ok(Self::Reference(reference)),
            (None, Some(index)) => Ok(Self::Index(index, first)),
            (None, None) => Ok(Self::Order),
        }
    }

    fn steps(&self, scope: &Scope<'_>, env: &Env) -> Result<PlaceSteps> {
        Ok(match self {
            Self::Reference(way) => PlaceSteps::Reference(way.steps(scope, env)?),
            Self::Index(way, first) => PlaceSteps::Index(way.steps(scope, env)?, *first),
            Self::Order => PlaceSteps::Order,
        })
    }
}

/// A [`Place`], filled in.
enum PlaceSteps {
    Reference(Vec<CompactString>),
    Index(Vec<CompactString>, usize),
    Order,
}

impl PlaceSteps {
    fn of(
        &self,
        item: &Value,
        name: Option<&str>,
        order: usize,
        references: &[String],
    ) -> Option<usize> {
        // Where items are members of an object, an empty way means the member's name.
        let text = |steps: &[CompactString]| match name {
            Some(name) if steps.is_empty() => Some(name.to_owned()),
            _ => glob_path::at(item, steps).map(python_text),
        };
        match self {
            Self::Reference(steps) => {
                let wanted = text(steps)?;
                references.iter().position(|reference| *reference == wanted)
            }
            Self::Index(steps, first) => {
                let index = match glob_path::at(item, steps) {
                    Some(Value::Int(index)) if name.is_none() => usize::try_from(*index).ok()?,
                    _ => text(steps)?.parse::<usize>().ok()?,
                };
                index.checked_sub(*first)
            }
            Self::Order => Some(order),
        }
    }
}

/// The items of a list, or the members of an object.
fn listed<'v>(
    body: &'v Value,
    steps: &[CompactString],
) -> impl Iterator<Item = (Option<&'v str>, &'v Value)> {
    let found = glob_path::at(body, steps);
    let items = found.and_then(Value::as_list).unwrap_or_default();
    let members = found.and_then(Value::as_object);
    items.iter().map(|item| (None, item)).chain(
        members
            .into_iter()
            .flat_map(|object| object.iter().map(|(name, item)| (Some(name), item))),
    )
}

/// What a success status means when it is none: a condition over `response`.
#[derive(Clone, Debug)]
pub struct FailedIf(pub Text);

impl FailedIf {
    /// From `failed_if`.
    pub fn compile(view: &View<'_>) -> Result<Option<Self>> {
        Ok(Text::member(view, "failed_if")?.map(Self))
    }

    /// Whether this answer is a refusal.
    pub fn holds(&self, scope: &Scope<'_>, env: &Env, body: &Value) -> Result<bool> {
        self.0
            .is_true(&Scope::within(scope).with("response", body), env)
    }
}

fn steps(
    way: Option<&PathText>,
    scope: &Scope<'_>,
    env: &Env,
) -> Result<Option<Vec<CompactString>>> {
    way.map(|way| way.steps(scope, env)).transpose()
}

fn status_at(view: &View<'_>) -> Result<u16> {
    u16::try_from(view.count()?)
        .ok()
        .filter(|status| (100..600).contains(status))
        .ok_or_else(|| view.fail("this is no HTTP status", "100 to 599"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    fn check(results: &str, answer: &str, expected: &[&str]) {
        let node = Node::parse("x", results).unwrap();
        let results = Results::compile(&View::root("x", &node)).unwrap();
        let env = Env::new(model::clock::Clock::system());
        let body = model::json::parse(answer.as_bytes()).unwrap();
        let references = ["a".to_owned(), "b".into(), "c".into()];
        let said = results
            .read(&Scope::new(), &env, &body, &references)
            .unwrap();
        let shown: Vec<String> = said
            .iter()
            .map(|said| match said {
                None => "?".into(),
                Some(Said {
                    status,
                    id,
                    trouble: None,
                    ..
                }) => {
                    format!(
                        "{status} {}",
                        id.as_ref().map(python_text).unwrap_or_default()
                    )
                }
                Some(Said {
                    status,
                    trouble: Some(trouble),
                    ..
                }) => format!(
                    "{status} {}/{}/{}",
                    trouble.code.as_deref().unwrap_or("-"),
                    trouble.message.as_deref().unwrap_or("-"),
                    trouble.field.as_deref().unwrap_or("-")
                ),
            })
            .collect();
        assert_eq!(shown, expected, "{answer}");
    }

    #[test]
    fn each_shape_of_answer_says_what_became_of_each_change() {
        check(
            "{path: [r], status: s, id: id}",
            r#"{"r":[{"s":201,"id":1},{"s":"404"}]}"#,
            &["201 1", "404 -/-/-", "?"],
        );
        check(
            "{path: r, ref: k, ok: done, code: c}",
            r#"{"r":[{"k":"c","done":true},{"k":"a","done":"false","c":"X"},{"k":"zzz"}]}"#,
            &["422 X/-/-", "?", "200 "],
        );
        check(
            "{path: r, index: i, first: 1, status: s, words: {SUCCESS: 200, FAILED: 422}, list: errors, message: m, field: f}",
            r#"{"r":[{"i":3,"s":"SUCCESS"},{"i":1,"s":"FAILED","errors":[{"m":"one","f":"x"},{"m":"two"}]},{"i":0,"s":"FAILED"}]}"#,
            &["422 -/one; two/x", "?", "200 "],
        );
        // Only failures, by index; ids of what worked.
        check(
            "{failures: {path: failed, index: n, message: why}, ids: ids, listed: succeeded}",
            r#"{"failed":[{"n":1,"why":"no"}],"ids":[7,8]}"#,
            &["200 7", "422 -/no/-", "200 8"],
        );
        // Plain numbers.
        check(
            "{failures: {path: failed, index: []}, ids: ids}",
            r#"{"failed":[0],"ids":[null,8,9]}"#,
            &["422 -/-/-", "200 8", "200 9"],
        );
        // By name.
        check(
            "{failures: {path: errors, ref: []}}",
            r#"{"errors":{"b":"taken"}}"#,
            &["200 ", "422 -/taken/-", "200 "],
        );
        // An array of errors beside an array of records.
        check(
            "{failures: {path: errors, code: [0, code]}, ids: ids}",
            r#"{"errors":[null,[{"code":"E"}],[]],"ids":[1,null,3]}"#,
            &["200 1", "422 E/-/-", "200 3"],
        );
        // Not an answer of this kind, or a failure of nobody.
        check(
            "{failures: {path: failed, index: n}}",
            r#"{"ok":true}"#,
            &["?", "?", "?"],
        );
        check(
            "{failures: {path: failed, index: n}}",
            r#"{"failed":[{"n":17}]}"#,
            &["?", "?", "?"],
        );
    }

    #[test]
    fn results_that_cannot_tell_success_are_refused() {
        let node = Node::parse("x", "{path: r, id: id}").unwrap();
        let error = Results::compile(&View::root("x", &node))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("nothing says whether an item worked"),
            "{error}"
        );
    }
}
