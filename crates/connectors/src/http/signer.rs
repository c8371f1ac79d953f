//! What the client asks of whoever keeps the credentials.

use async_trait::async_trait;
use model::secret::Secret;

use super::RequestParts;
use crate::{Access, Result};

/// Adds credentials to requests. Implemented by the sign-in kinds of `auth`.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Adds credentials to a request (header, query or body); refreshes first if the token is near
    /// its end.
    async fn sign(&self, request: &mut RequestParts, access: &Access) -> Result<()>;

    /// Called after a 401: true when a fresh token was got and repeating once makes sense.
    async fn renew(&self, access: &Access) -> Result<bool>;

    /// As [`renew`](Self::renew), knowing which request was refused: when another request has already
    /// got a fresh token since that one was signed, nothing is asked for a second time. The client
    /// calls this one, so that many requests refused at once lead to one refresh.
    async fn renew_after(&self, refused: &RequestParts, access: &Access) -> Result<bool> {
        let _ = refused;
        self.renew(access).await
    }

    /// Takes what the head of an answer says of the credentials of a request.
    fn answered(&self, request: &RequestParts, headers: &http::HeaderMap) {
        let _ = (request, headers);
    }

    /// Every secret that must never show, for redaction. Asked again for each exchange: tokens change.
    fn secrets(&self) -> Vec<Secret>;
}

/// For platforms that need no sign-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSignIn;

#[async_trait]
impl Signer for NoSignIn {
    async fn sign(&self, _request: &mut RequestParts, _access: &Access) -> Result<()> {
        Ok(())
    }

    async fn renew(&self, _access: &Access) -> Result<bool> {
        Ok(false)
    }

    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }
}
