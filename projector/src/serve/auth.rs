//! Who may read what. What has been checked is another type: nothing is read for a caller
//! without a [`Readable`].

use std::collections::BTreeSet;
use std::sync::Arc;

use authn::peer::{AllowedPeers, PeerIdentity, PeerName};
use authn::token::{AccessToken, AccessTokenVerifier, TokenError, bearer};
use domain::id::{ComplexId, SubjectRef};
use domain::vocabulary::ActorKind;
use jiff::Timestamp;
use tonic::service::Interceptor;
use tonic::{Request, Status};
use uuid::Uuid;

use super::identities::Identities;
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
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let peer = request.extensions().get::<PeerIdentity>();
        let peer = peer.ok_or(Refusal::Internal)?;
        let name = self.allowed.admit(peer).map_err(Refusal::Peer)?;
        request.extensions_mut().insert(name);
        Ok(request)
    }
}

/// Checks access tokens, and who their owners are to the log.
#[derive(Clone)]
pub(super) struct TokenGate {
    verifier: AccessTokenVerifier,
    identities: Arc<Identities>,
}

/// An auditor, as the access token says.
pub(super) struct Auditor {
    reader: Reader,
    complexes: BTreeSet<ComplexId>,
    expires_at: Timestamp,
}

/// What a request brings: the `Authorization` header, the certificate, and the name that this was let in by.
fn presented<T>(request: &Request<T>) -> (Option<&str>, Option<&PeerIdentity>, String) {
    let header = request.metadata().get("authorization");
    let header = header.and_then(|value| value.to_str().ok());
    let caller = request.extensions().get::<PeerName>();
    let caller = caller.map(ToString::to_string).unwrap_or_default();
    (header, request.extensions().get(), caller)
}

/// Checks owners' access tokens.
pub(super) struct OwnerGate(TokenGate);

/// Somebody who asks about himself.
pub(super) struct Owner {
    /// None of somebody whom the log has never met.
    subject: Option<SubjectRef>,
    caller: String,
}

/// Who reads, as it is recorded.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) kind: ActorKind,
    pub(super) subject: SubjectRef,
    /// Name of the certificate; empty where none is asked for.
    pub(super) caller: String,
}

/// A complex that the caller may read about.
pub(super) struct Readable {
    reader: Reader,
    complex: ComplexId,
}

impl TokenGate {
    pub(super) fn new(verifier: AccessTokenVerifier, identities: Arc<Identities>) -> Self {
        Self {
            verifier,
            identities,
        }
    }

    /// The auditor whose token the request carries; a token that is bound to a certificate has
    /// to come with it (RFC 8705 section 3).
    pub(super) async fn auditor<T>(&self, request: &Request<T>) -> Result<Auditor, Refusal> {
        let (header, presenter, caller) = presented(request);
        self.auditor_of(header, presenter, caller).await
    }

    /// As [`auditor`](Self::auditor), of an `Authorization` header and the certificate, if any,
    /// that it came with.
    pub(super) async fn auditor_of(
        &self,
        header: Option<&str>,
        presenter: Option<&PeerIdentity>,
        caller: String,
    ) -> Result<Auditor, Refusal> {
        let token = self.verified(header, presenter).await?;
        if !token.roles.contains(ROLE) {
            return Err(Refusal::Role);
        }
        // What is no complex id names no complex.
        let complexes = token.complexes.iter().filter_map(|id| id.parse().ok());
        // Whoever can't be named can't be recorded.
        let subject = self.subject(&token)?;
        Ok(Auditor {
            reader: Reader {
                kind: ActorKind::Auditor,
                subject: subject.ok_or(Refusal::UnknownReader)?,
                caller,
            },
            complexes: complexes.collect(),
            expires_at: token.expires_at,
        })
    }

    /// Who a token's owner is to the log; none whom it has never met, or who was erased.
    fn subject(&self, token: &AccessToken) -> Result<Option<SubjectRef>, Refusal> {
        self.identities.ready()?;
        let (issuer, user_id) = (token.issuer.as_str(), token.subject.expose());
        Ok(self.identities.subject_of(issuer, user_id))
    }

    async fn verified(
        &self,
        header: Option<&str>,
        presenter: Option<&PeerIdentity>,
    ) -> Result<AccessToken, TokenError> {
        let token = bearer(header.ok_or(TokenError::Missing)?)?;
        let presenter = presenter.map(PeerIdentity::thumbprint);
        self.verifier.verify(token, presenter.as_ref()).await
    }
}

impl OwnerGate {
    pub(super) fn new(tokens: TokenGate) -> Self {
        Self(tokens)
    }

    /// The owner whose token the request carries, as [`TokenGate::auditor`] does.
    pub(super) async fn owner<T>(&self, request: &Request<T>) -> Result<Owner, Refusal> {
        let (header, presenter, caller) = presented(request);
        let token = self.0.verified(header, presenter).await?;
        let subject = self.0.subject(&token)?;
        Ok(Owner { subject, caller })
    }
}

impl Owner {
    /// What is recorded of the owner in a complex; none where nothing can be.
    pub(super) fn own(&self, complex: ComplexId) -> Option<Readable> {
        let reader = Reader {
            kind: ActorKind::Owner,
            subject: self.subject?,
            caller: self.caller.clone(),
        };
        Some(Readable { reader, complex })
    }

    /// The owner's reference as text; the one of nobody where there is none, lest a query be for all.
    pub(super) fn subject_text(&self) -> String {
        let subject = self.subject.unwrap_or(SubjectRef(Uuid::nil()));
        subject.to_string()
    }
}

impl Auditor {
    /// When the access token ends.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What this auditor may read about, in order.
    pub(super) fn complexes(&self) -> impl Iterator<Item = &ComplexId> + Clone {
        self.complexes.iter()
    }

    /// The complex, if this auditor may read about it; else it is as if there were none.
    pub(super) fn may_read(&self, complex: ComplexId) -> Result<Readable, Refusal> {
        match self.complexes.contains(&complex) {
            true => Ok(Readable {
                reader: self.reader.clone(),
                complex,
            }),
            false => Err(Refusal::NotFound(Missing::Complex)),
        }
    }
}

impl Readable {
    pub(super) fn complex(&self) -> &ComplexId {
        &self.complex
    }

    /// Whether something that is about this subject is about the reader.
    pub(super) fn is_about(&self, subject: Option<Uuid>) -> bool {
        subject == Some(self.reader.subject.0)
    }

    /// Who it is read by.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }
}
