//! What a writer checks before it goes on with a log: that the head, the stored objects and the
//! published checkpoint belong to one tree.

use std::collections::HashMap;

use bytes::Bytes;
use futures::stream::{StreamExt, TryStreamExt};

use crate::edge::Edge;
use crate::prove::Tree;
use crate::tiles::Name;
use crate::writer::IO_AT_ONCE;
use crate::{Checkpoint, Error, Head, LogWriter, Result, fetch};

impl LogWriter {
    /// The right edge that the stored objects describe, which must have the head's root.
    pub(crate) async fn read_edge(&self, head: &Head) -> Result<Edge> {
        let objects: HashMap<Name, Bytes> = futures::stream::iter(Edge::names(head.size))
            .map(|name| async move {
                match fetch::object(&*self.store, &self.log, name).await {
                    Ok(bytes) => Ok(Some((name, bytes))),
                    Err(Error::Missing { .. }) => Ok(None),
                    Err(e) => Err(e),
                }
            })
            .buffer_unordered(IO_AT_ONCE)
            .try_filter_map(|found| std::future::ready(Ok(found)))
            .try_collect()
            .await?;
        let edge = self.derive(head.size, |name| objects.get(&name).cloned())?;
        if edge.root() != head.root {
            return Err(self.mismatch("doesn't match the head: the stored tiles have another root"));
        }
        Ok(edge)
    }

    /// The published checkpoint, which must be signed by a key of ours.
    pub(crate) async fn read_checkpoint(&self) -> Result<Option<Checkpoint>> {
        match fetch::exact(&*self.store, &self.log, Name::Checkpoint).await {
            Ok(note) => self.signer.verifier().verify(&self.origin, &note).map(Some),
            Err(Error::Missing { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The published checkpoint and the head must be of one tree, whichever is further.
    pub(crate) async fn compare_checkpoint(&self) -> Result<()> {
        let (Some(head), Some(published)) = (&self.head, &self.published) else {
            return Ok(());
        };
        let (long, short) = if published.size() >= head.size {
            ((published.size(), published.root()), (head.size, head.root))
        } else {
            ((head.size, head.root), (published.size(), published.root()))
        };
        let tree = Tree {
            store: &*self.store,
            log: &self.log,
            size: long.0,
            root: long.1,
        };
        if tree.root_at(short.0).await? == short.1 {
            Ok(())
        } else {
            Err(self.mismatch("isn't on the same tree as the head"))
        }
    }
}
