//! The server as a browser and as a stranger see it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::program::{Ended, Running, patchbay};

/// A server, as its address was printed.
pub(crate) struct Served {
    process: Running,
    port: u16,
    token: String,
}

/// What came back on a socket.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Served {
    pub(crate) async fn start(data_dir: &Path) -> Self {
        let pages = data_dir.with_file_name("pages");
        std::fs::create_dir_all(pages.join("assets")).unwrap();
        std::fs::write(
            pages.join("index.html"),
            "<!doctype html><title>Patchbay</title>",
        )
        .unwrap();
        std::fs::write(pages.join("assets/app.js"), "export {}").unwrap();
        let mut command = patchbay(data_dir);
        command
            .args(["--json", "serve", "--ui"])
            .arg(&pages)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Running(command.spawn().unwrap());
        let out = process.0.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(out).read_line(&mut line).unwrap();
            line
        })
        .await
        .unwrap();
        let Ok(told) = serde_json::from_str::<Value>(&line) else {
            let mut why = String::new();
            process
                .0
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            panic!("it did not start: {line}{why}");
        };
        let token = told["token"].as_str().unwrap().to_owned();
        let origin = told["origin"].as_str().unwrap();
        assert_eq!(told["url"], format!("{origin}/#token={token}"));
        let port = origin.rsplit(':').next().unwrap().parse().unwrap();
        Self {
            process,
            port,
            token,
        }
    }

    /// One request, word for word.
    pub(crate) async fn send(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let text = format!(
            "{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read =
            tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
        read.expect("no answer").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    fn head(&self, line: &str) -> String {
        format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Patchbay: 1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
            self.port, self.token
        )
    }

    /// As the pages call.
    pub(crate) async fn call(&self, name: &str, request: &Value) -> Result<Value, Answer> {
        let answer = self
            .send(
                &self.head(&format!("POST /api/{name}")),
                &request.to_string(),
            )
            .await;
        if answer.status == 200 {
            Ok(serde_json::from_str(&answer.body).unwrap())
        } else {
            Err(answer)
        }
    }

    /// Ends it as a supervisor would.
    pub(crate) async fn stop(self) -> Ended {
        self.process.interrupt();
        self.process.ended().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_pages_that_came_from_here_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(&folder.path().join("data")).await;
    let status = served.call("get_app_status", &json!({})).await.unwrap();
    assert_eq!(status["secrets_backend"], "Vault file (key file)");

    let good = served.head("POST /api/get_app_status");
    let own = format!("127.0.0.1:{}", served.port);
    let check = async |head: String, status: u16, code: &str| {
        let answer = served.send(&head, "{}").await;
        assert_eq!(answer.status, status, "{head}\n{answer:?}");
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(error["code"], code, "{answer:?}");
        assert!(error["hint"].is_string(), "it says what to do: {answer:?}");
    };
    check(good.replace(&own, "evil.example"), 403, "invalid_request").await;
    check(good.replace(&own, "127.0.0.1:1"), 403, "invalid_request").await;
    check(
        format!("{good}Origin: http://evil.example\r\n"),
        403,
        "invalid_request",
    )
    .await;
    check(format!("{good}Origin: null\r\n"), 403, "invalid_request").await;
    check(good.replace("X-Patchbay: 1\r\n", ""), 401, "sign_in_needed").await;
    check(good.replace(&served.token, "0000"), 401, "sign_in_needed").await;
    check(
        good.replace(&format!("Authorization: Bearer {}\r\n", served.token), ""),
        401,
        "sign_in_needed",
    )
    .await;
    check(
        served.head("POST /api/no_such_command"),
        400,
        "invalid_request",
    )
    .await;
    let answer = served
        .send(&served.head("GET /api/get_app_status"), "")
        .await;
    assert_eq!(answer.status, 405, "a link cannot call: {answer:?}");
    let answer = served
        .send(
            &format!("GET /api/events?token=wrong HTTP/1.1\r\nHost: {own}\r\n"),
            "",
        )
        .await;
    assert_eq!(answer.status, 401, "{answer:?}");

    for error in [
        served
            .call(
                "get_run",
                &json!({"run": "01a203be-8ba1-7774-a939-a2cad2b88c89"}),
            )
            .await
            .unwrap_err(),
        served
            .call("get_run", &json!({"run": 7}))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error.status, 400 | 404), "{error:?}");
    }
    let answer = served.send(&served.head("POST /api/get_run"), "{").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(served.stop().await.well().stderr, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_with_their_rules_and_nothing_outside_their_folder_comes_at_all() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("private.txt"), "private").unwrap();
    let served = Served::start(&folder.path().join("data")).await;
    let get = async |path: &str| {
        served
            .send(
                &format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n", served.port),
                "",
            )
            .await
    };
    for path in ["/", "/syncs/1/mapping", "/index.html"] {
        let page = get(path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.body.contains("<title>Patchbay</title>"));
        assert!(page.head.contains("cache-control: no-cache"), "{page:?}");
        for rule in [
            "content-security-policy: default-src 'self'; script-src 'self'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "x-frame-options: deny",
        ] {
            assert!(
                page.head.contains(rule),
                "{path} lacks {rule}: {}",
                page.head
            );
        }
        assert!(
            !page.body.contains(&served.token),
            "the token is only in the printed address"
        );
    }
    let asset = get("/assets/app.js").await;
    assert!(
        asset.status == 200 && asset.head.contains("immutable"),
        "{asset:?}"
    );
    for path in ["/assets/gone.js", "/favicon.ico", "/api/get_app_status/x"] {
        assert_eq!(get(path).await.status, 404, "{path}");
    }
    for path in [
        "/../private.txt",
        "/assets/..%2f..%2fprivate.txt",
        "/%2e%2e/private.txt",
        "//private.txt",
    ] {
        let answer = get(path).await;
        assert!(!answer.body.contains("private"), "{path}: {answer:?}");
    }
    served.stop().await.well();
}
