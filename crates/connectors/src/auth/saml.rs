//! SAML 2.0 bearer assertions (RFC 7522) that we sign.
//!
//! The assertion is written in the form that exclusive canonicalisation gives (attributes in order, no empty-element
//! tags, no space between elements), so the digest is taken of the very bytes that are sent.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::clock::{Clock, Millis};
use model::secret::Secret;
use sha2::{Digest as _, Sha256};

use super::keys::{self, KeyProblem, Signing};
use crate::declarative::auth_spec::Saml;
use crate::{Error, Result};

/// How far the platform's clock may be behind ours.
const SKEW: Millis = 30_000;

/// A signed assertion as XML. `recipient` counts where the description has none.
pub(super) fn sign(spec: &Saml, recipient: &str, clock: &Clock) -> Result<Secret> {
    let id = format!("_{}", uuid::Uuid::new_v4().simple());
    let key = Signing::new(
        "RS256",
        spec.key.reveal().as_bytes(),
        spec.passphrase.reveal(),
    )
    .map_err(|problem| refused("saml.key", problem))?;
    let certificate = match spec.certificate.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(text) => keys::certificates(text)
            .map_err(|problem| refused("saml.certificate", problem))?
            .into_iter()
            .next(),
    };
    let (begin, rest) = written(spec, recipient, &id, clock.now())?;
    let digest = STANDARD.encode(Sha256::digest(format!("{begin}{rest}")));
    let signature = signature(&id, &digest, certificate.as_deref(), &key)
        .map_err(|problem| refused("saml.key", problem))?;
    Ok(Secret::new(format!("{begin}{signature}{rest}")))
}

/// An assertion as the grant carries it: base64 for addresses, whatever the person had.
pub(super) fn carried(text: &str) -> Result<Secret> {
    let text = text.trim();
    if text.starts_with('<') {
        return Ok(Secret::new(URL_SAFE_NO_PAD.encode(text)));
    }
    let packed: String = text.split_whitespace().collect();
    let bytes = STANDARD
        .decode(&packed)
        .or_else(|_| URL_SAFE_NO_PAD.decode(packed.trim_end_matches('=')))
        .ok()
        .filter(|bytes| bytes.trim_ascii_start().starts_with(b"<"));
    match bytes {
        Some(bytes) => Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes))),
        None => Err(refused(
            "assertion",
            KeyProblem {
                problem: "it is neither XML nor base64 of XML".to_owned(),
                expected: "a SAML 2.0 assertion: <saml:Assertion …>".to_owned(),
            },
        )),
    }
}

/// What stands before the signature, and what after it.
fn written(spec: &Saml, recipient: &str, id: &str, now: Millis) -> Result<(String, String)> {
    let recipient = spec
        .recipient
        .as_deref()
        .filter(|text| !text.is_empty())
        .unwrap_or(recipient);
    for (name, text) in [
        ("saml.issuer", spec.issuer.as_str()),
        ("saml.subject", &spec.subject),
        ("saml.audience", &spec.audience),
    ] {
        if text.trim().is_empty() {
            return Err(refused(
                name,
                KeyProblem {
                    problem: "it is empty".to_owned(),
                    expected: "what the platform has registered".to_owned(),
                },
            ));
        }
    }
    let lifetime = Millis::try_from(spec.lifetime)
        .unwrap_or(Millis::MAX)
        .saturating_mul(1000);
    let issued = instant(now);
    let from = instant(now.saturating_sub(SKEW));
    let until = instant(now.saturating_add(lifetime));
    let begin = format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\"><saml:Issuer>{}</saml:Issuer>",
        text(&spec.issuer)
    );
    let mut rest = format!(
        "<saml:Subject><saml:NameID Format=\"{}\">{}</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"{until}\" Recipient=\"{}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>",
        attribute(&spec.name_format),
        text(&spec.subject),
        attribute(recipient),
    );
    rest.push_str(&format!(
        "<saml:Conditions NotBefore=\"{from}\" NotOnOrAfter=\"{until}\"><saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
        text(&spec.audience)
    ));
    rest.push_str(&format!(
        "<saml:AuthnStatement AuthnInstant=\"{issued}\"><saml:AuthnContext><saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>",
        text(&spec.authentication)
    ));
    if !spec.attributes.is_empty() {
        rest.push_str("<saml:AttributeStatement>");
        for told in &spec.attributes {
            rest.push_str(&format!(
                "<saml:Attribute Name=\"{}\"><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>",
                attribute(&told.name),
                text(&told.value)
            ));
        }
        rest.push_str("</saml:AttributeStatement>");
    }
    rest.push_str("</saml:Assertion>");
    Ok((begin, rest))
}

fn signature(
    id: &str,
    digest: &str,
    certificate: Option<&[u8]>,
    key: &Signing,
) -> std::result::Result<String, KeyProblem> {
    const DS: &str = "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
    const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let inner = format!(
        "<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    );
    // Taken by itself it declares the prefix that in the document comes from around it.
    let alone = format!("<ds:SignedInfo {DS}>{inner}");
    let value = STANDARD.encode(key.sign(alone.as_bytes())?);
    let shown = certificate.map_or_else(String::new, |der| {
        format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            STANDARD.encode(der)
        )
    });
    Ok(format!(
        "<ds:Signature {DS}><ds:SignedInfo>{inner}<ds:SignatureValue>{value}</ds:SignatureValue>{shown}</ds:Signature>"
    ))
}

/// `2026-01-15T12:34:56.789Z`.
fn instant(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

/// Text as canonical XML has it. What XML cannot hold is left out.
fn text(value: &str) -> String {
    escape(
        value,
        &[
            ('&', "&amp;"),
            ('<', "&lt;"),
            ('>', "&gt;"),
            ('\r', "&#xD;"),
        ],
    )
}

/// The value of an attribute as canonical XML has it.
fn attribute(value: &str) -> String {
    escape(
        value,
        &[
            ('&', "&amp;"),
            ('<', "&lt;"),
            ('"', "&quot;"),
            ('\t', "&#x9;"),
            ('\n', "&#xA;"),
            ('\r', "&#xD;"),
        ],
    )
}

fn escape(value: &str, names: &[(char, &str)]) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match names.iter().find(|(known, _)| *known == c) {
            Some((_, name)) => out.push_str(name),
            None if c.is_control() && !matches!(c, '\t' | '\n') => {}
            None if matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            None => out.push(c),
        }
    }
    out
}

fn refused(place: &str, problem: KeyProblem) -> Error {
    crate::declarative::auth_spec::wrong(place, problem.problem, &problem.expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_canonical_xml_has_them() {
        assert_eq!(text("a<b>&\"c\r\n\u{1}"), "a&lt;b&gt;&amp;\"c&#xD;\n");
        assert_eq!(attribute("a<b>&\"c\t"), "a&lt;b>&amp;&quot;c&#x9;");
        assert_eq!(instant(1_768_480_496_789), "2026-01-15T12:34:56.789Z");
    }

    #[test]
    fn an_assertion_that_the_person_has_is_taken_in_any_spelling() {
        let xml = "<saml:Assertion>ü</saml:Assertion>";
        let wanted = URL_SAFE_NO_PAD.encode(xml);
        for text in [
            format!("\n{xml}\n"),
            STANDARD.encode(xml),
            wanted.clone(),
            format!("{}\n{}", &wanted[..10], &wanted[10..]),
        ] {
            assert_eq!(carried(&text).unwrap().reveal(), wanted, "{text}");
        }
        assert!(carried("c2VjcmV0").is_err());
        assert!(carried("").is_err());
    }
}
