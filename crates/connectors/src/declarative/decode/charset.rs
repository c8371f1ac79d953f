//! Answers in other encodings than UTF-8, by the names that Python has for them.

use bytes::{Bytes, BytesMut};
use encoding_rs::{DecoderResult, Encoding};
use model::json::scan::Stop;
use model::row::Row;

use super::{BodyDecoder, DecodeError, Ending};
use crate::declarative::node::View;

/// How text is written in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charset(Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Utf8,
    /// A byte order mark at the beginning is no part of the text.
    Utf8Marked,
    Ascii,
    /// Each byte is the character of that number, which is not what the web calls by this name.
    Latin1,
    /// The byte order mark decides.
    Utf16,
    Other(&'static Encoding),
}

impl Charset {
    /// What everybody uses.
    pub const UTF_8: Self = Self(Kind::Utf8);
    /// The same, without its mark.
    pub const UTF_8_MARKED: Self = Self(Kind::Utf8Marked);

    /// By a name such as `utf-8`, `latin_1` or `cp1252`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        Some(Self(match name.as_str() {
            "utf-8" | "utf8" | "u8" | "utf" => Kind::Utf8,
            "utf-8-sig" | "utf8-sig" => Kind::Utf8Marked,
            "ascii" | "us-ascii" | "646" => Kind::Ascii,
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "iso88591" | "l1" | "8859"
            | "cp819" => Kind::Latin1,
            "utf-16" | "utf16" | "u16" => Kind::Utf16,
            "utf-16-le" | "utf-16le" => Kind::Other(encoding_rs::UTF_16LE),
            "utf-16-be" | "utf-16be" => Kind::Other(encoding_rs::UTF_16BE),
            "cp932" | "ms932" | "windows-31j" => Kind::Other(encoding_rs::SHIFT_JIS),
            "cp936" => Kind::Other(encoding_rs::GBK),
            "cp949" => Kind::Other(encoding_rs::EUC_KR),
            "cp950" => Kind::Other(encoding_rs::BIG5),
            "mac-roman" => Kind::Other(encoding_rs::MACINTOSH),
            other => Kind::Other(Encoding::for_label_no_replacement(other.as_bytes())?),
        }))
    }

    /// The `encoding` of a component; UTF-8 where it says nothing.
    pub fn member(view: &View<'_>) -> crate::Result<Self> {
        let Some(view) = view.get("encoding") else {
            return Ok(Self::UTF_8);
        };
        let name = view.text()?;
        Self::named(name).ok_or_else(|| {
            view.fail(
                format!("the encoding `{name}` is not known here"),
                "utf-8, utf-8-sig, utf-16, latin-1, ascii, cp1252, shift_jis, gb18030 or another one of the web",
            )
        })
    }

    /// What a `Content-Type` names.
    pub fn of_content_type(header: &str) -> Option<Self> {
        header.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("charset")
                .then(|| Self::named(value.trim().trim_matches(['"', '\''])))
                .flatten()
        })
    }

    /// The name for complaints.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Utf8 | Kind::Utf8Marked => "UTF-8",
            Kind::Ascii => "ASCII",
            Kind::Latin1 => "ISO-8859-1",
            Kind::Utf16 => "UTF-16",
            Kind::Other(encoding) => encoding.name(),
        }
    }

    /// A decoder that is given UTF-8 whatever comes in.
    pub fn before(self, inner: Box<dyn BodyDecoder>) -> Box<dyn BodyDecoder> {
        if self == Self::UTF_8 {
            return inner;
        }
        Box::new(Recoded {
            text: TextReader::new(self),
            inner,
        })
    }

    /// All of `bytes`, in UTF-8.
    pub fn whole(self, bytes: Bytes) -> Result<Bytes, DecodeError> {
        TextReader::new(self).read(bytes, true)
    }
}

/// Turns bytes into UTF-8 as they come in.
pub(super) struct TextReader {
    charset: Charset,
    decoder: Option<encoding_rs::Decoder>,
    /// The beginning of a character whose end has not come yet.
    begun: BytesMut,
    passed: usize,
}

impl std::fmt::Debug for TextReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextReader({})", self.charset.name())
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";

impl TextReader {
    /// For text of that kind.
    pub(super) fn new(charset: Charset) -> Self {
        Self {
            charset,
            decoder: match charset.0 {
                // Without a mark Python takes the order of the machine, which is this one everywhere by now.
                Kind::Utf16 => Some(encoding_rs::UTF_16LE.new_decoder()),
                Kind::Other(encoding) => Some(encoding.new_decoder_without_bom_handling()),
                Kind::Utf8 | Kind::Utf8Marked | Kind::Ascii | Kind::Latin1 => None,
            },
            begun: BytesMut::new(),
            passed: 0,
        }
    }

    fn wrong(&self, at: usize) -> DecodeError {
        DecodeError::Malformed {
            format: self.charset.name(),
            problem: format!("byte {} begins no character", self.passed + at),
        }
    }

    /// The text of the next bytes: whole characters, in UTF-8.
    pub(super) fn read(&mut self, chunk: Bytes, last: bool) -> Result<Bytes, DecodeError> {
        let length = chunk.len();
        let text = match self.charset.0 {
            Kind::Utf8 | Kind::Utf8Marked => return self.checked(chunk, last),
            Kind::Ascii => match chunk.iter().position(|byte| !byte.is_ascii()) {
                None => chunk,
                Some(at) => return Err(self.wrong(at)),
            },
            Kind::Latin1 => match encoding_rs::mem::decode_latin1(&chunk) {
                std::borrow::Cow::Borrowed(_) => chunk,
                std::borrow::Cow::Owned(text) => text.into(),
            },
            Kind::Utf16 | Kind::Other(_) => self.recoded(&chunk, last)?,
        };
        self.passed += length;
        Ok(text)
    }

    fn checked(&mut self, chunk: Bytes, last: bool) -> Result<Bytes, DecodeError> {
        let mut chunk = if self.begun.is_empty() {
            chunk
        } else {
            self.begun.extend_from_slice(&chunk);
            std::mem::take(&mut self.begun).freeze()
        };
        if self.passed == 0 && self.charset == Charset::UTF_8_MARKED {
            if chunk.starts_with(MARK) {
                self.passed = MARK.len();
                chunk = chunk.slice(MARK.len()..);
            } else if MARK.starts_with(&chunk) && !last {
                self.begun.extend_from_slice(&chunk);
                return Ok(Bytes::new());
            }
        }
        if let Err(error) = str::from_utf8(&chunk) {
            if error.error_len().is_some() || last {
                return Err(self.wrong(error.valid_up_to()));
            }
            self.begun
                .extend_from_slice(&chunk.split_off(error.valid_up_to()));
        }
        self.passed += chunk.len();
        Ok(chunk)
    }

    fn recoded(&mut self, chunk: &[u8], last: bool) -> Result<Bytes, DecodeError> {
        let mut text = String::new();
        let mut read = 0;
        while let Some(decoder) = &mut self.decoder {
            let rest = chunk.get(read..).unwrap_or_default();
            let room = decoder.max_utf8_buffer_length_without_replacement(rest.len());
            text.reserve(room.unwrap_or(rest.len()));
            let (result, taken) =
                decoder.decode_to_string_without_replacement(rest, &mut text, last);
            read += taken;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, beyond) => {
                    let back = usize::from(length) + usize::from(beyond);
                    return Err(self.wrong(read.saturating_sub(back)));
                }
            }
        }
        if last {
            self.decoder = None;
        }
        Ok(text.into())
    }
}

#[derive(Debug)]
struct Recoded {
    text: TextReader,
    inner: Box<dyn BodyDecoder>,
}

impl BodyDecoder for Recoded {
    fn push(&mut self, chunk: Bytes, rows: &mut Vec<Row>) -> Result<(), DecodeError> {
        let text = self.text.read(chunk, false)?;
        self.inner.push(text, rows)
    }

    fn finish(&mut self, rows: &mut Vec<Row>) -> Result<Ending, DecodeError> {
        let text = self.text.read(Bytes::new(), true)?;
        self.inner.push(text, rows)?;
        self.inner.finish(rows)
    }
}

/// Where a byte order mark ends that begins at `at`. It is no part of the answer, though JSON should come without one.
pub(super) fn after_mark(bytes: &[u8], at: usize) -> Result<Option<usize>, Stop> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(MARK) {
        Ok(Some(at + MARK.len()))
    } else if MARK.starts_with(rest) {
        Err(Stop::More)
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8], cuts: usize) -> Result<String, String> {
        let mut reader = TextReader::new(Charset::named(name).unwrap());
        let mut text = Vec::new();
        let mut all = || {
            for chunk in bytes.chunks(cuts) {
                text.extend(reader.read(Bytes::copy_from_slice(chunk), false)?);
            }
            text.extend(reader.read(Bytes::new(), true)?);
            Ok(())
        };
        all().map_err(|error: DecodeError| error.to_string())?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn text_is_the_same_however_its_bytes_are_cut() {
        for (name, bytes, text) in [
            ("utf-8", "aé→🙂".as_bytes(), "aé→🙂"),
            ("utf-8", b"\xef\xbb\xbfa", "\u{feff}a"),
            ("UTF_8_SIG", b"\xef\xbb\xbfa", "a"),
            ("utf-8-sig", b"ab", "ab"),
            ("latin_1", b"a\xe9\x80", "aé\u{80}"),
            ("cp1252", b"a\xe9\x80", "aé€"),
            ("utf-16", b"\xff\xfea\0\xe9\0", "aé"),
            ("utf-16", b"\xfe\xff\0a\0\xe9", "aé"),
            ("utf-16-le", b"a\0=\xd8\x42\xde", "a🙂"),
            ("shift_jis", b"\x83\x65a", "テa"),
            ("gb18030", b"\xc4\xe3", "你"),
            ("koi8-r", b"\xc1", "а"),
        ] {
            for cuts in 1..=bytes.len() {
                assert_eq!(
                    read(name, bytes, cuts).as_deref(),
                    Ok(text),
                    "{name} {cuts}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_text_is_named_with_its_place() {
        for (name, bytes, problem) in [
            (
                "utf-8",
                &b"ab\xff"[..],
                "the answer is not UTF-8: byte 2 begins no character",
            ),
            (
                "utf-8",
                b"ab\xe2\x82",
                "the answer is not UTF-8: byte 2 begins no character",
            ),
            (
                "ascii",
                b"a\xe9",
                "the answer is not ASCII: byte 1 begins no character",
            ),
        ] {
            for cuts in 1..=bytes.len() {
                assert_eq!(
                    read(name, bytes, cuts).unwrap_err(),
                    problem,
                    "{name} {cuts}"
                );
            }
        }
        assert!(read("utf-16-le", b"a\0b", 2).is_err());
        assert!(Charset::named("martian").is_none());
    }

    #[test]
    fn a_header_may_name_the_encoding() {
        for (header, name) in [
            ("text/csv; charset=ISO-8859-1", Some("ISO-8859-1")),
            ("text/xml; a=b; Charset=\"utf-8\"", Some("UTF-8")),
            ("text/xml", None),
            ("text/xml; charset=martian", None),
        ] {
            assert_eq!(
                Charset::of_content_type(header).map(Charset::name),
                name,
                "{header}"
            );
        }
    }
}
