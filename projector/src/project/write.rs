//! Writing what a batch of records made, with the alarms that follow from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::id::{CommandId, ComplexId};
use futures::future::{try_join, try_join_all};

use crate::store::{Progress, StoreError, ViewReader, ViewStore};
use crate::views::{AccessRow, AlarmRow, CommandRows, DigestRow, ObservationRow, RowWrite, alarms};

/// Writes the rows of records that follow each other, the first of them at `from`, then what
/// follows from all that is written by then, then the progress. Gives the alarms that these records
/// brought about. Doing it again changes nothing.
///
/// # Errors
/// [`StoreError`]: write them again.
pub(crate) async fn write(
    store: &dyn ViewStore,
    rows: Vec<RowWrite>,
    from: u64,
    progress: Progress,
) -> Result<Vec<AlarmRow>, StoreError> {
    let looked_at = LookedAt::of(&rows);
    let mut found = told(&rows);
    if looked_at.is_empty() {
        store.apply(rows, progress).await?;
        return Ok(found);
    }
    let unfinished = Progress {
        next: from,
        ..progress
    };
    store.apply(rows, unfinished).await?;
    let (observations, derived) = looked_at.derive(store).await?;
    let written = observations.into_iter().map(RowWrite::Observation);
    let alarms = derived.iter().cloned().map(Box::new);
    let rows = written.chain(alarms.map(RowWrite::Alarm));
    store.apply(rows.collect(), progress).await?;
    let new = derived.into_iter().filter(|alarm| alarm.since() >= from);
    found.extend(new);
    Ok(found)
}

/// The alarms that single records are.
fn told(rows: &[RowWrite]) -> Vec<AlarmRow> {
    let alarms = rows.iter().filter_map(|row| match row {
        RowWrite::Alarm(alarm) => Some(alarm.as_ref().clone()),
        _ => None,
    });
    alarms.collect()
}

/// What an alarm may follow from.
#[derive(Default)]
struct LookedAt {
    /// Partners' events with their contents.
    events: Vec<(AccessRow, DigestRow)>,
    /// Commands of which there is a new definite completion; any other contradicts nothing.
    completed: Commands,
}

/// Some commands of each complex.
type Commands = BTreeMap<ComplexId, BTreeSet<CommandId>>;

impl LookedAt {
    fn of(rows: &[RowWrite]) -> Self {
        let mut looked_at = Self::default();
        let mut contents = BTreeMap::new();
        for row in rows {
            match row {
                RowWrite::Digest(digest) => {
                    contents.insert((&digest.complex, digest.offset), digest);
                }
                RowWrite::Completion(row) if row.outcome.is_definite() => {
                    let completed = looked_at.completed.entry(row.complex.clone());
                    completed.or_default().insert(row.command);
                }
                _ => {}
            }
        }
        for row in rows {
            if let RowWrite::Access(access) = row
                && let Some(digest) = contents.get(&(&access.complex, access.offset))
            {
                let event = (access.as_ref().clone(), (*digest).clone());
                looked_at.events.push(event);
            }
        }
        looked_at
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.completed.is_empty()
    }

    /// What follows. Of most commands nobody reports, and a report that is new needs no older one: so
    /// little is read.
    async fn derive(
        self,
        store: &dyn ViewStore,
    ) -> Result<(Vec<ObservationRow>, Vec<AlarmRow>), StoreError> {
        let reader = &*store.reader();
        let (mut observations, mut found) = (Vec::new(), Vec::new());
        let (accesses, digests): (Vec<_>, Vec<_>) = self.events.into_iter().unzip();
        let sent = reader.sent(&digests);
        let (sent, mut reported) = try_join(sent, reported(reader, &self.completed)).await?;
        for (access, sent) in accesses.iter().zip(&sent) {
            let seen = sent.as_ref().map(|sent| alarms::of_event(access, sent));
            let seen = seen.unwrap_or_default();
            observations.extend(seen.observation);
            found.extend(seen.alarm);
        }
        for seen in &observations {
            let of_complex = reported.entry(seen.complex.clone()).or_default();
            let rows = of_complex.entry(seen.command).or_default();
            rows.retain(|row| row.position != seen.position);
            rows.push(seen.clone());
        }
        let alarms = reported.into_iter().map(|(complex, reported)| async move {
            let commands: Vec<CommandId> = reported.keys().copied().collect();
            let mut rulings = reader.rulings(&complex, &commands).await?;
            let rows = reported
                .into_iter()
                .map(|(command, observations)| CommandRows {
                    observations,
                    ..rulings.remove(&command).unwrap_or_default()
                });
            let alarms = rows.flat_map(|rows| alarms::of_command(&rows));
            Ok::<_, StoreError>(alarms.collect::<Vec<_>>())
        });
        found.extend(try_join_all(alarms).await?.into_iter().flatten());
        Ok((observations, found))
    }
}

/// What partners report of commands so far.
async fn reported(
    reader: &dyn ViewReader,
    commands: &Commands,
) -> Result<HashMap<ComplexId, HashMap<CommandId, Vec<ObservationRow>>>, StoreError> {
    let reported = commands.iter().map(|(complex, commands)| async move {
        let commands: Vec<CommandId> = commands.iter().copied().collect();
        let found = reader.observed(complex, &commands).await?;
        Ok::<_, StoreError>((complex.clone(), found))
    });
    Ok(try_join_all(reported).await?.into_iter().collect())
}
