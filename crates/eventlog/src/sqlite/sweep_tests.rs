#![allow(clippy::unwrap_used)]
use std::fs;

use super::*;
use crate::sqlite::schema;

const RECORDS: u64 = 3000;
const ROUNDS: u64 = 20;

/// Small records of several sizes, so that many share a page.
fn secret(number: u64) -> String {
    let size = [10, 100, 300, 900][(number * 7 % 11 % 4) as usize];
    format!("secret-{number:05}-{}", "s".repeat(size))
}

fn append(connection: &Connection, offset: u64, key: u64, value: Option<String>) {
    let insert = format!(
        "INSERT INTO {} VALUES (?1, 0, ?2, x'', ?3)",
        table(Topic::Subjects, 0)
    );
    let key = key.to_string().into_bytes();
    let row = params![to_sql(offset), key, value.map(String::into_bytes)];
    connection.execute(&insert, row).unwrap();
    let end = "UPDATE partitions SET end_offset = ?1 WHERE topic = ?2 AND partition = 0";
    let row = params![to_sql(offset + 1), Topic::Subjects.name()];
    connection.execute(end, row).unwrap();
}

/// Erasing in many rounds, in no order: each round moves rows between pages that
/// later ones erase. Deleting rows one by one fails this.
#[test]
fn nothing_of_an_erased_record_stays_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let options = LogOptions::default();
    schema::prepare(&path, &options).unwrap();
    let mut connection = connection::open(&path).unwrap();
    let filling = connection.transaction().unwrap();
    for number in 0..RECORDS {
        append(&filling, number, number, Some(secret(number)));
    }
    filling.commit().unwrap();
    let mut owed = true;
    sweep(&path, &options, &mut owed).unwrap();
    assert!(!owed);

    // A permutation: 1789 and 3000 have no common factor.
    let mut order = (0..RECORDS).map(|step| step * 1789 % RECORDS);
    let mut erased = Vec::new();
    let mut next = RECORDS;
    for _ in 0..ROUNDS {
        let erasing = connection.transaction().unwrap();
        for number in order.by_ref().take(140) {
            append(&erasing, next, number, None);
            erased.push(number);
            next += 1;
        }
        erasing.commit().unwrap();
        sweep(&path, &options, &mut owed).unwrap();
        assert!(!owed);
    }
    let bytes = fs::read(&path).unwrap();
    let mut left: Vec<u64> = bytes
        .windows(13)
        .filter(|window| window.starts_with(b"secret-"))
        .filter_map(|window| std::str::from_utf8(&window[7..12]).ok()?.parse().ok())
        .collect();
    left.sort_unstable();
    left.dedup();
    let kept: Vec<u64> = (0..RECORDS).filter(|n| !erased.contains(n)).collect();
    assert_eq!(left, kept);
    let wal = fs::metadata(folder.path().join("log.db-wal")).unwrap();
    assert_eq!(wal.len(), 0);
}
