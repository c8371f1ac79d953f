//! The filters behind `|`: Jinja's own and those of connector files.

mod codec;
pub(crate) use codec::quote;
pub(crate) use sequence::sorted;
pub(crate) mod json;
pub(crate) mod markup;
mod number;
mod pretty;
mod regex;
mod sequence;
mod text;
mod wrap;

use compact_str::CompactString;

use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::Val;
use crate::value::iterate::{Mapping, Selection};

/// Makes one value of another.
pub(crate) type Filter = for<'r> fn(&Machine<'r>, Val<'r>, Given<'r>) -> Fallible<Val<'r>>;

/// The filter of that name.
pub(crate) fn find(name: &str) -> Option<Filter> {
    FILTERS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, filter)| *filter)
}

/// What may have been meant.
pub(crate) fn nearest(name: &str) -> String {
    nearest_of(name, FILTERS.iter().map(|(known, _)| *known), "filter")
}

const FILTERS: [(&str, Filter); 61] = [
    ("abs", number::abs),
    ("attr", sequence::attr),
    ("base64binascii_decode", codec::base64_of_ascii),
    ("base64decode", codec::base64_decode),
    ("base64encode", codec::base64_encode),
    ("batch", sequence::batch),
    ("capitalize", text::capitalize),
    ("center", text::center),
    ("count", sequence::length),
    ("d", sequence::default),
    ("default", sequence::default),
    ("dictsort", sequence::dictsort),
    ("e", markup::escape),
    ("escape", markup::escape),
    ("filesizeformat", number::filesizeformat),
    ("first", sequence::first),
    ("float", number::float),
    ("forceescape", markup::force_escape),
    ("format", text::format),
    ("groupby", sequence::groupby),
    ("hash", codec::hash),
    ("hmac", codec::hmac),
    ("indent", text::indent),
    ("int", number::int),
    ("items", sequence::items),
    ("join", text::join),
    ("last", sequence::last),
    ("length", sequence::length),
    ("list", sequence::list),
    ("lower", text::lower),
    ("map", sequence::map),
    ("max", sequence::max),
    ("min", sequence::min),
    ("pprint", pretty::pprint),
    ("random", sequence::random),
    ("regex_replace", regex::replace),
    ("regex_search", regex::search),
    ("reject", sequence::reject),
    ("rejectattr", sequence::rejectattr),
    ("replace", text::replace),
    ("reverse", sequence::reverse),
    ("round", number::round),
    ("safe", markup::safe),
    ("select", sequence::select),
    ("selectattr", sequence::selectattr),
    ("slice", sequence::slice),
    ("sort", sequence::sort),
    ("string", json::string),
    ("striptags", markup::striptags),
    ("sum", number::sum),
    ("title", text::title),
    ("tojson", json::tojson),
    ("trim", text::trim),
    ("truncate", text::truncate),
    ("unique", sequence::unique),
    ("upper", text::upper),
    ("urlencode", codec::urlencode),
    ("urlize", markup::urlize),
    ("wordcount", text::wordcount),
    ("wordwrap", wrap::wordwrap),
    ("xmlattr", markup::xmlattr),
];

/// The known name that is least different, or where to look.
pub(crate) fn nearest_of<'n>(
    name: &str,
    known: impl Iterator<Item = &'n str>,
    what: &str,
) -> String {
    let best = known
        .map(|known| (distance(name, known), known))
        .min_by_key(|(distance, _)| *distance);
    match best {
        Some((distance, known)) if distance <= (name.len() / 3).max(1) => {
            format!("the name of a {what}, perhaps `{known}`")
        }
        _ => format!("the name of a {what} that Jinja has"),
    }
}

fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (n, l) in left.chars().take(40).enumerate() {
        let mut diagonal = n;
        let mut before = n + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, r) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(l != *r);
            diagonal = *cell;
            before = change.min(before + 1).min(diagonal + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A path into values as filters take it: `'a.b.0'`.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributePath(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Name(CompactString),
    Index(i64),
}

impl AttributePath {
    pub(crate) fn new(value: Option<&Val<'_>>) -> Self {
        let Some(value) = value else {
            return Self::default();
        };
        if let Some(text) = value.as_str() {
            return Self(text.split('.').map(Part::of).collect());
        }
        match crate::checks::whole(value) {
            Some(n) => Self(vec![Part::Index(n)]),
            None => Self::default(),
        }
    }

    /// Several paths with commas between them.
    pub(crate) fn several(value: Option<&Val<'_>>) -> Vec<Self> {
        match value.and_then(Val::as_str) {
            Some(text) => text
                .split(',')
                .map(|path| Self(path.split('.').map(Part::of).collect()))
                .collect(),
            None => vec![Self::new(value)],
        }
    }

    /// What the path leads to.
    pub(crate) fn of<'r>(
        &self,
        m: &Machine<'r>,
        value: &Val<'r>,
        default: Option<&Val<'r>>,
    ) -> Fallible<Val<'r>> {
        let mut here = value.clone();
        for part in &self.0 {
            let key = match part {
                Part::Name(name) => Val::text(name.clone()),
                Part::Index(n) => Val::Int(*n),
            };
            here = m.subscript(&here, &key)?;
            if let (Some(default), true) = (default, here.is_undefined()) {
                here = default.clone();
            }
        }
        Ok(here)
    }
}

impl Part {
    fn of(text: &str) -> Self {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(n) if is_number => Self::Index(n),
            _ => Self::Name(text.into()),
        }
    }
}

/// Text in lower case; anything else as it is.
pub(crate) fn without_case(value: Val<'_>) -> Val<'_> {
    match value.as_str() {
        Some(text) => Val::text(text.to_lowercase()),
        None => value,
    }
}

/// What `map(…)` was given, once the first value is asked for.
pub(crate) fn prepare_map<'r>(m: &Machine<'r>, mut given: Given<'r>) -> Fallible<Mapping<'r>> {
    let place = given
        .by_name
        .iter()
        .position(|(name, _)| &**name == "attribute");
    if let (true, Some(place)) = (given.by_place.is_empty(), place) {
        let (_, attribute) = given.by_name.remove(place);
        let place = given
            .by_name
            .iter()
            .position(|(name, _)| &**name == "default");
        let default = place.map(|place| given.by_name.remove(place).1);
        if let Some((name, _)) = given.by_name.first() {
            return Err(Fault::failed(format!(
                "Unexpected keyword argument '{}'",
                &**name
            )));
        }
        let default = default.filter(|default| !matches!(default, Val::None));
        return Ok(Mapping::Attribute(
            AttributePath::new(Some(&attribute)),
            default,
        ));
    }
    if given.by_place.is_empty() {
        return Err(Fault::failed("map requires a filter argument"));
    }
    let name = given.by_place.remove(0);
    let filter = name
        .as_str()
        .and_then(find)
        .ok_or_else(|| Fault::failed(format!("No filter named {}.", shown(m, &name))))?;
    Ok(Mapping::Filter(filter, given))
}

/// What `select(…)` and its sisters were given, once the first value is asked for.
pub(crate) fn prepare_select<'r>(
    m: &Machine<'r>,
    mut given: Given<'r>,
    by_attribute: bool,
) -> Fallible<Selection<'r>> {
    let attribute = if by_attribute {
        if given.by_place.is_empty() {
            return Err(Fault::failed("Missing parameter for attribute name"));
        }
        Some(AttributePath::new(Some(&given.by_place.remove(0))))
    } else {
        None
    };
    let check = if given.by_place.is_empty() {
        None
    } else {
        let name = given.by_place.remove(0);
        let check = name
            .as_str()
            .and_then(crate::checks::find)
            .ok_or_else(|| Fault::failed(format!("No test named {}.", shown(m, &name))))?;
        Some((check, given))
    };
    Ok(Selection { attribute, check })
}

fn shown<'r>(m: &Machine<'r>, value: &Val<'r>) -> String {
    crate::value::print::to_repr(m, value).unwrap_or_default()
}

/// The error of a method that a kind of value does not have.
pub(crate) fn no_attribute(value: &Val<'_>, name: &str) -> Box<Fault> {
    Fault::failed(format!(
        "'{}' object has no attribute '{name}'",
        value.type_name()
    ))
}

/// An argument that must be a whole number.
pub(crate) fn whole<'r>(value: Option<Val<'r>>, default: i64) -> Fallible<i64> {
    match value {
        None => Ok(default),
        Some(value) => crate::checks::whole(&value).ok_or_else(|| crate::checks::not_whole(&value)),
    }
}

/// An argument that counts as true or false.
pub(crate) fn flag<'r>(m: &Machine<'r>, value: Option<Val<'r>>, default: bool) -> Fallible<bool> {
    value.map_or(Ok(default), |value| m.is_true(&value))
}
