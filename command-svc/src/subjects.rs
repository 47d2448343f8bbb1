//! Who a user is to the log: finds the reference of an issuer's user, or mints one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authn::token::AccessToken;
use domain::event::LogPosition;
use domain::{EventId, SubjectRef};
use eventlog::{CloudEvent, EventLog, NewRecord, Record, Topic};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use privacy::{
    Identity, IdentityKeys, Item, LookupIndex, LookupKey, SubjectKey, Subjects, UserIndexes,
};
use tokio::sync::watch;
use tracing::{error, warn};
use uuid::Uuid;

use crate::recorder::SOURCE;
use crate::refusal::Refusal;

/// How long a minted reference may take to come back from the log.
const READ_BACK: Duration = Duration::from_secs(5);
/// How many references one call mints at once: a small part of the log's queue of appends.
const MINTS: usize = 64;

/// The fold of `subjects.v1`, and the keys to extend it.
pub(crate) struct Directory {
    log: Arc<dyn EventLog>,
    lookup: LookupKey,
    identity: IdentityKeys,
    subjects: Mutex<Subjects>,
    folded: watch::Sender<u64>,
}

impl Directory {
    /// With the keys of user ids.
    pub(crate) fn new(log: Arc<dyn EventLog>, lookup: LookupKey, identity: IdentityKeys) -> Self {
        let (folded, _) = watch::channel(0);
        Self {
            log,
            lookup,
            identity,
            subjects: Mutex::default(),
            folded,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subjects> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds a record of the topic.
    pub(crate) fn fold(&self, record: &Record) {
        let at = LogPosition {
            partition: record.position.partition,
            offset: record.position.offset,
        };
        let folded = match std::str::from_utf8(&record.key) {
            Ok(key) => self.lock().fold(key, record.value.as_deref(), at).is_ok(),
            Err(_) => false,
        };
        if !folded {
            error!(
                partition = at.partition,
                offset = at.offset,
                "subject record ignored"
            );
        }
        self.folded.send_modify(|count| *count += 1);
    }

    /// The indexes of a user: HMACs, so that the log can't be searched for a known user id.
    pub(crate) fn indexes_of(&self, issuer: &str, user_id: &str) -> UserIndexes {
        self.lookup.indexes(issuer, user_id)
    }

    /// The indexes of an access token's owner.
    pub(crate) fn owner(&self, token: &AccessToken) -> UserIndexes {
        self.indexes_of(token.issuer.as_str(), token.subject.expose())
    }

    /// The reference of an access token's owner, whose indexes are `indexes`; as
    /// [`Directory::subject`].
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn subject_of(
        &self,
        token: &AccessToken,
        indexes: UserIndexes,
    ) -> Result<SubjectRef, Refusal> {
        let (issuer, user) = (token.issuer.as_str(), token.subject.expose());
        self.ruling(indexes, issuer, user).await
    }

    /// The reference of whoever has these indexes, if they have one yet.
    pub(crate) fn known(&self, indexes: &UserIndexes) -> Option<SubjectRef> {
        known(&self.lock(), indexes)
    }

    /// Reads the fold. Nothing may be awaited meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Subjects) -> T) -> T {
        read(&self.lock())
    }

    /// Keys of user ids.
    pub(crate) fn identity_keys(&self) -> &IdentityKeys {
        &self.identity
    }

    /// Keys of lookup indexes.
    pub(crate) fn lookup_keys(&self) -> &LookupKey {
        &self.lookup
    }

    /// An index that a subject's records stand under.
    pub(crate) fn index_of(&self, subject: SubjectRef) -> Option<LookupIndex> {
        self.lock().index_of(subject).cloned()
    }

    /// An item of a subject, still sealed.
    pub(crate) fn item(&self, subject: SubjectRef, item: Item) -> Option<(SubjectKey, Vec<u8>)> {
        self.lock()
            .item(subject, item)
            .map(|(key, value)| (key, value.to_vec()))
    }

    /// The user's reference; a user who is seen for the first time gets one. Where two
    /// instances mint at once, both end with the one that stands first in the log.
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn subject(&self, issuer: &str, user_id: &str) -> Result<SubjectRef, Refusal> {
        self.ruling(self.indexes_of(issuer, user_id), issuer, user_id)
            .await
    }

    /// The references of many users, issuer and user id each, in their order; as
    /// [`Directory::subject`]. What was appended before an error stands, and is found the next time.
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn subjects(
        &self,
        users: &[(&str, &str)],
    ) -> Result<Vec<SubjectRef>, Refusal> {
        let indexes = self.indexes(users);
        let unknown = {
            let (subjects, mut seen) = (self.lock(), HashSet::new());
            let mut unknown: Vec<_> = indexes.iter().cloned().zip(users).collect();
            unknown.retain(|(indexes, _)| {
                known(&subjects, indexes).is_none() && seen.insert(indexes.primary().clone())
            });
            unknown
        };
        let rulings: Vec<_> = unknown
            .into_iter()
            .map(|(indexes, (issuer, user_id))| self.ruling(indexes, issuer, user_id))
            .collect();
        stream::iter(rulings)
            .buffer_unordered(MINTS)
            .try_collect::<Vec<SubjectRef>>()
            .await?;
        let subjects = self.lock();
        let rulings = indexes.iter().map(|indexes| known(&subjects, indexes));
        // Whoever is not there any more has just been erased.
        rulings.collect::<Option<_>>().ok_or(Refusal::Stale)
    }

    /// The references that users have already, in their order.
    pub(crate) fn known_among(&self, users: &[(&str, &str)]) -> Vec<Option<SubjectRef>> {
        let indexes = self.indexes(users);
        let subjects = self.lock();
        let indexes = indexes.iter();
        indexes.map(|indexes| known(&subjects, indexes)).collect()
    }

    fn indexes(&self, users: &[(&str, &str)]) -> Vec<UserIndexes> {
        let users = users.iter();
        users
            .map(|(issuer, user_id)| self.indexes_of(issuer, user_id))
            .collect()
    }

    /// Who the user is. Of a user whom nobody has met, the partition of the oldest key decides,
    /// which all instances share that hold it; where another key is primary, the reference then
    /// goes under its index, whose partition decides between those who no longer hold the oldest.
    async fn ruling(
        &self,
        indexes: UserIndexes,
        issuer: &str,
        user_id: &str,
    ) -> Result<SubjectRef, Refusal> {
        if let Some(subject) = self.known(&indexes) {
            return Ok(subject);
        }
        let identity = Identity::new(issuer, user_id);
        let minted = SubjectRef(Uuid::new_v4());
        let mut claims = vec![(indexes.oldest(), minted)];
        let mut ruling = self.claim(indexes.oldest(), minted, &identity).await?;
        if indexes.primary() != indexes.oldest() {
            claims.push((indexes.primary(), ruling));
            ruling = self.claim(indexes.primary(), ruling, &identity).await?;
        }
        // Another instance may have moved the user while this one was minting.
        let ruling = self.known(&indexes).unwrap_or(ruling);
        for (index, claimed) in claims {
            self.settle(index, claimed, ruling).await;
        }
        Ok(ruling)
    }

    /// Appends a reference under an index; the log says whose that is.
    async fn claim(
        &self,
        index: &LookupIndex,
        subject: SubjectRef,
        identity: &Identity,
    ) -> Result<SubjectRef, Refusal> {
        let key = SubjectKey {
            index: index.clone(),
            subject,
            item: Item::Identity,
        };
        let sealed = self.identity.seal(&key, identity, Timestamp::now());
        let sealed = sealed.map_err(|error| {
            error!(%error, "identity can't be sealed");
            Refusal::Internal
        })?;
        self.put(&key, Some(sealed)).await?;
        self.read_back(|subjects| subjects.subject_of(index)).await
    }

    /// The loser's item must not stay; `erase_losers` repeats this where it fails.
    async fn settle(&self, index: &LookupIndex, claimed: SubjectRef, ruling: SubjectRef) {
        if ruling != claimed {
            let key = SubjectKey {
                index: index.clone(),
                subject: claimed,
                item: Item::Identity,
            };
            let _ = self.put(&key, None).await;
        }
    }

    /// Erases the items of references that lost to an earlier one of the same user.
    pub(crate) async fn erase_losers(&self) {
        let losers = self.lock().losers();
        for key in losers {
            // A failure is logged where it happens, and repeated with the next call.
            let _ = self.put(&key, None).await;
        }
    }

    /// Appends an item; `None` erases it.
    ///
    /// # Errors
    /// The log can't be written.
    pub(crate) async fn put(
        &self,
        key: &SubjectKey,
        value: Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        let record = NewRecord {
            key: key.to_string(),
            event: CloudEvent {
                id: EventId(Uuid::now_v7()).0,
                source: SOURCE.to_owned(),
                kind: "smarthome.subject.item.v1".to_owned(),
                subject: None,
                time: Timestamp::now(),
                dataschema: None,
                traceparent: None,
            },
            value: value.map(Into::into),
        };
        self.log
            .append(Topic::Subjects, record)
            .await
            .map(|_| ())
            .map_err(|error| {
                warn!(topic = Topic::Subjects.name(), %error, "append failed");
                Refusal::Log
            })
    }

    /// Appends an item, and waits until it is known here.
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn keep(&self, key: &SubjectKey, sealed: Vec<u8>) -> Result<(), Refusal> {
        self.put(key, Some(sealed)).await?;
        self.read_back(|subjects| subjects.item(key.subject, key.item).map(drop))
            .await
    }

    /// Erases an item, and waits until it is no longer known here.
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn erase(&self, key: &SubjectKey) -> Result<(), Refusal> {
        self.put(key, None).await?;
        self.read_back(|subjects| {
            let gone = subjects.item(key.subject, key.item).is_none();
            gone.then_some(())
        })
        .await
    }

    /// Waits until the fold answers.
    ///
    /// # Errors
    /// It doesn't in time.
    pub(crate) async fn read_back<T>(
        &self,
        read: impl Fn(&Subjects) -> Option<T>,
    ) -> Result<T, Refusal> {
        let mut folded = self.folded.subscribe();
        let wait = async {
            loop {
                folded.borrow_and_update();
                if let Some(answer) = read(&self.lock()) {
                    return answer;
                }
                if folded.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(READ_BACK, wait)
            .await
            .map_err(|_| Refusal::Stale)
    }
}

/// Who has these indexes, that of the newest key first.
fn known(subjects: &Subjects, indexes: &UserIndexes) -> Option<SubjectRef> {
    let mut indexes = indexes.newest_first();
    indexes.find_map(|index| subjects.subject_of(index))
}
