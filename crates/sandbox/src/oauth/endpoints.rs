//! The sign-in over HTTP: authorize, login, consent, token, revoke, metadata.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    Denied, is_pkce_text,
    known::{Client, client, is_allowed_redirect},
    pages,
};
use crate::{
    Platform,
    http::call::{Answer, Call, Form},
    world::World,
};

pub(crate) fn metadata(world: &mut World, _: &Call, platform: Platform) -> Answer {
    let issuer = issuer(world, platform);
    let scopes: Vec<&str> = world
        .sign_in(platform)
        .scopes()
        .iter()
        .map(|scope| scope.name)
        .collect();
    let body = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "revocation_endpoint": format!("{issuer}/oauth/revoke"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    });
    Answer::json(200, &body)
}

fn issuer(world: &World, platform: Platform) -> String {
    format!("{}/{}", world.origin, platform.name())
}

fn cookie_name(platform: Platform) -> String {
    format!("{}_session", platform.name())
}

pub(crate) fn authorize(world: &mut World, call: &Call, platform: Platform) -> Answer {
    // Until client and redirect address are known to be right, nothing may be redirected.
    let redirect_uri = call.param("redirect_uri").unwrap_or("");
    let Some(client) = call.param("client_id").and_then(client) else {
        return pages::stopped(platform, 400, "This program is not known here (client_id).");
    };
    if !is_allowed_redirect(redirect_uri) {
        return pages::stopped(
            platform,
            400,
            "The address to return to is not one that was registered (redirect_uri).",
        );
    }
    let state = call.param("state");
    let issuer = issuer(world, platform);
    let refuse = |error: &str, description: &str| {
        let pairs = [("error", error), ("error_description", description)];
        Answer::redirect(&back(redirect_uri, &pairs, state, &issuer))
    };
    if let Some(twice) = repeated(call) {
        return refuse("invalid_request", &format!("{twice} was given twice"));
    }
    match call.param("response_type") {
        Some("code") => {}
        Some(_) => {
            return refuse(
                "unsupported_response_type",
                "only response_type=code is supported",
            );
        }
        None => return refuse("invalid_request", "response_type is missing"),
    }
    let challenge = call.param("code_challenge").unwrap_or("");
    if challenge.is_empty() {
        return refuse(
            "invalid_request",
            "code_challenge is missing; PKCE is required",
        );
    }
    if call.param("code_challenge_method") != Some("S256") {
        return refuse("invalid_request", "code_challenge_method must be S256");
    }
    if !is_pkce_text(challenge) {
        return refuse(
            "invalid_request",
            "code_challenge must have 43 to 128 characters of base64url",
        );
    }
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let Some(scopes) = sign_in.asked_scopes(call.param("scope").unwrap_or("")) else {
        return refuse("invalid_scope", "a scope is not known");
    };
    let hint = call.param("login_hint");
    let request = sign_in.open_request(client, redirect_uri, scopes, state, challenge, hint, now);
    let signed_in = sign_in
        .session(call.cookie(&cookie_name(platform)), now)
        .is_some();
    if signed_in && call.param("prompt") != Some("login") {
        consent_page(world, call, platform, &request)
    } else {
        login_page(world, platform, &request, None)
    }
}

fn repeated(call: &Call) -> Option<&str> {
    call.query
        .iter()
        .enumerate()
        .find(|(at, (name, _))| call.query.iter().take(*at).any(|(other, _)| other == name))
        .map(|(_, (name, _))| name.as_str())
}

/// The redirect address with the answer, the client's `state` and who answers.
fn back(redirect_uri: &str, pairs: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", issuer);
    format!("{redirect_uri}?{}", query.finish())
}

/// Shown again by `GET /P/oauth/login?request=…`, to sign in as somebody else.
pub(crate) fn show_login(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let request = call.param("request").unwrap_or("").to_owned();
    login_page(world, platform, &request, None)
}

fn login_page(world: &mut World, platform: Platform, request: &str, fault: Option<&str>) -> Answer {
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    match sign_in.request(request, now) {
        Some(pending) => pages::login(sign_in, request, pending, fault),
        None => pages::expired(platform),
    }
}

pub(crate) fn login(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let Some(form) = call.form() else {
        return pages::stopped(platform, 400, "This is not the sign-in form.");
    };
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let request = form.get("request");
    match sign_in.request(request, now) {
        Some(pending) if pending.csrf == form.get("csrf") => {}
        Some(_) => return pages::stopped(platform, 403, "The form did not come from this site."),
        None => return pages::expired(platform),
    }
    match sign_in.log_in(form.get("email"), form.get("password"), now) {
        None => login_page(
            world,
            platform,
            request,
            Some("E-mail address or password is wrong."),
        ),
        Some(cookie) => {
            let name = cookie_name(platform);
            let path = platform.name();
            Answer::redirect(&format!("/{path}/oauth/consent?request={request}")).with(
                "set-cookie",
                format!("{name}={cookie}; Path=/{path}; HttpOnly; SameSite=Lax"),
            )
        }
    }
}

pub(crate) fn show_consent(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let request = call.param("request").unwrap_or("").to_owned();
    consent_page(world, call, platform, &request)
}

fn consent_page(world: &mut World, call: &Call, platform: Platform, request: &str) -> Answer {
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let Some(pending) = sign_in.request(request, now) else {
        return pages::expired(platform);
    };
    match sign_in.session(call.cookie(&cookie_name(platform)), now) {
        Some((_, user)) => pages::consent(sign_in, request, pending, user),
        None => login_page(world, platform, request, Some("Please sign in first.")),
    }
}

pub(crate) fn consent(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let Some(form) = call.form() else {
        return pages::stopped(platform, 400, "This is not the consent form.");
    };
    let now = world.clock.now();
    let issuer = issuer(world, platform);
    let sign_in = world.sign_in(platform);
    let request = form.get("request");
    match sign_in.request(request, now) {
        Some(pending) if pending.csrf == form.get("csrf") => {}
        Some(_) => return pages::stopped(platform, 403, "The form did not come from this site."),
        None => return pages::expired(platform),
    }
    let Some((user, _)) = sign_in.session(call.cookie(&cookie_name(platform)), now) else {
        return login_page(world, platform, request, Some("Please sign in first."));
    };
    let allowed = match form.get("decision") {
        "allow" => true,
        "deny" => false,
        _ => return pages::stopped(platform, 400, "Please choose Allow or Deny."),
    };
    let Some(pending) = sign_in.close_request(request) else {
        return pages::expired(platform);
    };
    let state = pending.state.as_deref();
    let to = if allowed {
        let code = sign_in.agree(&pending, user, now);
        back(&pending.redirect_uri, &[("code", &code)], state, &issuer)
    } else {
        let pairs = [
            ("error", "access_denied"),
            ("error_description", "the person did not allow it"),
        ];
        back(&pending.redirect_uri, &pairs, state, &issuer)
    };
    Answer::redirect(&to)
}

// The endpoints without a person

pub(crate) fn token(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let form = match token_form(call) {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let client = match authenticate(call, &form) {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let granted = match form.get("grant_type") {
        "authorization_code" => {
            for name in ["code", "redirect_uri", "code_verifier"] {
                if form.get(name).is_empty() {
                    return oauth_error(400, "invalid_request", &format!("{name} is missing"));
                }
            }
            let (code, verifier) = (form.get("code"), form.get("code_verifier"));
            sign_in.redeem_code(client, code, form.get("redirect_uri"), verifier, now)
        }
        "refresh_token" => {
            if form.get("refresh_token").is_empty() {
                return oauth_error(400, "invalid_request", "refresh_token is missing");
            }
            sign_in.redeem_refresh(client, form.get("refresh_token"), form.get("scope"), now)
        }
        "" => return oauth_error(400, "invalid_request", "grant_type is missing"),
        _ => {
            let text = "grant_type must be authorization_code or refresh_token";
            return oauth_error(400, "unsupported_grant_type", text);
        }
    };
    world.changes += 1;
    let counters = world.counters.of(platform);
    match granted {
        Ok(tokens) => {
            if form.get("grant_type") == "refresh_token" {
                counters.refresh_grants += 1;
            } else {
                counters.code_grants += 1;
            }
            let body = json!({"access_token": tokens.access_token, "token_type": "Bearer",
                "expires_in": tokens.expires_in, "refresh_token": tokens.refresh_token,
                "scope": tokens.scopes.join(" ")});
            no_store(Answer::json(200, &body))
        }
        Err(Denied {
            error,
            description,
            reused,
        }) => {
            counters.refresh_reuse += u64::from(reused);
            oauth_error(400, error, description)
        }
    }
}

pub(crate) fn revoke(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let form = match token_form(call) {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let client = match authenticate(call, &form) {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    if form.get("token").is_empty() {
        return oauth_error(400, "invalid_request", "token is missing");
    }
    if world.sign_in(platform).revoke(client, form.get("token")) {
        world.counters.of(platform).revocations += 1;
        world.changes += 1;
    }
    no_store(Answer::empty(200))
}

fn token_form(call: &Call) -> Result<Form, Answer> {
    let Some(form) = call.form() else {
        let text = "the body must be application/x-www-form-urlencoded";
        return Err(oauth_error(400, "invalid_request", text));
    };
    if let Some(name) = form.has_twice() {
        return Err(oauth_error(
            400,
            "invalid_request",
            &format!("{name} was given twice"),
        ));
    }
    Ok(form)
}

/// The client, by HTTP Basic or by the form.
fn authenticate(call: &Call, form: &Form) -> Result<&'static Client, Answer> {
    let basic = call
        .header("authorization")
        .and_then(crate::http::gate::basic);
    let (id, secret) = match &basic {
        Some((id, secret)) => (id.as_str(), secret.as_str()),
        None => (form.get("client_id"), form.get("client_secret")),
    };
    if id.is_empty() {
        return Err(oauth_error(400, "invalid_request", "client_id is missing"));
    }
    let known = client(id).filter(|client| client.secret.is_none_or(|expected| expected == secret));
    known.ok_or_else(|| {
        let answer = oauth_error(
            401,
            "invalid_client",
            "the client is not known or its secret is wrong",
        );
        if basic.is_some() {
            answer.with("www-authenticate", "Basic realm=\"token\"")
        } else {
            answer
        }
    })
}

fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    let body: Value = json!({"error": error, "error_description": description});
    no_store(Answer::json(status, &body))
}

fn no_store(answer: Answer) -> Answer {
    answer
        .with("cache-control", "no-store")
        .with("pragma", "no-cache")
}
