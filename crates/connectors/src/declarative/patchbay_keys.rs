//! The `patchbay:` part of a connector file, except sign-ins ([`super::auth_spec`]) and writes
//! ([`super::writes`]).

use std::time::Duration;

use super::auth_spec::AuthMethod;
use super::node::View;
use super::requester::Requester;
use super::text::{PathText, Text};
use crate::Result;
use crate::http::rate::Rate;

/// What is shown of a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PlatformSpec {
    /// Its name for people.
    pub name: String,
    /// One or two letters, where there is no picture.
    pub monogram: String,
    /// The colour behind the letters: `#1f6feb`.
    pub colour: String,
    /// What it is: CRM, newsletter…
    pub categories: Vec<String>,
    /// Where its API is described.
    pub docs: Option<String>,
    /// Which version of the API this file speaks.
    pub api_version: Option<String>,
    /// When that version ends.
    pub sunset: Option<String>,
}

/// Bounds that the file sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSpec {
    /// The documented rate.
    pub rate: Option<Rate>,
    /// Pages that one read may have.
    pub max_pages: u64,
    /// Records that one read may have.
    pub max_records: u64,
}

impl Default for LimitSpec {
    fn default() -> Self {
        Self {
            rate: None,
            max_pages: 1_000_000,
            max_records: 200_000_000,
        }
    }
}

/// How to find out who is signed in.
#[derive(Clone, Debug)]
pub struct AccountSpec {
    /// What is asked.
    pub request: Requester,
    /// Where the account's id is in the answer.
    pub id: PathText,
    /// The account's name for people, over `response`.
    pub label: Text,
}

/// `patchbay.platform`; without it, what the file's name says.
pub fn platform(view: Option<View<'_>>, name: &str) -> Result<PlatformSpec> {
    let Some(view) = view else {
        let name = &title(name);
        return Ok(PlatformSpec {
            name: name.to_owned(),
            monogram: monogram(name),
            colour: "#64748b".into(),
            ..PlatformSpec::default()
        });
    };
    view.only(&[
        "name",
        "logo",
        "categories",
        "docs",
        "api_version",
        "sunset",
    ])?;
    let title = match view.text_of("name")? {
        Some(told) => told.to_owned(),
        None => title(name),
    };
    let logo = view.get("logo");
    if let Some(logo) = &logo {
        logo.only(&["monogram", "colour"])?;
    }
    let of_logo = |member: &str| -> Result<Option<String>> {
        match &logo {
            Some(logo) => Ok(logo.text_of(member)?.map(str::to_owned)),
            None => Ok(None),
        }
    };
    let scalar = |member: &str| view.get(member).map(|found| found.scalar()).transpose();
    Ok(PlatformSpec {
        monogram: of_logo("monogram")?.unwrap_or_else(|| monogram(&title)),
        colour: match of_logo("colour")? {
            Some(colour) if is_colour(&colour) => colour,
            Some(colour) => {
                return Err(view.fail(
                    format!(
                        "`{}` is no colour",
                        colour.chars().take(20).collect::<String>()
                    ),
                    "six hexadecimal digits such as #1f6feb",
                ));
            }
            None => "#64748b".into(),
        },
        name: title,
        categories: match view.get("categories") {
            Some(categories) => categories.texts()?,
            None => Vec::new(),
        },
        docs: scalar("docs")?,
        api_version: scalar("api_version")?,
        sunset: scalar("sunset")?,
    })
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A connector's name for people: `source-tea-house` is Tea House.
fn title(name: &str) -> String {
    let words = name.strip_prefix("source-").unwrap_or(name);
    let words = words.split(['-', '_', ' ']).filter(|word| !word.is_empty());
    let words: Vec<String> = words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().into_iter().flat_map(char::to_uppercase);
            first.chain(letters).collect()
        })
        .collect();
    words.join(" ")
}

fn monogram(name: &str) -> String {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default()
}

/// `patchbay.limits`.
pub fn limits(view: Option<View<'_>>) -> Result<LimitSpec> {
    let mut limits = LimitSpec::default();
    let Some(view) = view else {
        return Ok(limits);
    };
    view.only(&["rate", "max_pages", "max_records"])?;
    if let Some(rate) = view.get("rate") {
        rate.only(&["requests", "seconds"])?;
        let requests = rate.require("requests", "how many requests")?;
        let seconds = rate.require("seconds", "in how many seconds")?;
        let (Ok(number), per) = (u32::try_from(requests.count()?), seconds.number()?) else {
            return Err(requests.fail("this is too large", "a number below 4 billion"));
        };
        if number == 0 || !(0.001..=86_400.0 * 31.0).contains(&per) {
            return Err(rate.fail("no request could ever be sent", "both above zero"));
        }
        limits.rate = Some(Rate {
            requests: number,
            per: Duration::from_secs_f64(per),
        });
    }
    if let Some(pages) = view.get("max_pages") {
        limits.max_pages = pages.count()?;
    }
    if let Some(records) = view.get("max_records") {
        limits.max_records = records.count()?;
    }
    Ok(limits)
}

/// `patchbay.account`.
pub fn account(view: Option<View<'_>>, base: Option<&Text>) -> Result<Option<AccountSpec>> {
    let Some(view) = view else {
        return Ok(None);
    };
    view.only(&["request", "id", "label"])?;
    let mut request = Requester::compile(&view.require("request", "what is asked")?)?;
    request.inherit_base(base);
    Ok(Some(AccountSpec {
        request,
        id: PathText::compile(&view.require("id", "where the account's id is in the answer")?)?,
        label: Text::compile(&view.require("label", "a template over `response`")?)?,
    }))
}

/// `patchbay.auth`.
pub fn auth(view: Option<View<'_>>) -> Result<Vec<AuthMethod>> {
    let Some(view) = view else {
        return Ok(Vec::new());
    };
    let mut methods: Vec<AuthMethod> = Vec::new();
    for item in view.items()? {
        let method = AuthMethod::read(&item)?;
        if methods.iter().any(|known| known.name == method.name) {
            return Err(item.fail(
                format!("there are two sign-ins called `{}`", method.name),
                "a name of its own",
            ));
        }
        methods.push(method);
    }
    Ok(methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_without_a_title_is_called_after_its_name() {
        let check = |name: &str, expected: &str| {
            let platform = platform(None, name).unwrap();
            assert_eq!(platform.name, expected);
        };
        check("my-harbor", "My Harbor");
        check("source-tea_house", "Tea House");
        check("élan", "Élan");
        check("", "");
    }
}
