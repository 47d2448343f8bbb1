use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::super::read::Place;
use crate::{Assignment, LogError};

/// What the member's owner is to be told.
pub(in super::super) enum Change {
    /// With the offset from which each partition is read.
    Assigned(Vec<(Assignment, u64)>),
    /// With the number by which the owner lets go.
    Revoked(u64, Vec<Place>),
    Failed(LogError),
}

/// What a member holds, and what its owner has yet to be told.
pub(in super::super) struct Holdings {
    state: Mutex<State>,
    told: Notify,
    /// The last revocation that the owner has let go of.
    released: watch::Sender<u64>,
    /// The last revocation that is over.
    over: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    held: BTreeSet<Place>,
    changes: VecDeque<Change>,
    revocations: u64,
}

impl Holdings {
    pub(super) fn none() -> Self {
        Self {
            state: Mutex::default(),
            told: Notify::new(),
            released: watch::Sender::new(0),
            over: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in super::super) fn holds(&self, place: Place) -> bool {
        self.state().held.contains(&place)
    }

    /// What the owner is to be told next.
    pub(in super::super) fn change(&self) -> Option<Change> {
        self.state().changes.pop_front()
    }

    /// Waits until there may be something to tell.
    pub(in super::super) async fn told(&self) {
        self.told.notified().await;
    }

    /// Lets go of what the owner was told that it loses, and waits until it is
    /// gone. Cancel safe.
    pub(in super::super) async fn release(&self, revocation: u64) {
        self.released.send_replace(revocation);
        // The sender lives as long as `self`, so this can't fail.
        let _ = self
            .over
            .subscribe()
            .wait_for(|over| *over >= revocation)
            .await;
    }

    pub(super) fn assigned(&self, list: Vec<(Assignment, u64)>) {
        let places = list.iter().map(|(at, _)| (at.topic, at.partition));
        self.state().held.extend(places);
        self.tell(Change::Assigned(list));
    }

    pub(super) fn failed(&self, error: LogError) {
        self.tell(Change::Failed(error));
    }

    /// Announces that partitions are taken; they are held until
    /// [`Holdings::let_go`].
    pub(super) fn revoked(&self, places: Vec<Place>) -> u64 {
        let number = {
            let mut state = self.state();
            state.revocations += 1;
            state.revocations
        };
        self.tell(Change::Revoked(number, places));
        number
    }

    /// Waits until the owner lets go.
    pub(super) async fn released(&self, revocation: u64) {
        // As above.
        let mut released = self.released.subscribe();
        let _ = released.wait_for(|last| *last >= revocation).await;
    }

    /// From here on the partitions aren't held.
    pub(super) fn let_go(&self, places: &[Place]) {
        let mut state = self.state();
        for place in places {
            state.held.remove(place);
        }
    }

    pub(super) fn over(&self, revocation: u64) {
        self.over.send_replace(revocation);
    }

    fn tell(&self, change: Change) {
        self.state().changes.push_back(change);
        self.told.notify_one();
    }
}
