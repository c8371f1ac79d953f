//! A connector at work by itself, speaking the Airbyte protocol: one JSON message a line.
//!
//! What goes in are a connector file, settings, a catalogue and states; what comes out are records, states, logs and
//! errors, so that the runtime stands in for another one in a pipeline that exists already. Nothing of Patchbay's
//! own (documents, store, sign-ins of the app) is needed or touched.

pub mod catalogue;
pub mod message;
pub mod paged;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use model::clock::Clock;
use model::value::Value;
use template::Env;

use crate::declarative::authenticators::ConfigKeeper;
use crate::declarative::manifest::Manifest;
use crate::declarative::pages::{Context, Pages, Step};
use crate::declarative::platform::Platform;
use crate::http::{Client, Limits, NoSignIn};
use crate::{Access, Error, Result};

pub use catalogue::{Catalogue, Configured, discovered};
pub use message::{Message, Sink};

/// A connector with its settings, ready to be asked.
#[derive(Debug)]
pub struct Session {
    context: Context,
}

/// Says what settings have become: whoever runs the connector keeps them.
#[derive(Debug)]
struct Announced(message::WeakSink);

#[async_trait]
impl ConfigKeeper for Announced {
    async fn persist(&self, config: &Value) -> Result<()> {
        let message = Message::Config {
            config,
            at: Clock::system().now(),
        };
        match self.0.sink() {
            Some(sink) if sink.say(message).await => Ok(()),
            _ => Err(Error::Cancelled),
        }
    }
}

/// How a read ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Records that were written out.
    pub records: u64,
    /// Streams that could not be read to their end, and why.
    pub failed: Vec<(String, String)>,
}

impl Session {
    /// Puts a connector and its settings together. A given `now` is what templates and cursors take for the time.
    pub fn new(
        connector: Arc<Manifest>,
        config: serde_json::Value,
        now: Option<jiff::Timestamp>,
        access: Access,
    ) -> Result<Self> {
        let http = Client::new(
            connector.platform.name.clone(),
            Limits::default(),
            Clock::system(),
        )?;
        let clock = now.map_or_else(Clock::system, |now| Clock::manual(now.as_millisecond()));
        let env = now.map(Env::frozen);
        let platform = Platform::with_env(connector, config, Arc::new(NoSignIn), http, clock, env);
        Ok(Self {
            context: platform.context(access),
        })
    }

    /// The connector.
    pub fn connector(&self) -> &Manifest {
        &self.context.connection.connector
    }

    /// Reads the configured streams and writes messages to `sink`. A stream that fails does not stop the others.
    pub async fn read(
        &self,
        catalogue: &Catalogue,
        states: &HashMap<String, Value>,
        sink: &Sink,
    ) -> Result<Ended> {
        let context = self.for_catalogue(catalogue);
        context
            .connection
            .keep_config_with(Arc::new(Announced(sink.weak())));
        context.connection.settle().await?;
        reading::read(&context, catalogue, states, sink).await
    }

    /// As [`Session::read`], one stream after another and with a state after every page: killed anywhere, it goes on
    /// at the page that comes next.
    pub async fn read_paged(
        &self,
        catalogue: &Catalogue,
        states: &HashMap<String, Value>,
        sink: &Sink,
    ) -> Result<Ended> {
        let context = self.for_catalogue(catalogue);
        context
            .connection
            .keep_config_with(Arc::new(Announced(sink.weak())));
        context.connection.settle().await?;
        paged::read(&context, catalogue, states, sink).await
    }

    fn for_catalogue(&self, catalogue: &Catalogue) -> Context {
        Context {
            chosen: Arc::new(catalogue.chosen()),
            ..self.context.clone()
        }
    }

    /// The settings as the file's migrations changed them, where they did: whoever runs the connector keeps them.
    pub fn changed_config(&self) -> Option<serde_json::Value> {
        let changed = self.context.connection.changed_config();
        changed.map(Value::to_serde)
    }

    /// Tries to read a record of each stream that the file names for it. The settings have to be what it asks for.
    pub async fn check(&self) -> Result<()> {
        self.context.connection.fits()?;
        self.context.connection.settle().await?;
        let connector = self.context.connection.connector.clone();
        let mut streams = Vec::new();
        for name in &connector.check_streams {
            streams.push(self.context.stream(name).await?);
        }
        for (template, count) in &connector.check_templates {
            let made = self.context.made().await?.iter();
            let of_template =
                made.filter(|made| template.as_ref().is_none_or(|name| made.template == *name));
            streams.extend(of_template.take(*count).map(|made| made.stream.clone()));
        }
        if connector.check_streams.is_empty() && connector.check_templates.is_empty() {
            streams.extend(self.context.streams().await?.into_iter().next());
        }
        for stream in streams {
            let mut pages = Pages::begin(self.context.clone(), stream, &Value::Null)?;
            loop {
                match pages.next().await? {
                    Some(Step::Rows { rows, .. }) if !rows.is_empty() => break,
                    Some(Step::Rows { .. }) => {}
                    // An empty first slice is good enough, as in the low-code format.
                    Some(Step::End { .. }) | None => break,
                }
            }
        }
        Ok(())
    }

    /// The streams as a catalogue.
    pub async fn discover(&self) -> Result<serde_json::Value> {
        self.context.connection.settle().await?;
        discovered(&self.context).await
    }
}

/// Reads the states that came with a read: a list of messages, or `{stream: state}`.
pub fn states_from(document: &serde_json::Value) -> Result<HashMap<String, Value>> {
    let wrong = |place: String| Error::Misconfigured {
        what: "the state".into(),
        place,
        problem: "it is not a state".into(),
        expected: "a list of STATE messages, or an object with a state for each stream".into(),
    };
    let mut states = HashMap::new();
    match document {
        serde_json::Value::Null => {}
        serde_json::Value::Object(members) => {
            for (stream, state) in members {
                states.insert(stream.clone(), Value::from_serde(state));
            }
        }
        serde_json::Value::Array(messages) => {
            for (n, message) in messages.iter().enumerate() {
                let message = message.get("state").unwrap_or(message);
                let stream = message.get("stream");
                let name = stream
                    .and_then(|stream| stream.get("stream_descriptor"))
                    .and_then(|descriptor| descriptor.get("name"))
                    .and_then(serde_json::Value::as_str);
                let (Some(stream), Some(name)) = (stream, name) else {
                    return Err(wrong(format!("item {n}")));
                };
                let state = stream
                    .get("stream_state")
                    .unwrap_or(&serde_json::Value::Null);
                states.insert(name.to_owned(), Value::from_serde(state));
            }
        }
        _ => return Err(wrong("the whole".into())),
    }
    Ok(states)
}
