//! Sessions: requests of a sign-in's own, one after another, until there is a token or a cookie.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::params::{Params, Way};

/// A log-in in as many steps as it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What is asked, in order. Each may use what those before it took, as `taken`.
    pub steps: Vec<Step>,
    /// How long the token is good for, in seconds; none: until the answer says, or the platform refuses it.
    #[serde(default)]
    pub lifetime: Option<u64>,
    /// What was taken and belongs to the settings, because addresses of requests are made of it.
    #[serde(default)]
    pub keep: Vec<String>,
    /// What ends the session, when the connection is removed. May use `token` and `kept`.
    #[serde(default)]
    pub end: Option<Step>,
}

/// One request of a log-in. Its texts are templates over `config`, `fields` and `taken`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where.
    pub url: String,
    /// GET, POST, PUT or DELETE.
    #[serde(default = "post")]
    pub method: String,
    /// Headers.
    #[serde(default)]
    pub headers: Params,
    /// Query parameters.
    #[serde(default)]
    pub query: Params,
    /// The body as a form.
    #[serde(default)]
    pub form: Params,
    /// The body as JSON; every text in it is a template.
    #[serde(default)]
    pub json: Option<serde_json::Value>,
    /// The body as a text, such as XML; its content type belongs to the headers.
    #[serde(default)]
    pub text: Option<String>,
    /// What to take out of the answer. `token` is what requests are signed with, `expires_in` and `expires_at` say how
    /// long; everything else is there for later steps, and as `kept` for requests.
    #[serde(default)]
    pub take: BTreeMap<String, Take>,
}

fn post() -> String {
    "POST".into()
}

/// One thing to take out of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Where it stands.
    #[serde(default)]
    pub from: TakeFrom,
    /// Name of the header or cookie, or the way into the body.
    #[serde(default)]
    pub name: Way,
    /// The answer may do without it.
    #[serde(default)]
    pub optional: bool,
}

/// Where something stands in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeFrom {
    /// In the JSON of the body.
    #[default]
    Body,
    /// The whole body is it, as text.
    Text,
    /// In a header.
    Header,
    /// In a cookie that is set.
    Cookie,
    /// All cookies that are set, as a `Cookie` header has them.
    Cookies,
}
