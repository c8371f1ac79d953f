//! What stands behind `|` and `is`.

use crate::table::check;

#[test]
fn jinjas_filters_do_what_they_do_there() {
    check(&[
        (
            "{{ -3 | abs }} {{ 'a' | center(5) }}| {{ config.word | length }} {{ config.list | count }}",
            r#""3   a  | 12 3""#,
        ),
        (
            "{{ config.nope | default('d') }} {{ '' | default('d') }} {{ '' | default('d', true) }} {{ none | d('x') }}",
            r#""d  d None""#,
        ),
        (
            "{{ config.list | first }} {{ config.list | last }} {{ config.list | max }} {{ config.list | min }} {{ config.list | sum }}",
            r#""3 2 3 1 6""#,
        ),
        (
            "{{ config.names | sort }} {{ config.names | sort(case_sensitive=true) }} {{ config.list | sort(reverse=true) }}",
            r#""['al', 'Bo', 'Cy'] ['Bo', 'Cy', 'al'] [3, 2, 1]""#,
        ),
        (
            "{{ config.pairs | sort(attribute='n,v', reverse=true) | map(attribute='v') | join }}",
            r#""yzx""#,
        ),
        (
            "{{ config.pairs | map(attribute='v') | list }} {{ config.names | map('upper') | join(',') }}",
            r#""['x', 'y', 'z'] BO,AL,CY""#,
        ),
        (
            "{{ config.pairs | selectattr('n', 'equalto', 1) | map(attribute='v') | list }} {{ config.pairs | rejectattr('n', 'gt', 1) | list | length }}",
            r#""['x', 'z'] 2""#,
        ),
        (
            "{{ [1, 2, 3, 4] | select('even') | list }} {{ [0, 1, '', 'a'] | reject | list }}",
            r#""[2, 4] [0, '']""#,
        ),
        (
            "{{ config.pairs | groupby('n') | map('first') | list }}",
            "[1,2]",
        ),
        (
            "{{ ['a', 'A', 'b'] | unique | list }} {{ [1, 2, 3] | batch(2, 0) | list }} {{ [1, 2, 3] | slice(2) | list }}",
            r#""['a', 'b'] [[1, 2], [3, 0]] [[1, 2], [3]]""#,
        ),
        (
            "{{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }}",
            r#""[('A', 2), ('b', 1)] [('b', 1), ('a', 2)]""#,
        ),
        (
            "{{ '42' | int }} {{ '4.9' | int }} {{ 'x' | int }} {{ '0x1F' | int(base=16) }} {{ '1.5' | float }} {{ 'x' | float(2.0) }}",
            r#""42 4 0 31 1.5 2.0""#,
        ),
        (
            "{{ 2.5 | round }} {{ 3.14159 | round(2) }} {{ 1.1 | round(0, 'ceil') }} {{ 42 | round }} {{ 2.675 | round(2) }}",
            r#""2.0 3.14 2.0 42 2.67""#,
        ),
        (
            "{{ 'a b' | replace('a', 'x') }} {{ 'hello' | reverse }} {{ [1, 2] | reverse | list }}",
            r#""x b olleh [2, 1]""#,
        ),
        (
            "{{ 'hello world' | title }} {{ 'hello' | upper | lower | capitalize }} {{ ' a ' | trim }}|",
            r#""Hello World Hello a|""#,
        ),
        (
            "{{ 'foo bar baz' | truncate(9, true, '..', 0) }} {{ 'foo bar baz' | truncate(9, false, '...', 0) }} {{ 'a b c' | wordcount }}",
            r#""foo bar.. foo... 3""#,
        ),
        (
            "{{ {'a': [1, '<'], 'b': none} | tojson }}",
            r#""{\"a\": [1, \"\\u003c\"], \"b\": null}""#,
        ),
        (
            "{{ {'b': 1, 'a': true} | tojson(indent=1) }}",
            r#""{\n \"a\": true,\n \"b\": 1\n}""#,
        ),
        ("{{ {'a': 1} | string }}", r#""{\"a\": 1}""#),
        (r#"{{ {'a': "x'y"} | string }}"#, r#""{\"a\": \"x'y\"}""#),
        (
            "{{ 'a b/c?d&é' | urlencode }} {{ {'a': 1, 'b': 'x y'} | urlencode }}",
            r#""a%20b/c%3Fd%26%C3%A9 a=1&b=x+y""#,
        ),
        (
            "{{ config.html | escape }} {{ config.html | striptags }} {{ config.html | safe | length }}",
            r#""&lt;b&gt;&amp;&#34;x&#34;&lt;/b&gt; &\"x\" 11""#,
        ),
        (
            "{{ '<' ~ ('<' | e) }} {{ '<' + ('<' | e) }}",
            r#""<&lt; &lt;&lt;""#,
        ),
        (
            r#"{{ '%s-%s' | format(1, 2) }} {{ 'a\nb' | indent(2) }}"#,
            r#""1-2 a\n  b""#,
        ),
        (
            "{{ 1000 | filesizeformat }} {{ 1536 | filesizeformat(true) }}",
            r#""1.0 kB 1.5 KiB""#,
        ),
        (
            "{{ 'the quick brown fox' | wordwrap(10) }}",
            r#""the quick\nbrown fox""#,
        ),
        (
            "{{ config.nested | attr('a') }}|{{ 'x' | attr('upper') is callable }}",
            r#""|True""#,
        ),
        (
            "{{ 'x' | hash }} {{ 'x' | hash('sha256', 'salt') }}",
            r#""9dd4e461268c8034f5c8564e155c67a6 59098e2e749becb74e501e20763edb94b09433e20c2aff0ebc9a061bb92448e6""#,
        ),
        (
            "{{ 'msg' | hmac('key') }}",
            r#""2d93cbc1be167bcb1637a4a23cbff01a7878f0c50ee833954ea5221bb1b8c628""#,
        ),
        (
            "{{ 'user:pass' | base64encode }} {{ 'aGk=' | base64decode }}",
            r#""dXNlcjpwYXNz hi""#,
        ),
        (
            r#"{{ config.path | regex_search('after=([^&]+)') }}|{{ 'abc' | regex_search('b') }}|{{ 'a1b2' | regex_replace('[0-9]', '') }}|{{ 'ab' | regex_replace('(a)(b)', '\\2\\1') }}"#,
            r#""t==||ab|ba""#,
        ),
        (
            "{{ [[1, 2], [3]] | sum(start=[]) }} {{ config.pairs | sum(attribute='n') }}",
            r#""[1, 2, 3] 4""#,
        ),
        (
            "{{ config.nested | items | list }}",
            r#"[["a",{"b":[1,{"c":"it's"}]}]]"#,
        ),
        (
            "{{ {'class': 'a b', 'x': none} | xmlattr }}",
            r#"" class=\"a b\"""#,
        ),
    ]);
}

#[test]
fn tests_behind_is() {
    check(&[
        (
            "{{ config.nope is defined }} {{ config.key is defined }} {{ config.nope is undefined }} {{ none is none }}",
            r#""False True True True""#,
        ),
        (
            "{{ 1 is integer }} {{ 1.0 is float }} {{ true is integer }} {{ true is boolean }} {{ true is number }}",
            r#""True True False True True""#,
        ),
        (
            "{{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is not divisibleby(2) }}",
            r#""True True True True""#,
        ),
        (
            "{{ {} is mapping }} {{ [] is sequence }} {{ 'a' is iterable }} {{ 5 is iterable }} {{ 'a' is sequence }}",
            r#""True True True False True""#,
        ),
        (
            "{{ 'a' is lower }} {{ 'A' is upper }} {{ 1 is eq 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }}",
            r#""True True True True True True""#,
        ),
        (
            "{{ 2 is in [1, 2] }} {{ none is sameas none }} {{ 'upper' is filter }} {{ 'odd' is test }} {{ config.get is callable }}",
            r#""True True True True True""#,
        ),
        (
            "{{ true is true }} {{ 1 is true }} {{ false is false }} {{ ('<' | e) is escaped }}",
            r#""True False True True""#,
        ),
    ]);
}
