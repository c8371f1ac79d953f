//! The settings of one connection, made ready by the rules of its connector file.

use model::value::Value;
use template::Env;

use super::ConfigRules;
use super::spec::ConnectionSpec;
use crate::{Error, Result};

/// The settings of one connection.
pub struct Settings {
    /// As they came in.
    given: Value,
    /// As migrations changed them: they are kept; none where they changed nothing.
    pub changed: Option<Value>,
    /// As templates see them.
    pub used: Value,
}

impl Settings {
    /// Brings settings up to date. What goes wrong is told by [`Settings::usable`]: settings of a connection that is
    /// being made are not complete yet.
    pub fn new(given: Value, rules: &ConfigRules, env: &Env) -> Self {
        let mut used = given.clone();
        let changed = match rules.migrate(&mut used, env) {
            Ok(true) => Some(used.clone()),
            Ok(false) => None,
            Err(_) => {
                used.clone_from(&given);
                None
            }
        };
        if rules.transform(&mut used, env).is_err() {
            used = changed.clone().unwrap_or_else(|| given.clone());
        }
        Self {
            given,
            changed,
            used,
        }
    }

    /// Refuses what the rules do not accept.
    pub fn usable(&self, rules: &ConfigRules, env: &Env) -> Result<()> {
        if rules.is_empty() {
            return Ok(());
        }
        let mut config = self.given.clone();
        rules.migrate(&mut config, env)?;
        rules.transform(&mut config, env)?;
        rules.validate(&config, env)
    }

    /// Refuses settings that are not what the connector asks for; all that is wrong is told at once.
    pub fn fits(&self, asked: &ConnectionSpec) -> Result<()> {
        let problems = asked.problems(self.changed.as_ref().unwrap_or(&self.given));
        let Some(first) = problems.first() else {
            return Ok(());
        };
        let named = |path: &[String]| match path.is_empty() {
            true => "the whole".to_owned(),
            false => path.join("."),
        };
        let others = problems
            .iter()
            .skip(1)
            .map(|problem| format!("; {} {}", named(&problem.path), problem.message));
        Err(Error::Misconfigured {
            what: "the connection's settings".into(),
            place: named(&first.path),
            problem: std::iter::once(format!("it {}", first.message))
                .chain(others)
                .collect(),
            expected: "settings as the connector asks for them".into(),
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Settings hold secrets.
        f.debug_struct("Settings")
            .field("is_changed", &self.changed.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::{Node, View};

    const SPEC: &str = "
connection_specification:
  type: object
  required: [region, start]
  properties: {region: {type: string, enum: [eu, us]}, start: {type: string}}
config_normalization_rules:
  config_migrations:
    - {transformations: [{type: ConfigAddFields, fields: [{type: AddedFieldDefinition, path: [region], value: eu}], condition: \"{{ 'region' not in config }}\"}]}
  transformations:
    - {type: ConfigAddFields, fields: [{type: AddedFieldDefinition, path: [host], value: \"{{ config.region }}.test\"}]}
  validations:
    - {type: DpathValidator, field_path: [start], validation_strategy: {type: ValidateAdheresToSchema, base_schema: {type: integer, maximum: 5}}}
";

    fn spec() -> (ConfigRules, ConnectionSpec) {
        let node = Node::parse("x.yaml", SPEC).unwrap();
        let view = View::root("x.yaml", &node);
        let asked = view.get("connection_specification").unwrap();
        (
            ConfigRules::compile(&view).unwrap(),
            ConnectionSpec::compile(&asked).unwrap(),
        )
    }

    #[test]
    fn migrated_settings_are_kept_and_worked_out_ones_are_only_used() {
        fn check(given: &str, changed: Option<&str>, used: &str, usable: &str, fits: &str) {
            let (rules, asked) = spec();
            let env = Env::frozen(jiff::Timestamp::UNIX_EPOCH);
            let given = model::json::parse(given.as_bytes()).unwrap();
            let settings = Settings::new(given, &rules, &env);
            let text = |value: &Value| model::json::to_string(value);
            let said = |result: Result<()>| match result {
                Ok(()) => String::new(),
                Err(error) => error.to_string(),
            };
            assert_eq!(settings.changed.as_ref().map(text).as_deref(), changed);
            assert_eq!(text(&settings.used), used);
            assert!(said(settings.usable(&rules, &env)).contains(usable));
            let told = said(settings.fits(&asked));
            assert!(
                told.contains(fits) && told.is_empty() == fits.is_empty(),
                "{told}"
            );
        }
        check(
            r#"{"start":"4"}"#,
            Some(r#"{"start":"4","region":"eu"}"#),
            r#"{"start":"4","region":"eu","host":"eu.test"}"#,
            "",
            "",
        );
        check(
            r#"{"start":"7","region":"us"}"#,
            None,
            r#"{"start":"7","region":"us","host":"us.test"}"#,
            "the connection's settings at start",
            "",
        );
        check(
            r#"{"region":"xx"}"#,
            None,
            r#"{"region":"xx","host":"xx.test"}"#,
            "",
            "it is missing; region should be one of eu, us",
        );
    }
}
