//! Living a history: step by step, each run in a process of its own that can end.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use engine::Job;
use engine::alone::Alone;
use engine::retries::Resent;
use engine::run::Input;
use engine::undo::{self, Selection};
use model::clock::Clock;
use model::conflict::Decision as Choice;
use model::ids::{ConnectionId, PlanId, RunId, SyncId};
use model::record::RecordKey;
use model::run::RunState;
use model::sync::WriteMode;
use store::conflicts::ConflictFilter;
use store::inline::{Access, Fate, Inline};
use store::plans::PlanState;
use store::runs::Run;
use tokio_util::sync::CancellationToken;

use super::Tally;
use super::configured::{document, job};
use super::history::{Configuration, End, Event, History, Part, RunKind, RunStep, Setting, Step};
use super::long::Listed;
use super::platform::Platform;
use super::rest;

/// A history under way.
pub(super) struct Life<'a> {
    pub(super) setting: &'a Setting,
    pub(super) configuration: Configuration,
    /// Runs read both sides, or did once.
    reads_both: bool,
    /// Every change is added anew, or was once.
    pub(super) appends: bool,
    pub(super) store: &'a Arc<Inline>,
    pub(super) clock: &'a Clock,
    pub(super) sync: SyncId,
    ends: [ConnectionId; 2],
    pub(super) platform: Platform,
    pub(super) job: Job,
    /// Records that waited for a person when the run began: it may try each of them once more.
    waiting: u64,
    most_waiting: u64,
    /// What was ever listed for a person to decide.
    pub(super) listed: Listed,
    /// Persons that were ticked off in a plan, so that the cursor went past them.
    pub(super) ticked_off: BTreeSet<RecordKey>,
    pub(super) tally: Tally,
}

/// What a run came to: none when its process died.
pub(super) enum Came {
    Died,
    Run(Run),
    /// A plan, or why there is none.
    Plan(Result<PlanId, engine::Error>),
    /// There was nothing to do.
    Nothing,
}

/// Lives it.
pub(super) fn live(history: &History, store: &Arc<Inline>, clock: &Clock) -> Result<Tally, String> {
    let mut life = Life::begin(&history.setting, store, clock)?;
    for (n, step) in history.steps.iter().enumerate() {
        let at = |what: String| format!("in step {}: {what}", n + 1);
        life.step(step).map_err(at)?;
    }
    rest::come_to_rest(&mut life)?;
    life.tally.histories = 1;
    life.tally.requests = u64::from(life.platform.state().all_requests);
    Ok(life.tally)
}

impl<'a> Life<'a> {
    pub(super) fn begin(
        setting: &'a Setting,
        store: &'a Arc<Inline>,
        clock: &'a Clock,
    ) -> Result<Self, String> {
        let sync = SyncId::new();
        let ends = [ConnectionId::new(), ConnectionId::new()];
        let configuration = setting.configuration.clone();
        let document = document(ends, setting, &configuration);
        let now = clock.now();
        store
            .change(|tx| store::syncs::insert(tx, sync, &document, now))
            .unwrap();
        let platform = Platform::new(setting.clone(), Arc::clone(store), sync, clock.clone());
        let job = job(sync, 1, document, &platform)?;
        platform.state().watch.pages_shift = setting.source.has_offset_pages;
        platform.state().watch.both_ways = setting.both_ways.is_some();
        let (program, policy) = (Arc::clone(&job.program), setting.policy(&configuration));
        platform
            .state()
            .watch
            .version(1, program, &configuration, policy);
        Ok(Self {
            setting,
            reads_both: job.back.is_some(),
            appends: configuration.mode == WriteMode::Append,
            configuration,
            store,
            clock,
            sync,
            ends,
            platform,
            job,
            waiting: 0,
            most_waiting: 0,
            listed: Listed::default(),
            ticked_off: BTreeSet::new(),
            tally: Tally::default(),
        })
    }

    pub(super) fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Edit(edit) => {
                let is_read = self.is_reading();
                let mut state = self.platform.state();
                state
                    .world
                    .edit(edit, self.setting.target.normalises, is_read);
                Ok(())
            }
            Step::Configure(configuration) => self.configure(configuration),
            Step::Clock(millis) => {
                self.clock.advance(*millis);
                Ok(())
            }
            Step::Run(run) => self.run(run).map(|_| ()),
        }
    }

    /// A read was cut off and goes on where it was.
    fn is_reading(&self) -> bool {
        let sync = self.sync;
        let stored = self.store.look(|db| store::checkpoints::get(db, sync));
        stored
            .unwrap()
            .is_some_and(|stored| stored.checkpoint.position.is_some())
    }

    fn configure(&mut self, configuration: &Configuration) -> Result<(), String> {
        let document = document(self.ends, self.setting, configuration);
        let (sync, now) = (self.sync, self.clock.now());
        let version = self
            .store
            .change(|tx| {
                store::plans::mark_stale(tx, sync)?;
                store::syncs::publish(tx, sync, &document, now)
            })
            .unwrap();
        self.job = job(sync, version, document, &self.platform)?;
        self.reads_both |= self.job.back.is_some();
        self.appends |= configuration.mode == WriteMode::Append;
        self.configuration = configuration.clone();
        let (program, policy) = (
            Arc::clone(&self.job.program),
            self.setting.policy(configuration),
        );
        self.platform
            .state()
            .watch
            .version(version, program, configuration, policy);
        Ok(())
    }

    /// A run in a process of its own, and what must hold after it.
    pub(super) fn run(&mut self, step: &RunStep) -> Result<Came, String> {
        let Some(input) = self.input(step.kind) else {
            return Ok(Came::Nothing);
        };
        let sync = self.sync;
        let (listed, open) = self
            .store
            .look(|db| {
                Ok((
                    store::unwritten::count(db, sync)?,
                    store::journal::pending_of_sync(db, sync)?,
                ))
            })
            .unwrap();
        // What is settled first may turn out to be refused.
        self.waiting = listed + open.len() as u64;
        self.most_waiting = self.most_waiting.max(self.waiting);
        let cancel = CancellationToken::new();
        {
            let mut state = self.platform.state();
            state.requests = 0;
            state.events.clone_from(&step.events);
            state.end = step.end;
            let is_edit = |(_, event): &(u32, Event)| matches!(event, Event::Edit(_));
            let is_calm = step.end.is_none() && step.full.is_none();
            state.was_in_trouble |= !is_calm || !step.events.iter().all(is_edit);
            state.ended = Arc::default();
            state.cancel = cancel.clone();
            state.watch.run_begins(step.kind.is_plan(), open);
        }
        let was_full = self.script(step);
        let alone = Alone {
            store: self.store.store(),
            clock: self.clock.clone(),
            cancel,
            is_recorded: false,
            settle_pause: Duration::ZERO,
        };
        let came = self.process(step, alone, input);
        self.store.script(None);
        {
            let mut state = self.platform.state();
            state.events.clear();
            state.end = None;
            state.world.run_ends();
            if let Some(broken) = state.watch.broken.take() {
                return Err(broken);
            }
        }
        let came = match came {
            None => {
                self.tally.died += 1;
                Came::Died
            }
            Some(Ok(came)) => came,
            Some(Err(_)) if was_full.load(Ordering::Relaxed) => Came::Died,
            Some(Err(error)) => return Err(format!("how it ended could not be written: {error}")),
        };
        let is_calm = step.end.is_none()
            && !was_full.load(Ordering::Relaxed)
            && step
                .events
                .iter()
                .all(|(_, event)| matches!(event, Event::Edit(_)));
        self.check(step.kind, &came, is_calm)?;
        if let (RunKind::Plan(nth), Came::Plan(Ok(plan))) = (step.kind, &came) {
            self.tick_off(*plan, nth);
        }
        Ok(came)
    }

    /// What a run of this kind begins with; none where there is nothing for it.
    fn input(&self, kind: RunKind) -> Option<Wanted> {
        let sync = self.sync;
        Some(match kind {
            RunKind::New => Wanted::Run(Input::Stream { full: false }),
            RunKind::Full => Wanted::Run(Input::Stream { full: true }),
            RunKind::Plan(_) => Wanted::Plan,
            RunKind::Decide(nth) => {
                if !self.decide(nth) {
                    return None;
                }
                Wanted::Decisions
            }
            RunKind::Undo(nth, part) => {
                let filter = store::runs::RunFilter {
                    sync: Some(sync),
                    before: None,
                    limit: 1000,
                };
                let runs = self.store.look(|db| store::runs::list(db, &filter));
                let mut runs = runs.unwrap().into_iter().filter(undo::is_possible);
                let selection = match part {
                    Part::All => Selection::default(),
                    Part::Records => Selection {
                        seqs: (1..200).step_by(2).collect(),
                        ..Selection::default()
                    },
                    Part::Names => Selection {
                        fields: vec!["name".into()],
                        ..Selection::default()
                    },
                };
                Wanted::Undo(runs.nth(usize::from(nth))?.id, selection)
            }
            RunKind::Apply => {
                let plans = self
                    .store
                    .look(|db| store::plans::list(db, sync, 10))
                    .unwrap();
                let plan = plans.into_iter().find(|plan| {
                    plan.state == PlanState::Ready && plan.sync_version == self.job.version
                })?;
                Wanted::Run(Input::Plan(plan.id))
            }
            RunKind::Retry => {
                let (page, _) = self
                    .store
                    .look(|db| store::unwritten::page(db, sync, None, 100))
                    .unwrap();
                let state = self.platform.state();
                let records: Vec<_> = page
                    .into_iter()
                    .map(|one| one.source_key)
                    // The person has looked: what is there is not made again.
                    .filter(|key| {
                        let mut members = state.world.members.values();
                        !members.any(|member| member.made_for.as_ref() == Some(key))
                    })
                    .filter_map(|key| {
                        Some(Resent {
                            source: state.watch.latest(&key)?,
                            source_key: key,
                            edited: None,
                            of_target: None,
                        })
                    })
                    .collect();
                if records.is_empty() {
                    return None;
                }
                Wanted::Run(Input::Records(records))
            }
        })
    }

    /// A person decides every n-th conflict. Gives whether there is something to carry out.
    fn decide(&self, nth: u8) -> bool {
        let (filter, now) = (ConflictFilter::default(), self.clock.now());
        let open = self
            .store
            .look(|db| store::conflicts::page(db, &filter, None, 1_000))
            .unwrap();
        let chosen = open.iter().step_by(usize::from(nth.max(1)));
        let choices = [Choice::Source, Choice::Target, Choice::KeepBoth];
        let mut any = open.iter().any(|conflict| conflict.decision.is_some());
        for (conflict, choice) in chosen.zip(choices.iter().cycle().skip(usize::from(nth))) {
            // Who wins over a deletion is another history.
            if conflict.field.is_empty() {
                continue;
            }
            self.store
                .change(|tx| store::conflicts::decide(tx, conflict.id, Some(choice), now))
                .unwrap();
            self.platform.state().watch.decided(conflict, choice);
            any = true;
        }
        any
    }

    /// Tells the store what becomes of its transactions. Gives whether one found the disk full.
    fn script(&self, step: &RunStep) -> Arc<AtomicBool> {
        let was_full = Arc::new(AtomicBool::new(false));
        let (end, full) = (step.end, step.full);
        let ends_in_store = matches!(end, Some(End::Transaction(..) | End::Write(..)));
        if full.is_none() && !ends_in_store {
            return was_full;
        }
        let ended = Arc::clone(&self.platform.state().ended);
        let (all, writes) = (AtomicU32::new(0), AtomicU32::new(0));
        let found_full = Arc::clone(&was_full);
        self.store.script(Some(Arc::new(move |access| {
            let n = all.fetch_add(1, Ordering::Relaxed) + 1;
            let nth_write = if access == Access::Write {
                writes.fetch_add(1, Ordering::Relaxed) + 1
            } else {
                0
            };
            let is_before = match end {
                Some(End::Transaction(at, is_before)) if at == n => Some(is_before),
                Some(End::Write(at, is_before)) if at == nth_write => Some(is_before),
                _ => None,
            };
            if let Some(is_before) = is_before {
                ended.notify_one();
                return if is_before {
                    Fate::EndBefore
                } else {
                    Fate::EndAfter
                };
            }
            if full.is_some_and(|(from, to)| (from..=to).contains(&nth_write)) {
                found_full.store(true, Ordering::Relaxed);
                return Fate::Full;
            }
            Fate::Done
        })));
        was_full
    }

    /// None when it died.
    fn process(
        &self,
        step: &RunStep,
        alone: Alone,
        wanted: Wanted,
    ) -> Option<Result<Came, engine::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let ended = Arc::clone(&self.platform.state().ended);
        let polls = match step.end {
            Some(End::Poll(polls)) => polls,
            _ => u32::MAX,
        };
        let work = async {
            match wanted {
                Wanted::Run(input) => alone.run(&self.job, input).await.map(Came::Run),
                Wanted::Plan => Ok(Came::Plan(alone.plan(&self.job).await)),
                Wanted::Decisions => Ok(Came::Plan(alone.decisions(&self.job).await)),
                Wanted::Undo(run, selection) => {
                    Ok(Came::Plan(alone.undo(&self.job, run, selection).await))
                }
            }
        };
        // Everything of the process goes with its runtime.
        runtime.block_on(async {
            tokio::select! {
                biased;
                came = until_poll(work, polls) => came,
                () = ended.notified() => None,
            }
        })
    }

    /// A person leaves some of a plan out.
    fn tick_off(&mut self, plan: PlanId, nth: u8) {
        if nth == 0 {
            return;
        }
        let entries = self
            .store
            .look(|db| store::plans::page(db, plan, None, 100))
            .unwrap();
        for entry in entries.iter().skip(1).step_by(usize::from(nth)) {
            let seq = entry.seq;
            self.store
                .change(|tx| store::plans::set_included(tx, plan, &[seq], false))
                .unwrap();
            self.ticked_off.insert(entry.source_key.clone());
        }
    }

    /// What must hold after every run.
    fn check(&mut self, kind: RunKind, came: &Came, is_calm: bool) -> Result<(), String> {
        let sync = self.sync;
        let filter = store::runs::RunFilter {
            sync: Some(sync),
            before: None,
            limit: 1000,
        };
        let (runs, checkpoint) = self
            .store
            .look(|db| {
                Ok((
                    store::runs::list(db, &filter)?,
                    store::checkpoints::get(db, sync)?,
                ))
            })
            .unwrap();
        let mut state = self.platform.state();
        let n_edits = state.world.edits.len();
        let watch = &mut state.watch;
        watch.checkpoint(checkpoint.map_or(0, |stored| stored.sequence));
        if let Some(broken) = watch.broken.take() {
            return Err(broken);
        }
        if self.setting.is_wide {
            self.listed.note(self.store, sync, n_edits);
        }
        for run in &runs {
            let equation = || {
                format!(
                    "{} {}: {}",
                    run.id,
                    run.state.as_str(),
                    run.counts.equation()
                )
            };
            if !run.counts.balances() {
                return Err(format!("the equation does not hold: {}", equation()));
            }
            let read = watch.read_by.get(&run.id);
            // What is found to be gone counts as read too.
            let gone = run.counts.deleted
                + run.counts.filtered
                + run.counts.conflict
                + run.counts.held
                + run.counts.rejected
                + self.most_waiting;
            if !self.reads_both && read.is_some_and(|read| run.counts.read > *read + gone) {
                return Err(format!("{read:?} were brought: {}", equation()));
            }
        }
        let run = match came {
            Came::Run(run) => run,
            // There may be nothing to take back, or no way to see it.
            Came::Plan(Err(engine::Error::Refused(_))) if matches!(kind, RunKind::Undo(..)) => {
                return Ok(());
            }
            Came::Plan(Err(error)) if is_calm => {
                return Err(format!("a plan failed for no reason: {error}"));
            }
            Came::Plan(_) | Came::Died | Came::Nothing => return Ok(()),
        };
        self.tally.runs += 1;
        self.tally.created += run.counts.created;
        self.tally.updated += run.counts.updated;
        self.tally.deleted += run.counts.deleted;
        let guards = &self.configuration.guards;
        let linked = watch.linked.len() as u64;
        let least = guards
            .from_records
            .min(guards.empty_source_above.saturating_add(1));
        let reads = matches!(kind, RunKind::New | RunKind::Full);
        let mirrors = matches!(
            self.configuration.mode,
            WriteMode::Mirror | WriteMode::FullRefresh
        ) || self.setting.both_ways.is_some();
        let is_planned = reads && linked >= u64::from(least);
        self.tally.planned += u64::from(is_planned);
        match run.state {
            RunState::Completed
                if reads
                    && (run.counts.read < watch.read
                        || (run.counts.read > watch.read + self.waiting && !mirrors)) =>
            {
                return Err(format!(
                    "{} were brought: {}",
                    watch.read,
                    run.counts.equation()
                ));
            }
            RunState::Completed => {}
            RunState::Waiting if run.plan.is_some() => self.tally.held += 1,
            // What is known of a record may be too old to be sent again: the next read brings it.
            RunState::Failed if kind == RunKind::Retry && watch.own == 0 => self.tally.failed += 1,
            _ if is_calm => return Err(format!("ended for no reason: {run:?}")),
            _ => self.tally.failed += 1,
        }
        if run.state == RunState::Waiting && run.plan.is_some() && watch.own > 0 {
            return Err(format!(
                "a guard held it after {} changes were sent",
                watch.own
            ));
        }
        let percent = watch.updated.len() as u64 * 100 / linked.max(1);
        if reads
            && linked >= u64::from(guards.from_records)
            && guards.max_update_percent < 100
            && percent > u64::from(guards.max_update_percent)
        {
            return Err(format!(
                "{percent} % were updated, and the guard is {guards:?}"
            ));
        }
        let percent = watch.deleted.len() as u64 * 100 / linked.max(1);
        if reads
            && linked >= u64::from(guards.from_records)
            && percent > u64::from(guards.max_delete_percent)
        {
            return Err(format!(
                "{percent} % were deleted, and the guard is {guards:?}"
            ));
        }
        let is_empty = kind == RunKind::Full && watch.read == 0;
        if is_empty
            && run.state == RunState::Completed
            && linked > u64::from(guards.empty_source_above)
        {
            return Err(format!(
                "the source was empty, {linked} are linked, and nobody was asked"
            ));
        }
        Ok(())
    }
}

/// How a process begins.
enum Wanted {
    Run(Input),
    Plan,
    Decisions,
    Undo(RunId, Selection),
}

/// Ends at the n-th poll, as a process may.
async fn until_poll<T>(
    work: impl Future<Output = Result<T, engine::Error>>,
    polls: u32,
) -> Option<Result<T, engine::Error>> {
    let mut work = std::pin::pin!(work);
    let mut n = 0;
    std::future::poll_fn(move |context| {
        n += 1;
        if n >= polls {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}
