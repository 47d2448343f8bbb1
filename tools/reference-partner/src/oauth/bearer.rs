//! What the token of a call allows: checked on every call, before anything else is looked at.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;

use super::endpoint::AuthorizationServer;
use super::laxity::Unchecked;
use super::scope::Scope;
use super::tokens::TokenRecord;
use crate::command::{Authority, Operation};
use crate::ids::ComplexId;
use crate::listener::Connection;
use crate::problem::{Kind, Problem};

/// A token that is in force and bound to the certificate of this very connection.
#[derive(Debug, Clone)]
pub(crate) struct Grant(TokenRecord, Option<Unchecked>);

impl Grant {
    /// Refuses unless the scope is there.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.0.scopes.0.contains(&scope) || self.1 == Some(Unchecked::Scope) {
            Ok(())
        } else {
            Err(insufficient(&[scope]))
        }
    }

    /// Refuses unless the token is for that complex.
    pub(crate) fn require_complex(&self, complex: &ComplexId) -> Result<(), Problem> {
        if self.0.complex.as_ref() == Some(complex) || self.1 == Some(Unchecked::Resource) {
            Ok(())
        } else {
            Err(wrong_resource())
        }
    }

    /// What the token lets its holder open and cancel, and where.
    pub(crate) fn authority(&self) -> Result<Authority, Problem> {
        let every = self.1 == Some(Unchecked::Scope);
        let scopes = if every {
            Scope::ALL.iter().collect()
        } else {
            Vec::from_iter(&self.0.scopes.0)
        };
        let operations: Vec<Operation> = scopes
            .into_iter()
            .filter_map(|scope| scope.operation())
            .collect();
        if operations.is_empty() {
            return Err(insufficient(&[Scope::DoorsOpen, Scope::BarriersOpen]));
        }
        Ok(Authority {
            complex: self.complex()?.clone(),
            operations,
        })
    }

    /// The complex that the token is for.
    pub(crate) fn complex(&self) -> Result<&ComplexId, Problem> {
        self.0.complex.as_ref().ok_or_else(wrong_resource)
    }
}

/// 403: the scope doesn't fit; any one of these would.
pub(crate) fn insufficient(needed: &[Scope]) -> Problem {
    let names: Vec<&str> = needed.iter().map(|scope| scope.as_str()).collect();
    let (any, list) = (names.join(" or "), names.join(" "));
    Problem::new(
        Kind::InsufficientScope,
        format!("Ask for a token with scope {any}."),
    )
    .challenge(format!(
        "Bearer realm=\"partner\", error=\"insufficient_scope\", scope=\"{list}\""
    ))
}

/// 403: the token is for another complex.
pub(crate) fn wrong_resource() -> Problem {
    Problem::new(
        Kind::WrongResource,
        "Ask for a token whose resource names this complex.",
    )
    .challenge("Bearer realm=\"partner\", error=\"insufficient_scope\"".to_owned())
}

fn missing() -> Problem {
    Problem::new(
        Kind::TokenMissing,
        "Send Authorization: Bearer with an access token.",
    )
    .challenge("Bearer realm=\"partner\"".to_owned())
}

fn invalid() -> Problem {
    Problem::new(
        Kind::TokenInvalid,
        "Ask for a new token over a connection with the same certificate.",
    )
    .challenge("Bearer realm=\"partner\", error=\"invalid_token\"".to_owned())
}

impl<S> FromRequestParts<S> for Grant
where
    Arc<AuthorizationServer>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let server = Arc::<AuthorizationServer>::from_ref(state);
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = match (headers.next(), headers.next()) {
            (Some(value), None) => value,
            (None, _) => return Err(missing()),
            (Some(_), Some(_)) => return Err(invalid()),
        };
        let text = value.to_str().map_err(|_| invalid())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let record = server
            .tokens
            .find(token, server.clock.now())
            .ok_or_else(invalid)?;
        let connection = parts.extensions.get::<Connection>().ok_or_else(invalid)?;
        if record.thumbprint != connection.certificate.thumbprint {
            return Err(invalid());
        }
        tracing::Span::current().record("client", record.client_id.as_str());
        Ok(Self(record, server.laxity.get()))
    }
}
