#![allow(clippy::unwrap_used)]
use super::*;
use crate::transport::Media;

fn answer(status: u16, media: Media, body: &str) -> Exchange {
    Exchange::Answered(Answer {
        status,
        media,
        body: body.as_bytes().to_vec(),
    })
}

fn problem(problem: Problem) -> Exchange {
    let slug = problem.slug();
    let body = format!(r#"{{"type":"urn:smarthome:problem:{slug}"}}"#);
    answer(problem.status(), Media::Problem, &body)
}

#[test]
fn every_problem_of_the_contract_is_judged_for_every_check() {
    use Problem as P;
    for &name in CheckName::ALL {
        for &one in Problem::ALL {
            let expected = match (name, one) {
                (
                    _,
                    P::TokenMissing | P::TokenInvalid | P::InsufficientScope | P::WrongResource,
                ) => "refused",
                (CheckName::OpenForeignDevice, P::InvalidRequest | P::UnknownDevice) => "refused",
                (CheckName::OpenForeignDevice, P::Expired | P::Cancelled | P::KeyReused) => {
                    "unclear"
                }
                (
                    _,
                    P::InvalidRequest
                    | P::NotFound
                    | P::MethodNotAllowed
                    | P::BodyTooLarge
                    | P::UnsupportedMediaType
                    | P::RateLimited
                    | P::Internal
                    | P::Unavailable,
                ) => "unclear",
                _ => "accepted",
            };
            let verdict = judge(name, &problem(one));
            assert_eq!(verdict.label(), expected, "{name:?} {one:?}");
            if let Verdict::Refused { status, code } = verdict {
                assert_eq!(status, Some(one.status()));
                assert_eq!(code, one.code());
            }
        }
    }
}

#[test]
fn expired_instead_of_forbidden_is_a_finding() {
    let verdict = judge(CheckName::OpenInOtherComplex, &problem(Problem::Expired));
    assert_eq!(verdict.to_string(), "410 expired");
    assert_eq!(verdict.label(), "accepted");
}

#[test]
fn what_is_no_problem_of_the_contract_is_judged_by_its_status() {
    for (status, expected) in [
        (200, "accepted"),
        (204, "accepted"),
        (401, "refused"),
        (403, "refused"),
        (302, "unclear"),
        (400, "unclear"),
        (404, "unclear"),
        (410, "unclear"),
        (429, "unclear"),
        (500, "unclear"),
        (503, "unclear"),
    ] {
        for media in [Media::Json, Media::Other] {
            let verdict = judge(CheckName::OpenWithoutToken, &answer(status, media, "{}"));
            assert_eq!(verdict.label(), expected, "{status}");
        }
    }
}

#[test]
fn a_server_may_say_in_http_that_there_is_no_certificate() {
    let bare = answer(400, Media::Other, "<html>");
    let judged = |name| judge(name, &bare).label();
    assert_eq!(judged(CheckName::OpenWithoutCertificate), "refused");
    assert_eq!(judged(CheckName::OpenWithoutToken), "unclear");
    let form = judge(
        CheckName::OpenWithoutCertificate,
        &problem(Problem::InvalidRequest),
    );
    assert_eq!(form.label(), "unclear");
}

#[test]
fn no_answer_proves_nothing() {
    for exchange in [
        Exchange::NoConnection,
        Exchange::Silent,
        Exchange::Cut,
        Exchange::Undeclared,
    ] {
        for &name in CheckName::ALL {
            assert_eq!(judge(name, &exchange).label(), "unclear");
        }
    }
}
