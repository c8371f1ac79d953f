//! Lists of plans that are being looked at: which entries they have, so that any part is there at once.

use std::sync::{Arc, Mutex, PoisonError};

use model::ids::PlanId;
use store::plans::{EntryFilter, PlanState, places};

/// Lists that are remembered; four bytes for each entry of each.
const KEPT: usize = 4;

/// The entries of one list, by number.
type Places = Arc<Vec<u32>>;

/// The lists looked at last, the newest at the end.
#[derive(Debug, Default)]
pub(crate) struct PlanLists(Mutex<Vec<(PlanId, EntryFilter, Places)>>);

impl PlanLists {
    /// The entries of a plan that fit.
    pub(crate) fn places(
        &self,
        db: &store::Connection,
        plan: PlanId,
        state: PlanState,
        filter: &EntryFilter,
    ) -> store::Result<Places> {
        // A plan in the making grows, a discarded one is emptied; the others never change but for their ticks.
        let is_settled = match state {
            PlanState::Ready | PlanState::Applied | PlanState::Stale => true,
            PlanState::Building | PlanState::Discarded => false,
        };
        if !is_settled {
            return Ok(Arc::new(places(db, plan, filter)?));
        }
        if let Some(known) = self.take(plan, filter) {
            self.put(plan, filter.clone(), Arc::clone(&known));
            return Ok(known);
        }
        let found = Arc::new(places(db, plan, filter)?);
        self.put(plan, filter.clone(), Arc::clone(&found));
        Ok(found)
    }

    fn take(&self, plan: PlanId, filter: &EntryFilter) -> Option<Places> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = lists
            .iter()
            .position(|(of, by, _)| *of == plan && by == filter)?;
        let (_, _, known) = lists.remove(at);
        Some(known)
    }

    fn put(&self, plan: PlanId, filter: EntryFilter, places: Places) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Two who looked at once bring the same.
        lists.retain(|(of, by, _)| *of != plan || *by != filter);
        if lists.len() >= KEPT {
            lists.remove(0);
        }
        lists.push((plan, filter, places));
    }
}
