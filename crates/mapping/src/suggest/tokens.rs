//! Names of fields as words with a meaning: `addr.zipCode`, `postleitzahl` and `postal_code` meet here.
//!
//! A name is cut into words (snake, camel, digits), small letters without accents; phrases and
//! synonyms of several languages become one canonical word each.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::dictionary::{NEAR, STOP, SYNONYMS};

/// The canonical words of a name.
pub(super) fn words(name: &str) -> Vec<&'static str> {
    let raw = split(name);
    canonical(&raw)
}

/// Words of a sentence that carry meaning.
pub(super) fn prose(text: &str) -> Vec<&'static str> {
    const MOST: usize = 60;
    let mut raw = split(&text.chars().take(600).collect::<String>());
    raw.retain(|word| word.len() > 1 && !STOP.contains(&word.as_str()));
    raw.truncate(MOST);
    canonical(&raw)
}

/// Cuts a name at case changes, digits and everything that is not a letter.
fn split(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut last: Option<char> = None;
    let letters: Vec<char> = name
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .collect();
    for (n, &c) in letters.iter().enumerate() {
        let next_is_small = letters.get(n + 1).is_some_and(|next| next.is_lowercase());
        let starts = match last {
            Some(last) if last.is_alphanumeric() && c.is_alphanumeric() => {
                (last.is_lowercase() && c.is_uppercase())
                    || (last.is_uppercase() && c.is_uppercase() && next_is_small)
                    || (last.is_numeric() != c.is_numeric())
            }
            _ => true,
        };
        if starts && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            match c {
                'ß' => word.push_str("ss"),
                'ø' | 'Ø' => word.push('o'),
                _ => word.extend(c.to_lowercase()),
            }
        }
        last = Some(c);
    }
    if !word.is_empty() {
        out.push(word);
    }
    // `e164`, `oauth2`, `iso3166` are one word; `line1` stays two.
    let mut joined: Vec<String> = Vec::with_capacity(out.len());
    for word in out {
        match joined.last_mut() {
            Some(before) if before == "e" && word == "164" => before.push_str(&word),
            _ => joined.push(word),
        }
    }
    joined
}

fn canonical(raw: &[String]) -> Vec<&'static str> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(word) = raw.get(at) {
        let three = raw.get(at..at + 3).map(|words| words.join(" "));
        let two = raw.get(at..at + 2).map(|words| words.join(" "));
        let phrase = three
            .and_then(|key| Some((3, DICTIONARY.get(key.as_str())?)))
            .or_else(|| two.and_then(|key| Some((2, DICTIONARY.get(key.as_str())?))));
        if let Some((taken, words)) = phrase {
            out.extend(words.iter().copied());
            at += taken;
            continue;
        }
        match lookup(word) {
            Some(words) => out.extend(words.iter().copied()),
            None => out.push(intern(word)),
        }
        at += 1;
    }
    out
}

fn lookup(word: &str) -> Option<&'static Vec<&'static str>> {
    if let Some(found) = DICTIONARY.get(word) {
        return Some(found);
    }
    DICTIONARY.get(singular(word)?.as_str())
}

/// The singular of an English plural, if it looks like one.
fn singular(word: &str) -> Option<String> {
    if word.len() < 4 {
        return None;
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return Some(format!("{stem}y"));
    }
    for ending in ["sses", "xes", "ches", "shes"] {
        if word.ends_with(ending) {
            return word.strip_suffix("es").map(str::to_owned);
        }
    }
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return None;
    }
    word.strip_suffix('s').map(str::to_owned)
}

/// Keeps a word for the life of the program. The store is bounded: what comes after is one word.
fn intern(word: &str) -> &'static str {
    use std::collections::HashSet;
    use std::sync::Mutex;
    const MOST: usize = 50_000;
    const LONGEST: usize = 40;
    static STORE: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let base = singular(word).unwrap_or_else(|| word.to_owned());
    let short: String = base.chars().take(LONGEST).collect();
    let mut store = STORE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = store.get(short.as_str()) {
        return found;
    }
    if store.len() >= MOST {
        return "?";
    }
    let kept: &'static str = Box::leak(short.into_boxed_str());
    store.insert(kept);
    kept
}

/// How alike two canonical words are, 0 to 1.
pub(super) fn alike(left: &str, right: &str) -> f64 {
    if left == right {
        return 1.0;
    }
    let key = if left < right {
        (left, right)
    } else {
        (right, left)
    };
    if let Some(related) = RELATED.get(&key) {
        return *related;
    }
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    if short.len() >= 3 && long.starts_with(short) {
        return if short.len() >= 4 { 0.75 } else { 0.6 };
    }
    if short.len() >= 4 && long.len() >= 5 {
        let close = strsim::jaro_winkler(left, right);
        if close > 0.9 {
            return close - 0.15;
        }
    }
    if short.len() >= 4 && long.contains(short) {
        return 0.55;
    }
    0.0
}

/// Words that carry little: nearly every name may have them.
pub(super) fn weight(word: &str) -> f64 {
    match word {
        "date" | "value" | "text" | "data" | "info" | "object" | "field" | "is" | "has" | "the"
        | "of" | "for" | "attribute" | "property" | "profile" | "custom" | "detail" | "default" => {
            0.35
        }
        "primary" | "main" | "current" | "preferred" | "last" | "first" => 0.7,
        _ => 1.0,
    }
}

static DICTIONARY: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (canonical, others) in SYNONYMS {
        let words: Vec<&'static str> = canonical.split(' ').collect();
        for phrase in others.split('|') {
            map.entry(phrase).or_insert_with(|| words.clone());
        }
    }
    map
});

static RELATED: LazyLock<HashMap<(&'static str, &'static str), f64>> = LazyLock::new(|| {
    NEAR.iter()
        .map(|&(left, right, score)| {
            (
                if left < right {
                    (left, right)
                } else {
                    (right, left)
                },
                score,
            )
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_different_manners_and_languages_meet() {
        for (name, expected) in [
            ("emailAddress", "email"),
            ("E-Mail", "email"),
            ("postleitzahl", "postal code"),
            ("zipCode", "postal code"),
            ("first_name", "first name"),
            ("Prénom", "first name"),
            ("phone_e164", "phone e164"),
            ("HTMLBody", "html description"),
            ("addressLine2", "street second"),
            ("companies", "company"),
            ("created_at", "created date"),
            ("signup_date", "created date"),
            ("custom_field_7", "custom field 7"),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }
}
