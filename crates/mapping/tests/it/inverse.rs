//! The way back of each transform, and of whole mappings.

use std::collections::{BTreeMap, BTreeSet};

use mapping::inverse::{Inverted, WayBack, invert};
use mapping::transforms::catalogue;
use mapping::{Purpose, compile};
use model::field::Schema;
use model::mapping::{Mapping, OnFailure, Step};
use model::path::FieldPath;
use serde_json::{Value as Json, json};

use crate::program::mapping;
use crate::schemas::schema;

pub(crate) fn turned(mapping: &Mapping, source: &Schema, target: &Schema) -> Inverted {
    let inverted = invert(mapping, source, target, &BTreeMap::new());
    let compiled = compile(&inverted.mapping, target, source, Purpose::Update);
    assert_eq!(compiled.errors().count(), 0, "{:?}", compiled.diagnostics);
    inverted
}

fn shown(steps: &[Step]) -> String {
    let words: Vec<String> = steps
        .iter()
        .map(|step| {
            if step.with.is_empty() {
                step.name.clone()
            } else {
                format!("{} {}", step.name, Json::Object(step.with.clone()))
            }
        })
        .collect();
    words.join(" | ")
}

/// `exact`, `lossy` or `one way`, the steps back, and in brackets what is lost.
fn told(inverted: &Inverted) -> String {
    let mut rules = inverted.mapping.rules.iter();
    let mut out = Vec::new();
    for field in &inverted.fields {
        let mut steps = || shown(&rules.next().unwrap().steps);
        out.push(match &field.kind {
            WayBack::Exact => format!("exact: {}", steps()).trim_end().to_owned(),
            WayBack::Lossy { why } => format!("lossy: {} ({why})", steps()).replace(":  ", ": "),
            WayBack::OneWay { why } => format!("one way ({why})"),
        });
    }
    out.join("\n")
}

/// What people read.
const PAGE: &str = include_str!("../../../../docs/two-way.md");

/// Rows of two lines: source field, target field and steps; what becomes of them.
const TABLE: &str = r##"
text > text: []
  exact:
integer > text: []
  exact: to_integer
decimal > integer: []
  exact:
bool > text: []
  exact: to_bool
date > text: []
  exact: parse_date
timestamp > text: []
  exact: parse_date {"result":"timestamp"}
text > any: []
  lossy: (of one side it is not known what kind of value it holds)
any > any: []
  exact:
text > text: ["trim"]
  lossy: (spaces at the ends do not come back)
text > text: ["normalise_space"]
  lossy: (extra spaces do not come back)
text > text: ["lower"]
  lossy: (capitals do not come back)
integer > text: ["lower"]
  lossy: to_integer (capitals do not come back)
text > text: ["upper"]
  lossy: (small letters do not come back)
text > text: ["capitalise"]
  lossy: (the case of the letters does not come back)
text > text: [{"replace":{"find":"-","with":"/"}}]
  lossy: replace {"find":"/","with":"-"} (every "/" comes back as "-")
text > text: [{"replace":{"find":"-"}}]
  lossy: (what was replaced does not come back)
text > text: [{"replace":{"find":"  ","with":" "}}]
  lossy: (what was replaced does not come back)
text > text: [{"replace":{"find":"[0-9]","with":"#","regex":true}}]
  lossy: (what was replaced does not come back)
text > text: [{"slice":{"length":3}}]
  lossy: (what was cut off does not come back)
text > text: [{"slice":{"length":4,"start":-4}}]
  one way (a part of a text cannot be put back into the whole)
integer > text: [{"pad":{"length":5,"with":"0"}}]
  exact: replace {"find":"(?s)^0+(.)","with":"${1}","regex":true} | to_integer
text > text: [{"pad":{"length":5,"with":"."}}]
  lossy: replace {"find":"(?s)^\\.+(.)","with":"${1}","regex":true} ("." at the start of a text does not come back)
integer > text: [{"pad":{"length":5,"with":"0","side":"right"}}]
  lossy: replace {"find":"(?s)(.)0+$","with":"${1}","regex":true} | to_integer ("0" at the end of a text does not come back)
text > text: [{"pad":{"length":5,"with":"ab"}}]
  lossy: (what was filled in stays)
list > text: ["concat"]
  one way (texts that were put together cannot be told apart)
list > text: ["join"]
  lossy: split {"separator":",","trim":true} (an item with "," in it becomes two items, and an empty list becomes nothing)
list > text: [{"join":{"separator":" and "}}]
  lossy: split {"separator":" and ","trim":true} (an item with " and " in it becomes two items, and an empty list becomes nothing)
list > text: [{"join":{"separator":""}}]
  one way (without a separator it is not known where one item ends)
text > list: ["split"]
  lossy: join {"separator":",","skip_empty":true} (an item with "," in it becomes two items, and an empty list becomes nothing)
text > list: [{"split":{"separator":";","trim":false}}]
  lossy: join {"separator":";","skip_empty":false} (an item with ";" in it becomes two items, and an empty list becomes nothing)
text > text: ["strip_html"]
  lossy: (HTML does not come back)
text > text: ["nfc"]
  lossy: (another spelling of accents does not come back)
text > integer: ["length"]
  one way (only the length is passed on)
text > text: [{"expression":{"template":"{{ value }}"}}]
  one way (an expression cannot be turned around)
text > decimal: ["parse_number"]
  lossy: format_number {"decimal":".","grouping":""} (a number with three digits after the point is not read again; set the decimal separator; currency and percent signs and separators of thousands do not come back)
text > decimal: [{"parse_number":{"decimal":","}}]
  lossy: format_number {"decimal":",","grouping":""} (currency and percent signs and separators of thousands do not come back)
decimal > decimal: ["parse_number"]
  exact:
decimal > text: ["format_number"]
  exact: parse_number {"decimal":"."}
integer > decimal: [{"format_number":{"decimal":",","grouping":"."}}]
  lossy: to_text | parse_number {"decimal":","} | to_integer (the target reads the text as something else)
integer > text: [{"format_number":{"decimal":",","grouping":"."}}]
  exact: parse_number {"decimal":","} | to_integer
decimal > text: [{"format_number":{"digits":2}}]
  lossy: parse_number {"decimal":"."} (digits that were rounded away do not come back)
decimal > text: [{"format_number":{"decimal":" point ","grouping":"_"}}]
  exact: replace {"find":"_","with":""} | replace {"find":" point ","with":"."} | to_decimal
decimal > text: [{"format_number":{"decimal":"","grouping":"."}}]
  one way (numbers in this format cannot be read back)
decimal > decimal: [{"round":{"digits":2}}]
  lossy: (digits that were rounded away do not come back)
decimal > integer: ["round"]
  lossy: (digits that were rounded away do not come back)
integer > decimal: [{"multiply":{"by":"0.01"}}]
  exact: multiply {"by":"100"} | to_integer
decimal > decimal: [{"multiply":{"by":-1}}]
  exact: multiply {"by":"-1"}
decimal > decimal: [{"multiply":{"by":3}}]
  lossy: multiply {"by":"0.333333333333333333333333333333333333"} | round {"digits":10} (the division does not come out even, so the number comes back rounded)
integer > integer: [{"multiply":{"by":3}}]
  lossy: multiply {"by":"0.333333333333333333333333333333333333"} | round {"digits":0} (the division does not come out even, so the number comes back rounded)
decimal > decimal: [{"multiply":{"by":0}}]
  one way (what was multiplied by 0 cannot be divided again)
text > decimal: [{"multiply":{"by":"1.6"}}]
  lossy: multiply {"by":"0.625"} | to_text (zeros at the end of a number may change)
integer > integer: [{"add":{"amount":7}}]
  exact: add {"amount":"-7"} | to_integer
decimal > decimal: [{"add":{"amount":"-0.5"}}]
  exact: add {"amount":"0.5"}
text > date: [{"parse_date":{"format":"%d.%m.%Y"}}]
  exact: format_date {"format":"%d.%m.%Y"}
text > date: [{"parse_date":{"format":"%d.%m.%y"}}]
  lossy: format_date {"format":"%d.%m.%y"} (for example, 1950-07-04 comes back as 2050-07-04)
text > date: [{"parse_date":{"format":["%d.%m.%Y","iso"]}}]
  lossy: format_date {"format":"%d.%m.%Y"} (all dates come back written like "%d.%m.%Y")
text > date: [{"parse_date":{"format":"%d.%m.%Y %H:%M"}}]
  lossy: parse_date {"result":"timestamp","zone":"UTC"} | format_date {"format":"%d.%m.%Y %H:%M","zone":"UTC"} (the time of day does not come back)
text > date: ["parse_date"]
  lossy: to_text (the time of day does not come back)
text > timestamp: [{"parse_date":{"result":"timestamp"}}]
  exact: to_text
text > timestamp: [{"parse_date":{"result":"timestamp","zone":"Europe/Berlin"}}]
  lossy: to_text (times come back with the offset of their zone)
text > timestamp: [{"parse_date":{"format":"%Y-%m-%dT%H:%M:%S%.f%:z","result":"timestamp"}}]
  exact: format_date {"format":"%Y-%m-%dT%H:%M:%S%.f%:z"}
text > timestamp: [{"parse_date":{"format":"%d.%m.%Y %H:%M","zone":"Europe/Berlin","result":"timestamp"}}]
  lossy: format_date {"format":"%d.%m.%Y %H:%M","zone":"Europe/Berlin"} (for example, 2024-03-30T14:30:05.125+01:00 comes back as 2024-03-30T14:30:00+01:00)
integer > timestamp: [{"parse_date":{"format":"unix","result":"timestamp"}}]
  lossy: format_date {"format":"unix"} | to_integer (parts of a second and the offset from UTC do not come back)
integer > timestamp: [{"parse_date":{"format":"unix_ms","result":"timestamp"}}]
  lossy: format_date {"format":"unix_ms"} | to_integer (parts of a millisecond and the offset from UTC do not come back)
integer > date: [{"parse_date":{"format":"unix"}}]
  lossy: parse_date {"result":"timestamp","zone":"UTC"} | format_date {"format":"unix"} | to_integer (the time of day does not come back)
date > timestamp: [{"parse_date":{"zone":"Europe/Berlin","result":"timestamp"}}]
  lossy: date_only {"zone":"Europe/Berlin"} (the time of day does not come back)
timestamp > date: ["parse_date"]
  lossy: parse_date {"result":"timestamp","zone":"UTC"} (the time of day does not come back)
timestamp > timestamp: [{"parse_date":{"result":"timestamp"}}]
  exact:
date > text: [{"format_date":{"format":"%d.%m.%Y"}}]
  exact: parse_date {"format":"%d.%m.%Y","result":"date"}
date > text: [{"format_date":{"format":"%d.%m."}}]
  one way (the format "%d.%m." does not say the whole date)
date > text: [{"format_date":{"format":"%d.%m.%y"}}]
  lossy: parse_date {"format":"%d.%m.%y","result":"date"} (for example, 1950-07-04 comes back as 2050-07-04)
timestamp > text: [{"format_date":{"format":"%d.%m.%Y"}}]
  lossy: parse_date {"format":"%d.%m.%Y","result":"timestamp","zone":"UTC"} (for example, 2024-03-30T14:30:05.125+01:00 comes back as 2024-03-30T00:00:00Z)
timestamp > text: [{"format_date":{"format":"%d.%m.%Y %H:%M","zone":"Europe/Berlin"}}]
  lossy: parse_date {"format":"%d.%m.%Y %H:%M","result":"timestamp","zone":"Europe/Berlin"} (for example, 2024-03-30T14:30:05.125+01:00 comes back as 2024-03-30T14:30:00+01:00)
timestamp > text: [{"format_date":{"format":"%Y-%m-%d %H:%M:%S%.f %z"}}]
  exact: parse_date {"format":"%Y-%m-%d %H:%M:%S%.f %z","result":"timestamp"}
timestamp > integer: [{"format_date":{"format":"unix"}},"to_integer"]
  lossy: to_text | parse_date {"format":"unix","result":"timestamp"} (parts of a second and the offset from UTC do not come back)
timestamp > text: [{"format_date":{"format":"%H:%M"}}]
  one way (the format "%H:%M" does not say the whole date)
text > text: [{"format_date":{"format":"%d.%m.%Y"}}]
  lossy: parse_date {"format":"%d.%m.%Y","result":"date"} | to_text (the time of day does not come back)
timestamp > date: ["date_only"]
  lossy: parse_date {"result":"timestamp","zone":"UTC"} (the time of day does not come back)
timestamp > date: [{"date_only":{"zone":"Asia/Tokyo"}}]
  lossy: parse_date {"result":"timestamp","zone":"Asia/Tokyo"} (the time of day does not come back)
date > date: ["date_only"]
  exact:
text > date: ["date_only"]
  lossy: to_text (the time of day does not come back)
timestamp > timestamp: ["to_zone"]
  lossy: (the same point in time comes back with another offset)
text? > text: [{"default_if_empty":{"value":"unknown"}}]
  lossy: null_if {"values":"unknown"} ("unknown" comes back as nothing)
text! > text: [{"default_if_empty":{"value":"unknown"}}]
  lossy: (nothing comes back as "unknown")
integer? > integer: [{"default_if_empty":{"value":0}}]
  lossy: (nothing comes back as 0)
text? > text: [{"default_if_missing":{"value":"x"}}]
  lossy: null_if {"values":"x"} ("x" comes back as nothing)
list > text: ["coalesce"]
  one way (only one item is passed on; the others would be lost)
list > text: ["first"]
  one way (only one item is passed on; the others would be lost)
list > text: ["last"]
  one way (only one item is passed on; the others would be lost)
list > text: [{"item":{"at":1}}]
  one way (only one item is passed on; the others would be lost)
text > text: ["null_if"]
  lossy: (texts that mean nothing come back as nothing)
text > text: ["require"]
  exact:
integer > text: ["to_text"]
  exact: to_integer
timestamp > text: ["to_text"]
  exact: parse_date {"result":"timestamp"}
list > text: ["to_text"]
  one way (lists, objects and bytes that became text cannot be read back)
any > text: ["to_text"]
  lossy: (all values come back as text; of one side it is not known what kind of value it holds)
text > integer: ["to_integer"]
  exact: to_text
decimal > integer: ["to_integer"]
  exact:
bool > integer: ["to_integer"]
  exact: to_bool
text > decimal: ["to_decimal"]
  exact: to_text
float > decimal: ["to_decimal"]
  exact:
bool > decimal: ["to_decimal"]
  exact: to_bool
text > bool: ["to_bool"]
  lossy: value_map {"entries":{"true":"true","false":"false"}} (true comes back as "true" and false as "false", whatever the word was)
text > bool: [{"to_bool":{"true":"opted in","false":"opted out"}}]
  exact: value_map {"entries":{"true":"opted in","false":"opted out"}}
enum=Yes|No > bool: ["to_bool"]
  exact: value_map {"entries":{"true":"Yes","false":"No"}}
enum=Yes|No|Y > bool: ["to_bool"]
  lossy: value_map {"entries":{"true":"Yes","false":"No"}} (true comes back as "Yes" and false as "No", whatever the word was)
integer > bool: ["to_bool"]
  exact: to_integer
text > list: ["to_list"]
  lossy: first (of several items only the first comes back)
list > list: ["to_list"]
  exact:
list > integer: ["count"]
  one way (only the number of items is passed on)
list > list: ["distinct"]
  lossy: (repeated items do not come back)
list > list: ["compact"]
  lossy: (items that were left out do not come back)
list > list: [{"each":{"steps":[{"name":"trim"}]}}]
  lossy: (spaces at the ends do not come back)
list > list: [{"each":{"steps":[{"name":"pad","with":{"length":3,"with":"."}}]}}]
  lossy: each {"steps":[{"name":"replace","with":{"find":"(?s)^\\.+(.)","with":"${1}","regex":true}}]} ("." at the start of a text does not come back)
list > list: [{"each":{"steps":[{"name":"hash"}]}}]
  one way (a hash cannot be read back)
text > text: [{"value_map":{"entries":{"a":"1","b":"2"}}}]
  exact: value_map {"entries":{"1":"a","2":"b"}}
text > text: [{"value_map":{"entries":{"a":"1","b":"2","c":"1"}}}]
  lossy: value_map {"entries":{"1":"a","2":"b"}} ("c" becomes "1" too, which comes back as "a")
bool > enum=on|off: [{"value_map":{"entries":{"true":"on","false":"off"}}}]
  exact: value_map {"entries":{"on":true,"off":false}}
enum=lead|lost > enum=open|closed|won: [{"value_map":{"entries":{"lead":"open","lost":"closed","gone":"won"}}}]
  lossy: value_map {"entries":{"open":"lead","closed":"lost"}} (no value of the source stands for "won": held back)
integer > text: [{"value_map":{"entries":{"1":"one","2":"two"}}}]
  exact: value_map {"entries":{"one":1,"two":2}}
text? > text?: [{"value_map":{"entries":{"":"none","a":"x"}}}]
  lossy: value_map {"entries":{"none":null,"x":"a"}} (an empty field of the target is filled in)
text > text?: [{"value_map":{"entries":{"n/a":null,"a":"x"}}}]
  lossy: value_map {"entries":{"x":"a"}} ("n/a" becomes nothing too, which comes back as nothing)
text > text: [{"value_map":{"entries":{"a":"x"},"unknown":"pass"}}]
  lossy: value_map {"entries":{"x":"a"},"unknown":"pass"} (a value outside the table may look like one of its results)
text > text?: [{"value_map":{"entries":{"a":"x"},"unknown":"null"}}]
  lossy: require | value_map {"entries":{"x":"a"}} (values outside the table do not come back)
text > text: [{"value_map":{"entries":{"a":"x"},"unknown":"default","default":"other"}}]
  lossy: value_map {"entries":{"x":"a"}} (values outside the table become "other" and do not come back)
text > text: [{"value_map":{"entries":{"a":"x","b":"other"},"unknown":"default","default":"other"}}]
  lossy: value_map {"entries":{"x":"a","other":"b"}} (values outside the table become "other", which comes back as "b")
text > integer: [{"value_map":{"entries":{"Open":1,"Shut":2},"ignore_case":true}}]
  lossy: value_map {"entries":{"1":"Open","2":"Shut"},"ignore_case":true} (capitals come back as in the table)
text > list: [{"value_map":{"entries":{"a":["x"]}}}]
  one way (no value of the table can come back)
text > text: ["country_code"]
  lossy: (the country comes back as its code)
text > phone: ["phone_e164"]
  lossy: (the number comes back in its international form)
text > text: [{"reference":{"sync":"01924b6e-7a3c-7c3e-9f0a-2f1d3b5c7e90"}}]
  one way (which record it points at is only looked up from source to target)
text > text: ["hash"]
  one way (a hash cannot be read back)
text > text: ["mask"]
  one way (what was covered cannot be read back)
text > text: ["trim","lower",{"slice":{"length":9}}]
  lossy: (spaces at the ends do not come back; capitals do not come back; what was cut off does not come back)
integer > text: [{"multiply":{"by":"0.01"}},{"format_number":{"decimal":","}}]
  one way (numbers in this format cannot be read back)
"##;

/// A step by its name, or `{"name": {parameters}}`.
fn step(json: &Json) -> Json {
    match json {
        Json::Object(step) => {
            let (name, with) = step.iter().next().unwrap();
            json!({"name": name, "with": with})
        }
        name => name.clone(),
    }
}

fn check_row(row: &str, expected: &str) -> Mapping {
    let (fields, steps) = row.split_once(": ").unwrap();
    let (source, target) = fields.split_once(" > ").unwrap();
    let steps: Vec<Json> = serde_json::from_str(steps).unwrap();
    let steps: Vec<Json> = steps.iter().map(step).collect();
    let rules = mapping(&json!([{"to": "b", "from": "a", "steps": steps}]));
    let (source, target) = (
        schema(&format!("a:{source}")),
        schema(&format!("b:{target}")),
    );
    let forward = compile(&rules, &source, &target, Purpose::Update);
    assert_eq!(
        forward.errors().count(),
        0,
        "{row} {:?}",
        forward.diagnostics
    );
    assert_eq!(told(&turned(&rules, &source, &target)), expected, "{row}");
    rules
}

#[test]
fn each_transform_is_undone_or_says_why_not() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut lines = TABLE.lines().filter(|line| !line.is_empty());
    while let (Some(row), Some(expected)) = (lines.next(), lines.next()) {
        let rules = check_row(row, expected.trim_start());
        seen.extend(rules.rules[0].steps.iter().map(|step| step.name.clone()));
    }
    for transform in catalogue() {
        assert!(
            seen.contains(transform.name),
            "{} has no row",
            transform.name
        );
        assert!(
            PAGE.contains(&format!("`{}`", transform.name)),
            "docs/two-way.md does not tell how {} is undone",
            transform.name
        );
    }
}

/// Fields, kinds and steps of a mapping that was turned around, one line each.
fn check(rules: &Json, source: &str, target: &str, chosen: &[(&str, Step)], expected: &str) {
    let chosen: BTreeMap<FieldPath, Vec<Step>> = chosen
        .iter()
        .map(|(path, step)| (path.parse().unwrap(), vec![step.clone()]))
        .collect();
    let (source, target) = (schema(source), schema(target));
    let inverted = invert(&mapping(rules), &source, &target, &chosen);
    let compiled = compile(&inverted.mapping, &target, &source, Purpose::Update);
    assert_eq!(compiled.errors().count(), 0, "{:?}", compiled.diagnostics);
    let lines: Vec<String> = inverted
        .fields
        .iter()
        .zip(told(&inverted).lines())
        .map(|(field, told)| {
            let source = field.source.as_ref().map(ToString::to_string);
            format!(
                "{} <- {}: {told}",
                source.as_deref().unwrap_or("?"),
                field.target
            )
        })
        .collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn what_reads_no_field_or_several_goes_one_way() {
    check(
        &json!([
            {"to": "a", "constant": "x"},
            {"to": "b", "template": "{{ record.first }}"},
            {"to": "c", "from": ["first", "last"], "steps": ["concat"]},
            {"to": "d", "from": ["phone", "country"], "steps": ["phone_e164"]},
            {"to": "e", "from": "id"},
            {"to": "f", "from": "items[].sku"},
        ]),
        "id:text-\nfirst:text\nlast:text\nphone:text\ncountry:text\nitems:list\nitems.sku:text",
        "a:text\nb:text\nc:text\nd:text\ne:text\nf:list",
        &[],
        "? <- a: one way (the target always gets the same value)
? <- b: one way (an expression cannot be turned around)
first <- c: one way (several fields were put together)
phone <- d: lossy: (the number comes back in its international form)
id <- e: one way (\"id\" is set by the platform and cannot be written)
items[].sku <- f: one way (\"items[].sku\" lies inside a list, which cannot be filled item by item)",
    );
}

#[test]
fn one_field_comes_back_from_one_field_the_chosen_or_the_exact_first() {
    let source = "email:text\naddress:object\naddress.city:text";
    let target = "a:text\nb:text\nc:text\ncity:text\nwhole:object";
    let rules = json!([
        {"to": "a", "from": "email", "steps": ["lower"]},
        {"to": "b", "from": "email"},
        {"to": "c", "from": "email", "steps": ["trim"]},
        {"to": "whole", "from": "address"},
        {"to": "city", "from": "address.city"},
    ]);
    check(
        &rules,
        source,
        target,
        &[],
        "email <- a: one way (\"email\" already comes back from \"b\")
email <- b: exact:
email <- c: one way (\"email\" already comes back from \"b\")
address <- whole: exact:
address.city <- city: one way (\"address.city\" already comes back from \"whole\")",
    );
    let upper = mapping::transforms::step("upper", []);
    check(
        &rules,
        source,
        target,
        &[("c", upper.clone()), ("city", upper)],
        "email <- a: one way (\"email\" already comes back from \"c\")
email <- b: one way (\"email\" already comes back from \"c\")
email <- c: lossy: upper (the steps back were chosen by hand)
address <- whole: one way (parts of \"address\" already come back from other fields)
address.city <- city: lossy: upper (the steps back were chosen by hand)",
    );
}

#[test]
fn steps_chosen_by_hand_are_taken_where_they_compile() {
    use mapping::transforms::step;
    let rules = json!([
        {"to": "name", "from": ["first", "last"], "steps": ["concat"]},
        {"to": "tag", "from": "tags", "steps": ["first"]},
        {"to": "cents", "from": "amount", "steps": [{"name": "multiply", "with": {"by": 100}}]},
        {"to": "note", "from": "note"},
        {"to": "fixed", "constant": "x"},
    ]);
    check(
        &rules,
        "first:text\nlast:text\ntags:list\namount:decimal\nnote:text",
        "name:text\ntag:text\ncents:decimal\nnote:text\nfixed:text",
        &[
            ("name", step("slice", [("length", 9.into())])),
            ("tag", step("to_list", [])),
            ("cents", step("multiply", [("by", "0.01".into())])),
            ("note", step("slcie", [])),
            ("fixed", step("trim", [])),
        ],
        "first <- name: lossy: slice {\"length\":9} (the steps back were chosen by hand)
tags <- tag: lossy: to_list (the steps back were chosen by hand)
amount <- cents: exact: multiply {\"by\":\"0.01\"}
note <- note: one way (there is no step \"slcie\")
? <- fixed: one way (the target always gets the same value)",
    );
}

#[test]
fn a_policy_on_failure_is_no_stricter_on_the_way_back() {
    let rules = json!([
        {"to": "a", "from": "a"},
        {"to": "b", "from": "b", "on_failure": {"kind": "skip"}},
        {"to": "c", "from": "c", "on_failure": {"kind": "null"}},
        {"to": "d", "from": "d", "on_failure": {"kind": "default", "value": "x"}},
    ]);
    let fields = "a:text\nb:text\nc:text?\nd:text";
    check(
        &rules,
        fields,
        fields,
        &[],
        "a <- a: exact:
b <- b: exact:
c <- c: lossy: (what cannot be made becomes empty)
d <- d: lossy: (what cannot be made becomes another value)",
    );
    let inverted = turned(&mapping(&rules), &schema(fields), &schema(fields));
    let policies: Vec<&OnFailure> = inverted
        .mapping
        .rules
        .iter()
        .map(|rule| &rule.on_failure)
        .collect();
    use OnFailure::{Hold, Skip};
    assert_eq!(policies, [&Hold, &Skip, &Skip, &Skip]);
}
