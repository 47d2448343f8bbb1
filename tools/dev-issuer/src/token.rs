//! The token endpoint (RFC 6749, section 3.2).

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::grants::{Granted, Presented};
use crate::refusal::{Code, NO_STORE, Refusal};
use crate::scope::Scope;
use crate::server::Issuer;
use crate::tokens::{self, TokenResponse};

/// The request as it came. A parameter given twice isn't read at all (RFC 6749, section 3.2).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    grant_type: String,
    client_id: String,
    client_secret: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
    refresh_token: String,
    scope: String,
}

/// `POST /token`.
pub(crate) async fn exchange(
    State(issuer): State<Arc<Issuer>>,
    headers: HeaderMap,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    let Ok(Form(parameters)) = form else {
        return Refusal::new(
            Code::InvalidRequest,
            "the body must be a form (application/x-www-form-urlencoded) without repetitions",
        )
        .into_response();
    };
    let authenticates =
        headers.contains_key(header::AUTHORIZATION) || !parameters.client_secret.is_empty();
    match answer(&issuer, &parameters, authenticates).await {
        Ok(tokens) => (NO_STORE, Json(tokens)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(
    issuer: &Issuer,
    parameters: &Parameters,
    authenticates: bool,
) -> Result<TokenResponse, Refusal> {
    if authenticates || issuer.config.client(&parameters.client_id).is_none() {
        return Err(Refusal::new(
            Code::InvalidClient,
            "client_id must name a client of this issuer; all are public and have no secret",
        ));
    }
    let scope = narrowed(parameters)?;
    let now = issuer.now();
    let granted = match parameters.grant_type.as_str() {
        "authorization_code" => with_code(issuer, parameters).await?,
        "refresh_token" => with_refresh_token(issuer, parameters, scope.as_ref()).await?,
        "" => return Err(missing("grant_type is missing")),
        _ => {
            return Err(Refusal::new(
                Code::UnsupportedGrantType,
                "grant_type must be authorization_code or refresh_token",
            ));
        }
    };
    let keys = issuer.keys.lock().await;
    tokens::mint(&issuer.config, &keys, granted, scope, now)
}

async fn with_code(issuer: &Issuer, parameters: &Parameters) -> Result<Granted, Refusal> {
    if !is_verifier(&parameters.code_verifier) {
        return Err(missing(
            "code_verifier must be 43 to 128 unreserved characters (RFC 7636, section 4.1)",
        ));
    }
    if parameters.code.is_empty() || parameters.redirect_uri.is_empty() {
        return Err(missing("code and redirect_uri must be given"));
    }
    let presented = Presented {
        code: &parameters.code,
        client_id: &parameters.client_id,
        redirect_uri: &parameters.redirect_uri,
        verifier: &parameters.code_verifier,
    };
    issuer.grants.lock().await.redeem(&presented, issuer.now())
}

async fn with_refresh_token(
    issuer: &Issuer,
    parameters: &Parameters,
    scope: Option<&Scope>,
) -> Result<Granted, Refusal> {
    if parameters.refresh_token.is_empty() {
        return Err(missing("refresh_token is missing"));
    }
    issuer.grants.lock().await.refresh(
        &parameters.refresh_token,
        &parameters.client_id,
        scope,
        issuer.now(),
    )
}

/// Only a refresh may ask for less (RFC 6749, section 6); with a code the parameter has no meaning.
fn narrowed(parameters: &Parameters) -> Result<Option<Scope>, Refusal> {
    if parameters.scope.is_empty() || parameters.grant_type != "refresh_token" {
        return Ok(None);
    }
    let malformed = Refusal::new(Code::InvalidScope, "scope is malformed");
    Scope::parse(&parameters.scope).map(Some).ok_or(malformed)
}

fn missing(description: &'static str) -> Refusal {
    Refusal::new(Code::InvalidRequest, description)
}

fn is_verifier(text: &str) -> bool {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    (43..=128).contains(&text.len()) && text.chars().all(unreserved)
}
