//! Literals, operators, members and slices.

use crate::table::check;

#[test]
fn values_come_out_as_python_reads_them_back() {
    check(&[
        ("{{ config.number }}", "12345"),
        ("{{ config.rate }}", "1.5"),
        ("{{ config.none }}", "None"),
        ("{{ config.yes }}", "True"),
        ("{{ config.list }}", "[3,1,2]"),
        ("{{ config.nested }}", r#"{"a":{"b":[1,{"c":"it's"}]}}"#),
        ("{{ config.big }}", "123456789012345678901234567890"),
        ("{{ record.amount }}", "19.9"),
        ("{{ config.nope }}", r#""""#),
        ("[{{ config.days }}]", "[30]"),
        ("{{ config.days }}, {{ config.days }}", "[30,30]"),
        ("{{ 'True' }}", "True"),
        ("{{ 'true' }}", r#""true""#),
        ("{{ '007' }}", r#""007""#),
        (r#"{{ "'quoted'" }}"#, r#""quoted""#),
        ("{{ (1, 'a') }}", r#"[1,"a"]"#),
        ("{{ {'a': (1,), 2: none} }}", r#"{"a":[1],"2":None}"#),
        ("{{ 1e16 }}", "1e+16"),
        ("{{ 1e-5 }}", "1e-05"),
        ("{{ 0.1 + 0.2 }}", "0.30000000000000004"),
        ("{{ -0.0 }}", "-0.0"),
        ("{{ 2 ** 70 }}", "1180591620717411303424"),
        ("{{ 'a' 'b' }}", r#""ab""#),
        ("{{ [config.nope] }}", r#""[Undefined]""#),
        (
            "{{ [now_utc()] }}",
            r#""[datetime.datetime(2026, 1, 15, 12, 34, 56, 789012, tzinfo=datetime.timezone.utc)]""#,
        ),
        (r#"{{ "it's" }} {{ 'a"b' }} "#, r#""it's a\"b ""#),
        (
            r#"{{ [config.nested.a.b[1].c, 'a\nb', 'ü'] }}"#,
            r#"["it's","a\nb","ü"]"#,
        ),
        ("{{ 1_000 + 0x1F }}", "1031"),
    ]);
}

#[test]
fn operators_are_pythons() {
    check(&[
        (
            "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }}",
            r#""3 -4 -2 2""#,
        ),
        ("{{ 7 / 2 }}", "3.5"),
        ("{{ 7.5 // 2 }}", "3.0"),
        ("{{ 2 ** 3 ** 2 }}", "64"),
        ("{{ -2 ** 2 }}", "4"),
        ("{{ -config.days ** 2 }}", "900"),
        ("{{ 1 + 2 * 3 }}", "7"),
        ("{{ 9223372036854775807 + 1 }}", "9223372036854775808"),
        ("{{ 10 ** 30 // 7 }}", "142857142857142857142857142857"),
        ("{{ 'ab' * 3 }}", r#""ababab""#),
        ("{{ [1] + [2] }}", "[1,2]"),
        ("{{ (1,) + (2,) }}", "[1,2]"),
        ("{{ 'a' + 'b' ~ 1 }}", r#""ab1""#),
        ("{{ 1 ~ none ~ true ~ [1] }}", r#""1NoneTrue[1]""#),
        ("{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }}", r#""True False""#),
        ("{{ 1 == 1.0 == true }}", "True"),
        ("{{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }}", r#""True True""#),
        (
            "{{ 'l' in 'hello' }} {{ 2 in [1, 2] }} {{ 'a' in {'a': 1} }} {{ 3 not in (1, 2) }}",
            r#""True True True True""#,
        ),
        (
            "{{ none or 'x' }} {{ 0 and 1 }} {{ '' or none }}",
            r#""x 0 None""#,
        ),
        ("{{ not '' }} {{ not 'a' }}", r#""True False""#),
        (
            "{{ 1 if config.yes else 2 }} {{ 'x' if config.empty }}",
            "1",
        ),
        (
            "{{ config.list == [3, 1, 2] }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}",
            r#""True True""#,
        ),
        ("{{ 9007199254740993 == 9007199254740992.0 }}", "False"),
        ("{{ true + true }}", "2"),
        ("{{ 'x' is string and 1 is number }}", "True"),
        ("{{ 1 / 3 }}", "0.3333333333333333"),
        ("{{ 1e308 * 10 }}", r#""inf""#),
        ("{{ {1: 'a', 1.0: 'b', true: 'c'} }}", r#"{"1":"c"}"#),
        ("{{ 5 | string ~ 'x' }}", r#""\"\"\"5\"\"\"x""#),
    ]);
}

#[test]
fn what_does_not_fit_gives_the_template_itself_and_what_fails_is_an_error() {
    check(&[
        ("{{ 1 + 'a' }}", r#""{{ 1 + 'a' }}""#),
        ("{{ 'a' + 1 }}", r#""{{ 'a' + 1 }}""#),
        (
            "{{ none.split(',') }}",
            "error: Undefined null has no method `split` (line 1, column 8)",
        ),
        (
            "{{ config.nope.x }}",
            "error: Undefined `config.nope` is not there (line 1, column 15)",
        ),
        (
            "{{ config.nope + 1 }}",
            "error: Undefined `config.nope` is not there (line 1, column 16)",
        ),
        (
            "{{ 1 / 0 }}",
            "error: Failed division by zero (line 1, column 6)",
        ),
        (
            "{{ 1 % 0 }}",
            "error: Failed integer modulo by zero (line 1, column 6)",
        ),
        (
            "{{ config.word.upper(1) }}",
            r#""{{ config.word.upper(1) }}""#,
        ),
        (
            "{{ config.list.upper() }}",
            "error: Undefined list has no method `upper` (line 1, column 15)",
        ),
        (
            "{{ 'a'.index('z') }}",
            "error: Failed substring not found (line 1, column 13)",
        ),
        (
            "{{ {}.pop('x') }}",
            "error: Failed there is no member 'x' to pop (line 1, column 10)",
        ),
        (
            "{{ [].pop() }}",
            "error: Failed pop from empty list (line 1, column 10)",
        ),
        ("{{ ','.join([1, 2]) }}", r#""{{ ','.join([1, 2]) }}""#),
        ("{{ 1 < 'a' }}", r#""{{ 1 < 'a' }}""#),
        ("{{ 'a' in 5 }}", r#""{{ 'a' in 5 }}""#),
        ("{{ 1 in 'abc' }}", r#""{{ 1 in 'abc' }}""#),
        ("{{ {[1]: 2} }}", r#""{{ {[1]: 2} }}""#),
        ("{{ config.word() }}", r#""{{ config.word() }}""#),
        (
            "{{ str_to_datetime('nope') }}",
            r#"error: Failed invalid literal for int() with base 10: "nope" (line 1, column 19)"#,
        ),
        ("{{ timestamp(none) }}", r#""{{ timestamp(none) }}""#),
        (
            "{{ unknown_name }}",
            "error: UnknownName there is no name `unknown_name` here, only config, record (line 1, column 1)",
        ),
        ("{{ 'x' | int(default='d') }}", r#""d""#),
        ("{{ [] | first }}", r#""""#),
        ("{{ [] | max }}", r#""""#),
        (
            "{{ config.word | nope }}",
            r#"error: there is no filter "nope", expected the name of a filter that Jinja has (line 1, column 18)"#,
        ),
        (
            "{{ config.word is nope }}",
            r#"error: there is no test "nope", expected the name of a test, perhaps `none` (line 1, column 19)"#,
        ),
        ("{{ config.word | nope if false }}", r#""""#),
        ("{{ 'a'.__class__ }}", r#""""#),
        (
            "{{ 'a'.__class__.x }}",
            "error: Failed access to attribute '__class__' of 'str' object is unsafe. (line 1, column 17)",
        ),
        (
            "{% for a, b in [1] %}{% endfor %}",
            r#""{% for a, b in [1] %}{% endfor %}""#,
        ),
        (
            "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
            "error: Failed 3 values to unpack, expected 2 (line 1, column 8)",
        ),
        (
            "{% set x.y = 1 %}",
            "error: UnknownName there is no name `x` here, only config, record (line 1, column 1)",
        ),
        (
            "{{ 10 ** 100000 }}",
            "error: Exhausted the number has too many digits (line 1, column 7)",
        ),
        (
            "{{ 'x' * 100000000 }}",
            "error: Exhausted the template makes more than 8388608 bytes of text (line 1, column 8)",
        ),
    ]);
}

#[test]
fn members_items_and_slices_are_found() {
    check(&[
        (
            "{{ record.address.city }} {{ record['address']['city'] }} {{ record.get('address').get('city') }}",
            r#""Rosario Rosario Rosario""#,
        ),
        ("{{ record.get('nope') }}", "None"),
        ("{{ record.get('nope', 'd') }}", r#""d""#),
        ("{{ config['items'] }}", "5"),
        ("{{ config.items is callable }}", "True"),
        (
            "{{ config.list[0] }} {{ config.list[-1] }} {{ config.list.0 }}",
            r#""3 2 3""#,
        ),
        ("{{ config.list[9] }}|{{ config.word[99] }}", r#""|""#),
        (
            "{{ config.word[1:4] }} {{ config.word[::-1] }} {{ config.word[-3:] }} {{ config.umlaut[2:4] }}",
            r#""ell dlroW ,olleH rld üß""#,
        ),
        (
            "{{ config.list[1:] }} {{ config.list[::-1] }} {{ (1, 2, 3)[:2] }}",
            r#""[1, 2] [2, 1, 3] (1, 2)""#,
        ),
        ("{{ config.word['upper']() }}", r#""HELLO, WORLD""#),
        ("{{ config['ke' ~ 'y'] }}", r#""k-1""#),
        ("{{ {'a': 1}.a }} {{ {1: 2}[1] }}", r#""1 2""#),
        ("{{ config.nested.a.b[1].c }}", r#""it's""#),
        ("{{ config.pairs[-1].v }}", r#""z""#),
    ]);
}
