//! Tokens without a person at a browser: for programs alone, for assertions, for other tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Authority, Denied, Family, MAX_ENTRIES, Tokens, denied, device, digest,
    endpoints::issuer,
    known::{self, Client},
    robots, saml,
};
use crate::{Platform, http::call::Form, world::World};

/// What the client gets for its grant.
pub(crate) fn grant(
    world: &mut World,
    platform: Platform,
    client: &'static Client,
    kind: &str,
    form: &Form,
) -> Result<Tokens, Denied> {
    let issuer = issuer(world, platform);
    let endpoint = format!("{issuer}/oauth/token");
    let now = world.clock.now();
    if kind == known::DEVICE {
        return device::redeem(
            world.sign_in(platform),
            client,
            form.get("device_code"),
            now,
        );
    }
    // Whom the token is for: this platform's API, where it is said at all.
    let api = format!("{issuer}/api");
    let audience = [form.get("audience"), form.get("resource")]
        .into_iter()
        .find(|text| !text.is_empty());
    if audience.is_some_and(|audience| audience != api) {
        return Err(denied(
            "invalid_target",
            "the audience is not one of this platform",
        ));
    }
    let asked = form.get("scope");
    let scopes = |world: &mut World, asked: &str| {
        world
            .sign_in(platform)
            .asked_scopes(asked)
            .ok_or(denied("invalid_scope", "a scope is not known"))
    };
    match kind {
        known::ALONE => {
            if client.id == "patchbay-robot" && audience.is_none() {
                return Err(denied("invalid_request", "audience is missing"));
            }
            let scopes = scopes(world, asked)?;
            Ok(world.sign_in(platform).grant(client, 0, scopes, now))
        }
        known::JWT => {
            let claims =
                robots::verified(form.get("assertion"), &endpoint, now).map_err(|reason| {
                    tracing::debug!(%reason, "An assertion was refused.");
                    denied("invalid_grant", "the assertion is not good")
                })?;
            if claims.iss != robots::ROBOT {
                return Err(denied("invalid_grant", "the issuer is not known"));
            }
            let sign_in = world.sign_in(platform);
            let user = match claims.sub.as_deref() {
                None => 0,
                Some(email) => sign_in
                    .person_named(email)
                    .ok_or(denied("invalid_grant", "the subject is not known"))?,
            };
            let wanted = if asked.is_empty() {
                claims.scope.as_str()
            } else {
                asked
            };
            let scopes = scopes(world, wanted)?;
            Ok(world.sign_in(platform).grant(client, user, scopes, now))
        }
        known::SAML => {
            let xml = URL_SAFE_NO_PAD
                .decode(form.get("assertion").trim_end_matches('='))
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or(denied("invalid_grant", "the assertion is not base64url"))?;
            let expected = saml::Expected {
                audience: &issuer,
                recipient: &endpoint,
                now,
            };
            let said = saml::verified(&xml, &expected).map_err(|reason| {
                tracing::debug!(%reason, "An assertion was refused.");
                denied("invalid_grant", "the assertion is not good")
            })?;
            let sign_in = world.sign_in(platform);
            if !sign_in.use_once(&said.id, said.until, now) {
                return Err(denied("invalid_grant", "the assertion was used before"));
            }
            let user = sign_in
                .person_named(&said.subject)
                .ok_or(denied("invalid_grant", "the subject is not known"))?;
            let scopes = scopes(world, asked)?;
            Ok(world.sign_in(platform).grant(client, user, scopes, now))
        }
        known::EXCHANGE => {
            if form.get("subject_token_type") != "urn:ietf:params:oauth:token-type:access_token" {
                return Err(denied(
                    "invalid_request",
                    "subject_token_type must be that of an access token",
                ));
            }
            let sign_in = world.sign_in(platform);
            let caller = sign_in
                .by_token(form.get("subject_token"), now)
                .map_err(|_| denied("invalid_grant", "the subject token is not good"))?;
            let scopes = scopes(world, asked)?;
            if scopes.iter().any(|scope| !caller.scopes.contains(scope)) {
                return Err(denied("invalid_scope", "the subject token allows less"));
            }
            Ok(world
                .sign_in(platform)
                .grant(client, caller.user, scopes, now))
        }
        _ => Err(denied(
            "unsupported_grant_type",
            "this grant_type is not known",
        )),
    }
}

impl Authority {
    /// Tokens for a client without a person, or for a person whom somebody else has recognised.
    pub(crate) fn grant(
        &mut self,
        client: &Client,
        user: usize,
        scopes: Vec<String>,
        now: i64,
    ) -> Tokens {
        let mut tokens = self.agreed(client, user, scopes, now);
        if let Some(refresh) = tokens.refresh_token.take() {
            self.agreements.refresh.remove(&digest(&refresh));
        }
        tokens
    }

    /// Tokens for a device whose person has agreed: with a refresh token.
    pub(crate) fn agreed(
        &mut self,
        client: &Client,
        user: usize,
        scopes: Vec<String>,
        now: i64,
    ) -> Tokens {
        self.agreements.next_family += 1;
        let family = self.agreements.next_family;
        let agreed = Family {
            client: client.id.to_owned(),
            user,
            scopes: scopes.clone(),
            revoked: false,
        };
        self.agreements.families.insert(family, agreed);
        self.issue(family, scopes, now)
    }

    /// The index of the person with this e-mail address.
    pub(crate) fn person_named(&self, email: &str) -> Option<usize> {
        self.users()
            .iter()
            .position(|user| user.email.eq_ignore_ascii_case(email.trim()))
    }

    /// False when an assertion with this id was used before.
    pub(crate) fn use_once(&mut self, id: &str, until: i64, now: i64) -> bool {
        self.used.retain(|_, ends| *ends > now);
        if self.used.len() >= MAX_ENTRIES {
            self.used.clear();
        }
        self.used.insert(id.to_owned(), until).is_none()
    }
}
