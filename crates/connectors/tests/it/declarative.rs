//! Reading by connector files, against the sandbox.

use std::collections::HashSet;
use std::time::Duration;

use connectors::declarative::manifest::Manifest;
use connectors::declarative::platform::Account;
use connectors::{Access, Destination as _, Error, Source as _};
use model::path::FieldPath;
use sandbox::{Fault, FaultRule, Options, Sandbox};

use crate::reach::{harbor, keys, pages, postino, postino_with, whole};

async fn start(contacts: usize) -> Sandbox {
    Sandbox::start(Options::new(1, contacts)).await.unwrap()
}

fn path(text: &str) -> FieldPath {
    text.parse().unwrap()
}

#[tokio::test]
async fn every_contact_is_read_once_with_all_its_digits() {
    let sandbox = start(450).await;
    let read = pages(&harbor(&sandbox), whole("contacts")).await.unwrap();
    assert_eq!(
        read.iter()
            .map(|page| page.records.len())
            .collect::<Vec<_>>(),
        [200, 200, 50]
    );
    let keys: HashSet<String> = keys(&read).into_iter().collect();
    assert_eq!(keys.len(), 450);
    let record = &read[0].records[0];
    let serial = model::json::to_string(record.fields.at(&path("serial")).unwrap());
    assert!(serial.parse::<u64>().unwrap() > 1 << 53, "{serial}");
    assert_eq!(
        record.version.as_deref(),
        Some(model::json::to_string(record.fields.at(&path("version")).unwrap()).as_str())
    );
    // The sandbox's own copy, compared by text.
    let theirs = model::value::Value::from_serde(&sandbox.contacts());
    let theirs = theirs
        .as_list()
        .unwrap()
        .iter()
        .find(|contact| {
            contact.at(&path("id")).and_then(|id| id.as_text())
                == record.key.as_ref().map(model::record::RecordKey::as_str)
        })
        .unwrap();
    assert!(record.fields.same_as(theirs));
}

#[tokio::test]
async fn link_headers_offsets_and_page_numbers_lead_to_every_record() {
    let sandbox = start(1200).await;
    for (platform, stream, name) in [
        (harbor(&sandbox), "companies", sandbox::Platform::Harbor),
        (harbor(&sandbox), "deals", sandbox::Platform::Harbor),
        (postino(&sandbox), "lists", sandbox::Platform::Postino),
        (postino(&sandbox), "campaigns", sandbox::Platform::Postino),
        (postino(&sandbox), "subscribers", sandbox::Platform::Postino),
    ] {
        let read = keys(&pages(&platform, whole(stream)).await.unwrap());
        let there = sandbox.records(name, stream).unwrap();
        assert_eq!(read.len(), there.as_array().unwrap().len(), "{stream}");
        assert_eq!(
            read.iter().collect::<HashSet<_>>().len(),
            read.len(),
            "{stream}"
        );
    }
}

#[tokio::test]
async fn the_next_read_brings_what_changed_since() {
    let sandbox = start(300).await;
    let platform = harbor(&sandbox);
    let first = pages(&platform, whole("contacts")).await.unwrap();
    let cursor = first.last().unwrap().cursor.clone().unwrap();
    let edited: HashSet<String> = sandbox.edit_contacts(20, 7).into_iter().collect();
    let mut request = whole("contacts");
    request.cursor = Some(cursor.clone());
    let second = pages(&platform, request.clone()).await.unwrap();
    let seen: HashSet<String> = keys(&second).into_iter().collect();
    assert!(edited.is_subset(&seen), "{edited:?} {seen:?}");
    assert!(seen.len() < 100, "{} were read again", seen.len());
    let later = second.last().unwrap().cursor.clone().unwrap();
    assert!(
        later["updated_at"].as_str() >= cursor["updated_at"].as_str(),
        "{cursor} {later}"
    );
    // Everything, when asked for everything.
    request.full = true;
    assert_eq!(keys(&pages(&platform, request).await.unwrap()).len(), 300);
}

#[tokio::test]
async fn a_read_that_was_cut_off_goes_on_after_the_last_settled_page() {
    let sandbox = start(500).await;
    for (platform, stream) in [
        (harbor(&sandbox), "contacts"),
        (harbor(&sandbox), "companies"),
        (postino(&sandbox), "campaigns"),
    ] {
        let all = pages(&platform, whole(stream)).await.unwrap();
        for cut in 0..all.len() {
            let mut request = whole(stream);
            request.position = Some(all[cut].position.clone());
            let rest = pages(&platform, request).await.unwrap();
            let mut seen: HashSet<String> = keys(&all[..=cut]).into_iter().collect();
            seen.extend(keys(&rest));
            assert_eq!(
                seen.len(),
                keys(&all).len(),
                "{stream} cut after page {cut}"
            );
            if stream == "contacts" {
                assert_eq!(
                    keys(&rest).len(),
                    keys(&all[cut + 1..]).len(),
                    "nothing twice"
                );
                // However often it is cut, the cursor at the end is the same.
                assert_eq!(rest.last().unwrap().cursor, all.last().unwrap().cursor);
            }
        }
    }
}

#[tokio::test]
async fn a_position_that_the_platform_forgot_is_read_from_the_beginning() {
    let sandbox = start(300).await;
    let platform = harbor(&sandbox);
    let all = pages(&platform, whole("contacts")).await.unwrap();
    let mut position = all[0].position.clone();
    position["token"] = "bm90IGEgY3Vyc29y".into();
    let mut request = whole("contacts");
    request.position = Some(position);
    assert_eq!(keys(&pages(&platform, request).await.unwrap()).len(), 300);
}

#[tokio::test]
async fn a_sample_ends_when_it_is_large_enough() {
    let sandbox = start(300).await;
    let mut request = whole("contacts");
    request.limit = Some(7);
    let read = pages(&harbor(&sandbox), request).await.unwrap();
    assert_eq!(keys(&read).len(), 7);
}

#[tokio::test]
async fn fields_are_described_by_the_platform_itself() {
    let sandbox = start(5).await;
    let platform = postino(&sandbox);
    let access = Access::unattended();
    let described = connectors::Source::describe(&platform, "subscribers", &access)
        .await
        .unwrap();
    assert_eq!(described.label, "Subscribers");
    assert_eq!(described.key, [path("id")]);
    assert_eq!(described.cursor_field, Some(path("updated_at")));
    let shown: Vec<String> = described
        .schema
        .walk()
        .into_iter()
        .map(|(path, field)| {
            let marks = [
                (field.required, "required"),
                (field.read_only, "read-only"),
                (field.nullable, "nullable"),
                (field.unique, "unique"),
                (field.key, "key"),
            ];
            let marks: Vec<&str> = marks
                .into_iter()
                .filter_map(|(on, word)| on.then_some(word))
                .collect();
            format!(
                "{path}: {:?}{} {} {}",
                field.field_type,
                field
                    .format
                    .map(|format| format!("/{format:?}"))
                    .unwrap_or_default(),
                marks.join(" "),
                field.max_length.map(|n| n.to_string()).unwrap_or_default()
            )
            .trim_end()
            .to_owned()
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    let capabilities = described.capabilities;
    assert!(capabilities.create && capabilities.update && capabilities.delete);
    assert!(capabilities.incremental && capabilities.idempotent_create);
    assert_eq!(capabilities.batch_size, 100);
    assert_eq!(capabilities.match_by, [path("email_address")]);

    let deals = connectors::Source::describe(&harbor(&sandbox), "deals", &access)
        .await
        .unwrap();
    let stage = deals.schema.at(&path("stage")).unwrap();
    assert_eq!(stage.options.len(), 4);
    assert!(!deals.capabilities.create);
    let contacts = harbor(&sandbox).describe_for_write("contacts").await;
    assert!(
        contacts
            .schema
            .at(&path("custom_fields.cf_vip"))
            .unwrap()
            .custom
    );
}

trait DescribeForWrite {
    async fn describe_for_write(&self, stream: &str) -> connectors::StreamDescription;
}

impl DescribeForWrite for connectors::declarative::platform::Platform {
    async fn describe_for_write(&self, stream: &str) -> connectors::StreamDescription {
        connectors::Destination::describe(self, stream, &Access::unattended())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn it_is_known_who_is_signed_in() {
    let sandbox = start(5).await;
    let access = Access::unattended();
    let account = postino(&sandbox).account(&access).await.unwrap();
    insta::assert_debug_snapshot!(account.as_ref().map(|account| &account.id), @r#"
    Some(
        "acc_p1",
    )
    "#);
    let Some(Account { label, .. }) = harbor(&sandbox).account(&access).await.unwrap() else {
        panic!("nobody is signed in");
    };
    assert!(label.contains("Calder & Finch"), "{label}");
}

#[tokio::test]
async fn a_connection_is_tried_step_by_step_and_ends_at_the_first_failure() {
    fn shown(steps: &[connectors::CheckStep]) -> Vec<String> {
        steps
            .iter()
            .map(|step| match &step.result {
                Ok(_) => format!("{}: ok", step.name),
                Err(words) => format!("{}: {words}", step.name),
            })
            .collect()
    }
    let sandbox = start(5).await;
    let access = Access::unattended();
    assert_eq!(
        shown(&harbor(&sandbox).check(&access).await),
        [
            "Name lookup: ok",
            "Connection: ok",
            "Sign-in: ok",
            "Read contacts: ok"
        ]
    );
    let wrong = shown(&postino_with(&sandbox, "pst_key_wrong").check(&access).await);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(
        wrong[2].starts_with("Sign-in: Postino does not accept the sign-in"),
        "{wrong:?}"
    );

    let gone = connectors::declarative::platform::Platform::new(
        connectors::registry::find("harbor").unwrap(),
        crate::reach::config("http://127.0.0.1:9"),
        std::sync::Arc::new(connectors::http::NoSignIn),
        crate::reach::client("Harbor CRM", crate::reach::hasty()),
        model::clock::Clock::system(),
    );
    let steps = shown(&gone.check(&access).await);
    assert_eq!(steps.len(), 2);
    assert!(
        steps[1].starts_with("Connection: 127.0.0.1 does not answer on port 9"),
        "{steps:?}"
    );

    let empty = connectors::declarative::platform::Platform::new(
        connectors::registry::find("harbor").unwrap(),
        crate::reach::config(""),
        std::sync::Arc::new(connectors::http::NoSignIn),
        crate::reach::client("Harbor CRM", crate::reach::hasty()),
        model::clock::Clock::system(),
    );
    let steps = shown(&empty.check(&access).await);
    assert!(
        steps[0].contains("fill in the connection's fields"),
        "{steps:?}"
    );
}

#[tokio::test]
async fn faults_on_the_way_are_repeated_until_the_page_is_there() {
    let sandbox = start(300).await;
    let platform = harbor(&sandbox);
    for fault in [
        Fault::Status {
            status: 500,
            retry_after: None,
            after_write: false,
        },
        Fault::Status {
            status: 503,
            retry_after: Some(0),
            after_write: false,
        },
        Fault::CutBody,
        Fault::LostAnswer,
        Fault::Html,
    ] {
        let mut rule = FaultRule::new(fault.clone());
        rule.every = Some(2);
        rule.limit = Some(4);
        sandbox.set_faults(vec![rule]);
        let read = pages(&platform, whole("contacts")).await.unwrap();
        assert_eq!(keys(&read).len(), 300, "{fault:?}");
    }
}

#[tokio::test]
async fn a_platform_that_stays_broken_is_unavailable_and_a_record_of_a_wrong_type_is_not() {
    let sandbox = start(30).await;
    sandbox.set_faults(vec![FaultRule::new(Fault::WrongTypes {
        field: "email_bounces".into(),
        record_every: 3,
    })]);
    let read = pages(&harbor(&sandbox), whole("contacts")).await.unwrap();
    assert_eq!(keys(&read).len(), 30);
    sandbox.set_faults(vec![FaultRule::new(Fault::Status {
        status: 502,
        retry_after: None,
        after_write: false,
    })]);
    let error = pages(&harbor(&sandbox), whole("contacts"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn the_rate_limit_of_the_platform_is_waited_for_and_told() {
    let mut options = Options::new(1, 900);
    options.rate_limit_per_minute = Some(2);
    options.rate_limit_window = Duration::from_secs(2);
    let sandbox = Sandbox::start(options).await.unwrap();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = told.clone();
    let mut access = Access::unattended();
    access.waiting = Some(std::sync::Arc::new(move |words| {
        log.lock().unwrap().push(words);
    }));
    let read = crate::reach::pages_with(&harbor(&sandbox), whole("contacts"), access)
        .await
        .unwrap();
    assert_eq!(keys(&read).len(), 900);
    assert_eq!(
        sandbox.counters().harbor.rate_limited,
        0,
        "learned from headers"
    );
    let told = told.lock().unwrap();
    let words = told[0].clone().unwrap();
    assert!(
        words.starts_with("waiting ") && words.contains("Harbor CRM allows 2 requests"),
        "{words}"
    );
    assert_eq!(told.last().unwrap(), &None, "and taken back");
}

#[tokio::test]
async fn looking_up_by_a_field_that_is_not_offered_is_a_complaint() {
    let sandbox = start(5).await;
    let error = postino(&sandbox)
        .find(
            connectors::Find {
                stream: "subscribers".into(),
                by: vec![path("full_name")],
                values: vec![vec!["Ana".into()]],
            },
            &Access::unattended(),
        )
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("a match by email_address"),
        "{error}"
    );
}

#[test]
fn broken_connector_files_get_a_complaint_with_a_place() {
    const GOOD: &str = include_str!("../../manifests/postino/connector.yaml");
    let mut complaints = Vec::new();
    for (from, to) in [
        ("type: SimpleRetriever", "type: SimpelRetriever"),
        (
            "path: subscribers\n",
            "path: \"subscribers/{{ cofnig.x }}\"\n",
        ),
        ("\"#/definitions/selector\"", "\"#/definitions/selektor\""),
        ("lookback_window: PT5M", "step: PT5M"),
        ("    match: [email_address]", "    match: [full_name]"),
        (
            "idempotency_key: {header: Idempotency-Key}",
            "idempotency_key: {haeder: Idempotency-Key}",
        ),
        ("      size: 100", "      size: many"),
        ("http_method: GET", "http_method: FETCH"),
        ("      type: PageIncrement", "      type: PageDecrement"),
        ("field_path: [items]", "field_path: [\"{{ items\"]"),
        ("  - name: api_key", "  - name: oauth"),
        ("colour: \"#c2410c\"", "colour: orange"),
        ("type: oauth2_code", "type: oauth3"),
        (
            "    subscribers:\n      key: id",
            "    subscribrs:\n      key: id",
        ),
        ("action: never", "action: never"),
        ("streams:\n", "streams: [\n"),
    ] {
        if from == to {
            continue;
        }
        assert!(GOOD.contains(from), "{from:?} is not in the file any more");
        let error = Manifest::parse("postino", &GOOD.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
        complaints.push(format!("{} -> {}\n    {error}", from.trim(), to.trim()));
    }
    insta::assert_snapshot!(complaints.join("\n"));
}

#[test]
fn a_connector_file_with_a_line_missing_is_read_or_refused_without_panic() {
    const GOOD: &str = include_str!("../../manifests/harbor/connector.yaml");
    let lines: Vec<&str> = GOOD.lines().collect();
    let mut refused = 0;
    for missing in (0..lines.len()).step_by(3) {
        let mut text = lines.clone();
        text.remove(missing);
        if let Err(error) = Manifest::parse("harbor", &text.join("\n")) {
            assert!(matches!(error, Error::Misconfigured { .. }), "{error:?}");
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_connector_file_of_the_user_is_read_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("things.yaml");
    let complaint = connectors::registry::load(&path).unwrap_err().to_string();
    assert!(complaint.contains("things.yaml at the file"), "{complaint}");
    std::fs::write(&path, crate::reach::things("{type: NoPagination}")).unwrap();
    let manifest = connectors::registry::load(&path).unwrap();
    assert_eq!(manifest.name, "things");
    assert_eq!(manifest.platform.monogram, "T");
    assert!(!manifest.can_write());
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_two_reads_is_renewed_once() {
    let desk = crate::sign_in::Desk::new().await;
    desk.sandbox.add_contacts(490);
    let manifest = connectors::registry::find("harbor").unwrap();
    let config = crate::reach::config(desk.sandbox.harbor_url().as_str());
    let method = manifest
        .auth_method("oauth")
        .unwrap()
        .resolve(&config)
        .unwrap();
    let tokens = crate::sign_in::Flow::start(desk.options(method.clone()))
        .await
        .visited()
        .await
        .unwrap();
    let connection = model::ids::ConnectionId::new();
    connectors::auth::Credentials::replace(
        &desk.keeper,
        connection,
        connectors::auth::CredentialKind::OAuth(tokens),
    )
    .await
    .unwrap();
    let signer = crate::sign_in::signer(&desk.keeper, connection, method, desk.clock.clone());
    let platform = connectors::declarative::platform::Platform::new(
        manifest,
        config,
        std::sync::Arc::new(signer),
        crate::reach::client("Harbor CRM", connectors::http::Limits::default()),
        desk.clock.clone(),
    );
    let access = Access::unattended();
    let mut left = platform
        .read(whole("contacts"), access.clone())
        .await
        .unwrap();
    let mut right = platform
        .read(whole("contacts"), access.clone())
        .await
        .unwrap();
    left.next().await.unwrap().unwrap();
    right.next().await.unwrap().unwrap();
    desk.sandbox.expire_tokens(sandbox::Platform::Harbor);
    let (left, right) = tokio::join!(left.next(), right.next());
    assert_eq!(left.unwrap().unwrap().records.len(), 200);
    assert_eq!(right.unwrap().unwrap().records.len(), 200);
    assert_eq!(desk.sandbox.counters().harbor.refresh_grants, 1);

    desk.sandbox.revoke_tokens(sandbox::Platform::Harbor);
    let error = pages(&platform, whole("contacts")).await.unwrap_err();
    assert!(matches!(error, Error::SignInNeeded { .. }), "{error}");
}
