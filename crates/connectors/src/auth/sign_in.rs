//! Signing in through the person's browser: OAuth 2 authorization code with PKCE (RFC 7636), a loopback
//! redirect (RFC 8252), `state`, and `iss` where the platform announces it (RFC 9207).
//!
//! Each sign-in has its own listener, so two at once do not disturb one another. Whoever starts one is
//! told of each step, may cancel it, and can hand over the final address by hand when the browser cannot
//! reach this computer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use model::clock::{Clock, Millis};
use model::ids::ConnectionId;
use model::secret::Secret;
use oauth2::{CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::credentials::{CredentialKind, Credentials, TokenSet};
use super::endpoint::{self, TokenProblem};
use super::loopback::{Arrival, Expected, Listener, Query};
use super::page::Page;
use super::signer::Patience;
use crate::declarative::auth_spec::{AuthKind, AuthMethod, Oauth2Code};
use crate::secrets::Keeper;
use crate::{Error, Result};

/// What a sign-in needs to know.
#[derive(Clone)]
pub struct SignInOptions {
    /// The platform's name for people: "Harbor CRM".
    pub platform: String,
    /// The way to sign in, with its templates filled.
    pub method: AuthMethod,
    /// More parameters for the authorize address, for this once: `login_hint`, `prompt`.
    pub extra: Vec<(String, String)>,
    /// Tells the time.
    pub clock: Clock,
    /// How long the person may take; usually [`SignInOptions::LIMIT`].
    pub limit: Duration,
}

impl SignInOptions {
    /// Five minutes: time to find the password, and an end to a forgotten window.
    pub const LIMIT: Duration = Duration::from_secs(300);
}

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInStep {
    /// The port that the connector asks for is in use; another one is taken. A platform that compares
    /// the whole redirect address will refuse it.
    PortTaken {
        /// Asked for.
        wanted: u16,
        /// Taken instead.
        used: u16,
    },
    /// The browser is being opened at this address. It can be opened again or copied.
    OpeningBrowser {
        /// Where the person signs in.
        url: String,
    },
    /// No browser opened: the person has to open the address.
    OpenItYourself {
        /// Where the person signs in.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It is the person's turn.
    WaitingForPerson {
        /// When we stop waiting.
        until: Millis,
    },
    /// The browser has come back.
    RedirectReceived,
    /// The code is exchanged for tokens.
    ExchangingCode,
    /// The tokens are put into the keychain or vault.
    Storing,
    /// All is done.
    Done,
}

// The method may hold a client secret.
impl fmt::Debug for SignInOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInOptions")
            .field("platform", &self.platform)
            .field("method", &self.method.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

type Steps = Arc<dyn Fn(SignInStep) + Send + Sync>;

/// A sign-in that is under way; dropping it ends it.
pub struct SignIn {
    platform: String,
    spec: Oauth2Code,
    verifier: Secret,
    arrivals: mpsc::Receiver<Arrival>,
    handle: SignInHandle,
    redirect: String,
    deadline: Instant,
    limit: Duration,
    clock: Clock,
    steps: Steps,
    _closing: DropGuard,
}

/// Reaches a sign-in while somebody waits for its end.
#[derive(Clone)]
pub struct SignInHandle {
    url: Url,
    redirect: String,
    expected: Arc<Expected>,
    arrivals: mpsc::Sender<Arrival>,
    cancel: CancellationToken,
}

/// A sign-in that has come to its end; its tokens are not stored yet, so that the caller can look first
/// who it is that signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the platform gave.
    pub tokens: TokenSet,
    steps: StepsDebug,
}

struct StepsDebug(Steps);

impl fmt::Debug for StepsDebug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("platform", &self.platform)
            .field("redirect", &self.redirect)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignInHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInHandle")
            .field("redirect", &self.redirect)
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Begins to listen, and sends the person's browser to the platform.
    ///
    /// `open` opens an address in the browser or says why it cannot; `steps` is told what is going on.
    pub async fn start(
        options: SignInOptions,
        open: impl FnOnce(&Url) -> std::result::Result<(), String> + Send,
        steps: impl Fn(SignInStep) + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Self> {
        let AuthKind::Oauth2Code(spec) = options.method.kind else {
            return Err(Error::Misconfigured {
                what: format!("sign-in \"{}\"", options.method.label),
                place: options.method.name,
                problem: "it does not use the browser".to_owned(),
                expected: "a sign-in of the type oauth2_code".to_owned(),
            });
        };
        if !spec.redirect_path.starts_with('/') || spec.redirect_path.contains(['?', '#', ' ']) {
            return Err(Error::Misconfigured {
                what: "the connector's sign-in".to_owned(),
                place: "redirect_path".to_owned(),
                problem: format!("{:?} is not a path", spec.redirect_path),
                expected: "a path such as /callback".to_owned(),
            });
        }
        let steps: Steps = Arc::new(steps);
        let client = endpoint::client(&spec)?;
        let listener = Listener::bind(spec.redirect_port).await?;
        if let Some(wanted) = spec.redirect_port
            && wanted != listener.port
        {
            let used = listener.port;
            tracing::warn!(
                wanted,
                used,
                "The port for the sign-in is in use, another one is taken."
            );
            steps(SignInStep::PortTaken { wanted, used });
        }
        let redirect = format!("http://127.0.0.1:{}{}", listener.port, spec.redirect_path);
        let redirect_url =
            RedirectUrl::new(redirect.clone()).map_err(|error| Error::SignInFailed {
                reason: format!("{redirect} is not an address: {error}"),
            })?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(|| CsrfToken::new_random_len(32))
            .add_scopes(spec.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(std::borrow::Cow::Owned(redirect_url));
        for (name, value) in spec.authorize_params.iter().chain(&options.extra) {
            request = request.add_extra_param(name.as_str(), value.as_str());
        }
        let (url, state) = request.url();

        let expected = Arc::new(Expected {
            path: spec.redirect_path.clone(),
            state: state.into_secret(),
        });
        let (sender, arrivals) = mpsc::channel(1);
        let closing = CancellationToken::new();
        tokio::spawn(listener.serve(Arc::clone(&expected), sender.clone(), closing.clone()));

        steps(SignInStep::OpeningBrowser {
            url: url.to_string(),
        });
        if let Err(reason) = open(&url) {
            tracing::warn!(%reason, "The browser could not be opened.");
            steps(SignInStep::OpenItYourself {
                url: url.to_string(),
                reason,
            });
        }
        let limit = Millis::try_from(options.limit.as_millis()).unwrap_or(Millis::MAX);
        steps(SignInStep::WaitingForPerson {
            until: options.clock.now().saturating_add(limit),
        });
        Ok(Self {
            platform: options.platform,
            verifier: Secret::new(verifier.into_secret()),
            handle: SignInHandle {
                url,
                redirect: redirect.clone(),
                expected,
                arrivals: sender,
                cancel,
            },
            spec,
            arrivals,
            redirect,
            deadline: Instant::now() + options.limit,
            limit: options.limit,
            clock: options.clock,
            steps,
            _closing: closing.drop_guard(),
        })
    }

    /// Reaches it while [`finish`](Self::finish) waits.
    pub fn handle(&self) -> SignInHandle {
        self.handle.clone()
    }

    /// Where the browser comes back to: what own applications at a platform must be registered with.
    pub fn redirect_address(&self) -> &str {
        &self.redirect
    }

    /// Waits for the person, then exchanges the code.
    pub async fn finish(mut self) -> Result<SignedIn> {
        let cancel = self.handle.cancel.clone();
        let deadline = self.deadline;
        let arrival = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            arrival = self.arrivals.recv() => arrival,
            () = tokio::time::sleep_until(deadline) => {
                return Err(Error::SignInFailed {
                    reason: format!(
                        "nobody signed in to {} within {}; start it again",
                        self.platform,
                        in_words(self.limit)
                    ),
                });
            }
        };
        let Some(Arrival { query, answer }) = arrival else {
            return Err(Error::Cancelled);
        };
        (self.steps)(SignInStep::RedirectReceived);
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::Cancelled),
            result = self.exchange(&query) => result,
        };
        if let Some(answer) = answer {
            let _ = answer.send(self.closing_page(&result));
        }
        Ok(SignedIn {
            tokens: result?,
            steps: StepsDebug(Arc::clone(&self.steps)),
        })
    }

    async fn exchange(&self, query: &Query) -> Result<TokenSet> {
        self.check_issuer(query)?;
        if let Some(error) = query.get("error") {
            return Err(self.refused(error, query.get("error_description")));
        }
        let code = Secret::new(query.get("code").unwrap_or_default());
        (self.steps)(SignInStep::ExchangingCode);
        let mut attempt = 1;
        loop {
            let problem = match endpoint::exchange_code(
                &self.spec,
                &code,
                &self.verifier,
                &self.redirect,
                &self.clock,
            )
            .await
            {
                Ok(tokens) => return Ok(tokens),
                Err(problem) => problem,
            };
            match problem {
                TokenProblem::Later {
                    untouched: true,
                    after,
                    ..
                } if attempt < Patience::USUAL.attempts => {
                    tokio::time::sleep(Patience::USUAL.wait(attempt, after)).await;
                    attempt += 1;
                }
                problem => return Err(self.not_exchanged(problem)),
            }
        }
    }

    /// RFC 9207: an answer of another server than the one that was asked must not be used.
    fn check_issuer(&self, query: &Query) -> Result<()> {
        let Some(expected) = self
            .spec
            .issuer
            .as_deref()
            .filter(|issuer| !issuer.is_empty())
        else {
            return Ok(());
        };
        let seen = query.get("iss");
        if seen == Some(expected) {
            return Ok(());
        }
        let seen = seen.map_or_else(
            || "nobody".to_owned(),
            |seen| endpoint::foreign_words(seen, &[]),
        );
        tracing::warn!(expected, %seen, "A redirect of another issuer was refused.");
        Err(Error::SignInFailed {
            reason: format!(
                "the answer names {seen} as its issuer instead of {expected}, so it was refused; start the sign-in again, and if this repeats do not go on and check the address in the browser"
            ),
        })
    }

    fn refused(&self, error: &str, description: Option<&str>) -> Error {
        let platform = &self.platform;
        let words = description.map(|words| endpoint::foreign_words(words, &[]));
        let error = endpoint::foreign_words(error, &[]);
        let said = match &words {
            Some(words) if !words.is_empty() => format!("{words} ({error})"),
            _ => error.clone(),
        };
        Error::SignInFailed {
            reason: match error.as_str() {
                "access_denied" => format!(
                    "access was denied at {platform}, so nothing was connected; start it again and choose to allow it"
                ),
                "invalid_scope" => format!(
                    "{platform} does not know a permission that was asked for: {said}; check the scopes of the connector"
                ),
                "unauthorized_client" | "invalid_client" | "invalid_request" => format!(
                    "{platform} does not accept the request: {said}; check the client id and that {} is registered there as a redirect address",
                    self.redirect
                ),
                "temporarily_unavailable" | "server_error" => {
                    format!("{platform} has a problem of its own: {said}; try again later")
                }
                _ => format!("{platform} answered: {said}; start it again"),
            },
        }
    }

    fn not_exchanged(&self, problem: TokenProblem) -> Error {
        let platform = &self.platform;
        match problem {
            TokenProblem::Grant(reason) => Error::SignInFailed {
                reason: format!(
                    "{platform} does not accept the code that the browser brought: {reason}; start it again"
                ),
            },
            TokenProblem::Client(reason) => Error::SignInFailed {
                reason: format!(
                    "{platform} does not accept this application: {reason}; check client id and secret"
                ),
            },
            TokenProblem::Later { reason, .. } => Error::SignInFailed {
                reason: format!(
                    "{platform} could not give tokens: {reason}; start it again in a moment"
                ),
            },
            TokenProblem::Settings(error) => error,
        }
    }

    fn closing_page(&self, result: &Result<TokenSet>) -> Page {
        match result {
            Ok(_) => Page::done(&self.platform),
            Err(Error::SignInFailed { reason }) => Page::failed(
                StatusCode::BAD_REQUEST,
                &format!("{} is not connected", self.platform),
                &sentence(reason),
            ),
            Err(Error::Cancelled) => Page::failed(
                StatusCode::BAD_REQUEST,
                &format!("{} is not connected", self.platform),
                "The sign-in was cancelled in Patchbay. You can close this window.",
            ),
            Err(error) => Page::failed(
                StatusCode::BAD_REQUEST,
                &format!("{} is not connected", self.platform),
                &sentence(&error.to_string()),
            ),
        }
    }
}

impl SignInHandle {
    /// Where the person signs in: to open again or to copy.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Takes the address at which the person's browser ended, when it could not come back by itself.
    /// An address that does not fit is refused and the sign-in goes on waiting.
    pub fn complete_with_url(&self, text: &str) -> Result<()> {
        let refuse = |reason: &str| Error::SignInFailed {
            reason: format!(
                "{reason}; copy the whole address from the browser's address bar, it begins with {}",
                self.redirect
            ),
        };
        let text = text.trim().trim_matches(['<', '>', '"', '\'']).trim();
        if text.len() > 16 * 1024 {
            return Err(refuse("this is longer than any such address"));
        }
        let query = match Url::parse(text) {
            Ok(url) => url.query().unwrap_or_default().to_owned(),
            Err(_) if text.contains("state=") => text
                .rsplit_once('?')
                .map_or(text, |(_, query)| query)
                .to_owned(),
            Err(_) => return Err(refuse("this is not an address")),
        };
        let query = Query::parse(&query);
        if let Err(reason) = self.expected.check(&query) {
            tracing::warn!(
                reason,
                "A pasted address that does not belong to this sign-in was refused."
            );
            return Err(refuse(&format!("this address was refused: {reason}")));
        }
        let arrival = Arrival {
            query,
            answer: None,
        };
        // A full channel means that the browser has come back in the meantime.
        let _ = self.arrivals.try_send(arrival);
        Ok(())
    }

    /// Ends it; [`SignIn::finish`] gives [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl SignedIn {
    /// Puts the tokens in the place of those that the connection had before.
    pub async fn store(self, keeper: &Keeper, connection: ConnectionId) -> Result<Credentials> {
        (self.steps.0)(SignInStep::Storing);
        let kind = CredentialKind::OAuth(self.tokens);
        let stored = Credentials::replace(keeper, connection, kind).await?;
        (self.steps.0)(SignInStep::Done);
        Ok(stored)
    }
}

fn in_words(limit: Duration) -> String {
    match limit.as_secs() {
        0 => format!("{} ms", limit.as_millis()),
        seconds if seconds % 60 == 0 => match seconds / 60 {
            1 => "a minute".to_owned(),
            minutes => format!("{minutes} minutes"),
        },
        seconds => format!("{seconds} s"),
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}
