//! What goes into a request from several parts of the file: parameters, headers, members of the body.

use model::value::{Object, Value};
use template::{Env, Scope};

use super::node::View;
use super::text::{PathText, Text, python_text};
use crate::{Error, Result};

/// Collected for one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Query parameters.
    pub parameters: Object,
    /// Headers.
    pub headers: Object,
    /// Members of a form.
    pub form: Object,
    /// Members of a JSON body.
    pub json: Object,
}

/// Where something is put into a request.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestOption {
    /// A query parameter.
    Parameter(Text),
    /// A header.
    Header(Text),
    /// A member of the form.
    Form(Text),
    /// A member of the JSON body.
    Json(PathText),
    /// A cookie. Ours: the low-code format has no place for it.
    Cookie(Text),
    /// The address itself.
    Address,
}

impl RequestOption {
    /// From a `RequestOption` or `RequestPath`.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        if view.node().get("type").and_then(|t| t.as_text()) == Some("RequestPath") {
            return Ok(Self::Address);
        }
        const PLACES: &str = "request_parameter, header, body_data, body_json or cookie";
        let into = view.require("inject_into", PLACES)?.text()?;
        if into == "path" {
            return Ok(Self::Address);
        }
        if let Some(way) = view.get("field_path") {
            if into != "body_json" {
                return Err(way.fail(
                    format!("a path makes no sense in {into}"),
                    "field_name, or inject_into: body_json",
                ));
            }
            return Ok(Self::Json(PathText::compile(&way)?));
        }
        let name = view.require("field_name", "the name to put it under")?;
        match into {
            "request_parameter" => Ok(Self::Parameter(Text::compile(&name)?)),
            "header" => Ok(Self::Header(Text::compile(&name)?)),
            "body_data" => Ok(Self::Form(Text::compile(&name)?)),
            "body_json" => Ok(Self::Json(PathText::compile(&name)?)),
            "cookie" => Ok(Self::Cookie(Text::compile(&name)?)),
            other => Err(view.fail(format!("`{other}` is no place in a request"), PLACES)),
        }
    }

    /// The option called `name` in the file, if it is there.
    pub fn member(view: &View<'_>, name: &str) -> Result<Option<Self>> {
        view.get(name).map(|view| Self::compile(&view)).transpose()
    }

    /// Puts `value` there. Within one part of the file the later one replaces.
    pub fn put(
        &self,
        options: &mut Options,
        value: Value,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<()> {
        match self {
            Self::Parameter(name) => options.parameters.insert(name.printed(scope, env)?, value),
            Self::Header(name) => options.headers.insert(name.printed(scope, env)?, value),
            Self::Form(name) => options.form.insert(name.printed(scope, env)?, value),
            Self::Cookie(name) => {
                let cookie = format!("{}={}", name.printed(scope, env)?, python_text(&value));
                let all = match options.headers.get("Cookie") {
                    Some(Value::Text(before)) => format!("{before}; {cookie}"),
                    _ => cookie,
                };
                options.headers.insert("Cookie", Value::from(all));
            }
            Self::Json(way) => {
                let steps = way.steps(scope, env)?;
                let Some((last, above)) = steps.split_last() else {
                    return Ok(());
                };
                let mut here = &mut options.json;
                for step in above {
                    if !matches!(here.get(step), Some(Value::Object(_))) {
                        here.insert(step.clone(), Value::Object(Object::new()));
                    }
                    let Some(Value::Object(next)) = here.get_mut(step) else {
                        return Ok(());
                    };
                    here = next;
                }
                here.insert(last.clone(), value);
            }
            Self::Address => {}
        }
        Ok(())
    }
}

impl Options {
    /// Adds those of another part. The same name twice is a mistake of the file, except for equal values in
    /// a JSON body.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        merge(&mut self.parameters, other.parameters, false, "parameter")?;
        merge(&mut self.headers, other.headers, false, "header")?;
        merge(&mut self.form, other.form, false, "form field")?;
        merge(&mut self.json, other.json, true, "member of the body")
    }
}

fn merge(target: &mut Object, source: Object, same_is_fine: bool, what: &str) -> Result<()> {
    for (name, value) in source {
        match target.get_mut(&name) {
            None => target.push(name, value),
            Some(Value::Object(there)) if same_is_fine && matches!(value, Value::Object(_)) => {
                if let Value::Object(value) = value {
                    merge(there, value, true, what)?;
                }
            }
            Some(there) if same_is_fine && there.same_as(&value) => {}
            Some(_) => {
                return Err(Error::Misconfigured {
                    what: "the connector file".into(),
                    place: "a request".into(),
                    problem: format!("the {what} `{name}` is set by two parts of the file"),
                    expected: "one of them only: the requester, its paging or its slices".into(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        match model::json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_name_twice_is_refused_unless_a_body_says_the_same() {
        let parameters = |text| Options {
            parameters: object(text),
            ..Options::default()
        };
        let json = |text| Options {
            json: object(text),
            ..Options::default()
        };
        let mut all = parameters(r#"{"a":1}"#);
        assert!(all.merge(parameters(r#"{"b":1}"#)).is_ok());
        let error = all.merge(parameters(r#"{"a":1}"#)).unwrap_err().to_string();
        assert!(error.contains("`a` is set by two parts"), "{error}");
        let mut all = json(r#"{"q":{"a":1}}"#);
        assert!(all.merge(json(r#"{"q":{"b":2,"a":1}}"#)).is_ok());
        assert_eq!(all.json, object(r#"{"q":{"a":1,"b":2}}"#));
        assert!(all.merge(json(r#"{"q":{"a":2}}"#)).is_err());
    }
}
