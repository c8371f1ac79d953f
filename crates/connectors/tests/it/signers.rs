//! Putting credentials on requests, for each kind of sign-in.

use connectors::auth::{CredentialKind, Credentials};
use connectors::http::{RequestParts, Signer as _};
use connectors::{Access, Error};
use model::ids::ConnectionId;
use model::secret::Secret;
use url::Url;

use crate::sign_in::Desk;

#[tokio::test]
async fn keys_tokens_and_passwords_are_put_where_the_platform_wants_them() {
    use serde_json::json;
    let key = json!({"name": "key", "label": "Key", "secret": true});
    let user = json!({"name": "user", "label": "User"});
    let api_key = |place: &str, prefix: &str| json!({"type": "api_key", "in": place, "key_name": "X-Api-Key", "prefix": prefix, "fields": [key]});
    let desk = Desk::new().await;
    for (mut entry, expected) in [
        (api_key("header", ""), "x-api-key: s3cret"),
        (api_key("header", "Token "), "x-api-key: Token s3cret"),
        (api_key("query", ""), "?X-Api-Key=s3cret"),
        (api_key("cookie", ""), "cookie: X-Api-Key=s3cret"),
        (
            json!({"type": "bearer", "fields": [key]}),
            "authorization: Bearer s3cret",
        ),
        (
            json!({"type": "basic", "fields": [user, key]}),
            "authorization: Basic YXBpOnMzY3JldA==",
        ),
        (
            json!({"type": "basic", "fields": [key]}),
            "authorization: Basic OnMzY3JldA==",
        ),
        (
            json!({"type": "api_key", "fields": [user, key],
                "apply": [{"name": "X-Auth", "value": "{{ fields['user'] }}:{{ token }}"}]}),
            "x-auth: api:s3cret",
        ),
        (
            json!({"type": "bearer", "fields": [key], "apply": [{"name": "Authorization", "value": "Own {{ token }}"}]}),
            "authorization: Own s3cret",
        ),
    ] {
        entry["name"] = "m".into();
        entry["label"] = "M".into();
        let method = crate::sign_in::described(&entry);
        let typed = [("key", " s3cret\n"), ("user", "api")];
        let values = typed
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .into();
        let credentials = CredentialKind::from_fields(&method, &values).unwrap();
        let connection = ConnectionId::new();
        Credentials::replace(&desk.keeper, connection, credentials)
            .await
            .unwrap();
        let signer =
            crate::sign_in::signer(&desk.keeper, connection, method.clone(), desk.clock.clone());
        let mut request =
            RequestParts::new(http::Method::GET, Url::parse("https://p.example/").unwrap());
        signer
            .sign(&mut request, &Access::unattended())
            .await
            .unwrap();
        signer
            .sign(&mut request, &Access::unattended())
            .await
            .unwrap();
        let headers = request.headers.iter().map(|(name, value)| {
            assert!(value.is_sensitive());
            format!("{name}: {}", value.to_str().unwrap())
        });
        let query = request
            .query
            .iter()
            .map(|(name, value)| format!("?{name}={value}"));
        assert_eq!(headers.chain(query).collect::<Vec<_>>(), [expected]);
        assert!(signer.secrets().contains(&Secret::new("s3cret")));
        assert!(!format!("{request:?} {signer:?}").contains("s3cret"));

        let error =
            CredentialKind::from_fields(&method, &[("key".to_owned(), Secret::new(" "))].into())
                .unwrap_err();
        assert!(matches!(error, Error::Misconfigured { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_key_with_a_line_break_inside_is_refused_before_it_is_sent() {
    let desk = Desk::new().await;
    let connection = ConnectionId::new();
    let key = CredentialKind::Bearer {
        token: Secret::new("a\r\nHost: evil"),
    };
    Credentials::replace(&desk.keeper, connection, key)
        .await
        .unwrap();
    let signer = desk.signer(connection);
    let mut request =
        RequestParts::new(http::Method::GET, Url::parse("https://p.example/").unwrap());
    let error = signer
        .sign(&mut request, &Access::unattended())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Misconfigured { .. }), "{error}");
    assert!(request.headers.is_empty());
}
