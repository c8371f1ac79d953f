//! Forms that text can have: e-mail addresses, phone numbers, decimals.

/// The form in which two addresses are compared.
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What both platforms take for an e-mail address: deliberately plain.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_good = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte));
    let labels: Vec<&str> = domain.split('.').collect();
    let domain_good = labels.len() >= 2
        && labels.iter().all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    local_good && domain_good && text.len() <= 254
}

pub(crate) fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub(crate) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 12) && digits(fraction, 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_checked_plainly() {
        fn check(text: &str, good: bool) {
            assert_eq!(is_email(text), good, "{text:?}");
        }
        check("a@example.com", true);
        check("o'brien+x@mail.example", true);
        check("n/a", false);
        check("", false);
        check("a@b", false);
        check("a b@example.com", false);
        check("a@@example.com", false);
        check(".a@example.com", false);
        check("a@-x.com", false);
    }
}
