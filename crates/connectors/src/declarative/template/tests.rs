use super::*;
use crate::declarative::node::Node;

fn eval(text: &str, scope: &Scope) -> Result<String> {
    let node = Node::text(text.to_owned());
    let view = View::root("x.yaml", &node);
    let mut templates = Templates::default();
    let template = templates.compile(
        &view,
        &[
            "config",
            "response",
            "headers",
            "record",
            "next_page_token",
            "fields",
        ],
    )?;
    Ok(model::json::to_string(&template.eval(&templates, scope)?))
}

fn scope() -> Scope {
    let config = minijinja::Value::from(minijinja::value::Serde(
        serde_json::json!({"base_url": "http://h", "key": "1e5", "list": ["a", "b"], "n": 3}),
    ));
    let body = model::json::parse(
        br#"{"data":[{"id":1},{"id":2}],"next_cursor":"abc","has_more":false,"total":1.50,"none":null}"#,
    )
    .unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert(
        "link",
        "<http://h/c?page=2,5>; rel=\"next\", <http://h/c?page=9>; rel=\"last\""
            .parse()
            .unwrap(),
    );
    headers.insert("x-total-count", "120".parse().unwrap());
    Scope::new(&config, &Clock::manual(1_700_000_000_123))
        .with("response", live(&Arc::new(body)))
        .with("headers", super::headers(&headers))
}

#[test]
fn templates_give_what_python_gives() {
    fn check(template: &str, json: &str) {
        assert_eq!(eval(template, &scope()).unwrap(), json, "{template}");
    }
    check("plain", "\"plain\"");
    check("{{ config['base_url'] }}/x", "\"http://h/x\"");
    check("{{ config.missing }}", "null");
    check("{{ config.missing.deeper }}", "null");
    check("{{ config['n'] + 1 }}", "4");
    check("{{ config['list'] }}", r#"["a","b"]"#);
    check("{{ response.next_cursor }}", "\"abc\"");
    check("{{ response.data | length }}", "2");
    check("{{ response['data'][-1]['id'] }}", "2");
    check("{{ response.data[1] }}", r#"{"id":2}"#);
    check("{{ not response.has_more }}", "true");
    check("{{ response.total }}", "1.5");
    check("{{ response.none }}", "null");
    check(
        "{{ headers['link']['next']['url'] }}",
        "\"http://h/c?page=2,5\"",
    );
    check("{{ 'prev' in headers['link'] }}", "false");
    check("{{ headers['X-Total-Count'] }}", "120");
    check("{{ now_utc().strftime('%Y-%m-%d') }}", "\"2023-11-14\"");
    check("{{ now_utc() }}", "\"2023-11-14 22:13:20.123000+00:00\"");
    check(
        "{{ format_datetime('2024-01-15T10:00:00-03:00', '%s') }}",
        "1705323600",
    );
    check("{{ 'a,b'.split(',') }}", r#"["a","b"]"#);
    check("{{ {'a': none, 'b': 1.0} }}", r#"{"a":null,"b":1.0}"#);
    check("{% if config.n > 2 %}yes{% endif %}", "\"yes\"");
    check("{{ 'x' | hash('sha256') | length }}", "64");
    check("{{ max(1, 5, 3) }}", "5");
}

#[test]
fn a_value_used_alone_keeps_its_digits_and_nulls() {
    let fields = model::json::parse(br#"{"a":1.10,"b":null,"c":9007199254740993}"#).unwrap();
    let scope = scope().with_whole("fields", fields);
    assert_eq!(
        eval("{{ fields }}", &scope).unwrap(),
        r#"{"a":1.10,"b":null,"c":9007199254740993}"#
    );
}

#[test]
fn a_wrong_template_is_a_complaint() {
    fn check(template: &str, complaint: &str) {
        let error = eval(template, &scope()).unwrap_err().to_string();
        assert!(error.contains(complaint), "{template}: {error}");
    }
    check("{{ config['a' }}", "the template cannot be read");
    check("{{ recrod.x }}", "perhaps `record`");
    check("{{ stream_state.x }}", "stream_interval");
    check("{% for a in range(1000000000) %}{% endfor %}", "`range`");
    check(
        "{% for a in 'xxxxxxxxxx' %}{% for b in 'x' * 100000 %}{{ a }}{% endfor %}{% endfor %}",
        "fuel",
    );
}
