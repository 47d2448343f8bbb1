//! Who may ask now: rates and work in flight. What is refused here leaves no decision, only a
//! count a minute ([`ledger`]).

pub(crate) mod ledger;
mod rates;

use std::sync::Arc;

use domain::{CallerName, PassId, SubjectRef};
use privacy::{LookupIndex, UserIndexes};
use service::rate::Rates;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::ledger::Ledger;
use self::rates::refused;
use crate::config::Limits;
use crate::refusal::Refusal;
use crate::subjects::Directory;

pub(crate) use self::rates::RatesConfig;

/// Admission of one process.
pub(crate) struct Admission {
    in_flight: Arc<Semaphore>,
    callers: Rates<CallerName>,
    askers: Rates<LookupIndex>,
    ledger: Arc<Ledger>,
}

impl Admission {
    /// With these bounds; refusals are counted in `ledger`.
    pub(crate) fn new(limits: &Limits, ledger: Arc<Ledger>) -> Self {
        Self {
            in_flight: Arc::new(Semaphore::new(limits.in_flight)),
            callers: Rates::new(limits.rates.caller),
            askers: Rates::new(limits.rates.subject),
            ledger,
        }
    }

    /// A place among the commands in flight, for a caller that is within its rate.
    ///
    /// # Errors
    /// Too many are in flight, or the caller asks too often.
    pub(crate) fn caller(&self, caller: &CallerName) -> Result<OwnedSemaphorePermit, Refusal> {
        let admitted = self.callers.check(caller).map_err(refused).and_then(|()| {
            let place = Arc::clone(&self.in_flight).try_acquire_owned();
            place.map_err(|_| Refusal::Busy)
        });
        admitted.inspect_err(|refusal| self.ledger.count(caller.clone(), refusal.reason()))
    }

    /// The same for an owner with these indexes, who must be within their own rate too.
    ///
    /// # Errors
    /// As [`Admission::caller`], or the owner asks too often.
    pub(crate) fn owner(
        &self,
        caller: &CallerName,
        indexes: &UserIndexes,
        directory: &Directory,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = self.caller(caller)?;
        self.asker(indexes.primary(), caller, || {
            let SubjectRef(known) = directory.known(indexes)?;
            known.to_string().parse().ok()
        })?;
        Ok(place)
    }

    /// Whether this guest is within the pass's rate.
    ///
    /// # Errors
    /// It is used too often.
    pub(crate) fn guest(&self, caller: &CallerName, pass: PassId) -> Result<(), Refusal> {
        let index = LookupIndex::of_pass(pass);
        self.asker(&index, caller, || pass.to_string().parse().ok())
    }

    /// `name` is under what a refusal is counted, where they have a reference already.
    fn asker(
        &self,
        index: &LookupIndex,
        caller: &CallerName,
        name: impl FnOnce() -> Option<CallerName>,
    ) -> Result<(), Refusal> {
        let asked = self.askers.check(index).map_err(refused);
        asked.inspect_err(|refusal| {
            let limited = name().unwrap_or_else(|| caller.clone());
            self.ledger.count(limited, refusal.reason());
        })
    }

    /// Counts a command that got as far as its decision, and was refused for lack of room.
    pub(crate) fn refused(&self, caller: &CallerName, refusal: &Refusal) {
        if refusal.is_not_admitted() {
            self.ledger.count(caller.clone(), refusal.reason());
        }
    }

    /// Forgets whoever has not asked for a while.
    pub(crate) fn sweep(&self) {
        self.callers.sweep();
        self.askers.sweep();
    }
}
