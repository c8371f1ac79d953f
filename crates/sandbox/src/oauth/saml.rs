//! SAML 2.0 assertions: is it signed by the identity provider, and is it for us and for now?
//!
//! The signature is checked the way XML signatures are: the signed element is taken without its signature, written in
//! exclusive canonical form, and compared by digest; the description of the signature is written in the same form and
//! verified with the registered key, whatever key comes with it.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node, NodeId, NodeType};
use sha2::{Digest as _, Sha256};

use super::robots;
use crate::clock;

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// What an assertion has to be.
pub(crate) struct Expected<'a> {
    pub(crate) audience: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) now: i64,
}

/// What it says.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) id: String,
    pub(crate) subject: String,
    /// Milliseconds since 1970.
    pub(crate) until: i64,
}

/// What a good assertion says; else what is wrong with it.
pub(crate) fn verified(xml: &str, expected: &Expected<'_>) -> Result<Said, String> {
    let document = Document::parse(xml).map_err(|error| format!("it is not XML: {error}"))?;
    let root = document.root_element();
    if !root.has_tag_name((SAML, "Assertion")) {
        return Err("it is not an assertion".to_owned());
    }
    let id = root.attribute("ID").unwrap_or_default();
    check_signature(root, id)?;
    let text = |path: &[&str]| {
        path.iter()
            .try_fold(root, |here, name| child(here, SAML, name))
            .and_then(|node| node.text())
            .map(str::trim)
    };
    if text(&["Issuer"]) != Some(robots::IDENTITY_PROVIDER) {
        return Err("the issuer is not known".to_owned());
    }
    let audience = text(&["Conditions", "AudienceRestriction", "Audience"]);
    if audience != Some(expected.audience) {
        return Err(format!("it is for {audience:?}"));
    }
    let conditions = child(root, SAML, "Conditions").ok_or("it has no conditions")?;
    in_time(conditions, expected.now)?;
    let confirmation = child(root, SAML, "Subject")
        .and_then(|subject| child(subject, SAML, "SubjectConfirmation"))
        .filter(|confirmation| confirmation.attribute("Method") == Some(BEARER))
        .and_then(|confirmation| child(confirmation, SAML, "SubjectConfirmationData"))
        .ok_or("it is not a bearer assertion")?;
    if confirmation.attribute("Recipient") != Some(expected.recipient) {
        return Err("it is for another endpoint".to_owned());
    }
    let until = in_time(confirmation, expected.now)?;
    let subject = text(&["Subject", "NameID"]).ok_or("it names nobody")?;
    Ok(Said {
        id: id.to_owned(),
        subject: subject.to_owned(),
        until,
    })
}

/// The end, if that is still to come and the beginning is not.
fn in_time(node: Node<'_, '_>, now: i64) -> Result<i64, String> {
    if let Some(from) = node.attribute("NotBefore")
        && clock::parse(from).is_none_or(|from| from > now)
    {
        return Err("it is not good yet".to_owned());
    }
    node.attribute("NotOnOrAfter")
        .and_then(clock::parse)
        .filter(|until| *until > now)
        .ok_or_else(|| "its time is over".to_owned())
}

fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    let mut found = node
        .children()
        .filter(|child| child.has_tag_name((namespace, name)));
    // Twice the same is somebody's trick.
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn check_signature(root: Node<'_, '_>, id: &str) -> Result<(), String> {
    let signature = child(root, DS, "Signature").ok_or("it is not signed")?;
    let info = child(signature, DS, "SignedInfo").ok_or("the signature signs nothing")?;
    let algorithm = |node: Node<'_, '_>, name: &str| {
        child(node, DS, name)
            .and_then(|node| node.attribute("Algorithm"))
            .unwrap_or_default()
            .to_owned()
    };
    let reference = child(info, DS, "Reference").ok_or("the signature signs nothing")?;
    let transforms: Vec<&str> = child(reference, DS, "Transforms")
        .map(|transforms| {
            transforms
                .children()
                .filter_map(|transform| transform.attribute("Algorithm"))
                .collect()
        })
        .unwrap_or_default();
    if algorithm(info, "CanonicalizationMethod") != EXCLUSIVE
        || algorithm(info, "SignatureMethod") != RSA_SHA256
        || algorithm(reference, "DigestMethod") != SHA256
        || transforms != [ENVELOPED, EXCLUSIVE]
    {
        return Err("it is signed in a way that is not known here".to_owned());
    }
    if id.is_empty() || reference.attribute("URI") != Some(&format!("#{id}")) {
        return Err("something else is signed".to_owned());
    }
    let packed = |node: Node<'_, '_>, name: &str| -> Option<Vec<u8>> {
        let text: String = child(node, DS, name)?.text()?.split_whitespace().collect();
        STANDARD.decode(text).ok()
    };
    let digest = Sha256::digest(canonical(root, Some(signature.id())));
    if packed(reference, "DigestValue").as_deref() != Some(digest.as_slice()) {
        return Err("it was changed after it was signed".to_owned());
    }
    let keys = robots::keys().ok_or("there is no key to verify with")?;
    let value = packed(signature, "SignatureValue").unwrap_or_default();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &keys.saml_public)
        .verify(canonical(info, None).as_bytes(), &value)
        .map_err(|_| "the signature is not that of the identity provider".to_owned())
}

/// The element in exclusive canonical form, without one of its descendants.
fn canonical(node: Node<'_, '_>, without: Option<NodeId>) -> String {
    let mut out = String::new();
    write(&mut out, node, without, &mut Vec::new(), 0);
    out
}

/// Prefixes that elements around have declared, with their namespaces.
type Declared<'a> = Vec<(Option<&'a str>, &'a str)>;

fn write<'a>(
    out: &mut String,
    node: Node<'a, '_>,
    without: Option<NodeId>,
    declared: &mut Declared<'a>,
    depth: usize,
) {
    if Some(node.id()) == without || depth > 50 {
        return;
    }
    match node.node_type() {
        NodeType::Text => escape(out, node.text().unwrap_or_default(), false),
        NodeType::Element => {
            let before = declared.len();
            let prefix_of = |uri: Option<&str>| uri.and_then(|uri| node.lookup_prefix(uri));
            let tag = node.tag_name();
            let prefix = prefix_of(tag.namespace());
            let name = match prefix {
                Some(prefix) if !prefix.is_empty() => format!("{prefix}:{}", tag.name()),
                _ => tag.name().to_owned(),
            };
            out.push('<');
            out.push_str(&name);
            // Only what the element itself and its attributes use is declared, once.
            let mut used: Declared<'a> = vec![(prefix, tag.namespace().unwrap_or_default())];
            for attribute in node.attributes() {
                if let Some(uri) = attribute.namespace() {
                    used.push((node.lookup_prefix(uri), uri));
                }
            }
            used.sort_unstable();
            used.dedup();
            for (prefix, uri) in used {
                let known = declared.iter().rev().find(|(known, _)| *known == prefix);
                let is_new = match known {
                    Some((_, known)) => *known != uri,
                    None => !uri.is_empty(),
                };
                if is_new {
                    match prefix {
                        Some(prefix) if !prefix.is_empty() => {
                            out.push_str(&format!(" xmlns:{prefix}=\""));
                        }
                        _ => out.push_str(" xmlns=\""),
                    }
                    escape(out, uri, true);
                    out.push('"');
                    declared.push((prefix, uri));
                }
            }
            let mut attributes: Vec<_> = node.attributes().collect();
            attributes.sort_by_key(|attribute| (attribute.namespace(), attribute.name()));
            for attribute in attributes {
                out.push(' ');
                if let Some(prefix) = prefix_of(attribute.namespace()) {
                    out.push_str(prefix);
                    out.push(':');
                }
                out.push_str(attribute.name());
                out.push_str("=\"");
                escape(out, attribute.value(), true);
                out.push('"');
            }
            out.push('>');
            for child in node.children() {
                write(out, child, without, declared, depth + 1);
            }
            out.push_str("</");
            out.push_str(&name);
            out.push('>');
            declared.truncate(before);
        }
        NodeType::Root | NodeType::Comment | NodeType::PI => {}
    }
}

fn escape(out: &mut String, text: &str, is_attribute: bool) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' if !is_attribute => out.push_str("&gt;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\t' if is_attribute => out.push_str("&#x9;"),
            '\n' if is_attribute => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, expected: &str) {
        let document = Document::parse(xml).unwrap();
        assert_eq!(canonical(document.root_element(), None), expected);
    }

    #[test]
    fn elements_are_written_in_exclusive_canonical_form() {
        check("<a b='1' a=\"2\"/>", "<a a=\"2\" b=\"1\"></a>");
        check(
            "<x:a xmlns:x='urn:x' xmlns:y='urn:y'><x:b/><y:c y:z='1' k='2'/></x:a>",
            "<x:a xmlns:x=\"urn:x\"><x:b></x:b><y:c xmlns:y=\"urn:y\" k=\"2\" y:z=\"1\"></y:c></x:a>",
        );
        check(
            "<a><!-- no --><b>&lt;&#13;\"</b><c d='&lt;&#10;\"'/></a>",
            "<a><b>&lt;&#xD;\"</b><c d=\"&lt;&#xA;&quot;\"></c></a>",
        );
        check(
            "<a xmlns='urn:a'><b/></a>",
            "<a xmlns=\"urn:a\"><b></b></a>",
        );
    }

    #[test]
    fn what_is_not_a_signed_assertion_is_refused() {
        let expected = Expected {
            audience: "a",
            recipient: "r",
            now: 0,
        };
        for (xml, reason) in [
            ("", "it is not XML"),
            ("<a/>", "it is not an assertion"),
            (
                "<s:Assertion xmlns:s='urn:oasis:names:tc:SAML:2.0:assertion' ID='_1'/>",
                "it is not signed",
            ),
        ] {
            let problem = verified(xml, &expected).unwrap_err();
            assert!(problem.starts_with(reason), "{problem}");
        }
    }
}
