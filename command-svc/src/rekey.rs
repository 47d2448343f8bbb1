//! Keys of personal data change while the service runs: records move under the index of the newer
//! lookup key and are sealed again under the newer key-encryption keys, at any number of instances
//! at once. `docs/keys.md` says how an operator does it.

mod plan;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::SubjectRef;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use privacy::{FaceKeys, LookupIndex, PlateKeys, Purpose, SealError, SubjectKey};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tracing::{error, info};

use self::plan::{Keys, Step};
use crate::erasure;
use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::subjects::Directory;

/// Records that one round puts.
const ROUND: usize = 1000;
/// Of these, how many are on their way at once: a small part of the log's queue of appends.
const AT_ONCE: usize = 64;

/// How personal data is looked after.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectsConfig {
    /// How often what must move, be sealed again or be erased is looked for. A record stays under
    /// the index of an older lookup key for this long after it stands under that of the newer one,
    /// so that every instance has seen the latter: at least 2 seconds, as what an instance knows of
    /// the log is never older than one.
    #[serde(with = "service::config::duration")]
    pub sweep: Duration,
}

impl Default for SubjectsConfig {
    fn default() -> Self {
        Self {
            sweep: Duration::from_secs(10),
        }
    }
}

impl SubjectsConfig {
    /// # Errors
    /// What is wrong.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.sweep < Duration::from_secs(2) {
            return Err("subjects.sweep must be at least 2s".to_owned());
        }
        Ok(())
    }
}

/// Looks after the sealed records.
pub(crate) struct Rekeyer {
    /// The records and the keys of identities.
    pub directory: Arc<Directory>,
    /// The keys of plates.
    pub plates: PlateKeys,
    /// The keys of faces; none where this instance may not open these.
    pub faces: Option<FaceKeys>,
    /// Who is erased.
    pub knowledge: Arc<Knowledge>,
    /// Freshness.
    pub tails: Arc<Tails>,
    /// How often.
    pub config: SubjectsConfig,
}

/// What one instance remembers from round to round.
#[derive(Default)]
struct Memory {
    /// Indexes that are known to be their users' primary ones.
    settled: HashSet<LookupIndex>,
    /// Since when records are seen under both indexes.
    both: HashMap<SubjectKey, Instant>,
    /// How many items each version of a key has.
    counts: BTreeMap<(&'static str, u32), usize>,
}

impl Rekeyer {
    /// Never returns.
    pub(crate) async fn run(self) {
        let mut memory = Memory::default();
        loop {
            sleep(self.config.sweep).await;
            // On what is not fresh, somebody erased could be written again.
            while self.tails.knows_registry() {
                // A failure is logged where it happens, and what was not done is found again.
                let _ = erasure::sweep(&self.knowledge, &self.directory).await;
                let more = self.moved(&mut memory).await;
                let more = self.sealed_again().await || more;
                self.report(&mut memory);
                if !more {
                    break;
                }
            }
        }
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            identity: self.directory.identity_keys(),
            plates: &self.plates,
            faces: self.faces.as_ref(),
            lookup: self.directory.lookup_keys(),
        }
    }

    /// One round of moving records under the primary index. Whether another one has work at once.
    async fn moved(&self, memory: &mut Memory) -> bool {
        if self.directory.lookup_keys().versions().count() < 2 {
            return false;
        }
        let (now, seen) = (Timestamp::now(), Instant::now());
        let outside = self.directory.read(|all| all.outside(&memory.settled));
        let (mut due, mut waiting) = (Vec::new(), HashMap::new());
        let cut = outside.len() > ROUND;
        for subject in outside.into_iter().take(ROUND) {
            if self.is_erased(subject) {
                continue;
            }
            let moving = self.directory.read(|all| {
                let moving = self.keys().moving(all, subject, now)?;
                let settled = plan::settled(all, subject);
                Ok::<_, SealError>(moving.map(|moving| (moving, settled)))
            });
            match moving {
                Ok(Some(((_, steps), indexes))) if steps.is_empty() => {
                    memory.settled.extend(indexes);
                }
                Ok(Some(((indexes, steps), _))) => {
                    memory.settled.insert(indexes.primary().clone());
                    due.extend(steps);
                }
                Ok(None) => {
                    error!(%subject, "records without an identity stand under an old index")
                }
                Err(error) => error!(%subject, %error, "sealed records can't be moved"),
            }
        }
        due.retain(|step| match step {
            Step::Put(..) | Step::Lost(_) => true,
            Step::Retire(key) => {
                let since = *memory.both.get(key).unwrap_or(&seen);
                waiting.insert(key.clone(), since);
                seen - since >= self.config.sweep
            }
        });
        memory.both = waiting;
        let worked = !due.is_empty();
        self.carry_out(due).await;
        cut && worked
    }

    /// One round of sealing under the primary keys. Whether another one has work at once.
    async fn sealed_again(&self) -> bool {
        let keys = self.keys();
        let (identity, plate) = (keys.identity.primary(), keys.plates.primary());
        let face = keys.faces.map(FaceKeys::primary);
        let older = self
            .directory
            .read(|all| all.sealed_otherwise(identity, plate, face, ROUND));
        let now = Timestamp::now();
        let full = older.len() == ROUND;
        let mut steps = Vec::with_capacity(older.len());
        for (key, value) in older {
            if self.is_erased(key.subject) {
                continue;
            }
            match keys.seal_again(&key, &value, &key, now) {
                Ok(sealed) => steps.push(Step::Put(key, sealed)),
                Err(error) => {
                    error!(subject = %key.subject, %error, "a sealed item can't be sealed again");
                }
            }
        }
        let worked = !steps.is_empty();
        self.carry_out(steps).await;
        full && worked
    }

    fn is_erased(&self, subject: SubjectRef) -> bool {
        let state = self.knowledge.lock();
        state.registry.is_identity_erased(subject)
    }

    async fn carry_out(&self, steps: Vec<Step>) {
        let puts = steps.into_iter().map(|step| async move {
            let (key, value) = match step {
                Step::Put(key, value) => (key, Some(value)),
                Step::Retire(key) | Step::Lost(key) => (key, None),
            };
            // What was erased in the meantime is not written again.
            let erased = || {
                let gone = self.directory.item(key.subject, key.item).is_none();
                gone || self.is_erased(key.subject)
            };
            if value.is_some() && erased() {
                return;
            }
            // A failure is logged where it happens; what was not written is found again.
            let _ = self.directory.put(&key, value).await;
        });
        let puts: Vec<_> = puts.collect();
        stream::iter(puts)
            .buffer_unordered(AT_ONCE)
            .for_each(|()| async {})
            .await;
    }

    /// Counts items by the version of their key, and says when a version has none left.
    fn report(&self, memory: &mut Memory) {
        let keys = self.keys();
        let (outside, identities, plates, faces) = self.directory.read(|all| {
            (
                all.outside(&memory.settled).len(),
                all.sealed_under(Purpose::Identity),
                all.sealed_under(Purpose::Plate),
                all.sealed_under(Purpose::Face),
            )
        });
        let lookup = keys.lookup.primary();
        for version in keys.lookup.versions().filter(|version| *version != lookup) {
            // Whoever is not known to stand under the primary index may stand under the other.
            self.count(memory, "lookup", (version, lookup), outside);
        }
        for version in keys.identity.versions() {
            let count = identities.get(&version).copied().unwrap_or_default();
            self.count(
                memory,
                "identity",
                (version, keys.identity.primary()),
                count,
            );
        }
        for version in keys.plates.versions() {
            let count = plates.get(&version).copied().unwrap_or_default();
            self.count(memory, "plate", (version, keys.plates.primary()), count);
        }
        if let Some(own) = keys.faces {
            for version in own.versions() {
                let count = faces.get(&version).copied().unwrap_or_default();
                self.count(memory, "face", (version, own.primary()), count);
            }
        }
    }

    fn count(
        &self,
        memory: &mut Memory,
        purpose: &'static str,
        (version, primary): (u32, u32),
        count: usize,
    ) {
        let key_version = version.to_string();
        metrics::gauge!("subject_items", "purpose" => purpose, "key_version" => key_version)
            .set(count as f64);
        let before = memory.counts.insert((purpose, version), count);
        if version < primary && count == 0 && before != Some(0) {
            info!(
                purpose,
                version, "nothing needs this key version any more; see docs/keys.md to remove it"
            );
        }
    }
}
