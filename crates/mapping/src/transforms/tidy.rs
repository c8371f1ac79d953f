//! Clean text: spaces, HTML, Unicode spelling.

use compact_str::CompactString;
use model::field::FieldType;
use unicode_normalization::UnicodeNormalization as _;

use super::catalogue::{Group, Kinds, OutputKind, Param, ParamKind, Transform, eg};
use super::{Action, With};

pub(crate) const TRIM: Transform = Transform {
    name: "trim",
    label: "Trim",
    group: Group::Text,
    summary: "Removes white space at both ends.",
    synonyms: &["strip", "trim spaces"],
    params: &[Param::optional("side", ParamKind::Choice, "which end")
        .or("\"both\"")
        .of(&["both", "start", "end"])],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(r#"" Ana ""#, "{}", r#""Ana""#),
        eg(r#"" Ana ""#, r#"{"side":"end"}"#, r#"" Ana""#),
        eg("null", "{}", "null"),
    ],
    build: |with: &With<'_>| {
        let side = with.text("side").unwrap_or_default();
        let cut: fn(&str) -> &str = match side.as_str() {
            "start" => str::trim_start,
            "end" => str::trim_end,
            _ => str::trim,
        };
        Ok(Action::text(move |text| {
            let trimmed = cut(&text);
            Ok(if trimmed.len() == text.len() {
                text
            } else {
                trimmed.into()
            })
        })
        .into())
    },
};

pub(crate) const NORMALISE_SPACE: Transform = Transform {
    name: "normalise_space",
    label: "Tidy spaces",
    group: Group::Text,
    summary: "Turns each run of white space into one space and trims both ends.",
    synonyms: &["collapse whitespace", "clean", "normalize space"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[eg(r#""  Ana \n  Souza ""#, "{}", r#""Ana Souza""#)],
    build: |_| {
        Ok(Action::text(|text| {
            let mut out = CompactString::with_capacity(text.len());
            for word in text.split_whitespace() {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(word);
            }
            Ok(out)
        })
        .into())
    },
};

pub(crate) const NFC: Transform = Transform {
    name: "nfc",
    label: "Normalise Unicode",
    group: Group::Text,
    summary: "Writes accented letters in their one composed form (Unicode NFC), so that equal texts compare equal.",
    synonyms: &["unicode", "normalize", "accents"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[eg("\"Cafe\u{301}\"", "{}", "\"Café\"")],
    build: |_| {
        Ok(Action::text(|text| {
            Ok(if text.is_ascii() {
                text
            } else {
                text.nfc().collect()
            })
        })
        .into())
    },
};

pub(crate) const STRIP_HTML: Transform = Transform {
    name: "strip_html",
    label: "Strip HTML",
    group: Group::Text,
    summary: "Removes tags, scripts and styles, and writes out entities such as &amp;.",
    synonyms: &["html to text", "remove tags", "plain text"],
    params: &[],
    input: Kinds::SCALAR,
    output: OutputKind::Of(FieldType::Text),
    joins: false,
    examples: &[
        eg(
            r#""<p>Fish &amp; <b>chips</b></p>""#,
            "{}",
            r#""Fish & chips""#,
        ),
        eg(r#""a<br>b<script>x<y</script>""#, "{}", r#""a\nb""#),
        eg(
            r#""1 < 2 &unknown; &#233;""#,
            "{}",
            r#""1 < 2 &unknown; é""#,
        ),
    ],
    build: |_| Ok(Action::text(|text| Ok(strip_html(&text))).into()),
};

fn strip_html(html: &str) -> CompactString {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = if let Some(tag) = from.strip_prefix('<') {
            after_tag(tag, &mut out)
        } else {
            after_entity(from, &mut out)
        };
    }
    out.push_str(rest);
    out.trim().into()
}

/// `tag` starts behind `<`.
fn after_tag<'a>(tag: &'a str, out: &mut String) -> &'a str {
    if let Some(comment) = tag.strip_prefix("!--") {
        return comment.split_once("-->").map_or("", |(_, rest)| rest);
    }
    let named = tag.trim_start_matches('/');
    if !named.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
        out.push('<');
        return tag;
    }
    let name: String = named
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let Some((_, rest)) = tag.split_once('>') else {
        return "";
    };
    let breaks = [
        "br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6",
    ];
    if breaks.contains(&name.as_str()) && !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    if matches!(name.as_str(), "script" | "style") && !tag.starts_with('/') {
        // ASCII lower-casing keeps every offset.
        let lower = rest.to_ascii_lowercase();
        let Some(end) = lower.find(&format!("</{name}")) else {
            return "";
        };
        let behind = rest.get(end..).unwrap_or_default();
        return behind.split_once('>').map_or("", |(_, rest)| rest);
    }
    rest
}

/// `from` starts with `&`.
fn after_entity<'a>(from: &'a str, out: &mut String) -> &'a str {
    const LONGEST: usize = 10;
    let body = from.get(1..).unwrap_or_default();
    let end = body.bytes().take(LONGEST).position(|byte| byte == b';');
    let name = end.and_then(|end| body.get(..end)).unwrap_or_default();
    let decoded = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => name.strip_prefix('#').and_then(|code| {
            let number = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => code.parse().ok()?,
            };
            char::from_u32(number).filter(|c| !c.is_control() || *c == '\n')
        }),
    };
    match decoded {
        Some(c) => {
            out.push(c);
            body.get(name.len() + 1..).unwrap_or_default()
        }
        None => {
            out.push('&');
            body
        }
    }
}
