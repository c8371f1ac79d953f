//! The templates that addresses of an `advanced_auth` may have.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Stands for a value that the sign-in itself puts in.
pub(super) const OURS: &str = "\u{1}ours\u{1}";

/// Address and parameters. A parameter that holds what the sign-in puts in is left out.
pub(super) fn address(url: &str) -> (String, Vec<(String, String)>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), Vec::new());
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    (base.to_owned(), pairs)
}

/// Parameters without those that every code flow has.
pub(super) fn foreign(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    const STANDARD: [&str; 11] = [
        "client_id",
        "client_secret",
        "redirect_uri",
        "state",
        "scope",
        "response_type",
        "grant_type",
        "code",
        "code_verifier",
        "code_challenge",
        "code_challenge_method",
    ];
    pairs
        .into_iter()
        .filter(|(name, value)| !STANDARD.contains(&name.as_str()) && !value.contains(OURS))
        .collect()
}

/// Fills in `{{ name }}` and `{{ name | urlencode }}`, the only templates that these addresses may have.
pub(super) fn fill(text: &str, values: &BTreeMap<&str, String>) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        // The older spelling has braces within braces: `{{ {{name}} | urlEncoder }}`.
        let mut inner = String::new();
        let mut open = 1;
        let mut tail = after;
        while open > 0 {
            let next = [tail.find("{{"), tail.find("}}")]
                .into_iter()
                .flatten()
                .min();
            let Some((piece, further)) =
                next.and_then(|at| Some((tail.get(..at)?, tail.get(at..)?)))
            else {
                return Err(Error::Refused(format!("the template {text} does not end")));
            };
            inner.push_str(piece);
            open = if further.starts_with("{{") {
                open + 1
            } else {
                open - 1
            };
            tail = further.get(2..).unwrap_or_default();
        }
        rest = tail;
        let mut parts = inner.split('|').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let mut value = values.get(name).cloned().ok_or_else(|| {
            Error::Refused(format!(
                "nothing is known of `{name}` in the template {text}"
            ))
        })?;
        for filter in parts {
            value = match filter {
                "urlencode" | "urlEncoder" => {
                    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
                }
                "b64encode" | "base64Encoder" | "codechallengeS256" | "codeChallengeS256" => value,
                _ => {
                    return Err(Error::Refused(format!(
                        "`{filter}` in the template {text} is not known"
                    )));
                }
            };
        }
        out.push_str(&value);
    }
    out.push_str(rest);
    Ok(out)
}
