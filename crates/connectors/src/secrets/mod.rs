//! Where secrets live: the operating system's keychain, or a vault file where there is none.
//!
//! Rules that hold everywhere:
//! - Where a workspace keeps its secrets is chosen once and written down ([`recorded`]); a keychain that
//!   is locked later is an error to the person, not a silent move to another place.
//! - A missing entry is "sign in again" or "restore it". A database that exists never gets a fresh key.
//! - What cannot be read is never written over.

mod durable;
pub(crate) mod file_lock;
mod keychain;
mod native;
mod recorded;
mod vault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::secret::Secret;
use zeroize::Zeroizing;

use self::file_lock::{FileLock, LockProblem};
use self::keychain::Keychain;
use self::recorded::{Place, Recorded};
use self::vault::{Opener, Vault};
use crate::{Error, Result};

/// The entry that holds the key of the databases.
const DATABASE_KEY: &str = "database-key";
/// Held while the place is chosen, the database's key is made, or a keychain entry is changed.
const LOCK_FILE: &str = "secrets.lock";
/// How long another process may hold it: the person may be unlocking the keychain there.
const LOCK_PATIENCE: Duration = Duration::from_secs(150);

/// What [`Keeper::open`] needs to know.
#[derive(Clone, Debug)]
pub struct KeeperOptions {
    /// The workspace's folder: the vault, the locks and the record of the choice are in it.
    pub dir: PathBuf,
    /// Where secrets are to be kept.
    pub backend: BackendChoice,
    /// Keeps the keychain entries of workspaces apart.
    pub workspace_id: String,
}

/// Where secrets are to be kept.
#[derive(Clone, Debug)]
pub enum BackendChoice {
    /// Where they are already; at first use the keychain, or the vault with a key file if there is no
    /// keychain.
    Auto,
    /// The operating system's keychain or nothing.
    Keychain,
    /// The vault file.
    Vault {
        /// Opens it; none for a key file that only the user can read.
        passphrase: Option<Secret>,
    },
    /// Nowhere: gone when the process ends. For tests.
    Memory,
}

/// An opened [`Keeper`].
#[derive(Debug)]
pub struct Opened {
    /// Gives and takes secrets.
    pub keeper: Keeper,
    /// "Secret Service (GNOME Keyring)", "macOS Keychain", "Vault file (key file)"…
    pub backend_name: String,
    /// What the test at the start showed.
    pub self_test: SelfTest,
}

/// An entry was written, read back and removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// How long that took.
    pub took: Duration,
    /// Something the person should know: why it is the vault and not the keychain.
    pub note: Option<String>,
}

/// Gives and takes secrets. Clones share the same place.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    backend: Backend,
}

#[derive(Clone, Debug)]
enum Backend {
    Keychain(Arc<Keychain>),
    Vault(Arc<Vault>),
    Memory(Arc<Mutex<BTreeMap<String, Secret>>>),
}

impl Keeper {
    /// Opens the place where this workspace keeps its secrets, and tries it: an entry is written, read
    /// and removed. The first time it chooses the place and writes the choice down.
    pub async fn open(options: KeeperOptions) -> Result<Opened> {
        durable::make_dir(&options.dir).map_err(|error| Error::Secrets {
            backend: "folder of the workspace".to_owned(),
            reason: format!("{} cannot be made: {error}", options.dir.display()),
        })?;
        if let BackendChoice::Vault {
            passphrase: Some(passphrase),
        } = &options.backend
            && passphrase.reveal().is_empty()
        {
            return Err(Error::Secrets {
                backend: "vault file".to_owned(),
                reason: "the passphrase is empty; give one, or leave it out to use a key file"
                    .to_owned(),
            });
        }
        if matches!(options.backend, BackendChoice::Memory) {
            return Self::try_out(options.dir, Backend::Memory(Arc::default()), None).await;
        }
        if let Some(recorded) = known_place(&options.dir)? {
            return Self::open_known(&options, &recorded).await;
        }
        let _lock = lock(&options.dir.join(LOCK_FILE)).await?;
        // Another process may have chosen while we waited.
        if let Some(recorded) = known_place(&options.dir)? {
            return Self::open_known(&options, &recorded).await;
        }
        let (opened, place) = Self::choose(&options).await?;
        Recorded::new(place).write(&options.dir)?;
        tracing::info!(backend = %opened.backend_name, "Secrets of this workspace are kept here from now on.");
        Ok(opened)
    }

    /// Reads an entry; none when it is not there.
    pub async fn get(&self, entry: &str) -> Result<Option<Secret>> {
        let entry = checked(entry)?;
        match self.0.backend.clone() {
            Backend::Keychain(keychain) => keychain.get(entry).await,
            Backend::Vault(vault) => off_runtime(move || vault.get(&entry)).await,
            Backend::Memory(entries) => Ok(locked(&entries).get(&entry).cloned()),
        }
    }

    /// Writes an entry. When it returns, the entry survives a power cut.
    pub async fn put(&self, entry: &str, secret: &Secret) -> Result<()> {
        let lock = lock(&self.write_lock()).await?;
        self.put_holding(entry, secret, lock).await
    }

    /// Removes an entry, if it is there.
    pub async fn delete(&self, entry: &str) -> Result<()> {
        let entry = checked(entry)?;
        let lock = lock(&self.write_lock()).await?;
        match self.0.backend.clone() {
            Backend::Keychain(keychain) => keychain.delete(entry, lock).await,
            Backend::Vault(vault) => {
                off_runtime(move || {
                    let _lock = lock;
                    vault.change(|entries| drop(entries.remove(&entry)))
                })
                .await
            }
            Backend::Memory(entries) => {
                locked(&entries).remove(&entry);
                Ok(())
            }
        }
    }

    /// The key of the databases: 64 hex digits. Made only when there is no database yet; when there is
    /// one and its key is not here, that is an error and never a fresh key.
    pub async fn database_key(&self, database_exists: bool) -> Result<Secret> {
        let _lock = lock(&self.0.dir.join("database-key.lock")).await?;
        let recorded = match self.0.backend {
            Backend::Memory(_) => None,
            Backend::Keychain(_) | Backend::Vault(_) => known_place(&self.0.dir)?,
        };
        let expected = recorded.as_ref().and_then(|it| it.database_key.clone());
        let key = match self.get(DATABASE_KEY).await? {
            Some(key) => key,
            None if database_exists => return Err(self.key_missing()),
            None => {
                let key = fresh_key()?;
                self.put(DATABASE_KEY, &key).await?;
                // The database is useless without it: make sure that it can be read again.
                if self.get(DATABASE_KEY).await?.as_ref() != Some(&key) {
                    return Err(self.refuse("it gave back another key than it was given"));
                }
                key
            }
        };
        if key.reveal().len() != 64 || !key.reveal().bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.refuse(
                "the database's key in it is damaged; restore it from a backup, nothing was changed",
            ));
        }
        let id = recorded::key_id(&key);
        if let Some(expected) = &expected
            && database_exists
            && *expected != id
        {
            return Err(self.refuse(format!(
                "it holds another database key ({id}) than the one of this workspace ({expected}); restore the right keychain or vault, nothing was changed"
            )));
        }
        if let Some(mut recorded) = recorded
            && expected.as_ref() != Some(&id)
        {
            recorded.database_key = Some(id);
            recorded.write(&self.0.dir)?;
        }
        Ok(key)
    }

    /// Its name for people.
    pub fn backend_name(&self) -> String {
        match &self.0.backend {
            Backend::Keychain(keychain) => keychain.name().to_owned(),
            Backend::Vault(vault) => vault.name().to_owned(),
            Backend::Memory(_) => "Memory (for tests)".to_owned(),
        }
    }

    /// The folder whose locks all processes of this workspace share.
    pub(crate) fn dir(&self) -> &Path {
        &self.0.dir
    }

    async fn open_known(options: &KeeperOptions, recorded: &Recorded) -> Result<Opened> {
        let dir = &options.dir;
        let refuse = |backend: &str, reason: &str| {
            Err(Error::Secrets {
                backend: backend.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let opener = match (recorded.place, &options.backend) {
            (Place::Keychain, BackendChoice::Auto | BackendChoice::Keychain) => {
                let keychain = Keychain::open(options.workspace_id.clone()).await?;
                return Self::try_out(dir.clone(), Backend::Keychain(keychain), None).await;
            }
            (Place::Keychain, BackendChoice::Vault { .. } | BackendChoice::Memory) => {
                return refuse(
                    "vault",
                    "this workspace keeps its secrets in the keychain; unlock that one, or begin a new workspace with the vault",
                );
            }
            (
                Place::VaultWithKeyFile | Place::VaultWithPassphrase,
                BackendChoice::Keychain | BackendChoice::Memory,
            ) => {
                return refuse(
                    "keychain",
                    "this workspace keeps its secrets in a vault file; leave the choice out, or begin a new workspace with the keychain",
                );
            }
            (
                Place::VaultWithKeyFile,
                BackendChoice::Auto | BackendChoice::Vault { passphrase: None },
            ) => Opener::KeyFile,
            (
                Place::VaultWithKeyFile,
                BackendChoice::Vault {
                    passphrase: Some(_),
                },
            ) => {
                return refuse(
                    "vault file",
                    "it is opened by its key file, not by a passphrase; leave the passphrase out",
                );
            }
            (
                Place::VaultWithPassphrase,
                BackendChoice::Vault {
                    passphrase: Some(passphrase),
                },
            ) => Opener::Passphrase(passphrase.clone()),
            (
                Place::VaultWithPassphrase,
                BackendChoice::Auto | BackendChoice::Vault { passphrase: None },
            ) => {
                return refuse(
                    "vault file",
                    "it is protected by a passphrase; open it with that passphrase",
                );
            }
        };
        if recorded.database_key.is_some() && !vault::exists(dir) {
            return refuse(
                "vault file",
                &format!(
                    "vault.bin is missing from {}; restore it from a backup together with what opens it, nothing was changed",
                    dir.display()
                ),
            );
        }
        let vault = Arc::new(Vault::new(dir.clone(), opener));
        Self::try_out(dir.clone(), Backend::Vault(vault), None).await
    }

    async fn choose(options: &KeeperOptions) -> Result<(Opened, Place)> {
        let dir = &options.dir;
        let keychain = async || {
            let keychain = Keychain::open(options.workspace_id.clone()).await?;
            // The caller holds the lock that changing a keychain entry would take.
            Self::try_out_holding(dir.clone(), Backend::Keychain(keychain), None).await
        };
        let vault = async |opener: Opener, note: Option<String>| {
            let vault = Arc::new(Vault::new(dir.clone(), opener));
            Self::try_out(dir.clone(), Backend::Vault(vault), note).await
        };
        Ok(match &options.backend {
            BackendChoice::Keychain => (keychain().await?, Place::Keychain),
            BackendChoice::Vault { passphrase: None } => {
                (vault(Opener::KeyFile, None).await?, Place::VaultWithKeyFile)
            }
            BackendChoice::Vault {
                passphrase: Some(passphrase),
            } => (
                vault(Opener::Passphrase(passphrase.clone()), None).await?,
                Place::VaultWithPassphrase,
            ),
            BackendChoice::Auto | BackendChoice::Memory => match keychain().await {
                Ok(opened) => (opened, Place::Keychain),
                Err(error) => {
                    let note = format!("{error}. Secrets are kept in a vault file instead.");
                    tracing::warn!(%error, "No usable keychain: secrets go into a vault file.");
                    (
                        vault(Opener::KeyFile, Some(note)).await?,
                        Place::VaultWithKeyFile,
                    )
                }
            },
        })
    }

    async fn try_out(dir: PathBuf, backend: Backend, note: Option<String>) -> Result<Opened> {
        Self::test(Self(Arc::new(Inner { dir, backend })), note, false).await
    }

    async fn try_out_holding(
        dir: PathBuf,
        backend: Backend,
        note: Option<String>,
    ) -> Result<Opened> {
        Self::test(Self(Arc::new(Inner { dir, backend })), note, true).await
    }

    /// Writes, reads and removes an entry of its own.
    async fn test(keeper: Self, note: Option<String>, holding: bool) -> Result<Opened> {
        let began = Instant::now();
        let mut bytes = [0; 16];
        random(&mut bytes)?;
        let (name, content) = bytes.split_at(4);
        let entry = format!("self-test-{}", hex::encode(name));
        let canary = Secret::new(hex::encode(content));
        if holding {
            keeper.put_holding(&entry, &canary, ()).await?;
        } else {
            keeper.put(&entry, &canary).await?;
        }
        let found = keeper.get(&entry).await?;
        match (&keeper.0.backend, holding) {
            (Backend::Keychain(keychain), true) => keychain.delete(entry, ()).await?,
            _ => keeper.delete(&entry).await?,
        }
        if found != Some(canary) {
            return Err(keeper.refuse("it does not give back what it was given"));
        }
        Ok(Opened {
            backend_name: keeper.backend_name(),
            keeper,
            self_test: SelfTest {
                took: began.elapsed(),
                note,
            },
        })
    }

    async fn put_holding(
        &self,
        entry: &str,
        secret: &Secret,
        guard: impl Send + 'static,
    ) -> Result<()> {
        let entry = checked(entry)?;
        let secret = secret.clone();
        match self.0.backend.clone() {
            Backend::Keychain(keychain) => keychain.put(entry, secret, guard).await,
            Backend::Vault(vault) => {
                off_runtime(move || {
                    let _guard = guard;
                    vault.change(|entries| drop(entries.insert(entry, secret)))
                })
                .await
            }
            Backend::Memory(entries) => {
                locked(&entries).insert(entry, secret);
                Ok(())
            }
        }
    }

    fn write_lock(&self) -> PathBuf {
        self.0.dir.join(match self.0.backend {
            Backend::Keychain(_) | Backend::Memory(_) => LOCK_FILE,
            Backend::Vault(_) => vault::LOCK_FILE,
        })
    }

    fn key_missing(&self) -> Error {
        self.refuse(match self.0.backend {
            Backend::Keychain(_) => {
                "the key of this database is not in it; the keychain may be locked, or another one than before: unlock or restore it and try again, nothing was changed"
            }
            Backend::Vault(_) => {
                "the key of this database is not in it; restore vault.bin and what opens it from a backup, nothing was changed"
            }
            Backend::Memory(_) => "the key of this database is not in it",
        })
    }

    fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Secrets {
            backend: self.backend_name(),
            reason: reason.into(),
        }
    }
}

/// The recorded choice; a vault file without a record is one too.
fn known_place(dir: &Path) -> Result<Option<Recorded>> {
    let recorded = Recorded::read(dir)?;
    Ok(recorded.or_else(|| {
        vault::kind(dir).map(|with_key_file| {
            Recorded::new(if with_key_file {
                Place::VaultWithKeyFile
            } else {
                Place::VaultWithPassphrase
            })
        })
    }))
}

fn fresh_key() -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    random(bytes.as_mut())?;
    Ok(Secret::new(hex::encode(bytes.as_ref())))
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::Secrets {
        backend: "system's source of random numbers".to_owned(),
        reason: error.to_string(),
    })
}

/// Entry names are ours; what is refused here is a mistake of ours, before it becomes a strange entry.
fn checked(entry: &str) -> Result<String> {
    let fits = (1..=200).contains(&entry.len())
        && entry
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    if fits {
        Ok(entry.to_owned())
    } else {
        Err(Error::Secrets {
            backend: "store of secrets".to_owned(),
            reason: format!(
                "{entry:?} is not the name of an entry; expected 1 to 200 of a-z, A-Z, 0-9, / - _ ."
            ),
        })
    }
}

async fn lock(path: &Path) -> Result<FileLock> {
    file_lock::acquire(path, LOCK_PATIENCE)
        .await
        .map_err(|problem| Error::Secrets {
            backend: "store of secrets".to_owned(),
            reason: match problem {
                LockProblem::Busy => format!(
                    "another Patchbay has held {} for {} s; end that one and try again",
                    path.display(),
                    LOCK_PATIENCE.as_secs()
                ),
                LockProblem::Io(error) => format!("{} cannot be locked: {error}", path.display()),
            },
        })
}

/// Files and Argon2id do not belong on the runtime's own threads.
async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Secrets {
            backend: "vault file".to_owned(),
            reason: format!("work on it broke off: {error}; try again"),
        })?
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
