//! From a pair of fields to a rule: the steps that make one suit the other.

use model::field::{FieldOption, FieldType, Format};
use model::mapping::{OnFailure, Origin, Rule, Step};
use serde_json::{Map, Value as Json, json};

use super::evidence::Shape;
use super::score::Prepared;
use super::{Candidate, tokens};
use crate::transforms::step;

/// The rule that fills `target` from `source`.
pub(super) fn rule(
    source: &Candidate,
    from: &Prepared,
    target: &Candidate,
    to: &Prepared,
    country: Option<&Candidate>,
) -> Rule {
    let mut paths = vec![source.path.clone()];
    let mut steps = Vec::new();
    let mut may_skip = false;
    let field = &target.field;
    if wants_e164(target, to) {
        let mut with = Map::new();
        if let Some(country) = country {
            paths.push(country.path.clone());
        } else if let Some(code) = common_country(source) {
            with.insert("default_country".to_owned(), code.into());
        }
        steps.push(Step {
            name: "phone_e164".to_owned(),
            with,
        });
        may_skip = true;
    } else if wants_country_code(target, to) {
        if from.evidence.shape != Some(Shape::CountryCode) {
            steps.push(step("country_code", []));
            may_skip = true;
        }
    } else if field.format == Some(Format::Email) || to.evidence.shape == Some(Shape::Email) {
        list_to_one(source, to, &mut steps);
        steps.push(step("trim", []));
        steps.push(step("lower", []));
    } else if let Some(entries) = polarity(from, to) {
        steps.push(step("value_map", [("entries", Json::Object(entries))]));
    } else if !field.options.is_empty() {
        options(source, target, &mut steps);
    } else {
        convert(source, from, target, to, &mut steps);
    }
    if let Some(most) = field.max_length {
        let cut = matches!(field.field_type, FieldType::Text)
            && field.format.is_none()
            && !steps
                .iter()
                .any(|step| step.name == "phone_e164" || step.name == "country_code");
        let longer = source.field.max_length.map_or_else(
            || {
                source.samples.iter().any(|value| {
                    value
                        .as_text()
                        .is_some_and(|text| text.chars().count() > most as usize)
                })
            },
            |longest| longest > most,
        );
        // A key or a code that is cut is another one.
        let cuttable = !to.words.iter().any(|word| {
            matches!(
                *word,
                "id" | "code"
                    | "sku"
                    | "number"
                    | "reference"
                    | "key"
                    | "language"
                    | "currency"
                    | "url"
                    | "website"
                    | "phone"
            )
        });
        if cut && longer && cuttable {
            steps.push(step("slice", [("length", most.into())]));
        }
    }
    Rule {
        target: target.path.clone(),
        origin: Origin::Fields { paths },
        steps,
        on_failure: if may_skip && !field.required {
            OnFailure::Skip
        } else {
            OnFailure::Hold
        },
        comment: None,
    }
}

/// Whether the target insists on international numbers.
pub(super) fn wants_e164(target: &Candidate, to: &Prepared) -> bool {
    let phone = target.field.format == Some(Format::Phone) || to.words.contains(&"phone");
    phone && crate::fit::wants_e164(&target.field)
}

fn wants_country_code(target: &Candidate, to: &Prepared) -> bool {
    let field = &target.field;
    let described = field
        .description
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    field.format == Some(Format::CountryCode)
        || (to.words.contains(&"country")
            && (to.words.contains(&"code")
                || field.max_length == Some(2)
                || to.evidence.shape == Some(Shape::CountryCode)
                || described.contains("3166")
                || described.contains("alpha-2")))
}

/// The country whose calling code most samples of a phone field are written with.
fn common_country(source: &Candidate) -> Option<&'static str> {
    let texts: Vec<&str> = source
        .samples
        .iter()
        .filter_map(|value| value.as_text())
        .collect();
    let local = texts
        .iter()
        .filter(|text| !text.trim_start().starts_with('+'))
        .count();
    if local == 0 {
        return None;
    }
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let calling = [
        "1", "44", "49", "33", "34", "39", "55", "54", "41", "43", "31", "32", "46", "47", "45",
        "351", "61",
    ];
    let (code, n) = calling
        .iter()
        .map(|code| {
            let hits = texts.iter().filter(|text| {
                text.trim_start().starts_with('+') && digits(text).starts_with(code)
            });
            (*code, hits.count())
        })
        .max_by_key(|(_, n)| *n)?;
    (n >= 2)
        .then(|| crate::countries::by_calling(code))
        .flatten()
}

fn list_to_one(source: &Candidate, to: &Prepared, steps: &mut Vec<Step>) {
    let is_list = source.field.field_type == FieldType::List
        || source.path.segments().contains(&model::path::Segment::Each);
    if is_list && !to.evidence.is_list {
        steps.push(step("first", []));
    }
}

fn convert(
    source: &Candidate,
    from: &Prepared,
    target: &Candidate,
    to: &Prepared,
    steps: &mut Vec<Step>,
) {
    use FieldType as T;
    let from_list = source.field.field_type == T::List
        || source.path.segments().contains(&model::path::Segment::Each);
    let kind = match (from_list, target.field.field_type) {
        (true, T::List) => return,
        (true, T::Text) => {
            steps.push(step("join", [("separator", ", ".into())]));
            return;
        }
        (true, _) => {
            steps.push(step("first", []));
            source.field.items.unwrap_or(source.field.field_type)
        }
        (false, T::List) => {
            let commas = source
                .samples
                .iter()
                .any(|value| value.as_text().is_some_and(|text| text.contains(',')));
            steps.push(if commas {
                step("split", [])
            } else {
                step("to_list", [])
            });
            return;
        }
        (false, _) => source.field.field_type,
    };
    let texts = || {
        source
            .samples
            .iter()
            .filter_map(|value| value.as_text())
            .filter(|text| !text.trim().is_empty())
    };
    let epoch = || {
        let millis = source
            .samples
            .iter()
            .any(|value| crate::words::scalar_text(value).is_some_and(|text| text.len() >= 13));
        if millis { "unix_ms" } else { "unix" }
    };
    let is_epoch = from.evidence.shape == Some(Shape::Epoch);
    match (kind, target.field.field_type) {
        (T::Timestamp, T::Date) => steps.push(step("date_only", [])),
        (T::Text | T::Any, T::Date) if from.evidence.shape == Some(Shape::Timestamp) => {
            steps.push(step("date_only", []));
        }
        (T::Text, T::Date) => steps.push(step(
            "parse_date",
            [("format", guess_format(&texts().collect::<Vec<_>>()))],
        )),
        (T::Integer | T::Any, T::Date) if is_epoch => {
            steps.push(step("parse_date", [("format", epoch().into())]));
        }
        (T::Integer | T::Text | T::Any, T::Timestamp) if is_epoch => {
            steps.push(step(
                "parse_date",
                [("format", epoch().into()), ("result", "timestamp".into())],
            ));
        }
        (T::Text, T::Timestamp) if from.evidence.shape != Some(Shape::Timestamp) => {
            steps.push(step(
                "parse_date",
                [
                    ("format", guess_format(&texts().collect::<Vec<_>>())),
                    ("result", "timestamp".into()),
                    ("zone", "UTC".into()),
                ],
            ));
        }
        (T::Date, T::Timestamp) => {
            steps.push(step(
                "parse_date",
                [("result", "timestamp".into()), ("zone", "UTC".into())],
            ));
        }
        (T::Text | T::Any, T::Decimal | T::Float) => {
            let plain = texts().all(|text| model::number::Decimal::parse(text.trim()).is_some());
            steps.push(step(if plain { "to_decimal" } else { "parse_number" }, []));
        }
        (T::Text, T::Integer) => steps.push(step("to_integer", [])),
        (T::Decimal | T::Float, T::Integer) => steps.push(step("round", [])),
        (T::Text | T::Integer | T::Enum, T::Bool) => steps.push(step("to_bool", [])),
        (T::Text, T::Text)
            if from.evidence.shape == Some(Shape::Html)
                && to.evidence.shape != Some(Shape::Html)
                && target.field.format != Some(Format::Html) =>
        {
            steps.push(step("strip_html", []));
        }
        _ => {}
    }
}

/// The date format that reads all samples; ISO where none does or all do.
fn guess_format(texts: &[&str]) -> Json {
    const FORMATS: &[&str] = &[
        "iso",
        "%d.%m.%Y",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%Y/%m/%d",
        "%d-%m-%Y",
        "%b %d, %Y",
        "%d.%m.%Y %H:%M",
    ];
    FORMATS
        .iter()
        .find(|format| {
            let with = json!({"format": format});
            let empty = Map::new();
            let with = with.as_object().unwrap_or(&empty);
            !texts.is_empty()
                && texts.iter().all(|text| {
                    matches!(
                        crate::transforms::try_step("parse_date", with, (*text).into()),
                        Ok(Ok(_))
                    )
                })
        })
        .map_or_else(|| "iso".into(), |format| (*format).into())
}

/// A table of values from the source's vocabulary to the accepted values.
fn options(source: &Candidate, target: &Candidate, steps: &mut Vec<Step>) {
    let mut known: Vec<String> = source
        .field
        .options
        .iter()
        .map(|option| option.value.clone())
        .collect();
    if known.is_empty() {
        for sample in &source.samples {
            if let Some(text) = crate::words::scalar_text(sample)
                && !text.is_empty()
                && !known.iter().any(|have| have == text.as_str())
                && known.len() < 50
            {
                known.push(text.into());
            }
        }
    }
    let accepted = &target.field.options;
    if !known.is_empty()
        && known
            .iter()
            .all(|text| accepted.iter().any(|option| option.value == *text))
    {
        return;
    }
    let entries: Map<String, Json> = known
        .iter()
        .filter_map(|text| Some((text.clone(), nearest_option(text, accepted)?.into())))
        .collect();
    if !entries.is_empty() {
        steps.push(step(
            "value_map",
            [
                ("entries", Json::Object(entries)),
                ("ignore_case", true.into()),
            ],
        ));
    }
}

/// How many of the texts have a counterpart.
pub(super) fn paired(left: &[String], right: &[String]) -> usize {
    let options: Vec<FieldOption> = right
        .iter()
        .map(|value| FieldOption {
            value: value.clone(),
            label: None,
        })
        .collect();
    left.iter()
        .filter(|text| nearest_option(text, &options).is_some())
        .count()
}

const POSITIVE: &[&str] = &[
    "subscribed",
    "active",
    "enabled",
    "yes",
    "true",
    "opted_in",
    "on",
    "confirmed",
    "allowed",
    "granted",
    "exempt",
];
const NEGATIVE: &[&str] = &[
    "unsubscribed",
    "inactive",
    "disabled",
    "no",
    "false",
    "opted_out",
    "off",
    "archived",
    "blocked",
    "suspended",
    "denied",
    "taxable",
];

/// The table from true and false to an enumeration, or between flags that mean the opposite.
pub(super) fn polarity(from: &Prepared, to: &Prepared) -> Option<Map<String, Json>> {
    let asks_no = |words: &[&str]| {
        words.iter().any(|word| {
            matches!(
                *word,
                "unsubscribe"
                    | "banned"
                    | "blocked"
                    | "disabled"
                    | "archived"
                    | "suspended"
                    | "inactive"
                    | "locked"
            )
        })
    };
    let asks_yes = |words: &[&str]| {
        words
            .iter()
            .any(|word| matches!(*word, "consent" | "active" | "exempt" | "subscribed"))
    };
    if from.kind != FieldType::Bool || (!asks_no(&from.words) && !asks_yes(&from.words)) {
        return None;
    }
    let negative = asks_no(&from.words);
    let table =
        |yes: Json, no: Json| Map::from_iter([("true".to_owned(), yes), ("false".to_owned(), no)]);
    if to.kind == FieldType::Bool {
        let other = asks_no(&to.words);
        let related = other || asks_yes(&to.words);
        return (related
            && other != negative
            && from
                .words
                .iter()
                .any(|word| matches!(*word, "consent" | "unsubscribe")))
        .then(|| table(false.into(), true.into()));
    }
    let find = |wanted: &[&str]| {
        to.options
            .iter()
            .find(|option| wanted.contains(&option.to_lowercase().replace('-', "_").as_str()))
            .map(|option| Json::from(option.as_str()))
    };
    let (yes, no) = (find(POSITIVE)?, find(NEGATIVE)?);
    // A consent to mail says nothing about an account that is open or closed.
    let mail = |words: &[&str]| {
        words
            .iter()
            .any(|word| matches!(*word, "consent" | "unsubscribe"))
    };
    let mail_options = to
        .options
        .iter()
        .any(|option| option.contains("subscribed") || option.contains("opted"));
    if mail(&from.words) != mail_options {
        return None;
    }
    Some(if negative {
        table(no, yes)
    } else {
        table(yes, no)
    })
}

/// Words for the same state of things in different platforms.
const SAME: &[&[&str]] = &[
    &[
        "open",
        "new",
        "active",
        "todo",
        "in_progress",
        "started",
        "triggered",
        "pending",
        "acknowledged",
    ],
    &[
        "closed",
        "done",
        "resolved",
        "completed",
        "complete",
        "finished",
        "solved",
    ],
    &["cancelled", "canceled", "void", "voided", "aborted"],
    &["urgent", "critical", "highest", "blocker"],
    &["high", "major"],
    &["normal", "medium", "moderate", "default"],
    &["low", "minor", "lowest", "trivial"],
    &["male", "m", "man"],
    &["female", "f", "woman"],
    &["paid", "settled"],
    &["won", "closed_won"],
    &["lost", "closed_lost"],
    &["draft", "unpublished"],
    &["published", "live"],
];

/// The accepted value that a text most probably means.
pub(crate) fn nearest_option<'a>(text: &str, options: &'a [FieldOption]) -> Option<&'a str> {
    let fold = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let wanted = fold(text);
    let mut best: Option<(f64, &str)> = None;
    for option in options {
        for name in std::iter::once(option.value.as_str()).chain(option.label.as_deref()) {
            let other = fold(name);
            let score = if other == wanted {
                1.0
            } else if negated(&wanted) != negated(&other) {
                0.0
            } else if SAME
                .iter()
                .any(|group| group.contains(&wanted.as_str()) && group.contains(&other.as_str()))
            {
                0.9
            } else {
                let letters = strsim::normalized_damerau_levenshtein(&wanted, &other);
                let meaning = match (
                    tokens::words(&wanted).as_slice(),
                    tokens::words(&other).as_slice(),
                ) {
                    ([one], [two]) if one == two => 0.85,
                    _ => 0.0,
                };
                letters.max(meaning)
            };
            if score >= 0.75 && best.is_none_or(|(most, _)| score > most) {
                best = Some((score, &option.value));
            }
        }
    }
    best.map(|(_, value)| value)
}

fn negated(text: &str) -> bool {
    ["un", "in", "dis", "not_", "non", "no_", "de"]
        .iter()
        .any(|prefix| {
            text.strip_prefix(prefix)
                .is_some_and(|rest| rest.len() >= 4)
        })
        && ![
            "invoice",
            "individual",
            "industry",
            "incoming",
            "internal",
            "invited",
            "index",
            "inbound",
            "united",
            "unit",
            "default",
            "delivered",
            "design",
            "department",
            "declined",
            "de_de",
            "information",
            "in_progress",
        ]
        .iter()
        .any(|word| text.starts_with(word))
}
