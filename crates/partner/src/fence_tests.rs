#![allow(clippy::unwrap_used)]
use super::*;
use crate::outcome::tests::{answer, problem};
use crate::transport::Media;

const COMMAND: &str = "0198c5f0-7000-7000-8000-000000000001";

fn status(state: &str, is_final: bool, more: &str) -> Exchange {
    let body =
        format!(r#"{{"command_id":"{COMMAND}","state":"{state}","final":{is_final}{more}}}"#);
    answer(200, Media::Json, &body)
}

fn fence(exchange: &Exchange) -> String {
    match of_cancel(exchange, COMMAND.parse().unwrap()) {
        Fence::Executed { code, partner_ref } => format!("EXECUTED {code} {partner_ref}"),
        Fence::Rejected { code, partner_ref } => format!("REJECTED {code} {partner_ref}"),
        Fence::NotExecuted { reason, code } => format!("NOT_EXECUTED {reason} {code}"),
        Fence::NotFinal => "not final".to_owned(),
        Fence::Unknown { why } => format!("unknown {}", why.reason()),
    }
}

#[test]
fn what_is_known_after_the_fence() {
    let unintelligible = "unknown PARTNER_UNINTELLIGIBLE";
    for (exchange, expected) in [
        (
            status(
                "executed",
                true,
                r#","result":"executed","code":"opened","partner_ref":"R-1""#,
            ),
            "EXECUTED opened R-1",
        ),
        (status("executed", true, ""), "EXECUTED  "),
        (
            status(
                "rejected",
                true,
                r#","result":"rejected","code":"blocked_by_guard""#,
            ),
            "REJECTED blocked_by_guard ",
        ),
        (
            status("cancelled", true, r#","code":"cancelled""#),
            "NOT_EXECUTED FENCED cancelled",
        ),
        (
            status("not_executed", true, r#","code":"expired""#),
            "NOT_EXECUTED COMMAND_EXPIRED expired",
        ),
        (
            status("not_executed", true, r#","code":"device_offline""#),
            "NOT_EXECUTED DEVICE_OFFLINE device_offline",
        ),
        (
            status("not_executed", true, r#","code":"operation_not_supported""#),
            "NOT_EXECUTED OPERATION_NOT_ALLOWED operation_not_supported",
        ),
        (
            status("not_executed", true, r#","code":"rate_limited""#),
            "NOT_EXECUTED PARTNER_OVERLOADED rate_limited",
        ),
        (status("in_progress", false, ""), "not final"),
        // What contradicts itself says nothing.
        (status("in_progress", true, ""), unintelligible),
        (status("executed", false, ""), unintelligible),
        (status("cancelled", false, ""), unintelligible),
        (
            status("cancelled", true, r#","result":"executed""#),
            unintelligible,
        ),
        (
            status("not_executed", true, r#","result":"rejected""#),
            unintelligible,
        ),
        (
            status("executed", true, r#","result":"rejected""#),
            unintelligible,
        ),
        (
            status("in_progress", false, r#","result":"executed""#),
            unintelligible,
        ),
        (status("forgotten", true, ""), unintelligible),
        (
            answer(
                200,
                Media::Json,
                r#"{"command_id":"0198c5f0-7000-7000-8000-000000000002","state":"cancelled","final":true}"#,
            ),
            unintelligible,
        ),
        (answer(404, Media::Other, ""), unintelligible),
        (answer(503, Media::Other, ""), unintelligible),
        (Exchange::Cut, unintelligible),
        (Exchange::Silent, "unknown PARTNER_SILENT"),
        (Exchange::NoConnection, "unknown PARTNER_SILENT"),
    ] {
        assert_eq!(fence(&exchange), expected, "{exchange:?}");
    }
    // No problem settles a fence, whatever it would say of an open.
    for known in Problem::ALL {
        assert_eq!(fence(&problem(*known)), "unknown PARTNER_SILENT");
    }
}

#[test]
fn an_id_never_seen_is_neither_open_nor_closed() {
    let command = COMMAND.parse().unwrap();
    assert_eq!(
        of_status(&problem(Problem::UnknownCommand), command),
        CommandState::Unseen
    );
    assert_eq!(
        of_status(&answer(404, Media::Other, ""), command),
        CommandState::Unknown {
            why: Doubt::Unintelligible
        }
    );
    assert_eq!(
        of_status(&status("in_progress", false, ""), command),
        CommandState::InProgress
    );
}
