//! Who has looked at what is recorded of me.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use proto::access::ListWhoLookedRequest;
use proto::events::ActorKind;
use tonic::Status;
use weblogin::SignedIn;

use super::history::{Asked, complexes};
use super::{Frame, page, unavailable};
use crate::app::App;
use crate::backend::{instant, on_behalf};
use crate::lang::Lang;

#[derive(Template)]
#[template(path = "looked.html")]
struct WhoLooked {
    f: Frame,
    complex: String,
    /// All of mine.
    complexes: Vec<String>,
    looks: Vec<Look>,
    next: String,
}

struct Look {
    at: String,
    who: &'static str,
    why: &'static str,
}

/// The list, newest first.
pub(crate) async fn show(
    State(app): State<App>,
    l: Lang,
    SignedIn(session): SignedIn,
    Query(asked): Query<Asked>,
) -> Response {
    let f = Frame::of(&session, l, "/looked");
    let read = async {
        let devices = app.backend.devices(&session).await?;
        let own = complexes(devices.iter().map(|own| own.device_id.as_str()));
        let Some(complex) = asked.complex.or_else(|| own.first().cloned()) else {
            return Ok((own, String::new(), Vec::new(), String::new()));
        };
        let request = ListWhoLookedRequest {
            complex_id: complex.clone(),
            page_token: asked.page.unwrap_or_default(),
            ..ListWhoLookedRequest::default()
        };
        let request = on_behalf(request, &session).await?;
        let answer = app
            .backend
            .residents
            .clone()
            .list_who_looked(request)
            .await?;
        let answer = answer.into_inner();
        let looks = answer.looks.iter().map(|look| {
            let at = instant(look.occurred_at.as_ref());
            Look {
                at: at.map(|at| l.time(at, &app.zone)).unwrap_or_default(),
                who: match look.reader() {
                    ActorKind::Auditor => l.t("Аудитор", "An auditor"),
                    ActorKind::Operator => l.t("Оператор", "An operator"),
                    _ => l.t("Сотрудник", "A member of staff"),
                },
                why: if look.asked_for_me {
                    l.t(
                        "Спрашивали именно ваши записи",
                        "Asked for your records by name",
                    )
                } else {
                    l.t(
                        "Ваши записи показаны среди других",
                        "Saw your records among others",
                    )
                },
            }
        });
        Ok::<_, Status>((own, complex, looks.collect(), answer.next_page_token))
    };
    match read.await {
        Ok((complexes, complex, looks, next)) => {
            let looked = WhoLooked {
                f,
                complex,
                complexes,
                looks,
                next,
            };
            page(StatusCode::OK, &looked)
        }
        Err(refusal) => unavailable(f, &refusal),
    }
}
