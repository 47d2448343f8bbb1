//! Least privilege, checked from outside: partners are asked for what they must refuse, by an
//! operator and on a schedule.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use domain::{ComplexId, PartnerId};
use jiff::Timestamp;
use partner::verify::{self, Check, Kept, Target, Unclear, Verdict};
use proto::access::{PrivilegeCheck, PrivilegeVerdict, VerifyPartnerResponse};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::partners::Partners;
use crate::refusal::Refusal;

/// How long one partner may be asked in one complex: less than an operator's tool waits.
const WHOLE: Duration = Duration::from_secs(12);
/// How often the schedule looks for perimeters that are due.
const LOOK: Duration = Duration::from_secs(1);

/// How often partners are asked.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivilegesConfig {
    /// Between two checks of a perimeter.
    #[serde(with = "service::config::duration")]
    pub interval: Duration,
    /// From when a perimeter is first seen to its first check.
    #[serde(with = "service::config::duration")]
    pub first_after: Duration,
    /// How long a partner may go on with a token that has expired: clocks differ.
    #[serde(with = "service::config::duration")]
    pub leeway: Duration,
}

impl Default for PrivilegesConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60 * 60),
            first_after: Duration::from_secs(30),
            leeway: Duration::from_secs(60),
        }
    }
}

type Place = (ComplexId, PartnerId);

/// Asks partners for what they must refuse.
pub(crate) struct Privileges {
    config: PrivilegesConfig,
    knowledge: Arc<Knowledge>,
    tails: Arc<Tails>,
    partners: Partners,
    /// Tokens that are to expire. A perimeter is asked about by one at a time.
    kept: SyncMutex<HashMap<Place, Arc<Mutex<Kept>>>>,
}

impl Privileges {
    pub(crate) fn new(
        config: PrivilegesConfig,
        knowledge: Arc<Knowledge>,
        tails: Arc<Tails>,
        partners: Partners,
    ) -> Self {
        Self {
            config,
            knowledge,
            tails,
            partners,
            kept: SyncMutex::default(),
        }
    }

    /// Asks one partner in one complex, now.
    ///
    /// # Errors
    /// There is no perimeter in force, or no client for the partner here.
    pub(crate) async fn verify(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
    ) -> Result<Vec<Check>, Refusal> {
        if !self.tails.knows_registry() {
            return Err(Refusal::Stale);
        }
        let target = self.target(complex, partner)?;
        let client = self
            .partners
            .get(partner)
            .ok_or_else(|| Refusal::Partner("not configured at this instance".to_owned()))?;
        // Only what could be used is worth asking about; a partner has no tokens for the rest.
        client
            .within(&target.perimeter, Timestamp::now())
            .map_err(|outside| Refusal::Partner(outside.to_string()))?;
        let kept = self.kept(complex, partner);
        let mut kept = kept.lock().await;
        let deadline = Instant::now() + WHOLE;
        let checks = verify::verify(client, &target, &mut kept, self.config.leeway, deadline).await;
        report(complex, partner, &checks);
        Ok(checks)
    }

    fn target(&self, complex: &ComplexId, partner: &PartnerId) -> Result<Target, Refusal> {
        let state = self.knowledge.lock();
        let registered = state.registry.partner(partner);
        if registered.ok_or(Refusal::NotFound("partner"))?.suspended {
            return Err(Refusal::Partner("suspended".to_owned()));
        }
        Target::choose(&state.registry, complex, partner)
            .ok_or_else(|| Refusal::Partner("it has no perimeter in this complex".to_owned()))
    }

    fn kept(&self, complex: &ComplexId, partner: &PartnerId) -> Arc<Mutex<Kept>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (complex.clone(), partner.clone());
        Arc::clone(kept.entry(place).or_default())
    }

    /// Every perimeter that is in force, of partners that are not suspended.
    fn places(&self) -> Vec<Place> {
        let (state, now) = (self.knowledge.lock(), Timestamp::now());
        let partners = self.partners.all().map(partner::PartnerClient::partner);
        let trusted = partners.filter(|id| {
            let registered = state.registry.partner(id);
            registered.is_some_and(|partner| !partner.suspended)
        });
        let places = trusted.flat_map(|id| {
            let perimeters = state.registry.perimeters_of(id).into_iter();
            let in_force = perimeters.filter(|perimeter| perimeter.in_force(now));
            in_force.map(move |perimeter| (perimeter.complex.clone(), id.clone()))
        });
        places.collect()
    }

    /// Asks every partner in every complex, again and again; never returns.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut next: HashMap<Place, Instant> = HashMap::new();
        loop {
            sleep(LOOK).await;
            let places = self.places();
            next.retain(|place, _| places.contains(place));
            for place in places {
                let first = Instant::now() + self.config.first_after;
                if *next.entry(place.clone()).or_insert(first) > Instant::now() {
                    continue;
                }
                let (complex, partner) = &place;
                if let Err(refusal) = self.verify(complex, partner).await {
                    info!(%complex, %partner, %refusal, "privileges not checked");
                }
                next.insert(place.clone(), self.again(complex, partner).await);
            }
        }
    }

    /// When a perimeter is asked about again: once the first token that was kept has expired, then
    /// at every interval.
    async fn again(&self, complex: &ComplexId, partner: &PartnerId) -> Instant {
        let interval = Instant::now() + self.config.interval;
        let due = self.kept(complex, partner).lock().await.due();
        due.map_or(interval, |due| due.min(interval))
    }
}

/// Metrics, and a line in the log for each finding.
fn report(complex: &ComplexId, partner: &PartnerId, checks: &[Check]) {
    let (place, who) = (complex.to_string(), partner.to_string());
    for check in checks {
        for label in Verdict::LABELS {
            metrics::gauge!(
                "partner_privilege_checks",
                "partner" => who.clone(),
                "complex" => place.clone(),
                "check" => check.name.as_str(),
                "verdict" => label,
            )
            .set(f64::from(u8::from(label == check.verdict.label())));
        }
        let (name, seen, to_do) = (check.name.as_str(), &check.verdict, check.name.to_do());
        match &check.verdict {
            Verdict::Accepted { .. } => warn!(
                %complex, %partner, check = name, %seen, to_do,
                "the partner did not refuse what it must refuse"
            ),
            Verdict::Unclear(_) => info!(
                %complex, %partner, check = name, %seen,
                "not proven that the partner refuses what it must refuse"
            ),
            Verdict::Refused { .. } | Verdict::NotYet { .. } => {}
        }
    }
    metrics::gauge!(
        "partner_privileges_checked_timestamp",
        "partner" => who,
        "complex" => place,
    )
    .set(Timestamp::now().as_second() as f64);
}

/// The checks in the contract's words.
pub(crate) fn to_wire(checks: &[Check]) -> VerifyPartnerResponse {
    let checks = checks.iter().map(|check| {
        let (verdict, status) = match &check.verdict {
            Verdict::Refused { status, .. } => (PrivilegeVerdict::Refused, *status),
            Verdict::Accepted { status, .. } => (PrivilegeVerdict::Accepted, Some(*status)),
            Verdict::Unclear(Unclear::Answer { status, .. }) => {
                (PrivilegeVerdict::Unclear, Some(*status))
            }
            Verdict::Unclear(_) => (PrivilegeVerdict::Unclear, None),
            Verdict::NotYet { .. } => (PrivilegeVerdict::NotYet, None),
        };
        let (to_do, not_before) = match &check.verdict {
            Verdict::Refused { .. } => (String::new(), None),
            Verdict::Accepted { .. } => {
                let to_do = check.name.to_do();
                (format!("have the partner mend it: it must {to_do}"), None)
            }
            Verdict::Unclear(_) => {
                let to_do = check.name.to_do();
                let to_do = format!("ask again; if it stays, ask the partner: it must {to_do}");
                (to_do, None)
            }
            Verdict::NotYet { at } => ("ask again then".to_owned(), *at),
        };
        PrivilegeCheck {
            name: check.name.as_str().to_owned(),
            verdict: verdict.into(),
            status: status.map_or(0, u32::from),
            detail: check.verdict.to_string(),
            to_do,
            not_before: not_before.map(records::timestamp_to_wire),
        }
    });
    VerifyPartnerResponse {
        checks: checks.collect(),
    }
}
