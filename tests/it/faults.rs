//! Whatever a platform does in the middle of a run: every record has one outcome, and in the end all is there once.

use model::run::RunState;
use sandbox::{Fault, FaultRule};
use testkit::{TestApp, carried};

const READ: (&str, &str) = ("GET", "/harbor/api/v1/contacts");
const WRITE: (&str, &str) = ("POST", "/postino/api/subscribers/batch");

/// Runs with the fault, then once more without it; everything must be there in the end. Gives how the first run ended.
async fn check(name: &str, rules: Vec<FaultRule>) -> RunState {
    let test = TestApp::with_contacts(450).await;
    let standard = test.standard().await;
    let known = carried::known(&test.sandbox);
    test.sandbox.set_faults(rules);
    let first = test.run(standard.sync).await;
    assert!(first.balances, "{name}: {}", first.equation);
    assert!(
        !test.sandbox.counters().faults.is_empty(),
        "{name}: the fault did not happen: {:?}",
        test.sandbox.counters()
    );
    carried::subscribers(&test.sandbox);
    test.sandbox.set_faults(Vec::new());
    let run = test
        .app
        .engine()
        .start_full_run(standard.sync, model::run::Trigger::Manual)
        .await
        .unwrap();
    let second = test.ended(run).await;
    assert_eq!(
        second.summary.state,
        RunState::Completed,
        "{name}: {second:?}"
    );
    assert!(second.balances, "{name}: {}", second.equation);
    carried::assert_all_carried(&test.sandbox, &known);
    let created = test
        .sandbox
        .counters()
        .postino
        .written("subscribers.create");
    assert_eq!(
        created as usize + known.len(),
        carried::subscribers(&test.sandbox).len(),
        "{name}: something was created twice"
    );
    test.close().await;
    first.summary.state
}

fn rule(fault: Fault, (method, route): (&str, &str)) -> FaultRule {
    FaultRule::new(fault).on(method, route)
}

macro_rules! faults {
    ($($name:ident: $rules:expr => $($state:ident)|+;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let state = check(stringify!($name), $rules).await;
            assert!(matches!(state, $(RunState::$state)|+), "the first run ended {state:?}");
        }
    )*};
}

faults! {
    answers_that_are_lost_are_looked_up:
        vec![rule(Fault::LostAnswer, WRITE).every(2)] => Completed;
    a_server_error_before_the_write_is_tried_again:
        vec![rule(Fault::Status { status: 503, retry_after: Some(0), after_write: false }, WRITE).every(2).times(2)]
        => Completed;
    a_server_error_after_the_write_makes_no_double:
        vec![rule(Fault::Status { status: 500, retry_after: None, after_write: true }, WRITE).every(2).times(2)]
        => Completed;
    a_rate_limit_is_waited_for:
        vec![rule(Fault::Status { status: 429, retry_after: Some(1), after_write: false }, WRITE).every(2).times(1)]
        => Completed;
    a_body_that_is_cut_is_read_again:
        vec![rule(Fault::CutBody, READ).every(2).times(1)] => Completed;
    a_cut_answer_to_a_write_makes_no_double:
        vec![rule(Fault::CutBody, WRITE).every(2).times(2)] => Completed;
    a_page_instead_of_an_answer_loses_nothing:
        vec![rule(Fault::Html, READ).every(2).times(1)] => Completed | Failed;
    operations_that_fail_within_a_batch_are_known_one_by_one:
        vec![rule(Fault::PartialBatch { item_every: 7 }, WRITE).every(2)] => Completed;
    fields_of_another_type_hold_only_their_records:
        vec![rule(Fault::WrongTypes { field: "lifetime_value".into(), record_every: 9 }, READ)] => Completed;
    a_token_that_expires_on_the_way_is_renewed:
        vec![rule(Fault::ExpiredToken, WRITE).every(3).times(1)] => Completed;
    a_slow_platform_is_waited_for:
        vec![rule(Fault::Slow { ms: 150 }, WRITE)] => Completed;
}
