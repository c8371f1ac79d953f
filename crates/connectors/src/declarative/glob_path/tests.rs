use bytes::Bytes;
use model::json;
use proptest::prelude::*;

use super::*;

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn row(text: &str) -> Row {
    Row::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn path(steps: &[&str]) -> GlobPath {
    GlobPath::new(steps).unwrap()
}

fn steps(steps: &[&str]) -> Vec<CompactString> {
    steps.iter().copied().map(Into::into).collect()
}

fn joined<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let values: Vec<String> = values.into_iter().map(json::to_string).collect();
    values.join(" ")
}

#[test]
fn values_are_found_in_order() {
    let text = r#"{"a":{"b":[10,20,30],"c":null},"d":[{"e":1},{"e":2,"f":[]}],"0":"zero","a1":7}"#;
    for (steps, found) in [
        (&["a", "b"][..], "[10,20,30]"),
        (&["a", "b", "1"], "20"),
        (&["a", "b", "-1"], "30"),
        (&["a", "b", "3"], ""),
        (&["a", "b", "x"], ""),
        (&["a", "c"], "null"),
        (&["a", "c", "x"], ""),
        (&["0"], r#""zero""#),
        (&["d", "*", "e"], "1 2"),
        (&["d", "?", "e"], "1 2"),
        (&["d", "[1-9]", "e"], "2"),
        (&["d", "[!1]", "e"], "1"),
        (&["a?"], "7"),
        (&["a*"], r#"{"b":[10,20,30],"c":null} 7"#),
        (&["a", "*", "*"], "10 20 30"),
        (&["**", "e"], "1 2"),
        (&["d", "**", "e"], "1 2"),
        (&["d", "0", "**", "e"], "1"),
        (
            &["a", "**"],
            r#"{"b":[10,20,30],"c":null} [10,20,30] null 10 20 30"#,
        ),
    ] {
        assert_eq!(joined(path(steps).find(&value(text))), found, "{steps:?}");
    }
    assert_eq!(joined(GlobPath::whole().find(&value("[1]"))), "[1]");
    assert!(GlobPath::new(["**", "b", "**"]).is_none());
}

#[test]
fn one_value_is_one_value() {
    let all = value(r#"{"ab":1,"ac":2}"#);
    assert_eq!(path(&["a?"]).one(&all), Err(Ambiguous));
    assert_eq!(path(&["?b"]).one(&all), Ok(Some(&Value::Int(1))));
    assert_eq!(path(&["x*"]).one(&all), Ok(None));
}

#[test]
fn of_a_record_only_the_text_on_the_way_is_read() {
    let text = r#"{"a" : {"b" : [ {"c\u0064":1}, {"x":[1,2]}, 5 ]}, "a\"":2, "n":null, "n":3}"#;
    for (names, found) in [
        (&["a", "b", "0", "cd"][..], Some("1")),
        (&["a", "b", "1", "x", "-2"], Some("1")),
        (&["a", "b", "-1"], Some("5")),
        (&["a", "b", "3"], None),
        (&["a", "b", "-4"], None),
        (&["a", "q"], None),
        (&["a\""], Some("2")),
        (&["n"], Some("3")),
        (&["n", "x"], None),
        (&["nowhere", "x"], None),
    ] {
        let names = steps(names);
        let mut row = row(text);
        let shown = |value: Option<Value>| value.as_ref().map(json::to_string);
        assert_eq!(shown(row_at(&row, &names)).as_deref(), found, "{names:?}");
        row.edit(|_| ());
        assert_eq!(shown(row_at(&row, &names)).as_deref(), found, "{names:?}");
    }
}

#[test]
fn patterns_are_those_of_the_shell() {
    for (pattern, fits, fits_not) in [
        ("a*c", &["ac", "abc", "abcbc"][..], &["a", "acb", ""][..]),
        ("*", &["", "x", "[1]"], &[]),
        ("?", &["x", "é"], &["", "xy"]),
        ("a[b-d]e", &["abe", "ade"], &["aee", "ae"]),
        ("[!a-c]x", &["dx"], &["ax", "x"]),
        ("[]x]", &["]", "x"], &["[]x]"]),
        ("[ab", &["[ab"], &["a"]),
        ("[a-]", &["a", "-"], &["b"]),
        ("**a", &["a", "ba"], &["b"]),
        ("*a*b*c", &["xaybzc", "abc"], &["acb", "ab"]),
    ] {
        let pattern = pattern::Pattern::new(pattern);
        for text in fits {
            assert!(pattern.fits(text), "{pattern:?} {text}");
        }
        for text in fits_not {
            assert!(!pattern.fits(text), "{pattern:?} {text}");
        }
    }
}

#[test]
fn a_hostile_pattern_ends() {
    let pattern = pattern::Pattern::new(&"*a".repeat(200));
    assert!(!pattern.fits(&format!("{}b", "a".repeat(5000))));
}

#[test]
fn values_are_put_and_the_way_is_made() {
    for (before, names, after) in [
        ("{}", &["a"][..], r#"{"a":9}"#),
        (
            r#"{"a":{"b":1}}"#,
            &["a", "c", "d"],
            r#"{"a":{"b":1,"c":{"d":9}}}"#,
        ),
        (r#"{"a":[1]}"#, &["a", "3"], r#"{"a":[1,null,null,9]}"#),
        (r#"{"a":[1]}"#, &["a", "0"], r#"{"a":[9]}"#),
        ("{}", &["a", "1", "b"], r#"{"a":[null,{"b":9}]}"#),
        (r#"{"a":null}"#, &["a", "b"], r#"{"a":{"b":9}}"#),
        (r#"{"0":1}"#, &["0"], r#"{"0":9}"#),
        ("{}", &["a*", "["], r#"{"a*":{"[":9}}"#),
        ("[1]", &["1"], "[1,9]"),
    ] {
        let mut whole = value(before);
        put(&mut whole, &steps(names), Value::Int(9)).unwrap();
        assert_eq!(json::to_string(&whole), after, "{names:?}");
        let mut row = row(before);
        put_in_row(&mut row, &steps(names), Value::Int(9)).unwrap();
        assert_eq!(json::to_string(&row.to_value()), after, "{names:?}");
    }
}

#[test]
fn what_is_in_the_way_stays_and_is_named() {
    for (before, names, problem) in [
        (
            r#"{"a":"x"}"#,
            &["a", "b"][..],
            "there is a text where `b` should be put in",
        ),
        (
            r#"{"a":{"b":1}}"#,
            &["a", "b", "0"],
            "there is a whole number where `0` should be put in",
        ),
        (r#"{"a":[]}"#, &["a", "b"], "`b` is no place in a list"),
        (
            r#"{"a":[]}"#,
            &["a", "4000000000"],
            "`4000000000` is no place in a list",
        ),
    ] {
        let mut row = row(before);
        let error = put_in_row(&mut row, &steps(names), Value::Null).unwrap_err();
        assert_eq!(error.to_string(), problem);
        assert_eq!(json::to_string(&row.to_value()), before);
    }
}

#[test]
fn values_are_deleted_and_items_keep_their_places() {
    for (before, names, after) in [
        (r#"{"a":1,"b":2}"#, &["a"][..], r#"{"b":2}"#),
        (r#"{"a":{"b":1,"c":2}}"#, &["a", "b"], r#"{"a":{"c":2}}"#),
        (r#"{"a":[1,2,3]}"#, &["a", "0"], r#"{"a":[null,2,3]}"#),
        (r#"{"a":[1,2,3]}"#, &["a", "2"], r#"{"a":[1,2]}"#),
        (r#"{"a":[1,2,3]}"#, &["a", "*"], r#"{"a":[null,null]}"#),
        (
            r#"{"a":[{"b":1},{"b":2,"c":3}]}"#,
            &["a", "*", "b"],
            r#"{"a":[{},{"c":3}]}"#,
        ),
        (r#"{"x1":1,"x2":{"y":1},"z":3}"#, &["x*"], r#"{"z":3}"#),
        (
            r#"{"a":{"x":1},"b":[{"x":1,"y":2}]}"#,
            &["**", "x"],
            r#"{"a":{},"b":[{"y":2}]}"#,
        ),
        (r#"{"a":{"x":1},"b":2}"#, &["**"], "{}"),
        (r#"{"a":{"x":1},"b":2}"#, &["a", "**"], r#"{"b":2}"#),
        (r#"{"a":1}"#, &["b", "c"], r#"{"a":1}"#),
        (r#"{"a":1}"#, &["a", "c"], r#"{"a":1}"#),
    ] {
        let mut whole = value(before);
        let deleted = path(names).delete(&mut whole);
        assert_eq!(json::to_string(&whole), after, "{names:?}");
        assert_eq!(deleted > 0, before != after, "{names:?}");
        let mut row = row(before);
        path(names).delete_in_row(&mut row);
        assert_eq!(
            String::from_utf8(row.to_json()).unwrap(),
            after,
            "{names:?}"
        );
    }
}

#[test]
fn leaves_are_deleted_by_what_they_are() {
    let mut all = value(r#"{"a":null,"b":[null,1,null],"c":{"d":null,"e":[]},"f":[null]}"#);
    delete_leaves(&mut all, &mut |value| Ok::<_, ()>(value.is_null())).unwrap();
    assert_eq!(
        json::to_string(&all),
        r#"{"b":[null,1],"c":{"e":[]},"f":[]}"#
    );
    let failed = delete_leaves(&mut all, &mut |_| Err("no"));
    assert_eq!(failed, Err("no"));
}

proptest! {
    #[test]
    fn text_and_values_give_the_same(
        text in r#"\{("[ab]":([0-9]|null|\[[12],\{"a":3\}\]|\{"b":\[4\]\}),){0,3}"c":[0-9]\}"#,
        names in prop::collection::vec("a|b|c|[*]|[?]|0|-1|\\[ab\\]", 1..4),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let path = path(&names);
        let text = Bytes::from(text);
        let mut rows = Vec::new();
        let visited = path.visit(&text, &mut |text, at| {
            let (row, end) = Row::scan(text, at, 0)?;
            rows.push(row.into_value());
            Ok(end)
        });
        prop_assert_eq!(visited, Some(Ok(())));
        let whole = json::parse(&text).unwrap();
        prop_assert_eq!(joined(&rows), joined(path.find(&whole)));
    }

    #[test]
    fn what_was_put_is_found(
        names in prop::collection::vec("[a-c]|[0-3]", 1..5),
        before in r#"\{("[a-c]":(null|\{"a":null\}|\[null\]),){0,2}"z":1\}"#,
    ) {
        let names: Vec<CompactString> = names.iter().map(Into::into).collect();
        let mut whole = json::parse(before.as_bytes()).unwrap();
        if put(&mut whole, &names, Value::Int(9)).is_ok() {
            prop_assert_eq!(at(&whole, &names), Some(&Value::Int(9)));
            prop_assert_eq!(take_at(whole, &names), Some(Value::Int(9)));
        }
    }
}
