//! Client certificates and certificate authorities that a person brings.

use model::clock::{Clock, Millis};
use model::secret::Secret;

use super::keys::{self, KeyProblem, PrivateKey};
use crate::declarative::auth_spec::{Tls, wrong};
use crate::http::ClientTls;
use crate::{Error, Result};

/// What was described, ready to be shown and trusted. Refused when a certificate is out of its time: every connection
/// would fail with words that nobody understands.
pub(super) fn prepare(spec: &Tls, clock: &Clock) -> Result<Option<ClientTls>> {
    let authorities = match spec.ca.trim() {
        "" => Vec::new(),
        text => keys::certificates(text).map_err(|problem| refused("tls.ca", problem))?,
    };
    let identity = match spec.certificate.trim() {
        "" if spec.key.is_empty() => None,
        text => {
            let shown =
                keys::certificates(text).map_err(|problem| refused("tls.certificate", problem))?;
            if let Some(own) = shown.first() {
                in_its_time(own, clock.now())?;
            }
            // The key may stand in the same file.
            let key = if spec.key.is_empty() {
                text
            } else {
                spec.key.reveal()
            };
            let key = PrivateKey::from_pem(key, spec.passphrase.reveal())
                .map_err(|problem| refused("tls.key", problem))?;
            let mut pem = String::from(key.to_pem().reveal());
            for der in &shown {
                pem.push_str(&keys::pem("CERTIFICATE", der));
            }
            Some(Secret::new(pem))
        }
    };
    if identity.is_none() && authorities.is_empty() {
        return Ok(None);
    }
    Ok(Some(ClientTls::new(identity, authorities, spec.ca_only)))
}

/// When the client certificate ends, to warn before it does.
pub(super) fn ends_at(spec: &Tls) -> Option<Millis> {
    let shown = keys::certificates(&spec.certificate).ok()?;
    keys::validity(shown.first()?).map(|(_, until)| until)
}

fn in_its_time(der: &[u8], now: Millis) -> Result<()> {
    let day = |at: Millis| {
        jiff::Timestamp::from_millisecond(at)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .strftime("%Y-%m-%d")
            .to_string()
    };
    match keys::validity(der) {
        Some((_, until)) if until < now => Err(refused(
            "tls.certificate",
            KeyProblem {
                problem: format!("the client certificate ended on {}", day(until)),
                expected: "one that is good now; ask whoever gave it to you".to_owned(),
            },
        )),
        // A day for clocks that go wrong.
        Some((from, _)) if from > now.saturating_add(86_400_000) => Err(refused(
            "tls.certificate",
            KeyProblem {
                problem: format!("the client certificate is good from {} only", day(from)),
                expected: "one that is good now, and a clock that goes right".to_owned(),
            },
        )),
        _ => Ok(()),
    }
}

fn refused(place: &str, problem: KeyProblem) -> Error {
    wrong(place, problem.problem, &problem.expected)
}
