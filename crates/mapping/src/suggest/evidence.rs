//! What the values of a field look like.

use std::collections::HashSet;

use model::field::{Field, FieldType, Format};
use model::value::Value;

use crate::words::scalar_text;
use crate::{dates, formats};

/// Most samples that are looked at.
const MOST: usize = 40;

/// What most values of a field look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Email,
    Phone,
    Url,
    Uuid,
    CountryCode,
    CountryName,
    Currency,
    Language,
    Zone,
    Date,
    Timestamp,
    Epoch,
    Bool,
    Integer,
    Decimal,
    Html,
    Prose,
    Words,
    Code,
}

impl Shape {
    /// How much it tells when two fields share it, 0 to 1.
    const fn tells(self) -> f64 {
        match self {
            Self::Email | Self::CountryName | Self::Zone => 1.0,
            Self::Url | Self::CountryCode | Self::Currency | Self::Language | Self::Phone => 0.9,
            Self::Uuid | Self::Date | Self::Timestamp | Self::Epoch | Self::Html => 0.6,
            Self::Prose => 0.5,
            Self::Bool | Self::Decimal => 0.4,
            Self::Integer => 0.25,
            Self::Words | Self::Code => 0.15,
        }
    }

    /// Words for a chip: values look like …
    pub(super) const fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Email => "e-mail addresses",
            Self::Phone => "phone numbers",
            Self::Url => "web addresses",
            Self::Uuid => "UUIDs",
            Self::CountryCode => "country codes",
            Self::CountryName => "country names",
            Self::Currency => "currency codes",
            Self::Language => "language codes",
            Self::Zone => "time zones",
            Self::Date => "dates",
            Self::Timestamp => "dates and times",
            Self::Epoch => "seconds since 1970",
            Self::Html => "HTML",
            Self::Bool | Self::Integer | Self::Decimal | Self::Prose | Self::Words | Self::Code => {
                return None;
            }
        })
    }
}

/// How alike two shapes are, -1 (contradict) to 1 (the same and telling); 0 says nothing.
pub(super) fn shapes(left: Shape, right: Shape) -> f64 {
    use Shape as S;
    if left == right {
        return left.tells();
    }
    let pair = |a: Shape, b: Shape| (left == a && right == b) || (left == b && right == a);
    if pair(S::CountryCode, S::CountryName) {
        return 0.9;
    }
    if pair(S::Date, S::Timestamp) || pair(S::Epoch, S::Timestamp) || pair(S::Epoch, S::Date) {
        return 0.5;
    }
    if pair(S::Integer, S::Decimal) || pair(S::Html, S::Prose) {
        return 0.2;
    }
    let loose = |shape: Shape| matches!(shape, S::Words | S::Code | S::Prose);
    let number = |shape: Shape| matches!(shape, S::Integer | S::Decimal);
    if loose(left) && loose(right) {
        return 0.0;
    }
    if (number(left) && right == S::Epoch) || (number(right) && left == S::Epoch) {
        return -0.3;
    }
    if (number(left) && matches!(right, S::Phone | S::Code))
        || (number(right) && matches!(left, S::Phone | S::Code))
    {
        return -0.1;
    }
    if (left == S::Bool && loose(right)) || (right == S::Bool && loose(left)) {
        return -0.1;
    }
    // Three capitals or two letters are often codes of something else.
    let short_code = |shape: Shape| matches!(shape, S::CountryCode | S::Currency | S::Language);
    if (short_code(left) && right == S::Code) || (short_code(right) && left == S::Code) {
        return -0.15;
    }
    if loose(left) || loose(right) {
        -0.45
    } else {
        -0.9
    }
}

/// What is known of a field's values.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) shape: Option<Shape>,
    /// The share of the samples that have it, 0 to 1; 1 where the platform says so.
    pub(super) share: f64,
    /// The shape was seen in values, not declared.
    pub(super) seen: bool,
    /// Distinct texts, small letters.
    texts: HashSet<String>,
    /// Averages: letters, digits, capitals, spaces, other signs, length, words.
    profile: Option<[f64; 7]>,
    pub(super) is_list: bool,
    pub(super) n: usize,
}

impl Evidence {
    pub(super) fn of(field: &Field, samples: &[Value]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut any_list = field.field_type == FieldType::List;
        for sample in samples.iter().take(MOST) {
            match sample {
                Value::List(items) => {
                    any_list = true;
                    texts.extend(
                        items
                            .iter()
                            .take(10)
                            .filter_map(scalar_text)
                            .map(String::from),
                    );
                }
                other => texts.extend(scalar_text(other).map(String::from)),
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        let declared = declared(field);
        let (shape, share, seen) = match (declared, shape_of(&texts)) {
            (Some(shape), Some((other, share))) if other == shape => {
                (Some(shape), share.max(0.9), true)
            }
            (Some(shape), _) => (Some(shape), 1.0, false),
            (None, Some((shape, share))) => (Some(shape), share, true),
            (None, None) => (None, 0.0, false),
        };
        Self {
            shape,
            share,
            seen,
            profile: profile(&texts),
            n: texts.len(),
            texts: texts
                .into_iter()
                .map(|text| text.trim().to_lowercase())
                .collect(),
            is_list: any_list,
        }
    }

    /// The share of distinct values that both have, 0 to 1.
    pub(super) fn overlap(&self, other: &Self) -> f64 {
        let shared = self.texts.intersection(&other.texts).count();
        let least = self.texts.len().min(other.texts.len());
        if least == 0 {
            return 0.0;
        }
        shared as f64 / least as f64
    }

    /// True where a handful of values comes again and again.
    pub(super) fn is_vocabulary(&self) -> bool {
        self.n >= 2 && self.texts.len() <= 12
    }

    /// How alike the values are written, 0 to 1.
    pub(super) fn manner(&self, other: &Self) -> Option<f64> {
        let (left, right) = (self.profile?, other.profile?);
        let distance: f64 = left.iter().zip(right).map(|(a, b)| (a - b).abs()).sum();
        Some((1.0 - distance / 2.0).max(0.0))
    }
}

/// The shape that the platform declares.
fn declared(field: &Field) -> Option<Shape> {
    match field.format {
        Some(Format::Email) => return Some(Shape::Email),
        Some(Format::Phone) => return Some(Shape::Phone),
        Some(Format::Url) => return Some(Shape::Url),
        Some(Format::Uuid) => return Some(Shape::Uuid),
        Some(Format::CountryCode) => return Some(Shape::CountryCode),
        Some(Format::LanguageCode) => return Some(Shape::Language),
        Some(Format::Currency) => return Some(Shape::Currency),
        Some(Format::Money) => return Some(Shape::Decimal),
        Some(Format::Html) => return Some(Shape::Html),
        Some(Format::Id) | None => {}
    }
    match field.field_type {
        FieldType::Bool => Some(Shape::Bool),
        FieldType::Date => Some(Shape::Date),
        FieldType::Timestamp => Some(Shape::Timestamp),
        FieldType::Decimal | FieldType::Float => Some(Shape::Decimal),
        _ => None,
    }
}

/// The shape of most texts, and of how many.
fn shape_of(texts: &[String]) -> Option<(Shape, f64)> {
    if texts.is_empty() {
        return None;
    }
    type Test = (Shape, fn(&str) -> bool);
    let tests: [Test; 17] = [
        (Shape::Bool, |text| matches!(text, "true" | "false")),
        (Shape::Email, |text| formats::is_email(text.trim())),
        (Shape::Url, formats::is_url),
        (Shape::Uuid, formats::is_uuid),
        (Shape::Timestamp, |text| {
            dates::parse_iso(text).is_some_and(|written| written.time.is_some())
        }),
        (Shape::Date, |text| dates::parse_date(text).is_some()),
        (Shape::Epoch, is_epoch),
        (Shape::Integer, |text| {
            text.len() <= 20 && text.parse::<i64>().is_ok()
        }),
        (Shape::Decimal, |text| {
            model::number::Decimal::parse(text).is_some()
        }),
        (Shape::Phone, |text| {
            formats::looks_like_phone(text)
                && text.chars().any(|c| " +()-/".contains(c))
                && text.chars().filter(char::is_ascii_digit).count() >= 7
        }),
        (Shape::CountryCode, |text| {
            formats::is_country_code(text) && crate::countries::by_code(text).is_some()
        }),
        (Shape::Currency, is_known_currency),
        (Shape::Language, is_known_language),
        (Shape::Zone, |text| {
            text.contains('/')
                && text.starts_with(|c: char| c.is_ascii_uppercase())
                && jiff::tz::TimeZone::get(text).is_ok()
        }),
        (Shape::CountryName, |text| {
            text.len() > 3 && crate::countries::find(text).is_some()
        }),
        (Shape::Html, |text| {
            text.contains("</") || text.contains("<br")
        }),
        (Shape::Prose, |text| {
            text.len() > 30 && text.split_whitespace().count() >= 5
        }),
    ];
    let n = texts.len() as f64;
    for (shape, test) in tests {
        let hits = texts.iter().filter(|text| test(text)).count() as f64 / n;
        if hits >= 0.7 {
            return Some((shape, hits));
        }
    }
    let coded = texts
        .iter()
        .filter(|text| {
            !text.contains(' ')
                && (text.chars().any(|c| c.is_ascii_digit() || c == '_')
                    || text.chars().all(|c| !c.is_lowercase()))
        })
        .count() as f64
        / n;
    Some(if coded >= 0.6 {
        (Shape::Code, coded)
    } else {
        (Shape::Words, 1.0)
    })
}

/// Seconds or milliseconds between 2001 and 2039.
fn is_epoch(text: &str) -> bool {
    let Ok(n) = text.parse::<i64>() else {
        return false;
    };
    let years = 1_000_000_000..2_200_000_000;
    years.contains(&n) || years.contains(&(n / 1000))
}

fn is_known_currency(text: &str) -> bool {
    const KNOWN: &[&str] = &[
        "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "BRL", "ARS", "MXN", "CAD", "AUD", "NZD", "SEK",
        "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "INR", "KRW", "SGD", "HKD", "ZAR",
        "ILS", "AED", "SAR", "THB", "IDR", "MYR", "PHP", "VND", "CLP", "COP", "PEN", "UYU", "EGP",
        "NGN", "KES", "UAH", "RUB", "ISK",
    ];
    let upper = text.to_ascii_uppercase();
    KNOWN.contains(&upper.as_str())
}

fn is_known_language(text: &str) -> bool {
    const KNOWN: &[&str] = &[
        "en", "de", "fr", "es", "it", "pt", "nl", "sv", "no", "nb", "da", "fi", "pl", "cs", "sk",
        "hu", "ro", "bg", "el", "tr", "ru", "uk", "ja", "zh", "ko", "ar", "he", "hi", "th", "vi",
        "id", "ms", "ca", "hr", "sr", "sl", "et", "lv", "lt",
    ];
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default().to_ascii_lowercase();
    let rest: Vec<&str> = parts.collect();
    KNOWN.contains(&first.as_str())
        && rest.len() <= 1
        && rest.iter().all(|part| part.len() == 2 || part.len() == 4)
}

fn profile(texts: &[String]) -> Option<[f64; 7]> {
    if texts.is_empty() {
        return None;
    }
    let mut sum = [0.0; 7];
    for text in texts {
        let length = text.chars().count().max(1) as f64;
        let share =
            |test: fn(char) -> bool| text.chars().filter(|c| test(*c)).count() as f64 / length;
        let one = [
            share(char::is_alphabetic),
            share(char::is_numeric),
            share(char::is_uppercase),
            share(char::is_whitespace),
            share(|c| !c.is_alphanumeric() && !c.is_whitespace()),
            (length.ln() / 6.0).min(1.0),
            (text.split_whitespace().count() as f64 / 8.0).min(1.0),
        ];
        for (total, part) in sum.iter_mut().zip(one) {
            *total += part;
        }
    }
    let n = texts.len() as f64;
    Some(sum.map(|total| total / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], expected: Shape) {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(
            shape_of(&texts).map(|(shape, _)| shape),
            Some(expected),
            "{texts:?}"
        );
    }

    #[test]
    fn values_are_recognised_by_their_shape() {
        check(
            &["Ana@Example.com", " bo@x.org", "c@y.org", "n/a"],
            Shape::Email,
        );
        check(
            &["(11) 98765-4321", "+44 20 7946 0011", "0171/555 12 34"],
            Shape::Phone,
        );
        check(&["Brazil", "Deutschland"], Shape::CountryName);
        check(&["BR", "DE"], Shape::CountryCode);
        check(&["pt-BR", "de"], Shape::Language);
        check(&["EUR", "BRL"], Shape::Currency);
        check(&["2022-11-03T08:15:00-03:00"], Shape::Timestamp);
        check(&["2022-11-03"], Shape::Date);
        check(&["1711848600"], Shape::Epoch);
        check(&["1240000.50"], Shape::Decimal);
        check(&["America/Sao_Paulo"], Shape::Zone);
        check(&["Ana", "Bo"], Shape::Words);
        check(&["ct_10001"], Shape::Code);
    }
}
