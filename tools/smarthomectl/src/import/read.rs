//! A file of residents: what it holds, and all that is wrong with it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use domain::ComplexId;

use super::bad::{self, Bad};
use super::header::{GRANT_ID, Header, USER_ID};
use super::line::{Line, LineReader};
use super::{encoding, table::Table};

/// The largest file, in bytes: several times 100,000 lines.
const MAX_BYTES: u64 = 64 << 20;

/// The lines of a file.
#[derive(Default)]
pub(crate) struct Residents {
    /// In the order of the file.
    pub(crate) good: Vec<Line>,
    /// By line.
    pub(crate) bad: Vec<Bad>,
}

impl Residents {
    /// Takes more problems: their lines are good no more.
    pub(crate) fn reject(&mut self, more: Vec<Bad>) {
        let lines = bad::lines(&more);
        self.good.retain(|line| !lines.contains(&line.number));
        self.bad.extend(more);
        self.bad.sort_by_key(|bad| bad.line);
    }
}

/// The bytes of a file.
///
/// # Errors
/// It can't be read, or is too large.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().with_context(|| format!("can't read {}", path.display()))?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{} is larger than 64 MiB: split it", path.display());
    }
    Ok(bytes)
}

/// Reads a file of residents of `complex`.
///
/// # Errors
/// What makes the whole file unreadable: its encoding, its header, a quote that is not closed. What
/// is wrong with lines before it is told, too.
pub(crate) fn residents(bytes: &[u8], complex: &ComplexId) -> Result<Residents, Vec<Bad>> {
    let one = |bad| vec![bad];
    let text = encoding::text(bytes).map_err(one)?;
    let mut table = Table::of(text).map_err(one)?;
    let Some(first) = table.next() else {
        let what = "the file is empty; expected a header that names the columns";
        return Err(one(Bad::whole(1, what)));
    };
    let (line, record) = first.map_err(one)?;
    let header = Header::read(line, &record)?;
    let mut reader = LineReader {
        complex,
        header: &header,
        issuer: "".into(),
    };
    let mut residents = Residents::default();
    let mut last = line;
    for record in table {
        let (number, record) = match record {
            Ok(record) => record,
            Err(unreadable) => {
                residents.bad.push(unreadable);
                return Err(residents.bad);
            }
        };
        last = number;
        let line = reader.read(number, &record, &mut residents.bad);
        residents.good.extend(line);
    }
    if last == line {
        let what = "there is no line below the header";
        return Err(one(Bad::whole(line, what)));
    }
    let repeated = repeated(&residents.good);
    residents.reject(repeated);
    Ok(residents)
}

/// Rights and grants that stand in the file twice.
fn repeated(lines: &[Line]) -> Vec<Bad> {
    let (mut bad, mut rights, mut grants) = (Vec::new(), HashMap::new(), HashMap::new());
    for line in lines {
        let number = line.number;
        if let Some(first) = rights.get(&(&line.person, &line.right)) {
            let what = format!("line {first} gives the same person the same right");
            bad.push(Bad::at(number, USER_ID, what));
        } else {
            rights.insert((&line.person, &line.right), number);
        }
        if let Some(grant) = line.grant {
            let first = *grants.entry(grant).or_insert(number);
            if first != number {
                let what = format!("line {first} has the same grant_id");
                bad.push(Bad::at(number, GRANT_ID, what));
            }
        }
    }
    bad
}
