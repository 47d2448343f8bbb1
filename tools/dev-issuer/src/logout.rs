//! The end of a login (OpenID Connect RP-Initiated Logout 1.0), without redirects.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use crate::pages;
use crate::server::Issuer;

/// The parameters that matter here.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    id_token_hint: String,
}

#[derive(Deserialize)]
struct Hint {
    sid: Uuid,
}

/// `GET /logout`: ends the login that the id token speaks of. The browser itself is never logged in.
pub(crate) async fn end_session(
    State(issuer): State<Arc<Issuer>>,
    asked: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let token = asked.map(|Query(parameters)| parameters.id_token_hint);
    let hint: Option<Hint> = match &token {
        Ok(token) => {
            let keys = issuer.keys.lock().await;
            keys.id_token_hint(token, issuer.config.issuer(), issuer.now())
        }
        Err(_) => None,
    };
    let Some(Hint { sid }) = hint else {
        return pages::message(
            StatusCode::BAD_REQUEST,
            "Nobody was signed out",
            "id_token_hint must be an ID token of this issuer, signed with a key that is still \
             published.",
        );
    };
    issuer.grants.lock().await.end(sid);
    let text = "Refresh tokens of this login work no more; access tokens end by themselves.";
    pages::message(StatusCode::OK, "You are signed out", text)
}
