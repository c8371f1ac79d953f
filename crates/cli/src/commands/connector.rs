//! A connector file by itself: checking it, and reading with it as part of a pipeline.
//!
//! Answers are messages of the Airbyte protocol, one JSON object a line, on standard output.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use api::connector::{Connector, Files, Report, Severity, spec, validate};
use serde_json::Value as Json;

use crate::arguments::{Connector as Wanted, ConnectorFiles, ConnectorVerb};
use crate::failure::{End, Failure};
use crate::output::{Output, clean};
use crate::signals::wanted_to_end;

pub(crate) async fn run(wanted: Wanted, output: &Output) -> Result<End, Failure> {
    match wanted.verb {
        ConnectorVerb::Spec(files) => line(output, &spec(&files.manifest)?),
        ConnectorVerb::Check(files) => {
            let connector = Connector::open(&chosen(files))?;
            announce(&connector, output)?;
            let answer = connector.check().await;
            let status = answer.pointer("/connectionStatus/status");
            let failed = status.and_then(Json::as_str) != Some("SUCCEEDED");
            line(output, &answer)?;
            Ok(if failed { End::Failed } else { End::Done })
        }
        ConnectorVerb::Discover(files) => {
            let connector = Connector::open(&chosen(files))?;
            announce(&connector, output)?;
            line(output, &connector.discover().await?)
        }
        ConnectorVerb::Read(files) => read(&chosen(files)).await,
        ConnectorVerb::Validate(wanted) => {
            let report = validate(&wanted.file)?;
            output.answer(&report, || told(&wanted.file, &report))?;
            Ok(if report.errors == 0 {
                End::Done
            } else {
                End::Failed
            })
        }
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

/// Each finding as compilers write theirs, so that editors find the place, and how many there are.
fn told(file: &Path, report: &Report) -> String {
    let file = file.display();
    let mut out = String::new();
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = match (finding.line, finding.column) {
            (0, _) => format!("{file}"),
            (line, column) => format!("{file}:{line}:{column}"),
        };
        _ = writeln!(out, "{place}: {severity}: {}", clean(&finding.problem));
        if !finding.path.is_empty() {
            _ = writeln!(out, "  at {}", clean(&finding.path));
        }
        if !finding.expected.is_empty() {
            _ = writeln!(out, "  expected {}", clean(&finding.expected));
        }
    }
    let counted = |n: usize, word: &str| match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    _ = writeln!(
        out,
        "{}, {} in {file}.",
        counted(report.errors, "error"),
        counted(report.warnings, "warning")
    );
    out
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
