//! The headers of an answer as templates see them.

use http::HeaderMap;
use model::value::{Object, Value};
use template::Members;

/// Looked up whatever the case, as HTTP has it.
#[derive(Debug)]
pub struct Headers<'a> {
    headers: &'a HeaderMap,
    /// Whether `link` is what the Link header says, taken apart, rather than its text.
    with_links: bool,
}

impl<'a> Headers<'a> {
    /// As they came.
    pub const fn new(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            with_links: false,
        }
    }

    /// With `headers['link']['next']['url']`, as paging has it.
    pub const fn with_links(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            with_links: true,
        }
    }

    fn text(&self, name: &str) -> Option<Value> {
        let mut all = self
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let first = all.next()?;
        let joined = all.fold(first.to_owned(), |joined, next| format!("{joined}, {next}"));
        Some(Value::from(joined))
    }
}

impl Members for Headers<'_> {
    fn member(&self, name: &str) -> Option<Value> {
        if self.with_links && name.eq_ignore_ascii_case("link") {
            let links = self.text("link").map_or_else(Object::new, |text| {
                links(text.as_text().unwrap_or_default())
            });
            return Some(Value::Object(links));
        }
        self.text(name)
    }

    fn to_value(&self) -> Value {
        let mut object = Object::new();
        for name in self.headers.keys() {
            if let Some(value) = self.member(name.as_str()) {
                object.insert(name.as_str(), value);
            }
        }
        if self.with_links {
            object.insert("link", self.member("link").unwrap_or_default());
        }
        Value::Object(object)
    }
}

/// A Link header (RFC 8288): by relation (or address, where there is none), each with `url` and its parameters.
pub fn links(text: &str) -> Object {
    let mut found = Object::new();
    for part in split_outside_quotes(text, ',') {
        let mut pieces = split_outside_quotes(part, ';').into_iter();
        let Some(url) = pieces
            .next()
            .map(str::trim)
            .and_then(|url| url.strip_prefix('<')?.strip_suffix('>'))
        else {
            continue;
        };
        let mut link = Object::new();
        link.push("url", Value::text(url));
        for piece in pieces {
            if let Some((name, value)) = piece.split_once('=') {
                let value = value.trim().trim_matches(['"', '\'']);
                link.insert(name.trim().to_ascii_lowercase(), Value::text(value));
            }
        }
        let key = match link.get("rel").and_then(Value::as_text) {
            Some(relation) => relation.to_owned(),
            None => url.to_owned(),
        };
        found.insert(key, Value::Object(link));
    }
    found
}

/// Parts between separators that are not within quotes or angle brackets.
fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut bracketed) = (false, false);
    text.split(|c| {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            _ => {}
        }
        c == separator && !quoted && !bracketed
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_their_relation() {
        let text = r#"<https://x.example/?a=1,2;b>; rel="next"; title="a, b", <https://x.example/last>; rel=last, <u>"#;
        assert_eq!(
            model::json::to_string(&Value::Object(links(text))),
            r#"{"next":{"url":"https://x.example/?a=1,2;b","rel":"next","title":"a, b"},"last":{"url":"https://x.example/last","rel":"last"},"u":{"url":"u"}}"#
        );
        assert!(links("nonsense").is_empty());
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let mut map = HeaderMap::new();
        map.insert("x-next", "7".parse().unwrap());
        map.insert("link", "<u>; rel=next".parse().unwrap());
        let headers = Headers::with_links(&map);
        assert_eq!(headers.member("X-Next"), Some(Value::text("7")));
        assert_eq!(headers.member("other"), None);
        assert!(matches!(headers.member("Link"), Some(Value::Object(_))));
        assert_eq!(
            Headers::new(&map).member("link"),
            Some(Value::text("<u>; rel=next"))
        );
    }
}
