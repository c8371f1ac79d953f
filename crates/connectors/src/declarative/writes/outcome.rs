//! What an answer says became of a change.

use model::path::FieldPath;
use model::record::{Change, Operation, Outcome, RecordKey, Rejection};
use model::value::Value;

use super::answers::Said;
use super::spec::WriteSpec;
use crate::declarative::text::python_text;

/// The outcome of a change about which the platform said something.
pub fn outcome(spec: &WriteSpec, change: &Change, said: Said) -> Outcome {
    let gone = change.operation == Operation::Delete && matches!(said.status, 404 | 410);
    if (200..300).contains(&said.status) || gone {
        let key = said
            .id
            .as_ref()
            .and_then(RecordKey::from_value)
            .or_else(|| {
                let record = said.record.as_ref()?;
                RecordKey::from_record(record, std::slice::from_ref(&spec.key))
            })
            .or_else(|| change.target_key.clone());
        let Some(key) = key else {
            return Outcome::Unknown {
                reason: "the platform took it but does not say under which key".into(),
            };
        };
        let record = said
            .record
            .filter(|record| matches!(record, Value::Object(_)));
        let version = record
            .as_ref()
            .zip(spec.version.as_ref())
            .and_then(|(record, path)| record.at(path))
            .filter(|version| !version.is_empty())
            .map(python_text)
            .or(said.tag);
        return Outcome::Written {
            key,
            record: record.filter(|_| change.operation != Operation::Delete),
            version,
        };
    }
    // RFC 9110: If-Match did not hold.
    if said.status == 412 {
        return Outcome::Moved;
    }
    let trouble = said.trouble.unwrap_or_default();
    let code = trouble.code.unwrap_or_else(|| said.status.to_string());
    let message = trouble
        .message
        .unwrap_or_else(|| format!("status {}", said.status));
    if said.status >= 500 || said.status == 429 {
        return Outcome::Unknown {
            reason: format!(
                "the platform answers {} {code}: {}",
                said.status,
                cut(&message)
            ),
        };
    }
    Outcome::Rejected(Rejection {
        code,
        message: cut(&message),
        field: trouble.field.as_deref().and_then(field_path),
    })
}

/// A JSON pointer (RFC 6901) or a dotted name as a field's path.
pub fn field_path(text: &str) -> Option<FieldPath> {
    let Some(pointer) = text.strip_prefix('/') else {
        return text.parse().ok();
    };
    let mut path = FieldPath::root();
    for step in pointer.split('/').take(32) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let mut segments = path.segments().to_vec();
        segments.push(match step.parse::<usize>() {
            Ok(index) => model::path::Segment::Index(index),
            Err(_) => model::path::Segment::Name(step.as_str().into()),
        });
        path = FieldPath::from_segments(segments);
    }
    (!path.is_root()).then_some(path)
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut out: String = text.chars().take(LONGEST).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_names_become_field_paths() {
        fn check(text: &str, path: Option<&str>) {
            assert_eq!(
                field_path(text).map(|path| path.to_string()).as_deref(),
                path,
                "{text}"
            );
        }
        check("/email_address", Some("email_address"));
        check("/location/country_code", Some("location.country_code"));
        check("/tags/0", Some("tags[0]"));
        check("/a~1b/c~0d", Some("a/b.c~d"));
        check("location.city", Some("location.city"));
        check("", None);
    }
}
