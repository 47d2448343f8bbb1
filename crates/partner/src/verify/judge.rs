//! What an answer proves. Pure, and on the side of doubt: only a refusal for want of authorization
//! is one.

use super::check::{CheckName, Unclear, Verdict};
use crate::error::NotSent;
use crate::problem::Problem;
use crate::text::PartnerText;
use crate::transport::{Answer, Exchange};

/// What `exchange` says about a check.
pub(super) fn judge(name: CheckName, exchange: &Exchange) -> Verdict {
    let answer = match exchange {
        Exchange::Answered(answer) => answer,
        Exchange::NoConnection => {
            return Verdict::Unclear(Unclear::NotSent(NotSent::NoConnection));
        }
        Exchange::Undeclared => {
            return Verdict::Unclear(Unclear::NotSent(NotSent::Undeclared));
        }
        Exchange::Silent | Exchange::Cut => return Verdict::Unclear(Unclear::NoAnswer),
    };
    let problem = Problem::of(answer);
    let (status, code) = (
        answer.status,
        problem.map_or_else(PartnerText::default, Problem::code),
    );
    if matches!(status, 401 | 403) || refuses_otherwise(name, answer, problem) {
        let status = Some(status);
        return Verdict::Refused { status, code };
    }
    if (200..300).contains(&status) || problem.is_some_and(|problem| is_late(name, problem)) {
        return Verdict::Accepted {
            status,
            code,
            opened: false,
        };
    }
    Verdict::Unclear(Unclear::Answer { status, code })
}

/// Refusals by another status, for what is not refused by its token alone.
fn refuses_otherwise(name: CheckName, answer: &Answer, problem: Option<Problem>) -> bool {
    match name {
        // The token is for the complex in the path; the path itself is what is wrong.
        CheckName::OpenForeignDevice => matches!(
            problem,
            Some(Problem::InvalidRequest | Problem::UnknownDevice)
        ),
        // Some servers ask for the certificate, and say in HTTP that it is missing.
        CheckName::OpenWithoutCertificate => {
            problem.is_none() && matches!(answer.status, 400 | 495 | 496)
        }
        _ => false,
    }
}

/// Whether a problem is one that only who has been authorised can be answered with: so it was not
/// authorization that the request failed by.
fn is_late(name: CheckName, problem: Problem) -> bool {
    match problem {
        // With a token that is for this complex a partner may look at the command first.
        Problem::Expired | Problem::Cancelled | Problem::KeyReused => {
            name != CheckName::OpenForeignDevice
        }
        Problem::UnknownDevice
        | Problem::UnknownCommand
        | Problem::DeviceOffline
        | Problem::OperationNotSupported
        | Problem::CursorExpired
        | Problem::KeyVersionConflict
        | Problem::UnknownKeyVersion
        | Problem::UnwrapFailed => true,
        // The form of a request, the address and the load may be judged first.
        Problem::InvalidRequest
        | Problem::TokenMissing
        | Problem::TokenInvalid
        | Problem::InsufficientScope
        | Problem::WrongResource
        | Problem::NotFound
        | Problem::MethodNotAllowed
        | Problem::BodyTooLarge
        | Problem::UnsupportedMediaType
        | Problem::RateLimited
        | Problem::Internal
        | Problem::Unavailable => false,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
