//! What a sign-in leaves behind, and its one entry in the keeper.
//!
//! Each stored set has a version that only grows. Whoever is told that a set is no good any more can
//! therefore see whether somebody else has already put a newer one there.

mod stored;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use model::clock::Millis;
use model::ids::ConnectionId;
use model::secret::Secret;

use self::stored::{FORMAT, Stored, StoredRef};
use super::fields::Typed;
use crate::declarative::auth_spec::{AuthField, AuthKind, AuthMethod};
use crate::secrets::Keeper;
use crate::secrets::file_lock::{self, FileLock, LockProblem};
use crate::{Error, Result};

/// How long another process may hold a connection's lock: a refresh with all its tries.
const LOCK_PATIENCE: Duration = Duration::from_secs(90);

/// The credentials of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Grows with every set that is stored for the connection.
    pub version: u64,
    /// What they are.
    pub kind: CredentialKind,
}

/// The kinds of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// From an OAuth 2 sign-in.
    OAuth(TokenSet),
    /// A key that the person typed in.
    ApiKey {
        /// The key.
        key: Secret,
    },
    /// A fixed token that the person typed in.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// User and password.
    Basic {
        /// The user's name at the platform.
        user: String,
        /// The password.
        password: Secret,
    },
    /// Whatever else was typed in, and the token that was got with it.
    Typed {
        /// By the names of the method's fields.
        fields: Typed,
        /// Where a token is got first.
        token: Option<TokenSet>,
    },
}

/// What a platform gives for an OAuth 2 sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSet {
    /// Goes on every request.
    pub access: Secret,
    /// Gets the next access token; none when the platform gives none.
    pub refresh: Option<Secret>,
    /// When the access token ends; none when the platform does not say.
    pub expires_at: Option<Millis>,
    /// What was allowed.
    pub scopes: Vec<String>,
    /// When it was asked for.
    pub obtained_at: Millis,
    /// What else came with it and requests need: an instance's address, a token's secret.
    pub kept: BTreeMap<String, Secret>,
}

impl TokenSet {
    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.access)
            .chain(&self.refresh)
            .chain(self.kept.values())
    }

    /// Whether it is so near its end that a new one should be got first: a minute, or a fifth of its
    /// life if that is short.
    pub(super) fn nears_its_end(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| {
            let life = end.saturating_sub(self.obtained_at).max(0);
            now >= end.saturating_sub((life / 5).min(60_000))
        })
    }
}

impl CredentialKind {
    /// From what the person typed in for a way to sign in that gets no token first. `values` are by the names of the
    /// method's fields; spaces and line breaks around them are not part of them.
    pub fn from_fields(method: &AuthMethod, values: &BTreeMap<String, Secret>) -> Result<Self> {
        let typed = Typed::read(method, values)?;
        let of = |field: Option<&AuthField>| {
            field
                .and_then(|field| typed.get(&field.name).cloned())
                .unwrap_or_else(|| Secret::new(""))
        };
        let secret = || of(method.fields.iter().find(|field| field.secret));
        let open = || of(method.fields.iter().find(|field| !field.secret));
        let single = method.fields.len() == 1 && method.apply.is_empty() && method.tls.is_none();
        Ok(match &method.kind {
            AuthKind::ApiKey(_) if single => Self::ApiKey { key: secret() },
            AuthKind::Bearer(_) if single => Self::Bearer { token: secret() },
            AuthKind::Basic(_) if method.apply.is_empty() && method.tls.is_none() => Self::Basic {
                user: open().reveal().to_owned(),
                password: secret(),
            },
            _ if method.gets_a_token() => {
                return Err(Error::Misconfigured {
                    what: format!("sign-in \"{}\"", method.label),
                    place: method.name.clone(),
                    problem: "a token is got first".to_owned(),
                    expected: "a key, a token, or user and password".to_owned(),
                });
            }
            _ => Self::Typed {
                fields: typed,
                token: None,
            },
        })
    }

    /// With a token that was got.
    pub fn with_token(fields: Typed, token: TokenSet) -> Self {
        if fields.is_empty() {
            return Self::OAuth(token);
        }
        Self::Typed {
            fields,
            token: Some(token),
        }
    }

    /// The token, where one was got.
    pub const fn token(&self) -> Option<&TokenSet> {
        match self {
            Self::OAuth(token)
            | Self::Typed {
                token: Some(token), ..
            } => Some(token),
            Self::ApiKey { .. } | Self::Bearer { .. } | Self::Basic { .. } | Self::Typed { .. } => {
                None
            }
        }
    }

    /// What was typed in beside it.
    pub(super) fn typed(&self) -> Typed {
        match self {
            Self::Typed { fields, .. } => fields.clone(),
            Self::OAuth(_) | Self::ApiKey { .. } | Self::Bearer { .. } | Self::Basic { .. } => {
                Typed::default()
            }
        }
    }

    /// Everything in it that must never show.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::OAuth(set) => set.secrets().cloned().collect(),
            Self::Typed { fields, token } => fields
                .iter()
                .map(|(_, value)| value)
                .chain(token.iter().flat_map(TokenSet::secrets))
                .cloned()
                .collect(),
            Self::ApiKey { key } => vec![key.clone()],
            Self::Bearer { token } => vec![token.clone()],
            Self::Basic { user, password } => {
                vec![
                    password.clone(),
                    super::endpoint::basic_pair(user, password),
                ]
            }
        }
    }
}

impl Credentials {
    /// Those of a connection; none when nobody has signed in.
    pub async fn load(keeper: &Keeper, connection: ConnectionId) -> Result<Option<Self>> {
        let Some(text) = keeper.get(&entry(connection)).await? else {
            return Ok(None);
        };
        let refuse = |reason: String| Error::Secrets {
            backend: keeper.backend_name(),
            reason,
        };
        let stored: Stored = serde_json::from_str(text.reveal()).map_err(|_| {
            // Not the parser's words: they may quote the text.
            refuse(format!(
                "the credentials of connection {connection} are damaged; sign in again"
            ))
        })?;
        if stored.format > FORMAT {
            return Err(refuse(format!(
                "the credentials of connection {connection} were written by a newer Patchbay; use that one, or sign in again"
            )));
        }
        Ok(Some(stored.into()))
    }

    /// Stores a new sign-in in place of the one before. Waits while a refresh is under way.
    pub async fn replace(
        keeper: &Keeper,
        connection: ConnectionId,
        kind: CredentialKind,
    ) -> Result<Self> {
        let lock = lock(keeper, connection).await?;
        let before = match Self::load(keeper, connection).await {
            Ok(before) => before.map_or(0, |credentials| credentials.version),
            // Signing in again is the way out of a damaged entry. Far above what was there, so that
            // nobody takes the new set for an older one.
            Err(Error::Secrets { .. }) if keeper.get(&entry(connection)).await?.is_some() => {
                u64::try_from(model::clock::Clock::system().now()).unwrap_or_default()
            }
            Err(error) => return Err(error),
        };
        let credentials = Self {
            version: before + 1,
            kind,
        };
        credentials.store(keeper, connection, &lock).await?;
        Ok(credentials)
    }

    /// Forgets them. Nothing is said to the platform: see [`disconnect`](super::disconnect).
    pub async fn remove(keeper: &Keeper, connection: ConnectionId) -> Result<()> {
        let _lock = lock(keeper, connection).await?;
        keeper.delete(&entry(connection)).await
    }

    /// Excludes other tasks and other processes from changing what is kept of a connection, until what it gives is
    /// dropped.
    pub async fn hold(keeper: &Keeper, connection: ConnectionId) -> Result<Box<dyn Any + Send>> {
        Ok(Box::new(lock(keeper, connection).await?))
    }

    /// Writes them. Whoever does so holds the connection's lock.
    pub(super) async fn store(
        &self,
        keeper: &Keeper,
        connection: ConnectionId,
        _held: &FileLock,
    ) -> Result<()> {
        let text = serde_json::to_string(&StoredRef::from(self))
            .map(Secret::new)
            .map_err(|error| Error::Secrets {
                backend: keeper.backend_name(),
                reason: format!("the credentials cannot be written: {error}"),
            })?;
        keeper.put(&entry(connection), &text).await
    }
}

/// Excludes other tasks and other processes from changing a connection's credentials.
pub(super) async fn lock(keeper: &Keeper, connection: ConnectionId) -> Result<FileLock> {
    let path = lock_path(keeper, connection);
    file_lock::acquire(&path, LOCK_PATIENCE)
        .await
        .map_err(|problem| match problem {
            LockProblem::Busy => Error::Unavailable {
                platform: "the sign-in".to_owned(),
                reason: format!(
                    "another Patchbay is renewing it and has not finished within {} s",
                    LOCK_PATIENCE.as_secs()
                ),
            },
            LockProblem::Io(error) => Error::Secrets {
                backend: keeper.backend_name(),
                reason: format!(
                    "{} cannot be locked ({error}); free space or give the folder back to your user",
                    path.display()
                ),
            },
        })
}

fn lock_path(keeper: &Keeper, connection: ConnectionId) -> PathBuf {
    keeper
        .dir()
        .join("locks")
        .join(format!("{connection}.lock"))
}

fn entry(connection: ConnectionId) -> String {
    format!("connection/{connection}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(life: Millis, left: Millis, expected: bool) {
        let set = TokenSet {
            access: Secret::new("a"),
            refresh: None,
            expires_at: Some(1_000_000 + life),
            scopes: Vec::new(),
            obtained_at: 1_000_000,
            kept: BTreeMap::new(),
        };
        let now = 1_000_000 + life - left;
        assert_eq!(set.nears_its_end(now), expected, "life {life}, left {left}");
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end_or_a_fifth_of_its_life() {
        check(3_600_000, 61_000, false);
        check(3_600_000, 60_000, true);
        check(3_600_000, -5_000, true);
        check(10_000, 2_001, false);
        check(10_000, 2_000, true);
        check(0, 0, true);
    }

    #[test]
    fn what_is_stored_comes_back() {
        for kind in [
            CredentialKind::OAuth(TokenSet {
                access: Secret::new("at \"quoted\""),
                refresh: Some(Secret::new("rt")),
                expires_at: Some(5),
                scopes: vec!["contacts.read".into()],
                obtained_at: 4,
                kept: [("instance".to_owned(), Secret::new("https://i"))].into(),
            }),
            CredentialKind::Typed {
                fields: [("client_secret".to_owned(), Secret::new("s"))]
                    .into_iter()
                    .collect(),
                token: None,
            },
            CredentialKind::ApiKey {
                key: Secret::new("k"),
            },
            CredentialKind::Bearer {
                token: Secret::new("t"),
            },
            CredentialKind::Basic {
                user: "u".into(),
                password: Secret::new("p"),
            },
        ] {
            let credentials = Credentials { version: 7, kind };
            let text = serde_json::to_string(&StoredRef::from(&credentials)).unwrap();
            let stored: Stored = serde_json::from_str(&text).unwrap();
            assert_eq!(Credentials::from(stored), credentials);
        }
    }
}
