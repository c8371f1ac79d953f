//! OAuth 1.0a (RFC 5849): signed requests, and the way through a browser to a token.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use sha2::Sha256;
use url::form_urlencoded;

use super::same;
use crate::{
    http::call::{Answer, Call},
    page::{escape, page},
    random::secret_text,
    world::World,
};

pub(crate) const CONSUMER_KEY: &str = "door-consumer";
pub(crate) const CONSUMER_SECRET: &str = "door&consumer secret";
/// A token that needs no browser.
pub(crate) const TOKEN: &str = "door-token";
pub(crate) const TOKEN_SECRET: &str = "door/token%secret";
/// Seconds by which clocks may differ.
const SKEW: i64 = 300;

/// Request tokens and tokens, with their secrets.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    requests: HashMap<String, Request>,
    tokens: HashMap<String, String>,
}

#[derive(Debug)]
struct Request {
    secret: String,
    callback: String,
    verifier: Option<String>,
}

/// A request with a token.
pub(crate) fn check(world: &mut World, call: &Call) -> Result<String, String> {
    let signed = Signed::read(call)?;
    let token = signed.get("oauth_token").unwrap_or_default().to_owned();
    let secret = match token.as_str() {
        TOKEN => TOKEN_SECRET.to_owned(),
        other => world
            .doors
            .oauth1
            .tokens
            .get(other)
            .cloned()
            .ok_or("the token is not known")?,
    };
    signed.verify(world, call, &secret)?;
    Ok(token)
}

/// `POST /doors/oauth1/request_token`.
pub(crate) fn request_token(world: &mut World, call: &Call) -> Answer {
    let result = Signed::read(call).and_then(|signed| {
        signed.verify(world, call, "")?;
        let callback = signed.get("oauth_callback").unwrap_or_default().to_owned();
        if !crate::oauth::known::is_allowed_redirect(&callback) {
            return Err("the callback is not one that was registered".to_owned());
        }
        Ok(callback)
    });
    match result {
        Ok(callback) => {
            let (token, secret) = (secret_text(), secret_text());
            let request = Request {
                secret: secret.clone(),
                callback,
                verifier: None,
            };
            let requests = &mut world.doors.oauth1.requests;
            if requests.len() > 1_000 {
                requests.clear();
            }
            requests.insert(token.clone(), request);
            form(&[
                ("oauth_token", &token),
                ("oauth_token_secret", &secret),
                ("oauth_callback_confirmed", "true"),
            ])
        }
        Err(reason) => Answer::error(401, "unauthorized", &reason),
    }
}

/// `GET /doors/oauth1/authorize`.
pub(crate) fn authorize(world: &mut World, call: &Call) -> Answer {
    let token = call.param("oauth_token").unwrap_or_default();
    if !world.doors.oauth1.requests.contains_key(token) {
        let text = "<div class=\"card\"><h1>This sign-in cannot go on</h1></div>";
        return page(None, 400, "Sign in", true, text);
    }
    let body = format!(
        "<div class=\"card\"><h1>Allow Patchbay to open the door?</h1>\
<form method=\"post\" action=\"/doors/oauth1/authorize\"><input type=\"hidden\" name=\"oauth_token\" value=\"{}\">\
<div class=\"row\"><button class=\"main\" type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\
<button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button></div></form></div>",
        escape(token)
    );
    page(None, 200, "Allow access", true, &body)
}

/// `POST /doors/oauth1/authorize`.
pub(crate) fn decide(world: &mut World, call: &Call) -> Answer {
    let Some(fields) = call.form() else {
        return Answer::error(400, "invalid_parameter", "this is not the form");
    };
    let token = fields.get("oauth_token").to_owned();
    let requests = &mut world.doors.oauth1.requests;
    let Some(request) = requests.get_mut(&token) else {
        return Answer::error(400, "invalid_parameter", "the token is not known");
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("oauth_token", &token);
    if fields.get("decision") == "allow" {
        let verifier = secret_text();
        query.append_pair("oauth_verifier", &verifier);
        request.verifier = Some(verifier);
    } else {
        query.append_pair("denied", &token);
    }
    let to = format!("{}?{}", request.callback, query.finish());
    Answer::redirect(&to)
}

/// `POST /doors/oauth1/access_token`.
pub(crate) fn access_token(world: &mut World, call: &Call) -> Answer {
    let result = Signed::read(call).and_then(|signed| {
        let token = signed.get("oauth_token").unwrap_or_default().to_owned();
        let secret = world
            .doors
            .oauth1
            .requests
            .get(&token)
            .map(|request| request.secret.clone())
            .ok_or("the request token is not known")?;
        signed.verify(world, call, &secret)?;
        let request = world
            .doors
            .oauth1
            .requests
            .remove(&token)
            .ok_or("the request token is not known")?;
        if request.verifier.is_none() || request.verifier.as_deref() != signed.get("oauth_verifier")
        {
            return Err("the verifier does not fit".to_owned());
        }
        Ok(())
    });
    match result {
        Ok(()) => {
            let (token, secret) = (secret_text(), secret_text());
            world
                .doors
                .oauth1
                .tokens
                .insert(token.clone(), secret.clone());
            form(&[
                ("oauth_token", &token),
                ("oauth_token_secret", &secret),
                ("user_id", "usr_door"),
            ])
        }
        Err(reason) => Answer::error(401, "unauthorized", &reason),
    }
}

fn form(pairs: &[(&str, &str)]) -> Answer {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(pairs);
    let mut answer = Answer::text(200, body.finish());
    answer.content_type = "application/x-www-form-urlencoded";
    answer
}

/// The parameters of a signature, from the header or the query.
struct Signed(Vec<(String, String)>);

impl Signed {
    fn read(call: &Call) -> Result<Self, String> {
        let of_header = call
            .header("authorization")
            .and_then(|header| header.strip_prefix("OAuth "));
        let pairs: Vec<(String, String)> = match of_header {
            Some(list) => list
                .split(',')
                .filter_map(|pair| pair.trim().split_once('='))
                .filter(|(name, _)| *name != "realm")
                .map(|(name, value)| (decoded(name), decoded(value.trim_matches('"'))))
                .collect(),
            None => call
                .query
                .iter()
                .filter(|(name, _)| name.starts_with("oauth_"))
                .cloned()
                .collect(),
        };
        if pairs.is_empty() {
            return Err("the request is not signed".to_owned());
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn verify(&self, world: &mut World, call: &Call, secret: &str) -> Result<(), String> {
        if self.get("oauth_consumer_key") != Some(CONSUMER_KEY) {
            return Err("the consumer key is not known".to_owned());
        }
        let now = world.clock.now();
        let at: i64 = self
            .get("oauth_timestamp")
            .and_then(|text| text.parse().ok())
            .ok_or("the time is no number")?;
        if (at - now / 1000).abs() > SKEW {
            return Err("the time is not now".to_owned());
        }
        let mut pairs: Vec<(String, String)> = self
            .0
            .iter()
            .filter(|(name, _)| name != "oauth_signature")
            .cloned()
            .collect();
        let in_header = call.header("authorization").is_some();
        pairs.extend(
            call.query
                .iter()
                .filter(|(name, _)| in_header || !name.starts_with("oauth_"))
                .cloned(),
        );
        if let Some(form) = call.form() {
            let fields = form.iter();
            pairs.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let mut pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| (encoded(name), encoded(value)))
            .collect();
        pairs.sort();
        let normal: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let address = format!("{}{}", world.origin, call.path);
        let text = format!(
            "{}&{}&{}",
            call.method,
            encoded(&address),
            encoded(&normal.join("&"))
        );
        let key = format!("{}&{}", encoded(CONSUMER_SECRET), encoded(secret));
        let expected = match self.get("oauth_signature_method") {
            Some("HMAC-SHA1") => STANDARD.encode({
                let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes())
                    .map_err(|error| error.to_string())?;
                mac.update(text.as_bytes());
                mac.finalize().into_bytes()
            }),
            Some("HMAC-SHA256") => STANDARD.encode({
                let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
                    .map_err(|error| error.to_string())?;
                mac.update(text.as_bytes());
                mac.finalize().into_bytes()
            }),
            Some("PLAINTEXT") => key,
            _ => return Err("the way of signing is not known".to_owned()),
        };
        let seen = self.get("oauth_signature").unwrap_or_default();
        if !same(seen.as_bytes(), expected.as_bytes()) {
            return Err(format!("the signature is not that of {text:?}"));
        }
        let nonce = self.get("oauth_nonce").unwrap_or_default();
        if !world.doors.use_once(&format!("oauth1 {nonce} {at}"), now) {
            return Err("the nonce was used before".to_owned());
        }
        Ok(())
    }
}

fn decoded(text: &str) -> String {
    let plain = text.replace('+', "%2B");
    let pair = format!("x={plain}");
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
