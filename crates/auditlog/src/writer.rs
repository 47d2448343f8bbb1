use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};

use crate::edge::{Edge, Object};
use crate::tiles::{ENTRIES_PER_BUNDLE, Name, completed};
use crate::{
    Checkpoint, CheckpointSigner, Error, Head, HeadError, HeadStore, Leaf, LogId, MAX_LEAVES,
    Origin, Result, TreeHash, store,
};

pub(crate) const IO_AT_ONCE: usize = 8;

/// The one writer of a log.
///
/// It never trusts its memory over what is stored: see [`append`](Self::append). It is meant to
/// be the only one; a second one, wherever it runs, is refused by the head's compare-and-set
/// and can't fork the log. A writer that is paused after it moved the head, and wakes when
/// another has gone on, publishes nothing: it looks at the head once more, just before and just
/// after. Only where it was paused between the first look and the end of the put an older
/// checkpoint stands in place of the newer one, until it wakes, finds out and opens the log
/// again, or another append; readers notice and refuse it.
pub struct LogWriter {
    pub(crate) log: LogId,
    pub(crate) origin: Origin,
    pub(crate) store: Arc<dyn ObjectStore>,
    heads: Arc<dyn HeadStore>,
    pub(crate) signer: Arc<CheckpointSigner>,
    edge: Edge,
    pub(crate) head: Option<Head>,
    pub(crate) published: Option<Checkpoint>,
    /// An append has begun and not ended well.
    broken: bool,
}

impl LogWriter {
    /// Opens a log to append to it, or begins it.
    ///
    /// The right edge is read from the stored tiles and bundle, and must have the head's root;
    /// the published checkpoint must be ours and on the same tree. A checkpoint that a crash
    /// kept from being published is published now, and so is one that a key of the signer has not
    /// signed yet.
    ///
    /// A head that is older than the checkpoint, or gone, is taken as it is: the same records
    /// must then be appended again and give the same bytes, and until the log has regained the
    /// checkpoint's size (and its root, exactly) no checkpoint is signed.
    ///
    /// # Errors
    /// [`Error::Mismatch`] or [`Error::Untrusted`]: the log is halted, see their texts.
    /// [`Error::Key`] when the key isn't for this origin. [`Error::Store`] and [`Error::Head`]:
    /// try again.
    pub async fn open(
        log: LogId,
        origin: Origin,
        store: Arc<dyn ObjectStore>,
        heads: Arc<dyn HeadStore>,
        signer: Arc<CheckpointSigner>,
    ) -> Result<Self> {
        signer.verifier().check_origin(&origin)?;
        let mut writer = Self {
            log,
            origin,
            store,
            heads,
            signer,
            edge: Edge::default(),
            head: None,
            published: None,
            broken: false,
        };
        writer.head = writer.load_head().await?;
        if let Some(head) = &writer.head {
            writer.edge = writer.read_edge(head).await?;
        }
        writer.published = writer.read_checkpoint().await?;
        writer.compare_checkpoint().await?;
        if writer.is_to_be_published() {
            writer.publish().await?;
        }
        let size = writer.edge.size();
        writer
            .tidy(size.saturating_sub(ENTRIES_PER_BUNDLE), size)
            .await;
        Ok(writer)
    }

    /// Where the log ends; `None` before its first leaf. Leaves from `next_offset` on are
    /// expected next.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The checkpoint that is published; `None` before the first leaf.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.published.as_ref()
    }

    /// Appends leaves, each with its offset in the event log, and returns when they are durable
    /// and a checkpoint covers them.
    ///
    /// In this order: new tiles and bundles are created (one that exists must be byte for byte
    /// the same) and read back; the root is derived from what was read; the head moves from
    /// where this writer knows it to be; the checkpoint is signed and replaced; partial tiles
    /// and bundles of which the full one now exists are removed.
    ///
    /// After an error, or when this future is dropped half-way, the writer is closed. Opened
    /// again it stands before or behind the whole batch (or, while regaining a checkpoint, at
    /// that one's size); appending from its head's `next_offset` on gives the same bytes as if
    /// nothing had happened.
    ///
    /// # Errors
    /// [`Error::Order`] and [`Error::Amount`] refuse the batch and leave the writer open.
    /// [`Error::Conflict`]: another writer is at work. [`Error::Mismatch`]: the log is halted.
    /// [`Error::Store`], [`Error::Head`], [`Error::Closed`]: open it again.
    pub async fn append(&mut self, mut leaves: Vec<(u64, Leaf)>) -> Result<Head> {
        if self.broken {
            return Err(Error::Closed {
                log: self.log.to_string(),
            });
        }
        self.check(&leaves)?;
        self.broken = true;
        // A tree that was signed before must be met again at exactly its size.
        let until_signed = self.published_size().saturating_sub(self.edge.size());
        if (1..leaves.len() as u64).contains(&until_signed) {
            let rest = leaves.split_off(until_signed as usize);
            self.extend(std::mem::replace(&mut leaves, rest)).await?;
        }
        let head = self.extend(leaves).await?;
        self.broken = false;
        Ok(head)
    }

    fn check(&self, leaves: &[(u64, Leaf)]) -> Result<()> {
        let mut least = self.head.as_ref().map_or(0, |head| head.next_offset);
        for (offset, _) in leaves {
            if *offset < least || *offset == u64::MAX {
                return Err(Error::Order {
                    log: self.log.to_string(),
                    least,
                    got: *offset,
                });
            }
            least = offset + 1;
        }
        let room = MAX_LEAVES - self.edge.size();
        if leaves.is_empty() || leaves.len() as u64 > room {
            return Err(Error::Amount {
                log: self.log.to_string(),
                max: MAX_LEAVES,
            });
        }
        Ok(())
    }

    async fn extend(&mut self, leaves: Vec<(u64, Leaf)>) -> Result<Head> {
        // A writer that has been overtaken should not leave objects of its own.
        self.not_overtaken().await?;
        let mut planned = self.edge.clone();
        let mut objects = Vec::new();
        let (mut first_offset, mut next_offset) = (None, 0);
        for (offset, leaf) in &leaves {
            planned.push(*offset, leaf, &mut objects);
            first_offset = first_offset.or(Some(*offset));
            next_offset = offset + 1;
        }
        drop(leaves);
        objects.extend(planned.partials(self.edge.size()));
        let written = match self.write(objects).await {
            // What was there a moment ago is gone: only a writer that is further along removes objects.
            Err(error @ Error::Missing { .. }) => {
                self.not_overtaken().await?;
                return Err(error);
            }
            other => other?,
        };
        let size = planned.size();
        let derived = self.derive(size, |name| {
            written
                .get(&name)
                .cloned()
                .or_else(|| self.edge.object(name))
        })?;
        let root = derived.root();
        if root != planned.root() {
            return Err(self.mismatch("doesn't get the root that was written"));
        }
        self.meet_published(size, root)?;
        let head = Head {
            size,
            root,
            first_offset: match &self.head {
                Some(head) => head.first_offset,
                None => first_offset.unwrap_or_default(),
            },
            next_offset,
        };
        let moved = self
            .heads
            .compare_and_set(&self.log, self.head.as_ref(), &head);
        moved.await.map_err(|e| self.head_error(e))?;
        let before = self.edge.size();
        self.edge = derived;
        self.head = Some(head.clone());
        if self.published_size() < size {
            self.publish().await?;
        }
        self.tidy(before, size).await;
        Ok(head)
    }

    /// Creates objects, and gives the partial ones as they are stored then.
    async fn write(&self, objects: Vec<Object>) -> Result<HashMap<Name, Bytes>> {
        futures::stream::iter(objects)
            .map(|object| store::create(&*self.store, &self.log, object))
            .buffer_unordered(IO_AT_ONCE)
            .try_filter(|(name, _)| std::future::ready(name.is_partial()))
            .try_collect()
            .await
    }

    pub(crate) fn derive(&self, size: u64, object: impl Fn(Name) -> Option<Bytes>) -> Result<Edge> {
        Edge::from_objects(size, object).map_err(|(name, why)| name.mismatch(&self.log, why))
    }

    fn meet_published(&self, size: u64, root: TreeHash) -> Result<()> {
        match &self.published {
            Some(signed) if signed.size() == size && signed.root() != root => {
                Err(self.mismatch("has another root at this size than the leaves give"))
            }
            _ => Ok(()),
        }
    }

    /// Whether what is published is behind the head, or lacks a signature. One that is ahead was
    /// signed before, and is met again first.
    fn is_to_be_published(&self) -> bool {
        let size = self.edge.size();
        match &self.published {
            None => size > 0,
            Some(published) => {
                published.size() < size
                    || published.size() == size && !self.signer.has_signed(published)
            }
        }
    }

    /// Publishes the tree as this writer knows it, if that is still the newest.
    async fn publish(&mut self) -> Result<()> {
        let size = self.edge.size();
        let checkpoint = self.signer.sign(&self.origin, size, self.edge.root())?;
        let note = Bytes::copy_from_slice(checkpoint.note().as_bytes());
        let path = Name::Checkpoint.path(&self.log);
        self.not_overtaken().await?;
        self.store.put(&path, note.into()).await?;
        self.published = Some(checkpoint);
        // What was put in place of a newer one is replaced when the log is opened again.
        self.not_overtaken().await
    }

    /// The head is where this writer knows it to be.
    async fn not_overtaken(&self) -> Result<()> {
        match self.load_head().await? == self.head {
            true => Ok(()),
            false => Err(self.conflict()),
        }
    }

    /// Removes the partial forms of what became full. What stays behind does no harm.
    async fn tidy(&self, from: u64, to: u64) {
        for name in completed(from, to) {
            let partials = self.store.list(Some(&name.partials(&self.log)));
            let locations = partials.map_ok(|object| object.location).boxed();
            let removed = self.store.delete_stream(locations);
            if let Err(error) = removed.try_for_each(|_| std::future::ready(Ok(()))).await {
                tracing::debug!(log = %self.log, object = name.relative(), %error,
                    "partial objects stay until the log is tidied again");
            }
        }
    }

    async fn load_head(&self) -> Result<Option<Head>> {
        self.heads
            .load(&self.log)
            .await
            .map_err(|e| self.head_error(e))
    }

    fn published_size(&self) -> u64 {
        self.published.as_ref().map_or(0, Checkpoint::size)
    }

    fn head_error(&self, source: HeadError) -> Error {
        match source {
            HeadError::Conflict => self.conflict(),
            source => Error::Head {
                log: self.log.to_string(),
                source,
            },
        }
    }

    fn conflict(&self) -> Error {
        Error::Conflict {
            log: self.log.to_string(),
        }
    }

    pub(crate) fn mismatch(&self, detail: &'static str) -> Error {
        Name::Checkpoint.mismatch(&self.log, detail)
    }
}
