//! Other names for members.

use compact_str::{CompactString, ToCompactString};
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use crate::Result;
use crate::declarative::node::View;
use crate::declarative::text::Text;

/// `KeysReplace`: a part of each name, and what it becomes.
#[derive(Clone, Debug)]
pub struct KeysReplace {
    old: Text,
    new: Text,
}

impl KeysReplace {
    /// From the file.
    pub fn compile(view: &View<'_>) -> Result<Self> {
        Ok(Self {
            old: Text::compile(&view.require("old", "what is replaced")?)?,
            new: Text::compile(&view.require("new", "what it is replaced with")?)?,
        })
    }

    /// Replaces it in all names.
    pub fn apply(&self, row: &mut Row, scope: &Scope<'_>, env: &Env) -> Result<()> {
        let (old, new) = {
            let scope = Scope::within(scope).with("record", &*row);
            (
                self.old.printed(&scope, env)?,
                self.new.printed(&scope, env)?,
            )
        };
        rename(row, true, &|name| {
            name.contains(&old).then(|| name.replace(&old, &new).into())
        });
        Ok(())
    }
}

/// `KeysToLower`: names of the top only.
pub(super) fn keys_to_lower(row: &mut Row) {
    rename(row, false, &|name| {
        let lower = name.to_lowercase();
        (lower != name).then(|| lower.into())
    });
}

/// `KeysToSnakeCase`.
pub(super) fn keys_to_snake_case(row: &mut Row) {
    rename(row, true, &|name| {
        let snake = snake_case(name);
        (snake != name).then_some(snake)
    });
}

/// Gives members the names that `new_name` says; in objects within objects too where `deep`, but not in lists. Where
/// two come to the same name, the later one counts.
fn rename(row: &mut Row, deep: bool, new_name: &dyn Fn(&str) -> Option<CompactString>) {
    if !deep && row.names().iter().all(|name| new_name(name).is_none()) {
        return;
    }
    row.edit(|value| rename_in(value, deep, new_name));
}

fn rename_in(value: &mut Value, deep: bool, new_name: &dyn Fn(&str) -> Option<CompactString>) {
    let Value::Object(object) = value else {
        return;
    };
    let mut renamed = Object::with_capacity(object.len());
    for (name, mut member) in std::mem::take(object) {
        if deep {
            rename_in(&mut member, deep, new_name);
        }
        renamed.insert(new_name(&name).unwrap_or(name), member);
    }
    *object = renamed;
}

/// A name in snake case, word by word: `createdAt2` is `created_at_2`.
///
/// A word is letters (those in upper case first) or digits. What is neither separates words; at the beginning and the
/// end it leaves an underscore. A name does not begin with a digit.
pub(in crate::declarative) fn snake_case(name: &str) -> CompactString {
    let ascii = any_ascii::any_ascii(name);
    let mut words: Vec<&str> = Vec::new();
    let mut rest = ascii.as_str();
    while let Some(first) = rest.bytes().next() {
        let length = |is: fn(&u8) -> bool| rest.bytes().take_while(&is).count();
        let (end, is_word) = if first.is_ascii_uppercase() {
            let upper = length(u8::is_ascii_uppercase);
            let lower = rest
                .bytes()
                .skip(upper)
                .take_while(u8::is_ascii_lowercase)
                .count();
            (upper + lower, true)
        } else if first.is_ascii_lowercase() {
            (length(u8::is_ascii_lowercase), true)
        } else if first.is_ascii_digit() {
            (length(u8::is_ascii_digit), true)
        } else {
            (length(|byte| !byte.is_ascii_alphanumeric()), false)
        };
        let Some((word, after)) = rest.split_at_checked(end) else {
            break;
        };
        words.push(if is_word { word } else { "" });
        rest = after;
    }
    let last = words.len().saturating_sub(1);
    let mut kept: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(n, word)| !word.is_empty() || *n == 0 || *n == last)
        .map(|(_, word)| *word)
        .collect();
    if kept
        .first()
        .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    {
        kept.insert(0, "");
    }
    kept.join("_").to_ascii_lowercase().to_compact_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        for (name, snake) in [
            ("createdAt", "created_at"),
            ("HTTPResponse", "httpresponse"),
            ("userID", "user_id"),
            ("created time", "created_time"),
            ("Größe (cm)", "grosse_cm_"),
            ("1st", "_1_st"),
            ("a1", "a_1"),
            ("_private", "_private"),
            ("__two", "_two"),
            ("$", ""),
            ("", ""),
            ("a--b", "a_b"),
            ("already_fine", "already_fine"),
        ] {
            assert_eq!(snake_case(name), snake, "{name}");
        }
    }
}
