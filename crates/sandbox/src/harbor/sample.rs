//! Harbor's sample data. Record number *i* depends on the seed and on *i* alone, so a bigger data set begins with the
//! smaller one. The odd records stand at fixed places, which docs/sandbox.md lists.

use serde_json::{Map, Value, json};

use super::{FIRST_COMPANY, FIRST_CONTACT, FIRST_DEAL, Harbor, places::PLACES, schema::STAGES};
use crate::{
    clock::{self, SAMPLE_END},
    collection::serial,
    random::Random,
};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

const OWNERS: [(&str, &str); 4] = [
    ("usr_h1", "Dana Whitfield"),
    ("usr_h2", "Omar Haddad"),
    ("usr_h3", "Wiktoria Sęk"),
    ("usr_h4", "Tomás Ferro"),
];
const TITLES: [&str; 10] = [
    "Buyer",
    "Head of Purchasing",
    "Owner",
    "Marketing Lead",
    "Chief Financial Officer",
    "Office Manager",
    "Software Engineer",
    "Head of R&D",
    "Store Manager",
    "Nurse",
];
const DEPARTMENTS: [&str; 6] = [
    "Purchasing",
    "Marketing",
    "Finance",
    "Operations",
    "R&D",
    "Care",
];
const INDUSTRIES: [&str; 8] = [
    "Retail",
    "Logistics",
    "Healthcare",
    "Education",
    "Food & Drink",
    "Publishing",
    "Energy",
    "Software",
];
const TAGS: [&str; 10] = [
    "vip",
    "newsletter",
    "trade-fair",
    "beta",
    "wholesale",
    "do not call",
    "événement",
    "überfällig",
    "Q3/2025",
    "new",
];
const NOTES: [&str; 10] = [
    "Met at the fair.\nPrefers calls after 14:00 ☎",
    "Asked for a quote, twice.",
    "Speaks fast; spell the name back.\r\nBirthday in July 🎂",
    "Switched from a competitor in spring.",
    "“Call me, don't write” — said so in March.",
    "Invoice address differs from delivery address.\n\n- gate code 4471\n- ring twice",
    "喜欢邮件联系。",
    "Comma, semicolon; quote \" and backslash \\ in one line",
    "=SUM(A1:A3) is what the import left here",
    "Family of five 👩‍👩‍👧‍👦, big orders in December.",
];
const LONG_NOTE: &str = "History of the account. First order in 2019, then a long pause because of the move to the new \
warehouse; resumed in 2022 with smaller but regular orders. Wants one delivery per month, on a Tuesday, and a call the \
day before. Has asked three times for a newsletter in plain text without pictures, please respect that. 📦";
const DOMAINS: [&str; 8] = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example",
    "post.example",
    "example.com",
    "firma.example",
    "office.example",
];
const COMPANY_FIRST: [&str; 12] = [
    "Blue Heron",
    "Kessel",
    "Nordwind",
    "Amarelo",
    "Three Bridges",
    "Quill",
    "Sakura",
    "Ostrava",
    "Tidewater",
    "Lumen",
    "Granite",
    "Papaya",
];
const COMPANY_LAST: [&str; 8] = [
    "Foods",
    "& Söhne",
    "Logistics",
    "Ltd.",
    "Studio",
    "S.A.",
    "Works",
    "Cooperative",
];

pub(crate) fn company_count(contacts: usize) -> u64 {
    (contacts as u64 / 10).max(5)
}

/// All of Harbor for that seed and size.
pub(crate) fn harbor(seed: u64, contacts: usize) -> Harbor {
    let mut harbor = Harbor::empty();
    for index in 0..company_count(contacts) {
        add_company(&mut harbor, seed, index);
    }
    for index in 0..contacts as u64 {
        add_contact(&mut harbor, seed, index);
    }
    for index in 0..contacts as u64 / 5 {
        add_deal(&mut harbor, seed, index);
    }
    harbor
}

fn add_contact(harbor: &mut Harbor, seed: u64, index: u64) {
    let (record, updated, offset) = contact(seed, index);
    harbor
        .contacts
        .put(FIRST_CONTACT + index, record, updated, offset, 1);
}

/// A contact, the time of its last change and the offset in which it writes times.
pub(crate) fn contact(seed: u64, index: u64) -> (Map<String, Value>, i64, i16) {
    let mut random = Random::new(seed, "contact", index);
    let number = FIRST_CONTACT + index;
    let place = match PLACES.get(random.below(PLACES.len() as u64) as usize) {
        Some(place) => *place,
        None => return (Map::new(), SAMPLE_END, 0),
    };
    let offset = random.pick(place.offsets);
    let (family, family_latin) = random.pick(place.family);
    let (given, given_latin) = random.pick(place.given);
    let first_name = if given.is_empty() {
        Value::Null
    } else {
        json!(given)
    };
    let email = email(&mut random, index, number, given_latin, family_latin);

    // Three neighbours in fifty share the time of their last change.
    let updated = {
        let twin = if (20..=22).contains(&(index % 50)) {
            index - (index % 50) + 20
        } else {
            index
        };
        let mut random = Random::new(seed, "updated", twin);
        SAMPLE_END - random.between(0, 900 * DAY) / 1000 * 1000 - 1000
    };
    let created = updated - random.between(DAY, 1200 * DAY) / 1000 * 1000;
    let contacted = random
        .chance(70)
        .then(|| updated - random.between(0, 20 * DAY) / 1000 * 1000);
    let consent = random.chance(60);
    let (city, region) = random.pick(place.cities);
    let orders = if random.chance(40) {
        0
    } else {
        random.between(1, 60)
    };
    let (owner_id, owner_name) = random.pick(&OWNERS);
    let customer_value = if orders == 0 {
        0
    } else {
        orders * random.between(900, 40_000)
    };
    let latin_site = family_latin.replace('-', "");
    let postal = random.fill(place.postal);
    let street = format!("{} {}", random.pick(place.streets), random.between(1, 240));
    let phone_pattern = random.pick(place.phones);
    let phone = random.fill(phone_pattern);

    let record = json!({
        "id": format!("ct_{number}"),
        "serial": serial(number),
        "version": 1,
        "salutation": if random.chance(15) { json!(random.pick(&["Dr.", "Ms", "Mr", "Mx", "Prof. Dr."])) } else { Value::Null },
        "first_name": first_name,
        "last_name": family,
        "preferred_name": if random.chance(10) { json!(given_latin.chars().take(3).collect::<String>()) } else { Value::Null },
        "email": email,
        "email_verified": random.chance(75),
        "email_bounces": if random.chance(92) { 0 } else { random.between(1, 9) },
        "phone": if random.chance(90) { json!(phone) } else { Value::Null },
        "job_title": random.pick(&TITLES),
        "department": if random.chance(80) { json!(random.pick(&DEPARTMENTS)) } else { Value::Null },
        // Always one of the five companies that exist at any size.
        "company_id": if random.chance(85) { json!(format!("co_{}", FIRST_COMPANY + random.below(5))) } else { Value::Null },
        "owner": {"id": owner_id, "name": owner_name},
        "lifecycle_stage": random.pick(STAGES).0,
        "lead_source": if random.chance(90) {
            json!(random.pick(&["web_form", "trade_show", "referral", "import", "outbound"]))
        } else { Value::Null },
        "industry": random.pick(&INDUSTRIES),
        "address": if random.chance(95) {
            json!({"street": street, "city": city, "region": region, "postal_code": postal, "country": place.country})
        } else { Value::Null },
        "language": place.language,
        "timezone": place.timezone,
        "website": if random.chance(40) { json!(format!("https://{latin_site}.example")) } else { Value::Null },
        "tags": random.choose(&TAGS, (index % 5) as usize),
        "annual_revenue": if random.chance(60) {
            json!(format!("{}.{:02}", random.between(20_000, 9_000_000), random.below(4) * 25))
        } else { Value::Null },
        "currency": place.currency,
        "lifetime_value": format!("{}.{:02}", customer_value / 100, customer_value % 100),
        "orders_count": orders,
        "score": if random.chance(95) { json!(random.between(0, 10_000) as f64 / 100.0) } else { Value::Null },
        "do_not_email": random.chance(8),
        "newsletter_opt_in": random.chance(65),
        "consent_given_at": if consent { json!(clock::rfc3339(created, offset)) } else { Value::Null },
        "custom_fields": {
            "cf_birthday": if random.chance(70) { json!(clock::date(random.between(-7000, 13_000) * DAY)) } else { Value::Null },
            "cf_loyalty_points": random.between(0, 25_000),
            "cf_preferred_channel": random.pick(&["email", "phone", "post", "sms"]),
            "cf_vip": random.chance(5),
            "cf_shirt_size": if random.chance(30) { json!(random.pick(&["S", "M", "L", "XL"])) } else { Value::Null },
        },
        "notes": if index % 61 == 5 { json!(LONG_NOTE) } else if random.chance(70) { json!(random.pick(&NOTES)) } else { Value::Null },
        "last_contacted_at": contacted.map(|time| clock::rfc3339(time, offset)),
        "archived": random.chance(3),
        "created_at": clock::rfc3339(created, offset),
        "updated_at": clock::rfc3339(updated, offset),
    });
    let mut record = match record {
        Value::Object(record) => record,
        _ => Map::new(),
    };
    if index % 409 == 29 {
        record.shift_remove("email");
    }
    (record, updated, offset)
}

fn email(random: &mut Random, index: u64, number: u64, given: &str, family: &str) -> Value {
    let domain = random.pick(&DOMAINS);
    let plain = match (given.is_empty(), random.below(3)) {
        (true, _) => format!("{family}{number}@{domain}"),
        (false, 0) => format!("{given}.{family}.{number}@{domain}"),
        (false, 1) => format!("{given}{number}@{domain}"),
        (false, _) => format!("{family}.{given}{number}@{domain}"),
    };
    if index % 397 == 17 {
        return json!("n/a");
    }
    if index % 401 == 23 {
        return json!("");
    }
    if index % 419 == 31 {
        return Value::Null;
    }
    let cased = if index % 13 == 7 {
        let mut upper = true;
        plain
            .chars()
            .map(|letter| {
                let out = if upper {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                };
                upper = !letter.is_ascii_alphabetic();
                out
            })
            .collect()
    } else {
        plain
    };
    if index % 29 == 11 {
        json!(format!(" {cased}  "))
    } else {
        json!(cased)
    }
}

fn add_company(harbor: &mut Harbor, seed: u64, index: u64) {
    let mut random = Random::new(seed, "company", index);
    let number = FIRST_COMPANY + index;
    let place = PLACES.get(random.below(PLACES.len() as u64) as usize);
    let (country, currency, cities) = place.map_or(("", "EUR", &[][..]), |place| {
        (place.country, place.currency, place.cities)
    });
    let first = random.pick(&COMPANY_FIRST);
    let updated = SAMPLE_END - random.between(DAY, 700 * DAY) / 1000 * 1000;
    let created = updated - random.between(DAY, 900 * DAY) / 1000 * 1000;
    let record = json!({
        "id": format!("co_{number}"),
        "name": format!("{first} {}", random.pick(&COMPANY_LAST)),
        "domain": format!("{}{number}.example", first.to_lowercase().replace(' ', "")),
        "industry": random.pick(&INDUSTRIES),
        "employees": random.between(1, 12_000),
        "country": country,
        "city": random.pick(cities).0,
        "annual_revenue": format!("{}.00", random.between(50_000, 90_000_000)),
        "currency": currency,
        "created_at": clock::rfc3339(created, 0),
        "updated_at": clock::rfc3339(updated, 0),
    });
    if let Value::Object(record) = record {
        harbor.companies.put(number, record, updated, 0, 1);
    }
}

fn add_deal(harbor: &mut Harbor, seed: u64, index: u64) {
    let mut random = Random::new(seed, "deal", index);
    let number = FIRST_DEAL + index;
    let updated = SAMPLE_END - random.between(DAY, 400 * DAY) / 1000 * 1000;
    let created = updated - random.between(DAY, 200 * DAY) / 1000 * 1000;
    let stage = random.pick(&["open", "proposal", "won", "lost"]);
    let record = json!({
        "id": format!("dl_{number}"),
        "name": format!("{} {}", random.pick(&["Renewal", "Pilot", "Framework", "Expansion"]), random.between(2023, 2027)),
        // One deal per five contacts, on one of the five.
        "contact_id": format!("ct_{}", FIRST_CONTACT + index * 5 + random.below(5)),
        "company_id": if random.chance(80) { json!(format!("co_{}", FIRST_COMPANY + random.below(5))) } else { Value::Null },
        "stage": stage,
        "amount": format!("{}.{:02}", random.between(200, 250_000), random.below(100)),
        "currency": random.pick(&["EUR", "USD", "BRL", "JPY"]),
        "probability": match stage { "won" => 1.0, "lost" => 0.0, "proposal" => 0.6, _ => 0.25 },
        "expected_close": clock::date(updated + random.between(5, 200) * DAY),
        "created_at": clock::rfc3339(created, 0),
        "updated_at": clock::rfc3339(updated, 0),
    });
    if let Value::Object(record) = record {
        harbor.deals.put(number, record, updated, 0, 1);
    }
}

/// What a person changes in an afternoon: always `lifetime_value`, `orders_count` and `last_contacted_at`, often the
/// stage, the job title or the city, now and then the family name.
pub(crate) fn edit(record: &mut Map<String, Value>, random: &mut Random, now: &str) {
    let cents = record
        .get("lifetime_value")
        .and_then(Value::as_str)
        .and_then(|text| text.replace('.', "").parse::<i64>().ok())
        .unwrap_or(0)
        + random.between(500, 90_000);
    record.insert(
        "lifetime_value".into(),
        json!(format!("{}.{:02}", cents / 100, cents % 100)),
    );
    let orders = record
        .get("orders_count")
        .and_then(Value::as_i64)
        .unwrap_or(0)
        + 1;
    record.insert("orders_count".into(), json!(orders));
    record.insert("last_contacted_at".into(), json!(now));
    if random.chance(50) {
        record.insert("lifecycle_stage".into(), json!(random.pick(STAGES).0));
    }
    if random.chance(40) {
        record.insert("job_title".into(), json!(random.pick(&TITLES)));
    }
    if random.chance(30)
        && let Some(Value::Object(address)) = record.get_mut("address")
    {
        address.insert(
            "city".into(),
            json!(random.pick(&["Lisboa", "Ørsta", "Graz", "Tartu", "Cork"])),
        );
    }
    if random.chance(20)
        && let Some(Value::String(name)) = record.get_mut("last_name")
        && name.chars().count() < 60
    {
        *name = format!(
            "{name}-{}",
            random.pick(&["Hansen", "Rossi", "Dubois", "Novák"])
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::schema::forms::{is_email, normal_email};

    #[test]
    fn valid_addresses_are_unique_and_the_odd_ones_are_where_the_page_says() {
        let mut seen = HashSet::new();
        let mut odd = 0;
        for index in 0..2000 {
            let (record, ..) = contact(7, index);
            match record.get("email").and_then(Value::as_str) {
                Some(text) if is_email(text.trim()) => {
                    assert!(seen.insert(normal_email(text)), "{text} twice");
                    assert_eq!(
                        text != text.to_lowercase(),
                        index % 13 == 7,
                        "{index}: {text}"
                    );
                    assert_eq!(text != text.trim(), index % 29 == 11, "{index}: {text}");
                }
                other => {
                    odd += 1;
                    let expected = match index {
                        _ if index % 409 == 29 => None,
                        _ if index % 397 == 17 => Some("n/a"),
                        _ if index % 401 == 23 => Some(""),
                        _ => None,
                    };
                    assert_eq!(other, expected, "{index}");
                }
            }
        }
        assert!((15..30).contains(&odd), "{odd}");
    }

    #[test]
    fn a_contact_does_not_depend_on_the_size() {
        let small = harbor(3, 20);
        let large = harbor(3, 200);
        for number in small.contacts.order() {
            assert_eq!(
                small.contacts.record(*number),
                large.contacts.record(*number)
            );
        }
        assert_ne!(contact(3, 0).0, contact(4, 0).0);
    }

    #[test]
    fn every_contact_has_all_fields_in_the_order_of_the_schema() {
        let names: Vec<&str> = crate::harbor::schema::CONTACTS
            .fields
            .iter()
            .map(|field| field.name)
            .collect();
        for index in (0..100).filter(|index| index % 409 != 29) {
            let (record, ..) = contact(1, index);
            assert_eq!(record.keys().map(String::as_str).collect::<Vec<_>>(), names);
        }
    }
}
