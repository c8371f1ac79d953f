//! Who asks for a token: a client, by its secret, by an assertion that it signs, or by its certificate.

use super::{
    endpoints::oauth_error,
    known::{Client, KnownBy, client},
    robots,
};
use crate::{
    Platform,
    http::call::{Answer, Call, Form},
    world::World,
};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client, if it says who it is in its own way.
pub(crate) fn authenticate(
    world: &mut World,
    call: &Call,
    platform: Platform,
    form: &Form,
) -> Result<&'static Client, Answer> {
    let basic = call
        .header("authorization")
        .and_then(crate::http::gate::basic);
    let (id, secret) = match &basic {
        // RFC 6749: each was encoded as a form value first.
        Some((id, secret)) => (unescaped(id), unescaped(secret)),
        None => (
            form.get("client_id").to_owned(),
            form.get("client_secret").to_owned(),
        ),
    };
    if id.is_empty() {
        return Err(oauth_error(400, "invalid_request", "client_id is missing"));
    }
    let refuse = |text: &str| {
        let answer = oauth_error(401, "invalid_client", text);
        if basic.is_some() {
            answer.with("www-authenticate", "Basic realm=\"token\"")
        } else {
            answer
        }
    };
    let Some(known) = client(&id) else {
        return Err(refuse("the client is not known or its secret is wrong"));
    };
    let is_right = match known.known_by {
        KnownBy::Either => known.secret.is_none_or(|expected| expected == secret),
        KnownBy::Basic => basic.is_some() && known.secret == Some(secret.as_str()),
        KnownBy::Certificate => {
            call.certificate.is_some() && call.certificate == robots::known_certificate()
        }
        KnownBy::Assertion => {
            if form.get("client_assertion_type") != ASSERTION {
                return Err(refuse("the client has to sign an assertion"));
            }
            let audience = format!("{}{}", world.origin, call.path);
            let now = world.clock.now();
            let claims = robots::verified(form.get("client_assertion"), &audience, now)
                .map_err(|reason| refuse(&reason))?;
            let is_own = claims.iss == known.id && claims.sub.as_deref() == Some(known.id);
            let id = claims.jti.unwrap_or_default();
            is_own
                && !id.is_empty()
                && world
                    .sign_in(platform)
                    .use_once(&id, claims.exp * 1000, now)
        }
    };
    if is_right {
        return Ok(known);
    }
    Err(refuse(match known.known_by {
        KnownBy::Either => "the client is not known or its secret is wrong",
        KnownBy::Basic => "the client has to use HTTP Basic, with the right secret",
        KnownBy::Certificate => "the client has to show its certificate",
        KnownBy::Assertion => "the assertion does not belong to the client, or was used before",
    }))
}

fn unescaped(text: &str) -> String {
    let pair = format!("x={text}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
