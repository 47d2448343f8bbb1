#![allow(clippy::unwrap_used)]
use domain::CredentialId;
use proptest::prelude::*;
use prost::Message;
use proto::events::SubjectItem;
use uuid::Uuid;

use super::*;

fn index(user: u8) -> LookupIndex {
    format!("{user:064x}").parse().unwrap()
}

fn subject(number: u8) -> SubjectRef {
    SubjectRef(Uuid::from_u128(u128::from(number) + 1))
}

fn key(user: u8, number: u8, item: Item) -> SubjectKey {
    SubjectKey {
        index: index(user),
        subject: subject(number),
        item,
    }
}

fn plate(number: u8) -> Item {
    Item::Plate(CredentialId(Uuid::from_u128(u128::from(number))))
}

fn value(key: &SubjectKey, version: u32) -> Vec<u8> {
    SubjectItem {
        subject_ref: key.subject.to_string(),
        item: key.item.to_string(),
        kek_version: version,
        ..SubjectItem::default()
    }
    .encode_to_vec()
}

/// A log of one partition.
#[derive(Default)]
struct Log(Vec<(SubjectKey, Option<Vec<u8>>)>);

impl Log {
    fn put(mut self, user: u8, number: u8, item: Item) -> Self {
        let key = key(user, number, item);
        let value = value(&key, 1);
        self.0.push((key, Some(value)));
        self
    }

    fn tombstone(mut self, user: u8, number: u8, item: Item) -> Self {
        self.0.push((key(user, number, item), None));
        self
    }

    fn fold_into(&self, subjects: &mut Subjects) {
        for (offset, (key, value)) in self.0.iter().enumerate() {
            let position = LogPosition {
                partition: 0,
                offset: offset as u64,
            };
            subjects
                .fold(&key.to_string(), value.as_deref(), position)
                .unwrap();
        }
    }

    fn fold(&self) -> Subjects {
        let mut subjects = Subjects::default();
        self.fold_into(&mut subjects);
        subjects
    }
}

#[test]
fn the_first_reference_in_log_order_is_the_users() {
    let log = Log::default()
        .put(1, 7, Item::Identity)
        .put(1, 3, Item::Identity)
        .put(1, 3, plate(1))
        .put(2, 4, Item::Identity);
    let subjects = log.fold();
    assert_eq!(subjects.subject_of(&index(1)), Some(subject(7)));
    assert_eq!(subjects.subject_of(&index(2)), Some(subject(4)));
    assert_eq!(subjects.subject_of(&index(3)), None);
    assert_eq!(
        subjects.losers(),
        [key(1, 3, Item::Identity), key(1, 3, plate(1))]
    );
}

#[test]
fn tombstoned_losers_leave_the_winner_alone() {
    let log = Log::default()
        .put(1, 7, Item::Identity)
        .put(1, 3, Item::Identity)
        .tombstone(1, 3, Item::Identity);
    let subjects = log.fold();
    assert!(subjects.losers().is_empty());
    assert_eq!(subjects.subject_of(&index(1)), Some(subject(7)));
    assert_eq!(subjects.index_of(subject(3)), None);
    assert!(subjects.items(subject(3)).is_empty());
}

#[test]
fn a_tombstone_for_every_item_forgets_a_subject() {
    let log = Log::default()
        .put(1, 7, Item::Identity)
        .put(1, 7, plate(1))
        .put(1, 7, plate(2));
    let items = log.fold();
    let items: Vec<_> = items
        .items(subject(7))
        .into_iter()
        .map(|(k, _)| k)
        .collect();
    assert_eq!(items.len(), 3);
    let partly = log.tombstone(1, 7, Item::Identity);
    let subjects = partly.fold();
    assert_eq!(subjects.subject_of(&index(1)), Some(subject(7)));
    assert!(subjects.item(subject(7), Item::Identity).is_none());
    let erased = partly
        .tombstone(1, 7, plate(1))
        .tombstone(1, 7, plate(2))
        .tombstone(1, 7, plate(2))
        .fold();
    assert_eq!(erased.subject_of(&index(1)), None);
    assert_eq!(erased.index_of(subject(7)), None);
    assert!(erased.references.is_empty() && erased.indexes.is_empty());
}

#[test]
fn the_last_value_of_an_item_counts_and_keeps_the_order() {
    let mut log = Log::default()
        .put(1, 7, Item::Identity)
        .put(1, 3, Item::Identity);
    let winner = key(1, 7, Item::Identity);
    log.0.push((winner.clone(), Some(value(&winner, 2))));
    let subjects = log.fold();
    assert_eq!(subjects.subject_of(&index(1)), Some(subject(7)));
    let (found, sealed) = subjects.item(subject(7), Item::Identity).unwrap();
    assert_eq!(found, winner);
    assert_eq!(SubjectItem::decode(sealed).unwrap().kek_version, 2);
}

#[test]
fn an_unreadable_record_changes_nothing_but_the_position() {
    let mut subjects = Subjects::default();
    let at = |offset| LogPosition {
        partition: 0,
        offset,
    };
    let good = key(1, 7, Item::Identity);
    let fold = |subjects: &mut Subjects, key: &str, value: &[u8], offset| {
        subjects.fold(key, Some(value), at(offset))
    };
    assert_eq!(fold(&mut subjects, "anna", b"", 0), Err(Unreadable::Key));
    let wrong = value(&key(1, 8, Item::Identity), 1);
    for (offset, value) in [(1, &wrong[..]), (2, b"\xff\xff"), (3, b"")] {
        assert_eq!(
            fold(&mut subjects, &good.to_string(), value, offset),
            Err(Unreadable::Value)
        );
    }
    assert!(subjects.references.is_empty());
    let right = value(&good, 1);
    // Before what was folded already: not folded again.
    fold(&mut subjects, &good.to_string(), &right, 3).unwrap();
    assert!(subjects.references.is_empty());
    fold(&mut subjects, &good.to_string(), &right, 4).unwrap();
    assert_eq!(subjects.subject_of(&index(1)), Some(subject(7)));
}

proptest! {
    /// Against the plainest model: replay everything, look at what is left.
    #[test]
    fn any_log_folds_as_the_model_says_and_redelivery_changes_nothing(
        steps in prop::collection::vec((0u8..3, 0u8..4, 0u8..3, any::<bool>()), 0..60),
    ) {
        let mut log = Log::default();
        for (user, number, item, put) in steps {
            // A reference belongs to one user.
            let number = user * 4 + number;
            let item = if item == 0 { Item::Identity } else { plate(item) };
            log = if put { log.put(user, number, item) } else { log.tombstone(user, number, item) };
        }
        let mut subjects = log.fold();
        for user in 0..3 {
            let mut live: Vec<&SubjectKey> = Vec::new();
            for (key, value) in log.0.iter().filter(|(key, _)| key.index == index(user)) {
                match value {
                    Some(_) if !live.contains(&key) => live.push(key),
                    Some(_) => {}
                    None => live.retain(|k| *k != key),
                }
            }
            let first = subjects.subject_of(&index(user));
            prop_assert_eq!(first.is_some(), !live.is_empty());
            for key in &live {
                prop_assert!(subjects.item(key.subject, key.item).is_some());
                let lost = Some(key.subject) != first;
                prop_assert_eq!(subjects.losers().contains(key), lost);
            }
            let kept = (0..12).flat_map(|n| subjects.items(subject(n)))
                .filter(|(key, _)| key.index == index(user)).count();
            prop_assert_eq!(kept, live.len());
        }
        let before = format!("{:?}", subjects.losers());
        log.fold_into(&mut subjects);
        prop_assert_eq!(before, format!("{:?}", subjects.losers()));
    }
}

#[test]
fn items_are_counted_by_the_version_of_their_key() {
    let mut log = Log::default()
        .put(1, 1, Item::Identity)
        .put(1, 1, plate(1))
        .put(2, 2, Item::Identity);
    let again = key(1, 1, Item::Identity);
    let newer = value(&again, 2);
    log.0.push((again.clone(), Some(newer.clone())));
    let subjects = log.fold();
    let counts = |subjects: &Subjects, purpose| -> Vec<(u32, usize)> {
        let counts = subjects.sealed_under(purpose).into_iter();
        counts.filter(|(_, count)| *count > 0).collect()
    };
    assert_eq!(counts(&subjects, Purpose::Identity), [(1, 1), (2, 1)]);
    assert_eq!(counts(&subjects, Purpose::Plate), [(1, 1)]);
    let left = subjects.sealed_otherwise(2, 1, None, 10);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, key(2, 2, Item::Identity));
    assert_eq!(subjects.sealed_otherwise(2, 2, None, 10).len(), 2);
    let erased = log.tombstone(1, 1, Item::Identity).fold();
    assert_eq!(counts(&erased, Purpose::Identity), [(1, 1)]);
    // A user with a loser keeps the order of the log.
    let contested = Log::default()
        .put(1, 1, Item::Identity)
        .put(1, 2, Item::Identity)
        .fold();
    assert!(contested.sealed_otherwise(2, 2, None, 10).is_empty());
}

#[test]
fn a_reference_may_stand_under_two_indexes() {
    let log = Log::default()
        .put(9, 1, Item::Identity)
        .put(9, 1, plate(1))
        .put(3, 1, Item::Identity);
    let subjects = log.fold();
    assert_eq!(subjects.items(subject(1)).len(), 3, "all are erased");
    for user in [3, 9] {
        assert_eq!(subjects.subject_of(&index(user)), Some(subject(1)));
    }
    assert!(subjects.item(subject(1), plate(1)).is_some());
    let settled = HashSet::from([index(3)]);
    assert_eq!(subjects.outside(&settled), [subject(1)]);
    let moved = log
        .tombstone(9, 1, Item::Identity)
        .tombstone(9, 1, plate(1))
        .fold();
    assert!(moved.outside(&settled).is_empty());
    assert_eq!(moved.index_of(subject(1)), Some(&index(3)));
    assert_eq!(moved.subject_of(&index(9)), None);
}
