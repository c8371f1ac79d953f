//! The `patchbay` command line: the same application as the window, without one.
//!
//! It only wires: what a command does is in the core, which this crate reaches through `api` alone. Start with
//! [`arguments`] (everything that can be typed), then `commands` (one file for each noun), `serve` (the window's pages
//! in a browser) and `demo` (the whole way, proved from outside).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        reason = "tests may fail loudly"
    )
)]

mod arguments;
mod commands;
mod demo;
mod failure;
mod hosts;
mod output;
mod serve;
mod signals;
mod workspace;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::failure::{End, Failure};
use crate::output::Output;
use crate::workspace::Workspace;

/// What is still blocked when all is done (a read of the terminal) is left alone after this.
const LINGER: Duration = Duration::from_millis(200);

/// Records are made and dropped by the million, on one thread and on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => {
            // Help and version come this way too; a closed terminal is nobody's loss.
            _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(2));
        }
    };
    log(&arguments);
    // Before anything can want TLS. It fails only if there is one already.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let output = Output::new(arguments.json);
    let ended = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let ended = runtime.block_on(carry_out(arguments, &output));
            runtime.shutdown_timeout(LINGER);
            ended
        }
        Err(error) => Err(Failure::internal(
            "The program could not be set up.",
            &error,
        )),
    };
    match ended {
        Ok(end) => end.code(),
        Err(failure) => {
            output.failure(&failure);
            failure.code()
        }
    }
}

async fn carry_out(arguments: Arguments, output: &Output) -> Result<End, Failure> {
    let workspace = Workspace::new(arguments.place);
    match arguments.command {
        Command::Serve(serve) => serve::serve(&workspace, serve, output).await,
        Command::Sandbox(sandbox) => commands::sandbox::run(sandbox, output).await,
        Command::Connect(connect) => commands::connect::connect(&workspace, connect, output).await,
        Command::Connector(connector) => commands::connector::run(connector, output).await,
        Command::Connections => commands::lists::connections(&workspace, output).await,
        Command::Syncs => commands::lists::syncs(&workspace, output).await,
        Command::Status => commands::lists::status(&workspace, output).await,
        Command::Plan(plan) => commands::plan::plan(&workspace, plan, output).await,
        Command::Apply(apply) => commands::plan::apply(&workspace, apply, output).await,
        Command::Run(run) => commands::run::run(&workspace, run, output).await,
        Command::Approve(approve) => commands::run::approve(&workspace, approve, output).await,
        Command::Undo(undo) => commands::conflicts::undo(&workspace, undo, output).await,
        Command::Conflicts(wanted) => {
            commands::conflicts::conflicts(&workspace, wanted, output).await
        }
        Command::Retry(retry) => commands::conflicts::retry(&workspace, retry, output).await,
        Command::Pause(pause) => commands::conflicts::pause(&workspace, pause, true, output).await,
        Command::Resume(pause) => {
            commands::conflicts::pause(&workspace, pause, false, output).await
        }
        Command::StartOver(wanted) => {
            commands::conflicts::start_over(&workspace, wanted, output).await
        }
        Command::Runs(runs) => commands::lists::runs(&workspace, runs, output).await,
        Command::Log(log) => commands::lists::log(&workspace, log, output).await,
        Command::Export(export) => commands::lists::export(&workspace, export, output).await,
        Command::Call(call) => commands::call::call(&workspace, call, output).await,
        Command::Demo(demo) => demo::demo(demo, output).await,
    }
}

/// What happens inside goes to standard error, where it does not mix with answers. What a person must know is said
/// by the commands themselves, so that it is quiet unless asked for.
fn log(arguments: &Arguments) {
    let usual = match (arguments.verbose, &arguments.command) {
        (true, _) => "info",
        (false, Command::Serve(_)) => "warn",
        (false, _) => "off",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("PATCHBAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
