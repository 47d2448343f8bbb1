//! What auditors are shown, against the log: everything, once, with proof.

use std::collections::HashMap;

use anyhow::Result;
use proto::access::{AccessKind, AccessRecord};

use super::evidence::Evidence;
use super::load::Told;
use crate::support::{Scene, audit};

/// Proofs that are verified, about.
const PROOFS: usize = 200;

/// Every command and every event of the partner is one row, with the log's outcome.
pub(super) async fn everything_once(scene: &Scene, evidence: &Evidence, told: &Told) -> Result<()> {
    let auditor = scene.auditor().await?;
    let mut rows: Vec<AccessRecord> = Vec::new();
    for complex in ["sunrise", "moonlight", "riverside", "unassigned"] {
        rows.extend(audit::search(&auditor, complex).await?);
    }
    let mut commands: HashMap<&str, Vec<&AccessRecord>> = HashMap::new();
    let mut events: HashMap<&str, usize> = HashMap::new();
    for row in &rows {
        match row.kind() {
            AccessKind::Command if row.void => {}
            AccessKind::Command => commands.entry(&row.command_id).or_default().push(row),
            AccessKind::Observed => *events.entry(&row.event_id).or_default() += 1,
            other => panic!("{other:?}: {row:?}"),
        }
    }
    assert_eq!(commands.len(), evidence.ids.len());
    for id in &evidence.ids {
        let shown = &commands[id.to_string().as_str()];
        let outcome = evidence.outcome(*id).map_or(0, |outcome| outcome.number());
        assert_eq!(shown.len(), 1, "{id}");
        assert_eq!(shown[0].outcome, outcome, "{id}");
    }

    // Several records may tell of one event of the partner: it is shown once.
    let mut deliveries: HashMap<&str, Vec<String>> = HashMap::new();
    for (event, observed) in &evidence.observed {
        let partner_event = observed.partner_event_id.as_str();
        deliveries
            .entry(partner_event)
            .or_default()
            .push(event.to_string());
    }
    for (partner_event, records) in &deliveries {
        let shown: usize = records
            .iter()
            .filter_map(|id| events.get(id.as_str()))
            .sum();
        assert_eq!(shown, 1, "the partner's event {partner_event}");
    }
    for car in &told.cars {
        assert!(
            deliveries.contains_key(car.as_str()),
            "the car's event {car} is not in the log"
        );
    }

    for row in rows.iter().step_by(rows.len() / PROOFS + 1) {
        let found = audit::get(&auditor, row).await?;
        audit::verify(scene.site(), &found)?;
    }
    Ok(())
}
