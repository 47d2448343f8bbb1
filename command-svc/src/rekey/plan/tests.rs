#![allow(clippy::unwrap_used)]
use domain::CredentialId;
use domain::event::LogPosition;
use privacy::{Identity, KeyError, KeyProvider, Keyring, Plate, Purpose};
use uuid::Uuid;

use super::*;

/// The same ring for every purpose.
struct Ring(Keyring);

impl KeyProvider for Ring {
    fn keyring(&self, _: Purpose) -> Result<Keyring, KeyError> {
        Ok(self.0.clone())
    }
}

struct Owned {
    identity: IdentityKeys,
    plates: PlateKeys,
    lookup: LookupKey,
}

impl Owned {
    fn of(ring: &Keyring) -> Self {
        let ring = Ring(ring.clone());
        Self {
            identity: IdentityKeys::load(&ring).unwrap(),
            plates: PlateKeys::load(&ring).unwrap(),
            lookup: LookupKey::load(&ring).unwrap(),
        }
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            identity: &self.identity,
            plates: &self.plates,
            faces: None,
            lookup: &self.lookup,
        }
    }

    fn indexes(&self) -> UserIndexes {
        self.lookup.indexes("https://issuer.example", "anna")
    }
}

#[derive(Default)]
struct Log {
    subjects: Subjects,
    next: u64,
}

impl Log {
    fn append(&mut self, key: &SubjectKey, value: Option<&[u8]>) {
        let position = LogPosition {
            partition: 0,
            offset: self.next,
        };
        self.next += 1;
        self.subjects
            .fold(&key.to_string(), value, position)
            .unwrap();
    }

    fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Put(key, value) => self.append(&key, Some(&value)),
                Step::Retire(key) | Step::Lost(key) => self.append(&key, None),
            }
        }
    }
}

const ANNA: SubjectRef = SubjectRef(Uuid::from_u128(1));
const PLATE: Item = Item::Plate(CredentialId(Uuid::from_u128(7)));

/// Anna with a plate, under the only key.
fn before(old: &Owned) -> Log {
    let mut log = Log::default();
    let key = |item| SubjectKey {
        index: old.indexes().primary().clone(),
        subject: ANNA,
        item,
    };
    let (identity, plate) = (key(Item::Identity), key(PLATE));
    let now = Timestamp::UNIX_EPOCH;
    let anna = Identity::new("https://issuer.example", "anna");
    let sealed = old.identity.seal(&identity, &anna, now).unwrap();
    log.append(&identity, Some(&sealed));
    let car = Plate::parse("А123ВС 77").unwrap();
    let sealed = old.plates.seal(&plate, &car, now).unwrap();
    log.append(&plate, Some(&sealed));
    log
}

fn moving(owned: &Owned, log: &Log) -> Vec<Step> {
    let moving = owned
        .keys()
        .moving(&log.subjects, ANNA, Timestamp::UNIX_EPOCH);
    moving.unwrap().unwrap().1
}

#[test]
fn records_move_and_only_then_leave_the_older_index() {
    let first = Keyring::generate().unwrap();
    let ring = first.clone().rotated().unwrap();
    let (old, new) = (Owned::of(&first), Owned::of(&ring));
    let mut log = before(&old);
    let steps = moving(&new, &log);
    assert!(
        steps.iter().all(|step| matches!(step, Step::Put(..))) && steps.len() == 2,
        "{steps:?}"
    );
    log.carry_out(steps.clone());
    // Another instance that was at it too does no harm.
    log.carry_out(steps);
    for index in new.indexes().newest_first() {
        assert_eq!(log.subjects.subject_of(index), Some(ANNA));
    }
    let steps = moving(&new, &log);
    assert!(
        steps.iter().all(|step| matches!(step, Step::Retire(_))) && steps.len() == 2,
        "{steps:?}"
    );
    log.carry_out(steps);
    assert!(moving(&new, &log).is_empty());
    let indexes = new.indexes();
    assert_eq!(log.subjects.subject_of(indexes.primary()), Some(ANNA));
    assert_eq!(log.subjects.subject_of(indexes.oldest()), None);
    // What was moved opens without the older key.
    let alone = Owned::of(&ring.retired());
    let (key, sealed) = log.subjects.item(ANNA, PLATE).unwrap();
    assert!(alone.plates.open(&key, sealed).is_ok());
    assert!(old.plates.open(&key, sealed).is_err());
}

#[test]
fn nothing_moves_while_the_older_key_is_primary() {
    let ring = Keyring::generate().unwrap();
    let waiting = ring.clone().rotated().unwrap().with_primary(1).unwrap();
    let log = before(&Owned::of(&ring));
    assert!(moving(&Owned::of(&waiting), &log).is_empty());
}

#[test]
fn whoever_has_the_newer_index_is_the_user() {
    let ring = Keyring::generate().unwrap();
    let (old, new) = (Owned::of(&ring), Owned::of(&ring.rotated().unwrap()));
    let mut log = before(&old);
    let other = SubjectKey {
        index: new.indexes().primary().clone(),
        subject: SubjectRef(Uuid::from_u128(2)),
        item: Item::Identity,
    };
    let anna = Identity::new("https://issuer.example", "anna");
    let sealed = new
        .identity
        .seal(&other, &anna, Timestamp::UNIX_EPOCH)
        .unwrap();
    log.append(&other, Some(&sealed));
    let steps = moving(&new, &log);
    assert!(
        steps.iter().all(|step| matches!(step, Step::Lost(_))) && steps.len() == 2,
        "{steps:?}"
    );
}
