//! Names, inputs, and what an evaluation does to them: nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::json;
use model::value::Value;
use template::{Env, Literals, Members, Otherwise, Scope, Template};

fn env() -> Env {
    Env::frozen(crate::table::NOW.parse().unwrap())
}

/// Counts what is asked of it.
#[derive(Debug, Default)]
struct Counted {
    members: AtomicUsize,
    whole: AtomicUsize,
}

impl Members for Counted {
    fn member(&self, name: &str) -> Option<Value> {
        self.members.fetch_add(1, Ordering::Relaxed);
        (name == "id").then_some(Value::Int(7))
    }

    fn to_value(&self) -> Value {
        self.whole.fetch_add(1, Ordering::Relaxed);
        json::parse(br#"{"id": 7, "name": "Ana"}"#).unwrap()
    }
}

#[test]
fn members_are_read_once_and_only_when_they_are_asked_for() {
    fn check(template: &str, expected: &str, members: usize, whole: usize) {
        let counted = Counted::default();
        let scope = Scope::new().with("record", &counted as &dyn Members);
        let value = Template::compile(template)
            .unwrap()
            .eval(&scope, &env())
            .unwrap();
        assert_eq!(json::to_string(&value), expected, "{template}");
        let asked = (
            counted.members.load(Ordering::Relaxed),
            counted.whole.load(Ordering::Relaxed),
        );
        assert_eq!(asked, (members, whole), "{template}");
    }
    check("{{ record.id }}", "7", 1, 0);
    check("{{ record['id'] + record.get('id') }}", "14", 1, 0);
    check("{{ 'id' in record }}", "true", 1, 0);
    check("{{ record | length }}", "2", 0, 1);
    check("{{ record }}", "{\"id\":7,\"name\":\"Ana\"}", 0, 1);
    check(
        "{{ record.items() | list }}",
        "[[\"id\",7],[\"name\",\"Ana\"]]",
        0,
        1,
    );
    check(
        "{% set _ = record.update(x=1) %}{{ record.x + record.id }}",
        "8",
        0,
        1,
    );
    check("{{ 1 }}", "1", 0, 0);
}

#[test]
fn an_input_stays_as_it_is_whatever_a_template_does_to_it() {
    let record = json::parse(br#"{"tags": ["a"], "n": {"m": 1}}"#).unwrap();
    let before = record.clone();
    let scope = Scope::new().with("record", &record);
    let template = Template::compile(
        "{% set t = record.tags %}{% set _ = t.append('b') %}{% set _ = record.n.update(m=2) %}\
         {{ record.tags }}{{ t }}{{ record.n.m }}",
    )
    .unwrap();
    for _ in 0..2 {
        assert_eq!(
            template.render(&scope, &env()).unwrap(),
            "['a', 'b']['a', 'b']2"
        );
    }
    assert_eq!(record, before);
}

#[test]
fn scopes_nest_and_the_inner_name_wins() {
    let outer = Scope::new().with("a", 1).with("b", "x");
    let inner = Scope::within(&outer).with("b", "y").with("c", true);
    let template = Template::compile("{{ a }}{{ b }}{{ c }}").unwrap();
    assert_eq!(template.render(&inner, &env()).unwrap(), "1yTrue");
    assert_eq!(inner.names().collect::<Vec<_>>(), ["b", "c", "a"]);
}

#[test]
fn nothing_is_replaced_by_what_was_asked_for() {
    fn check(template: &str, literals: Literals, otherwise: Otherwise<'_>, expected: &str) {
        let scope = Scope::new().with("n", 5);
        let told =
            match Template::compile(template)
                .unwrap()
                .eval_as(&scope, &env(), literals, otherwise)
            {
                Ok(value) => json::to_string(&value),
                Err(error) => error.to_string(),
            };
        assert_eq!(told, expected, "{template}");
    }
    let other = Template::compile("{{ n }}").unwrap();
    check("", Literals::All, Otherwise::Null, "null");
    check("{{ '' }}", Literals::All, Otherwise::Itself, "\"\"");
    check("{{ '' }}", Literals::All, Otherwise::Template(&other), "5");
    check("{{ n.x.y }}", Literals::All, Otherwise::Null, "null");
    check(
        "{{ n.x.y }}",
        Literals::All,
        Otherwise::Itself,
        "`n.x` is not there (line 1, column 7)",
    );
    check("{{ n }}", Literals::TextAndList, Otherwise::Itself, "\"5\"");
    check("{{ [n] }}", Literals::TextAndList, Otherwise::Itself, "[5]");
    check(
        "{{ (n, 1) }}",
        Literals::TextAndList,
        Otherwise::Itself,
        "\"(5, 1)\"",
    );
    check("{{ '\"q\"' }}", Literals::Text, Otherwise::Itself, "\"q\"");
    check("{{ [n] }}", Literals::Text, Otherwise::Itself, "\"[5]\"");
    check("12", Literals::All, Otherwise::Itself, "12");
    check("12", Literals::Text, Otherwise::Itself, "\"12\"");
}

#[test]
fn conditions_are_false_where_python_prints_something_false() {
    let scope = Scope::new().with("n", 5);
    for (template, expected) in [
        ("{{ n > 4 }}", true),
        ("{{ n > 5 }}", false),
        ("{{ n }}", true),
        ("{{ n - 5 }}", false),
        ("{{ n.nope }}", false),
        ("{{ n.no.pe }}", false),
        ("{{ 'false' }}", false),
        ("{{ 'no' }}", true),
        ("{{ [] }}", false),
        ("{{ '0.0' }}", false),
        ("{{ none }}", false),
        ("{{ 0.0 }}", false),
        ("{{ ' ' }}", true),
        ("True", true),
        ("False", false),
        ("", false),
    ] {
        let template = Template::compile(template).unwrap();
        assert_eq!(
            template.is_true(&scope, &env()),
            Ok(expected),
            "{template:?}"
        );
    }
}

#[test]
fn a_template_is_shared_between_threads() {
    let template = Template::compile("{{ n * 2 }}").unwrap();
    let made: Vec<Value> = std::thread::scope(|threads| {
        let running: Vec<_> = (0..4)
            .map(|n| {
                let template = template.clone();
                threads.spawn(move || template.eval(&Scope::new().with("n", n), &env()).unwrap())
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(made, [0, 2, 4, 6].map(Value::Int));
}

#[test]
fn what_the_reference_no_longer_has_is_an_error() {
    let template = Template::compile("{{ stream_state.x }}").unwrap();
    let error = template.eval(&Scope::new(), &env()).unwrap_err();
    assert!(error.to_string().contains("use `stream_interval` instead"));
}
