//! My doors: one button each.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use weblogin::{Posted, SignedIn};

use super::{Frame, page, unavailable, wants_fragment};
use crate::app::App;
use crate::door::Door;
use crate::lang::Lang;
use crate::step_up;

const OPEN: &str = "/open";

#[derive(Template)]
#[template(path = "doors.html")]
struct Doors {
    f: Frame,
    doors: Vec<Door>,
    /// Only the door that was pressed, in a browser without script.
    pressed: bool,
}

/// The door that somebody comes back to ([`step_up::DOOR`]).
#[derive(Deserialize)]
pub(crate) struct Back {
    door: Option<String>,
}

/// All of them.
pub(crate) async fn show(
    State(app): State<App>,
    l: Lang,
    SignedIn(session): SignedIn,
    Query(back): Query<Back>,
) -> Response {
    let csrf = session.csrf();
    let f = Frame {
        l,
        path: "/",
        csrf: Some(csrf.to_owned()),
    };
    match app.backend.devices(&session).await {
        Ok(devices) => {
            let doors = devices.iter().map(|own| {
                let named = (own.device_id.as_str(), own.name.as_str(), own.kind);
                let door = Door::new(l, OPEN, Some(csrf), named, &own.operations);
                let awaited = back.door.as_deref() == Some(own.device_id.as_str());
                // Whoever has not logged in as it asks for is told so by the next press.
                match awaited && own.required_login.is_none() {
                    true => door.awaited(),
                    false => door,
                }
            });
            let doors = Doors {
                f,
                doors: doors.collect(),
                pressed: false,
            };
            page(StatusCode::OK, &doors)
        }
        Err(refusal) => unavailable(f, &refusal),
    }
}

/// A press.
pub(crate) async fn open(
    State(app): State<App>,
    l: Lang,
    headers: HeaderMap,
    posted: Posted,
) -> Response {
    let csrf = posted.session.csrf();
    let Ok((door, press)) = Door::pressed(l, OPEN, Some(csrf), &posted.fields) else {
        return super::nothing(l).await;
    };
    let answer = app.backend.open(&posted.session, press).await;
    let refusal = answer.as_ref().err();
    let login = refusal.and_then(|refusal| step_up::login(refusal, &door.device));
    let mut door = door.after(answer);
    if wants_fragment(&headers) {
        // The page's script goes there.
        door.login = login;
        return page(StatusCode::OK, &door);
    }
    if let Some(login) = login {
        return Redirect::to(&login).into_response();
    }
    let f = Frame {
        l,
        path: "/",
        csrf: Some(csrf.to_owned()),
    };
    let doors = Doors {
        f,
        doors: vec![door],
        pressed: true,
    };
    page(StatusCode::OK, &doors)
}
