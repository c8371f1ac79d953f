//! `HttpRequester`: how a request is made from the file, the settings and the place in the stream.

use http::Method;
use model::value::{Object, Value};
use url::Url;

use super::authenticator::Authentication;
use super::error_handler::ErrorHandler;
use super::node::{Kind, View};
use super::path;
use super::template::{Names, Scope, Template, Templates, Tree};
use crate::http::{Body, RequestParts};
use crate::{Error, Result};

/// Names that requests of the reading side may use.
pub const READ_NAMES: Names = &[
    "config",
    "parameters",
    "stream_slice",
    "stream_interval",
    "stream_partition",
    "next_page_token",
];

/// A requester of the file.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The platform's address; from the requester or, for requests of our own keys, from elsewhere.
    base: Option<Template>,
    path: Option<Template>,
    method: Method,
    parameters: Vec<(Template, Template)>,
    headers: Vec<(Template, Template)>,
    body: BodyTemplate,
    /// Who signs.
    pub authentication: Authentication,
    /// What answers mean.
    pub errors: ErrorHandler,
}

#[derive(Clone, Debug)]
enum BodyTemplate {
    None,
    Json(Tree),
    JsonText(Template),
    Form(Vec<(Template, Template)>),
    Text(Template),
}

/// Where something is put into a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Inject {
    /// A query parameter.
    Parameter(Template),
    /// A header.
    Header(Template),
    /// A member of the form.
    Form(Template),
    /// A member of the JSON body.
    Json(path::PathTemplate),
    /// The address itself.
    Address,
}

impl Inject {
    /// From a `RequestOption` or `RequestPath`.
    pub fn compile(templates: &mut Templates, view: &View<'_>) -> Result<Self> {
        if view.node().get("type").and_then(|t| t.as_text()) == Some("RequestPath") {
            return Ok(Self::Address);
        }
        let into = view
            .require(
                "inject_into",
                "request_parameter, header, body_data or body_json",
            )?
            .text()?;
        if into == "body_json"
            && let Some(way) = view.get("field_path")
        {
            return Ok(Self::Json(path::PathTemplate::compile(templates, &way)?));
        }
        let name = view.require("field_name", "the name to put it under")?;
        match into {
            "request_parameter" => Ok(Self::Parameter(templates.compile(&name, path::NAMES)?)),
            "header" => Ok(Self::Header(templates.compile(&name, path::NAMES)?)),
            "body_data" => Ok(Self::Form(templates.compile(&name, path::NAMES)?)),
            "body_json" => Ok(Self::Json(path::PathTemplate::compile(templates, &name)?)),
            other => Err(view.fail(
                format!("`{other}` is no place in a request"),
                "request_parameter, header, body_data or body_json",
            )),
        }
    }

    /// Puts `value` there.
    pub fn apply(
        &self,
        templates: &Templates,
        scope: &Scope,
        request: &mut RequestParts,
        value: &Value,
    ) -> Result<()> {
        match self {
            Self::Parameter(name) => {
                let name = name.render(templates, scope)?;
                add_parameter(request, name, text_of(value));
            }
            Self::Header(name) => {
                let text = text_of(value);
                if !request.set_header(&name.render(templates, scope)?, &text) {
                    return Err(name.fail("its value cannot be a header".into()));
                }
            }
            Self::Form(name) => {
                let name = name.render(templates, scope)?;
                match &mut request.body {
                    Body::Form(pairs) => pairs.push((name, text_of(value))),
                    body => *body = Body::Form(vec![(name, text_of(value))]),
                }
            }
            Self::Json(way) => {
                let steps = way.steps(templates, scope)?;
                if !matches!(request.body, Body::Json(_)) {
                    request.body = Body::Json(Value::Object(Object::new()));
                }
                if let Body::Json(body) = &mut request.body {
                    path::put(body, &steps, value.clone());
                }
            }
            Self::Address => {}
        }
        Ok(())
    }
}

/// A value as a parameter or header has it: as Python's `str` for what JSON has no text for.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => model::json::to_string(other).trim_matches('"').to_owned(),
    }
}

/// Adds a query parameter unless the address already has the same.
pub fn add_parameter(request: &mut RequestParts, name: String, value: String) {
    let there = request
        .url
        .query_pairs()
        .any(|(known, same)| known == name && same == value);
    if !there {
        request.query.push((name, value));
    }
}

impl Requester {
    /// From the file. `names` may be used in its templates.
    pub fn compile(templates: &mut Templates, view: &View<'_>, names: Names) -> Result<Self> {
        if let Some(kind) = view.node().get("type").and_then(|t| t.as_text())
            && kind != "HttpRequester"
        {
            return Err(view.unknown_component(&["HttpRequester"]));
        }
        let mut compile = |name: &str| -> Result<Option<Template>> {
            view.get(name)
                .map(|view| templates.compile(&view, names))
                .transpose()
        };
        let (base, path) = match compile("url")? {
            Some(url) => (Some(url), compile("path")?),
            None => (compile("url_base")?, compile("path")?),
        };
        let method = match view.get("http_method").or_else(|| view.get("method")) {
            None => Method::GET,
            Some(method) => match method.text()?.to_ascii_uppercase().as_str() {
                "GET" => Method::GET,
                "POST" => Method::POST,
                "PUT" => Method::PUT,
                "PATCH" => Method::PATCH,
                "DELETE" => Method::DELETE,
                other => {
                    return Err(method.fail(
                        format!("the method `{other}` is not supported"),
                        "GET, POST, PUT, PATCH or DELETE",
                    ));
                }
            },
        };
        let parameters = pairs(templates, view.get("request_parameters"), names)?;
        let headers = pairs(templates, view.get("request_headers"), names)?;
        let json = view.get("request_body_json");
        let data = view.get("request_body_data");
        if let (Some(_), Some(data)) = (&json, &data) {
            return Err(data.fail(
                "the request has a JSON body already",
                "request_body_json or request_body_data",
            ));
        }
        let body = match (json, data) {
            (Some(json), _) => match json.node().kind {
                Kind::Text(_) => BodyTemplate::JsonText(templates.compile(&json, names)?),
                _ => BodyTemplate::Json(Tree::compile(templates, &json, names)?),
            },
            (None, Some(data)) => match data.node().kind {
                Kind::Text(_) => BodyTemplate::Text(templates.compile(&data, names)?),
                _ => BodyTemplate::Form(pairs(templates, Some(data), names)?),
            },
            (None, None) => BodyTemplate::None,
        };
        Ok(Self {
            base,
            path,
            method,
            parameters,
            headers,
            body,
            authentication: Authentication::compile(templates, view.get("authenticator"))?,
            errors: match view.get("error_handler") {
                Some(handler) => ErrorHandler::compile(templates, &handler)?,
                None => ErrorHandler::default(),
            },
        })
    }

    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Takes the platform's address from another requester where this one has none.
    pub fn inherit_base(&mut self, base: Option<&Template>) {
        if self.base.is_none() {
            self.base = base.cloned();
        }
    }

    /// The platform's address.
    pub const fn base(&self) -> Option<&Template> {
        self.base.as_ref()
    }

    /// The request without paging, unsigned. `for_path` may differ from `scope`: values that stand in
    /// a path must not change its shape.
    pub fn build(
        &self,
        templates: &Templates,
        scope: &Scope,
        for_path: &Scope,
    ) -> Result<RequestParts> {
        let mut request = RequestParts::new(
            self.method.clone(),
            self.address(templates, scope, for_path)?,
        );
        for (name, value) in &self.parameters {
            let name = name.render(templates, scope)?;
            let text = value.render(templates, scope)?;
            // Lists become repeated parameters; everything else stays the text that it is.
            if text.starts_with(['[', '('])
                && let Value::List(items) = value.eval(templates, scope)?
            {
                for item in items {
                    add_parameter(&mut request, name.clone(), text_of(&item));
                }
            } else if !text.is_empty() {
                add_parameter(&mut request, name, text);
            }
        }
        for (name, value) in &self.headers {
            let text = value.render(templates, scope)?;
            if !text.is_empty() && !request.set_header(&name.render(templates, scope)?, &text) {
                return Err(value.fail("its value cannot be a header".into()));
            }
        }
        request.body = match &self.body {
            BodyTemplate::None => Body::Empty,
            BodyTemplate::Json(tree) => match tree.eval(templates, scope)? {
                Some(Value::Object(object)) if object.is_empty() => Body::Empty,
                Some(value) => Body::Json(value),
                None => Body::Empty,
            },
            BodyTemplate::JsonText(template) => match template.eval(templates, scope)? {
                Value::Null => Body::Empty,
                Value::Text(text) => match model::json::parse(text.as_bytes()) {
                    Ok(value) => Body::Json(value),
                    Err(error) => return Err(template.fail(error.to_string())),
                },
                value => Body::Json(value),
            },
            BodyTemplate::Form(members) => {
                let mut form = Vec::new();
                for (name, value) in members {
                    let text = value.render(templates, scope)?;
                    if !text.is_empty() {
                        form.push((name.render(templates, scope)?, text));
                    }
                }
                Body::Form(form)
            }
            BodyTemplate::Text(text) => Body::Raw(text.render(templates, scope)?.into()),
        };
        Ok(request)
    }

    fn address(&self, templates: &Templates, scope: &Scope, for_path: &Scope) -> Result<Url> {
        let base = match &self.base {
            Some(base) => base.render(templates, scope)?,
            None => String::new(),
        };
        let path = match &self.path {
            Some(path) => path.render(templates, for_path)?,
            None => String::new(),
        };
        let text = if path.starts_with("http://") || path.starts_with("https://") {
            path
        } else if path.is_empty() {
            base.clone()
        } else {
            format!(
                "{}/{}",
                base.trim().trim_end_matches('/'),
                path.trim_start_matches('/')
            )
        };
        let problem = match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                return Ok(url);
            }
            Ok(_) => "it is not an http or https address".to_owned(),
            Err(error) => error.to_string(),
        };
        let place = self
            .base
            .as_ref()
            .or(self.path.as_ref())
            .map(|template| template.source().to_owned())
            .unwrap_or_default();
        Err(Error::Misconfigured {
            what: "the connection's settings".into(),
            place: format!("the address `{place}`"),
            problem: format!("`{}` is no address: {problem}", text.trim()),
            expected: "an address such as https://api.example.com; fill in the connection's fields"
                .into(),
        })
    }
}

/// Name and value templates of a map.
fn pairs(
    templates: &mut Templates,
    view: Option<View<'_>>,
    names: Names,
) -> Result<Vec<(Template, Template)>> {
    let Some(view) = view else {
        return Ok(Vec::new());
    };
    let mut out = Vec::new();
    for (name, value) in view.members()? {
        // Nothing, or an empty text: left out.
        if value.node().is_falsy() && !matches!(value.node().kind, Kind::Number(_) | Kind::Bool(_))
        {
            continue;
        }
        let name = templates.compile_text(name, &value, names)?;
        let template = match &value.node().kind {
            Kind::List(_) => {
                // A plain list is written as the literal that it is read back from.
                let json = Value::from_serde(&value.node().to_json());
                let text = model::json::to_string(&json);
                templates.compile_text(&text, &value, names)?
            }
            _ => templates.compile(&value, names)?,
        };
        out.push((name, template));
    }
    Ok(out)
}
