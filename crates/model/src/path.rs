//! Where a field is: `address.city`, `tags[]`, `items[0].sku`, `custom["odd.name"]`.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The address of a field inside a record. Written and stored as text.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ts_rs::TS,
)]
#[serde(try_from = "String", into = "String")]
#[ts(as = "String")]
pub struct FieldPath(Vec<Segment>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A member of an object.
    Name(CompactString),
    /// Every item of a list: `[]`.
    Each,
    /// One item of a list: `[0]`.
    Index(usize),
}

/// A path that cannot be read: says where and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field path \"{path}\" is not understood at character {at}: expected {expected}")]
pub struct PathError {
    /// The text that was given.
    pub path: String,
    /// Character, counted from 1.
    pub at: usize,
    /// What would have been right.
    pub expected: &'static str,
}

/// Deepest path that is accepted.
pub const MAX_SEGMENTS: usize = 32;

impl FieldPath {
    /// The path of the record itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of one name.
    pub fn of(name: impl Into<CompactString>) -> Self {
        Self(vec![Segment::Name(name.into())])
    }

    /// A path from its segments.
    pub fn from_segments(segments: Vec<Segment>) -> Self {
        Self(segments)
    }

    /// The steps.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// This path and one more name.
    #[must_use]
    pub fn child(&self, name: impl Into<CompactString>) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Name(name.into()));
        Self(segments)
    }

    /// This path and "every item of it".
    #[must_use]
    pub fn each(&self) -> Self {
        let mut segments = self.0.clone();
        segments.push(Segment::Each);
        Self(segments)
    }

    /// The path without its last step; none for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// The last name on the path, or nothing for the root.
    pub fn leaf(&self) -> &str {
        self.0
            .iter()
            .rev()
            .find_map(|segment| match segment {
                Segment::Name(name) => Some(name.as_str()),
                Segment::Each | Segment::Index(_) => None,
            })
            .unwrap_or_default()
    }

    /// True for the record itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this path lies at or below `other`.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Name(name) if is_plain(name) => {
                    if n > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(name)?;
                }
                Segment::Name(name) => {
                    write!(
                        f,
                        "[\"{}\"]",
                        name.replace('\\', "\\\\").replace('"', "\\\"")
                    )?;
                }
                Segment::Each => f.write_str("[]")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['.', '[', ']', '"', '\\'])
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let fail = |at: usize, expected| PathError {
            path: text.chars().take(200).collect(),
            at: at + 1,
            expected,
        };
        let chars: Vec<char> = text.chars().collect();
        let mut segments = Vec::new();
        let mut at = 0;
        let mut name_allowed = true;
        while let Some(&here) = chars.get(at) {
            if segments.len() >= MAX_SEGMENTS {
                return Err(fail(at, "at most 32 steps"));
            }
            match here {
                '[' => {
                    at += 1;
                    match chars.get(at) {
                        Some(']') => segments.push(Segment::Each),
                        Some('"') => {
                            at += 1;
                            let mut name = CompactString::default();
                            loop {
                                match chars.get(at) {
                                    Some('"') => break,
                                    Some('\\') => {
                                        at += 1;
                                        name.push(
                                            *chars
                                                .get(at)
                                                .ok_or_else(|| fail(at, "a character after \\"))?,
                                        );
                                    }
                                    Some(&c) => name.push(c),
                                    None => return Err(fail(at, "a closing \"")),
                                }
                                at += 1;
                            }
                            segments.push(Segment::Name(name));
                            at += 1;
                        }
                        Some(c) if c.is_ascii_digit() => {
                            let start = at;
                            while chars.get(at).is_some_and(char::is_ascii_digit) {
                                at += 1;
                            }
                            let digits: String =
                                chars.iter().skip(start).take(at - start).collect();
                            segments.push(Segment::Index(
                                digits
                                    .parse()
                                    .map_err(|_| fail(start, "a smaller number"))?,
                            ));
                        }
                        _ => return Err(fail(at, "], a number or a quoted name")),
                    }
                    if chars.get(at) != Some(&']') {
                        return Err(fail(at, "]"));
                    }
                    at += 1;
                    name_allowed = false;
                }
                '.' if !segments.is_empty() && !name_allowed => {
                    at += 1;
                    name_allowed = true;
                    if at == chars.len() {
                        return Err(fail(at, "a field name"));
                    }
                }
                _ if name_allowed => {
                    let mut name = CompactString::default();
                    while let Some(&c) = chars.get(at) {
                        if c == '.' || c == '[' {
                            break;
                        }
                        if matches!(c, ']' | '"' | '\\') {
                            return Err(fail(at, "a plain name; put odd names in [\"…\"]"));
                        }
                        name.push(c);
                        at += 1;
                    }
                    if name.is_empty() {
                        return Err(fail(at, "a field name"));
                    }
                    segments.push(Segment::Name(name));
                    name_allowed = false;
                }
                _ => return Err(fail(at, ". or [")),
            }
        }
        if segments.is_empty() {
            return Err(fail(0, "a field name"));
        }
        Ok(Self(segments))
    }
}

impl TryFrom<String> for FieldPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_read_as_people_write_them() {
        for text in [
            "email",
            "address.city",
            "tags[]",
            "items[].sku",
            "items[0].sku",
            "custom[\"a.b\"].c",
            "[\"x]\"]",
        ] {
            assert_eq!(text.parse::<FieldPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_broken_path_names_the_place() {
        for (text, at) in [
            ("", 1),
            (".a", 1),
            ("a..b", 3),
            ("a[", 3),
            ("a[x]", 3),
            ("a.", 3),
            ("a[\"b", 5),
            ("a]", 2),
        ] {
            assert_eq!(text.parse::<FieldPath>().unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_path_survives_being_written(names in prop::collection::vec(prop_oneof![
            ".{1,8}".prop_map(|name| Segment::Name(name.as_str().into())), Just(Segment::Each), (0usize..99).prop_map(Segment::Index)], 1..6)) {
            let path = FieldPath::from_segments(names);
            prop_assert_eq!(path.to_string().parse::<FieldPath>().unwrap(), path);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,40}") {
            let _ = text.parse::<FieldPath>();
        }
    }
}
