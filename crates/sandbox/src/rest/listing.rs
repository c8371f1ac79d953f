//! Four styles of paging. No request sorts anything: each walks an index that is kept in order.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    clock,
    collection::Collection,
    http::{
        call::{Answer, Call},
        gate::Caller,
    },
    schema::forms::normal_email,
    world::{Stream, World},
};

/// Addresses in one filter.
const MAX_ADDRESSES: usize = 100;
const NOT_OURS: &str = "the cursor is not one that this listing gave";

/// Cursor paging, in order of the last change.
pub(crate) fn by_cursor(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let records = world.records(stream);
    let limit = match call.number("limit", 50, 1, 200) {
        Ok(limit) => limit as usize,
        Err(answer) => return answer,
    };
    if let Some(cursor) = call.param("cursor") {
        let Some(after) = read_cursor(cursor) else {
            return Answer::error(400, "invalid_cursor", NOT_OURS);
        };
        return cursor_page(records, records.after(after), limit);
    }
    if let Some(emails) = call.given("email") {
        return match addresses(records, "email", emails) {
            Ok(numbers) => {
                let data = records.array(numbers);
                Answer::text(
                    200,
                    format!("{{\"data\":{data},\"next_cursor\":null,\"has_more\":false}}"),
                )
            }
            Err(answer) => answer,
        };
    }
    match since(call) {
        Ok(since) => cursor_page(records, records.since(since.unwrap_or(i64::MIN)), limit),
        Err(answer) => answer,
    }
}

fn cursor_page(
    records: &Collection,
    mut rest: impl Iterator<Item = (i64, u64)>,
    limit: usize,
) -> Answer {
    let page: Vec<(i64, u64)> = rest.by_ref().take(limit).collect();
    let has_more = rest.next().is_some();
    let next = match page.last() {
        Some(last) if has_more => json!(write_cursor(*last)),
        _ => json!(null),
    };
    let data = records.array(page.into_iter().map(|(_, number)| number));
    Answer::text(
        200,
        format!("{{\"data\":{data},\"next_cursor\":{next},\"has_more\":{has_more}}}"),
    )
}

/// What was deleted, in order of time; cursor paging as for what is there. What was deleted too long ago is forgotten.
pub(crate) fn deleted(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    told_page(world, call, stream, |records, after| {
        let deleted = records.deleted_after(after);
        deleted.map(|(at, number)| {
            let entry = json!({"id": records.id(number), "deleted_at": clock::rfc3339(at, 0)});
            ((at, number), entry)
        })
    })
}

/// What happened to which record, in order of time: the last change of what is there, and what was deleted. Cursor paging
/// as for what was deleted.
pub(crate) fn changes(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    told_page(world, call, stream, |records, after| {
        let mut changed = records.after(after).peekable();
        let mut deleted = records.deleted_after(after).peekable();
        std::iter::from_fn(move || {
            let is_deletion = match (changed.peek(), deleted.peek()) {
                (Some(change), Some(deletion)) => deletion < change,
                (None, deletion) => deletion.is_some(),
                (Some(_), None) => false,
            };
            let (next, kind) = match is_deletion {
                true => (deleted.next(), "deleted"),
                false => (changed.next(), "changed"),
            };
            let (at, number) = next?;
            let entry = json!({
                "contact_id": records.id(number), "kind": kind, "at": clock::rfc3339(at, 0),
            });
            Some(((at, number), entry))
        })
    })
}

/// A page of what the platform tells of the past, from the cursor or the time on that is asked for.
fn told_page<'w, I>(
    world: &'w mut World,
    call: &Call,
    stream: Stream,
    told: impl FnOnce(&'w Collection, (i64, u64)) -> I,
) -> Answer
where
    I: Iterator<Item = ((i64, u64), Value)>,
{
    let limit = match call.number("limit", 50, 1, 200) {
        Ok(limit) => limit as usize,
        Err(answer) => return answer,
    };
    let after = match call.param("cursor").map(read_cursor) {
        Some(None) => return Answer::error(400, "invalid_cursor", NOT_OURS),
        Some(Some(after)) => after,
        None => match time(call, "since") {
            // Numbers begin above 0: nothing of that very moment is left out.
            Ok(since) => (since.unwrap_or(i64::MIN), 0),
            Err(answer) => return answer,
        },
    };
    let oldest = world.clock.now().saturating_sub(world.deletions_kept);
    world.records_mut(stream).forget_deleted(oldest);
    let mut rest = told(world.records(stream), after);
    let (places, data): (Vec<(i64, u64)>, Vec<Value>) = rest.by_ref().take(limit).unzip();
    let has_more = rest.next().is_some();
    let next = places.last().filter(|_| has_more);
    let next = next.map(|last| write_cursor(*last));
    Answer::json(
        200,
        &json!({"data": data, "next_cursor": next, "has_more": has_more}),
    )
}

/// A cursor is the place after a record; the check digits tell a damaged one.
fn write_cursor((updated, number): (i64, u64)) -> String {
    let place = format!("{updated}.{number}");
    URL_SAFE_NO_PAD.encode(format!("{place}.{}", check_digits(&place)))
}

fn read_cursor(cursor: &str) -> Option<(i64, u64)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (place, digits) = text.rsplit_once('.')?;
    let (updated, number) = place.split_once('.')?;
    (digits == check_digits(place)).then_some(())?;
    Some((updated.parse().ok()?, number.parse().ok()?))
}

fn check_digits(place: &str) -> String {
    format!(
        "{:04x}",
        crate::random::Random::new(0, place, 0).below(65_536)
    )
}

/// Pages announced by the `Link` header; the body is a bare array.
pub(crate) fn by_link(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let (page, size) = match (
        call.number("page", 1, 1, u64::MAX),
        call.number("per_page", 50, 1, 100),
    ) {
        (Ok(page), Ok(size)) => (page, size),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let records = world.records(stream);
    let total = records.len() as u64;
    let pages = total.div_ceil(size).max(1);
    let url = |page: u64| {
        format!(
            "<{}{}?page={page}&per_page={size}>",
            world.origin,
            stream.path()
        )
    };
    let mut links = vec![format!("{}; rel=\"first\"", url(1))];
    if page > 1 {
        links.push(format!("{}; rel=\"prev\"", url((page - 1).min(pages))));
    }
    if page < pages {
        links.push(format!("{}; rel=\"next\"", url(page + 1)));
    }
    links.push(format!("{}; rel=\"last\"", url(pages)));
    let body = records.array(window(
        records.order(),
        (page - 1).saturating_mul(size),
        size,
    ));
    Answer::text(200, body)
        .with("link", links.join(", "))
        .with("x-total-count", total.to_string())
}

/// Offset and limit, with the total.
pub(crate) fn by_offset(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let (offset, limit) = match (
        call.number("offset", 0, 0, u64::MAX),
        call.number("limit", 50, 1, 100),
    ) {
        (Ok(offset), Ok(limit)) => (offset, limit),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let records = world.records(stream);
    let since = match since(call) {
        Ok(since) => since,
        Err(answer) => return answer,
    };
    let chosen = chosen(records, since, |_| true);
    let numbers = chosen.as_deref().unwrap_or(records.order());
    let data = records.array(window(numbers, offset, limit));
    let total = numbers.len();
    Answer::text(
        200,
        format!("{{\"data\":{data},\"offset\":{offset},\"limit\":{limit},\"total\":{total}}}"),
    )
}

/// Numbered pages, with their number and the total.
pub(crate) fn by_page(world: &mut World, call: &Call, stream: Stream, _: &Caller) -> Answer {
    let (page, size) = match (
        call.number("page", 1, 1, u64::MAX),
        call.number("per_page", 50, 1, 200),
    ) {
        (Ok(page), Ok(size)) => (page, size),
        (Err(answer), _) | (_, Err(answer)) => return answer,
    };
    let records = world.records(stream);
    let chosen = if stream == Stream::Subscribers {
        match subscribers(records, call) {
            Ok(chosen) => chosen,
            Err(answer) => return answer,
        }
    } else {
        None
    };
    let numbers = chosen.as_deref().unwrap_or(records.order());
    let total = numbers.len() as u64;
    let items = records.array(window(numbers, (page - 1).saturating_mul(size), size));
    let pages = total.div_ceil(size);
    Answer::text(
        200,
        format!("{{\"items\":{items},\"page\":{page},\"pages\":{pages},\"total\":{total}}}"),
    )
}

/// The numbers that the filters leave, in order; None when there is no filter.
fn subscribers(records: &Collection, call: &Call) -> Result<Option<Vec<u64>>, Answer> {
    let wanted: Vec<String> = ["list_id", "status"]
        .into_iter()
        .filter_map(|name| {
            call.param(name)
                .map(|value| format!("\"{name}\":{}", json!(value)))
        })
        .collect();
    let passes = |number: u64| {
        wanted.is_empty()
            || records
                .get(number)
                .is_some_and(|stored| wanted.iter().all(|member| has_member(&stored.json, member)))
    };
    if let Some(emails) = call.given("email_address") {
        let mut numbers = addresses(records, "email_address", emails)?;
        numbers.retain(|number| passes(*number));
        return Ok(Some(numbers));
    }
    let since = since(call)?;
    if wanted.is_empty() && since.is_none() {
        return Ok(None);
    }
    Ok(Some(chosen(records, since, passes).unwrap_or_else(|| {
        records
            .order()
            .iter()
            .copied()
            .filter(|number| passes(*number))
            .collect()
    })))
}

/// Records are kept in one spelling, so a member can be looked for as text. It cannot be met inside another text,
/// because quotes are escaped there.
fn has_member(json: &str, member: &str) -> bool {
    json.contains(&format!(",{member},"))
}

/// The numbers of all records changed from `since` on; None when every record counts.
fn chosen(
    records: &Collection,
    since: Option<i64>,
    passes: impl Fn(u64) -> bool,
) -> Option<Vec<u64>> {
    let since = since?;
    Some(
        records
            .since(since)
            .map(|(_, number)| number)
            .filter(|number| passes(*number))
            .collect(),
    )
}

fn since(call: &Call) -> Result<Option<i64>, Answer> {
    time(call, "updated_since")
}

fn time(call: &Call, name: &'static str) -> Result<Option<i64>, Answer> {
    match call.param(name) {
        None => Ok(None),
        Some(text) => match clock::parse(text) {
            Some(time) => Ok(Some(time)),
            None => Err(Answer::parameter(
                name,
                "must be RFC 3339, like 2026-11-01T00:00:00Z (write + as %2B), or a date",
            )),
        },
    }
}

/// The records with one of these addresses, in the order asked for. An empty filter finds nothing, not everything.
fn addresses(records: &Collection, name: &str, list: &str) -> Result<Vec<u64>, Answer> {
    let wanted: Vec<&str> = list.split(',').collect();
    if wanted.len() > MAX_ADDRESSES {
        return Err(Answer::parameter(name, "holds at most 100 addresses"));
    }
    let mut numbers = Vec::new();
    for address in wanted {
        if let Some(number) = records.by_email(&normal_email(address))
            && !numbers.contains(&number)
        {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

fn window(numbers: &[u64], offset: u64, size: u64) -> impl Iterator<Item = u64> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    numbers.iter().copied().skip(offset).take(size as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_cursor_is_told_from_a_good_one() {
        let cursor = write_cursor((1_700_000_000_000, 10_001));
        assert_eq!(read_cursor(&cursor), Some((1_700_000_000_000, 10_001)));
        let forged = URL_SAFE_NO_PAD.encode("1700000000001.10001.0000");
        assert_eq!(read_cursor(&forged), None);
        assert_eq!(read_cursor("%%%"), None);
        assert_eq!(read_cursor(""), None);
    }
}
