//! What plain words of a YAML file mean: connector files are YAML 1.1 as Python reads it, where `yes` is true, `0777`
//! is octal and `1:30` is ninety, while `1e3` is a text.

use std::borrow::Cow;

use super::node::{Kind, Node};

/// Gives plain words of a file the meaning that they have in YAML 1.1. `text` is the file.
pub fn settle(text: &str, node: &mut Node) {
    let lines: Vec<&str> = text.lines().collect();
    walk(&lines, node);
}

fn walk(lines: &[&str], node: &mut Node) {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| walk(lines, item)),
        Kind::Map(members) => members
            .iter_mut()
            .for_each(|(_, member)| walk(lines, member)),
        Kind::Text(text) => {
            if let Some(meant) = meaning(text)
                && word_at(lines, node.at) == Some(text.as_str())
            {
                node.kind = meant;
            }
        }
        Kind::Number(_) => {
            if let Some(word) = word_at(lines, node.at).filter(|word| is_text(word)) {
                node.kind = Kind::Text(word.to_owned());
            }
        }
        Kind::Null | Kind::Bool(_) => {}
    }
}

/// The word that begins at a place; none where something else begins there, a quotation for example.
fn word_at<'t>(lines: &[&'t str], (line, column): (u32, u32)) -> Option<&'t str> {
    let number = usize::try_from(line).ok()?.checked_sub(1)?;
    let line = lines.get(number)?;
    let skipped = usize::try_from(column).ok()?.checked_sub(1)?;
    let (start, _) = line.char_indices().nth(skipped)?;
    // `!!str yes` is a text.
    let before = line.get(..start)?.trim_end();
    if before
        .rsplit([' ', '\t', ',', '[', '{'])
        .next()
        .is_some_and(|tag| tag.starts_with('!'))
    {
        return None;
    }
    if before.is_empty() && begins_block(lines.get(..number)?) {
        return None;
    }
    let rest = line.get(start..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && !"_.:+-".contains(c))
        .unwrap_or(rest.len());
    rest.get(..end).filter(|word| !word.is_empty())
}

/// Whether what follows these lines is a text over several lines (`|`, `>-`).
fn begins_block(lines: &[&str]) -> bool {
    let last = lines.iter().rev().find(|line| !line.trim().is_empty());
    last.and_then(|line| line.split(" #").next())
        .map(|line| {
            line.trim_end()
                .trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c))
        })
        .is_some_and(|line| line.ends_with(['|', '>']))
}

/// Whether a word is a text, though newer YAML has it for a number.
fn is_text(word: &str) -> bool {
    if word.starts_with("0x") {
        return false;
    }
    match word.find(['e', 'E']) {
        Some(at) => {
            let (digits, exponent) = word.split_at(at);
            !digits.contains('.') || !matches!(exponent.as_bytes().get(1), Some(b'+' | b'-'))
        }
        None => word.contains("0o"),
    }
}

/// What a plain word means that newer YAML has for a text.
fn meaning(word: &str) -> Option<Kind> {
    match word {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Kind::Bool(true)),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Kind::Bool(false)),
        _ => {}
    }
    let (is_negative, digits) = match word.as_bytes().first()? {
        b'-' => (true, word.get(1..)?),
        b'+' => (false, word.get(1..)?),
        _ => (false, word),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(number) = whole(digits) {
        let number = if is_negative {
            number.checked_neg()?
        } else {
            number
        };
        return Some(Kind::Number(number.into()));
    }
    let plain: Cow<'_, str> = match digits.contains('_') {
        true => digits.replace('_', "").into(),
        false => return None,
    };
    if is_text(&plain) || !plain.contains('.') {
        return None;
    }
    let number: f64 = plain.parse().ok()?;
    serde_json::Number::from_f64(if is_negative { -number } else { number }).map(Kind::Number)
}

/// A whole number as YAML 1.1 writes it.
fn whole(digits: &str) -> Option<i64> {
    let of = |digits: &str, radix: u32| -> Option<i64> {
        i64::from_str_radix(&digits.replace('_', ""), radix).ok()
    };
    if let Some(digits) = digits.strip_prefix("0b") {
        return of(digits, 2);
    }
    if let Some(digits) = digits.strip_prefix("0x") {
        return of(digits, 16);
    }
    if let Some(digits) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        return of(digits, 8);
    }
    if !digits.contains(':') {
        return of(digits, 10);
    }
    let mut parts = digits.split(':');
    let mut sum = of(parts.next()?, 10).filter(|first| *first > 0)?;
    for part in parts {
        let part: i64 = part.parse().ok().filter(|part| (0..60).contains(part))?;
        sum = sum.checked_mul(60)?.checked_add(part)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_mean_what_python_reads() {
        fn check(yaml: &str, expected: &str) {
            let node = Node::parse("x.yaml", yaml).unwrap();
            assert_eq!(node.to_json().to_string(), expected, "{yaml}");
        }
        check(
            "[yes, On, OFF, no, y, n, true]",
            "[true,true,false,false,\"y\",\"n\",true]",
        );
        check("['yes', \"on\", !!str off]", r#"["yes","on","off"]"#);
        check("a: >-\n  yes\nb: |\n  on\n", r#"{"a":"yes","b":"on\n"}"#);
        check(
            "[0777, 0o17, 0x1F, 0b101, 012345678]",
            r#"[511,"0o17",31,5,"012345678"]"#,
        );
        check(
            "[1_000, -1_0, +5, 1:30, -1:30, 1:75]",
            r#"[1000,-10,5,90,-90,"1:75"]"#,
        );
        check(
            "[1e3, 1.5e3, 1.5e+3, 1.5, 1_0.5]",
            r#"["1e3","1.5e3",1500.0,1.5,10.5]"#,
        );
        check(
            "[1.2.3, 2024-01-15, 1-2, a_b, _1]",
            r#"["1.2.3","2024-01-15","1-2","a_b","_1"]"#,
        );
        check(
            "a: &x yes\nb: *x\nc: ä yes\n",
            r#"{"a":true,"b":true,"c":"ä yes"}"#,
        );
        check("{ä: yes, b: no way}", r#"{"ä":true,"b":"no way"}"#);
    }
}
