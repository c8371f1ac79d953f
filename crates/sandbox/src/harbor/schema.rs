//! The fields of a Harbor contact.

use crate::schema::{Field, Kind, Schema};

const ADDRESS: &[Field] = &[
    Field::new("street", "Street", Kind::Text).max(160),
    Field::new("city", "City", Kind::Text).max(80),
    Field::new("region", "Region", Kind::Text).max(80),
    Field::new("postal_code", "Postal code", Kind::Text).max(20),
    Field::new("country", "Country", Kind::Text)
        .max(80)
        .about("English name of the country."),
];

const OWNER: &[Field] = &[
    Field::new("id", "Owner id", Kind::Text),
    Field::new("name", "Owner name", Kind::Text),
];

const CUSTOM: &[Field] = &[
    Field::new("cf_birthday", "Birthday", Kind::Date),
    Field::new("cf_loyalty_points", "Loyalty points", Kind::Integer),
    Field::new("cf_preferred_channel", "Preferred channel", Kind::Text).max(40),
    Field::new("cf_vip", "VIP", Kind::Boolean),
    Field::new("cf_shirt_size", "Shirt size", Kind::Text).max(10),
];

pub(crate) const STAGES: &[(&str, &str)] = &[
    ("lead", "Lead"),
    ("prospect", "Prospect"),
    ("customer", "Customer"),
    ("churned", "Churned"),
    ("partner", "Partner"),
];

pub(crate) static CONTACTS: Schema = Schema {
    stream: "contacts",
    label: "Contacts",
    match_by: Some("email"),
    fields: &[
        Field::new("id", "Contact id", Kind::Text).read_only().unique().about("Given by Harbor, never reused."),
        Field::new("serial", "Serial number", Kind::Integer).read_only().unique().about("Second key; above 2^53."),
        Field::new("version", "Version", Kind::Integer).read_only().about("Counts changes; the ETag."),
        Field::new("salutation", "Salutation", Kind::Text).max(40),
        Field::new("first_name", "First name", Kind::Text).max(80).about("Null for people with one name only."),
        Field::new("last_name", "Last name", Kind::Text).max(80).required(),
        Field::new("preferred_name", "Preferred name", Kind::Text).max(80),
        Field::new("email", "E-mail", Kind::Email { lowered: false }).max(254).unique()
            .about("Old records hold empty text, \"n/a\", odd case or spaces; some have no such member."),
        Field::new("email_verified", "E-mail verified", Kind::Boolean),
        Field::new("email_bounces", "Bounces", Kind::Integer).count(),
        Field::new("phone", "Phone", Kind::Text).max(40).about("As people typed it."),
        Field::new("job_title", "Job title", Kind::Text).max(120),
        Field::new("department", "Department", Kind::Text).max(120),
        Field::new("company_id", "Company", Kind::Reference("companies")),
        Field::new("owner", "Owner", Kind::Object { fields: OWNER, open: false }).read_only()
            .about("The person at Harbor's customer who looks after the contact."),
        Field::new("lifecycle_stage", "Lifecycle stage", Kind::Enum(STAGES)).otherwise("lead"),
        Field::new("lead_source", "Lead source", Kind::Enum(&[
            ("web_form", "Web form"), ("trade_show", "Trade show"), ("referral", "Referral"),
            ("import", "Import"), ("outbound", "Outbound"),
        ])),
        Field::new("industry", "Industry", Kind::Text).max(80),
        Field::new("address", "Address", Kind::Object { fields: ADDRESS, open: false }),
        Field::new("language", "Language", Kind::Text).max(16).about("BCP 47 tag."),
        Field::new("timezone", "Time zone", Kind::Text).max(60).about("IANA name."),
        Field::new("website", "Website", Kind::Url).max(200),
        Field::new("tags", "Tags", Kind::TextList { max_items: 50, max_length: 50 }),
        Field::new("annual_revenue", "Annual revenue", Kind::Decimal).about("In the contact's currency."),
        Field::new("currency", "Currency", Kind::Capitals(3)).about("ISO 4217 code."),
        Field::new("lifetime_value", "Lifetime value", Kind::Decimal).otherwise("0.00"),
        Field::new("orders_count", "Orders", Kind::Integer).count(),
        Field::new("score", "Score", Kind::Number).about("0 to 100 with two decimals."),
        Field::new("do_not_email", "Do not e-mail", Kind::Boolean),
        Field::new("newsletter_opt_in", "Newsletter opt-in", Kind::Boolean),
        Field::new("consent_given_at", "Consent given at", Kind::Timestamp),
        Field::new("custom_fields", "Custom fields", Kind::Object { fields: CUSTOM, open: true }),
        Field::new("notes", "Notes", Kind::Text).max(4000),
        Field::new("last_contacted_at", "Last contacted at", Kind::Timestamp),
        Field::new("archived", "Archived", Kind::Boolean),
        Field::new("created_at", "Created at", Kind::Timestamp).read_only(),
        Field::new("updated_at", "Updated at", Kind::Timestamp).read_only(),
    ],
};
