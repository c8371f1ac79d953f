//! The part of the WebDriver protocol that the tests speak.
//!
//! Written out here because the client crates bring some thirty more crates with them, and features of shared ones
//! that would compile the whole workspace twice.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http;

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

impl Element {
    /// As an argument of a script.
    pub(crate) fn reference(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

/// Why a command was not done: the driver's name for it and its words.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: String,
    /// Only for the person who reads the failed test.
    #[allow(dead_code, reason = "read by Debug")]
    pub(crate) message: String,
}

impl Session {
    /// Starts the browser (here: the app) that the capabilities describe.
    pub(crate) fn new(
        driver: SocketAddr,
        capabilities: Value,
        patience: Duration,
    ) -> Result<Self, Refused> {
        let mut session = Self {
            driver,
            patience,
            id: String::new(),
        };
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = session.send("POST", "/session", &body)?;
        session.id = answer["sessionId"]
            .as_str()
            .expect("the driver names the session")
            .to_owned();
        Ok(session)
    }

    /// The element at this XPath, if it is there now.
    pub(crate) fn element(&self, path: &str) -> Option<Element> {
        match self.post("element", &json!({ "using": "xpath", "value": path })) {
            Ok(answer) => Some(Element(
                answer[ELEMENT].as_str().expect("a reference").to_owned(),
            )),
            Err(refused) if refused.error == "no such element" => None,
            Err(refused) => panic!("{path}: {refused:?}"),
        }
    }

    pub(crate) fn click(&self, element: &Element) -> Result<(), Refused> {
        self.post(&format!("element/{}/click", element.0), &json!({}))
            .map(drop)
    }

    /// Types into an element; `\u{e007}` is the Enter key.
    pub(crate) fn type_into(&self, element: &Element, text: &str) -> Result<(), Refused> {
        self.post(
            &format!("element/{}/value", element.0),
            &json!({ "text": text }),
        )
        .map(drop)
    }

    /// The middle of an element in the window.
    pub(crate) fn centre(&self, element: &Element) -> (i64, i64) {
        let script = "const box = arguments[0].getBoundingClientRect();
            return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];";
        let centre = self.run(script, &[element.reference()]);
        (
            centre[0].as_i64().expect("a number"),
            centre[1].as_i64().expect("a number"),
        )
    }

    /// Does what a hand or a keyboard does, in the protocol's own words.
    pub(crate) fn perform(&self, actions: &Value) {
        self.post("actions", &json!({ "actions": actions }))
            .expect("the driver moves the pointer");
    }

    /// Runs a script in the page; what it returns.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post(
            "execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
        .expect("the script runs")
    }

    /// Runs a script whose last argument is called with the answer.
    pub(crate) fn run_until_answer(&self, script: &str, arguments: &[Value]) -> Value {
        self.post(
            "execute/async",
            &json!({ "script": script, "args": arguments }),
        )
        .expect("the script answers")
    }

    fn post(&self, command: &str, body: &Value) -> Result<Value, Refused> {
        self.send("POST", &format!("/session/{}/{command}", self.id), body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refused> {
        let mut answer = http::send(self.driver, method, path, body, self.patience);
        let value = answer["value"].take();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => Err(Refused {
                error: error.to_owned(),
                message: value["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }
}
