//! What of one log goes to an archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use auditlog::{Checkpoint, CheckpointVerifier, ENTRIES_PER_BUNDLE, LogId, LogReader, Origin};
use bytes::Bytes;
use domain::commands::{KEY_WINDOW, LEEWAY};
use object_store::ObjectStore;

use crate::pass::{self, Placed, Range};
use crate::record::{self, COLUMNS, Shown, csv_row};
use crate::{Contents, Error, Exported, Needed, ReadOnly, Recording};

/// A log, and what its checkpoint has to be signed with.
#[derive(Clone)]
pub struct SignedLog {
    /// The log.
    pub log: LogId,
    /// Its name in checkpoints.
    pub origin: Origin,
    /// The key.
    pub verifier: CheckpointVerifier,
    /// Where it lies.
    pub store: Arc<dyn ObjectStore>,
}

impl SignedLog {
    /// A reader of it.
    ///
    /// # Errors
    /// As [`LogReader::open`].
    pub fn reader(&self) -> auditlog::Result<LogReader> {
        let (origin, store) = (self.origin.clone(), Arc::clone(&self.store));
        LogReader::open(self.log.clone(), origin, store, self.verifier.clone())
    }
}

/// Of one log, what goes to the archive.
pub struct Part {
    /// Which part it is.
    pub exported: Exported,
    /// Records of the period.
    pub records: u64,
    pub(crate) log: LogId,
    pub(crate) store: Arc<dyn ObjectStore>,
    /// With their bytes.
    pub(crate) objects: BTreeMap<String, u64>,
    pub(crate) jsonl: File,
    pub(crate) csv: File,
}

/// How far it is.
pub enum Step<'a> {
    /// A pass begins, over so many leaves.
    Begins(u64),
    /// A leaf was looked at.
    Looked,
    /// A leaf goes to the archive: of the period, or beside it in a bundle of its records.
    Taken(&'a Placed<'a>),
}

impl Part {
    /// Proves a log, chooses the bundles, `most` at most, and reads them again with all that proves them. `step`
    /// is told how far it is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn take(
        mut signed: SignedLog,
        contents: &Contents,
        most: u64,
        step: &mut (dyn FnMut(Step<'_>) + Send),
    ) -> Result<Self, Error> {
        let reader = signed.reader()?;
        let checkpoint = reader.checkpoint().await?;
        let log = signed.log.clone();
        let note = |of: &Checkpoint| Bytes::copy_from_slice(of.note().as_bytes());
        let mut pinned = BTreeMap::from([(format!("{log}/checkpoint"), note(&checkpoint))]);
        let cosigned = reader.cosigned().await?;
        let cosigned = cosigned.filter(|cosigned| cosigned.size() <= checkpoint.size());
        pinned.extend(
            cosigned
                .iter()
                .map(|of| (format!("{log}/cosigned"), note(of))),
        );
        let needed = Needed::default();
        // A log that grows meanwhile stays as it is here.
        signed.store = Arc::new(ReadOnly(Recording {
            store: signed.store,
            pinned,
            needed: needed.clone(),
        }));
        let range = choose(&signed, &checkpoint, contents, step).await?;
        if range.1 - range.0 > most {
            return Err(Error::TooMuch {
                log: log.to_string(),
                bundles: range.1 - range.0,
            });
        }
        needed.take();
        let mut jsonl = BufWriter::new(tempfile::tempfile().map_err(Error::Room)?);
        let mut csv = BufWriter::new(tempfile::tempfile().map_err(Error::Room)?);
        csv.write_all(&csv_row(COLUMNS)).map_err(Error::Room)?;
        let mut records = 0;
        let end = (range.1 * ENTRIES_PER_BUNDLE).min(checkpoint.size());
        step(Step::Begins(
            end.saturating_sub(range.0 * ENTRIES_PER_BUNDLE),
        ));
        let reader = signed.reader()?;
        let checkpoint = reader.checkpoint().await?;
        let gone = pass::over::<Error>(&reader, &checkpoint, range, true, &mut |placed| {
            step(Step::Taken(&placed));
            if !contents.has(&log, time(&placed)) {
                return Ok(());
            }
            records += 1;
            let shown = Shown::new(&log, placed.index, placed.leaf, placed.position);
            let line = jsonl.write_all(shown.line().as_bytes());
            line.and_then(|()| csv.write_all(&shown.csv()))
                .map_err(Error::Room)
        })
        .await?;
        if let Some(unseen) = gone.words() {
            let log = log.to_string();
            return Err(Error::Pruned { log, unseen });
        }
        if cosigned.is_some() {
            // With the tiles that show it to be on the same tree.
            reader.cosigned().await?;
        }
        Ok(Self {
            exported: Exported {
                log: log.to_string(),
                size: checkpoint.size(),
                first_bundle: range.0,
                end_bundle: range.1,
            },
            records,
            objects: needed.take(),
            store: signed.store,
            jsonl: rewound(jsonl)?,
            csv: rewound(csv)?,
            log,
        })
    }
}

fn time(placed: &Placed<'_>) -> Option<jiff::Timestamp> {
    let event = record::read(placed.leaf).ok();
    event.map(|event| event.occurred_at)
}

fn rewound(file: BufWriter<File>) -> Result<File, Error> {
    let file = file.into_inner();
    let mut file = file.map_err(|error| Error::Room(error.into_error()))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::Room)?;
    Ok(file)
}

/// The bundles that have a record of the period, or one so short before it that a decision of the
/// period may have seen it; in between all.
async fn choose(
    signed: &SignedLog,
    checkpoint: &Checkpoint,
    contents: &Contents,
    step: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Range, Error> {
    let before = KEY_WINDOW + LEEWAY + LEEWAY;
    let wider = Contents {
        from: contents
            .from
            .map(|from| from.checked_sub(before).unwrap_or(from)),
        ..contents.clone()
    };
    let mut chosen: Option<Range> = None;
    let all = pass::all(checkpoint);
    step(Step::Begins(checkpoint.size()));
    pass::over::<Error>(&signed.reader()?, checkpoint, all, false, &mut |placed| {
        step(Step::Looked);
        let at = time(&placed);
        if at.is_some() && wider.has(&signed.log, at) {
            let bundle = placed.index / ENTRIES_PER_BUNDLE;
            let first = chosen.map_or(bundle, |(first, _)| first);
            chosen = Some((first, bundle + 1));
        }
        Ok(())
    })
    .await?;
    Ok(chosen.unwrap_or_default())
}
