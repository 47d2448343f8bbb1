//! `smarthomectl egress`: what was sent to partners about a complex, how often, why, and on what ground,
//! from the log's signed records.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use proto::access::{EgressRecord, EgressReportRequest};
use records::{timestamp_from_wire, timestamp_to_wire};

use crate::cli::EgressArgs;
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;

/// Runs it.
///
/// # Errors
/// A refusal or a failure.
pub(crate) async fn run(config: &Config, args: &EgressArgs) -> Result<(), Failure> {
    let to = args.to.unwrap_or_else(Timestamp::now);
    let mut client = Client::connect(config).await?;
    let mut request = EgressReportRequest {
        complex_id: args.complex.to_string(),
        from: Some(timestamp_to_wire(args.from)),
        to: Some(timestamp_to_wire(to)),
        page_token: String::new(),
    };
    let mut report = Report::default();
    loop {
        let page = client.egress_page(request.clone()).await?;
        for record in &page.records {
            report.add(record)?;
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    println!("{}: sent to partners, {} to {to}", args.complex, args.from);
    print!("{}", report.text(args.each));
    Ok(())
}

/// What is counted together: partner, call, place and name.
type Row = (String, String, String, String);

/// Everything that was found.
#[derive(Default)]
struct Report {
    /// Requests by partner and call.
    calls: BTreeMap<(String, String), u64>,
    fields: BTreeMap<Row, Count>,
    /// Every record, in the order of the log.
    intervals: Vec<String>,
    span: Option<(Timestamp, Timestamp)>,
}

/// How often a field was sent, and what the ledger says of it.
#[derive(Default)]
struct Count {
    count: u64,
    what: String,
    purpose: String,
    basis: String,
}

impl Report {
    fn add(&mut self, record: &EgressRecord) -> Result<()> {
        let time = |field, at: Option<&_>| -> Result<Timestamp> {
            Ok(timestamp_from_wire(field, at.context("no time")?)?)
        };
        let from = time("from", record.from.as_ref())?;
        let until = time("until", record.until.as_ref())?;
        let (first, last) = self.span.unwrap_or((from, until));
        self.span = Some((first.min(from), last.max(until)));
        let partner = &record.partner_id;
        let mut sums = Vec::new();
        for call in &record.calls {
            let key = (partner.clone(), call.call.clone());
            *self.calls.entry(key).or_default() += call.requests;
            sums.push(format!("{} {}", call.call, call.requests));
            for field in &call.fields {
                let row = (
                    partner.clone(),
                    call.call.clone(),
                    field.place.clone(),
                    field.name.clone(),
                );
                let count = self.fields.entry(row).or_default();
                count.count += field.count;
                count.what.clone_from(&field.what);
                count.purpose.clone_from(&field.purpose);
                count.basis.clone_from(&field.basis);
            }
        }
        let at = record.audit_position.as_ref().context("no position")?;
        let sums = sums.join(", ");
        self.intervals.push(format!(
            "{from} to {until}  {partner}: {sums} ({} {}@{})",
            at.topic, at.partition, at.offset
        ));
        Ok(())
    }

    fn text(&self, each: bool) -> String {
        let Some((first, last)) = self.span else {
            return "Nothing is recorded.\n".to_owned();
        };
        let mut text = String::new();
        let records = self.intervals.len();
        // Writing to a string can't fail.
        let _ = writeln!(text, "records: {records}, of {first} to {last}\n");
        for ((partner, call), requests) in &self.calls {
            let _ = writeln!(text, "{partner}  {call}: {requests} requests");
            let of_call = self
                .fields
                .iter()
                .filter(|((p, c, ..), _)| (p, c) == (partner, call));
            for ((_, _, place, name), field) in of_call {
                let Count {
                    count,
                    what,
                    purpose,
                    basis,
                } = field;
                let declared = match what.as_str() {
                    "" => "no longer declared in the egress ledger".to_owned(),
                    what => format!("{what}; {purpose}; {basis}"),
                };
                let field = format!("{place} {name}");
                let _ = writeln!(text, "  {field:<28} {count:>10}  {declared}");
            }
        }
        if each {
            let _ = writeln!(text, "\n{}", self.intervals.join("\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proto::access::{AuditPosition, EgressCallCounts, EgressFieldCount};

    use super::*;

    fn record(partner: &str, from: i64, count: u64, basis: &str) -> EgressRecord {
        let at = |second| Some(timestamp_to_wire(Timestamp::from_second(second).unwrap()));
        let what = if basis.is_empty() { "" } else { "id of a door" };
        EgressRecord {
            partner_id: partner.to_owned(),
            from: at(from),
            until: at(from + 3600),
            calls: vec![EgressCallCounts {
                call: "open".to_owned(),
                requests: count,
                fields: vec![EgressFieldCount {
                    place: "path".to_owned(),
                    name: "device".to_owned(),
                    count,
                    what: what.to_owned(),
                    purpose: "to open it".to_owned(),
                    basis: basis.to_owned(),
                }],
            }],
            audit_position: Some(AuditPosition {
                topic: "registry.events.v1".to_owned(),
                partition: 3,
                offset: 7,
            }),
        }
    }

    #[test]
    fn records_are_added_up_by_partner_and_field() {
        let mut report = Report::default();
        assert_eq!(report.text(true), "Nothing is recorded.\n");
        for (partner, from, count) in [("b", 3600, 2), ("a", 0, 1), ("b", 7200, 3)] {
            let record = record(partner, from, count, "no personal data");
            report.add(&record).unwrap();
        }
        let expected = "\
records: 3, of 1970-01-01T00:00:00Z to 1970-01-01T03:00:00Z

a  open: 1 requests
  path device                           1  id of a door; to open it; no personal data
b  open: 5 requests
  path device                           5  id of a door; to open it; no personal data
";
        assert_eq!(report.text(false), expected);
        let each = report.text(true);
        let line =
            "1970-01-01T00:00:00Z to 1970-01-01T01:00:00Z  a: open 1 (registry.events.v1 3@7)";
        assert!(each.starts_with(expected) && each.contains(line), "{each}");
    }

    #[test]
    fn what_is_no_longer_declared_is_said_to_be() {
        let mut report = Report::default();
        report.add(&record("a", 0, 1, "")).unwrap();
        assert!(report.text(false).contains("no longer declared"));
    }
}
