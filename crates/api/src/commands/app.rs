//! The application itself: status, overview, sample platforms, settings.

use model::ids::SyncId;
use model::run::RunCounts;
use sandbox::Sandbox;

use crate::app::App;
use crate::commands::{connections, syncs};
use crate::error::{ApiError, Code};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// The sample data is the same for everybody.
const SAMPLE_SEED: u64 = 7;

pub(crate) async fn get_app_status(app: &App, _: Nothing) -> Result<AppStatus> {
    Ok(AppStatus {
        version: env!("CARGO_PKG_VERSION").into(),
        secrets_backend: app.engine().keeper().backend_name(),
        data_dir: app.engine().data_dir().display().to_string(),
        notes: app.0.notes.clone(),
        sample: app.sample(),
    })
}

pub(crate) async fn get_overview(app: &App, _: Nothing) -> Result<Overview> {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let since = app.engine().clock().now() - DAY;
    let syncs = syncs::list_syncs(app, Nothing {}).await?;
    let connections = connections::list_connections(app, Nothing {}).await?;
    let ids: Vec<SyncId> = syncs.iter().map(|sync| sync.id).collect();
    let left = app
        .engine()
        .store()
        .read(move |db| {
            ids.into_iter()
                .map(|id| {
                    let conflicts = store::conflicts::count(db, Some(id))?;
                    Ok(Left {
                        unwritten: store::unwritten::count(db, id)?,
                        undecided: conflicts.total.saturating_sub(conflicts.decided),
                        decided: conflicts.decided,
                    })
                })
                .collect::<store::Result<Vec<Left>>>()
        })
        .await?;
    let (last_day, runs_last_day) = app
        .engine()
        .store()
        .read(move |db| {
            let mut counts = RunCounts::default();
            let mut n = 0;
            let filter = store::runs::RunFilter {
                sync: None,
                before: None,
                limit: 1000,
            };
            for run in store::runs::list(db, &filter)? {
                if run.started_at >= since {
                    counts.add(&run.counts);
                    n += 1;
                }
            }
            Ok((counts, n))
        })
        .await?;
    Ok(Overview {
        needs_you: needs_you(&syncs, &left, &connections),
        last_day,
        runs_last_day,
        syncs,
        connections,
    })
}

/// What a sync has left for a person.
struct Left {
    /// Records that could not be written.
    unwritten: u64,
    /// Conflicts that nobody has decided.
    undecided: u64,
    /// Decisions that are not carried out.
    decided: u64,
}

/// `left` is in the order of the syncs.
fn needs_you(
    syncs: &[SyncSummary],
    left: &[Left],
    connections: &[ConnectionSummary],
) -> Vec<NeedsYou> {
    let mut items = Vec::new();
    for connection in connections {
        if let ConnectionHealth::SignInNeeded { reason } = &connection.health {
            let waiting = connection.used_by.len();
            items.push(NeedsYou {
                id: format!("sign-in-{}", connection.id),
                severity: NoteSeverity::Error,
                title: format!("Sign in to {} again", connection.name),
                detail: format!(
                    "{} {}",
                    crate::error::sentence(reason),
                    match waiting {
                        0 => "No sync uses it.".to_owned(),
                        1 => "1 sync waits; it goes on where it stopped.".to_owned(),
                        n => format!("{n} syncs wait; they go on where they stopped."),
                    }
                ),
                action: NeedsYouAction::Reconnect {
                    connection: connection.id,
                },
            });
        }
    }
    for (sync, left) in syncs.iter().zip(left) {
        match &sync.state {
            SyncState::Waiting { run, reason } => items.push(NeedsYou {
                id: format!("waiting-{run}"),
                severity: NoteSeverity::Warning,
                title: format!("{} waits for you", sync.name),
                detail: crate::error::sentence(reason),
                action: NeedsYouAction::OpenRun { run: *run },
            }),
            SyncState::Failing { run, reason } => items.push(NeedsYou {
                id: format!("failed-{run}"),
                severity: NoteSeverity::Error,
                title: format!("{} failed", sync.name),
                detail: crate::error::sentence(reason),
                action: NeedsYouAction::OpenRun { run: *run },
            }),
            SyncState::Draft
            | SyncState::Ready
            | SyncState::Running { .. }
            | SyncState::Healthy => {}
        }
        if left.undecided > 0 || left.decided > 0 {
            items.push(NeedsYou {
                id: format!("conflicts-{}", sync.id),
                severity: NoteSeverity::Warning,
                title: match (left.undecided, left.decided) {
                    (0, 1) => format!("1 decision about {} is not carried out", sync.name),
                    (0, n) => format!("{n} decisions about {} are not carried out", sync.name),
                    (1, _) => format!("1 conflict of {} waits for a decision", sync.name),
                    (n, _) => format!("{n} conflicts of {} wait for a decision", sync.name),
                },
                detail: "Both sides do not agree, or somebody changed what was to be taken back. Everything else went through.".into(),
                action: NeedsYouAction::OpenConflicts { sync: sync.id },
            });
        }
        if left.unwritten > 0 {
            items.push(NeedsYou {
                id: format!("left-{}", sync.id),
                severity: NoteSeverity::Warning,
                title: match left.unwritten {
                    1 => format!("1 record of {} was not written", sync.name),
                    n => format!("{n} records of {} were not written", sync.name),
                },
                detail: "Each says why. Mend the mapping or the record, then try them again; all others went through.".into(),
                action: NeedsYouAction::OpenRecords { sync: sync.id },
            });
        }
    }
    items.sort_by_key(|item| match item.severity {
        NoteSeverity::Error => 0,
        NoteSeverity::Warning => 1,
        NoteSeverity::Info => 2,
    });
    items
}

pub(crate) async fn start_sample_platforms(app: &App, _: Nothing) -> Result<SamplePlatforms> {
    let mut running = app.0.sample.lock().await;
    if let Some(names) = app.sample() {
        return Ok(names);
    }
    let store = app.engine().store();
    // The same port each time: connections remember the address.
    let port = store
        .read(|db| store::settings::get::<u16>(db, "sample_port"))
        .await?
        .unwrap_or(0);
    let mut options = sandbox::Options::new(SAMPLE_SEED, app.0.sample_contacts);
    options.port = port;
    options.state_file = Some(app.engine().data_dir().join("sample-platforms.json"));
    let started = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            return Err(ApiError {
                code: Code::Busy,
                message: "The sample platforms could not be started.".into(),
                hint: Some(format!(
                    "Port {port} of this computer is in use, perhaps by another window of Patchbay; close it and try again."
                )),
                details: Some(error.to_string()),
            });
        }
    };
    let used = started.base_url().port().unwrap_or(port);
    store
        .write(move |tx| store::settings::put(tx, "sample_port", &used))
        .await?;
    let names = SamplePlatforms {
        harbor_url: address(&started.harbor_url()),
        postino_url: address(&started.postino_url()),
        harbor_login: "dana@harbor.example / harbor-demo".into(),
        postino_login: "mira@postino.example / postino-demo".into(),
    };
    *app.0
        .names
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(names.clone());
    *running = Some(started);
    Ok(names)
}

fn address(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

pub(crate) async fn get_settings(app: &App, _: Nothing) -> Result<Settings> {
    Ok(app
        .engine()
        .store()
        .read(|db| {
            Ok(Settings {
                history_budget_mb: store::settings::get(db, "history_budget_mb")?.unwrap_or(1024),
                notify: store::settings::get(db, "notify")?.unwrap_or_default(),
                paused: store::settings::get(db, "paused")?.unwrap_or(false),
            })
        })
        .await?)
}

pub(crate) async fn update_settings(app: &App, request: Settings) -> Result<Settings> {
    if !(16..=1_048_576).contains(&request.history_budget_mb) {
        return Err(ApiError::invalid(
            "The space for the history must be between 16 MB and 1 TB.",
            "Choose a size in between; 1024 MB is usual.",
        ));
    }
    let settings = request.clone();
    app.engine()
        .store()
        .write(move |tx| {
            store::settings::put(tx, "history_budget_mb", &settings.history_budget_mb)?;
            store::settings::put(tx, "notify", &settings.notify)?;
            store::settings::put(tx, "paused", &settings.paused)
        })
        .await?;
    apply_settings(app, &request);
    Ok(request)
}

/// What a setting changes while the application runs.
pub(crate) fn apply_settings(app: &App, settings: &Settings) {
    app.engine()
        .store()
        .set_history_budget(u64::from(settings.history_budget_mb) << 20);
}

pub(crate) async fn get_storage(app: &App, _: Nothing) -> Result<Storage> {
    let sizes = app.engine().store().sizes().await?;
    let settings = get_settings(app, Nothing {}).await?;
    Ok(Storage {
        main_bytes: sizes.main_bytes,
        history_bytes: sizes.history_bytes,
        history_budget_bytes: u64::from(settings.history_budget_mb) << 20,
    })
}
