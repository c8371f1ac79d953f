//! What all HTML pages share: one self-contained document, light and dark by the system's setting.

use crate::{Platform, http::call::Answer};

/// Text as it may stand in HTML, also inside attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6475;--line:#dfe3ea;--ground:#f5f6f9;--card:#fff;--accent:#2457c5}
.postino{--accent:#b2452f}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf2;--soft:#9aa4b5;--line:#30374a;--ground:#151926;--card:#1d2332;--accent:#7fa5ff}
.postino{--accent:#ff9a80}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
header{display:flex;gap:1rem;align-items:baseline;flex-wrap:wrap;padding:1rem 1.5rem;border-bottom:1px solid var(--line);background:var(--card)}
header b{font-size:1.15rem;color:var(--accent)}header a{color:var(--soft)}
main{max-width:76rem;margin:0 auto;padding:1.5rem}
main.narrow{max-width:27rem;padding-top:8vh}
h1{font-size:1.35rem;margin:0 0 .75rem}
p{margin:.5rem 0}a{color:var(--accent)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.5rem}
.soft{color:var(--soft)}.fault{color:#b3261e}
@media(prefers-color-scheme:dark){.fault{color:#ff8a80}}
label{display:block;margin:.9rem 0 .25rem;font-weight:600}
input,select,textarea,button{font:inherit;color:inherit}
input,select,textarea{width:100%;padding:.5rem .65rem;border:1px solid var(--line);border-radius:8px;background:var(--ground)}
button{padding:.5rem 1rem;border:1px solid var(--line);border-radius:8px;background:var(--card);cursor:pointer}
button.main{background:var(--accent);border-color:var(--accent);color:#fff;font-weight:600}
@media(prefers-color-scheme:dark){button.main{color:#10131c}}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.row{display:flex;gap:.6rem;flex-wrap:wrap;align-items:center;margin:1rem 0}
.row form{display:contents}.row input{width:16rem}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line)}
.wide{overflow-x:auto}
th,td{padding:.5rem .7rem;text-align:start;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);white-space:nowrap}td{max-width:18rem;overflow-wrap:anywhere}
td.whole{white-space:nowrap}
.fields{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));column-gap:1.25rem}
.fields .full{grid-column:1/-1}
.card>:last-child,.card form>:last-child{margin-bottom:0}
ul{padding-inline-start:1.2rem}code{font-size:.9em}
";

/// A whole page. `body` is HTML, `title` is text.
pub(crate) fn page(
    platform: Option<Platform>,
    status: u16,
    title: &str,
    narrow: bool,
    body: &str,
) -> Answer {
    let (name, home, class) = match platform {
        Some(Platform::Harbor) => ("Harbor CRM", "/harbor/", "harbor"),
        Some(Platform::Postino) => ("Postino", "/postino/", "postino"),
        None => ("Sandbox", "/", "harbor"),
    };
    let title = escape(title);
    let narrow = if narrow { " class=\"narrow\"" } else { "" };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title} · {name}</title>\
<link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head>\
<body class=\"{class}\"><header><b>{name}</b><a href=\"{home}\">Records</a><span class=\"soft\">Sample data on this \
machine only</span></header><main{narrow}>{body}</main></body></html>"
    );
    Answer::html(status, html)
        .with("cache-control", "no-store")
        .with("x-content-type-options", "nosniff")
        .with(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
        )
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_in_a_record_can_become_markup() {
        assert_eq!(
            escape("<a href=\"x\">O'N & Co"),
            "&lt;a href=&quot;x&quot;&gt;O&#39;N &amp; Co"
        );
    }
}
