//! The part of the WebDriver protocol that the tests speak: JSON over plain HTTP to a driver on this machine.
//!
//! Written out here because the client crates bring some thirty more crates with them, and features of shared ones
//! that would compile the whole workspace twice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

/// The member that holds an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window under the driver's control.
pub(crate) struct Session {
    driver: SocketAddr,
    patience: Duration,
    id: String,
}

/// An element on the page, as the driver names it.
#[derive(Clone, Debug)]
pub(crate) struct Element(String);

/// Why a command was not done: the driver's name for it and its words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: String,
    pub(crate) message: String,
}

impl Session {
    /// Starts the browser (here: the app) that the capabilities describe.
    pub(crate) fn new(driver: SocketAddr, capabilities: Value, patience: Duration) -> Result<Self, Refused> {
        let mut session = Self { driver, patience, id: String::new() };
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = session.send("POST", "/session", &body)?;
        session.id = answer["sessionId"].as_str().expect("the driver names the session").to_owned();
        Ok(session)
    }

    /// The element at this XPath, if it is there now.
    pub(crate) fn element(&self, path: &str) -> Option<Element> {
        match self.post("element", &json!({ "using": "xpath", "value": path })) {
            Ok(answer) => Some(Element(answer[ELEMENT].as_str().expect("a reference").to_owned())),
            Err(refused) if refused.error == "no such element" => None,
            Err(refused) => panic!("{path}: {refused:?}"),
        }
    }

    pub(crate) fn click(&self, element: &Element) -> Result<(), Refused> {
        self.post(&format!("element/{}/click", element.0), &json!({})).map(drop)
    }

    /// Puts a text into a field in place of what is there.
    pub(crate) fn fill(&self, element: &Element, text: &str) -> Result<(), Refused> {
        self.post(&format!("element/{}/clear", element.0), &json!({}))?;
        self.post(&format!("element/{}/value", element.0), &json!({ "text": text })).map(drop)
    }

    /// The middle of an element in the window.
    pub(crate) fn centre(&self, element: &Element) -> (i64, i64) {
        let script = "const box = arguments[0].getBoundingClientRect();
            return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];";
        let centre = self.run(script, &[json!({ ELEMENT: element.0 })]);
        (centre[0].as_i64().expect("a number"), centre[1].as_i64().expect("a number"))
    }

    /// Does what a hand or a keyboard does, in the protocol's own words.
    pub(crate) fn perform(&self, actions: &Value) {
        self.post("actions", &json!({ "actions": actions })).expect("the driver moves the pointer");
    }

    /// Runs a script in the page; what it returns.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": arguments })).expect("the script runs")
    }

    /// Runs a script whose last argument is called with the answer.
    pub(crate) fn run_until_answer(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("execute/async", &json!({ "script": script, "args": arguments })).expect("the script answers")
    }

    /// A picture of the window, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let answer = self.send("GET", &format!("/session/{}/screenshot", self.id), &Value::Null);
        let picture = answer.expect("the driver takes pictures");
        base64::engine::general_purpose::STANDARD.decode(picture.as_str().expect("a text")).expect("base64")
    }

    fn post(&self, command: &str, body: &Value) -> Result<Value, Refused> {
        self.send("POST", &format!("/session/{}/{command}", self.id), body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let answer = self.exchange(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let mut answer: Value = serde_json::from_slice(&answer).expect("the driver answers in JSON");
        let value = answer["value"].take();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => Err(Refused {
                error: error.to_owned(),
                message: value["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// One request on a connection of its own; the answer's body.
    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.driver)?;
        stream.set_read_timeout(Some(self.patience))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let host = self.driver;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = Vec::new();
        let mut part = [0_u8; 16 * 1024];
        loop {
            if let Some(whole) = whole_body(&answer) {
                return Ok(whole.to_vec());
            }
            match stream.read(&mut part)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => answer.extend_from_slice(&part[..count]),
            }
        }
    }
}

/// The body of an HTTP answer, once all of it is there. The driver always says how long it is.
fn whole_body(answer: &[u8]) -> Option<&[u8]> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    answer.get(at + 4..at + 4 + length)
}
