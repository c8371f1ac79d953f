//! What a sign-in leaves behind, and its one entry in the keeper.
//!
//! Each stored set has a version that only grows. Whoever is told that a set is no good any more can
//! therefore see whether somebody else has already put a newer one there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use model::clock::Millis;
use model::ids::ConnectionId;
use model::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::declarative::auth_spec::{AuthField, AuthKind, AuthMethod};
use crate::secrets::Keeper;
use crate::secrets::file_lock::{self, FileLock, LockProblem};
use crate::{Error, Result};

/// What this program writes and the newest it can read.
const FORMAT: u32 = 1;
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
}

impl TokenSet {
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
    /// From what the person typed in for a way to sign in other than OAuth. `values` are by the names of
    /// the method's fields; spaces and line breaks around them are not part of them.
    pub fn from_fields(method: &AuthMethod, values: &BTreeMap<String, Secret>) -> Result<Self> {
        let value = |field: Option<&AuthField>| -> Result<Secret> {
            let Some(field) = field else {
                return Ok(Secret::new(""));
            };
            let text = values
                .get(&field.name)
                .map(|value| value.reveal().trim())
                .unwrap_or_default();
            if text.is_empty() {
                return Err(Error::Misconfigured {
                    what: format!("sign-in \"{}\"", method.label),
                    place: field.name.clone(),
                    problem: "nothing was typed in".to_owned(),
                    expected: format!("{}: type it in and try again", field.label),
                });
            }
            Ok(Secret::new(text))
        };
        let secret = |fields: &[AuthField]| value(fields.iter().find(|field| field.secret));
        let open = |fields: &[AuthField]| value(fields.iter().find(|field| !field.secret));
        match &method.kind {
            AuthKind::ApiKey(spec) => Ok(Self::ApiKey {
                key: secret(&spec.fields)?,
            }),
            AuthKind::Bearer(spec) => Ok(Self::Bearer {
                token: secret(&spec.fields)?,
            }),
            AuthKind::Basic(spec) => Ok(Self::Basic {
                user: open(&spec.fields)?.reveal().to_owned(),
                password: secret(&spec.fields)?,
            }),
            AuthKind::Oauth2Code(_) | AuthKind::None => Err(Error::Misconfigured {
                what: format!("sign-in \"{}\"", method.label),
                place: method.name.clone(),
                problem: "there is nothing to type in".to_owned(),
                expected: "a key, a token, or user and password".to_owned(),
            }),
        }
    }

    /// Everything in it that must never show.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match self {
            Self::OAuth(set) => std::iter::once(&set.access)
                .chain(&set.refresh)
                .cloned()
                .collect(),
            Self::ApiKey { key } => vec![key.clone()],
            Self::Bearer { token } => vec![token.clone()],
            Self::Basic { user, password } => {
                vec![password.clone(), super::signer::basic_pair(user, password)]
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

/// The document in the entry. Its texts are moved into [`Secret`]s at once.
#[derive(Deserialize)]
struct Stored {
    format: u32,
    version: u64,
    #[serde(flatten)]
    kind: StoredKind,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredKind {
    Oauth {
        access: String,
        refresh: Option<String>,
        expires_at: Option<Millis>,
        #[serde(default)]
        scopes: Vec<String>,
        obtained_at: Millis,
    },
    ApiKey {
        key: String,
    },
    Bearer {
        token: String,
    },
    Basic {
        user: String,
        password: String,
    },
}

impl From<Stored> for Credentials {
    fn from(stored: Stored) -> Self {
        Self {
            version: stored.version,
            kind: match stored.kind {
                StoredKind::Oauth {
                    access,
                    refresh,
                    expires_at,
                    scopes,
                    obtained_at,
                } => CredentialKind::OAuth(TokenSet {
                    access: Secret::new(access),
                    refresh: refresh.map(Secret::new),
                    expires_at,
                    scopes,
                    obtained_at,
                }),
                StoredKind::ApiKey { key } => CredentialKind::ApiKey {
                    key: Secret::new(key),
                },
                StoredKind::Bearer { token } => CredentialKind::Bearer {
                    token: Secret::new(token),
                },
                StoredKind::Basic { user, password } => CredentialKind::Basic {
                    user,
                    password: Secret::new(password),
                },
            },
        }
    }
}

#[derive(Serialize)]
struct StoredRef<'a> {
    format: u32,
    version: u64,
    #[serde(flatten)]
    kind: StoredKindRef<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredKindRef<'a> {
    Oauth {
        access: &'a str,
        refresh: Option<&'a str>,
        expires_at: Option<Millis>,
        scopes: &'a [String],
        obtained_at: Millis,
    },
    ApiKey {
        key: &'a str,
    },
    Bearer {
        token: &'a str,
    },
    Basic {
        user: &'a str,
        password: &'a str,
    },
}

impl<'a> From<&'a Credentials> for StoredRef<'a> {
    fn from(credentials: &'a Credentials) -> Self {
        Self {
            format: FORMAT,
            version: credentials.version,
            kind: match &credentials.kind {
                CredentialKind::OAuth(set) => StoredKindRef::Oauth {
                    access: set.access.reveal(),
                    refresh: set.refresh.as_ref().map(Secret::reveal),
                    expires_at: set.expires_at,
                    scopes: &set.scopes,
                    obtained_at: set.obtained_at,
                },
                CredentialKind::ApiKey { key } => StoredKindRef::ApiKey { key: key.reveal() },
                CredentialKind::Bearer { token } => StoredKindRef::Bearer {
                    token: token.reveal(),
                },
                CredentialKind::Basic { user, password } => StoredKindRef::Basic {
                    user,
                    password: password.reveal(),
                },
            },
        }
    }
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
            }),
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
