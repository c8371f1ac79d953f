use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::remote::{Remote, ids, text};

#[tokio::test]
async fn cursor_pages_give_every_contact_once_in_order_of_change() {
    let remote = Remote::new(137).await;
    let mut path = "/harbor/api/v1/contacts?limit=20".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = remote.get(&path).await;
        seen.extend(page["data"].as_array().unwrap().clone());
        assert_eq!(
            page["has_more"].as_bool().unwrap(),
            page["next_cursor"].is_string()
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/harbor/api/v1/contacts?limit=20&cursor={cursor}");
    }
    assert_eq!(seen.len(), 137);
    let mut all = ids(&remote.sandbox.contacts());
    let times: Vec<jiff::Timestamp> = seen
        .iter()
        .map(|record| text(record, "updated_at").parse().unwrap())
        .collect();
    assert!(times.is_sorted());
    let mut got = ids(&Value::Array(seen));
    all.sort();
    got.sort();
    assert_eq!(got, all);
}

#[tokio::test]
async fn link_pages_give_every_company_once() {
    let remote = Remote::new(430).await;
    let mut path = "/harbor/api/v1/companies?per_page=10".to_owned();
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let response = remote.keyed(Method::GET, &path).send().await.unwrap();
        let link = response.headers()["link"].to_str().unwrap().to_owned();
        seen.extend(ids(&response.json().await.unwrap()));
        pages += 1;
        let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""));
        let Some(next) = next else { break };
        path = next
            .split(['<', '>'])
            .nth(1)
            .unwrap()
            .replace(remote.sandbox.base_url().as_str(), "/");
    }
    assert_eq!(pages, 5);
    assert_eq!(
        seen,
        ids(&remote
            .sandbox
            .records(sandbox::Platform::Harbor, "companies")
            .unwrap())
    );
    assert_eq!(seen.len(), 43);
}

#[tokio::test]
async fn offset_pages_give_every_deal_once() {
    let remote = Remote::new(525).await;
    let mut seen = Vec::new();
    loop {
        let page = remote
            .get(&format!(
                "/harbor/api/v1/deals?limit=40&offset={}",
                seen.len()
            ))
            .await;
        assert_eq!(page["total"], 105);
        if page["data"].as_array().unwrap().is_empty() {
            break;
        }
        seen.extend(ids(&page["data"]));
    }
    assert_eq!(
        seen,
        ids(&remote
            .sandbox
            .records(sandbox::Platform::Harbor, "deals")
            .unwrap())
    );
    assert_eq!(seen.len(), 105);
}

#[tokio::test]
async fn harbor_tells_page_by_page_what_was_deleted_for_as_long_as_it_keeps_it() {
    let mut options = sandbox::Options::new(1, 60);
    options.deletions_kept = std::time::Duration::from_secs(3600);
    let folder = tempfile::tempdir().unwrap();
    options.state_file = Some(folder.path().join("sandbox.jsonl"));
    let remote = Remote::with(options.clone()).await;
    let path = "/harbor/api/v1/deleted_contacts";
    let none = remote.get(path).await;
    assert_eq!(
        none,
        serde_json::json!({"data": [], "next_cursor": null, "has_more": false})
    );
    let mut gone = remote.sandbox.delete_contacts(7, 3);
    let (status, _) = remote
        .post(
            "/harbor/api/v1/contacts/batch",
            &serde_json::json!({"operations": [{"op": "delete", "id": "ct_10001"}, {"op": "delete", "id": "ct_10002"}]}),
        )
        .await;
    assert_eq!(status, 207);
    gone.extend(["ct_10001".to_owned(), "ct_10002".to_owned()]);
    gone.sort();
    gone.dedup();
    let mut told = Vec::new();
    let mut next = format!("{path}?limit=4");
    loop {
        let page = remote.get(&next).await;
        told.extend(ids(&page["data"]));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        next = format!("{path}?limit=4&cursor={cursor}");
    }
    told.sort();
    assert_eq!(told, gone);

    // It survives a restart, and it ends.
    remote.sandbox.stop().await.unwrap();
    let remote = Remote::with(options).await;
    let all = remote.get(path).await;
    assert_eq!(all["data"].as_array().unwrap().len(), gone.len());
    let at = all["data"][gone.len() - 1]["deleted_at"].as_str().unwrap();
    let since = remote.get(&format!("{path}?since={at}")).await;
    assert!(!since["data"].as_array().unwrap().is_empty(), "inclusive");
    remote
        .sandbox
        .advance_clock(std::time::Duration::from_secs(3601));
    assert_eq!(remote.get(path).await["data"], serde_json::json!([]));
}

#[tokio::test]
async fn numbered_pages_give_every_subscriber_once() {
    let remote = Remote::new(50).await;
    let mut seen = Vec::new();
    for page_number in 1..=3 {
        let page = remote
            .get(&format!(
                "/postino/api/subscribers?per_page=5&page={page_number}"
            ))
            .await;
        assert_eq!(
            (
                page["page"].as_u64(),
                page["pages"].as_u64(),
                page["total"].as_u64()
            ),
            (Some(page_number), Some(3), Some(12))
        );
        seen.extend(ids(&page["items"]));
    }
    assert_eq!(seen, ids(&remote.sandbox.subscribers()));
    let beyond = remote
        .get("/postino/api/subscribers?per_page=5&page=4")
        .await;
    assert_eq!(beyond["items"], serde_json::json!([]));
    assert_eq!(
        ids(&remote.get("/postino/api/lists").await["items"]),
        ["lst_main", "lst_vip", "lst_partners"]
    );
    assert_eq!(
        text(&remote.get("/postino/api/lists/lst_vip").await, "name"),
        "VIP letter"
    );
}

#[tokio::test]
async fn updated_since_includes_the_very_moment() {
    let remote = Remote::new(300).await;
    let first = remote.get("/harbor/api/v1/contacts?limit=200").await;
    // Three neighbours in fifty share the time of their last change.
    let twin = remote.get("/harbor/api/v1/contacts/ct_10021").await;
    let since = text(&twin, "updated_at").replace('+', "%2B");
    let page = remote
        .get(&format!(
            "/harbor/api/v1/contacts?limit=200&updated_since={since}"
        ))
        .await;
    let found: BTreeSet<String> = ids(&page["data"]).into_iter().take(3).collect();
    assert_eq!(
        found,
        ["ct_10021", "ct_10022", "ct_10023"]
            .map(str::to_owned)
            .into()
    );

    let edited = remote.sandbox.edit_contacts(30, 5);
    let newest = remote.sandbox.contacts();
    let newest = newest
        .as_array()
        .unwrap()
        .iter()
        .find(|record| record["id"] == edited[0].as_str())
        .unwrap();
    let since = text(newest, "updated_at").replace('+', "%2B");
    let mut found = Vec::new();
    let mut path = format!("/harbor/api/v1/contacts?limit=7&updated_since={since}");
    loop {
        let page = remote.get(&path).await;
        found.extend(ids(&page["data"]));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/harbor/api/v1/contacts?limit=7&cursor={cursor}");
    }
    assert_eq!(
        found, edited,
        "thirty equal times over several pages, none lost"
    );
    assert_eq!(first["data"].as_array().unwrap().len(), 200);
}

#[tokio::test]
async fn filters_find_by_normal_address() {
    let remote = Remote::new(60).await;
    let odd = remote.get("/harbor/api/v1/contacts/ct_10008").await;
    let address = text(&odd, "email");
    assert_ne!(address, address.to_lowercase(), "contact 7 has odd case");
    let found = remote
        .get(&format!(
            "/harbor/api/v1/contacts?email={}",
            address.trim().to_uppercase()
        ))
        .await;
    assert_eq!(ids(&found["data"]), ["ct_10008"]);
    assert_eq!(
        ids(&remote.get("/harbor/api/v1/contacts?email=").await["data"]),
        Vec::<String>::new()
    );

    let subscribers = remote.sandbox.subscribers();
    let wanted: Vec<String> = subscribers
        .as_array()
        .unwrap()
        .iter()
        .skip(3)
        .take(2)
        .map(|record| text(record, "email_address").to_uppercase())
        .collect();
    let found = remote
        .get(&format!(
            "/postino/api/subscribers?email_address=no@where.example,{}",
            wanted.join(",")
        ))
        .await;
    assert_eq!(ids(&found["items"]), ["sub_1004", "sub_1005"]);
    assert_eq!(
        (found["total"].as_u64(), found["pages"].as_u64()),
        (Some(2), Some(1))
    );
    let none = remote.get("/postino/api/subscribers?status=pending").await;
    assert_eq!(none["total"], 0);
    let all = remote
        .get("/postino/api/subscribers?status=subscribed&list_id=lst_main")
        .await;
    assert_eq!(all["total"], 12);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let remote = Remote::new(5).await;
    for (path, parameter) in [
        ("/harbor/api/v1/contacts?limit=0", "limit"),
        ("/harbor/api/v1/contacts?limit=201", "limit"),
        (
            "/harbor/api/v1/contacts?updated_since=yesterday",
            "updated_since",
        ),
        ("/harbor/api/v1/companies?page=x", "page"),
        ("/harbor/api/v1/deals?offset=-1", "offset"),
        ("/postino/api/subscribers?per_page=1000", "per_page"),
    ] {
        let response = remote.keyed(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["parameter"], parameter, "{path}");
    }
    let response = remote
        .keyed(Method::GET, "/harbor/api/v1/contacts?cursor=abc")
        .send()
        .await
        .unwrap();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "invalid_cursor");
}
