//! Sums and numbers as text.

use model::field::FieldType;
use model::mapping::Step;
use model::number::Decimal;
use model::value::Value;

use super::steps::{Answer, Asked, Tried, Undone, try_there_and_back};
use super::table::same;
use crate::arithmetic::Exact;
use crate::transforms::step;

/// Digits after the point where the way back of a product has no end.
const DIGITS: i32 = 10;

pub(super) fn multiply(asked: &Asked<'_>) -> Answer {
    let factor = asked.with.number("by").ok_or("the factor is no number")?;
    let Some(inverse) = reciprocal(&factor) else {
        return Err(format!(
            "what was multiplied by {} cannot be divided again",
            factor.to_text()
        ));
    };
    let times = step("multiply", [("by", inverse.number.to_text().into())]);
    if inverse.ends {
        return Ok(of_sum(asked, Undone::by([times], FieldType::Decimal)));
    }
    let (digits, gives) = match asked.before.kind {
        FieldType::Integer => (0, FieldType::Integer),
        _ => (DIGITS, FieldType::Decimal),
    };
    let rounded = step("round", [("digits", digits.into())]);
    let undone = Undone::by([times, rounded], gives);
    Ok(undone.losing("the division does not come out even, so the number comes back rounded"))
}

pub(super) fn add(asked: &Asked<'_>) -> Answer {
    let amount = asked
        .with
        .number("amount")
        .and_then(|amount| amount.multiply(&Exact::parse("-1")?))
        .ok_or("the amount is no number")?;
    let less = step("add", [("amount", amount.to_text().into())]);
    Ok(of_sum(asked, Undone::by([less], FieldType::Decimal)))
}

/// A number that is kept as text may get other zeros at its end.
fn of_sum(asked: &Asked<'_>, undone: Undone) -> Undone {
    match asked.before.kind {
        FieldType::Text | FieldType::Enum | FieldType::Any => {
            undone.losing("zeros at the end of a number may change")
        }
        _ => undone,
    }
}

/// One divided by a number.
struct Reciprocal {
    number: Exact,
    /// All its digits are there.
    ends: bool,
}

fn reciprocal(factor: &Exact) -> Option<Reciprocal> {
    let text = factor.clone().trimmed().to_text();
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let bare = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - bare.len()).ok()?;
    // factor = significand * 10^exponent
    let exponent = zeros - i64::try_from(fraction.len()).ok()?;
    let significand: u128 = bare.trim_start_matches('0').parse().ok()?;
    let (mut rest, mut twos, mut fives) = (significand, 0u32, 0u32);
    while rest % 2 == 0 {
        rest /= 2;
        twos += 1;
    }
    while rest % 5 == 0 {
        rest /= 5;
        fives += 1;
    }
    let made = |number: u128, exponent: i64, ends| {
        let number = Exact::parse(&format!("{sign}{number}e{exponent}"))?;
        Some(Reciprocal { number, ends })
    };
    if rest == 1 {
        let tens = twos.max(fives);
        let number = 2u128
            .checked_pow(tens - twos)?
            .checked_mul(5u128.checked_pow(tens - fives)?)?;
        return made(number, -exponent - i64::from(tens), true);
    }
    // Enough digits for any amount of money: 36 places, of which the significand takes at most 15.
    const PLACES: u32 = 36;
    const LARGEST: u128 = 1_000_000_000_000_000;
    if significand >= LARGEST {
        return None;
    }
    let number = (10u128.pow(PLACES) + significand / 2) / significand;
    made(number, -exponent - i64::from(PLACES), false)
}

/// Numbers that show how a format writes signs, groups and fractions.
fn numbers() -> Vec<Value> {
    [
        "1234567.891",
        "-1234.5",
        "0.5",
        "-0.25",
        "1000",
        "999",
        "7",
        "0",
        "12.125",
    ]
    .iter()
    .filter_map(|text| Decimal::parse(text).map(Value::Decimal))
    .collect()
}

pub(super) fn format_number(asked: &Asked<'_>) -> Answer {
    let decimal = asked.with.text("decimal").unwrap_or_default();
    let grouping = asked.with.text("grouping").unwrap_or_default();
    let there = std::slice::from_ref(asked.step);
    let mut plain: Vec<Step> = Vec::new();
    for (find, with) in [(&grouping, ""), (&decimal, ".")] {
        if !find.is_empty() && find != with {
            plain.push(step(
                "replace",
                [("find", find.as_str().into()), ("with", with.into())],
            ));
        }
    }
    plain.push(step("to_decimal", []));
    let ways = [
        vec![step("parse_number", [("decimal", decimal.into())])],
        plain,
    ];
    // With fewer digits some numbers differ whatever is done; what counts is that it is read as written.
    let rounds = asked.with.integer("digits").is_some();
    for back in ways {
        let readable = match try_there_and_back(there, &back, &numbers()) {
            Tried::Same => true,
            Tried::Differs(_) => rounds && reads_what_it_wrote(there, &back),
            Tried::Fails => false,
        };
        if readable {
            let undone = Undone::by(back, FieldType::Decimal);
            return Ok(if rounds {
                undone.losing("digits that were rounded away do not come back")
            } else {
                undone
            });
        }
    }
    Err("numbers in this format cannot be read back".to_owned())
}

/// Whether text that was read back is written the same again.
fn reads_what_it_wrote(there: &[Step], back: &[Step]) -> bool {
    let written: Vec<Value> = numbers()
        .into_iter()
        .filter_map(|number| {
            let step = there.first()?;
            crate::transforms::try_step(&step.name, &step.with, number)
                .ok()?
                .ok()
        })
        .collect();
    matches!(try_there_and_back(back, there, &written), Tried::Same)
}

pub(super) fn parse_number(asked: &Asked<'_>) -> Answer {
    use FieldType as T;
    if matches!(asked.before.kind, T::Integer | T::Decimal | T::Float) {
        return Ok(same(asked));
    }
    let decimal = asked.with.text("decimal").unwrap_or_default();
    let auto = decimal == "auto";
    let sign = if auto { "." } else { decimal.as_str() };
    let written = step(
        "format_number",
        [("decimal", sign.into()), ("grouping", "".into())],
    );
    let undone = Undone::by([written], FieldType::Text)
        .losing("currency and percent signs and separators of thousands do not come back");
    Ok(if auto {
        undone.losing(
            "a number with three digits after the point is not read again; set the decimal separator",
        )
    } else {
        undone
    })
}
