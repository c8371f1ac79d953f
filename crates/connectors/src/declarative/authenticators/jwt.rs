//! `JwtAuthenticator`: a JSON Web Token that is signed here.

use model::clock::Millis;
use model::secret::Secret;
use model::value::Value;
use serde_json::{Map, json};
use template::{Env, Literals, Scope};

use super::tokens::{Cell, key};
use super::{Tokens, complaint};
use crate::Result;
use crate::auth::{KeyProblem, Signing, compact_jwt};
use crate::declarative::node::View;
use crate::declarative::options::RequestOption;
use crate::declarative::text::{Condition, Pairs, Reading, Text};

const ALGORITHMS: [&str; 14] = [
    "HS256", "HS384", "HS512", "ES256", "ES256K", "ES384", "ES512", "RS256", "RS384", "RS512",
    "PS256", "PS384", "PS512", "EdDSA",
];
const OF_HEADER: [&str; 4] = ["kid", "alg", "typ", "cty"];
const OF_PAYLOAD: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "nbf"];

/// From the file.
#[derive(Clone, Debug)]
pub(crate) struct Jwt {
    secret_key: Text,
    encode_key: Condition,
    algorithm: String,
    /// Seconds.
    duration: u64,
    prefix: Option<Text>,
    passphrase: Option<Text>,
    header: Vec<(&'static str, Text)>,
    more_header: Pairs,
    payload: Vec<(&'static str, Text)>,
    more_payload: Pairs,
    /// Where it goes; none: `Authorization`.
    pub(crate) into: Option<RequestOption>,
}

impl Jwt {
    pub(crate) fn compile(view: &View<'_>) -> Result<Self> {
        let algorithm = view.require("algorithm", "the algorithm")?;
        let name = algorithm.text()?;
        if !ALGORITHMS.contains(&name) {
            return Err(algorithm.fail(
                format!("the algorithm `{name}` is not known"),
                format!("one of {}", ALGORITHMS.join(", ")),
            ));
        }
        let texts = |member: &str, names: &[&'static str]| -> Result<Vec<(&'static str, Text)>> {
            let Some(view) = view.get(member) else {
                return Ok(Vec::new());
            };
            names
                .iter()
                .filter_map(|name| Some((*name, view.get(name)?)))
                .map(|(name, view)| Ok((name, Text::compile(&view)?)))
                .collect()
        };
        let more = |member: &str, reserved: &[&str], instead: &str| -> Result<Pairs> {
            let Some(view) = view.get(member) else {
                return Ok(Pairs::default());
            };
            for (name, view) in view.members()? {
                if reserved.contains(&name) {
                    return Err(view.fail(
                        format!("`{name}` has a place of its own"),
                        format!("`{name}` under `{instead}`"),
                    ));
                }
            }
            Pairs::compile(&view)
        };
        Ok(Self {
            secret_key: Text::compile(&view.require("secret_key", "what it is signed with")?)?,
            encode_key: Condition::member(view, "base64_encode_secret_key", false)?,
            algorithm: name.to_owned(),
            duration: match view.get("token_duration") {
                Some(duration) => duration.count()?,
                None => 1200,
            },
            prefix: Text::member(view, "header_prefix")?,
            passphrase: Text::member(view, "passphrase")?,
            header: texts("jwt_headers", &["kid", "typ", "cty"])?,
            more_header: more("additional_jwt_headers", &OF_HEADER, "jwt_headers")?,
            payload: texts("jwt_payload", &["iss", "sub", "aud"])?,
            more_payload: more("additional_jwt_payload", &OF_PAYLOAD, "jwt_payload")?,
            into: RequestOption::member(view, "request_option")?,
        })
    }

    /// The token as it goes on a request, signed again when a fifth of its time is left.
    pub(crate) fn token(
        &self,
        scope: &Scope<'_>,
        env: &Env,
        tokens: &Tokens,
        now: Millis,
    ) -> Result<Secret> {
        let (header, payload) = self.parts(scope, env)?;
        let mut secret = Secret::new(self.secret_key.render(scope, env)?);
        let passphrase = Secret::new(rendered(self.passphrase.as_ref(), scope, env)?);
        let prefix = rendered(self.prefix.as_ref(), scope, env)?;
        // One that is opened by a passphrase is a key already.
        if passphrase.reveal().is_empty() && self.encode_key.holds(scope, env)? {
            use base64::Engine as _;
            secret = Secret::new(base64::engine::general_purpose::STANDARD.encode(secret.reveal()));
        }
        let cell = tokens.cell(key(
            "jwt",
            [
                json!([header, payload]).to_string().as_str(),
                secret.reveal(),
                passphrase.reveal(),
                &prefix,
                &self.duration.to_string(),
            ],
        ));
        if let Some(token) = cell.good(now) {
            return Ok(token.text);
        }
        self.sign(&cell, header, payload, &secret, &passphrase, &prefix, now)
    }

    #[expect(clippy::too_many_arguments, reason = "what a token is made of")]
    fn sign(
        &self,
        cell: &Cell,
        header: Map<String, serde_json::Value>,
        mut payload: Map<String, serde_json::Value>,
        secret: &Secret,
        passphrase: &Secret,
        prefix: &str,
        now: Millis,
    ) -> Result<Secret> {
        let seconds = now.div_euclid(1000);
        let duration = i64::try_from(self.duration).unwrap_or(i64::MAX / 2000);
        payload.insert("iat".into(), json!(seconds));
        payload.insert("exp".into(), json!(seconds.saturating_add(duration)));
        payload.insert("nbf".into(), json!(seconds));
        let refuse =
            |problem: KeyProblem| complaint(&self.secret_key, problem.problem, problem.expected);
        let signing = Signing::new(
            &self.algorithm,
            secret.reveal().as_bytes(),
            passphrase.reveal(),
        )
        .map_err(refuse)?;
        let token = compact_jwt(&header, &payload, &signing).map_err(refuse)?;
        let text = if prefix.is_empty() {
            token
        } else {
            Secret::new(format!("{prefix} {}", token.reveal()))
        };
        let used = now.saturating_add(duration.saturating_mul(800));
        Ok(cell.settle(now, Ok((text, Some(used))))?.text)
    }

    fn parts(
        &self,
        scope: &Scope<'_>,
        env: &Env,
    ) -> Result<(
        Map<String, serde_json::Value>,
        Map<String, serde_json::Value>,
    )> {
        let filled = |pairs: &Pairs, texts: &[(&'static str, Text)]| -> Result<Map<_, _>> {
            let mut map = Map::new();
            for (name, value) in pairs.eval(scope, env, Reading::Literal(Literals::All))? {
                map.insert(name, value.to_serde());
            }
            for (name, text) in texts {
                let value = text.render(scope, env)?;
                if !value.is_empty() {
                    map.insert((*name).to_owned(), json!(value));
                }
            }
            Ok(map)
        };
        let mut header = filled(&self.more_header, &self.header)?;
        if !header.contains_key("typ") {
            header.insert("typ".into(), json!("JWT"));
        }
        header.insert("alg".into(), json!(self.algorithm));
        Ok((header, filled(&self.more_payload, &self.payload)?))
    }

    /// What must never show.
    pub(crate) fn secrets(&self, scope: &Scope<'_>, env: &Env) -> Vec<Secret> {
        [Some(&self.secret_key), self.passphrase.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|text| text.render(scope, env).ok())
            .map(Secret::new)
            .collect()
    }
}

fn rendered(text: Option<&Text>, scope: &Scope<'_>, env: &Env) -> Result<String> {
    text.map_or(Ok(String::new()), |text| text.render(scope, env))
}

/// The value of `token`, as a request option takes it.
pub(crate) fn as_value(token: &Secret) -> Value {
    Value::text(token.reveal())
}
