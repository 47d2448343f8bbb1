//! Change sets of the registry: appended, read back, and answered as the fold in log order says.

use std::sync::Arc;
use std::time::Duration;

use domain::event::{Actor, Body, Event};
use domain::registry::{ChangeSet, Entity, Refused, Registry};
use domain::{ComplexId, EventId};
use eventlog::{Position, Topic};
use jiff::Timestamp;
use service::trace::TraceContext;
use uuid::Uuid;

use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::recorder::Recorder;
use crate::refusal::Refusal;

/// How long a change set may take to come back from the log.
const READ_BACK: Duration = Duration::from_secs(5);
/// Writes the registry.
pub(crate) struct Registrar {
    /// The folds.
    pub knowledge: Arc<Knowledge>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// The log.
    pub recorder: Arc<Recorder>,
}

/// Where a change set stands, and the versions after it.
pub(crate) struct Registered {
    /// Absent when the change set had been applied before.
    pub position: Option<Position>,
    /// In the order of the changes.
    pub versions: Vec<u64>,
}

impl Registrar {
    /// The registry as it is known now, to be looked through at leisure: decisions don't wait for whoever
    /// holds a copy.
    pub(crate) fn copy(&self) -> Registry {
        self.knowledge.lock().registry.clone()
    }

    /// Appends a change set in the name of `actor` and waits for the fold's answer: in log order the
    /// first that expects the present versions applies.
    ///
    /// # Errors
    /// It can't apply, lost to another, or the log is unavailable.
    pub(crate) async fn apply(
        &self,
        actor: Actor,
        complex: &ComplexId,
        set: ChangeSet,
        trace: &TraceContext,
    ) -> Result<Registered, Refusal> {
        if !self.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let folded = {
            let mut state = self.knowledge.lock();
            if let Some(answer) = state.registry.change_set(complex, set.id) {
                return answered(answer.clone(), None);
            }
            if let Err(refused) = state.registry.check(complex, &set) {
                return answered(Err(refused), None);
            }
            partners_known(&state.registry, &set)?;
            spans_hold(&set)?;
            state.await_change_set(set.id)
        };
        let event = Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: Timestamp::now(),
            complex: complex.clone(),
            device: None,
            actor,
            correlation: set.id.to_string(),
            body: Body::RegistryChanged(set),
        };
        let position = self
            .recorder
            .record(Topic::RegistryEvents, &event, trace)
            .await
            .map_err(|_| Refusal::Log)?;
        match tokio::time::timeout(READ_BACK, folded).await {
            Ok(Ok(answer)) => answered(answer, Some(position)),
            _ => Err(Refusal::Log),
        }
    }
}

/// Whether the partners that a change set names are registered. It is asked here and not in the
/// fold: partners stand in another partition, and the order of two partitions is not fixed.
fn partners_known(registry: &Registry, set: &ChangeSet) -> Result<(), Refusal> {
    for (index, change) in set.changes.iter().enumerate() {
        let (kind, partner) = match &change.entity {
            Entity::Device(device) => ("device", &device.partner),
            Entity::Perimeter(perimeter) => ("perimeter", &perimeter.partner),
            _ => continue,
        };
        if registry.partner(partner).is_none() {
            return Err(Refusal::field(
                format!("changes[{index}].{kind}.partner_id"),
                format!("there is no partner {partner}; register it first, under `global`"),
            ));
        }
    }
    Ok(())
}

/// Whether everything that is written can ever hold: its end lies after its beginning. It is asked
/// here and not in the fold, which goes on taking what the log has.
fn spans_hold(set: &ChangeSet) -> Result<(), Refusal> {
    for (index, change) in set.changes.iter().enumerate() {
        let (field, from, until) = match &change.entity {
            Entity::Perimeter(one) => ("perimeter", one.not_before, one.not_after),
            Entity::Grant(one) => ("grant.window", one.window.not_before, one.window.not_after),
            Entity::GuestPass(one) => (
                "guest_pass.window",
                one.window.not_before,
                one.window.not_after,
            ),
            Entity::Credential(one) => (
                "credential.window",
                one.window.not_before,
                one.window.not_after,
            ),
            _ => continue,
        };
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            return Err(Refusal::field(
                format!("changes[{index}].{field}.not_after"),
                "expected a time after not_before",
            ));
        }
    }
    Ok(())
}

fn answered(
    answer: Result<domain::registry::Applied, Refused>,
    position: Option<Position>,
) -> Result<Registered, Refusal> {
    match answer {
        Ok(applied) => Ok(Registered {
            position,
            versions: applied.versions,
        }),
        Err(refused @ Refused::Conflict { .. }) => Err(Refusal::Conflict(refused.to_string())),
        Err(Refused::Missing { change, kind, id }) => Err(Refusal::field(
            format!("changes[{change}]"),
            format!("there is no {kind} {id}; register it first, or in the same change set"),
        )),
        Err(Refused::Invalid { change, why }) => {
            Err(Refusal::field(format!("changes[{change}]"), why))
        }
    }
}
