//! Two platforms' fields, in a short notation: `name:type`, `!` required, `-` read-only, `?` nullable,
//! `<n` at most n characters, `=a|b` options, `#description`.

use model::field::{Field, FieldOption, FieldType, Format, Schema};
use model::value::Value;

pub(crate) fn field(text: &str) -> Field {
    let (text, about) = text.split_once('#').unwrap_or((text, ""));
    let (text, options) = text.split_once('=').unwrap_or((text, ""));
    let (text, most) = text.split_once('<').unwrap_or((text, ""));
    let (name, kind) = text.trim().split_once(':').unwrap();
    let word = kind.trim_end_matches(['!', '-', '?']);
    let (field_type, format) = match word {
        "text" => (FieldType::Text, None),
        "email" => (FieldType::Text, Some(Format::Email)),
        "phone" => (FieldType::Text, Some(Format::Phone)),
        "url" => (FieldType::Text, Some(Format::Url)),
        "integer" => (FieldType::Integer, None),
        "decimal" => (FieldType::Decimal, None),
        "float" => (FieldType::Float, None),
        "bool" => (FieldType::Bool, None),
        "date" => (FieldType::Date, None),
        "timestamp" => (FieldType::Timestamp, None),
        "enum" => (FieldType::Enum, None),
        "list" => (FieldType::List, None),
        "object" => (FieldType::Object, None),
        "any" => (FieldType::Any, None),
        other => panic!("{other}"),
    };
    let mut field = Field::new(name, field_type);
    field.format = format;
    field.required = kind.contains('!');
    field.read_only = kind.contains('-');
    field.nullable = kind.contains('?');
    field.max_length = most.trim().parse().ok();
    field.description = (!about.is_empty()).then(|| about.trim().to_owned());
    field.items = (field_type == FieldType::List).then_some(FieldType::Text);
    field.options = options
        .split('|')
        .filter(|value| !value.trim().is_empty())
        .map(|value| FieldOption {
            value: value.trim().to_owned(),
            label: None,
        })
        .collect();
    field
}

pub(crate) fn schema(lines: &str) -> Schema {
    let mut schema = Schema::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, _) = line.split_once(':').unwrap();
        match path.split_once('.') {
            Some((parent, rest)) => {
                let parent = schema
                    .fields
                    .iter_mut()
                    .find(|field| field.name == parent)
                    .unwrap();
                parent.fields.push(field(line.split_once('.').unwrap().1));
                let _ = rest;
            }
            None => schema.fields.push(field(line)),
        }
    }
    schema
}

pub(crate) fn harbor() -> Schema {
    schema(
        "id:text-
        serial:integer-
        version:integer-
        salutation:text?<40
        first_name:text?<80
        last_name:text!?<80
        preferred_name:text?<80
        email:email?<254
        email_verified:bool
        email_bounces:integer
        phone:text?<40#As people typed it.
        job_title:text?<120
        department:text?<120
        company_id:text?
        owner:object-
        owner.id:text
        owner.name:text
        lifecycle_stage:enum=lead|prospect|customer|churned|partner
        lead_source:enum?=web_form|trade_show|referral|import|outbound
        industry:text?<80
        address:object?
        address.street:text?<160
        address.city:text?<80
        address.region:text?<80
        address.postal_code:text?<20
        address.country:text?<80#English name of the country.
        language:text?<16#BCP 47 tag.
        timezone:text?<60#IANA name.
        website:url?<200
        tags:list
        annual_revenue:decimal?#In the contact's currency.
        currency:text?#ISO 4217 code.
        lifetime_value:decimal
        orders_count:integer
        score:float?#0 to 100 with two decimals.
        do_not_email:bool
        newsletter_opt_in:bool
        consent_given_at:timestamp?
        custom_fields:object
        custom_fields.cf_birthday:date?
        custom_fields.cf_loyalty_points:integer
        custom_fields.cf_preferred_channel:text<40
        custom_fields.cf_vip:bool
        custom_fields.cf_shirt_size:text?<10
        notes:text?<4000
        last_contacted_at:timestamp?
        archived:bool
        created_at:timestamp-
        updated_at:timestamp-",
    )
}

pub(crate) fn postino() -> Schema {
    schema(
        "id:text-#Given by Postino, never reused.
        version:integer-
        email_address:email!<254#Stored trimmed and in lower case.
        status:enum!=subscribed|pending|unsubscribed|cleaned#Cleaned means that mail to the address bounced.
        list_id:text!
        full_name:text?<120
        phone_e164:phone?#International form, like +4930123456.
        location:object?
        location.city:text?<80
        location.region:text?<80
        location.country_code:text?#ISO 3166-1 alpha-2.
        signup_date:date?#A day, without time.
        tags:list
        lifetime_value:decimal?
        language:text?<8
        source:text?<60#Where the address came from.
        notes:text?<255
        marketing_consent:bool
        created_at:timestamp-
        updated_at:timestamp-",
    )
}

pub(crate) fn contact(changes: &[(&str, &str)]) -> Value {
    let mut value = model::json::parse(
        r#"{"id":"ct_10001","serial":9007199254750993,"version":1,"salutation":null,"first_name":"Ana","last_name":"Souza",
 "preferred_name":null,"email":" Ana.Souza.10001@Example.com","email_verified":true,"email_bounces":0,
 "phone":"(11) 98765-4321","job_title":"Buyer","department":"Purchasing","company_id":"co_1003",
 "owner":{"id":"usr_h1","name":"Dana Whitfield"},"lifecycle_stage":"customer","lead_source":"referral",
 "industry":"Retail","address":{"street":"Rua Augusta 1200","city":"São Paulo","region":"SP","postal_code":"01304-001","country":"Brazil"},
 "language":"pt-BR","timezone":"America/Sao_Paulo","website":"https://souza.example","tags":["vip","newsletter"],
 "annual_revenue":"1240000.50","currency":"BRL","lifetime_value":"1890.00","orders_count":12,"score":87.50,
 "do_not_email":false,"newsletter_opt_in":true,"consent_given_at":"2023-05-02T09:12:44-03:00",
 "custom_fields":{"cf_birthday":"1984-07-09","cf_loyalty_points":1200,"cf_preferred_channel":"email","cf_vip":true,"cf_shirt_size":null},
 "notes":"Met at the fair.\nPrefers calls after 14:00 ☎","last_contacted_at":null,"archived":false,
 "created_at":"2022-11-03T08:15:00-03:00","updated_at":"2024-03-31T01:30:00-03:00"}"#.as_bytes(),
    )
    .unwrap();
    for (path, json) in changes {
        value.put(
            &path.parse().unwrap(),
            model::json::parse(json.as_bytes()).unwrap(),
        );
    }
    value
}
