//! One authorization server per platform: who may sign in, what was agreed to, which tokens are out.
//!
//! Terms: a *request* is an authorization request waiting for a person; a *family* is one agreement and every token
//! that came from it. Refresh tokens work once; a second use means that somebody has a copy, so the whole family ends.
//! Tokens and codes are kept as SHA-256 digests only: the state file holds nothing that could be presented.

pub(crate) mod clients;
pub(crate) mod device;
pub(crate) mod endpoints;
pub(crate) mod grants;
pub(crate) mod known;
pub(crate) mod odd;
pub(crate) mod pages;
pub(crate) mod robots;
pub(crate) mod saml;

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::known::{
    Client, HARBOR_BASIC, HARBOR_SCOPES, HARBOR_USERS, POSTINO_KEY, POSTINO_READ_KEY,
    POSTINO_SCOPES, POSTINO_USERS, Scope, User,
};
use crate::{Platform, http::gate::Caller, random::secret_text};

const MINUTE: i64 = 60_000;
const CODE_LIFETIME: i64 = MINUTE;
const REQUEST_LIFETIME: i64 = 10 * MINUTE;
const SESSION_LIFETIME: i64 = 8 * 60 * MINUTE;
/// Beyond this many entries of one kind the dead ones are cleared out.
const MAX_ENTRIES: usize = 5_000;

/// An authorization request that waits for a person.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) client: &'static Client,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: Option<String>,
    /// The device that waits, instead of a browser that comes back.
    pub(crate) device: Option<String>,
    challenge: String,
    pub(crate) csrf: String,
    pub(crate) login_hint: Option<String>,
    created: i64,
}

#[derive(Debug)]
struct Code {
    client: &'static Client,
    redirect_uri: String,
    challenge: String,
    family: u64,
    expires: i64,
    used: bool,
}

/// One agreement of a person with a client.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Family {
    client: String,
    user: usize,
    scopes: Vec<String>,
    revoked: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Access {
    family: u64,
    scopes: Vec<String>,
    expires: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Refresh {
    family: u64,
    used: bool,
}

/// What survives a restart: agreements and the digests of their tokens.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Agreements {
    next_family: u64,
    families: HashMap<u64, Family>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
}

#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) platform: Platform,
    lifetime: Duration,
    requests: HashMap<String, Pending>,
    /// Digest of the cookie → user and end.
    sessions: HashMap<String, (usize, i64)>,
    codes: HashMap<String, Code>,
    devices: device::Devices,
    /// Ids of assertions that were used.
    used: HashMap<String, i64>,
    pub(crate) agreements: Agreements,
}

/// Tokens that were just given out.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    /// None where a new one can be got at any time.
    pub(crate) refresh_token: Option<String>,
    pub(crate) expires_in: u64,
    pub(crate) scopes: Vec<String>,
}

/// Why no tokens were given: the code and text of RFC 6749.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
    /// A refresh token came a second time.
    pub(crate) reused: bool,
}

const fn denied(error: &'static str, description: &'static str) -> Denied {
    Denied {
        error,
        description,
        reused: false,
    }
}

/// Why a request to the API is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotIn {
    Unknown,
    Expired,
    Revoked,
}

pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// 43 to 128 unreserved characters: a challenge or a verifier of RFC 7636.
pub(crate) fn is_pkce_text(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn challenge_of(verifier: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

impl Authority {
    pub(crate) fn new(platform: Platform, lifetime: Duration) -> Self {
        Self {
            platform,
            lifetime,
            requests: HashMap::new(),
            sessions: HashMap::new(),
            codes: HashMap::new(),
            devices: device::Devices::default(),
            used: HashMap::new(),
            agreements: Agreements::default(),
        }
    }

    pub(crate) fn users(&self) -> &'static [User; 2] {
        match self.platform {
            Platform::Harbor => &HARBOR_USERS,
            Platform::Postino => &POSTINO_USERS,
        }
    }

    pub(crate) fn scopes(&self) -> &'static [Scope; 4] {
        match self.platform {
            Platform::Harbor => &HARBOR_SCOPES,
            Platform::Postino => &POSTINO_SCOPES,
        }
    }

    fn user(&self, index: usize) -> &'static User {
        let [first, second] = self.users();
        if index == 1 { second } else { first }
    }

    /// Who is signed in, and their account.
    pub(crate) fn person(&self, caller: &Caller) -> (&'static User, (&'static str, &'static str)) {
        let user = self.user(caller.user);
        (user, user.account)
    }

    pub(crate) fn demo_password(&self) -> &'static str {
        self.user(0).password
    }

    /// The scopes asked for, or None when one is unknown. Nothing asked for: everything that only reads.
    pub(crate) fn asked_scopes(&self, text: &str) -> Option<Vec<String>> {
        let mut asked: Vec<String> = Vec::new();
        for name in text.split([' ', ',']).filter(|name| !name.is_empty()) {
            self.scopes().iter().find(|scope| scope.name == name)?;
            if !asked.iter().any(|other| other == name) {
                asked.push(name.to_owned());
            }
        }
        if asked.is_empty() {
            asked = self.read_scopes();
        }
        Some(asked)
    }

    fn read_scopes(&self) -> Vec<String> {
        let scopes = self.scopes().iter().filter(|scope| scope.reads);
        scopes.map(|scope| scope.name.to_owned()).collect()
    }

    // Requests and sessions

    #[expect(
        clippy::too_many_arguments,
        reason = "the parameters of an authorization request"
    )]
    pub(crate) fn open_request(
        &mut self,
        client: &'static Client,
        redirect_uri: &str,
        scopes: Vec<String>,
        state: Option<&str>,
        challenge: &str,
        login_hint: Option<&str>,
        now: i64,
    ) -> String {
        self.requests
            .retain(|_, pending| pending.created + REQUEST_LIFETIME > now);
        if self.requests.len() >= MAX_ENTRIES {
            self.requests.clear();
        }
        let id = secret_text();
        self.requests.insert(
            id.clone(),
            Pending {
                client,
                redirect_uri: redirect_uri.to_owned(),
                scopes,
                state: state.map(str::to_owned),
                device: None,
                challenge: challenge.to_owned(),
                csrf: secret_text(),
                login_hint: login_hint.map(str::to_owned),
                created: now,
            },
        );
        id
    }

    pub(crate) fn request(&self, id: &str, now: i64) -> Option<&Pending> {
        self.requests
            .get(id)
            .filter(|pending| pending.created + REQUEST_LIFETIME > now)
    }

    pub(crate) fn close_request(&mut self, id: &str) -> Option<Pending> {
        self.requests.remove(id)
    }

    /// The cookie of a new session, when e-mail address and password are right.
    pub(crate) fn log_in(&mut self, email: &str, password: &str, now: i64) -> Option<String> {
        let user = self.users().iter().position(|user| {
            user.email.eq_ignore_ascii_case(email.trim()) && user.password == password
        })?;
        self.sessions.retain(|_, (_, ends)| *ends > now);
        if self.sessions.len() >= MAX_ENTRIES {
            self.sessions.clear();
        }
        let cookie = secret_text();
        self.sessions
            .insert(digest(&cookie), (user, now + SESSION_LIFETIME));
        Some(cookie)
    }

    pub(crate) fn session(&self, cookie: Option<&str>, now: i64) -> Option<(usize, &'static User)> {
        let (user, ends) = self.sessions.get(&digest(cookie?))?;
        (*ends > now).then(|| (*user, self.user(*user)))
    }

    // Codes and tokens

    /// A code for what the person agreed to.
    pub(crate) fn agree(&mut self, pending: &Pending, user: usize, now: i64) -> String {
        self.codes
            .retain(|_, code| code.expires + REQUEST_LIFETIME > now);
        if self.codes.len() >= MAX_ENTRIES {
            self.codes.clear();
        }
        self.agreements.next_family += 1;
        let family = self.agreements.next_family;
        self.agreements.families.insert(
            family,
            Family {
                client: pending.client.id.to_owned(),
                user,
                scopes: pending.scopes.clone(),
                revoked: false,
            },
        );
        let code = secret_text();
        self.codes.insert(
            digest(&code),
            Code {
                client: pending.client,
                redirect_uri: pending.redirect_uri.clone(),
                challenge: pending.challenge.clone(),
                family,
                expires: now + CODE_LIFETIME,
                used: false,
            },
        );
        code
    }

    pub(crate) fn redeem_code(
        &mut self,
        client: &Client,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        now: i64,
    ) -> Result<Tokens, Denied> {
        let Some(found) = self.codes.get_mut(&digest(code)) else {
            return Err(denied("invalid_grant", "the code is not known"));
        };
        if found.client.id != client.id {
            return Err(denied(
                "invalid_grant",
                "the code was given to another client",
            ));
        }
        let family = found.family;
        if found.used {
            self.end_family(family);
            return Err(denied(
                "invalid_grant",
                "the code was used before; sign in again",
            ));
        }
        if found.expires <= now {
            return Err(denied(
                "invalid_grant",
                "the code has expired; sign in again",
            ));
        }
        if found.redirect_uri != redirect_uri {
            return Err(denied(
                "invalid_grant",
                "redirect_uri is not the one of the authorize request",
            ));
        }
        let is_bound = !found.challenge.is_empty();
        if is_bound && challenge_of(verifier) != found.challenge {
            return Err(denied(
                "invalid_grant",
                "code_verifier does not fit the code_challenge",
            ));
        }
        found.used = true;
        let scopes = self.family_scopes(family);
        Ok(self.issue(family, scopes, now))
    }

    pub(crate) fn redeem_refresh(
        &mut self,
        client: &Client,
        token: &str,
        scope: &str,
        now: i64,
    ) -> Result<Tokens, Denied> {
        let key = digest(token);
        let Some(refresh) = self.agreements.refresh.get(&key).cloned() else {
            return Err(denied("invalid_grant", "the refresh token is not known"));
        };
        let Some(family) = self.agreements.families.get(&refresh.family).cloned() else {
            return Err(denied("invalid_grant", "the refresh token is not known"));
        };
        if family.client != client.id {
            return Err(denied(
                "invalid_grant",
                "the refresh token was given to another client",
            ));
        }
        if refresh.used {
            self.end_family(refresh.family);
            return Err(Denied {
                reused: true,
                ..denied(
                    "invalid_grant",
                    "the refresh token was used before; sign in again",
                )
            });
        }
        if family.revoked {
            return Err(denied("invalid_grant", "access was revoked; sign in again"));
        }
        let scopes = if scope.trim().is_empty() {
            family.scopes
        } else {
            let asked: Vec<String> = scope.split_whitespace().map(str::to_owned).collect();
            if asked.iter().any(|name| !family.scopes.contains(name)) {
                return Err(denied(
                    "invalid_scope",
                    "more was asked for than was agreed to",
                ));
            }
            asked
        };
        if let Some(refresh) = self.agreements.refresh.get_mut(&key) {
            refresh.used = true;
        }
        Ok(self.issue(refresh.family, scopes, now))
    }

    fn family_scopes(&self, family: u64) -> Vec<String> {
        let family = self.agreements.families.get(&family);
        family
            .map(|family| family.scopes.clone())
            .unwrap_or_default()
    }

    fn issue(&mut self, family: u64, scopes: Vec<String>, now: i64) -> Tokens {
        if self.agreements.access.len() >= MAX_ENTRIES {
            self.agreements
                .access
                .retain(|_, access| access.expires > now);
        }
        let prefix = match self.platform {
            Platform::Harbor => "hbr",
            Platform::Postino => "pst",
        };
        let tokens = Tokens {
            access_token: format!("{prefix}_at_{}", secret_text()),
            refresh_token: Some(format!("{prefix}_rt_{}", secret_text())),
            expires_in: self.lifetime.as_secs(),
            scopes: scopes.clone(),
        };
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires = now.saturating_add(lifetime);
        let access = Access {
            family,
            scopes,
            expires,
        };
        self.agreements
            .access
            .insert(digest(&tokens.access_token), access);
        let refresh = Refresh {
            family,
            used: false,
        };
        if let Some(token) = &tokens.refresh_token {
            self.agreements.refresh.insert(digest(token), refresh);
        }
        tokens
    }

    /// RFC 7009: a refresh token takes its family with it, an access token goes alone. False when it was not known.
    pub(crate) fn revoke(&mut self, client: &Client, token: &str) -> bool {
        let key = digest(token);
        let family = match (
            self.agreements.refresh.get(&key),
            self.agreements.access.get(&key),
        ) {
            (Some(refresh), _) => refresh.family,
            (None, Some(access)) => access.family,
            (None, None) => return false,
        };
        if self
            .agreements
            .families
            .get(&family)
            .is_none_or(|family| family.client != client.id)
        {
            return false;
        }
        if self.agreements.refresh.contains_key(&key) {
            self.end_family(family);
        } else {
            self.agreements.access.remove(&key);
        }
        true
    }

    fn end_family(&mut self, family: u64) {
        if let Some(family) = self.agreements.families.get_mut(&family) {
            family.revoked = true;
        }
    }

    /// Lets all access tokens expire; gives their number.
    pub(crate) fn expire_all(&mut self, now: i64) -> usize {
        let live = self
            .agreements
            .access
            .values_mut()
            .filter(|access| access.expires > now);
        live.map(|access| access.expires = now).count()
    }

    /// Ends all agreements; gives their number.
    pub(crate) fn revoke_all(&mut self) -> usize {
        let live = self
            .agreements
            .families
            .values_mut()
            .filter(|family| !family.revoked);
        live.map(|family| family.revoked = true).count()
    }

    /// Lets this access token expire now.
    pub(crate) fn expire(&mut self, token: &str, now: i64) {
        if let Some(access) = self.agreements.access.get_mut(&digest(token)) {
            access.expires = access.expires.min(now);
        }
    }

    /// Ends the agreement behind this access token.
    pub(crate) fn revoke_behind(&mut self, token: &str) {
        if let Some(family) = self
            .agreements
            .access
            .get(&digest(token))
            .map(|access| access.family)
        {
            self.end_family(family);
        }
    }

    // Who calls

    pub(crate) fn by_token(&self, token: &str, now: i64) -> Result<Caller, NotIn> {
        let key = digest(token);
        let access = self.agreements.access.get(&key).ok_or(NotIn::Unknown)?;
        let family = self
            .agreements
            .families
            .get(&access.family)
            .ok_or(NotIn::Unknown)?;
        if family.revoked {
            return Err(NotIn::Revoked);
        }
        if access.expires <= now {
            return Err(NotIn::Expired);
        }
        Ok(Caller {
            credential: format!("family {}", access.family),
            user: family.user,
            scopes: access.scopes.clone(),
        })
    }

    pub(crate) fn by_basic(&self, user: &str, password: &str) -> Result<Caller, NotIn> {
        if self.platform == Platform::Harbor && (user, password) == HARBOR_BASIC {
            Ok(self.key_holder("basic", false))
        } else {
            Err(NotIn::Unknown)
        }
    }

    pub(crate) fn by_key(&self, key: &str) -> Result<Caller, NotIn> {
        match (self.platform, key) {
            (Platform::Postino, POSTINO_KEY) => Ok(self.key_holder("key", false)),
            (Platform::Postino, POSTINO_READ_KEY) => Ok(self.key_holder("read key", true)),
            _ => Err(NotIn::Unknown),
        }
    }

    fn key_holder(&self, credential: &str, reads: bool) -> Caller {
        let scopes = self.scopes().iter().filter(|scope| scope.reads || !reads);
        Caller {
            credential: credential.to_owned(),
            user: 0,
            scopes: scopes.map(|scope| scope.name.to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636() {
        assert_eq!(
            challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
