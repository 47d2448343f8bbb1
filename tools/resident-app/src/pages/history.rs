//! What is recorded of me, and its proof.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use proto::access::{GetMyReceiptRequest, ListMyHistoryRequest, MyAccess};
use proto::events::{Method, Observation, Outcome, Reason, Verdict};
use serde::Deserialize;
use tonic::Status;
use weblogin::SignedIn;

use super::{Frame, page, unavailable};
use crate::app::App;
use crate::backend::{instant, on_behalf};
use crate::lang::Lang;
use crate::says::why;

/// How many lines a page has.
const LINES: u32 = 25;

/// What is asked for; the complex is the first of mine where none is named.
#[derive(Deserialize)]
pub(crate) struct Asked {
    pub(super) complex: Option<String>,
    pub(super) page: Option<String>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    f: Frame,
    /// Of the history that is shown.
    complex: String,
    /// All of mine.
    complexes: Vec<String>,
    lines: Vec<Line>,
    next: String,
}

struct Line {
    event: String,
    at: String,
    device: String,
    tone: &'static str,
    what: &'static str,
    more: &'static str,
}

/// The history, newest first.
pub(crate) async fn show(
    State(app): State<App>,
    l: Lang,
    SignedIn(session): SignedIn,
    Query(asked): Query<Asked>,
) -> Response {
    let f = Frame::of(&session, l, "/history");
    let read = async {
        let devices = app.backend.devices(&session).await?;
        let complexes = complexes(devices.iter().map(|own| own.device_id.as_str()));
        let complex = asked.complex.or_else(|| complexes.first().cloned());
        let Some(complex) = complex else {
            return Ok((complexes, String::new(), Vec::new(), String::new()));
        };
        let request = ListMyHistoryRequest {
            complex_id: complex.clone(),
            page_size: LINES,
            page_token: asked.page.unwrap_or_default(),
            ..ListMyHistoryRequest::default()
        };
        let request = on_behalf(request, &session).await?;
        let answer = app
            .backend
            .residents
            .clone()
            .list_my_history(request)
            .await?;
        let answer = answer.into_inner();
        let lines = answer.accesses.iter().map(|access| {
            let own = devices.iter().find(|own| own.device_id == access.device_id);
            let device = own.map_or(&access.device_id, |own| &own.name);
            line(&app, l, access, device)
        });
        Ok::<_, Status>((complexes, complex, lines.collect(), answer.next_page_token))
    };
    match read.await {
        Ok((complexes, complex, lines, next)) => {
            let history = History {
                f,
                complex,
                complexes,
                lines,
                next,
            };
            page(StatusCode::OK, &history)
        }
        Err(refusal) => unavailable(f, &refusal),
    }
}

/// Those of these devices, in their order.
pub(super) fn complexes<'a>(devices: impl Iterator<Item = &'a str>) -> Vec<String> {
    let ids = devices.filter_map(|id| Some(id.split_once('.')?.0.to_owned()));
    let mut complexes: Vec<String> = ids.collect();
    complexes.dedup();
    complexes
}

fn line(app: &App, l: Lang, access: &MyAccess, device: &str) -> Line {
    let at = instant(access.occurred_at.as_ref());
    let (tone, what, more) = if access.command_id.is_empty() {
        observed(l, access)
    } else {
        commanded(l, access)
    };
    Line {
        event: access.event_id.clone(),
        at: at.map(|at| l.time(at, &app.zone)).unwrap_or_default(),
        device: device.to_owned(),
        tone,
        what,
        more,
    }
}

fn commanded(l: Lang, access: &MyAccess) -> (&'static str, &'static str, &'static str) {
    let reason = Reason::try_from(access.reason).unwrap_or_default();
    let reason = reason.as_str_name().trim_start_matches("REASON_");
    if access.verdict() == Verdict::Deny {
        return ("refused", l.t("Отказано", "Refused"), why(l, reason));
    }
    match access.outcome() {
        Outcome::Executed => (
            "opened",
            l.t("Открыто из приложения", "Opened from the app"),
            "",
        ),
        Outcome::Rejected | Outcome::NotExecuted => {
            ("refused", l.t("Не открыто", "Not opened"), why(l, reason))
        }
        Outcome::Unknown | Outcome::Unspecified => {
            ("unknown", l.t("Исход неизвестен", "Outcome not known"), "")
        }
    }
}

fn observed(l: Lang, access: &MyAccess) -> (&'static str, &'static str, &'static str) {
    let by = match access.method() {
        Method::Plate => l.t("По номеру машины", "By the car's plate"),
        Method::Face => l.t("По лицу", "By the face"),
        Method::Fob => l.t("Брелоком", "By the fob"),
        Method::Pin => l.t("По коду", "By the code"),
        _ => "",
    };
    match access.observation() {
        Observation::Granted => ("opened", l.t("Открыто", "Opened"), by),
        Observation::Denied => ("refused", l.t("Отказано", "Refused"), by),
        _ => (
            "unknown",
            l.t("Событие устройства", "An event of the device"),
            by,
        ),
    }
}

/// Which receipt.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    complex: String,
    event: String,
}

/// The receipt of one access, as a file.
pub(crate) async fn receipt(
    State(app): State<App>,
    l: Lang,
    SignedIn(session): SignedIn,
    Query(wanted): Query<Wanted>,
) -> Response {
    let name: String = wanted
        .event
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(32)
        .collect();
    let read = async {
        let request = GetMyReceiptRequest {
            complex_id: wanted.complex,
            event_id: wanted.event,
        };
        let request = on_behalf(request, &session).await?;
        app.backend.residents.clone().get_my_receipt(request).await
    };
    match read.await {
        Ok(answer) => {
            let file = format!("attachment; filename=\"receipt-{name}.txt\"");
            let headers = [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, file),
            ];
            (headers, answer.into_inner().receipt).into_response()
        }
        Err(refusal) => {
            let f = Frame::of(&session, l, "/history");
            unavailable(f, &refusal)
        }
    }
}
