//! What must be true of a workspace whenever nobody works in it.

use api::App;
use model::ids::SyncId;

use crate::app::Closed;

impl Closed {
    /// Every run of the sync has ended and balances. Gives how often its checkpoint was advanced.
    ///
    /// # Panics
    /// When a run does not balance, or was left open.
    pub async fn assert_settled(&self, sync: SyncId) -> u64 {
        self.look(async |app| settled(app, sync).await).await
    }
}

async fn settled(app: &App, sync: SyncId) -> u64 {
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
    checkpoint.map_or(0, |stored| stored.sequence)
}
