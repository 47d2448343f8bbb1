//! Why something is not at a partner as it should be, and what to do about it.

use partner::{AttestationRefused, CallError};

use crate::refusal::Refusal;

/// Why a partner does not hold what it should, or still holds what it shouldn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// This instance has no client for the partner.
    NotConfigured,
    /// The partner can't be reached, or does not answer.
    Unavailable,
    /// The partner said no.
    Refused,
    /// It does not know a key that it was given.
    KeyLost,
    /// The contract has no words for it.
    Inexpressible,
    /// No attestation could be had.
    AttestationMissing,
    /// An attestation was had, and is not good.
    Attestation(AttestationRefused),
    /// The plate is not kept.
    NotSealed,
    /// The plate is kept and can't be read.
    Unreadable,
    /// Every key that the partner keeps is newer than those of this instance.
    KeyOutOfReach,
    /// The registry is not known to the second.
    Stale,
    /// Something in the registry can't be read.
    RegistryUnreadable,
    /// The log takes no records.
    Log,
}

impl Why {
    /// Stable name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Why::NotConfigured => "PARTNER_NOT_CONFIGURED",
            Why::Unavailable => "PARTNER_UNAVAILABLE",
            Why::Refused => "PARTNER_REFUSED",
            Why::KeyLost => "KEY_LOST",
            Why::Inexpressible => "NOT_EXPRESSIBLE",
            Why::AttestationMissing => "ATTESTATION_MISSING",
            Why::Attestation(refused) => match refused {
                AttestationRefused::PinnedKey => "ATTESTATION_PINNED_KEY",
                AttestationRefused::Signature => "ATTESTATION_SIGNATURE",
                AttestationRefused::Statement => "ATTESTATION_STATEMENT",
                AttestationRefused::OtherPartner => "ATTESTATION_OTHER_PARTNER",
                AttestationRefused::FromFuture => "ATTESTATION_FROM_FUTURE",
                AttestationRefused::Old => "ATTESTATION_EXPIRED",
                AttestationRefused::WeakStorage => "ATTESTATION_WEAK_STORAGE",
                AttestationRefused::OldStorageKey => "ATTESTATION_OLD_STORAGE_KEY",
                AttestationRefused::NotCovered => "ATTESTATION_NOT_COVERED",
                AttestationRefused::WrappingKey => "ATTESTATION_WRAPPING_KEY",
            },
            Why::NotSealed => "PLATE_NOT_KEPT",
            Why::Unreadable => "PLATE_UNREADABLE",
            Why::KeyOutOfReach => "KEY_OUT_OF_REACH",
            Why::Stale => "REGISTRY_STALE",
            Why::RegistryUnreadable => "REGISTRY_UNREADABLE",
            Why::Log => "LOG_UNAVAILABLE",
        }
    }

    /// Whether it mostly passes by itself at once; told only if it stays.
    pub(super) fn is_fleeting(self) -> bool {
        matches!(self, Why::Unavailable | Why::NotSealed)
    }

    /// Whether the log can be told of it: not what is wrong with this instance alone.
    pub(super) fn is_told(self) -> bool {
        !matches!(self, Why::Stale | Why::Log | Why::RegistryUnreadable)
    }

    /// Whether more calls now would meet the same.
    pub(super) fn stops_all(self) -> bool {
        matches!(self, Why::Unavailable | Why::Stale | Why::Log)
    }

    /// As an answer to an operator who asked for it.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Why::Unavailable => Refusal::PartnerUnavailable(self.as_str().to_owned()),
            Why::Stale => Refusal::Stale,
            Why::Log => Refusal::Log,
            _ => Refusal::Partner(format!("{}: {}", self.as_str(), to_do(self.as_str()))),
        }
    }
}

impl From<CallError> for Why {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Inexpressible(_) => Why::Inexpressible,
            CallError::Problem { code, .. } if code.as_str() == "unknown_key_version" => {
                Why::KeyLost
            }
            error if error.is_transient() => Why::Unavailable,
            _ => Why::Refused,
        }
    }
}

/// What to do about a reason, by its stable name: another instance may have told it.
pub(super) fn to_do(reason: &str) -> &'static str {
    match reason {
        "QUEUED" => "nothing: the instance that works on the complex gets to it",
        "PARTNER_NOT_CONFIGURED" => "name the partner in the configuration of every command-svc",
        "PARTNER_UNAVAILABLE" => "nothing: it is tried again; if it stays, ask the partner",
        "PARTNER_REFUSED" => {
            "ask the partner why; command-svc's log has its answer, and it is tried again"
        }
        "KEY_LOST" => "ask the partner why it loses the token keys that it was given",
        "NOT_EXPRESSIBLE" => "change the credential to what the partner's contract can say",
        "PLATE_NOT_KEPT" => "register it again with AddPlateCredential",
        "PLATE_UNREADABLE" => "give command-svc the plate key under which it was sealed",
        "KEY_OUT_OF_REACH" => "restart this command-svc with the newest root of token keys",
        "REGISTRY_STALE" | "LOG_UNAVAILABLE" => "nothing: it goes on once the log can be reached",
        "REGISTRY_UNREADABLE" => "upgrade this command-svc; the registry has what it can't read",
        "ATTESTATION_PINNED_KEY" => "correct the partner's attestation_key in the registry",
        "ATTESTATION_SIGNATURE" => {
            "compare the partner's attestation key with the one in the registry"
        }
        reason if reason.starts_with("ATTESTATION_") => {
            "have the partner mend its attestation; nothing goes to it before"
        }
        // Why it must not be held: the registry says so.
        _ => "nothing: it is being deleted",
    }
}
