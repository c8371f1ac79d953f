//! The database key, and how a wrong key is told from a damaged file.
//!
//! SQLCipher answers "not a database" to both. So a small file beside the databases remembers a
//! salted hash of the key that they were made with. It reveals nothing: the key is 256 random
//! bits, which no amount of hashing guesses.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use model::secret::Secret;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A key that has the right form.
pub(crate) struct Key(Secret);

impl Key {
    pub(crate) fn new(secret: Secret) -> Result<Self> {
        let text = secret.reveal();
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(secret))
        } else {
            Err(Error::MalformedKey)
        }
    }

    /// The statement that hands the raw key to SQLCipher: no key derivation, which would cost a
    /// fifth of a second per connection and add nothing to random bits.
    pub(crate) fn statement(&self) -> Secret {
        Secret::new(format!("PRAGMA key = \"x'{}'\"", self.0.reveal()))
    }

    fn id(&self, salt: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(b"patchbay database key\n");
        hash.update(salt.as_bytes());
        hash.update(b"\n");
        hash.update(self.0.reveal().to_ascii_lowercase().as_bytes());
        let digest = hash.finalize();
        hex::encode(digest.get(..16).unwrap_or_default())
    }
}

/// What the note beside the databases says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The databases were made with it.
    Right,
    /// They were made with another one.
    Wrong,
    /// There is no (readable) note.
    Unknown,
}

/// The note beside the databases: `1 <salt> <hash>`.
pub(crate) struct KeyNote(PathBuf);

impl KeyNote {
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self(dir.join("patchbay.keyid"))
    }

    pub(crate) fn judge(&self, key: &Key) -> Verdict {
        let Ok(text) = std::fs::read_to_string(&self.0) else {
            return Verdict::Unknown;
        };
        let mut words = text.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("1"), Some(salt), Some(id)) if id.len() == 32 => {
                if key.id(salt) == id {
                    Verdict::Right
                } else {
                    Verdict::Wrong
                }
            }
            _ => Verdict::Unknown,
        }
    }

    /// Only called with a key that has just opened (or made) the databases.
    pub(crate) fn write(&self, key: &Key) -> Result<()> {
        let fail = |operation| {
            move |source| Error::File {
                operation,
                path: self.0.clone(),
                source,
            }
        };
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| {
            fail("get random bytes for")(std::io::Error::other(error.to_string()))
        })?;
        let salt = hex::encode(salt);
        let temporary = self.0.with_extension("keyid.new");
        let mut file = std::fs::File::create(&temporary).map_err(fail("write"))?;
        file.write_all(format!("1 {salt} {}\n", key.id(&salt)).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(fail("write"))?;
        std::fs::rename(&temporary, &self.0).map_err(fail("write"))
    }
}
