//! Everything that can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use model::ids::{PlanId, RunId};
use model::run::RecordOutcome;

/// Connects the platforms you use with one another, from your own computer.
#[derive(Debug, Parser)]
#[command(
    name = "patchbay",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Answers as JSON on standard output, errors as JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Tells on standard error what happens inside. `PATCHBAY_LOG` chooses more finely.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which workspace, and how it is opened.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Folder of the workspace; without it, the usual place of this user.
    #[arg(long, global = true, env = "PATCHBAY_DATA_DIR", value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keeps secrets in a vault file instead of the keychain. A passphrase is taken from PATCHBAY_VAULT_PASSPHRASE;
    /// without one, a key file that only you can read opens it.
    #[arg(long, global = true)]
    pub(crate) vault: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows Patchbay in your browser. Only this computer can reach it.
    Serve(Serve),
    /// Runs the two sample platforms alone, to try things with.
    Sandbox(Sandbox),
    /// Connects a platform: your browser opens, you sign in there.
    Connect(Connect),
    /// Works with a connector file by itself: tries it, or reads with it as part of a pipeline.
    Connector(Connector),
    /// Lists the connections.
    Connections,
    /// Lists the syncs.
    Syncs,
    /// Tells how everything is, and what waits for you.
    Status,
    /// Shows what a run would do. Nothing is written, unless told to.
    Plan(Plan),
    /// Does what a plan says.
    Apply(Apply),
    /// Runs a sync now. Ctrl-C stops it at a safe place.
    Run(Run),
    /// Lets a run go on that waits for you.
    Approve(Approve),
    /// Shows what taking a run back would do. Nothing is written, unless told to.
    Undo(Undo),
    /// Lists what both sides do not agree on, decides it, and carries decisions out.
    Conflicts(Conflicts),
    /// Tries records again that could not be written.
    Retry(Retry),
    /// Leaves records alone for a while, or lets a sync run by itself no more.
    Pause(Pause),
    /// Lets records take part again, or a sync run by itself.
    Resume(Pause),
    /// Forgets what a sync remembers, and shows what the next run would then do. Nothing is written, unless told to.
    StartOver(StartOver),
    /// Lists past runs.
    Runs(Runs),
    /// Lists what became of single records.
    Log(Log),
    /// Writes a sync as a file, without secrets.
    Export(Export),
    /// Calls a command of the application by name.
    Call(Call),
    /// Goes the whole way with sample platforms, and proves the result from outside.
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Connector {
    #[command(subcommand)]
    pub(crate) verb: ConnectorVerb,
}

/// Answers are messages of the Airbyte protocol, one JSON object a line.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorVerb {
    /// Tells which settings the connector needs.
    Spec(ConnectorFiles),
    /// Tries to read a record.
    Check(ConnectorFiles),
    /// Lists the streams with their schemas.
    Discover(ConnectorFiles),
    /// Reads streams: records, states, and what goes wrong.
    Read(ConnectorFiles),
    /// Checks the file alone: everything that is wrong or suspicious in it, with line and column. Nothing is asked of
    /// the platform. Ends with 1 when there are errors; warnings alone end with 0.
    Validate(ConnectorFile),
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorFile {
    /// The connector file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorFiles {
    /// The connector file, or the name of a connector that comes with Patchbay.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// The settings, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What is to be read, as a configured catalogue; all streams without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// How far it was read before: the states that an earlier read gave.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Gives a state after every page, so that a read that is killed goes on at the next one.
    #[arg(long)]
    pub(crate) every_page: bool,
    /// What counts as now, such as 2026-01-15T12:34:56Z; for results that are to be the same again.
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Folder of the pages; without it, the one beside this program.
    #[arg(long, env = "PATCHBAY_UI", value_name = "FOLDER")]
    pub(crate) ui: Option<PathBuf>,
    /// Starts the sample platforms too.
    #[arg(long)]
    pub(crate) sample: bool,
    /// Contacts in the sample platforms when they are made.
    #[arg(long, default_value_t = 5_000, value_parser = contacts)]
    pub(crate) contacts: usize,
    /// Opens the browser.
    #[arg(long)]
    pub(crate) open: bool,
    /// Pages from this origin may call too: for a development server that passes calls on.
    #[arg(long, hide = true, value_name = "ORIGIN")]
    pub(crate) allow_origin: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// How many contacts there are.
    #[arg(long, default_value_t = 5_000, value_parser = contacts)]
    pub(crate) contacts: usize,
    /// Decides all sample data.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// File in which everything survives a restart.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Which platform: the connector's id, such as `harbor`.
    pub(crate) connector: String,
    /// Which way of signing in; without it, the first that the connector has.
    #[arg(long)]
    pub(crate) auth: Option<String>,
    /// What you call the connection.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// A setting or secret. `name=@file` takes the value from a file, `name=@-` from standard input, so that a secret
    /// is not seen in the list of processes; `name=@@text` is the text `@text`.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) settings: Vec<(String, String)>,
    /// Signs in again for this connection (its id or name).
    #[arg(long, value_name = "CONNECTION")]
    pub(crate) reconnect: Option<String>,
    /// Signs in at the sample platforms as their demo user, without a browser.
    #[arg(long)]
    pub(crate) scripted_browser: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// What becomes of a plan once it is made.
#[derive(Debug, Args)]
pub(crate) struct Shown {
    /// Does it at once, unless a guard would hold it.
    #[arg(long)]
    pub(crate) apply: bool,
    /// How many records are shown.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=500))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// Which run, by its id.
    pub(crate) run: RunId,
    /// Only this record, by its place in the run (see `log --run`); may be repeated.
    #[arg(long = "record", value_name = "NUMBER")]
    pub(crate) seqs: Vec<u64>,
    /// Only this field of what was updated; may be repeated.
    #[arg(long = "field", value_name = "FIELD")]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Debug, Args)]
pub(crate) struct Conflicts {
    /// Only of this sync: its id or name.
    pub(crate) sync: Option<String>,
    /// Only in this field of the target.
    #[arg(long)]
    pub(crate) field: Option<String>,
    /// Only of this record of the source, by its key.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Only where a key or value has this text.
    #[arg(long, default_value = "")]
    pub(crate) search: String,
    /// Chooses for all that fit, also for those beyond --limit: whose value counts.
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(crate) take: Option<Take>,
    /// Chooses this value, as JSON, for all that fit.
    #[arg(long, value_name = "JSON", conflicts_with = "take")]
    pub(crate) value: Option<String>,
    /// The same from now on, whenever the field was changed on both sides.
    #[arg(long, requires = "take")]
    pub(crate) always: bool,
    /// Makes the plan that carries decisions out, and does it. Needs a sync.
    #[arg(long, requires = "sync")]
    pub(crate) apply: bool,
    /// How many are shown.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
}

/// Whose value counts.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Take {
    /// The source's.
    Source,
    /// The target's.
    Target,
    /// Both stay as they are.
    Both,
    /// Takes the choice back.
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    /// Only the record with this place in the run of `--run`, as `log` lists it.
    #[arg(long, value_name = "NUMBER", requires = "run")]
    pub(crate) record: Option<u64>,
    /// Only what this run could not write.
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    /// Map with the version of the sync that the run had, instead of today's.
    #[arg(long, requires = "run")]
    pub(crate) mapping_of_then: bool,
    /// Send this value in a field of the target, instead of what the mapping makes; JSON, or plain text.
    #[arg(
        long,
        value_name = "FIELD=VALUE",
        requires = "record",
        conflicts_with = "mapping_of_then"
    )]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    /// Keys of records of the source; without any, the sync itself: it runs by itself no more, or again.
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StartOver {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    /// How.
    #[arg(value_enum)]
    pub(crate) what: Over,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

/// How a sync starts over.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Over {
    /// Everything is read again, however far both sides were read.
    Cursor,
    /// The same, and which record is which is found anew.
    Links,
    /// What the sync made is removed again; what was there before stays. The sync is paused.
    Purge,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    /// Which plan, by its id.
    pub(crate) plan: PlanId,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    /// Reads everything, not only what changed.
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// Which run, by its id.
    pub(crate) run: RunId,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only of this sync: its id or name.
    pub(crate) sync: Option<String>,
    /// At most so many, newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Only of this run.
    #[arg(long)]
    pub(crate) run: Option<RunId>,
    /// Only of this sync: its id or name.
    #[arg(long)]
    pub(crate) sync: Option<String>,
    /// Only with this outcome; may be repeated.
    #[arg(long, value_parser = outcome)]
    pub(crate) outcome: Vec<RecordOutcome>,
    /// Only where a key, value or message has this text.
    #[arg(long, default_value = "")]
    pub(crate) search: String,
    /// Only what still waits for you, whichever run saw it last. Needs --sync.
    #[arg(long, requires = "sync", conflicts_with_all = ["run", "outcome", "search"])]
    pub(crate) unwritten: bool,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Which sync: its id or name.
    pub(crate) sync: String,
    /// Writes the file there instead of standard output. A file that is there already stays as it is.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The command's name, such as `list_syncs`.
    pub(crate) name: String,
    /// Its request as JSON; `-` takes it from standard input.
    #[arg(default_value = "{}")]
    pub(crate) request: String,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many contacts there are.
    #[arg(long, default_value_t = 5_000, value_parser = contacts)]
    pub(crate) contacts: usize,
    /// Keeps the workspace in this folder, which must be empty or not be there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
}

fn contacts(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 0..=1_000_000) => Ok(count),
        _ => Err("expected a number up to 1000000".to_owned()),
    }
}

fn outcome(text: &str) -> Result<RecordOutcome, String> {
    RecordOutcome::parse(text).ok_or_else(|| {
        "expected created, updated, unchanged, filtered, invalid, rejected, conflict or held"
            .to_owned()
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        // The text itself may be a secret: it is not repeated.
        None | Some(("", _)) => Err("expected a name, an equals sign and a value".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense_together() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_setting_is_split_at_its_first_equals_sign() {
        assert_eq!(pair("key=a=b"), Ok(("key".into(), "a=b".into())));
        assert!(pair("=x").is_err());
        let refused = pair("pst_key_secret").unwrap_err();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
