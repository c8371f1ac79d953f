//! Renewing a sign-in: once, however many want it.
//!
//! Refresh tokens of many platforms work once; using one twice ends the whole sign-in. Therefore:
//!
//! 1. Tasks of this process that share a [`Holder`] wait for one another, and those that waited take the
//!    result of the one that worked, good or bad.
//! 2. Processes (and other holders) exclude each other by a file lock per connection, which the system
//!    releases when a process dies. Whoever gets it reads the stored set again first: a newer version
//!    means that somebody else has done it.
//! 3. The new set is stored before its access token is used. If storing fails, the set is kept and stored
//!    first thing at the next use.
//! 4. The work runs in a task of its own: when the run that wanted it is cancelled, a token that the
//!    platform has already exchanged is still stored.
//! 5. A grant that has ended never removes what is stored; it is remembered by its version, so that a
//!    later sign-in counts at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::clock::{Clock, Millis};
use model::ids::ConnectionId;
use model::secret::Secret;

use super::credentials::{self, CredentialKind, Credentials, TokenSet};
use super::endpoint::{self, TokenProblem};
use super::signer::Patience;
use crate::declarative::auth_spec::{AuthKind, AuthMethod, Oauth2Code};
use crate::secrets::Keeper;
use crate::secrets::file_lock::FileLock;
use crate::{Access, Error, Result};

/// How long an ended grant is believed without asking again. Platforms err at times, and what stands
/// between them and us even more often.
const ENDED_FOR: Millis = 15 * 60 * 1000;
/// Former secrets that are still hidden from logs: answers may quote them.
const FORMER: usize = 6;

/// The credentials of one connection as this process knows them.
pub(super) struct Holder {
    pub(super) keeper: Keeper,
    pub(super) connection: ConnectionId,
    pub(super) platform: String,
    pub(super) method: AuthMethod,
    pub(super) clock: Clock,
    pub(super) patience: Patience,
    flight: Arc<tokio::sync::Mutex<()>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    current: Option<Credentials>,
    /// Got from the platform and not stored yet.
    unsaved: Option<Credentials>,
    /// The version whose grant has ended, the platform's words, and when it said so.
    ended: Option<(u64, String, Millis)>,
    /// How many times somebody has worked, and how the last time failed.
    rounds: u64,
    failure: Option<Error>,
    former: Vec<Secret>,
}

impl Holder {
    pub(super) fn new(
        keeper: Keeper,
        connection: ConnectionId,
        platform: String,
        method: AuthMethod,
        clock: Clock,
        patience: Patience,
    ) -> Self {
        Self {
            keeper,
            connection,
            platform,
            method,
            clock,
            patience,
            flight: Arc::default(),
            known: Mutex::default(),
        }
    }

    /// Credentials fit for a request that is sent now.
    pub(super) async fn usable(self: &Arc<Self>, access: &Access) -> Result<Credentials> {
        let known = self.known().current.clone();
        let current = match known {
            Some(current) => current,
            None => self.read().await?,
        };
        match &current.kind {
            CredentialKind::OAuth(set) if set.nears_its_end(self.clock.now()) => {
                self.newer_than(current.version, access).await
            }
            _ => Ok(current),
        }
    }

    /// Credentials of a later version than `seen`, which is no good any more.
    pub(super) async fn newer_than(
        self: &Arc<Self>,
        seen: u64,
        access: &Access,
    ) -> Result<Credentials> {
        let rounds = self.known().rounds;
        let work = async {
            let turn = Arc::clone(&self.flight).lock_owned().await;
            {
                let known = self.known();
                if let Some(current) = known.current.as_ref().filter(|it| it.version > seen) {
                    return Ok(current.clone());
                }
                // Somebody tried while this one waited, and it came to nothing.
                if known.rounds > rounds
                    && let Some(failure) = &known.failure
                {
                    return Err(again(failure));
                }
            }
            let this = Arc::clone(self);
            let task = tokio::spawn(async move {
                let _turn = turn;
                let result = this.fetch(seen).await;
                let mut known = this.known();
                known.rounds += 1;
                known.failure = result.as_ref().err().map(again);
                drop(known);
                result
            });
            task.await.unwrap_or_else(|error| {
                Err(self.unavailable(format!("renewing the sign-in broke off: {error}")))
            })
        };
        tokio::select! {
            biased;
            () = access.cancel.cancelled() => Err(Error::Cancelled),
            result = work => result,
        }
    }

    /// The version in use, if any was read.
    pub(super) fn current(&self) -> Option<Credentials> {
        self.known().current.clone()
    }

    /// Everything that must never show, former sets included.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let known = self.known();
        let mut secrets = known.former.clone();
        for credentials in known.current.iter().chain(&known.unsaved) {
            secrets.extend(credentials.kind.secrets());
        }
        if let AuthKind::Oauth2Code(Oauth2Code {
            client_secret: Some(secret),
            ..
        }) = &self.method.kind
        {
            secrets.push(Secret::new(secret.as_str()));
        }
        secrets
    }

    /// Reads what is stored, unless a newer set is known.
    async fn read(&self) -> Result<Credentials> {
        let stored = Credentials::load(&self.keeper, self.connection)
            .await?
            .ok_or_else(|| self.sign_in_needed("nobody has signed in yet".to_owned()))?;
        let mut known = self.known();
        match known.current.clone() {
            Some(current) if current.version >= stored.version => Ok(current),
            _ => {
                known.adopt(stored.clone());
                Ok(stored)
            }
        }
    }

    async fn fetch(&self, seen: u64) -> Result<Credentials> {
        let lock = credentials::lock(&self.keeper, self.connection)
            .await
            .map_err(|error| match error {
                Error::Unavailable { reason, .. } => self.unavailable(reason),
                error => error,
            })?;
        let stored = Credentials::load(&self.keeper, self.connection).await?;
        let stored = match self.save_the_unsaved(stored, &lock).await? {
            Some(stored) => stored,
            None => return Err(self.sign_in_needed("nobody has signed in yet".to_owned())),
        };
        let (AuthKind::Oauth2Code(method), CredentialKind::OAuth(set)) =
            (&self.method.kind, &stored.kind)
        else {
            // A key or a password cannot be renewed; another one may have been typed in.
            self.known().adopt(stored.clone());
            if stored.version > seen {
                return Ok(stored);
            }
            return Err(self.sign_in_needed(
                "the platform refuses what was typed in; type it in again".to_owned(),
            ));
        };
        if stored.version > seen && !set.nears_its_end(self.clock.now()) {
            self.known().adopt(stored.clone());
            return Ok(stored);
        }
        let ended = self.known().ended.clone();
        if let Some((version, reason, at)) = ended
            && version == stored.version
            && self.clock.now().saturating_sub(at) < ENDED_FOR
        {
            return Err(self.sign_in_needed(reason));
        }
        let Some(refresh) = set.refresh.clone() else {
            return Err(self.sign_in_needed(
                "its time is over, and the platform gave nothing to renew it with; sign in again"
                    .to_owned(),
            ));
        };
        let fresh = match self.ask(method, set, &refresh).await {
            Ok(fresh) => fresh,
            Err(problem) => return Err(self.not_renewed(problem, stored.version)),
        };
        let fresh = Credentials {
            version: stored.version + 1,
            kind: CredentialKind::OAuth(fresh),
        };
        self.save(fresh, &lock).await
    }

    /// Asks the platform, patiently.
    async fn ask(
        &self,
        method: &Oauth2Code,
        set: &TokenSet,
        refresh: &Secret,
    ) -> std::result::Result<TokenSet, TokenProblem> {
        let mut attempt = 1;
        loop {
            match endpoint::refresh(method, set, refresh, &self.clock).await {
                Err(TokenProblem::Later { after, reason, .. })
                    if attempt < self.patience.attempts =>
                {
                    tracing::info!(
                        platform = %self.platform,
                        attempt,
                        %reason,
                        "Renewing the sign-in is tried again."
                    );
                    tokio::time::sleep(self.patience.wait(attempt, after)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// First store, then use: whoever dies in between leaves a working set.
    async fn save(&self, fresh: Credentials, lock: &FileLock) -> Result<Credentials> {
        match fresh.store(&self.keeper, self.connection, lock).await {
            Ok(()) => {
                tracing::info!(
                    platform = %self.platform,
                    version = fresh.version,
                    "The sign-in was renewed."
                );
                self.known().adopt(fresh.clone());
                Ok(fresh)
            }
            Err(error) => {
                tracing::error!(
                    platform = %self.platform,
                    %error,
                    "The renewed sign-in could not be stored; it is kept and stored at the next use."
                );
                self.known().unsaved = Some(fresh);
                Err(error)
            }
        }
    }

    async fn save_the_unsaved(
        &self,
        stored: Option<Credentials>,
        lock: &FileLock,
    ) -> Result<Option<Credentials>> {
        let unsaved = self.known().unsaved.clone();
        let Some(unsaved) = unsaved else {
            return Ok(stored);
        };
        let stored = match stored {
            Some(stored) if stored.version < unsaved.version => {
                Some(self.save(unsaved, lock).await?)
            }
            // Somebody has signed in again, or the connection was removed.
            stored => stored,
        };
        self.known().unsaved = None;
        Ok(stored)
    }

    fn not_renewed(&self, problem: TokenProblem, version: u64) -> Error {
        match problem {
            TokenProblem::Grant(reason) => {
                let now = self.clock.now();
                self.known().ended = Some((version, reason.clone(), now));
                self.sign_in_needed(reason)
            }
            TokenProblem::Client(reason) => Error::Misconfigured {
                what: format!("sign-in to {}", self.platform),
                place: "client id and secret".to_owned(),
                problem: format!("the platform does not accept them: {reason}"),
                expected: "those that the platform shows for this application now; change them and sign in again".to_owned(),
            },
            TokenProblem::Later {
                too_many: true,
                after,
                ..
            } => Error::RateLimited {
                platform: self.platform.clone(),
                after,
            },
            TokenProblem::Later { reason, .. } => {
                self.unavailable(format!("renewing the sign-in: {reason}"))
            }
            TokenProblem::Settings(error) => error,
        }
    }

    fn sign_in_needed(&self, reason: String) -> Error {
        Error::SignInNeeded {
            platform: self.platform.clone(),
            reason,
        }
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable {
            platform: self.platform.clone(),
            reason,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn adopt(&mut self, credentials: Credentials) {
        if let Some(before) = self.current.replace(credentials) {
            self.former.extend(before.kind.secrets());
            let surplus = self.former.len().saturating_sub(FORMER);
            self.former.drain(..surplus);
        }
    }
}

/// The same failure for another who waited for it.
fn again(error: &Error) -> Error {
    match error {
        Error::SignInNeeded { platform, reason } => Error::SignInNeeded {
            platform: platform.clone(),
            reason: reason.clone(),
        },
        Error::RateLimited { platform, after } => Error::RateLimited {
            platform: platform.clone(),
            after: *after,
        },
        Error::Misconfigured {
            what,
            place,
            problem,
            expected,
        } => Error::Misconfigured {
            what: what.clone(),
            place: place.clone(),
            problem: problem.clone(),
            expected: expected.clone(),
        },
        Error::Secrets { backend, reason } => Error::Secrets {
            backend: backend.clone(),
            reason: reason.clone(),
        },
        Error::Unavailable { platform, reason } => Error::Unavailable {
            platform: platform.clone(),
            reason: reason.clone(),
        },
        Error::Cancelled => Error::Cancelled,
        Error::Forbidden { .. }
        | Error::Malformed { .. }
        | Error::Refused { .. }
        | Error::SignInFailed { .. }
        | Error::LimitExceeded { .. } => Error::Unavailable {
            platform: "the platform".to_owned(),
            reason: error.to_string(),
        },
    }
}
