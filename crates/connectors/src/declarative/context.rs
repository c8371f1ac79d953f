//! What everything that reads from a connection needs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use model::value::Object;
use template::{Env, Scope};

use super::cache::Cache;
use super::connection::Connection;
use super::dynamic::{self, Made};
use super::stream::Stream;
use crate::{Access, Error, Result};

/// What everything that reads from a connection needs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// The connection.
    pub connection: Arc<Connection>,
    /// When to stop, who listens.
    pub access: Access,
    /// Answers that are used more than once within a read.
    pub cache: Arc<Cache>,
    /// What a catalogue chose of each stream, where there is one.
    pub chosen: Arc<HashMap<String, Chosen>>,
    /// Whether a sync reads: see [`Context::for_sync`].
    pub is_sync: bool,
}

/// What a catalogue chose of a stream.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The fields that are wanted, with their schemas.
    pub fields: Option<Object>,
    /// The field that says when a record changed.
    pub cursor_field: Option<String>,
}

impl Context {
    /// For a sync, which must not miss what comes late: a cursor without a lookback gets one, windows end no earlier
    /// than the platform's clock stands, and records without a value in the cursor's field are not left behind. The
    /// low-code format knows nothing of this, and reading by it brings what it brings elsewhere.
    #[must_use]
    pub fn for_sync(self) -> Self {
        Self {
            is_sync: true,
            ..self
        }
    }

    /// The surroundings for what a read begins and ends with: for a sync, their clock is never behind the platform's.
    pub(super) fn env_of_read(&self) -> Cow<'_, Env> {
        let skew = self.connection.http.clock_skew();
        match skew.filter(|skew| self.is_sync && skew.is_positive()) {
            Some(skew) => Cow::Owned(self.env().ahead(skew)),
            None => Cow::Borrowed(self.env()),
        }
    }

    /// What templates may use everywhere.
    pub fn scope(&self) -> Scope<'_> {
        self.connection.scope()
    }

    /// The template language's surroundings.
    pub fn env(&self) -> &Env {
        &self.connection.env
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        self.connection.malformed(reason)
    }

    /// The streams that the connection has: those of the file that are there with its settings, and those that are
    /// made from templates. Of two with one name the later counts.
    pub async fn streams(&self) -> Result<Vec<Arc<Stream>>> {
        let mut streams = self.connection.streams();
        for made in self.made().await? {
            match streams
                .iter_mut()
                .find(|known| known.name == made.stream.name)
            {
                Some(known) => *known = made.stream.clone(),
                None => streams.push(made.stream.clone()),
            }
        }
        Ok(streams)
    }

    /// The streams that are made from templates. They are made once for a connection.
    pub async fn made(&self) -> Result<&[Made]> {
        let templates = &self.connection.connector.templates;
        if templates.is_empty() {
            return Ok(&[]);
        }
        let make = || dynamic::make_all(self, templates);
        let made = self.connection.made.get_or_try_init(make).await?;
        Ok(made.as_slice())
    }

    /// The stream called `name`. One of the file can be read though others cannot be made.
    pub async fn stream(&self, name: &str) -> Result<Arc<Stream>> {
        let find =
            |streams: Vec<Arc<Stream>>| streams.into_iter().find(|stream| stream.name == name);
        let (found, error) = match self.streams().await {
            Ok(streams) => (find(streams), None),
            Err(error) => (find(self.connection.streams()), Some(error)),
        };
        match (found, error) {
            (Some(stream), _) => Ok(stream),
            (None, Some(error)) => Err(error),
            (None, None) => Err(match self.connection.connector.stream(name) {
                Err(error) => error,
                Ok(_) => Error::Misconfigured {
                    what: format!("the connector {}", self.connection.connector.name),
                    place: "streams".into(),
                    problem: format!("the stream `{name}` is not there with these settings"),
                    expected: "settings that fulfil its condition, or another stream".into(),
                },
            }),
        }
    }
}
