use proptest::prelude::*;

use super::*;

fn object(json: &str) -> Object {
    match model::json::parse(json.as_bytes()).unwrap() {
        Value::Object(object) => object,
        other => panic!("not an object: {other:?}"),
    }
}

fn words(merged: &Merged) -> String {
    let json = |object: &Object| model::json::to_string(&Value::Object(object.clone()));
    let mut parts = Vec::new();
    if !merged.to_target.is_empty() {
        parts.push(format!("→{}", json(&merged.to_target)));
    }
    if !merged.to_source.is_empty() {
        parts.push(format!("←{}", json(&merged.to_source)));
    }
    for (name, source, target) in &merged.agreed {
        let (source, target) = (
            model::json::to_string(source),
            model::json::to_string(target),
        );
        parts.push(format!("={name} {source}|{target}"));
    }
    for clash in &merged.conflicts {
        parts.push(format!("!{} {}", clash.field, clash.kind.as_str()));
    }
    parts.join(" ")
}

fn rule(direction: Direction, policy: Policy) -> BackField {
    BackField {
        direction,
        policy,
        ..BackField::default()
    }
}

fn check(rule: &BackField, base: Option<&str>, source: &str, target: &str, expected: &str) {
    check_with(rule, ReadOnly::Ignore, None, base, source, target, expected);
}

fn check_with(
    rule: &BackField,
    read_only: ReadOnly,
    newest: Option<Side>,
    base: Option<&str>,
    source: &str,
    target: &str,
    expected: &str,
) {
    let base = base.map(object);
    let (source, target) = (object(source), object(target));
    let pair = Pair {
        base: base.as_ref().map(|base| (base, base)),
        source: &source,
        target: &target,
        newest,
    };
    assert_eq!(
        words(&merge(&pair, |_| Some(rule), read_only)),
        expected,
        "{pair:?}"
    );
}

const BOTH: Direction = Direction::Both;

#[test]
fn a_change_of_one_side_flows_to_the_other_and_two_of_the_same_are_none() {
    let ask = rule(BOTH, Policy::Ask);
    let base = Some(r#"{"a":1,"b":1}"#);
    check(&ask, base, r#"{"a":1,"b":1}"#, r#"{"a":1,"b":1}"#, "");
    check(
        &ask,
        base,
        r#"{"a":2,"b":1}"#,
        r#"{"a":1,"b":1}"#,
        r#"→{"a":2}"#,
    );
    check(
        &ask,
        base,
        r#"{"a":1,"b":1}"#,
        r#"{"a":1,"b":3}"#,
        r#"←{"b":3}"#,
    );
    check(
        &ask,
        base,
        r#"{"a":2,"b":1}"#,
        r#"{"a":1,"b":3}"#,
        r#"→{"a":2} ←{"b":3}"#,
    );
    check(&ask, base, r#"{"a":2,"b":1}"#, r#"{"a":2,"b":1}"#, "=a 2|2");
    check(
        &ask,
        base,
        r#"{"a":2,"b":1}"#,
        r#"{"a":3,"b":1}"#,
        "!a both_changed",
    );
}

#[test]
fn a_change_on_both_sides_follows_the_policy() {
    let base = Some(r#"{"a":5}"#);
    let (source, target) = (r#"{"a":2}"#, r#"{"a":9}"#);
    let by = |policy, expected: &str| check(&rule(BOTH, policy), base, source, target, expected);
    by(Policy::Source, r#"→{"a":2}"#);
    by(Policy::Target, r#"←{"a":9}"#);
    by(Policy::Min, r#"→{"a":2}"#);
    by(Policy::Max, r#"←{"a":9}"#);
    by(Policy::Ask, "!a both_changed");
    by(Policy::Merge, "!a both_changed");
    by(Policy::Newest, "!a both_changed");
    by(Policy::Longest, "!a both_changed");
    let newest = rule(BOTH, Policy::Newest);
    let ignore = ReadOnly::Ignore;
    check_with(
        &newest,
        ignore,
        Some(Side::Target),
        base,
        source,
        target,
        r#"←{"a":9}"#,
    );
    let longest = rule(BOTH, Policy::Longest);
    let base = Some(r#"{"a":""}"#);
    check(
        &longest,
        base,
        r#"{"a":"longer"}"#,
        r#"{"a":"long"}"#,
        r#"→{"a":"longer"}"#,
    );
    let earliest = rule(BOTH, Policy::Min);
    let (source, target) = (
        r#"{"a":"2026-02-01T01:00:00+02:00"}"#,
        r#"{"a":"2026-01-31T23:30:00Z"}"#,
    );
    check(&earliest, base, source, target, &format!("→{source}"));
}

#[test]
fn lists_objects_and_texts_with_lines_are_put_together() {
    let merge = rule(BOTH, Policy::Merge);
    check(
        &merge,
        Some(r#"{"a":["x","y"]}"#),
        r#"{"a":["x","y","s"]}"#,
        r#"{"a":["y","t"]}"#,
        r#"→{"a":["y","s","t"]} ←{"a":["y","s","t"]}"#,
    );
    check(
        &rule(BOTH, Policy::Union),
        Some(r#"{"a":[]}"#),
        r#"{"a":["s"]}"#,
        r#"{"a":["t"]}"#,
        r#"→{"a":["s","t"]} ←{"a":["s","t"]}"#,
    );
    check(
        &merge,
        Some(r#"{"a":{"city":"A","zip":"1"}}"#),
        r#"{"a":{"city":"B","zip":"1"}}"#,
        r#"{"a":{"city":"A","zip":"2"}}"#,
        r#"→{"a":{"city":"B","zip":"2"}} ←{"a":{"city":"B","zip":"2"}}"#,
    );
    check(
        &merge,
        Some(r#"{"a":"one\ntwo\nthree\nfour\nfive\n"}"#),
        r#"{"a":"ONE\ntwo\nthree\nfour\nfive\n"}"#,
        r#"{"a":"one\ntwo\nthree\nfour\nsix\n"}"#,
        r#"→{"a":"ONE\ntwo\nthree\nfour\nsix\n"} ←{"a":"ONE\ntwo\nthree\nfour\nsix\n"}"#,
    );
    check(
        &merge,
        Some(r#"{"a":"one\ntwo\nthree\n"}"#),
        r#"{"a":"one\nTWO\nthree\n"}"#,
        r#"{"a":"one\ntoo\nthree\n"}"#,
        "!a both_changed",
    );
}

#[test]
fn a_field_that_flows_one_way_is_ignored_reverted_or_listed_on_the_other() {
    let to_target = rule(Direction::ToTarget, Policy::Merge);
    let (base, source, target) = (Some(r#"{"a":1}"#), r#"{"a":1}"#, r#"{"a":7}"#);
    let on = |read_only, expected: &str| {
        check_with(&to_target, read_only, None, base, source, target, expected);
    };
    on(ReadOnly::Ignore, "=a 1|7");
    on(ReadOnly::Revert, r#"→{"a":1}"#);
    on(ReadOnly::Error, "!a read_only");
    let to_source = rule(Direction::ToSource, Policy::Merge);
    check(&to_source, base, source, target, r#"←{"a":7}"#);
    check_with(
        &to_source,
        ReadOnly::Revert,
        None,
        base,
        r#"{"a":3}"#,
        r#"{"a":1}"#,
        r#"←{"a":1}"#,
    );
}

#[test]
fn at_the_first_meeting_gaps_are_filled_and_the_side_of_truth_counts() {
    let by = |truth, newest, expected: &str| {
        let rule = BackField {
            truth,
            ..BackField::default()
        };
        let (source, target) = (
            r#"{"a":1,"b":"x","c":null,"d":4}"#,
            r#"{"a":2,"b":null,"c":"y","d":4}"#,
        );
        check_with(
            &rule,
            ReadOnly::Ignore,
            newest,
            None,
            source,
            target,
            expected,
        );
    };
    by(Truth::Source, None, r#"→{"a":1,"b":"x"} ←{"c":"y"} =d 4|4"#);
    by(Truth::Target, None, r#"→{"b":"x"} ←{"a":2,"c":"y"} =d 4|4"#);
    by(
        Truth::Ask,
        None,
        r#"→{"b":"x"} ←{"c":"y"} =d 4|4 !a first_meeting"#,
    );
    by(
        Truth::Newest,
        Some(Side::Source),
        r#"→{"a":1,"b":"x"} ←{"c":"y"} =d 4|4"#,
    );
    by(
        Truth::Newest,
        None,
        r#"→{"b":"x"} ←{"c":"y"} =d 4|4 !a first_meeting"#,
    );
}

#[test]
fn what_a_platform_makes_of_a_value_is_not_a_change() {
    let (was, now_target) = (object(r#"{"a":"Ann@X.io"}"#), object(r#"{"a":"ann@x.io"}"#));
    let both = rule(BOTH, Policy::Ask);
    let look = |source: &Object, target: &Object| {
        let pair = Pair {
            base: Some((&was, &now_target)),
            source,
            target,
            newest: None,
        };
        words(&merge(&pair, |_| Some(&both), ReadOnly::Ignore))
    };
    assert_eq!(look(&was, &now_target), "");
    assert_eq!(
        look(&object(r#"{"a":"B@x.io"}"#), &now_target),
        r#"→{"a":"B@x.io"}"#
    );
    assert_eq!(
        look(&was, &object(r#"{"a":"c@x.io"}"#)),
        r#"←{"a":"c@x.io"}"#
    );
}

proptest! {
    /// No change is lost: it flows, it is what the other side has too, or it is listed.
    #[test]
    fn every_change_flows_or_is_listed(base in 0i64..4, source in 0i64..4, target in 0i64..4, policy in 0usize..9) {
        let policies = [
            Policy::Merge, Policy::Source, Policy::Target, Policy::Newest, Policy::Longest,
            Policy::Min, Policy::Max, Policy::Union, Policy::Ask,
        ];
        let rule = rule(BOTH, policies[policy]);
        let one = |n: i64| object(&format!("{{\"a\":{n}}}"));
        let (base, source, target) = (one(base), one(source), one(target));
        let pair = Pair { base: Some((&base, &base)), source: &source, target: &target, newest: None };
        let merged = merge(&pair, |_| Some(&rule), ReadOnly::Ignore);
        let after = |side: &Object, written: &Object| written.get("a").or(side.get("a")).cloned();
        if merged.conflicts.is_empty() {
            prop_assert_eq!(after(&source, &merged.to_source), after(&target, &merged.to_target));
        } else {
            prop_assert!(merged.to_source.is_empty() && merged.to_target.is_empty());
        }
    }

    /// Merging texts never panics, and is the same whichever side comes first.
    #[test]
    fn lines_come_together_in_any_order(base in "([ab]\n){0,6}", source in "([abc]\n){0,6}", target in "([abd]\n){0,6}") {
        prop_assert_eq!(merge_lines(&base, &source, &target), merge_lines(&base, &target, &source));
    }
}
