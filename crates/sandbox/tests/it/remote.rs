//! A client that a test holds: one sandbox, one HTTP client, a way to sign in.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Method, RequestBuilder, Response};
use sandbox::{Options, Platform, Sandbox, browser::Visitor};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

pub(crate) const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-000";
pub(crate) const CALLBACK: &str = "http://127.0.0.1:50123/callback";

pub(crate) struct Remote {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
}

impl Remote {
    pub(crate) async fn new(contacts: usize) -> Self {
        Self::with(Options::new(1, contacts)).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            client: Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        self.sandbox.base_url().join(path).unwrap()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// With the credentials that need no sign-in.
    pub(crate) fn keyed(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.request(method, path);
        if path.starts_with("/harbor") {
            request.basic_auth("api", Some("harbor-basic-demo"))
        } else {
            request.header("x-api-key", "pst_key_demo_0001")
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.keyed(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(
            self.keyed(Method::POST, path)
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) fn authorize_url(&self, platform: Platform, extra: &[(&str, &str)]) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut url = self.url(&format!("/{}/oauth/authorize", platform.name()));
        let standard = [
            ("response_type", "code"),
            ("client_id", "patchbay-desktop"),
            ("redirect_uri", CALLBACK),
            ("state", "st&te=1"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in standard {
            let value = extra
                .iter()
                .find(|(other, _)| *other == name)
                .map_or(value, |(_, value)| *value);
            if !value.is_empty() {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        for (name, value) in extra
            .iter()
            .filter(|(name, _)| standard.iter().all(|(other, _)| other != name))
        {
            url.query_pairs_mut().append_pair(name, value);
        }
        url
    }

    /// The code that the platform sends to the callback.
    pub(crate) async fn code(&self, platform: Platform, scope: &str) -> String {
        let url = self.authorize_url(platform, &[("scope", scope)]);
        let callback = Visitor::new().unwrap().walk(&url).await.unwrap();
        pair(&callback, "code").expect("a code")
    }

    pub(crate) async fn token(&self, platform: Platform, form: &[(&str, &str)]) -> (u16, Value) {
        let path = format!("/{}/oauth/token", platform.name());
        answer(
            self.request(Method::POST, &path)
                .form(form)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn redeem(&self, platform: Platform, code: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "patchbay-desktop"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(platform, &form).await
    }

    pub(crate) async fn refresh(&self, platform: Platform, token: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "patchbay-desktop"),
            ("refresh_token", token),
        ];
        self.token(platform, &form).await
    }

    /// Access and refresh token of a whole sign-in.
    pub(crate) async fn sign_in(&self, platform: Platform, scope: &str) -> (String, String) {
        let code = self.code(platform, scope).await;
        let (status, tokens) = self.redeem(platform, &code).await;
        assert_eq!(status, 200, "{tokens}");
        (
            text(&tokens, "access_token"),
            text(&tokens, "refresh_token"),
        )
    }

    /// Status of a request with that access token.
    pub(crate) async fn status_with(&self, token: &str, path: &str) -> u16 {
        let response = self
            .request(Method::GET, path)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        response.status().as_u16()
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&body).unwrap_or(Value::String(body)),
    )
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
        .to_owned()
}

pub(crate) fn pair(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The ids of a list of records.
pub(crate) fn ids(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|record| text(record, "id"))
        .collect()
}
