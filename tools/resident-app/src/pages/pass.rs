//! What a guest sees behind a link. The secret is in the link's fragment, which only the page's script
//! sends on, in the body of a form; there is no session.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use proto::access::{GetPassRequest, GetPassResponse};
use tonic::Status;
use weblogin::Fields;

use super::{Frame, page};
use crate::app::App;
use crate::backend::{instant, reason};
use crate::door::Door;
use crate::lang::Lang;
use crate::says::why;

const OPEN: &str = "/pass/open";

#[derive(Template)]
#[template(path = "pass.html")]
struct Pass {
    f: Frame,
}

#[derive(Template)]
#[template(path = "pass_doors.html")]
struct PassDoors {
    l: Lang,
    complex: String,
    until: Option<String>,
    left: Option<u32>,
    doors: Vec<Door>,
    problem: Option<&'static str>,
}

/// The page, which is the same for everybody.
pub(crate) async fn show(l: Lang) -> Response {
    let f = Frame {
        l,
        path: "/pass",
        csrf: None,
    };
    page(StatusCode::OK, &Pass { f })
}

/// What the pass is for.
pub(crate) async fn doors(State(app): State<App>, l: Lang, body: Bytes) -> Response {
    let read = match secret(&Fields::parse(&body)) {
        None => Err(Status::invalid_argument("")),
        Some((complex_id, pass_secret)) => {
            let request = GetPassRequest {
                pass_secret,
                complex_id,
            };
            let answer = app.backend.guests.clone().get_pass(request).await;
            answer.map(tonic::Response::into_inner)
        }
    };
    let shown = match read {
        Ok(pass) => shown(&app, l, &pass),
        Err(refusal) => {
            let reason = match reason(&refusal) {
                unclear if unclear == "INVALID_FIELD" || refusal.message().is_empty() => {
                    "PASS_UNKNOWN".to_owned()
                }
                reason => reason,
            };
            PassDoors {
                l,
                complex: String::new(),
                until: None,
                left: None,
                doors: Vec::new(),
                problem: Some(why(l, &reason)),
            }
        }
    };
    page(StatusCode::OK, &shown)
}

fn shown(app: &App, l: Lang, pass: &GetPassResponse) -> PassDoors {
    let doors = pass.devices.iter().map(|device| {
        let named = (device.device_id.as_str(), device.name.as_str(), device.kind);
        Door::new(l, OPEN, None, named, &device.operations)
    });
    let window = pass.window.as_ref();
    let until = instant(window.and_then(|window| window.not_after.as_ref()));
    // In the complex's own time, which is the guest's when they stand there.
    let zone = jiff::tz::TimeZone::get(&pass.time_zone).unwrap_or(app.zone.clone());
    let over = l.t("Этот пропуск закончился.", "This pass is over.");
    PassDoors {
        l,
        complex: pass.complex_name.clone(),
        until: until.map(|until| l.time(until, &zone)),
        left: pass.uses_left,
        doors: doors.filter(|_| pass.active).collect(),
        problem: (!pass.active).then_some(over),
    }
}

/// A guest's press.
pub(crate) async fn open(State(app): State<App>, l: Lang, body: Bytes) -> Response {
    let fields = Fields::parse(&body);
    let pressed = Door::pressed(l, OPEN, None, &fields);
    let (Ok((door, press)), Some((_, secret))) = (pressed, secret(&fields)) else {
        return super::nothing(l).await;
    };
    let door = door.after(app.backend.open_with_pass(&secret, press).await);
    page(StatusCode::OK, &door)
}

/// `<complex>.<secret>`.
fn secret(fields: &Fields) -> Option<(String, String)> {
    let (complex, secret) = fields.one("secret")?.split_once('.')?;
    Some((complex.to_owned(), secret.to_owned()))
}
