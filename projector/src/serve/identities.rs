//! User ids behind references, for authorised auditors, until they are erased.

use std::sync::{Arc, PoisonError, RwLock};

use domain::event::LogPosition;
use domain::id::SubjectRef;
use eventlog::{EventLog, Record, TailFrom, Topic};
use privacy::{IdentityKeys, Item, KeyFiles, LookupKey, Subjects};
use records::Follower;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::status::Refusal;
use crate::config::IdentitiesConfig;

/// Sealed identities as `subjects.v1` has them now, and the keys that open them.
pub(super) struct Identities {
    subjects: Arc<RwLock<Subjects>>,
    keys: IdentityKeys,
    lookup: LookupKey,
    follower: Follower,
    loaded: OnceCell<()>,
}

impl Identities {
    /// Starts to follow the topic. This process holds no other keys than those for user ids and for
    /// finding users.
    pub(super) fn follow(
        log: Arc<dyn EventLog>,
        config: &IdentitiesConfig,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let files = KeyFiles {
            identity: Some(config.key_file.clone()),
            lookup: Some(config.lookup_key_file.clone()),
            ..KeyFiles::default()
        };
        let keys = IdentityKeys::load(&files)?;
        let lookup = LookupKey::load(&files)?;
        let subjects = Arc::new(RwLock::new(Subjects::default()));
        let fold = folding(Arc::clone(&subjects));
        let from = TailFrom::Beginning;
        let follower = Follower::spawn(log, Topic::Subjects, from, shutdown, fold);
        Ok(Self {
            subjects,
            keys,
            lookup,
            follower,
            loaded: OnceCell::new(),
        })
    }

    /// Waits until the topic was read to its end once.
    pub(super) async fn loaded(&self) {
        let loaded = self.loaded.get_or_init(|| self.follower.hydrated());
        loaded.await;
    }

    /// Whether erasures are seen as they happen.
    pub(super) fn is_fresh(&self) -> bool {
        self.follower.is_fresh()
    }

    /// Says no until the topic was read once: a user id that isn't known yet must not look
    /// like one that was erased.
    pub(super) fn ready(&self) -> Result<(), Refusal> {
        match self.loaded.initialized() {
            true => Ok(()),
            false => Err(Refusal::Unavailable("IDENTITIES_LOADING")),
        }
    }

    /// The reference of an issuer's user; none where nobody registered the user, or it was erased.
    pub(super) fn subject_of(&self, issuer: &str, user_id: &str) -> Option<SubjectRef> {
        let indexes = self.lookup.indexes(issuer, user_id);
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let mut indexes = indexes.newest_first();
        indexes.find_map(|index| subjects.subject_of(index))
    }

    /// The user id behind a reference; none where it was erased or never was one of a user.
    pub(super) fn user_id(&self, subject: SubjectRef) -> Option<String> {
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let (key, sealed) = subjects.item(subject, Item::Identity)?;
        match self.keys.open(&key, sealed) {
            Ok(identity) => Some(identity.expose_user_id().to_owned()),
            Err(error) => {
                tracing::error!(%error, "a sealed identity can't be opened; check `serve.identities.key_file`");
                metrics::counter!("projector_identities_unopened_total").increment(1);
                None
            }
        }
    }
}

fn folding(subjects: Arc<RwLock<Subjects>>) -> impl FnMut(&Record) {
    move |record| {
        let position = LogPosition {
            partition: record.position.partition,
            offset: record.position.offset,
        };
        let key = String::from_utf8_lossy(&record.key);
        let mut subjects = subjects.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = subjects.fold(&key, record.value.as_deref(), position) {
            let (partition, offset) = (position.partition, position.offset);
            let topic = record.topic.name();
            tracing::error!(topic, partition, offset, %error, "a record can't be read; passed over");
        }
    }
}
