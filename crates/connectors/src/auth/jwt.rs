//! JSON Web Tokens (RFC 7519) that we sign.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::clock::{Clock, Millis};
use model::secret::Secret;
use serde_json::{Map, Value, json};

use super::keys::{KeyProblem, Signing};
use crate::Error;
use crate::declarative::auth_spec::{Coding, Jwt};

/// A signed token and when it ends.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) token: Secret,
    pub(super) expires_at: Millis,
}

/// Signs what is described. `audience` counts where the description has none.
pub(super) fn sign(
    spec: &Jwt,
    audience: Option<&str>,
    clock: &Clock,
) -> std::result::Result<Signed, Error> {
    let now = clock.now().div_euclid(1000);
    let lifetime = i64::try_from(spec.lifetime).unwrap_or(i64::MAX / 2000);
    let ends = now.saturating_add(lifetime);
    let mut header = Map::new();
    header.insert("alg".into(), json!(spec.algorithm));
    header.insert("typ".into(), json!("JWT"));
    if let Some(id) = filled(spec.key_id.as_deref()) {
        header.insert("kid".into(), json!(id));
    }
    header.extend(spec.headers.clone());
    let mut claims = Map::new();
    let mut claim = |name: &str, value: Option<&str>| {
        if let Some(value) = filled(value) {
            claims.insert(name.into(), json!(value));
        }
    };
    claim("iss", spec.issuer.as_deref());
    claim("sub", spec.subject.as_deref());
    claim("aud", filled(spec.audience.as_deref()).or(audience));
    claims.insert("iat".into(), json!(now));
    claims.insert("exp".into(), json!(ends));
    if spec.unique {
        claims.insert("jti".into(), json!(uuid::Uuid::new_v4().to_string()));
    }
    for (name, value) in &spec.claims {
        match value {
            Value::Null => {
                claims.remove(name);
            }
            Value::String(text) if text.is_empty() => {}
            value => {
                claims.insert(name.clone(), value.clone());
            }
        }
    }
    let key = secret_bytes(spec.key.reveal(), spec.key_coding).map_err(|error| refused(&error))?;
    let key = Signing::new(&spec.algorithm, &key, spec.passphrase.reveal())
        .map_err(|error| refused(&error))?;
    let token = compact(&header, &claims, &key).map_err(|error| refused(&error))?;
    Ok(Signed {
        token,
        expires_at: ends.saturating_mul(1000),
    })
}

/// Header, claims and signature in the compact form of RFC 7515.
pub(crate) fn compact(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    key: &Signing,
) -> Result<Secret, KeyProblem> {
    let part = |members: &Map<String, Value>| {
        URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
    };
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?);
    Ok(Secret::new(format!("{signed}.{signature}")))
}

/// A secret as bytes.
pub(super) fn secret_bytes(
    text: &str,
    coding: Coding,
) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyProblem> {
    let text = text.trim();
    let bytes = match coding {
        Coding::Text => Some(text.as_bytes().to_vec()),
        Coding::Hex | Coding::HexUpper => hex::decode(text).ok(),
        Coding::Base64 => STANDARD.decode(text).ok(),
        Coding::Base64url => URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok(),
    };
    bytes
        .map(zeroize::Zeroizing::new)
        .ok_or_else(|| KeyProblem {
            problem: "the secret is not written as the connector says".to_owned(),
            expected: format!("a secret in the coding {coding:?}").to_lowercase(),
        })
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn refused(problem: &KeyProblem) -> Error {
    Error::Misconfigured {
        what: "the key that was typed in to sign in".into(),
        place: "jwt".into(),
        problem: problem.problem.clone(),
        expected: problem.expected.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Jwt {
        Jwt {
            algorithm: "HS256".into(),
            key: "your-256-bit-secret".into(),
            issuer: Some("robot".into()),
            lifetime: 300,
            ..Jwt::default()
        }
    }

    fn parts(signed: &Signed) -> (Value, Value) {
        let mut parts = signed.token.reveal().split('.').map(|part| {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap_or_default()
        });
        (parts.next().unwrap(), parts.next().unwrap())
    }

    #[test]
    fn the_token_says_who_for_whom_and_how_long() {
        let mut spec = spec();
        spec.key_id = Some("k1".into());
        spec.subject = Some(" ".into());
        spec.claims = json!({"scope": "read", "tenant": "", "iat": null})
            .as_object()
            .unwrap()
            .clone();
        let signed = sign(&spec, Some("https://t/"), &Clock::manual(1_000_500)).unwrap();
        let (header, claims) = parts(&signed);
        assert_eq!(header, json!({"alg": "HS256", "typ": "JWT", "kid": "k1"}));
        assert_eq!(
            claims,
            json!({"iss": "robot", "aud": "https://t/", "exp": 1300, "scope": "read"})
        );
        assert_eq!(signed.expires_at, 1_300_000);
        assert!(!format!("{signed:?} {spec:?}").contains("256-bit"));
    }

    // The example of RFC 7515, appendix A.1.
    #[test]
    fn the_signature_of_the_rfcs_example_comes_out() {
        let key = secret_bytes(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            Coding::Base64url,
        )
        .unwrap();
        let signing = Signing::new("HS256", &key, "").unwrap();
        let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signing.sign(message.as_bytes()).unwrap()),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn secrets_are_read_in_the_coding_that_the_connector_names() {
        #[track_caller]
        fn check(text: &str, coding: Coding, expected: Option<&[u8]>) {
            assert_eq!(
                secret_bytes(text, coding).ok().map(|bytes| bytes.to_vec()),
                expected.map(<[u8]>::to_vec)
            );
        }
        check(" ab ", Coding::Text, Some(b"ab"));
        check("6162", Coding::Hex, Some(b"ab"));
        check("YWI=", Coding::Base64, Some(b"ab"));
        check("YWI", Coding::Base64url, Some(b"ab"));
        check("xyz", Coding::Hex, None);
        check("?", Coding::Base64, None);
    }
}
