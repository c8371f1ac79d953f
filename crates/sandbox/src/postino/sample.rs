//! Postino's sample data: three lists, some campaigns and a few subscribers, two thirds of whom Harbor knows too,
//! with older values.

use serde_json::{Map, Value, json};

use super::{FIRST_SUBSCRIBER, Postino};
use crate::{
    clock::{self, SAMPLE_END},
    harbor,
    random::Random,
    schema::forms::{is_email, normal_email},
};

const DAY: i64 = 24 * 3_600_000;

/// All of Postino, beside a Harbor of that seed and size.
pub(crate) fn postino(seed: u64, contacts: usize, existing: usize) -> Postino {
    let mut postino = Postino::empty();
    add_lists(&mut postino);
    add_campaigns(&mut postino, seed);

    let wanted = existing * 2 / 3;
    let mut known = 0;
    for index in 0..contacts as u64 {
        if known == wanted {
            break;
        }
        let (contact, ..) = harbor::sample::contact(seed, index);
        let email = contact.get("email").and_then(Value::as_str).unwrap_or("");
        if is_email(email.trim()) {
            add(&mut postino, seed, older(&contact, &normal_email(email)));
            known += 1;
        }
    }
    for index in known..existing {
        add(&mut postino, seed, own(seed, index as u64));
    }
    postino
}

fn add(postino: &mut Postino, seed: u64, mut record: Map<String, Value>) {
    let number = postino.subscribers.next_number();
    let mut random = Random::new(seed, "subscriber", number - FIRST_SUBSCRIBER);
    let updated = SAMPLE_END - random.between(300 * DAY, 900 * DAY);
    let created = updated - random.between(DAY, 300 * DAY);
    record.insert("id".into(), json!(format!("sub_{number}")));
    record.insert("signup_date".into(), json!(clock::date(created)));
    record.insert("created_at".into(), json!(clock::rfc3339(created, 0)));
    postino.subscribers.put(number, record, updated, 0, 1);
}

fn subscriber(
    email: &str,
    full_name: &str,
    location: Value,
    language: Value,
    value: &str,
) -> Map<String, Value> {
    let record = json!({
        "id": null, "version": 1, "email_address": email, "status": "subscribed", "list_id": "lst_main",
        "full_name": full_name, "phone_e164": null, "location": location, "signup_date": null, "tags": ["archive"],
        "lifetime_value": value, "language": language, "source": "import 2023", "notes": null,
        "marketing_consent": false, "created_at": null, "updated_at": null,
    });
    match record {
        Value::Object(record) => record,
        _ => Map::new(),
    }
}

/// What Postino remembers of a Harbor contact from years ago.
fn older(contact: &Map<String, Value>, email: &str) -> Map<String, Value> {
    let text = |name: &str| contact.get(name).and_then(Value::as_str).unwrap_or("");
    let initial: String = text("first_name").chars().take(1).collect();
    let name = if initial.is_empty() {
        text("last_name").to_owned()
    } else {
        format!("{initial}. {}", text("last_name"))
    };
    subscriber(
        email,
        &name,
        Value::Null,
        contact.get("language").cloned().unwrap_or_default(),
        "12.00",
    )
}

/// Somebody whom only Postino knows.
fn own(seed: u64, index: u64) -> Map<String, Value> {
    let mut random = Random::new(seed, "own subscriber", index);
    let name = random.pick(&[
        "Rosa Feld",
        "Kenji Mori",
        "Amina Diallo",
        "Piet de Wit",
        "Luz Ortega",
        "Ewa Maj",
    ]);
    let latin = name.to_lowercase().replace(' ', ".");
    let location = json!({"city": random.pick(&["Gent", "Faro", "Dakar", "Kobe"]), "region": null, "country_code": null});
    subscriber(
        &format!("{latin}.{index}@letters.example"),
        name,
        location,
        json!("en"),
        "3.50",
    )
}

fn add_lists(postino: &mut Postino) {
    let lists = [
        (
            "main",
            "Main newsletter",
            "Goes to everybody, once a month.",
        ),
        ("vip", "VIP letter", "Before everybody else."),
        ("partners", "Partner news", "For resellers."),
    ];
    for (number, (word, name, description)) in (0..).zip(lists) {
        let record = json!({
            "id": format!("lst_{word}"), "name": name, "description": description, "default_language": "en",
            "created_at": "2021-02-01T09:00:00Z", "updated_at": null,
        });
        if let Value::Object(record) = record {
            postino
                .lists
                .put(number, record, SAMPLE_END - 400 * DAY, 0, 1);
        }
    }
}

fn add_campaigns(postino: &mut Postino, seed: u64) {
    for number in 1..=8_u64 {
        let mut random = Random::new(seed, "campaign", number);
        let sent = SAMPLE_END - (9 - number as i64) * 30 * DAY;
        let draft = number == 8;
        let record = json!({
            "id": format!("cmp_{number}"),
            "name": format!("Letter no. {number}"),
            "subject": random.pick(&["News from the workshop", "What we learned in spring", "Your plans for the year"]),
            "list_id": random.pick(&["lst_main", "lst_vip", "lst_partners"]),
            "status": if draft { "draft" } else { "sent" },
            "sent_at": if draft { Value::Null } else { json!(clock::rfc3339(sent, 0)) },
            "recipients": if draft { 0 } else { random.between(5, 12) },
            "created_at": clock::rfc3339(sent - 3 * DAY, 0),
            "updated_at": null,
        });
        if let Value::Object(record) = record {
            postino.campaigns.put(number, record, sent, 0, 1);
        }
    }
}

/// What a newsletter editor changes by hand.
pub(crate) fn edit(record: &mut Map<String, Value>, random: &mut Random) {
    let note = format!("Checked by hand, no. {}", random.between(1000, 9999));
    record.insert("notes".into(), json!(note));
    if random.chance(40) {
        record.insert(
            "status".into(),
            json!(random.pick(&["subscribed", "pending", "unsubscribed"])),
        );
    }
    if random.chance(40) {
        record.insert(
            "tags".into(),
            json!(["edited", random.pick(&["spring", "autumn"])]),
        );
    }
}
