//! `PUT` and `DELETE /v1/complexes/{complex}/credentials/{credential}`, `GET …/credentials`.

use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::extract::{InComplex, OfCredential, Paging, StrictJson, bad_cursor};
use crate::credentials::{Credential, CredentialPage, Put};
use crate::ids::DeviceId;
use crate::oauth::{Grant, Scope};
use crate::problem::{Kind, Problem};

pub(super) async fn put(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
    OfCredential(id): OfCredential,
    StrictJson(credential): StrictJson<Credential>,
) -> Result<StatusCode, Problem> {
    grant.require(Scope::CredentialsWrite)?;
    grant.require_complex(&complex)?;
    let knows = |device: &DeviceId| device.is_in(&complex) && api.desk.fleet.find(device).is_some();
    credential
        .check(knows)
        .map_err(|(field, detail)| Problem::field(field, detail))?;
    match api
        .credentials
        .put(complex, id, credential, api.desk.clock.now())
        .await?
    {
        Put::Done => Ok(StatusCode::NO_CONTENT),
        Put::UnknownKeyVersion => Err(Problem::new(
            Kind::UnknownKeyVersion,
            "Put the token key of that version first.",
        )),
    }
}

pub(super) async fn delete(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
    OfCredential(id): OfCredential,
) -> Result<StatusCode, Problem> {
    grant.require(Scope::CredentialsWrite)?;
    grant.require_complex(&complex)?;
    api.credentials.delete(complex, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn list(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
    paging: Paging<500, 1000>,
) -> Result<Json<CredentialPage>, Problem> {
    grant.require(Scope::CredentialsWrite)?;
    grant.require_complex(&complex)?;
    let page = api
        .credentials
        .list(complex, paging.after.as_deref(), paging.limit)
        .await?;
    page.map(Json).ok_or_else(bad_cursor)
}
