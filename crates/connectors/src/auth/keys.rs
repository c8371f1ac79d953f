//! Private keys and certificates as people have them: PEM, encrypted or not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use model::secret::Secret;
use rustls::pki_types::pem::{SectionKind, from_buf};
use zeroize::Zeroizing;

/// What is wrong with a key or certificate, and what would be right. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyProblem {
    /// What is there.
    pub(crate) problem: String,
    /// What would be right, and what to do.
    pub(crate) expected: String,
}

fn problem(problem: &str, expected: &str) -> KeyProblem {
    KeyProblem {
        problem: problem.to_owned(),
        expected: expected.to_owned(),
    }
}

/// A private key, still as bytes.
pub(crate) struct PrivateKey {
    form: SectionKind,
    der: Zeroizing<Vec<u8>>,
}

const A_KEY: &str = "a private key in PEM form: -----BEGIN PRIVATE KEY-----";

impl PrivateKey {
    /// From PEM. An encrypted one (PKCS #8) is opened with the passphrase.
    pub(crate) fn from_pem(text: &str, passphrase: &str) -> Result<Self, KeyProblem> {
        // Form fields and JSON files turn line breaks into two characters.
        let text = Zeroizing::new(text.trim().replace("\\n", "\n"));
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Self::open(&text, passphrase);
        }
        if text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(problem(
                "the private key is encrypted in an old way",
                "a key without a passphrase, or one that `openssl pkcs8 -topk8 -in FILE` has converted",
            ));
        }
        let mut rest = text.as_bytes();
        loop {
            match from_buf(&mut rest) {
                Ok(Some((
                    form @ (SectionKind::PrivateKey
                    | SectionKind::RsaPrivateKey
                    | SectionKind::EcPrivateKey),
                    der,
                ))) => {
                    return Ok(Self {
                        form,
                        der: Zeroizing::new(der),
                    });
                }
                Ok(Some(_)) => {}
                Ok(None) if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") => {
                    return Err(problem(
                        "the private key is in the form of OpenSSH",
                        "a key that `ssh-keygen -p -m PKCS8 -f FILE` has converted",
                    ));
                }
                Ok(None) => return Err(problem("there is no private key in it", A_KEY)),
                Err(_) => return Err(problem("it is not well-formed PEM", A_KEY)),
            }
        }
    }

    fn open(text: &str, passphrase: &str) -> Result<Self, KeyProblem> {
        if passphrase.is_empty() {
            return Err(problem(
                "the private key is encrypted",
                "its passphrase, or a key without one",
            ));
        }
        let begin = text.find("-----BEGIN ENCRYPTED").unwrap_or(0);
        let (_, sealed) = pkcs8::SecretDocument::from_pem(text.get(begin..).unwrap_or(text))
            .map_err(|_| problem("it is not well-formed PEM", A_KEY))?;
        let sealed = pkcs8::EncryptedPrivateKeyInfo::try_from(sealed.as_bytes())
            .map_err(|_| problem("it is not an encrypted private key", A_KEY))?;
        let opened = sealed.decrypt(passphrase).map_err(|_| {
            problem(
                "the passphrase does not open the private key",
                "the passphrase that the key was encrypted with",
            )
        })?;
        Ok(Self {
            form: SectionKind::PrivateKey,
            der: Zeroizing::new(opened.as_bytes().to_vec()),
        })
    }

    /// The same as PEM without a passphrase, for those who want it so.
    pub(crate) fn to_pem(&self) -> Secret {
        let label = match self.form {
            SectionKind::RsaPrivateKey => "RSA PRIVATE KEY",
            SectionKind::EcPrivateKey => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        Secret::new(pem(label, &self.der))
    }

    fn rsa(&self) -> Result<rsa::KeyPair, KeyProblem> {
        match self.form {
            SectionKind::RsaPrivateKey => rsa::KeyPair::from_der(&self.der),
            _ => rsa::KeyPair::from_pkcs8(&self.der),
        }
        .map_err(|_| {
            problem(
                "the private key is not an RSA key of 2048 to 8192 bits",
                "an RSA key",
            )
        })
    }

    fn ecdsa(
        &self,
        algorithm: &'static EcdsaSigningAlgorithm,
        curve: &str,
    ) -> Result<EcdsaKeyPair, KeyProblem> {
        match self.form {
            SectionKind::EcPrivateKey => EcdsaKeyPair::from_private_key_der(algorithm, &self.der),
            _ => EcdsaKeyPair::from_pkcs8(algorithm, &self.der),
        }
        .map_err(|_| {
            problem(
                &format!("the private key is not one of the curve {curve}"),
                &format!("an elliptic-curve key of {curve}"),
            )
        })
    }
}

/// Something that signs.
pub(crate) enum Signing {
    /// With an RSA key.
    Rsa(Box<rsa::KeyPair>, &'static dyn RsaEncoding),
    /// With a key of an elliptic curve; the signature is r and s one after the other.
    Ecdsa(Box<EcdsaKeyPair>),
    /// With an Ed25519 key.
    Ed25519(Box<Ed25519KeyPair>),
    /// With a shared secret.
    Hmac(Box<aws_lc_rs::hmac::Key>),
}

impl Signing {
    /// By the algorithm's name in a JWT. `key` is PEM, or the shared secret.
    pub(crate) fn new(algorithm: &str, key: &[u8], passphrase: &str) -> Result<Self, KeyProblem> {
        use aws_lc_rs::hmac::{self, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
        let shared = match algorithm {
            "HS256" => Some(HMAC_SHA256),
            "HS384" => Some(HMAC_SHA384),
            "HS512" => Some(HMAC_SHA512),
            _ => None,
        };
        if let Some(digest) = shared {
            if key.is_empty() {
                return Err(problem("there is no secret", "the secret to sign with"));
            }
            return Ok(Self::Hmac(Box::new(hmac::Key::new(digest, key))));
        }
        let text =
            std::str::from_utf8(key).map_err(|_| problem("the private key is not text", A_KEY))?;
        let key = PrivateKey::from_pem(text, passphrase)?;
        let rsa = |encoding: &'static dyn RsaEncoding| {
            key.rsa().map(|key| Self::Rsa(Box::new(key), encoding))
        };
        let ecdsa = |algorithm, curve| {
            key.ecdsa(algorithm, curve)
                .map(|key| Self::Ecdsa(Box::new(key)))
        };
        match algorithm {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS384" => rsa(&RSA_PKCS1_SHA384),
            "RS512" => rsa(&RSA_PKCS1_SHA512),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "PS384" => rsa(&RSA_PSS_SHA384),
            "PS512" => rsa(&RSA_PSS_SHA512),
            "ES256" => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES256K" => ecdsa(&ECDSA_P256K1_SHA256_FIXED_SIGNING, "secp256k1"),
            "ES384" => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            "ES512" => ecdsa(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
            "EdDSA" => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.der)
                .map(|key| Self::Ed25519(Box::new(key)))
                .map_err(|_| problem("the private key is not an Ed25519 key", "an Ed25519 key")),
            other => Err(problem(
                &format!("the algorithm `{other}` is not known"),
                ALGORITHMS,
            )),
        }
    }

    /// The signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyProblem> {
        let random = SystemRandom::new();
        let failed = |_| problem("the key does not sign", "a key that fits the algorithm");
        match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => Ok(key
                .sign(&random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::Hmac(key) => Ok(aws_lc_rs::hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

/// The algorithms that [`Signing::new`] knows.
pub(crate) const ALGORITHMS: &str = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES256K, ES384, ES512 or EdDSA";

/// Bytes as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let body = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(der));
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The certificates of a PEM text, in order.
pub(crate) fn certificates(text: &str) -> Result<Vec<Vec<u8>>, KeyProblem> {
    const A_CERTIFICATE: &str = "certificates in PEM form: -----BEGIN CERTIFICATE-----";
    let text = text.trim().replace("\\n", "\n");
    let mut rest = text.as_bytes();
    let mut found = Vec::new();
    loop {
        match from_buf(&mut rest) {
            Ok(Some((SectionKind::Certificate, der))) => found.push(der),
            Ok(Some(_)) => {}
            Ok(None) if found.is_empty() => {
                return Err(problem("there is no certificate in it", A_CERTIFICATE));
            }
            Ok(None) => return Ok(found),
            Err(_) => return Err(problem("it is not well-formed PEM", A_CERTIFICATE)),
        }
    }
}

/// From when until when a certificate is good, in milliseconds since 1970; none where it cannot be told.
pub(crate) fn validity(der: &[u8]) -> Option<(i64, i64)> {
    // Certificate → TBSCertificate → [version] serial algorithm issuer *validity*.
    let (_, certificate, _) = element(der)?;
    let (_, body, _) = element(certificate)?;
    let mut rest = body;
    let (tag, _, after) = element(rest)?;
    if tag == 0xa0 {
        rest = after;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (tag, from, rest) = element(validity)?;
    let from = time(tag, from)?;
    let (tag, until, _) = element(rest)?;
    Some((from, time(tag, until)?))
}

/// Tag, content and what follows of one DER element.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        0x17 => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (year + if year < 50 { 2000 } else { 1900 }, rest)
        }
        0x18 => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut numbers = [0_i8; 5];
    let mut rest = rest;
    for number in &mut numbers {
        let (digits, more) = rest.split_at_checked(2)?;
        *number = digits.parse().ok()?;
        rest = more;
    }
    let [month, day, hour, minute, second] = numbers;
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_used_is_refused_with_what_to_do() {
        #[track_caller]
        fn check(algorithm: &str, key: &str, passphrase: &str, expected: &str) {
            let seen = match Signing::new(algorithm, key.as_bytes(), passphrase) {
                Ok(_) => "fine".to_owned(),
                Err(problem) => format!("{}; {}", problem.problem, problem.expected),
            };
            assert!(seen.contains(expected), "{seen}");
        }
        check("HS256", "secret", "", "fine");
        check("HS256", "", "", "there is no secret");
        check("RS256", "", "", "there is no private key in it");
        check("RS256", "hello", "", "there is no private key in it");
        check(
            "RS256",
            "-----BEGIN PRIVATE KEY-----\n???\n-----END PRIVATE KEY-----",
            "",
            "not well-formed PEM",
        );
        check(
            "RS256",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "",
            "not an RSA key",
        );
        check(
            "ES256",
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "",
            "the curve P-256",
        );
        check(
            "XX256",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "",
            "`XX256` is not known; HS256",
        );
        check(
            "RS256",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            "",
            "its passphrase",
        );
        check(
            "RS256",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
            "x",
            "openssl pkcs8",
        );
        check(
            "RS256",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "",
            "ssh-keygen",
        );
    }

    /// Signs with the key in every form, and verifies with what belongs to it.
    #[track_caller]
    fn signs(
        algorithm: &str,
        pem: &str,
        passphrase: &str,
        by: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
        public: &[u8],
    ) {
        let signing = Signing::new(algorithm, pem.as_bytes(), passphrase)
            .unwrap_or_else(|problem| panic!("{algorithm}: {problem:?}"));
        let signature = signing.sign(b"message").unwrap();
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(by, public);
        assert!(key.verify(b"message", &signature).is_ok(), "{algorithm}");
        assert!(key.verify(b"messagE", &signature).is_err(), "{algorithm}");
    }

    #[test]
    fn every_algorithm_signs_what_its_public_key_verifies() {
        use aws_lc_rs::encoding::AsDer as _;
        use aws_lc_rs::signature::{self, KeyPair as _};
        let rsa = rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let public = rsa.public_key().as_ref().to_vec();
        let der = rsa.as_der().unwrap();
        let plain = pem("PRIVATE KEY", der.as_ref());
        for (algorithm, by) in [
            ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
            ("RS384", &signature::RSA_PKCS1_2048_8192_SHA384),
            ("RS512", &signature::RSA_PKCS1_2048_8192_SHA512),
            ("PS256", &signature::RSA_PSS_2048_8192_SHA256),
            ("PS384", &signature::RSA_PSS_2048_8192_SHA384),
            ("PS512", &signature::RSA_PSS_2048_8192_SHA512),
        ] {
            signs(algorithm, &plain, "", by, &public);
        }
        // A form field has turned the line breaks into two characters each.
        signs(
            "RS256",
            &plain.replace('\n', "\\n"),
            "",
            &signature::RSA_PKCS1_2048_8192_SHA256,
            &public,
        );
        for (algorithm, signing, by) in [
            (
                "ES256",
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &signature::ECDSA_P256_SHA256_FIXED,
            ),
            (
                "ES256K",
                &ECDSA_P256K1_SHA256_FIXED_SIGNING,
                &signature::ECDSA_P256K1_SHA256_FIXED,
            ),
            (
                "ES384",
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &signature::ECDSA_P384_SHA384_FIXED,
            ),
            (
                "ES512",
                &ECDSA_P521_SHA512_FIXED_SIGNING,
                &signature::ECDSA_P521_SHA512_FIXED,
            ),
        ] {
            let key = EcdsaKeyPair::generate(signing).unwrap();
            let der = key.to_pkcs8v1().unwrap();
            let public = key.public_key().as_ref();
            signs(algorithm, &pem("PRIVATE KEY", der.as_ref()), "", by, public);
            let other = if algorithm == "ES256" {
                "ES384"
            } else {
                "ES256"
            };
            assert!(Signing::new(other, pem("PRIVATE KEY", der.as_ref()).as_bytes(), "").is_err());
        }
        let key = Ed25519KeyPair::generate().unwrap();
        let der = key.to_pkcs8().unwrap();
        signs(
            "EdDSA",
            &pem("PRIVATE KEY", der.as_ref()),
            "",
            &signature::ED25519,
            key.public_key().as_ref(),
        );
    }

    #[test]
    fn an_encrypted_key_is_opened_by_its_passphrase_alone() {
        use aws_lc_rs::signature::KeyPair as _;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = key.to_pkcs8v1().unwrap();
        let sealed = pkcs8::PrivateKeyInfo::try_from(der.as_ref())
            .unwrap()
            .encrypt_with_params(
                pkcs8::pkcs5::pbes2::Parameters::pbkdf2_sha256_aes256cbc(
                    100,
                    b"salt and salt",
                    &[7; 16],
                )
                .unwrap(),
                "open sesame",
            )
            .unwrap();
        let sealed = pem("ENCRYPTED PRIVATE KEY", sealed.as_bytes());
        signs(
            "ES256",
            &sealed,
            "open sesame",
            &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED,
            key.public_key().as_ref(),
        );
        let wrong = Signing::new("ES256", sealed.as_bytes(), "open barley")
            .err()
            .unwrap();
        assert!(wrong.problem.contains("does not open"), "{wrong:?}");
        let opened = PrivateKey::from_pem(&sealed, "open sesame")
            .unwrap()
            .to_pem();
        assert!(opened.reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }

    #[test]
    fn the_time_of_a_certificate_is_read_in_both_spellings() {
        assert_eq!(time(0x17, b"260115123456Z"), Some(1_768_480_496_000));
        assert_eq!(time(0x18, b"20260115123456Z"), Some(1_768_480_496_000));
        assert_eq!(time(0x17, b"700101000000Z"), Some(0));
        assert_eq!(time(0x17, b"269915123456Z"), None);
        assert_eq!(time(0x02, b"260115123456Z"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let _ = validity(&bytes);
            let _ = Signing::new("RS256", &bytes, "x");
        }
    }
}
