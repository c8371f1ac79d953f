//! What is said to a platform's token endpoint.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use model::clock::Clock;
use model::secret::Secret;
use serde_json::Value;
use url::Url;

use super::answer::{self, Before, Told};
use super::credentials::TokenSet;
use super::jwt;
use super::problem::{TokenProblem, later, refused, said};
use super::transport::{self, Outgoing};
use crate::declarative::auth_spec::{
    Endpoint, Exchange, Jwt, Oauth2Code, Pkce, Renewal, Sensitive, TokenAuth, TokenFormat,
};
use crate::http::ClientTls;
use crate::{Error, Result};

/// What asking needs beside what is asked.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    /// Tells the time.
    pub(super) clock: &'a Clock,
    /// The connection's own certificates.
    pub(super) tls: Option<&'a ClientTls>,
}

/// Tokens travel over TLS, or stay on this machine or in its own network.
pub(crate) fn address(place: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text.trim())
        .map_err(|error| wrong(place, &error.to_string(), "an address: https://…"))?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && transport::is_near(&url));
    if !safe || url.host().is_none() {
        return Err(wrong(
            place,
            &format!("{} is not protected", url.origin().ascii_serialization()),
            "an address that begins with https://",
        ));
    }
    Ok(url)
}

pub(super) fn wrong(place: &str, problem: &str, expected: &str) -> Error {
    crate::declarative::auth_spec::wrong(place, problem.to_owned(), expected)
}

/// The client id, which must be there.
pub(super) fn client_id(endpoint: &Endpoint) -> Result<&str> {
    match endpoint.client_id.trim() {
        "" => Err(wrong(
            "client_id",
            "it is empty",
            "the client id that the platform gave out for this application",
        )),
        id => Ok(id),
    }
}

fn secret(endpoint: &Endpoint) -> Option<&str> {
    endpoint
        .client_secret
        .as_ref()
        .map(|secret| secret.reveal().trim())
        .filter(|secret| !secret.is_empty())
}

/// Scopes, audience and resources: what grants without a person ask for.
pub(super) fn wishes(endpoint: &Endpoint) -> Vec<(&str, String)> {
    let mut wishes = Vec::new();
    if !endpoint.scopes.is_empty() {
        wishes.push(("scope", endpoint.scopes.join(&endpoint.scope_separator)));
    }
    if let Some(audience) = endpoint.audience.as_deref().filter(|text| !text.is_empty()) {
        wishes.push(("audience", audience.to_owned()));
    }
    for resource in endpoint.resource.iter().filter(|text| !text.is_empty()) {
        wishes.push(("resource", resource.clone()));
    }
    wishes
}

/// A token request before it is sent.
pub(super) struct Ask<'a> {
    /// Whom.
    pub(super) endpoint: &'a Endpoint,
    /// Where, if not at its token address; with the name of that member.
    pub(super) url: Option<(&'static str, &'a str)>,
    /// The grant and what belongs to it.
    pub(super) grant: Vec<(&'a str, String)>,
    /// More parameters; an empty one takes the parameter of that name away.
    pub(super) params: &'a [(String, String)],
    /// Must not show up in anybody's words.
    pub(super) hidden: Vec<Secret>,
}

/// Parameters and headers of a request, and what must not show up in words.
type Composed = (Vec<(String, String)>, HeaderMap, Vec<Secret>);

impl Ask<'_> {
    /// Parameters and headers as they are sent.
    fn composed(&self, desk: Desk<'_>, url: &Url) -> std::result::Result<Composed, TokenProblem> {
        let endpoint = self.endpoint;
        let mut params: Vec<(String, String)> = self
            .grant
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in endpoint.token_headers.iter() {
            put_header(&mut headers, name, value).map_err(TokenProblem::Settings)?;
        }
        let mut hidden = self.hidden.clone();
        hidden.extend(secret(endpoint).map(Secret::new));
        let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
        match (endpoint.token_auth, secret(endpoint)) {
            (TokenAuth::Absent, _) => {}
            (TokenAuth::Basic, secret) => {
                let id = client_id(endpoint).map_err(TokenProblem::Settings)?;
                let encode = |text: &str| -> String {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let secret = Secret::new(encode(secret.unwrap_or_default()));
                basic(&mut headers, &encode(id), &secret);
            }
            (TokenAuth::BasicRaw, secret) => {
                let id = client_id(endpoint).map_err(TokenProblem::Settings)?;
                basic(&mut headers, id, &Secret::new(secret.unwrap_or_default()));
            }
            (TokenAuth::None, _) => {
                let id = client_id(endpoint).map_err(TokenProblem::Settings)?;
                add("client_id", id.to_owned());
            }
            (TokenAuth::Body, secret) => {
                // A grant that proves itself needs no client.
                if !endpoint.client_id.trim().is_empty() || secret.is_some() {
                    add("client_id", endpoint.client_id.trim().to_owned());
                }
                if let Some(secret) = secret {
                    add("client_secret", secret.to_owned());
                }
            }
            (TokenAuth::Jwt, secret) => {
                let id = client_id(endpoint).map_err(TokenProblem::Settings)?;
                let assertion = client_assertion(endpoint, id, secret, url, desk)
                    .map_err(TokenProblem::Settings)?;
                add("client_id", id.to_owned());
                add(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
                );
                add("client_assertion", assertion.reveal().to_owned());
                hidden.push(assertion);
            }
        }
        params.retain(|(known, _)| !self.params.iter().any(|(name, _)| name == known));
        let more = self.params.iter().filter(|(_, value)| !value.is_empty());
        params.extend(more.cloned());
        for (name, _) in &mut params {
            if let Some(other) = endpoint.rename.get(name) {
                other.clone_into(name);
            }
        }
        Ok((params, headers, hidden))
    }

    /// Asks, and reads what comes.
    async fn told(&self, desk: Desk<'_>) -> std::result::Result<(Told, Vec<Secret>), TokenProblem> {
        let (place, text) = self
            .url
            .unwrap_or(("token_url", self.endpoint.token_url.as_str()));
        let mut url = address(place, text).map_err(TokenProblem::Settings)?;
        let (params, mut headers, hidden) = self.composed(desk, &url)?;
        let mut method = http::Method::POST;
        let body = match self.endpoint.token_format {
            TokenFormat::Form => {
                content_type(&mut headers, "application/x-www-form-urlencoded");
                url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(params)
                    .finish()
                    .into_bytes()
            }
            TokenFormat::Json => {
                content_type(&mut headers, "application/json");
                let members: serde_json::Map<String, Value> = params
                    .into_iter()
                    .map(|(name, value)| (name, Value::String(value)))
                    .collect();
                Value::Object(members).to_string().into_bytes()
            }
            TokenFormat::Query | TokenFormat::Get => {
                if self.endpoint.token_format == TokenFormat::Get {
                    method = http::Method::GET;
                }
                url.query_pairs_mut().extend_pairs(params);
                Vec::new()
            }
        };
        let outgoing = Outgoing {
            method,
            url,
            headers,
            body,
        };
        let raw = transport::send(outgoing, desk.tls).await.map_err(later)?;
        let told =
            answer::read(&raw, &self.endpoint.answer).map_err(|problem| later(problem.into()))?;
        Ok((told, hidden))
    }

    /// Asks for tokens. What the answer leaves out stays as it is in `before`.
    pub(super) async fn tokens(
        &self,
        desk: Desk<'_>,
        before: Option<&TokenSet>,
    ) -> std::result::Result<TokenSet, TokenProblem> {
        let began = desk.clock.now();
        let (told, hidden) = self.told(desk).await?;
        let nothing_kept = BTreeMap::new();
        let endpoint = self.endpoint;
        match told {
            Told::Tokens(answer) => Ok(answer::token_set(
                &answer,
                &endpoint.answer,
                &Before {
                    began,
                    scopes: before.map_or(&endpoint.scopes, |set| &set.scopes),
                    separator: &endpoint.scope_separator,
                    lifetime: endpoint.lifetime,
                    refresh: before.and_then(|set| set.refresh.as_ref()),
                    kept: before.map_or(&nothing_kept, |set| &set.kept),
                },
            )),
            Told::Refused { code, words } => Err(refused(&code, words, &hidden)),
            Told::Nothing => Err(TokenProblem::Later {
                untouched: false,
                too_many: false,
                after: None,
                reason: "its answer holds no usable token".to_owned(),
            }),
        }
    }
}

/// Who we are, said by a token that we sign: with the key of the description, or with the client secret.
fn client_assertion(
    endpoint: &Endpoint,
    id: &str,
    secret: Option<&str>,
    url: &Url,
    desk: Desk<'_>,
) -> Result<Secret> {
    let mut spec = match (&endpoint.client_assertion, secret) {
        (Some(spec), _) => spec.clone(),
        (None, Some(secret)) => Jwt {
            algorithm: "HS256".into(),
            key: Sensitive::new(secret),
            lifetime: 60,
            ..Jwt::default()
        },
        (None, None) => {
            return Err(wrong(
                "client_assertion",
                "nothing says what to sign with",
                "`client_assertion` with a key, or a client secret",
            ));
        }
    };
    spec.issuer.get_or_insert_with(|| id.to_owned());
    spec.subject.get_or_insert_with(|| id.to_owned());
    spec.unique = true;
    Ok(jwt::sign(&spec, Some(url.as_str()), desk.clock)?.token)
}

fn content_type(headers: &mut HeaderMap, kind: &'static str) {
    headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static(kind));
}

/// Sets a header that nothing prints.
pub(crate) fn put_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<()> {
    let (Ok(header), Ok(mut value)) = (
        HeaderName::try_from(name),
        HeaderValue::try_from(value.trim()),
    ) else {
        return Err(wrong(
            name,
            "name or value of the header holds characters that cannot be sent",
            "letters, digits and signs without line breaks",
        ));
    };
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

fn basic(headers: &mut HeaderMap, user: &str, password: &Secret) {
    let pair = basic_pair(user, password);
    if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", pair.reveal())) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

/// User and password as HTTP Basic wants them.
pub(crate) fn basic_pair(user: &str, password: &Secret) -> Secret {
    let pair = Secret::new(format!("{user}:{}", password.reveal()));
    Secret::new(STANDARD.encode(pair.reveal()))
}

/// Exchanges the code that the browser brought. A code works once, so it is sent again only when the
/// platform has certainly not seen it.
pub(super) async fn exchange_code(
    spec: &Oauth2Code,
    code: &Secret,
    verifier: &Secret,
    redirect: &str,
    desk: Desk<'_>,
) -> std::result::Result<TokenSet, TokenProblem> {
    let mut grant = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.reveal().to_owned()),
        ("redirect_uri", redirect.to_owned()),
    ];
    if spec.pkce != Pkce::None {
        grant.push(("code_verifier", verifier.reveal().to_owned()));
    }
    for resource in &spec.endpoint.resource {
        grant.push(("resource", resource.clone()));
    }
    let set = Ask {
        endpoint: &spec.endpoint,
        url: None,
        grant,
        params: &spec.endpoint.token_params.0,
        hidden: vec![code.clone(), verifier.clone()],
    }
    .tokens(desk, None)
    .await?;
    match &spec.exchange {
        Some(how) => exchange(&spec.endpoint, how, &set, desk).await,
        None => Ok(set),
    }
}

/// Exchanges a token for another (RFC 8693).
pub(super) async fn exchange(
    endpoint: &Endpoint,
    how: &Exchange,
    first: &TokenSet,
    desk: Desk<'_>,
) -> std::result::Result<TokenSet, TokenProblem> {
    let mut grant = Vec::new();
    if !how.grant_type.is_empty() {
        grant.push(("grant_type", how.grant_type.clone()));
    }
    grant.push((how.token_name.as_str(), first.access.reveal().to_owned()));
    if !how.token_type.is_empty() {
        grant.push(("subject_token_type", how.token_type.clone()));
    }
    if let Some(wanted) = how
        .requested_type
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        grant.push(("requested_token_type", wanted.to_owned()));
    }
    grant.extend(wishes(endpoint));
    let set = Ask {
        endpoint,
        url: how.url.as_deref().map(|url| ("exchange.url", url)),
        grant,
        params: &how.params.0,
        hidden: vec![first.access.clone()],
    }
    .tokens(desk, None)
    .await?;
    let mut kept = first.kept.clone();
    kept.extend(set.kept);
    Ok(TokenSet {
        refresh: set.refresh.or_else(|| first.refresh.clone()),
        kept,
        ..set
    })
}

/// Asks for the next set. What the answer leaves out stays as it is.
pub(super) async fn refresh(
    endpoint: &Endpoint,
    renewal: Option<&Renewal>,
    set: &TokenSet,
    token: &Secret,
    desk: Desk<'_>,
) -> std::result::Result<TokenSet, TokenProblem> {
    let usual = Renewal::default();
    let how = renewal.unwrap_or(&usual);
    let grant_type = how.grant_type.as_deref().unwrap_or("refresh_token");
    let mut grant = Vec::new();
    if !grant_type.is_empty() {
        grant.push(("grant_type", grant_type.to_owned()));
    }
    grant.push((
        how.token_name.as_deref().unwrap_or("refresh_token"),
        token.reveal().to_owned(),
    ));
    Ask {
        endpoint,
        url: how.url.as_deref().map(|url| ("renewal.url", url)),
        grant,
        params: how
            .params
            .as_ref()
            .map_or(&endpoint.token_params.0, |params| &params.0),
        hidden: vec![token.clone(), set.access.clone()],
    }
    .tokens(desk, Some(set))
    .await
}

/// Gives a token back (RFC 7009). False when the platform has no way to do so.
pub(super) async fn revoke(
    endpoint: &Endpoint,
    url: Option<&str>,
    token: &Secret,
    hint: &str,
    desk: Desk<'_>,
) -> std::result::Result<bool, TokenProblem> {
    let Some(url) = url.filter(|url| !url.trim().is_empty()) else {
        return Ok(false);
    };
    // Any success will do: what is in the body does not matter.
    let told = Ask {
        endpoint,
        url: Some(("revoke_url", url)),
        grant: vec![
            ("token", token.reveal().to_owned()),
            ("token_type_hint", hint.to_owned()),
        ],
        params: &[],
        hidden: vec![token.clone()],
    }
    .told(desk)
    .await;
    match told {
        Ok((Told::Nothing | Told::Tokens(_), _)) => Ok(true),
        Ok((Told::Refused { code, .. }, _)) if code == "http_200" => Ok(true),
        Ok((Told::Refused { code, words }, hidden)) => {
            Err(TokenProblem::Client(said(&code, words, &hidden)))
        }
        Err(TokenProblem::Later {
            untouched: false,
            after: None,
            too_many: false,
            reason,
        }) if reason.contains("came instead of a token") => Ok(true),
        Err(problem) => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_sent_in_the_clear() {
        assert!(address("token_url", "https://platform.example/token").is_ok());
        assert!(address("token_url", "http://127.0.0.1:9/token").is_ok());
        assert!(address("token_url", "http://[::1]:9/token").is_ok());
        assert!(address("token_url", "http://192.168.1.5:3000/api/session").is_ok());
        assert!(address("token_url", "http://tickets.internal/oauth").is_ok());
        assert!(address("token_url", "http://server:8069/").is_ok());
        for bad in [
            "http://platform.example/token",
            "ftp://127.0.0.1/",
            "platform.example",
            "",
            "http://127.0.0.1.example/",
            "http://8.8.8.8/",
            "http://[2001:db8::1]/",
            "http://internal.example/",
        ] {
            assert!(address("token_url", bad).is_err(), "{bad}");
        }
    }

    fn composed(change: impl FnOnce(&mut Endpoint)) -> String {
        let mut endpoint = Endpoint {
            token_url: "https://t.example/".into(),
            client_id: "id".into(),
            client_secret: Some("a&b".into()),
            scope_separator: " ".into(),
            ..Endpoint::default()
        };
        change(&mut endpoint);
        let mut grant = vec![("grant_type", "g".to_owned())];
        let wishes = wishes(&endpoint);
        grant.extend(wishes);
        let ask = Ask {
            endpoint: &endpoint,
            url: None,
            grant,
            params: &endpoint.token_params.0,
            hidden: Vec::new(),
        };
        let clock = Clock::manual(0);
        let desk = Desk {
            clock: &clock,
            tls: None,
        };
        let url = Url::parse("https://t.example/").unwrap();
        let (params, headers, _) = ask.composed(desk, &url).unwrap();
        let mut seen: Vec<String> = params
            .iter()
            .map(|(name, value)| match name.as_str() {
                "client_assertion" => name.clone(),
                _ => format!("{name}={value}"),
            })
            .collect();
        seen.extend(
            headers
                .iter()
                .filter(|(name, _)| *name != ACCEPT)
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
        );
        seen.join(", ")
    }

    #[test]
    fn a_client_says_who_it_is_as_the_platform_wants_it() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Endpoint), expected: &str) {
            assert_eq!(composed(change), expected);
        }
        check(|_| {}, "grant_type=g, client_id=id, client_secret=a&b");
        check(
            |it| it.token_auth = TokenAuth::None,
            "grant_type=g, client_id=id",
        );
        check(|it| it.token_auth = TokenAuth::Absent, "grant_type=g");
        check(
            |it| it.token_auth = TokenAuth::Basic,
            "grant_type=g, authorization: Basic aWQ6YSUyNmI=",
        );
        check(
            |it| it.token_auth = TokenAuth::BasicRaw,
            "grant_type=g, authorization: Basic aWQ6YSZi",
        );
        check(
            |it| it.token_auth = TokenAuth::Jwt,
            "grant_type=g, client_id=id, client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer, client_assertion",
        );
        check(
            |it| {
                it.client_id = String::new();
                it.client_secret = None;
            },
            "grant_type=g",
        );
        check(
            |it| {
                it.scopes = vec!["a".into(), "b".into()];
                it.scope_separator = ",".into();
                it.audience = Some("https://api/".into());
                it.resource = vec!["x".into(), "y".into()];
            },
            "grant_type=g, scope=a,b, audience=https://api/, resource=x, resource=y, client_id=id, client_secret=a&b",
        );
        check(
            |it| {
                it.rename = [("client_id", "app_id"), ("client_secret", "secret")].into();
                it.token_params = [("grant_type", "h"), ("more", "1")].into();
                it.token_headers = [("X-Version", "2")].into();
            },
            "app_id=id, secret=a&b, grant_type=h, more=1, x-version: 2",
        );
        check(
            |it| it.token_params = [("grant_type", "")].into(),
            "client_id=id, client_secret=a&b",
        );
    }
}
