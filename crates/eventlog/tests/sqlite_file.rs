//! What only the log in an SQLite file has: the file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use eventlog::{
    AppendError, CloudEvent, EventLog, HeaderError, Keep, LogError, LogOptions, NewRecord,
    Retention, SqliteLog, TailFrom, Topic, partitioner,
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tempfile::TempDir;
use uuid::Uuid;

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("event log.db")
    }

    async fn open(&self, options: LogOptions) -> Result<SqliteLog, LogError> {
        let path = self.path().display().to_string().replace(' ', "%20");
        SqliteLog::open(&format!("sqlite://{path}").parse().unwrap(), options).await
    }

    /// Whether the bytes stand in any of the log's files.
    fn contains(&self, needle: &[u8]) -> bool {
        let files = fs::read_dir(self.folder.path()).unwrap();
        files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .any(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    }
}

fn record(key: &str, value: Option<&str>) -> NewRecord {
    NewRecord {
        key: key.to_owned(),
        event: CloudEvent {
            id: Uuid::now_v7(),
            source: "urn:test".to_owned(),
            kind: "tested.v1".to_owned(),
            subject: None,
            time: Timestamp::now(),
            dataschema: None,
            traceparent: None,
        },
        value: value.map(|value| Bytes::from(value.to_owned())),
    }
}

/// No sweep comes by itself.
fn still() -> LogOptions {
    LogOptions {
        sweep_interval: Duration::from_secs(24 * 60 * 60),
        ..LogOptions::default()
    }
}

#[tokio::test]
async fn erased_and_expired_bytes_are_gone_from_the_files() {
    let file = File::new();
    let options = LogOptions {
        retention: Retention {
            device_status: Keep::For(Duration::from_millis(1)),
            ..Retention::default()
        },
        ..still()
    };
    let log = file.open(options).await.unwrap();
    // Small values, values that fill overflow pages, and others in between, so
    // that SQLite splits and merges pages around them.
    let secrets: Vec<String> = (0..120)
        .map(|number| {
            let size = [40, 700, 9_000][number % 3];
            format!("secret-{number:03}-{}", "s".repeat(size))
        })
        .collect();
    let marker = |number: usize| format!("secret-{number:03}-");
    for (number, secret) in secrets.iter().enumerate() {
        let erased = record(&format!("gone{number}/plate"), Some(secret));
        log.append(Topic::Subjects, erased).await.unwrap();
        let stays = format!("stays-{number:03}-{}", "k".repeat(300));
        let kept = record(&format!("kept{number}/plate"), Some(&stays));
        log.append(Topic::Subjects, kept).await.unwrap();
        let expired = record("device", Some(&secret.replace("secret", "status")));
        log.append(Topic::DeviceStatus, expired).await.unwrap();
        if number == 60 {
            // Some of it is in the file proper, some still in its write-ahead log.
            log.apply_retention().await.unwrap();
        }
    }
    assert!((0..120).all(|number| file.contains(marker(number).as_bytes())));

    // The first round makes SQLite move rows that the later ones erase.
    for round in 0..4 {
        for number in (0..120).filter(|number| number / 5 % 4 == round) {
            let tombstone = record(&format!("gone{number}/plate"), None);
            log.append(Topic::Subjects, tombstone).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(log.apply_retention().await.unwrap());
    }
    for number in 0..120 {
        assert!(!file.contains(marker(number).as_bytes()), "{number}");
        let stays = format!("stays-{number:03}-");
        assert!(file.contains(stays.as_bytes()), "{stays}");
    }
    assert!(!file.contains(b"status-"));
}

#[tokio::test]
async fn unreadable_headers_reach_the_reader_who_goes_on() {
    let file = File::new();
    let log = file.open(still()).await.unwrap();
    let mut tail = log
        .tail(Topic::AccessEvents, TailFrom::Beginning)
        .await
        .unwrap();
    let at = log
        .append(Topic::AccessEvents, record("k", Some("good")))
        .await
        .unwrap();
    let other = Connection::open(file.path()).unwrap();
    other
        .execute(
            &format!(
                "INSERT INTO \"access.events.v1/{}\" VALUES (?1, 0, ?2, ?3, ?4)",
                at.partition
            ),
            params![1, b"k", b"\xff\xff no headers", b"payload"],
        )
        .unwrap();
    let end =
        "UPDATE partitions SET end_offset = 2 WHERE topic = 'access.events.v1' AND partition = ?1";
    other.execute(end, [at.partition]).unwrap();
    log.append(Topic::AccessEvents, record("k", Some("good again")))
        .await
        .unwrap();

    let mut records = Vec::new();
    while records.len() < 3 {
        records.extend(tail.next_batch(10).await.unwrap());
    }
    assert!(records[0].cloud_event().is_ok());
    let unreadable = records[1].cloud_event();
    assert_eq!(unreadable, Err(HeaderError::Missing("ce_specversion")));
    assert_eq!(records[1].value.as_deref(), Some(&b"payload"[..]));
    assert!(records[2].cloud_event().is_ok());
}

#[tokio::test]
async fn an_append_that_fails_before_its_commit_is_not_written() {
    let file = File::new();
    let log = file.open(still()).await.unwrap();
    let key_in = |partition: u32| {
        let is_there = |key: &String| {
            let partitions = LogOptions::default().partitions;
            partitioner::partition_of(Topic::AuditReads, key.as_bytes(), partitions) == partition
        };
        (0..).map(|n| format!("k{n}")).find(is_there).unwrap()
    };
    let other = Connection::open(file.path()).unwrap();
    other
        .execute_batch("DROP TABLE \"audit.reads.v1/0\"")
        .unwrap();
    let refused = log
        .append(Topic::AuditReads, record(&key_in(0), Some("v")))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, AppendError::NotWritten { .. }),
        "{refused}"
    );
    log.append(Topic::AuditReads, record(&key_in(1), Some("v")))
        .await
        .unwrap();
    let ends = log.end_offsets(Topic::AuditReads).await.unwrap();
    assert_eq!(ends, [0, 1, 0]);
}

#[tokio::test]
async fn other_files_are_refused_and_left_alone() {
    let misconfigured =
        |refused: Result<SqliteLog, LogError>| matches!(refused, Err(LogError::Misconfigured(_)));

    let database = File::new();
    Connection::open(database.path())
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let before = fs::read(database.path()).unwrap();
    assert!(misconfigured(database.open(still()).await));
    assert_eq!(fs::read(database.path()).unwrap(), before);

    let text = File::new();
    fs::write(text.path(), "no database at all\n".repeat(100)).unwrap();
    assert!(misconfigured(text.open(still()).await));

    let newer = File::new();
    drop(newer.open(still()).await.unwrap());
    let connection = Connection::open(newer.path()).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    assert!(misconfigured(newer.open(still()).await));

    let nowhere = File::new();
    fs::remove_dir(nowhere.folder.path()).unwrap();
    assert!(misconfigured(nowhere.open(still()).await));
}

#[tokio::test]
async fn a_new_file_is_this_users_only_and_many_may_create_it_at_once() {
    let file = File::new();
    let opens = (0..8).map(|_| file.open(still()));
    let logs = futures::future::try_join_all(opens).await.unwrap();
    for log in &logs {
        log.append(Topic::AccessEvents, record("k", Some("v")))
            .await
            .unwrap();
    }
    let ends = logs[0].end_offsets(Topic::AccessEvents).await.unwrap();
    assert_eq!(ends.iter().sum::<u64>(), 8);
    for name in ["event log.db", "event log.db-wal"] {
        let path = file.folder.path().join(name);
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_log_is_opened_and_read_while_another_writes() {
    let file = File::new();
    let log = file.open(still()).await.unwrap();
    let topic = Topic::AccessEvents;
    log.append(topic, record("k", Some("v"))).await.unwrap();
    let writer = Connection::open(file.path()).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = file.open(still()).await.unwrap();
    let ends = second.end_offsets(topic).await.unwrap();
    assert_eq!(ends.iter().sum::<u64>(), 1);
    writer.execute_batch("ROLLBACK").unwrap();
}
