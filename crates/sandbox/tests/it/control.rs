use reqwest::Method;
use sandbox::{Options, Platform, Sandbox};
use serde_json::{Value, json};

use crate::remote::{Remote, answer, ids, text};

#[tokio::test]
async fn the_same_seed_gives_the_same_data() {
    let first = Remote::new(150).await.sandbox;
    let second = Remote::new(150).await.sandbox;
    let other = Remote::with(Options::new(2, 150)).await.sandbox;
    for (platform, stream) in [
        (Platform::Harbor, "contacts"),
        (Platform::Harbor, "companies"),
        (Platform::Harbor, "deals"),
        (Platform::Postino, "subscribers"),
        (Platform::Postino, "lists"),
        (Platform::Postino, "campaigns"),
    ] {
        assert_eq!(
            first.records(platform, stream).unwrap(),
            second.records(platform, stream).unwrap()
        );
    }
    assert_ne!(first.contacts(), other.contacts());
    assert_eq!(first.edit_contacts(20, 3), second.edit_contacts(20, 3));
    let without_times = |sandbox: &Sandbox| {
        let mut contacts = sandbox.contacts();
        for contact in contacts.as_array_mut().unwrap() {
            contact
                .as_object_mut()
                .unwrap()
                .retain(|name, _| !name.ends_with("_at"));
        }
        contacts
    };
    assert_eq!(without_times(&first), without_times(&second));
    assert!(first.records(Platform::Postino, "contacts").is_err());
}

#[tokio::test]
async fn two_thirds_of_the_first_subscribers_are_known_to_harbor() {
    let remote = Remote::new(100).await;
    let emails: Vec<String> = remote
        .sandbox
        .contacts()
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|contact| {
            contact["email"]
                .as_str()
                .map(|email| email.trim().to_lowercase())
        })
        .collect();
    let subscribers = remote.sandbox.subscribers();
    let subscribers = subscribers.as_array().unwrap();
    let known = subscribers
        .iter()
        .filter(|record| emails.contains(&text(record, "email_address")))
        .count();
    assert_eq!((subscribers.len(), known), (12, 8));
}

#[tokio::test]
async fn control_edits_counts_and_resets() {
    let remote = Remote::new(40).await;
    let control = async |method: Method, path: &str, body: Value| {
        answer(
            remote
                .request(method, path)
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let before = remote.sandbox.contacts();
    let (status, edited) = control(
        Method::POST,
        "/control/contacts/edit",
        json!({"count": 10, "seed": 4}),
    )
    .await;
    assert_eq!((status, edited["ids"].as_array().unwrap().len()), (200, 10));
    let after = remote.sandbox.contacts();
    let changed: Vec<String> = before
        .as_array()
        .unwrap()
        .iter()
        .zip(after.as_array().unwrap())
        .filter(|(before, after)| before != after)
        .map(|(_, after)| text(after, "id"))
        .collect();
    assert_eq!(json!(changed), edited["ids"]);
    assert!(
        after
            .as_array()
            .unwrap()
            .iter()
            .zip(before.as_array().unwrap())
            .all(|(after, before)| after == before
                || after["lifetime_value"] != before["lifetime_value"])
    );

    control(
        Method::POST,
        "/control/contacts/delete",
        json!({"count": 5}),
    )
    .await;
    let (_, added) = control(
        Method::POST,
        "/control/contacts/create",
        json!({"count": 2}),
    )
    .await;
    assert_eq!(added["ids"], json!(["ct_10041", "ct_10042"]));
    let (_, overview) = control(Method::GET, "/control", json!({})).await;
    assert_eq!(overview["contacts"], 37);
    control(
        Method::POST,
        "/control/subscribers/delete",
        json!({"count": 2, "seed": 1}),
    )
    .await;
    control(
        Method::POST,
        "/control/subscribers/edit",
        json!({"count": 2, "seed": 1}),
    )
    .await;
    let (_, records) = control(
        Method::GET,
        "/control/records/postino/subscribers",
        json!({}),
    )
    .await;
    assert_eq!(ids(&records).len(), 10);
    assert_eq!(
        control(Method::GET, "/control/records/postino/deals", json!({}))
            .await
            .0,
        404
    );
    assert_eq!(
        control(
            Method::POST,
            "/control/contacts/edit",
            json!({"count": "x"})
        )
        .await
        .0,
        400
    );

    let (status, rules) = control(
        Method::PUT,
        "/control/faults",
        json!([{"platform": "postino", "kind": "status", "status": 503, "limit": 1}]),
    )
    .await;
    assert_eq!((status, rules[0]["kind"].as_str()), (200, Some("status")));
    assert_eq!(
        remote
            .keyed(Method::GET, "/postino/api/lists")
            .send()
            .await
            .unwrap()
            .status(),
        503
    );
    assert_eq!(
        control(Method::PUT, "/control/faults", json!([{"kind": "flood"}]))
            .await
            .0,
        422
    );
    let (_, counters) = control(Method::GET, "/control/counters", json!({})).await;
    assert_eq!(counters["requests"]["GET /postino/api/lists"], 1);
    assert_eq!(counters["faults"]["status"], 1);
    assert_eq!(
        control(Method::DELETE, "/control/counters", json!({}))
            .await
            .0,
        204
    );
    assert!(remote.sandbox.counters().requests.is_empty());

    let (access, _) = remote.sign_in(Platform::Harbor, "").await;
    assert_eq!(
        control(
            Method::POST,
            "/control/tokens/expire",
            json!({"platform": "harbor"})
        )
        .await
        .1["count"],
        1
    );
    assert_eq!(remote.status_with(&access, "/harbor/api/v1/me").await, 401);
    assert_eq!(
        control(Method::POST, "/control/tokens/revoke", json!({}))
            .await
            .1["count"],
        1
    );
    assert_eq!(
        control(
            Method::POST,
            "/control/clock",
            json!({"advance_seconds": 60})
        )
        .await
        .0,
        200
    );

    control(Method::POST, "/control/reset", json!({})).await;
    assert_eq!(remote.sandbox.contacts(), before);
}

#[tokio::test]
async fn the_state_survives_a_restart_and_holds_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(3, 30);
    options.state_file = Some(folder.path().join("state").join("sandbox.jsonl"));
    let remote = Remote::with(options.clone()).await;
    let (access, refresh) = remote.sign_in(Platform::Postino, "subscribers:read").await;
    remote.sandbox.edit_contacts(5, 1);
    remote.sandbox.delete_contacts(1, 1);
    remote
        .keyed(Method::DELETE, "/postino/api/subscribers/sub_1012")
        .send()
        .await
        .unwrap();
    let body =
        json!({"email_address": "kept@example.com", "status": "pending", "list_id": "lst_main"});
    let send = |remote: &Remote| {
        remote
            .keyed(Method::POST, "/postino/api/subscribers")
            .header("idempotency-key", "k")
            .json(&body)
            .send()
    };
    let (_, created) = answer(send(&remote).await.unwrap()).await;
    let (contacts, subscribers) = (remote.sandbox.contacts(), remote.sandbox.subscribers());
    remote.sandbox.stop().await.unwrap();

    let saved = std::fs::read_to_string(options.state_file.as_ref().unwrap()).unwrap();
    assert!(saved.starts_with("{\"notice\":\"Sample data"));
    assert!(!saved.contains(&access) && !saved.contains(&refresh));

    options.seed = 99;
    let remote = Remote::with(options.clone()).await;
    assert_eq!(
        (remote.sandbox.contacts(), remote.sandbox.subscribers()),
        (contacts, subscribers)
    );
    assert_eq!(
        remote
            .status_with(&access, "/postino/api/subscribers")
            .await,
        200
    );
    assert_eq!(remote.refresh(Platform::Postino, &refresh).await.0, 200);
    let (status, again) = answer(send(&remote).await.unwrap()).await;
    assert_eq!(
        (status, again),
        (201, created),
        "the key is known after the restart"
    );
    let raw = remote
        .keyed(Method::GET, "/harbor/api/v1/contacts/ct_10001")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(raw.contains("\"serial\":9007199254750994,"), "{raw}");
    remote.sandbox.stop().await.unwrap();

    std::fs::write(options.state_file.as_ref().unwrap(), "not json").unwrap();
    let fresh = Sandbox::start(options.clone()).await.unwrap();
    assert_eq!(fresh.contacts().as_array().unwrap().len(), 30);
    assert!(
        folder
            .path()
            .join("state")
            .join("sandbox.jsonl.broken")
            .exists()
    );
}

#[tokio::test]
async fn a_change_is_saved_without_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(3, 10);
    let file = folder.path().join("sandbox.jsonl");
    options.state_file = Some(file.clone());
    let remote = Remote::with(options).await;
    remote.sandbox.add_contacts(1);
    let saved = async {
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("ct_10011")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), saved)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_demo_users_can_sign_in() {
    let remote = Remote::new(1).await;
    for platform in Platform::ALL {
        let (email, password) = platform.demo_user();
        let visitor = sandbox::browser::Visitor::new()
            .unwrap()
            .named(email, password);
        visitor
            .walk(&remote.authorize_url(platform, &[]))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_port_in_use_is_said_plainly() {
    let first = Sandbox::start(Options::new(1, 1)).await.unwrap();
    let mut options = Options::new(1, 1);
    options.port = first.base_url().port().unwrap();
    let error = Sandbox::start(options.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on 127.0.0.1:{}; is the port in use?",
            options.port
        )
    );
    first.stop().await.unwrap();
    let again = Sandbox::start(options).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test]
async fn people_can_look_at_records_and_change_them() {
    let remote = Remote::new(60).await;
    let page = async |path: &str| {
        let response = remote.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    };
    assert!(page("/").await.contains("60 contacts"));
    let list = page("/harbor/").await;
    assert!(list.contains("Change 100 contacts") && list.contains("Older"));
    assert!(
        page("/harbor/?q=ct_10007")
            .await
            .contains("/harbor/records/ct_10007")
    );
    assert!(page("/postino/").await.contains("12 subscribers"));
    let form = page("/harbor/records/ct_10007").await;
    assert!(form.contains("name=\"address.city\""));
    assert_eq!(
        remote
            .request(Method::GET, "/harbor/records/ct_1")
            .send()
            .await
            .unwrap()
            .status(),
        404
    );

    let contact = remote.get("/harbor/api/v1/contacts/ct_10007").await;
    let shown = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let mut fields = vec![
        ("first_name", shown(&contact["first_name"])),
        ("last_name", "<b>Bold</b>".to_owned()),
        ("email", shown(&contact["email"])),
        ("phone", shown(&contact["phone"])),
        ("job_title", shown(&contact["job_title"])),
        ("lifecycle_stage", shown(&contact["lifecycle_stage"])),
        ("address.street", shown(&contact["address"]["street"])),
        ("address.city", "Graz".to_owned()),
        ("address.country", shown(&contact["address"]["country"])),
        ("lifetime_value", shown(&contact["lifetime_value"])),
        ("notes", shown(&contact["notes"]).replace('\n', "\r\n")),
    ];
    let save = remote
        .request(Method::POST, "/harbor/records/ct_10007")
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(save.status(), 200, "back to the list");
    let list = save.text().await.unwrap();
    assert!(list.contains("&lt;b&gt;Bold&lt;/b&gt;") && !list.contains("<b>Bold"));
    let changed = remote.get("/harbor/api/v1/contacts/ct_10007").await;
    assert_eq!(
        (
            changed["address"]["city"].as_str(),
            changed["version"].as_u64()
        ),
        (Some("Graz"), Some(2))
    );
    assert_eq!(changed["notes"], contact["notes"]);
    fields[5].1 = "nonsense".to_owned();
    let refused = remote
        .request(Method::POST, "/harbor/records/ct_10007")
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 422);
    assert!(
        refused
            .text()
            .await
            .unwrap()
            .contains("/lifecycle_stage must be one of lead")
    );

    let before = remote.sandbox.contacts();
    let click = [("action", "edit"), ("count", "100")];
    remote
        .request(Method::POST, "/harbor/change")
        .form(&click)
        .send()
        .await
        .unwrap();
    let after = remote.sandbox.contacts();
    assert!(
        before
            .as_array()
            .unwrap()
            .iter()
            .zip(after.as_array().unwrap())
            .all(|(before, after)| before != after)
    );
}

#[tokio::test]
async fn thirty_thousand_contacts_are_listed_quickly() {
    let remote = Remote::with(Options::new(1, 30_000)).await;
    let began = std::time::Instant::now();
    let mut path = "/harbor/api/v1/contacts?limit=200".to_owned();
    let mut count = 0;
    loop {
        let response = remote.keyed(Method::GET, &path).send().await.unwrap();
        let body = response.text().await.unwrap();
        count += body.matches("\"serial\":").count();
        let cursor = body
            .rsplit("\"next_cursor\":")
            .next()
            .unwrap()
            .split('"')
            .nth(1)
            .map(str::to_owned);
        match cursor {
            Some(cursor) if !body.contains("\"next_cursor\":null") => {
                path = format!("/harbor/api/v1/contacts?limit=200&cursor={cursor}");
            }
            _ => break,
        }
    }
    assert_eq!(count, 30_000);
    assert!(
        began.elapsed() < std::time::Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
}
