//! The end of a login (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::config::Config;
use crate::pages;
use crate::refusal::NO_STORE;
use crate::server::Issuer;

/// The parameters that matter here (section 2).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    id_token_hint: String,
    client_id: String,
    post_logout_redirect_uri: String,
    state: String,
}

/// What an ID token says of its login.
#[derive(Deserialize)]
struct Hint {
    sid: Uuid,
    /// The client that it was issued to.
    aud: String,
}

/// `GET /logout`.
pub(crate) async fn asked(
    State(issuer): State<Arc<Issuer>>,
    asked: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let parameters = asked.map(|Query(parameters)| parameters);
    end_session(&issuer, parameters.unwrap_or_default()).await
}

/// `POST /logout`.
pub(crate) async fn posted(
    State(issuer): State<Arc<Issuer>>,
    posted: Result<Form<Parameters>, FormRejection>,
) -> Response {
    let parameters = posted.map(|Form(parameters)| parameters);
    end_session(&issuer, parameters.unwrap_or_default()).await
}

/// Ends the login that the ID token speaks of. The browser itself is never logged in.
async fn end_session(issuer: &Issuer, parameters: Parameters) -> Response {
    let hint: Option<Hint> = {
        let keys = issuer.keys.lock().await;
        let token = &parameters.id_token_hint;
        keys.id_token_hint(token, issuer.config.issuer(), issuer.now())
    };
    let Some(Hint { sid, aud }) = hint else {
        return nobody(
            "id_token_hint must be an ID token of this issuer, signed with a key that is still \
             published.",
        );
    };
    if !parameters.client_id.is_empty() && parameters.client_id != aud {
        return nobody("client_id names another client than id_token_hint.");
    }
    issuer.grants.lock().await.end(sid);
    match back(&issuer.config, &aud, &parameters) {
        Some(back) => (NO_STORE, Redirect::to(back.as_str())).into_response(),
        None => {
            let text =
                "Refresh tokens of this login work no more; access tokens end by themselves.";
            pages::message(StatusCode::OK, "You are signed out", text)
        }
    }
}

/// Where the browser goes on to: exactly what the client has registered (section 3), with its state.
fn back(config: &Config, client_id: &str, parameters: &Parameters) -> Option<Url> {
    let asked = &parameters.post_logout_redirect_uri;
    let registered = &config.client(client_id)?.post_logout_redirect_uris;
    let mut back = Url::parse(registered.iter().find(|uri| *uri == asked)?).ok()?;
    if !parameters.state.is_empty() {
        back.query_pairs_mut()
            .append_pair("state", &parameters.state);
    }
    Some(back)
}

fn nobody(why: &str) -> Response {
    pages::message(StatusCode::BAD_REQUEST, "Nobody was signed out", why)
}
