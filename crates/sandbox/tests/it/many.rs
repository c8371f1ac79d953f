use reqwest::Method;
use serde_json::{Value, json};

use crate::remote::{Remote, answer, ids};

fn records() -> Value {
    json!({"records": [
        {"email": "one@example.com", "last_name": "One"},
        {"email": "nonsense", "last_name": "Two"},
        {"email": " ONE@example.com", "last_name": "Changed"},
    ]})
}

#[tokio::test]
async fn an_import_names_only_what_failed() {
    let remote = Remote::new(5).await;
    let (status, body) = remote
        .post("/harbor/api/v1/contacts/import", &records())
        .await;
    assert_eq!(status, 200);
    assert_eq!(body["imported"], 2);
    assert_eq!(
        body["ids"][0], body["ids"][1],
        "the same address is the same contact"
    );
    assert_eq!(body["failed"][0]["index"], 1);
    assert_eq!(body["failed"][0]["field"], "/email");
    let (status, _) = remote
        .post("/harbor/api/v1/contacts/import", &json!({"records": 5}))
        .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_sync_answers_with_two_arrays() {
    let remote = Remote::new(5).await;
    let (status, body) = remote
        .post("/harbor/api/v1/contacts/sync", &records())
        .await;
    assert_eq!(status, 200);
    assert_eq!(body["records"].as_array().unwrap().len(), 3);
    assert_eq!(body["records"][1], Value::Null);
    assert_eq!(body["errors"][0], Value::Null);
    assert_eq!(body["errors"][1][0]["code"], "invalid");
}

#[tokio::test]
async fn an_address_creates_once_and_changes_from_then_on() {
    let remote = Remote::new(5).await;
    let put = async |name: &str| {
        let request = remote.keyed(
            Method::PUT,
            "/harbor/api/v1/contacts/by-email/ana@example.com",
        );
        answer(
            request
                .json(&json!({"last_name": name}))
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let (created, first) = put("Souza").await;
    let (changed, second) = put("Lima").await;
    assert_eq!((created, changed), (201, 200));
    assert_eq!(first["id"], second["id"]);
    assert_eq!(second["last_name"], "Lima");
}

#[tokio::test]
async fn fields_with_a_list_of_values_offer_it() {
    let remote = Remote::new(5).await;
    let body = remote
        .get("/harbor/api/v1/contacts/options/lead_source")
        .await;
    assert_eq!(body["choices"][0]["key"], "web_form");
    let none = remote.keyed(Method::GET, "/harbor/api/v1/contacts/options/notes");
    assert_eq!(none.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_job_runs_while_it_is_asked_about_and_has_results_in_two_forms() {
    let remote = Remote::new(5).await;
    let jobs = "/postino/api/subscribers/jobs";
    let lines = "{\"op\":\"create\",\"client_ref\":\"a\",\"data\":{\"email_address\":\"a@example.com\",\"status\":\"pending\",\"list_id\":\"lst_main\"}}\n{\"op\":\"fly\"}\n";
    let request = remote
        .keyed(Method::POST, jobs)
        .header("content-type", "application/x-ndjson")
        .body(lines);
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!((status, &body["job"]["state"]), (202, &json!("queued")));
    let early = remote.keyed(Method::GET, &format!("{jobs}/job_1/results"));
    assert_eq!(early.send().await.unwrap().status(), 404);
    let mut states = Vec::new();
    for _ in 0..4 {
        states.push(remote.get(&format!("{jobs}/job_1")).await["job"]["state"].clone());
    }
    assert_eq!(json!(states), json!(["queued", "running", "done", "done"]));
    let results = remote.keyed(Method::GET, &format!("{jobs}/job_1/results"));
    let text = results.send().await.unwrap().text().await.unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["status"], &first["client_ref"]),
        (&json!(201), &json!("a"))
    );
    let csv = remote.keyed(Method::GET, &format!("{jobs}/job_1/results?format=csv"));
    let text = csv.send().await.unwrap().text().await.unwrap();
    assert!(
        text.lines()
            .nth(2)
            .unwrap()
            .starts_with("1,,422,,\"invalid\","),
        "{text}"
    );
    let other = remote.keyed(Method::GET, "/harbor/api/v1/contacts/jobs/job_1");
    assert_eq!(
        other.send().await.unwrap().status(),
        404,
        "it belongs to the other platform"
    );
}

#[tokio::test]
async fn graphql_answers_200_whatever_happens() {
    let remote = Remote::new(5).await;
    let ask = async |query: &str, variables: Value| {
        let (status, body) = remote
            .post(
                "/harbor/graphql",
                &json!({"query": query, "variables": variables}),
            )
            .await;
        assert_eq!(status, 200);
        body
    };
    let body = ask(
        "mutation($a: ContactInput!) { x: contactCreate(input: $a) { contact { id last_name address { city } } userErrors { field code } } }",
        json!({"a": {"last_name": "Souza", "address": {"city": "Lima"}}}),
    )
    .await;
    assert_eq!(
        body,
        json!({"data": {"x": {"contact": {"id": "ct_10006", "last_name": "Souza", "address": {"city": "Lima"}}, "userErrors": []}}})
    );
    let body = ask("{ contact(id: \"ct_10006\") { last_name } }", Value::Null).await;
    assert_eq!(body, json!({"data": {"contact": {"last_name": "Souza"}}}));
    let body = ask("mutation { contactUpdate(id: \"ct_1\", input: {email: \"x\"}) { userErrors { code field } } }", Value::Null).await;
    assert_eq!(
        body["data"]["contactUpdate"]["userErrors"][0]["code"],
        "not_found"
    );
    for (query, code) in [
        ("mutation { contactFly { x } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ contact(id: \"ct_10001\") { nonsense } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ contact {", "GRAPHQL_PARSE_FAILED"),
        ("mutation { contactDelete { deletedId } }", "BAD_USER_INPUT"),
    ] {
        let body = ask(query, Value::Null).await;
        assert_eq!(body["errors"][0]["extensions"]["code"], code, "{query}");
    }
    let listed = remote.get("/harbor/api/v1/contacts?limit=200").await;
    assert_eq!(ids(&listed["data"]).len(), 6);
}
