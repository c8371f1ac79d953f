//! The functions that a template can call by name: those of connector files, and Jinja's own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::dates::{Moment, Span, Zone, iso, period, strftime, strptime};
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::tree::Cmp;
use crate::value::dict::Dict;
use crate::value::number::{Num, parse_float, parse_int};
use crate::value::{Text, Thing, Val, compare};

/// A function and its name.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    offered: Offered,
    pub(crate) call: for<'r> fn(&Machine<'r>, Given<'r>) -> Fallible<Val<'r>>,
}

/// Where a function can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offered {
    Everywhere,
    /// Not in strict templates: the same record must always give the same.
    Lenient,
    /// Only in strict templates: the reference takes it away.
    Strict,
}

/// The function of that name.
pub(crate) fn find(name: &str, strict: bool) -> Option<&'static Function> {
    FUNCTIONS
        .iter()
        .find(|function| function.name == name)
        .filter(|function| match function.offered {
            Offered::Everywhere => true,
            Offered::Lenient => !strict,
            Offered::Strict => strict,
        })
}

static FUNCTIONS: [Function; 18] = [
    Function {
        name: "now_utc",
        offered: Offered::Lenient,
        call: now_utc,
    },
    Function {
        name: "today_utc",
        offered: Offered::Lenient,
        call: today_utc,
    },
    Function {
        name: "today_with_timezone",
        offered: Offered::Lenient,
        call: today_with_timezone,
    },
    Function {
        name: "timestamp",
        offered: Offered::Everywhere,
        call: timestamp,
    },
    Function {
        name: "str_to_datetime",
        offered: Offered::Everywhere,
        call: str_to_datetime,
    },
    Function {
        name: "format_datetime",
        offered: Offered::Everywhere,
        call: format_datetime,
    },
    Function {
        name: "day_delta",
        offered: Offered::Lenient,
        call: day_delta,
    },
    Function {
        name: "duration",
        offered: Offered::Everywhere,
        call: duration,
    },
    Function {
        name: "max",
        offered: Offered::Everywhere,
        call: |m, given| extreme(m, given, Cmp::Gt),
    },
    Function {
        name: "min",
        offered: Offered::Everywhere,
        call: |m, given| extreme(m, given, Cmp::Lt),
    },
    Function {
        name: "sanitize_url",
        offered: Offered::Everywhere,
        call: sanitize_url,
    },
    Function {
        name: "camel_case_to_snake_case",
        offered: Offered::Everywhere,
        call: camel_case_to_snake_case,
    },
    Function {
        name: "generate_uuid",
        offered: Offered::Lenient,
        call: generate_uuid,
    },
    Function {
        name: "dict",
        offered: Offered::Everywhere,
        call: dict,
    },
    Function {
        name: "namespace",
        offered: Offered::Everywhere,
        call: namespace,
    },
    Function {
        name: "cycler",
        offered: Offered::Everywhere,
        call: cycler,
    },
    Function {
        name: "joiner",
        offered: Offered::Everywhere,
        call: joiner,
    },
    Function {
        name: "range",
        offered: Offered::Strict,
        call: range,
    },
];

/// The time, where there is a clock.
pub(crate) fn now(m: &Machine<'_>) -> Fallible<Moment> {
    if m.strict {
        return Err(Fault::failed(
            "there is no clock here: the same record must always give the same",
        ));
    }
    Ok(Moment::at(m.env.now(), Zone::UTC))
}

fn moment<'r>(moment: Moment) -> Val<'r> {
    Val::Moment(Rc::new(moment))
}

fn now_utc<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("now_utc")?;
    now(m).map(moment)
}

fn today_utc<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("today_utc")?;
    Ok(Val::Date(now(m)?.civil.date()))
}

fn today_with_timezone<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let name = given.only("today_with_timezone", "timezone")?;
    let Some(name) = name.as_str() else {
        return Err(Fault::failed("the name of a time zone is a text"));
    };
    let zone = jiff::tz::TimeZone::get(name)
        .map_err(|_| Fault::lookup(format!("'{name}' is not a time zone")))?;
    Ok(Val::Date(zone.to_datetime(m.env.now()).date()))
}

/// A point in time of ISO text, in UTC.
fn to_moment<'r>(m: &Machine<'r>, value: &Val<'r>) -> Fallible<Moment> {
    let Some(text) = value.as_str() else {
        if let Val::Undefined(missing) = value {
            return Err(m.undefined_fault(missing));
        }
        // The reference asks for the length before anything else.
        if matches!(value.type_name(), "list" | "tuple" | "dict") && m.length(value)? < 4 {
            return Err(Fault::value("ISO string too short"));
        }
        return Err(Fault::wrong_type(format!(
            "object of type '{}' is no date",
            value.type_name()
        )));
    };
    m.pay_for_bytes(text.len())?;
    iso::parse(text)?.in_zone(Zone::PYTZ)
}

fn str_to_datetime<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let text = given.only("str_to_datetime", "s")?;
    to_moment(m, &text).map(moment)
}

fn timestamp<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let value = given.only("timestamp", "dt")?;
    match Num::of(&value) {
        Some(Num::Float(float)) => match Num::Float(float).to_big() {
            Some(n) => Ok(Val::big(n)),
            None if float.is_nan() => Err(Fault::value("cannot convert float NaN to integer")),
            None => Err(Fault::overflow("cannot convert float infinity to integer")),
        },
        Some(number) => Ok(number.val()),
        None => Ok(Val::Float(to_moment(m, &value)?.timestamp())),
    }
}

fn day_delta<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [days, format] = given.bind("day_delta", ["num_days", "format"], 1)?;
    let days = days.unwrap_or(Val::None);
    let span = match Num::of(&days) {
        Some(Num::Int(n)) => Span::micros(i128::from(n) * 86_400_000_000)?,
        Some(Num::Float(float)) => Span::from_float(float * 86_400_000_000.0)?,
        Some(Num::Big(_)) => {
            return Err(Fault::overflow("Python int too large to convert to C int"));
        }
        None => {
            return Err(Fault::wrong_type(format!(
                "unsupported type for timedelta days component: {}",
                days.type_name()
            )));
        }
    };
    let format = match &format {
        None => "%Y-%m-%dT%H:%M:%S.%f%z",
        Some(format) => format_of(format)?,
    };
    Ok(Val::text(strftime::strftime(&now(m)?.plus(span)?, format)))
}

fn format_of<'v>(format: &'v Val<'_>) -> Fallible<&'v str> {
    format
        .as_str()
        .ok_or_else(|| Fault::wrong_type(format!("a format is a text, not {}", format.type_name())))
}

fn duration<'r>(_: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let text = given.only("duration", "datestring")?;
    let Some(text) = text.as_str() else {
        return Err(Fault::wrong_type("Expecting a string"));
    };
    Ok(match period::parse(text)? {
        period::Duration::Span(span) => Val::Span(Rc::new(span)),
        period::Duration::Period(period) => Val::Period(Rc::new(period)),
    })
}

fn format_datetime<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [value, format, input] =
        given.bind("format_datetime", ["dt", "format", "input_format"], 2)?;
    let (value, format) = (value.unwrap_or(Val::None), format.unwrap_or(Val::None));
    if let Val::Moment(moment) = &value {
        return Ok(Val::text(strftime::strftime(moment, format_of(&format)?)));
    }
    let input = match input {
        Some(input) if m.is_true(&input)? => Some(input),
        _ => None,
    };
    let parsed = match (&value, &input) {
        (Val::Int(_) | Val::Bool(_) | Val::Big(_), input) => {
            let text = crate::value::print::to_str(m, &value)?;
            let text = match &value {
                Val::Bool(flag) => Text::Owned(i64::from(*flag).to_string().into()),
                _ => text,
            };
            let input = input.as_ref().map_or(Ok("%s"), format_of)?;
            parse_cdk(&text, input)?
        }
        (value, Some(input)) => {
            let Some(text) = value.as_str() else {
                return Err(Fault::wrong_type(format!(
                    "strptime() argument 1 must be str, not {}",
                    value.type_name()
                )));
            };
            strptime::strptime(text, format_of(input)?)?
        }
        (value, None) => to_moment(m, value)?,
    };
    let parsed = match parsed.zone {
        Some(_) => parsed,
        None => Moment::new(parsed.civil, Some(Zone::PYTZ)),
    };
    Ok(Val::text(strftime::format_cdk(
        &parsed,
        format_of(&format)?,
    )))
}

/// The reference's own formats beside those of `strptime`.
fn parse_cdk(text: &str, format: &str) -> Fallible<Moment> {
    let whole = || {
        parse_int(text, 10)
            .and_then(|n| i128::try_from(n).ok())
            .ok_or_else(|| {
                Fault::value(format!("invalid literal for int() with base 10: '{text}'"))
            })
    };
    let scaled = |micros: i128| {
        let n = whole()?
            .checked_mul(micros)
            .ok_or_else(|| Fault::value("year is out of range"))?;
        // Checked before the conversion to a date can overflow.
        Span::micros(n).map_err(|_| Fault::value("year is out of range"))?;
        Moment::from_epoch(n, Some(Zone::UTC))
    };
    match format {
        "%s" => scaled(1_000_000),
        "%s_as_float" => {
            let seconds = parse_float(text)
                .filter(|seconds| seconds.is_finite())
                .ok_or_else(|| {
                    Fault::value(format!("could not convert string to float: '{text}'"))
                })?;
            let span = Span::from_float(seconds * 1e6)?;
            Moment::from_epoch(span.as_micros(), Some(Zone::UTC))
        }
        "%epoch_microseconds" => scaled(1),
        "%ms" => scaled(1000),
        _ => {
            let format = format.replace("%_ms", "%f");
            let moment = strptime::strptime(text, &format)?;
            Ok(match moment.zone {
                Some(_) => moment,
                None => Moment::new(moment.civil, Some(Zone::UTC)),
            })
        }
    }
}

fn extreme<'r>(m: &Machine<'r>, given: Given<'r>, operator: Cmp) -> Fallible<Val<'r>> {
    let name = if operator == Cmp::Gt { "max" } else { "min" };
    if let Some((unknown, _)) = given.by_name.first() {
        return Err(Fault::wrong_type(format!(
            "{name}() got an unexpected keyword argument '{}'",
            &**unknown
        )));
    }
    let mut values = given.by_place.into_vec();
    if values.is_empty() {
        return Err(Fault::wrong_type(format!(
            "{name} expected at least 1 argument, got 0"
        )));
    }
    if values.len() == 1
        && let Some(only) = values.pop()
    {
        values = m.collect(&only)?;
    }
    let mut best: Option<Val<'r>> = None;
    for value in values {
        best = Some(match best {
            Some(best) if !compare::ordered(m, operator, &value, &best)? => best,
            _ => value,
        });
    }
    best.ok_or_else(|| Fault::value(format!("{name}() arg is an empty sequence")))
}

fn sanitize_url<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let value = given.only("sanitize_url", "value")?;
    if let Val::Undefined(_) = value {
        return Err(Fault::wrong_type("quote_from_bytes() expected bytes"));
    }
    let bytes: &[u8] = match &value {
        Val::Bytes(bytes) => bytes,
        other => other
            .as_str()
            .ok_or_else(|| Fault::wrong_type("quote_from_bytes() expected bytes"))?
            .as_bytes(),
    };
    m.pay_for_bytes(bytes.len())?;
    Ok(Val::text(crate::filters::quote(bytes, "_.-~", true)))
}

fn camel_case_to_snake_case<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let value = given.only("camel_case_to_snake_case", "value")?;
    let Some(text) = value.as_str() else {
        return Err(Fault::wrong_type("expected string or bytes-like object"));
    };
    m.pay_for_bytes(text.len())?;
    let mut out = String::with_capacity(text.len() + 8);
    for (n, c) in text.chars().enumerate() {
        if n > 0 && c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c);
    }
    Ok(Val::text(out.to_lowercase()))
}

fn generate_uuid<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    given.none("generate_uuid")?;
    Ok(Val::text((m.env.new_uuid)().to_string()))
}

fn members<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Dict<'r>> {
    if given.by_place.len() > 1 {
        return Err(Fault::wrong_type(format!(
            "dict expected at most 1 argument, got {}",
            given.by_place.len()
        )));
    }
    let mut dict = Dict::default();
    if let Some(with) = given.by_place.first() {
        for (key, value) in crate::methods::pairs(m, with)? {
            dict.set(m.key(key)?, value);
        }
    }
    for (name, value) in given.by_name {
        dict.set_text(&name, value);
    }
    Ok(dict)
}

fn dict<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    members(m, given).map(Val::dict)
}

fn namespace<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    Ok(Val::object(Thing::Namespace(RefCell::new(members(
        m, given,
    )?))))
}

fn cycler<'r>(_: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    if given.by_place.is_empty() {
        return Err(Fault::failed("at least one item has to be provided"));
    }
    Ok(Val::object(Thing::Cycler(
        given.by_place.into_vec(),
        Cell::new(0),
    )))
}

fn joiner<'r>(m: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [separator] = given.bind("joiner", ["sep"], 0)?;
    let separator = match separator {
        Some(separator) => crate::value::print::to_str(m, &separator)?,
        None => Text::Borrowed(", "),
    };
    Ok(Val::object(Thing::Joiner(separator, Cell::new(false))))
}

fn range<'r>(_: &Machine<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [first, second, step] = given.bind("range", ["", "", ""], 1)?;
    let (start, stop) = match second {
        Some(second) => (
            crate::filters::whole(first, 0)?,
            crate::filters::whole(Some(second), 0)?,
        ),
        None => (0, crate::filters::whole(first, 0)?),
    };
    let step = crate::filters::whole(step, 1)?;
    if step == 0 {
        return Err(Fault::value("range() arg 3 must not be zero"));
    }
    Ok(Val::object(Thing::Range(start, stop, step)))
}
