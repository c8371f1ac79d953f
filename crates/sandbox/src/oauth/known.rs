//! Who is registered with the two platforms: people, programs, scopes, keys and addresses to return to.

/// A person who can sign in.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    /// Id and name.
    pub(crate) account: (&'static str, &'static str),
}

pub(crate) static HARBOR_USERS: [User; 2] = [
    User {
        id: "usr_h1",
        name: "Dana Whitfield",
        email: "dana@harbor.example",
        password: "harbor-demo",
        account: ("acc_h1", "Calder & Finch"),
    },
    User {
        id: "usr_h2",
        name: "Omar Haddad",
        email: "omar@harbor.example",
        password: "harbor-demo",
        account: ("acc_h2", "Haddad Imports"),
    },
];

pub(crate) static POSTINO_USERS: [User; 2] = [
    User {
        id: "usr_p1",
        name: "Mira Lindqvist",
        email: "mira@postino.example",
        password: "postino-demo",
        account: ("acc_p1", "Finch Letters"),
    },
    User {
        id: "usr_p2",
        name: "Jonas Weber",
        email: "jonas@postino.example",
        password: "postino-demo",
        account: ("acc_p2", "Weber Press"),
    },
];

/// A scope, what it allows in plain words, and whether it only reads.
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) reads: bool,
}

const fn scope(name: &'static str, words: &'static str, reads: bool) -> Scope {
    Scope { name, words, reads }
}

pub(crate) static HARBOR_SCOPES: [Scope; 4] = [
    scope("contacts.read", "See your contacts", true),
    scope(
        "contacts.write",
        "Create, change and delete contacts",
        false,
    ),
    scope("companies.read", "See your companies", true),
    scope("deals.read", "See your deals", true),
];

pub(crate) static POSTINO_SCOPES: [Scope; 4] = [
    scope("subscribers:read", "See your subscribers", true),
    scope(
        "subscribers:write",
        "Create, change and delete subscribers",
        false,
    ),
    scope("lists:read", "See your lists", true),
    scope("campaigns:read", "See your campaigns", true),
];

pub(crate) const HARBOR_BASIC: (&str, &str) = ("api", "harbor-basic-demo");
pub(crate) const POSTINO_KEY: &str = "pst_key_demo_0001";
pub(crate) const POSTINO_READ_KEY: &str = "pst_key_readonly_0001";

/// A program that may ask for access.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// None: a public client, or one that is known otherwise.
    pub(crate) secret: Option<&'static str>,
    /// How it has to say who it is.
    pub(crate) known_by: KnownBy,
    /// Whether its codes are bound by PKCE; one that cannot has its scopes separated by commas, too.
    pub(crate) is_modern: bool,
    /// What it may do beside codes and refresh tokens.
    pub(crate) grants: &'static [&'static str],
}

/// How a client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KnownBy {
    /// Id and secret, by HTTP Basic or in the body.
    Either,
    /// HTTP Basic only.
    Basic,
    /// An assertion that it signs (RFC 7523).
    Assertion,
    /// Its certificate (RFC 8705).
    Certificate,
}

pub(crate) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const SAML: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";
pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ALONE: &str = "client_credentials";

static CLIENTS: [Client; 7] = [
    Client {
        id: "patchbay-desktop",
        name: "Patchbay",
        secret: None,
        known_by: KnownBy::Either,
        is_modern: true,
        grants: &[DEVICE],
    },
    Client {
        id: "patchbay-server",
        name: "Patchbay server",
        secret: Some("patchbay-server-secret"),
        known_by: KnownBy::Either,
        is_modern: true,
        grants: &[DEVICE, EXCHANGE],
    },
    Client {
        id: "patchbay-robot",
        name: "Patchbay robot",
        secret: Some("patchbay-robot-secret"),
        known_by: KnownBy::Either,
        is_modern: true,
        grants: &[ALONE, JWT, SAML, EXCHANGE],
    },
    Client {
        id: "patchbay-basic",
        name: "Patchbay with Basic",
        secret: Some("basic:secret/100%"),
        known_by: KnownBy::Basic,
        is_modern: true,
        grants: &[ALONE],
    },
    Client {
        id: "patchbay-signer",
        name: "Patchbay with a key",
        secret: None,
        known_by: KnownBy::Assertion,
        is_modern: true,
        grants: &[ALONE],
    },
    Client {
        id: "patchbay-tls",
        name: "Patchbay with a certificate",
        secret: None,
        known_by: KnownBy::Certificate,
        is_modern: true,
        grants: &[ALONE],
    },
    Client {
        id: "patchbay-legacy",
        name: "An old Patchbay",
        secret: Some("patchbay-legacy-secret"),
        known_by: KnownBy::Either,
        is_modern: false,
        grants: &[],
    },
];

pub(crate) fn client(id: &str) -> Option<&'static Client> {
    CLIENTS.iter().find(|client| client.id == id)
}

/// Exactly `http://127.0.0.1:*/callback` or `http://[::1]:*/callback`.
pub(crate) fn is_allowed_redirect(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("http://127.0.0.1")
        .or_else(|| text.strip_prefix("http://[::1]"))
    else {
        return false;
    };
    let Some(port) = rest.strip_suffix("/callback") else {
        return false;
    };
    match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_go_to_a_loopback_callback_only() {
        fn check(text: &str, allowed: bool) {
            assert_eq!(is_allowed_redirect(text), allowed, "{text}");
        }
        check("http://127.0.0.1:53122/callback", true);
        check("http://[::1]:1/callback", true);
        check("http://127.0.0.1/callback", true);
        check("http://localhost:53122/callback", false);
        check("https://127.0.0.1:53122/callback", false);
        check("http://127.0.0.1:53122/callback/", false);
        check("http://127.0.0.1:53122/callback?x=1", false);
        check("http://127.0.0.1:53122/other/callback", false);
        check("http://127.0.0.1:99999/callback", false);
        check("http://127.0.0.1.evil.example/callback", false);
        check("http://127.0.0.1:1@evil.example/callback", false);
    }
}
