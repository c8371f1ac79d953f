//! Device codes (RFC 8628): a short code is typed in at a page, and the device asks whether that has happened.

use std::collections::HashMap;

use serde_json::json;

use super::{
    Authority, Denied, MAX_ENTRIES, MINUTE, Tokens, clients, denied, digest,
    endpoints::{consent_page, issuer, login_page, no_store, oauth_error, token_form},
    known::{self, Client},
    pages,
};
use crate::{
    Platform,
    http::call::{Answer, Call},
    page::{escape, page},
    random::secret_text,
    world::World,
};

const LIFETIME: i64 = 10 * MINUTE;
/// Letters that cannot be mistaken for one another, and make no words.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// Devices that wait, by the digest of their code.
#[derive(Debug, Default)]
pub(crate) struct Devices(HashMap<String, Device>);

#[derive(Debug)]
struct Device {
    client: &'static Client,
    user_code: String,
    scopes: Vec<String>,
    decision: Option<Decision>,
    expires: i64,
    /// Milliseconds between two questions, and when the last one came.
    interval: i64,
    asked: i64,
}

#[derive(Debug, Clone, Copy)]
enum Decision {
    Allowed(usize),
    Denied,
}

/// `POST /P/oauth/device`.
pub(crate) fn begin(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let form = match token_form(call) {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let client = match clients::authenticate(world, call, platform, &form) {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    if !client.grants.contains(&known::DEVICE) {
        let text = "this client may not use this grant";
        return oauth_error(400, "unauthorized_client", text);
    }
    let now = world.clock.now();
    let seconds = world.device_interval;
    let issuer = issuer(world, platform);
    let sign_in = world.sign_in(platform);
    let Some(scopes) = sign_in.asked_scopes(form.get("scope")) else {
        return oauth_error(400, "invalid_scope", "a scope is not known");
    };
    let devices = &mut sign_in.devices.0;
    devices.retain(|_, device| device.expires + LIFETIME > now);
    if devices.len() >= MAX_ENTRIES {
        devices.clear();
    }
    let (device_code, user_code) = (secret_text(), short_code());
    devices.insert(
        digest(&device_code),
        Device {
            client,
            user_code: user_code.clone(),
            scopes,
            decision: None,
            expires: now + LIFETIME,
            interval: i64::try_from(seconds).unwrap_or(5) * 1000,
            asked: 0,
        },
    );
    let place = format!("{issuer}/device");
    no_store(Answer::json(
        200,
        &json!({"device_code": device_code, "user_code": user_code, "verification_uri": place,
            "verification_uri_complete": format!("{place}?user_code={user_code}"),
            "expires_in": LIFETIME / 1000, "interval": seconds}),
    ))
}

fn short_code() -> String {
    let random = secret_text();
    let mut code: String = digest(&random)
        .bytes()
        .take(8)
        .map(|byte| {
            let index = usize::from(byte) % LETTERS.len();
            char::from(LETTERS.get(index).copied().unwrap_or(b'B'))
        })
        .collect();
    code.insert(4, '-');
    code
}

/// `GET /P/device`: the page where the code is typed in.
pub(crate) fn show(_: &mut World, call: &Call, platform: Platform) -> Answer {
    form(platform, call.param("user_code").unwrap_or(""), None)
}

fn form(platform: Platform, code: &str, fault: Option<&str>) -> Answer {
    let fault_line = fault.map_or(String::new(), |fault| {
        format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault))
    });
    let body = format!(
        "<div class=\"card\"><h1>Connect a program</h1><p class=\"soft\">Type in the code that it shows.</p>{fault_line}\
<form method=\"post\" action=\"/{}/device\"><label for=\"code\">Code</label>\
<input id=\"code\" name=\"user_code\" value=\"{}\" autocomplete=\"off\" required>\
<div class=\"row\"><button class=\"main\" type=\"submit\">Go on</button></div></form></div>",
        platform.name(),
        escape(code),
    );
    let status = if fault.is_some() { 400 } else { 200 };
    page(Some(platform), status, "Connect a program", true, &body)
}

/// `POST /P/device`: on to signing in.
pub(crate) fn enter(world: &mut World, call: &Call, platform: Platform) -> Answer {
    let Some(fields) = call.form() else {
        return pages::stopped(platform, 400, "This is not the form for a code.");
    };
    let now = world.clock.now();
    let sign_in = world.sign_in(platform);
    let typed: String = fields
        .get("user_code")
        .to_ascii_uppercase()
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect();
    let found = sign_in.devices.0.iter().find(|(_, device)| {
        device.expires > now
            && device.decision.is_none()
            && device.user_code.replace('-', "") == typed
    });
    let Some((key, client, scopes)) =
        found.map(|(key, device)| (key.clone(), device.client, device.scopes.clone()))
    else {
        let fault = "This code is not known, or its time is over.";
        return form(platform, fields.get("user_code"), Some(fault));
    };
    let request = sign_in.open_request(client, "", scopes, None, "", None, now);
    if let Some(pending) = sign_in.requests.get_mut(&request) {
        pending.device = Some(key);
    }
    let cookie = super::endpoints::cookie_name(platform);
    if sign_in.session(call.cookie(&cookie), now).is_some() {
        consent_page(world, call, platform, &request)
    } else {
        login_page(world, platform, &request, None)
    }
}

/// The person has decided; `user` is none when they did not allow it.
pub(crate) fn decided(sign_in: &mut Authority, key: &str, user: Option<usize>) -> Answer {
    let platform = sign_in.platform;
    let Some(device) = sign_in.devices.0.get_mut(key) else {
        return pages::expired(platform);
    };
    device.decision = Some(match user {
        Some(user) => Decision::Allowed(user),
        None => Decision::Denied,
    });
    let (heading, text) = match user {
        Some(_) => ("The program is connected", "You can close this window."),
        None => ("The program was not connected", "Nothing was given to it."),
    };
    let body = format!("<div class=\"card\"><h1>{heading}</h1><p>{text}</p></div>");
    page(Some(platform), 200, heading, true, &body)
}

/// The device asks.
pub(crate) fn redeem(
    sign_in: &mut Authority,
    client: &'static Client,
    code: &str,
    now: i64,
) -> Result<Tokens, Denied> {
    let key = digest(code);
    let Some(device) = sign_in.devices.0.get_mut(&key) else {
        return Err(denied("invalid_grant", "the device code is not known"));
    };
    if device.client.id != client.id {
        return Err(denied(
            "invalid_grant",
            "the device code was given to another client",
        ));
    }
    if device.expires <= now {
        return Err(denied("expired_token", "the device code has expired"));
    }
    let too_early = device.asked + device.interval > now + 200;
    device.asked = now;
    match device.decision {
        None if too_early => {
            device.interval += 5000;
            Err(denied("slow_down", "ask less often"))
        }
        None => Err(denied(
            "authorization_pending",
            "the person has not decided yet",
        )),
        Some(Decision::Denied) => {
            sign_in.devices.0.remove(&key);
            Err(denied("access_denied", "the person did not allow it"))
        }
        Some(Decision::Allowed(user)) => {
            let scopes = device.scopes.clone();
            sign_in.devices.0.remove(&key);
            Ok(sign_in.agreed(client, user, scopes, now))
        }
    }
}
