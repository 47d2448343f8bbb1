//! My doors: one button each.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use weblogin::{Posted, SignedIn};

use super::{Frame, page, unavailable, wants_fragment};
use crate::app::App;
use crate::door::Door;
use crate::lang::Lang;

const OPEN: &str = "/open";

#[derive(Template)]
#[template(path = "doors.html")]
struct Doors {
    f: Frame,
    doors: Vec<Door>,
    /// Only the door that was pressed, in a browser without script.
    pressed: bool,
}

/// All of them.
pub(crate) async fn show(State(app): State<App>, l: Lang, SignedIn(session): SignedIn) -> Response {
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
                Door::new(l, OPEN, Some(csrf), named, &own.operations)
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
    let door = door.after(app.backend.open(&posted.session, press).await);
    if wants_fragment(&headers) {
        return page(StatusCode::OK, &door);
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
