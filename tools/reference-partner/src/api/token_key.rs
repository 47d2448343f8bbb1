//! `PUT /v1/complexes/{complex}/token-key`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Api;
use super::extract::{InComplex, StrictJson};
use crate::oauth::{Grant, Scope};
use crate::problem::{Kind, Problem};
use crate::token_key::{PutKey, WrappedTokenKey};

#[derive(Serialize)]
pub(super) struct Versions {
    key_versions: Vec<u32>,
}

pub(super) async fn put(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
    StrictJson(wrapped): StrictJson<WrappedTokenKey>,
) -> Result<Json<Versions>, Problem> {
    grant.require(Scope::CredentialsWrite)?;
    grant.require_complex(&complex)?;
    if !wrapped.is_valid() {
        return Err(Problem::field("/key_version", "from 1 on"));
    }
    let pair = api.wrapping.clone();
    let put = api
        .desk
        .store
        .run(move |tx| wrapped.put(tx, &complex, &pair));
    match put.await? {
        PutKey::Held(key_versions) => Ok(Json(Versions { key_versions })),
        PutKey::Conflict => Err(Problem::new(
            Kind::KeyVersionConflict,
            "Use the next version for a new key.",
        )),
        PutKey::NotUnwrapped => Err(Problem::new(
            Kind::UnwrapFailed,
            "Wrap 32 bytes to the wrapping key of the current attestation, for this complex and version.",
        )),
    }
}
