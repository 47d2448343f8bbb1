//! `auditctl search`: records by what they say.

use std::io::Write as _;

use serde_json::Value;

use crate::cli::SearchArgs;
use crate::keys::Keys;
use crate::pass;
use crate::prove::bundles;
use crate::record::{self, COLUMNS, Shown};
use crate::say::Say;
use crate::source::Source;
use crate::stop::Stop;

/// Of a table, for people: what tells one record from another.
const TABLE: [&str; 8] = [
    "index",
    "occurred_at",
    "kind",
    "device",
    "subject_ref",
    "result",
    "reason",
    "event_id",
];

/// Prints what is found as it is read; a failure at the end refutes it all.
pub(crate) async fn run(args: &SearchArgs, json: bool) -> Result<Say, Stop> {
    let jsonl = args.jsonl || json;
    let keys = Keys::read(&args.source.keys)?;
    let source = Source::open(&args.source)?;
    let mut out = std::io::stdout();
    let mut found = 0_u64;
    let broken = |error: std::io::Error| Stop::Unknown(format!("can't print: {error}"));
    if !jsonl {
        writeln!(out, "{}", TABLE.join("\t")).map_err(broken)?;
    }
    for log in source.logs() {
        let (_, checkpoint) = keys.open(&source, log).await?;
        let part = bundles(&source, log, checkpoint.size())?;
        let range = Some((part.start, part.end)).filter(|range| *range != pass::all(&checkpoint));
        let passed = pass::over(&source, &keys, log, range, jsonl, &mut |placed| {
            if !fits(args, placed.leaf) {
                return Ok(());
            }
            found += 1;
            let shown = Shown::new(log, placed.index, placed.leaf, placed.position);
            match jsonl {
                true => write!(out, "{}", shown.line()),
                false => writeln!(out, "{}", row(&shown).join("\t")),
            }
            .map_err(broken)
        })
        .await?;
        if let Some(unseen) = passed.unseen() {
            eprintln!("{log}: {unseen}");
        }
    }
    eprintln!("{found} records, all under the signed checkpoint");
    Ok(Say::new(Vec::new(), Value::Null))
}

/// Whether a leaf is what was asked for.
fn fits(args: &SearchArgs, leaf: &[u8]) -> bool {
    let nothing_asked = args.period.from.is_none()
        && args.period.until.is_none()
        && args.device.is_none()
        && args.subject.is_none()
        && args.outcome.is_none()
        && args.kind.is_none();
    let Ok(event) = record::read(leaf) else {
        return nothing_asked;
    };
    let word = args.outcome.as_deref().map(str::to_ascii_uppercase);
    args.period.has(event.occurred_at)
        && args.device.as_ref().is_none_or(|wanted| {
            event
                .device
                .as_ref()
                .is_some_and(|device| device.to_string() == *wanted)
        })
        && args
            .subject
            .is_none_or(|wanted| event.actor.subject == Some(wanted))
        && args
            .kind
            .as_ref()
            .is_none_or(|wanted| event.body.kind().contains(wanted.as_str()))
        && word.is_none_or(|wanted| record::results(&event.body).contains(&wanted.as_str()))
}

fn row(shown: &Shown) -> [String; TABLE.len()] {
    TABLE.map(|column| {
        let text = match column {
            "result" => ["outcome", "verdict", "observation"]
                .map(|field| shown.text(field))
                .concat(),
            column => {
                debug_assert!(COLUMNS.contains(&column));
                shown.text(column)
            }
        };
        if text.is_empty() {
            "-".to_owned()
        } else {
            text
        }
    })
}
