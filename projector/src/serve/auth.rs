//! Who may read what. What has been checked is another type: nothing is read for a caller
//! without a [`Readable`].

use std::collections::BTreeSet;

use authn::peer::{AllowedPeers, PeerIdentity};
use authn::token::{AccessTokenVerifier, TokenError, bearer};
use domain::id::ComplexId;
use tonic::service::Interceptor;
use tonic::{Request, Status};

use super::status::{Missing, Refusal};

/// The role that an access token must carry.
const ROLE: &str = "auditor";

/// Lets the certificates of readers in; stands before every service.
#[derive(Clone)]
pub(super) struct PeerGate {
    allowed: AllowedPeers,
}

impl PeerGate {
    pub(super) fn new(allowed: AllowedPeers) -> Self {
        Self { allowed }
    }
}

impl Interceptor for PeerGate {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let peer = request.extensions().get::<PeerIdentity>();
        let peer = peer.ok_or(Refusal::Internal)?;
        self.allowed.admit(peer).map_err(Refusal::Peer)?;
        Ok(request)
    }
}

/// Checks access tokens.
pub(super) struct TokenGate {
    verifier: AccessTokenVerifier,
}

/// An auditor, as the access token says.
pub(super) struct Auditor {
    complexes: BTreeSet<ComplexId>,
}

/// A complex that the caller may read about.
pub(super) struct Readable(ComplexId);

impl TokenGate {
    pub(super) fn new(verifier: AccessTokenVerifier) -> Self {
        Self { verifier }
    }

    /// The auditor whose token the request carries; a token that is bound to a certificate has
    /// to come with it (RFC 8705 section 3).
    pub(super) async fn auditor<T>(&self, request: &Request<T>) -> Result<Auditor, Refusal> {
        let header = request.metadata().get("authorization");
        let header = header.and_then(|value| value.to_str().ok());
        let presenter = request.extensions().get::<PeerIdentity>();
        self.auditor_of(header, presenter).await
    }

    /// As [`auditor`](Self::auditor), of an `Authorization` header and the certificate, if any,
    /// that it came with.
    pub(super) async fn auditor_of(
        &self,
        header: Option<&str>,
        presenter: Option<&PeerIdentity>,
    ) -> Result<Auditor, Refusal> {
        let token = bearer(header.ok_or(TokenError::Missing)?)?;
        let presenter = presenter.map(PeerIdentity::thumbprint);
        let token = self.verifier.verify(token, presenter.as_ref()).await?;
        if !token.roles.contains(ROLE) {
            return Err(Refusal::Role);
        }
        // What is no complex id names no complex.
        let complexes = token.complexes.iter().filter_map(|id| id.parse().ok());
        Ok(Auditor {
            complexes: complexes.collect(),
        })
    }
}

impl Auditor {
    /// The complex, if this auditor may read about it; else it is as if there were none.
    pub(super) fn may_read(&self, complex: ComplexId) -> Result<Readable, Refusal> {
        match self.complexes.contains(&complex) {
            true => Ok(Readable(complex)),
            false => Err(Refusal::NotFound(Missing::Complex)),
        }
    }
}

impl Readable {
    pub(super) fn complex(&self) -> &ComplexId {
        &self.0
    }
}
