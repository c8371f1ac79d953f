//! A way to sign in together with one set of credentials, ready to sign requests: templates compiled, keys read.

use std::sync::{Arc, Mutex, PoisonError};

use model::clock::{Clock, Millis};
use model::secret::Secret;
use model::value::{Object, Value};
use template::{Env, Members, Scope, Template};

use super::credentials::{CredentialKind, Credentials, TokenSet};
use super::endpoint::basic_pair;
use super::fields::Typed;
use super::{hmac, jwt, oauth1, sigv4, tls, wire};
use crate::declarative::auth_spec::{self, AuthKind, AuthMethod, KeyPlace, Put, wrong};
use crate::http::{Body, ClientTls, RequestParts};
use crate::{Error, Result};

/// Signs requests with one version of a connection's credentials.
pub(super) struct Ready {
    version: u64,
    method: AuthMethod,
    typed: Typed,
    /// What `token` is in templates; none where nothing is a token.
    token: Option<Secret>,
    set: Option<TokenSet>,
    puts: Vec<ReadyPut>,
    /// The text that an HMAC is taken of.
    string: Option<Template>,
    tls: Option<Arc<ClientTls>>,
    /// A JWT of our own that is still good.
    signed: Mutex<Option<jwt::Signed>>,
    env: Env,
}

struct ReadyPut {
    place: KeyPlace,
    name: String,
    value: Template,
    /// For complaints.
    at: String,
}

impl Ready {
    pub(super) fn new(
        method: &AuthMethod,
        credentials: &Credentials,
        platform: &str,
        clock: &Clock,
    ) -> Result<Self> {
        let typed = credentials.kind.typed();
        let method = method.with_fields(&typed)?;
        let token = token(&method, &credentials.kind, &typed, platform)?;
        let at = format!("patchbay.auth.{}.apply", method.name);
        let puts = puts(&method)
            .into_iter()
            .enumerate()
            .map(|(n, put)| {
                let at = format!("{at}[{n}]");
                Ok(ReadyPut {
                    value: auth_spec::compile(&put.value, &at)?,
                    place: put.place,
                    name: put.name,
                    at,
                })
            })
            .collect::<Result<_>>()?;
        let string = match &method.kind {
            AuthKind::Hmac(spec) => Some(auth_spec::compile(
                &spec.string,
                &format!("patchbay.auth.{}.string", method.name),
            )?),
            _ => None,
        };
        let tls = match &method.tls {
            Some(spec) => tls::prepare(spec, clock)?.map(Arc::new),
            None => None,
        };
        Ok(Self {
            version: credentials.version,
            set: credentials.kind.token().cloned(),
            typed,
            token,
            puts,
            string,
            tls,
            signed: Mutex::default(),
            env: Env::new(clock.clone()),
            method,
        })
    }

    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Puts on the request what says who asks.
    pub(super) fn sign(&self, request: &mut RequestParts, clock: &Clock) -> Result<()> {
        request.tls.clone_from(&self.tls);
        request.signed_with = Some(self.version);
        match &self.method.kind {
            AuthKind::Hmac(spec) => {
                self.sign_with_hmac(request, spec, clock.now())?;
            }
            AuthKind::AwsSigv4(spec) => {
                self.put(request, None, &[])?;
                sigv4::sign(request, spec, clock)?;
            }
            AuthKind::Oauth1(spec) => {
                self.put(request, None, &[])?;
                let typed = spec
                    .token
                    .as_ref()
                    .map(|it| Secret::new(it.reveal().trim()));
                let secret = spec
                    .token_secret
                    .as_ref()
                    .map(|it| Secret::new(it.reveal().trim()));
                let nothing = Secret::new("");
                let pair = match &self.set {
                    Some(set) => Some(oauth1::Pair {
                        token: &set.access,
                        secret: set.kept.get(TOKEN_SECRET).unwrap_or(&nothing),
                    }),
                    None => typed
                        .as_ref()
                        .filter(|token| !token.reveal().is_empty())
                        .map(|token| oauth1::Pair {
                            token,
                            secret: secret.as_ref().unwrap_or(&nothing),
                        }),
                };
                oauth1::sign(request, spec, pair, &[], &oauth1::Moment::now(clock))?;
            }
            AuthKind::Jwt(spec) => {
                let token = self.own_token(spec, clock)?;
                self.put(request, Some(&token), &[])?;
            }
            _ => self.put(request, self.token.as_ref(), &[])?,
        }
        Ok(())
    }

    /// The JWT of our own, signed again when its end is near.
    fn own_token(&self, spec: &auth_spec::JwtOnly, clock: &Clock) -> Result<Secret> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let margin = Millis::try_from(spec.jwt.lifetime).unwrap_or(0).min(300) * 200;
        if let Some(known) = &*signed
            && known.expires_at.saturating_sub(margin) > clock.now()
        {
            return Ok(known.token.clone());
        }
        let fresh = jwt::sign(&spec.jwt, None, clock)?;
        let token = fresh.token.clone();
        *signed = Some(fresh);
        Ok(token)
    }

    fn sign_with_hmac(
        &self,
        request: &mut RequestParts,
        spec: &auth_spec::Hmac,
        now: Millis,
    ) -> Result<()> {
        let signs = |put: &&ReadyPut| {
            put.value
                .names()
                .iter()
                .any(|name| matches!(name.as_str(), "signature" | "body_hash" | "body"))
        };
        // What is signed is the request as it will be sent; what goes on it goes on before it takes that form.
        let settled = |request: &RequestParts| {
            let mut settled = request.clone();
            wire::settle(&mut settled);
            settled
        };
        // Time and nonce first: the text may look at the headers that carry them.
        let first = hmac::parts(
            &settled(request),
            spec.body_hash,
            spec.timestamp,
            spec.nonce,
            now,
        );
        for put in self.puts.iter().filter(|put| !signs(put)) {
            self.put_one(request, put, None, &first)?;
        }
        let mut parts = hmac::parts(
            &settled(request),
            spec.body_hash,
            spec.timestamp,
            spec.nonce,
            now,
        );
        for (name, value) in &mut parts {
            if *name == "nonce"
                && let Some((_, known)) = first.iter().find(|(known, _)| known == name)
            {
                value.clone_from(known);
            }
        }
        let described = self.typed.described(&self.method.fields);
        let mut scope = Scope::new()
            .with("config", &self.method.settings)
            .with("fields", &described as &dyn Members);
        for (name, value) in &parts {
            scope.set(name, value);
        }
        let place = format!("patchbay.auth.{}.string", self.method.name);
        let signature = match &self.string {
            Some(string) => hmac::signature(spec, string, &scope, &self.env, &place)?,
            None => String::new(),
        };
        parts.push(("signature", Value::text(signature)));
        for put in self.puts.iter().filter(signs) {
            self.put_one(request, put, None, &parts)?;
        }
        wire::settle(request);
        Ok(())
    }

    fn put(
        &self,
        request: &mut RequestParts,
        token: Option<&Secret>,
        more: &[(&'static str, Value)],
    ) -> Result<()> {
        self.puts
            .iter()
            .try_for_each(|put| self.put_one(request, put, token, more))
    }

    fn put_one(
        &self,
        request: &mut RequestParts,
        put: &ReadyPut,
        token: Option<&Secret>,
        more: &[(&'static str, Value)],
    ) -> Result<()> {
        let described = self.typed.described(&self.method.fields);
        let mut scope = Scope::new()
            .with("config", &self.method.settings)
            .with("fields", &described as &dyn Members);
        if let Some(token) = token {
            scope.set("token", Value::text(token.reveal().trim()));
        }
        let kept = self.kept();
        scope.set("kept", &kept);
        for (name, value) in more {
            scope.set(name, value);
        }
        let value = Secret::new(auth_spec::render(&put.value, &scope, &self.env, &put.at)?);
        if value.reveal().is_empty() {
            return Ok(());
        }
        place(request, put.place, &put.name, &value).map_err(|problem| {
            wrong(
                &put.at,
                format!("`{}` {problem}", put.name),
                "a value that can be sent there; type it in again",
            )
        })
    }

    fn kept(&self) -> Value {
        let mut object = Object::new();
        if let Some(set) = &self.set {
            for (name, value) in &set.kept {
                object.insert(name.as_str(), Value::text(value.reveal()));
            }
        }
        Value::Object(object)
    }
}

/// Where the secret to an OAuth 1.0a token is kept.
pub(super) const TOKEN_SECRET: &str = "token_secret";

/// What goes on requests where the connector does not say it otherwise.
fn puts(method: &AuthMethod) -> Vec<Put> {
    let header = |value: &str| Put {
        place: KeyPlace::Header,
        name: "Authorization".to_owned(),
        value: value.to_owned(),
    };
    let mut puts = match &method.kind {
        AuthKind::ApiKey(spec) if !spec.key_name.is_empty() => vec![Put {
            place: spec.place,
            name: spec.key_name.clone(),
            // The prefix is a text, not a template.
            value: format!("{}{{{{ token }}}}", spec.prefix),
        }],
        _ if !method.apply.is_empty() => Vec::new(),
        AuthKind::Basic(_) => vec![header("Basic {{ token }}")],
        AuthKind::Bearer(_)
        | AuthKind::Jwt(_)
        | AuthKind::Oauth2Code(_)
        | AuthKind::DeviceCode(_)
        | AuthKind::ClientCredentials(_)
        | AuthKind::JwtBearer(_)
        | AuthKind::Saml2Bearer(_)
        | AuthKind::TokenExchange(_)
        | AuthKind::Session(_) => vec![header("Bearer {{ token }}")],
        AuthKind::ApiKey(_)
        | AuthKind::Hmac(_)
        | AuthKind::AwsSigv4(_)
        | AuthKind::Oauth1(_)
        | AuthKind::MutualTls
        | AuthKind::None => Vec::new(),
    };
    puts.extend(method.apply.iter().cloned());
    puts
}

/// What `token` stands for.
fn token(
    method: &AuthMethod,
    kind: &CredentialKind,
    typed: &Typed,
    platform: &str,
) -> Result<Option<Secret>> {
    let other = || {
        Err(Error::SignInNeeded {
            platform: platform.to_owned(),
            reason: format!(
                "what is stored is for another way to sign in than \"{}\"; sign in again",
                method.label
            ),
        })
    };
    let first_secret = || {
        method
            .fields
            .iter()
            .find(|field| field.secret)
            .and_then(|field| typed.get(&field.name))
            .cloned()
    };
    match (&method.kind, kind) {
        (AuthKind::None | AuthKind::MutualTls, _) => Ok(None),
        (AuthKind::ApiKey(_), CredentialKind::ApiKey { key }) => Ok(Some(key.clone())),
        (AuthKind::ApiKey(_) | AuthKind::Bearer(_), CredentialKind::Typed { .. }) => {
            Ok(first_secret())
        }
        (AuthKind::ApiKey(_), _) | (_, CredentialKind::ApiKey { .. }) => other(),
        (_, CredentialKind::Bearer { token }) => Ok(Some(token.clone())),
        (_, CredentialKind::Basic { user, password }) => Ok(Some(basic_pair(user, password))),
        (AuthKind::Basic(_), CredentialKind::Typed { .. }) => {
            let user = method
                .fields
                .iter()
                .find(|field| !field.secret)
                .and_then(|field| typed.get(&field.name));
            let password = first_secret().unwrap_or_else(|| Secret::new(""));
            Ok(Some(basic_pair(user.map_or("", Secret::reveal), &password)))
        }
        (
            AuthKind::Hmac(_) | AuthKind::AwsSigv4(_) | AuthKind::Jwt(_) | AuthKind::Oauth1(_),
            CredentialKind::Typed { .. } | CredentialKind::OAuth(_),
        ) => Ok(None),
        (_, kind) => match kind.token() {
            Some(set) => Ok(Some(set.access.clone())),
            None => other(),
        },
    }
}

/// Puts a value on a request; refused where it cannot be sent.
pub(crate) fn place(
    request: &mut RequestParts,
    place: KeyPlace,
    name: &str,
    value: &Secret,
) -> std::result::Result<(), &'static str> {
    const CHARACTERS: &str = "holds characters that cannot be sent";
    match place {
        KeyPlace::Header => {
            if request.set_secret_header(name, value.reveal()) {
                Ok(())
            } else {
                Err(CHARACTERS)
            }
        }
        KeyPlace::Query => {
            request.query.retain(|(known, _)| known != name);
            request
                .query
                .push((name.to_owned(), value.reveal().to_owned()));
            Ok(())
        }
        KeyPlace::Body => match &mut request.body {
            Body::Json(Value::Object(object)) => {
                object.insert(name, Value::text(value.reveal()));
                Ok(())
            }
            Body::Form(pairs) => {
                pairs.retain(|(known, _)| known != name);
                pairs.push((name.to_owned(), value.reveal().to_owned()));
                Ok(())
            }
            body @ Body::Empty => {
                *body = Body::Form(vec![(name.to_owned(), value.reveal().to_owned())]);
                Ok(())
            }
            Body::Json(_) | Body::Raw(_) => Err("cannot go into a body that has no members"),
        },
        KeyPlace::Cookie => {
            if value.reveal().contains([';', ',', ' ', '"', '\\']) {
                return Err(CHARACTERS);
            }
            let mut line = String::new();
            for pair in request
                .headers
                .get("cookie")
                .and_then(|line| line.to_str().ok())
                .unwrap_or_default()
                .split(';')
                .map(str::trim)
                .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name))
            {
                line.push_str(pair);
                line.push_str("; ");
            }
            line.push_str(&format!("{name}={}", value.reveal()));
            if request.set_secret_header("cookie", &line) {
                Ok(())
            } else {
                Err(CHARACTERS)
            }
        }
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready")
            .field("version", &self.version)
            .field("method", &self.method.name)
            .finish_non_exhaustive()
    }
}
