mod packed;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use model::json;
use proptest::prelude::*;

use self::packed::gzip;
use super::*;
use crate::declarative::node::Node;

fn decoder(yaml: &str) -> crate::Result<Decoder> {
    let node = Node::parse("x.yaml", yaml).unwrap();
    Decoder::compile(Some(&View::root("x.yaml", &node)))
}

fn at(path: &[&str]) -> Arc<Extraction> {
    Arc::new(Extraction::Path {
        path: GlobPath::new(path).unwrap(),
        expansion: None,
    })
}

/// The records, as JSON with spaces between, and the ending.
fn read_all(
    decoder: &Decoder,
    extraction: &Arc<Extraction>,
    content_type: Option<&str>,
    bytes: &[u8],
    cuts: usize,
) -> Result<(String, Ending), DecodeError> {
    let mut body = decoder.start(extraction, Keep::Frame, content_type);
    let mut rows = Vec::new();
    for chunk in bytes.chunks(cuts) {
        body.push(Bytes::copy_from_slice(chunk), &mut rows)?;
    }
    let ending = body.finish(&mut rows)?;
    let rows: Vec<String> = rows
        .iter()
        .map(|row| String::from_utf8(row.to_json()).unwrap())
        .collect();
    Ok((rows.join(" "), ending))
}

fn read(yaml: &str, path: &[&str], bytes: &[u8], cuts: usize) -> Result<String, String> {
    read_all(&decoder(yaml).unwrap(), &at(path), None, bytes, cuts)
        .map(|(rows, _)| rows)
        .map_err(|error| error.to_string())
}

/// The same however the bytes are cut.
fn check(yaml: &str, path: &[&str], bytes: impl AsRef<[u8]>, rows: &str) {
    let bytes = bytes.as_ref();
    for cuts in (1..=bytes.len().min(40)).chain([bytes.len().max(1)]) {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(
            read(yaml, path, bytes, cuts).as_deref(),
            Ok(rows),
            "{text} in pieces of {cuts}"
        );
    }
}

fn check_refused(yaml: &str, bytes: impl AsRef<[u8]>, problem: &str) {
    let bytes = bytes.as_ref();
    for cuts in [1, 3, bytes.len().max(1)] {
        let error = read(yaml, &[], bytes, cuts).unwrap_err();
        assert!(error.contains(problem), "{error:?} should say {problem:?}");
    }
}

const JSON: &str = "type: JsonDecoder";
const JSONL: &str = "type: JsonlDecoder";
const CSV: &str = "type: CsvDecoder";
const XML: &str = "type: XmlDecoder";

#[test]
fn json_records_are_found_at_paths_with_patterns() {
    let page =
        r#"{"data":[{"id":1,"a":{"x":1}},{"id":2,"a":{"x":[2]}},{"id":3}],"more":{"a":{"x":9}}}"#;
    check(
        JSON,
        &["data"],
        page,
        r#"{"id":1,"a":{"x":1}} {"id":2,"a":{"x":[2]}} {"id":3}"#,
    );
    check(JSON, &["data", "*", "a"], page, r#"{"x":1} {"x":[2]}"#);
    check(JSON, &["data", "*", "a", "x"], page, "1 [2]");
    check(JSON, &["*", "a"], page, r#"{"x":9}"#);
    check(JSON, &["data", "1"], page, r#"{"id":2,"a":{"x":[2]}}"#);
    check(JSON, &["data", "-1"], page, r#"{"id":3}"#);
    check(JSON, &["m*", "a"], page, r#"{"x":9}"#);
    check(
        JSON,
        &["data", "[0-1]", "a"],
        r#"{"data":[{"a":1},{"b":2}]}"#,
        "1",
    );
    check(
        JSON,
        &["data", "*"],
        r#"{"data":{"x":{"a":1},"y":null}}"#,
        r#"{"a":1} null"#,
    );
    check(
        JSON,
        &["**", "x"],
        r#"{"q":{"x":[{"a":1},{"a":2}]}}"#,
        r#"{"a":1} {"a":2}"#,
    );
    check(JSON, &["a*"], r#"[{"ab":1},{"ac":[2,0]},{}]"#, "1 2 0");
    check_path_refused(&["data", "?"], "{\"data\":[1,2]}");
    check_path_refused(&["**"], page);
}

fn check_path_refused(path: &[&str], text: &str) {
    let error = read(JSON, path, text.as_bytes(), text.len()).unwrap_err();
    assert!(error.contains("more than one value"), "{error}");
}

#[test]
fn the_first_body_is_the_response_of_a_page_that_is_not_streamed() {
    for (yaml, path, bytes, response) in [
        (
            JSON,
            &["d", "*"][..],
            &br#"{"d":[1],"next":2}"#[..],
            r#"{"d":[1],"next":2}"#,
        ),
        (JSON, &["*"], br#"[{"d":1},{"e":1}]"#, r#"{"d":1}"#),
        (XML, &["r", "i"], b"<r><i>1</i></r>", r#"{"r":{"i":"1"}}"#),
        (JSONL, &[], b"{\"a\":1}\n", "{}"),
        (CSV, &[], b"a\n1\n", "{}"),
    ] {
        let (_, ending) = read_all(&decoder(yaml).unwrap(), &at(path), None, bytes, 5).unwrap();
        assert_eq!(json::to_string(&ending.response), response, "{yaml}");
    }
}

#[test]
fn json_lines_are_bodies() {
    check(
        JSONL,
        &[],
        "{\"a\":1}\n\n {\"a\":2.50} \r\n[{\"a\":3},{\"a\":4}]",
        r#"{"a":1} {"a":2.50} {"a":3} {"a":4}"#,
    );
    check(
        JSONL,
        &["d"],
        "{\"d\":[1,2]}\n{\"e\":1}\n{\"d\":{}}\n{\"d\":{\"x\":1}}\n",
        r#"1 2 {"x":1}"#,
    );
    check(JSONL, &[], "", "");
    check(JSONL, &[], "\n\n", "");
}

#[test]
fn a_byte_order_mark_is_no_part_of_json() {
    check(JSON, &[], "\u{feff} [{\"a\":1}]", r#"{"a":1}"#);
    check(JSON, &["d"], "\u{feff}{\"d\":[{\"a\":1}]}", r#"{"a":1}"#);
    check(JSON, &["*"], "\u{feff}{\"d\":[1]}", "[1]");
    check(
        JSONL,
        &[],
        "\u{feff}{\"a\":1}\n{\"a\":2}",
        r#"{"a":1} {"a":2}"#,
    );
    check_refused(JSON, b"\xef\xbb", "not JSON at byte 2");
    check_refused(JSON, b"\xef\xbbx", "not JSON at byte 0");
}

#[test]
fn broken_lines_are_left_out_with_a_warning_unless_all_are_broken() {
    let text = b"{\"a\":1}\noops\n{\"a\":2}\n{\"a\":";
    let (rows, ending) = read_all(&decoder(JSONL).unwrap(), &at(&[]), None, text, 4).unwrap();
    assert_eq!(rows, r#"{"a":1} {"a":2}"#);
    assert_eq!(
        ending.warnings,
        ["2 of 4 lines are not JSON and were left out, first line 2 (expected a value)"]
    );
    check_refused(JSONL, "<html>\n<body>\n", "not JSON at byte 0");
}

#[test]
fn lines_of_text_are_put_into_records() {
    check(
        "type: IterableDecoder",
        &[],
        "a\r\nb\rc\n\n\"d\"",
        r#"{"record":"a"} {"record":"b"} {"record":"c"} {"record":""} {"record":"\"d\""}"#,
    );
    check("type: IterableDecoder", &["record"], "a\nb\n", r#""a" "b""#);
    check_refused("type: IterableDecoder", b"a\n\xff\n", "not UTF-8");
}

#[test]
fn tables_are_read_as_python_reads_them() {
    check(
        CSV,
        &[],
        "id,name\n1,Ann\n2,\"B, \"\"b\"\"\r\nc\"\n",
        r#"{"id":"1","name":"Ann"} {"id":"2","name":"B, \"b\"\nc"}"#,
    );
    check(
        CSV,
        &[],
        "a,b\r\n1,2\r\r\n3",
        r#"{"a":"1","b":"2"} {"a":"3","b":null}"#,
    );
    check(
        CSV,
        &[],
        "a,b\n1,2,3,4\n\n\"\"\n",
        r#"{"a":"1","b":"2","null":["3","4"]} {"a":"","b":null}"#,
    );
    check(
        CSV,
        &[],
        "a,b\n\"x\"y,z\"q\"\n",
        r#"{"a":"xy","b":"z\"q\""}"#,
    );
    check(CSV, &[], "a,a,b\n1,2,3\n", r#"{"a":"2","b":"3"}"#);
    check(CSV, &[], "a,b\n,\n", r#"{"a":"","b":""}"#);
    check(CSV, &[], "a,b", "");
    check(CSV, &[], "", "");
    check(
        "{type: CsvDecoder, delimiter: ;}",
        &[],
        "a;b\n1,5;é\n",
        r#"{"a":"1,5","b":"é"}"#,
    );
    check(
        r#"{type: CsvDecoder, delimiter: '\t'}"#,
        &[],
        "a\tb\n1\t\n",
        r#"{"a":"1","b":""}"#,
    );
    check(
        "{type: CsvDecoder, delimiter: ¦}",
        &[],
        "a¦b\n1§2¦\"3¦\"\n",
        r#"{"a":"1§2","b":"3¦"}"#,
    );
    check(
        "{type: CsvDecoder, set_values_to_none: ['', N/A]}",
        &[],
        "a,b,c\n,N/A,n/a\n",
        r#"{"a":null,"b":null,"c":"n/a"}"#,
    );
    check(
        "{type: CsvDecoder, encoding: latin-1}",
        &[],
        b"n\nJos\xe9\n",
        r#"{"n":"José"}"#,
    );
    check(
        "{type: CsvDecoder, encoding: utf-8-sig}",
        &[],
        "\u{feff}n\n1\n",
        r#"{"n":"1"}"#,
    );
}

#[test]
fn tables_may_have_lines_before_their_names_or_no_names() {
    check(
        "{type: CsvDecoder, skip_rows_before_header: 2, skip_rows_after_header: 1}",
        &[],
        "Report \"of\r\n2026\r\na,b\r\nsum,9\r\n1,2\r\n",
        r#"{"a":"1","b":"2"}"#,
    );
    check(
        "{type: CsvDecoder, header_definition: {header_definition_type: Autogenerated}}",
        &[],
        "1,2\n3,4\n",
        r#"{"f0":"1","f1":"2"} {"f0":"3","f1":"4"}"#,
    );
    check(
        "{type: CsvDecoder, header_definition: {header_definition_type: User Provided, column_names: [x, y]}}",
        &[],
        "1,2\n",
        r#"{"x":"1","y":"2"}"#,
    );
}

#[test]
fn a_table_that_breaks_off_within_quotes_is_refused() {
    check_refused(
        CSV,
        "a\n1\n\"never closed\n2\n",
        "a quote that begins in row 3 is never closed",
    );
    check_refused(CSV, b"a\n\xff\n", "not UTF-8: byte 2");
    let wide = ",".repeat(20_000);
    check_refused(CSV, wide, "row 1 has more than 16384 columns");
}

#[test]
fn the_encoding_of_a_table_may_stand_in_the_header() {
    let decoder = decoder(CSV).unwrap();
    let header = Some("text/csv; charset=iso-8859-1");
    let (rows, _) = read_all(&decoder, &at(&[]), header, b"n\nJos\xe9\n", 2).unwrap();
    assert_eq!(rows, r#"{"n":"José"}"#);
}

#[test]
fn results_of_jobs_know_missing_values() {
    let read = |yaml: &str, bytes: &[u8]| {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let report = Decoder::report(&View::root("x.yaml", &node)).unwrap();
        read_all(&report, &at(&[]), None, bytes, 3).unwrap().0
    };
    let plain = "type: ResponseToFileExtractor";
    let table = b"a,a,\nNA,,x\n";
    let rows = r#"{"a":null,"a.1":null,"Unnamed: 2":"x"}"#;
    assert_eq!(read(plain, table), rows);
    assert_eq!(read(plain, &gzip(table)), rows);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(table).unwrap();
    assert_eq!(read(plain, &zlib.finish().unwrap()), rows);
    let kept = "{type: ResponseToFileExtractor, preserve_na_values: true}";
    assert_eq!(
        read(kept, table),
        r#"{"a":"NA","a.1":null,"Unnamed: 2":"x"}"#
    );
}

#[test]
fn xml_becomes_objects() {
    for (xml, json) in [
        (
            "<?xml version=\"1.0\"?>\n<root><location id=\"123\">\n San Francisco </location><item id=\"1\"><name>A</name></item><item/></root>",
            r##"{"root":{"location":{"@id":"123","#text":"San Francisco"},"item":[{"@id":"1","name":"A"},null]}}"##,
        ),
        (
            "<a><b>1</b><b/><b>2</b></a>",
            r#"{"a":{"b":["1",null,"2"]}}"#,
        ),
        ("<a>x<b>1</b>y</a>", r##"{"a":{"b":"1","#text":"xy"}}"##),
        ("<a> <![CDATA[<b> & c]]> d</a>", r#"{"a":"<b> & c d"}"#),
        (
            "<a>1 &lt; 2 &amp; &#233;&#x1F642;</a>",
            r#"{"a":"1 < 2 & é🙂"}"#,
        ),
        (
            "<n:a xmlns:n='u' n:k='&quot;v&#10;'><n:b>1</n:b></n:a>",
            "{\"n:a\":{\"@xmlns:n\":\"u\",\"@n:k\":\"\\\"v\\n\",\"n:b\":\"1\"}}",
        ),
        ("<a><!-- no --><?pi x?></a>", r#"{"a":null}"#),
        (
            "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a k='&e;'>x&e;y</a>",
            r##"{"a":{"@k":"","#text":"xy"}}"##,
        ),
        ("<a>1\r\n2</a>", "{\"a\":\"1\\n2\"}"),
    ] {
        check(XML, &[], xml, json);
    }
    check(
        XML,
        &["r", "i"],
        "<r><i><n>1</n></i><i><n>2</n></i></r>",
        r#"{"n":"1"} {"n":"2"}"#,
    );
    check(XML, &["r", "i"], "<r><i><n>1</n></i></r>", r#"{"n":"1"}"#);
    check(XML, &[], "", "");
}

#[test]
fn xml_of_many_members_is_read_in_order() {
    let members: String = (0..200)
        .map(|n| format!("<m{}>{n}</m{}>", n % 100, n % 100))
        .collect();
    let (rows, _) = read_all(
        &decoder(XML).unwrap(),
        &at(&["r"]),
        None,
        format!("<r>{members}</r>").as_bytes(),
        1000,
    )
    .unwrap();
    assert!(
        rows.starts_with(r#"{"m0":["0","100"],"m1":["1","101"]"#),
        "{rows}"
    );
    assert!(rows.ends_with(r#""m99":["99","199"]}"#), "{rows}");
}

#[test]
fn broken_xml_is_refused_with_its_place() {
    for (xml, problem) in [
        ("<html><br></html>", "the answer is not XML: byte 10"),
        ("<a>", "the element a is never closed"),
        ("<a/><b/>", "a second element at the top"),
        ("hello", "text outside of the element at the top"),
        ("<a>&nbsp;</a>", "the entity &nbsp; is not known"),
        ("<a k='1' k='2'/>", "the answer is not XML: byte 0"),
        ("<a>1 & 2</a>", "the answer is not XML: byte"),
    ] {
        check_refused(XML, xml, problem);
    }
    check_refused(XML, "<a>".repeat(1000), "more than 128 levels of nesting");
}

#[test]
fn the_encoding_of_xml_is_found_where_it_is_told() {
    let xml = |text: &str| format!("<?xml version='1.0' encoding='{text}'?><a>").into_bytes();
    let latin = [xml("ISO-8859-1"), b"\xe9</a>".to_vec()].concat();
    check(XML, &[], &latin, r#"{"a":"é"}"#);
    let wide: Vec<u8> = "\u{feff}<a>é</a>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    check(XML, &[], &wide, r#"{"a":"é"}"#);
    check(XML, &[], "\u{feff}<a>é</a>", r#"{"a":"é"}"#);
    let header = Some("text/xml; charset=iso-8859-1");
    let (rows, _) = read_all(&decoder(XML).unwrap(), &at(&[]), header, b"<a>\xe9</a>", 3).unwrap();
    assert_eq!(rows, r#"{"a":"é"}"#);
}

#[test]
fn items_of_a_json_list_are_bodies() {
    let page = r#"{"data":{"users":[{"d":{"a":1}},{"d":[{"a":2},{"a":3}]},{}]}}"#;
    let yaml = "{type: JsonItemsDecoder, items_path: data.users}";
    check(yaml, &["d"], page, r#"{"a":1} {"a":2} {"a":3}"#);
    check(yaml, &[], page, r#"{"d":{"a":1}} {"d":[{"a":2},{"a":3}]}"#);
    check(
        "{type: JsonItemsDecoder, items_path: d, encoding: latin-1}",
        &[],
        b"{\"d\":[{\"a\":\"\xe9\"}]}",
        r#"{"a":"é"}"#,
    );
}

#[test]
fn what_is_not_known_is_refused_with_its_place() {
    for (yaml, problem) in [
        (
            "{type: CustomDecoder, class_name: source_x.components.Odd}",
            "`CustomDecoder` is Python code of its own (`source_x.components.Odd`)",
        ),
        ("type: YamlDecoder", "`YamlDecoder` is not supported here"),
        ("type: GzipDecoder", "`decoder` is missing"),
        (
            "{type: CsvDecoder, delimiter: '||'}",
            "the delimiter is \"||\"",
        ),
        (
            "{type: CsvDecoder, encoding: martian}",
            "the encoding `martian` is not known",
        ),
        (
            "{type: JsonItemsDecoder, items_path: ''}",
            "the path is empty",
        ),
    ] {
        let error = decoder(yaml).unwrap_err().to_string();
        assert!(
            error.contains(problem) && error.contains("line 1"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        cuts in 1_usize..50,
    ) {
        for yaml in [
            JSON, JSONL, CSV, XML, "type: IterableDecoder",
            "{type: GzipDecoder, decoder: {type: CsvDecoder, encoding: utf-16}}",
            "{type: ZipfileDecoder, decoder: {type: JsonDecoder}}",
        ] {
            for path in [&[][..], &["*"], &["a", "b"]] {
                let _ = read(yaml, path, &bytes, cuts);
            }
        }
    }

    #[test]
    fn tables_are_the_same_however_they_are_cut(
        text in "([ab\",;\r\n é]{0,6}(\n|\r\n|,)){0,5}",
        cuts in 1_usize..9,
    ) {
        prop_assert_eq!(
            read(CSV, &[], text.as_bytes(), cuts),
            read(CSV, &[], text.as_bytes(), text.len().max(1))
        );
    }

    #[test]
    fn xml_gives_back_what_was_put_in(texts in prop::collection::vec("[a-z<>&\"' ]{0,8}", 1..5)) {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let xml: String = texts.iter().map(|text| format!("<i k=\"{}\"/>", escaped(text))).collect();
        let rows: Vec<String> = texts
            .iter()
            .map(|text| format!("{{\"@k\":{}}}", serde_json::to_string(text).unwrap()))
            .collect();
        let read = read(XML, &["r", "i"], format!("<r>{xml}</r>").as_bytes(), 7);
        prop_assert_eq!(read, Ok(rows.join(" ")));
    }
}

#[test]
fn typed_xml_has_values_of_its_types() {
    check(
        "type: TypedXmlDecoder",
        &["c"],
        r#"<c><id type="integer">7</id><ok type="boolean">true</ok><sum type="decimal">1.10</sum><none nil="true"/><l type="array"><i><n>1</n></i><i><n>2</n></i></l><e type="array"/><t type="datetime">2026-01-01T00:00:00Z</t><odd type="integer">x</odd></c>"#,
        r#"{"id":7,"ok":true,"sum":1.10,"none":null,"l":[{"n":"1"},{"n":"2"}],"e":[],"t":"2026-01-01T00:00:00Z","odd":"x"}"#,
    );
}

#[test]
fn entries_of_feeds_have_one_shape() {
    check(
        "type: FeedDecoder",
        &[],
        "<rss version='2.0'><channel><title>F</title><item><title>A</title><link>http://a</link><guid isPermaLink='false'>g1</guid><pubDate>Fri, 02 Jan 2026 03:04:05 +0200</pubDate><description>d</description><category>x</category><category>y</category><dc:creator>Ann</dc:creator></item></channel></rss>",
        r#"{"id":"g1","title":"A","link":"http://a","author":"Ann","published":"2026-01-02T01:04:05Z","updated":null,"summary":"d","content":null,"categories":["x","y"]}"#,
    );
    check(
        "type: FeedDecoder",
        &[],
        "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>u1</id><title type='text'>A</title><link rel='self' href='http://s'/><link href='http://a'/><published>2026-01-02T03:04:05+02:00</published><updated>soon</updated><author><name>Ann</name></author><category term='x'/><content type='html'>c</content></entry><entry/></feed>",
        r#"{"id":"u1","title":"A","link":"http://a","author":"Ann","published":"2026-01-02T01:04:05Z","updated":"soon","summary":null,"content":"c","categories":["x"]}"#,
    );
    check("type: FeedDecoder", &[], "<html/>", "");
}
