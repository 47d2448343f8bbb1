//! `GET /v1/security/attestation`.

use axum::Json;
use axum::extract::State;

use super::Api;
use crate::attestation::{Attestation, AttestationFault};
use crate::oauth::{Grant, Scope};
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

pub(super) async fn get(
    grant: Grant,
    State(api): State<Api>,
) -> Result<Json<Attestation>, Problem> {
    grant.require(Scope::AttestationRead)?;
    if api.attestor.fault() == Some(AttestationFault::Missing) {
        return Err(Problem::new(Kind::NotFound, "It was told to have none."));
    }
    let rotated_at = api.desk.store.run(|tx| Ok(tx.key_rotated_at())).await?;
    let made = api
        .attestor
        .attest(&api.wrapping, rotated_at, api.desk.clock.now());
    Ok(Json(made.map_err(StoreError::from)?))
}
