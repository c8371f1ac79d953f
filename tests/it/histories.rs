//! How histories are written down by hand and lived: see [`testkit::simulation`].

use model::sync::WriteMode;
use testkit::simulation::history::{End, Event, History, RunKind, RunStep, Setting, Step};
use testkit::simulation::{Stage, Tally};

pub(crate) fn live(setting: &Setting, steps: Vec<Step>) -> Tally {
    let history = History {
        seed: 0,
        setting: setting.clone(),
        steps,
    };
    Stage::open()
        .live(&history)
        .unwrap_or_else(|what| panic!("{what}\n{history}"))
}

pub(crate) fn run(kind: RunKind) -> Step {
    Step::Run(RunStep::calm(kind))
}

pub(crate) fn faulty(kind: RunKind, events: Vec<(u32, Event)>) -> Step {
    Step::Run(RunStep {
        events,
        ..RunStep::calm(kind)
    })
}

pub(crate) fn ending(kind: RunKind, end: End) -> Step {
    Step::Run(RunStep {
        end: Some(end),
        ..RunStep::calm(kind)
    })
}

pub(crate) fn in_mode(mode: WriteMode) -> Setting {
    let mut setting = Setting::plain();
    setting.configuration.mode = mode;
    setting
}
