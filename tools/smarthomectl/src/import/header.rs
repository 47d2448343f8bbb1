//! The header: which column stands where.

use std::borrow::Cow;

use csv::StringRecord;

use super::bad::Bad;

pub(crate) const ISSUER: &str = "issuer";
pub(crate) const USER_ID: &str = "user_id";
pub(crate) const ROLE: &str = "role";
pub(crate) const DEVICE_IDS: &str = "device_ids";
pub(crate) const NOT_BEFORE: &str = "not_before";
pub(crate) const NOT_AFTER: &str = "not_after";
pub(crate) const GRANT_ID: &str = "grant_id";
pub(crate) const BUILDING_IDS: &str = "building_ids";
pub(crate) const ENTRANCE_IDS: &str = "entrance_ids";

/// Every column; the first so many must be there.
const COLUMNS: [&str; 9] = [
    ISSUER,
    USER_ID,
    ROLE,
    DEVICE_IDS,
    NOT_BEFORE,
    NOT_AFTER,
    GRANT_ID,
    BUILDING_IDS,
    ENTRANCE_IDS,
];
const REQUIRED: usize = 3;

/// Where the columns of a file stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    places: [Option<usize>; COLUMNS.len()],
    /// Fields of every line.
    pub(crate) width: usize,
}

impl Header {
    /// Reads it.
    ///
    /// # Errors
    /// All that is wrong with it. Names are not repeated: a file without a header begins with a
    /// person.
    pub(crate) fn read(line: u64, record: &StringRecord) -> Result<Self, Vec<Bad>> {
        let (mut places, mut bad) = ([None; COLUMNS.len()], Vec::new());
        for (place, name) in record.iter().enumerate() {
            let known = COLUMNS.iter().position(|known| *known == name.trim());
            let what = match known.map(|known| &mut places[known]) {
                None => format!("there is no such column, but {}", COLUMNS.join(", ")),
                Some(Some(first)) => format!("the same column as column {}", *first + 1),
                Some(free) => {
                    *free = Some(place);
                    continue;
                }
            };
            bad.push(Bad {
                line,
                column: Cow::Owned(format!("column {}", place + 1)),
                what,
            });
        }
        for (name, place) in COLUMNS.iter().zip(&places).take(REQUIRED) {
            if place.is_none() {
                bad.push(Bad::at(line, name, "the header lacks this column"));
            }
        }
        if bad.is_empty() {
            let width = record.len();
            Ok(Self { places, width })
        } else {
            Err(bad)
        }
    }

    /// What stands in a column of a line; nothing where the file has no such column.
    pub(crate) fn field<'a>(&self, record: &'a StringRecord, column: &str) -> &'a str {
        let known = COLUMNS.iter().position(|known| *known == column);
        let place = known.and_then(|known| self.places[known]);
        place.and_then(|place| record.get(place)).unwrap_or("")
    }
}
