//! `AuditService.WatchAlarms`: alarms as they come about, in the order of the records that bring them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use proto::access::{AlarmKind, SearchAlarmsRequest, WatchAlarmsRequest, WatchAlarmsResponse};
use proto::events::Envelope;
use proto::events::envelope::Event;
use records::timestamp_from_wire;
use tokio::time::Instant;

use super::leaves::{Leaf, Leaves};
use super::{End, HEARTBEAT, Outlet, Watch, Watching, look};
use crate::serve::auth::Auditor;
use crate::serve::call::Answer;
use crate::serve::fields::Fields;
use crate::serve::reads::Look;
use crate::serve::status::Refusal;
use crate::serve::{Serving, parse, search};
use crate::store::{AccessCursor, AlarmQuery};
use crate::views::{AlarmRow, alarms};

/// More than one record brings about of itself: of each kind one.
const OF_ONE_RECORD: usize = 16;

impl Serving {
    /// Begins to watch: where the token says, or with what comes next.
    pub(in crate::serve) async fn watch_alarms(
        self: &Arc<Self>,
        auditor: &Auditor,
        request: WatchAlarmsRequest,
    ) -> Result<Answer<Watching<WatchAlarmsResponse>>, Refusal> {
        let asked = parse::alarms(&SearchAlarmsRequest {
            complex_id: request.complex_id.clone(),
            kinds: request.kinds.clone(),
            device_id: request.device_id.clone(),
            ..SearchAlarmsRequest::default()
        })?;
        if asked.query.kinds.contains(&AlarmKind::Stale) {
            let mut fields = Fields::default();
            fields.wrong(
                "kinds",
                "no record says STALE; DeviceStatusService.Watch tells it",
            );
            return fields.done(None);
        }
        let readable = Arc::new(auditor.may_read(asked.query.complex.clone())?);
        let from = search::start(self, &request, &request.resume_token)?;
        let kinds = asked.query.kinds.iter();
        let kinds = kinds.map(|kind| format!("kind={}", kind.as_str_name()));
        let look = Look {
            device: asked.query.device.clone(),
            ..look("ALARMS", &kinds.collect::<Vec<_>>())
        };
        let watch = Watch::of(self, &readable, auditor, look)?;
        let follow = Follow {
            leaves: Leaves::from(self, readable.complex(), from).await?,
            serving: Arc::clone(self),
            query: asked.query,
            request,
        };
        watch.begin(|outlet| follow.run(outlet)).await
    }
}

struct Follow {
    serving: Arc<Serving>,
    query: AlarmQuery,
    request: WatchAlarmsRequest,
    leaves: Leaves,
}

impl Follow {
    async fn run(mut self, outlet: Arc<Outlet<WatchAlarmsResponse>>) -> Result<(), End> {
        let mut heard = Instant::now();
        loop {
            let alarms = match self.leaves.next(heard + HEARTBEAT).await? {
                Some(leaf) => match self.brought_by(&leaf).await? {
                    none if none.is_empty() => continue,
                    alarms => alarms,
                },
                None => Vec::new(),
            };
            let place = self.leaves.place();
            let message = WatchAlarmsResponse {
                alarms: alarms.into_iter().map(|row| row.alarm).collect(),
                resume_token: self.serving.paging.seal(&self.request, place),
            };
            outlet.send(message).await?;
            heard = Instant::now();
        }
    }

    /// The alarms that are asked for and have this record as the last that they rest on.
    async fn brought_by(&self, leaf: &Leaf) -> Result<Vec<AlarmRow>, Refusal> {
        let Envelope {
            occurred_at, event, ..
        } = Envelope::decode(leaf.bytes.clone()).unwrap_or_default();
        let found = match event {
            Some(Event::CommandCompleted(completed)) => {
                self.of_command(&completed.command_id).await?
            }
            Some(Event::AccessObserved(_)) => self.of_record(leaf, occurred_at).await?,
            Some(Event::DeliveryGap(gap)) => self.of_record(leaf, gap.detected_at).await?,
            _ => Vec::new(),
        };
        let query = &self.query;
        let wanted = found.into_iter().filter(|row| {
            row.since() == leaf.offset
                && (query.kinds.is_empty() || query.kinds.contains(&row.kind))
                && query
                    .device
                    .as_ref()
                    .is_none_or(|device| *device == row.device)
        });
        Ok(wanted.collect())
    }

    /// Those about what the record of a leaf says, which happened then.
    async fn of_record(
        &self,
        leaf: &Leaf,
        at: Option<prost_types::Timestamp>,
    ) -> Result<Vec<AlarmRow>, Refusal> {
        let at = at.and_then(|at| timestamp_from_wire("occurred_at", &at).ok());
        let Some(at) = at else {
            return Ok(Vec::new());
        };
        let after = at.checked_add(SignedDuration::from_nanos(1));
        let query = AlarmQuery {
            complex: self.query.complex.clone(),
            from: Some(at),
            until: Some(after.unwrap_or(Timestamp::MAX)),
            device: None,
            kinds: Vec::new(),
        };
        // Of what happened at one time the record's own come first behind this place.
        let place = AccessCursor::before(at, leaf.offset + 1);
        let found = self
            .serving
            .views
            .alarms(&query, Some(place), OF_ONE_RECORD)
            .await?;
        Ok(found
            .into_iter()
            .filter(|row| row.offset == leaf.offset)
            .collect())
    }

    /// Those that follow from all that stands about a command.
    async fn of_command(&self, command: &str) -> Result<Vec<AlarmRow>, Refusal> {
        let Ok(command) = command.parse() else {
            return Ok(Vec::new());
        };
        let views = &self.serving.views;
        let rows = views.commands(&self.query.complex, &[command]).await?;
        Ok(rows
            .get(&command)
            .map(alarms::of_command)
            .unwrap_or_default())
    }
}
