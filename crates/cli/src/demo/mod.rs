//! The whole way with sample platforms: connect, map, plan, apply, change, run again. Then what arrived is compared,
//! record by record, with what should be there by [`expected`], which knows nothing of the engine.

mod expected;

use std::path::PathBuf;
use std::time::Duration;

use api::views::{
    ConnectFlow, ConnectResult, ConnectorSummary, PlanCounts, PlanDetail, PlanStarted, RunDetail,
    Started, SuggestionList, SyncSummary,
};
use api::{ApiError, App, Config, SecretsPlace};
use model::ids::{ConnectionId, SyncId};
use model::mapping::{Mapping, OnFailure, Origin, Rule};
use model::path::FieldPath;
use model::run::RunState;
use sandbox::{Options, Sandbox};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use crate::arguments::Demo;
use crate::commands::run::follow;
use crate::demo::expected::{Differences, Snapshot, Verdict};
use crate::failure::{End, Failure};
use crate::hosts::DemoUser;
use crate::output::Output;
use crate::workspace::ask;

/// Decides all sample data, and what changes between the two runs.
const SEED: u64 = 7;
/// Contacts that somebody changes between the two runs.
const CHANGED: usize = 100;
/// Contacts that somebody deletes.
const DELETED: usize = 10;
/// Differences that are told one by one.
const TOLD: usize = 10;

/// What came of it.
#[derive(Debug, Serialize)]
struct Report {
    mapping: Vec<MappedField>,
    first: Pass,
    second: Pass,
    verdict: Verdict,
}

#[derive(Debug, Serialize)]
struct MappedField {
    rule: Rule,
    /// `suggestion` with its score, or `constant`.
    by: &'static str,
    score: Option<f64>,
}

/// One plan and its run.
#[derive(Debug, Serialize)]
struct Pass {
    plan: PlanCounts,
    warnings: Vec<String>,
    state: RunState,
    equation: String,
    balances: bool,
}

pub(crate) async fn demo(wanted: Demo, output: &Output) -> Result<End, Failure> {
    let place = Place::make(wanted.keep)?;
    let sandbox = Sandbox::start(Options::new(SEED, wanted.contacts))
        .await
        .map_err(|error| Failure::internal("The sample platforms could not be started.", &error))?;
    let config = Config {
        data_dir: Some(place.folder().to_owned()),
        // Works everywhere, and leaves nothing in anybody's keychain.
        secrets: SecretsPlace::Vault,
        schedules: false,
        sample_contacts: wanted.contacts,
    };
    let app = App::open(config, std::sync::Arc::new(DemoUser::here())).await?;
    let report = whole_way(&app, &sandbox, output).await;
    app.close(Duration::from_secs(5)).await;
    if let Err(error) = sandbox.stop().await {
        output.note(&format!(
            "The sample platforms did not end in order: {error}"
        ));
    }
    let report = report?;
    output.answer(&report, || describe(&report))?;
    Ok(if report.is_proved() {
        End::Done
    } else {
        End::Failed
    })
}

async fn whole_way(app: &App, sandbox: &Sandbox, output: &Output) -> Result<Report, Failure> {
    output.note("Connecting Harbor CRM and Postino, as their demo users in a scripted browser…");
    let source = connect(app, "harbor", &sandbox.harbor_url()).await?;
    let target = connect(app, "postino", &sandbox.postino_url()).await?;
    output.note("Making the sync and mapping its fields…");
    let sync = create(app, source, target).await?;
    let mapping = map(app, sync).await?;
    let rules: Vec<Rule> = mapping.iter().map(|field| field.rule.clone()).collect();

    let mut expected = Snapshot::take(&sandbox.subscribers());
    output.note("First run…");
    expected.carry(&sandbox.contacts(), &rules);
    let first = pass(app, sync, output).await?;

    output.note(&format!(
        "{CHANGED} contacts change, {DELETED} are deleted. Second run…"
    ));
    sandbox.edit_contacts(CHANGED, SEED);
    sandbox.delete_contacts(DELETED, SEED + 1);
    // Deletions are not carried: what is gone at Harbor stays at Postino as it was.
    expected.carry(&sandbox.contacts(), &rules);
    let second = pass(app, sync, output).await?;

    let verdict = expected.compare(&sandbox.subscribers(), TOLD);
    Ok(Report {
        mapping,
        first,
        second,
        verdict,
    })
}

/// Signs in by the real code flow; the browser is scripted.
async fn connect(app: &App, connector: &str, at: &Url) -> Result<ConnectionId, Failure> {
    let connectors: Vec<ConnectorSummary> = ask(app, "list_connectors", json!({})).await?;
    let method = connectors
        .iter()
        .find(|known| known.id == connector)
        .and_then(|known| {
            known
                .auth
                .iter()
                .find(|method| method.kind == api::views::AuthKind::Browser)
        })
        .map(|method| method.name.clone())
        .ok_or_else(|| {
            Failure::invalid(
                format!("The connector \"{connector}\" is not here."),
                "Install Patchbay again.",
            )
        })?;
    let request = json!({
        "connector": connector,
        "auth_method": method,
        "name": "",
        "config": {"base_url": at.as_str().trim_end_matches('/')},
        "reconnect": null,
    });
    let flow: ConnectFlow = ask(app, "start_connect", request).await?;
    app.engine()
        .wait_flow(flow.id)
        .await
        .map_err(ApiError::from)?;
    let flow: ConnectFlow = ask(app, "get_connect_flow", json!({"flow": flow.id})).await?;
    match flow.result {
        Some(ConnectResult::Connected { connection, .. }) => Ok(connection),
        Some(ConnectResult::Failed { message, hint }) => {
            Err(Failure::invalid(message, hint.unwrap_or_default()))
        }
        other => Err(Failure::invalid(
            format!("Connecting {connector} ended as {other:?}."),
            "Try it again.",
        )),
    }
}

async fn create(app: &App, source: ConnectionId, target: ConnectionId) -> Result<SyncId, Failure> {
    let request = json!({
        "name": "Contacts to subscribers",
        "source": {"connection": source, "stream": "contacts"},
        "target": {"connection": target, "stream": "subscribers"},
        "mode": "upsert",
        "match_on": ["email_address"],
    });
    Ok(ask::<SyncSummary>(app, "create_sync", request).await?.id)
}

/// All suggestions that are good enough to be ticked, and constants for what is required besides.
async fn map(app: &App, sync: SyncId) -> Result<Vec<MappedField>, Failure> {
    let request = json!({"sync": sync, "mapping": Mapping::default()});
    let suggested: SuggestionList = ask(app, "suggest_mapping", request).await?;
    let mut mapping: Vec<MappedField> = suggested
        .suggestions
        .into_iter()
        .filter(|suggestion| suggestion.ticked)
        .map(|suggestion| MappedField {
            rule: suggestion.rule,
            by: "suggestion",
            score: Some(suggestion.score),
        })
        .collect();
    for (target, value) in [("list_id", "lst_main"), ("status", "subscribed")] {
        let target = FieldPath::of(target);
        if !mapping.iter().any(|field| field.rule.target == target) {
            let origin = Origin::Constant {
                value: value.into(),
            };
            let rule = Rule {
                target,
                origin,
                steps: Vec::new(),
                on_failure: OnFailure::Hold,
                comment: None,
            };
            mapping.push(MappedField {
                rule,
                by: "constant",
                score: None,
            });
        }
    }
    let document = Mapping {
        rules: mapping.iter().map(|field| field.rule.clone()).collect(),
        ..Mapping::default()
    };
    let _: SyncSummary = ask(
        app,
        "save_draft",
        json!({"sync": sync, "mapping": document}),
    )
    .await?;
    Ok(mapping)
}

/// Makes a plan and applies it as it is.
async fn pass(app: &App, sync: SyncId, output: &Output) -> Result<Pass, Failure> {
    let started: PlanStarted = ask(app, "start_plan", json!({"sync": sync})).await?;
    app.engine()
        .wait_plan(started.plan)
        .await
        .map_err(ApiError::from)?;
    let plan: PlanDetail = ask(app, "get_plan", json!({"plan": started.plan})).await?;
    if let Some(problem) = plan.problem {
        return Err(Failure::invalid(
            problem.message,
            problem.hint.unwrap_or_default(),
        ));
    }
    let started: Started = ask(app, "apply_plan", json!({"plan": plan.id})).await?;
    let run: RunDetail = follow(app, started.run, output).await?;
    if let Some(reason) = &run.summary.reason {
        output.note(reason);
    }
    Ok(Pass {
        plan: plan.counts,
        warnings: plan.warnings,
        state: run.summary.state,
        equation: run.equation,
        balances: run.balances,
    })
}

impl Report {
    fn is_proved(&self) -> bool {
        let well = |pass: &Pass| pass.balances && pass.state == RunState::Completed;
        self.verdict.equal && well(&self.first) && well(&self.second)
    }
}

fn describe(report: &Report) -> String {
    let pass = |name: &str, pass: &Pass| {
        let balance = if pass.balances {
            "it balances"
        } else {
            "it does NOT balance"
        };
        format!(
            "{name}\n  plan   {} to create, {} to update, {} unchanged, {} invalid, {} held\n  run    {}: {}\n         {balance}\n",
            pass.plan.create,
            pass.plan.update,
            pass.plan.unchanged,
            pass.plan.invalid,
            pass.plan.held,
            pass.state.as_str(),
            pass.equation
        )
    };
    let constants = report
        .mapping
        .iter()
        .filter(|field| field.by == "constant")
        .count();
    let mut text = format!(
        "Mapping\n  {} fields by suggestion, {constants} as constants\n{}{}",
        report.mapping.len() - constants,
        pass("First run", &report.first),
        pass("Second run", &report.second)
    );
    let verdict = &report.verdict;
    text.push_str(&format!(
        "Postino against what should be there\n  {} records, {} fields compared: {}\n",
        verdict.compared_records,
        verdict.compared_fields,
        if verdict.equal { "equal" } else { "DIFFERENT" }
    ));
    if !verdict.not_compared.is_empty() {
        text.push_str(&format!(
            "  not compared: {}\n",
            verdict.not_compared.join(", ")
        ));
    }
    for difference in &verdict.differences {
        text.push_str(&format!("  {}\n", Differences::describe(difference)));
    }
    text
}

/// The workspace of the demo: kept where the person wants it, or gone at the end.
enum Place {
    Kept(PathBuf),
    Passing(tempfile::TempDir),
}

impl Place {
    fn make(keep: Option<PathBuf>) -> Result<Self, Failure> {
        let Some(folder) = keep else {
            return tempfile::Builder::new()
                .prefix("patchbay-demo-")
                .tempdir()
                .map(Self::Passing)
                .map_err(|error| {
                    Failure::internal("There is no room for a temporary folder.", &error)
                });
        };
        let is_empty = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::read_dir(&folder))
            .map(|mut entries| entries.next().is_none())
            .map_err(|error| {
                Failure::invalid(
                    format!("{} cannot be used: {error}.", folder.display()),
                    "Name another folder with --keep.",
                )
            })?;
        if is_empty {
            return Ok(Self::Kept(folder));
        }
        Err(Failure::invalid(
            format!("{} is not empty.", folder.display()),
            "Name a folder with --keep that is empty or not there yet.",
        ))
    }

    fn folder(&self) -> &std::path::Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }
}

/// The text of a JSON value as a person reads it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", crate::output::clip(text, 60)),
        other => crate::output::clip(&other.to_string(), 60),
    }
}
