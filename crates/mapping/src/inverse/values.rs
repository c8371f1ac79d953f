//! Values by tables and words, and what stands in for nothing.

use model::field::FieldType;
use model::value::Value;
use serde_json::{Map, Value as Json};

use super::steps::{Answer, Asked, Undone};
use super::table::{as_it_is, same};
use crate::transforms::step;
use crate::words::{listed, quoted, quoted_text, scalar_text};

/// What was written as text is read as what it was. JSON is not read back.
pub(super) fn to_text(asked: &Asked<'_>) -> Answer {
    use FieldType as T;
    match asked.before.kind {
        T::List | T::Object | T::Bytes => {
            Err("lists, objects and bytes that became text cannot be read back".to_owned())
        }
        T::Any => as_it_is(asked, "all values come back as text"),
        _ => Ok(same(asked)),
    }
}

/// Where nothing became a text, that text becomes nothing again, if the source takes that. A number or
/// true/false does not: 0 is a value more often than a stand-in.
pub(super) fn default(asked: &Asked<'_>) -> Answer {
    let default = Value::from_serde(&asked.with.json("value").unwrap_or_default());
    if default.is_null() {
        return Ok(same(asked));
    }
    let shown = quoted(&default);
    match (&default, asked.before.kind) {
        (Value::Text(text), FieldType::Text | FieldType::Enum)
            if asked.before.nullable && !text.trim().is_empty() =>
        {
            let emptied = step("null_if", [("values", text.as_str().into())]);
            Ok(Undone::by([emptied], asked.before.kind)
                .losing(format!("{shown} comes back as nothing")))
        }
        _ => as_it_is(asked, &format!("nothing comes back as {shown}")),
    }
}

/// True and false as the words that the source uses for them.
pub(super) fn to_bool(asked: &Asked<'_>) -> Answer {
    use FieldType as T;
    let (yes, no) = (asked.with.texts("true"), asked.with.texts("false"));
    let has = |words: &[String], word: &str| words.iter().any(|other| other == word);
    match asked.before.kind {
        T::Bool => return Ok(same(asked)),
        T::Integer | T::Decimal | T::Float if has(&yes, "1") && has(&no, "0") => {
            return Ok(Undone::by([step("to_integer", [])], T::Integer));
        }
        _ => {}
    }
    let used = |words: &[String]| -> Vec<String> {
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        match &asked.before.options {
            Some(options) => options
                .iter()
                .filter(|option| lower.contains(&option.trim().to_lowercase()))
                .map(ToString::to_string)
                .collect(),
            None => words.to_vec(),
        }
    };
    let (yes, no) = (used(&yes), used(&no));
    let (Some(first_yes), Some(first_no)) = (yes.first(), no.first()) else {
        return Err("the source has no word for true or for false".to_owned());
    };
    let words = serde_json::json!({"true": first_yes, "false": first_no});
    let undone = Undone::by([step("value_map", [("entries", words)])], T::Text);
    Ok(if yes.len() == 1 && no.len() == 1 {
        undone
    } else {
        undone.losing(format!(
            "true comes back as \"{first_yes}\" and false as \"{first_no}\", whatever the word was"
        ))
    })
}

/// The table the other way round.
pub(super) fn value_map(asked: &Asked<'_>) -> Answer {
    let fold = asked.with.flag("ignore_case");
    let folded = |text: &str| {
        if fold {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    let known = asked
        .before
        .options
        .as_ref()
        .map(|options| options.iter().map(|text| folded(text)).collect::<Vec<_>>());
    let mut undone = Undone::by([], gives(asked.before.kind));
    let entries = asked.with.entries("entries");
    let mut table = Turned::default();
    if !entries.contains_key("") {
        // Null passes a table that does not speak of it.
        table.names.insert(String::new(), String::new());
    }
    for (from, to) in &entries {
        let comes = known
            .as_ref()
            .is_none_or(|known| from.is_empty() || known.contains(&folded(from)));
        let (true, Some(value)) = (comes, value_of(from, asked.before.kind)) else {
            continue;
        };
        let to = Value::from_serde(to);
        let key = if to.is_null() {
            Some(String::new())
        } else {
            scalar_text(&to).map(|text| folded(&text))
        };
        let Some(key) = key else {
            undone = undone.losing(format!("{} is not read back", quoted_text(from)));
            continue;
        };
        if let Some(first) = table.add(from, key, value) {
            undone = undone.losing(format!(
                "{} becomes {} too, which comes back as {}",
                quoted_text(from),
                shown(&to),
                shown(&Value::from(first))
            ));
        }
    }
    if entries.contains_key("") && asked.have.nullable {
        undone = undone.losing("an empty field of the target is filled in");
    }
    if fold {
        undone = undone.losing("capitals come back as in the table");
    }
    finish(asked, undone, table)
}

/// What values outside the table do on the way back.
fn finish(asked: &Asked<'_>, mut undone: Undone, table: Turned) -> Answer {
    let entries = table.entries;
    if entries.is_empty() {
        return Err("no value of the table can come back".to_owned());
    }
    let unknown = asked.with.text("unknown").unwrap_or_default();
    match unknown.as_str() {
        "pass" => {
            undone = undone.losing("a value outside the table may look like one of its results");
        }
        "null" => {
            // Nothing may have been any value: the source keeps its own.
            undone.back.leaves_out = true;
            undone.back.steps.push(step("require", []));
            undone = undone.losing("values outside the table do not come back");
        }
        "default" => {
            undone.back.leaves_out = true;
            let default = Value::from_serde(&asked.with.json("default").unwrap_or_default());
            undone = undone.losing(
                match scalar_text(&default).and_then(|text| entries.get(text.as_str())) {
                    Some(first) => format!(
                        "values outside the table become {}, which comes back as {}",
                        quoted(&default),
                        shown(&Value::from_serde(first))
                    ),
                    None => format!(
                        "values outside the table become {} and do not come back",
                        quoted(&default)
                    ),
                },
            );
        }
        _ => {}
    }
    let passes = unknown == "pass";
    let fold = asked.with.flag("ignore_case");
    if let (false, Some(options)) = (passes, &asked.have.options) {
        let strange: Vec<String> = options
            .iter()
            .filter(|option| {
                let folded = option.to_lowercase();
                !entries.contains_key(if fold {
                    folded.as_str()
                } else {
                    option.as_str()
                })
            })
            .map(|option| quoted_text(option))
            .collect();
        if !strange.is_empty() {
            let what = if undone.back.leaves_out {
                "not passed on"
            } else {
                "held back"
            };
            undone = undone.losing(format!(
                "no value of the source stands for {}: {what}",
                listed(&strange)
            ));
        }
    }
    let mut turned = step("value_map", [("entries", Json::Object(entries))]);
    if passes {
        turned.with.insert("unknown".to_owned(), "pass".into());
    }
    if fold {
        turned.with.insert("ignore_case".to_owned(), true.into());
    }
    undone.back.steps.push(turned);
    Ok(undone)
}

/// A table from results to values, the first value of each result.
#[derive(Default)]
struct Turned {
    entries: Map<String, Json>,
    names: std::collections::HashMap<String, String>,
}

impl Turned {
    /// Adds an entry; gives the name of the value that has the place already.
    fn add(&mut self, name: &str, key: String, value: Json) -> Option<String> {
        if let Some(first) = self.names.get(&key) {
            return Some(first.clone());
        }
        self.names.insert(key.clone(), name.to_owned());
        self.entries.insert(key, value);
        None
    }
}

/// What the results of a turned table are, for values of this kind.
fn gives(kind: FieldType) -> FieldType {
    match kind {
        FieldType::Integer | FieldType::Bool => kind,
        _ => FieldType::Text,
    }
}

/// The value that stands as a key in a table; none where no value of the kind is written so.
fn value_of(key: &str, kind: FieldType) -> Option<Json> {
    if key.is_empty() {
        return Some(Json::Null);
    }
    match kind {
        FieldType::Integer => key
            .parse::<i64>()
            .map(Json::from)
            .or_else(|_| key.parse::<u64>().map(Json::from))
            .ok(),
        FieldType::Bool => key.parse::<bool>().map(Json::from).ok(),
        _ => Some(key.into()),
    }
}

/// A value in a sentence; empty text is nothing.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) if text.is_empty() => "nothing".to_owned(),
        other => quoted(other),
    }
}
