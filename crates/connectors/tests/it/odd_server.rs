//! A server that answers exactly the bytes that a test wants, however odd.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Counted from 0.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The lines of the head.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What is answered.
pub(crate) enum Reply {
    /// Status line's number, header lines, body.
    Json(u16, &'static str, String),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// A head, then a piece again and again for as long as somebody listens.
    Endless(&'static str, Vec<u8>),
    /// Nothing: the connection ends.
    Close,
    /// Nothing: the connection stays.
    Silence,
}

/// See the module.
pub(crate) struct OddServer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl OddServer {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (requests, answer) = (seen.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, answer) = (requests.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &requests, &*answer).await });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(&Seen) -> Reply + Send + Sync),
) -> Option<()> {
    let mut bytes = Vec::new();
    let head_end = loop {
        let mut piece = [0; 8192];
        let n = stream.read(&mut piece).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&piece[..n]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .and_then(|n| n.trim().parse().ok())
        })
        .unwrap_or(0);
    while bytes.len() < head_end + length {
        let mut piece = [0; 8192];
        let n = stream.read(&mut piece).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&piece[..n]);
    }
    let mut first = head.split(' ');
    let seen = {
        let mut requests = requests.lock().unwrap();
        let seen = Seen {
            number: requests.len(),
            method: first.next()?.to_owned(),
            target: first.next()?.to_owned(),
            body: String::from_utf8_lossy(&bytes[head_end..]).into_owned(),
            head,
        };
        requests.push(seen.clone());
        seen
    };
    match answer(&seen) {
        Reply::Json(status, headers, body) => {
            let text = format!(
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(text.as_bytes()).await.ok()?;
        }
        Reply::Raw(raw) => stream.write_all(&raw).await.ok()?,
        Reply::Endless(head, piece) => {
            stream.write_all(head.as_bytes()).await.ok()?;
            while stream.write_all(&piece).await.is_ok() {}
        }
        Reply::Close => {}
        Reply::Silence => {
            let mut piece = [0; 1];
            let _ = stream.read(&mut piece).await;
        }
    }
    stream.shutdown().await.ok()
}
