#![allow(clippy::unwrap_used)]
use super::*;

pub(crate) fn answer(status: u16, media: Media, body: &str) -> Exchange {
    Exchange::Answered(Answer {
        status,
        media,
        body: body.as_bytes().to_vec(),
    })
}

pub(crate) fn problem(problem: Problem) -> Exchange {
    let slug = problem.slug();
    let body =
        format!(r#"{{"type":"urn:smarthome:problem:{slug}","title":"t","status":1,"detail":"d"}}"#);
    answer(problem.status(), Media::Problem, &body)
}

/// One line of the table: what is known after this answer to an open.
fn line(result: &OpenResult) -> String {
    match result {
        OpenResult::Executed { code, partner_ref } => format!("EXECUTED {code} {partner_ref}"),
        OpenResult::Rejected { code, partner_ref } => format!("REJECTED {code} {partner_ref}"),
        OpenResult::NotExecuted { reason, code } => format!("NOT_EXECUTED {reason} {code}"),
        OpenResult::NotSent { why } => format!("not sent: {}", why.code()),
        OpenResult::Unknown { why } => format!("UNKNOWN {}", why.reason()),
    }
}

#[test]
fn every_problem_means_what_the_contract_promises_of_it() {
    let table: Vec<String> = Problem::ALL
        .iter()
        .map(|p| {
            format!(
                "{} {}: {}",
                p.status(),
                p.slug(),
                line(&of_open(&problem(*p)))
            )
        })
        .collect();
    let expected = "\
400 invalid-request: NOT_EXECUTED PARTNER_REJECTED invalid_request
401 token-missing: NOT_EXECUTED PARTNER_REJECTED token_missing
401 token-invalid: NOT_EXECUTED PARTNER_REJECTED token_invalid
403 insufficient-scope: NOT_EXECUTED PARTNER_REJECTED insufficient_scope
403 wrong-resource: NOT_EXECUTED PARTNER_REJECTED wrong_resource
404 not-found: UNKNOWN PARTNER_SILENT
404 unknown-device: NOT_EXECUTED PARTNER_REJECTED unknown_device
404 unknown-command: UNKNOWN PARTNER_SILENT
405 method-not-allowed: UNKNOWN PARTNER_SILENT
409 key-reused: UNKNOWN PARTNER_SILENT
409 key-version-conflict: UNKNOWN PARTNER_SILENT
409 unknown-key-version: UNKNOWN PARTNER_SILENT
410 expired: NOT_EXECUTED COMMAND_EXPIRED expired
410 cancelled: NOT_EXECUTED FENCED cancelled
410 cursor-expired: UNKNOWN PARTNER_SILENT
413 body-too-large: NOT_EXECUTED PARTNER_REJECTED body_too_large
415 unsupported-media-type: NOT_EXECUTED PARTNER_REJECTED unsupported_media_type
422 device-offline: NOT_EXECUTED DEVICE_OFFLINE device_offline
422 operation-not-supported: NOT_EXECUTED OPERATION_NOT_ALLOWED operation_not_supported
422 unwrap-failed: UNKNOWN PARTNER_SILENT
429 rate-limited: NOT_EXECUTED PARTNER_OVERLOADED rate_limited
500 internal: UNKNOWN PARTNER_SILENT
503 unavailable: NOT_EXECUTED PARTNER_OVERLOADED unavailable";
    assert_eq!(table.join("\n"), expected);
}

#[test]
fn the_problems_are_the_contracts() {
    let contract = include_str!("../../../proto/partner/openapi.yaml");
    let told: Vec<(u16, String)> = contract
        .lines()
        .filter_map(|line| {
            let rest = line.trim().strip_prefix("| `urn:smarthome:problem:")?;
            let (slug, rest) = rest.split_once("` | ")?;
            Some((rest.split(' ').next()?.parse().ok()?, slug.to_owned()))
        })
        .collect();
    let known: Vec<(u16, String)> = Problem::ALL
        .iter()
        .map(|p| (p.status(), p.slug().to_owned()))
        .collect();
    assert_eq!(told, known);
}

#[test]
fn a_status_without_its_problem_proves_nothing() {
    for known in Problem::ALL {
        let Exchange::Answered(whole) = problem(*known) else {
            unreachable!()
        };
        let other_status = if whole.status == 410 { 422 } else { 410 };
        let wrong = [
            (whole.status, Media::Other, whole.body.clone()),
            (whole.status, Media::Json, whole.body.clone()),
            (other_status, Media::Problem, whole.body.clone()),
            (200, Media::Problem, whole.body.clone()),
            (whole.status, Media::Problem, Vec::new()),
            (whole.status, Media::Problem, b"{}".to_vec()),
            (whole.status, Media::Problem, b"<html>".to_vec()),
            (
                whole.status,
                Media::Problem,
                br#"{"type":"about:blank"}"#.to_vec(),
            ),
            (
                whole.status,
                Media::Problem,
                format!(r#"{{"type":"urn:other:{}"}}"#, known.slug()).into_bytes(),
            ),
            (
                whole.status,
                Media::Problem,
                whole.body[..whole.body.len() - 1].to_vec(),
            ),
        ];
        for (status, media, body) in wrong {
            let exchange = Exchange::Answered(Answer {
                status,
                media,
                body,
            });
            let result = of_open(&exchange);
            assert_eq!(result, unintelligible(), "{exchange:?}");
        }
    }
}

#[test]
fn what_is_known_after_any_other_answer() {
    let whole =
        r#"{"result":"executed","code":"opened","partner_ref":"R-1","at":"2026-11-24T10:00:00Z"}"#;
    let json = |body: &str| answer(200, Media::Json, body);
    for (exchange, expected) in [
        (json(whole), "EXECUTED opened R-1"),
        (
            json(
                &whole
                    .replace("executed", "rejected")
                    .replace("opened", "blocked_by_guard"),
            ),
            "REJECTED blocked_by_guard R-1",
        ),
        // A member more doesn't change what it says.
        (
            json(&whole.replace('{', r#"{"more":1,"#)),
            "EXECUTED opened R-1",
        ),
        // What isn't fit for records is dropped.
        (
            json(&whole.replace("opened", "Иван Иванов")),
            "EXECUTED  R-1",
        ),
        (
            json(&whole.replace("R-1", &"x".repeat(65))),
            "EXECUTED opened ",
        ),
        (
            json(&whole.replace("executed", "done")),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            json(&whole.replace("result", "state")),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            json(&whole.replace("\"code\"", "\"x\"")),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            json(&whole.replace("\"R-1\"", "7")),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            json(&whole.replace("2026", "soon")),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            json(&whole[..whole.len() - 1]),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (json(""), "UNKNOWN PARTNER_UNINTELLIGIBLE"),
        (json("null"), "UNKNOWN PARTNER_UNINTELLIGIBLE"),
        (
            answer(200, Media::Other, whole),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(201, Media::Json, whole),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(202, Media::Json, whole),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(204, Media::Other, ""),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(302, Media::Other, ""),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(404, Media::Other, "not found"),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(500, Media::Other, ""),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(502, Media::Other, "bad gateway"),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (
            answer(503, Media::Other, ""),
            "UNKNOWN PARTNER_UNINTELLIGIBLE",
        ),
        (Exchange::Cut, "UNKNOWN PARTNER_UNINTELLIGIBLE"),
        (Exchange::Silent, "UNKNOWN PARTNER_SILENT"),
        (Exchange::NoConnection, "not sent: no_connection"),
    ] {
        assert_eq!(line(&of_open(&exchange)), expected, "{exchange:?}");
    }
}
