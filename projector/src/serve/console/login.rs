//! Who has logged in, and what stands outside of a login.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts as _, Path, Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use weblogin::{SessionError, SignedIn};

use super::Site;
use super::lang::{self, Lang};
use super::page::Page;
use super::visit::html;

/// What a page needs of a login.
pub(super) struct Session {
    /// Good now. It goes to no browser.
    pub(super) access_token: String,
    /// What forms bring back.
    pub(super) csrf: String,
}

impl Session {
    /// The session of a request. Whoever has none is sent to log in, and comes back to the page.
    pub(super) async fn of(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, &site.login).await;
        let SignedIn(session) = signed_in.map_err(|refused| refused.into_response())?;
        match session.access_token().await {
            Ok(access_token) => Ok(Self {
                access_token,
                csrf: session.csrf().to_owned(),
            }),
            Err(SessionError::Ended) => Err(Redirect::to(weblogin::LOGIN).into_response()),
            Err(error @ SessionError::Unavailable) => {
                let text = format!("{error}\n");
                Err((StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response())
            }
        }
    }
}

/// Why a login came to nothing.
#[derive(Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOut {
    page: Page,
    text: &'static str,
}

/// `GET /signed-out`: after a logout, and after a login that came to nothing.
pub(super) async fn signed_out(headers: HeaderMap, Query(ended): Query<Ended>) -> Response {
    let page = Page::outside(Lang::of(&headers));
    let text = match ended.reason.as_str() {
        "" => page.t("You are logged out.", "Вы вышли."),
        "expired" => page.t(
            "This login took too long, or was begun elsewhere. Begin again.",
            "Вход занял слишком много времени или начат не здесь. Начните заново.",
        ),
        "unavailable" => page.t(
            "The place where you log in can't be reached. Try again shortly.",
            "Сервер входа недоступен. Повторите чуть позже.",
        ),
        "full" => page.t(
            "There are too many logins at present. Try again later.",
            "Сейчас слишком много входов. Повторите позже.",
        ),
        _ => page.t(
            "You were not logged in: the provider refused, or its answer is not good.",
            "Вход не состоялся: сервер входа отказал, или его ответ негоден.",
        ),
    };
    html(StatusCode::OK, &SignedOut { page, text })
}

/// Where to go on after a choice.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    back: String,
}

/// `GET /language/{code}`: keeps the choice in a cookie, and goes back.
pub(super) async fn language(
    State(_): State<Arc<Site>>,
    Path(code): Path<String>,
    Query(Back { back }): Query<Back>,
) -> Response {
    let Some(lang) = Lang::parse(&code) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let name = lang::COOKIE_NAME;
    let cookie = format!("{name}={lang}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000");
    let back = if is_ours(&back) { back.as_str() } else { "/" };
    let back = Redirect::to(back);
    (AppendHeaders([(SET_COOKIE, cookie)]), back).into_response()
}

/// Whether it is the path of a page of ours, and leads nowhere else.
fn is_ours(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let ours = path.starts_with("/c/") || path.starts_with(weblogin::SIGNED_OUT);
    ours && path.bytes().all(plain)
}
