//! What happens at a device: a car, a face, a fob, a fault.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Control;
use crate::api::StrictJson;
use crate::api::extract::OfDevice;
use crate::config::Device;
use crate::credentials::{self, Face, Match, Plate, Shown};
use crate::events::{Access, DoorAlarm, Happening, Method, StatusChange};
use crate::ids::{ComplexId, CredentialId, DeviceId, OpeningId};
use crate::journal::Opening;
use crate::problem::{Kind, Problem};

impl Control {
    pub(super) fn device(&self, id: &DeviceId) -> Result<(ComplexId, Device), Problem> {
        let found = self
            .desk
            .fleet
            .find(id)
            .map(|(complex, device)| (complex.clone(), device.clone()));
        found.ok_or_else(|| Problem::new(Kind::UnknownDevice, "Configure it, or name another."))
    }

    /// Records an event and rings the outbox.
    async fn record(&self, device: &DeviceId, happening: Happening) -> Result<Uuid, Problem> {
        let (complex, device) = self.device(device)?;
        let (book, now) = (self.desk.book.clone(), self.desk.clock.now());
        let recorded = self
            .desk
            .store
            .run(move |tx| book.append(tx, &complex, &device, &happening, now));
        let id = recorded.await?;
        self.desk.outbox_bell.notify_one();
        Ok(id)
    }

    /// A camera sees something: it opens if a credential matches.
    async fn recognise<S: Shown + Send + 'static>(
        &self,
        id: &DeviceId,
        method: Method,
        shown: S,
    ) -> Result<Json<Passed>, Problem> {
        let (complex, device) = self.device(id)?;
        let now = self.desk.clock.now();
        let found = self
            .desk
            .store
            .run(move |tx| credentials::find(tx, &complex, &device.id, &shown, now));
        let matched = found.await?;
        self.pass(id, method, matched.is_some(), matched).await
    }

    /// An access at the device itself: journalled before it opens, then told.
    async fn pass(
        &self,
        id: &DeviceId,
        method: Method,
        granted: bool,
        matched: Option<Match>,
    ) -> Result<Json<Passed>, Problem> {
        let (complex, device) = self.device(id)?;
        let occurred_at = self.desk.clock.now();
        if granted {
            let line = Opening {
                at: occurred_at,
                complex,
                device: id.clone(),
                command_id: None,
                method,
                opening_id: OpeningId::from(Uuid::now_v7()),
            };
            let journalled = self.desk.journal.append(&line).await;
            journalled.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
            tokio::time::sleep(device.actuation).await;
        }
        let credential_id = matched.map(|Match(credential)| credential);
        let access = Access {
            method,
            credential_id,
            command_id: None,
            occurred_at,
        };
        let happening = if granted {
            Happening::Granted(access)
        } else {
            Happening::Denied(access)
        };
        let event_id = self.record(id, happening).await?;
        Ok(Json(Passed {
            opened: granted,
            event_id,
            credential_id,
        }))
    }
}

#[derive(Serialize)]
pub(super) struct Passed {
    opened: bool,
    event_id: Uuid,
    credential_id: Option<CredentialId>,
}

#[derive(Serialize)]
pub(super) struct Told {
    event_id: Uuid,
}

pub(super) async fn status(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
    StrictJson(change): StrictJson<StatusChange>,
) -> Result<Json<Told>, Problem> {
    let (complex, device) = control.device(&id)?;
    if !change.is_valid() {
        return Err(Problem::field(
            "",
            "battery_percent up to 100, firmware of 1 to 64 bytes",
        ));
    }
    let (book, now) = (control.desk.book.clone(), control.desk.clock.now());
    let changed = control
        .desk
        .store
        .run(move |tx| book.change(tx, &complex, &device, change, now));
    let event_id = changed.await?;
    control.desk.outbox_bell.notify_one();
    Ok(Json(Told { event_id }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlateBody {
    plate: Zeroizing<String>,
}

/// A car before the camera. The plate ends here: neither event, journal nor log has it.
pub(super) async fn plate(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
    StrictJson(body): StrictJson<PlateBody>,
) -> Result<Json<Passed>, Problem> {
    control
        .recognise(&id, Method::Plate, Plate::normalise(&body.plate))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaceBody {
    reference: Zeroizing<String>,
}

/// A face before the camera, by the reference that it was enrolled under, which ends here.
pub(super) async fn face(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
    StrictJson(body): StrictJson<FaceBody>,
) -> Result<Json<Passed>, Problem> {
    control
        .recognise(&id, Method::Face, Face(body.reference))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FobBody {
    granted: Option<bool>,
}

pub(super) async fn fob(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
    StrictJson(body): StrictJson<FobBody>,
) -> Result<Json<Passed>, Problem> {
    control
        .pass(&id, Method::Fob, body.granted.unwrap_or(true), None)
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessBody {
    method: Method,
    granted: Option<bool>,
}

pub(super) async fn access(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
    StrictJson(body): StrictJson<AccessBody>,
) -> Result<Json<Passed>, Problem> {
    if matches!(body.method, Method::Remote | Method::Plate) {
        return Err(Problem::field(
            "/method",
            "any but remote and plate, which have calls of their own",
        ));
    }
    control
        .pass(&id, body.method, body.granted.unwrap_or(true), None)
        .await
}

pub(super) async fn forced(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
) -> Result<Json<Told>, Problem> {
    let alarm = DoorAlarm {
        occurred_at: control.desk.clock.now(),
    };
    let event_id = control.record(&id, Happening::ForcedOpen(alarm)).await?;
    Ok(Json(Told { event_id }))
}

pub(super) async fn held(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
) -> Result<Json<Told>, Problem> {
    let alarm = DoorAlarm {
        occurred_at: control.desk.clock.now(),
    };
    let event_id = control.record(&id, Happening::HeldOpen(alarm)).await?;
    Ok(Json(Told { event_id }))
}

#[derive(Serialize)]
pub(super) struct NewEpoch {
    epoch: u64,
}

pub(super) async fn lose_counter(
    State(control): State<Control>,
    OfDevice(id): OfDevice,
) -> Result<Json<NewEpoch>, Problem> {
    let (complex, device) = control.device(&id)?;
    let (book, now): (_, Timestamp) = (control.desk.book.clone(), control.desk.clock.now());
    let lost = control
        .desk
        .store
        .run(move |tx| book.lose_counter(tx, &complex, &device, now));
    Ok(Json(NewEpoch { epoch: lost.await? }))
}
