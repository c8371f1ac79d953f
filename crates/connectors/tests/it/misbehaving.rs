//! Platforms that misbehave: what they do has an end and a name, the other streams go on, and no other host gets the token.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use connectors::Access;
use connectors::declarative::manifest::Manifest;
use connectors::protocol::{Catalogue, Ended, Session, Sink};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "canary-token-31";
const MIB: u64 = 1024 * 1024;

/// What the misbehaving stream gets.
enum Answer {
    /// This, once.
    Whole(Vec<u8>),
    /// A beginning, and then the same piece until so many bytes are sent or nobody listens.
    Long {
        head: String,
        piece: Vec<u8>,
        bytes: u64,
    },
}

/// A platform with one stream that misbehaves and one that does not. It counts what it sends of the one, and keeps what
/// it is asked.
struct Platform {
    address: SocketAddr,
    sent: Arc<AtomicU64>,
    asked: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Platform {
    async fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let platform = Self {
            address,
            sent: Arc::default(),
            asked: Arc::default(),
        };
        let (sent, asked, answer) = (
            platform.sent.clone(),
            platform.asked.clone(),
            Arc::new(answer),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sent, asked, answer) = (sent.clone(), asked.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &sent, &asked, &*answer).await });
            }
        });
        platform
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    sent: &AtomicU64,
    asked: &std::sync::Mutex<Vec<String>>,
    answer: &(dyn Fn(&str, usize) -> Answer + Send + Sync),
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push(head.clone());
        asked.iter().filter(|head| head.contains(" /odd")).count()
    };
    if head.starts_with("GET /good") {
        let body = r#"[{"id":1},{"id":2},{"id":3}]"#;
        stream
            .write_all(&ok("application/json", body.as_bytes()))
            .await
            .ok()?;
        return stream.shutdown().await.ok();
    }
    match answer(&head, number) {
        Answer::Whole(bytes) => {
            sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            stream.write_all(&bytes).await.ok()?;
        }
        Answer::Long { head, piece, bytes } => {
            stream.write_all(head.as_bytes()).await.ok()?;
            let mut left = bytes;
            while left > 0 {
                stream.write_all(&piece).await.ok()?;
                sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
                left = left.saturating_sub(piece.len() as u64);
            }
        }
    }
    stream.shutdown().await.ok()
}

fn ok(content_type: &str, body: &[u8]) -> Vec<u8> {
    with_headers(&format!("content-type: {content_type}\r\n"), body)
}

fn with_headers(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn json(body: &str) -> Answer {
    Answer::Whole(ok("application/json", body.as_bytes()))
}

/// A head for a body whose length is told, or for one that just goes on.
fn long_head(headers: &str, length: Option<u64>) -> String {
    let length = length.map_or_else(String::new, |length| {
        format!("content-length: {length}\r\n")
    });
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}{length}\r\n")
}

/// The beginning of a gzip file of which each MiB is blanks. It has no end: nobody gets that far.
fn packed(bytes: u64) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; MIB as usize]).unwrap();
    // What comes after a flush begins anew, so it can be repeated.
    encoder.flush().unwrap();
    let block = encoder.get_ref().clone();
    let mut file = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    for _ in 0..bytes / MIB {
        file.extend_from_slice(&block);
    }
    file
}

/// A connector with the two streams; `more` is what the misbehaving one has beside its request.
fn connector(more: &str) -> String {
    format!(
        r#"
check: {{type: CheckStream, stream_names: [good]}}
definitions:
  requester: &requester
    type: HttpRequester
    url_base: "{{{{ config['base_url'] }}}}"
    authenticator: {{type: BearerAuthenticator, api_token: "{{{{ config['token'] }}}}"}}
    error_handler: {{type: DefaultErrorHandler, max_retries: 0}}
streams:
  - type: DeclarativeStream
    name: odd
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{<<: *requester, path: odd}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: [data]}}}}
{more}
  - type: DeclarativeStream
    name: good
    primary_key: id
    retriever:
      type: SimpleRetriever
      requester: {{<<: *requester, path: good}}
      record_selector: {{type: RecordSelector, extractor: {{type: DpathExtractor, field_path: []}}}}
spec: {{type: Spec, connection_specification: {{type: object, properties: {{}}}}}}
patchbay: {{limits: {{max_pages: 40, max_records: 100000}}}}
"#
    )
}

/// Reads both streams; gives how it ended, and the records of each stream.
async fn read(platform: &Platform, yaml: &str) -> (Ended, HashMap<String, u64>) {
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let manifest = Arc::new(Manifest::parse("odd", yaml).unwrap_or_else(|error| panic!("{error}")));
    let catalogue = Catalogue::of(&manifest);
    let config = serde_json::json!({"base_url": platform.url(), "token": TOKEN});
    let session = Session::new(manifest, config, None, Access::unattended()).unwrap();
    let (sink, mut lines) = Sink::new();
    let states = HashMap::new();
    let reading = async {
        let ended = session.read(&catalogue, &states, &sink).await;
        drop(sink);
        ended.unwrap()
    };
    let taking = async {
        let mut records = HashMap::new();
        while let Some(buffer) = lines.recv().await {
            for line in buffer
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let message: Json = serde_json::from_slice(line).unwrap();
                assert!(!message.to_string().contains(TOKEN), "{message}");
                if message["type"] == "RECORD" {
                    let stream = message["record"]["stream"].as_str().unwrap();
                    *records.entry(stream.to_owned()).or_insert(0) += 1;
                }
            }
        }
        records
    };
    tokio::join!(reading, taking)
}

/// What the misbehaving stream answers: to the head of a request, and its number from 1.
type Answering = Box<dyn Fn(&str, usize) -> Answer + Send + Sync>;

/// One way to misbehave.
struct Case {
    what: &'static str,
    /// What the connector says of the stream beside its request.
    more: &'static str,
    answer: Answering,
    /// Words that name what happened.
    named: &'static [&'static str],
    /// Most bytes that are taken from the platform.
    most_bytes: u64,
    /// Most requests for the stream.
    most_requests: usize,
}

async fn check(case: Case) {
    let what = case.what;
    let platform = Platform::start(case.answer).await;
    let (ended, records) = read(&platform, &connector(case.more)).await;
    assert_eq!(
        records.get("good"),
        Some(&3),
        "{what}: the other stream goes on"
    );
    let [(stream, reason)] = &ended.failed[..] else {
        panic!("{what}: one stream fails, not {:?}", ended.failed);
    };
    assert_eq!(stream, "odd", "{what}");
    for words in case.named {
        assert!(reason.contains(words), "{what}: {reason}");
    }
    assert!(!reason.contains(TOKEN), "{what}: {reason}");
    assert!(
        reason.len() < 2_000,
        "{what}: {} bytes of reason",
        reason.len()
    );
    let sent = platform.sent.load(Ordering::Relaxed);
    assert!(sent <= case.most_bytes, "{what}: {sent} bytes were taken");
    let requests = platform
        .asked()
        .iter()
        .filter(|head| head.contains(" /odd"))
        .count();
    assert!(
        requests <= case.most_requests,
        "{what}: {requests} requests"
    );
}

const BY_TOKEN: &str = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: token}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
const BY_NUMBER: &str = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}, pagination_strategy: {type: PageIncrement, page_size: 1}}";
const JSON: &str = "content-type: application/json\r\n";
/// What may lie in the buffers of sockets, besides what the reader takes.
const ON_THE_WAY: u64 = 16 * MIB;
const TWO_GIB: u64 = 2048 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_platform_does_wrong_has_an_end_and_a_name_and_the_other_streams_go_on() {
    let text = |length: Option<u64>| {
        move |_: &str, _: usize| Answer::Long {
            head: format!("{}{{\"data\":[{{\"id\":\"", long_head(JSON, length)),
            piece: vec![b'a'; 64 * 1024],
            bytes: TWO_GIB,
        }
    };
    let cases = [
        Case {
            what: "pages for ever, each with another token",
            more: BY_TOKEN,
            answer: Box::new(|_, n| json(&format!(r#"{{"data":[{{"id":{n}}}],"next":"t{n}"}}"#))),
            named: &["odd", "more than 40 pages"],
            most_bytes: MIB,
            most_requests: 41,
        },
        Case {
            what: "pages for ever, the token of before again",
            more: BY_TOKEN,
            answer: Box::new(|_, n| {
                json(&format!(r#"{{"data":[{{"id":{n}}}],"next":"t{}"}}"#, n % 3))
            }),
            named: &["odd", "goes round in circles"],
            most_bytes: MIB,
            most_requests: 5,
        },
        Case {
            what: "the same page for every number",
            more: BY_NUMBER,
            answer: Box::new(|_, _| json(r#"{"data":[{"id":1}]}"#)),
            named: &["odd", "the same page again and again"],
            most_bytes: MIB,
            most_requests: 5,
        },
        Case {
            what: "a web page instead of data",
            more: "",
            answer: Box::new(|_, _| {
                Answer::Whole(ok(
                    "text/html; charset=utf-8",
                    b"<!doctype html><title>Log in</title>",
                ))
            }),
            named: &["an HTML page"],
            most_bytes: MIB,
            most_requests: 1,
        },
        Case {
            what: "a web page that says that it is JSON",
            more: "",
            answer: Box::new(|_, _| json("<html><body>Maintenance</body></html>")),
            named: &["an HTML page"],
            most_bytes: MIB,
            most_requests: 1,
        },
        Case {
            what: "something that is neither JSON nor a web page",
            more: "",
            answer: Box::new(|_, _| json("{\"data\": [{\"id\": 1}, {\"id\": nonsense}]}")),
            named: &["cannot be understood"],
            most_bytes: MIB,
            most_requests: 1,
        },
        Case {
            what: "two gigabytes, as is told beforehand",
            more: "",
            answer: Box::new(text(Some(TWO_GIB))),
            named: &["larger than 64 MiB"],
            most_bytes: ON_THE_WAY,
            most_requests: 1,
        },
        Case {
            what: "two gigabytes without a word",
            more: "",
            answer: Box::new(text(None)),
            named: &["larger than 64 MiB"],
            most_bytes: 64 * MIB + ON_THE_WAY,
            most_requests: 1,
        },
        Case {
            what: "one line of two gigabytes where lines are records",
            more: "      decoder: {type: JsonlDecoder}",
            answer: Box::new(text(None)),
            named: &["64 MiB"],
            most_bytes: 64 * MIB + ON_THE_WAY,
            most_requests: 1,
        },
        Case {
            what: "lines without end",
            more: "      decoder: {type: JsonlDecoder}",
            answer: Box::new(|_, _| Answer::Long {
                head: long_head(JSON, None),
                piece: b"{\"data\":[{\"id\":1}]}\n".repeat(4096),
                bytes: TWO_GIB,
            }),
            named: &["odd", "more than 100000 records"],
            most_bytes: ON_THE_WAY + 16 * MIB,
            most_requests: 1,
        },
        Case {
            what: "a body that unpacks to two gigabytes",
            more: "",
            answer: {
                let bomb = packed(TWO_GIB);
                Box::new(move |_, _| {
                    let headers = format!("{JSON}content-encoding: gzip\r\n");
                    Answer::Whole(with_headers(&headers, &bomb))
                })
            },
            named: &["larger than 64 MiB"],
            most_bytes: 4 * MIB,
            most_requests: 1,
        },
        Case {
            what: "a packed file that unpacks to two gigabytes",
            more: "      decoder: {type: GzipDecoder, decoder: {type: JsonlDecoder}}",
            answer: {
                let bomb = packed(TWO_GIB);
                Box::new(move |_, _| Answer::Whole(ok("application/gzip", &bomb)))
            },
            named: &["gzip bomb"],
            most_bytes: 4 * MIB,
            most_requests: 1,
        },
        Case {
            what: "lists within lists within lists",
            more: "",
            answer: Box::new(|_, _| {
                json(&format!(
                    "{{\"data\":[{}{}]}}",
                    "[".repeat(MIB as usize),
                    "]".repeat(MIB as usize)
                ))
            }),
            named: &["levels of nesting"],
            most_bytes: 4 * MIB,
            most_requests: 1,
        },
        Case {
            what: "an answer that breaks off",
            more: "",
            answer: Box::new(|_, _| {
                let head = long_head(JSON, Some(1000));
                Answer::Whole(format!("{head}{{\"data\":[{{\"id\":1}},").into_bytes())
            }),
            named: &["broke off"],
            most_bytes: MIB,
            most_requests: 1,
        },
        Case {
            what: "headers without end",
            more: "",
            answer: Box::new(|_, _| Answer::Long {
                head: "HTTP/1.1 200 OK\r\n".into(),
                piece: b"x-more: and more\r\n".repeat(1024),
                bytes: TWO_GIB,
            }),
            named: &["broke"],
            most_bytes: ON_THE_WAY,
            most_requests: 1,
        },
        Case {
            what: "no HTTP at all",
            more: "",
            answer: Box::new(|_, _| Answer::Whole(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec())),
            named: &["broke"],
            most_bytes: MIB,
            most_requests: 1,
        },
        Case {
            what: "a redirect to itself",
            more: "",
            answer: Box::new(|_, _| {
                Answer::Whole(b"HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: /odd\r\ncontent-length: 0\r\n\r\n".to_vec())
            }),
            named: &["redirect"],
            most_bytes: MIB,
            most_requests: 7,
        },
    ];
    for case in cases {
        check(case).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_host_gets_the_token() {
    let next_url = "      paginator: {type: DefaultPaginator, page_token_option: {type: RequestPath}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
    for (what, more, is_redirect) in [
        ("a redirect to another host", "", true),
        ("a next page at another host", next_url, false),
    ] {
        let stranger = Platform::start(|_, _| json(r#"{"data":[{"id":"stolen"}]}"#)).await;
        // By another name, for a port is no host.
        let elsewhere = format!("http://localhost:{}/odd", stranger.address.port());
        let platform = Platform::start(move |_, _| {
            if is_redirect {
                let text = format!("HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
                return Answer::Whole(text.into_bytes());
            }
            json(&format!(r#"{{"data":[{{"id":1}}],"next":"{elsewhere}"}}"#))
        })
        .await;
        let (ended, records) = read(&platform, &connector(more)).await;
        assert_eq!(
            records.get("good"),
            Some(&3),
            "{what}: the other stream goes on"
        );
        let [(stream, reason)] = &ended.failed[..] else {
            panic!("{what}: one stream fails, not {:?}", ended.failed);
        };
        assert_eq!(stream, "odd", "{what}");
        assert!(reason.contains("localhost"), "{what}: {reason}");
        assert!(!reason.contains(TOKEN), "{what}: {reason}");
        for head in stranger.asked() {
            assert!(!head.contains(TOKEN), "{what}: {head}");
        }
        let right = platform.asked();
        assert!(
            right.iter().all(|head| head.contains(TOKEN)),
            "{what}: the platform itself gets it"
        );
    }
}
