//! Programs that sign: their keys, and what they say with them.
//!
//! The keys are made when they are asked for the first time, and are good as long as the process lives: nothing that
//! could be presented lies in a file.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Who signs assertions for the two platforms.
pub const ROBOT: &str = "robot@patchbay.example";
/// Who signs SAML assertions.
pub const IDENTITY_PROVIDER: &str = "https://idp.patchbay.example";

/// Keys and certificates that the sandbox knows.
#[derive(Debug)]
pub struct Keys {
    /// The private key of `robot@patchbay.example` and of the client `patchbay-signer` (RSA, PKCS #8), as PEM.
    pub robot_key: String,
    /// What belongs into `kid` of what it signs.
    pub robot_key_id: String,
    /// The private key of the identity provider (RSA, PKCS #8), as PEM.
    pub saml_key: String,
    /// Its certificate, as PEM.
    pub saml_certificate: String,
    /// The authority that signed the TLS server's certificate and the client's, as PEM.
    pub authority: String,
    /// The client's certificate, as PEM.
    pub client_certificate: String,
    /// The key to it (P-256, PKCS #8), as PEM.
    pub client_key: String,
    pub(crate) server_certificate: String,
    pub(crate) server_key: String,
    robot_public: String,
    pub(crate) saml_public: Vec<u8>,
    client_digest: String,
}

static KEYS: LazyLock<Result<Keys, rcgen::Error>> = LazyLock::new(make);

/// The keys; none where this machine cannot make any.
pub fn keys() -> Option<&'static Keys> {
    KEYS.as_ref().ok()
}

fn make() -> Result<Keys, rcgen::Error> {
    let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
    let curve = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
    let named = |name: &str, hosts: &[&str]| -> Result<CertificateParams, rcgen::Error> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(params)
    };
    let robot = rsa()?;
    let saml = rsa()?;
    let saml_certificate = named("Patchbay identity provider", &[])?.self_signed(&saml)?;
    let mut authority = named("Patchbay sandbox authority", &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, curve()?)?;
    let server_key = curve()?;
    let server = named("Patchbay sandbox", &["127.0.0.1", "localhost", "::1"])?
        .signed_by(&server_key, &authority)?;
    let client_key = curve()?;
    let client = named("patchbay-tls", &["patchbay-tls"])?.signed_by(&client_key, &authority)?;
    let robot_public = robot.public_key_pem();
    Ok(Keys {
        robot_key_id: hex::encode(Sha256::digest(&robot_public))
            .chars()
            .take(16)
            .collect(),
        robot_key: robot.serialize_pem(),
        robot_public,
        saml_public: saml.public_key_raw().to_vec(),
        saml_key: saml.serialize_pem(),
        saml_certificate: saml_certificate.pem(),
        authority: authority.pem(),
        client_digest: hex::encode(Sha256::digest(client.der())),
        client_certificate: client.pem(),
        client_key: client_key.serialize_pem(),
        server_certificate: server.pem(),
        server_key: server_key.serialize_pem(),
    })
}

/// SHA-256 of the certificate that the client `patchbay-tls` shows.
pub(crate) fn known_certificate() -> Option<String> {
    keys().map(|keys| keys.client_digest.clone())
}

/// What an assertion says.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: Option<String>,
    /// Seconds since 1970.
    pub(crate) exp: i64,
    iat: Option<i64>,
    pub(crate) jti: Option<String>,
    #[serde(default)]
    pub(crate) scope: String,
}

/// An assertion that the robot's key has signed for `audience`; else what is wrong with it.
pub(crate) fn verified(token: &str, audience: &str, now: i64) -> Result<Claims, String> {
    let keys = keys().ok_or("there is no key to verify with")?;
    let key = DecodingKey::from_rsa_pem(keys.robot_public.as_bytes())
        .map_err(|error| error.to_string())?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[audience]);
    // The sandbox has a clock of its own.
    rules.validate_exp = false;
    let decoded = decode::<Claims>(token, &key, &rules)
        .map_err(|error| format!("the assertion is not good: {error}"))?;
    if decoded
        .header
        .kid
        .is_some_and(|kid| kid != keys.robot_key_id)
    {
        return Err("the assertion names another key".to_owned());
    }
    let claims = decoded.claims;
    let now = now / 1000;
    if claims.exp <= now {
        return Err("the assertion has ended".to_owned());
    }
    if claims.exp > now + 3700 || claims.iat.is_some_and(|iat| iat > now + 60) {
        return Err(
            "the assertion is good for more than an hour, or comes from the future".to_owned(),
        );
    }
    Ok(claims)
}
