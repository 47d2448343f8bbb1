//! `GET /v1/complexes/{complex}/devices`.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;

use super::Api;
use super::extract::InComplex;
use crate::config::Kind as DeviceKind;
use crate::events::{Reading, Status};
use crate::ids::{ComplexId, DeviceId};
use crate::oauth::{Grant, Scope};
use crate::problem::Problem;
use crate::store::StoreError;

#[derive(Serialize)]
pub(crate) struct DeviceStatus {
    device: DeviceId,
    kind: DeviceKind,
    #[serde(flatten)]
    reading: Reading,
    epoch: u64,
    sequence: u64,
}

impl DeviceStatus {
    pub(crate) fn of(device: &crate::config::Device, status: Status) -> Self {
        let Status {
            reading,
            epoch,
            sequence,
        } = status;
        Self {
            device: device.id.clone(),
            kind: device.kind,
            reading,
            epoch,
            sequence,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Snapshot {
    complex: ComplexId,
    at: Timestamp,
    devices: Vec<DeviceStatus>,
}

pub(super) async fn list(
    grant: Grant,
    State(api): State<Api>,
    InComplex(complex): InComplex,
) -> Result<Json<Snapshot>, Problem> {
    grant.require(Scope::DevicesRead)?;
    grant.require_complex(&complex)?;
    let desk = api.desk.clone();
    let snapshot = api.desk.store.run(move |tx| {
        let at = desk.clock.now();
        let devices = desk.fleet.of(&complex).map(|device| {
            let status = desk.book.status(tx, &complex, device, at)?;
            Ok(DeviceStatus::of(device, status))
        });
        let devices = devices.collect::<Result<_, StoreError>>()?;
        Ok(Snapshot {
            complex,
            at,
            devices,
        })
    });
    Ok(Json(snapshot.await?))
}
