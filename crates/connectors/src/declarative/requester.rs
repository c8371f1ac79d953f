//! `HttpRequester`: how a request is made from the file, the settings and the place in the stream.

use http::Method;
use model::value::{Object, Value};
use template::{Env, Literals, Scope};
use url::Url;

use super::authenticator::Authentication;
use super::error_handler::ErrorHandler;
use super::node::{Kind, View};
use super::options::Options;
use super::text::{Pairs, Reading, Text, Tree, python_text};
use crate::http::{Body, RequestParts};
use crate::{Error, Result};

/// A requester of the file.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The platform's address; from the requester or, for requests of our own keys, from elsewhere.
    base: Option<Text>,
    path: Option<Text>,
    method: Method,
    parameters: ParameterTexts,
    headers: Pairs,
    body: BodyText,
    /// The parameter that takes the properties that are asked for.
    pub properties_parameter: Option<String>,
    /// Whether the same request may be answered from memory within one read.
    pub use_cache: Option<bool>,
    /// How texts become values: see [`Reading::Exact`].
    writes: bool,
    /// Who signs.
    pub authentication: Authentication,
    /// What answers mean.
    pub errors: ErrorHandler,
}

#[derive(Clone, Debug)]
enum ParameterTexts {
    Map(Pairs),
    /// The whole as one template that gives an object.
    Whole(Text),
}

#[derive(Clone, Debug)]
enum BodyText {
    None,
    Json(Tree),
    JsonText(Text),
    Form(Pairs),
    Text(Text),
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
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        if let Some(kind) = view.node().get("type").and_then(|t| t.as_text())
            && kind != "HttpRequester"
        {
            return Err(view.unknown_component(&["HttpRequester"]));
        }
        let compile = |name: &str| -> Result<Option<Text>> {
            view.get(name)
                .filter(|view| !view.node().is_falsy())
                .map(|view| Text::compile(&view))
                .transpose()
        };
        let (url, base, path) = (compile("url")?, compile("url_base")?, compile("path")?);
        let method = method_of(view)?;
        let pairs = |name: &str| -> Result<Pairs> {
            view.get(name)
                .filter(|view| !view.node().is_falsy())
                .map_or(Ok(Pairs::default()), |view| Pairs::compile(&view))
        };
        let mut properties_parameter = None;
        let parameters = match view.get("request_parameters") {
            Some(whole) if matches!(whole.node().kind, Kind::Text(_)) => {
                ParameterTexts::Whole(Text::compile(&whole)?)
            }
            Some(map) => {
                // The parameter that is a `QueryProperties` component is filled in by the retriever.
                for (name, member) in map.members()? {
                    if super::properties::is_properties(&member) {
                        properties_parameter = Some(name.to_owned());
                    }
                }
                ParameterTexts::Map(Pairs::compile_without(
                    &map,
                    properties_parameter.as_deref(),
                )?)
            }
            None => ParameterTexts::Map(Pairs::default()),
        };
        Ok(Self {
            base: base.or(url),
            path,
            method,
            parameters,
            headers: pairs("request_headers")?,
            body: BodyText::compile(view)?,
            properties_parameter,
            use_cache: view.get("use_cache").map(|view| view.flag()).transpose()?,
            writes: false,
            authentication: Authentication::compile(view.get("authenticator"))?,
            errors: match view.get("error_handler") {
                Some(handler) => ErrorHandler::compile(&handler)?,
                None => ErrorHandler::default(),
            },
        })
    }

    /// From a component that is no requester but has an address, a method and headers; nobody signs it.
    pub fn plain(view: &View<'_>) -> Result<Self> {
        Ok(Self {
            base: Some(Text::compile(&view.require("url", "the address")?)?),
            path: None,
            method: method_of(view)?,
            parameters: ParameterTexts::Map(Pairs::default()),
            headers: match view.get("request_headers") {
                Some(headers) => Pairs::compile(&headers)?,
                None => Pairs::default(),
            },
            body: BodyText::None,
            properties_parameter: None,
            use_cache: None,
            writes: false,
            authentication: Authentication::Nothing,
            errors: ErrorHandler::default(),
        })
    }

    /// For requests that write: values go out as they are, a text of digits stays text.
    #[must_use]
    pub fn for_writes(mut self) -> Self {
        self.writes = true;
        self
    }

    const fn reading(&self, literals: Literals) -> Reading {
        if self.writes {
            Reading::Exact
        } else {
            Reading::Literal(literals)
        }
    }

    /// With its answers kept for others that ask the same within one read.
    #[must_use]
    pub fn kept_in_memory(mut self) -> Self {
        self.use_cache = Some(true);
        self
    }

    /// The names of its own headers, as the file writes them.
    pub fn header_names(&self, scope: &Scope<'_>, env: &Env) -> Result<Vec<String>> {
        self.headers.names(scope, env)
    }

    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// Takes the platform's address from another requester where this one has none.
    pub fn inherit_base(&mut self, base: Option<&Text>) {
        if self.base.is_none() {
            self.base = base.cloned();
        }
    }

    /// The platform's address.
    pub const fn base(&self) -> Option<&Text> {
        self.base.as_ref()
    }

    /// The address that the credentials are for, given that of a request: what a platform said may have made the path
    /// an address of its own.
    pub fn home(&self, scope: &Scope<'_>, env: &Env, url: &Url) -> Url {
        let leads_away =
            |path: &Text| !path.is_fixed() && !path.source().trim().starts_with("http");
        match (&self.base, &self.path) {
            (Some(base), Some(path)) if leads_away(path) => base
                .printed(scope, env)
                .ok()
                .and_then(|base| Url::parse(base.trim()).ok())
                .unwrap_or_else(|| url.clone()),
            _ => url.clone(),
        }
    }

    /// Whether its address is one that a job was answered with.
    pub fn is_answered(&self) -> bool {
        const ANSWERS: [&str; 3] = ["creation_response", "polling_response", "download_target"];
        self.base
            .as_ref()
            .is_some_and(|base| ANSWERS.iter().any(|name| base.mentions(name)))
    }

    /// The same without anybody who signs.
    #[must_use]
    pub fn unsigned(&self) -> Self {
        Self {
            authentication: Authentication::Nothing,
            ..self.clone()
        }
    }

    /// The request, unsigned. `more` comes from paging and slices. `for_path` may differ from `scope`: values that
    /// stand in a path must not change its shape. A `page` replaces the path, or the whole address.
    pub fn build(
        &self,
        scope: &Scope<'_>,
        for_path: &Scope<'_>,
        env: &Env,
        more: Options,
        page: Option<&str>,
    ) -> Result<RequestParts> {
        let url = self.address(scope, for_path, env, page)?;
        let mut request = RequestParts::new(self.method.clone(), url);
        let mut options = Options {
            parameters: self.parameters(scope, env)?,
            ..Options::default()
        };
        for (name, value) in self.headers.eval(scope, env, self.reading(Literals::All))? {
            options.headers.insert(name, value);
        }
        let mut raw = None;
        match &self.body {
            BodyText::None => {}
            BodyText::Json(tree) => match tree.eval(scope, env, self.reading(Literals::All))? {
                Some(Value::Object(object)) => options.json = object,
                Some(value) => raw = Some(Body::Json(value)),
                None => {}
            },
            BodyText::JsonText(text) => match self.whole(text, scope, env)? {
                Value::Null => {}
                Value::Object(object) => options.json = object,
                Value::Text(said) => match model::json::parse(said.as_bytes()) {
                    Ok(Value::Object(object)) => options.json = object,
                    Ok(value) => raw = Some(Body::Json(value)),
                    Err(error) => return Err(text.fail(error.to_string())),
                },
                value => raw = Some(Body::Json(value)),
            },
            BodyText::Form(pairs) => {
                for (name, value) in pairs.eval(scope, env, self.reading(Literals::TextAndList))? {
                    options.form.insert(name, value);
                }
            }
            BodyText::Text(text) => match text.eval_as(scope, env, Literals::TextAndList)? {
                Value::Text(text) if !text.is_empty() => {
                    raw = Some(Body::Raw(String::from(text).into()));
                }
                Value::Object(object) => options.form = object,
                _ => {}
            },
        }
        options.merge(more)?;
        for (name, value) in options.parameters {
            match value {
                Value::Null => {}
                Value::List(items) => {
                    for item in items {
                        add_parameter(&mut request, name.to_string(), python_text(&item));
                    }
                }
                Value::Object(_) => {
                    return Err(Error::Misconfigured {
                        what: "the connector file".into(),
                        place: "request_parameters".into(),
                        problem: format!("the parameter `{name}` is an object"),
                        expected: "a text, a number or a list of them".into(),
                    });
                }
                value => add_parameter(&mut request, name.to_string(), python_text(&value)),
            }
        }
        for (name, value) in options.headers {
            if !request.set_header(&name, &python_text(&value)) {
                return Err(Error::Misconfigured {
                    what: "the connector file".into(),
                    place: format!("the header `{name}`"),
                    problem: "its name or value cannot be sent".into(),
                    expected: "letters, digits and dashes in the name, one line of text as value"
                        .into(),
                });
            }
        }
        let has_json = !options.json.is_empty();
        let has_form = !options.form.is_empty();
        request.body = match raw {
            Some(body) => body,
            None if has_json && has_form => {
                return Err(Error::Misconfigured {
                    what: "the connector file".into(),
                    place: "a request".into(),
                    problem: "it has a JSON body and a form".into(),
                    expected: "request_body_json or request_body_data".into(),
                });
            }
            None if has_json => Body::Json(Value::Object(options.json)),
            None if has_form => {
                let mut form = Vec::new();
                for (name, value) in options.form {
                    match value {
                        Value::List(items) => form.extend(
                            items
                                .iter()
                                .map(|item| (name.to_string(), python_text(item))),
                        ),
                        value => form.push((name.to_string(), python_text(&value))),
                    }
                }
                Body::Form(form)
            }
            None => Body::Empty,
        };
        if !matches!(
            self.method,
            Method::GET | Method::POST | Method::PUT | Method::PATCH
        ) {
            request.body = Body::Empty;
        }
        Ok(request)
    }

    fn whole(&self, text: &Text, scope: &Scope<'_>, env: &Env) -> Result<Value> {
        if self.writes {
            text.value(scope, env)
        } else {
            text.eval(scope, env)
        }
    }

    fn parameters(&self, scope: &Scope<'_>, env: &Env) -> Result<Object> {
        match &self.parameters {
            ParameterTexts::Map(pairs) => Ok(pairs
                .eval(scope, env, self.reading(Literals::TextAndList))?
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect()),
            ParameterTexts::Whole(text) => match text.eval(scope, env)? {
                Value::Object(object) => Ok(object),
                Value::Text(text) if text.is_empty() => Ok(Object::new()),
                Value::Null => Ok(Object::new()),
                // `a=1&b=2`
                Value::Text(text) => Ok(url::form_urlencoded::parse(text.as_bytes())
                    .map(|(name, value)| (name.as_ref().into(), Value::text(value.as_ref())))
                    .collect()),
                _ => Err(text.fail("it gives no names and values".into())),
            },
        }
    }

    /// The address of a request, without parameters.
    pub(super) fn address(
        &self,
        scope: &Scope<'_>,
        for_path: &Scope<'_>,
        env: &Env,
        page: Option<&str>,
    ) -> Result<Url> {
        let base = match &self.base {
            Some(base) => base.printed(scope, env)?,
            None => String::new(),
        };
        let path = match (page, &self.path) {
            (Some(page), _) => page.to_owned(),
            (None, Some(path)) => path.printed(for_path, env)?,
            (None, None) => String::new(),
        };
        let parsed = join(&base, &path, page.is_some());
        let problem = match parsed {
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
        let shown = if path.is_empty() {
            base
        } else {
            format!("{base} + {path}")
        };
        Err(Error::Misconfigured {
            what: "the connection's settings".into(),
            place: format!("the address `{place}`"),
            problem: format!("`{}` is no address: {problem}", shown.trim()),
            expected: "an address such as https://api.example.com; fill in the connection's fields"
                .into(),
        })
    }
}

fn method_of(view: &View<'_>) -> Result<Method> {
    Ok(match view.get("http_method") {
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
    })
}

/// A base and a path as one address; an absolute path is the address. A page that begins with a slash begins at the
/// root of the host, as in a browser.
fn join(base: &str, path: &str, is_page: bool) -> std::result::Result<Url, url::ParseError> {
    let (base, path) = (base.trim(), path.trim());
    if is_page && path.starts_with('/') {
        return Url::parse(base)?.join(path);
    }
    let path = path.trim_start_matches('/');
    if path.is_empty() {
        return Url::parse(base);
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return Url::parse(path);
    }
    // The query of a base is lost when a path is joined to it, and so is nothing else: a colon in the path's
    // first step is not a scheme.
    let base = match base.find(['?', '#']) {
        Some(end) => base.get(..end).unwrap_or(base),
        None => base,
    };
    let slash = if base.ends_with('/') { "" } else { "/" };
    // Empty steps mean nothing, but for a slash at the end.
    let (way, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut steps = way.split('/').filter(|step| !step.is_empty());
    let mut way_without = steps.next().unwrap_or_default().to_owned();
    for step in steps {
        way_without.push('/');
        way_without.push_str(step);
    }
    if way.ends_with('/') {
        way_without.push('/');
    }
    Url::parse(&format!("{base}{slash}{way_without}{query}"))
}

impl BodyText {
    fn compile(view: &View<'_>) -> Result<Self> {
        if let Some(body) = view
            .get("request_body")
            .filter(|body| !body.node().is_falsy())
        {
            let value = body.require("value", "what is sent")?;
            return Ok(match body.component()? {
                "RequestBodyJsonObject" | "RequestBodyGraphQL" => {
                    Self::Json(Tree::compile(&value)?)
                }
                "RequestBodyUrlEncodedForm" => Self::Form(Pairs::compile(&value)?),
                "RequestBodyPlainText" => Self::Text(Text::compile(&value)?),
                _ => {
                    return Err(body.unknown_component(&[
                        "RequestBodyJsonObject",
                        "RequestBodyGraphQL",
                        "RequestBodyUrlEncodedForm",
                        "RequestBodyPlainText",
                    ]));
                }
            });
        }
        let filled = |name: &str| view.get(name).filter(|view| !view.node().is_falsy());
        match (filled("request_body_json"), filled("request_body_data")) {
            (Some(_), Some(data)) => Err(data.fail(
                "the request has a JSON body already",
                "request_body_json or request_body_data",
            )),
            (Some(json), None) => Ok(match json.node().kind {
                Kind::Text(_) => Self::JsonText(Text::compile(&json)?),
                _ => Self::Json(Tree::compile(&json)?),
            }),
            (None, Some(data)) => Ok(match data.node().kind {
                Kind::Map(_) => Self::Form(Pairs::compile(&data)?),
                _ => Self::Text(Text::compile(&data)?),
            }),
            (None, None) => Ok(Self::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_and_paths_are_joined_without_doubling_slashes() {
        fn check(base: &str, path: &str, whole: &str) {
            assert_eq!(
                join(base, path, false).unwrap().as_str(),
                whole,
                "{base} {path}"
            );
        }
        check(
            "https://x.example/api/",
            "/v1/a",
            "https://x.example/api/v1/a",
        );
        check(
            "https://x.example/api",
            "v1/a",
            "https://x.example/api/v1/a",
        );
        check("https://x.example/api/", "", "https://x.example/api/");
        check(
            "https://x.example",
            "https://y.example/b?c=1",
            "https://y.example/b?c=1",
        );
        check(
            "https://x.example",
            "a:b/c?d=e",
            "https://x.example/a:b/c?d=e",
        );
        check("https://x.example/v1", "?a=1", "https://x.example/v1/?a=1");
        check(
            "https://x.example/v1",
            "a//b/./../c/?u=a//b",
            "https://x.example/v1/a/c/?u=a//b",
        );
    }

    #[test]
    fn the_address_of_a_page_may_begin_at_the_root_of_the_host() {
        fn check(page: &str, whole: &str) {
            let joined = join("https://x.example/v1", page, true).unwrap();
            assert_eq!(joined.as_str(), whole, "{page}");
        }
        check("/v1/a?page=2", "https://x.example/v1/a?page=2");
        check("a?page=2", "https://x.example/v1/a?page=2");
        check("https://y.example/a", "https://y.example/a");
    }
}
