//! The functions, filters and methods that manifests use beyond Jinja's own.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Value};
use minijinja::{Environment, Error, ErrorKind, State};
use sha2::Digest as _;

use super::NOW;
use crate::declarative::datetime;

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_function("now_utc", |state: &State| {
        Value::from_object(Moment(now(state)))
    });
    environment.add_function("today_utc", |state: &State| {
        datetime::format(now(state), "%Y-%m-%d").map_err(bad)
    });
    environment.add_function("timestamp", |value: Value| -> Result<f64, Error> {
        Ok(moment_of(&value, None)?.as_millisecond() as f64 / 1000.0)
    });
    environment.add_function(
        "day_delta",
        |state: &State, days: i64, format: Option<String>| -> Result<String, Error> {
            let moment = now(state)
                .checked_add(jiff::SignedDuration::from_hours(days.saturating_mul(24)))
                .map_err(|error| bad(error.to_string()))?;
            let format = format.unwrap_or_else(|| "%Y-%m-%dT%H:%M:%S.%f%z".into());
            datetime::format(moment, &format).map_err(bad)
        },
    );
    environment.add_function(
        "format_datetime",
        |value: Value, format: &str, input: Option<String>| -> Result<String, Error> {
            datetime::format(moment_of(&value, input.as_deref())?, format).map_err(bad)
        },
    );
    environment.add_function("str_to_datetime", |value: Value| -> Result<Value, Error> {
        Ok(Value::from_object(Moment(moment_of(&value, None)?)))
    });
    environment.add_function("max", |values: Rest<Value>| {
        extreme(&values, std::cmp::Ordering::Greater)
    });
    environment.add_function("min", |values: Rest<Value>| {
        extreme(&values, std::cmp::Ordering::Less)
    });
    environment.add_function("generate_uuid", || uuid::Uuid::new_v4().to_string());
    environment.add_function("sanitize_url", |text: &str| -> String {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
    });
    environment.add_function("camel_case_to_snake_case", |text: &str| {
        let mut out = String::new();
        for (n, c) in text.chars().enumerate() {
            if c.is_uppercase() && n > 0 {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        out
    });

    environment.add_filter(
        "hash",
        |text: Value, kind: Option<String>| -> Result<String, Error> {
            let text = super::print::text(&text);
            match kind.as_deref().unwrap_or("sha256") {
                "sha256" => Ok(hex::encode(sha2::Sha256::digest(text))),
                "sha512" => Ok(hex::encode(sha2::Sha512::digest(text))),
                other => Err(bad(format!(
                    "the hash `{other}` is not offered; use sha256 or sha512"
                ))),
            }
        },
    );
    environment.add_filter(
        "hmac",
        |text: &str, key: &str, kind: Option<String>| -> Result<String, Error> {
            if kind.as_deref().unwrap_or("sha256") != "sha256" {
                return Err(bad("only sha256 is offered"));
            }
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes())
                .map_err(|error| bad(error.to_string()))?;
            mac.update(text.as_bytes());
            Ok(hex::encode(mac.finalize().into_bytes()))
        },
    );
    environment.add_filter("base64encode", |text: &str| STANDARD.encode(text));
    environment.add_filter("base64decode", |text: &str| -> Result<String, Error> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| bad(error.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    environment.add_filter(
        "regex_search",
        |text: &str, pattern: &str| -> Result<String, Error> {
            let regex = bounded_regex(pattern)?;
            Ok(regex
                .captures(text)
                .and_then(|captures| captures.get(1).or_else(|| captures.get(0)))
                .map(|found| found.as_str().to_owned())
                .unwrap_or_default())
        },
    );
    environment.add_filter(
        "regex_replace",
        |text: &str, pattern: &str, by: &str| -> Result<String, Error> {
            Ok(bounded_regex(pattern)?.replace_all(text, by).into_owned())
        },
    );
}

fn bounded_regex(pattern: &str) -> Result<regex::Regex, Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| bad(error.to_string()))
}

/// Methods of Python's values.
pub(super) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let (Some(text), "isoformat" | "strftime") = (value.as_str(), name) {
        let moment = moment_of(&Value::from(text), None)?;
        return Value::from_object(Moment(moment)).call_method(state, name, args);
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn bad(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

fn now(state: &State) -> jiff::Timestamp {
    state
        .lookup(NOW)
        .and_then(|value| value.as_i64())
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

fn moment_of(value: &Value, format: Option<&str>) -> Result<jiff::Timestamp, Error> {
    if let Some(moment) = value.downcast_object_ref::<Moment>() {
        return Ok(moment.0);
    }
    let text = super::print::text(value);
    let found = match format {
        Some(format) => datetime::parse(&text, format),
        None if value.is_number() => datetime::parse(&text, "%s_as_float"),
        None => datetime::parse_iso(&text),
    };
    found.ok_or_else(|| bad(format!("`{text}` is not a point in time")))
}

fn extreme(values: &[Value], wanted: std::cmp::Ordering) -> Result<Value, Error> {
    let items: Vec<Value> = match values {
        [one] => one.try_iter()?.collect(),
        several => several.to_vec(),
    };
    items
        .into_iter()
        .reduce(|best, item| {
            if item.cmp(&best) == wanted {
                item
            } else {
                best
            }
        })
        .ok_or_else(|| bad("there is nothing to compare"))
}

/// Python's aware `datetime`, in UTC.
#[derive(Debug)]
struct Moment(jiff::Timestamp);

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        name: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match name {
            "strftime" => {
                let (format, _): (&str, Kwargs) = minijinja::value::from_args(args)?;
                datetime::format(self.0, format)
                    .map(Value::from)
                    .map_err(bad)
            }
            "isoformat" => datetime::format(self.0, "%Y-%m-%dT%H:%M:%S.%f")
                .map(|text| {
                    let text = text.strip_suffix(".000000").unwrap_or(&text);
                    Value::from(format!("{text}+00:00"))
                })
                .map_err(bad),
            "timestamp" => Ok(Value::from(self.0.as_millisecond() as f64 / 1000.0)),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        let civil = jiff::tz::Offset::UTC.to_datetime(self.0);
        write!(
            text,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            civil.year(),
            civil.month(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second()
        )?;
        let micros = civil.subsec_nanosecond() / 1000;
        if micros > 0 {
            write!(text, ".{micros:06}")?;
        }
        write!(f, "{text}+00:00")
    }
}
