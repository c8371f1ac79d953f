//! Any command of the application, by name.

use std::io::Read as _;

use api::App;
use serde_json::Value;

use crate::arguments::Call;
use crate::failure::{End, Failure};
use crate::hosts::Terminal;
use crate::output::Output;
use crate::workspace::{self, Workspace};

/// Longest request that is read from standard input, in bytes.
const LONGEST: u64 = 8 * 1024 * 1024;

pub(crate) async fn call(
    workspace: &Workspace,
    call: Call,
    output: &Output,
) -> Result<End, Failure> {
    if !App::COMMANDS.contains(&call.name.as_str()) {
        return Err(Failure::invalid(
            format!("There is no command \"{}\".", call.name),
            format!("There are: {}.", App::COMMANDS.join(", ")),
        ));
    }
    let text = match call.request.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .take(LONGEST)
                .read_to_string(&mut text)
                .map_err(|error| Failure::internal("Standard input could not be read.", &error))?;
            text
        }
        text => text.to_owned(),
    };
    let request: Value = serde_json::from_str(&text).map_err(|error| {
        Failure::invalid(
            format!("The request is not JSON: {error}."),
            "Put it in quotes: patchbay call get_sync '{\"sync\":\"…\"}'",
        )
    })?;
    let app = workspace.open(Terminal).await?;
    let answer = app.call(&call.name, request).await;
    workspace::close(app).await;
    let answer = answer?;
    output.answer(&answer, || format!("{answer:#}"))?;
    Ok(End::Done)
}
