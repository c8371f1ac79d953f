//! What Postino should hold after the standard sync, worked out by hand from Harbor's contacts.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::Sandbox;
use serde_json::Value;

use crate::app::records;

/// The address of a contact as Postino keeps it; none for those that have no valid one.
pub fn address(contact: &Value) -> Option<String> {
    let email = contact.get("email")?.as_str()?.trim().to_lowercase();
    email.contains('@').then_some(email)
}

/// Contacts that can be carried at all.
pub fn carriable(sandbox: &Sandbox) -> usize {
    records(&sandbox.contacts())
        .iter()
        .filter(|contact| address(contact).is_some())
        .count()
}

/// Subscribers by address.
///
/// # Panics
/// When an address is there twice.
pub fn subscribers(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for subscriber in records(&sandbox.subscribers()) {
        let address = subscriber["email_address"].as_str().unwrap().to_owned();
        let before = found.insert(address.clone(), subscriber.clone());
        assert!(before.is_none(), "{address} is at Postino twice");
    }
    found
}

/// Every contact with an address is at Postino, once and as it is at Harbor now; nothing else was added.
///
/// # Panics
/// When something is missing, doubled, different or too many.
pub fn assert_all_carried(sandbox: &Sandbox, known_before: &BTreeSet<String>) {
    let subscribers = subscribers(sandbox);
    let mut addresses = known_before.clone();
    for contact in records(&sandbox.contacts()) {
        let Some(address) = address(contact) else {
            continue;
        };
        let subscriber = subscribers
            .get(&address)
            .unwrap_or_else(|| panic!("{address} is missing at Postino"));
        assert_carried(&address, contact, subscriber);
        addresses.insert(address);
    }
    let there: BTreeSet<String> = subscribers.into_keys().collect();
    assert_eq!(there, addresses, "Postino has others than it should");
}

/// These contacts, as far as they have an address, are at Postino as they are at Harbor now.
///
/// # Panics
/// When one is missing or different.
pub fn assert_contacts_carried(sandbox: &Sandbox, ids: &[String]) {
    let subscribers = subscribers(sandbox);
    for contact in records(&sandbox.contacts()) {
        let is_meant = ids.iter().any(|id| contact["id"] == id.as_str());
        if let Some(address) = address(contact).filter(|_| is_meant) {
            assert_carried(&address, contact, &subscribers[&address]);
        }
    }
}

/// The fields that are carried as they are, or nearly.
fn assert_carried(address: &str, contact: &Value, subscriber: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let whole_name = [&contact["first_name"], &contact["last_name"]]
        .map(text)
        .into_iter()
        .filter(|part| !part.trim().is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let notes: String = text(&contact["notes"]).chars().take(255).collect();
    let city = contact["address"].get("city").map(text).unwrap_or_default();
    let checks = [
        ("full_name", whole_name, text(&subscriber["full_name"])),
        ("notes", notes, text(&subscriber["notes"])),
        (
            "location.city",
            city,
            subscriber["location"]
                .get("city")
                .map(text)
                .unwrap_or_default(),
        ),
        (
            "language",
            text(&contact["language"]),
            text(&subscriber["language"]),
        ),
        (
            "list_id",
            "lst_main".to_owned(),
            text(&subscriber["list_id"]),
        ),
    ];
    for (field, expected, found) in checks {
        assert_eq!(found, expected, "{address}: {field}");
    }
    let amount = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
    assert_eq!(
        amount(&subscriber["lifetime_value"]),
        amount(&contact["lifetime_value"]),
        "{address}: lifetime_value"
    );
    assert_eq!(subscriber["tags"], contact["tags"], "{address}: tags");
}

/// The addresses that Postino knows now.
pub fn known(sandbox: &Sandbox) -> BTreeSet<String> {
    subscribers(sandbox).into_keys().collect()
}
