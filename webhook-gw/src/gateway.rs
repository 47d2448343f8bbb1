//! From a request to its verdicts: the edge that does the IO around the pure parts.

use std::sync::Arc;
use std::time::Duration;

use authn::peer::PeerIdentity;
use domain::{EventId, PartnerId};
use eventlog::{AppendError, SharedLog};
use jiff::{SignedDuration, Timestamp};
use privacy::{HpkePublicKey, SealError};
use records::RegistryFollower;
use service::trace::TraceContext;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::append::append_all;
use crate::backlog::{Backlog, Full, Place};
use crate::deliveries::Deliveries;
use crate::event::{
    self, CloudEvent, Format, JsonPointer, NotCloudEvents, PartnerEventId, RejectReason,
};
use crate::judge::{Arrival, Judgement, World, judge};
use crate::quota::Quotas;
use crate::record::{Entry, entry};
use crate::telemetry::{self, Held};
use crate::verify::{Caller, LiveSecrets, NotVerified, Unverified};

/// What one request, and all of them together, may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a body.
    pub max_body: usize,
    /// Events in a batch.
    pub max_batch: usize,
    /// Requests in flight; one more is answered 503 at once.
    pub max_in_flight: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// After how long an event counts as late.
    pub lateness: SignedDuration,
}

/// Everything that taking events needs.
pub struct Gateway {
    pub(crate) log: SharedLog,
    pub(crate) registry: RegistryFollower,
    pub(crate) secrets: Arc<LiveSecrets>,
    /// Rejected bodies are sealed to this key.
    pub(crate) operators: HpkePublicKey,
    pub(crate) limits: Limits,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) quotas: Quotas,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) deliveries: Deliveries,
}

/// What became of one event. Given only once its record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The partner's id of it, where it is one.
    pub id: Option<PartnerEventId>,
    /// Why it was rejected and which field is to blame; none if it was accepted.
    pub rejected: Option<(RejectReason, JsonPointer)>,
}

/// Why no verdict is given on any event of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It isn't a partner's word.
    #[error(transparent)]
    NotVerified(#[from] NotVerified),
    /// It holds no CloudEvents.
    #[error(transparent)]
    NotCloudEvents(#[from] NotCloudEvents),
    /// Too little is known just now to judge it.
    #[error("the registry is not up to date; send it again")]
    RegistryStale,
    /// As much waits for the log as may.
    #[error("as much waits to be recorded as may; send it again later")]
    QueueFull,
    /// It is not certain that everything was recorded.
    #[error("the events could not be recorded for certain; send them again")]
    NotRecorded(#[source] AppendError),
    /// A rejected event could not be sealed, so it was not recorded.
    #[error("a rejected event could not be sealed; send it again")]
    NotSealed,
}

impl From<Full> for NotTaken {
    fn from(_: Full) -> Self {
        Self::QueueFull
    }
}

impl From<SealError> for NotTaken {
    fn from(_: SealError) -> Self {
        Self::NotSealed
    }
}

impl Gateway {
    /// Verifies, judges and records a request, which needs room in `place` for its events. `Ok` only
    /// after every event is durable, as an event or as a rejection.
    ///
    /// # Errors
    /// [`NotTaken`]: nothing is certain to have been recorded.
    pub async fn take(
        &self,
        format: Format,
        request: Unverified,
        place: &mut Place,
        trace: &TraceContext,
    ) -> Result<Vec<Verdict>, NotTaken> {
        let received_at = (self.clock)();
        let verified = request.verify(&self.secrets.current(), received_at)?;
        let events = event::parse(format, verified.body(), self.limits.max_batch)?;
        place.records(events.len())?;
        self.record(verified.partner(), events, received_at, trace)
            .await
    }

    /// Judges and records a partner's events. `Ok` only after every one of them is durable, as an
    /// event or as a rejection.
    ///
    /// # Errors
    /// [`NotTaken`]: nothing is certain to have been recorded.
    pub(crate) async fn record(
        &self,
        partner: &PartnerId,
        events: Vec<CloudEvent<'_>>,
        received_at: Timestamp,
        trace: &TraceContext,
    ) -> Result<Vec<Verdict>, NotTaken> {
        let judged = self.judge(partner, events, received_at);
        let entries = self.entries(partner, &judged, trace)?;
        append_all(&*self.log, entries)
            .await
            .map_err(NotTaken::NotRecorded)?;
        for judged in &judged {
            let kind = judged.event.type_label();
            telemetry::judged(partner, kind, &judged.judgement);
        }
        Ok(judged.iter().map(Judged::verdict).collect())
    }

    /// The verdicts that a request would be given, of which nothing is recorded.
    ///
    /// # Errors
    /// [`NotTaken`], as [`Gateway::take`] would say; of a failing log nothing is known.
    pub fn validate(&self, format: Format, request: Unverified) -> Result<Vec<Verdict>, NotTaken> {
        let received_at = (self.clock)();
        let verified = request.verify(&self.secrets.current(), received_at)?;
        let events = event::parse(format, verified.body(), self.limits.max_batch)?;
        let judged = self.judge(verified.partner(), events, received_at);
        Ok(judged.iter().map(Judged::verdict).collect())
    }

    /// A place for a connection with this certificate, for as long as it is kept; none where the
    /// partner has as many as it may.
    pub(crate) fn connect(&self, peer: &PeerIdentity) -> Option<(OwnedSemaphorePermit, Held)> {
        // Whether it may send is asked with each request; here the last that is known will do.
        let caller = self.registry.read(|registry, _| Caller::of(registry, peer));
        let partner = caller.as_ref().ok().map(Caller::partner);
        let place = self.quotas.connect(partner);
        if place.is_none() {
            telemetry::connection_refused(partner);
        }
        place.map(|place| (place, telemetry::connection(partner)))
    }

    /// The partner that a certificate names, as far as is known now.
    ///
    /// # Errors
    /// [`NotTaken::RegistryStale`], or the certificate is nobody's.
    pub fn caller(&self, peer: &PeerIdentity) -> Result<Caller, NotTaken> {
        if !self.registry.is_fresh() {
            return Err(NotTaken::RegistryStale);
        }
        let caller = self.registry.read(|registry, _| Caller::of(registry, peer));
        Ok(caller?)
    }

    fn judge<'a>(
        &self,
        partner: &PartnerId,
        events: Vec<CloudEvent<'a>>,
        received_at: Timestamp,
    ) -> Vec<Judged<'a>> {
        self.registry.read(|registry, positions| {
            let world = World {
                registry,
                positions,
                lateness: self.limits.lateness,
            };
            let judged = events.into_iter().map(|event| {
                let arrival = Arrival {
                    id: EventId(Uuid::now_v7()),
                    at: received_at,
                };
                let judgement = judge(world, partner, &event, arrival);
                Judged {
                    event,
                    arrival,
                    judgement,
                }
            });
            judged.collect()
        })
    }

    fn entries(
        &self,
        partner: &PartnerId,
        judged: &[Judged<'_>],
        trace: &TraceContext,
    ) -> Result<Vec<Entry>, SealError> {
        let entry = |judged: &Judged<'_>| {
            let Judged {
                event,
                arrival,
                judgement,
            } = judged;
            entry(partner, event, *arrival, judgement, &self.operators, trace)
        };
        judged.iter().map(entry).collect()
    }
}

struct Judged<'a> {
    event: CloudEvent<'a>,
    arrival: Arrival,
    judgement: Judgement,
}

impl Judged<'_> {
    fn verdict(&self) -> Verdict {
        let rejected = match &self.judgement {
            Judgement::Accepted(_) => None,
            Judgement::Rejected(rejection) => {
                Some((rejection.fault.reason, rejection.fault.path.clone()))
            }
        };
        Verdict {
            id: self.event.partner_event_id(),
            rejected,
        }
    }
}
