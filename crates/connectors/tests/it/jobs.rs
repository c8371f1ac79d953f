//! Records that a platform gets ready first: jobs are ordered, asked after, and their results fetched.

use serde_json::{Value as Json, json};

use crate::odd_server::OddServer;
use crate::parts::{Came, Routes, asked, platform, read, session};

const JOB: &str = "
streams:
  - type: DeclarativeStream
    name: s
    retriever:
      type: AsyncRetriever
      status_mapping: {running: [busy], completed: [done], failed: [broken], timeout: [late], skipped: [nothing]}
      status_extractor: {type: DpathExtractor, field_path: [status]}
      download_target_extractor: {type: DpathExtractor, field_path: [urls]}
      creation_requester: {type: HttpRequester, url_base: BASE, path: /jobs, http_method: POST, authenticator: &token {type: BearerAuthenticator, api_token: \"{{ config.token }}\"}}
      polling_requester: {type: HttpRequester, url_base: BASE, path: \"/jobs/{{ creation_response['id'] }}\", authenticator: *token}
      download_requester: {type: HttpRequester, url: \"{{ download_target }}\", authenticator: *token}
      delete_requester: {type: HttpRequester, url_base: BASE, path: \"/jobs/{{ creation_response['id'] }}\", http_method: DELETE, authenticator: *token}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
";

async fn read_job(server: &OddServer, yaml: &str) -> Came {
    let session = session(server, yaml, json!({"token": "job-token-77"})).unwrap();
    read(&session, &["s"], &Json::Null).await
}

#[tokio::test]
async fn all_results_of_a_job_are_fetched_and_then_it_is_removed() {
    const ROUTES: Routes = &[
        (
            "/jobs/7",
            200,
            r#"{"status":"done","urls":["BASE/a","BASE/b"]}"#,
        ),
        ("/jobs", 200, r#"{"id":7}"#),
        ("/a", 200, r#"[{"id":1},{"id":2}]"#),
        ("/b", 200, r#"[{"id":3}]"#),
    ];
    let server = platform(ROUTES).await;
    let came = read_job(&server, JOB).await;
    assert_eq!(came.failed, []);
    assert_eq!(came.of("s"), r#"{"id":1} {"id":2} {"id":3}"#);
    assert_eq!(asked(&server), "/jobs /jobs/7 /a /b /jobs/7");
    let last = server.seen().pop().unwrap();
    assert_eq!(last.method, "DELETE");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer job-token-77"))
    );
}

#[tokio::test]
async fn results_at_another_host_are_fetched_without_the_token() {
    let elsewhere = OddServer::start(|seen| {
        let body = format!(
            r#"[{{"id":"{}"}}]"#,
            seen.header("authorization").unwrap_or("nobody")
        );
        crate::odd_server::Reply::Json(200, "", body)
    })
    .await;
    let url = elsewhere.url();
    let server = OddServer::start(move |seen| {
        let body = match seen.target.as_str() {
            "/jobs" => r#"{"id":7}"#.to_owned(),
            _ => format!(r#"{{"status":"done","urls":["{url}/result"]}}"#),
        };
        crate::odd_server::Reply::Json(200, "", body)
    })
    .await;
    let came = read_job(&server, JOB).await;
    assert_eq!(came.failed, []);
    assert_eq!(came.of("s"), r#"{"id":"nobody"}"#);
}

#[tokio::test]
async fn a_job_with_nothing_in_it_has_no_records_and_an_unknown_word_is_named() {
    for (what, status, failure) in [
        ("nothing to fetch", "nothing", ""),
        ("a word that nobody knows", "odd", "has the status `odd`"),
    ] {
        let body = format!(r#"{{"id":7,"status":"{status}","urls":[]}}"#);
        let server =
            OddServer::start(move |_| crate::odd_server::Reply::Json(200, "", body.clone())).await;
        let came = read_job(&server, JOB).await;
        assert_eq!(came.of("s"), "", "{what}");
        match came.failed.first() {
            None => assert_eq!(failure, "", "{what}"),
            Some((_, said)) => {
                assert!(
                    !failure.is_empty() && said.contains(failure),
                    "{what}: {said}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_sign_in_is_not_asked_for_again() {
    const ROUTES: Routes = &[("/jobs", 401, r#"{"error":"no"}"#)];
    let server = platform(ROUTES).await;
    let came = read_job(&server, JOB).await;
    assert_eq!(came.failed.len(), 1);
    assert_eq!(asked(&server), "/jobs");
}

#[tokio::test]
async fn an_address_in_a_record_does_not_get_the_token_of_another_host() {
    let elsewhere = platform(&[("/", 200, "[]")]).await;
    let url = elsewhere.url();
    let server = OddServer::start(move |seen| {
        let body = match seen.target.as_str() {
            "/parents" => format!(r#"[{{"link":"{url}/steal"}},{{"link":"/own"}}]"#),
            _ => r#"[{"id":1}]"#.to_owned(),
        };
        crate::odd_server::Reply::Json(200, "", body)
    })
    .await;
    let yaml = "
streams:
  - type: DeclarativeStream
    name: s
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: BASE, path: \"{{ stream_partition.link }}\", authenticator: &token {type: BearerAuthenticator, api_token: \"{{ config.token }}\"}}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}
      partition_router: {type: SubstreamPartitionRouter, parent_stream_configs: [{type: ParentStreamConfig, parent_key: link, partition_field: link, stream: {type: DeclarativeStream, name: parents, retriever: {type: SimpleRetriever, requester: {type: HttpRequester, url_base: BASE, path: /parents, authenticator: *token}, record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: []}}}}}]}
";
    let came = read_job(&server, yaml).await;
    assert_eq!(asked(&elsewhere), "", "nothing was sent there");
    assert!(
        came.failed[0].1.contains("credentials are sent to"),
        "{:?}",
        came.failed
    );
    // What is wrong with one partition is not wrong with the next.
    assert_eq!(came.of("s"), r#"{"id":1}"#);
}
