//! Paths in JSON that is still text.

use bytes::Bytes;
use compact_str::CompactString;
use model::json::scan::{self, Stop};
use model::json::{self, JsonError};
use model::row::Row;
use model::value::Value;

use super::{GlobPath, Key, Step, index};

/// Members among which equal names are looked for; more than these are nobody's record.
const FEW: usize = 64;

/// The text of the value at plain steps below a JSON text.
pub fn text_at<'t>(text: &'t [u8], steps: &[CompactString]) -> Option<&'t [u8]> {
    let mut here = text;
    for step in steps {
        let mut found = None;
        let length = length_for(step, here);
        children(here, 0, length, &mut |key, at| {
            let end = scan::value(here, at, 0)?.end;
            let fits = match key {
                Key::Name(name) => step == name,
                Key::Place(place, length) => index(step, length) == Some(place),
            };
            if fits {
                // Of equal names the last one counts.
                found = Some((at, end));
            }
            Ok(end)
        })
        .ok()?;
        let (at, end) = found?;
        here = here.get(at..end)?;
    }
    Some(here)
}

/// How many items a list has, as far as `step` has to know: only numbers from the end do.
fn length_for(step: &str, list: &[u8]) -> usize {
    if list.first() != Some(&b'[') || !step.trim_start().starts_with('-') {
        return usize::MAX;
    }
    let mut count = 0;
    let all = children(list, 0, 0, &mut |_, at| {
        count += 1;
        Ok(scan::value(list, at, 0)?.end)
    });
    all.map_or(0, |_| count)
}

/// Goes through the members or items of the value at `at`. `each` is told where one begins and answers where it ends.
/// Gives the end of the whole.
fn children(
    text: &[u8],
    at: usize,
    length: usize,
    each: &mut dyn FnMut(Key<'_>, usize) -> Result<usize, Stop>,
) -> Result<usize, Stop> {
    let bad = |at| {
        Stop::Bad(JsonError {
            at,
            expected: "a value",
        })
    };
    let closing = match text.get(at) {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        _ => return Ok(scan::value(text, at, 0)?.end),
    };
    let mut here = scan::white_space(text, at + 1);
    if text.get(here) == Some(&closing) {
        return Ok(here + 1);
    }
    for place in 0.. {
        let end = if closing == b'}' {
            let (name_end, escaped) = scan::string(text, here)?;
            let colon = scan::white_space(text, name_end);
            let value_at = scan::white_space(text, colon + 1);
            let quoted = text.get(here..name_end).unwrap_or_default();
            if escaped {
                match json::parse(quoted) {
                    Ok(Value::Text(name)) => each(Key::Name(&name), value_at)?,
                    _ => return Err(bad(here)),
                }
            } else {
                let name = quoted.get(1..quoted.len() - 1).unwrap_or_default();
                let name = str::from_utf8(name).map_err(|_| bad(here))?;
                each(Key::Name(name), value_at)?
            }
        } else {
            each(Key::Place(place, length), here)?
        };
        let after = scan::white_space(text, end);
        match text.get(after) {
            Some(b',') => here = scan::white_space(text, after + 1),
            Some(byte) if *byte == closing => return Ok(after + 1),
            Some(_) => return Err(bad(after)),
            None => return Err(Stop::More),
        }
    }
    Err(bad(here))
}

/// Where a value that was found begins; the answer is where it ends.
type Found<'f> = dyn FnMut(&Bytes, usize) -> Result<usize, Stop> + 'f;

impl GlobPath {
    /// Finds in the JSON text of a body what [`GlobPath::find`] finds in its value, and says where each begins.
    ///
    /// None where the path has a `**`, which needs the value.
    pub(crate) fn visit(&self, text: &Bytes, found: &mut Found<'_>) -> Option<Result<(), Stop>> {
        if self.steps.contains(&Step::Any) {
            return None;
        }
        Some(visit(text, 0, &self.steps, found).map(|_| ()))
    }
}

fn visit(text: &Bytes, at: usize, steps: &[Step], found: &mut Found<'_>) -> Result<usize, Stop> {
    let Some((step, rest)) = steps.split_first() else {
        return found(text, at);
    };
    let length = length_for(step.source(), text.get(at..).unwrap_or_default());
    // Of members of the same name only the last one counts, which is known at the end.
    let mut named: Vec<(CompactString, usize)> = Vec::new();
    let end = children(text, at, length, &mut |key, at| {
        match key {
            _ if !step.fits(key) => {}
            Key::Place(..) => return visit(text, at, rest, found),
            Key::Name(name) => {
                let before = named.iter_mut().take(FEW).find(|(known, _)| known == name);
                match before {
                    Some((_, slot)) => *slot = at,
                    None => named.push((name.into(), at)),
                }
            }
        }
        Ok(scan::value(text, at, 0)?.end)
    })?;
    for (_, at) in named {
        visit(text, at, rest, found)?;
    }
    Ok(end)
}

/// Adds the items of the list that begins at `at`, and says where it ends.
pub(crate) fn add_items(text: &Bytes, at: usize, rows: &mut Vec<Row>) -> Result<usize, Stop> {
    children(text, at, 0, &mut |_, at| {
        let (row, end) = Row::scan(text, at, 0)?;
        rows.push(row);
        Ok(end)
    })
}
