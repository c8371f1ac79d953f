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
use super::endpoint::{self, Desk};
use super::fields::Typed;
use super::problem::TokenProblem;
use super::ready::Ready;
use super::signer::Patience;
use super::{grants, tls};
use crate::declarative::auth_spec::{AuthKind, AuthMethod, Renewal};
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
    /// Ready to sign with the version in use.
    ready: Mutex<Option<Arc<Ready>>>,
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
            ready: Mutex::default(),
        }
    }

    /// Ready to sign with these credentials.
    pub(super) fn ready(&self, credentials: &Credentials) -> Result<Arc<Ready>> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*ready
            && known.version() == credentials.version
        {
            return Ok(Arc::clone(known));
        }
        let fresh = Arc::new(Ready::new(
            &self.method,
            credentials,
            &self.platform,
            &self.clock,
        )?);
        *ready = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Credentials fit for a request that is sent now.
    pub(super) async fn usable(self: &Arc<Self>, access: &Access) -> Result<Credentials> {
        let known = self.known().current.clone();
        let current = match known {
            Some(current) => current,
            None => self.read().await?,
        };
        let is_good = match current.kind.token() {
            Some(set) => !set.nears_its_end(self.clock.now()),
            None => !grants::needs_nobody(&self.method.kind),
        };
        if is_good {
            return Ok(current);
        }
        self.newer_than(current.version, access).await
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
        let endpoint = match &self.method.kind {
            AuthKind::Oauth2Code(spec) => Some(&spec.endpoint),
            AuthKind::DeviceCode(spec) => Some(&spec.endpoint),
            AuthKind::ClientCredentials(spec) => Some(&spec.endpoint),
            _ => None,
        };
        secrets.extend(
            endpoint
                .and_then(|endpoint| endpoint.client_secret.as_ref())
                .map(|secret| Secret::new(secret.reveal())),
        );
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
        let way = self.way(&stored.kind);
        if matches!(way, Way::Person) {
            // A key or a password cannot be renewed; another one may have been typed in.
            self.known().adopt(stored.clone());
            if stored.version > seen {
                return Ok(stored);
            }
            return Err(self.sign_in_needed(
                "the platform refuses what was typed in; type it in again".to_owned(),
            ));
        }
        if stored.version > seen
            && let Some(set) = stored.kind.token()
            && !set.nears_its_end(self.clock.now())
        {
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
        let fields = stored.kind.typed();
        let method = self.method.with_fields(&fields)?;
        let fresh = match self.ask(&method, &fields, stored.kind.token(), &way).await {
            Ok(fresh) => fresh,
            Err(problem) => return Err(self.not_renewed(problem, stored.version)),
        };
        let fresh = Credentials {
            version: stored.version + 1,
            kind: CredentialKind::with_token(fields, fresh),
        };
        self.save(fresh, &lock).await
    }

    /// How the next token is got.
    fn way(&self, kind: &CredentialKind) -> Way {
        if grants::needs_nobody(&self.method.kind) {
            return Way::Nobody;
        }
        match (&self.method.kind, kind.token()) {
            (AuthKind::Oauth2Code(_) | AuthKind::DeviceCode(_), Some(_)) => Way::Renewal,
            _ => Way::Person,
        }
    }

    /// Asks the platform, patiently.
    async fn ask(
        &self,
        method: &AuthMethod,
        fields: &Typed,
        set: Option<&TokenSet>,
        way: &Way,
    ) -> std::result::Result<TokenSet, TokenProblem> {
        let certificates = match &method.tls {
            Some(spec) => tls::prepare(spec, &self.clock).map_err(TokenProblem::Settings)?,
            None => None,
        };
        let desk = Desk {
            clock: &self.clock,
            tls: certificates.as_ref(),
        };
        let mut attempt = 1;
        loop {
            let result = match (way, set) {
                (Way::Renewal, Some(set)) => renewed(method, set, desk).await,
                _ => grants::obtain(method, fields, desk).await,
            };
            match result {
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
            TokenProblem::Own { reason, .. } => self.sign_in_needed(reason),
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

/// How the next token is got.
enum Way {
    /// By what came with the one before.
    Renewal,
    /// Anew, at any time.
    Nobody,
    /// By a person only.
    Person,
}

/// The next set by what came with this one.
async fn renewed(
    method: &AuthMethod,
    set: &TokenSet,
    desk: Desk<'_>,
) -> std::result::Result<TokenSet, TokenProblem> {
    let (endpoint, renewal): (_, Option<&Renewal>) = match &method.kind {
        AuthKind::Oauth2Code(spec) => (&spec.endpoint, spec.renewal.as_ref()),
        AuthKind::DeviceCode(spec) => (&spec.endpoint, None),
        _ => return Err(nothing_to_renew_with()),
    };
    let token = if renewal.is_some_and(|renewal| renewal.by_access_token) {
        set.access.clone()
    } else {
        set.refresh.clone().ok_or_else(nothing_to_renew_with)?
    };
    endpoint::refresh(endpoint, renewal, set, &token, desk)
        .await
        .map_err(TokenProblem::plain)
}

fn nothing_to_renew_with() -> TokenProblem {
    TokenProblem::Grant(
        "its time is over, and the platform gave nothing to renew it with; sign in again"
            .to_owned(),
    )
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
pub(crate) fn again(error: &Error) -> Error {
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
        Error::Refused {
            platform,
            status,
            reason,
        } => Error::Refused {
            platform: platform.clone(),
            status: *status,
            reason: reason.clone(),
        },
        Error::Malformed { platform, reason } => Error::Malformed {
            platform: platform.clone(),
            reason: reason.clone(),
        },
        Error::Forbidden { .. } | Error::SignInFailed { .. } | Error::LimitExceeded { .. } => {
            Error::Unavailable {
                platform: "the platform".to_owned(),
                reason: error.to_string(),
            }
        }
    }
}
