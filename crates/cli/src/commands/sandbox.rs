//! The sample platforms alone.

use sandbox::{Options, Platform};
use serde_json::json;

use crate::arguments::Sandbox;
use crate::failure::{End, Failure};
use crate::output::Output;
use crate::signals::wanted_to_end;

pub(crate) async fn run(wanted: Sandbox, output: &Output) -> Result<End, Failure> {
    let mut options = Options::new(wanted.seed, wanted.contacts);
    options.port = wanted.port;
    options.state_file = wanted.state;
    let sandbox = sandbox::Sandbox::start(options)
        .await
        .map_err(|error| match &error {
            sandbox::Error::Listen { .. } => Failure::port(wanted.port, &error),
            _ => Failure::invalid(
                capitalised(&error.to_string()),
                "Give another file with --state, or make this one readable and writable.",
            ),
        })?;
    let (harbor, postino) = (sandbox.harbor_url(), sandbox.postino_url());
    let [
        (harbor_user, harbor_password),
        (postino_user, postino_password),
    ] = Platform::ALL.map(Platform::demo_user);
    let answer = json!({
        "url": sandbox.base_url(),
        "harbor": {"url": harbor, "user": harbor_user, "password": harbor_password},
        "postino": {"url": postino, "user": postino_user, "password": postino_password},
    });
    output.answer(&answer, || {
        format!(
            "Harbor CRM is at {harbor}   sign in as {harbor_user} / {harbor_password}\n\
             Postino    is at {postino}   sign in as {postino_user} / {postino_password}\n\
             All of it is sample data. Ctrl-C ends it."
        )
    })?;
    wanted_to_end().await;
    sandbox
        .stop()
        .await
        .map_err(|error| Failure::internal("The sample platforms did not end in order.", &error))?;
    Ok(End::Done)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", chars.as_str())
}
