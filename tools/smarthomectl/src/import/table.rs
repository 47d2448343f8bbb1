//! CSV (RFC 4180) as records that know their lines. What delimits the fields is seen in the header.

use csv::{ReaderBuilder, StringRecord};

use super::bad::Bad;

/// The records of a text, the header first.
pub(crate) struct Table<'a> {
    text: &'a str,
    reader: csv::Reader<&'a [u8]>,
    counted: usize,
    line: u64,
    over: bool,
}

impl<'a> Table<'a> {
    /// Reads `text`, whose first line decides between comma and semicolon.
    ///
    /// # Errors
    /// That line has both.
    pub(crate) fn of(text: &'a str) -> Result<Self, Bad> {
        let found = (1..).zip(text.lines()).find(|(_, line)| !line.is_empty());
        let (line, header) = found.unwrap_or((1, ""));
        let delimiter = match (header.contains(','), header.contains(';')) {
            (true, true) => {
                let what = "expected columns that are separated by , or by ;, but not by both";
                return Err(Bad::whole(line, what));
            }
            (false, true) => b';',
            (_, false) => b',',
        };
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        Ok(Self {
            text,
            reader,
            counted: 0,
            line: 1,
            over: false,
        })
    }

    /// The next record with its line, or the quote after which records can't be told apart.
    fn read(&mut self) -> Result<Option<(u64, StringRecord)>, Bad> {
        let mut record = StringRecord::new();
        let begin = offset(self.reader.position());
        let read = self.reader.read_record(&mut record);
        let end = offset(self.reader.position());
        let raw = self.text.get(begin..end).unwrap_or_default();
        // The end of the line before and empty lines come along.
        let lead = raw.len() - raw.trim_start_matches(['\r', '\n']).len();
        let line = self.line_at(begin + lead);
        match read {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(_) => return Err(Bad::whole(line, "this is no CSV")),
        }
        let is_odd = raw.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        if is_odd || record.iter().any(|field| field.contains(['\r', '\n'])) {
            let what = "a quote (\") is opened here and not closed on the same line; nothing after it \
                        can be read";
            return Err(Bad::whole(line, what));
        }
        Ok(Some((line, record)))
    }

    fn line_at(&mut self, at: usize) -> u64 {
        let passed = self.text.as_bytes().get(self.counted..at);
        let ends = passed.unwrap_or_default().iter();
        self.line += ends.filter(|byte| **byte == b'\n').count() as u64;
        self.counted = at;
        self.line
    }
}

/// The reader's own lines are no use: after CR LF they are counted late.
fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

impl Iterator for Table<'_> {
    type Item = Result<(u64, StringRecord), Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read();
        self.over = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}
