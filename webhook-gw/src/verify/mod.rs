//! The one place where what came over the wire becomes what a partner said: a certificate to a
//! [`Caller`], and what the caller sent, [`Unverified`], to [`Verified`]. No other code makes these,
//! and nothing else is judged or recorded.

mod reload;
mod secrets;
mod signature;
#[cfg(test)]
mod tests;

use authn::peer::{AllowedPeers, PeerIdentity};
use axum::http::HeaderMap;
use bytes::Bytes;
use domain::PartnerId;
use domain::registry::Registry;
use jiff::Timestamp;

pub use reload::LiveSecrets;
pub use secrets::{Secret, SecretError, Secrets};
pub use signature::TOLERANCE;

/// A registered, unsuspended partner that a certificate names. What it sent may still be another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(PartnerId);

impl Caller {
    /// Verifies a certificate against the registry.
    ///
    /// # Errors
    /// [`NotVerified`], one that blames the certificate.
    pub fn of(registry: &Registry, peer: &PeerIdentity) -> Result<Self, NotVerified> {
        partner_of(registry, peer).map(Self)
    }

    /// Who it is.
    pub fn partner(&self) -> &PartnerId {
        &self.0
    }
}

/// A request as it came in.
#[derive(Debug)]
pub struct Unverified {
    /// Whom the client certificate names.
    pub caller: Caller,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
}

/// A body that a known, unsuspended partner signed.
#[derive(Debug)]
pub struct Verified {
    partner: PartnerId,
    body: Bytes,
}

impl Verified {
    /// Who signed it.
    pub fn partner(&self) -> &PartnerId {
        &self.partner
    }

    /// What was signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Why a request isn't a partner's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The certificate's names are no registered partner's.
    #[error("the client certificate names no registered partner; register its SAN as webhook_san")]
    UnknownCertificate,
    /// The certificate's names are those of several partners.
    #[error("the client certificate names several partners; use one certificate a partner")]
    AmbiguousCertificate,
    /// The partner is suspended.
    #[error("the partner is suspended; ask the operator")]
    PartnerSuspended,
    /// No secret is configured for the partner.
    #[error("no webhook secret is agreed with this partner; ask the operator")]
    NoSecret,
    /// A header of Standard Webhooks is missing, repeated or malformed.
    #[error("header {0} is missing, repeated or malformed; sign as Standard Webhooks describes")]
    Header(&'static str),
    /// Signed too long ago.
    #[error("the message was signed too long ago; sign each attempt afresh and check the clock")]
    TimestampTooOld,
    /// Signed later than now.
    #[error("the message was signed in the future; check the clock")]
    TimestampInTheFuture,
    /// No signature is right under any active secret.
    #[error(
        "no signature is right; sign `id.timestamp.body` over the raw body with the agreed secret"
    )]
    SignatureMismatch,
}

impl NotVerified {
    /// Stable text for answers and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::UnknownCertificate => "unknown_certificate",
            Self::AmbiguousCertificate => "ambiguous_certificate",
            Self::PartnerSuspended => "partner_suspended",
            Self::NoSecret => "no_secret",
            Self::Header(_) => "header",
            Self::TimestampTooOld => "timestamp_too_old",
            Self::TimestampInTheFuture => "timestamp_in_the_future",
            Self::SignatureMismatch => "signature_mismatch",
        }
    }

    /// Whether the certificate is to blame, and not the signature.
    pub const fn is_certificate(self) -> bool {
        matches!(
            self,
            Self::UnknownCertificate | Self::AmbiguousCertificate | Self::PartnerSuspended
        )
    }
}

impl Unverified {
    /// Verifies the signature against the caller's secrets, at `now`.
    ///
    /// # Errors
    /// [`NotVerified`], one that blames the signature.
    pub fn verify(self, secrets: &Secrets, now: Timestamp) -> Result<Verified, NotVerified> {
        let Caller(partner) = self.caller;
        let secrets = secrets.of(&partner).ok_or(NotVerified::NoSecret)?;
        signature::check(secrets, &self.headers, &self.body, now)?;
        Ok(Verified {
            partner,
            body: self.body,
        })
    }
}

/// The one partner whose webhook SAN the certificate carries.
fn partner_of(registry: &Registry, peer: &PeerIdentity) -> Result<PartnerId, NotVerified> {
    let mut named = registry.partners().filter(|partner| {
        // One at a time: a SAN that is malformed in the registry shuts out its partner only.
        AllowedPeers::new([partner.webhook_san.as_str()])
            .is_ok_and(|allowed| allowed.admit(peer).is_ok())
    });
    let partner = named.next().ok_or(NotVerified::UnknownCertificate)?;
    if named.next().is_some() {
        return Err(NotVerified::AmbiguousCertificate);
    }
    if partner.suspended {
        return Err(NotVerified::PartnerSuspended);
    }
    Ok(partner.id.clone())
}
