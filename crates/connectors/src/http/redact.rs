//! Takes secrets out of what is recorded and said: by value, and by the names that hold them.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use http::HeaderMap;
use model::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use url::Url;
use zeroize::Zeroizing;

/// What stands where a secret was.
pub const MASK: &str = "•••";

/// Most of a body that is recorded, in bytes.
pub const RECORDED_BODY: usize = 16 * 1024;

/// Shorter ones would mask ordinary text; they are still masked by name.
const SHORTEST: usize = 5;

const HEADERS: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-shopify-access-token",
    "private-token",
];

/// Members of forms and of addresses that hold secrets.
const NAMES: [&str; 18] = [
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "api_key",
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "signature",
    "sig",
    "code",
    "code_verifier",
    "assertion",
    "client_assertion",
    "session_token",
    "private_key",
];

/// None of [`NAMES`] is longer.
const LONGEST_NAME: usize = 24;

#[expect(
    clippy::unwrap_used,
    reason = "the pattern is a constant, compiled by a test"
)]
static JSON_MEMBERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)("(?:access_token|refresh_token|id_token|client_secret|api_?key|secret|password|passwd|code_verifier|assertion|client_assertion|session_token|private_key)"\s*:\s*")((?:[^"\\]|\\.)*)""#,
    )
    .unwrap()
});

#[expect(
    clippy::unwrap_used,
    reason = "the pattern is a constant, compiled by a test"
)]
static MAYBE_MEMBERS: LazyLock<Regex> = LazyLock::new(|| {
    // Only ASCII letters have another case here: that is looked for much faster.
    Regex::new("(?i-u:token|secret|api_?key|passw|code_verifier|assertion|private_key)").unwrap()
});

#[expect(
    clippy::unwrap_used,
    reason = "the pattern is a constant, compiled by a test"
)]
static FORM_MEMBERS: LazyLock<Regex> = LazyLock::new(|| {
    let names = NAMES.join("|");
    Regex::new(&format!(r"(?i)(^|[?&\s])((?:{names})=)([^&\s#]*)")).unwrap()
});

/// Whether [`FORM_MEMBERS`] may find something: what stands before one of the signs of equality is one of the names.
/// Looking for the pattern itself takes many times as long.
fn may_have_form_members(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'=', bytes).any(|at| {
        let before = bytes
            .get(at.saturating_sub(LONGEST_NAME)..at)
            .unwrap_or_default();
        let name = match before.iter().rposition(|byte| {
            matches!(byte, b'?' | b'&') || byte.is_ascii_whitespace() || *byte == 0x0b
        }) {
            Some(end) => before.get(end + 1..).unwrap_or_default(),
            None => before,
        };
        // Other alphabets have white space and letters that stand for ours too.
        !name.is_ascii()
            || NAMES
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// The secrets of one exchange, in every spelling in which they travel.
#[derive(Clone, Default)]
pub struct Redactor {
    spellings: Arc<Vec<Zeroizing<String>>>,
    longest: usize,
}

impl Redactor {
    /// Masks these wherever they stand.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut spellings: Vec<Zeroizing<String>> = Vec::new();
        let mut add = |text: String| {
            if text.len() >= SHORTEST && !spellings.iter().any(|known| **known == text) {
                spellings.push(Zeroizing::new(text));
            }
        };
        for secret in secrets {
            let plain = secret.reveal();
            add(plain.to_owned());
            add(utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string());
            add(url::form_urlencoded::byte_serialize(plain.as_bytes()).collect());
            let mut json = String::new();
            model::json::write_text(&mut json, plain);
            let inner = json
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            add(inner.unwrap_or_default().to_owned());
            add(base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                plain,
            ));
        }
        // The longest first, so that none hides a part of another.
        spellings.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let longest = spellings.first().map_or(0, |text| text.len());
        Self {
            spellings: Arc::new(spellings),
            longest,
        }
    }

    fn by_value<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        for secret in self.spellings.iter() {
            if out.contains(secret.as_str()) {
                out = Cow::Owned(out.replace(secret.as_str(), MASK));
            }
        }
        out
    }

    /// Text of any kind: an error, a body.
    pub fn text(&self, text: &str) -> String {
        let out = self.by_value(text);
        // One pass tells that most bodies have nothing to hide; looking at each of their names takes several times that.
        let out = match MAYBE_MEMBERS.is_match(&out) {
            true => JSON_MEMBERS.replace_all(&out, format!("${{1}}{MASK}\"")),
            false => Cow::Borrowed(&*out),
        };
        // Most bodies are JSON, and have none.
        if !may_have_form_members(&out) {
            return out.into_owned();
        }
        FORM_MEMBERS
            .replace_all(&out, format!("${{1}}${{2}}{MASK}"))
            .into_owned()
    }

    /// An address.
    pub fn url(&self, url: &Url) -> String {
        let mut url = url.clone();
        // Userinfo is a password in plain sight.
        if url.password().is_some() {
            let _ = url.set_password(Some("***"));
        }
        self.text(url.as_str())
    }

    /// Headers in order.
    pub fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        headers
            .iter()
            .map(|(name, value)| {
                let shown = if HEADERS.contains(&name.as_str()) || value.is_sensitive() {
                    MASK.to_owned()
                } else {
                    self.text(&String::from_utf8_lossy(value.as_bytes()))
                };
                (name.as_str().to_owned(), shown)
            })
            .collect()
    }

    /// How much of a body has to be looked at to keep so many bytes of it: a little more, so that a secret across the cut
    /// is seen whole.
    pub(super) fn window(&self, most: usize) -> usize {
        most + self.longest + 8192
    }

    /// A body, cut after so many bytes.
    pub fn body(&self, body: &[u8], most: usize) -> Option<String> {
        if body.is_empty() {
            return None;
        }
        let window = self.window(most);
        let text = String::from_utf8_lossy(body.get(..window.min(body.len())).unwrap_or_default());
        let mut out = self.text(&text);
        if out.len() > most || body.len() > window {
            let mut end = most.min(out.len());
            while !out.is_char_boundary(end) {
                end -= 1;
            }
            out.truncate(end);
            out.push_str("… (cut)");
        }
        Some(out)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} spellings)", self.spellings.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&[Secret::new("s3cret/\"quoted\""), Secret::new("ab")])
    }

    #[test]
    fn secrets_are_masked_by_value_in_every_spelling() {
        fn check(text: &str, masked: &str) {
            assert_eq!(redactor().text(text), masked);
        }
        check("has s3cret/\"quoted\" inside", "has ••• inside");
        check(r#"{"x":"s3cret/\"quoted\""}"#, r#"{"x":"•••"}"#);
        check("x=s3cret%2F%22quoted%22&y=1", "x=•••&y=1");
        check("about ab", "about ab");
    }

    #[test]
    fn secrets_are_masked_by_the_names_that_hold_them() {
        fn check(text: &str, masked: &str) {
            assert_eq!(Redactor::default().text(text), masked);
        }
        check(
            r#"{"access_token": "abc", "scope":"x"}"#,
            r#"{"access_token": "•••", "scope":"x"}"#,
        );
        check(
            "grant_type=refresh_token&refresh_token=abc&client_id=x",
            "grant_type=refresh_token&refresh_token=•••&client_id=x",
        );
        check(
            "http://h/p?api_key=abc&page=2",
            "http://h/p?api_key=•••&page=2",
        );
        check("status_code=200", "status_code=200");
        check("code=1", "code=•••");
        check("a b\tSIG=1 c", "a b\tSIG=••• c");
        check("a\u{a0}token=1", "a\u{a0}token=•••");
        check("to\u{212a}en=1", "to\u{212a}en=•••");
        check("client_assertion=1&x=2=3", "client_assertion=•••&x=2=3");
        check("xclient_assertion=1", "xclient_assertion=1");
        check("é=1&password=2#f", "é=1&password=•••#f");
    }

    #[test]
    fn what_the_pattern_would_find_is_looked_for() {
        let before = [
            "", "?", "&", " ", "\t", "\u{b}", "\u{a0}", "\u{2003}", "x", "=", "é", "a=b&",
        ];
        for before in before {
            for name in NAMES {
                for name in [
                    name.to_owned(),
                    name.to_uppercase(),
                    name.replace('s', "\u{17f}"),
                ] {
                    let text = format!("{before}{name}=value");
                    if FORM_MEMBERS.is_match(&text) {
                        assert!(may_have_form_members(&text), "{text}");
                    }
                }
            }
        }
        assert!(NAMES.iter().all(|name| name.len() < LONGEST_NAME));
    }

    #[test]
    fn a_secret_across_the_cut_is_not_shown_in_part() {
        let secret = "0123456789abcdef0123456789abcdef";
        let mut body = "x".repeat(RECORDED_BODY - 10);
        body.push_str(secret);
        body.push_str(&"y".repeat(100_000));
        let shown = Redactor::new(&[Secret::new(secret)])
            .body(body.as_bytes(), RECORDED_BODY)
            .unwrap();
        assert!(!shown.contains("01234"), "{}", &shown[shown.len() - 60..]);
        assert!(shown.len() < RECORDED_BODY + 20);
    }

    #[test]
    fn sensitive_headers_are_masked_by_name() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Basic abc".parse().unwrap());
        headers.insert("x-api-key", "k".parse().unwrap());
        headers.insert("accept", "application/json".parse().unwrap());
        assert_eq!(
            redactor().headers(&headers),
            [
                ("authorization".to_owned(), MASK.to_owned()),
                ("x-api-key".into(), MASK.into()),
                ("accept".into(), "application/json".into()),
            ]
        );
    }
}
