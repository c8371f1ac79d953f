//! Reading an entry of `patchbay.auth`: strictly, and with the place of what is wrong.

use serde_json::Value as Json;
use template::{Reads, Template};

use super::{AuthKind, AuthMethod, LATER};
use crate::Result;
use crate::declarative::node::{Kind, View, nearest};

impl AuthMethod {
    /// The entry at `view`.
    pub fn read(view: &View<'_>) -> Result<Self> {
        let method: Self = serde_json::from_value(view.node().to_json()).map_err(|error| {
            view.fail(
                error.to_string(),
                "a sign-in: name, label, type and what the type needs",
            )
        })?;
        // What was not taken in is not known: everything that is comes out again.
        let known = serde_json::to_value(&method)
            .map_err(|error| view.fail(error.to_string(), "a sign-in"))?;
        refuse_unknown(view, &known)?;
        method.check(view)?;
        check_templates(&method, view, false)?;
        Ok(method)
    }

    /// What a type needs and the description of its members cannot say.
    fn check(&self, view: &View<'_>) -> Result<()> {
        let needs = |what: &str, expected: &str| {
            Err(view.fail(format!("{what} is missing"), expected.to_owned()))
        };
        match &self.kind {
            AuthKind::ApiKey(spec) if spec.key_name.is_empty() && self.apply.is_empty() => {
                needs("`key_name`", "the name that the key goes under, or `apply`")
            }
            AuthKind::Hmac(_) if self.apply.is_empty() => needs(
                "`apply`",
                "where signature, key and time go: `apply: [{in: header, name: X-Signature, value: \"{{ signature }}\"}]`",
            ),
            AuthKind::MutualTls if self.tls.is_none() => {
                needs("`tls`", "`tls` with certificate and key")
            }
            AuthKind::Saml2Bearer(spec) if spec.assertion.is_none() && spec.saml.is_none() => {
                needs(
                    "`saml`",
                    "`saml`, which says what to sign, or `assertion` for one that the person has",
                )
            }
            AuthKind::Session(spec) => match spec.steps.last() {
                None => needs("a step", "`steps`: the requests of the log-in"),
                Some(_) if !spec.steps.iter().any(|step| step.take.contains_key("token")) => needs(
                    "`token`",
                    "a step that takes `token` out of its answer: `take: {token: {name: [session, id]}}`",
                ),
                Some(_) => Ok(()),
            },
            AuthKind::TokenExchange(spec)
                if matches!(
                    *spec.first,
                    AuthKind::Oauth2Code(_)
                        | AuthKind::DeviceCode(_)
                        | AuthKind::TokenExchange(_)
                        | AuthKind::Oauth1(_)
                        | AuthKind::Hmac(_)
                        | AuthKind::AwsSigv4(_)
                        | AuthKind::Basic(_)
                        | AuthKind::MutualTls
                        | AuthKind::None
                ) =>
            {
                Err(view.fail(
                    "the first token cannot be got this way",
                    "client_credentials, jwt_bearer, saml2_bearer, session, jwt, api_key or bearer; for a sign-in in the browser use `exchange` of oauth2_code",
                ))
            }
            AuthKind::Oauth1(spec)
                if spec.authorize_url.is_some()
                    && (spec.request_token_url.is_none() || spec.access_token_url.is_none()) =>
            {
                needs(
                    "`request_token_url` or `access_token_url`",
                    "all three addresses of the way through the browser",
                )
            }
            _ => Ok(()),
        }
    }
}

fn refuse_unknown(view: &View<'_>, known: &Json) -> Result<()> {
    match (&view.node().kind, known) {
        (Kind::Map(_), Json::Object(members)) => {
            for (name, member) in view.members()? {
                match members.get(name) {
                    Some(known) => refuse_unknown(&member, known)?,
                    None if member.node().kind == Kind::Null => {}
                    None => {
                        let names: Vec<&str> = members.keys().map(String::as_str).collect();
                        return Err(member.fail(
                            format!("`{name}` is not known here"),
                            match nearest(name, &names) {
                                Some(nearest) => format!("perhaps `{nearest}`"),
                                None => format!("one of {}", names.join(", ")),
                            },
                        ));
                    }
                }
            }
            Ok(())
        }
        (Kind::List(_), Json::Array(items)) => view
            .items()?
            .iter()
            .zip(items)
            .try_for_each(|(view, known)| refuse_unknown(view, known)),
        _ => Ok(()),
    }
}

/// Every template can be read, and looks at fields that are there.
fn check_templates(method: &AuthMethod, view: &View<'_>, plain: bool) -> Result<()> {
    match &view.node().kind {
        Kind::Text(text) if !plain && (text.contains("{{") || text.contains("{%")) => {
            let template = Template::compile_strict(text).map_err(|error| {
                view.fail(
                    format!("the template cannot be read: {}", error.message),
                    format!(
                        "{} (line {}, column {})",
                        error.expected, error.line, error.column
                    ),
                )
            })?;
            let Reads::Paths(paths) = template.reads("fields") else {
                return Ok(());
            };
            let known: Vec<&str> = method
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            for name in paths.iter().filter_map(|path| path.first()) {
                if !known.contains(&name.as_str()) {
                    return Err(view.fail(
                        format!("there is no field called `{name}`"),
                        match nearest(name, &known) {
                            Some(nearest) => format!("perhaps `{nearest}`"),
                            None => "a field of the list `fields`".to_owned(),
                        },
                    ));
                }
            }
            Ok(())
        }
        Kind::List(_) => view
            .items()?
            .iter()
            .try_for_each(|item| check_templates(method, item, plain)),
        Kind::Map(_) => {
            for (name, member) in view.members()? {
                // Words for people.
                let plain = plain || matches!(name, "fields" | "checklist" | "label");
                debug_assert!(LATER.contains(&"checklist"), "both lists name it");
                check_templates(method, &member, plain)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declarative::node::Node;

    #[track_caller]
    fn check(yaml: &str, expected: &str) {
        let node = Node::parse("x.yaml", yaml).unwrap();
        let seen = match AuthMethod::read(&View::root("x.yaml", &node)) {
            Ok(method) => format!("{} {:?}", method.name, method.gets_a_token()),
            Err(error) => error.to_string(),
        };
        assert!(seen.contains(expected), "{seen}\nis not\n{expected}");
    }

    #[test]
    fn an_entry_is_taken_whole_or_refused_with_the_place_of_what_is_wrong() {
        check(
            "{name: a, label: A, type: api_key, key_name: X-Key, fields: [{name: key, label: Key, secret: true}]}",
            "a false",
        );
        check(
            "{name: a, label: A, type: client_credentials, token_url: 'https://x/', client_id: c}",
            "a true",
        );
        check(
            "name: a\nlabel: A\ntype: client_credentials\ntoken_url: https://x/\nclient_ids: c\n",
            "line 5, column 13 (client_ids): `client_ids` is not known here; expected perhaps `client_id`",
        );
        check(
            "name: a\nlabel: A\ntype: client_credentials\ntoken_url: https://x/\nanswer: {acces_token: t}\n",
            "(answer.acces_token): `acces_token` is not known here; expected perhaps `access_token`",
        );
        check(
            "{name: a, label: A, type: oauth3}",
            "unknown variant `oauth3`, expected one of `oauth2_code`",
        );
        check(
            "{name: a, label: A, type: client_credentials}",
            "missing field `token_url`",
        );
        check(
            "{name: a, label: A, type: api_key}",
            "`key_name` is missing",
        );
        check(
            "{name: a, label: A, type: hmac, secret: s, string: x}",
            "`apply` is missing",
        );
        check("{name: a, label: A, type: mutual_tls}", "`tls` is missing");
        check(
            "{name: a, label: A, type: session, steps: [{url: 'https://x/'}]}",
            "`token` is missing",
        );
        check(
            "{name: a, label: A, type: token_exchange, token_url: 'https://x/', first: {type: none}}",
            "the first token cannot be got this way",
        );
        check(
            "{name: a, label: A, type: saml2_bearer, token_url: 'https://x/'}",
            "`saml` is missing",
        );
    }

    #[test]
    fn parameters_may_be_a_map_or_a_list_of_pairs() {
        for params in ["{b: 1, a: x}", "[[b, 1], [a, x]]"] {
            let yaml = format!(
                "{{name: a, label: A, type: client_credentials, token_url: 'https://x/', token_params: {params}}}"
            );
            let node = Node::parse("x.yaml", &yaml).unwrap();
            let method = AuthMethod::read(&View::root("x.yaml", &node)).unwrap();
            let AuthKind::ClientCredentials(spec) = method.kind else {
                panic!("another kind");
            };
            let pairs: Vec<_> = spec.endpoint.token_params.iter().collect();
            assert_eq!(pairs, [("b", "1"), ("a", "x")]);
        }
    }
}
