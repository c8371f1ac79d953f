//! Filters that encode and digest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use super::no_attribute;
use crate::error::{Fallible, Fault};
use crate::run::{Given, Machine};
use crate::value::{Val, print};

/// The digest of that name in hexadecimal; none where there is no such thing.
fn digest(name: &str, parts: [&[u8]; 2]) -> Option<String> {
    fn of<D: sha2::Digest>(parts: [&[u8]; 2]) -> String {
        let mut hasher = D::new();
        for part in parts {
            hasher.update(part);
        }
        hex::encode(hasher.finalize())
    }
    Some(match name {
        "md5" => of::<md5::Md5>(parts),
        "sha1" => of::<sha1::Sha1>(parts),
        "sha224" => of::<sha2::Sha224>(parts),
        "sha256" => of::<sha2::Sha256>(parts),
        "sha384" => of::<sha2::Sha384>(parts),
        "sha512" => of::<sha2::Sha512>(parts),
        "sha3_224" => of::<sha3::Sha3_224>(parts),
        "sha3_256" => of::<sha3::Sha3_256>(parts),
        "sha3_384" => of::<sha3::Sha3_384>(parts),
        "sha3_512" => of::<sha3::Sha3_512>(parts),
        "blake2b" => of::<blake2::Blake2b512>(parts),
        "blake2s" => of::<blake2::Blake2s256>(parts),
        _ => return None,
    })
}

pub(super) fn hash<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [kind, salt] = given.bind("hash", ["hash_type", "salt"], 0)?;
    let kind = match &kind {
        None => "md5",
        Some(kind) => kind
            .as_str()
            .ok_or_else(|| Fault::wrong_type("attribute name must be string"))?,
    };
    let text = print::to_str(m, &value)?;
    m.pay_for_bytes(text.len())?;
    let salt = match salt {
        Some(salt) if m.is_true(&salt)? => print::to_str(m, &salt)?.to_string(),
        _ => String::new(),
    };
    digest(kind, [text.as_bytes(), salt.as_bytes()])
        .map(Val::text)
        .ok_or_else(|| Fault::failed(format!("No hashing function named {kind}")))
}

pub(super) fn hmac<'r>(m: &Machine<'r>, value: Val<'r>, given: Given<'r>) -> Fallible<Val<'r>> {
    let [key, kind] = given.bind("hmac", ["key", "hash_type"], 1)?;
    if let Some(kind) = kind
        && kind.as_str() != Some("sha256")
    {
        let kind = print::to_str(m, &kind)?;
        return Err(Fault::value(format!(
            "Hash type '{}' is not allowed. Allowed types: sha256",
            &*kind
        )));
    }
    let text = print::to_str(m, &value)?;
    m.pay_for_bytes(text.len())?;
    let key = print::to_str(m, &key.unwrap_or(Val::None))?;
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes())
        .map_err(|error| Fault::failed(error.to_string()))?;
    mac.update(text.as_bytes());
    Ok(Val::text(hex::encode(mac.finalize().into_bytes())))
}

/// The text of a value that must be one.
fn text_of<'v, 'r>(m: &Machine<'r>, value: &'v Val<'r>) -> Fallible<&'v str> {
    if let Val::Undefined(missing) = value {
        return Err(m.undefined_fault(missing));
    }
    let text = value
        .as_str()
        .ok_or_else(|| no_attribute(value, "encode"))?;
    m.pay_for_bytes(text.len())?;
    Ok(text)
}

pub(super) fn base64_encode<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("base64encode")?;
    Ok(Val::text(STANDARD.encode(text_of(m, &value)?)))
}

pub(super) fn base64_of_ascii<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("base64binascii_decode")?;
    let text = text_of(m, &value)?;
    if !text.is_ascii() {
        return Err(Fault::value("'ascii' codec can't encode the text"));
    }
    Ok(Val::text(STANDARD.encode(text)))
}

pub(super) fn base64_decode<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("base64decode")?;
    let text = text_of(m, &value)?;
    let bytes = decode_base64(text).ok_or_else(|| Fault::value("this is not base64"))?;
    String::from_utf8(bytes)
        .map(Val::text)
        .map_err(|_| Fault::value("'utf-8' codec can't decode the bytes"))
}

/// As Python decodes base64: what is no base64 is skipped, and it ends with its padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                if count >= 2 && count + padding >= 4 {
                    return Some(out);
                }
                continue;
            }
            _ => continue,
        };
        padding = 0;
        bits = (bits << 6) | u32::from(digit);
        count = (count + 1) % 4;
        match count {
            2 => out.push(u8::try_from((bits >> 4) & 0xff).unwrap_or(0)),
            3 => out.push(u8::try_from((bits >> 2) & 0xff).unwrap_or(0)),
            0 => out.push(u8::try_from(bits & 0xff).unwrap_or(0)),
            _ => {}
        }
    }
    (count == 0).then_some(out)
}

pub(super) fn urlencode<'r>(
    m: &Machine<'r>,
    value: Val<'r>,
    given: Given<'r>,
) -> Fallible<Val<'r>> {
    given.none("urlencode")?;
    let settled = m.settled(&value);
    let pairs: Vec<(Val<'r>, Val<'r>)> = if value.as_str().is_some() || m.iter(&settled).is_err() {
        let text = print::to_str(m, &value)?;
        m.pay_for_bytes(text.len())?;
        return Ok(Val::text(quote(text.as_bytes(), "_.-~/", false)));
    } else if settled.type_name() == "dict" {
        m.entries_of(&settled)?
    } else {
        let mut pairs = Vec::new();
        for pair in m.collect(&settled)? {
            let mut pair = m.collect(&pair)?.into_iter();
            match (pair.next(), pair.next(), pair.next()) {
                (Some(name), Some(value), None) => pairs.push((name, value)),
                _ => return Err(Fault::value("values to unpack, expected 2")),
            }
        }
        pairs
    };
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        for (part, separator) in [(name, "="), (value, "")] {
            match &part {
                Val::Bytes(bytes) => out.push_str(&quote(bytes, "_.-~", true)),
                part => {
                    let text = print::to_str(m, part)?;
                    m.pay_for_bytes(text.len())?;
                    out.push_str(&quote(text.as_bytes(), "_.-~", true));
                }
            }
            out.push_str(separator);
        }
        m.check_length(&out)?;
    }
    Ok(Val::text(out))
}

/// Percent encoding of all bytes but letters, digits and those in `safe`.
pub(crate) fn quote(bytes: &[u8], safe: &str, plus: bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || safe.as_bytes().contains(byte) {
            out.push(char::from(*byte));
        } else if plus && *byte == b' ' {
            out.push('+');
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.extend(HEX.get(usize::from(nibble)).map(|digit| char::from(*digit)));
            }
        }
    }
    out
}
