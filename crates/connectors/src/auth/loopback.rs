//! Where the browser comes back to: a small listener on 127.0.0.1 and ::1, one for each sign-in.
//!
//! It reads one bounded request head per connection and never a body. Whatever is not the redirect of
//! *this* sign-in gets a page that says so and changes nothing: any local program, and any page in the
//! browser, can send requests here. The right one is known by its `state`, compared in constant time.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::page::Page;
use crate::{Error, Result};

/// A redirect with a long code and a long scope is about 4 KiB.
const MAX_HEAD: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 50;
/// Browsers open a few in advance.
const MAX_CONNECTIONS: usize = 32;
/// For the whole head to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// For the code to be exchanged, before the browser gets a page that does not know the end.
const END_PATIENCE: Duration = Duration::from_secs(25);
/// How many ports after a wanted one are tried.
const NEXT_PORTS: u16 = 20;

/// The two sockets of one sign-in.
#[derive(Debug)]
pub(super) struct Listener {
    v4: TcpListener,
    v6: Option<TcpListener>,
    /// The same for both.
    pub(super) port: u16,
}

/// What the redirect of this sign-in looks like.
#[derive(Debug)]
pub(super) struct Expected {
    /// Path of the redirect address.
    pub(super) path: String,
    /// What tells it from others, by the name that it has in the query: the `state` of the authorize request.
    pub(super) key: (&'static str, String),
    /// What it brings: one of these.
    pub(super) answers: Vec<String>,
}

/// The redirect has come.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Its query.
    pub(super) query: Query,
    /// How it ended, for the browser; none when the address was pasted.
    pub(super) answer: Option<oneshot::Sender<Page>>,
}

/// Names and values of a redirect's query.
#[derive(Clone)]
pub(super) struct Query(Vec<(String, String)>);

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .take(MAX_PARAMETERS)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The value of a name that is there exactly once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(candidate, _)| candidate == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

impl Expected {
    /// Whether the query belongs to this sign-in; if not, why.
    pub(super) fn check(&self, query: &Query) -> std::result::Result<(), String> {
        let (name, key) = &self.key;
        match query.get(name) {
            None => Err(format!("it carries no {name}")),
            Some(seen) if !same(seen.as_bytes(), key.as_bytes()) => {
                Err(format!("its {name} belongs to another sign-in"))
            }
            Some(_) if !self.answers.iter().any(|name| query.get(name).is_some()) => Err(format!(
                "it carries neither {}",
                self.answers
                    .iter()
                    .map(|name| match name.as_str() {
                        "code" => "a code",
                        "error" => "an error",
                        name => name,
                    })
                    .collect::<Vec<_>>()
                    .join(" nor ")
            )),
            Some(_) => Ok(()),
        }
    }
}

/// Takes the same time wherever the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

impl Listener {
    /// Takes the wanted port, or the next free one after it; without a wish any free port.
    pub(super) async fn bind(wanted: Option<u16>) -> Result<Self> {
        let mut last = None;
        for step in 0..=NEXT_PORTS {
            let port = match wanted {
                Some(port) => port.checked_add(step).unwrap_or(0),
                None => 0,
            };
            match Self::bind_both(port).await {
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some(error),
            }
        }
        Err(Error::SignInFailed {
            reason: format!(
                "no port on this computer could be opened for the browser to come back to ({}); allow Patchbay to listen on 127.0.0.1, or end the program that holds the ports, and try again",
                last.map(|error| error.to_string()).unwrap_or_default()
            ),
        })
    }

    async fn bind_both(port: u16) -> io::Result<Self> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = v4.local_addr()?.port();
        let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(v6) => Some(v6),
            // Somebody else would get what the browser sends to `localhost`.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            // This computer has no IPv6.
            Err(_) => None,
        };
        Ok(Self { v4, v6, port })
    }

    /// Answers browsers until `closing`, then lets answers under way go out.
    pub(super) async fn serve(
        self,
        expected: Arc<Expected>,
        arrivals: mpsc::Sender<Arrival>,
        closing: CancellationToken,
    ) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = closing.cancelled() => break,
                Some(_) = connections.join_next(), if connections.len() >= MAX_CONNECTIONS => continue,
                accepted = self.v4.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
                accepted = accept(self.v6.as_ref()), if connections.len() < MAX_CONNECTIONS => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, from)) if from.ip().is_loopback() => {
                    let context = Context {
                        expected: Arc::clone(&expected),
                        arrivals: arrivals.clone(),
                        port: self.port,
                        closing: closing.clone(),
                    };
                    connections.spawn(context.answer(stream));
                }
                Ok(_) => {}
                // Out of file descriptors, or the peer was quicker.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        drop(self);
        let _ = tokio::time::timeout(Duration::from_secs(2), async {
            while connections.join_next().await.is_some() {}
        })
        .await;
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

struct Context {
    expected: Arc<Expected>,
    arrivals: mpsc::Sender<Arrival>,
    port: u16,
    closing: CancellationToken,
}

impl Context {
    async fn answer(self, mut stream: TcpStream) {
        let head = tokio::select! {
            // A connection that a browser has opened in advance says nothing and need not be waited for.
            () = self.closing.cancelled() => return,
            head = tokio::time::timeout(HEAD_PATIENCE, read_head(&mut stream)) => head,
        };
        let Ok(Ok(head)) = head else { return };
        let page = self.page(head).await;
        let _ = tokio::time::timeout(HEAD_PATIENCE, async {
            stream.write_all(&page.answer()).await?;
            stream.shutdown().await?;
            // The browser closes first: closing with unread bytes would cut the page off.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
    }

    async fn page(&self, head: Head) -> Page {
        let target = match self.look_at(&head) {
            Ok(target) => target,
            Err(page) => return page,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.expected.path {
            return Page::failed(
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "Patchbay waits at this address for a sign-in to come back.",
            );
        }
        let query = Query::parse(query);
        if let Err(reason) = self.expected.check(&query) {
            tracing::warn!(
                port = self.port,
                %reason,
                "A redirect that does not belong to this sign-in was refused."
            );
            return Page::failed(
                StatusCode::BAD_REQUEST,
                "This is not the sign-in that Patchbay waits for",
                &format!(
                    "The address was refused: {reason}. Nothing was changed. Go back to Patchbay and open the sign-in from there."
                ),
            );
        }
        let (answer, ended) = oneshot::channel();
        let arrival = Arrival {
            query,
            answer: Some(answer),
        };
        if self.arrivals.try_send(arrival).is_err() {
            return Page::received();
        }
        match tokio::time::timeout(END_PATIENCE, ended).await {
            Ok(Ok(page)) => page,
            _ => Page::received(),
        }
    }

    /// The target of a GET request to us.
    fn look_at<'a>(&self, head: &'a Head) -> std::result::Result<&'a str, Page> {
        let refuse =
            |status, text: &str| Err(Page::failed(status, "This request was refused", text));
        let Head::Whole(head) = head else {
            return refuse(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "It is longer than any sign-in. Nothing was changed.",
            );
        };
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return refuse(StatusCode::BAD_REQUEST, "It is not an HTTP request.");
        };
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return refuse(StatusCode::BAD_REQUEST, "It is not an HTTP/1.1 request.");
        }
        if method != "GET" {
            return refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "A sign-in comes back with GET.",
            );
        }
        // A page of a foreign name that resolves to this computer is not us.
        let host = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim());
        let ours = host.is_some_and(|host| {
            ["127.0.0.1", "[::1]", "localhost"]
                .iter()
                .any(|name| host.eq_ignore_ascii_case(&format!("{name}:{}", self.port)))
        });
        if !ours {
            tracing::warn!(
                port = self.port,
                "A request under a foreign host name was refused."
            );
            return refuse(
                StatusCode::BAD_REQUEST,
                "It was addressed to another host. Nothing was changed.",
            );
        }
        Ok(target)
    }
}

enum Head {
    Whole(String),
    TooLarge,
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Head> {
    let mut bytes = Vec::with_capacity(1024);
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend(chunk.iter().take(count));
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            bytes.truncate(end);
            return Ok(Head::Whole(String::from_utf8_lossy(&bytes).into_owned()));
        }
        if bytes.len() > MAX_HEAD {
            return Ok(Head::TooLarge);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(head: &str, expected: u16) {
        let context = Context {
            expected: Arc::new(Expected {
                path: "/callback".into(),
                key: ("state", "s".into()),
                answers: vec!["code".into(), "error".into()],
            }),
            arrivals: mpsc::channel(1).0,
            port: 4000,
            closing: CancellationToken::new(),
        };
        let status = match context.look_at(&Head::Whole(head.to_owned())) {
            Ok(_) => 200,
            Err(page) => page.status.as_u16(),
        };
        assert_eq!(status, expected, "{head:?}");
    }

    #[test]
    fn only_plain_requests_to_this_listener_are_looked_at() {
        check("GET /callback?code=1 HTTP/1.1\r\nHost: 127.0.0.1:4000", 200);
        check(
            "GET /callback HTTP/1.1\r\nhost: [::1]:4000\r\nAccept: */*",
            200,
        );
        check("GET / HTTP/1.1\r\nHost: LOCALHOST:4000", 200);
        check("GET / HTTP/1.1\r\nHost: evil.example:4000", 400);
        check("GET / HTTP/1.1\r\nHost: 127.0.0.1:4001", 400);
        check("GET / HTTP/1.1", 400);
        check("POST /callback HTTP/1.1\r\nHost: 127.0.0.1:4000", 405);
        check(
            "GET http://127.0.0.1:4000/ HTTP/1.1\r\nHost: 127.0.0.1:4000",
            400,
        );
        check("GET /callback", 400);
        check("\u{16}\u{3}\u{1}", 400);
        check("", 400);
    }

    #[test]
    fn a_name_given_twice_counts_as_not_given() {
        let query = Query::parse("state=a&state=a&code=1");
        assert_eq!(query.get("state"), None);
        assert_eq!(query.get("code"), Some("1"));
        assert_eq!(format!("{query:?}"), r#"["state", "state", "code"]"#);
    }

    proptest! {
        #[test]
        fn only_the_same_state_is_the_same(a in "[a-c]{0,4}", b in "[a-c]{0,4}") {
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
        }

        #[test]
        fn no_head_makes_it_panic(head in ".{0,200}") {
            let context = Context {
                expected: Arc::new(Expected {
                    path: "/callback".into(),
                    key: ("state", "s".into()),
                    answers: vec!["code".into()],
                }),
                arrivals: mpsc::channel(1).0,
                port: 4000,
                closing: CancellationToken::new(),
            };
            let _ = context.look_at(&Head::Whole(head));
        }
    }
}
