//! Complaints about a place of the connector file that are made later, when the file is no longer at hand.

use std::sync::Arc;

use super::node::View;
use crate::Error;

/// A place of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    file: Arc<str>,
    place: Arc<str>,
}

impl Spot {
    /// Where `view` stands.
    pub fn of(view: &View<'_>) -> Self {
        Self {
            file: view.file().into(),
            place: view.place().into(),
        }
    }

    /// The complaint about what stands there.
    pub fn fail(&self, problem: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Misconfigured {
            what: self.file.to_string(),
            place: self.place.to_string(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }
}

/// The refusal of a component that is somebody's Python code, by its name.
pub fn needs_python(view: &View<'_>) -> Error {
    let named = |member: &str| {
        view.node()
            .get(member)
            .and_then(|node| node.as_text())
            .unwrap_or("unnamed")
            .to_owned()
    };
    view.fail(
        format!(
            "`{}` is Python code of its own (`{}`), which does not run here",
            named("type"),
            named("class_name")
        ),
        "a component that is built in; streams without such code work as they are",
    )
}
