//! OAuth 2 authorization code with PKCE (RFC 7636), a loopback redirect (RFC 8252), `state`, and `iss` where the
//! platform announces it (RFC 9207).

use model::secret::Secret;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::browser::{Door, Landing};
use super::{Context, Open, SignInStep};
use crate::auth::credentials::TokenSet;
use crate::auth::endpoint::{self, wishes};
use crate::auth::loopback::{Expected, Query};
use crate::auth::problem::{TokenProblem, foreign_words};
use crate::auth::signer::Patience;
use crate::declarative::auth_spec::{Oauth2Code, Pkce};
use crate::{Error, Result};

/// A sign-in that waits for the browser.
pub(super) struct Waiting {
    spec: Oauth2Code,
    verifier: Secret,
    pub(super) url: Url,
    pub(super) landing: Landing,
}

impl Waiting {
    pub(super) async fn start(
        context: &Context,
        spec: Oauth2Code,
        extra: &[(String, String)],
        open: Open,
    ) -> Result<Self> {
        let authorize = endpoint::address("authorize_url", &spec.authorize_url)?;
        endpoint::address("token_url", &spec.endpoint.token_url)?;
        endpoint::client_id(&spec.endpoint)?;
        let door = Door::open(
            context,
            &spec.redirect_host,
            &spec.redirect_path,
            spec.redirect_port,
        )
        .await?;
        let verifier =
            PkceCodeVerifier::new(PkceCodeChallenge::new_random_sha256().1.into_secret());
        let state = CsrfToken::new_random_len(32).into_secret();
        let url = address(authorize, &spec, extra, &door.redirect, &state, &verifier)?;
        let landing = door.wait_for(Expected {
            path: spec.redirect_path.clone(),
            key: ("state", state),
            answers: vec![spec.code_name.clone(), "error".to_owned()],
        });
        context.send_out(open, &url);
        Ok(Self {
            verifier: Secret::new(verifier.into_secret()),
            spec,
            url,
            landing,
        })
    }

    pub(super) async fn finish(
        self,
        context: &Context,
        cancel: &CancellationToken,
    ) -> Result<TokenSet> {
        let Self {
            spec,
            verifier,
            landing,
            ..
        } = self;
        landing
            .finish(context, cancel, async |query: &Query, redirect: &str| {
                exchange(context, &spec, &verifier, query, redirect).await
            })
            .await
    }
}

/// Where the browser goes.
fn address(
    mut authorize: Url,
    spec: &Oauth2Code,
    extra: &[(String, String)],
    redirect: &str,
    state: &str,
    verifier: &PkceCodeVerifier,
) -> Result<Url> {
    let client_id = endpoint::client_id(&spec.endpoint)?.to_owned();
    let mut params: Vec<(String, String)> = [
        ("response_type", "code".to_owned()),
        ("client_id", client_id),
        ("state", state.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
    match spec.pkce {
        Pkce::S256 => {
            let challenge = PkceCodeChallenge::from_code_verifier_sha256(verifier);
            add("code_challenge", challenge.as_str().to_owned());
            add("code_challenge_method", "S256".to_owned());
        }
        Pkce::Plain => {
            add("code_challenge", verifier.secret().clone());
            add("code_challenge_method", "plain".to_owned());
        }
        Pkce::None => {}
    }
    add("redirect_uri", redirect.to_owned());
    for (name, value) in wishes(&spec.endpoint) {
        add(name, value);
    }
    let more: Vec<&(String, String)> = spec.authorize_params.0.iter().chain(extra).collect();
    params.retain(|(name, _)| !more.iter().any(|(known, _)| known == name));
    params.extend(
        more.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .cloned(),
    );
    for (name, _) in &mut params {
        if let Some(other) = spec.endpoint.rename.get(name) {
            other.clone_into(name);
        }
    }
    authorize.query_pairs_mut().extend_pairs(params);
    Ok(authorize)
}

async fn exchange(
    context: &Context,
    spec: &Oauth2Code,
    verifier: &Secret,
    query: &Query,
    redirect: &str,
) -> Result<TokenSet> {
    check_issuer(spec, query)?;
    if let Some(error) = query.get("error") {
        return Err(refused(
            context,
            redirect,
            error,
            query.get("error_description"),
        ));
    }
    let code = Secret::new(query.get(&spec.code_name).unwrap_or_default());
    context.step(SignInStep::ExchangingCode);
    let mut attempt = 1;
    loop {
        let problem =
            match endpoint::exchange_code(spec, &code, verifier, redirect, context.desk()).await {
                Ok(mut tokens) => {
                    for (name, parameter) in spec.keep_from_redirect.iter() {
                        if let Some(value) = query.get(parameter) {
                            tokens.kept.insert(name.to_owned(), Secret::new(value));
                        }
                    }
                    return Ok(tokens);
                }
                Err(problem) => problem,
            };
        match problem {
            TokenProblem::Later {
                untouched: true,
                after,
                ..
            } if attempt < Patience::USUAL.attempts => {
                tokio::time::sleep(Patience::USUAL.wait(attempt, after)).await;
                attempt += 1;
            }
            problem => {
                return Err(context.failed(problem.plain(), "the code that the browser brought"));
            }
        }
    }
}

/// RFC 9207: an answer of another server than the one that was asked must not be used.
fn check_issuer(spec: &Oauth2Code, query: &Query) -> Result<()> {
    let Some(expected) = spec.issuer.as_deref().filter(|issuer| !issuer.is_empty()) else {
        return Ok(());
    };
    let seen = query.get("iss");
    if seen == Some(expected) {
        return Ok(());
    }
    let seen = seen.map_or_else(|| "nobody".to_owned(), |seen| foreign_words(seen, &[]));
    tracing::warn!(expected, %seen, "A redirect of another issuer was refused.");
    Err(Error::SignInFailed {
        reason: format!(
            "the answer names {seen} as its issuer instead of {expected}, so it was refused; start the sign-in again, and if this repeats do not go on and check the address in the browser"
        ),
    })
}

fn refused(context: &Context, redirect: &str, error: &str, description: Option<&str>) -> Error {
    let platform = &context.platform;
    let words = description.map(|words| foreign_words(words, &[]));
    let error = foreign_words(error, &[]);
    let said = match &words {
        Some(words) if !words.is_empty() => format!("{words} ({error})"),
        _ => error.clone(),
    };
    Error::SignInFailed {
        reason: match error.as_str() {
            "access_denied" => format!(
                "access was denied at {platform}, so nothing was connected; start it again and choose to allow it"
            ),
            "invalid_scope" => format!(
                "{platform} does not know a permission that was asked for: {said}; check the scopes of the connector"
            ),
            "unauthorized_client" | "invalid_client" | "invalid_request" => format!(
                "{platform} does not accept the request: {said}; check the client id and that {redirect} is registered there as a redirect address"
            ),
            "temporarily_unavailable" | "server_error" => {
                format!("{platform} has a problem of its own: {said}; try again later")
            }
            _ => format!("{platform} answered: {said}; start it again"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(more: &str) -> Oauth2Code {
        let yaml = format!(
            "{{authorize_url: 'https://p.example/auth?v=2', token_url: 'https://p.example/token', client_id: me, scopes: [a, b], {more}}}"
        );
        let node = crate::declarative::node::Node::parse("x", &yaml).unwrap();
        serde_json::from_value(node.to_json()).unwrap()
    }

    #[track_caller]
    fn check(more: &str, expected: &str) {
        let spec = spec(more);
        let verifier = PkceCodeVerifier::new("v".repeat(43));
        let authorize = Url::parse(&spec.authorize_url).unwrap();
        let extra = [("login_hint".to_owned(), "x".to_owned())];
        let url = address(authorize, &spec, &extra, "http://r/", "s", &verifier).unwrap();
        let pairs: Vec<String> = url
            .query_pairs()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(pairs.join(" "), expected);
    }

    #[test]
    fn the_browser_is_sent_with_what_the_platform_wants() {
        check(
            "pkce: none",
            "v=2 response_type=code client_id=me state=s redirect_uri=http://r/ scope=a b login_hint=x",
        );
        check(
            "pkce: plain, scope_separator: ','",
            "v=2 response_type=code client_id=me state=s code_challenge=vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv code_challenge_method=plain redirect_uri=http://r/ scope=a,b login_hint=x",
        );
        check(
            "pkce: none, audience: 'https://api/', resource: [r1, r2], authorize_params: {prompt: consent, response_type: '', scope: own}, rename: {client_id: app_id}",
            "v=2 app_id=me state=s redirect_uri=http://r/ audience=https://api/ resource=r1 resource=r2 prompt=consent scope=own login_hint=x",
        );
        let challenged = spec("");
        let verifier = PkceCodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        let authorize = Url::parse(&challenged.authorize_url).unwrap();
        let url = address(authorize, &challenged, &[], "http://r/", "s", &verifier).unwrap();
        // The example of RFC 7636, appendix B.
        assert!(url.as_str().contains(
            "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        ));
    }
}
