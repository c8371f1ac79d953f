//! Finds where a JSON value ends without building it, in bytes that may not all be there yet.
//!
//! The check is complete: what [`value`] lets pass, [`super::parse`] reads (numbers of more than
//! [`crate::number::MAX_DIGITS`] characters apart, which are refused here too). Only UTF-8 within strings is left
//! to the caller, who checks a whole record at once.

use super::{JsonError, MAX_DEPTH};
use crate::number::MAX_DIGITS;

/// Why a scan came to no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The bytes end before the value does: try again from the same place when there are more.
    More,
    /// This is not JSON, however it goes on.
    Bad(JsonError),
}

/// What a value turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Where it ends.
    pub end: usize,
    /// Whether there is white space between its parts.
    pub has_space: bool,
}

const fn bad(at: usize, expected: &'static str) -> Stop {
    Stop::Bad(JsonError { at, expected })
}

/// The first place at or after `at` that is not white space.
pub fn white_space(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// How many bytes from `at` need no attention in a string: no quote, backslash or control character.
/// Eight at a time.
pub(super) fn plain_length(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let mut length = 0;
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let zero_at = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
        let quote = zero_at(word ^ (ONES * b'"' as u64));
        let backslash = zero_at(word ^ (ONES * b'\\' as u64));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let found = quote | backslash | control;
        if found != 0 {
            return length + (found.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    for &byte in tail {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            return length;
        }
        length += 1;
    }
    length
}

/// A string: `at` is its opening quote, the answer the place after its closing one, and whether it has escapes.
pub fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), Stop> {
    let mut at = at + 1;
    let mut escaped = false;
    loop {
        at += plain_length(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok((at + 1, escaped)),
            Some(b'\\') => {
                escaped = true;
                match bytes.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                    Some(b'u') => {
                        for n in 2..6 {
                            match bytes.get(at + n) {
                                Some(byte) if byte.is_ascii_hexdigit() => {}
                                Some(_) => return Err(bad(at + 2, "four hexadecimal digits")),
                                None => return Err(Stop::More),
                            }
                        }
                        at += 6;
                    }
                    Some(_) => return Err(bad(at + 1, "an escape such as \\n")),
                    None => return Err(Stop::More),
                }
            }
            Some(_) => return Err(bad(at, "no control characters in a string")),
            None => return Err(Stop::More),
        }
    }
}

fn number(bytes: &[u8], start: usize) -> Result<usize, Stop> {
    let wrong = || bad(start, "a number of at most 400 characters");
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    // A number at the end of what is there may go on.
    let ended = |at: usize| {
        if at < bytes.len() {
            wrong()
        } else {
            Stop::More
        }
    };
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    match bytes.get(at) {
        Some(b'0') => at += 1,
        Some(b'1'..=b'9') => {
            while digit(at) {
                at += 1;
            }
        }
        _ => return Err(ended(at)),
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        if !digit(at) {
            return Err(ended(at));
        }
        while digit(at) {
            at += 1;
        }
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        if !digit(at) {
            return Err(ended(at));
        }
        while digit(at) {
            at += 1;
        }
    }
    if at - start > MAX_DIGITS || digit(at) {
        return Err(wrong());
    }
    Ok(at)
}

fn word(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, Stop> {
    let there = bytes.get(at..).unwrap_or_default();
    if there.starts_with(word) {
        Ok(at + word.len())
    } else if word.starts_with(there) {
        Err(Stop::More)
    } else {
        Err(bad(at, "true, false or null"))
    }
}

fn scalar(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at).map(|(end, _)| end),
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(_) => Err(bad(at, "a value")),
        None => Err(Stop::More),
    }
}

/// The text of the member called `name` of an object's text; the last one of that name, as in every common reader.
pub fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    if object.first() != Some(&b'{') {
        return None;
    }
    let mut found = None;
    let mut at = white_space(object, 1);
    while object.get(at) == Some(&b'"') {
        let (name_end, escaped) = string(object, at).ok()?;
        let here = object.get(at + 1..name_end - 1)?;
        let value_at = white_space(object, white_space(object, name_end) + 1);
        let end = value(object, value_at, 0).ok()?.end;
        let is_it = match escaped {
            false => here == name.as_bytes(),
            true => super::parse(object.get(at..name_end)?).ok()?.as_text() == Some(name),
        };
        if is_it {
            found = object.get(value_at..end);
        }
        at = white_space(object, end);
        if object.get(at) != Some(&b',') {
            break;
        }
        at = white_space(object, at + 1);
    }
    found
}

/// The value that begins at `at` (which must not be white space), `depth` levels down.
///
/// A number at the very end of `bytes` counts as ended: the caller knows whether more may come.
pub fn value(bytes: &[u8], at: usize, depth: usize) -> Result<Scanned, Stop> {
    match bytes.get(at) {
        Some(b'{' | b'[') => container(bytes, at, depth),
        _ => scalar(bytes, at).map(|end| Scanned {
            end,
            has_space: false,
        }),
    }
}

fn container(bytes: &[u8], start: usize, depth: usize) -> Result<Scanned, Stop> {
    // One bit for each open level: 1 for an object. Never deeper than the bits of a u128.
    let mut objects: u128 = 0;
    let mut open = 0;
    let mut at = start;
    let mut has_space = false;
    let mut skip = |at: usize| {
        let next = white_space(bytes, at);
        has_space |= next != at;
        next
    };
    let member = |at: usize, skip: &mut dyn FnMut(usize) -> usize| -> Result<usize, Stop> {
        match bytes.get(at) {
            Some(b'"') => {}
            Some(_) => return Err(bad(at, "a member name in quotes")),
            None => return Err(Stop::More),
        }
        let (end, _) = string(bytes, at)?;
        let colon = skip(end);
        match bytes.get(colon) {
            Some(b':') => Ok(skip(colon + 1)),
            Some(_) => Err(bad(colon, ":")),
            None => Err(Stop::More),
        }
    };
    'value: loop {
        match bytes.get(at) {
            Some(first @ (b'{' | b'[')) => {
                if depth + open > MAX_DEPTH || open >= 127 {
                    return Err(bad(at, "less than 128 levels of nesting"));
                }
                let is_object = *first == b'{';
                at = skip(at + 1);
                let empty = if is_object { b'}' } else { b']' };
                match bytes.get(at) {
                    Some(byte) if *byte == empty => {
                        at += 1;
                        if open == 0 {
                            return Ok(Scanned { end: at, has_space });
                        }
                    }
                    Some(_) => {
                        open += 1;
                        objects = objects << 1 | u128::from(is_object);
                        if is_object {
                            at = member(at, &mut skip)?;
                        }
                        continue 'value;
                    }
                    None => return Err(Stop::More),
                }
            }
            _ => at = scalar(bytes, at)?,
        }
        // A value has ended: what comes after it?
        loop {
            at = skip(at);
            let in_object = objects & 1 == 1;
            match (bytes.get(at), in_object) {
                (Some(b','), true) => {
                    at = skip(at + 1);
                    at = member(at, &mut skip)?;
                    continue 'value;
                }
                (Some(b','), false) => {
                    at = skip(at + 1);
                    continue 'value;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    at += 1;
                    objects >>= 1;
                    open -= 1;
                    if open == 0 {
                        return Ok(Scanned { end: at, has_space });
                    }
                }
                (Some(_), true) => return Err(bad(at, ", or }")),
                (Some(_), false) => return Err(bad(at, ", or ]")),
                (None, _) => return Err(Stop::More),
            }
        }
    }
}

/// Appends JSON without the white space between its parts. `bytes` must have been scanned.
pub fn write_compact(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'"' => {
                let end = string(bytes, at).map_or(bytes.len(), |(end, _)| end);
                out.extend_from_slice(bytes.get(at..end).unwrap_or_default());
                at = end;
            }
            _ => {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"'))
                    .unwrap_or(rest.len());
                out.extend_from_slice(rest.get(..length).unwrap_or_default());
                at += length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Result<(), Stop> {
        let bytes = text.as_bytes();
        let at = white_space(bytes, 0);
        let end = value(bytes, at, 0)?.end;
        let end = white_space(bytes, end);
        if end < bytes.len() {
            return Err(bad(end, "the end of the document"));
        }
        Ok(())
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        for (text, end) in [
            ("1,", 1),
            ("-1.5e+3]", 7),
            ("\"a\\\"b\" ", 6),
            ("{\"a\" : [ {} , [] ]}x", 19),
            ("[]", 2),
            ("nullx", 4),
        ] {
            assert_eq!(value(text.as_bytes(), 0, 0).unwrap().end, end, "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_wants_more_and_what_is_wrong_does_not() {
        let text = r#"{"a\u00e9": [1.5e-3, "x\"y", true, null, {"b": {}}], "c": -2}"#;
        for cut in 1..text.len() {
            let got = value(&text.as_bytes()[..cut], 0, 0);
            assert_eq!(got, Err(Stop::More), "{}", &text[..cut]);
        }
        for text in [
            "{a",
            "[1,]",
            "{\"a\" 1}",
            "[01]",
            "[tru ",
            "\"\\x",
            "[\"\u{1}",
            "[1 2",
        ] {
            assert!(
                matches!(value(text.as_bytes(), 0, 0), Err(Stop::Bad(_))),
                "{text}"
            );
        }
        let deep = "[".repeat(1000);
        assert!(matches!(value(deep.as_bytes(), 0, 0), Err(Stop::Bad(_))));
    }

    #[test]
    fn white_space_goes_and_text_stays() {
        let mut out = Vec::new();
        write_compact(&mut out, b"{ \"a b\" :\n [ 1 , \"c \\\" d\" ] }");
        assert_eq!(out, b"{\"a b\":[1,\"c \\\" d\"]}");
    }

    proptest! {
        #[test]
        fn scanning_agrees_with_reading(text in r#"[\[\]{},:"a0-9.e \\ntrufalsn-]{0,24}"#) {
            let read = super::super::parse(text.as_bytes());
            prop_assert_eq!(read.is_ok(), whole(&text).is_ok(), "{}", text);
        }

        #[test]
        fn any_bytes_are_scanned_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = value(&bytes, 0, 0);
            let mut out = Vec::new();
            write_compact(&mut out, &bytes);
        }

        #[test]
        fn plain_length_finds_the_first_byte_that_matters(text in "[a-z\"\\\\\u{1}é]{0,40}") {
            let slow = text.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20).unwrap_or(text.len());
            prop_assert_eq!(plain_length(text.as_bytes(), 0), slow);
        }
    }
}
