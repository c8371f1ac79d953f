//! Messages of the Airbyte protocol, as lines.

use model::json;
use model::row::Row;
use model::value::Value;
use tokio::sync::mpsc;

/// Buffers of lines that wait for being written out; whoever makes more waits.
const WAITING: usize = 32;

/// Bytes of lines that are handed on together: with [`WAITING`], what waits stays small whatever pages come.
pub(super) const TOGETHER: usize = 128 * 1024;

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sink(mpsc::Sender<Vec<u8>>);

impl Sink {
    /// A sink, and what comes out of it: buffers of whole lines.
    pub fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// A way back to this sink that does not keep it open.
    pub fn weak(&self) -> WeakSink {
        WeakSink(self.0.downgrade())
    }

    /// Hands lines on. False when nobody takes them any more.
    pub async fn send(&self, lines: Vec<u8>) -> bool {
        lines.is_empty() || self.0.send(lines).await.is_ok()
    }

    /// Hands one message on.
    pub async fn say(&self, message: Message<'_>) -> bool {
        let mut line = Vec::new();
        message.write(&mut line);
        self.send(line).await
    }
}

/// A sink for as long as somebody else has it.
#[derive(Clone, Debug)]
pub struct WeakSink(mpsc::WeakSender<Vec<u8>>);

impl WeakSink {
    /// The sink; none when it is closed.
    pub fn sink(&self) -> Option<Sink> {
        self.0.upgrade().map(Sink)
    }
}

/// A message.
#[derive(Debug)]
pub enum Message<'a> {
    /// How far a stream has been read, and how many records it gave so far.
    State {
        /// The stream.
        stream: &'a str,
        /// Its state.
        state: &'a Value,
        /// Records since the state before.
        records: u64,
    },
    /// How a stream is doing.
    Status {
        /// The stream.
        stream: &'a str,
        /// STARTED, RUNNING, COMPLETE or INCOMPLETE.
        status: &'static str,
        /// Milliseconds of UTC.
        at: i64,
    },
    /// What went wrong.
    Error {
        /// The stream, if it is one's.
        stream: Option<&'a str>,
        /// For people.
        message: &'a str,
        /// `config_error`, `transient_error` or `system_error`.
        kind: &'static str,
        /// Milliseconds of UTC.
        at: i64,
    },
    /// Something to know.
    Log {
        /// INFO, WARN or ERROR.
        level: &'static str,
        /// The words.
        message: &'a str,
    },
    /// Settings that changed: they must be kept before anything else is asked for.
    Config {
        /// All settings.
        config: &'a Value,
        /// Milliseconds of UTC.
        at: i64,
    },
}

fn text(out: &mut Vec<u8>, text: &str) {
    json::write_text_bytes(out, text);
}

impl Message<'_> {
    /// Appends it as a line.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::State {
                stream,
                state,
                records,
            } => {
                out.extend_from_slice(
                    br#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"#,
                );
                text(out, stream);
                out.extend_from_slice(br#"},"stream_state":"#);
                json::write_bytes(out, state);
                out.extend_from_slice(br#"},"sourceStats":{"recordCount":"#);
                json::write_bytes(out, &Value::Float(*records as f64));
                out.extend_from_slice(b"}}}\n");
            }
            Self::Status { stream, status, at } => {
                out.extend_from_slice(
                    br#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":"#,
                );
                json::write_bytes(out, &Value::Int(*at));
                out.extend_from_slice(br#","stream_status":{"stream_descriptor":{"name":"#);
                text(out, stream);
                out.extend_from_slice(br#"},"status":"#);
                text(out, status);
                out.extend_from_slice(b"}}}\n");
            }
            Self::Error {
                stream,
                message,
                kind,
                at,
            } => {
                out.extend_from_slice(br#"{"type":"TRACE","trace":{"type":"ERROR","emitted_at":"#);
                json::write_bytes(out, &Value::Int(*at));
                out.extend_from_slice(br#","error":{"message":"#);
                text(out, message);
                out.extend_from_slice(br#","failure_type":"#);
                text(out, kind);
                if let Some(stream) = stream {
                    out.extend_from_slice(br#","stream_descriptor":{"name":"#);
                    text(out, stream);
                    out.push(b'}');
                }
                out.extend_from_slice(b"}}}\n");
            }
            Self::Log { level, message } => {
                out.extend_from_slice(br#"{"type":"LOG","log":{"level":"#);
                text(out, level);
                out.extend_from_slice(br#","message":"#);
                text(out, message);
                out.extend_from_slice(b"}}\n");
            }
            Self::Config { config, at } => {
                out.extend_from_slice(
                    br#"{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":"#,
                );
                json::write_bytes(out, &Value::Int(*at));
                out.extend_from_slice(br#","connectorConfig":{"config":"#);
                json::write_bytes(out, config);
                out.extend_from_slice(b"}}}\n");
            }
        }
    }
}

/// The lines of records: all but the record itself is the same for a page.
#[derive(Debug)]
pub struct RecordLines {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl RecordLines {
    /// For records of a stream, given out at a time (milliseconds of UTC).
    pub fn new(stream: &str, at: i64) -> Self {
        let mut before = br#"{"type":"RECORD","record":{"stream":"#.to_vec();
        text(&mut before, stream);
        before.extend_from_slice(br#","data":"#);
        let mut after = br#","emitted_at":"#.to_vec();
        json::write_bytes(&mut after, &Value::Int(at));
        after.extend_from_slice(b"}}\n");
        Self { before, after }
    }

    /// Appends the line of one record. Members that are null at its top are left out, as the format has it.
    pub fn write(&self, out: &mut Vec<u8>, row: &Row) {
        out.extend_from_slice(&self.before);
        row.write(out, false);
        out.extend_from_slice(&self.after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lines_of_json() {
        fn check(message: &Message<'_>, line: &str) {
            let mut out = Vec::new();
            message.write(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\n"));
        }
        check(
            &Message::State {
                stream: "a\"b",
                state: &json::parse(br#"{"u":"2024"}"#).unwrap(),
                records: 2,
            },
            r#"{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a\"b"},"stream_state":{"u":"2024"}},"sourceStats":{"recordCount":2.0}}}"#,
        );
        check(
            &Message::Status {
                stream: "a",
                status: "STARTED",
                at: 7,
            },
            r#"{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":7,"stream_status":{"stream_descriptor":{"name":"a"},"status":"STARTED"}}}"#,
        );
        check(
            &Message::Error {
                stream: Some("a"),
                message: "no\nway",
                kind: "config_error",
                at: 7,
            },
            r#"{"type":"TRACE","trace":{"type":"ERROR","emitted_at":7,"error":{"message":"no\nway","failure_type":"config_error","stream_descriptor":{"name":"a"}}}}"#,
        );
        let mut out = Vec::new();
        let row = Row::parse(&bytes::Bytes::from_static(br#"{"a":1.10,"n":null}"#)).unwrap();
        RecordLines::new("s", 5).write(&mut out, &row);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"type\":\"RECORD\",\"record\":{\"stream\":\"s\",\"data\":{\"a\":1.10},\"emitted_at\":5}}\n"
        );
    }
}
