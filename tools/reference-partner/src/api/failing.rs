//! Calls about credentials that fail because the control API said so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use serde::Deserialize;

use crate::problem::{Kind, Problem};

/// A call that can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailingCall {
    PutCredential,
    DeleteCredential,
    ListCredentials,
    PutTokenKey,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallFailure {
    /// Answered 400.
    Refuse,
    /// Answered 503.
    Unavailable,
    /// Never answered, and nothing done.
    Silent,
}

/// A failure in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Armed {
    pub(crate) mode: CallFailure,
    /// So many calls go well first.
    pub(crate) after: u32,
    /// For how many calls then; none: until mended.
    pub(crate) times: Option<u32>,
}

/// The failures in force.
#[derive(Debug, Default)]
pub(crate) struct Failing(Mutex<BTreeMap<FailingCall, Armed>>);

impl Failing {
    /// Sets a failure in place of what the call had.
    pub(crate) fn set(&self, call: FailingCall, armed: Armed) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(call, armed);
    }

    /// Mends every call.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The failure that this call meets; counts it.
    fn take(&self, call: FailingCall) -> Option<CallFailure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = all.get_mut(&call)?;
        if armed.after > 0 {
            armed.after -= 1;
            return None;
        }
        let mode = armed.mode;
        if let Some(times) = &mut armed.times {
            *times -= 1;
            if *times == 0 {
                all.remove(&call);
            }
        }
        Some(mode)
    }
}

/// Fails the call, if it was told to.
pub(super) async fn fail(
    State(failing): State<Arc<Failing>>,
    request: Request,
    next: Next,
) -> Response {
    match called(&request).and_then(|call| failing.take(call)) {
        None => next.run(request).await,
        Some(CallFailure::Refuse) => Problem::field("", "told to refuse this").into_response(),
        Some(CallFailure::Unavailable) => {
            Problem::new(Kind::Unavailable, "Told to fail.").into_response()
        }
        Some(CallFailure::Silent) => std::future::pending().await,
    }
}

fn called(request: &Request) -> Option<FailingCall> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    match (request.method(), path) {
        (&Method::PUT, "/v1/complexes/{complex}/credentials/{credential}") => {
            Some(FailingCall::PutCredential)
        }
        (&Method::DELETE, "/v1/complexes/{complex}/credentials/{credential}") => {
            Some(FailingCall::DeleteCredential)
        }
        (&Method::GET, "/v1/complexes/{complex}/credentials") => Some(FailingCall::ListCredentials),
        (&Method::PUT, "/v1/complexes/{complex}/token-key") => Some(FailingCall::PutTokenKey),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_begins_and_ends_with_its_calls() {
        let failing = Failing::default();
        let call = FailingCall::PutCredential;
        failing.set(
            call,
            Armed {
                mode: CallFailure::Refuse,
                after: 1,
                times: Some(2),
            },
        );
        assert_eq!(failing.take(FailingCall::PutTokenKey), None);
        let met: Vec<_> = (0..4).map(|_| failing.take(call).is_some()).collect();
        assert_eq!(met, [false, true, true, false]);
    }
}
