//! Records that were written to do harm, or by a version that is yet to come: each has its leaf and
//! is seen, and what comes behind it is projected as ever.

mod cases;

use std::collections::HashMap;

use auditlog::{MAX_LEAF_BYTES, OversizedRecord};
use eventlog::{Position, TailFrom, Topic};
use projector::store::{AccessQuery, Table};
use projector::views::{self, RowWrite};
use proto::access::AccessKind;

use crate::fixture::{Fixture, complex, device};
use crate::run::{Site, project};

use Seen::{As, State, Unreadable};
use Topic::{AccessEvents, RegistryEvents};

/// How a record is to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// As one that can't be read, for this reason.
    Unreadable(&'static str),
    /// As an access of this kind.
    As(AccessKind),
    /// As the state of its device.
    State,
    /// By its leaf alone.
    Nothing,
}

/// A name that says what it is, where it is put, and how it is to be seen.
type Case = (&'static str, Topic, &'static str, Option<Vec<u8>>, Seen);
/// All of them in a log, with where they stand.
pub struct Hostile {
    fixture: Fixture,
    written: Vec<(Case, Position)>,
}

impl Hostile {
    pub async fn written() -> Self {
        let fixture = Fixture::new();
        let mut written = Vec::new();
        for case in cases::cases(&fixture) {
            let (_, topic, key, value, _) = &case;
            let key = match *key {
                "LONG" => "x".repeat(100_000),
                key => key.to_owned(),
            };
            let at = fixture.raw(*topic, &key, value.clone()).await;
            written.push((case, at));
        }
        // What comes behind them.
        fixture.workload(1).await;
        Self { fixture, written }
    }

    /// Projects them to a site, and looks for each.
    pub async fn are_all_seen(&self, site: &Site) {
        project(&self.fixture, site, 7).await;
        self.leaves(site).await;
        let reader = site.views.reader();
        let unreadable = reader.scan(Table::Unreadable).await.unwrap();
        for ((name, topic, key, _, seen), at) in &self.written {
            let reason = unreadable.iter().find_map(|row| match row {
                RowWrite::Unreadable(row) if (row.topic, row.position) == (*topic, *at) => {
                    Some(row.reason.as_str())
                }
                _ => None,
            });
            let expected = match seen {
                Unreadable(reason) => Some(*reason),
                _ => None,
            };
            assert_eq!(reason, expected, "{name}");
            let kind = match seen {
                Unreadable(_) if *topic == AccessEvents && key.starts_with("sun") => {
                    AccessKind::Unreadable
                }
                As(kind) => *kind,
                State => {
                    let state = reader.device(&device(key)).await.unwrap();
                    assert!(state.is_some(), "{name}");
                    continue;
                }
                _ => continue,
            };
            let query = AccessQuery {
                complex: complex(key),
                from: None,
                until: None,
                subject: None,
                device: None,
            };
            let rows = reader.search(&query, None, 1_000).await.unwrap();
            let row = rows.iter().find(|row| row.offset == at.offset);
            assert_eq!(row.map(|row| row.record.kind()), Some(kind), "{name}");
        }
        for topic in views::TOPICS {
            let ends = self.fixture.log.end_offsets(topic).await.unwrap();
            for (partition, _) in (0..).zip(ends) {
                assert_eq!(site.views.halts(topic, partition).await.unwrap(), []);
            }
        }
    }

    /// Each record is the leaf of its place, verbatim or described, and the trees' roots follow
    /// from that.
    async fn leaves(&self, site: &Site) {
        site.trees(&*self.fixture.log).await;
        for topic in [AccessEvents, RegistryEvents] {
            let mut sizes = HashMap::new();
            let ends = self.fixture.log.end_offsets(topic).await.unwrap();
            let mut tail = self
                .fixture
                .log
                .tail(topic, TailFrom::Beginning)
                .await
                .unwrap();
            while tail.positions() != ends {
                for record in tail.next_batch(100).await.unwrap() {
                    let log = views::log_of(&record).unwrap();
                    let index = sizes.entry(log.clone()).or_insert(0);
                    let leaf = site.reader(&log).entry(*index).await.unwrap();
                    *index += 1;
                    let value = record.value.unwrap_or_default();
                    if value.len() <= MAX_LEAF_BYTES {
                        assert_eq!(leaf, value, "{log}");
                    } else {
                        let stand_in = OversizedRecord::parse(&leaf).unwrap();
                        assert_eq!(stand_in.offset, record.position.offset);
                        assert_eq!(stand_in.length, value.len() as u64);
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn no_record_stops_a_projection() {
    let hostile = Hostile::written().await;
    let site = Site::new().await;
    hostile.are_all_seen(&site).await;
    // In one batch, it comes to the same.
    let again = Site::new().await;
    project(&hostile.fixture, &again, 10_000).await;
    assert!(site.dump().await == again.dump().await);
}
