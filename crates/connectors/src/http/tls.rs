//! Certificates of a connection: the one it shows, and the authorities it trusts.

use model::secret::Secret;
use sha2::{Digest as _, Sha256};

/// What a connection shows and whom it trusts, instead of what the system says alone. Compared by digest, so that a
/// client is built once for each.
#[derive(Clone)]
pub struct ClientTls {
    /// Certificate, those above it, and the private key, as PEM.
    identity: Option<Secret>,
    /// Authorities, as DER.
    authorities: Vec<Vec<u8>>,
    /// Only those.
    only: bool,
    digest: [u8; 32],
}

impl ClientTls {
    /// `identity` is PEM with certificates and an unencrypted private key, `authorities` are DER; `only` these are
    /// trusted then.
    pub fn new(identity: Option<Secret>, authorities: Vec<Vec<u8>>, only: bool) -> Self {
        let mut hasher = Sha256::new();
        if let Some(identity) = &identity {
            hasher.update(identity.reveal());
        }
        for der in &authorities {
            hasher.update(der.len().to_be_bytes());
            hasher.update(der);
        }
        hasher.update([u8::from(only)]);
        Self {
            identity,
            authorities,
            only,
            digest: hasher.finalize().into(),
        }
    }

    /// Puts them on a client that is being built. The complaint holds nothing of them.
    pub(crate) fn dress(
        &self,
        mut builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, String> {
        if let Some(identity) = &self.identity {
            let identity = reqwest::Identity::from_pem(identity.reveal().as_bytes())
                .map_err(|_| "the client certificate and its key cannot be used".to_owned())?;
            builder = builder.identity(identity);
        }
        let authorities = self
            .authorities
            .iter()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "a certificate authority cannot be used".to_owned())?;
        Ok(if self.only {
            builder.tls_certs_only(authorities)
        } else {
            builder.tls_certs_merge(authorities)
        })
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ClientTls {}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls")
            .field("shows_a_certificate", &self.identity.is_some())
            .field("authorities", &self.authorities.len())
            .field("only", &self.only)
            .finish()
    }
}
