//! Methods of text, lists and dicts.

use crate::table::check;

#[test]
fn text_has_pythons_methods() {
    check(&[
        (
            "{{ config.word.upper() }}|{{ config.word.lower() }}|{{ config.word.title() }}|{{ config.word.swapcase() }}",
            r#""HELLO, WORLD|hello, world|Hello, World|hELLO, wORLD""#,
        ),
        ("{{ 'hELLO wORLD'.capitalize() }}", r#""Hello world""#),
        (
            "{{ '  a b '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|",
            r#""a b|a|a | a|""#,
        ),
        (
            "{{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a-b-c'.rsplit('-', 1) }}",
            r#""['a', 'b', 'c'] ['a', 'b'] ['a', 'b c'] ['a-b', 'c']""#,
        ),
        (
            "{{ config.lines.splitlines() }}",
            r#"["one","two","three"]"#,
        ),
        (
            "{{ 'a.b'.partition('.') }} {{ 'a.b.c'.rpartition('.') }}",
            r#""('a', '.', 'b') ('a.b', '.', 'c')""#,
        ),
        (
            "{{ config.word.replace('l', 'L') }} {{ config.word.replace('l', 'L', 1) }}",
            r#""HeLLo, WorLd HeLlo, World""#,
        ),
        (
            "{{ config.word.find('o') }} {{ config.word.rfind('o') }} {{ config.word.find('z') }} {{ config.word.count('l') }}",
            r#""4 8 -1 3""#,
        ),
        (
            "{{ config.word.startswith('He') }} {{ config.word.endswith(('x', 'd')) }}",
            r#""True True""#,
        ),
        (
            "{{ '-'.join(['a', 'b']) }} {{ ''.join('abc') }}",
            r#""a-b abc""#,
        ),
        (
            "{{ 'a'.center(5, '*') }} {{ 'ab'.center(5, '*') }} {{ 'a'.ljust(3, '.') }} {{ 'a'.rjust(3) }} {{ '-7'.zfill(4) }}",
            r#""**a** **ab* a..   a -007""#,
        ),
        (
            "{{ 'abc'.isalpha() }} {{ '12'.isdigit() }} {{ 'aB'.islower() }} {{ ' '.isspace() }} {{ 'Aa Bb'.istitle() }}",
            r#""True True False True True""#,
        ),
        (
            "{{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.json'.removesuffix('.json') }}",
            r#""x x""#,
        ),
        (r#"{{ 'a\tb'.expandtabs(4) }}"#, r#""a   b""#),
        ("{{ 'ß'.upper() }} {{ 'ÀÉ'.lower() }}", r#""SS àé""#),
        ("{{ 'abc'.encode() }}", "b616263"),
        (
            "{{ '{} {b!r:>5} {0[0]} {{}}'.format('xy', b='z') if false else '{0} {b!r:>5} {0[0]} {{}}'.format('xy', b='z') }}",
            r#""xy   'z' x {}""#,
        ),
        (
            "{{ '{:,.2f}|{:05d}|{:>6}|{:^5}|{:+}|{:x}|{:%}'.format(1234567.891, 42, 'a', 'b', 3, 255, 0.25) }}",
            r#""1,234,567.89|00042|     a|  b  |+3|ff|25.000000%""#,
        ),
        (
            "{{ '%s|%5d|%-5s|%05.1f|%x|%e|%g|%r|%%' % ('a', 42, 'b', 3.14159, 255, 12345.678, 0.0001, 'q') }}",
            r#""a|   42|b    |003.1|ff|1.234568e+04|0.0001|'q'|%""#,
        ),
        ("{{ '%(a)s-%(b)03d' % {'a': 1, 'b': 2} }}", r#""1-002""#),
        (
            "{{ '%s' % config.list }} {{ '%s' % (config.list,) }}",
            r#""[3, 1, 2] [3, 1, 2]""#,
        ),
        ("{{ '%d%%' % 12.9 }}", r#""12%""#),
    ]);
}

#[test]
fn lists_and_dicts_can_be_changed() {
    check(&[
        ("{% set x = [1] %}{% set _ = x.append(2) %}{{ x }}", "[1,2]"),
        (
            "{% set x = config.list %}{% set _ = x.append(9) %}{{ config.list }}",
            "[3,1,2,9]",
        ),
        (
            "{% set x = {'a': 1} %}{% set _ = x.update({'b': 2}) %}{{ x }}",
            r#"{"a":1,"b":2}"#,
        ),
        (
            "{% set _ = record.update(extra=1) %}{{ record.extra }}",
            "1",
        ),
        (
            "{% set x = [3, 1, 2] %}{% set _ = x.sort() %}{{ x }}{% set _ = x.reverse() %}{{ x }}",
            r#""[1, 2, 3][3, 2, 1]""#,
        ),
        (
            "{% set x = [1, 2, 3] %}{{ x.pop() }}{{ x.pop(0) }}{{ x }}",
            r#""31[2]""#,
        ),
        (
            "{% set x = [1, 3] %}{% set _ = x.insert(1, 2) %}{% set _ = x.extend([4]) %}{% set _ = x.remove(1) %}{{ x }}",
            "[2,3,4]",
        ),
        (
            "{{ {'a': 1}.setdefault('b', 2) }} {{ {'a': 1}.pop('a') }} {{ {'a': 1}.pop('z', 9) }}",
            r#""2 1 9""#,
        ),
        (
            "{{ {'a': 1, 'b': 2}.items() | list }} {{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }}",
            r#""[('a', 1), ('b', 2)] ['a'] [1]""#,
        ),
        ("{{ {'a': 1}.items() }}", r#""dict_items([('a', 1)])""#),
        (
            "{{ dict(a=1, b=2) }} {{ dict([('x', 1)]) }}",
            r#""{'a': 1, 'b': 2} {'x': 1}""#,
        ),
        (
            "{{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }} {{ (1, 1).count(1) }}",
            r#""2 1 2""#,
        ),
        (
            "{% set counts = {} %}{% for p in config.pairs %}{% set _ = counts.update({p.n: counts.get(p.n, 0) + 1}) %}{% endfor %}{{ counts }}",
            r#"{"1":2,"2":1}"#,
        ),
        (
            "{% set a = [] %}{% set b = a %}{% set _ = b.append(1) %}{{ a }}",
            "[1]",
        ),
    ]);
}
