//! The log, held against what was sent and acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, Result, ensure};
use domain::event::{Body, DeviceSequence, Event};
use eventlog::Topic;
use harness::fixtures::DEVICES;
use privacy::{HpkePrivateKey, Sealed, open_as_operators};
use serde_json::Value;

use super::book::{Book, EPOCH, Kind};
use crate::support::Scene;

/// A record of an event of the partner.
#[derive(Clone)]
pub(super) struct Heard {
    /// Our id of the record.
    pub(super) event: String,
    /// The partner's id of the event.
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) device: String,
    sequence: Option<DeviceSequence>,
    digest: [u8; 32],
    /// What a rejection has sealed in it, opened; and its reason.
    body: Vec<u8>,
    reason: String,
}

/// What the log says, and what the reference partner itself has sent.
#[derive(Clone)]
pub(crate) struct Evidence {
    /// In the order of each partition.
    pub(super) heard: Vec<Heard>,
    /// The reference partner's own events.
    pub(super) own: BTreeSet<String>,
}

impl Evidence {
    /// Once the reference partner has told all that it had to tell.
    pub(crate) async fn read(scene: &Scene) -> Result<Self> {
        scene.delivered().await?;
        let key = std::fs::read(&scene.site().keys.operators)?;
        let operators = HpkePrivateKey::from_text(&key)?;
        let mut heard = Vec::new();
        for topic in [
            Topic::AccessEvents,
            Topic::DeviceStatus,
            Topic::IngressRejected,
        ] {
            for (_, event) in scene.log.events(topic).await? {
                heard.extend(read(event, &operators)?);
            }
        }
        let deliveries = scene.partner.get("/deliveries?limit=100000").await?;
        let deliveries = deliveries["deliveries"].as_array().context("a list")?;
        let ids = deliveries
            .iter()
            .filter_map(|delivery| delivery["event_ids"].as_array())
            .flatten();
        let own = ids.filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { heard, own })
    }

    /// Everything that must hold between the log, and what was sent and acknowledged.
    pub(crate) fn adds_up(&self, book: &Book) -> Result<()> {
        self.nothing_is_foreign(book)?;
        self.nothing_is_lost(book)?;
        for device in DEVICES {
            for kind in [Kind::Access, Kind::Status] {
                let (found, sent) = (
                    self.first_occurrences(device.id, kind),
                    book.sequences(device.id, kind),
                );
                ensure!(found == sent, "{} {kind:?}: {found:?}", device.id);
            }
        }
        Ok(())
    }

    /// What is there was sent, by the partner, as what it is taken for; each time the same.
    fn nothing_is_foreign(&self, book: &Book) -> Result<()> {
        let mut digests = HashMap::new();
        for heard in &self.heard {
            let digest = digests.entry(&heard.id).or_insert(heard.digest);
            ensure!(
                *digest == heard.digest,
                "{} says different things",
                heard.id
            );
            if self.own.contains(&heard.id) {
                ensure!(heard.kind != Kind::Bad, "{} was rejected", heard.id);
                continue;
            }
            let sent = book.sent.get(&heard.id);
            let sent = sent.with_context(|| format!("nobody has sent {}", heard.id))?;
            let place = DeviceSequence {
                epoch: EPOCH,
                sequence: sent.sequence,
            };
            let same = heard.kind == sent.kind
                && heard.device == sent.device
                && heard.sequence == Some(place);
            ensure!(same, "{} is another event than was sent", heard.id);
            if heard.kind == Kind::Bad {
                let said = heard.reason == "undeclared_field";
                ensure!(said, "{}: {}", heard.id, heard.reason);
                ensure!(heard.body == sent.text.as_bytes(), "{}: body", heard.id);
            }
        }
        Ok(())
    }

    /// Every event is there, as often as it was acknowledged at least.
    fn nothing_is_lost(&self, book: &Book) -> Result<()> {
        let times = self.times();
        for sent in book.sent.values() {
            let found = times.get(sent.id.as_str()).copied().unwrap_or_default();
            ensure!(sent.acknowledged > 0, "{} was never taken", sent.id);
            ensure!(
                found >= sent.acknowledged,
                "{} {:?} {}: acknowledged {} times, {found} times in the log",
                sent.device,
                sent.kind,
                sent.sequence,
                sent.acknowledged
            );
        }
        for id in &self.own {
            ensure!(
                times.contains_key(id.as_str()),
                "the partner's {id} is lost"
            );
        }
        Ok(())
    }

    /// How many records tell of each event.
    fn times(&self) -> BTreeMap<&str, usize> {
        let mut times = BTreeMap::new();
        for heard in &self.heard {
            *times.entry(heard.id.as_str()).or_default() += 1;
        }
        times
    }

    /// Places of a device's events of one kind, as each came first.
    fn first_occurrences(&self, device: &str, kind: Kind) -> Vec<u64> {
        let mut seen = BTreeSet::new();
        let of = self.heard.iter().filter(|heard| {
            heard.kind == kind && heard.device == device && !self.own.contains(&heard.id)
        });
        of.filter(|heard| seen.insert(&heard.id))
            .filter_map(|heard| heard.sequence.map(|place| place.sequence))
            .collect()
    }

    /// How many events are in the log more often than they were acknowledged: written by a process
    /// that died, or gave up, before it could say so.
    pub(crate) fn unacknowledged(&self, book: &Book) -> usize {
        let times = self.times();
        let more = book.sent.values().filter(|sent| {
            let found = times.get(sent.id.as_str()).copied().unwrap_or_default();
            found > sent.acknowledged
        });
        more.count()
    }

    /// The checks notice what they are for.
    pub(crate) fn forgeries_are_noticed(&self, book: &Book) {
        let refused = |what: &str, forge: &dyn Fn(&mut Self)| {
            let mut forged = self.clone();
            forge(&mut forged);
            assert!(forged.adds_up(book).is_err(), "{what} was not noticed");
        };
        let at = |kind| self.heard.iter().position(|heard| heard.kind == kind);
        for kind in [Kind::Access, Kind::Status, Kind::Bad] {
            let lost = self.heard.iter().rposition(|heard| heard.kind == kind);
            let lost = self.heard[lost.unwrap()].id.clone();
            refused("a loss", &|forged| {
                forged.heard.retain(|heard| heard.id != lost);
            });
            refused("a change", &|forged| {
                forged.heard[at(kind).unwrap()].digest = [0; 32];
                forged.heard[at(kind).unwrap()].sequence = None;
            });
        }
        refused("an event of nobody", &|forged| {
            let mut foreign = forged.heard[0].clone();
            foreign.id = "nobody's".to_owned();
            forged.heard.push(foreign);
        });
        refused("another order", &|forged| forged.heard.reverse());
    }
}

/// What a record tells of an event of the partner, if it does.
fn read(event: Event, operators: &HpkePrivateKey) -> Result<Option<Heard>> {
    let device = event.device.as_ref().map(ToString::to_string);
    let heard = |id, kind, sequence, digest| Heard {
        event: event.id.to_string(),
        id,
        kind,
        device: device.unwrap_or_default(),
        sequence,
        digest,
        body: Vec::new(),
        reason: String::new(),
    };
    Ok(match event.body {
        Body::AccessObserved(body) => Some(heard(
            body.partner_event_id,
            Kind::Access,
            Some(body.sequence),
            body.digest,
        )),
        Body::DeviceStatus(body) => Some(heard(
            body.partner_event_id,
            Kind::Status,
            Some(body.sequence),
            body.digest,
        )),
        Body::IngressRejected(body) => {
            let sealed = Sealed {
                enc: body.sealed_enc,
                ciphertext: body.sealed_body,
            };
            Some(Heard {
                body: open_as_operators(operators, &sealed)?.to_vec(),
                reason: body.reason,
                ..heard(body.partner_event_id, Kind::Bad, body.sequence, body.digest)
            })
        }
        _ => None,
    })
}
