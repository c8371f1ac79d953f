//! Histories from seeds, and some made by hand: see [`testkit::simulation`].

use model::sync::{Policy, WriteMode};
use testkit::simulation::history::{
    Configuration, Edit, End, Event, Fault, MemberField, Part, PersonLike, RunKind, RunStep,
    Setting, Stamp, Step,
};
use testkit::simulation::{Stage, Tally, Ways, live_all};

use crate::histories::{ending, faulty, in_mode, live, run};

/// Every promise, whatever happens. `cargo xtask bench simulation --histories 100000` lives many more.
#[test]
fn whatever_happens_nothing_is_lost_doubled_or_done_by_surprise() {
    let tally = live_all(0..1_400, Ways::One).unwrap_or_else(|broken| panic!("{broken}"));
    let reached = [
        (tally.runs, 5_600),
        (tally.planned, 1_400),
        (tally.held, 35),
        (tally.died, 350),
        (tally.failed, 280),
        (tally.created, 2_100),
        (tally.updated, 490),
        (tally.deleted, 35),
        (tally.listed, 350),
    ];
    assert_reached(&tally, &reached);
}

/// The same where changes flow both ways: `cargo xtask bench simulation --both-ways` lives many more.
#[test]
fn whatever_happens_both_ways_no_change_is_lost_without_being_listed() {
    let tally = live_all(0..600, Ways::Both).unwrap_or_else(|broken| panic!("{broken}"));
    let reached = [
        (tally.runs, 3_000),
        (tally.planned, 1_000),
        (tally.held, 300),
        (tally.died, 150),
        (tally.failed, 100),
        (tally.created, 1_000),
        (tally.updated, 120),
        (tally.listed, 100),
    ];
    assert_reached(&tally, &reached);
}

/// The histories have reached what they are meant to reach.
fn assert_reached(tally: &Tally, figures: &[(u64, u64)]) {
    for (reached, least) in figures {
        assert!(reached >= least, "{reached} of {least}: {tally:?}");
    }
}

/// `cargo xtask bench simulation --edits 10000` does it with many more.
#[test]
fn each_of_hundreds_of_edits_on_both_sides_is_kept_overwritten_later_or_listed() {
    for seed in 0..3 {
        let tally = Stage::open()
            .live_long(seed, 300)
            .unwrap_or_else(|broken| panic!("{broken}"));
        assert!(tally.edits >= 300 && tally.updated >= 200, "{tally:?}");
    }
}

#[test]
fn a_seed_is_one_history() {
    let stage = Stage::open();
    for seed in 0..20 {
        let told = || format!("{:?}", stage.seed(seed, Ways::One));
        assert_eq!(told(), told());
    }
}

fn add(n: u8) -> Step {
    Step::Edit(Edit::AddPerson(PersonLike::number(n), Stamp::Later))
}

fn mapped(setting: &Setting, mapping: u8) -> Step {
    Step::Configure(Configuration {
        mapping,
        ..setting.configuration.clone()
    })
}

/// Ends the process at each write to the store in turn, just before it and just after. Gives how many writes a run has.
fn cut_at_each_write(setting: &Setting, before: &[Step], kind: RunKind) -> u32 {
    cut_at_each(setting, before, kind, End::Write)
}

/// Ends the process at each moment of a kind in turn, just before it and just after. Gives how many a run has.
fn cut_at_each(
    setting: &Setting,
    before: &[Step],
    kind: RunKind,
    moment: fn(u32, bool) -> End,
) -> u32 {
    for nth in 1.. {
        let mut died = 0;
        for is_before in [true, false] {
            let mut steps = before.to_vec();
            steps.push(ending(kind, moment(nth, is_before)));
            died += live(setting, steps).died;
        }
        if died == 0 {
            return nth;
        }
    }
    unreachable!()
}

/// Ends the process before and after each request and each write to the store: between two of them, nothing that lasts
/// happens. Gives at how many moments.
fn cut_everywhere(setting: &Setting, before: &[Step], kind: RunKind) -> u32 {
    let moments: [fn(u32, bool) -> End; 2] = [End::Request, End::Write];
    let cuts = moments.map(|moment| cut_at_each(setting, before, kind, moment));
    cuts.into_iter().sum()
}

/// Ends the process whenever it waits for anything at all.
fn cut_at_each_poll(setting: &Setting, before: &[Step], kind: RunKind) -> u32 {
    cut_at_each(setting, before, kind, |nth, _| End::Poll(nth))
}

fn changed(n: u8) -> Step {
    let other = PersonLike::number(n + 100);
    Step::Edit(Edit::ChangePerson(n, other, Stamp::Later))
}

fn named(member: u8, n: u8) -> Step {
    let name = MemberField::Name;
    Step::Edit(Edit::ChangeMember(member, name, PersonLike::number(n)))
}

fn planning() -> Setting {
    let mut setting = Setting::plain();
    setting.configuration.guards.from_records = 0;
    setting
}

#[test]
fn the_power_may_go_at_every_write_of_a_first_load() {
    let people: Vec<Step> = (0..5).map(add).collect();
    for batch in [1, 5] {
        let mut setting = Setting::plain();
        setting.target.batch = batch;
        assert!(cut_at_each_write(&setting, &people, RunKind::New) > 9);
    }
    assert!(cut_at_each_write(&planning(), &people, RunKind::New) > 9);
}

#[test]
fn the_power_may_go_at_every_write_of_an_update() {
    let mut steps: Vec<Step> = (0..5).map(add).collect();
    steps.push(run(RunKind::New));
    for n in 0..5 {
        let other = PersonLike::number(n + 100);
        steps.push(Step::Edit(Edit::ChangePerson(n, other, Stamp::Later)));
    }
    for has_versions in [false, true] {
        for mut setting in [Setting::plain(), planning()] {
            setting.target.has_versions = has_versions;
            assert!(cut_at_each_write(&setting, &steps, RunKind::New) > 6);
        }
    }
    steps.push(run(RunKind::Plan(0)));
    assert!(cut_at_each_write(&planning(), &steps, RunKind::Apply) > 5);
}

#[test]
fn another_mapping_after_a_first_run_that_was_cut_off_reaches_its_records_too() {
    let setting = Setting::plain();
    let unavailable = Event::Fault(Fault::Unavailable);
    for at in 2..6 {
        live(
            &setting,
            vec![
                add(0),
                add(1),
                add(2),
                faulty(RunKind::New, vec![(at, unavailable.clone())]),
                mapped(&setting, 2),
            ],
        );
    }
}

#[test]
fn a_mapping_that_comes_back_after_a_run_of_another_one_was_cut_off_reaches_its_records_too() {
    for setting in [Setting::plain(), planning()] {
        for nth in 1..12 {
            live(
                &setting,
                vec![
                    add(0),
                    add(1),
                    add(2),
                    run(RunKind::New),
                    mapped(&setting, 2),
                    ending(RunKind::New, End::Write(nth, false)),
                    mapped(&setting, 0),
                ],
            );
        }
    }
}

#[test]
fn a_look_up_that_finds_what_belongs_to_another_record_takes_it_not() {
    let mut setting = Setting::plain();
    setting.target.batch = 5;
    setting.target.is_unique = true;
    // The first person gets the address that a new one has; the answer for the new one is forgotten.
    let takes = PersonLike {
        number: 0,
        ..PersonLike::number(7)
    };
    for at in 2..6 {
        live(
            &setting,
            vec![
                add(0),
                run(RunKind::New),
                Step::Edit(Edit::ChangePerson(0, takes, Stamp::Later)),
                add(7),
                faulty(RunKind::New, vec![(at, Event::Fault(Fault::Short))]),
            ],
        );
    }
}

#[test]
fn a_look_up_that_finds_what_somebody_else_made_takes_ours_or_brings_theirs_up_to_date() {
    for fault in [Fault::LostAfter, Fault::LostBefore] {
        for at in 2..6 {
            let somebody = Event::Edit(Edit::AddMember(PersonLike::number(0)));
            live(
                &Setting::plain(),
                vec![
                    add(0),
                    faulty(
                        RunKind::New,
                        vec![(at, somebody), (at, Event::Fault(fault))],
                    ),
                ],
            );
        }
    }
}

#[test]
fn what_the_journal_holds_for_a_person_stays_on_the_list() {
    let mut setting = Setting::plain();
    setting.target.is_searchable = false;
    setting.configuration.matches = false;
    setting.target.batch = 5;
    setting.source.page = 5;
    for at in 1..6 {
        let mut steps: Vec<Step> = (0..4).map(add).collect();
        steps.extend([
            ending(RunKind::New, End::Request(at, false)),
            run(RunKind::Plan(1)),
            run(RunKind::Apply),
        ]);
        live(&setting, steps);
    }
}

#[test]
fn a_plan_that_is_applied_again_after_its_process_died_doubles_nothing() {
    for is_searchable in [false, true] {
        for is_idempotent in [false, true] {
            let mut setting = planning();
            setting.target.is_searchable = is_searchable;
            setting.target.is_idempotent = is_idempotent;
            setting.configuration.matches = is_searchable;
            for nth in 1..9 {
                let steps = vec![
                    add(0),
                    add(1),
                    run(RunKind::Plan(0)),
                    ending(RunKind::Apply, End::Write(nth, true)),
                    run(RunKind::Apply),
                ];
                live(&setting, steps);
            }
        }
    }
}

#[test]
fn a_look_up_that_finds_what_the_journal_has_for_another_record_takes_it_not() {
    for batch in [1, 2] {
        let mut setting = Setting::plain();
        setting.target.batch = batch;
        for at in 2..7 {
            // The second person is about to get the member, the first is about to be made; then somebody gives the
            // member the address of the first.
            let address = MemberField::Address;
            live(
                &setting,
                vec![
                    Step::Edit(Edit::AddMember(PersonLike::number(3))),
                    add(0),
                    add(3),
                    ending(RunKind::New, End::Request(at, true)),
                    Step::Edit(Edit::ChangeMember(0, address, PersonLike::number(0))),
                ],
            );
        }
    }
}

fn both_ways(policy: Policy) -> Setting {
    Setting {
        both_ways: Some(policy),
        ..Setting::plain()
    }
}

/// A first run both ways, which a person has approved and something befalls.
fn approved(setting: &Setting, apply: RunStep, then: Vec<Step>) -> Tally {
    let mut steps = vec![
        Step::Edit(Edit::AddMember(PersonLike::number(9))),
        add(0),
        add(1),
        run(RunKind::New),
        Step::Run(apply),
    ];
    steps.extend(then);
    live(setting, steps)
}

#[test]
fn what_somebody_edits_while_an_answer_is_lost_flows_or_is_listed() {
    for (policy, is_idempotent) in [(Policy::Ask, true), (Policy::Source, false)] {
        let mut setting = both_ways(policy);
        setting.target.is_idempotent = is_idempotent;
        for at in 2..8 {
            for (is_before, member) in [(false, 0), (false, 1), (true, 0), (true, 2)] {
                let apply = RunStep {
                    end: Some(End::Request(at, is_before)),
                    ..RunStep::calm(RunKind::Apply)
                };
                let edit = Edit::ChangeMember(member, MemberField::Name, PersonLike::number(5));
                approved(&setting, apply, vec![Step::Edit(edit)]);
            }
        }
    }
}

/// Long histories in which a write was sent again, or a decision carried out, over an edit that nobody had seen.
#[test]
fn what_is_sent_again_or_was_decided_overwrites_no_edit_that_came_since() {
    for seed in [3, 5] {
        let lived = Stage::open().live_long(seed, 500);
        lived.unwrap_or_else(|broken| panic!("{broken}"));
    }
}

#[test]
fn what_somebody_edits_between_a_write_and_the_look_at_it_is_no_echo_where_versions_tell() {
    let mut setting = both_ways(Policy::Ask);
    setting.target.has_versions = true;
    for field in [MemberField::Name, MemberField::Address] {
        for at in 1..8 {
            for member in 0..3 {
                let edit = Edit::ChangeMember(member, field, PersonLike::number(5));
                let apply = RunStep {
                    events: vec![(at, Event::Edit(edit))],
                    ..RunStep::calm(RunKind::Apply)
                };
                approved(&setting, apply, Vec::new());
            }
        }
    }
}

#[test]
fn the_power_may_go_wherever_a_run_one_way_waits() {
    let people = [add(0), add(1), add(2)];
    let changes = [run(RunKind::New), changed(0), changed(1)];
    let all = [people.as_slice(), changes.as_slice()].concat();
    for mode in [WriteMode::Upsert, WriteMode::Append, WriteMode::FullRefresh] {
        let setting = in_mode(mode);
        assert!(cut_everywhere(&setting, &people, RunKind::New) > 8);
        assert!(cut_everywhere(&setting, &all, RunKind::New) > 8);
    }
    assert!(cut_at_each_poll(&Setting::plain(), &all, RunKind::New) > 2);
    let mut mirror = in_mode(WriteMode::Mirror);
    mirror.configuration.sightings = 1;
    let gone = [all.as_slice(), &[Step::Edit(Edit::RemovePerson(2))]].concat();
    assert!(cut_everywhere(&mirror, &gone, RunKind::Full) > 8);
}

#[test]
fn the_power_may_go_wherever_a_run_both_ways_waits() {
    for has_versions in [false, true] {
        let mut setting = both_ways(Policy::Ask);
        setting.target.has_versions = has_versions;
        let met = [
            Step::Edit(Edit::AddMember(PersonLike::number(9))),
            add(0),
            add(1),
            run(RunKind::New),
        ];
        assert!(cut_everywhere(&setting, &met, RunKind::Apply) > 8);
        let edits = [run(RunKind::Apply), changed(0), named(1, 7), named(2, 8)];
        let all = [met.as_slice(), edits.as_slice()].concat();
        assert!(cut_everywhere(&setting, &all, RunKind::New) > 8);
        assert!(cut_at_each_poll(&setting, &all, RunKind::New) > 8);
        let decided = [
            run(RunKind::Apply),
            changed(0),
            named(1, 7),
            run(RunKind::New),
            run(RunKind::Decide(1)),
        ];
        let all = [met.as_slice(), decided.as_slice()].concat();
        assert!(cut_everywhere(&setting, &all, RunKind::Apply) > 8);
    }
}

#[test]
fn the_power_may_go_wherever_a_run_waits_that_takes_one_back() {
    let steps = [
        add(0),
        add(1),
        run(RunKind::New),
        changed(0),
        add(2),
        run(RunKind::New),
        named(1, 7),
        run(RunKind::Undo(0, Part::All)),
    ];
    for has_versions in [false, true] {
        let mut setting = Setting::plain();
        setting.target.has_versions = has_versions;
        assert!(cut_everywhere(&setting, &steps, RunKind::Apply) > 8);
        // And that too is taken back.
        let again = [run(RunKind::Apply), run(RunKind::Undo(0, Part::All))];
        let all = [steps.as_slice(), again.as_slice()].concat();
        assert!(cut_everywhere(&setting, &all, RunKind::Apply) > 8);
    }
}

#[test]
fn what_is_added_anew_is_added_once_whatever_becomes_of_the_answer() {
    let setting = in_mode(WriteMode::Append);
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        for at in 1..6 {
            let lost = faulty(RunKind::New, vec![(at, Event::Fault(fault))]);
            live(&setting, vec![add(0), run(RunKind::New), changed(0), lost]);
        }
    }
}

#[test]
fn a_plan_that_adds_anew_is_applied_once() {
    let mut setting = in_mode(WriteMode::Append);
    setting.target.is_searchable = false;
    setting.configuration.matches = false;
    for is_idempotent in [false, true] {
        setting.target.is_idempotent = is_idempotent;
        for nth in 1..9 {
            let steps = vec![
                add(0),
                run(RunKind::Plan(0)),
                ending(RunKind::Apply, End::Write(nth, true)),
                run(RunKind::Apply),
            ];
            live(&setting, steps);
        }
    }
}

#[test]
fn what_is_taken_back_is_what_that_run_wrote_and_nobody_changed_since() {
    for has_versions in [false, true] {
        for part in [Part::All, Part::Records, Part::Names] {
            for nth in 0..2 {
                for edit in [named(0, 7), named(1, 7), changed(1)] {
                    let mut setting = Setting::plain();
                    setting.target.has_versions = has_versions;
                    let steps = vec![
                        add(0),
                        add(1),
                        run(RunKind::New),
                        changed(0),
                        run(RunKind::New),
                        edit,
                        run(RunKind::Undo(nth, part)),
                        run(RunKind::Apply),
                        run(RunKind::Undo(0, part)),
                        run(RunKind::Apply),
                    ];
                    live(&setting, steps);
                }
            }
        }
    }
}

#[test]
fn what_somebody_edits_on_a_source_that_the_plan_had_not_read_is_not_overwritten() {
    for has_versions in [false, true] {
        let mut setting = both_ways(Policy::Ask);
        setting.target.has_versions = has_versions;
        for at in 1..9 {
            for person in 0..3 {
                let edit = Edit::ChangePerson(person, PersonLike::number(105), Stamp::Later);
                let then = vec![
                    named(0, 7),
                    named(1, 8),
                    named(2, 9),
                    faulty(RunKind::New, vec![(at, Event::Edit(edit))]),
                ];
                approved(&setting, RunStep::calm(RunKind::Apply), then);
            }
        }
    }
}

#[test]
fn what_is_refused_both_ways_is_set_aside_too() {
    let refused = PersonLike {
        name: 23,
        ..PersonLike::number(105)
    };
    let mut then = vec![Step::Edit(Edit::ChangePerson(0, refused, Stamp::Later))];
    then.extend((0..7).map(|_| run(RunKind::New)));
    let setting = both_ways(Policy::Ask);
    let tally = approved(&setting, RunStep::calm(RunKind::Apply), then);
    assert_eq!(tally.listed, 1);
}
