//! AWS Signature Version 4.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign as hmac_sign};
use model::clock::{Clock, Millis};
use sha2::{Digest as _, Sha256};

use super::wire;
use crate::Result;
use crate::declarative::auth_spec::{AwsSigv4, wrong};
use crate::http::RequestParts;

/// Headers that may change on the way, or that the transport sets.
const UNSIGNED: [&str; 6] = [
    "authorization",
    "user-agent",
    "accept",
    "accept-encoding",
    "connection",
    "expect",
];

/// Signs the request, and settles it.
pub(super) fn sign(request: &mut RequestParts, spec: &AwsSigv4, clock: &Clock) -> Result<()> {
    for (name, text) in [
        ("access_key_id", spec.access_key_id.as_str()),
        ("secret_access_key", spec.secret_access_key.reveal()),
        ("region", &spec.region),
        ("service", &spec.service),
    ] {
        if text.trim().is_empty() {
            return Err(wrong(
                name,
                "it is empty".to_owned(),
                "what AWS has given out, and where it counts",
            ));
        }
    }
    wire::settle(request);
    let path = wire::encoded_path(&wire::decoded(request.url.path())).into_owned();
    request.url.set_path(&path);
    let time = stamp(clock.now());
    request.headers.remove("authorization");
    set(request, "x-amz-date", &time)?;
    if let Some(token) = spec
        .session_token
        .as_ref()
        .filter(|token| !token.is_empty())
        && !request.set_secret_header("x-amz-security-token", token.reveal())
    {
        return Err(wrong(
            "session_token",
            "it holds characters that cannot be sent".to_owned(),
            "the token as AWS has given it out",
        ));
    }
    let payload = hex::encode(Sha256::digest(wire::body(request)));
    let is_s3 = matches!(spec.service.trim(), "s3" | "s3-object-lambda" | "s3express");
    if is_s3 {
        set(request, "x-amz-content-sha256", &payload)?;
    }
    let (canonical, signed_headers) = canonical(request, &payload, is_s3);
    let day = time.get(..8).unwrap_or_default();
    let (region, service) = (spec.region.trim(), spec.service.trim());
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let mut key = format!("AWS4{}", spec.secret_access_key.reveal().trim()).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = mac(&key, part);
    }
    let signature = hex::encode(mac(&key, &text));
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
        spec.access_key_id.trim()
    );
    if request.set_secret_header("authorization", &value) {
        Ok(())
    } else {
        Err(wrong(
            "access_key_id",
            "it holds characters that cannot be sent".to_owned(),
            "the id as AWS has given it out: AKIA…",
        ))
    }
}

fn set(request: &mut RequestParts, name: &str, value: &str) -> Result<()> {
    if request.set_header(name, value) {
        Ok(())
    } else {
        Err(wrong(
            name,
            "it cannot be a header".to_owned(),
            "a clock that goes right",
        ))
    }
}

/// The canonical request, and the names of the headers in it.
fn canonical(request: &RequestParts, payload: &str, is_s3: bool) -> (String, String) {
    let path = match request.url.path() {
        "" => "/",
        path => path,
    };
    // S3 takes the path as it is sent, everybody else encodes it once more.
    let path = if is_s3 {
        path.to_owned()
    } else {
        wire::encoded_path(path).into_owned()
    };
    let mut pairs: Vec<(String, String)> = wire::query_pairs(request)
        .iter()
        .map(|(name, value)| {
            (
                wire::encoded(name).into_owned(),
                wire::encoded(value).into_owned(),
            )
        })
        .collect();
    pairs.sort();
    let query = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&");
    let mut headers: Vec<(String, String)> = vec![("host".to_owned(), wire::host(request))];
    for name in request.headers.keys() {
        if UNSIGNED.contains(&name.as_str()) || name == "host" {
            continue;
        }
        let values: Vec<String> = request
            .headers
            .get_all(name)
            .iter()
            .map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes());
                text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        headers.push((name.as_str().to_owned(), values.join(",")));
    }
    headers.sort();
    let names = headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect::<Vec<_>>()
        .join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let text = format!(
        "{}\n{path}\n{query}\n{lines}\n{names}\n{payload}",
        request.method
    );
    (text, names)
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac_sign(&Key::new(HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

/// `20150830T123600Z`.
fn stamp(now: Millis) -> String {
    jiff::Timestamp::from_millisecond(now)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use url::Url;

    use super::*;
    use crate::http::Body;

    fn spec(service: &str) -> AwsSigv4 {
        AwsSigv4 {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
            region: "us-east-1".into(),
            service: service.into(),
        }
    }

    /// 2015-08-30T12:36:00Z, the time of the published test suite.
    const THEN: Millis = 1_440_938_160_000;

    fn signed(
        method: &str,
        url: &str,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> String {
        let mut request = RequestParts::new(method.parse().unwrap(), Url::parse(url).unwrap());
        for (name, value) in headers {
            request
                .headers
                .append(*name, http::HeaderValue::from_static(value));
        }
        if !body.is_empty() {
            request.body = Body::Raw(Bytes::from_static(body.as_bytes()));
        }
        sign(&mut request, &spec("service"), &Clock::manual(THEN)).unwrap();
        let value = request.headers.get("authorization").unwrap();
        assert!(value.is_sensitive());
        let value = value.to_str().unwrap();
        value.rsplit_once('=').unwrap().1.to_owned()
    }

    // Signatures of the test suite that AWS publishes for Signature Version 4.
    #[test]
    fn the_published_vectors_come_out() {
        #[track_caller]
        fn check(
            method: &str,
            path: &str,
            headers: &[(&'static str, &'static str)],
            body: &'static str,
            expected: &str,
        ) {
            let url = format!("https://example.amazonaws.com{path}");
            assert_eq!(
                signed(method, &url, headers, body),
                expected,
                "{method} {path}"
            );
        }
        check(
            "GET",
            "/",
            &[],
            "",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        );
        check(
            "POST",
            "/",
            &[],
            "",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        );
        check(
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        );
        check(
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        );
        check(
            "GET",
            "/?ሴ=bar",
            &[],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        );
        check(
            "GET",
            "/",
            &[
                ("my-header1", "value1"),
                ("my-header2", "  \"a   b   c\"  "),
            ],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        );
        check(
            "POST",
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        );
    }

    // The example of the IAM and S3 guides.
    #[test]
    fn the_examples_of_the_guides_come_out() {
        let mut request = RequestParts::new(
            http::Method::GET,
            Url::parse("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08").unwrap(),
        );
        request.set_header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        sign(&mut request, &spec("iam"), &Clock::manual(THEN)).unwrap();
        assert_eq!(
            request.headers.get("authorization").unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );

        let mut request = RequestParts::new(
            http::Method::GET,
            Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap(),
        );
        request.set_header("range", "bytes=0-9");
        let spec = AwsSigv4 {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            ..spec("s3")
        };
        sign(&mut request, &spec, &Clock::manual(1_369_353_600_000)).unwrap();
        assert_eq!(
            request.headers.get("authorization").unwrap(),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn signing_twice_gives_the_same_and_keys_that_end_are_told() {
        let mut spec = spec("s3");
        spec.session_token = Some("token".into());
        let mut request = RequestParts::new(
            http::Method::PUT,
            Url::parse("https://x.example/a (b)/c?x=1").unwrap(),
        );
        request.query = vec![("y".into(), "2 3".into())];
        sign(&mut request, &spec, &Clock::manual(THEN)).unwrap();
        let first = request.headers.get("authorization").unwrap().clone();
        sign(&mut request, &spec, &Clock::manual(THEN)).unwrap();
        assert_eq!(request.headers.get("authorization"), Some(&first));
        assert_eq!(
            request.url.as_str(),
            "https://x.example/a%20%28b%29/c?x=1&y=2%203"
        );
        assert_eq!(
            request.headers.get("x-amz-security-token").unwrap(),
            "token"
        );
        assert!(!format!("{spec:?}").contains("wJalr"));
        spec.region = " ".into();
        assert!(sign(&mut request, &spec, &Clock::manual(THEN)).is_err());
    }
}
