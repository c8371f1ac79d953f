//! Where a workspace keeps its secrets, written down beside it (`secrets.json`). Holds no secret.
//!
//! The choice is made once. Without this file a keychain that happens to be locked at one start would
//! send new secrets into a vault while the old ones stay behind, and every connection would look as if
//! it had lost its sign-in.

use std::path::Path;

use model::secret::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::durable;
use crate::{Error, Result};

/// Name of the file in the workspace's folder.
const FILE: &str = "secrets.json";
/// What this program writes and the newest it can read.
const VERSION: u32 = 1;
/// More than this is no such file.
const MAX_BYTES: u64 = 16 * 1024;

/// The kinds of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    /// The operating system's.
    Keychain,
    /// `vault.bin`, opened by `vault.key`.
    VaultWithKeyFile,
    /// `vault.bin`, opened by a passphrase.
    VaultWithPassphrase,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recorded {
    version: u32,
    /// Where the secrets are.
    pub(super) place: Place,
    /// Which key opens the database: see [`key_id`].
    #[serde(default)]
    pub(super) database_key: Option<String>,
}

impl Recorded {
    /// A choice just made.
    pub(super) const fn new(place: Place) -> Self {
        Self {
            version: VERSION,
            place,
            database_key: None,
        }
    }

    /// Reads it; none when nothing was chosen yet.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let refuse = |reason: String| Error::Secrets {
            backend: format!("record of where secrets are kept ({})", path.display()),
            reason: format!("{reason}; restore it from a backup, nothing was changed"),
        };
        let bytes = durable::read_bounded(&path, MAX_BYTES)
            .map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let version = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|document| document.get("version")?.as_u64());
        if version.is_some_and(|version| version > u64::from(VERSION)) {
            return Err(Error::Secrets {
                backend: format!("record of where secrets are kept ({})", path.display()),
                reason: "it was written by a newer Patchbay; use that one, nothing was changed"
                    .to_owned(),
            });
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| refuse(format!("it is damaged: {error}")))
    }

    /// Writes it, replacing the old one as a whole.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        let refuse = |reason: String| Error::Secrets {
            backend: format!("record of where secrets are kept ({})", path.display()),
            reason: format!(
                "it cannot be written: {reason}; free space or give the folder back to your user"
            ),
        };
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| refuse(error.to_string()))?;
        text.push(b'\n');
        durable::replace(&path, &text).map_err(|error| refuse(error.to_string()))
    }
}

/// Names a key without telling anything of it: the first 16 hex digits of a hash of 256 random bits.
pub(super) fn key_id(key: &Secret) -> String {
    let mut hash = Sha256::new();
    hash.update(b"patchbay database key id\0");
    hash.update(key.reveal().as_bytes());
    hex::encode(hash.finalize()).chars().take(16).collect()
}
