//! How much of what was sent, by complex: counted without a name being made or looked up for a request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock};

use domain::{ComplexId, PartnerId};
use jiff::Timestamp;
use metrics::Counter;

use super::{Call, Field, LEDGER};

/// Where the counts of each row begin: a row has one for each of its calls, in their order.
static STARTS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let mut next = 0;
    let starts = LEDGER.iter().map(|field| {
        let start = next;
        next += field.calls.len();
        start
    });
    starts.collect()
});

/// The counts of every row.
fn slots() -> usize {
    LEDGER.iter().map(|field| field.calls.len()).sum()
}

/// What was sent to one partner.
pub(crate) struct Tally {
    partner: PartnerId,
    /// About no complex.
    nowhere: Arc<Counts>,
    complexes: RwLock<HashMap<ComplexId, Arc<Counts>>>,
}

/// What was sent about one complex since the last look.
struct Counts {
    complex: Option<ComplexId>,
    since: Mutex<Timestamp>,
    requests: Vec<AtomicU64>,
    fields: Vec<Slot>,
}

/// One row of the ledger for one of its calls.
#[derive(Default)]
struct Slot {
    count: AtomicU64,
    metric: OnceLock<Counter>,
}

/// What was sent to a partner about a complex in an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// About which complex; none where it was about none.
    pub complex: Option<ComplexId>,
    /// First instant of the interval.
    pub from: Timestamp,
    /// First instant after it.
    pub until: Timestamp,
    /// By call; at least one.
    pub calls: Vec<SentCall>,
}

/// Requests of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCall {
    /// Which.
    pub call: Call,
    /// How many.
    pub requests: u64,
    /// What they held: rows of [`LEDGER`], by index, and how often.
    pub fields: Vec<(usize, u64)>,
}

impl Tally {
    pub(crate) fn new(partner: PartnerId, now: Timestamp) -> Self {
        Self {
            partner,
            nowhere: Arc::new(Counts::new(None, now)),
            complexes: RwLock::default(),
        }
    }

    /// Counts a request of `call` that held these rows of the ledger.
    pub(crate) fn count(&self, complex: Option<&ComplexId>, call: Call, rows: &[usize]) {
        let counts = self.counts(complex);
        counts.requests[call as usize].fetch_add(1, Ordering::Relaxed);
        for row in rows {
            let Some(slot) = counts.slot(call, *row) else {
                continue;
            };
            slot.count.fetch_add(1, Ordering::Relaxed);
            let metric = slot.metric.get_or_init(|| self.metric(complex, call, *row));
            metric.increment(1);
        }
    }

    fn metric(&self, complex: Option<&ComplexId>, call: Call, row: usize) -> Counter {
        let field = &LEDGER[row];
        metrics::counter!(
            "partner_egress_fields_total",
            "partner" => self.partner.to_string(),
            "complex" => complex.map_or("", ComplexId::as_str).to_owned(),
            "call" => call.as_str(),
            "place" => field.place.as_str(),
            "field" => field.name,
        )
    }

    fn counts(&self, complex: Option<&ComplexId>) -> Arc<Counts> {
        let Some(complex) = complex else {
            return Arc::clone(&self.nowhere);
        };
        let known = self
            .complexes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(complex)
            .map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut complexes = self
                .complexes
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let new = || Counts::new(Some(complex.clone()), Timestamp::now());
            let counts = complexes
                .entry(complex.clone())
                .or_insert_with(|| Arc::new(new()));
            Arc::clone(counts)
        })
    }

    /// Takes what was sent since the last time, of each complex; nothing of one about which nothing was.
    pub(crate) fn take(&self, now: Timestamp) -> Vec<Sent> {
        let complexes = self
            .complexes
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let all = complexes.values().chain([&self.nowhere]);
        all.filter_map(|counts| counts.take(now)).collect()
    }

    /// Gives back what could not be recorded: it is taken again next time, with its interval.
    pub(crate) fn put_back(&self, sent: &Sent) {
        let counts = self.counts(sent.complex.as_ref());
        let mut since = counts.since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = sent.from.min(*since);
        for call in &sent.calls {
            counts.requests[call.call as usize].fetch_add(call.requests, Ordering::Relaxed);
            for (row, count) in &call.fields {
                if let Some(slot) = counts.slot(call.call, *row) {
                    slot.count.fetch_add(*count, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Counts {
    fn new(complex: Option<ComplexId>, now: Timestamp) -> Self {
        Self {
            complex,
            since: Mutex::new(now),
            requests: Call::ALL.iter().map(|_| AtomicU64::default()).collect(),
            fields: (0..slots()).map(|_| Slot::default()).collect(),
        }
    }

    fn slot(&self, call: Call, row: usize) -> Option<&Slot> {
        let of_row = LEDGER[row].calls.iter().position(|other| *other == call)?;
        self.fields.get(STARTS[row] + of_row)
    }

    fn take(&self, now: Timestamp) -> Option<Sent> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let from = std::mem::replace(&mut *since, now);
        let took = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let of_call = |call: &Call| {
            let requests = took(&self.requests[*call as usize]);
            let rows = LEDGER.iter().enumerate();
            let rows = rows.filter_map(|(row, _)| Some((row, took(&self.slot(*call, row)?.count))));
            let fields: Vec<_> = rows.filter(|(_, count)| *count > 0).collect();
            (requests > 0 || !fields.is_empty()).then_some(SentCall {
                call: *call,
                requests,
                fields,
            })
        };
        let calls: Vec<_> = Call::ALL.iter().filter_map(of_call).collect();
        (!calls.is_empty()).then(|| Sent {
            complex: self.complex.clone(),
            from,
            until: now,
            calls,
        })
    }
}

impl SentCall {
    /// What they held, as the ledger declares it, and how often.
    pub fn fields(&self) -> impl Iterator<Item = (&'static Field, u64)> {
        let fields = self.fields.iter();
        fields.filter_map(|(row, count)| Some((LEDGER.get(*row)?, *count)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn row(call: Call, name: &str) -> usize {
        let mut rows = LEDGER.iter();
        let is = |field: &Field| field.name == name && field.calls.contains(&call);
        rows.position(is).unwrap()
    }

    /// Complex, call, requests, and fields with their counts.
    type Told = (String, &'static str, u64, Vec<(&'static str, u64)>);

    fn told(sent: &[Sent]) -> Vec<Told> {
        let mut told: Vec<_> = sent
            .iter()
            .flat_map(|sent| {
                let complex = sent.complex.as_ref().map(ToString::to_string);
                let complex = complex.unwrap_or_default();
                sent.calls.iter().map(move |call| {
                    let fields = call.fields().map(|(field, count)| (field.name, count));
                    let fields = fields.collect();
                    (complex.clone(), call.call.as_str(), call.requests, fields)
                })
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn what_was_sent_is_told_once_by_complex_and_call() {
        let tally = Tally::new("gatekeeper".parse().unwrap(), at(10));
        assert!(tally.take(at(20)).is_empty(), "nothing was sent");
        let (sunrise, moonlight) = ("sunrise".parse().unwrap(), "moonlight".parse().unwrap());
        let open = [row(Call::Open, "complex"), row(Call::Open, "device")];
        tally.count(Some(&sunrise), Call::Open, &open);
        tally.count(Some(&sunrise), Call::Open, &open[..1]);
        tally.count(
            Some(&sunrise),
            Call::Cancel,
            &[row(Call::Cancel, "command_id")],
        );
        tally.count(Some(&moonlight), Call::Open, &open);
        tally.count(None, Call::Discovery, &[]);
        let sent = tally.take(at(30));
        let expected = [
            (String::new(), "discovery", 1, vec![]),
            (
                "moonlight".to_owned(),
                "open",
                1,
                vec![("complex", 1), ("device", 1)],
            ),
            ("sunrise".to_owned(), "cancel", 1, vec![("command_id", 1)]),
            (
                "sunrise".to_owned(),
                "open",
                2,
                vec![("complex", 2), ("device", 1)],
            ),
        ];
        assert_eq!(told(&sent), expected);
        let nowhere = sent.iter().find(|sent| sent.complex.is_none()).unwrap();
        assert_eq!((nowhere.from, nowhere.until), (at(20), at(30)));
        assert!(tally.take(at(40)).is_empty(), "it was told");
    }

    #[test]
    fn what_was_not_recorded_is_told_again_with_what_came_after() {
        let tally = Tally::new("gatekeeper".parse().unwrap(), at(10));
        tally.count(None, Call::Token, &[row(Call::Token, "scope")]);
        let lost = tally.take(at(20));
        tally.count(None, Call::Token, &[row(Call::Token, "scope")]);
        tally.put_back(&lost[0]);
        let sent = tally.take(at(30));
        assert_eq!(
            told(&sent),
            [(String::new(), "token", 2, vec![("scope", 2)])]
        );
        assert_eq!((sent[0].from, sent[0].until), (at(10), at(30)));
    }

    /// Two calls never share a count, and every declared field has one.
    #[test]
    fn every_row_has_a_count_for_each_of_its_calls() {
        let mut seen = std::collections::BTreeSet::new();
        for (row, field) in LEDGER.iter().enumerate() {
            for (index, _) in field.calls.iter().enumerate() {
                assert!(seen.insert(STARTS[row] + index));
            }
        }
        assert_eq!(seen.len(), slots());
        assert_eq!(seen.last(), Some(&(slots() - 1)));
    }
}
