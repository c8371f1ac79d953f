//! What must be true of a workspace whenever nobody works in it.

use api::App;
use model::ids::SyncId;

use crate::app::Closed;

/// What the runs of a sync came to.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// How often its checkpoint was advanced.
    pub sequence: u64,
    /// Records that all its runs together kept back for a person.
    pub held: u64,
}

impl Closed {
    /// Every run of the sync has ended and balances.
    ///
    /// # Panics
    /// When a run does not balance, or was left open.
    pub async fn assert_settled(&self, sync: SyncId) -> Settled {
        self.look(async |app| settled(app, sync).await).await
    }
}

async fn settled(app: &App, sync: SyncId) -> Settled {
    let store = app.engine().store();
    let filter = store::runs::RunFilter {
        sync: Some(sync),
        before: None,
        limit: 200,
    };
    let runs = store
        .read(move |db| store::runs::list(db, &filter))
        .await
        .unwrap();
    let held = runs.iter().map(|run| run.counts.held).sum();
    for run in runs {
        assert!(
            run.counts.balances(),
            "{}: {}",
            run.state.as_str(),
            run.counts.equation()
        );
        assert!(
            run.state.is_terminal(),
            "a run of nobody is {}",
            run.state.as_str()
        );
    }
    let checkpoint = store
        .read(move |db| store::checkpoints::get(db, sync))
        .await
        .unwrap();
    Settled {
        sequence: checkpoint.map_or(0, |stored| stored.sequence),
        held,
    }
}
