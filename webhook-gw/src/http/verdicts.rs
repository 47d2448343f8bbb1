//! The answer to a request that was taken: `Verdicts` of the contract.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::gateway::Verdict;

#[derive(Serialize)]
struct Verdicts {
    verdicts: Vec<Answer>,
}

/// One verdict.
#[derive(Serialize)]
pub(super) struct Answer {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// 200 with one verdict an event, in the order sent.
pub(super) fn answer(verdicts: &[Verdict]) -> Response {
    let verdicts = answers(verdicts);
    Json(Verdicts { verdicts }).into_response()
}

/// Verdicts in the contract's words.
pub(super) fn answers(verdicts: &[Verdict]) -> Vec<Answer> {
    let answer = |(index, verdict): (usize, &Verdict)| {
        let (reason, path) = match &verdict.rejected {
            // An empty pointer blames no field.
            Some((reason, path)) => {
                let path = Some(path.to_string()).filter(|path| !path.is_empty());
                (Some(reason.as_str()), path)
            }
            None => (None, None),
        };
        Answer {
            index,
            id: verdict.id.map(|id| id.to_string()),
            verdict: if reason.is_some() {
                "rejected"
            } else {
                "accepted"
            },
            reason,
            path,
        }
    };
    verdicts.iter().enumerate().map(answer).collect()
}
