//! What clients and resource servers look up: metadata and keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};

use crate::NOTICE;
use crate::keys::RotationRefused;
use crate::refusal::{NO_STORE, Refusal};
use crate::server::Issuer;

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery 1.0, section 4).
pub(crate) async fn metadata(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let name = issuer.config.issuer();
    let mut scopes: Vec<_> = issuer.config.scopes().collect();
    scopes.sort_unstable();
    scopes.dedup();
    Json(json!({
        "notice": NOTICE,
        "issuer": name,
        "authorization_endpoint": format!("{name}/authorize"),
        "token_endpoint": format!("{name}/token"),
        "jwks_uri": format!("{name}/jwks"),
        "end_session_endpoint": format!("{name}/logout"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "prompt_values_supported": ["login", "none"],
        "acr_values_supported": ["1"],
        "scopes_supported": scopes,
    }))
}

/// `GET /jwks` (RFC 7517, section 5).
pub(crate) async fn key_set(State(issuer): State<Arc<Issuer>>) -> Json<JwkSet> {
    Json(issuer.keys.lock().await.published(issuer.now()))
}

/// `POST /dev/rotate`: signs with a new key from now on.
pub(crate) async fn rotate(State(issuer): State<Arc<Issuer>>) -> Response {
    match issuer.keys.lock().await.rotate(issuer.now()) {
        Ok(kid) => {
            tracing::info!(kid, "DEVELOPMENT ONLY: the signing key was rotated");
            (NO_STORE, Json(json!({ "notice": NOTICE, "kid": kid }))).into_response()
        }
        Err(RotationRefused::TooMany) => {
            let text = "too many retired keys are still published; wait for the oldest to go\n";
            let later = [(header::RETRY_AFTER, "60")];
            (StatusCode::TOO_MANY_REQUESTS, later, text).into_response()
        }
        Err(RotationRefused::Failed(error)) => Refusal::from(error).into_response(),
    }
}
