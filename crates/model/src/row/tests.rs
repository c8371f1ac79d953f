use super::*;
use proptest::prelude::*;

fn row(text: &str) -> Row {
    Row::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn written(row: &Row, with_nulls: bool) -> String {
    let mut out = Vec::new();
    row.write(&mut out, with_nulls);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_not_touched_leaves_as_it_came() {
    for text in [
        r#"{"a":1.10,"b":{"c":[1,"x\"y\u00e9"]},"n":null}"#,
        "{}",
        "[1,2]",
        "\"x\"",
    ] {
        assert_eq!(written(&row(text), true), text);
    }
    assert_eq!(
        written(&row("{ \"a\" : [ 1 ,\n2 ] }"), true),
        "{\"a\":[1,2]}"
    );
}

#[test]
fn nulls_at_the_top_are_left_out_on_request() {
    let row = row(r#"{"n":null,"a":{"n":null},"m":null}"#);
    assert_eq!(written(&row, false), r#"{"a":{"n":null}}"#);
    assert_eq!(
        written(&Row::from(row.to_value()), false),
        r#"{"a":{"n":null}}"#
    );
}

#[test]
fn what_stands_at_a_path_is_what_reading_all_of_it_gives() {
    fn check(row: &Row, path: &[&str]) {
        let whole = row.to_value();
        let mut here = Some(&whole);
        for name in path {
            here = here.and_then(|value| value.as_object()?.get(name));
        }
        assert_eq!(row.at(path.iter().copied()), here.cloned(), "{path:?}");
    }
    let mut row = row(
        r#"{"a":1,"b":{"c":{"d":[1,{"e":2}]}, "c" : {"d":"x\u00e9}"} ,"\u0063c":null},"a":{"b":2},"t":"{\"b\":1}"}"#,
    );
    let paths: [&[&str]; 12] = [
        &[],
        &["a"],
        &["a", "b"],
        &["a", "c"],
        &["b"],
        &["b", "c"],
        &["b", "c", "d"],
        &["b", "c", "d", "e"],
        &["b", "cc"],
        &["b", "z"],
        &["t", "b"],
        &["z", "b"],
    ];
    for path in paths {
        check(&row, path);
        check(&Row::from(row.to_value()), path);
    }
    row.set("z", row.get("b").unwrap());
    check(&row, &["z", "c", "d"]);
    check(&row, &["z", "b"]);
    check(&super::tests::row("[1]"), &["a"]);
}

#[test]
fn a_part_has_the_members_that_are_asked_for() {
    let names = ["c".into(), "a".into(), "z".into()];
    assert_eq!(
        json::to_string(&row(r#"{"a":1,"b":2,"c":[3]}"#).part(&names)),
        r#"{"c":[3],"a":1}"#
    );
    assert_eq!(row("[1]").part(&names), row("[1]").to_value());
}

#[test]
fn members_are_read_set_and_removed_one_by_one() {
    let mut row = row(r#"{"a":1.10,"\u0062":"x","c":{"d":[true]}}"#);
    assert_eq!(row.get("b"), Some(Value::text("x")));
    assert_eq!(row.raw("a"), Some(&b"1.10"[..]));
    assert_eq!(row.raw_text("b"), Some("x"));
    assert_eq!(row.get("z"), None);
    assert_eq!(row.text().map(Bytes::len), Some(40));
    row.set("b", Value::Int(2));
    assert_eq!(row.text(), None);
    row.set("e", Value::text("\""));
    row.set("e", Value::text("'"));
    assert!(row.remove("c"));
    assert!(!row.remove("c"));
    assert_eq!(written(&row, true), r#"{"a":1.10,"b":2,"e":"'"}"#);
    assert_eq!(row.names(), ["a", "b", "e"]);
    assert_eq!(json::to_string(&row.to_value()), written(&row, true));
    assert!(row.has("e") && !row.has("c"));
}

#[test]
fn objects_within_are_changed_without_being_read() {
    let mut row = row(r#"{"a":{"b": 1.10,"c":{"d":2,"e":null}},"n":null,"l":[1]}"#);
    assert!(row.change_object("a", |a| {
        a.remove("b");
        assert!(a.change_object("c", |c| c.set("d", Value::Int(3))));
    }));
    assert_eq!(
        written(&row, false),
        r#"{"a":{"c":{"d":3,"e":null}},"l":[1]}"#
    );
    assert_eq!(
        row.get("a"),
        Some(json::parse(br#"{"c":{"d":3,"e":null}}"#).unwrap())
    );
    for name in ["a", "n", "l", "z"] {
        // Changed before, null, a list, not there.
        assert!(!row.change_object(name, |_| panic!("{name} is no object as it came")));
    }
    let before = written(&row, true);
    assert!(!row.change_object("l", |_| {}));
    assert_eq!(written(&row, true), before);
}

#[test]
fn of_equal_names_the_last_counts() {
    let mut row = row(r#"{"a":1,"b":2,"a":3}"#);
    assert_eq!(row.get("a"), Some(Value::Int(3)));
    assert_eq!(row.names(), ["b", "a"]);
    row.set("a", Value::Int(4));
    assert_eq!(row.get("a"), Some(Value::Int(4)));
    row.remove("a");
    assert_eq!(written(&row, true), r#"{"b":2}"#);
}

#[test]
fn broken_text_names_the_place_in_the_page() {
    let page = Bytes::from_static(b"[{\"a\":tru}]");
    assert!(matches!(Row::scan(&page, 1, 1), Err(Stop::Bad(error)) if error.at == 6));
    let page = Bytes::from_static(b"[{\"a\":\"\xff\"}]");
    assert!(matches!(Row::scan(&page, 1, 1), Err(Stop::Bad(error)) if error.at == 7));
    let page = Bytes::from_static(b"[{\"a\":\"x\"");
    assert!(matches!(Row::scan(&page, 1, 1), Err(Stop::More)));
}

proptest! {
    #[test]
    fn a_row_says_what_its_text_says(text in r#"\{("[ab]":([0-9]|"x"|\[ ?1\]|null),){0,4}"z":\{\}\}"#) {
        let value = json::parse(text.as_bytes()).unwrap();
        let row = row(&text);
        prop_assert_eq!(&row.to_value(), &value);
        for name in ["a", "b", "z", "q"] {
            prop_assert_eq!(row.get(name), value.as_object().unwrap().get(name).cloned());
        }
        prop_assert_eq!(json::parse(&row.to_json()).unwrap(), value);
    }

    #[test]
    fn a_changed_row_says_what_a_changed_value_says(
        text in r#"\{"a":1(,"b":("x"|null|[0-9]))?(, ?"c":("x"|null|[0-9]))?,"\\u0064":\{"e":[1-3],"f":null\}\}"#,
        changes in prop::collection::vec((0_u8..3, "[abcdeg]"), 0..5),
    ) {
        let mut row = row(&text);
        let Value::Object(mut object) = json::parse(text.as_bytes()).unwrap() else { panic!() };
        for (what, name) in changes {
            match what {
                0 => {
                    row.set(&name, Value::Int(7));
                    object.insert(name.as_str(), Value::Int(7));
                }
                1 => {
                    row.remove(&name);
                    object.remove(&name);
                }
                _ => {
                    if row.change_object(&name, |inner| _ = inner.remove("e"))
                        && let Some(Value::Object(inner)) = object.get_mut(&name)
                    {
                        inner.remove("e");
                    }
                }
            }
        }
        let value = Value::Object(object.clone());
        prop_assert_eq!(&row.to_value(), &value);
        prop_assert_eq!(json::parse(written(&row, true).as_bytes()).unwrap(), value);
        let without: Object = object.into_iter().filter(|(_, value)| !value.is_null()).collect();
        prop_assert_eq!(json::parse(written(&row, false).as_bytes()).unwrap(), Value::Object(without));
    }

    #[test]
    fn any_bytes_are_scanned_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = Row::scan(&Bytes::from(bytes), 0, 0);
    }
}
