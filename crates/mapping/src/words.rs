//! Words for messages.

use compact_str::CompactString;
use model::value::Value;

/// The value in quotes as a message shows it: at most 60 characters.
pub(crate) fn quoted(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.to_string(),
        Value::List(items) => return format!("a list of {}", items.len()),
        Value::Object(_) => return "an object".to_owned(),
        Value::Bytes(bytes) => return format!("{} bytes", bytes.len()),
        Value::Null => return "nothing".to_owned(),
        other => return scalar_text(other).unwrap_or_default().to_string(),
    };
    quoted_text(&text)
}

/// Text in quotes as a message shows it: at most 60 characters.
pub(crate) fn quoted_text(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// The wire text of a value that is one thing; none for null, lists, objects and bytes.
pub(crate) fn scalar_text(value: &Value) -> Option<CompactString> {
    use compact_str::ToCompactString as _;
    Some(match value {
        Value::Text(text) => text.clone(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Int(n) => n.to_compact_string(),
        Value::UInt(n) => n.to_compact_string(),
        Value::Decimal(decimal) => decimal.as_str().into(),
        Value::Float(float) => model::number::Decimal::from_f64(*float)?.as_str().into(),
        Value::Date(date) => date.to_compact_string(),
        Value::Time(time) => time.to_compact_string(),
        Value::Timestamp(timestamp) => timestamp.to_compact_string(),
        Value::Null | Value::Bytes(_) | Value::List(_) | Value::Object(_) => return None,
    })
}

/// The name that is nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.55;
    let wanted = name.to_lowercase();
    names
        .map(|candidate| {
            let other = candidate.to_lowercase();
            let by_letters = strsim::normalized_damerau_levenshtein(&wanted, &other);
            let inside = wanted.len() >= 3 && (other.contains(&wanted) || wanted.contains(&other));
            (by_letters.max(if inside { 0.7 } else { 0.0 }), candidate)
        })
        .filter(|(score, _)| *score >= NEAR)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Names in a sentence: `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., last] => format!("{} and {last}", start.join(", ")),
    }
}
