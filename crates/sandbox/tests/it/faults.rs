use std::time::Duration;

use reqwest::Method;
use sandbox::{Fault, FaultRule, Options, Platform};
use serde_json::{Value, json};

use crate::remote::{Remote, answer, text};

const SUBSCRIBERS: &str = "/postino/api/subscribers";
const BATCH: &str = "/postino/api/subscribers/batch";

fn subscriber(email: &str) -> Value {
    json!({"email_address": email, "status": "subscribed", "list_id": "lst_main"})
}

async fn status(remote: &Remote, path: &str) -> u16 {
    remote
        .keyed(Method::GET, path)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_status_fault_answers_without_doing_anything() {
    let remote = Remote::new(5).await;
    let fault = Fault::Status {
        status: 503,
        retry_after: Some(2),
        after_write: false,
    };
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(fault).on("POST", SUBSCRIBERS).times(1)]);
    let request = remote
        .keyed(Method::POST, SUBSCRIBERS)
        .json(&subscriber("a@example.com"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(remote.sandbox.subscribers().as_array().unwrap().len(), 12);
    assert_eq!(
        remote
            .post(SUBSCRIBERS, &subscriber("a@example.com"))
            .await
            .0,
        201,
        "only once"
    );
    assert_eq!(remote.sandbox.counters().faults["status"], 1);

    let fault = Fault::Status {
        status: 500,
        retry_after: None,
        after_write: true,
    };
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(fault).times(1)]);
    assert_eq!(
        remote
            .post(SUBSCRIBERS, &subscriber("b@example.com"))
            .await
            .0,
        500
    );
    assert_eq!(
        remote
            .post(SUBSCRIBERS, &subscriber("b@example.com"))
            .await
            .0,
        409,
        "it was written all the same"
    );
}

#[tokio::test]
async fn every_third_request_fails() {
    let remote = Remote::new(5).await;
    let fault = Fault::Status {
        status: 500,
        retry_after: None,
        after_write: false,
    };
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(fault).every(3)]);
    let mut got = Vec::new();
    for _ in 0..6 {
        got.push(status(&remote, SUBSCRIBERS).await);
    }
    assert_eq!(got, [200, 200, 500, 200, 200, 500]);
}

#[tokio::test]
async fn a_slow_answer_outlasts_a_short_patience() {
    let remote = Remote::new(5).await;
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(Fault::Slow { ms: 60_000 }).times(1)]);
    let hurried = remote
        .keyed(Method::GET, SUBSCRIBERS)
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(hurried.unwrap_err().is_timeout());
    assert_eq!(status(&remote, SUBSCRIBERS).await, 200);
    assert_eq!(remote.sandbox.counters().faults["slow"], 1);
    remote.sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_cut_body_breaks_off_after_the_headers() {
    let remote = Remote::new(50).await;
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(Fault::CutBody).times(1)]);
    let response = remote
        .keyed(Method::GET, "/harbor/api/v1/contacts")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().unwrap() > 1000);
    assert!(response.bytes().await.is_err());
    assert_eq!(status(&remote, "/harbor/api/v1/contacts").await, 200);
}

#[tokio::test]
async fn a_lost_answer_was_written_and_the_key_finds_it_again() {
    let remote = Remote::new(5).await;
    remote.sandbox.set_faults(vec![
        FaultRule::new(Fault::LostAnswer).on("POST", BATCH).times(1),
    ]);
    let body = json!({"operations": [{"op": "create", "data": subscriber("lost@example.com")}]});
    let send = || {
        remote
            .keyed(Method::POST, BATCH)
            .header("idempotency-key", "run-1/batch-1")
            .json(&body)
            .send()
    };
    let error = send().await.unwrap_err();
    assert!(!error.is_timeout() && error.status().is_none(), "{error}");
    let written = remote
        .get(&format!("{SUBSCRIBERS}?email_address=lost@example.com"))
        .await;
    assert_eq!(written["total"], 1);
    let (status, again) = answer(send().await.unwrap()).await;
    assert_eq!(
        (status, again["results"][0]["status"].as_u64()),
        (207, Some(201))
    );
    assert_eq!(again["results"][0]["id"], written["items"][0]["id"]);
    let counters = remote.sandbox.counters();
    assert_eq!(counters.postino.written("subscribers.create"), 1);
    assert_eq!(counters.postino.idempotent_replays, 1);
}

#[tokio::test]
async fn wrong_types_come_in_some_records_only() {
    let remote = Remote::new(9).await;
    let fault = Fault::WrongTypes {
        field: "orders_count".into(),
        record_every: 3,
    };
    remote.sandbox.set_faults(vec![FaultRule::new(fault)]);
    let page = remote.get("/harbor/api/v1/contacts").await;
    let odd: Vec<bool> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| !record["orders_count"].is_number())
        .collect();
    assert_eq!(
        odd,
        [false, false, true, false, false, true, false, false, true]
    );
    let one = remote.get("/harbor/api/v1/contacts/ct_10001").await;
    assert_eq!(one["orders_count"], "n/a");
    remote.sandbox.set_faults(Vec::new());
    assert!(remote.get("/harbor/api/v1/contacts/ct_10001").await["orders_count"].is_number());
}

#[tokio::test]
async fn a_partial_batch_fails_some_items_and_does_not_apply_them() {
    let remote = Remote::new(5).await;
    let fault = Fault::PartialBatch { item_every: 2 };
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(fault).on("POST", BATCH).times(1)]);
    let operations: Vec<Value> = (0..4)
        .map(
            |number| json!({"op": "create", "data": subscriber(&format!("p{number}@example.com"))}),
        )
        .collect();
    let body = json!({"operations": operations});
    let (status, answer) = remote.post(BATCH, &body).await;
    assert_eq!(status, 207);
    let statuses = |answer: &Value| -> Vec<u64> {
        answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["status"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(statuses(&answer), [201, 500, 201, 500]);
    assert_eq!(answer["results"][1]["error"]["code"], "internal");
    let (_, answer) = remote.post(BATCH, &body).await;
    assert_eq!(statuses(&answer), [409, 201, 409, 201]);
}

#[tokio::test]
async fn an_html_page_comes_with_status_200() {
    let remote = Remote::new(5).await;
    remote.sandbox.set_faults(vec![FaultRule {
        platform: Some(Platform::Harbor),
        ..FaultRule::new(Fault::Html)
    }]);
    let response = remote
        .keyed(Method::GET, "/harbor/api/v1/contacts")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!doctype html>")
    );
    assert_eq!(
        status(&remote, SUBSCRIBERS).await,
        200,
        "the other platform is well"
    );
}

#[tokio::test]
async fn an_expired_token_can_be_refreshed_and_a_revoked_one_cannot() {
    let remote = Remote::new(5).await;
    let (access, refresh) = remote.sign_in(Platform::Postino, "subscribers:read").await;
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(Fault::ExpiredToken).times(1)]);
    let request = remote
        .request(Method::GET, SUBSCRIBERS)
        .bearer_auth(&access);
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (401, Some("token_expired"))
    );
    let (status, tokens) = remote.refresh(Platform::Postino, &refresh).await;
    assert_eq!(status, 200);
    let access = text(&tokens, "access_token");
    assert_eq!(remote.status_with(&access, SUBSCRIBERS).await, 200);

    remote
        .sandbox
        .set_faults(vec![FaultRule::new(Fault::Revoked).times(1)]);
    assert_eq!(remote.status_with(&access, SUBSCRIBERS).await, 401);
    assert_eq!(remote.status_with(&access, SUBSCRIBERS).await, 401);
    let (status, body) = remote
        .refresh(Platform::Postino, &text(&tokens, "refresh_token"))
        .await;
    assert_eq!(
        (status, text(&body, "error").as_str()),
        (400, "invalid_grant")
    );
}

#[tokio::test]
async fn a_fault_on_the_token_endpoint_needs_its_route() {
    let remote = Remote::new(5).await;
    let (_, refresh) = remote.sign_in(Platform::Harbor, "").await;
    let fault = Fault::Status {
        status: 500,
        retry_after: None,
        after_write: false,
    };
    remote
        .sandbox
        .set_faults(vec![FaultRule::new(fault.clone())]);
    let (status, tokens) = remote.refresh(Platform::Harbor, &refresh).await;
    assert_eq!(status, 200, "without a route only the API fails");
    remote.sandbox.set_faults(vec![
        FaultRule::new(fault)
            .on("POST", "/harbor/oauth/token")
            .times(1),
    ]);
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(remote.refresh(Platform::Harbor, &refresh).await.0, 500);
    assert_eq!(remote.refresh(Platform::Harbor, &refresh).await.0, 200);
}

#[tokio::test]
async fn the_rate_limit_says_what_is_left_and_when_to_come_back() {
    let mut options = Options::new(1, 5);
    options.rate_limit_per_minute = Some(3);
    let remote = Remote::with(options).await;
    for left in ["2", "1", "0"] {
        let response = remote.keyed(Method::GET, SUBSCRIBERS).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["ratelimit-limit"], "3");
        assert_eq!(response.headers()["ratelimit-remaining"], left);
    }
    let response = remote.keyed(Method::GET, SUBSCRIBERS).send().await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        status(&remote, "/harbor/api/v1/contacts").await,
        200,
        "each credential has its own window"
    );
    remote.sandbox.advance_clock(Duration::from_secs(wait));
    assert_eq!(status(&remote, SUBSCRIBERS).await, 200);
    assert_eq!(remote.sandbox.counters().postino.rate_limited, 1);
}
