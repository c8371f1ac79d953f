//! Connecting a platform from a terminal.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use api::App;
use api::views::{ConnectFlow, ConnectResult, ConnectorSummary, StartConnect, StepState, UiEvent};
use model::ids::FlowId;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use crate::arguments::Connect;
use crate::failure::{End, Failure};
use crate::hosts::{DemoUser, Terminal};
use crate::output::{Output, clean};
use crate::signals::wanted_to_end;
use crate::workspace::{self, Workspace, ask, find_connection};

/// Longest value that is read from a file, in bytes.
const LONGEST: u64 = 64 * 1024;

pub(crate) async fn connect(
    workspace: &Workspace,
    wanted: Connect,
    output: &Output,
) -> Result<End, Failure> {
    let app = if wanted.scripted_browser {
        workspace.open(DemoUser::here()).await?
    } else {
        workspace.open(Terminal).await?
    };
    let flow = connected(&app, wanted, output).await;
    workspace::close(app).await;
    let flow = flow?;
    let Some(result) = &flow.result else {
        return Err(Failure::invalid(
            "The sign-in did not come to an end.",
            "Start it again.",
        ));
    };
    let end = match result {
        ConnectResult::Connected { .. } => End::Done,
        ConnectResult::Failed { .. } | ConnectResult::WrongAccount { .. } => End::Failed,
        ConnectResult::Cancelled => End::Stopped,
    };
    if let (ConnectResult::Failed { message, hint }, false) = (result, output.is_json()) {
        return Err(Failure::invalid(
            message.clone(),
            hint.clone().unwrap_or_else(|| "Start it again.".into()),
        ));
    }
    output.answer(&flow, || match result {
        ConnectResult::Connected {
            connection,
            account,
        } => {
            let account = account
                .as_deref()
                .map(|account| format!(" as {}", clean(account)))
                .unwrap_or_default();
            format!("Connected{account}. Its id is {connection}.")
        }
        ConnectResult::WrongAccount { expected, found } => format!(
            "{} signed in, but this connection belongs to {}. Nothing was changed.\n\
             Sign out at the platform and try again, or make a new connection.",
            clean(found),
            clean(expected)
        ),
        ConnectResult::Failed { message, .. } => clean(message),
        ConnectResult::Cancelled => "Stopped. Nothing was stored.".to_owned(),
    })?;
    Ok(end)
}

/// From the request to the end of the sign-in.
async fn connected(app: &App, wanted: Connect, output: &Output) -> Result<ConnectFlow, Failure> {
    let connectors: Vec<ConnectorSummary> = ask(app, "list_connectors", json!({})).await?;
    let connector = connectors
        .iter()
        .find(|connector| connector.id == wanted.connector)
        .ok_or_else(|| {
            let ids: Vec<&str> = connectors
                .iter()
                .map(|connector| connector.id.as_str())
                .collect();
            Failure::invalid(
                format!("There is no connector \"{}\".", wanted.connector),
                format!("There are: {}.", ids.join(", ")),
            )
        })?;
    let auth_method = match &wanted.auth {
        Some(name) if connector.auth.iter().any(|method| method.name == *name) => name.clone(),
        Some(name) => {
            let names: Vec<&str> = connector
                .auth
                .iter()
                .map(|method| method.name.as_str())
                .collect();
            return Err(Failure::invalid(
                format!(
                    "{} has no way to sign in called \"{name}\".",
                    connector.name
                ),
                format!("There are: {}.", names.join(", ")),
            ));
        }
        None => connector
            .auth
            .first()
            .map(|method| method.name.clone())
            .unwrap_or_default(),
    };
    let reconnect = match &wanted.reconnect {
        Some(connection) => Some(find_connection(app, connection).await?.id),
        None => None,
    };
    let mut config = serde_json::Map::new();
    for (name, value) in wanted.settings {
        let value = setting(&name, value)?;
        config.insert(name, value.into());
    }
    let mut events = app.subscribe();
    let request = StartConnect {
        connector: connector.id.clone(),
        auth_method,
        name: wanted.name,
        config,
        reconnect,
    };
    let mut flow: ConnectFlow = ask(app, "start_connect", request).await?;
    let id = flow.id;
    let mut told = Told::default();
    let mut pasted = pasted_lines(wanted.scripted_browser);
    let end = wanted_to_end();
    tokio::pin!(end);
    let mut stopping = false;
    loop {
        told.tell(&flow, output);
        if flow.result.is_some() {
            return Ok(flow);
        }
        tokio::select! {
            event = events.recv() => match event {
                Ok(UiEvent::ConnectFlow { flow: moved }) if moved.id == id => flow = moved,
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => flow = ask(app, "get_connect_flow", json!({"flow": id})).await?,
            },
            () = &mut end, if !stopping => {
                stopping = true;
                flow = ask(app, "cancel_connect", json!({"flow": id})).await?;
            }
            Some(line) = pasted.recv() => paste(app, id, &line, output).await,
        }
    }
}

/// The address at which the person's browser ended, for when it is on another computer.
async fn paste(app: &App, id: FlowId, line: &str, output: &Output) {
    let line = line.trim();
    if line.is_empty() {
        return;
    }
    if let Err(error) = app
        .call("paste_redirect", json!({"flow": id, "url": line}))
        .await
    {
        output.note(&clean(&error.message));
    }
}

/// Lines that the person types while the sign-in waits.
fn pasted_lines(scripted: bool) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    if !scripted && std::io::stdin().is_terminal() {
        // A thread of its own, because a read of the terminal cannot be called off.
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// What the person has been told already.
#[derive(Default)]
struct Told {
    steps: usize,
    url: bool,
}

impl Told {
    fn tell(&mut self, flow: &ConnectFlow, output: &Output) {
        let ended = flow
            .steps
            .iter()
            .take_while(|step| step.state != StepState::Running);
        for step in ended.skip(self.steps) {
            self.steps += 1;
            let mark = if step.state == StepState::Done {
                "✓"
            } else {
                "✗"
            };
            let detail = step
                .detail
                .as_deref()
                .map(|detail| format!(": {}", clean(detail)))
                .unwrap_or_default();
            output.note(&format!("{mark} {}{detail}", clean(&step.label)));
        }
        if let (Some(url), false) = (&flow.authorize_url, self.url) {
            self.url = true;
            output.note(&match &flow.user_code {
                Some(code) => format!(
                    "Type in the code {} at this address, on this computer or any other:\n  {}",
                    clean(code),
                    clean(url)
                ),
                None => format!(
                    "If the browser does not open, open this yourself. On another computer, paste the address at which it ends here:\n  {}",
                    clean(url)
                ),
            });
        }
    }
}

/// The value itself, or what a file or standard input holds.
fn setting(name: &str, value: String) -> Result<String, Failure> {
    let Some(place) = value.strip_prefix('@') else {
        return Ok(value);
    };
    if place.starts_with('@') {
        return Ok(place.to_owned());
    }
    let mut text = String::new();
    let read = match place {
        "-" => std::io::stdin().take(LONGEST).read_to_string(&mut text),
        path => {
            std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        }
    };
    read.map_err(|error| {
        Failure::invalid(
            format!("The value of \"{name}\" could not be read from {place}: {error}."),
            "Check the path; a value that begins with @ is written @@.",
        )
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_stand_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "s3cret\n").unwrap();
        assert_eq!(
            setting("key", format!("@{}", file.display())).unwrap(),
            "s3cret"
        );
        assert_eq!(setting("key", "@@home".into()).unwrap(), "@home");
        assert_eq!(setting("key", "plain".into()).unwrap(), "plain");
        assert!(setting("key", "@/does/not/exist".into()).is_err());
    }
}
