//! The page that the browser shows when it has come back. It loads nothing.

use http::StatusCode;

/// What the person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    heading: String,
    text: String,
}

impl Page {
    /// All went well.
    pub(super) fn done(platform: &str) -> Self {
        Self {
            status: StatusCode::OK,
            heading: format!("You are signed in to {platform}"),
            text: "You can close this window and go back to Patchbay.".to_owned(),
        }
    }

    /// The sign-in has arrived; how it ended is shown in Patchbay.
    pub(super) fn received() -> Self {
        Self {
            status: StatusCode::OK,
            heading: "Patchbay has received the sign-in".to_owned(),
            text: "You can close this window and go back to Patchbay to see how it ended."
                .to_owned(),
        }
    }

    /// It came to nothing.
    pub(super) fn failed(status: StatusCode, heading: &str, text: &str) -> Self {
        Self {
            status,
            heading: heading.to_owned(),
            text: text.to_owned(),
        }
    }

    /// A whole HTTP/1.1 answer, after which the connection is closed.
    pub(super) fn answer(&self) -> Vec<u8> {
        let body = self.html();
        let mut answer = format!(
            "HTTP/1.1 {} {}\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             Cache-Control: no-store\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Connection: close\r\n\r\n",
            self.status.as_u16(),
            self.status.canonical_reason().unwrap_or_default(),
            body.len(),
        )
        .into_bytes();
        answer.extend_from_slice(body.as_bytes());
        answer
    }

    fn html(&self) -> String {
        let good = self.status.is_success();
        let (colour, mark) = if good {
            ("#1a7f4b", "M5 13l4.5 4.5L19 7.5")
        } else {
            ("#b3372f", "M7 7l10 10M17 7L7 17")
        };
        let heading = escape(&self.heading);
        let text = escape(&self.text);
        format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{heading} · Patchbay</title>
<style>
:root {{ --paper: #f6f6f3; --card: #fff; --ink: #1d1f21; --soft: #5c6166; --line: #e2e2dd }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #16181a; --card: #1f2225; --ink: #eceeef; --soft: #a3a9ae; --line: #33383c }} }}
* {{ box-sizing: border-box }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }}
main {{ width: 100%; max-width: 440px; padding: 36px 32px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; text-align: center }}
svg {{ width: 48px; height: 48px; padding: 10px; border-radius: 50%; background: {colour}; fill: none; stroke: #fff; stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round }}
h1 {{ margin: 18px 0 8px; font-size: 20px; line-height: 1.3; overflow-wrap: anywhere }}
p {{ margin: 0; color: var(--soft); overflow-wrap: anywhere }}
</style>
</head>
<body>
<main>
<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{mark}"/></svg>
<h1>{heading}</h1>
<p>{text}</p>
</main>
</body>
</html>
"#
        )
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_stay_words() {
        let page = Page::failed(StatusCode::BAD_REQUEST, "<b>", "a \"b\" & 'c' <script>");
        let answer = String::from_utf8(page.answer()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        assert!(answer.contains("<h1>&lt;b&gt;</h1>"));
        assert!(answer.contains("<p>a &quot;b&quot; &amp; &#39;c&#39; &lt;script&gt;</p>"));
        assert!(!answer.contains("<script"));
    }
}
