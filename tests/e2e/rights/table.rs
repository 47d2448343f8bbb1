//! The table: sections of aligned columns, as text that is compared line by line.

use std::fmt::Write as _;

/// Before the title of a section.
const MARK: &str = "# ";

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// The engine said that the right is lacking.
    Denied,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// Who tried something on what, and what became of each operation.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) who: String,
    pub(super) what: String,
    pub(super) verdicts: Vec<Verdict>,
}

/// All that was tried on one kind of object.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What the first two columns are.
    pub(super) heads: [&'static str; 2],
    pub(super) operations: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
    /// Who may do everything: a row's, or a column's name.
    pub(super) control: &'static str,
}

impl Section {
    /// Whether everything was tried in a way that succeeds for whom it is allowed.
    pub(super) fn check_control(&self) {
        let column = self
            .operations
            .iter()
            .position(|name| *name == self.control);
        let mut tried = 0;
        for row in &self.rows {
            let own = match column {
                Some(column) => &row.verdicts[column..=column],
                None if row.who == self.control => &row.verdicts[..],
                None => continue,
            };
            tried += own.len();
            assert!(
                own.iter().all(|verdict| *verdict == Verdict::Allowed),
                "{}: even {} can't: {row:?} of {:?}",
                self.title,
                self.control,
                self.operations
            );
        }
        assert!(tried > 0, "{}: {} tried nothing", self.title, self.control);
    }

    /// Whoever may do the same to all objects has one line.
    fn folded(&self) -> Vec<Row> {
        let mut folded = Vec::new();
        for rows in self.rows.chunk_by(|a, b| a.who == b.who) {
            let same = rows.iter().all(|row| row.verdicts == rows[0].verdicts);
            match rows {
                [first, _, ..] if same => folded.push(Row {
                    what: format!("(all {})", rows.len()),
                    ..first.clone()
                }),
                _ => folded.extend_from_slice(rows),
            }
        }
        folded
    }

    pub(super) fn render(&self) -> String {
        let heads = self.heads.iter().chain(&self.operations);
        let mut lines: Vec<Vec<&str>> = vec![heads.copied().collect()];
        let rows = self.folded();
        lines.extend(rows.iter().map(|row| {
            let verdicts = row.verdicts.iter().map(|verdict| verdict.text());
            [row.who.as_str(), &row.what]
                .into_iter()
                .chain(verdicts)
                .collect()
        }));
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
        let widths: Vec<usize> = (0..lines[0].len()).filter_map(width).collect();
        let mut text = format!("{MARK}{}\n", self.title);
        for line in lines {
            let mut row = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // A column that all rows leave empty isn't there.
                if *width > 0 {
                    write!(row, "{cell:width$}  ").unwrap();
                }
            }
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Sections as text, in their order, after what stands before the first.
#[derive(Debug, Clone)]
pub(super) struct Table {
    preface: String,
    sections: Vec<String>,
}

impl Table {
    pub(super) fn parse(text: &str) -> Self {
        let mut sections: Vec<String> = vec![String::new()];
        for line in text.lines() {
            if line.starts_with(MARK) {
                sections.push(String::new());
            }
            let last = sections.last_mut().unwrap();
            last.push_str(line);
            last.push('\n');
        }
        let tidy = |section: String| format!("{}\n", section.trim());
        let preface = tidy(sections.remove(0));
        Self {
            preface,
            sections: sections.into_iter().map(tidy).collect(),
        }
    }

    /// The same with these sections in place of those of their titles; others stay as they are.
    pub(super) fn with(&self, sections: impl IntoIterator<Item = String>) -> Self {
        let mut table = self.clone();
        for section in sections {
            let known = table
                .sections
                .iter_mut()
                .find(|known| title(known) == title(&section));
            match known {
                Some(known) => *known = section,
                None => table.sections.push(section),
            }
        }
        table
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.preface.clone();
        for section in &self.sections {
            write!(text, "\n{section}").unwrap();
        }
        text
    }

    /// Lines that only one of both has, under their section's title and columns. Spacing is none.
    pub(super) fn difference(&self, found: &Self) -> String {
        let mut titles: Vec<&str> = Vec::new();
        for section in self.sections.iter().chain(&found.sections) {
            if !titles.contains(&title(section)) {
                titles.push(title(section));
            }
        }
        let mut difference = String::new();
        for title in titles {
            let (reviewed, found) = (self.lines_of(title), found.lines_of(title));
            let mut changed = only_in(&reviewed, &found, "-");
            changed.extend(only_in(&found, &reviewed, "+"));
            // What was and what is stand together.
            changed.sort_by_key(|(sign, line)| {
                (
                    words(line).into_iter().take(2).collect::<Vec<_>>(),
                    *sign == "+",
                )
            });
            if changed.is_empty() {
                continue;
            }
            let heads = found.get(1).or(reviewed.get(1)).copied();
            writeln!(difference, "{title}\n  {}", heads.unwrap_or_default()).unwrap();
            for (sign, line) in changed {
                writeln!(difference, "{sign} {line}").unwrap();
            }
            difference.push('\n');
        }
        difference
    }

    fn lines_of(&self, name: &str) -> Vec<&str> {
        let section = self.sections.iter().find(|section| title(section) == name);
        section
            .into_iter()
            .flat_map(|section| section.lines())
            .collect()
    }
}

fn title(section: &str) -> &str {
    section.lines().next().unwrap_or_default()
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn only_in<'a>(
    lines: &[&'a str],
    others: &[&str],
    sign: &'static str,
) -> Vec<(&'static str, &'a str)> {
    let known = |line: &str| others.iter().any(|other| words(other) == words(line));
    let own = lines.iter().copied().filter(|line| !known(line));
    own.map(|line| (sign, line)).collect()
}
