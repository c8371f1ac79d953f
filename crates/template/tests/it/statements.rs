//! What stands in `{% %}`, and white space around it.

use crate::table::check;

#[test]
fn statements_run() {
    check(&[
        (
            "{% if config.days > 20 %}many{% elif config.days > 5 %}some{% else %}few{% endif %}",
            r#""many""#,
        ),
        (
            "{% for x in config.list %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
            "[3,1,2]",
        ),
        ("{% for x in [] %}x{% else %}none{% endfor %}", r#""none""#),
        (
            "{% for x in config.list if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}",
            r#""1:3 2:2 ""#,
        ),
        (
            "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
            r#""a=1;b=2;""#,
        ),
        (
            "{% for x in 'abc' %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('o', 'e') }} {% endfor %}",
            r#""03Truebo 12Falseace 21Falsebo ""#,
        ),
        (
            "{% for x in [1, 1, 2] %}{{ loop.changed(x) }} {% endfor %}",
            r#""True False True ""#,
        ),
        (
            "{% for x in [[1, [2]], [3]] recursive %}{{ loop.depth }}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}{% endif %}{% endfor %}",
            r#""1(212(32))1(23)""#,
        ),
        (
            "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
            "231",
        ),
        (
            "{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
            "3",
        ),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x }}", r#""a1""#),
        ("{% set x | upper %}ab{% endset %}{{ x }}", r#""AB""#),
        ("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}", "3"),
        (
            "{% macro m(a, b='d') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}|{{ m(1, 2, 3, c=4) }}",
            r#""1d(){}|12(3,){'c': 4}""#,
        ),
        (
            "{% macro m() %}<{{ caller(5) }}>{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}",
            r#""<5>""#,
        ),
        ("{% filter upper %}a{{ 'b' }}{% endfilter %}", r#""AB""#),
        ("{% raw %}{{ x }}{% endraw %}", r#""{{ x }}""#),
        ("a {#- gone -#} b", r#""ab""#),
        ("a  {{- 1 -}}  b", r#""a1b""#),
        ("{%- set x = 1 -%} {{ x }}", "1"),
        (
            "{% autoescape true %}{{ '<' }}{{ '<' | safe }}{% endautoescape %}",
            r#""&lt;<""#,
        ),
        (
            "{% set j = joiner('; ') %}{% for i in [1, 2] %}{{ j() }}{{ i }}{% endfor %}",
            r#""1; 2""#,
        ),
        (
            "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
            r#""abab""#,
        ),
        ("{% print 1, 2 %}", "12"),
    ]);
}
