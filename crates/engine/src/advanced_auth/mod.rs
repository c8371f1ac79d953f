//! `spec.advanced_auth` of a connector file: signing in through the browser, where the tokens become settings.
//!
//! The low-code format describes the addresses as templates over the client's id and secret, which the person
//! brings, and over settings. What follows a standard authorization code flow is offered; what does not has its
//! reason in [`AdvancedAuth::of`]'s absence, and its fields can still be filled in by hand.

use std::collections::BTreeMap;

use connectors::auth::TokenSet;
use connectors::declarative::auth_spec::AuthMethod;
use connectors::declarative::manifest::Manifest;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

mod template;
use template::{OURS, address, fill, foreign};

/// Its name among the ways to sign in.
pub const NAME: &str = "advanced_auth";
/// The port that browsers come back to: people register the address with their own client, so it is fixed.
pub const REDIRECT_PORT: u16 = 38_917;

/// Signing in through the browser, as a connector file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct AdvancedAuth {
    /// For people.
    pub label: String,
    /// It applies where this setting has this value; none: always.
    pub predicate: Option<(Vec<String>, Value)>,
    /// Where the client's id is among the settings.
    pub client_id: Vec<String>,
    /// Where the client's secret is.
    pub client_secret: Vec<String>,
    /// Settings that the sign-in fills in: where they are, and which part of the answer it is.
    pub fills: Vec<(Vec<String>, Part)>,
    consent_url: String,
    token_url: String,
    is_basic: bool,
    token_params: Vec<(String, String)>,
    scopes: Vec<String>,
    scope_separator: String,
    /// Names in the templates, and the settings that they stand for.
    inputs: Vec<(String, Vec<String>)>,
}

/// What of a token answer becomes a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// When the access token ends.
    ExpiresAt,
}

impl AdvancedAuth {
    /// What a connector file offers; none where there is nothing, or nothing that is a standard flow.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let auth = manifest.spec.get("advanced_auth")?;
        let oauth = auth.get("oauth_config_specification")?;
        let flow = oauth.get("oauth_connector_input_specification")?;
        let text = |name: &str| flow.get(name).and_then(Value::as_str).map(str::to_owned);
        let consent_url = text("consent_url")?;
        let token_url = text("access_token_url")?;
        for (word, usual) in [
            ("client_id_key", "client_id"),
            ("redirect_uri_key", "redirect_uri"),
            ("state_key", "state"),
            ("auth_code_key", "code"),
        ] {
            // Another name for a parameter is no standard flow.
            if text(word).is_some_and(|name| name != usual) {
                return None;
            }
        }
        let paths = |specification: &str| -> Vec<(String, Vec<String>)> {
            oauth
                .get(specification)
                .and_then(|found| found.get("properties"))
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(name, found)| {
                    Some((name.clone(), path(found.get("path_in_connector_config")?)?))
                })
                .collect()
        };
        let client = paths("complete_oauth_server_output_specification");
        let of_client = |name: &str| {
            let found = client.iter().find(|(known, _)| known == name);
            found.map_or_else(|| vec![name.to_owned()], |(_, path)| path.clone())
        };
        let mut fills = Vec::new();
        let outputs = oauth.get("complete_oauth_output_specification");
        for (name, found) in outputs
            .and_then(|found| found.get("properties"))
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let place = path(found.get("path_in_connector_config")?)?;
            let from = found.get("path_in_oauth_response").and_then(path);
            let last = from.as_ref().and_then(|from| from.last()).unwrap_or(name);
            let part = match last.as_str() {
                "access_token" => Part::Access,
                "refresh_token" => Part::Refresh,
                "token_expiry_date" | "expires_at" | "expires_in" => Part::ExpiresAt,
                _ => return None,
            };
            fills.push((place, part));
        }
        if fills.is_empty() {
            return None;
        }
        let (scopes, scope_separator) = scopes(flow);
        let pairs = |name: &str| -> Vec<(String, String)> {
            flow.get(name)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let auth_header = |value: &str| value.trim_start().starts_with("Basic");
        let found = Self {
            label: format!("Sign in with {}", manifest.platform.name),
            predicate: auth.get("predicate_key").and_then(path).map(|key| {
                (
                    key,
                    auth.get("predicate_value").cloned().unwrap_or_default(),
                )
            }),
            client_id: of_client("client_id"),
            client_secret: of_client("client_secret"),
            fills,
            is_basic: pairs("access_token_headers").iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("authorization") && auth_header(value)
            }),
            token_params: pairs("access_token_params"),
            scopes,
            scope_separator,
            inputs: paths("oauth_user_input_from_connector_config_specification"),
            consent_url,
            token_url,
        };
        // Templates that cannot be filled in are found out here, not in the middle of a sign-in.
        found.method(&json!({})).is_ok().then_some(found)
    }

    /// The sign-in with the connection's settings.
    pub fn method(&self, config: &Value) -> Result<AuthMethod> {
        let setting = |path: &[String]| {
            path.iter()
                .try_fold(config, |value, name| value.get(name))
                .map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
                .unwrap_or_default()
        };
        let client_id = setting(&self.client_id);
        let client_secret = setting(&self.client_secret);
        let mut values: BTreeMap<&str, String> = BTreeMap::new();
        for (name, path) in &self.inputs {
            values.insert(name, setting(path));
        }
        for (name, value) in [
            ("client_id_key", "client_id"),
            ("client_secret_key", "client_secret"),
            ("redirect_uri_key", "redirect_uri"),
            ("state_key", "state"),
            ("scope_key", "scope"),
            ("auth_code_key", "code"),
            ("client_id_value", &client_id),
            ("client_secret_value", &client_secret),
            // These the sign-in itself puts in; parameters that hold them are left out below.
            ("redirect_uri_value", OURS),
            ("redirect_uri", OURS),
            ("state_value", OURS),
            ("state", OURS),
            ("scope_value", OURS),
            ("scopes_value", OURS),
            ("scope", OURS),
            ("scopes", OURS),
            ("auth_code_value", OURS),
            ("state_code_challenge", OURS),
            ("state_code_verifier", OURS),
        ] {
            values.insert(name, value.to_owned());
        }
        let (authorize_url, authorize) = address(&fill(&self.consent_url, &values)?);
        let (token_url, token_query) = address(&fill(&self.token_url, &values)?);
        let mut token_params = Vec::new();
        for (name, value) in &self.token_params {
            token_params.push((fill(name, &values)?, fill(value, &values)?));
        }
        token_params.extend(token_query);
        let mut method = json!({
            "name": NAME,
            "label": self.label,
            "type": "oauth2_code",
            "authorize_url": authorize_url,
            "token_url": token_url,
            "client_id": client_id,
            "client_secret": Some(client_secret).filter(|secret| !secret.is_empty()),
            "scopes": self.scopes,
            "token_auth": if self.is_basic { "basic" } else { "body" },
            "authorize_params": foreign(authorize),
            "token_params": foreign(token_params),
            "redirect_port": REDIRECT_PORT,
            "checklist": checklist(),
        });
        if self.scope_separator != " "
            && let Some(members) = method.as_object_mut()
        {
            members.insert(
                "scope_separator".into(),
                self.scope_separator.clone().into(),
            );
        }
        serde_json::from_value(method).map_err(|error| {
            Error::Refused(format!(
                "the sign-in that the connector file describes cannot be used: {error}; fill its settings in by hand"
            ))
        })
    }

    /// Whether it applies to these settings.
    pub fn applies(&self, config: &Value) -> bool {
        self.predicate.as_ref().is_none_or(|(path, wanted)| {
            path.iter()
                .try_fold(config, |value, name| value.get(name))
                .is_some_and(|found| found == wanted)
        })
    }

    /// Puts what the sign-in gave into the settings.
    pub fn put(&self, config: &mut Value, tokens: &TokenSet) {
        for (path, part) in &self.fills {
            let value = match part {
                Part::Access => Some(tokens.access.reveal().into()),
                Part::Refresh => tokens.refresh.as_ref().map(|token| token.reveal().into()),
                Part::ExpiresAt => tokens
                    .expires_at
                    .and_then(|at| jiff::Timestamp::from_millisecond(at).ok())
                    .map(|at| at.to_string().into()),
            };
            if let Some(value) = value {
                put_at(config, path, value);
            }
        }
    }

    /// The specification as the person gets to see it: the client's id and secret are asked for, what the
    /// sign-in fills in is secret.
    pub fn specification(&self, specification: &Value) -> Value {
        let mut out = specification.clone();
        for (path, title, is_secret) in [
            (&self.client_id, "Client ID", false),
            (&self.client_secret, "Client secret", true),
        ] {
            // Some platforms give a program on somebody's computer no secret.
            let is_required = !is_secret;
            let predicate = self.predicate.as_ref();
            ensure_property(&mut out, path, predicate, title, is_secret, is_required);
        }
        for (path, part) in &self.fills {
            let title = match part {
                Part::Access => "Access token",
                Part::Refresh => "Refresh token",
                Part::ExpiresAt => "End of the access token",
            };
            let is_secret = *part != Part::ExpiresAt;
            let predicate = self.predicate.as_ref();
            ensure_property(&mut out, path, predicate, title, is_secret, false);
        }
        out
    }
}

/// What a person has to do at the platform.
pub fn checklist() -> Vec<String> {
    vec![
        "Make an application (also called client or integration) in the platform's developer settings.".to_owned(),
        format!("Give it this redirect address: http://127.0.0.1:{REDIRECT_PORT}/callback"),
        "Copy its client ID and, where it has one, its client secret into the form. They stay on this computer.".to_owned(),
    ]
}

fn path(value: &Value) -> Option<Vec<String>> {
    let names: Option<Vec<String>> = value
        .as_array()?
        .iter()
        .map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.filter(|names| !names.is_empty() && names.len() <= 8)
}

fn scopes(flow: &Value) -> (Vec<String>, String) {
    let separator = match flow.get("scopes_join_strategy").and_then(Value::as_str) {
        Some("comma") => ",",
        Some("plus") => "+",
        _ => " ",
    };
    let mut scopes = Vec::new();
    for list in ["scopes", "optional_scopes"] {
        let listed = flow.get(list).and_then(Value::as_array);
        for entry in listed.into_iter().flatten() {
            let scope = entry.get("scope").unwrap_or(entry).as_str();
            scopes.extend(scope.map(str::to_owned));
        }
    }
    let text = flow.get("scope").and_then(Value::as_str);
    if scopes.is_empty()
        && let Some(text) = text
    {
        // One text for all of them goes as it is.
        scopes.push(text.to_owned());
    }
    (scopes, separator.to_owned())
}

fn put_at(config: &mut Value, path: &[String], value: Value) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let mut place = config;
    for name in above {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else {
            return;
        };
        place = members
            .entry(name.clone())
            .or_insert_with(|| Value::Object(Map::new()));
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Value::Object(members) = place {
        members.insert(last.clone(), value);
    }
}

/// Sees to it that the specification has a property: where there are alternatives, in that of the predicate.
fn ensure_property(
    specification: &mut Value,
    path: &[String],
    predicate: Option<&(Vec<String>, Value)>,
    title: &str,
    is_secret: bool,
    is_required: bool,
) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let mut place = specification;
    for name in above {
        let Some(next) = properties_of(place).and_then(|properties| {
            properties
                .entry(name.clone())
                .or_insert_with(|| json!({"type": "object", "properties": {}}))
                .as_object_mut()
                .map(|_| name)
        }) else {
            return;
        };
        let Some(below) = place
            .get_mut("properties")
            .and_then(|found| found.get_mut(next))
        else {
            return;
        };
        place = below;
    }
    // The alternative in which the predicate's own property has the predicate's value.
    let discriminator = predicate.and_then(|(path, wanted)| Some((path.last()?, wanted)));
    let branch = match (discriminator, place.get("oneOf").and_then(Value::as_array)) {
        (Some((name, wanted)), Some(branches)) => {
            match branches.iter().position(|branch| has(branch, name, wanted)) {
                Some(at) => Some(at),
                None => return,
            }
        }
        _ => None,
    };
    let place = match branch {
        Some(at) => match place.get_mut("oneOf").and_then(|found| found.get_mut(at)) {
            Some(branch) => branch,
            None => return,
        },
        None => place,
    };
    // Where the sign-in applies in any case, or only in this alternative, it cannot do without.
    if is_required && (branch.is_some() || predicate.is_none()) {
        require(place, last);
    }
    let Some(properties) = properties_of(place) else {
        return;
    };
    let property = properties
        .entry(last.clone())
        .or_insert_with(|| json!({"type": "string", "title": title}));
    if is_secret && let Some(members) = property.as_object_mut() {
        members.insert("airbyte_secret".into(), true.into());
    }
}

fn require(place: &mut Value, name: &str) {
    let Some(members) = place.as_object_mut() else {
        return;
    };
    let required = members.entry("required").or_insert_with(|| json!([]));
    if let Some(names) = required.as_array_mut()
        && !names.iter().any(|known| known == name)
    {
        names.push(name.into());
    }
}

/// Whether a property of an alternative can only have this value.
fn has(branch: &Value, name: &str, wanted: &Value) -> bool {
    let property = branch.get("properties").and_then(|found| found.get(name));
    property.is_some_and(|property| {
        let options = property.get("enum").and_then(Value::as_array);
        property.get("const") == Some(wanted)
            || options.is_some_and(|options| options.contains(wanted))
    })
}

fn properties_of(schema: &mut Value) -> Option<&mut Map<String, Value>> {
    schema
        .as_object_mut()?
        .entry("properties")
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(flow: &str) -> Manifest {
        let text = format!(
            r#"
version: 6.44.0
type: DeclarativeSource
check: {{type: CheckStream, stream_names: [notes]}}
streams:
  - type: DeclarativeStream
    name: notes
    retriever:
      type: SimpleRetriever
      requester: {{type: HttpRequester, url_base: "https://api.example.com", path: notes}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: []}}}}
spec:
  type: Spec
  connection_specification:
    type: object
    required: [credentials]
    properties:
      shop: {{type: string}}
      credentials:
        type: object
        oneOf:
          - properties: {{auth_type: {{type: string, const: oauth}}, refresh_token: {{type: string}}}}
          - properties: {{auth_type: {{type: string, const: key}}, key: {{type: string}}}}
  advanced_auth:
    auth_flow_type: oauth2.0
    predicate_key: [credentials, auth_type]
    predicate_value: oauth
    oauth_config_specification:
      oauth_user_input_from_connector_config_specification:
        type: object
        properties: {{shop: {{type: string, path_in_connector_config: [shop]}}}}
      oauth_connector_input_specification: {flow}
      complete_oauth_output_specification:
        properties:
          access_token: {{type: string, path_in_connector_config: [credentials, access_token]}}
          refresh_token: {{type: string, path_in_connector_config: [credentials, refresh_token]}}
      complete_oauth_server_output_specification:
        properties:
          client_id: {{type: string, path_in_connector_config: [credentials, client_id]}}
          client_secret: {{type: string, path_in_connector_config: [credentials, client_secret]}}
"#
        );
        Manifest::parse("notes", &text).unwrap()
    }

    const FLOW: &str = r#"{
        consent_url: "https://{{ shop }}.example.com/authorize?client_id={{client_id_value}}&redirect_uri={{ {{redirect_uri_value}} | urlEncoder }}&state={{state_value}}&scope={{ scopes_value }}&response_type=code&access_type=offline",
        access_token_url: "https://{{ shop }}.example.com/token",
        access_token_params: {grant_type: authorization_code, code: "{{ auth_code_value }}", client_id: "{{ client_id_value }}", audience: "{{ shop }}"},
        scopes: [{scope: notes.read}, {scope: offline}]
    }"#;

    #[test]
    fn the_templates_become_a_sign_in_with_the_persons_own_client() {
        let auth = AdvancedAuth::of(&manifest(FLOW)).unwrap();
        let config = json!({"shop": "tea", "credentials": {"auth_type": "oauth", "client_id": "me", "client_secret": "s"}});
        assert!(auth.applies(&config));
        assert!(!auth.applies(&json!({"credentials": {"auth_type": "key"}})));
        let method = serde_json::to_value(auth.method(&config).unwrap()).unwrap();
        let expect = |name: &str, value: Value| assert_eq!(method[name], value, "{name}");
        expect("authorize_url", json!("https://tea.example.com/authorize"));
        expect("token_url", json!("https://tea.example.com/token"));
        expect("client_id", json!("me"));
        expect("client_secret", json!("s"));
        expect("scopes", json!(["notes.read", "offline"]));
        expect("authorize_params", json!({"access_type": "offline"}));
        expect("token_params", json!({"audience": "tea"}));
    }

    #[test]
    fn tokens_become_settings_and_their_settings_are_secret() {
        let manifest = manifest(FLOW);
        let auth = AdvancedAuth::of(&manifest).unwrap();
        let mut config = json!({"credentials": {"auth_type": "oauth"}});
        auth.put(
            &mut config,
            &TokenSet {
                access: model::secret::Secret::new("at"),
                refresh: Some(model::secret::Secret::new("rt")),
                expires_at: None,
                scopes: Vec::new(),
                obtained_at: 0,
                kept: std::collections::BTreeMap::new(),
            },
        );
        assert_eq!(
            config["credentials"],
            json!({"auth_type": "oauth", "access_token": "at", "refresh_token": "rt"})
        );
        let specification = auth.specification(&manifest.connection_specification);
        let (document, secrets) = crate::settings::split(&specification, &config);
        assert_eq!(secrets.len(), 2, "{document}");
        let branches = &specification["properties"]["credentials"]["oneOf"];
        assert_eq!(branches[0]["required"], json!(["client_id"]));
        assert_eq!(branches[1].get("required"), None);
        let oauth = &branches[0]["properties"];
        assert_eq!(oauth["client_id"]["title"], json!("Client ID"));
        assert_eq!(oauth["client_secret"]["airbyte_secret"], json!(true));
        let key = &specification["properties"]["credentials"]["oneOf"][1]["properties"];
        assert_eq!(key.get("client_id"), None, "only where the sign-in applies");
    }

    #[test]
    fn what_is_no_standard_flow_is_not_offered() {
        for flow in [
            "{access_token_url: https://example.com/token}".to_owned(),
            FLOW.replace("scopes: [", "client_id_key: app_id, scopes: ["),
            FLOW.replace("{{ shop }}.example", "{{ region }}.example"),
            FLOW.replace("{{state_value}}", "{{ state_value | reverse }}"),
            FLOW.replace("{{ shop }}", "{{ shop "),
        ] {
            assert_eq!(AdvancedAuth::of(&manifest(&flow)), None, "{flow}");
        }
    }
}
