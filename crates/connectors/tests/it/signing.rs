//! Ways to sign in that sign each request.

use connectors::auth::ConnectionSigner;
use connectors::http::{Body, RequestParts, Signer as _};
use connectors::{Access, Result};
use model::ids::ConnectionId;
use model::secret::Secret;
use serde_json::json;

use crate::doors::{KEY, check, desk, field, json_body, knock, knock_with, oauth1, signed_in};
use crate::sign_in::{described, signer};

#[tokio::test]
async fn no_door_opens_by_itself() {
    let desk = desk(true).await;
    let nobody = described(&json!({"name": "n", "label": "N", "type": "none"}));
    let connection = ConnectionId::new();
    let signer = signer(&desk.keeper, connection, nobody, desk.clock.clone());
    let safe = desk.sandbox.safe_url().unwrap();
    for door in [
        "key", "keys", "body", "cookie", "basic", "bearer", "own", "jwt", "hmac", "sigv4",
        "oauth1", "session", "tls",
    ] {
        let door = format!("doors/{door}");
        let (status, answer) = knock(
            &desk,
            &signer,
            http::Method::POST,
            &door,
            Body::Form(Vec::new()),
        )
        .await;
        assert_eq!(status, 401, "{door}: {answer}");
    }
    let (status, _) = knock(&desk, &signer, http::Method::GET, "doors/open", Body::Empty).await;
    assert_eq!(status, 200);
    let door = format!("{safe}doors/open");
    let (status, answer) = knock(&desk, &signer, http::Method::GET, &door, Body::Empty).await;
    assert_eq!(status, 0, "nobody trusts the sandbox's authority: {answer}");
}

/// Changes a request after it was signed.
struct Tampering<'a>(&'a ConnectionSigner);

#[async_trait::async_trait]
impl connectors::http::Signer for Tampering<'_> {
    async fn sign(&self, request: &mut RequestParts, access: &Access) -> Result<()> {
        self.0.sign(request, access).await?;
        request.url.query_pairs_mut().append_pair("more", "1");
        Ok(())
    }

    async fn renew(&self, _: &Access) -> Result<bool> {
        Ok(false)
    }

    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_signature_covers_the_whole_request() {
    let desk = desk(false).await;
    let hmac = json!({"type": "hmac", "secret": "door-hmac-secret",
        "string": "{{ method }}\n{{ path_and_query }}\n{{ timestamp }}\n{{ nonce }}\n{{ body_hash }}",
        "apply": [{"name": "X-Door-Id", "value": "door-hmac-id"}, {"name": "X-Door-Time", "value": "{{ timestamp }}"},
            {"name": "X-Door-Nonce", "value": "{{ nonce }}"}, {"name": "X-Door-Signature", "value": "{{ signature }}"}]});
    let aws = json!({"type": "aws_sigv4", "access_key_id": "AKIADOOREXAMPLE",
        "secret_access_key": "door/aws+secret", "region": "eu-west-1", "service": "doors"});
    let mut one = oauth1(json!({"token": "door-token", "token_secret": "door/token%secret"}));
    one["consumer_secret"] = "door&consumer secret".into();
    one["fields"] = json!([]);
    for (door, entry) in [("hmac", hmac), ("sigv4", aws), ("oauth1", one)] {
        let signer = signed_in(&desk, &entry, &[]).await.unwrap();
        let door = format!("doors/{door}?a=1");
        let (status, answer) = knock(&desk, &signer, http::Method::GET, &door, Body::Empty).await;
        assert_eq!(status, 200, "{door}: {answer}");
        let tampering = Tampering(&signer);
        let (status, answer) =
            knock_with(&desk, &tampering, http::Method::GET, &door, Body::Empty).await;
        assert_eq!(status, 401, "{door}: {answer}");
        assert!(
            answer.to_string().contains("the signature is not that of"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn keys_go_where_the_platform_wants_them() {
    let desk = desk(false).await;
    let key = |place: &str, name: &str| json!({"type": "api_key", "in": place, "key_name": name, "fields": [field("key")]});
    let holder = "the holder of the key";
    check(&desk, key("header", "X-Door-Key"), KEY, "doors/key", holder).await;
    check(&desk, key("query", "door_key"), KEY, "doors/key", holder).await;
    check(
        &desk,
        key("cookie", "door_key"),
        KEY,
        "doors/cookie",
        holder,
    )
    .await;
    let both = json!({"type": "api_key", "fields": [field("key"), field("application")], "apply": [
        {"name": "X-Door-Key"},
        {"in": "query", "name": "application", "value": "{{ fields['application'] }}"}]});
    let fields = [("key", "door-key-0001"), ("application", "door-key-0002")];
    check(
        &desk,
        both,
        &fields,
        "doors/keys",
        "the holder of both keys",
    )
    .await;
    let basic =
        json!({"type": "basic", "fields": [{"name": "user", "label": "User"}, field("password")]});
    let fields = [
        ("user", "dana@harbor.example"),
        ("password", "door-password"),
    ];
    check(&desk, basic, &fields, "doors/basic", "dana@harbor.example").await;

    let in_body = signed_in(&desk, &key("body", "door_key"), KEY)
        .await
        .unwrap();
    for body in [
        json_body(r#"{"a":1}"#),
        Body::Form(vec![("a".into(), "1".into())]),
        Body::Empty,
    ] {
        let (status, answer) = knock(&desk, &in_body, http::Method::POST, "doors/body", body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let raw = Body::Raw("text".into());
    let (_, answer) = knock(&desk, &in_body, http::Method::POST, "doors/body", raw).await;
    assert!(
        answer
            .as_str()
            .unwrap()
            .contains("a body that has no members"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_token_of_our_own_goes_on_each_request() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "jwt", "jwt": {"key": "{{ fields['key'] }}", "issuer": sandbox::ROBOT,
        "audience": "BASE/doors/jwt"}, "fields": [{"name": "key", "label": "Key", "secret": true, "format": "pem"}]});
    let fields = [("key", keys.robot_key.as_str())];
    check(&desk, entry, &fields, "doors/jwt", sandbox::ROBOT).await;
}

#[tokio::test]
async fn requests_are_signed_by_an_hmac_over_a_described_text() {
    let desk = desk(false).await;
    let entry = json!({"type": "hmac", "secret": "{{ fields['secret'] }}",
        "string": "{{ method }}\n{{ path_and_query }}\n{{ headers['x-door-time'] }}\n{{ nonce }}\n{{ body_hash }}",
        "nonce": "hex",
        "apply": [
            {"name": "X-Door-Id", "value": "{{ fields['id'] }}"},
            {"name": "X-Door-Time", "value": "{{ timestamp }}"},
            {"name": "X-Door-Nonce", "value": "{{ nonce }}"},
            {"name": "X-Door-Signature", "value": "{{ signature }}"}],
        "fields": [{"name": "id", "label": "Id"}, field("secret")]});
    let fields = [("id", "door-hmac-id"), ("secret", "door-hmac-secret")];
    let signer = check(&desk, entry.clone(), &fields, "doors/hmac", "door-hmac-id").await;
    for body in [
        json_body(r#"{"name":"ä","n":1.10}"#),
        Body::Form(vec![("a b".into(), "c&d".into())]),
        Body::Raw(vec![0_u8, 255].into()),
    ] {
        let (status, answer) = knock(&desk, &signer, http::Method::POST, "doors/hmac", body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let wrong = [("id", "door-hmac-id"), ("secret", "door-hmac-secreT")];
    let signer = signed_in(&desk, &entry, &wrong).await.unwrap();
    let (status, answer) =
        knock(&desk, &signer, http::Method::GET, "doors/hmac", Body::Empty).await;
    assert_eq!(status, 0, "{answer}");
    assert!(
        answer.as_str().unwrap().contains("type it in again"),
        "{answer}"
    );
}

#[tokio::test]
async fn requests_are_signed_for_aws() {
    let desk = desk(false).await;
    let entry = |service: &str| {
        json!({"type": "aws_sigv4", "access_key_id": "{{ fields['id'] }}",
            "secret_access_key": "{{ fields['secret'] }}", "region": "eu-west-1", "service": service,
            "fields": [{"name": "id", "label": "Id"}, field("secret")]})
    };
    let fields = [("id", "AKIADOOREXAMPLE"), ("secret", "door/aws+secret")];
    let signer = check(
        &desk,
        entry("doors"),
        &fields,
        "doors/sigv4",
        "AKIADOOREXAMPLE",
    )
    .await;
    let odd = "doors/sigv4/a%20(b)!/ä*'?x=%2B&x=";
    for (door, body) in [
        (odd, Body::Empty),
        ("doors/sigv4", json_body(r#"{"name":"ä"}"#)),
        (
            "doors/sigv4?a=1&A=2&a=0",
            Body::Form(vec![("a".into(), "b c".into())]),
        ),
    ] {
        let (status, answer) = knock(&desk, &signer, http::Method::PUT, door, body).await;
        assert_eq!(status, 200, "{door}: {answer}");
    }
    let signer = signed_in(&desk, &entry("s3"), &fields).await.unwrap();
    let door = "doors/sigv4/s3/folder/a%20(b)+c.txt";
    let (status, answer) = knock(
        &desk,
        &signer,
        http::Method::PUT,
        door,
        Body::Raw("text".into()),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn requests_are_signed_by_oauth_1() {
    let desk = desk(false).await;
    let fields = [("secret", "door&consumer secret")];
    for more in [
        json!({}),
        json!({"signature_method": "HMAC-SHA256", "realm": "doors"}),
        json!({"signature_method": "PLAINTEXT"}),
        json!({"in_query": true}),
    ] {
        let mut more = more;
        more["token"] = "door-token".into();
        more["token_secret"] = "door/token%secret".into();
        let signer = check(&desk, oauth1(more), &fields, "doors/oauth1", "door-token").await;
        let form = Body::Form(vec![("a b".into(), "ä&".into())]);
        for body in [json_body(r#"{"a":"b"}"#), form] {
            let (status, answer) =
                knock(&desk, &signer, http::Method::POST, "doors/oauth1?x=1", body).await;
            assert_eq!(status, 200, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_certificate_opens_doors_over_tls() {
    let desk = desk(true).await;
    let keys = sandbox::keys().unwrap();
    let tls = json!({"certificate": "{{ fields['certificate'] }}", "key": "{{ fields['key'] }}",
        "ca": "{{ fields['ca'] }}", "ca_only": true});
    let pem = |name: &str, secret: bool| json!({"name": name, "label": name, "secret": secret, "format": "pem"});
    let asked = json!([
        pem("certificate", false),
        pem("key", true),
        pem("ca", false)
    ]);
    let fields = [
        ("certificate", keys.client_certificate.as_str()),
        ("key", &keys.client_key),
        ("ca", &keys.authority),
    ];
    let door = format!("{}doors/tls", desk.sandbox.safe_url().unwrap());
    let entry = json!({"type": "mutual_tls", "tls": tls, "fields": asked});
    let signer = check(
        &desk,
        entry,
        &fields,
        &door,
        "the holder of the certificate",
    )
    .await;
    let ends = signer.certificate_ends_at().await.unwrap().unwrap();
    assert!(ends > desk.clock.now());

    // The same certificate says who asks for a token (RFC 8705).
    let token = json!({"type": "client_credentials", "token_url": "SAFE/harbor/oauth/token",
        "client_id": "patchbay-tls", "token_auth": "none", "scopes": ["deals.read"], "tls": tls, "fields": asked});
    let bearer = format!("{}doors/bearer", desk.sandbox.safe_url().unwrap());
    check(
        &desk,
        token,
        &fields,
        &bearer,
        "dana@harbor.example deals.read",
    )
    .await;

    // Without the authority nobody is trusted, and without a certificate the door stays shut.
    let key = json!({"type": "api_key", "key_name": "X-Door-Key", "fields": [field("key")]});
    let stranger = signed_in(&desk, &key, KEY).await.unwrap();
    let (status, answer) = knock(&desk, &stranger, http::Method::GET, &door, Body::Empty).await;
    assert_eq!(status, 0, "{answer}");
    assert!(answer.as_str().unwrap().contains("certificate"), "{answer}");
    let trusting = json!({"type": "api_key", "key_name": "X-Door-Key", "tls": {"ca": "{{ fields['ca'] }}"},
        "fields": [field("key"), pem("ca", false)]});
    let fields = [("key", "door-key-0001"), ("ca", keys.authority.as_str())];
    let trusting = signed_in(&desk, &trusting, &fields).await.unwrap();
    let (_, answer) = knock(&desk, &trusting, http::Method::GET, &door, Body::Empty).await;
    assert!(answer.to_string().contains("type it in again"), "{answer}");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_refused_before_anything_is_sent() {
    let desk = desk(false).await;
    let keys = sandbox::keys().unwrap();
    let entry = json!({"type": "mutual_tls", "tls": {"certificate": "{{ fields['certificate'] }}",
            "key": "{{ fields['key'] }}", "passphrase": "{{ fields['passphrase'] }}"},
        "fields": [{"name": "certificate", "label": "c", "format": "lines"},
            {"name": "key", "label": "k", "format": "lines", "secret": true},
            {"name": "passphrase", "label": "p", "secret": true, "optional": true}]});
    let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    for (certificate, key, expected) in [
        (
            "nothing",
            keys.client_key.as_str(),
            "there is no certificate in it",
        ),
        (
            &keys.client_certificate,
            "nothing",
            "there is no private key in it",
        ),
        (
            &keys.client_certificate,
            sealed,
            "the private key is encrypted",
        ),
    ] {
        let signer = signed_in(&desk, &entry, &[("certificate", certificate), ("key", key)])
            .await
            .unwrap();
        let mut request = RequestParts::new(http::Method::GET, desk.sandbox.base_url());
        let error = signer
            .sign(&mut request, &Access::unattended())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn every_entry_of_the_howto_can_be_read() {
    use connectors::declarative::auth_spec::AuthMethod;
    use connectors::declarative::node::{Node, View};
    let howto = include_str!("../../../../docs/howto/add-sign-in.md");
    let mut seen = std::collections::BTreeSet::new();
    for block in howto.split("```yaml\n").skip(1) {
        let yaml = block.split("```").next().unwrap();
        let node = Node::parse("add-sign-in.md", yaml).unwrap();
        AuthMethod::read(&View::root("add-sign-in.md", &node))
            .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        seen.extend(node.get("type").and_then(Node::as_text).map(str::to_owned));
    }
    // `none` needs no example.
    assert_eq!(seen.len(), 15, "{seen:?}");
}
