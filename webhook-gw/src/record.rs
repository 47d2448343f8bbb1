//! Judgements to log records.

use domain::event::{Actor, Body, Event, IngressRejected};
use domain::vocabulary::ActorKind;
use domain::{ComplexId, PartnerId};
use eventlog::{NewRecord, Topic};
use privacy::{HpkePublicKey, SealError, seal_to_operators};
use records::to_record;
use service::trace::TraceContext;

use crate::event::CloudEvent;
use crate::judge::{Arrival, Judgement, Rejection};

/// CloudEvents source of what this process appends.
pub const SOURCE: &str = "urn:smarthome:webhook-gw";

/// A record that is to be appended.
#[derive(Debug)]
pub struct Entry {
    /// Where to.
    pub topic: Topic,
    /// What.
    pub record: NewRecord,
}

/// Makes the record of one judged event; a rejected one is sealed to the operators, whole.
///
/// # Errors
/// The body can't be sealed.
pub fn entry(
    partner: &PartnerId,
    sent: &CloudEvent<'_>,
    arrival: Arrival,
    judgement: &Judgement,
    operators: &HpkePublicKey,
    trace: &TraceContext,
) -> Result<Entry, SealError> {
    let trace = Some(trace.to_string());
    match judgement {
        Judgement::Accepted(event) => {
            let topic = match event.body {
                Body::DeviceStatus(_) => Topic::DeviceStatus,
                _ => Topic::AccessEvents,
            };
            let record = to_record(event, trace, SOURCE);
            Ok(Entry { topic, record })
        }
        Judgement::Rejected(rejection) => {
            let event = rejected(partner, sent, arrival, rejection, operators)?;
            let record = to_record(&event, trace, SOURCE);
            Ok(Entry {
                topic: Topic::IngressRejected,
                record,
            })
        }
    }
}

fn rejected(
    partner: &PartnerId,
    sent: &CloudEvent<'_>,
    arrival: Arrival,
    rejection: &Rejection,
    operators: &HpkePublicKey,
) -> Result<Event, SealError> {
    let sealed = seal_to_operators(operators, sent.text.as_bytes())?;
    let partner_event_id = sent
        .partner_event_id()
        .map(|id| id.to_string())
        .unwrap_or_default();
    let (device, sequence) = rejection.order.clone().unzip();
    Ok(Event {
        id: arrival.id,
        occurred_at: arrival.at,
        complex: ComplexId::unassigned(),
        device,
        actor: Actor {
            kind: ActorKind::AtDevice,
            subject: None,
            caller: partner.to_string(),
        },
        correlation: partner_event_id.clone(),
        body: Body::IngressRejected(IngressRejected {
            partner: partner.clone(),
            reason: rejection.fault.reason.as_str().to_owned(),
            path: rejection.fault.path.to_string(),
            partner_event_id,
            digest: sent.digest(),
            sealed_enc: sealed.enc,
            sealed_body: sealed.ciphertext,
            sequence,
            received_at: arrival.at,
        }),
    })
}
