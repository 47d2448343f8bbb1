//! Who may change which complex's registry: the certificate of a tool, and the operator's own token.

use std::collections::BTreeSet;
use std::sync::Arc;

use authn::peer::AllowedPeers;
use authn::token::{AccessToken, AccessTokenVerifier};
use domain::event::Actor;
use domain::vocabulary::ActorKind;
use domain::{CallerName, ComplexId};
use tonic::Request;

use crate::caller;
use crate::refusal::Refusal;
use crate::subjects::Directory;

/// The role that an access token must carry.
const ROLE: &str = "operator";

/// Lets operators in.
#[derive(Clone)]
pub(crate) struct Operators {
    /// Certificates that may call.
    pub allowed: AllowedPeers,
    /// Checks access tokens.
    pub tokens: AccessTokenVerifier,
    /// Users to references.
    pub directory: Arc<Directory>,
}

/// An operator, as certificate and access token say.
pub(crate) struct Operator {
    tool: CallerName,
    token: AccessToken,
    complexes: BTreeSet<ComplexId>,
}

impl Operators {
    /// The operator who sent the request.
    ///
    /// # Errors
    /// A certificate that is not allowed, a token that is not good, or one of no operator.
    pub(crate) async fn admit<T>(&self, request: &Request<T>) -> Result<Operator, Refusal> {
        let tool = caller::caller(request, &self.allowed)?;
        let token = caller::owner(request, &self.tokens).await?;
        if !token.roles.contains(ROLE) {
            return Err(Refusal::Role(ROLE));
        }
        // What is no complex id names no complex.
        let complexes = token.complexes.iter().filter_map(|id| id.parse().ok());
        Ok(Operator {
            tool,
            complexes: complexes.collect(),
            token,
        })
    }

    /// Who a change is recorded of; an operator who is seen for the first time gets a reference.
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn actor(&self, operator: &Operator) -> Result<Actor, Refusal> {
        let index = self.directory.owner(&operator.token);
        let subject = self.directory.subject_of(&operator.token, index).await?;
        Ok(Actor {
            kind: ActorKind::Operator,
            subject: Some(subject.0),
            caller: operator.tool.to_string(),
        })
    }
}

impl Operator {
    /// The complexes that the operator is for, `global` among them where the token says so.
    pub(crate) fn complexes(&self) -> impl Iterator<Item = &ComplexId> {
        self.complexes.iter()
    }

    /// Whether the complex (or `global`, for the partners) is within the operator's perimeter.
    ///
    /// # Errors
    /// It is not: the answer is as if there were no such complex.
    pub(crate) fn is_for(&self, complex: &ComplexId) -> Result<(), Refusal> {
        if self.complexes.contains(complex) {
            Ok(())
        } else {
            Err(Refusal::NotFound("complex"))
        }
    }
}
