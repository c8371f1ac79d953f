//! Lines that bulk jobs take and give: JSON lines and CSV (RFC 4180).

use model::value::{Object, Value};

use crate::declarative::text::python_text;

/// How a job's records are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Part of a JSON document.
    #[default]
    Json,
    /// One JSON object on each line.
    JsonLines,
    /// A line of names, then a line for each record.
    Csv,
}

/// The words of a connector file for [`Format`].
pub const FORMATS: &[(&str, Format)] = &[
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("csv", Format::Csv),
];

impl Format {
    /// The media type of such lines.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv",
        }
    }

    /// The records as lines.
    pub fn write(self, records: &[Value]) -> String {
        match self {
            Self::Json => model::json::to_string(&Value::List(records.to_vec())),
            Self::JsonLines => records
                .iter()
                .map(|record| model::json::to_string(record) + "\n")
                .collect(),
            Self::Csv => write_csv(records),
        }
    }

    /// The records of an answer; the complaint says which line is broken.
    pub fn read(self, body: &[u8]) -> std::result::Result<Value, String> {
        match self {
            Self::Json => model::json::parse(body).map_err(|error| error.to_string()),
            Self::JsonLines => body
                .split(|byte| *byte == b'\n')
                .enumerate()
                .filter(|(_, line)| !line.trim_ascii().is_empty())
                .map(|(n, line)| {
                    model::json::parse(line).map_err(|error| format!("line {}: {error}", n + 1))
                })
                .collect::<std::result::Result<_, _>>()
                .map(Value::List),
            Self::Csv => Ok(Value::List(read_csv(&String::from_utf8_lossy(body)))),
        }
    }
}

/// Members of objects become columns of their own, `address.city`.
fn flat(record: &Value) -> Vec<(String, &Value)> {
    fn visit<'v>(above: &str, value: &'v Value, out: &mut Vec<(String, &'v Value)>) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                for (name, member) in object.iter() {
                    let path = if above.is_empty() {
                        name.to_owned()
                    } else {
                        format!("{above}.{name}")
                    };
                    visit(&path, member, out);
                }
            }
            _ => out.push((above.to_owned(), value)),
        }
    }
    let mut out = Vec::new();
    visit("", record, &mut out);
    out
}

fn write_csv(records: &[Value]) -> String {
    let rows: Vec<Vec<(String, &Value)>> = records.iter().map(flat).collect();
    let mut names: Vec<&str> = Vec::new();
    for row in &rows {
        for (name, _) in row {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        for (n, cell) in cells.enumerate() {
            if n > 0 {
                out.push(',');
            }
            if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(&cell);
            }
        }
        out.push_str("\r\n");
    };
    line(&mut names.iter().map(|name| (*name).to_owned()));
    for row in &rows {
        line(&mut names.iter().map(|name| {
            let value = row
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| *value);
            match value {
                None | Some(Value::Null) => String::new(),
                Some(Value::Bool(flag)) => flag.to_string(),
                Some(list @ Value::List(_)) => model::json::to_string(list),
                Some(value) => python_text(value),
            }
        }));
    }
    out
}

fn read_csv(text: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let (mut row, mut cell) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' | '\r' if !is_quoted => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    let mut rows = rows.into_iter();
    let Some(names) = rows.next() else {
        return Vec::new();
    };
    rows.map(|row| {
        let mut object = Object::with_capacity(names.len());
        for (name, cell) in names.iter().zip(row) {
            object.insert(name.as_str(), Value::text(cell));
        }
        Value::Object(object)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(json: &str) -> Vec<Value> {
        match model::json::parse(json.as_bytes()).unwrap() {
            Value::List(items) => items,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_become_lines() {
        let some = records(r#"[{"a":1.10,"b":{"c":"x, \"y\""}},{"a":null,"d":[1],"e":true}]"#);
        assert_eq!(
            Format::Csv.write(&some),
            "a,b.c,d,e\r\n1.10,\"x, \"\"y\"\"\",,\r\n,,[1],true\r\n"
        );
        assert_eq!(
            Format::JsonLines.write(&some).lines().next(),
            Some(r#"{"a":1.10,"b":{"c":"x, \"y\""}}"#)
        );
    }

    #[test]
    fn lines_become_records() {
        fn check(format: Format, text: &str, json: &str) {
            let read = format.read(text.as_bytes()).unwrap();
            assert_eq!(model::json::to_string(&read), json, "{text}");
        }
        check(Format::Csv, "", "[]");
        check(
            Format::Csv,
            "\u{feff}id,name\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,\n3",
            r#"[{"id":"1","name":"a, \"b\"\nc"},{"id":"2","name":""},{"id":"3"}]"#,
        );
        check(
            Format::JsonLines,
            "{\"a\":1}\n\n{\"a\":2}",
            r#"[{"a":1},{"a":2}]"#,
        );
        assert!(
            Format::JsonLines
                .read(b"{}\n{\"a\"\n")
                .unwrap_err()
                .starts_with("line 2")
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_as_csv_is_read_back(cells in proptest::collection::vec("\\PC{1,12}|[\",\r\n x]{1,6}", 1..8)) {
            let record: Object = cells.iter().enumerate().map(|(n, cell)| (format!("c{n}").into(), Value::text(cell.as_str()))).collect();
            let records = vec![Value::Object(record)];
            let read = Format::Csv.read(Format::Csv.write(&records).as_bytes()).unwrap();
            proptest::prop_assert_eq!(read, Value::List(records));
        }
    }
}
