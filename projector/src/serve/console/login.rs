//! Who has logged in.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::request::Parts;
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Site;
use super::lang::{self, Lang};

/// SEAM: to be replaced by weblogin.
pub(super) struct Session {
    token: String,
}

impl Session {
    pub(super) async fn of(parts: &mut Parts, _site: &Arc<Site>) -> Result<Self, Response> {
        let header = parts.headers.get(AUTHORIZATION);
        let token = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let token = token.map(ToOwned::to_owned);
        let token = token.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
        Ok(Self { token })
    }

    pub(super) fn access_token(&self) -> &str {
        &self.token
    }

    pub(super) fn name(&self) -> &str {
        "auditor"
    }

    pub(super) fn csrf(&self) -> &str {
        "x"
    }

    pub(super) fn expired(&self) -> Response {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

pub(super) fn routes() -> Router<Arc<Site>> {
    Router::new()
}

/// Where to go on after a choice.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

/// `GET /language/{code}`: keeps the choice in a cookie, and goes back.
pub(super) async fn language(Path(code): Path<String>, Query(Back { back }): Query<Back>) -> Response {
    let Some(lang) = Lang::parse(&code) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let name = lang::COOKIE_NAME;
    let cookie = format!("{name}={lang}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000");
    let back = if is_ours(&back) { back.as_str() } else { "/" };
    (AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(back)).into_response()
}

/// Whether it is the path of a page of ours, and leads nowhere else.
fn is_ours(path: &str) -> bool {
    path.starts_with("/c/") && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}
