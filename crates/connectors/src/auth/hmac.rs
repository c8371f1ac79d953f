//! Requests that are signed by an HMAC over a described text.

use aws_lc_rs::hmac::{
    HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512, Key, sign as hmac_sign,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use model::clock::Millis;
use model::value::{Object, Value};
use template::{Env, Scope, Template};

use super::jwt::secret_bytes;
use super::wire;
use crate::Result;
use crate::declarative::auth_spec::{self, BodyHash, Coding, Hash, Hmac, Nonce, TimeFormat, wrong};
use crate::http::RequestParts;

/// Takes a settled request apart: what texts may be made of.
pub(super) fn parts(
    request: &RequestParts,
    hash: BodyHash,
    time: TimeFormat,
    nonce: Nonce,
    now: Millis,
) -> Vec<(&'static str, Value)> {
    let body = wire::body(request);
    let path = request.url.path();
    let query = request.url.query().unwrap_or_default();
    let path_and_query = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    let mut sorted: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    sorted.sort_unstable();
    let mut headers = Object::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        headers.insert(
            name.as_str(),
            Value::text(String::from_utf8_lossy(value.as_bytes())),
        );
    }
    let mut named = vec![
        ("method", Value::text(request.method.as_str())),
        ("url", Value::text(request.url.as_str())),
        ("scheme", Value::text(request.url.scheme())),
        ("host", Value::text(wire::host(request))),
        ("path", Value::text(path)),
        ("query", Value::text(query)),
        ("sorted_query", Value::text(sorted.join("&"))),
        ("path_and_query", Value::text(path_and_query)),
        ("headers", Value::Object(headers)),
        ("body_hash", Value::text(body_hash(body, hash))),
        ("timestamp", Value::text(written_time(now, time))),
        ("nonce", Value::text(written_nonce(nonce))),
    ];
    // Bytes that are not text have no place in a text; their digest has.
    if let Ok(text) = std::str::from_utf8(body) {
        named.push(("body", Value::text(text)));
    }
    named
}

/// The signature of a settled request, over names that are in `scope`.
pub(super) fn signature(
    spec: &Hmac,
    string: &Template,
    scope: &Scope<'_>,
    env: &Env,
    place: &str,
) -> Result<String> {
    let text = auth_spec::render(string, scope, env, place)?;
    let secret = secret_bytes(spec.secret.reveal(), spec.secret_coding)
        .map_err(|problem| wrong("secret", problem.problem, &problem.expected))?;
    Ok(coded(
        &mac(spec.algorithm, &secret, text.as_bytes()),
        spec.signature,
    ))
}

fn mac(hash: Hash, key: &[u8], text: &[u8]) -> Vec<u8> {
    let digest = match hash {
        Hash::Sha256 => HMAC_SHA256,
        Hash::Sha384 => HMAC_SHA384,
        Hash::Sha512 => HMAC_SHA512,
        Hash::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Md5 => return hmac_md5(key, text),
    };
    hmac_sign(&Key::new(digest, key), text).as_ref().to_vec()
}

/// RFC 2104 with MD5, which the library does not have.
fn hmac_md5(key: &[u8], text: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = Md5::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    let padded = |with: u8| -> Vec<u8> {
        key.iter()
            .copied()
            .chain(std::iter::repeat(0))
            .take(BLOCK)
            .map(|byte| byte ^ with)
            .collect()
    };
    let inner = Md5::new()
        .chain_update(padded(0x36))
        .chain_update(text)
        .finalize();
    Md5::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn body_hash(body: &[u8], hash: BodyHash) -> String {
    if body.is_empty() && hash.none_when_empty {
        return String::new();
    }
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
    let bytes = match hash.algorithm {
        Hash::Sha256 => digest(&SHA256, body).as_ref().to_vec(),
        Hash::Sha384 => digest(&SHA384, body).as_ref().to_vec(),
        Hash::Sha512 => digest(&SHA512, body).as_ref().to_vec(),
        Hash::Sha1 => digest(&SHA1_FOR_LEGACY_USE_ONLY, body).as_ref().to_vec(),
        Hash::Md5 => Md5::digest(body).to_vec(),
    };
    coded(&bytes, hash.coding)
}

fn coded(bytes: &[u8], coding: Coding) -> String {
    match coding {
        Coding::Hex => hex::encode(bytes),
        Coding::HexUpper => hex::encode_upper(bytes),
        Coding::Base64 => STANDARD.encode(bytes),
        Coding::Base64url => URL_SAFE_NO_PAD.encode(bytes),
        Coding::Text => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn written_time(now: Millis, format: TimeFormat) -> String {
    let at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let pattern = match format {
        TimeFormat::Unix => return now.div_euclid(1000).to_string(),
        TimeFormat::UnixMs => return now.to_string(),
        TimeFormat::Rfc3339 => "%Y-%m-%dT%H:%M:%SZ",
        TimeFormat::Rfc3339Ms => "%Y-%m-%dT%H:%M:%S.%3fZ",
        TimeFormat::Basic => "%Y%m%dT%H%M%SZ",
        TimeFormat::HttpDate => "%a, %d %b %Y %H:%M:%S GMT",
    };
    at.strftime(pattern).to_string()
}

fn written_nonce(nonce: Nonce) -> String {
    let random = uuid::Uuid::new_v4();
    match nonce {
        Nonce::Uuid => random.to_string(),
        Nonce::Hex => random.simple().to_string(),
        Nonce::Digits => format!("{:016}", random.as_u128() % 10_u128.pow(16)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 2202 and RFC 4231, the second test case of each.
    #[test]
    fn the_published_vectors_come_out() {
        #[track_caller]
        fn check(hash: Hash, expected: &str) {
            let mac = mac(hash, b"Jefe", b"what do ya want for nothing?");
            assert_eq!(hex::encode(mac), expected);
        }
        check(Hash::Md5, "750c783e6ab0b503eaa86e310a5db738");
        check(Hash::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        check(
            Hash::Sha256,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            Hash::Sha384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        );
        check(
            Hash::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        );
        let long = mac(
            Hash::Md5,
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        );
        assert_eq!(hex::encode(long), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    }

    #[test]
    fn times_nonces_and_digests_are_written_as_the_platform_wants_them() {
        let time = |format| written_time(1_768_480_496_789, format);
        assert_eq!(time(TimeFormat::Unix), "1768480496");
        assert_eq!(time(TimeFormat::UnixMs), "1768480496789");
        assert_eq!(time(TimeFormat::Rfc3339), "2026-01-15T12:34:56Z");
        assert_eq!(time(TimeFormat::Rfc3339Ms), "2026-01-15T12:34:56.789Z");
        assert_eq!(time(TimeFormat::Basic), "20260115T123456Z");
        assert_eq!(time(TimeFormat::HttpDate), "Thu, 15 Jan 2026 12:34:56 GMT");
        assert_eq!(written_nonce(Nonce::Uuid).len(), 36);
        assert_eq!(written_nonce(Nonce::Hex).len(), 32);
        let digits = written_nonce(Nonce::Digits);
        assert!(digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let hash = |algorithm, coding| BodyHash {
            algorithm,
            coding,
            none_when_empty: true,
        };
        assert_eq!(body_hash(b"", hash(Hash::Sha256, Coding::Hex)), "");
        assert_eq!(
            body_hash(b"abc", hash(Hash::Md5, Coding::Base64)),
            "kAFQmDzST7DWlj99KOF/cg=="
        );
        assert_eq!(
            body_hash(b"abc", hash(Hash::Sha1, Coding::HexUpper)),
            "A9993E364706816ABA3E25717850C26C9CD0D89D"
        );
    }
}
