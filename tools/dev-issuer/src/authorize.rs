//! The authorization endpoint (RFC 6749, section 3.1): the login page and what comes of it.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::grants::Login;
use crate::pages;
use crate::refusal::{NO_STORE, Refusal};
use crate::request::{AuthorizationRequest, Parameters, Rejected, Reply};
use crate::server::Issuer;

type Asked = Result<Query<Parameters>, QueryRejection>;

/// `GET /authorize`: shows the login page.
pub(crate) async fn show(State(issuer): State<Arc<Issuer>>, asked: Asked) -> Response {
    match check(&issuer, asked) {
        Ok(request) => pages::login(&request.client.client_id, false),
        Err(reason) => reject(&issuer, reason),
    }
}

/// The filled-in form.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

/// `POST /authorize`: with the right password back to the client with a code.
pub(crate) async fn submit(
    State(issuer): State<Arc<Issuer>>,
    asked: Asked,
    form: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let request = match check(&issuer, asked) {
        Ok(request) => request,
        Err(reason) => return reject(&issuer, reason),
    };
    let Ok(Form(credentials)) = form else {
        return shown("The form lacks a user name or a password.");
    };
    let Credentials { username, password } = credentials;
    let Some(user) = issuer.config.authenticate(&username, &password) else {
        tracing::info!("a login failed: wrong user name or password");
        return pages::login(&request.client.client_id, true);
    };

    let now = issuer.now();
    let AuthorizationRequest {
        client,
        scope,
        nonce,
        binding,
        reply,
    } = request;
    let login = Login {
        client_id: client.client_id.clone(),
        username: user.username.clone(),
        scope,
        auth_time: now,
        nonce,
    };
    match issuer.grants.lock().await.issue_code(login, binding, now) {
        Ok(code) => redirect(&issuer, &reply, &[("code", &code)]),
        Err(refusal) => refuse(&issuer, &reply, refusal),
    }
}

fn check(issuer: &Issuer, asked: Asked) -> Result<AuthorizationRequest<'_>, Rejected> {
    let Query(parameters) = asked
        .map_err(|_| Rejected::Shown("The request can't be read, or has a parameter twice."))?;
    parameters.check(&issuer.config)
}

fn reject(issuer: &Issuer, reason: Rejected) -> Response {
    match reason {
        Rejected::Shown(text) => shown(text),
        Rejected::Redirected(reply, refusal) => refuse(issuer, &reply, refusal),
    }
}

fn shown(text: &str) -> Response {
    pages::message(StatusCode::BAD_REQUEST, "This login can't go on", text)
}

fn refuse(issuer: &Issuer, reply: &Reply, refusal: Refusal) -> Response {
    let parameters = [
        ("error", refusal.code.as_str()),
        ("error_description", refusal.description),
    ];
    redirect(issuer, reply, &parameters)
}

/// 303, so that the browser never posts the password on (RFC 9700, section 4.12).
fn redirect(issuer: &Issuer, reply: &Reply, parameters: &[(&str, &str)]) -> Response {
    let target = reply.with(parameters, issuer.config.issuer());
    (NO_STORE, Redirect::to(target.as_str())).into_response()
}
