//! The checks, and what may come of them.

use std::fmt;

use jiff::Timestamp;

use crate::error::NotSent;
use crate::text::PartnerText;

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $todo:literal;)*) => {
        /// Something that a partner must refuse.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CheckName { $($(#[$doc])* $name,)* }

        impl CheckName {
            /// Every check.
            pub const ALL: &[CheckName] = &[$(CheckName::$name,)*];

            /// Stable, for metrics and for people.
            pub fn as_str(self) -> &'static str {
                match self { $(CheckName::$name => $text,)* }
            }

            /// What a partner that does not refuse it has to do.
            pub fn to_do(self) -> &'static str {
                match self { $(CheckName::$name => $todo,)* }
            }
        }
    };
}

checks! {
    /// A device of another complex, in that complex's path, with a token for this one.
    OpenInOtherComplex = "open_in_other_complex",
        "compare the complex in the path with the token's `resource` (RFC 8707), before anything else";
    /// A device of another complex in this one's path.
    OpenForeignDevice = "open_foreign_device",
        "refuse a device that is not of the complex in the path, before looking at the command id";
    /// What is held for another complex.
    ListInOtherComplex = "list_credentials_in_other_complex",
        "compare the complex in the path with the token's `resource` (RFC 8707), before anything else";
    /// A barrier, with a token for doors.
    OpenBarrierWithDoorToken = "open_barrier_with_door_token",
        "ask for scope `barriers:open` where a barrier or gate is opened";
    /// A door, with a token for barriers.
    OpenDoorWithBarrierToken = "open_door_with_barrier_token",
        "ask for scope `doors:open` where a door or intercom is opened";
    /// An open, with a token that only reads commands.
    OpenWithCommandsToken = "open_with_commands_token",
        "ask for the scope of opening, before anything else";
    /// An open, with a token that only reads the attestation.
    OpenWithAttestationToken = "open_with_attestation_token",
        "ask for the scope of opening, before anything else";
    /// What is held, with a token for opening.
    ListWithOpenToken = "list_credentials_with_open_token",
        "ask for scope `credentials:write` where credentials are listed";
    /// What is held, with a token that only reads the attestation.
    ListWithAttestationToken = "list_credentials_with_attestation_token",
        "ask for scope `credentials:write` where credentials are listed";
    /// An open over a connection without a client certificate.
    OpenWithoutCertificate = "open_without_certificate",
        "demand a client certificate in the TLS handshake, and bind tokens to it (RFC 8705)";
    /// An open, with a token that has expired.
    OpenWithExpiredToken = "open_with_expired_token",
        "refuse a token from the moment when it expires";
    /// An open, with a text that never was a token.
    OpenWithGarbageToken = "open_with_garbage_token",
        "refuse tokens that it did not issue";
    /// An open, with a token of which one character was changed.
    OpenWithTamperedToken = "open_with_tampered_token",
        "verify the whole token, its signature too";
    /// An open, without any token.
    OpenWithoutToken = "open_without_token",
        "refuse calls without a token";
    /// A command's state, without any token.
    ReadWithoutToken = "read_command_without_token",
        "refuse calls without a token";
}

/// One check and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was asked for.
    pub name: CheckName,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The partner refused, and for want of authorization.
    Refused {
        /// HTTP status; none where the TLS handshake was refused.
        status: Option<u16>,
        /// The problem's code, if it is one of the contract's.
        code: PartnerText,
    },
    /// A finding: the partner did it, or refused only for a reason that comes after authorization.
    Accepted {
        /// HTTP status.
        status: u16,
        /// The problem's code, if it is one of the contract's.
        code: PartnerText,
        /// The partner says that the device opened.
        opened: bool,
    },
    /// Nothing is proven.
    Unclear(Unclear),
    /// The token has not expired yet.
    NotYet {
        /// From when on it can be asked; none where that is too far away to tell.
        at: Option<Timestamp>,
    },
}

/// Why nothing is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// The request was not sent.
    NotSent(NotSent),
    /// There is no fence around the command, so it was not sent.
    NoFence,
    /// No whole answer.
    NoAnswer,
    /// An answer that says nothing about authorization.
    Answer {
        /// HTTP status.
        status: u16,
        /// The problem's code, if it is one of the contract's.
        code: PartnerText,
    },
}

impl Verdict {
    /// All labels, for metrics.
    pub const LABELS: [&str; 4] = ["refused", "accepted", "unclear", "not_yet"];

    /// Stable, for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Verdict::Refused { .. } => "refused",
            Verdict::Accepted { .. } => "accepted",
            Verdict::Unclear(_) => "unclear",
            Verdict::NotYet { .. } => "not_yet",
        }
    }
}

/// What was seen, in words.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = |f: &mut fmt::Formatter<'_>, status: u16, code: &PartnerText| {
            if code.as_str().is_empty() {
                write!(f, "{status}")
            } else {
                write!(f, "{status} {code}")
            }
        };
        match self {
            Verdict::Refused { status: None, .. } => f.write_str("TLS handshake"),
            Verdict::Refused {
                status: Some(status),
                code,
            } => answer(f, *status, code),
            Verdict::Accepted {
                status,
                code,
                opened,
            } => {
                answer(f, *status, code)?;
                if *opened {
                    f.write_str("; the partner says that the device OPENED")?;
                }
                Ok(())
            }
            Verdict::Unclear(Unclear::NotSent(why)) => write!(f, "not asked: {why}"),
            Verdict::Unclear(Unclear::NoFence) => {
                f.write_str("not asked: no fence could be put around the command")
            }
            Verdict::Unclear(Unclear::NoAnswer) => f.write_str("no answer"),
            Verdict::Unclear(Unclear::Answer { status, code }) => {
                answer(f, *status, code)?;
                f.write_str(", which says nothing about authorization")
            }
            Verdict::NotYet { at: Some(at) } => {
                write!(f, "the token that is kept for it expires at {at:.0}")
            }
            Verdict::NotYet { at: None } => f.write_str("the token that is kept never expires"),
        }
    }
}
