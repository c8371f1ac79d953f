//! Signing in: what leads from a way to sign in to credentials.
//!
//! - [`code`]: OAuth 2 authorization code through the person's browser;
//! - [`device`]: OAuth 2 device code, at whatever device has a browser;
//! - [`three_legs`]: OAuth 1.0a through the person's browser;
//! - without a person: what was typed in is tried, and gives the first token.
//!
//! Each sign-in has its own listener, so two at once do not disturb one another. Whoever starts one is
//! told of each step, may cancel it, and can hand over the final address by hand when the browser cannot
//! reach this computer.

mod browser;
mod code;
mod device;
mod three_legs;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::clock::{Clock, Millis};
use model::ids::ConnectionId;
use model::secret::Secret;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::credentials::{CredentialKind, Credentials, TokenSet};
use super::endpoint::Desk;
use super::fields::Typed;
use super::problem::TokenProblem;
use super::signer::Patience;
use super::{grants, tls};
use crate::declarative::auth_spec::{AuthKind, AuthMethod};
use crate::http::ClientTls;
use crate::secrets::Keeper;
use crate::{Error, Result};

/// What a sign-in needs to know.
#[derive(Clone)]
pub struct SignInOptions {
    /// The platform's name for people: "Harbor CRM".
    pub platform: String,
    /// The way to sign in, with the connection's settings filled in.
    pub method: AuthMethod,
    /// What the person typed in, by field name.
    pub fields: BTreeMap<String, Secret>,
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
    /// The person types this code in at this address, on any device.
    ShowCode {
        /// What to type in.
        code: String,
        /// Where.
        url: String,
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

/// Told of each step.
type Steps = Arc<dyn Fn(SignInStep) + Send + Sync>;
/// Opens an address in the browser, or says why it cannot.
type Open = Box<dyn FnOnce(&Url) -> std::result::Result<(), String> + Send>;

/// What all ways have in common.
struct Context {
    platform: String,
    /// With its fields filled in.
    method: AuthMethod,
    typed: Typed,
    certificates: Option<ClientTls>,
    clock: Clock,
    steps: Steps,
    deadline: Instant,
    limit: Duration,
}

impl Context {
    fn desk(&self) -> Desk<'_> {
        Desk {
            clock: &self.clock,
            tls: self.certificates.as_ref(),
        }
    }

    fn step(&self, step: SignInStep) {
        (self.steps)(step);
    }

    /// Sends the person to the platform, and says until when we wait.
    fn send_out(&self, open: Open, url: &Url) {
        self.step(SignInStep::OpeningBrowser {
            url: url.to_string(),
        });
        if let Err(reason) = open(url) {
            tracing::warn!(%reason, "The browser could not be opened.");
            self.step(SignInStep::OpenItYourself {
                url: url.to_string(),
                reason,
            });
        }
        let limit = Millis::try_from(self.limit.as_millis()).unwrap_or(Millis::MAX);
        self.step(SignInStep::WaitingForPerson {
            until: self.clock.now().saturating_add(limit),
        });
    }

    fn too_late(&self) -> Error {
        Error::SignInFailed {
            reason: format!(
                "nobody signed in to {} within {}; start it again",
                self.platform,
                in_words(self.limit)
            ),
        }
    }

    /// A token request that came to nothing. `brought` is what the platform was given.
    fn failed(&self, problem: TokenProblem, brought: &str) -> Error {
        let platform = &self.platform;
        Error::SignInFailed {
            reason: match problem {
                TokenProblem::Grant(reason) => {
                    format!("{platform} does not accept {brought}: {reason}; start it again")
                }
                TokenProblem::Client(reason) => format!(
                    "{platform} does not accept this application: {reason}; check client id and secret"
                ),
                TokenProblem::Later { reason, .. } | TokenProblem::Own { reason, .. } => format!(
                    "{platform} could not give tokens: {reason}; start it again in a moment"
                ),
                TokenProblem::Settings(error) => return error,
            },
        }
    }
}

/// A sign-in that is under way; dropping it ends it.
pub struct SignIn {
    context: Context,
    way: Way,
    handle: SignInHandle,
}

enum Way {
    Code(Box<code::Waiting>),
    Device(Box<device::Waiting>),
    ThreeLegs(Box<three_legs::Waiting>),
    /// What was typed in is enough.
    Nobody,
}

/// Reaches a sign-in while somebody waits for its end.
#[derive(Clone)]
pub struct SignInHandle {
    url: Option<Url>,
    post_box: Option<browser::PostBox>,
    cancel: CancellationToken,
}

/// A sign-in that has come to its end; its tokens are not stored yet, so that the caller can look first
/// who it is that signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the platform gave.
    pub tokens: TokenSet,
    /// What the person typed in for it.
    pub fields: Typed,
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
            .field("platform", &self.context.platform)
            .field("redirect", &self.redirect_address())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignInHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignInHandle")
            .field("redirect", &self.post_box.as_ref().map(|it| &it.redirect))
            .finish_non_exhaustive()
    }
}

impl SignIn {
    /// Begins: listens and sends the person's browser to the platform, asks for a device code, or only checks what was
    /// typed in.
    ///
    /// `open` opens an address in the browser or says why it cannot; `steps` is told what is going on.
    pub async fn start(
        options: SignInOptions,
        open: impl FnOnce(&Url) -> std::result::Result<(), String> + Send + 'static,
        steps: impl Fn(SignInStep) + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Self> {
        let typed = Typed::read(&options.method, &options.fields)?;
        let method = options.method.with_fields(&typed)?;
        let certificates = match &method.tls {
            Some(spec) => tls::prepare(spec, &options.clock)?,
            None => None,
        };
        let mut context = Context {
            platform: options.platform,
            typed,
            certificates,
            clock: options.clock,
            steps: Arc::new(steps),
            deadline: Instant::now() + options.limit,
            limit: options.limit,
            method,
        };
        let open: Open = Box::new(open);
        let (way, url, post_box) = match context.method.kind.clone() {
            AuthKind::Oauth2Code(spec) => {
                let waiting = code::Waiting::start(&context, spec, &options.extra, open).await?;
                let (url, post_box) = (waiting.url.clone(), waiting.landing.post_box());
                (Way::Code(Box::new(waiting)), Some(url), Some(post_box))
            }
            AuthKind::DeviceCode(spec) => {
                let waiting = device::Waiting::start(&mut context, spec, open).await?;
                let url = waiting.url.clone();
                (Way::Device(Box::new(waiting)), Some(url), None)
            }
            AuthKind::Oauth1(spec) if spec.authorize_url.is_some() => {
                let waiting =
                    three_legs::Waiting::start(&context, spec, &options.extra, open).await?;
                let (url, post_box) = (waiting.url.clone(), waiting.landing.post_box());
                (Way::ThreeLegs(Box::new(waiting)), Some(url), Some(post_box))
            }
            kind if grants::needs_nobody(&kind) => (Way::Nobody, None, None),
            _ => {
                return Err(Error::Misconfigured {
                    what: format!("sign-in \"{}\"", context.method.label),
                    place: context.method.name,
                    problem: "it gets no token".to_owned(),
                    expected: "a sign-in that leads to a token, such as oauth2_code".to_owned(),
                });
            }
        };
        Ok(Self {
            context,
            way,
            handle: SignInHandle {
                url,
                post_box,
                cancel,
            },
        })
    }

    /// Reaches it while [`finish`](Self::finish) waits.
    pub fn handle(&self) -> SignInHandle {
        self.handle.clone()
    }

    /// Where the browser comes back to: what own applications at a platform must be registered with. Empty where no
    /// browser comes back.
    pub fn redirect_address(&self) -> &str {
        self.handle
            .post_box
            .as_ref()
            .map_or("", |post_box| &post_box.redirect)
    }

    /// Waits for the person where one is needed, then gets the tokens.
    pub async fn finish(self) -> Result<SignedIn> {
        let Self {
            context,
            way,
            handle,
        } = self;
        let cancel = &handle.cancel;
        let tokens = match way {
            Way::Code(waiting) => waiting.finish(&context, cancel).await,
            Way::Device(waiting) => waiting.finish(&context, cancel).await,
            Way::ThreeLegs(waiting) => waiting.finish(&context, cancel).await,
            Way::Nobody => {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => Err(Error::Cancelled),
                    result = alone(&context) => result,
                }
            }
        }?;
        Ok(SignedIn {
            tokens,
            fields: context.typed,
            steps: StepsDebug(context.steps),
        })
    }
}

/// Gets the first token without a person.
async fn alone(context: &Context) -> Result<TokenSet> {
    context.step(SignInStep::ExchangingCode);
    let mut attempt = 1;
    loop {
        match grants::obtain(&context.method, &context.typed, context.desk()).await {
            Ok(tokens) => return Ok(tokens),
            Err(TokenProblem::Later {
                untouched: true,
                after,
                ..
            }) if attempt < Patience::USUAL.attempts => {
                tokio::time::sleep(Patience::USUAL.wait(attempt, after)).await;
                attempt += 1;
            }
            Err(problem) => return Err(context.failed(problem, "what was typed in")),
        }
    }
}

impl SignInHandle {
    /// Where the person signs in: to open again or to copy.
    pub const fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// Takes the address at which the person's browser ended, when it could not come back by itself.
    /// An address that does not fit is refused and the sign-in goes on waiting.
    pub fn complete_with_url(&self, text: &str) -> Result<()> {
        match &self.post_box {
            Some(post_box) => post_box.take(text),
            None => Err(Error::SignInFailed {
                reason:
                    "this sign-in needs no address; type the code in at the address that is shown"
                        .to_owned(),
            }),
        }
    }

    /// Ends it; [`SignIn::finish`] gives [`Error::Cancelled`].
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl SignedIn {
    /// What is to be stored.
    pub fn into_kind(self) -> CredentialKind {
        CredentialKind::with_token(self.fields, self.tokens)
    }

    /// Puts the tokens in the place of those that the connection had before.
    pub async fn store(self, keeper: &Keeper, connection: ConnectionId) -> Result<Credentials> {
        (self.steps.0)(SignInStep::Storing);
        let kind = CredentialKind::with_token(self.fields, self.tokens);
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
