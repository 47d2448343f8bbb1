//! How devices fail, and a list of all.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Control;
use crate::api::StrictJson;
use crate::api::devices::DeviceStatus;
use crate::api::extract::OfDevice;
use crate::devices::{Armed, Failure, Mode, SlowStage};
use crate::events::Withheld;
use crate::ids::ComplexId;
use crate::problem::Problem;
use crate::store::StoreError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureBody {
    mode: Mode,
    times: Option<u32>,
    ms: Option<u64>,
    stage: Option<SlowStage>,
    code: Option<String>,
}

pub(super) async fn fail(
    State(control): State<Control>,
    OfDevice(device): OfDevice,
    StrictJson(body): StrictJson<FailureBody>,
) -> Result<StatusCode, Problem> {
    control.device(&device)?;
    let FailureBody {
        mode,
        times,
        ms,
        stage,
        code,
    } = body;
    let failure = Failure {
        mode,
        ms,
        stage,
        code,
    };
    failure
        .check()
        .map_err(|(field, detail)| Problem::field(field, detail))?;
    if times == Some(0) {
        return Err(Problem::field("/times", "from 1 on"));
    }
    control.desk.fleet.arm(device, Armed { failure, times });
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn mend(
    State(control): State<Control>,
    OfDevice(device): OfDevice,
) -> Result<StatusCode, Problem> {
    control.device(&device)?;
    control.desk.fleet.disarm(&device);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WithholdBody {
    how: Withheld,
    times: u32,
}

pub(super) async fn withhold(
    State(control): State<Control>,
    OfDevice(device): OfDevice,
    StrictJson(body): StrictJson<WithholdBody>,
) -> Result<StatusCode, Problem> {
    control.device(&device)?;
    let WithholdBody { how, times } = body;
    control.desk.book.withheld.set(device, how, times);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
pub(super) struct Shown {
    complex: ComplexId,
    failure: Option<Armed>,
    status: DeviceStatus,
}

#[derive(Serialize)]
pub(super) struct Devices {
    devices: Vec<Shown>,
}

pub(super) async fn list(State(control): State<Control>) -> Result<Json<Devices>, Problem> {
    let desk = control.desk.clone();
    let listed = control.desk.store.run(move |tx| {
        let now = desk.clock.now();
        let devices = desk.fleet.all().map(|(complex, device)| {
            let status = desk.book.status(tx, complex, device, now)?;
            Ok(Shown {
                complex: complex.clone(),
                failure: desk.fleet.armed(&device.id),
                status: DeviceStatus::of(device, status),
            })
        });
        devices.collect::<Result<Vec<_>, StoreError>>()
    });
    Ok(Json(Devices {
        devices: listed.await?,
    }))
}
