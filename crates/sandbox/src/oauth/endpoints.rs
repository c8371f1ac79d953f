//! The sign-in over HTTP: authorize, login, consent, token, revoke, metadata.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    Denied, Tokens, clients, device, grants, is_pkce_text,
    known::{self, client, is_allowed_redirect},
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
        "device_authorization_endpoint": format!("{issuer}/oauth/device"),
        "grant_types_supported": ["authorization_code", "refresh_token", known::DEVICE, known::ALONE, known::JWT,
            known::SAML, known::EXCHANGE],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post", "private_key_jwt",
            "tls_client_auth"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "revocation_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    });
    Answer::json(200, &body)
}

pub(crate) fn issuer(world: &World, platform: Platform) -> String {
    format!("{}/{}", world.origin, platform.name())
}

pub(crate) fn cookie_name(platform: Platform) -> String {
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
    if !client.is_modern {
        if !challenge.is_empty() {
            return refuse("invalid_request", "code_challenge is not known here");
        }
    } else if challenge.is_empty() {
        return refuse(
            "invalid_request",
            "code_challenge is missing; PKCE is required",
        );
    }
    if client.is_modern && call.param("code_challenge_method") != Some("S256") {
        return refuse("invalid_request", "code_challenge_method must be S256");
    }
    if client.is_modern && !is_pkce_text(challenge) {
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

pub(crate) fn login_page(
    world: &mut World,
    platform: Platform,
    request: &str,
    fault: Option<&str>,
) -> Answer {
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

pub(crate) fn consent_page(
    world: &mut World,
    call: &Call,
    platform: Platform,
    request: &str,
) -> Answer {
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
    if let Some(code) = &pending.device {
        return device::decided(sign_in, code, allowed.then_some(user));
    }
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
    match granted(world, call, platform, &form) {
        Ok(tokens) => no_store(Answer::json(200, &usual(&tokens))),
        Err(answer) => answer,
    }
}

/// Tokens as RFC 6749 writes them.
fn usual(tokens: &Tokens) -> Value {
    let mut body = json!({"access_token": tokens.access_token, "token_type": "Bearer",
        "expires_in": tokens.expires_in, "scope": tokens.scopes.join(" ")});
    if let (Some(body), Some(refresh)) = (body.as_object_mut(), &tokens.refresh_token) {
        body.insert("refresh_token".into(), json!(refresh));
    }
    body
}

/// What the token endpoint gives, in whatever form it was asked.
pub(crate) fn granted(
    world: &mut World,
    call: &Call,
    platform: Platform,
    form: &Form,
) -> Result<Tokens, Answer> {
    let missing = |name: &str| oauth_error(400, "invalid_request", &format!("{name} is missing"));
    let client = clients::authenticate(world, call, platform, form)?;
    let now = world.clock.now();
    let kind = form.get("grant_type");
    let granted = match kind {
        "authorization_code" => {
            let wanted = ["code", "redirect_uri", "code_verifier"];
            let count = if client.is_modern { 3 } else { 2 };
            for name in wanted.into_iter().take(count) {
                if form.get(name).is_empty() {
                    return Err(missing(name));
                }
            }
            let (code, verifier) = (form.get("code"), form.get("code_verifier"));
            let redirect_uri = form.get("redirect_uri");
            world
                .sign_in(platform)
                .redeem_code(client, code, redirect_uri, verifier, now)
        }
        "refresh_token" => {
            if form.get("refresh_token").is_empty() {
                return Err(missing("refresh_token"));
            }
            world.sign_in(platform).redeem_refresh(
                client,
                form.get("refresh_token"),
                form.get("scope"),
                now,
            )
        }
        "" => return Err(missing("grant_type")),
        kind if client.grants.contains(&kind) => grants::grant(world, platform, client, kind, form),
        known::DEVICE | known::ALONE | known::JWT | known::SAML | known::EXCHANGE => {
            let text = "this client may not use this grant";
            return Err(oauth_error(400, "unauthorized_client", text));
        }
        _ => {
            let text = "this grant_type is not known";
            return Err(oauth_error(400, "unsupported_grant_type", text));
        }
    };
    world.changes += 1;
    let counters = world.counters.of(platform);
    match granted {
        Ok(tokens) => {
            match kind {
                "refresh_token" => counters.refresh_grants += 1,
                "authorization_code" => counters.code_grants += 1,
                _ => counters.other_grants += 1,
            }
            Ok(tokens)
        }
        Err(Denied {
            error,
            description,
            reused,
        }) => {
            counters.refresh_reuse += u64::from(reused);
            Err(oauth_error(400, error, description))
        }
    }
}

pub(crate) fn revoke(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let form = match token_form(call) {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let client = match clients::authenticate(world, call, platform, &form) {
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

pub(crate) fn token_form(call: &Call) -> Result<Form, Answer> {
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

pub(crate) fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    let body: Value = json!({"error": error, "error_description": description});
    no_store(Answer::json(status, &body))
}

pub(crate) fn no_store(answer: Answer) -> Answer {
    answer
        .with("cache-control", "no-store")
        .with("pragma", "no-cache")
}
