//! Taking records away: the archive of `AuditService.Export`, as a download. How far it is, a page asks
//! besides.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequest as _, Path, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use proto::access::audit_service_server::AuditService as _;
use proto::access::export_response::Part;
use proto::access::{ExportRequest, ExportResponse, LogKind};
use records::timestamp_to_wire;
use tonic::Status;
use uuid::Uuid;
use weblogin::{Fields, Posted};

use super::exports::{Ended, Watched};
use super::moment::Zone;
use super::page::{Page, Section};
use super::visit::Visit;
use crate::serve::status::Refusal;
use crate::serve::watch::Watching;

/// Where the registry of partners stands, which decisions also rest on.
const GLOBAL: &str = "global";

#[derive(Template)]
#[template(path = "export.html")]
struct Form {
    page: Page,
    /// The auditor may read `global` too.
    global: bool,
    /// What the export will be asked after by.
    id: Uuid,
}

/// `GET /c/{complex}/export`.
pub(super) async fn show(visit: Visit, Path(complex): Path<String>) -> Response {
    let page = visit.page(&complex, Section::Export).await;
    let form = page.map(|page| Form {
        global: page.complexes.iter().any(|one| one == GLOBAL),
        id: Uuid::new_v4(),
        page,
    });
    visit.answer(form.map_err(Status::from))
}

/// `POST /c/{complex}/export`: the archive, from a form of this login alone.
pub(super) async fn take(visit: Visit, Path(complex): Path<String>, request: Request) -> Response {
    let posted = match Posted::from_request(request, &visit.site.login).await {
        Ok(posted) => posted,
        Err(forbidden) => return forbidden.into_response(),
    };
    let watched = Arc::new(Watched::default());
    if let Some(id) = posted.fields.one("id") {
        visit.site.exports.add(visit.csrf(), id, &watched);
    }
    match archive(&visit, &complex, &posted.fields, &watched).await {
        Ok(response) => response,
        Err(status) => {
            let response = visit.refused(&status);
            watched.end(Ended::Failed(status));
            response
        }
    }
}

async fn archive(
    visit: &Visit,
    complex: &str,
    fields: &Fields,
    watched: &Arc<Watched>,
) -> Result<Response, Status> {
    // Says first whether there is such a complex for this auditor.
    visit.readable(complex).await?;
    let asked = asked(complex, &visit.zone(complex), fields)?;
    let mut request = visit.request(asked)?;
    request
        .extensions_mut()
        .insert(Arc::clone(&watched.progress));
    let export = visit.audit().export(request).await?;
    let mut sent = export.into_inner();
    // What refuses it is a page; behind the first bytes it can only be cut off.
    let Some(Part::Chunk(first)) = sent.next().await.ok_or(Refusal::Internal)??.part else {
        return Err(Refusal::Internal.into());
    };
    let name = format!("attachment; filename=\"audit-{complex}.tar\"");
    let headers = [
        (CONTENT_TYPE, "application/x-tar".to_owned()),
        (CONTENT_DISPOSITION, name),
        // A browser shows how far it is, and takes nothing shorter for whole.
        (
            CONTENT_LENGTH,
            watched.progress.size.load(Relaxed).to_string(),
        ),
    ];
    let body = Body::from_stream(bytes(first, sent, Arc::clone(watched)));
    Ok((headers, body).into_response())
}

fn asked(complex: &str, zone: &Zone, fields: &Fields) -> Result<ExportRequest, Refusal> {
    let wrong = |name: &str| {
        let text = "not a time";
        Refusal::Fields(vec![tonic_types::FieldViolation::new(name, text)])
    };
    let time = |name: &str| match fields.one(name) {
        None | Some("") => Ok(None),
        Some(text) => zone.parse(text).map(Some).ok_or_else(|| wrong(name)),
    };
    let mut logs = vec![LogKind::Access, LogKind::Registry];
    if fields.one("reads").is_some() {
        logs.push(LogKind::Reads);
    }
    let mut complexes = vec![complex.to_owned()];
    if fields.one(GLOBAL).is_some() {
        complexes.push(GLOBAL.to_owned());
    }
    Ok(ExportRequest {
        complex_ids: complexes,
        from: time("from")?.map(timestamp_to_wire),
        until: time("until")?.map(timestamp_to_wire),
        logs: logs.into_iter().map(Into::into).collect(),
    })
}

/// The archive's bytes. Each part waits for the next one, so that the last goes out only when the archive has
/// come to its end; else the stream fails, and the browser says that the download has.
fn bytes(
    first: Vec<u8>,
    sent: Watching<ExportResponse>,
    watched: Arc<Watched>,
) -> impl futures::Stream<Item = io::Result<Bytes>> {
    // Whoever listens no more leaves it behind here.
    let leaving = Leaving(watched);
    stream::unfold(Some((first, sent, leaving)), async |state| {
        let (ready, mut sent, leaving) = state?;
        let status = match sent.next().await {
            Some(Ok(ExportResponse {
                part: Some(Part::Chunk(next)),
            })) => return Some((Ok(ready.into()), Some((next, sent, leaving)))),
            Some(Ok(ExportResponse {
                part: Some(Part::End(end)),
            })) => {
                leaving.0.end(Ended::Whole(end));
                return Some((Ok(ready.into()), None));
            }
            Some(Err(status)) => status,
            _ => Refusal::Internal.into(),
        };
        let why = io::Error::other(status.message().to_owned());
        leaving.0.end(Ended::Failed(status));
        Some((Err(why), None))
    })
}

/// Says that a download was given up, unless it had ended.
struct Leaving(Arc<Watched>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.end(Ended::GivenUp);
    }
}
