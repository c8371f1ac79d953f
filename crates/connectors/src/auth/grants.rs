//! Getting a token without a person: by what was typed in once.

use model::secret::Secret;

use super::credentials::TokenSet;
use super::endpoint::{self, Ask, Desk, wishes};
use super::fields::Typed;
use super::problem::TokenProblem;
use super::{jwt, saml, session};
use crate::declarative::auth_spec::{
    AuthKind, AuthMethod, ClientCredentials, JwtBearer, Saml2Bearer, TokenExchange,
};

/// Whether a token of this kind can be got at any time.
pub(super) const fn needs_nobody(kind: &AuthKind) -> bool {
    matches!(
        kind,
        AuthKind::ClientCredentials(_)
            | AuthKind::JwtBearer(_)
            | AuthKind::Saml2Bearer(_)
            | AuthKind::TokenExchange(_)
            | AuthKind::Session(_)
    )
}

/// Gets a token. `method` has its fields filled in.
pub(super) async fn obtain(
    method: &AuthMethod,
    typed: &Typed,
    desk: Desk<'_>,
) -> Result<TokenSet, TokenProblem> {
    let problem = match &method.kind {
        AuthKind::TokenExchange(spec) => exchanged(spec, method, typed, desk).await,
        kind => simple(kind, method, typed, desk).await,
    };
    problem.map_err(TokenProblem::plain)
}

async fn exchanged(
    spec: &TokenExchange,
    method: &AuthMethod,
    typed: &Typed,
    desk: Desk<'_>,
) -> Result<TokenSet, TokenProblem> {
    let first = simple(&spec.first, method, typed, desk).await?;
    endpoint::exchange(&spec.endpoint, &spec.exchange, &first, desk).await
}

async fn simple(
    kind: &AuthKind,
    method: &AuthMethod,
    typed: &Typed,
    desk: Desk<'_>,
) -> Result<TokenSet, TokenProblem> {
    match kind {
        AuthKind::ClientCredentials(spec) => client_credentials(spec, desk).await,
        AuthKind::JwtBearer(spec) => jwt_bearer(spec, desk).await,
        AuthKind::Saml2Bearer(spec) => saml2_bearer(spec, desk).await,
        AuthKind::Session(spec) => session::log_in(spec, method, typed, desk).await,
        AuthKind::Jwt(spec) => {
            let signed = jwt::sign(&spec.jwt, None, desk.clock).map_err(TokenProblem::Settings)?;
            Ok(TokenSet {
                expires_at: Some(signed.expires_at),
                ..fixed(signed.token, desk)
            })
        }
        AuthKind::Bearer(_) | AuthKind::ApiKey(_) => {
            let field = method.fields.iter().find(|field| field.secret);
            match field.and_then(|field| typed.get(&field.name)) {
                Some(token) => Ok(fixed(token.clone(), desk)),
                None => Err(TokenProblem::Grant("nothing was typed in".to_owned())),
            }
        }
        AuthKind::Oauth2Code(_)
        | AuthKind::DeviceCode(_)
        | AuthKind::TokenExchange(_)
        | AuthKind::Basic(_)
        | AuthKind::Hmac(_)
        | AuthKind::AwsSigv4(_)
        | AuthKind::Oauth1(_)
        | AuthKind::MutualTls
        | AuthKind::None => Err(TokenProblem::Settings(endpoint::wrong(
            &method.name,
            "no token is got this way",
            "a sign-in that gets a token by itself",
        ))),
    }
}

fn fixed(token: Secret, desk: Desk<'_>) -> TokenSet {
    TokenSet {
        access: token,
        refresh: None,
        expires_at: None,
        scopes: Vec::new(),
        obtained_at: desk.clock.now(),
        kept: std::collections::BTreeMap::new(),
    }
}

async fn client_credentials(
    spec: &ClientCredentials,
    desk: Desk<'_>,
) -> Result<TokenSet, TokenProblem> {
    let mut grant = vec![("grant_type", spec.grant_type.clone())];
    grant.extend(wishes(&spec.endpoint));
    ask(&spec.endpoint, grant, Vec::new(), desk).await
}

async fn jwt_bearer(spec: &JwtBearer, desk: Desk<'_>) -> Result<TokenSet, TokenProblem> {
    let signed = jwt::sign(&spec.jwt, Some(spec.endpoint.token_url.trim()), desk.clock)
        .map_err(TokenProblem::Settings)?;
    let mut grant = vec![
        ("grant_type", spec.grant_type.clone()),
        (
            spec.assertion_name.as_str(),
            signed.token.reveal().to_owned(),
        ),
    ];
    grant.extend(wishes(&spec.endpoint));
    ask(&spec.endpoint, grant, vec![signed.token], desk).await
}

async fn saml2_bearer(spec: &Saml2Bearer, desk: Desk<'_>) -> Result<TokenSet, TokenProblem> {
    let given = spec.assertion.as_ref().filter(|text| !text.is_empty());
    let assertion = match (given, &spec.saml) {
        (Some(text), _) => saml::carried(text.reveal()),
        (None, Some(described)) => {
            saml::sign(described, spec.endpoint.token_url.trim(), desk.clock)
                .and_then(|xml| saml::carried(xml.reveal()))
        }
        (None, None) => Err(endpoint::wrong(
            "assertion",
            "there is none",
            "a SAML 2.0 assertion, or `saml` to make one",
        )),
    }
    .map_err(TokenProblem::Settings)?;
    let mut grant = vec![
        ("grant_type", spec.grant_type.clone()),
        (spec.assertion_name.as_str(), assertion.reveal().to_owned()),
    ];
    grant.extend(wishes(&spec.endpoint));
    ask(&spec.endpoint, grant, vec![assertion], desk).await
}

async fn ask<'a>(
    endpoint: &'a crate::declarative::auth_spec::Endpoint,
    grant: Vec<(&'a str, String)>,
    hidden: Vec<Secret>,
    desk: Desk<'_>,
) -> Result<TokenSet, TokenProblem> {
    Ask {
        endpoint,
        url: None,
        grant,
        params: &endpoint.token_params.0,
        hidden,
    }
    .tokens(desk, None)
    .await
}
