//! Answers that are packed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;

use super::{at, check, check_refused, decoder, read, read_all};
use crate::declarative::decode::DecodeError;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// An archive of files, each deflated, or as it is when its name ends in `.raw`.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(content).unwrap();
        let (method, packed) = match name.ends_with(".raw") {
            true => (0_u16, content.to_vec()),
            false => (8, deflated.finish().unwrap()),
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let at = archive.len() as u32;
        // From the version to the length of the extra field, as both headers have it.
        let mut shared = Vec::new();
        for short in [20_u16, 0, method, 0, 0] {
            shared.extend(short.to_le_bytes());
        }
        for long in [crc.sum(), packed.len() as u32, content.len() as u32] {
            shared.extend(long.to_le_bytes());
        }
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend(0_u16.to_le_bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&shared);
        archive.extend(name.as_bytes());
        archive.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&shared);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (archive.len() as u32, files.len() as u16);
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend(0_u16.to_le_bytes());
    archive
}

#[test]
fn packed_answers_are_unpacked() {
    let inner = "{type: GzipDecoder, decoder: {type: JsonlDecoder}}";
    let lines = b"{\"a\":1}\n{\"a\":2}\n";
    let both = r#"{"a":1} {"a":2}"#;
    check(inner, &[], gzip(lines), both);
    check(inner, &[], lines, both);
    check(inner, &[], "", "");
    check(inner, &[], "7", "7");
    // Several files after one another, and zeros at the end.
    check(
        inner,
        &[],
        [gzip(b"{\"a\":1}\n"), gzip(b"{\"a\":2}"), vec![0; 9]].concat(),
        both,
    );
    check(
        "{type: GzipDecoder, decoder: {type: JsonDecoder}}",
        &["d"],
        gzip(br#"{"d":[{"a":1}]}"#),
        r#"{"a":1}"#,
    );
    check(
        "{type: CompositeRawDecoder, parser: {type: GzipParser, inner_parser: {type: CsvParser, encoding: utf-16, delimiter: ';'}}}",
        &[],
        gzip(b"\xff\xfea\0;\0b\0\n\x001\0;\x002\0"),
        r#"{"a":"1","b":"2"}"#,
    );
    check(
        "{type: GzipDecoder, decoder: {type: GzipDecoder, decoder: {type: JsonlDecoder}}}",
        &[],
        gzip(&gzip(lines)),
        both,
    );
    check(
        "{type: CompositeRawDecoder, parser: {type: JsonLineParser, encoding: latin-1}}",
        &[],
        b"{\"a\":\"\xe9\"}",
        r#"{"a":"é"}"#,
    );
}

#[test]
fn damaged_packings_are_refused() {
    let yaml = "{type: GzipDecoder, decoder: {type: JsonlDecoder}}";
    let packed = gzip(b"{\"a\":1}\n");
    check_refused(yaml, &packed[..packed.len() - 3], "gzip");
    check_refused(yaml, &packed[..12], "gzip");
    check_refused(
        yaml,
        [packed.clone(), b"xx".to_vec()].concat(),
        "something else follows",
    );
    let mut wrong = packed;
    let sum = wrong.len() - 6;
    wrong[sum] ^= 1;
    check_refused(yaml, wrong, "gzip");
}

#[test]
fn a_bomb_is_refused_by_name() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let mut line = vec![b'x'; 1 << 20];
    line.push(b'\n');
    for _ in 0..66 {
        packed.write_all(&line).unwrap();
    }
    let bomb = packed.finish().unwrap();
    let decoder = decoder("{type: GzipDecoder, decoder: {type: JsonlDecoder}}").unwrap();
    let error = read_all(&decoder, &at(&[]), None, &bomb, 1000).unwrap_err();
    assert!(
        matches!(error, DecodeError::Bomb { format: "gzip", .. }),
        "{error}"
    );
}

#[test]
fn files_of_an_archive_are_read_one_after_the_other() {
    let archive = zip(&[
        ("folder/", b""),
        ("a.jsonl", b"{\"a\":1}\n"),
        ("b.raw", b"{\"a\":2}\n{\"a\":3}"),
    ]);
    let yaml = "{type: ZipfileDecoder, decoder: {type: JsonlDecoder}}";
    check(yaml, &[], &archive, r#"{"a":1} {"a":2} {"a":3}"#);
    check(yaml, &[], "", "");
    check(yaml, &[], zip(&[]), "");
    // Something may stand before an archive, and a comment behind it.
    let mut wrapped = [b"#!/bin/sh\n".to_vec(), archive.clone()].concat();
    let length = wrapped.len();
    wrapped[length - 2] = 3;
    wrapped.extend(b"end");
    check(yaml, &[], &wrapped, r#"{"a":1} {"a":2} {"a":3}"#);

    let mut broken = archive.clone();
    broken[78] ^= 0xff;
    check_refused(
        yaml,
        broken,
        "the answer is not a ZIP archive: the file a.jsonl in it",
    );
    check_refused(
        yaml,
        &archive[..archive.len() - 30],
        "no directory at its end",
    );
    check_refused(yaml, "<html>", "no directory at its end");
    let mut encrypted = archive.clone();
    let entry = archive
        .windows(4)
        .position(|bytes| bytes == b"PK\x01\x02")
        .unwrap();
    let second = entry + 46 + "folder/".len();
    encrypted[second + 8] = 1;
    check_refused(yaml, encrypted, "a.jsonl in it is encrypted");
}

proptest! {
    #[test]
    fn any_archive_is_read_or_refused_without_panic(place in 0_usize..200, byte in any::<u8>()) {
        let mut archive = zip(&[("a", b"{\"a\":1}"), ("b.raw", b"[]")]);
        let length = archive.len();
        archive[place % length] = byte;
        let _ = read("{type: ZipfileDecoder, decoder: {type: JsonDecoder}}", &[], &archive, length);
    }
}
