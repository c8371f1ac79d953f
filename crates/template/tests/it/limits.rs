//! Every evaluation ends, whatever the template and the values, and none panics.

use model::json;
use model::value::Value;
use proptest::prelude::*;
use template::{Env, ErrorKind, Scope, Template};

fn env() -> Env {
    let mut env = Env::frozen(crate::table::NOW.parse().unwrap());
    env.fuel = 100_000;
    env.longest = 1 << 20;
    env
}

fn eval(template: &str) -> Result<Value, String> {
    let inputs = json::parse(br#"{"a": [1, [2, "x"], {"k": null}], "s": "text", "n": 7}"#).unwrap();
    let mut scope = Scope::new();
    for (name, value) in inputs.as_object().unwrap().iter() {
        scope.set(name, value);
    }
    let template = Template::compile(template).map_err(|error| error.to_string())?;
    template.eval(&scope, &env()).map_err(|error| {
        let kind = error.kind;
        format!("{kind:?}")
    })
}

#[test]
fn templates_that_would_run_away_are_stopped() {
    let loops = "{% for a in s * 900 %}{% for b in s * 900 %}{% for c in s * 900 %}";
    for template in [
        &format!("{loops}x{{% endfor %}}{{% endfor %}}{{% endfor %}}"),
        "{{ 'x' * 999999999 }}",
        "{{ [0] * 999999999 }}",
        "{{ 9 ** 99999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:999999}'.format(1) }}",
        "{{ 'a'.ljust(999999999) }}",
        "{{ 'x' | center(999999999) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set ns = namespace(x='ab') %}{% for i in s * 9 %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
        "{% set l = [1] %}{% set _ = l.append(l) %}{{ l }}",
        "{% set l = [1] %}{% set _ = l.append(l) %}{{ l == [1, l] and l < [1, [1, l]] }}",
        "{% set d = {} %}{% set _ = d.update(d=d) %}{{ d | tojson }}",
        "{{ ('(a+)+$' and ('a' * 40 ~ 'b')) | regex_search('(a|a|aa)+$(?=c)(x)') }}",
        "{% set ns = namespace(x=[]) %}{% for i in 'x' * 50000 %}{% set ns.x = ns.x | map('upper') %}{% endfor %}{{ ns.x | list }}",
    ] {
        let got = eval(template);
        let exhausted = Err("Exhausted".to_owned());
        assert!(
            got == exhausted || got == Ok(Value::text("")),
            "{template}: {got:?}"
        );
    }
}

#[test]
fn deep_chains_of_values_come_apart_without_a_deep_stack() {
    for grow in [
        "{% set ns.x = [ns.x] %}",
        "{% set ns.x = (ns.x,) %}",
        "{% set ns.x = {'x': ns.x} %}",
        "{% set ns.x = {'x': ns.x}.items() %}",
        "{% set ns.x = ns.x | batch(2) %}",
        "{% set ns.x = cycler(ns.x) %}",
        "{% set n = [] %}{% set _ = ns.cur.append(n) %}{% set ns.cur = n %}",
    ] {
        let template = format!(
            "{{% set ns = namespace(x=[], cur=[]) %}}{{% for i in 'x' * 9000 %}}{grow}{{% endfor %}}done"
        );
        assert_eq!(eval(&template), Ok(Value::text("done")), "{grow}");
    }
}

#[test]
fn templates_that_are_nested_too_deep_are_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("-", ""),
        ("not ", ""),
        ("a[", "]"),
        ("a.b(", ")"),
        ("1 if ", ""),
        ("", "|upper"),
        ("", ".a"),
        ("", "()"),
        ("1+", ""),
        ("1~", ""),
        ("1**", ""),
        ("1 and ", ""),
        ("1 if 1 else ", ""),
    ] {
        for depth in [60, 5000] {
            let text = format!("{{{{ {}n{} }}}}", open.repeat(depth), close.repeat(depth));
            // Whatever it gives: it does not overflow the stack.
            _ = eval(&text);
        }
    }
    let blocks = "{% if 1 %}".repeat(5000);
    assert!(eval(&blocks).unwrap_err().contains("nested too deep"));
    let deep = "[".repeat(80) + &"]".repeat(80);
    assert!(eval(&format!("{{{{ {deep} }}}}")).is_ok());
}

#[test]
fn an_error_of_a_limit_says_so() {
    let template = Template::compile("{% for i in 'x' * 200 %}{{ i * 9000 }}{% endfor %}").unwrap();
    let error = template.render(&Scope::new(), &env()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Exhausted);
    assert_eq!(
        error.to_string(),
        "the template makes more than 1048576 bytes of text (line 1, column 30)"
    );
}

/// Parts that templates are made of, whole and broken.
const PARTS: [&str; 96] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    "*",
    "/",
    "//",
    "%",
    "**",
    "~",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "|",
    "=",
    "==",
    "<",
    ">=",
    " ",
    "\n",
    "a",
    "s",
    "n",
    "x",
    "0",
    "1",
    "7",
    "-1",
    "1.5",
    "1e308",
    "'t'",
    "'%s %d'",
    "'{} {:>9}'",
    "\"q\"",
    "none",
    "true",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "with",
    "endwith",
    "macro m(x)",
    "endmacro",
    "m(1)",
    "loop.index",
    "upper",
    "join",
    "map",
    "'upper'",
    "select",
    "sort",
    "length",
    "int",
    "float",
    "round",
    "string",
    "tojson",
    "default",
    "first",
    "defined",
    ".get('k')",
    ".split()",
    ".update(a=1)",
    ".append(1)",
    ".format(a)",
    ".strftime('%Y')",
    "[0]",
    "[1:]",
    "[::-1]",
    "now_utc()",
    "duration('P1M')",
    "namespace(x=1)",
    "{% if a %}",
    "{% endif %}",
    "{% for i in a %}",
    "{% endfor %}",
    "{{ a }}",
    "{{ s ~ n }}",
];

fn template() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..PARTS.len(), 0..24)
        .prop_map(|parts| parts.into_iter().map(|part| PARTS[part]).collect())
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "a",
        "s",
        "n",
        "0",
        "-3",
        "1.5",
        "'t%s'",
        "''",
        "none",
        "true",
        "[1, 2]",
        "{'k': 1}",
        "(1, 'x')",
        "now_utc()",
        "duration('P1M')",
        "today_utc()",
        "nope",
        "'2024-01-31'",
        "99999999999999999999",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operators = proptest::sample::select(vec![
            "+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or",
        ]);
        let behind = proptest::sample::select(vec![
            "|upper",
            "|int",
            "|float",
            "|list",
            "|first",
            "|join(',')",
            "|sort",
            "|sum",
            "|round(1)",
            "|tojson",
            "|string",
            "|length",
            "|reverse|list",
            "|map('string')|list",
            "|unique|list",
            "|batch(2)|list",
            "|hash",
            "|urlencode",
            "|abs",
            "|max",
            "|groupby(0)",
            "|dictsort",
            "|wordwrap(3)",
            "|truncate(2,true,'')",
            "|pprint",
            "|indent",
            "|regex_search('(.)')",
            "[0]",
            "[-1:]",
            "[::-1]",
            ".k",
            "['k']",
            ".items()",
            ".split()",
            ".strftime('%c')",
            ".get('k')",
            ".replace('t','u')",
            " is odd",
            " is iterable",
        ]);
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (inner.clone(), behind).prop_map(|(of, behind)| format!("(({of}){behind})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(t, y, n)| format!("({y} if {t} else {n})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        _ = eval(&text);
    }

    #[test]
    fn no_pile_of_parts_makes_it_panic(text in template()) {
        _ = eval(&text);
    }

    #[test]
    fn an_expression_gives_the_same_as_its_text(text in expression()) {
        // The short way for `{{ … }}` alone, and the long one through text, must agree.
        let short = eval(&format!("{{{{ {text} }}}}"));
        let long = eval(&format!("{{% if true %}}{{{{ {text} }}}}{{% endif %}}"));
        let raw = |result: &Result<Value, String>| matches!(result, Ok(Value::Text(t)) if t.starts_with("{"));
        if !raw(&short) && !raw(&long) {
            prop_assert_eq!(short, long, "{}", text);
        }
    }
}
