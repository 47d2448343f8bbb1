//! Who a user is to the log: finds the reference of an issuer's user, or mints one.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authn::token::AccessToken;
use domain::event::LogPosition;
use domain::{EventId, SubjectRef};
use eventlog::{CloudEvent, EventLog, NewRecord, Record, Topic};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use privacy::{Identity, IdentityKeys, Item, LookupIndex, LookupKey, SubjectKey, Subjects};
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

    /// The index of a user: an HMAC, so that the log can't be searched for a known user id.
    pub(crate) fn index(&self, issuer: &str, user_id: &str) -> LookupIndex {
        self.lookup.index(issuer, user_id)
    }

    /// The index of an access token's owner.
    pub(crate) fn owner(&self, token: &AccessToken) -> LookupIndex {
        self.index(token.issuer.as_str(), token.subject.expose())
    }

    /// The reference of an access token's owner, whose index is `index`; as [`Directory::subject`].
    ///
    /// # Errors
    /// The log can't be written or read back.
    pub(crate) async fn subject_of(
        &self,
        token: &AccessToken,
        index: LookupIndex,
    ) -> Result<SubjectRef, Refusal> {
        let (issuer, user) = (token.issuer.as_str(), token.subject.expose());
        self.ruling(index, issuer, user).await
    }

    /// The reference of whoever has this index, if they have one yet.
    pub(crate) fn known(&self, index: &LookupIndex) -> Option<SubjectRef> {
        self.lock().subject_of(index)
    }

    /// The index that a subject was minted under.
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
        self.ruling(self.index(issuer, user_id), issuer, user_id)
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
            unknown.retain(|(index, _)| {
                subjects.subject_of(index).is_none() && seen.insert(index.clone())
            });
            unknown
        };
        let mints: Vec<_> = unknown
            .into_iter()
            .map(|(index, (issuer, user_id))| self.mint(index, issuer, user_id))
            .collect();
        let minted: Vec<SubjectKey> = stream::iter(mints)
            .buffer_unordered(MINTS)
            .try_collect()
            .await?;
        let rulings: Vec<SubjectRef> = self
            .read_back(|subjects| {
                let indexes = indexes.iter();
                indexes.map(|index| subjects.subject_of(index)).collect()
            })
            .await?;
        let ruled: HashMap<_, _> = indexes.iter().zip(&rulings).collect();
        for key in &minted {
            if let Some(ruling) = ruled.get(&key.index) {
                self.settle(key, **ruling).await;
            }
        }
        Ok(rulings)
    }

    /// The references that users have already, in their order.
    pub(crate) fn known_among(&self, users: &[(&str, &str)]) -> Vec<Option<SubjectRef>> {
        let indexes = self.indexes(users);
        let subjects = self.lock();
        let indexes = indexes.iter();
        indexes.map(|index| subjects.subject_of(index)).collect()
    }

    fn indexes(&self, users: &[(&str, &str)]) -> Vec<LookupIndex> {
        let users = users.iter();
        users
            .map(|(issuer, user_id)| self.index(issuer, user_id))
            .collect()
    }

    async fn ruling(
        &self,
        index: LookupIndex,
        issuer: &str,
        user_id: &str,
    ) -> Result<SubjectRef, Refusal> {
        if let Some(subject) = self.lock().subject_of(&index) {
            return Ok(subject);
        }
        let minted = self.mint(index, issuer, user_id).await?;
        let ruling = self
            .read_back(|subjects| subjects.subject_of(&minted.index))
            .await?;
        self.settle(&minted, ruling).await;
        Ok(ruling)
    }

    /// Appends a new reference; the log says whether it is the user's.
    async fn mint(
        &self,
        index: LookupIndex,
        issuer: &str,
        user_id: &str,
    ) -> Result<SubjectKey, Refusal> {
        let key = SubjectKey {
            index,
            subject: SubjectRef(Uuid::new_v4()),
            item: Item::Identity,
        };
        let now = Timestamp::now();
        let sealed = self
            .identity
            .seal(&key, &Identity::new(issuer, user_id), now)
            .map_err(|error| {
                error!(%error, "identity can't be sealed");
                Refusal::Internal
            })?;
        self.put(&key, Some(sealed)).await?;
        Ok(key)
    }

    /// The loser's item must not stay; `erase_losers` repeats this where it fails.
    async fn settle(&self, minted: &SubjectKey, ruling: SubjectRef) {
        if ruling != minted.subject {
            let _ = self.put(minted, None).await;
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

    /// Whether an item is known here.
    pub(crate) fn knows(&self, key: &SubjectKey) -> bool {
        self.lock().item(key.subject, key.item).is_some()
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
    async fn read_back<T>(&self, read: impl Fn(&Subjects) -> Option<T>) -> Result<T, Refusal> {
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
