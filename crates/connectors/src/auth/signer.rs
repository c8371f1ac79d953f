//! Puts a connection's credentials on its requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::clock::Clock;
use model::ids::ConnectionId;
use model::secret::Secret;

use super::credentials::{CredentialKind, Credentials};
use super::endpoint::{self, TokenProblem};
use super::refresh::Holder;
use crate::declarative::auth_spec::{AuthKind, AuthMethod, KeyPlace};
use crate::http::{RequestParts, Signer};
use crate::secrets::Keeper;
use crate::{Access, Error, Result};

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
    pub(super) fn wait(&self, attempt: u32, after: Option<Duration>) -> Duration {
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
        if always && matches!(&current.kind, CredentialKind::OAuth(set) if set.refresh.is_some()) {
            self.0.newer_than(current.version, access).await?;
        }
        Ok(())
    }

    fn refuse(&self, what: &str) -> Error {
        Error::Misconfigured {
            what: format!("sign-in to {}", self.0.platform),
            place: self.0.method.name.clone(),
            problem: format!("{what} holds characters that cannot be sent"),
            expected: "letters, digits and signs without line breaks; type it in again".to_owned(),
        }
    }
}

#[async_trait]
impl Signer for ConnectionSigner {
    async fn sign(&self, request: &mut RequestParts, access: &Access) -> Result<()> {
        if matches!(self.0.method.kind, AuthKind::None) {
            return Ok(());
        }
        let credentials = self.0.usable(access).await?;
        let set = match (&self.0.method.kind, &credentials.kind) {
            (AuthKind::ApiKey(spec), CredentialKind::ApiKey { key }) => match spec.place {
                KeyPlace::Header => {
                    let value = Secret::new(format!("{}{}", spec.prefix, key.reveal()));
                    request.set_secret_header(&spec.key_name, value.reveal())
                }
                KeyPlace::Query => {
                    request.query.retain(|(name, _)| *name != spec.key_name);
                    request
                        .query
                        .push((spec.key_name.clone(), key.reveal().to_owned()));
                    true
                }
            },
            (_, CredentialKind::OAuth(set)) => bearer(request, &set.access),
            (_, CredentialKind::Bearer { token }) => bearer(request, token),
            (_, CredentialKind::Basic { user, password }) => {
                let pair = basic_pair(user, password);
                let value = Secret::new(format!("Basic {}", pair.reveal()));
                request.set_secret_header("authorization", value.reveal())
            }
            (_, CredentialKind::ApiKey { .. }) => {
                return Err(Error::SignInNeeded {
                    platform: self.0.platform.clone(),
                    reason: format!(
                        "what is stored is for another way to sign in than \"{}\"; sign in again",
                        self.0.method.label
                    ),
                });
            }
        };
        if set {
            Ok(())
        } else {
            Err(self.refuse("what was typed in or given by the platform"))
        }
    }

    async fn renew(&self, access: &Access) -> Result<bool> {
        if matches!(self.0.method.kind, AuthKind::None) {
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
        if let Some(Credentials {
            kind: CredentialKind::OAuth(set),
            ..
        }) = self.0.current()
            && let Some(sent) = refused.headers.get("authorization")
            && sent.as_bytes() != bearer_value(&set.access).reveal().as_bytes()
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

fn bearer(request: &mut RequestParts, token: &Secret) -> bool {
    request.set_secret_header("authorization", bearer_value(token).reveal())
}

fn bearer_value(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.reveal().trim()))
}

/// User and password as HTTP Basic wants them.
pub(super) fn basic_pair(user: &str, password: &Secret) -> Secret {
    let pair = Secret::new(format!("{user}:{}", password.reveal()));
    Secret::new(STANDARD.encode(pair.reveal()))
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
    let note = match (&method.kind, stored.map(|stored| stored.kind)) {
        (AuthKind::Oauth2Code(spec), Some(CredentialKind::OAuth(set))) => {
            let mut given_back = Ok(true);
            // The refresh token first: with it most platforms end the whole grant.
            let tokens = set.refresh.iter().map(|token| (token, "refresh_token"));
            for (token, hint) in tokens.chain([(&set.access, "access_token")]) {
                let one = endpoint::revoke(spec, token, hint).await;
                given_back = given_back.and(one);
            }
            match given_back {
                Ok(true) => None,
                Ok(false) => Some(format!(
                    "{platform} offers no way to give the access back; if you want to end it, remove Patchbay in your account there"
                )),
                Err(problem) => Some(format!(
                    "the access could not be given back to {platform} ({}); if you want to be sure, remove Patchbay in your account there",
                    match problem {
                        TokenProblem::Grant(reason)
                        | TokenProblem::Client(reason)
                        | TokenProblem::Later { reason, .. } => reason,
                        TokenProblem::Settings(error) => error.to_string(),
                    }
                )),
            }
        }
        _ => None,
    };
    Credentials::remove(keeper, connection).await?;
    if let Some(note) = &note {
        tracing::warn!(platform, note, "Access was forgotten here only.");
    }
    Ok(note)
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
