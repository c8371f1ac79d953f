//! A connection: a connector with its settings, and the way to its platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::clock::Clock;
use model::value::Value;
use template::{Env, Scope};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use url::Url;

use super::authenticator::{Authentication, FileSigner};
use super::authenticators::{ConfigKeeper, Tokens};
use super::cache::Cache;
use super::config::settings::Settings;
use super::dynamic::Made;
use super::error_handler::Judging;
use super::manifest::Manifest;
use super::options::Options;
use super::requester::Requester;
use super::stream::Stream;
use super::writes;
use crate::http::client::{origin_words, same_origin};
use crate::http::{Answer, Call, Client, Failure, OpenBody, Repeat, RequestParts, Signer, Verdict};
use crate::{Access, Error, Result};

/// A connection: a connector with its settings, and the way to its platform. What reading and writing share.
pub struct Connection {
    /// The connector.
    pub connector: Arc<Manifest>,
    /// The client of the connection.
    pub http: Client,
    /// The clock.
    pub clock: Clock,
    /// The template language's surroundings.
    pub env: Env,
    /// Option lists that were fetched a moment ago.
    pub(super) options: writes::fields::KnownOptions,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) tokens: Tokens,
    pub(super) settings: Settings,
    /// Whether what migrations made of the settings is kept.
    pub(super) is_kept: AtomicBool,
    /// Jobs that may run on the platform at a time.
    pub(super) jobs: Semaphore,
    /// The streams that templates of the file make.
    pub(super) made: OnceCell<Vec<Made>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The settings may hold secrets.
        f.debug_struct("Connection")
            .field("connector", &self.connector.name)
            .field("connection", &self.http.name())
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// What templates may use everywhere.
    pub fn scope(&self) -> Scope<'_> {
        Scope::new().with("config", self.config())
    }

    /// The streams of the file that are there with the connection's settings.
    pub fn streams(&self) -> Vec<Arc<Stream>> {
        let scope = self.scope();
        self.connector
            .streams
            .iter()
            .filter(|stream| {
                self.connector
                    .conditions
                    .iter()
                    .filter(|(name, _)| *name == stream.name)
                    .all(|(_, condition)| condition.holds(&scope, &self.env).unwrap_or(false))
            })
            .cloned()
            .collect()
    }

    /// Waits until another job may be ordered; it may while the place is held.
    pub(super) async fn job_place(&self, access: &Access) -> Result<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = access.cancel.cancelled() => Err(Error::Cancelled),
            place = self.jobs.acquire() => place.map_err(|_| Error::Cancelled),
        }
    }

    /// The settings.
    pub const fn config(&self) -> &Value {
        &self.settings.used
    }

    /// The settings as migrations of the file changed them, to be kept in place of those that came in.
    pub const fn changed_config(&self) -> Option<&Value> {
        self.settings.changed.as_ref()
    }

    /// Refuses settings that the file's rules do not accept, and has kept what its migrations made of them.
    pub async fn settle(&self) -> Result<()> {
        let rules = &self.connector.rules;
        self.settings.usable(rules, &self.env)?;
        if let Some(changed) = &self.settings.changed
            && !self.is_kept.load(Ordering::Acquire)
            && self.tokens.persist(changed).await?
        {
            self.is_kept.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Refuses settings that are not what the connector asks for.
    pub fn fits(&self) -> Result<()> {
        match &self.connector.asked {
            Some(asked) => self.settings.fits(asked),
            None => Ok(()),
        }
    }

    /// Says who keeps the settings when a refresh changes them.
    pub fn keep_config_with(&self, keeper: Arc<dyn ConfigKeeper>) {
        self.tokens.keep_config_with(keeper);
    }

    /// The tokens of the file's own authenticators.
    pub(super) const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether the connection's sign-in signs the requests of a requester. A connector that also runs elsewhere says
    /// there how a token is renewed; here its sign-in does that.
    fn signs_in(&self, authentication: &Authentication) -> bool {
        matches!(authentication, Authentication::SignIn)
            || (authentication.is_oauth()
                && self
                    .connector
                    .auth
                    .iter()
                    .any(super::auth_spec::AuthMethod::gets_a_token))
    }

    /// The address that a requester's requests go to, before paging.
    pub(super) fn home(&self, requester: &Requester, scope: &Scope<'_>) -> Result<Url> {
        requester.address(scope, scope, &self.env, None)
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        Error::Malformed {
            platform: self.http.name().to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// The JSON of an answer.
    pub(super) fn parse(&self, answer: &Answer) -> Result<Value> {
        model::json::parse(&answer.body).map_err(|error| {
            let begins: String = String::from_utf8_lossy(
                answer
                    .body
                    .get(..64.min(answer.body.len()))
                    .unwrap_or_default(),
            )
            .chars()
            .take(24)
            .collect();
            if begins.trim_start().starts_with('<') {
                self.malformed("JSON was expected, but an HTML page came")
            } else {
                self.malformed(&format!("JSON was expected, but {error}"))
            }
        })
    }

    /// Sends a request that only reads, and takes nothing but success.
    pub(super) async fn fetch(
        &self,
        requester: &Requester,
        scope: &Scope<'_>,
        for_path: &Scope<'_>,
        access: &Access,
    ) -> Result<Answer> {
        let request = requester.build(scope, for_path, &self.env, Options::default(), None)?;
        let home = request.url.clone();
        let answer = self
            .send(requester, request, &home, scope, Repeat::Safe, access)
            .await?;
        match answer.verdict {
            Verdict::Success | Verdict::Ignore => Ok(answer),
            _ => Err(answer.to_error(self.http.name())),
        }
    }

    /// Sends a request of the file. `home` is the address before paging: credentials go nowhere else.
    pub(super) async fn send(
        &self,
        requester: &Requester,
        request: RequestParts,
        home: &Url,
        scope: &Scope<'_>,
        repeat: Repeat,
        access: &Access,
    ) -> std::result::Result<Answer, Failure> {
        self.exchange(requester, request, home, scope, repeat, access, false)
            .await
            .map(|(answer, _)| answer)
    }

    #[expect(clippy::too_many_arguments, reason = "a request and how to treat it")]
    async fn exchange(
        &self,
        requester: &Requester,
        request: RequestParts,
        home: &Url,
        scope: &Scope<'_>,
        repeat: Repeat,
        access: &Access,
        in_pieces: bool,
    ) -> std::result::Result<(Answer, Option<OpenBody>), Failure> {
        let not_sent = |error| Failure {
            error,
            sent: false,
            exchange: None,
        };
        let signs = !matches!(requester.authentication, Authentication::Nothing);
        if signs && !same_origin(home, &request.url) {
            return Err(not_sent(self.malformed(&format!(
                "the next page is said to be at {}; credentials are sent to {} only",
                origin_words(&request.url),
                origin_words(home)
            ))));
        }
        let by_file = match &requester.authentication {
            Authentication::ByFile(by) => Some(FileSigner {
                by,
                connection: self,
                scope,
                base: requester.base(),
            }),
            Authentication::SignIn | Authentication::Nothing => None,
        };
        let signer: Option<&dyn Signer> = if self.signs_in(&requester.authentication) {
            Some(&*self.signer)
        } else {
            by_file.as_ref().map(|signer| signer as &dyn Signer)
        };
        let mut shown = request.url.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        let judge = Judging {
            handler: &requester.errors,
            scope: Scope::within(scope),
            env: &self.env,
            clock: self.clock.clone(),
            request_url: shown.as_str(),
        };
        let call = Call {
            request,
            signer,
            repeat,
            judge: &judge,
            access,
        };
        if in_pieces {
            return self.http.open(call).await;
        }
        self.http.send(call).await.map(|answer| (answer, None))
    }
}

impl Connection {
    /// Sends a request that only reads. Of a large answer the rest can be taken piece by piece, if the caller says so;
    /// where there is a cache, the same request is sent once and its answer kept whole.
    #[expect(clippy::too_many_arguments, reason = "a request and how to treat it")]
    pub(super) async fn open(
        &self,
        requester: &Requester,
        request: RequestParts,
        home: &Url,
        scope: &Scope<'_>,
        access: &Access,
        cache: Option<&Arc<Cache>>,
        in_pieces: bool,
    ) -> std::result::Result<(Answer, Option<OpenBody>), Failure> {
        let Some(cache) = cache else {
            let in_pieces = in_pieces && !requester.errors.looks_into_good_answers();
            return self
                .exchange(
                    requester,
                    request,
                    home,
                    scope,
                    Repeat::Safe,
                    access,
                    in_pieces,
                )
                .await;
        };
        let place = cache.place(&request);
        let asked = request.clone();
        let mut is_new = false;
        let answer = place
            .get_or_try_init(async || {
                is_new = true;
                self.send(requester, request, home, scope, Repeat::Safe, access)
                    .await
            })
            .await?
            .clone();
        if is_new {
            match answer.verdict {
                Verdict::Success | Verdict::Ignore => cache.keep(&asked, &answer),
                _ => cache.forget(&asked),
            }
        }
        Ok((answer, None))
    }
}
