//! OAuth 1.0a (RFC 5849): each request is signed.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, Key, sign as hmac_sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use model::clock::Clock;
use model::secret::Secret;

use super::wire;
use crate::Result;
use crate::declarative::auth_spec::{Oauth1, Oauth1Method, wrong};
use crate::http::RequestParts;

/// A token and its secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) token: &'a Secret,
    pub(super) secret: &'a Secret,
}

/// What is never the same.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    /// Seconds since 1970.
    pub(super) timestamp: i64,
    pub(super) nonce: String,
}

impl Moment {
    pub(super) fn now(clock: &Clock) -> Self {
        Self {
            timestamp: clock.now().div_euclid(1000),
            nonce: uuid::Uuid::new_v4().simple().to_string(),
        }
    }
}

/// Signs the request, and settles it. `more` are parameters of the way through the browser.
pub(super) fn sign(
    request: &mut RequestParts,
    spec: &Oauth1,
    pair: Option<Pair<'_>>,
    more: &[(&str, &str)],
    moment: &Moment,
) -> Result<()> {
    if spec.consumer_key.trim().is_empty() {
        return Err(wrong(
            "consumer_key",
            "it is empty".to_owned(),
            "the consumer key that the platform has given out",
        ));
    }
    // What an earlier try put there.
    request
        .query
        .retain(|(name, _)| !name.starts_with("oauth_"));
    wire::settle(request);
    strip_query(request);
    let mut own: Vec<(&str, String)> = vec![
        ("oauth_consumer_key", spec.consumer_key.trim().to_owned()),
        (
            "oauth_signature_method",
            match spec.signature_method {
                Oauth1Method::HmacSha1 => "HMAC-SHA1",
                Oauth1Method::HmacSha256 => "HMAC-SHA256",
                Oauth1Method::Plaintext => "PLAINTEXT",
            }
            .to_owned(),
        ),
        ("oauth_timestamp", moment.timestamp.to_string()),
        ("oauth_nonce", moment.nonce.clone()),
        ("oauth_version", "1.0".to_owned()),
    ];
    if let Some(pair) = pair {
        own.push(("oauth_token", pair.token.reveal().to_owned()));
    }
    own.extend(
        more.iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    let key = format!(
        "{}&{}",
        wire::encoded(spec.consumer_secret.reveal().trim()),
        pair.map_or_else(Default::default, |pair| wire::encoded(pair.secret.reveal()))
    );
    let signature = match spec.signature_method {
        Oauth1Method::Plaintext => key,
        Oauth1Method::HmacSha1 => mac(&base_string(request, &own), &key, true),
        Oauth1Method::HmacSha256 => mac(&base_string(request, &own), &key, false),
    };
    own.push(("oauth_signature", signature));
    if spec.in_query {
        for (name, value) in own {
            request.query.push((name.to_owned(), value));
        }
        wire::settle(request);
        return Ok(());
    }
    let mut value = String::from("OAuth ");
    if let Some(realm) = spec.realm.as_deref().filter(|realm| !realm.is_empty()) {
        value.push_str(&format!("realm=\"{}\", ", realm.replace(['"', '\\'], "")));
    }
    let list: Vec<String> = own
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", wire::encoded(value)))
        .collect();
    value.push_str(&list.join(", "));
    if request.set_secret_header("authorization", &value) {
        Ok(())
    } else {
        Err(wrong(
            "realm",
            "it holds characters that cannot be sent".to_owned(),
            "letters, digits and signs without line breaks",
        ))
    }
}

/// Takes parameters of an earlier signature out of a settled address.
fn strip_query(request: &mut RequestParts) {
    let Some(query) = request.url.query() else {
        return;
    };
    if !query.contains("oauth_") {
        return;
    }
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("oauth_"))
        .collect();
    let kept = kept.join("&");
    request
        .url
        .set_query((!kept.is_empty()).then_some(kept.as_str()));
}

/// RFC 5849, section 3.4.1.
fn base_string(request: &RequestParts, own: &[(&str, String)]) -> String {
    let mut pairs: Vec<(String, String)> = own
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    pairs.extend(wire::query_pairs(request));
    let is_form = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            kind.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if is_form {
        pairs.extend(url::form_urlencoded::parse(wire::body(request)).into_owned());
    }
    let mut pairs: Vec<(String, String)> = pairs
        .iter()
        .map(|(name, value)| {
            (
                wire::encoded(name).into_owned(),
                wire::encoded(value).into_owned(),
            )
        })
        .collect();
    pairs.sort();
    let normal = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&");
    let address = format!(
        "{}://{}{}",
        request.url.scheme(),
        wire::host(request),
        request.url.path()
    );
    format!(
        "{}&{}&{}",
        request.method,
        wire::encoded(&address),
        wire::encoded(&normal)
    )
}

fn mac(text: &str, key: &str, sha1: bool) -> String {
    let digest = if sha1 {
        HMAC_SHA1_FOR_LEGACY_USE_ONLY
    } else {
        HMAC_SHA256
    };
    STANDARD.encode(hmac_sign(
        &Key::new(digest, key.as_bytes()),
        text.as_bytes(),
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use url::Url;

    use super::*;
    use crate::http::Body;

    fn spec() -> Oauth1 {
        let node = crate::declarative::node::Node::parse(
            "x",
            "{consumer_key: dpf43f3p2l4k3l03, consumer_secret: kd94hf93k423kf44, realm: Photos}",
        )
        .unwrap();
        serde_json::from_value(node.to_json()).unwrap()
    }

    #[track_caller]
    fn check(
        method: &str,
        url: &str,
        pair: Option<(&str, &str)>,
        more: &[(&str, &str)],
        moment: (i64, &str),
        expected: &str,
    ) {
        // The examples of the RFC leave the version out; it is part of what is signed, so the text is compared with
        // one that has it taken away.
        let mut request = RequestParts::new(method.parse().unwrap(), Url::parse(url).unwrap());
        let secrets = pair.map(|(token, secret)| (Secret::new(token), Secret::new(secret)));
        let pair = secrets
            .as_ref()
            .map(|(token, secret)| Pair { token, secret });
        let moment = Moment {
            timestamp: moment.0,
            nonce: moment.1.to_owned(),
        };
        let mut own: Vec<(&str, String)> = vec![
            ("oauth_consumer_key", spec().consumer_key),
            ("oauth_signature_method", "HMAC-SHA1".into()),
            ("oauth_timestamp", moment.timestamp.to_string()),
            ("oauth_nonce", moment.nonce.clone()),
        ];
        if let Some(pair) = pair {
            own.push(("oauth_token", pair.token.reveal().to_owned()));
        }
        own.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        wire::settle(&mut request);
        let key = format!(
            "kd94hf93k423kf44&{}",
            pair.map_or("", |pair| pair.secret.reveal())
        );
        assert_eq!(mac(&base_string(&request, &own), &key, true), expected);
    }

    // The three requests of RFC 5849, section 1.2.
    #[test]
    fn the_examples_of_the_rfc_come_out() {
        check(
            "POST",
            "https://photos.example.net/initiate",
            None,
            &[("oauth_callback", "http://printer.example.com/ready")],
            (137_131_200, "wIjqoS"),
            "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
        );
        check(
            "POST",
            "https://photos.example.net/token",
            Some(("hh5s93j4hdidpola", "hdhd0244k9j7ao03")),
            &[("oauth_verifier", "hfdp7dh39dks9884")],
            (137_131_201, "walatlh"),
            "gKgrFCywp7rO0OXSjdot/IHF7IU=",
        );
        check(
            "GET",
            "http://photos.example.net/photos?file=vacation.jpg&size=original",
            Some(("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")),
            &[],
            (137_131_202, "chapoH"),
            "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
        );
    }

    // The example of RFC 5849, section 3.4.1.1, whose parameters come from everywhere and twice.
    #[test]
    fn parameters_of_query_body_and_header_are_signed_in_one_order() {
        let mut request = RequestParts::new(
            http::Method::POST,
            Url::parse("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").unwrap(),
        );
        request.set_header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        request.body = Body::Raw(Bytes::from_static(b"c2&a3=2+q"));
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        assert_eq!(
            base_string(&request, &own),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }

    #[test]
    fn the_signature_goes_into_the_header_or_the_query() {
        let moment = Moment {
            timestamp: 1,
            nonce: "n".into(),
        };
        let mut spec = spec();
        spec.signature_method = Oauth1Method::Plaintext;
        let url = Url::parse("https://x.example/a?b=1").unwrap();
        let mut request = RequestParts::new(http::Method::GET, url.clone());
        let (token, secret) = (Secret::new("t"), Secret::new("s/"));
        let pair = Some(Pair {
            token: &token,
            secret: &secret,
        });
        sign(&mut request, &spec, pair, &[], &moment).unwrap();
        let value = request.headers.get("authorization").unwrap();
        assert!(value.is_sensitive());
        assert_eq!(
            value,
            "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_signature_method=\"PLAINTEXT\", oauth_timestamp=\"1\", oauth_nonce=\"n\", oauth_version=\"1.0\", oauth_token=\"t\", oauth_signature=\"kd94hf93k423kf44%26s%252F\""
        );
        spec.in_query = true;
        let mut request = RequestParts::new(http::Method::GET, url);
        sign(&mut request, &spec, pair, &[], &moment).unwrap();
        let once = request.url.clone();
        assert!(request.headers.is_empty());
        assert!(
            once.as_str()
                .starts_with("https://x.example/a?b=1&oauth_consumer_key=")
        );
        sign(&mut request, &spec, pair, &[], &moment).unwrap();
        assert_eq!(request.url, once, "signing again replaces the signature");
    }
}
