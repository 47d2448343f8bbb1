//! Reads a log as it stood at one checkpoint, and remembers which objects that took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, Result};

use crate::Objects;

/// What was asked for and found.
#[derive(Clone, Default)]
pub struct Needed(Arc<Mutex<BTreeMap<String, u64>>>);

impl Needed {
    /// All of it with its bytes, by path; forgotten here.
    pub fn take(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A store whose reads are remembered.
pub struct Recording {
    /// What is read from.
    pub store: Arc<dyn ObjectStore>,
    /// Objects that are given out as they were before, by path.
    pub pinned: BTreeMap<String, Bytes>,
    /// Where it is remembered.
    pub needed: Needed,
}

#[async_trait]
impl Objects for Recording {
    async fn get(&self, path: &str) -> Result<Bytes> {
        let bytes = match self.pinned.get(path) {
            Some(bytes) => bytes.clone(),
            None => self.store.get(&Path::from(path)).await?.bytes().await?,
        };
        let mut needed = self.needed.0.lock().unwrap_or_else(PoisonError::into_inner);
        needed.insert(path.to_owned(), bytes.len() as u64);
        Ok(bytes)
    }
}
