//! The records of one stream.
//!
//! Records are kept as the JSON text that goes out, with just enough beside it to find and order them: a listing of
//! 100,000 contacts joins texts and sorts nothing. Ids are a prefix and a number; the number is the creation order.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    clock,
    schema::{
        Schema,
        forms::{is_email, normal_email},
    },
};

/// What is fixed about a stream.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) stream: &'static str,
    /// For messages: "there is no contact ct_9".
    pub(crate) singular: &'static str,
    pub(crate) prefix: &'static str,
    /// Ids that are words instead of numbers, in creation order.
    pub(crate) words: &'static [&'static str],
    /// None: read-only stream.
    pub(crate) schema: Option<&'static Schema>,
    /// Whether records carry a version (and so an ETag).
    pub(crate) versioned: bool,
    /// Whether the platform tells what was deleted.
    pub(crate) tells_deleted: bool,
    /// A member that is written with two decimals.
    pub(crate) two_decimals: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) json: Arc<str>,
    /// Milliseconds since 1970; exactly what `updated_at` says.
    pub(crate) updated: i64,
    /// The offset in which this record writes its times.
    pub(crate) offset: i16,
    pub(crate) version: u64,
    /// The normal form of the e-mail address, when it is a valid one.
    email: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) kind: &'static Kind,
    next: u64,
    records: HashMap<u64, Stored>,
    /// All numbers, ascending.
    order: Vec<u64>,
    by_updated: BTreeSet<(i64, u64)>,
    by_email: HashMap<Arc<str>, u64>,
    /// When which record was deleted, in that order; empty where the platform does not tell.
    deleted: BTreeSet<(i64, u64)>,
}

impl Collection {
    pub(crate) fn new(kind: &'static Kind, first: u64) -> Self {
        Self {
            kind,
            next: first,
            records: HashMap::new(),
            order: Vec::new(),
            by_updated: BTreeSet::new(),
            by_email: HashMap::new(),
            deleted: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The number that the next new record will have.
    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    pub(crate) fn skip_to(&mut self, next: u64) {
        self.next = self.next.max(next);
    }

    pub(crate) fn id(&self, number: u64) -> String {
        match usize::try_from(number)
            .ok()
            .and_then(|index| self.kind.words.get(index))
        {
            Some(word) => format!("{}{word}", self.kind.prefix),
            None => format!("{}{number}", self.kind.prefix),
        }
    }

    /// The number of an id that has the right form and exists.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        let rest = id.strip_prefix(self.kind.prefix)?;
        let number = match self.kind.words.iter().position(|word| *word == rest) {
            Some(index) => index as u64,
            None => rest.parse().ok()?,
        };
        (self.records.contains_key(&number) && self.id(number) == id).then_some(number)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Stored> {
        self.records.get(&number)
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<u64> {
        self.by_email.get(normal_email(email).as_str()).copied()
    }

    pub(crate) fn record(&self, number: u64) -> Option<Map<String, Value>> {
        let stored = self.records.get(&number)?;
        serde_json::from_str(&stored.json).ok()
    }

    /// All numbers in creation order.
    pub(crate) fn order(&self) -> &[u64] {
        &self.order
    }

    /// In order of `updated_at`, then creation; strictly after `after`.
    pub(crate) fn after(&self, after: (i64, u64)) -> impl Iterator<Item = (i64, u64)> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        self.by_updated.range((Excluded(after), Unbounded)).copied()
    }

    /// In order of `updated_at`, then creation; from that time on, inclusive.
    pub(crate) fn since(&self, since: i64) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.by_updated.range((since, 0)..).copied()
    }

    /// The last change first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_updated.iter().rev().map(|(_, number)| *number)
    }

    /// A new record; fills the members that only the platform writes. Gives its number.
    pub(crate) fn create(&mut self, mut record: Map<String, Value>, now: i64, offset: i16) -> u64 {
        let number = self.next;
        let time = json!(clock::rfc3339(now, offset));
        record.insert("id".into(), json!(self.id(number)));
        if record.contains_key("serial") {
            record.insert("serial".into(), json!(serial(number)));
        }
        record.insert("created_at".into(), time);
        self.put(number, record, now, offset, 1);
        number
    }

    /// Takes over a changed record: next version, new time.
    pub(crate) fn change(&mut self, number: u64, record: Map<String, Value>, now: i64) {
        let Some(stored) = self.records.get(&number) else {
            return;
        };
        let (offset, version) = (stored.offset, stored.version + 1);
        self.put(number, record, now, offset, version);
    }

    /// Stores a record under its number, as it is but for `version` and `updated_at`.
    pub(crate) fn put(
        &mut self,
        number: u64,
        mut record: Map<String, Value>,
        updated: i64,
        offset: i16,
        version: u64,
    ) {
        if self.kind.versioned {
            record.insert("version".into(), json!(version));
        }
        record.insert("updated_at".into(), json!(clock::rfc3339(updated, offset)));
        self.remove(number);
        let email: Option<Arc<str>> = self
            .kind
            .schema
            .and_then(|schema| schema.match_by)
            .and_then(|field| record.get(field))
            .and_then(Value::as_str)
            .filter(|text| is_email(text.trim()))
            .map(|text| normal_email(text).into());
        if let Some(email) = &email {
            self.by_email.insert(Arc::clone(email), number);
        }
        let json = self.encode(&record).into();
        self.records.insert(
            number,
            Stored {
                json,
                updated,
                offset,
                version,
                email,
            },
        );
        match self.order.last() {
            Some(last) if *last >= number => {
                if let Err(at) = self.order.binary_search(&number) {
                    self.order.insert(at, number);
                }
            }
            _ => self.order.push(number),
        }
        self.by_updated.insert((updated, number));
        self.next = self.next.max(number + 1);
    }

    /// Takes a record away for good; false when there was none.
    pub(crate) fn delete(&mut self, number: u64, now: i64) -> bool {
        let is_gone = self.remove(number);
        if is_gone && self.kind.tells_deleted {
            self.deleted.insert((now, number));
        }
        is_gone
    }

    /// What was deleted, in order of time, then creation; strictly after `after`.
    pub(crate) fn deleted_after(&self, after: (i64, u64)) -> impl Iterator<Item = (i64, u64)> + '_ {
        use std::ops::Bound::{Excluded, Unbounded};
        self.deleted.range((Excluded(after), Unbounded)).copied()
    }

    /// Takes over what was deleted in an earlier life.
    pub(crate) fn remember_deleted(&mut self, number: u64, at: i64) {
        self.deleted.insert((at, number));
        self.next = self.next.max(number.saturating_add(1));
    }

    /// Forgets what was deleted before `oldest`.
    pub(crate) fn forget_deleted(&mut self, oldest: i64) {
        self.deleted = self.deleted.split_off(&(oldest, 0));
    }

    /// False when there was none.
    fn remove(&mut self, number: u64) -> bool {
        let Some(stored) = self.records.remove(&number) else {
            return false;
        };
        if let Ok(at) = self.order.binary_search(&number) {
            self.order.remove(at);
        }
        self.by_updated.remove(&(stored.updated, number));
        if let Some(email) = &stored.email
            && self.by_email.get(email) == Some(&number)
        {
            self.by_email.remove(email);
        }
        true
    }

    /// The texts of these records as a JSON array.
    pub(crate) fn array(&self, numbers: impl IntoIterator<Item = u64>) -> String {
        let mut out = String::from("[");
        for number in numbers {
            if let Some(stored) = self.records.get(&number) {
                if out.len() > 1 {
                    out.push(',');
                }
                out.push_str(&stored.json);
            }
        }
        out.push(']');
        out
    }

    fn encode(&self, record: &Map<String, Value>) -> String {
        let mut out = String::with_capacity(1400);
        out.push('{');
        for (name, value) in record {
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&Value::String(name.clone()).to_string());
            out.push(':');
            match value.as_f64() {
                Some(number) if self.kind.two_decimals == Some(name.as_str()) => {
                    out.push_str(&format!("{number:.2}"));
                }
                _ => out.push_str(&value.to_string()),
            }
        }
        out.push('}');
        out
    }
}

/// A second key of Harbor's contacts: above 2^53, where a double loses the last digit.
pub(crate) fn serial(number: u64) -> u64 {
    9_007_199_254_740_993 + number
}

#[cfg(test)]
mod tests {
    use super::*;

    static KIND: Kind = Kind {
        stream: "things",
        singular: "thing",
        prefix: "th_",
        words: &[],
        schema: None,
        versioned: true,
        tells_deleted: true,
        two_decimals: Some("score"),
    };

    fn record(score: f64) -> Map<String, Value> {
        json!({"id": null, "serial": null, "version": 0, "score": score, "created_at": null, "updated_at": null})
            .as_object()
            .cloned()
            .unwrap()
    }

    #[test]
    fn a_record_goes_out_with_its_digits_and_its_version() {
        let mut things = Collection::new(&KIND, 10_001);
        let number = things.create(record(87.5), clock::SAMPLE_END, -180);
        assert_eq!(
            &*things.get(number).unwrap().json,
            r#"{"id":"th_10001","serial":9007199254750994,"version":1,"score":87.50,"created_at":"2026-10-31T21:00:00-03:00","updated_at":"2026-10-31T21:00:00-03:00"}"#
        );
        let mut changed = things.record(number).unwrap();
        changed.insert("score".into(), json!(3));
        things.change(number, changed, clock::SAMPLE_END + 5);
        let text = &things.get(number).unwrap().json;
        assert!(text.contains(r#""version":2,"score":3.00"#), "{text}");
        assert!(text.contains("21:00:00.005-03:00"), "{text}");
    }

    #[test]
    fn ids_must_have_exactly_the_right_form() {
        let mut things = Collection::new(&KIND, 1);
        things.create(record(1.0), 0, 0);
        assert_eq!(things.number("th_1"), Some(1));
        assert_eq!(things.number("th_01"), None);
        assert_eq!(things.number("th_+1"), None);
        assert_eq!(things.number("th_2"), None);
        assert_eq!(things.number("x"), None);
        assert!(things.delete(1, 7));
        assert!(!things.delete(1, 8));
        assert_eq!(things.number("th_1"), None);
        assert_eq!(things.deleted_after((0, 0)).collect::<Vec<_>>(), [(7, 1)]);
        assert_eq!(
            things.create(record(1.0), 0, 0),
            2,
            "numbers are never given twice"
        );
    }
}
