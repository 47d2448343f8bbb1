//! One request of somebody who has logged in: who asks, in which language, and the door to the
//! services. Pages read through `AuditService` and `DeviceStatusService` as any auditor's tool does:
//! each call checks the access token again, keeps the perimeter, and is recorded before it is answered.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use domain::ComplexId;
use tonic::{Request, Status};

use super::Site;
use super::lang::Lang;
use super::login::Session;
use super::moment::Zone;
use super::page::{Page, Section};
use super::trouble::Trouble;
use crate::serve::audit::Audit;
use crate::serve::auth::{Auditor, Readable};
use crate::serve::devices::Devices;
use crate::serve::status::{Missing, Refusal};

/// Somebody who has logged in asks for a page.
pub(super) struct Visit {
    pub(super) site: Arc<Site>,
    pub(super) lang: Lang,
    session: Session,
    here: String,
}

impl FromRequestParts<Arc<Site>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        let lang = Lang::of(&parts.headers);
        let here = parts.uri.path_and_query();
        let here = here.map(ToString::to_string).unwrap_or_default();
        let session = Session::of(parts, site).await?;
        Ok(Self {
            site: Arc::clone(site),
            lang,
            session,
            here,
        })
    }
}

impl Visit {
    /// The auditor that the access token names.
    pub(super) async fn auditor(&self) -> Result<Auditor, Refusal> {
        let header = format!("Bearer {}", self.session.access_token);
        let tokens = &self.site.serving.tokens;
        tokens.auditor_of(Some(&header), None, String::new()).await
    }

    /// A complex that may be read about.
    pub(super) async fn readable(&self, complex: &str) -> Result<Readable, Refusal> {
        let missing = Refusal::NotFound(Missing::Complex);
        let complex: ComplexId = complex.parse().map_err(|_| missing)?;
        self.auditor().await?.may_read(complex)
    }

    /// A message with the access token, as `AuditService` takes it.
    pub(super) fn request<T>(&self, message: T) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        let value = format!("Bearer {}", self.session.access_token);
        let value = value.parse().map_err(|_| Status::from(Refusal::Internal))?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }

    /// What this login's forms bring back; no other login has the same.
    pub(super) fn csrf(&self) -> &str {
        &self.session.csrf
    }

    pub(super) fn audit(&self) -> Audit {
        Audit(Arc::clone(&self.site.serving))
    }

    pub(super) fn devices(&self) -> Devices {
        Devices(Arc::clone(&self.site.serving))
    }

    /// The clocks of a complex.
    pub(super) fn zone(&self, complex: &str) -> Zone {
        self.site.zone(complex)
    }

    /// What stands around a page about a complex, for who may read about it.
    pub(super) async fn page(&self, complex: &str, section: Section) -> Result<Page, Refusal> {
        let auditor = self.auditor().await?;
        let parsed: Result<ComplexId, _> = complex.parse();
        let parsed = parsed.map_err(|_| Refusal::NotFound(Missing::Complex))?;
        let complexes = auditor.complexes().map(ToString::to_string).collect();
        let readable = auditor.may_read(parsed)?;
        Ok(Page {
            reader: readable.reader().subject.to_string(),
            complex: complex.to_owned(),
            complexes,
            section,
            zone: self.zone(complex).name,
            ..self.bare()
        })
    }

    /// What stands around a page about no complex.
    pub(super) fn bare(&self) -> Page {
        Page {
            here: self.here.clone(),
            csrf: self.session.csrf.clone(),
            ..Page::outside(self.lang)
        }
    }

    /// A page, or why there is none.
    pub(super) fn answer(&self, page: Result<impl Template, Status>) -> Response {
        match page {
            Ok(page) => html(StatusCode::OK, &page),
            Err(status) => self.refused(&status),
        }
    }

    /// Why there is no answer.
    pub(super) fn refused(&self, status: &Status) -> Response {
        let trouble = Trouble::of(self.bare(), status);
        html(trouble.status, &trouble)
    }
}

/// A page as HTML.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
