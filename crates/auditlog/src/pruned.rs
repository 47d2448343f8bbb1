//! What was taken away from a log because it had expired, said by the holder of the log's key.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::tiles::{ENTRIES_PER_BUNDLE, FULL, Name};
use crate::{CheckpointSigner, CheckpointVerifier, Error, LogId, Origin, Result, fetch};

/// The second line; of a checkpoint it is a number, so that neither is taken for the other.
const FORMAT: &str = "pruned/1";

/// One time that bundles were taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Every record of these bundles was taken in by the event log before this, in milliseconds
    /// since 1970.
    pub before: i64,
    /// Bundles that follow each other; the end is the first that isn't one of them.
    pub bundles: Range<u64>,
}

/// All that was ever taken away from a log: `pruned`, a signed note (C2SP signed-note) under the
/// log's origin. No part of C2SP.
///
/// Its text is the origin, a line `pruned/1`, and a line `<first>-<last> <before> <at>` for each
/// run of bundles. Bundles go with their positions; hashes stay, and so does every proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// In the order in which it was done.
    pub prunings: Vec<Pruning>,
}

impl Pruned {
    /// Whether a bundle was taken away.
    pub fn has(&self, bundle: u64) -> bool {
        let mut bundles = self.prunings.iter().map(|pruning| &pruning.bundles);
        bundles.any(|bundles| bundles.contains(&bundle))
    }

    /// What the log's storage says was taken away; nothing where nothing is said.
    ///
    /// # Errors
    /// [`Error::Untrusted`] where it isn't well formed or not signed by this key; [`Error::Store`].
    pub async fn read(
        store: &dyn ObjectStore,
        log: &LogId,
        origin: &Origin,
        verifier: &CheckpointVerifier,
    ) -> Result<Self> {
        let note = match fetch::exact(store, log, Name::Pruned).await {
            Err(Error::Missing { .. }) => return Ok(Self::default()),
            other => other?,
        };
        let text = verifier.text(origin, &note)?;
        Self::parse(origin, &text).ok_or_else(|| Error::Untrusted {
            origin: origin.to_string(),
            detail: "what it says was pruned can't be read",
        })
    }

    /// Says, signed and durable, that these bundles are taken away: before anything of them is.
    ///
    /// # Errors
    /// [`Error::Conflict`] where somebody else prunes at the same time; [`Error::Store`].
    pub async fn say(
        &self,
        store: &dyn ObjectStore,
        log: &LogId,
        origin: &Origin,
        signer: &CheckpointSigner,
    ) -> Result<()> {
        let note = Bytes::from(signer.note(origin, self.text(origin).as_bytes())?);
        store.put(&Name::Pruned.path(log), note.into()).await?;
        self.check(store, log, origin, signer.verifier()).await
    }

    /// Removes the bundles with their positions, of which it was [said](Self::say). Those that were
    /// removed before are so again, where a run was cut short.
    ///
    /// # Errors
    /// [`Error::Conflict`] where that was not said, or something else since: nothing is removed;
    /// [`Error::Store`]: do it again.
    pub async fn remove(
        &self,
        store: &dyn ObjectStore,
        log: &LogId,
        origin: &Origin,
        verifier: &CheckpointVerifier,
    ) -> Result<()> {
        self.check(store, log, origin, verifier).await?;
        for index in self.prunings.iter().flat_map(|p| p.bundles.clone()) {
            for name in [
                Name::Entries { index, width: FULL },
                Name::Positions { index, width: FULL },
                Name::Offset { index },
            ] {
                match store.delete(&name.path(log)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    async fn check(
        &self,
        store: &dyn ObjectStore,
        log: &LogId,
        origin: &Origin,
        verifier: &CheckpointVerifier,
    ) -> Result<()> {
        match Self::read(store, log, origin, verifier).await? == *self {
            true => Ok(()),
            false => Err(Error::Conflict {
                log: log.to_string(),
            }),
        }
    }

    fn text(&self, origin: &Origin) -> String {
        let mut text = format!("{origin}\n{FORMAT}\n");
        for pruning in &self.prunings {
            let Range { start, end } = pruning.bundles;
            let (last, before, at) = (end.saturating_sub(1), pruning.before, pruning.at);
            // Writing to a text can't fail.
            let _ = writeln!(text, "{start}-{last} {before} {at}");
        }
        text
    }

    /// Reads exactly what [`text`](Self::text) writes.
    fn parse(origin: &Origin, text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut prunings = Vec::new();
        for line in text.lines().skip(2) {
            let mut words = line.split(' ');
            let (first, last) = words.next()?.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            let (before, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            if first > last || last > crate::MAX_LEAVES / ENTRIES_PER_BUNDLE {
                return None;
            }
            prunings.push(Pruning {
                at,
                before,
                bundles: first..last + 1,
            });
        }
        let read = Self { prunings };
        (read.text(origin) == text).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_reads_what_it_writes_and_nothing_else() {
        let log = LogId::new("access.events.v1", "sunrise").unwrap();
        let origin = Origin::new("audit.example", &log).unwrap();
        let pruned = Pruned {
            prunings: vec![
                Pruning {
                    at: 9,
                    before: -1,
                    bundles: 0..3,
                },
                Pruning {
                    at: 10,
                    before: 5,
                    bundles: 4..5,
                },
            ],
        };
        let text = pruned.text(&origin);
        assert_eq!(
            text,
            "audit.example/access.events.v1/sunrise\npruned/1\n0-2 -1 9\n4-4 5 10\n"
        );
        assert_eq!(
            Pruned::parse(&origin, text.as_bytes()),
            Some(pruned.clone())
        );
        assert!(pruned.has(2) && pruned.has(4) && !pruned.has(3) && !pruned.has(5));
        for wrong in [
            text.replace("0-2", "2-0"),
            text.replace("0-2", "00-2"),
            text.replace("0-2", "+0-2"),
            text.replace("pruned/1", "7"),
            text.replace("sunrise", "sunset"),
            text.replace("4-4 5 10", "4-4 5 10 11"),
            text.trim_end().to_owned(),
        ] {
            assert_eq!(Pruned::parse(&origin, wrong.as_bytes()), None, "{wrong}");
        }
    }
}
