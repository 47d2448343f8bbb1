//! The pages.

pub(crate) mod doors;
pub(crate) mod guests;
pub(crate) mod history;
pub(crate) mod looked;
pub(crate) mod pass;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use tonic::{Code, Status};

use weblogin::Session;

use crate::lang::Lang;

/// What every page has around it.
pub(crate) struct Frame {
    l: Lang,
    /// Its address, for the language switch and the navigation.
    path: &'static str,
    /// Of the session; none where nobody is logged in.
    csrf: Option<String>,
}

impl Frame {
    /// Around a page of somebody who is logged in.
    fn of(session: &Session, l: Lang, path: &'static str) -> Self {
        let csrf = Some(session.csrf().to_owned());
        Self { l, path, csrf }
    }
}

/// A page with a sentence.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    f: Frame,
    title: &'static str,
    text: &'static str,
    log_in: bool,
}

/// A page, or the fault of a template that can't be filled.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the page's script asks, which wants the door alone.
fn wants_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key("x-fragment")
}

/// When the service can't say what a page is for.
fn unavailable(f: Frame, refusal: &Status) -> Response {
    let l = f.l;
    if refusal.code() == Code::Unauthenticated {
        return page(
            StatusCode::UNAUTHORIZED,
            &Message {
                f,
                title: l.t("Вход закончился", "Your login has ended"),
                text: l.t("Войдите снова.", "Log in again."),
                log_in: true,
            },
        );
    }
    tracing::warn!(code = ?refusal.code(), "the service gave no answer for a page");
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        &Message {
            f,
            title: l.t("Сейчас не получается", "It does not work now"),
            text: l.t(
                "Загрузите страницу снова через минуту. Двери открываются ключом, как всегда.",
                "Load the page again in a minute. Keys open the doors, as ever.",
            ),
            log_in: false,
        },
    )
}

/// Why a login came to nothing.
#[derive(Deserialize)]
pub(crate) struct Ended {
    reason: Option<String>,
}

/// After a logout, and after a login that came to nothing.
pub(crate) async fn signed_out(l: Lang, Query(ended): Query<Ended>) -> Response {
    let (title, text) = match ended.reason.as_deref() {
        None => (
            l.t("Вы вышли", "You are logged out"),
            l.t("До встречи.", "See you."),
        ),
        Some("unavailable") => (
            l.t("Войти сейчас не получается", "Logging in does not work now"),
            l.t(
                "Сервер входа не отвечает. Попробуйте через минуту.",
                "The login server does not answer. Try again in a minute.",
            ),
        ),
        Some("full") => (
            l.t(
                "Сейчас слишком много людей",
                "There are too many people now",
            ),
            l.t(
                "Попробуйте через несколько минут.",
                "Try again in a few minutes.",
            ),
        ),
        Some("weak") => (
            l.t("Этого входа мало", "This login is not enough"),
            l.t(
                "Сервер входа не подтвердил вас так, как требует дверь. Воспользуйтесь ключом.",
                "The login server did not make as sure of you as the door asks for. Use your key.",
            ),
        ),
        Some("expired") => (
            l.t("Этот вход устарел", "This login is too old"),
            l.t("Начните вход заново.", "Begin it anew."),
        ),
        Some(_) => (
            l.t("Войти не получилось", "The login did not work"),
            l.t("Начните вход заново.", "Begin it anew."),
        ),
    };
    let f = Frame {
        l,
        path: "/signed-out",
        csrf: None,
    };
    page(
        StatusCode::OK,
        &Message {
            f,
            title,
            text,
            log_in: true,
        },
    )
}

/// Whatever else is asked for.
pub(crate) async fn nothing(l: Lang) -> Response {
    let f = Frame {
        l,
        path: "/",
        csrf: None,
    };
    page(
        StatusCode::NOT_FOUND,
        &Message {
            f,
            title: l.t("Такой страницы нет", "There is no such page"),
            text: l.t("Проверьте адрес.", "Look at the address."),
            log_in: false,
        },
    )
}

/// Where to go on in another language.
#[derive(Deserialize)]
pub(crate) struct Back {
    to: Option<String>,
}

/// Keeps the choice for a year.
pub(crate) async fn language(Path(code): Path<String>, Query(back): Query<Back>) -> Response {
    const OURS: [&str; 6] = [
        "/",
        "/guests",
        "/history",
        "/looked",
        "/pass",
        "/signed-out",
    ];
    let to = OURS.iter().find(|own| back.to.as_deref() == Some(**own));
    let to = Redirect::to(to.copied().unwrap_or("/"));
    match Lang::of(&code) {
        Some(lang) => {
            let code = lang.code();
            let cookie =
                format!("lang={code}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
            ([(header::SET_COOKIE, cookie)], to).into_response()
        }
        None => to.into_response(),
    }
}
