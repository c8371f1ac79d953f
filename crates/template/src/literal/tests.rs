use super::*;

fn check(text: &str, json: &str) {
    let value = read(text).map(|(value, _)| model::json::to_string(&value));
    assert_eq!(value.as_deref(), Some(json), "{text}");
}

#[test]
fn literals_are_read_as_python_reads_them() {
    check("12345", "12345");
    check("1_000", "1000");
    check("0x1F", "31");
    check("1e5", "100000.0");
    check("1e16", "1e+16");
    check(".5", "0.5");
    check("5.", "5.0");
    check("00", "0");
    check("True", "true");
    check("None", "null");
    check("1,2", "[1,2]");
    check("1,", "[1]");
    check("(1,)", "[1]");
    check("(1)", "1");
    check("()", "[]");
    check("set()", "[]");
    check("{1, 1}", "[1]");
    check("'q'", "\"q\"");
    check("'a' \"b\"", "\"ab\"");
    check("r'\\n'", "\"\\\\n\"");
    check("\"\"\"{\"a\": \"b\nc\"}\"\"\"", r#""{\"a\": \"b\nc\"}""#);
    check("{'a': 1, 'b': [None, True],}", r#"{"a":1,"b":[null,true]}"#);
    check("{1: 2, None: 3, True: 4}", r#"{"1":2,"null":3,"true":4}"#);
    check("-5", "-5");
    check("- 5", "-5");
    check("+5", "5");
    check("  7", "7");
    check("\n7\n  \n", "7");
    check("7\n  # seven", "7");
    check("7 # seven", "7");
    check("[1,\n  2]", "[1,2]");
    check(r"'a\'b\n\x41\101'", r#""a'b\nAA""#);
    check("18446744073709551615", "18446744073709551615");
    check("-9223372036854775808", "-9223372036854775808");
}

#[test]
fn what_is_no_literal_stays_text() {
    for text in [
        "",
        "007",
        "true",
        "null",
        "10-5",
        "2024-01-15",
        "1j",
        "nan",
        "Nonesuch",
        "[1",
        "{'a': 1, 2}",
        "'a' b",
        "1 2",
        "hello",
        "12:30",
        "--5",
        "-True",
        "...",
        "\n  7",
        "7\n  ",
        "1__0",
        "1_",
        "{[1]: 2}",
        "{([1],): 2}",
        "'a\nb'",
        "b'é'",
        "'\\N{DASH}'",
        "1\u{a0}",
        "[1, 2))",
        "set",
        "Ellipsis",
        "f'x'",
        "007.5x",
        "1.2.3",
        "'a' b'b'",
        "0x",
        "[,]",
        "(,)",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        let _ = read(&text);
    }

    #[test]
    fn what_looks_like_a_literal_makes_no_panic(text in "[-+0-9a-fA-FxXobjJeE_.,:'\"(){}\\[\\] \\n#rRbBuUTFN\\\\]{0,30}") {
        let _ = read(&text);
    }
}
