//! Phone numbers.

use compact_str::CompactString;
use model::field::FieldType;
use model::value::Value;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, text_of};
use crate::countries::{self, Country};
use crate::words::quoted_text;

pub(crate) const PHONE_E164: Transform = Transform {
    name: "phone_e164",
    label: "International phone",
    group: Group::Lookup,
    summary: "Writes a phone number as + and digits. With two fields, the second is the country of numbers that do not say.",
    synonyms: &["telephone", "e164", "mobile", "calling code", "sms"],
    params: &[Param::optional(
        "default_country",
        ParamKind::Country,
        "the country of numbers that do not say",
    )],
    input: Kinds::TEXT.or(Kinds::INTEGER).or(Kinds::LIST),
    output: OutputKind::Of(FieldType::Text),
    joins: true,
    examples: &[
        eg(r#""+44 (0)20 7946-0011""#, "{}", r#""+442079460011""#),
        eg(
            r#""0171/555 12 34 ext. 5""#,
            r#"{"default_country":"DE"}"#,
            r#""+491715551234""#,
        ),
        eg(
            r#"["(11) 98765-4321","Brazil"]"#,
            "{}",
            r#""+5511987654321""#,
        ),
        eg(r#""0049 30 3343329""#, "{}", r#""+49303343329""#),
        eg(
            r#""030 3343329""#,
            "{}",
            "error: \"030 3343329\" does not say its country; set a default country",
        ),
        eg(
            r#""call me""#,
            r#"{"default_country":"DE"}"#,
            "error: \"call me\" is not a phone number",
        ),
        eg(r#"["8 (032) 123 45 67","UA"]"#, "{}", r#""+380321234567""#),
        eg("[null,\"Brazil\"]", "{}", "null"),
        eg(r#"[" ","Brazil"]"#, "{}", "null"),
    ],
    build: |with| {
        let default = with.country("default_country")?;
        Ok(Action::plain(move |value| {
            let (value, country) = match value {
                Value::List(items) => {
                    let mut items = items.into_iter();
                    let number = items.next().unwrap_or_default();
                    let country = items
                        .next()
                        .and_then(|value| countries::find(value.as_text()?));
                    (number, country.or(default))
                }
                other => (other, default),
            };
            if super::empty::is_blank(&value) {
                return Ok(Value::Null);
            }
            let text = text_of(value)?;
            e164(&text, country).map(Value::Text)
        })
        .into())
    },
};

fn e164(text: &str, country: Option<&Country>) -> Result<CompactString, String> {
    let wrong = || format!("{} is not a phone number", quoted_text(text));
    let lower;
    let plain = |c: char| c.is_ascii_digit() || " +()-./".contains(c);
    let number = if text.chars().all(plain) {
        text
    } else {
        lower = text.trim().to_lowercase();
        ["ext", "x", "#", ";", "durchwahl", "poste", "ramal"]
            .iter()
            .filter_map(|mark| lower.find(mark))
            .min()
            .and_then(|at| lower.get(..at))
            .unwrap_or(&lower)
    };
    let number = number.strip_prefix("tel:").unwrap_or(number);
    // A trunk zero in brackets is not dialled from abroad.
    let number =
        if number.trim_start().starts_with(['+', '0']) && !number.trim_start().starts_with("0)") {
            number.replacen("(0)", "", 1)
        } else {
            number.to_owned()
        };
    if number
        .chars()
        .any(|c| !c.is_ascii_digit() && !" +()-./\u{a0}\u{2010}\u{2011}\u{2013}".contains(c))
    {
        return Err(wrong());
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let international =
        if number.trim_start().starts_with('+') || number.trim_start().starts_with("(+") {
            Some(digits.as_str())
        } else {
            digits.strip_prefix("00")
        };
    let full = match (international, country) {
        (Some(full), _) => full.to_owned(),
        (None, None) if digits.len() >= 5 => {
            return Err(format!(
                "{} does not say its country; set a default country",
                quoted_text(text)
            ));
        }
        (None, None) => return Err(wrong()),
        (None, Some(country)) => {
            // `1 (212) 555 0196` in a country whose trunk prefix is its calling code.
            let national = country
                .trunk
                .split(',')
                .filter(|trunk| !trunk.is_empty())
                .find_map(|trunk| digits.strip_prefix(trunk).filter(|rest| rest.len() >= 5))
                .unwrap_or(&digits);
            if national.len() < 5 {
                return Err(wrong());
            }
            format!("{}{national}", country.calling)
        }
    };
    let made = format!("+{full}");
    if crate::formats::is_e164(&made) {
        Ok(made.into())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_of_each_country_write_them() {
        for (text, country, expected) in [
            ("021 9 1234 5678", "Brazil", "+5521912345678"),
            ("01632 960123", "United Kingdom", "+441632960123"),
            ("555-0112-3456 x12", "United States", "+155501123456"),
            ("1.555.012.3456", "United States", "+15550123456"),
            ("+49 (0)30 / 23125 123", "Germany", "+493023125123"),
            ("0221 - 4710 123 Durchwahl 12", "Germany", "+492214710123"),
            ("0261.91.12.34", "France", "+33261911234"),
            ("(+34) 955-123-123", "Spain", "+34955123123"),
            ("(22) 123 12 12", "Poland", "+48221231212"),
            ("+20 (2) 2123 1234", "Egypt", "+20221231234"),
            ("0 (512) 123 12 12", "Türkiye", "+905121231212"),
            ("+234 (0) 1 123 1234", "Nigeria", "+23411231234"),
            ("090-1234-1234", "Japan", "+819012341234"),
            ("06 1234 5678", "Italy", "+390612345678"),
        ] {
            let country = countries::find(country);
            assert!(country.is_some());
            assert_eq!(e164(text, country).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "n/a",
            "12",
            "+",
            "+1 2",
            "(555) CALL-NOW",
            "0000000",
            "+0123456789",
            "123456789012345678",
        ] {
            assert!(e164(text, countries::find("Germany")).is_err(), "{text}");
        }
    }
}
