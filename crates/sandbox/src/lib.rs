//! Two platforms on loopback: **Harbor CRM** (contacts, companies, deals) and **Postino** (subscribers, lists,
//! campaigns), each with its own OAuth 2 server. The demo workspace and the fake remote of all tests are this one
//! thing. `docs/sandbox.md` is the contract.
//!
//! It must never listen on anything but 127.0.0.1, and knows nothing of the product that talks to it.
//!
//! Start reading at [`Sandbox`], then `world` (all that the platforms know), `http::routes` (the table of addresses),
//! `http::gate` (what happens around each request).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

pub mod browser;
mod clock;
mod collection;
mod control;
mod counters;
mod doors;
mod faults;
mod graphql;
mod harbor;
mod http;
mod oauth;
mod page;
mod postino;
mod random;
mod records_page;
mod rest;
mod saved;
mod schema;
mod world;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

pub use counters::{Counters, PlatformCounters};
pub use faults::{Fault, FaultRule};
pub use oauth::robots::{IDENTITY_PROVIDER, Keys, ROBOT, keys};

use crate::{
    http::{
        gate::Shared,
        routes,
        wire::{Doorway, SafeDoorway, Scissors, acceptor},
    },
    world::{Stream, World},
};

/// How the sandbox starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides all sample data.
    pub seed: u64,
    /// Number of Harbor's contacts.
    pub contacts: usize,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Subscribers that Postino starts with; two thirds of them are known to Harbor too.
    pub existing_subscribers: usize,
    /// After that an access token must be refreshed.
    pub access_token_lifetime: Duration,
    /// How often a device may ask whether its code was typed in.
    pub device_interval: Duration,
    /// For how long Harbor tells which contacts were deleted.
    pub deletions_kept: Duration,
    /// Listen with TLS as well, on a free port.
    pub tls: bool,
    /// Where the state survives a restart. When the file exists, it wins over `seed` and `contacts`.
    pub state_file: Option<PathBuf>,
    /// Requests per credential and window; None: no limit, no headers.
    pub rate_limit_per_minute: Option<u32>,
    /// Length of that window; a minute unless a test is in a hurry.
    pub rate_limit_window: Duration,
}

impl Options {
    /// A free port, tokens for an hour, no limit, nothing kept.
    pub fn new(seed: u64, contacts: usize) -> Self {
        Self {
            seed,
            contacts,
            port: 0,
            existing_subscribers: 12,
            access_token_lifetime: Duration::from_secs(3600),
            device_interval: Duration::from_secs(5),
            deletions_kept: Duration::from_secs(30 * 24 * 3600),
            tls: false,
            state_file: None,
            rate_limit_per_minute: None,
            rate_limit_window: Duration::from_secs(60),
        }
    }
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// The CRM: where contacts come from.
    Harbor,
    /// The newsletter: where subscribers go.
    Postino,
}

impl Platform {
    /// Both.
    pub const ALL: [Platform; 2] = [Platform::Harbor, Platform::Postino];

    /// As in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Platform::Harbor => "harbor",
            Platform::Postino => "postino",
        }
    }

    /// E-mail address and password of the person who can sign in, for a hint to print.
    pub fn demo_user(self) -> (&'static str, &'static str) {
        let [first, _] = match self {
            Platform::Harbor => &oauth::known::HARBOR_USERS,
            Platform::Postino => &oauth::known::POSTINO_USERS,
        };
        (first.email, first.password)
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            Platform::Harbor => "Harbor CRM",
            Platform::Postino => "Postino",
        }
    }
}

/// What can go wrong around the sandbox, and with the scripted visitor of [`browser`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Choose another port, or 0.
    #[error("cannot listen on {address}; is the port in use?")]
    Listen {
        /// Where it tried to.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Give another place, or make this one readable and writable.
    #[error("cannot use the state file {}", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The stream's name is wrong.
    #[error("{platform} has no stream {stream}", platform = platform.title())]
    NoSuchStream {
        /// Which platform was asked.
        platform: Platform,
        /// What it was asked for.
        stream: String,
    },
    /// The platform or the waiting program did not answer.
    #[error("the visitor's browser got no answer")]
    Http(#[from] reqwest::Error),
    /// The platform showed something else than a form to go on with.
    #[error("the sign-in stopped: {0}")]
    SignIn(String),
}

/// Both platforms, listening.
#[derive(Debug)]
pub struct Sandbox {
    shared: Shared,
    address: SocketAddr,
    safe_address: Option<SocketAddr>,
    state_file: Option<Arc<PathBuf>>,
    server: Option<JoinHandle<()>>,
    safe_server: Option<JoinHandle<()>>,
    saver: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Fills both platforms and starts to listen.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let tls = options.tls;
        let world = tokio::task::spawn_blocking(move || {
            let mut world = World::new(&options, format!("http://{address}"));
            let known = match &options.state_file {
                Some(path) => saved::read(&mut world, path).map_err(|source| Error::StateFile {
                    path: path.clone(),
                    source,
                })?,
                None => false,
            };
            if !known {
                world.fill();
            }
            Ok::<_, Error>((world, options.state_file))
        });
        let (world, state_file) = match world.await {
            Ok(result) => result?,
            Err(error) => return Err(listen(io::Error::other(error))),
        };

        let shared = Shared::new(world);
        let service =
            routes::router(shared.clone()).into_make_service_with_connect_info::<Scissors>();
        let stopping = shared.clone();
        let server = tokio::spawn(async move {
            let served = axum::serve(Doorway(listener), service)
                .with_graceful_shutdown(async move { stopping.stopped().await })
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "The sandbox stopped serving.");
            }
        });
        let (safe_address, safe_server) = if tls {
            let (address, server) = serve_safely(&shared).await.map_err(listen)?;
            (Some(address), Some(server))
        } else {
            (None, None)
        };
        let state_file = state_file.map(Arc::new);
        let saver = state_file
            .as_ref()
            .map(|path| tokio::spawn(saved::keep_saved(shared.clone(), Arc::clone(path))));
        Ok(Self {
            shared,
            address,
            safe_address,
            state_file,
            server: Some(server),
            safe_server,
            saver,
        })
    }

    /// `http://127.0.0.1:PORT/`.
    pub fn base_url(&self) -> Url {
        self.url("/")
    }

    /// `https://127.0.0.1:PORT/`: the same behind TLS, where [`Options::tls`] asks for it.
    pub fn safe_url(&self) -> Option<Url> {
        Url::parse(&format!("https://{}/", self.safe_address?)).ok()
    }

    /// Harbor's pages; its API is at `api/v1` below.
    pub fn harbor_url(&self) -> Url {
        self.url("/harbor/")
    }

    /// Postino's pages; its API is at `api` below.
    pub fn postino_url(&self) -> Url {
        self.url("/postino/")
    }

    #[expect(
        clippy::expect_used,
        reason = "a socket address and a constant path always make a URL"
    )]
    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("an address makes a URL")
    }

    /// Ends all connections and saves the state, if there is a file for it.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.shared.stop();
        for mut server in self
            .server
            .take()
            .into_iter()
            .chain(self.safe_server.take())
        {
            if tokio::time::timeout(Duration::from_secs(2), &mut server)
                .await
                .is_err()
            {
                server.abort();
            }
        }
        if let Some(saver) = self.saver.take()
            && let Err(error) = saver.await
        {
            tracing::warn!(%error, "Saving in the background ended early.");
        }
        match &self.state_file {
            Some(path) => {
                saved::save(&self.shared, path)
                    .await
                    .map_err(|source| Error::StateFile {
                        path: path.to_path_buf(),
                        source,
                    })
            }
            None => Ok(()),
        }
    }

    /// Every Harbor contact in id order, as a JSON array.
    pub fn contacts(&self) -> Value {
        self.read_all(Stream::Contacts)
    }

    /// Every Postino subscriber in id order, as a JSON array.
    pub fn subscribers(&self) -> Value {
        self.read_all(Stream::Subscribers)
    }

    /// Every record of a stream in id order, as a JSON array.
    pub fn records(&self, platform: Platform, stream: &str) -> Result<Value, Error> {
        match Stream::named(platform, stream) {
            Some(stream) => Ok(self.read_all(stream)),
            None => Err(Error::NoSuchStream {
                platform,
                stream: stream.to_owned(),
            }),
        }
    }

    fn read_all(&self, stream: Stream) -> Value {
        let text = self.shared.with(|world| world.all(stream));
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Changes so many contacts, chosen by the seed, as people at Harbor would; gives their ids.
    pub fn edit_contacts(&self, count: usize, seed: u64) -> Vec<String> {
        self.shared
            .with(|world| world.edit_some(Stream::Contacts, count, seed))
    }

    /// Deletes so many contacts, chosen by the seed; gives their ids.
    pub fn delete_contacts(&self, count: usize, seed: u64) -> Vec<String> {
        self.shared
            .with(|world| world.delete_some(Stream::Contacts, count, seed))
    }

    /// Adds so many contacts; gives their ids.
    pub fn add_contacts(&self, count: usize) -> Vec<String> {
        self.shared.with(|world| world.add_contacts(count))
    }

    /// Changes so many subscribers, chosen by the seed, as people at Postino would; gives their ids.
    pub fn edit_subscribers(&self, count: usize, seed: u64) -> Vec<String> {
        self.shared
            .with(|world| world.edit_some(Stream::Subscribers, count, seed))
    }

    /// Deletes so many subscribers, chosen by the seed; gives their ids.
    pub fn delete_subscribers(&self, count: usize, seed: u64) -> Vec<String> {
        self.shared
            .with(|world| world.delete_some(Stream::Subscribers, count, seed))
    }

    /// Puts these rules in force instead of those before; none ends all faults.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.shared.with(|world| world.faults.set(rules));
    }

    /// What happened since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.shared.with(|world| world.counters.clone())
    }

    /// All counters to zero.
    pub fn reset_counters(&self) {
        self.shared
            .with(|world| world.counters = Counters::default());
    }

    /// Lets all access tokens of the platform expire now; gives their number.
    pub fn expire_tokens(&self, platform: Platform) -> usize {
        self.shared.with(|world| world.expire_tokens(&[platform]))
    }

    /// Revokes all sign-ins of the platform; gives their number.
    pub fn revoke_tokens(&self, platform: Platform) -> usize {
        self.shared.with(|world| world.revoke_tokens(&[platform]))
    }

    /// Moves the sandbox's clock forward: tokens, codes and rate-limit windows end without waiting.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.with(|world| world.advance_clock(by));
    }
}

/// The same routes over TLS, on a port of their own.
async fn serve_safely(shared: &Shared) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let keys = tokio::task::spawn_blocking(keys)
        .await
        .map_err(io::Error::other)?
        .ok_or_else(|| io::Error::other("no keys can be made for TLS"))?;
    let acceptor = acceptor(keys).map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let doorway = SafeDoorway::new(listener, acceptor)?;
    let service = routes::router(shared.clone()).into_make_service_with_connect_info::<Scissors>();
    let stopping = shared.clone();
    let server = tokio::spawn(async move {
        let served = axum::serve(doorway, service)
            .with_graceful_shutdown(async move { stopping.stopped().await })
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "The sandbox stopped serving over TLS.");
        }
    });
    Ok((address, server))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
