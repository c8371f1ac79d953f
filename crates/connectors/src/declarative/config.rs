//! What is done to the settings of a connection before they are used: `spec.config_normalization_rules`.
//!
//! - *Migrations* bring settings of an older version of the connector up to date; what they change is kept.
//! - *Transformations* work out further settings; those are only used, not kept.
//! - *Validations* refuse settings with which the connector cannot work.
//!
//! Whether settings fit what the connector asks for at all is in [`spec`]. No message ever shows a setting's value.

pub mod settings;
pub mod spec;

use compact_str::CompactString;
use model::value::Value;
use template::{Env, Literals, Scope};

use self::spec::Rules;
use super::glob_path::{GlobPath, at};
use super::node::{Kind, View};
use super::spot::{Spot, needs_python};
use super::text::{Condition, PathText, Reading, Text, Tree};
use super::transform::add_fields::AddFields;
use crate::{Error, Result};

/// How texts of the rules become values.
const LITERALS: Reading = Reading::Literal(Literals::All);

/// The rules of a connector file.
#[derive(Clone, Debug, Default)]
pub struct ConfigRules {
    migrations: Vec<Vec<Change>>,
    transformations: Vec<Change>,
    validations: Vec<Validation>,
}

impl ConfigRules {
    /// From the file: the view of its `spec`.
    pub fn compile(spec: &View<'_>) -> Result<Self> {
        let Some(rules) = spec.get("config_normalization_rules") else {
            return Ok(Self::default());
        };
        let list = |view: &View<'_>, name: &str| -> Result<Vec<Change>> {
            match view.get(name) {
                Some(list) => list.items()?.iter().map(Change::compile).collect(),
                None => Ok(Vec::new()),
            }
        };
        let migrations = match rules.get("config_migrations") {
            Some(migrations) => migrations
                .items()?
                .iter()
                .map(|migration| list(migration, "transformations"))
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        let validations = match rules.get("validations") {
            Some(validations) => validations
                .items()?
                .iter()
                .map(Validation::compile)
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            migrations,
            transformations: list(&rules, "transformations")?,
            validations,
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.transformations.is_empty() && self.validations.is_empty()
    }

    /// Brings settings up to date. Whether anything changed: then they are to be kept.
    pub fn migrate(&self, config: &mut Value, env: &Env) -> Result<bool> {
        if self.migrations.is_empty() {
            return Ok(false);
        }
        let before = config.clone();
        for change in self.migrations.iter().flatten() {
            change.apply(config, env)?;
        }
        Ok(before != *config)
    }

    /// Works out further settings, for use only.
    pub fn transform(&self, config: &mut Value, env: &Env) -> Result<()> {
        self.transformations
            .iter()
            .try_for_each(|change| change.apply(config, env))
    }

    /// Refuses settings that do not work.
    pub fn validate(&self, config: &Value, env: &Env) -> Result<()> {
        self.validations
            .iter()
            .try_for_each(|validation| validation.check(config, env))
    }
}

/// One change to settings.
#[derive(Clone, Debug)]
enum Change {
    /// `ConfigAddFields`
    Add(AddFields),
    /// `ConfigRemoveFields`
    Remove {
        paths: Vec<GlobPath>,
        condition: Condition,
    },
    /// `ConfigRemapField`
    Remap { path: PathText, map: RemapMap },
}

/// Which values become which.
#[derive(Clone, Debug)]
enum RemapMap {
    Pairs(Vec<(Text, New)>),
    /// A template that makes an object.
    Text(Text),
}

/// What a value becomes. Of a text alone, an empty one too.
#[derive(Clone, Debug)]
enum New {
    Text(Text),
    Tree(Tree),
}

impl Change {
    fn compile(view: &View<'_>) -> Result<Self> {
        match view.component()? {
            "ConfigAddFields" => AddFields::compile(view).map(Self::Add),
            "ConfigRemoveFields" => {
                let pointers = view.require("field_pointers", "a list of paths")?;
                let mut paths = Vec::new();
                for pointer in pointers.items()? {
                    let path = match pointer.node().kind {
                        Kind::List(_) => GlobPath::new(pointer.texts()?),
                        _ => None,
                    };
                    paths.push(path.ok_or_else(|| {
                        pointer.fail("this is no path", "a list of names, `**` at most once")
                    })?);
                }
                Ok(Self::Remove {
                    paths,
                    condition: Condition::member(view, "condition", true)?,
                })
            }
            "ConfigRemapField" => {
                let path = view.require("field_path", "a list of names")?;
                if path.node().is_falsy() {
                    return Err(path.fail("the path is empty", "a list of names"));
                }
                let map = view.require("map", "which values become which")?;
                Ok(Self::Remap {
                    path: PathText::compile(&path)?,
                    map: match map.node().kind {
                        Kind::Text(_) => RemapMap::Text(Text::compile(&map)?),
                        _ => RemapMap::Pairs(
                            map.members()?
                                .into_iter()
                                .map(|(name, view)| {
                                    let old = Text::compile_text(name, &view)?;
                                    let new = match view.node().kind {
                                        Kind::Text(_) => New::Text(Text::compile(&view)?),
                                        _ => New::Tree(Tree::compile(&view)?),
                                    };
                                    Ok((old, new))
                                })
                                .collect::<Result<_>>()?,
                        ),
                    },
                })
            }
            "CustomConfigTransformation" => Err(needs_python(view)),
            _ => Err(view.unknown_component(&[
                "ConfigAddFields",
                "ConfigRemoveFields",
                "ConfigRemapField",
            ])),
        }
    }

    fn apply(&self, config: &mut Value, env: &Env) -> Result<()> {
        match self {
            Self::Add(add) => add.apply_to_config(config, env),
            Self::Remove { paths, condition } => {
                if condition.holds(&Scope::new().with("config", &*config), env)? {
                    for path in paths {
                        path.delete(config);
                    }
                }
                Ok(())
            }
            Self::Remap { path, map } => {
                let (steps, new) = {
                    let scope = Scope::new().with("config", &*config);
                    let steps = path.steps(&scope, env)?;
                    let Some(Value::Text(old)) = at(config, &steps) else {
                        return Ok(());
                    };
                    let new = map.new_value(old, &scope, env)?;
                    (steps, new)
                };
                if let (Some(new), Some(slot)) = (new, member_mut(config, &steps)) {
                    *slot = new;
                }
                Ok(())
            }
        }
    }
}

impl RemapMap {
    fn new_value(&self, old: &str, scope: &Scope<'_>, env: &Env) -> Result<Option<Value>> {
        match self {
            Self::Pairs(pairs) => {
                for (name, new) in pairs {
                    if name.printed(scope, env)? == old {
                        return match new {
                            New::Text(text) => text.eval(scope, env).map(Some),
                            New::Tree(tree) => tree
                                .eval(scope, env, LITERALS)
                                .map(|new| Some(new.unwrap_or_default())),
                        };
                    }
                }
                Ok(None)
            }
            Self::Text(text) => match text.eval(scope, env)? {
                Value::Object(mut map) => Ok(map.remove(old)),
                _ => Ok(None),
            },
        }
    }
}

/// The member at names, through objects only.
fn member_mut<'v>(value: &'v mut Value, names: &[CompactString]) -> Option<&'v mut Value> {
    names.iter().try_fold(value, |here, name| match here {
        Value::Object(object) => object.get_mut(name),
        _ => None,
    })
}

/// One thing that settings have to fulfil.
#[derive(Clone, Debug)]
struct Validation {
    subject: Subject,
    schema: BaseSchema,
    spot: Spot,
}

/// What is looked at.
#[derive(Clone, Debug)]
enum Subject {
    /// `DpathValidator`: settings at a path. Absent ones are fine.
    Path(PathText),
    /// `PredicateValidator`: what a template makes.
    Made(Tree),
}

/// `ValidateAdheresToSchema`: what it is to be.
#[derive(Clone, Debug)]
enum BaseSchema {
    Fixed(Rules),
    /// A template that makes a schema.
    Text(Text),
}

impl Validation {
    fn compile(view: &View<'_>) -> Result<Self> {
        let subject = match view.component()? {
            "DpathValidator" => {
                let path = view.require("field_path", "a list of names")?;
                if path.node().is_falsy() {
                    return Err(path.fail("the path is empty", "a list of names"));
                }
                Subject::Path(PathText::compile(&path)?)
            }
            "PredicateValidator" => {
                Subject::Made(Tree::compile(&view.require("value", "what is looked at")?)?)
            }
            _ => {
                return Err(view.unknown_component(&["DpathValidator", "PredicateValidator"]));
            }
        };
        let strategy = view.require("validation_strategy", "what it is to be")?;
        match strategy.component()? {
            "ValidateAdheresToSchema" => {}
            "CustomValidationStrategy" => return Err(needs_python(&strategy)),
            _ => return Err(strategy.unknown_component(&["ValidateAdheresToSchema"])),
        }
        let base = strategy.require("base_schema", "a JSON schema")?;
        Ok(Self {
            subject,
            schema: match base.node().kind {
                Kind::Text(_) => BaseSchema::Text(Text::compile(&base)?),
                _ => BaseSchema::Fixed(
                    Rules::compile(base.node().to_json())
                        .map_err(|problem| base.fail(problem, "a JSON schema"))?,
                ),
            },
            spot: Spot::of(&base),
        })
    }

    fn check(&self, config: &Value, env: &Env) -> Result<()> {
        let scope = Scope::new().with("config", config);
        let made;
        let (place, values) = match &self.subject {
            Subject::Path(path) => {
                let path = GlobPath::new(path.steps(&scope, env)?).unwrap_or_default();
                let found = path.find(config);
                if found.len() > 1 && !path.picks_each() {
                    let problem = "the path finds more than one setting";
                    return Err(self.spot.fail(problem, "a path to one, or one with `*`"));
                }
                (path.shown(), found)
            }
            Subject::Made(tree) => {
                made = tree.eval(&scope, env, LITERALS)?.unwrap_or_default();
                ("a value worked out from them".into(), vec![&made])
            }
        };
        let filled;
        let rules = match &self.schema {
            BaseSchema::Fixed(rules) => rules,
            BaseSchema::Text(text) => {
                filled = self.filled(text, &scope, env)?;
                &filled
            }
        };
        for value in values {
            check(rules, value).map_err(|(below, problem)| Error::Misconfigured {
                what: "the connection's settings".into(),
                place: format!("{place}{below}"),
                problem,
                expected: "a setting that the connector can work with".into(),
            })?;
        }
        Ok(())
    }

    fn filled(&self, text: &Text, scope: &Scope<'_>, env: &Env) -> Result<Rules> {
        let schema = match text.eval(scope, env)? {
            Value::Text(text) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            other => spec::exactly(&other).ok_or_else(|| "it is no JSON".to_owned()),
        };
        schema.and_then(Rules::compile).map_err(|problem| {
            self.spot
                .fail(problem, "a template that makes a JSON schema")
        })
    }
}

/// What is wrong with a value, and where below it. A text is read as JSON first.
fn check(rules: &Rules, value: &Value) -> std::result::Result<(), (String, String)> {
    let value = match value {
        Value::Text(text) => serde_json::from_str(text).ok(),
        other => spec::exactly(other),
    };
    let Some(value) = value else {
        return Err((String::new(), "it is not valid JSON".into()));
    };
    match rules.problems(&value).into_iter().next() {
        None => Ok(()),
        Some(problem) => {
            let below: String = problem.path.iter().map(|step| format!(".{step}")).collect();
            Err((below, problem.message))
        }
    }
}

#[cfg(test)]
mod tests;
