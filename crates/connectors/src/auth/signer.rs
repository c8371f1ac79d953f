//! Puts a connection's credentials on its requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::clock::{Clock, Millis};
use model::ids::ConnectionId;
use model::secret::Secret;

use super::credentials::{CredentialKind, Credentials};
use super::endpoint::{self, Desk};
use super::problem::TokenProblem;
use super::refresh::Holder;
use super::{session, tls};
use crate::declarative::auth_spec::{AuthKind, AuthMethod};
use crate::http::{RequestParts, Signer};
use crate::secrets::Keeper;
use crate::{Access, Result};

/// What a [`ConnectionSigner`] needs to know.
#[derive(Clone)]
pub struct SignerOptions {
    /// Where the credentials are.
    pub keeper: Keeper,
    /// Whose they are.
    pub connection: ConnectionId,
    /// The connection's name, for messages.
    pub platform: String,
    /// The way to sign in, with its templates filled.
    pub method: AuthMethod,
    /// Tells the time.
    pub clock: Clock,
    /// How often renewing is tried; usually [`Patience::USUAL`].
    pub patience: Patience,
}

// The method may hold a client secret.
impl std::fmt::Debug for SignerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignerOptions")
            .field("platform", &self.platform)
            .field("connection", &self.connection)
            .field("method", &self.method.name)
            .finish_non_exhaustive()
    }
}

/// How often a token request is tried, and how long to wait in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries in all.
    pub attempts: u32,
    /// Before the second try; twice as long before each further one.
    pub first_wait: Duration,
}

impl Patience {
    /// Four tries within about four seconds.
    pub const USUAL: Self = Self {
        attempts: 4,
        first_wait: Duration::from_millis(500),
    };
    /// A platform that wants more is tried again with the next request.
    const LONGEST: Duration = Duration::from_secs(20);

    /// How long to wait after `attempt` (from 1), if the platform does not say `after`.
    pub(crate) fn wait(&self, attempt: u32, after: Option<Duration>) -> Duration {
        let doubled = self
            .first_wait
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(8)));
        after.unwrap_or(doubled).min(Self::LONGEST)
    }
}

/// Signs the requests of one connection and keeps its sign-in alive. Clones share what they know.
#[derive(Clone)]
pub struct ConnectionSigner(Arc<Holder>);

impl std::fmt::Debug for ConnectionSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionSigner")
            .field("platform", &self.0.platform)
            .field("connection", &self.0.connection)
            .finish_non_exhaustive()
    }
}

impl ConnectionSigner {
    fn needs_nothing(&self) -> bool {
        matches!(self.0.method.kind, AuthKind::None) && self.0.method.tls.is_none()
    }

    /// For a connection whose credentials are in the keeper, now or later.
    pub fn new(options: SignerOptions) -> Self {
        Self(Arc::new(Holder::new(
            options.keeper,
            options.connection,
            options.platform,
            options.method,
            options.clock,
            options.patience,
        )))
    }

    /// Renews the sign-in now if its end is near, or if `always`. Keeps grants alive that end when they
    /// are not used.
    pub async fn keep_alive(&self, always: bool, access: &Access) -> Result<()> {
        let current = self.0.usable(access).await?;
        if always
            && current
                .kind
                .token()
                .is_some_and(|set| set.refresh.is_some())
        {
            self.0.newer_than(current.version, access).await?;
        }
        Ok(())
    }

    /// When the client certificate ends, where there is one: to warn before it does.
    pub async fn certificate_ends_at(&self) -> Result<Option<Millis>> {
        if self.0.method.tls.is_none() {
            return Ok(None);
        }
        let Some(stored) = Credentials::load(&self.0.keeper, self.0.connection).await? else {
            return Ok(None);
        };
        let method = self.0.method.with_fields(&stored.kind.typed())?;
        Ok(method.tls.as_ref().and_then(tls::ends_at))
    }
}

#[async_trait]
impl Signer for ConnectionSigner {
    async fn sign(&self, request: &mut RequestParts, access: &Access) -> Result<()> {
        if self.needs_nothing() {
            return Ok(());
        }
        let credentials = self.0.usable(access).await?;
        self.0.ready(&credentials)?.sign(request, &self.0.clock)
    }

    async fn renew(&self, access: &Access) -> Result<bool> {
        if self.needs_nothing() {
            return Ok(false);
        }
        let seen = self
            .0
            .current()
            .map_or(0, |credentials| credentials.version);
        let newer = self.0.newer_than(seen, access).await?;
        Ok(newer.version > seen)
    }

    async fn renew_after(&self, refused: &RequestParts, access: &Access) -> Result<bool> {
        if let (Some(current), Some(sent)) = (self.0.current(), refused.signed_with)
            && current.version > sent
        {
            // Another request has been here before: the token is a newer one already.
            return Ok(true);
        }
        self.renew(access).await
    }

    fn secrets(&self) -> Vec<Secret> {
        self.0.secrets()
    }
}

/// Ends a connection's sign-in: gives the tokens back to the platform (RFC 7009) if it can take them,
/// and forgets them here. Says what the person should do when giving back did not work.
pub async fn disconnect(
    keeper: &Keeper,
    connection: ConnectionId,
    platform: &str,
    method: &AuthMethod,
) -> Result<Option<String>> {
    // What is damaged or gone cannot be given back; forgetting it works all the same.
    let stored = Credentials::load(keeper, connection).await.ok().flatten();
    let note = match stored {
        Some(stored) => given_back(platform, method, &stored.kind).await,
        None => None,
    };
    Credentials::remove(keeper, connection).await?;
    if let Some(note) = &note {
        tracing::warn!(platform, note, "Access was forgotten here only.");
    }
    Ok(note)
}

/// Gives tokens back, where there are any; what to do when that did not work.
async fn given_back(platform: &str, method: &AuthMethod, kind: &CredentialKind) -> Option<String> {
    let set = kind.token()?;
    let typed = kind.typed();
    let method = method.with_fields(&typed).ok()?;
    let clock = Clock::system();
    let certificates = match &method.tls {
        Some(spec) => tls::prepare(spec, &clock).ok()?,
        None => None,
    };
    let desk = Desk {
        clock: &clock,
        tls: certificates.as_ref(),
    };
    let (endpoint, url) = match &method.kind {
        AuthKind::Oauth2Code(spec) => (&spec.endpoint, spec.revoke_url.as_deref()),
        AuthKind::DeviceCode(spec) => (&spec.endpoint, spec.revoke_url.as_deref()),
        AuthKind::Session(spec) => {
            let end = spec.end.as_ref()?;
            return match session::log_out(end, &method, &typed, set, desk).await {
                Ok(()) => None,
                Err(problem) => Some(format!(
                    "the session at {platform} could not be ended ({}); it ends by itself in a while",
                    words(problem)
                )),
            };
        }
        _ => return None,
    };
    let mut given_back = Ok(true);
    // The refresh token first: with it most platforms end the whole grant.
    let tokens = set.refresh.iter().map(|token| (token, "refresh_token"));
    for (token, hint) in tokens.chain([(&set.access, "access_token")]) {
        let one = endpoint::revoke(endpoint, url, token, hint, desk).await;
        given_back = given_back.and(one);
    }
    match given_back {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "{platform} offers no way to give the access back; if you want to end it, remove Patchbay in your account there"
        )),
        Err(problem) => Some(format!(
            "the access could not be given back to {platform} ({}); if you want to be sure, remove Patchbay in your account there",
            words(problem)
        )),
    }
}

fn words(problem: TokenProblem) -> String {
    match problem {
        TokenProblem::Grant(reason)
        | TokenProblem::Client(reason)
        | TokenProblem::Later { reason, .. }
        | TokenProblem::Own { reason, .. } => reason,
        TokenProblem::Settings(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_the_platforms_wish_counts_up_to_a_limit() {
        let patience = Patience::USUAL;
        let waits: Vec<u128> = (1..=4)
            .map(|attempt| patience.wait(attempt, None).as_millis())
            .collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000]);
        assert_eq!(patience.wait(1, Some(Duration::from_secs(3))).as_secs(), 3);
        assert_eq!(
            patience.wait(1, Some(Duration::from_secs(3_600))).as_secs(),
            20
        );
    }
}
