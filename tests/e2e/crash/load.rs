//! Load: residents and a guest at doors, a stranger, a car at a barrier.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use harness::clients::{Bff, open_request};
use harness::fixtures::ANNAS_PLATE;
use harness::partner_control::PartnerControl;
use jiff::{SignedDuration, Timestamp};
use privacy::PassSecret;
use proto::access::{OpenRequest, OpenResponse, Outcome};
use records::timestamp_to_wire;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::support::Scene;

/// Short, so that the reconciler's turn comes soon.
const EXPIRY: SignedDuration = SignedDuration::from_secs(8);
/// Between two tries, and between the presses of a stranger.
const PAUSE: Duration = Duration::from_millis(100);

/// What people were told.
#[derive(Default)]
pub(crate) struct Told {
    /// Answers to commands.
    pub(super) answers: Vec<OpenResponse>,
    /// The partner's events of cars.
    pub(super) cars: BTreeSet<String>,
    /// Denials, by reason.
    pub(super) denials: Vec<String>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    presses: AtomicUsize,
    openings: AtomicUsize,
    told: Mutex<Told>,
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_down(&self, answer: Result<OpenResponse, Status>) {
        match answer {
            Ok(answer) => self.told().answers.push(answer),
            Err(status) => {
                let info = status.get_details_error_info();
                let reason = info.map_or_else(|| status.to_string(), |info| info.reason);
                self.told().denials.push(reason);
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Who presses.
enum Who {
    Owner(String),
    Guest(PassSecret),
}

/// People at work, until they are stopped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    people: JoinSet<Result<()>>,
}

impl Load {
    /// At these instances; where there are several, each press goes to the next, and some to all
    /// at once.
    pub(crate) async fn start(scene: &Scene, bffs: &[Bff]) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut people = JoinSet::new();
        for (who, device) in [
            ("anna", "sunrise.main-door"),
            ("anna", "sunrise.intercom"),
            ("boris", "moonlight.main-door"),
            ("vera", "riverside.boathouse"),
        ] {
            let who = Who::Owner(scene.token(who).await?);
            people.spawn(presses(bffs.to_vec(), who, device, Arc::clone(&shared)));
        }
        let guest = PassSecret::parse(scene.registered.guest.expose())?;
        people.spawn(presses(
            bffs.to_vec(),
            Who::Guest(guest),
            "sunrise.main-door",
            Arc::clone(&shared),
        ));
        let stranger = Who::Owner(scene.token("grigory").await?);
        people.spawn(presses(
            bffs.to_vec(),
            stranger,
            "riverside.pier-gate",
            Arc::clone(&shared),
        ));
        people.spawn(car(scene.partner.clone(), Arc::clone(&shared)));
        Ok(Self { shared, people })
    }

    /// Holds once so many more doors have been opened.
    pub(crate) fn more_openings(&self, more: usize) -> impl FnMut() -> std::future::Ready<bool> {
        let shared = Arc::clone(&self.shared);
        let enough = shared.openings.load(Ordering::Relaxed) + more;
        move || std::future::ready(shared.openings.load(Ordering::Relaxed) >= enough)
    }

    /// Holds once so many more presses have been tried, with whatever success.
    pub(crate) fn more_presses(&self, more: usize) -> impl FnMut() -> std::future::Ready<bool> {
        let shared = Arc::clone(&self.shared);
        let enough = shared.presses.load(Ordering::Relaxed) + more;
        move || std::future::ready(shared.presses.load(Ordering::Relaxed) >= enough)
    }

    /// Everybody brings what they are at to an end. What they were told.
    pub(crate) async fn stop(mut self) -> Result<Told> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.people.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.shared.told()))
    }
}

/// Presses again and again, each time with a fresh key. Now and then hangs up midway, or asks every
/// instance at once.
async fn presses(
    bffs: Vec<Bff>,
    who: Who,
    device: &'static str,
    shared: Arc<Shared>,
) -> Result<()> {
    let mut count: usize = 0;
    while !shared.stopped() {
        count += 1;
        let bff = &bffs[count % bffs.len()];
        let request = OpenRequest {
            expires_at: Some(timestamp_to_wire(Timestamp::now() + EXPIRY)),
            ..open_request(device)?
        };
        if count.is_multiple_of(5) {
            let midway = Duration::from_millis(count as u64 * 13 % 180);
            let _ = tokio::time::timeout(midway, open(bff, &who, request)).await;
            shared.presses.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let asked = match count % 3 {
            0 => &bffs[..],
            _ => std::slice::from_ref(bff),
        };
        let answers = asked
            .iter()
            .map(|bff| persist(bff, &who, &request, &shared));
        let answers = join_all(answers).await;
        if answers.iter().any(executed) {
            shared.openings.fetch_add(1, Ordering::Relaxed);
        }
        let refused = answers.iter().all(Result::is_err);
        for answer in answers {
            shared.take_down(answer);
        }
        if refused {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

fn executed(answer: &Result<OpenResponse, Status>) -> bool {
    matches!(answer, Ok(answer) if answer.outcome() == Outcome::Executed)
}

/// Presses until there is an answer, with the same key: what came to nothing on the way, and
/// what the service asks to try again, is tried again.
async fn persist(
    bff: &Bff,
    who: &Who,
    request: &OpenRequest,
    shared: &Shared,
) -> Result<OpenResponse, Status> {
    loop {
        let answer = open(bff, who, request.clone()).await;
        shared.presses.fetch_add(1, Ordering::Relaxed);
        match answer {
            Err(status)
                if status.code() == Code::Unavailable
                    || status.get_details_error_info().is_none() =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn open(bff: &Bff, who: &Who, request: OpenRequest) -> Result<OpenResponse, Status> {
    match who {
        Who::Owner(token) => bff.open(token, request).await,
        Who::Guest(secret) => bff.open_with_pass(secret, request).await,
    }
}

/// A car at the barrier, again and again. What the partner took down is what counts.
async fn car(partner: PartnerControl, shared: Arc<Shared>) -> Result<()> {
    while !shared.stopped() {
        let passed = partner.plate("sunrise.north-gate", ANNAS_PLATE).await;
        let event = passed.ok().and_then(|passed| {
            let id = passed.pointer("/event_id")?.as_str()?;
            Uuid::parse_str(id).ok()
        });
        match event {
            Some(id) => {
                shared.told().cars.insert(id.to_string());
            }
            None => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(())
}
