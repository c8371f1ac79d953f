//! What is said to a platform's token endpoint, and what its answers mean.

use std::borrow::Cow;
use std::time::Duration;

use model::clock::{Clock, Millis};
use model::secret::Secret;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse,
    BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, HttpRequest, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardErrorResponse, StandardRevocableToken, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::credentials::TokenSet;
use super::transport::{self, TransportProblem};
use crate::declarative::auth_spec::{Oauth2Code, TokenAuth};
use crate::{Error, Result};

/// What went wrong, by what can be done.
#[derive(Debug)]
pub(super) enum TokenProblem {
    /// The grant is no good any more: a person has to sign in.
    Grant(String),
    /// We are not accepted: client id, secret or scopes are wrong.
    Client(String),
    /// Later may help.
    Later {
        /// Whether the platform certainly did not act on the request.
        untouched: bool,
        /// The status was 429.
        too_many: bool,
        /// What the platform said.
        after: Option<Duration>,
        /// What was seen.
        reason: String,
    },
    /// The connector's description is wrong.
    Settings(Error),
}

pub(super) type OauthClient = oauth2::Client<
    BasicErrorResponse,
    LenientToken,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Who we are at the platform, and where it listens.
pub(super) fn client(method: &Oauth2Code) -> Result<OauthClient> {
    let authorize = address("authorize_url", &method.authorize_url)?;
    let token = address("token_url", &method.token_url)?;
    if method.client_id.trim().is_empty() {
        return Err(wrong(
            "client_id",
            "it is empty",
            "the client id that the platform gave out for this application",
        ));
    }
    let mut client = oauth2::Client::new(ClientId::new(method.client_id.trim().to_owned()))
        .set_auth_uri(AuthUrl::from_url(authorize))
        .set_token_uri(TokenUrl::from_url(token))
        .set_auth_type(match method.token_auth {
            TokenAuth::Basic => AuthType::BasicAuth,
            TokenAuth::Body | TokenAuth::None => AuthType::RequestBody,
        });
    if let Some(secret) = secret(method) {
        client = client.set_client_secret(ClientSecret::new(secret.to_owned()));
    }
    Ok(client)
}

fn secret(method: &Oauth2Code) -> Option<&str> {
    method
        .client_secret
        .as_deref()
        .map(str::trim)
        .filter(|secret| !secret.is_empty() && method.token_auth != TokenAuth::None)
}

/// Tokens travel over TLS, or stay on this machine.
fn address(place: &str, text: &str) -> Result<Url> {
    let url = Url::parse(text.trim())
        .map_err(|error| wrong(place, &error.to_string(), "an address: https://…"))?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && transport::is_loopback(&url));
    if !safe || url.host().is_none() {
        return Err(wrong(
            place,
            &format!("{} is not protected", url.origin().ascii_serialization()),
            "an address that begins with https://",
        ));
    }
    Ok(url)
}

fn wrong(place: &str, problem: &str, expected: &str) -> Error {
    Error::Misconfigured {
        what: "the connector's sign-in".to_owned(),
        place: place.to_owned(),
        problem: problem.to_owned(),
        expected: expected.to_owned(),
    }
}

/// Exchanges the code that the browser brought. A code works once, so it is sent again only when the
/// platform has certainly not seen it.
pub(super) async fn exchange_code(
    method: &Oauth2Code,
    code: &Secret,
    verifier: &Secret,
    redirect: &str,
    clock: &Clock,
) -> std::result::Result<TokenSet, TokenProblem> {
    let client = client(method).map_err(TokenProblem::Settings)?;
    let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|error| {
        TokenProblem::Settings(wrong(
            "redirect_path",
            &error.to_string(),
            "a path: /callback",
        ))
    })?;
    let hidden = [code.clone(), verifier.clone()];
    let began = clock.now();
    let mut request = client
        .exchange_code(AuthorizationCode::new(code.reveal().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.reveal().to_owned()))
        .set_redirect_uri(Cow::Owned(redirect));
    for (name, value) in &method.token_params {
        request = request.add_extra_param(name.as_str(), value.as_str());
    }
    let answer = request
        .request_async(&transport::send)
        .await
        .map_err(|error| problem(error, method, &hidden))?;
    Ok(token_set(&answer, began, &method.scopes, None))
}

/// Asks for the next set. What the answer leaves out stays as it is.
pub(super) async fn refresh(
    method: &Oauth2Code,
    set: &TokenSet,
    refresh: &Secret,
    clock: &Clock,
) -> std::result::Result<TokenSet, TokenProblem> {
    let client = client(method).map_err(TokenProblem::Settings)?;
    let token = RefreshToken::new(refresh.reveal().to_owned());
    let began = clock.now();
    let mut request = client.exchange_refresh_token(&token);
    for (name, value) in &method.token_params {
        request = request.add_extra_param(name.as_str(), value.as_str());
    }
    let answer = request
        .request_async(&transport::send)
        .await
        .map_err(|error| problem(error, method, std::slice::from_ref(refresh)))?;
    Ok(token_set(&answer, began, &set.scopes, Some(refresh)))
}

/// Gives a token back (RFC 7009). False when the platform has no way to do so.
pub(super) async fn revoke(
    method: &Oauth2Code,
    token: &Secret,
    hint: &str,
) -> std::result::Result<bool, TokenProblem> {
    let Some(place) = &method.revoke_url else {
        return Ok(false);
    };
    let url = address("revoke_url", place).map_err(TokenProblem::Settings)?;
    let mut form = vec![("token", token.reveal()), ("token_type_hint", hint)];
    let mut request = HttpRequest::new(Vec::new());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url
        .as_str()
        .parse()
        .map_err(|_| TokenProblem::Settings(wrong("revoke_url", "not an address", "https://…")))?;
    let headers = request.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    match (method.token_auth, secret(method)) {
        (TokenAuth::Basic, Some(secret)) => {
            let encode = |text: &str| -> String {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
            };
            let pair = super::signer::basic_pair(
                &encode(method.client_id.trim()),
                &Secret::new(encode(secret)),
            );
            if let Ok(mut value) = http::HeaderValue::try_from(format!("Basic {}", pair.reveal())) {
                value.set_sensitive(true);
                headers.insert(http::header::AUTHORIZATION, value);
            }
        }
        (_, secret) => {
            form.push(("client_id", method.client_id.trim()));
            if let Some(secret) = secret {
                form.push(("client_secret", secret));
            }
        }
    }
    *request.body_mut() = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
        .into_bytes();
    // Any success will do: what is in the body does not matter.
    match transport::send(request).await {
        Ok(answer) if answer.status().is_success() => Ok(true),
        Ok(answer) => {
            let error = serde_json::from_slice::<BasicErrorResponse>(answer.body());
            Err(TokenProblem::Client(match error {
                Ok(error) => said(&error, std::slice::from_ref(token)),
                Err(_) => "it refused".to_owned(),
            }))
        }
        Err(TransportProblem::NotAnEndpoint(_)) => Ok(true),
        Err(error) => Err(later(error)),
    }
}

fn problem(
    error: RequestTokenError<TransportProblem, BasicErrorResponse>,
    method: &Oauth2Code,
    hidden: &[Secret],
) -> TokenProblem {
    match error {
        RequestTokenError::ServerResponse(error) => {
            let mut hidden = hidden.to_vec();
            hidden.extend(secret(method).map(Secret::new));
            let reason = said(&error, &hidden);
            match error.error() {
                BasicErrorResponseType::InvalidClient
                | BasicErrorResponseType::UnauthorizedClient
                | BasicErrorResponseType::InvalidScope
                | BasicErrorResponseType::UnsupportedGrantType => TokenProblem::Client(reason),
                BasicErrorResponseType::Extension(code) if is_passing(code) => {
                    TokenProblem::Later {
                        untouched: false,
                        too_many: false,
                        after: None,
                        reason,
                    }
                }
                // Many have words of their own for a grant that has ended.
                BasicErrorResponseType::InvalidGrant
                | BasicErrorResponseType::InvalidRequest
                | BasicErrorResponseType::Extension(_) => TokenProblem::Grant(reason),
            }
        }
        RequestTokenError::Request(error) => later(error),
        // The parser's own words may quote a token.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => TokenProblem::Later {
            untouched: false,
            too_many: false,
            after: None,
            reason: "its answer holds no usable token".to_owned(),
        },
    }
}

/// Whether it says nothing of the grant: the platform's own trouble, or a status that comes from
/// something in between (404, 407, 451…).
fn is_passing(code: &str) -> bool {
    match code.strip_prefix("http_") {
        Some(status) => !matches!(status, "400" | "401" | "403"),
        None => matches!(
            code,
            "temporarily_unavailable" | "server_error" | "slow_down"
        ),
    }
}

fn later(error: TransportProblem) -> TokenProblem {
    let reason = error.to_string();
    let (untouched, too_many, after) = match error {
        TransportProblem::NotSent(_) => (true, false, None),
        TransportProblem::NoAnswer(_) | TransportProblem::NotAnEndpoint(_) => (false, false, None),
        TransportProblem::Later { status, after } => {
            (matches!(status, 429 | 503), status == 429, after)
        }
    };
    TokenProblem::Later {
        untouched,
        too_many,
        after,
        reason,
    }
}

fn said(error: &StandardErrorResponse<BasicErrorResponseType>, hidden: &[Secret]) -> String {
    let code = error.error().as_ref();
    let text = match (error.error_description(), code.strip_prefix("http_")) {
        (Some(words), None) => format!("{words} ({code})"),
        (Some(words), Some(status)) => format!("{words} (status {status})"),
        (None, None) => code.to_owned(),
        (None, Some(status)) => format!("it answered with status {status}"),
    };
    foreign_words(&text, hidden)
}

/// Words of a platform as they may be shown: one line, not too long, none of our secrets in it.
pub(super) fn foreign_words(text: &str, hidden: &[Secret]) -> String {
    let mut text = text.to_owned();
    for secret in hidden {
        if !secret.reveal().is_empty() {
            text = text.replace(secret.reveal(), "•••");
        }
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect::<String>()
        .trim()
        .to_owned()
}

fn token_set(
    answer: &LenientToken,
    began: Millis,
    scopes: &[String],
    refresh: Option<&Secret>,
) -> TokenSet {
    TokenSet {
        access: Secret::new(answer.access_token().secret().as_str()),
        refresh: answer
            .refresh_token()
            .map(|token| Secret::new(token.secret().as_str()))
            .or_else(|| refresh.cloned()),
        expires_at: answer.expires_in().map(|life| {
            began.saturating_add(Millis::try_from(life.as_millis()).unwrap_or(Millis::MAX))
        }),
        scopes: match answer.scopes() {
            Some(granted) => granted.iter().map(|scope| scope.to_string()).collect(),
            None => scopes.to_vec(),
        },
        obtained_at: began,
    }
}

/// A token answer as platforms really give it: without `token_type`, with `expires_in` as text, with
/// scopes as a list or separated by commas.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LenientToken {
    access_token: AccessToken,
    #[serde(default = "bearer", skip_deserializing)]
    token_type: BasicTokenType,
    #[serde(default, deserialize_with = "refresh_token")]
    refresh_token: Option<RefreshToken>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default, deserialize_with = "scopes")]
    scope: Option<Vec<Scope>>,
}

fn bearer() -> BasicTokenType {
    BasicTokenType::Bearer
}

impl TokenResponse for LenientToken {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scope.as_ref()
    }
}

fn refresh_token<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<RefreshToken>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(RefreshToken::new))
}

/// A life in seconds, as a number or as text; ten years at most. Zero or nonsense: not known.
fn seconds<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u64>, D::Error> {
    let seconds = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before"
    )]
    let whole = seconds
        .filter(|seconds| seconds.is_finite() && *seconds >= 1.0)
        .map(|seconds| seconds.min(315_360_000.0) as u64);
    Ok(whole)
}

fn scopes<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Vec<Scope>>, D::Error> {
    let words: Vec<String> = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        serde_json::Value::Array(items) => items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => return Ok(None),
    };
    Ok((!words.is_empty()).then(|| words.into_iter().map(Scope::new).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let answer: LenientToken = serde_json::from_str(body).unwrap();
        let set = token_set(
            &answer,
            1_000,
            &["asked".to_owned()],
            Some(&Secret::new("old")),
        );
        assert_eq!(
            format!(
                "{} {:?} {:?} {}",
                set.access.reveal(),
                set.refresh.as_ref().map(Secret::reveal),
                set.expires_at,
                set.scopes.join("+")
            ),
            expected
        );
    }

    #[test]
    fn token_answers_are_read_as_platforms_give_them() {
        check(
            r#"{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y"}"#,
            r#"a Some("r") Some(3601000) x+y"#,
        );
        check(r#"{"access_token":"a"}"#, r#"a Some("old") None asked"#);
        check(
            r#"{"access_token":"a","token_type":"MAC","expires_in":"7200","refresh_token":null,"scope":"x,y"}"#,
            r#"a Some("old") Some(7201000) x+y"#,
        );
        check(
            r#"{"access_token":"a","expires_in":59.9,"refresh_token":"","scope":["x"]}"#,
            r#"a Some("old") Some(60000) x"#,
        );
        check(
            r#"{"access_token":"a","expires_in":-1,"scope":""}"#,
            r#"a Some("old") None asked"#,
        );
        check(
            r#"{"access_token":"a","expires_in":1e300,"scope":null}"#,
            r#"a Some("old") Some(315360001000) asked"#,
        );
    }

    #[test]
    fn words_of_a_platform_are_tamed_before_they_are_shown() {
        let words = foreign_words("token rt_1 is\nunknown\u{7}", &[Secret::new("rt_1")]);
        assert_eq!(words, "token ••• is unknown");
        assert_eq!(foreign_words(&"x".repeat(5_000), &[]).len(), 300);
    }

    #[test]
    fn tokens_are_not_sent_in_the_clear() {
        assert!(address("token_url", "https://platform.example/token").is_ok());
        assert!(address("token_url", "http://127.0.0.1:9/token").is_ok());
        assert!(address("token_url", "http://[::1]:9/token").is_ok());
        for bad in [
            "http://platform.example/token",
            "ftp://127.0.0.1/",
            "platform.example",
            "",
            "http://127.0.0.1.example/",
        ] {
            assert!(address("token_url", bad).is_err(), "{bad}");
        }
    }
}
