//! The client against servers that misbehave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connectors::http::breaker::Phase;
use connectors::{Access, Error, Source as _};

use crate::odd_server::{OddServer, Reply};
use crate::reach::{hasty, keys, odd, pages, pages_with, recorded, things, whole};

const BY_PAGE: &str = "{type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: page}, pagination_strategy: {type: PageIncrement, start_from_page: 1}}";
const BY_CURSOR: &str = "{type: DefaultPaginator, page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: cursor}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
const BY_ADDRESS: &str = "{type: DefaultPaginator, page_token_option: {type: RequestPath}, pagination_strategy: {type: CursorPagination, cursor_value: \"{{ response.next }}\"}}";
const NONE: &str = "{type: NoPagination}";

fn json(body: impl Into<String>) -> Reply {
    Reply::Json(200, "", body.into())
}

async fn error_of(server: &OddServer, paginator: &str) -> Error {
    let platform = odd(&server.url(), &things(paginator), hasty());
    pages(&platform, whole("things")).await.unwrap_err()
}

#[tokio::test]
async fn the_same_page_for_ever_ends() {
    let server = OddServer::start(|_| json(r#"{"data":[{"id":"1"}]}"#)).await;
    let error = error_of(&server, BY_PAGE).await;
    assert!(
        error.to_string().contains("the same page again and again"),
        "{error}"
    );
    assert!(server.seen().len() < 10);
}

#[tokio::test]
async fn pages_without_end_stop_at_the_limit() {
    let server =
        OddServer::start(|seen| json(format!(r#"{{"data":[{{"id":"{}"}}]}}"#, seen.number))).await;
    let yaml = format!(
        "{}patchbay: {{limits: {{max_pages: 20}}}}\n",
        things(BY_PAGE)
    );
    let platform = odd(&server.url(), &yaml, hasty());
    let error = pages(&platform, whole("things")).await.unwrap_err();
    assert!(error.to_string().contains("more than 20 pages"), "{error}");
}

#[tokio::test]
async fn a_cursor_that_comes_again_ends_the_read() {
    let server = OddServer::start(|seen| {
        let next = ["b", "c", "b"][seen.number % 3];
        json(format!(
            r#"{{"data":[{{"id":"{}"}}],"next":"{next}"}}"#,
            seen.number
        ))
    })
    .await;
    let error = error_of(&server, BY_CURSOR).await;
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
    assert!(error.to_string().contains("round in circles"), "{error}");
}

#[tokio::test]
async fn a_page_for_people_is_not_taken_for_data() {
    let server = OddServer::start(|_| {
        Reply::Raw(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>"
                .to_vec(),
        )
    })
    .await;
    let error = error_of(&server, NONE).await;
    assert!(error.to_string().contains("an HTML page"), "{error}");
    // The same with the wrong content type.
    let server = OddServer::start(|_| json("<html></html>")).await;
    let error = error_of(&server, NONE).await;
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_body_without_end_and_a_body_that_grows_are_cut() {
    let announced = OddServer::start(|_| {
        Reply::Endless(
            "HTTP/1.1 200 OK\r\ncontent-length: 2147483648\r\n\r\n",
            vec![b' '; 64 * 1024],
        )
    })
    .await;
    let error = error_of(&announced, NONE).await;
    assert!(error.to_string().contains("larger than 1 MiB"), "{error}");

    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(vec![b' '; 0x10000]);
    chunk.extend(b"\r\n");
    let endless = OddServer::start(move |_| {
        Reply::Endless(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            chunk.clone(),
        )
    })
    .await;
    let error = error_of(&endless, NONE).await;
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");

    let bomb = gzip_of_zeros(200 * 1024 * 1024);
    assert!(bomb.len() < 2 * 1024 * 1024);
    let server = OddServer::start(move |_| {
        let mut raw = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        )
        .into_bytes();
        raw.extend_from_slice(&bomb);
        Reply::Raw(raw)
    })
    .await;
    let error = error_of(&server, NONE).await;
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error}");
}

/// Deflate with fixed codes: one zero, then copies of it, 258 at a time in 13 bits.
fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut count) = (0u64, 0u32);
    let mut push = |value: u64, n: u32, out: &mut Vec<u8>| {
        bits |= value << count;
        count += n;
        while count >= 8 {
            out.push((bits & 255) as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3, &mut out);
    push(0b0000_1100, 8, &mut out); // literal 0: 00110000, mirrored
    for _ in 0..length / 258 {
        push(0b1010_0011, 8, &mut out); // length 258: 11000101, mirrored
        push(0, 5, &mut out);
    }
    push(0, 7, &mut out);
    push(0, 8, &mut out);
    out
}

#[tokio::test]
async fn json_that_is_nested_without_end_is_refused() {
    let server = OddServer::start(|_| json("[".repeat(500_000))).await;
    let error = error_of(&server, NONE).await;
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn credentials_follow_neither_redirects_nor_pages_to_another_host() {
    let other = OddServer::start(|_| json("{}")).await;
    let there = other.url();
    let redirecting = OddServer::start(move |_| {
        Reply::Raw(
            format!("HTTP/1.1 302 x\r\nconnection: close\r\nlocation: {there}/steal\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
        )
    })
    .await;
    let error = error_of(&redirecting, NONE).await;
    assert!(
        error.to_string().contains("credentials are sent to"),
        "{error}"
    );

    let there = other.url();
    let paging = OddServer::start(move |_| {
        json(format!(
            r#"{{"data":[{{"id":"1"}}],"next":"{there}/things?page=2"}}"#
        ))
    })
    .await;
    let error = error_of(&paging, BY_ADDRESS).await;
    assert!(
        error.to_string().contains("credentials are sent to"),
        "{error}"
    );
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

#[tokio::test]
async fn a_redirect_within_the_platform_is_followed_and_signed() {
    let server = OddServer::start(|seen| match seen.target.as_str() {
        "/things" => Reply::Raw(
            b"HTTP/1.1 301 x\r\nconnection: close\r\nlocation: /v2/things\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        ),
        _ => json(r#"{"data":[{"id":"1"}]}"#),
    })
    .await;
    let platform = odd(&server.url(), &things(NONE), hasty());
    let read = pages(&platform, whole("things")).await.unwrap();
    assert_eq!(keys(&read), ["1"]);
    let seen = server.seen();
    assert_eq!(seen[1].target, "/v2/things");
    assert_eq!(
        seen[1].header("authorization"),
        Some("Bearer canary-token-1")
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let server = OddServer::start(|seen| match seen.number {
        0 => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":[".to_vec()),
        1 => Reply::Close,
        _ => json(r#"{"data":[{"id":"1"}]}"#),
    })
    .await;
    let (access, kept) = recorded();
    let platform = odd(&server.url(), &things(NONE), hasty());
    let read = pages_with(&platform, whole("things"), access)
        .await
        .unwrap();
    assert_eq!(keys(&read), ["1"]);
    let kept = kept.0.lock().unwrap();
    assert_eq!(
        kept.iter()
            .map(|exchange| exchange.attempt)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(
        kept[0].error.as_ref().unwrap().contains("broke off"),
        "{kept:?}"
    );
    assert_eq!(read[0].exchange, Some(kept[2].id));
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server = OddServer::start(|seen| match seen.number {
        0 => Reply::Json(429, "retry-after: 1\r\n", "{}".into()),
        _ => json(r#"{"data":[{"id":"1"}]}"#),
    })
    .await;
    let platform = odd(&server.url(), &things(NONE), hasty());
    let started = Instant::now();
    let read = pages(&platform, whole("things")).await.unwrap();
    assert_eq!(keys(&read), ["1"]);
    assert!(started.elapsed() >= Duration::from_millis(990));
}

#[tokio::test]
async fn a_wait_longer_than_the_patience_is_told_not_slept() {
    let server = OddServer::start(|_| Reply::Json(429, "retry-after: 7200\r\n", "{}".into())).await;
    let error = error_of(&server, NONE).await;
    assert!(
        matches!(error, Error::RateLimited { after: Some(after), .. } if after.as_secs() == 7200),
        "{error:?}"
    );
}

#[tokio::test]
async fn stopping_ends_every_wait_at_once() {
    for answer in ["later", "silence"] {
        let server = OddServer::start(move |_| match answer {
            "later" => Reply::Json(429, "retry-after: 60\r\n", "{}".into()),
            _ => Reply::Silence,
        })
        .await;
        let platform = odd(&server.url(), &things(NONE), hasty());
        let access = Access::unattended();
        let cancel = access.cancel.clone();
        let seen = Arc::new(server);
        let watching = seen.clone();
        tokio::spawn(async move {
            // As soon as the request is there, the person stops.
            while watching.seen().is_empty() {
                tokio::task::yield_now().await;
            }
            cancel.cancel();
        });
        let started = Instant::now();
        let error = pages_with(&platform, whole("things"), access)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{answer}: {error}");
        assert!(started.elapsed() < Duration::from_secs(2), "{answer}");
    }
}

#[tokio::test]
async fn the_breaker_opens_and_nothing_is_sent_until_it_is_reset() {
    let server = OddServer::start(|seen| match seen.number {
        0..4 => Reply::Json(500, "", "{}".into()),
        _ => json(r#"{"data":[{"id":"1"}]}"#),
    })
    .await;
    let mut limits = hasty();
    limits.breaker_threshold = 4;
    let manifest =
        connectors::declarative::manifest::Manifest::parse("odd", &things(NONE)).unwrap();
    let client = crate::reach::client("Odd", limits);
    let platform = connectors::declarative::platform::Platform::new(
        Arc::new(manifest),
        crate::reach::config(&server.url()),
        Arc::new(connectors::http::NoSignIn),
        client.clone(),
        model::clock::Clock::system(),
    );
    let error = pages(&platform, whole("things")).await.unwrap_err();
    assert!(
        error.to_string().contains("failed many times in a row"),
        "{error}"
    );
    assert!(matches!(client.breaker().phase, Phase::Open { .. }));
    assert!(pages(&platform, whole("things")).await.is_err());
    assert_eq!(server.seen().len(), 4, "the open breaker sends nothing");
    client.reset_breaker();
    assert_eq!(
        keys(&pages(&platform, whole("things")).await.unwrap()),
        ["1"]
    );
    assert_eq!(client.breaker().phase, Phase::Closed);
}

#[tokio::test]
async fn no_secret_is_in_what_is_recorded_or_said() {
    let server = OddServer::start(|seen| {
        Reply::Json(
            400,
            "set-cookie: session=canary-cookie-2\r\n",
            format!(
                r#"{{"message":"bad header {}","access_token":"canary-token-3"}}"#,
                seen.header("authorization").unwrap_or_default()
            ),
        )
    })
    .await;
    let (access, kept) = recorded();
    let platform = odd(&server.url(), &things(NONE), hasty());
    let error = pages_with(&platform, whole("things"), access)
        .await
        .unwrap_err();
    let shown = format!(
        "{error} {error:?} {:?} {platform:?}",
        kept.0.lock().unwrap()
    );
    assert!(shown.contains("bad header"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_unavailable() {
    let platform = odd("http://127.0.0.1:9", &things(NONE), hasty());
    let error = pages(&platform, whole("things")).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
    assert_eq!(
        platform
            .discover(&Access::unattended())
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn filters_additions_and_page_tokens_in_templates_are_heeded() {
    let yaml = "streams:
  - type: DeclarativeStream
    name: things
    primary_key: id
    $parameters: {kind: box}
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url: \"{{ config['base_url'] }}/things\"
        request_parameters: {kind: \"{{ parameters.kind }}\", tags: \"{{ ['a', 'b'] }}\", after: \"{{ next_page_token['next_page_token'] }}\", none: \"{{ config.none }}\"}
        authenticator: {type: BearerAuthenticator, api_token: \"00012\"}
      record_selector:
        type: RecordSelector
        extractor: {type: DpathExtractor, field_path: [data]}
        record_filter: {type: RecordFilter, condition: \"{{ record.n > 1 }}\"}
      paginator:
        type: DefaultPaginator
        pagination_strategy: {type: CursorPagination, cursor_value: \"{{ last_record.id }}\", stop_condition: \"{{ last_page_size < 2 }}\"}
    transformations:
      - {type: AddFields, fields: [{path: [double], value: \"{{ record.n * 2 }}\"}, {path: [at, kind], value: \"{{ parameters.kind }}-{{ record.id }}\"}]}
      - {type: RemoveFields, field_pointers: [[secret]]}
";
    let server = OddServer::start(|seen| match seen.number {
        0 => json(r#"{"data":[{"id":"1","n":1},{"id":"2","n":2,"secret":"x"},{"id":"3","n":3}]}"#),
        _ => json(r#"{"data":[{"id":"4","n":1.50}]}"#),
    })
    .await;
    let platform = odd(&server.url(), yaml, hasty());
    let read = pages(&platform, whole("things")).await.unwrap();
    let records: Vec<String> = read
        .iter()
        .flat_map(|page| &page.records)
        .map(|record| model::json::to_string(&record.fields))
        .collect();
    assert_eq!(
        records,
        [
            r#"{"id":"2","n":2,"double":4,"at":{"kind":"box-2"}}"#,
            r#"{"id":"3","n":3,"double":6,"at":{"kind":"box-3"}}"#,
            r#"{"id":"4","n":1.50,"double":3.0,"at":{"kind":"box-4"}}"#,
        ]
    );
    let seen = server.seen();
    assert_eq!(seen[0].target, "/things?kind=box&tags=a&tags=b");
    assert_eq!(seen[1].target, "/things?kind=box&tags=a&tags=b&after=3");
    assert_eq!(seen[0].header("authorization"), Some("Bearer 00012"));
}
