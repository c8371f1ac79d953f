use reqwest::Method;
use serde_json::{Value, json};

use crate::remote::{Remote, answer, ids, text};

fn subscriber(email: &str) -> Value {
    json!({"email_address": email, "status": "subscribed", "list_id": "lst_main"})
}

#[tokio::test]
async fn a_created_subscriber_has_every_field_in_the_platforms_form() {
    let remote = Remote::new(20).await;
    let body = json!({"email_address": "  Ana.Souza@Example.COM ", "status": "pending", "list_id": "lst_vip",
        "full_name": "Ana Souza", "phone_e164": "+5511987654321", "lifetime_value": "1240000.50",
        "location": {"city": "São Paulo", "country_code": "BR"}});
    let response = remote
        .keyed(Method::POST, "/postino/api/subscribers")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert!(
        response.headers()["location"]
            .to_str()
            .unwrap()
            .ends_with("/postino/api/subscribers/sub_1013")
    );
    let (status, created) = answer(response).await;
    assert_eq!(status, 201);
    insta::assert_json_snapshot!(created, {".created_at" => "[time]", ".updated_at" => "[time]"}, @r#"
    {
      "id": "sub_1013",
      "version": 1,
      "email_address": "ana.souza@example.com",
      "status": "pending",
      "list_id": "lst_vip",
      "full_name": "Ana Souza",
      "phone_e164": "+5511987654321",
      "location": {
        "city": "São Paulo",
        "region": null,
        "country_code": "BR"
      },
      "signup_date": null,
      "tags": [],
      "lifetime_value": "1240000.50",
      "language": null,
      "source": null,
      "notes": null,
      "marketing_consent": false,
      "created_at": "[time]",
      "updated_at": "[time]"
    }
    "#);
    assert_eq!(
        remote.get("/postino/api/subscribers/sub_1013").await,
        created
    );
    assert_eq!(
        remote
            .sandbox
            .counters()
            .postino
            .written("subscribers.create"),
        1
    );
}

#[tokio::test]
async fn field_errors_point_at_the_fields() {
    let remote = Remote::new(20).await;
    let body = json!({"email_address": "n/a", "list_id": "lst_none", "phone_e164": "0171 555", "nick": "x",
        "location": {"country_code": "Brazil"}, "notes": "x".repeat(256), "signup_date": "2024-03-31T01:30:00Z"});
    let (status, answer) = remote.post("/postino/api/subscribers", &body).await;
    assert_eq!(status, 422);
    let errors = answer["error"]["errors"].as_array().unwrap();
    let found: Vec<(&str, &str)> = errors
        .iter()
        .map(|error| {
            (
                error["pointer"].as_str().unwrap(),
                error["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("/email_address", "invalid_format"),
            ("/status", "required"),
            ("/list_id", "not_found"),
            ("/phone_e164", "invalid_format"),
            ("/location/country_code", "invalid_format"),
            ("/signup_date", "invalid_format"),
            ("/notes", "too_long"),
            ("/nick", "unknown_field"),
        ]
    );
    assert_eq!(remote.sandbox.subscribers().as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_that_names_the_holder() {
    let remote = Remote::new(20).await;
    let holder = remote.get("/postino/api/subscribers/sub_1003").await;
    let address = text(&holder, "email_address").to_uppercase();
    let (status, body) = remote
        .post("/postino/api/subscribers", &subscriber(&address))
        .await;
    assert_eq!(status, 409);
    assert_eq!(body["error"]["existing_id"], "sub_1003");
    assert_eq!(body["error"]["errors"][0]["pointer"], "/email_address");

    let free = remote
        .keyed(Method::DELETE, "/postino/api/subscribers/sub_1003")
        .send()
        .await
        .unwrap();
    assert_eq!(free.status(), 204);
    let (status, _) = remote
        .post("/postino/api/subscribers", &subscriber(&address))
        .await;
    assert_eq!(status, 201, "a deleted record leaves its address free");
    let gone = remote
        .keyed(Method::DELETE, "/postino/api/subscribers/sub_1003")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn patch_merges_put_replaces_and_nothing_changed_is_no_change() {
    let remote = Remote::new(20).await;
    let path = "/harbor/api/v1/contacts/ct_10001";
    let before = remote.get(path).await;
    let patch = json!({"job_title": "Captain", "address": {"city": "Cork"}, "custom_fields": {"cf_extra": [1, 2]}});
    let (status, patched) = answer(
        remote
            .keyed(Method::PATCH, path)
            .json(&patch)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, 200);
    assert_eq!(patched["version"], 2);
    assert_eq!(patched["address"]["city"], "Cork");
    assert_eq!(patched["address"]["street"], before["address"]["street"]);
    assert_eq!(patched["custom_fields"]["cf_extra"], json!([1, 2]));
    assert_eq!(
        patched["custom_fields"]["cf_vip"],
        before["custom_fields"]["cf_vip"]
    );
    assert_eq!(patched["serial"].as_u64(), Some(9_007_199_254_750_994));
    assert_ne!(patched["updated_at"], before["updated_at"]);
    let newest: jiff::Timestamp = text(&patched, "updated_at").parse().unwrap();
    assert!(newest > text(&before, "updated_at").parse().unwrap());

    let (status, same) = answer(
        remote
            .keyed(Method::PATCH, path)
            .json(&patch)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, &same), (200, &patched));
    let (status, same) = answer(
        remote
            .keyed(Method::PUT, path)
            .json(&patched)
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, &same),
        (200, &patched),
        "read-only fields may come back as they are"
    );

    let (status, body) = answer(
        remote
            .keyed(Method::PUT, path)
            .json(&json!({"last_name": "Only"}))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, body["first_name"].clone(), body["tags"].clone()),
        (200, Value::Null, json!([]))
    );
    assert_eq!(body["id"], "ct_10001");
    let (status, body) = answer(
        remote
            .keyed(Method::PATCH, path)
            .json(&json!({"id": "ct_9"}))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, body["error"]["errors"][0]["code"].as_str()),
        (422, Some("read_only"))
    );
    let counters = remote.sandbox.counters().harbor;
    assert_eq!(
        (
            counters.written("contacts.update"),
            counters.written("contacts.unchanged")
        ),
        (2, 2)
    );
}

#[tokio::test]
async fn a_stale_if_match_is_refused() {
    let remote = Remote::new(20).await;
    let path = "/postino/api/subscribers/sub_1001";
    let response = remote.keyed(Method::GET, path).send().await.unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(tag, "\"1\"");
    let send = async |method: Method, tag: &str, note: &str| {
        let request = remote
            .keyed(method, path)
            .header("if-match", tag)
            .json(&json!({"notes": note}));
        answer(request.send().await.unwrap()).await
    };
    assert_eq!(send(Method::PATCH, &tag, "one").await.0, 200);
    let (status, body) = send(Method::PATCH, &tag, "two").await;
    assert_eq!(
        (status, body["error"]["current_version"].as_u64()),
        (412, Some(2))
    );
    assert_eq!(send(Method::DELETE, &tag, "").await.0, 412);
    assert_eq!(send(Method::PATCH, "W/\"2\"", "weak").await.0, 412);
    assert_eq!(send(Method::PATCH, "\"7\", \"2\"", "three").await.0, 200);
    assert_eq!(send(Method::PATCH, "*", "four").await.0, 200);
    assert_eq!(remote.get(path).await["notes"], "four");
}

#[tokio::test]
async fn a_batch_answers_each_operation() {
    let remote = Remote::new(20).await;
    let known = text(
        &remote.get("/postino/api/subscribers/sub_1001").await,
        "email_address",
    );
    let body = json!({"operations": [
        {"op": "create", "client_ref": "a", "data": subscriber("one@example.com")},
        {"op": "create", "data": subscriber("ONE@example.com")},
        {"op": "create", "data": {"email_address": "two@example.com"}},
        {"op": "update", "id": "sub_1002", "data": {"full_name": "Two"}},
        {"op": "update", "id": "sub_9999", "data": {"full_name": "Two"}},
        {"op": "update", "id": "sub_1003", "if_version": 9, "data": {"full_name": "Three"}},
        {"op": "upsert", "data": {"email_address": known, "full_name": "Known"}},
        {"op": "upsert", "data": subscriber("new@example.com")},
        {"op": "delete", "id": "sub_1004"},
        {"op": "merge", "id": "sub_1004", "data": {}},
        {"op": "update", "data": {}},
    ]});
    let (status, answer) = remote.post("/postino/api/subscribers/batch", &body).await;
    assert_eq!(status, 207);
    let results = answer["results"].as_array().unwrap();
    let short: Vec<String> = results
        .iter()
        .map(|result| {
            format!(
                "{} {} {} {}",
                result["index"], result["status"], result["id"], result["error"]["field"]
            )
        })
        .collect();
    assert_eq!(
        short,
        [
            "0 201 \"sub_1013\" null",
            "1 409 null \"/email_address\"",
            "2 422 null \"/status\"",
            "3 200 \"sub_1002\" null",
            "4 404 \"sub_9999\" null",
            "5 412 \"sub_1003\" null",
            "6 200 \"sub_1001\" null",
            "7 201 \"sub_1014\" null",
            "8 200 \"sub_1004\" null",
            "9 422 \"sub_1004\" \"/op\"",
            "10 422 null \"/id\"",
        ]
    );
    assert_eq!(results[0]["client_ref"], "a");
    assert_eq!(results[0]["data"]["email_address"], "one@example.com");
    assert_eq!(results[1]["error"]["existing_id"], "sub_1013");
    assert_eq!(results[5]["error"]["current_version"], 1);
    assert_eq!(results[6]["data"]["full_name"], "Known");
    assert!(results[8].get("data").is_none());
    let stamps: Vec<&Value> = [0, 3, 6, 7]
        .iter()
        .map(|index| &results[*index]["data"]["updated_at"])
        .collect();
    assert!(
        stamps.windows(2).all(|pair| pair[0] == pair[1]),
        "one request, one time"
    );

    let many: Vec<Value> = (0..101)
        .map(|_| json!({"op": "delete", "id": "x"}))
        .collect();
    let (status, answer) = remote
        .post(
            "/postino/api/subscribers/batch",
            &json!({"operations": many}),
        )
        .await;
    assert_eq!(
        (status, answer["error"]["errors"][0]["code"].as_str()),
        (422, Some("too_many"))
    );
    let contacts = json!({"operations": [{"op": "upsert", "data": {"last_name": "Solo", "email": "solo@example.com"}}]});
    let (_, answer) = remote
        .post("/harbor/api/v1/contacts/batch", &contacts)
        .await;
    assert_eq!(answer["results"][0]["id"], "ct_10021");
    assert_eq!(answer["results"][0]["data"]["lifecycle_stage"], "lead");
}

#[tokio::test]
async fn an_idempotency_key_gives_the_same_answer_and_writes_once() {
    let remote = Remote::new(20).await;
    let send = async |path: &str, key: &str, body: &Value| {
        let request = remote
            .keyed(Method::POST, path)
            .header("idempotency-key", key)
            .json(body);
        let response = request.send().await.unwrap();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let (status, body) = answer(response).await;
        (status, replayed, body)
    };
    let one = "/postino/api/subscribers";
    let first = send(one, "k1", &subscriber("key@example.com")).await;
    assert_eq!((first.0, first.1), (201, false));
    let second = send(one, "k1", &subscriber("key@example.com")).await;
    assert_eq!((second.0, second.1, &second.2), (201, true, &first.2));
    let other = send(one, "k1", &subscriber("other@example.com")).await;
    assert_eq!(
        (other.0, other.2["error"]["code"].as_str()),
        (422, Some("idempotency_key_reused"))
    );
    let refused = send(one, "k2", &subscriber("key@example.com")).await;
    assert_eq!(refused.0, 409, "another key is another request");

    let batch = json!({"operations": [{"op": "create", "data": subscriber("batch@example.com")}]});
    let first = send("/postino/api/subscribers/batch", "k3", &batch).await;
    let second = send("/postino/api/subscribers/batch", "k3", &batch).await;
    assert_eq!((second.0, second.1, &second.2), (207, true, &first.2));
    let counters = remote.sandbox.counters().postino;
    assert_eq!(
        (
            counters.written("subscribers.create"),
            counters.idempotent_replays
        ),
        (2, 2)
    );
    assert_eq!(remote.sandbox.subscribers().as_array().unwrap().len(), 14);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_reason() {
    let remote = Remote::new(5).await;
    let path = "/postino/api/subscribers";
    let send = async |content_type: &str, body: String| {
        let request = remote
            .keyed(Method::POST, path)
            .header("content-type", content_type)
            .body(body);
        let (status, body) = answer(request.send().await.unwrap()).await;
        (
            status,
            body["error"]["code"].as_str().unwrap_or("").to_owned(),
        )
    };
    assert_eq!(
        send("text/plain", "{}".into()).await,
        (415, "unsupported_media_type".into())
    );
    assert_eq!(
        send("application/json", "{".into()).await,
        (400, "invalid_json".into())
    );
    assert_eq!(
        send("application/json", "[]".into()).await,
        (400, "invalid_json".into())
    );
    assert_eq!(
        send("application/json", " ".repeat(1_100_000)).await,
        (413, "body_too_large".into())
    );
    let (status, body) = answer(
        remote
            .keyed(Method::PUT, path)
            .json(&json!({}))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (405, Some("method_not_allowed"))
    );
    let (status, body) = answer(
        remote
            .keyed(Method::GET, "/postino/api/nothing")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, body["error"]["code"].as_str()),
        (404, Some("no_such_route"))
    );
    let (status, body) = answer(
        remote
            .keyed(Method::GET, "/postino/api/subscribers/sub_1")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(
        (status, body["error"]["message"].as_str()),
        (404, Some("there is no subscriber sub_1"))
    );
}

#[tokio::test]
async fn the_schema_describes_what_a_record_holds() {
    let remote = Remote::new(5).await;
    for (path, records) in [
        ("/harbor/api/v1/schema/contacts", remote.sandbox.contacts()),
        (
            "/postino/api/schema/subscribers",
            remote.sandbox.subscribers(),
        ),
    ] {
        let schema = remote.get(path).await;
        let names: Vec<&str> = schema["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap())
            .collect();
        let held: Vec<&String> = records[0].as_object().unwrap().keys().collect();
        assert_eq!(names, held, "{path}");
    }
    let schema = remote.get("/postino/api/schema/subscribers").await;
    let field = |name: &str| {
        schema["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["name"] == name)
            .unwrap()
            .clone()
    };
    insta::assert_json_snapshot!([field("email_address"), field("location")], @r#"
    [
      {
        "name": "email_address",
        "label": "E-mail address",
        "type": "email",
        "required": true,
        "read_only": false,
        "nullable": false,
        "unique": true,
        "max_length": 254,
        "description": "Stored trimmed and in lower case."
      },
      {
        "name": "location",
        "label": "Location",
        "type": "object",
        "required": false,
        "read_only": false,
        "nullable": true,
        "unique": false,
        "fields": [
          {
            "name": "city",
            "label": "City",
            "type": "text",
            "required": false,
            "read_only": false,
            "nullable": true,
            "unique": false,
            "max_length": 80,
            "description": ""
          },
          {
            "name": "region",
            "label": "Region",
            "type": "text",
            "required": false,
            "read_only": false,
            "nullable": true,
            "unique": false,
            "max_length": 80,
            "description": ""
          },
          {
            "name": "country_code",
            "label": "Country code",
            "type": "text",
            "required": false,
            "read_only": false,
            "nullable": true,
            "unique": false,
            "pattern": "^[A-Z]{2}$",
            "description": "ISO 3166-1 alpha-2."
          }
        ],
        "description": ""
      }
    ]
    "#);
}

#[tokio::test]
async fn ids_listed_after_writing_are_the_ones_that_are_there() {
    let remote = Remote::new(30).await;
    let deleted = remote.sandbox.delete_contacts(3, 9);
    let left = ids(&remote.sandbox.contacts());
    assert_eq!(left.len(), 27);
    assert!(deleted.iter().all(|id| !left.contains(id)));
    assert_eq!(
        ids(&remote.get("/harbor/api/v1/contacts?limit=200").await["data"]).len(),
        27
    );
}
