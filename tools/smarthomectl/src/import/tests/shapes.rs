//! One content in every shape that a spreadsheet may give it.

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::{sunrise, words};
use crate::import::read;

/// Columns with a value of each line.
const COLUMNS: [(&str, [&str; 3]); 7] = [
    ("issuer", ["https://a.example"; 3]),
    ("user_id", ["Иван", "he said \"no\"", "a,b;c"]),
    ("role", ["OWNER", "STAFF", "HOUSEHOLD"]),
    ("device_ids", ["", "sunrise.b sunrise.a", "sunrise.a"]),
    ("not_before", ["", "2026-01-01T00:00:00Z", ""]),
    ("not_after", ["2027-01-01T00:00:00+03:00", "", ""]),
    ("grant_id", ["", "9d3e7a40-6c1b-4f7e-8b1d-2a5c9e0f4b02", ""]),
];

/// What else a writer of CSV chooses.
#[derive(Debug, Clone)]
struct Style {
    columns: Vec<usize>,
    delimiter: char,
    end: &'static str,
    bom: bool,
    all_quoted: bool,
    /// Empty lines before each line.
    gaps: Vec<usize>,
    ends_open: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let optional = subsequence(vec![3_usize, 4, 5, 6], 0..=4);
    let columns =
        optional.prop_flat_map(|more| Just([vec![0, 1, 2], more].concat()).prop_shuffle());
    let delimiter = prop_oneof![Just(','), Just(';')];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    let gaps = proptest::collection::vec(0_usize..3, 4);
    let flags = any::<(bool, bool, bool)>();
    (columns, delimiter, end, gaps, flags).prop_map(
        |(columns, delimiter, end, gaps, (bom, all_quoted, ends_open))| Style {
            columns,
            delimiter,
            end,
            bom,
            all_quoted,
            gaps,
            ends_open,
        },
    )
}

impl Style {
    /// The file, and the line of each resident.
    fn write(&self) -> (String, Vec<u64>) {
        let mut text = if self.bom { "\u{feff}" } else { "" }.to_owned();
        let (mut line, mut numbers) = (0, Vec::new());
        for row in 0..4 {
            text.push_str(&self.end.repeat(self.gaps[row]));
            line += self.gaps[row] as u64 + 1;
            let fields = self.columns.iter().map(|column| {
                let (name, values) = COLUMNS[*column];
                self.field(row.checked_sub(1).map_or(name, |row| values[row]))
            });
            let fields: Vec<_> = fields.collect();
            text.push_str(&fields.join(&self.delimiter.to_string()));
            text.push_str(self.end);
            numbers.push(line);
        }
        if self.ends_open {
            text.truncate(text.len() - self.end.len());
        }
        (text, numbers.split_off(1))
    }

    fn field(&self, value: &str) -> String {
        if self.all_quoted || value.contains([self.delimiter, '"']) {
            format!("\"{}\"", value.replace('"', "\"\""))
        } else {
            value.to_owned()
        }
    }

    fn has(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }
}

proptest! {
    #[test]
    fn every_shape_is_read_alike(style in styles()) {
        let (text, numbers) = style.write();
        let read = read::residents(text.as_bytes(), &sunrise());
        let read = read.unwrap_or_else(|bad| panic!("{bad:?} in {text:?}"));
        prop_assert_eq!(words(&read.bad), [""; 0]);
        let lines: Vec<_> = read.good.iter().map(|line| line.number).collect();
        prop_assert_eq!(lines, numbers);
        for (row, line) in read.good.iter().enumerate() {
            let expected = |column: usize| {
                Some(COLUMNS[column].1[row]).filter(|text| style.has(column) && !text.is_empty())
            };
            prop_assert_eq!(&*line.person.issuer, COLUMNS[0].1[row]);
            prop_assert_eq!(&line.person.user_id, COLUMNS[1].1[row]);
            prop_assert_eq!(line.right.role.as_str(), COLUMNS[2].1[row]);
            let devices: Vec<_> = line.devices.iter().map(|id| id.as_str()).collect();
            prop_assert_eq!(devices.join(" "), expected(3).unwrap_or_default());
            let time = |column| expected(column).map(|text| text.parse().unwrap());
            prop_assert_eq!(line.right.not_before, time(4));
            prop_assert_eq!(line.right.not_after, time(5));
            prop_assert_eq!(line.grant, expected(6).map(|text| text.parse().unwrap()));
        }
    }
}
