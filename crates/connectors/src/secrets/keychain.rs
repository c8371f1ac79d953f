//! The operating system's keychain.
//!
//! Its calls block, may ask the person to unlock it, and then last as long as the person takes. Each
//! runs on a thread of its own with a deadline, so that an unanswered question costs a thread and not
//! the application; a thread of the runtime would keep the runtime from shutting down.
//!
//! Windows takes 2,560 bytes per entry and some tokens are longer, so a long text is kept in numbered
//! parts. The main entry names the parts of one generation and is written last: whatever is cut off in
//! the middle, it points at a whole set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyring_core::{CredentialStore, Error as KeyringError};
use model::secret::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::native;
use crate::{Error, Result};

/// Under which all entries are filed.
const SERVICE: &str = "Patchbay";
/// Bytes in one entry.
const PART: usize = 2400;
/// Parts of one text; a bound for damaged entries.
const MAX_PARTS: usize = 64;
const INLINE: &str = "text:";
const PARTS: &str = "parts:";

/// How long a person may take to unlock the keychain.
const PATIENCE: Duration = Duration::from_secs(120);
/// The same where no window can come up.
const PATIENCE_HEADLESS: Duration = Duration::from_secs(15);

type Connect = Box<dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync>;

/// The keychain as one workspace sees it.
pub(super) struct Keychain {
    connect: Connect,
    store: Mutex<Arc<CredentialStore>>,
    workspace: String,
    name: String,
}

impl std::fmt::Debug for Keychain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keychain")
            .field("name", &self.name)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl Keychain {
    /// Reaches the keychain of this system.
    pub(super) async fn open(workspace: String) -> Result<Arc<Self>> {
        patiently(native::NAME.to_owned(), move || {
            Self::over(Box::new(native::connect), workspace, native::name())
        })
        .await
    }

    fn over(connect: Connect, workspace: String, name: String) -> Result<Arc<Self>> {
        let store = connect().map_err(|error| refuse(&name, error))?;
        // In the keychain of the kernel, or one made for tests, everything is gone after a restart.
        if !matches!(
            store.persistence(),
            keyring_core::api::CredentialPersistence::UntilDelete
        ) {
            return Err(Error::Secrets {
                backend: name,
                reason: "it forgets everything at a restart; set up a keychain that stays, or use the vault".to_owned(),
            });
        }
        Ok(Arc::new(Self {
            connect,
            store: Mutex::new(store),
            workspace,
            name,
        }))
    }

    /// Its name for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads one entry.
    pub(super) async fn get(self: &Arc<Self>, entry: String) -> Result<Option<Secret>> {
        let this = Arc::clone(self);
        patiently(self.name.clone(), move || this.get_now(&entry)).await
    }

    /// Writes one entry. The caller keeps other writers away and hands over what does so.
    pub(super) async fn put(
        self: &Arc<Self>,
        entry: String,
        secret: Secret,
        guard: impl Send + 'static,
    ) -> Result<()> {
        let this = Arc::clone(self);
        patiently(self.name.clone(), move || {
            let _guard = guard;
            this.put_now(&entry, &secret)
        })
        .await
    }

    /// Removes one entry, if it is there. As with [`Self::put`].
    pub(super) async fn delete(
        self: &Arc<Self>,
        entry: String,
        guard: impl Send + 'static,
    ) -> Result<()> {
        let this = Arc::clone(self);
        patiently(self.name.clone(), move || {
            let _guard = guard;
            this.delete_now(&entry)
        })
        .await
    }

    fn get_now(&self, entry: &str) -> Result<Option<Secret>> {
        // Twice: between the main entry and its parts another process may have put a new text.
        for _ in 0..2 {
            let Some(main) = self.load(entry)? else {
                return Ok(None);
            };
            if let Some(text) = main.strip_prefix(INLINE) {
                return Ok(Some(Secret::new(text)));
            }
            let set = PartSet::parse(&main).ok_or_else(|| self.damaged(entry))?;
            let mut text = Zeroizing::new(String::with_capacity(set.count * PART));
            for index in 0..set.count {
                match self.load(&set.part(entry, index))? {
                    Some(part) => text.push_str(&part),
                    None => break,
                }
            }
            if digest(&text) == set.digest {
                return Ok(Some(Secret::new(text.as_str())));
            }
        }
        Err(self.damaged(entry))
    }

    fn put_now(&self, entry: &str, secret: &Secret) -> Result<()> {
        let before = self.load(entry)?.and_then(|main| PartSet::parse(&main));
        let text = secret.reveal();
        if text.len() + INLINE.len() <= PART {
            self.save(entry, &Zeroizing::new(format!("{INLINE}{text}")))?;
        } else {
            let parts = split(text);
            if parts.len() > MAX_PARTS {
                return Err(Error::Secrets {
                    backend: self.name.clone(),
                    reason: format!(
                        "the secret has {} bytes and at most {} can be kept",
                        text.len(),
                        PART * MAX_PARTS
                    ),
                });
            }
            let mut generation = [0; 4];
            super::random(&mut generation)?;
            let set = PartSet {
                generation: hex::encode(generation),
                count: parts.len(),
                digest: digest(text),
            };
            for (index, part) in parts.into_iter().enumerate() {
                self.save(&set.part(entry, index), part)?;
            }
            self.save(entry, &set.to_string())?;
        }
        self.forget_parts(entry, before)
    }

    fn delete_now(&self, entry: &str) -> Result<()> {
        let before = self.load(entry)?.and_then(|main| PartSet::parse(&main));
        self.remove(entry)?;
        self.forget_parts(entry, before)
    }

    fn forget_parts(&self, entry: &str, set: Option<PartSet>) -> Result<()> {
        let Some(set) = set else { return Ok(()) };
        (0..set.count).try_for_each(|index| self.remove(&set.part(entry, index)))
    }

    fn load(&self, entry: &str) -> Result<Option<Zeroizing<String>>> {
        match self.with(entry, keyring_core::Entry::get_secret) {
            Ok(bytes) => String::from_utf8(bytes)
                .map(|text| Some(Zeroizing::new(text)))
                .map_err(|_| self.damaged(entry)),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(refuse(&self.name, error)),
        }
    }

    fn save(&self, entry: &str, text: &str) -> Result<()> {
        self.with(entry, |entry| entry.set_secret(text.as_bytes()))
            .map_err(|error| refuse(&self.name, error))
    }

    fn remove(&self, entry: &str) -> Result<()> {
        match self.with(entry, keyring_core::Entry::delete_credential) {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(refuse(&self.name, error)),
        }
    }

    /// Does it, and once more over a fresh connection when the keychain's process has changed.
    fn with<T>(
        &self,
        entry: &str,
        act: impl Fn(&keyring_core::Entry) -> keyring_core::Result<T>,
    ) -> keyring_core::Result<T> {
        let user = format!("{}/{entry}", self.workspace);
        let attempt = |store: &Arc<CredentialStore>| act(&native::entry(store, SERVICE, &user)?);
        let store = Arc::clone(&self.store.lock().unwrap_or_else(PoisonError::into_inner));
        match attempt(&store) {
            Err(KeyringError::PlatformFailure(_)) => {
                let fresh = (self.connect)()?;
                *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
                attempt(&fresh)
            }
            result => result,
        }
    }

    fn damaged(&self, entry: &str) -> Error {
        Error::Secrets {
            backend: self.name.clone(),
            reason: format!(
                "the entry \"{SERVICE} {}/{entry}\" is damaged; restore it or sign in again, it was not written over",
                self.workspace
            ),
        }
    }
}

/// Which parts make up one long text.
struct PartSet {
    generation: String,
    count: usize,
    digest: String,
}

impl PartSet {
    fn parse(main: &str) -> Option<Self> {
        let mut fields = main.strip_prefix(PARTS)?.split(':');
        let set = Self {
            generation: fields.next()?.to_owned(),
            count: fields.next()?.parse().ok()?,
            digest: fields.next()?.to_owned(),
        };
        (set.count <= MAX_PARTS && fields.next().is_none()).then_some(set)
    }

    fn part(&self, entry: &str, index: usize) -> String {
        format!("{entry}#{}.{index}", self.generation)
    }
}

impl std::fmt::Display for PartSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{PARTS}{}:{}:{}",
            self.generation, self.count, self.digest
        )
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Pieces of at most [`PART`] bytes, never through a character.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(PART));
        parts.push(part);
        rest = after;
    }
    parts
}

fn refuse(name: &str, error: KeyringError) -> Error {
    let reason = match error {
        KeyringError::NoStorageAccess(cause) => {
            format!("it is locked or does not let us in ({cause}); unlock it and try again")
        }
        KeyringError::PlatformFailure(cause) => {
            format!("it does not answer ({cause}); start or unlock it and try again")
        }
        // Never the error's own text: it may hold the bytes that were read.
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            "an entry is damaged; restore it or sign in again".to_owned()
        }
        KeyringError::Ambiguous(entries) => format!(
            "it has {} entries of the same name; remove all but the right one",
            entries.len()
        ),
        other => other.to_string(),
    };
    Error::Secrets {
        backend: name.to_owned(),
        reason,
    }
}

async fn patiently<T: Send + 'static>(
    name: String,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let refuse = |reason: String| Error::Secrets {
        backend: name.clone(),
        reason,
    };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("keychain".to_owned())
        .spawn(move || {
            // Nobody waits any more: the answer is dropped.
            let _ = sender.send(work());
        })
        .map_err(|error| refuse(format!("no thread can be started: {error}")))?;
    let patience = if native::can_ask() {
        PATIENCE
    } else {
        PATIENCE_HEADLESS
    };
    match tokio::time::timeout(patience, receiver).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(refuse("it broke off; try again".to_owned())),
        Err(_) => Err(refuse(format!(
            "it did not answer within {} s, probably because it is locked; unlock it and try again",
            patience.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::collections::{BTreeMap, HashMap};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use keyring_core::api::{Credential, CredentialApi, CredentialPersistence, CredentialStoreApi};

    use super::*;

    /// A keychain in memory with the limit of the Windows one, which can break off after some writes.
    #[derive(Clone, Debug)]
    struct Small {
        entries: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
        writes_left: Arc<AtomicUsize>,
        lasting: bool,
    }

    impl Small {
        fn new() -> Self {
            Self {
                entries: Arc::default(),
                writes_left: Arc::new(AtomicUsize::new(usize::MAX)),
                lasting: true,
            }
        }

        fn keychain(&self) -> Arc<Keychain> {
            let this = self.clone();
            let connect: Connect = Box::new(move || Ok(Arc::new(this.clone())));
            Keychain::over(connect, "ws".to_owned(), "Small keychain".to_owned()).unwrap()
        }

        fn entries(&self) -> usize {
            self.entries.lock().unwrap().len()
        }
    }

    impl CredentialStoreApi for Small {
        fn vendor(&self) -> String {
            "tests".to_owned()
        }
        fn id(&self) -> String {
            "small".to_owned()
        }
        fn build(
            &self,
            service: &str,
            user: &str,
            _modifiers: Option<&HashMap<&str, &str>>,
        ) -> keyring_core::Result<keyring_core::Entry> {
            Ok(keyring_core::Entry::new_with_credential(Arc::new(
                SmallEntry(self.clone(), format!("{service}|{user}")),
            )))
        }
        fn as_any(&self) -> &dyn Any {
            self
        }
        fn persistence(&self) -> CredentialPersistence {
            if self.lasting {
                CredentialPersistence::UntilDelete
            } else {
                CredentialPersistence::UntilReboot
            }
        }
    }

    #[derive(Debug)]
    struct SmallEntry(Small, String);

    impl CredentialApi for SmallEntry {
        fn set_secret(&self, secret: &[u8]) -> keyring_core::Result<()> {
            if secret.len() > 2560 {
                return Err(KeyringError::TooLong("secret".to_owned(), 2560));
            }
            if self
                .0
                .writes_left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_err()
            {
                return Err(KeyringError::NoStorageAccess("power cut".into()));
            }
            let mut entries = self.0.entries.lock().unwrap();
            entries.insert(self.1.clone(), secret.to_vec());
            Ok(())
        }
        fn get_secret(&self) -> keyring_core::Result<Vec<u8>> {
            let entries = self.0.entries.lock().unwrap();
            entries.get(&self.1).cloned().ok_or(KeyringError::NoEntry)
        }
        fn delete_credential(&self) -> keyring_core::Result<()> {
            let mut entries = self.0.entries.lock().unwrap();
            entries
                .remove(&self.1)
                .map(|_| ())
                .ok_or(KeyringError::NoEntry)
        }
        fn get_credential(&self) -> keyring_core::Result<Option<Arc<Credential>>> {
            Ok(None)
        }
        fn get_specifiers(&self) -> Option<(String, String)> {
            None
        }
        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    #[test]
    fn a_text_of_any_length_comes_back_and_leaves_nothing_behind() {
        let small = Small::new();
        let keychain = small.keychain();
        for length in [0, 1, 2394, 2395, 2396, 2400, 9_000, 60_000] {
            let text: String = "añ𝄞z".chars().cycle().take(length).collect();
            keychain
                .put_now("connection/1", &Secret::new(text.as_str()))
                .unwrap();
            let found = keychain.get_now("connection/1").unwrap().unwrap();
            assert_eq!(found.reveal(), text, "{length}");
        }
        keychain
            .put_now("connection/1", &Secret::new("short"))
            .unwrap();
        assert_eq!(small.entries(), 1, "the parts of longer texts are gone");
        keychain.delete_now("connection/1").unwrap();
        assert_eq!(small.entries(), 0);
        assert_eq!(keychain.get_now("connection/1").unwrap(), None);
    }

    #[test]
    fn a_write_cut_off_anywhere_leaves_the_old_text() {
        let old = "old".repeat(2_000);
        let new = "new".repeat(3_000);
        for writes in 0..5 {
            let small = Small::new();
            let keychain = small.keychain();
            keychain
                .put_now("connection/1", &Secret::new(old.as_str()))
                .unwrap();
            small.writes_left.store(writes, Ordering::SeqCst);
            let result = keychain.put_now("connection/1", &Secret::new(new.as_str()));
            let found = keychain.get_now("connection/1").unwrap().unwrap();
            assert_eq!(result.is_ok(), writes == 5, "{writes}");
            assert_eq!(found.reveal() == old, result.is_err(), "{writes}");
        }
    }

    #[test]
    fn a_keychain_that_forgets_is_not_used() {
        let small = Small {
            lasting: false,
            ..Small::new()
        };
        let connect: Connect = Box::new(move || Ok(Arc::new(small.clone())));
        let error =
            Keychain::over(connect, "ws".to_owned(), "Kernel keyring".to_owned()).unwrap_err();
        assert!(error.to_string().contains("forgets everything"), "{error}");
    }
}
