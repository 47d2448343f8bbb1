//! Writing what a batch of records made, with the alarms that follow from it.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{CommandId, ComplexId};

use crate::store::{Progress, StoreError, ViewStore};
use crate::views::{AccessRow, AlarmRow, DigestRow, ObservationRow, RowWrite, alarms};

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
    /// Commands of which there is a new completion.
    completed: BTreeSet<(ComplexId, CommandId)>,
}

impl LookedAt {
    fn of(rows: &[RowWrite]) -> Self {
        let mut looked_at = Self::default();
        let mut contents = BTreeMap::new();
        for row in rows {
            match row {
                RowWrite::Digest(digest) => {
                    contents.insert((&digest.complex, digest.offset), digest);
                }
                RowWrite::Completion(row) => {
                    let key = (row.complex.clone(), row.command);
                    looked_at.completed.insert(key);
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

    async fn derive(
        self,
        store: &dyn ViewStore,
    ) -> Result<(Vec<ObservationRow>, Vec<AlarmRow>), StoreError> {
        let reader = store.reader();
        let (mut observations, mut found) = (Vec::new(), Vec::new());
        let (accesses, digests): (Vec<_>, Vec<_>) = self.events.into_iter().unzip();
        let sent = reader.sent(&digests).await?;
        for (access, sent) in accesses.iter().zip(&sent) {
            let seen = sent.as_ref().map(|sent| alarms::of_event(access, sent));
            let seen = seen.unwrap_or_default();
            observations.extend(seen.observation);
            found.extend(seen.alarm);
        }
        let named = observations.iter();
        let named = named.map(|seen| (seen.complex.clone(), seen.command));
        let mut commands: BTreeMap<ComplexId, BTreeSet<CommandId>> = BTreeMap::new();
        for (complex, command) in named.chain(self.completed) {
            commands.entry(complex).or_default().insert(command);
        }
        for (complex, commands) in commands {
            let commands: Vec<CommandId> = commands.into_iter().collect();
            let mut stored = reader.commands(&complex, &commands).await?;
            for seen in observations.iter().filter(|seen| seen.complex == complex) {
                let rows = stored.entry(seen.command).or_default();
                rows.observations
                    .retain(|row| row.position != seen.position);
                rows.observations.push(seen.clone());
            }
            found.extend(stored.values().flat_map(alarms::of_command));
        }
        Ok((observations, found))
    }
}
