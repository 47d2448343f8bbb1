//! Generations of the views: which one serves, which one is being built beside it, and how readers
//! and writers follow.
//!
//! The root of a store says so in one row. Heads and halts of trees stay in the root and are of no
//! generation: they guard what is signed, and a rebuild must not weaken that.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use uuid::Uuid;

use super::{StoreError, ViewReader, ViewStore};

/// The generation of a store in which nothing was ever rebuilt.
pub(super) const FIRST: u64 = 1;
/// How old what a reader knows of the root may be.
const LOOK: Duration = Duration::from_secs(1);

/// What the root of a store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pointer {
    /// The generation that readers read and the projection writes.
    pub serving: u64,
    /// The rebuild that may write the next generation.
    pub building: Option<Uuid>,
}

impl Pointer {
    /// That of a store in which nothing was ever rebuilt.
    pub(super) const NEW: Self = Self {
        serving: FIRST,
        building: None,
    };
}

/// What a writer must find in the root, or what it writes doesn't count any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fence {
    /// This generation serves.
    Serving(u64),
    /// This rebuild is the one that is at work.
    Building(Uuid),
}

impl Fence {
    /// # Errors
    /// [`StoreError::Superseded`].
    pub(super) fn check(self, pointer: Pointer) -> Result<(), StoreError> {
        let holds = match self {
            Self::Serving(generation) => pointer.serving == generation,
            Self::Building(by) => pointer.building == Some(by),
        };
        match holds {
            true => Ok(()),
            false => Err(StoreError::Superseded),
        }
    }
}

/// A generation that is being built.
pub struct Building {
    /// The generation that serves meanwhile.
    pub serving: u64,
    /// Who builds.
    pub by: Uuid,
    /// Its views; writing ends with [`StoreError::Superseded`] when another rebuild begins.
    pub store: Arc<dyn ViewStore>,
}

/// What became of a wish to swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The new generation serves.
    Done,
    /// The serving one has records that the new one hasn't: catch up and ask again.
    Behind,
}

/// The root of a store.
#[async_trait]
pub trait Generations: Send + Sync {
    /// What the root says.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn pointer(&self) -> Result<Pointer, StoreError>;

    /// Begins the next generation, empty. A rebuild that was under way is superseded, and what no
    /// generation needs any more is dropped.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn begin(&self) -> Result<Building, StoreError>;

    /// The views of the generation that serves, whatever serves later.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn serving(&self, building: &Building) -> Result<Arc<dyn ViewReader>, StoreError>;

    /// How far a generation is, by topic and partition, whatever version its other tables have.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn progress(&self, generation: u64) -> Result<HashMap<(String, u32), u64>, StoreError>;

    /// Makes the new generation the serving one, if it knows all that the serving one knows.
    ///
    /// # Errors
    /// [`StoreError::Superseded`]: another rebuild has begun or is done; nothing was changed.
    async fn swap(&self, building: &Building) -> Result<Swap, StoreError>;

    /// Drops every generation that doesn't serve. A rebuild that was under way is superseded.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn drop_idle(&self) -> Result<(), StoreError>;
}

tokio::task_local! {
    static PINNED: Cell<Option<u64>>;
}

/// Does work of which each query reads the same generation: the one that serves at its first.
pub async fn one_generation<F: Future>(work: F) -> F::Output {
    PINNED.scope(Cell::new(None), work).await
}

/// The generation that a reader follows, looked at now and then.
#[derive(Default)]
pub(super) struct Followed(Mutex<Option<(Instant, u64)>>);

impl Followed {
    /// The generation to read now. `look` asks the root.
    pub(super) async fn now(
        &self,
        look: impl Future<Output = Result<Pointer, StoreError>>,
    ) -> Result<u64, StoreError> {
        if let Ok(Some(pinned)) = PINNED.try_with(Cell::get) {
            return Ok(pinned);
        }
        let serving = match self.known() {
            Some(serving) => serving,
            None => {
                let begun = Instant::now();
                let serving = look.await?.serving;
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, serving));
                serving
            }
        };
        // Another query of the same work may have been faster.
        let pinned = PINNED.try_with(|pinned| {
            let first = pinned.get().unwrap_or(serving);
            pinned.set(Some(first));
            first
        });
        Ok(pinned.unwrap_or(serving))
    }

    fn known(&self) -> Option<u64> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .filter(|(at, _)| at.elapsed() < LOOK)
            .map(|(_, serving)| serving)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn says(serving: u64) -> impl Future<Output = Result<Pointer, StoreError>> {
        let pointer = Pointer {
            serving,
            building: None,
        };
        std::future::ready(Ok(pointer))
    }

    #[tokio::test]
    async fn work_stays_with_the_generation_that_it_began_with() {
        // Two readers, so that neither knows what the other has seen.
        let (before, after) = (Followed::default(), Followed::default());
        let read = one_generation(async {
            let first = before.now(says(1)).await.unwrap();
            (first, after.now(says(2)).await.unwrap())
        });
        assert_eq!(read.await, (1, 1));
        assert_eq!(after.now(says(2)).await.unwrap(), 2);
    }

    #[test]
    fn a_fence_holds_for_its_generation_and_its_rebuild_alone() {
        let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let pointer = Pointer {
            serving: 2,
            building: Some(ours),
        };
        assert!(Fence::Serving(2).check(pointer).is_ok());
        assert!(Fence::Building(ours).check(pointer).is_ok());
        for fence in [Fence::Serving(1), Fence::Building(theirs)] {
            assert!(matches!(fence.check(pointer), Err(StoreError::Superseded)));
        }
    }
}
