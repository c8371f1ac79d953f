//! The document in the keeper's entry. Its texts are moved into [`Secret`]s at once.

use std::collections::BTreeMap;

use model::clock::Millis;
use model::secret::Secret;
use serde::{Deserialize, Serialize};

use super::{CredentialKind, Credentials, TokenSet};
use crate::auth::fields::Typed;

/// What this program writes and the newest it can read.
pub(super) const FORMAT: u32 = 1;

#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) format: u32,
    version: u64,
    #[serde(flatten)]
    kind: StoredKind,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredKind {
    Oauth(StoredToken),
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
    Typed {
        fields: BTreeMap<String, String>,
        token: Option<StoredToken>,
    },
}

#[derive(Deserialize)]
struct StoredToken {
    access: String,
    refresh: Option<String>,
    expires_at: Option<Millis>,
    #[serde(default)]
    scopes: Vec<String>,
    obtained_at: Millis,
    #[serde(default)]
    kept: BTreeMap<String, String>,
}

impl From<StoredToken> for TokenSet {
    fn from(token: StoredToken) -> Self {
        Self {
            access: Secret::new(token.access),
            refresh: token.refresh.map(Secret::new),
            expires_at: token.expires_at,
            scopes: token.scopes,
            obtained_at: token.obtained_at,
            kept: secrets(token.kept).collect(),
        }
    }
}

fn secrets(texts: BTreeMap<String, String>) -> impl Iterator<Item = (String, Secret)> {
    texts
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
}

impl From<Stored> for Credentials {
    fn from(stored: Stored) -> Self {
        Self {
            version: stored.version,
            kind: match stored.kind {
                StoredKind::Oauth(token) => CredentialKind::OAuth(token.into()),
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
                StoredKind::Typed { fields, token } => CredentialKind::Typed {
                    fields: secrets(fields).collect::<Typed>(),
                    token: token.map(Into::into),
                },
            },
        }
    }
}

#[derive(Serialize)]
pub(super) struct StoredRef<'a> {
    format: u32,
    version: u64,
    #[serde(flatten)]
    kind: StoredKindRef<'a>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredKindRef<'a> {
    Oauth(StoredTokenRef<'a>),
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
    Typed {
        fields: BTreeMap<&'a str, &'a str>,
        token: Option<StoredTokenRef<'a>>,
    },
}

#[derive(Serialize)]
struct StoredTokenRef<'a> {
    access: &'a str,
    refresh: Option<&'a str>,
    expires_at: Option<Millis>,
    scopes: &'a [String],
    obtained_at: Millis,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    kept: BTreeMap<&'a str, &'a str>,
}

impl<'a> From<&'a TokenSet> for StoredTokenRef<'a> {
    fn from(set: &'a TokenSet) -> Self {
        Self {
            access: set.access.reveal(),
            refresh: set.refresh.as_ref().map(Secret::reveal),
            expires_at: set.expires_at,
            scopes: &set.scopes,
            obtained_at: set.obtained_at,
            kept: set
                .kept
                .iter()
                .map(|(name, value)| (name.as_str(), value.reveal()))
                .collect(),
        }
    }
}

impl<'a> From<&'a Credentials> for StoredRef<'a> {
    fn from(credentials: &'a Credentials) -> Self {
        Self {
            format: FORMAT,
            version: credentials.version,
            kind: match &credentials.kind {
                CredentialKind::OAuth(set) => StoredKindRef::Oauth(set.into()),
                CredentialKind::ApiKey { key } => StoredKindRef::ApiKey { key: key.reveal() },
                CredentialKind::Bearer { token } => StoredKindRef::Bearer {
                    token: token.reveal(),
                },
                CredentialKind::Basic { user, password } => StoredKindRef::Basic {
                    user,
                    password: password.reveal(),
                },
                CredentialKind::Typed { fields, token } => StoredKindRef::Typed {
                    fields: fields
                        .iter()
                        .map(|(name, value)| (name, value.reveal()))
                        .collect(),
                    token: token.as_ref().map(Into::into),
                },
            },
        }
    }
}
