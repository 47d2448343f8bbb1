//! What left to partners, made durable: a signed record for each complex and partner about which
//! something was sent in an interval, beside the change sets of that complex.

use std::sync::Arc;
use std::time::Duration;

use domain::event::{Actor, Body, EgressCall, EgressField, EgressSummary, Event};
use domain::vocabulary::ActorKind;
use domain::{ComplexId, EventId, PartnerId};
use eventlog::Topic;
use jiff::Timestamp;
use partner::egress::{Sent, SentCall};
use serde::Deserialize;
use service::trace::TraceContext;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::partners::Partners;
use crate::recorder::{Recorder, SOURCE};

/// How often what left is recorded.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressConfig {
    /// Between two records of a complex and partner. What was sent in it is lost where the process is
    /// killed.
    #[serde(with = "service::config::duration")]
    pub interval: Duration,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60 * 60),
        }
    }
}

/// Records what leaves.
pub(crate) struct Egress {
    pub config: EgressConfig,
    pub partners: Partners,
    pub recorder: Arc<Recorder>,
}

impl Egress {
    /// Records what was sent, again and again until `stop`; never half of it.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let pause = || sleep(self.config.interval);
        while stop.run_until_cancelled(pause()).await.is_some() {
            self.record(Timestamp::now()).await;
        }
    }

    /// Records what was sent since the last time. What can't be recorded is kept for the next; what the
    /// log took without saying so is then told twice, rather than not at all.
    pub(crate) async fn record(&self, now: Timestamp) {
        for client in self.partners.all() {
            let mut lost = 0;
            for sent in client.take_sent(now) {
                let event = event(client.partner(), &sent, now);
                let (topic, trace) = (Topic::RegistryEvents, TraceContext::root());
                if lost > 0 || self.recorder.record(topic, &event, &trace).await.is_err() {
                    lost += 1;
                    client.put_back(&sent);
                }
            }
            if lost > 0 {
                let partner = client.partner();
                warn!(%partner, lost, "what was sent is not recorded yet; tried again later");
            }
        }
    }
}

fn event(partner: &PartnerId, sent: &Sent, now: Timestamp) -> Event {
    let id = EventId(Uuid::now_v7());
    Event {
        id,
        occurred_at: now,
        complex: sent.complex.clone().unwrap_or_else(ComplexId::global),
        device: None,
        actor: Actor {
            kind: ActorKind::Service,
            subject: None,
            caller: SOURCE.to_owned(),
        },
        correlation: id.0.to_string(),
        body: Body::EgressSummary(EgressSummary {
            partner: partner.clone(),
            from: sent.from,
            until: sent.until,
            calls: sent.calls.iter().map(call).collect(),
        }),
    }
}

fn call(sent: &SentCall) -> EgressCall {
    let fields = sent.fields().map(|(field, count)| EgressField {
        place: field.place.as_str().to_owned(),
        name: field.name.to_owned(),
        count,
    });
    EgressCall {
        call: sent.call.as_str().to_owned(),
        requests: sent.requests,
        fields: fields.collect(),
    }
}
