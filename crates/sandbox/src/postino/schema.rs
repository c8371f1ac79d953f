//! The fields of a Postino subscriber.

use crate::schema::{Field, Kind, Schema};

const LOCATION: &[Field] = &[
    Field::new("city", "City", Kind::Text).max(80),
    Field::new("region", "Region", Kind::Text).max(80),
    Field::new("country_code", "Country code", Kind::Capitals(2)).about("ISO 3166-1 alpha-2."),
];

pub(crate) static SUBSCRIBERS: Schema = Schema {
    stream: "subscribers",
    label: "Subscribers",
    match_by: Some("email_address"),
    fields: &[
        Field::new("id", "Subscriber id", Kind::Text)
            .read_only()
            .unique()
            .about("Given by Postino, never reused."),
        Field::new("version", "Version", Kind::Integer)
            .read_only()
            .about("Counts changes; the ETag."),
        Field::new(
            "email_address",
            "E-mail address",
            Kind::Email { lowered: true },
        )
        .required()
        .unique()
        .max(254)
        .about("Stored trimmed and in lower case."),
        Field::new(
            "status",
            "Status",
            Kind::Enum(&[
                ("subscribed", "Subscribed"),
                ("pending", "Pending"),
                ("unsubscribed", "Unsubscribed"),
                ("cleaned", "Cleaned"),
            ]),
        )
        .required()
        .about("Cleaned means that mail to the address bounced."),
        Field::new("list_id", "List", Kind::Reference("lists")).required(),
        Field::new("full_name", "Full name", Kind::Text).max(120),
        Field::new("phone_e164", "Phone", Kind::Phone)
            .about("International form, like +4930123456."),
        Field::new(
            "location",
            "Location",
            Kind::Object {
                fields: LOCATION,
                open: false,
            },
        ),
        Field::new("signup_date", "Signed up on", Kind::Date).about("A day, without time."),
        Field::new(
            "tags",
            "Tags",
            Kind::TextList {
                max_items: 20,
                max_length: 50,
            },
        ),
        Field::new("lifetime_value", "Lifetime value", Kind::Decimal),
        Field::new("language", "Language", Kind::Text).max(8),
        Field::new("source", "Source", Kind::Text)
            .max(60)
            .about("Where the address came from."),
        Field::new("notes", "Notes", Kind::Text).max(255),
        Field::new("marketing_consent", "Marketing consent", Kind::Boolean),
        Field::new("created_at", "Created at", Kind::Timestamp).read_only(),
        Field::new("updated_at", "Updated at", Kind::Timestamp).read_only(),
    ],
};
