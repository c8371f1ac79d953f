//! A JSON answer, taken apart while it comes in.
//!
//! The records of most platforms stand in one list of the answer. They are found as the bytes arrive and handed
//! on as [`Row`]s that share those bytes; of the rest (the *frame*: counts, tokens, links) only what somebody will
//! ask for is read. Nothing is held twice.
//!
//! Terms: `path` leads from the top of a *body* to its records. A list at the top is a list of bodies, as the
//! low-code format has it, so that an answer that is a list has its items for records when the path is empty.

use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use model::json;
use model::json::scan::{self, Stop};
use model::row::Row;
use model::value::{Object, Value};

use super::DecodeError;
use super::charset::after_mark;

/// Largest single value of an answer (a record, a member of the frame), in bytes.
pub const LARGEST_VALUE: usize = 64 * 1024 * 1024;

/// What of an answer is kept beside its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: nobody asks.
    Nothing,
    /// Everything but the records.
    Frame,
    /// Everything, records included: a template looks into them.
    All,
}

/// Takes one answer apart.
#[derive(Debug)]
pub struct JsonBody {
    path: Vec<CompactString>,
    keep: Keep,
    /// Bytes that are not understood yet, for the value that they begin has not ended.
    pending: BytesMut,
    /// No use in looking again before there are this many.
    look_again_at: usize,
    /// How many bytes came before the pending ones, for complaints.
    passed: usize,
    place: Place,
    /// The objects that are open on the way to the records.
    frames: Vec<Object>,
    response: Option<Value>,
    /// The records, where they are kept.
    kept: Vec<Value>,
    list_found: bool,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Start,
    Member { first: bool },
    AfterMember,
    Item { first: bool },
    AfterItem,
    End,
}

enum Step {
    /// Go on at this byte.
    At(usize),
    More,
}

type Stepped = Result<Step, Stop>;

impl JsonBody {
    /// For records at `path`: member names, from the top.
    pub fn new(path: Vec<CompactString>, keep: Keep) -> Self {
        Self {
            path,
            keep,
            pending: BytesMut::new(),
            look_again_at: 0,
            passed: 0,
            place: Place::Start,
            frames: Vec::new(),
            response: None,
            kept: Vec::new(),
            list_found: false,
        }
    }

    /// Takes the next bytes and adds the records that are complete with them.
    pub fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        if self.pending.is_empty() {
            return self.look(chunk, false, rows);
        }
        self.pending.extend_from_slice(&chunk);
        if self.pending.len() < self.look_again_at {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.pending).freeze();
        self.look(bytes, false, rows)
    }

    /// There is no more: adds the last records, and gives what templates call `response`.
    pub fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Value, DecodeError> {
        let bytes = std::mem::take(&mut self.pending).freeze();
        self.look(bytes, true, rows)?;
        match self.place {
            // An empty answer has no records and is no mistake.
            Place::Start => Ok(Value::Object(Object::new())),
            Place::End => Ok(self
                .response
                .take()
                .unwrap_or_else(|| Value::Object(Object::new()))),
            _ => Err(DecodeError::NotJson {
                at: self.passed,
                expected: "the rest of the answer",
            }),
        }
    }

    fn look(&mut self, bytes: Bytes, last: bool, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let mut at = 0;
        loop {
            at = scan::white_space(&bytes, at);
            if at >= bytes.len() {
                break;
            }
            let step = match self.place {
                Place::Start => self.start(&bytes, at, last, rows),
                Place::Member { first } => self.member(&bytes, at, first, last, rows),
                Place::AfterMember => self.after_member(&bytes, at),
                Place::Item { first } => self.item(&bytes, at, first, last, rows),
                Place::AfterItem => self.after_item(&bytes, at),
                Place::End => Err(bad(at, "the end of the answer")),
            };
            match step {
                Ok(Step::At(next)) => at = next,
                Ok(Step::More) | Err(Stop::More) => break,
                Err(Stop::Bad(error)) => {
                    return Err(DecodeError::NotJson {
                        at: self.passed + error.at,
                        expected: error.expected,
                    });
                }
            }
        }
        let left = bytes.len() - at.min(bytes.len());
        self.passed += bytes.len() - left;
        if left > LARGEST_VALUE {
            return Err(DecodeError::TooLarge {
                what: "one value of the answer",
                limit: LARGEST_VALUE,
            });
        }
        if left > 0 && last {
            return Err(DecodeError::NotJson {
                at: self.passed + left,
                expected: "the rest of the answer",
            });
        }
        self.pending = BytesMut::from(bytes.get(at..).unwrap_or_default());
        self.look_again_at = left * 2;
        Ok(())
    }

    /// A value that is read whole. A number at the end of what is there may go on.
    fn whole(bytes: &Bytes, at: usize, depth: usize, last: bool) -> Result<(Row, usize), Stop> {
        let (row, end) = Row::scan(bytes, at, depth)?;
        let may_go_on = !matches!(bytes.get(end - 1), Some(b'"' | b'}' | b']'));
        if end == bytes.len() && !last && may_go_on {
            return Err(Stop::More);
        }
        Ok((row, end))
    }

    fn start(&mut self, bytes: &Bytes, at: usize, last: bool, rows: &mut Vec<Row>) -> Stepped {
        if let Some(after) = after_mark(bytes, at)? {
            return Ok(Step::At(after));
        }
        match (bytes.get(at), self.path.is_empty()) {
            (Some(b'['), _) => {
                self.place = Place::Item { first: true };
                Ok(Step::At(at + 1))
            }
            (Some(b'{'), false) => {
                self.frames.push(Object::new());
                self.place = Place::Member { first: true };
                Ok(Step::At(at + 1))
            }
            _ => {
                let (row, end) = Self::whole(bytes, at, 0, last)?;
                self.body(row, rows);
                self.place = Place::End;
                Ok(Step::At(end))
            }
        }
    }

    /// A whole body: what stands at the path in it are records.
    fn body(&mut self, row: Row, rows: &mut Vec<Row>) {
        if self.response.is_none() && self.keep != Keep::Nothing {
            self.response = Some(row.to_value());
        }
        if self.path.is_empty() {
            take_records(row, rows);
            return;
        }
        let Some(first) = self.path.first() else {
            return;
        };
        let mut found = row.get(first);
        for name in self.path.iter().skip(1) {
            found = found.and_then(|value| step_into(value, name));
        }
        if let Some(found) = found {
            take_records(Row::from(found), rows);
        }
    }

    fn member(
        &mut self,
        bytes: &Bytes,
        at: usize,
        first: bool,
        last: bool,
        rows: &mut Vec<Row>,
    ) -> Stepped {
        match bytes.get(at) {
            Some(b'}') if first => return Ok(self.close(at)),
            Some(b'"') => {}
            _ => return Err(bad(at, "a member name in quotes")),
        }
        let (name_end, escaped) = scan::string(bytes, at)?;
        let colon = scan::white_space(bytes, name_end);
        match bytes.get(colon) {
            Some(b':') => {}
            Some(_) => return Err(bad(colon, ":")),
            None => return Ok(Step::More),
        }
        let value_at = scan::white_space(bytes, colon + 1);
        let Some(&opening) = bytes.get(value_at) else {
            return Ok(Step::More);
        };
        let name: CompactString = if escaped {
            match json::parse(bytes.get(at..name_end).unwrap_or_default()) {
                Ok(Value::Text(name)) => name,
                _ => return Err(bad(at, "a member name in UTF-8")),
            }
        } else {
            let name = bytes.get(at + 1..name_end - 1).unwrap_or_default();
            str::from_utf8(name)
                .map_err(|_| bad(at, "a member name in UTF-8"))?
                .into()
        };
        let level = self.frames.len();
        let on_the_way = self.path.get(level - 1) == Some(&name);
        if on_the_way && !self.list_found {
            if level == self.path.len() && opening == b'[' {
                self.list_found = true;
                self.place = Place::Item { first: true };
                return Ok(Step::At(value_at + 1));
            }
            if level < self.path.len() && opening == b'{' {
                self.frames.push(Object::new());
                self.place = Place::Member { first: true };
                return Ok(Step::At(value_at + 1));
            }
            // Not a list after all: one record, or none; or a list on the way, which has no names.
            let (row, end) = Self::whole(bytes, value_at, level, last)?;
            if self.keep != Keep::Nothing {
                self.keep_member(&name, row.to_value());
            }
            let mut found = Some(row.into_value());
            for name in self.path.iter().skip(level) {
                found = found.and_then(|value| step_into(value, name));
            }
            if let Some(found) = found {
                take_records(Row::from(found), rows);
            }
            self.place = Place::AfterMember;
            return Ok(Step::At(end));
        }
        let end = if self.keep == Keep::Nothing {
            let end = scan::value(bytes, value_at, level)?.end;
            let may_go_on = !matches!(bytes.get(end - 1), Some(b'"' | b'}' | b']'));
            if end == bytes.len() && !last && may_go_on {
                return Ok(Step::More);
            }
            end
        } else {
            let (row, end) = Self::whole(bytes, value_at, level, last)?;
            self.keep_member(&name, row.into_value());
            end
        };
        self.place = Place::AfterMember;
        Ok(Step::At(end))
    }

    fn keep_member(&mut self, name: &str, value: Value) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(name, value);
        }
    }

    /// The innermost open object ends at `at`.
    fn close(&mut self, at: usize) -> Step {
        let closed = self.frames.pop().unwrap_or_default();
        let name = self
            .frames
            .len()
            .checked_sub(1)
            .and_then(|level| self.path.get(level))
            .cloned();
        match (self.frames.last_mut(), name) {
            (Some(frame), Some(name)) => {
                if self.keep != Keep::Nothing {
                    frame.insert(name, Value::Object(closed));
                }
                self.place = Place::AfterMember;
            }
            _ => {
                if self.keep != Keep::Nothing {
                    self.response = Some(Value::Object(closed));
                }
                self.place = Place::End;
            }
        }
        Step::At(at + 1)
    }

    fn after_member(&mut self, bytes: &Bytes, at: usize) -> Stepped {
        match bytes.get(at) {
            Some(b',') => {
                self.place = Place::Member { first: false };
                Ok(Step::At(at + 1))
            }
            Some(b'}') => Ok(self.close(at)),
            _ => Err(bad(at, ", or }")),
        }
    }

    fn item(
        &mut self,
        bytes: &Bytes,
        at: usize,
        first: bool,
        last: bool,
        rows: &mut Vec<Row>,
    ) -> Stepped {
        if first && bytes.get(at) == Some(&b']') {
            return Ok(self.close_list(at));
        }
        let (row, end) = Self::whole(bytes, at, self.frames.len() + 1, last)?;
        if self.frames.is_empty() {
            // A list at the top: each item is a body of its own.
            self.body(row, rows);
        } else {
            if self.keep == Keep::All {
                self.kept.push(row.to_value());
            }
            rows.push(row);
        }
        self.place = Place::AfterItem;
        Ok(Step::At(end))
    }

    fn after_item(&mut self, bytes: &Bytes, at: usize) -> Stepped {
        match bytes.get(at) {
            Some(b',') => {
                self.place = Place::Item { first: false };
                Ok(Step::At(at + 1))
            }
            Some(b']') => Ok(self.close_list(at)),
            _ => Err(bad(at, ", or ]")),
        }
    }

    fn close_list(&mut self, at: usize) -> Step {
        if self.frames.is_empty() {
            self.place = Place::End;
        } else {
            if self.keep != Keep::Nothing
                && let Some(name) = self.path.last().cloned()
            {
                let kept = std::mem::take(&mut self.kept);
                self.keep_member(&name, Value::List(kept));
            }
            self.place = Place::AfterMember;
        }
        Step::At(at + 1)
    }
}

const fn bad(at: usize, expected: &'static str) -> Stop {
    Stop::Bad(json::JsonError { at, expected })
}

/// One step down: a member of an object, an item of a list by its number.
fn step_into(value: Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(mut object) => object.remove(name),
        Value::List(mut items) => {
            let place: usize = name.parse().ok()?;
            (place < items.len()).then(|| items.swap_remove(place))
        }
        _ => None,
    }
}

/// A list is its items, anything else that is not empty is one record.
pub fn take_records(found: Row, rows: &mut Vec<Row>) {
    if found.is_object() {
        if !found.is_empty_object() {
            rows.push(found);
        }
        return;
    }
    match found.into_value() {
        Value::List(items) => rows.extend(items.into_iter().map(Row::from)),
        value if is_truthy(&value) => rows.push(Row::from(value)),
        _ => {}
    }
}

/// What Python calls true.
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::Int(n) => *n != 0,
        Value::UInt(n) => *n != 0,
        Value::Float(float) => *float != 0.0,
        Value::Decimal(decimal) => decimal.to_f64() != 0.0,
        Value::Bytes(bytes) => !bytes.is_empty(),
        other => !other.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(
        path: &[&str],
        keep: Keep,
        text: &str,
        cuts: usize,
    ) -> Result<(String, String), String> {
        let path = path.iter().map(|name| (*name).into()).collect();
        let mut body = JsonBody::new(path, keep);
        let mut rows = Vec::new();
        let mut all = || {
            for chunk in text.as_bytes().chunks(cuts) {
                body.push(Bytes::copy_from_slice(chunk), &mut rows)?;
            }
            body.finish(&mut rows)
        };
        let response = all().map_err(|error| error.to_string())?;
        let rows: Vec<String> = rows
            .iter()
            .map(|row| String::from_utf8(row.to_json()).unwrap())
            .collect();
        Ok((rows.join(" "), json::to_string(&response)))
    }

    /// The same however the bytes are cut.
    fn check(path: &[&str], keep: Keep, text: &str, rows: &str, response: &str) {
        for cuts in 1..=text.len().max(1) {
            assert_eq!(
                read(path, keep, text, cuts),
                Ok((rows.to_owned(), response.to_owned())),
                "{text} in pieces of {cuts}"
            );
        }
    }

    #[test]
    fn records_are_found_at_their_path() {
        check(
            &[],
            Keep::Nothing,
            r#"[{"a":1}, {"a":2}]"#,
            r#"{"a":1} {"a":2}"#,
            "{}",
        );
        check(
            &[],
            Keep::Frame,
            r#"[{"a":1}, {"a":2}]"#,
            r#"{"a":1} {"a":2}"#,
            r#"{"a":1}"#,
        );
        check(&[], Keep::Frame, r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":1}"#);
        let page = r#"{"meta": {"next": "x\"", "n": 12}, "data": {"items": [{"a":1.10}, {"b":[1,2]}], "k": null}, "z":-3}"#;
        check(
            &["data", "items"],
            Keep::Frame,
            page,
            r#"{"a":1.10} {"b":[1,2]}"#,
            r#"{"meta":{"next":"x\"","n":12},"data":{"items":[],"k":null},"z":-3}"#,
        );
        check(
            &["data", "items"],
            Keep::All,
            page,
            r#"{"a":1.10} {"b":[1,2]}"#,
            r#"{"meta":{"next":"x\"","n":12},"data":{"items":[{"a":1.10},{"b":[1,2]}],"k":null},"z":-3}"#,
        );
        check(
            &["data", "items"],
            Keep::Nothing,
            page,
            r#"{"a":1.10} {"b":[1,2]}"#,
            "{}",
        );
        check(
            &["meta"],
            Keep::Nothing,
            page,
            r#"{"next":"x\"","n":12}"#,
            "{}",
        );
        check(&["z"], Keep::Nothing, page, "-3", "{}");
        check(&["data", "k"], Keep::Nothing, page, "", "{}");
        check(&["nowhere"], Keep::Nothing, page, "", "{}");
        check(&["meta", "nowhere"], Keep::Nothing, page, "", "{}");
    }

    #[test]
    fn a_list_at_the_top_is_a_list_of_bodies() {
        let text = r#"[{"d":[{"a":1}],"n":1},{"d":{"a":2}},{"d":[]}]"#;
        check(
            &["d"],
            Keep::Frame,
            text,
            r#"{"a":1} {"a":2}"#,
            r#"{"d":[{"a":1}],"n":1}"#,
        );
        check(
            &[],
            Keep::Nothing,
            "[[{\"a\":1}],[],{}]",
            r#"{"a":1}"#,
            "{}",
        );
    }

    #[test]
    fn an_empty_answer_has_no_records() {
        check(&[], Keep::Frame, "", "", "{}");
        check(&["a"], Keep::Frame, "  ", "", "{}");
        check(&["a"], Keep::Frame, "[]", "", "{}");
        check(&["a"], Keep::Frame, "{}", "", "{}");
        check(&[], Keep::Frame, "7", "7", "7");
    }

    #[test]
    fn what_is_not_json_is_named() {
        for (text, at) in [
            ("<html>", 0),
            ("{\"d\":[{\"a\":1},]}", 14),
            ("{\"d\":[{\"a\":1}", 13),
            ("{\"d\":[]} x", 9),
            ("{\"d\":[],}", 8),
            ("{\"d\":[1 2]}", 8),
            ("{\"d\":[{\"a\":01}]}", 11),
        ] {
            for cuts in 1..=text.len() {
                let error = read(&["d"], Keep::Frame, text, cuts).unwrap_err();
                assert!(
                    error.contains(&format!("byte {at}")),
                    "{text} {cuts}: {error}"
                );
            }
        }
    }

    #[test]
    fn a_value_that_never_ends_is_refused() {
        let mut body = JsonBody::new(vec!["d".into()], Keep::Nothing);
        let mut rows = Vec::new();
        let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
        body.push(Bytes::from_static(b"{\"d\":[\""), &mut rows)
            .unwrap();
        let error = (0..200).find_map(|_| body.push(megabyte.clone(), &mut rows).err());
        assert!(matches!(error, Some(DecodeError::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            text in r#"(\{"d":\[(\{"a":(1|"x"|\[\]|tru)\},?){0,3}\],"n":[0-9]{1,3}\}|[\[\]{}"d:a1, ]{0,16})"#,
            cuts in 1_usize..9,
        ) {
            let path = &["d"];
            prop_assert_eq!(
                read(path, Keep::All, &text, cuts).ok(),
                read(path, Keep::All, &text, text.len().max(1)).ok()
            );
        }
    }
}
