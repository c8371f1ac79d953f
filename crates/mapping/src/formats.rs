//! What a text means: light checks of the shapes that platforms ask for.
//!
//! Light means: a text that passes is worth sending; the platform has the last word. Nothing here
//! asks whether the mailbox, the number or the page exists.

use model::field::Format;

/// Longest e-mail address (RFC 5321, path without its brackets).
const MAX_EMAIL: usize = 254;

/// One `@`, something before it, a host with a dot after it, no spaces.
pub fn is_email(text: &str) -> bool {
    if text.len() > MAX_EMAIL || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return false;
    }
    let Some((local, host)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && is_host(host)
}

/// A host name with at least one dot.
pub fn is_host(host: &str) -> bool {
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
        && !host
            .rsplit('.')
            .next()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()))
}

/// `+` and 7 to 15 digits, the first not 0 (ITU-T E.164).
pub fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// At least five digits, and nothing else than what people put around them.
pub fn looks_like_phone(text: &str) -> bool {
    let text = text.trim();
    let body = text
        .split_once(" ext")
        .or_else(|| text.split_once(" x"))
        .map_or(text, |(number, _)| number);
    let digits = body.bytes().filter(u8::is_ascii_digit).count();
    (5..=18).contains(&digits)
        && body
            .chars()
            .all(|c| c.is_ascii_digit() || " +()-./\u{a0}".contains(c))
}

/// `http://` or `https://` and a host.
pub fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = if lower.starts_with("https://") {
        text.get(8..)
    } else if lower.starts_with("http://") {
        text.get(7..)
    } else {
        None
    };
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_alphanumeric() || c == '[')
            && !rest.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

/// 8-4-4-4-12 hexadecimal digits.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Two capital letters (ISO 3166-1 alpha-2).
pub fn is_country_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Three capital letters (ISO 4217).
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Two or three letters, and more parts after `-` or `_` (BCP 47).
pub fn is_language_code(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    parts.next().is_some_and(|first| {
        (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
    }) && parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether `text` has the shape of `format`; formats without a shape of their own accept everything.
pub fn fits(format: Format, text: &str) -> bool {
    match format {
        Format::Email => is_email(text),
        Format::Phone => looks_like_phone(text),
        Format::Url => is_url(text),
        Format::Uuid => is_uuid(text),
        Format::CountryCode => is_country_code(text),
        Format::LanguageCode => is_language_code(text),
        Format::Currency => is_currency(text),
        Format::Money => model::number::Decimal::parse(text).is_some(),
        Format::Html | Format::Id => true,
    }
}

/// What a text of this format is called, with its article.
pub fn described(format: Format) -> &'static str {
    match format {
        Format::Email => "an e-mail address",
        Format::Phone => "a phone number",
        Format::Url => "a web address that starts with http:// or https://",
        Format::Uuid => "a UUID",
        Format::CountryCode => "a country code of two capital letters",
        Format::LanguageCode => "a language code such as en or pt-BR",
        Format::Currency => "a currency code of three capital letters",
        Format::Money => "an amount such as 1240.50",
        Format::Html => "HTML",
        Format::Id => "an identifier",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepts: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(accepts(text), "{text:?} should be accepted");
        }
        for text in bad {
            assert!(!accepts(text), "{text:?} should be refused");
        }
    }

    #[test]
    fn shapes_are_told_apart() {
        check(
            is_email,
            &[
                "ana@example.com",
                "o'neil+x@mail.example.org",
                "ü@bücher.example",
            ],
            &[
                "",
                "n/a",
                "@x.org",
                "a@b",
                "a b@x.org",
                " a@x.org",
                "a@x..org",
                "a@1.2.3.4",
                "a..b@x.org",
                "a@@x.org",
            ],
        );
        check(
            is_e164,
            &["+5511987654321", "+4420794600"],
            &[
                "+0123456789",
                "0171555",
                "+12",
                "+49 171",
                "+49171555123456789",
            ],
        );
        check(
            looks_like_phone,
            &[
                "(11) 98765-4321",
                "0171/555 12 34 ext. 5",
                "+44 20 7946 0011",
            ],
            &["n/a", "12", "call me", "2024-01-01T00:00:00Z"],
        );
        check(
            is_url,
            &["https://a.example", "HTTP://A.example/x?y"],
            &["a.example", "https://", "https:// x", "ftp://a.example"],
        );
        check(
            is_uuid,
            &["018f0c3e-5b1a-7cc0-8d9f-aa00bb11cc22"],
            &["018f0c3e5b1a7cc08d9faa00bb11cc22"],
        );
        check(is_country_code, &["DE"], &["de", "DEU", ""]);
        check(
            is_language_code,
            &["en", "pt-BR", "zh_Hans_CN"],
            &["english", "", "e", "pt-"],
        );
    }
}
