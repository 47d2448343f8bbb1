//! The workers of an instance: one for each partner in each complex that it owns.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::ComplexId;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::{Pair, Provisioner, worker};

/// How often the crew looks though nobody called.
const LOOK: Duration = Duration::from_secs(30);

/// The workers of this instance.
pub(crate) struct Crew {
    provisioner: Arc<Provisioner>,
    /// Partitions of the access topic, as the reconciler's group gave them out.
    owned: watch::Receiver<BTreeSet<u32>>,
    workers: HashMap<Pair, AbortHandle>,
    /// Ends them when it is dropped.
    tasks: JoinSet<()>,
}

impl Crew {
    /// Nobody works yet.
    pub(crate) fn new(
        provisioner: Arc<Provisioner>,
        owned: watch::Receiver<BTreeSet<u32>>,
    ) -> Self {
        Self {
            provisioner,
            owned,
            workers: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Keeps a worker for whatever this instance owns, and wakes those whose complex has changed;
    /// never returns.
    pub(crate) async fn run(mut self) {
        let registrar = Arc::clone(&self.provisioner.registrar);
        registrar.tails.hydrated(&registrar.knowledge).await;
        let mut changes = registrar.knowledge.lock().registry_changes();
        let mut before = None;
        loop {
            changes.borrow_and_update();
            let owned = self.owned.borrow_and_update().clone();
            let touched = registrar.knowledge.lock().take_touched();
            let every = before.as_ref() != Some(&owned) || touched.contains(&ComplexId::global());
            let complexes = if every { self.complexes() } else { touched };
            for complex in complexes {
                self.staff(&complex, &owned);
            }
            before = Some(owned);
            tokio::select! {
                _ = changes.changed() => {}
                _ = self.owned.changed() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    fn complexes(&self) -> std::collections::HashSet<ComplexId> {
        let state = self.provisioner.registrar.knowledge.lock();
        let known = state
            .registry
            .complexes()
            .chain(state.registry.standings().complexes());
        known.cloned().collect()
    }

    fn staff(&mut self, complex: &ComplexId, owned: &BTreeSet<u32>) {
        let partition = {
            let state = self.provisioner.registrar.knowledge.lock();
            state.access_partition(complex)
        };
        let partners = if partition.is_some_and(|partition| owned.contains(&partition)) {
            self.provisioner.partners_of(complex)
        } else {
            Vec::new()
        };
        let provisioner = &self.provisioner;
        self.workers.retain(|pair, worker| {
            let stays = pair.0 != *complex || partners.contains(&pair.1);
            if !stays {
                worker.abort();
                provisioner.dismissed(pair);
            }
            stays
        });
        for partner in partners {
            let pair = (complex.clone(), partner);
            let desk = self.provisioner.desk(&pair);
            if self.workers.contains_key(&pair) {
                desk.wake.notify_one();
                continue;
            }
            desk.status().here = true;
            let work = worker::work(Arc::clone(&self.provisioner), pair.clone(), desk);
            self.workers.insert(pair, self.tasks.spawn(work));
        }
        while self.tasks.try_join_next().is_some() {}
    }
}
