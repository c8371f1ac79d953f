//! AWS Signature Version 4, as the service would check it: for the region `eu-west-1` and the service `doors`, or `s3`
//! below `/doors/sigv4/s3`.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::same;
use crate::{clock, http::call::Call, world::World};

pub(crate) const KEY_ID: &str = "AKIADOOREXAMPLE";
pub(crate) const SECRET: &str = "door/aws+secret";
pub(crate) const REGION: &str = "eu-west-1";
/// Milliseconds by which clocks may differ.
const SKEW: i64 = 15 * 60_000;

pub(crate) fn check(world: &mut World, call: &Call) -> Result<String, String> {
    let is_s3 = call.path.starts_with("/doors/sigv4/s3");
    let header = call.header("authorization").unwrap_or_default();
    let rest = header
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("the header Authorization has to begin with AWS4-HMAC-SHA256")?;
    let part = |name: &str| {
        rest.split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| format!("{name} is missing"))
    };
    let time = call.header("x-amz-date").ok_or("x-amz-date is missing")?;
    let day = time.get(..8).unwrap_or_default();
    let service = if is_s3 { "s3" } else { "doors" };
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    if part("Credential")? != format!("{KEY_ID}/{scope}") {
        return Err(format!("the credential has to be {KEY_ID}/{scope}"));
    }
    let at = spelled_out(time)
        .as_deref()
        .and_then(clock::parse)
        .ok_or("x-amz-date is no time")?;
    if (at - world.clock.now()).abs() > SKEW {
        return Err("the time is not now".to_owned());
    }
    let signed: Vec<&str> = part("SignedHeaders")?.split(';').collect();
    for needed in ["host", "x-amz-date"] {
        if !signed.contains(&needed) {
            return Err(format!("{needed} has to be signed"));
        }
    }
    let body = call.bytes().map_err(|_| "the body is too large")?;
    let payload = hex::encode(Sha256::digest(body));
    if is_s3 && call.header("x-amz-content-sha256") != Some(&payload) {
        return Err("x-amz-content-sha256 is not that of the body".to_owned());
    }
    let mut headers = String::new();
    for name in &signed {
        let value = call
            .header(name)
            .ok_or_else(|| format!("{name} is signed but not there"))?;
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        headers.push_str(&format!("{name}:{value}\n"));
    }
    let path = if is_s3 {
        call.path.clone()
    } else {
        encoded(&call.path, true)
    };
    let canonical = format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{payload}",
        call.method,
        query(call),
        signed.join(";")
    );
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(&canonical))
    );
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for step in [day, REGION, service, "aws4_request", &text] {
        key = mac(&key, step)?;
    }
    if same(part("Signature")?.as_bytes(), hex::encode(key).as_bytes()) {
        Ok(KEY_ID.to_owned())
    } else {
        Err(format!("the signature is not that of {canonical:?}"))
    }
}

fn query(call: &Call) -> String {
    // What arrives is decoded by the percent signs alone: a plus is a plus.
    let mut pairs: Vec<String> = call
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            format!(
                "{}={}",
                encoded(&decoded(name), false),
                encoded(&decoded(value), false)
            )
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%2B");
    let pair = format!("x={plain}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn encoded(text: &str, keeps_slashes: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keeps_slashes => out.push('/'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn mac(key: &[u8], text: &str) -> Result<Vec<u8>, String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

/// `20260115T123456Z` as `2026-01-15T12:34:56Z`.
fn spelled_out(time: &str) -> Option<String> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let piece = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    Some(format!(
        "{}-{}-{}T{}:{}:{}Z",
        piece(date, 0, 4)?,
        piece(date, 4, 6)?,
        piece(date, 6, 8)?,
        piece(clock, 0, 2)?,
        piece(clock, 2, 4)?,
        piece(clock, 4, 6)?
    ))
}
