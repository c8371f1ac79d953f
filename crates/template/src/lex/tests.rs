use super::*;

fn check(source: &str, expected: &str) {
    let told = match lex(&normalise(source)) {
        Ok(tokens) => tokens
            .iter()
            .map(|token| match &token.kind {
                Kind::Data(text) => format!("{text:?}"),
                Kind::Text(text) => format!("'{text}'"),
                Kind::Int(n) => n.to_string(),
                Kind::Float(f) => format!("{f:?}"),
                other => other.describe().replace('`', ""),
            })
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => error.to_string(),
    };
    assert_eq!(told, expected, "{source}");
}

#[test]
fn text_and_tags_are_told_apart() {
    check(
        "a {{ b }} c\n",
        "\"a \" {{ b }} \" c\" the end of the template",
    );
    check(
        "a {{- b -}} c",
        "\"a\" {{ b }} \"c\" the end of the template",
    );
    check(
        "a {%+ if x +%} c",
        "\"a \" {% if x %} \" c\" the end of the template",
    );
    check("a {#- b #} c", "\"a\" \" c\" the end of the template");
    check(
        "{% raw %}{{ x }}{% endraw -%} b",
        "\"{{ x }}\" \"b\" the end of the template",
    );
    check(
        "{{ {'a': {}} }}",
        "{{ { 'a' : { } } }} the end of the template",
    );
    check("{ {x} }", "\"{ {x} }\" the end of the template");
}

#[test]
fn numbers_are_read_as_python_reads_them() {
    check(
        "{{ 1_000 0x1F 0b11 1.5e3 1e5 x.0.1 007 1..a }}",
        "{{ 1000 31 3 1500.0 100000.0 x . 0 . 1 0 7 1 . . a }} the end of the template",
    );
}

#[test]
fn escapes_in_texts_are_undone() {
    check(
        r#"{{ 'a\n\x41\u00e9\'\d\é' }}"#,
        "{{ 'a\nAé'\\d\\xe9' }} the end of the template",
    );
}

#[test]
fn what_does_not_end_is_named_at_its_beginning() {
    check(
        "a\n {{ b",
        "this `{{` does not end, expected `}}` behind it (line 2, column 2)",
    );
    check(
        "{% raw %}",
        "this `raw` does not end, expected `{% endraw %}` behind it (line 1, column 1)",
    );
    check(
        "{{ 'b }}",
        "this text does not end, expected `'` behind it (line 1, column 4)",
    );
    check(
        "{{ (b] }}",
        "`]` closes nothing, expected `)` (line 1, column 6)",
    );
    check(
        "{{ b ? }}",
        "`?` means nothing here, expected an operator, a name, a number or a text in quotes (line 1, column 6)",
    );
}
