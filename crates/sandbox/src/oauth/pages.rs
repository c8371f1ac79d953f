//! What a person sees while signing in.

use super::{Authority, Pending, known::User};
use crate::{
    Platform,
    http::call::Answer,
    page::{escape, page},
};

fn hidden(request: &str, pending: &Pending) -> String {
    format!(
        "<input type=\"hidden\" name=\"request\" value=\"{}\"><input type=\"hidden\" name=\"csrf\" value=\"{}\">",
        escape(request),
        escape(&pending.csrf)
    )
}

pub(crate) fn login(
    sign_in: &Authority,
    request: &str,
    pending: &Pending,
    fault: Option<&str>,
) -> Answer {
    let platform = sign_in.platform;
    let [first, second] = sign_in.users();
    let password = sign_in.demo_password();
    let email = pending.login_hint.as_deref().unwrap_or(first.email);
    let fault_line = fault.map_or(String::new(), |fault| {
        format!("<p class=\"fault\" role=\"alert\">{}</p>", escape(fault))
    });
    let body = format!(
        "<div class=\"card\"><h1>Sign in to {title}</h1><p class=\"soft\">{client} wants to connect.</p>{fault_line}\
<form method=\"post\" action=\"/{name}/oauth/login\">{hidden}\
<label for=\"email\">E-mail</label><input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" value=\"{email}\" required>\
<label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" value=\"{password}\" required>\
<p class=\"soft\">Demo users: {first} and {second}, password <code>{password}</code>.</p>\
<div class=\"row\"><button class=\"main\" type=\"submit\">Sign in</button></div></form></div>",
        title = platform.title(),
        name = platform.name(),
        client = escape(pending.client.name),
        hidden = hidden(request, pending),
        email = escape(email),
        password = escape(password),
        first = escape(first.email),
        second = escape(second.email),
    );
    page(
        Some(platform),
        if fault.is_some() { 401 } else { 200 },
        "Sign in",
        true,
        &body,
    )
}

pub(crate) fn consent(
    sign_in: &Authority,
    request: &str,
    pending: &Pending,
    user: &User,
) -> Answer {
    let platform = sign_in.platform;
    let scopes: String = sign_in
        .scopes()
        .iter()
        .filter(|scope| pending.scopes.iter().any(|asked| asked == scope.name))
        .map(|scope| {
            format!(
                "<li>{} <code class=\"soft\">{}</code></li>",
                escape(scope.words),
                scope.name
            )
        })
        .collect();
    let body = format!(
        "<div class=\"card\"><h1>Allow {client} to use {title}?</h1>\
<p class=\"soft\">Signed in as {user} ({email}), account {account}. <a href=\"/{name}/oauth/login?request={request}\">Not you?</a></p>\
<p>It will be able to:</p><ul>{scopes}</ul>\
<form method=\"post\" action=\"/{name}/oauth/consent\">{hidden}<div class=\"row\">\
<button class=\"main\" type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\
<button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button></div></form></div>",
        client = escape(pending.client.name),
        title = platform.title(),
        name = platform.name(),
        user = escape(user.name),
        email = escape(user.email),
        account = escape(user.account.1),
        request = escape(request),
        hidden = hidden(request, pending),
    );
    page(Some(platform), 200, "Allow access", true, &body)
}

/// A page that says why the sign-in cannot go on.
pub(crate) fn stopped(platform: Platform, status: u16, reason: &str) -> Answer {
    let body = format!(
        "<div class=\"card\"><h1>This sign-in cannot go on</h1><p>{}</p>\
<p class=\"soft\">Go back to the program that sent you here and start again.</p></div>",
        escape(reason)
    );
    page(Some(platform), status, "Sign in", true, &body)
}

pub(crate) fn expired(platform: Platform) -> Answer {
    stopped(
        platform,
        400,
        "It was finished already, or it took longer than ten minutes.",
    )
}
