//! Histories that once broke a promise: see [`testkit::simulation`]. Each is what a seed was shortened to.

use model::sync::{Policy, WriteMode};
use testkit::simulation::history::{
    Configuration, Edit, End, Event, Fault, MemberField, Part, PersonLike, RunKind, RunStep,
    Setting, Stamp, Step,
};
use testkit::simulation::{Ways, live_all};

use crate::histories::{ending, faulty, in_mode, live, run};

fn with_versions(mode: WriteMode) -> Setting {
    let mut setting = in_mode(mode);
    setting.target.has_versions = true;
    setting
}

fn like(address: u8, name: u8, number: u8) -> PersonLike {
    PersonLike {
        address,
        name,
        number,
    }
}

fn add(like: PersonLike) -> Step {
    Step::Edit(Edit::AddPerson(like, Stamp::Later))
}

/// The name, and what is in `number`; the address stays.
fn change(person: u8, name: u8, number: u8) -> Edit {
    Edit::ChangePerson(person, like(80, name, number), Stamp::Later)
}

fn named(member: u8, n: u8) -> Edit {
    Edit::ChangeMember(member, MemberField::Name, like(0, n, 0))
}

fn configured(setting: &Setting, mapping: u8, mode: WriteMode) -> Step {
    Step::Configure(Configuration {
        mapping,
        mode,
        ..setting.configuration.clone()
    })
}

#[test]
fn an_edit_of_the_mapping_adds_nothing_where_every_change_is_added() {
    use WriteMode::{Append, FullRefresh, Update, Upsert};
    for mode in [Append, Upsert, FullRefresh, Update] {
        for is_planned in [false, true] {
            let setting = in_mode(if mode == Update { Upsert } else { mode });
            let mut steps = vec![add(PersonLike::number(0)), add(PersonLike::number(1))];
            if is_planned {
                steps.extend([run(RunKind::Plan(0)), run(RunKind::Apply)]);
            } else {
                steps.push(run(RunKind::New));
            }
            steps.extend([
                configured(&setting, 2, mode),
                run(RunKind::New),
                configured(&setting, 1, Append),
                run(RunKind::New),
                Step::Edit(change(0, 100, 200)),
            ]);
            let tally = live(&setting, steps);
            assert!(tally.created >= 2, "{tally:?}");
        }
    }
}

#[test]
fn what_was_added_without_an_answer_is_known_again_however_the_platform_writes_it() {
    let mut setting = in_mode(WriteMode::Append);
    setting.target.normalises = true;
    setting.target.tells_member = true;
    for at in 2..6 {
        let lost = faulty(RunKind::Full, vec![(at, Event::Fault(Fault::LostAfter))]);
        live(&setting, vec![add(like(242, 79, 107)), lost]);
    }
}

#[test]
fn what_was_added_without_an_answer_and_edited_since_is_not_added_again() {
    for is_idempotent in [false, true] {
        for has_versions in [false, true] {
            let mut setting = in_mode(WriteMode::Append);
            setting.target.is_idempotent = is_idempotent;
            setting.target.has_versions = has_versions;
            for at in 1..7 {
                for is_before in [false, true] {
                    let end = End::Request(at, is_before);
                    let first = vec![add(like(0, 0, 0)), ending(RunKind::New, end)];
                    let edited = Step::Edit(named(0, 3));
                    let as_before = [first.clone(), vec![edited.clone()]].concat();
                    live(&setting, as_before);
                    // The same of a later change, and where it is brought up to date from then on.
                    let later = vec![
                        add(like(0, 0, 0)),
                        run(RunKind::New),
                        Step::Edit(change(0, 100, 0)),
                        ending(RunKind::New, end),
                        Step::Edit(named(1, 3)),
                    ];
                    live(&setting, later);
                    let mirrored = vec![
                        edited,
                        run(RunKind::New),
                        configured(&setting, 1, WriteMode::Mirror),
                    ];
                    live(&setting, [first, mirrored].concat());
                }
            }
        }
    }
}

#[test]
fn a_plan_of_before_adds_nothing_that_a_later_run_has_overtaken() {
    let mut setting = with_versions(WriteMode::Append);
    setting.configuration.guards.from_records = 0;
    for nth in 1..30 {
        let steps = vec![
            add(like(0, 0, 0)),
            run(RunKind::Plan(0)),
            ending(RunKind::Apply, End::Transaction(nth, false)),
            Step::Edit(change(0, 101, 1)),
            run(RunKind::New),
            run(RunKind::Apply),
        ];
        live(&setting, steps);
    }
}

#[test]
fn a_full_refresh_puts_back_what_is_edited_just_after_its_write() {
    for tells_member in [false, true] {
        let mut setting = in_mode(WriteMode::FullRefresh);
        setting.target.tells_member = tells_member;
        for at in 2..9 {
            let edited = (at, Event::Edit(named(0, 3)));
            live(
                &setting,
                vec![add(like(0, 0, 0)), faulty(RunKind::New, vec![edited])],
            );
        }
    }
}

#[test]
fn a_look_at_one_field_does_not_hide_an_edit_of_another() {
    let setting = with_versions(WriteMode::FullRefresh);
    let steps = vec![
        add(like(0, 0, 0)),
        run(RunKind::New),
        Step::Edit(named(0, 3)),
        configured(&setting, 1, WriteMode::Update),
        run(RunKind::New),
        Step::Edit(change(0, 101, 1)),
    ];
    live(&setting, steps);
}

#[test]
fn a_pair_that_agrees_in_part_is_not_tried_for_ever() {
    let mut setting = with_versions(WriteMode::FullRefresh);
    setting.configuration.mapping = 1;
    setting.target.batch = 1;
    for at in 1..9 {
        let steps = vec![
            add(like(0, 0, 0)),
            add(like(1, 23, 3)),
            Step::Edit(Edit::AddMember(like(1, 2, 0))),
            ending(RunKind::New, End::Request(at, false)),
        ];
        live(&setting, steps);
    }
}

#[test]
fn what_waits_for_a_person_of_an_earlier_addition_leaves_the_link_to_the_later_one() {
    let setting = with_versions(WriteMode::Append);
    let steps = vec![
        add(like(0, 0, 0)),
        run(RunKind::New),
        Step::Edit(change(0, 101, 1)),
        run(RunKind::New),
        Step::Edit(named(0, 3)),
        run(RunKind::Undo(1, Part::All)),
        run(RunKind::Apply),
    ];
    live(&setting, steps);
}

#[test]
fn of_several_that_a_lost_create_may_have_made_none_is_taken() {
    for is_idempotent in [false, true] {
        let mut setting = with_versions(WriteMode::Upsert);
        setting.configuration.mapping = 1;
        setting.source.page = 4;
        setting.target.batch = 5;
        setting.target.is_idempotent = is_idempotent;
        for at in 2..6 {
            let steps = vec![
                add(like(44, 19, 196)),
                add(like(67, 29, 50)),
                add(like(9, 235, 168)),
                Step::Edit(Edit::AddPerson(like(168, 15, 116), Stamp::Same)),
                add(like(221, 74, 234)),
                ending(RunKind::New, End::Request(at, true)),
                Step::Edit(Edit::AddMember(like(79, 255, 156))),
                Step::Edit(named(52, 91)),
            ];
            live(&setting, steps);
        }
    }
}

#[test]
fn what_could_not_be_taken_back_is_not_sent_by_the_next_run() {
    let mut setting = with_versions(WriteMode::Upsert);
    setting.configuration.mapping = 1;
    setting.configuration.guards.from_records = 3;
    setting.configuration.guards.empty_source_above = 0;
    setting.source.is_by_key = true;
    setting.source.page = 4;
    setting.target.tells_member = true;
    setting.target.is_idempotent = true;
    setting.target.is_unique = true;
    setting.target.batch = 5;
    let edited = Edit::ChangePerson(48, like(201, 121, 242), Stamp::Later);
    let refused = Event::Fault(Fault::Reject(119));
    let steps = vec![
        add(like(41, 209, 8)),
        faulty(RunKind::New, vec![(4, Event::Edit(edited))]),
        run(RunKind::Full),
        run(RunKind::Undo(1, Part::Records)),
        faulty(RunKind::Apply, vec![(2, refused)]),
    ];
    live(&setting, steps);
}

#[test]
fn what_cannot_be_written_stays_listed_when_an_earlier_run_is_taken_back() {
    let mut setting = with_versions(WriteMode::Upsert);
    setting.configuration.mapping = 1;
    setting.configuration.matches = false;
    setting.configuration.guards.from_records = 2;
    setting.configuration.guards.empty_source_above = 2;
    setting.configuration.after_days = 2;
    setting.source.page = 1;
    setting.source.repeats = true;
    setting.target.is_searchable = false;
    setting.target.batch = 1;
    let events = vec![
        (
            4,
            Event::Edit(Edit::AddPerson(like(34, 250, 116), Stamp::Later)),
        ),
        (
            5,
            Event::Edit(Edit::AddPerson(like(123, 108, 67), Stamp::Same)),
        ),
        (
            11,
            Event::Edit(Edit::ChangePerson(229, like(75, 139, 60), Stamp::Same)),
        ),
    ];
    let same = |like| Step::Edit(Edit::AddPerson(like, Stamp::Same));
    let changed = |person, like| Step::Edit(Edit::ChangePerson(person, like, Stamp::Later));
    let steps = vec![
        add(like(82, 245, 108)),
        same(like(96, 17, 242)),
        same(like(209, 234, 159)),
        same(like(140, 181, 151)),
        run(RunKind::Full),
        Step::Edit(named(77, 168)),
        changed(41, like(90, 31, 75)),
        changed(98, like(184, 125, 119)),
        faulty(RunKind::New, events),
        run(RunKind::New),
        run(RunKind::Undo(2, Part::Names)),
        run(RunKind::Apply),
    ];
    live(&setting, steps);
}

#[test]
fn a_full_refresh_leaves_alone_what_is_gone_from_the_source() {
    let mut setting = in_mode(WriteMode::FullRefresh);
    setting.configuration.mapping = 2;
    setting.configuration.guards.from_records = 3;
    setting.configuration.guards.empty_source_above = 3;
    setting.source.is_by_key = true;
    setting.target.is_idempotent = true;
    setting.target.tells_member = true;
    setting.target.batch = 3;
    for at in 1..12 {
        let steps = vec![
            add(like(12, 8, 16)),
            add(like(122, 119, 105)),
            add(like(95, 144, 83)),
            add(like(141, 229, 202)),
            Step::Edit(Edit::AddPerson(like(11, 98, 190), Stamp::Same)),
            Step::Edit(Edit::AddMember(like(102, 131, 126))),
            ending(RunKind::Full, End::Poll(10)),
            Step::Edit(Edit::AddMember(like(126, 202, 243))),
            faulty(
                RunKind::New,
                vec![(at, Event::Edit(Edit::RemovePerson(44)))],
            ),
        ];
        live(&setting, steps);
    }
}

fn both_ways() -> Setting {
    let mut setting = Setting::plain();
    setting.both_ways = Some(Policy::Merge);
    setting.target.is_idempotent = true;
    setting.target.tells_member = true;
    setting
}

#[test]
fn what_is_edited_beside_our_own_write_to_the_source_flows() {
    let mut setting = both_ways();
    setting.source.page = 4;
    setting.target.batch = 3;
    for at in 1..12 {
        let gone = (3, Event::Edit(Edit::RemovePerson(158)));
        let edited = Edit::ChangePerson(190, like(41, 28, 9), Stamp::Same);
        let named = Edit::ChangeMember(202, MemberField::Name, like(49, 34, 255));
        let steps = vec![
            add(like(96, 51, 63)),
            add(like(146, 253, 141)),
            add(like(4, 85, 228)),
            Step::Edit(Edit::AddPerson(like(104, 38, 223), Stamp::Same)),
            add(like(74, 94, 164)),
            add(like(171, 207, 135)),
            Step::Edit(Edit::AddMember(like(218, 48, 95))),
            Step::Edit(Edit::AddMember(like(121, 53, 34))),
            run(RunKind::New),
            faulty(RunKind::Apply, vec![(2, Event::Edit(named))]),
            faulty(RunKind::New, vec![gone, (at, Event::Edit(edited))]),
        ];
        live(&setting, steps);
    }
}

#[test]
fn what_a_plan_of_before_kept_back_is_not_sent_as_it_was_then() {
    let mut setting = both_ways();
    setting.configuration.guards.from_records = 0;
    setting.configuration.guards.empty_source_above = 0;
    setting.target.has_versions = true;
    setting.target.batch = 4;
    for from in 3..9 {
        let events = vec![
            (
                2,
                Event::Edit(Edit::AddPerson(like(193, 0, 187), Stamp::Same)),
            ),
            (
                2,
                Event::Edit(Edit::ChangePerson(172, like(210, 9, 36), Stamp::Later)),
            ),
        ];
        let full = RunStep {
            full: Some((from, from + 3)),
            ..RunStep::calm(RunKind::Apply)
        };
        let steps = vec![
            Step::Edit(Edit::AddPerson(like(25, 48, 46), Stamp::Same)),
            Step::Edit(Edit::AddPerson(like(71, 204, 49), Stamp::Late)),
            run(RunKind::Full),
            Step::Edit(Edit::AddMember(like(107, 221, 175))),
            run(RunKind::Plan(0)),
            run(RunKind::Apply),
            Step::Edit(Edit::ChangePerson(217, like(160, 202, 231), Stamp::Later)),
            faulty(RunKind::New, events),
            Step::Run(full),
        ];
        live(&setting, steps);
    }
}

#[test]
fn of_several_that_come_to_match_one_at_the_source_none_is_taken() {
    let mut setting = both_ways();
    setting.both_ways = Some(Policy::Ask);
    setting.configuration.guards.from_records = 0;
    setting.source.is_by_key = true;
    setting.target.batch = 3;
    for is_idempotent in [false, true] {
        setting.target.is_idempotent = is_idempotent;
        for ticked_off in [0, 1] {
            let steps = vec![
                add(like(222, 123, 242)),
                Step::Edit(Edit::AddPerson(like(20, 48, 78), Stamp::Same)),
                Step::Edit(Edit::AddMember(like(124, 13, 170))),
                run(RunKind::Plan(ticked_off)),
                run(RunKind::Apply),
                Step::Edit(Edit::AddMember(like(9, 48, 88))),
            ];
            live(&setting, steps);
        }
    }
}

#[test]
fn a_field_that_was_never_agreed_on_is_looked_at_before_it_is_written() {
    let mut setting = both_ways();
    setting.target.has_versions = true;
    setting.target.tells_member = false;
    setting.target.batch = 1;
    for ticked_off in 0..4 {
        let steps = vec![
            add(like(10, 78, 42)),
            add(like(201, 205, 81)),
            Step::Edit(Edit::AddMember(like(17, 108, 116))),
            Step::Edit(Edit::AddMember(like(93, 26, 132))),
            run(RunKind::Plan(ticked_off)),
            run(RunKind::Apply),
        ];
        live(&setting, steps);
    }
}

/// Its listing brought a record again while it changed, and the run wrote it twice.
#[test]
fn a_record_that_a_run_wrote_twice_is_taken_back_as_one() {
    live_all(12_065..12_066, Ways::One).unwrap_or_else(|broken| panic!("{broken}"));
}
