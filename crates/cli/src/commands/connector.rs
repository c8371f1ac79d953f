//! A connector file by itself: checking it, and reading with it as part of a pipeline.
//!
//! Answers are messages of the Airbyte protocol, one JSON object a line, on standard output.

use std::io::Write as _;

use api::connector::{Connector, Files, spec};
use serde_json::Value as Json;

use crate::arguments::{Connector as Wanted, ConnectorFiles, ConnectorVerb};
use crate::failure::{End, Failure};
use crate::output::Output;
use crate::signals::wanted_to_end;

pub(crate) async fn run(wanted: Wanted, output: &Output) -> Result<End, Failure> {
    match wanted.verb {
        ConnectorVerb::Spec(files) => line(output, &spec(&files.manifest)?),
        ConnectorVerb::Check(files) => {
            let connector = Connector::open(&chosen(files))?;
            announce(&connector, output)?;
            let answer = connector.check().await;
            let failed = answer["connectionStatus"]["status"] != "SUCCEEDED";
            line(output, &answer)?;
            Ok(if failed { End::Failed } else { End::Done })
        }
        ConnectorVerb::Discover(files) => {
            let connector = Connector::open(&chosen(files))?;
            announce(&connector, output)?;
            line(output, &connector.discover().await?)
        }
        ConnectorVerb::Read(files) => read(&chosen(files)).await,
    }
}

/// Settings that the file's migrations changed come first: whoever runs the connector keeps them.
fn announce(connector: &Connector, output: &Output) -> Result<(), Failure> {
    match connector.changed_settings() {
        Some(message) => line(output, &message).map(|_| ()),
        None => Ok(()),
    }
}

fn chosen(files: ConnectorFiles) -> Files {
    Files {
        manifest: files.manifest,
        config: files.config,
        catalog: files.catalog,
        state: files.state,
        now: files.now,
        every_page: files.every_page,
    }
}

fn line(output: &Output, message: &Json) -> Result<End, Failure> {
    output.print(&message.to_string())?;
    Ok(End::Done)
}

async fn read(files: &Files) -> Result<End, Failure> {
    let connector = Connector::open(files)?;
    let stop = connector.stopper();
    let (mut lines, read) = connector.read();
    // Writing waits for whoever reads; that must not hold up the rest.
    let written = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stdout().lock();
        while let Some(buffer) = lines.blocking_recv() {
            if out.write_all(&buffer).is_err() {
                return false;
            }
        }
        out.flush().is_ok()
    });
    let mut stopped = false;
    let mut read = std::pin::pin!(read);
    let ended = loop {
        tokio::select! {
            ended = &mut read => break ended,
            () = wanted_to_end(), if !stopped => {
                stopped = true;
                stop.cancel();
            }
        }
    };
    if !matches!(written.await, Ok(true)) {
        return Err(Failure::NobodyReads);
    }
    Ok(match ended? {
        _ if stopped => End::Stopped,
        ended if ended.failed.is_empty() => End::Done,
        _ => End::Failed,
    })
}
