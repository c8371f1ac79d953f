//! `X-Door-Signature` is the HMAC-SHA256, in hexadecimal, of method, path with query, time, nonce and the SHA-256 of
//! the body, one on each line.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::same;
use crate::{http::call::Call, world::World};

pub(crate) const ID: &str = "door-hmac-id";
pub(crate) const SECRET: &str = "door-hmac-secret";
/// Seconds by which clocks may differ.
const SKEW: i64 = 300;

pub(crate) fn check(world: &mut World, call: &Call) -> Result<String, String> {
    let header = |name: &str| {
        call.header(name)
            .ok_or_else(|| format!("the header {name} is missing"))
    };
    if header("x-door-id")? != ID {
        return Err("the id is not known".to_owned());
    }
    let now = world.clock.now();
    let time = header("x-door-time")?;
    let at: i64 = time.parse().map_err(|_| "the time is no number")?;
    if (at - now / 1000).abs() > SKEW {
        return Err("the time is not now".to_owned());
    }
    let nonce = header("x-door-nonce")?;
    let target = if call.raw_query.is_empty() {
        call.path.clone()
    } else {
        format!("{}?{}", call.path, call.raw_query)
    };
    let body = call.bytes().map_err(|_| "the body is too large")?;
    let text = format!(
        "{}\n{target}\n{time}\n{nonce}\n{}",
        call.method,
        hex::encode(Sha256::digest(body))
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .map_err(|_| "there is no key to verify with")?;
    mac.update(text.as_bytes());
    let expected = hex::encode(mac.finalize().into_bytes());
    if !same(header("x-door-signature")?.as_bytes(), expected.as_bytes()) {
        return Err(format!("the signature is not that of {text:?}"));
    }
    if !world.doors.use_once(&format!("hmac {nonce}"), now) {
        return Err("the nonce was used before".to_owned());
    }
    Ok(ID.to_owned())
}
