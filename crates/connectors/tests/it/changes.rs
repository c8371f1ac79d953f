//! Platforms that keep a list of changes: read whole once, and from then on what the list names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Platform;
use connectors::{Access, Deletions, ReadRequest, Source as _, registry};
use model::clock::Clock;
use sandbox::{Options, Sandbox};

use crate::reach::{client, config, generous, harbor_key, keys, pages, whole};

/// Harbor as a platform whose contacts cannot be asked for what changed.
const LIST: &str = include_str!("contact_changes.yaml");

const OURS: &str = "  changes:
    contacts: {stream: contact_changes, key: contact_id}
  deletions:
    contacts: {stream: contact_changes, key: contact_id, when: {kind: deleted}}
";

fn file(ours: &str) -> String {
    let text = include_str!("../../manifests/harbor/connector.yaml");
    let text = text.replacen("\nstreams:\n", &format!("\nstreams:\n{LIST}"), 1);
    let old = "  deletions:\n    contacts: {stream: deleted_contacts, key: id}\n";
    assert!(text.contains(old));
    text.replacen(old, ours, 1)
}

fn platform(sandbox: &Sandbox) -> Platform {
    let manifest = Manifest::parse("harbor", &file(OURS)).unwrap_or_else(|error| panic!("{error}"));
    Platform::new(
        Arc::new(manifest),
        config(sandbox.harbor_url().as_str()),
        harbor_key(),
        client("Harbor CRM", generous()),
        Clock::system(),
    )
}

fn later(cursor: Option<serde_json::Value>) -> ReadRequest {
    ReadRequest {
        cursor: Some(cursor.unwrap()),
        ..whole("contacts")
    }
}

#[tokio::test]
async fn later_reads_bring_what_the_list_names_and_nothing_else() {
    let sandbox = Sandbox::start(Options::new(1, 300)).await.unwrap();
    let platform = platform(&sandbox);
    let first = pages(&platform, whole("contacts")).await.unwrap();
    assert_eq!(keys(&first).len(), 300);

    // Beyond the overlap, an untouched list names the newest change only.
    sandbox.advance_clock(Duration::from_secs(3600));
    let edited: BTreeSet<String> = sandbox.edit_contacts(120, 7).into_iter().collect();
    let gone: BTreeSet<String> = sandbox.delete_contacts(5, 3).into_iter().collect();
    let second = pages(&platform, later(first.last().unwrap().cursor.clone())).await;
    let second = second.unwrap();
    let seen: BTreeSet<String> = keys(&second).into_iter().collect();
    assert!(seen.is_disjoint(&gone), "what is gone is not read");
    let expected: BTreeSet<String> = edited.difference(&gone).cloned().collect();
    assert!(expected.is_subset(&seen), "{expected:?} {seen:?}");
    assert!(seen.len() < 300 / 2, "{}", seen.len());
    // They are whole, with the version that they have.
    for record in second.iter().flat_map(|page| &page.records) {
        assert!(
            record.version.is_some() && record.fields.at(&"last_name".parse().unwrap()).is_some()
        );
    }

    sandbox.advance_clock(Duration::from_secs(3600));
    let third = pages(&platform, later(second.last().unwrap().cursor.clone())).await;
    let seen = keys(&third.unwrap()).len();
    assert!(seen <= expected.len(), "only the overlap: {seen}");
}

#[tokio::test]
async fn what_happens_while_all_is_read_comes_with_the_next_read() {
    let sandbox = Sandbox::start(Options::new(1, 500)).await.unwrap();
    let platform = platform(&sandbox);
    sandbox.advance_clock(Duration::from_secs(3600));
    let mut reader = platform
        .read(whole("contacts"), Access::unattended())
        .await
        .unwrap();
    let mut cursor = reader.next().await.unwrap().unwrap().cursor;
    let edited: BTreeSet<String> = sandbox.edit_contacts(40, 7).into_iter().collect();
    while let Some(page) = reader.next().await.unwrap() {
        cursor = page.cursor;
    }
    let next = pages(&platform, later(cursor)).await.unwrap();
    let seen: BTreeSet<String> = keys(&next).into_iter().collect();
    assert!(edited.is_subset(&seen), "{edited:?} {seen:?}");
}

#[tokio::test]
async fn a_read_that_was_cut_off_goes_on_where_it_was() {
    let sandbox = Sandbox::start(Options::new(1, 500)).await.unwrap();
    let platform = platform(&sandbox);
    let all = pages(&platform, whole("contacts")).await.unwrap();
    let mut request = whole("contacts");
    request.position = Some(all[0].position.clone());
    let rest = pages(&platform, request).await.unwrap();
    assert_eq!(keys(&all[1..]), keys(&rest));
    assert_eq!(all.last().unwrap().cursor, rest.last().unwrap().cursor);

    sandbox.advance_clock(Duration::from_secs(3600));
    sandbox.edit_contacts(200, 7);
    let mut request = later(all.last().unwrap().cursor.clone());
    let changed = pages(&platform, request.clone()).await.unwrap();
    assert!(changed.len() > 2);
    request.position = Some(changed[0].position.clone());
    let rest = pages(&platform, request).await.unwrap();
    assert_eq!(keys(&changed[1..]), keys(&rest));

    // What another version of the file remembered means nothing here: everything is read.
    let foreign = Some(serde_json::json!({"updated_at": "2026-01-01T00:00:00Z"}));
    let again = pages(&platform, later(foreign)).await.unwrap();
    assert_eq!(keys(&again).len(), 500);
}

#[tokio::test]
async fn the_list_also_tells_what_was_deleted() {
    let sandbox = Sandbox::start(Options::new(1, 50)).await.unwrap();
    let platform = platform(&sandbox);
    let access = Access::unattended();
    let contacts = platform.describe("contacts", &access).await.unwrap();
    assert!(contacts.capabilities.incremental);
    let deletions = contacts.capabilities.deletions;
    assert!(matches!(&deletions, Deletions::Listed { stream, .. } if stream == "contact_changes"));
    let gone: BTreeSet<String> = sandbox.delete_contacts(7, 3).into_iter().collect();
    let list = pages(&platform, whole("contact_changes")).await.unwrap();
    let entries = list.iter().flat_map(|page| &page.records);
    let told: BTreeSet<String> = entries
        .filter_map(|entry| deletions.told_by(&entry.fields))
        .map(|key| key.0)
        .collect();
    assert_eq!(told, gone);
}

#[test]
fn a_list_that_cannot_be_one_is_refused_with_its_place_and_what_would_be_right() {
    fn check(ours: &str, words: &[&str]) {
        let error = Manifest::parse("harbor", &file(ours)).unwrap_err();
        let error = error.to_string();
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
    let here = "patchbay.changes.contacts";
    check(
        "  changes: {contacts: {stream: contact_change, key: contact_id}}\n",
        &[
            here,
            "there is no stream `contact_change`",
            "perhaps `contact_changes`",
        ],
    );
    check(
        "  changes: {contacts: {stream: contact_changes, key: contact_d}}\n",
        &[
            here,
            "contact_changes has no field `contact_d`",
            "perhaps `contact_id`",
        ],
    );
    check(
        "  changes: {contacts: {stream: contacts, key: id}}\n",
        &[here, "cannot be the list of its own changes"],
    );
    check(
        "  changes: {contacts: {stream: companies, key: id}}\n",
        &[here, "companies has no cursor", "incremental_sync"],
    );
    check(
        "  changes: {companies: {stream: contact_changes, key: contact_id}}\n",
        &[
            "patchbay.changes.companies",
            "single records of companies cannot be read",
            "`get`",
        ],
    );
    check(
        "  changes: {contacts: {stream: contact_changes}}\n",
        &[here, "`key` is missing"],
    );
    check(
        "  deletions: {contacts: {stream: contact_changes, key: contact_id, when: {kinds: deleted}}}\n",
        &[
            "patchbay.deletions.contacts",
            "contact_changes has no field `kinds`",
            "perhaps `kind`",
        ],
    );
    check(
        "  deletions: {contacts: {field: archived, when: {kind: deleted}}}\n",
        &["patchbay.deletions.contacts", "`when` without `stream`"],
    );
}

#[test]
fn the_connectors_that_come_along_keep_their_own_way() {
    let harbor = registry::find("harbor").unwrap();
    assert!(harbor.changes("contacts").is_none());
}
