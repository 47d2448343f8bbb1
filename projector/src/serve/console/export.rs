//! Taking records away: the archive of `AuditService.Export`, as a download.

use std::io;

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequest as _, Path, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use proto::access::audit_service_server::AuditService as _;
use proto::access::export_response::Part;
use proto::access::{ExportRequest, ExportResponse, LogKind};
use records::timestamp_to_wire;
use tonic::Status;
use weblogin::{Fields, Posted};

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
}

/// `GET /c/{complex}/export`.
pub(super) async fn show(visit: Visit, Path(complex): Path<String>) -> Response {
    let page = visit.page(&complex, Section::Export).await;
    let form = page.map(|page| Form {
        global: page.complexes.iter().any(|one| one == GLOBAL),
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
    match archive(&visit, &complex, &posted.fields).await {
        Ok(response) => response,
        Err(status) => visit.refused(&status),
    }
}

async fn archive(visit: &Visit, complex: &str, fields: &Fields) -> Result<Response, Status> {
    // Says first whether there is such a complex for this auditor.
    visit.readable(complex).await?;
    let asked = asked(complex, &visit.zone(complex), fields)?;
    let export = visit.audit().export(visit.request(asked)?).await?;
    let mut sent = export.into_inner();
    // What refuses it is a page; behind the first bytes it can only be cut off.
    let first = sent.next().await.ok_or(Refusal::Internal)??;
    let name = format!("attachment; filename=\"audit-{complex}.tar\"");
    let headers = [
        (CONTENT_TYPE, "application/x-tar".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(bytes(first, sent))).into_response())
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

/// The archive's bytes. A stream that ends without its end is an error, so that the browser says that the
/// download has failed.
fn bytes(
    first: ExportResponse,
    sent: Watching<ExportResponse>,
) -> impl futures::Stream<Item = io::Result<Bytes>> {
    let all = stream::once(async { Ok(first) }).chain(sent);
    stream::unfold(Some(Box::pin(all)), async |all| {
        let mut all = all?;
        let cut = |why: String| Some((Err(io::Error::other(why)), None));
        match all.next().await {
            Some(Ok(ExportResponse {
                part: Some(Part::Chunk(chunk)),
            })) => Some((Ok(chunk.into()), Some(all))),
            Some(Ok(ExportResponse {
                part: Some(Part::End(_)),
            })) => None,
            Some(Err(status)) => cut(status.message().to_owned()),
            _ => cut("the archive was cut off".to_owned()),
        }
    })
}
