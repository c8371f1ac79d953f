//! The vault file: where secrets live on a machine without a keychain.
//!
//! `vault.bin` is XChaCha20-Poly1305 over one JSON object; the key comes from a passphrase by Argon2id,
//! or from `vault.key`, which only the user can read. Every write makes a fresh nonce and replaces the
//! file as a whole, so a reader needs no lock: it sees the file before or after, never between. Writers
//! hold `vault.lock`, read the newest file, change one entry and write.
//!
//! ```text
//! magic 8 | version 2 | key source 1 | memory KiB 4 | passes 4 | lanes 4 | salt 16 | nonce 24   = header
//! sealed: ciphertext and tag                                     (the header is authenticated with it)
//! SHA-256 over everything before it, 32     tells a damaged file from a wrong passphrase
//! ```
//! Numbers are little-endian. A damaged file is never written over.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use argon2::Argon2;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::secret::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::durable;
use crate::{Error, Result};

const FILE: &str = "vault.bin";
const KEY_FILE: &str = "vault.key";
/// Whoever changes the vault holds this.
pub(super) const LOCK_FILE: &str = "vault.lock";

const MAGIC: &[u8; 8] = b"PBVAULT\0";
const VERSION: u16 = 1;
const HEADER: usize = 8 + 2 + 1 + 4 + 4 + 4 + 16 + 24;
const CHECKSUM: usize = 32;
/// Far above thousands of tokens; a bound for hostile files.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// 64 MiB, three passes, one lane: above the floor of RFC 9106 for machines short of memory.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// What a file may ask for at most, so that a hostile one costs seconds, not the machine.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 8;

type Key = Zeroizing<[u8; 32]>;
type Entries = BTreeMap<String, Secret>;

/// What opens the vault.
#[derive(Clone, Debug)]
pub(super) enum Opener {
    /// A file beside it that only the user can read.
    KeyFile,
    /// Something the person knows.
    Passphrase(Secret),
}

impl Opener {
    const fn tag(&self) -> u8 {
        match self {
            Self::KeyFile => 1,
            Self::Passphrase(_) => 2,
        }
    }
}

/// One vault file.
#[derive(Debug)]
pub(super) struct Vault {
    dir: PathBuf,
    opener: Opener,
    /// The key of the salt last seen: Argon2id is slow on purpose and need not run for every read.
    derived: Mutex<Option<([u8; HEADER - 24], Key)>>,
}

/// Whether a vault file is there.
pub(super) fn exists(dir: &Path) -> bool {
    dir.join(FILE).exists()
}

/// Whether the vault file that is there is opened by a key file; none when there is no vault file, and
/// a damaged one counts as opened by a key file: reading it will say that it is damaged.
pub(super) fn kind(dir: &Path) -> Option<bool> {
    if !exists(dir) {
        return None;
    }
    let bytes = durable::read_bounded(&dir.join(FILE), MAX_BYTES).ok()??;
    let source = Parts::split(&bytes).map(|parts| parts.source);
    Some(!matches!(source, Ok(2)))
}

impl Vault {
    /// A vault in `dir`. Nothing is read or written yet.
    pub(super) const fn new(dir: PathBuf, opener: Opener) -> Self {
        Self {
            dir,
            opener,
            derived: Mutex::new(None),
        }
    }

    /// Its name for people.
    pub(super) const fn name(&self) -> &'static str {
        match self.opener {
            Opener::KeyFile => "Vault file (key file)",
            Opener::Passphrase(_) => "Vault file (passphrase)",
        }
    }

    /// Reads one entry.
    pub(super) fn get(&self, entry: &str) -> Result<Option<Secret>> {
        Ok(self.read()?.0.remove(entry))
    }

    /// Changes entries. The caller holds [`LOCK_FILE`].
    pub(super) fn change(&self, change: impl FnOnce(&mut Entries)) -> Result<()> {
        let (mut entries, header) = self.read()?;
        change(&mut entries);
        self.write(&entries, header)
    }

    /// All entries, and the header's fixed part if there is a file.
    fn read(&self) -> Result<(Entries, Option<[u8; HEADER - 24]>)> {
        let path = self.dir.join(FILE);
        let bytes = durable::read_bounded(&path, MAX_BYTES)
            .map_err(|error| self.refuse(format!("{} cannot be read: {error}", path.display())))?;
        let Some(bytes) = bytes else {
            return Ok((Entries::new(), None));
        };
        let parts = Parts::split(&bytes).map_err(|problem| self.refuse(match problem {
            Problem::Newer(version) => format!(
                "{} has version {version} and this Patchbay reads up to {VERSION}; use the newer Patchbay, nothing was changed",
                path.display()
            ),
            Problem::Damaged => self.damaged(),
        }))?;
        if parts.source != self.opener.tag() {
            return Err(self.refuse(match self.opener {
                Opener::KeyFile => "it is protected by a passphrase; open it with that passphrase",
                Opener::Passphrase(_) => {
                    "it is opened by its key file, not by a passphrase; leave the passphrase out"
                }
            }));
        }
        let key = self.key(&parts)?;
        let plain = XChaCha20Poly1305::new(key.as_ref().into())
            .decrypt(
                XNonce::from_slice(&parts.nonce),
                Payload {
                    msg: parts.sealed,
                    aad: parts.header,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| {
                self.refuse(match self.opener {
                    Opener::KeyFile => format!(
                        "{} does not belong to this vault; restore the right one from a backup, nothing was changed",
                        self.dir.join(KEY_FILE).display()
                    ),
                    Opener::Passphrase(_) => {
                        "the passphrase is wrong; try again, nothing was changed".to_owned()
                    }
                })
            })?;
        let entries: BTreeMap<String, String> =
            serde_json::from_slice(&plain).map_err(|_| self.refuse(self.damaged()))?;
        let entries = entries
            .into_iter()
            .map(|(name, text)| (name, Secret::new(text)))
            .collect();
        Ok((entries, Some(parts.fixed)))
    }

    fn write(&self, entries: &Entries, fixed: Option<[u8; HEADER - 24]>) -> Result<()> {
        let fixed = match fixed {
            Some(fixed) => fixed,
            None => self.fresh_header()?,
        };
        let mut nonce = [0; 24];
        random(&mut nonce)?;
        let mut file = Vec::with_capacity(HEADER);
        file.extend_from_slice(&fixed);
        file.extend_from_slice(&nonce);

        let size: usize = entries
            .iter()
            .map(|(name, secret)| (name.len() + secret.reveal().len()) * 2 + 16)
            .sum();
        // Room for everything at once, so that no half-grown copy stays behind in memory.
        let mut plain = Zeroizing::new(Vec::with_capacity(size * 3));
        let open: BTreeMap<&str, &str> = entries
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.reveal()))
            .collect();
        serde_json::to_writer(&mut *plain, &open)
            .map_err(|error| self.refuse(format!("its content cannot be written: {error}")))?;

        let parts = Parts::from_header(&file).ok_or_else(|| self.refuse(self.damaged()))?;
        let key = self.key(&parts)?;
        let sealed = XChaCha20Poly1305::new(key.as_ref().into())
            .encrypt(
                XNonce::from_slice(&nonce),
                Payload {
                    msg: &plain,
                    aad: &file,
                },
            )
            .map_err(|_| self.refuse("its content is too large"))?;
        file.extend_from_slice(&sealed);
        let checksum = Sha256::digest(&file);
        file.extend_from_slice(&checksum);
        if u64::try_from(file.len()).unwrap_or(u64::MAX) > MAX_BYTES {
            return Err(self.refuse(format!(
                "it would grow beyond {} MiB; remove connections that are not needed",
                MAX_BYTES / 1024 / 1024
            )));
        }
        let path = self.dir.join(FILE);
        durable::replace(&path, &file).map_err(|error| {
            self.refuse(format!(
                "{} cannot be written ({error}); free space or give the folder back to your user, the old file is untouched",
                path.display()
            ))
        })
    }

    fn fresh_header(&self) -> Result<[u8; HEADER - 24]> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        let mut header = Vec::with_capacity(HEADER - 24);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&VERSION.to_le_bytes());
        header.push(self.opener.tag());
        for number in [MEMORY_KIB, PASSES, LANES] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&salt);
        header.try_into().map_err(|_| self.refuse(self.damaged()))
    }

    fn key(&self, parts: &Parts<'_>) -> Result<Key> {
        if let Ok(derived) = self.derived.lock()
            && let Some((fixed, key)) = derived.as_ref()
            && *fixed == parts.fixed
        {
            return Ok(key.clone());
        }
        let key = match &self.opener {
            Opener::Passphrase(passphrase) => self.stretch(passphrase, parts)?,
            Opener::KeyFile => {
                let base = self.key_file()?;
                let mut hash = Sha256::new();
                hash.update(b"patchbay vault\0");
                hash.update(parts.salt);
                hash.update(base.as_ref());
                Zeroizing::new(hash.finalize().into())
            }
        };
        if let Ok(mut derived) = self.derived.lock() {
            *derived = Some((parts.fixed, key.clone()));
        }
        Ok(key)
    }

    fn stretch(&self, passphrase: &Secret, parts: &Parts<'_>) -> Result<Key> {
        let params = argon2::Params::new(parts.memory_kib, parts.passes, parts.lanes, Some(32))
            .map_err(|_| self.refuse(self.damaged()))?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(passphrase.reveal().as_bytes(), &parts.salt, key.as_mut())
            .map_err(|error| self.refuse(format!("the passphrase cannot be used: {error}")))?;
        Ok(key)
    }

    /// The key file's 32 bytes; made when there is no vault yet that another key would open.
    fn key_file(&self) -> Result<Key> {
        let path = self.dir.join(KEY_FILE);
        if !path.exists() {
            if exists(&self.dir) {
                return Err(self.refuse(format!(
                    "its key file {} is missing; restore it from a backup, nothing was changed",
                    path.display()
                )));
            }
            let mut key = Zeroizing::new([0; 32]);
            random(key.as_mut())?;
            let text = Zeroizing::new(format!(
                "{}\n",
                Zeroizing::new(hex::encode(key.as_ref())).as_str()
            ));
            match durable::write_new(&path, text.as_bytes()) {
                Ok(()) => return Ok(key),
                // Another process was quicker: its key is the one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(self.refuse(format!(
                        "its key file {} cannot be written: {error}",
                        path.display()
                    )));
                }
            }
        }
        self.refuse_wide_permissions(&path)?;
        let text = durable::read_bounded(&path, 1024)
            .map_err(|error| {
                self.refuse(format!(
                    "its key file {} cannot be read: {error}",
                    path.display()
                ))
            })?
            .map(Zeroizing::new)
            .unwrap_or_default();
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii(), key.as_mut()).map_err(|_| {
            self.refuse(format!(
                "its key file {} is damaged (64 hex digits expected); restore it from a backup, nothing was changed",
                path.display()
            ))
        })?;
        Ok(key)
    }

    #[cfg(unix)]
    fn refuse_wide_permissions(&self, path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)
            .map_err(|error| {
                self.refuse(format!(
                    "its key file {} cannot be read: {error}",
                    path.display()
                ))
            })?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(self.refuse(format!(
                "others can open its key file (mode {:04o}); take that away with: chmod 600 '{}'",
                mode & 0o7777,
                path.display()
            )));
        }
        Ok(())
    }

    /// Elsewhere the file is in the user's profile, which others cannot enter.
    #[cfg(not(unix))]
    fn refuse_wide_permissions(&self, _path: &Path) -> Result<()> {
        Ok(())
    }

    fn damaged(&self) -> String {
        format!(
            "{} is damaged; restore it from a backup, it was not written over",
            self.dir.join(FILE).display()
        )
    }

    fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Secrets {
            backend: self.name().to_owned(),
            reason: reason.into(),
        }
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    super::random(bytes)
}

enum Problem {
    Newer(u16),
    Damaged,
}

/// The fields of a file, borrowed from its bytes.
struct Parts<'a> {
    header: &'a [u8],
    /// The header without the nonce: what decides the key.
    fixed: [u8; HEADER - 24],
    source: u8,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    nonce: [u8; 24],
    sealed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> std::result::Result<Self, Problem> {
        let version = bytes
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.first_chunk::<2>())
            .map(|version| u16::from_le_bytes(*version))
            .ok_or(Problem::Damaged)?;
        if version > VERSION {
            return Err(Problem::Newer(version));
        }
        let (body, checksum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .ok_or(Problem::Damaged)?;
        if Sha256::digest(body).as_slice() != checksum {
            return Err(Problem::Damaged);
        }
        Self::from_header(body).ok_or(Problem::Damaged)
    }

    fn from_header(body: &'a [u8]) -> Option<Self> {
        let (header, sealed) = body.split_at_checked(HEADER)?;
        let (fixed, nonce) = header.split_first_chunk::<{ HEADER - 24 }>()?;
        let rest = fixed.strip_prefix(MAGIC)?;
        let (_version, rest) = rest.split_first_chunk::<2>()?;
        let (&source, rest) = rest.split_first()?;
        let (memory_kib, rest) = rest.split_first_chunk::<4>()?;
        let (passes, rest) = rest.split_first_chunk::<4>()?;
        let (lanes, salt) = rest.split_first_chunk::<4>()?;
        let parts = Self {
            header,
            fixed: *fixed,
            source,
            memory_kib: u32::from_le_bytes(*memory_kib),
            passes: u32::from_le_bytes(*passes),
            lanes: u32::from_le_bytes(*lanes),
            salt: salt.try_into().ok()?,
            nonce: nonce.try_into().ok()?,
            sealed,
        };
        let sane = parts.memory_kib <= MAX_MEMORY_KIB
            && parts.passes <= MAX_PASSES
            && parts.lanes <= MAX_LANES;
        sane.then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(Parts::split(&bytes).is_err());
        }

        #[test]
        fn any_bytes_after_the_right_start_are_refused_too(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut file = MAGIC.to_vec();
            file.extend_from_slice(&VERSION.to_le_bytes());
            file.extend_from_slice(&bytes);
            prop_assert!(Parts::split(&file).is_err());
        }
    }

    #[test]
    fn a_file_cannot_ask_for_the_whole_memory() {
        let vault = Vault::new(PathBuf::new(), Opener::KeyFile);
        let mut header = vault.fresh_header().unwrap().to_vec();
        header.extend_from_slice(&[0; 24]);
        assert!(Parts::from_header(&header).is_some());
        header[11..15].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Parts::from_header(&header).is_none());
    }
}
