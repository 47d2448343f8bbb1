//! What auditors are shown, against what was sent: each event once, the newest status of each device.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, ensure};
use harness::clients::Auditor;
use harness::fixtures::{COMPLEXES, DEVICES};
use harness::process::wait_for;
use proto::access::{AccessKind, AccessRecord, GetDeviceStatusRequest};

use super::book::{Book, EPOCH, Kind, battery};
use super::evidence::Evidence;
use crate::support::{PATIENCE, Scene, audit};

/// Proofs that are verified, about.
const PROOFS: usize = 50;

/// Every access event is one row, whatever its repetitions; what was rejected or forged is none.
pub(crate) async fn everything_once(scene: &Scene, evidence: &Evidence, book: &Book) -> Result<()> {
    let auditor = scene.auditor().await?;
    // The views are behind the log by a little. Each complex's are in its order, so that when the last
    // of it is there, all is.
    let last = last_of_each_complex(evidence);
    let rows = wait_for(
        PATIENCE,
        "the last event of each complex to be shown",
        || async {
            let rows = rows(&auditor).await.ok()?;
            let there = last
                .values()
                .all(|last| rows.iter().any(|row| row.event_id == *last));
            there.then_some(rows)
        },
    )
    .await?;
    let told: HashMap<&str, &str> = evidence
        .heard
        .iter()
        .map(|heard| (heard.event.as_str(), heard.id.as_str()))
        .collect();
    let mut shown: BTreeMap<&str, &AccessRecord> = BTreeMap::new();
    for row in &rows {
        let id = told.get(row.event_id.as_str());
        let id = id.with_context(|| format!("a row of nothing: {row:?}"))?;
        let twice = shown.insert(*id, row);
        ensure!(twice.is_none(), "{row:?} and {twice:?} tell of one event");
        if let Some(sent) = book.sent.get(*id) {
            ensure!(
                sent.kind == Kind::Access && sent.device == row.device_id,
                "{row:?}"
            );
        }
    }
    for sent in book.of(Kind::Access) {
        ensure!(
            shown.contains_key(sent.id.as_str()),
            "{} isn't shown",
            sent.id
        );
    }
    for row in rows.iter().step_by(rows.len() / PROOFS + 1) {
        audit::verify(scene.site(), &audit::get(&auditor, row).await?)?;
    }
    statuses(&auditor, book).await
}

/// Our id of the last event that the log tells of for the first time, of each complex.
fn last_of_each_complex(evidence: &Evidence) -> BTreeMap<&str, &str> {
    let mut first = BTreeMap::new();
    let access = evidence
        .heard
        .iter()
        .filter(|heard| heard.kind == Kind::Access);
    access
        .filter(|heard| first.insert(&heard.id, ()).is_none())
        .map(|heard| {
            let complex = heard.device.split('.').next().unwrap_or_default();
            (complex, heard.event.as_str())
        })
        .collect()
}

/// All events of the partner that are shown.
async fn rows(auditor: &Auditor) -> Result<Vec<AccessRecord>> {
    let mut rows = Vec::new();
    for complex in COMPLEXES {
        rows.extend(audit::search(auditor, complex.id).await?);
    }
    rows.retain(|row| row.kind() == AccessKind::Observed);
    Ok(rows)
}

/// Each device's newest status is the last that was sent.
async fn statuses(auditor: &Auditor, book: &Book) -> Result<()> {
    for device in DEVICES {
        let last = book.sequences(device.id, Kind::Status).pop();
        let last = last.context("a status")?;
        let what = format!("the last status of {}", device.id);
        let status = wait_for(PATIENCE, &what, || async {
            let request = GetDeviceStatusRequest {
                device_id: device.id.to_owned(),
            };
            let request = auditor.request(request).ok()?;
            let status = auditor
                .devices
                .clone()
                .get_device_status(request)
                .await
                .ok()?;
            let status = status.into_inner();
            let place = status.sequence?;
            ((place.epoch, place.sequence) == (EPOCH, last)).then_some(status)
        })
        .await?;
        let told = status.battery_percent;
        ensure!(told == Some(battery(last)) && status.online, "{status:?}");
    }
    Ok(())
}
