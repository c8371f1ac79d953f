//! Why a value did not come back the same, probably.

use model::value::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::arithmetic::{Exact, Rounding};
use crate::dates;
use crate::words::scalar_text;

/// A guess why a value did not come back the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Capitals and small letters.
    Case,
    /// White space.
    Spaces,
    /// Digits of a number.
    Rounding,
    /// The same, written in another way.
    Format,
    /// The day is the same, the time is not.
    TimeOfDay,
    /// The end is missing.
    Shortened,
    /// Something became nothing, nothing something, or nothing another kind of nothing (null, empty text).
    Emptiness,
    /// Other items, or in another order.
    Items,
    /// Another value.
    Value,
}

impl Difference {
    /// The word for it in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Spaces => "spaces",
            Self::Rounding => "rounding",
            Self::Format => "format",
            Self::TimeOfDay => "time of day",
            Self::Shortened => "shortened",
            Self::Emptiness => "empty",
            Self::Items => "items",
            Self::Value => "another value",
        }
    }

    /// The guess for a value that came back as another.
    pub(super) fn between(before: &Value, after: &Value) -> Self {
        let blank = |value: &Value| match value {
            Value::Text(text) => text.trim().is_empty(),
            other => other.is_empty(),
        };
        if blank(before) || blank(after) {
            return Self::Emptiness;
        }
        if matches!((before, after), (Value::List(_), Value::List(_))) {
            return Self::Items;
        }
        if let (Some(left), Some(right)) = (number(before), number(after)) {
            return numbers(&left, &right);
        }
        if let (Some(left), Some(right)) = (dates::from_value(before), dates::from_value(after)) {
            return match (dates::timestamp_of(before), dates::timestamp_of(after)) {
                (Some(left), Some(right)) if left.instant == right.instant => Self::Format,
                _ if left == right => Self::Format,
                _ if left.date == right.date => Self::TimeOfDay,
                _ => Self::Value,
            };
        }
        match (scalar_text(before), scalar_text(after)) {
            (Some(left), Some(right)) => texts(&left, &right),
            _ => Self::Value,
        }
    }
}

fn number(value: &Value) -> Option<Exact> {
    match value {
        Value::Text(text) => Exact::parse(text.trim()),
        other => Exact::from_value(other),
    }
}

fn numbers(before: &Exact, after: &Exact) -> Difference {
    let plain = |number: &Exact| number.clone().trimmed().to_text();
    if plain(before) == plain(after) {
        return Difference::Format;
    }
    let rounded = (-9..=20).any(|digits| {
        [Rounding::Floor, Rounding::Ceiling]
            .into_iter()
            .filter_map(|mode| before.round(digits, mode))
            .any(|rounded| plain(&rounded) == plain(after))
    });
    let apart = Exact::parse("-1")
        .and_then(|minus| after.multiply(&minus))
        .and_then(|minus| before.add(&minus))
        .and_then(|apart| apart.round(0, Rounding::Up));
    let near = apart.is_some_and(|apart| matches!(apart.to_text().as_str(), "0" | "1" | "-1"));
    // 1200 is not what rounding makes of 1800, though it is a multiple of 100 below it.
    if near || (rounded && same_size(before, after)) {
        Difference::Rounding
    } else {
        Difference::Value
    }
}

/// Equal number of digits before the point, and the same first one.
fn same_size(left: &Exact, right: &Exact) -> bool {
    let (left, right) = (left.places().0, right.places().0);
    left.len() == right.len() && left.chars().next() == right.chars().next()
}

fn texts(before: &str, after: &str) -> Difference {
    let lower = |text: &str| text.to_lowercase();
    let bare = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    // `ß` and `SS` differ in case, too.
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    if lower(before) == lower(after) || folded(before) == folded(after) {
        return Difference::Case;
    }
    if bare(before) == bare(after) {
        return Difference::Spaces;
    }
    if bare(&folded(before)) == bare(&folded(after)) {
        return Difference::Case;
    }
    if before.nfc().eq(after.nfc()) {
        return Difference::Format;
    }
    if before.trim().starts_with(after.trim()) {
        return Difference::Shortened;
    }
    // 1.3.2024 and 01.03.2024.
    let parts = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .map(|part| lower(part).trim_start_matches('0').to_owned())
            .filter(|part| !part.is_empty())
            .collect()
    };
    if parts(before) == parts(after) {
        return Difference::Format;
    }
    let (left, right) = (digits(before), digits(after));
    let kernel = left.trim_start_matches('0');
    let phone = kernel.len() >= 5 && right.ends_with(kernel);
    let same_digits = !left.is_empty() && left == right && (letters(after) == right);
    if letters(before) == letters(after) || same_digits || phone {
        return Difference::Format;
    }
    Difference::Value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guess_is_what_a_person_would_say() {
        fn check(before: &str, after: &str, expected: &str) {
            let read = |text: &str| model::json::parse(text.as_bytes()).unwrap();
            let got = Difference::between(&read(before), &read(after)).words();
            assert_eq!(got, expected, "{before} {after}");
        }
        check(r#""Ana@Example.COM""#, r#""ana@example.com""#, "case");
        check(r#""straße""#, r#""STRASSE""#, "case");
        check(r#"" Ana  B ""#, r#""Ana B""#, "spaces");
        check(r#"" Ana ""#, r#""ANA""#, "case");
        check("2.345", "2.35", "rounding");
        check("7", "6", "rounding");
        check("1250", "1200", "rounding");
        check("1800", "2", "another value");
        check("1.50", r#""1.5""#, "format");
        check(r#""(11) 98765-4321""#, r#""+5511987654321""#, "format");
        check(r#""€ 1.240,50""#, r#""1240,50""#, "format");
        check(r#""1.3.2024""#, r#""01.03.2024""#, "format");
        check(r#""Cafe\u0301""#, r#""Café""#, "format");
        check(
            r#""2024-03-31T10:00:00Z""#,
            r#""2024-03-31T12:00:00+02:00""#,
            "format",
        );
        check(
            r#""2024-03-31T10:00:00Z""#,
            r#""2024-03-31T00:00:00Z""#,
            "time of day",
        );
        check(
            r#""2024-03-31T10:00:00Z""#,
            r#""2024-03-31""#,
            "time of day",
        );
        check(r#""a long note""#, r#""a long""#, "shortened");
        check(r#""x""#, "null", "empty");
        check("null", r#""unknown""#, "empty");
        check(r#""""#, "null", "empty");
        check("[]", "null", "empty");
        check("[1,2]", "[2,1]", "items");
        check(r#""Brazil""#, r#""BR""#, "another value");
        check("true", "1", "another value");
    }
}
