//! A file of residents, and what becomes of it.
#![allow(clippy::unwrap_used)]

mod flight;
mod planning;
mod reading;
mod shapes;

use domain::ComplexId;

use super::bad::Bad;
use super::read::{self, Residents};

const HEADER: &str = "issuer,user_id,role,device_ids,not_before,not_after,grant_id";

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

/// A file that can be read, with its good and bad lines.
fn read(text: &str) -> Residents {
    let read = read::residents(text.as_bytes(), &sunrise());
    read.unwrap_or_else(|bad| panic!("{bad:?}"))
}

/// A file that can't.
fn unreadable(bytes: &[u8]) -> Vec<String> {
    match read::residents(bytes, &sunrise()) {
        Ok(_) => panic!("it was read"),
        Err(bad) => words(&bad),
    }
}

/// `line: column: problem`.
fn words(bad: &[Bad]) -> Vec<String> {
    let bad = bad.iter();
    bad.map(|Bad { line, column, what }| format!("{line}: {column}: {what}"))
        .collect()
}
