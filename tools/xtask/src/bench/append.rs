//! Appends to the SQLite event log, beside bare SQLite transactions that write the same bytes
//! with the same durability, in the same run.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use eventlog::{CloudEvent, EventLog, LogOptions, NewRecord, Topic};
use jiff::Timestamp;
use uuid::Uuid;

use super::report::{Better, Figure, Report};

/// Records written by each side.
const RECORDS: usize = 4000;
/// Appends in flight at once.
const WAITERS: usize = 64;
/// Bytes of a record's value.
const BYTES: usize = 300;
/// Pairs of runs; the middle one counts, so that a busy moment hurts neither.
const ROUNDS: usize = 3;

/// Runs it.
pub(crate) fn run() -> Result<Report> {
    let dir = tempfile::tempdir_in(crate::target())?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let path = dir.path().join(format!("log-{round}.db"));
        let ours = runtime.block_on(appends(&path))?;
        let bare = transactions(&dir.path().join(format!("bare-{round}.db")))?;
        rounds.push((ours, bare));
    }
    Ok(Report {
        load: format!(
            "{RECORDS} records of {BYTES} B, {WAITERS} in flight, the middle of {ROUNDS} rounds"
        ),
        figures: vec![Figure::new("appends", "records/s", Better::More, rounds)],
        splits: Vec::new(),
    })
}

async fn appends(path: &Path) -> Result<f64> {
    let url = format!("sqlite://{}", path.display()).parse()?;
    let log = eventlog::open(&url, LogOptions::default()).await?;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..WAITERS {
        let log: Arc<dyn EventLog> = Arc::clone(&log);
        tasks.spawn(async move {
            for _ in 0..RECORDS / WAITERS {
                log.append(Topic::AccessEvents, record()).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok((RECORDS / WAITERS * WAITERS) as f64 / start.elapsed().as_secs_f64())
}

fn record() -> NewRecord {
    NewRecord {
        key: "sunrise".to_owned(),
        event: CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:smarthome:bench".to_owned(),
            kind: "smarthome.bench.v1".to_owned(),
            subject: None,
            time: Timestamp::now(),
            dataschema: None,
            traceparent: None,
        },
        value: Some(vec![7; BYTES].into()),
    }
}

/// What SQLite itself can do: one transaction for as many records as there are waiters.
fn transactions(path: &Path) -> Result<f64> {
    let mut database = rusqlite::Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "full")?;
    database.execute(
        "create table records (at integer primary key, value blob)",
        [],
    )?;
    let value = [7u8; BYTES];
    let start = Instant::now();
    for _ in 0..RECORDS / WAITERS {
        let transaction = database.transaction()?;
        for _ in 0..WAITERS {
            transaction
                .prepare_cached("insert into records (value) values (?1)")?
                .execute([&value[..]])?;
        }
        transaction.commit()?;
    }
    Ok((RECORDS / WAITERS * WAITERS) as f64 / start.elapsed().as_secs_f64())
}
