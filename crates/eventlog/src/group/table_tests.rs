#![allow(clippy::unwrap_used)]
use super::*;

const TOPIC: Topic = Topic::AccessEvents;

fn sign(member: Uuid) -> Heartbeat {
    Heartbeat {
        member,
        session_timeout: Duration::from_secs(3),
        topics: vec![TOPIC],
        partitions: 3,
        dead: Vec::new(),
        overdue: Vec::new(),
    }
}

fn members() -> (Uuid, Uuid) {
    (Uuid::from_u128(1), Uuid::from_u128(2))
}

fn partitions(standing: &Standing, leaving: bool) -> Vec<u32> {
    let matching = standing.owned.iter().filter(|(_, c)| c.leaving == leaving);
    matching.map(|((_, partition), _)| *partition).collect()
}

#[test]
fn the_first_member_gets_everything_and_gives_up_what_the_second_is_planned() {
    let (a, b) = members();
    let mut table = GroupTable::default();
    assert_eq!(partitions(&table.heartbeat(&sign(a)), false), [0, 1, 2]);

    let second = table.heartbeat(&sign(b));
    assert!(second.owned.is_empty());
    assert_eq!(second.awaited, [((TOPIC, 1), 1)]);

    let first = table.heartbeat(&sign(a));
    assert_eq!(partitions(&first, false), [0, 2]);
    assert_eq!(partitions(&first, true), [1]);

    table.release(a, (TOPIC, 1), 1);
    assert_eq!(partitions(&table.heartbeat(&sign(b)), false), [1]);
}

#[test]
fn a_dead_members_partitions_go_on_from_its_commit() {
    let (a, b) = members();
    let mut table = GroupTable::default();
    table.heartbeat(&sign(a));
    assert!(table.commit(a, (TOPIC, 2), 1, 40));
    let seen = table.heartbeat(&sign(b)).others[0].clone();
    let after = table.heartbeat(&Heartbeat {
        dead: vec![(seen.id, seen.beat)],
        ..sign(b)
    });
    assert_eq!(partitions(&after, false), [0, 1, 2]);
    assert_eq!(after.owned[&(TOPIC, 2)].committed, Some(40));
    assert!(
        !table.commit(a, (TOPIC, 2), 1, 41),
        "the dead one is fenced"
    );
}

#[test]
fn a_member_that_has_shown_life_since_is_not_removed() {
    let (a, b) = members();
    let mut table = GroupTable::default();
    table.heartbeat(&sign(a));
    let seen = table.heartbeat(&sign(b)).others[0].clone();
    table.heartbeat(&sign(a));
    table.heartbeat(&Heartbeat {
        dead: vec![(seen.id, seen.beat)],
        ..sign(b)
    });
    assert_eq!(table.members.len(), 2);
}

#[test]
fn an_overdue_partition_is_taken_and_its_owner_fenced() {
    let (a, b) = members();
    let mut table = GroupTable::default();
    table.heartbeat(&sign(a));
    let awaited = table.heartbeat(&sign(b)).awaited;
    let taken = table.heartbeat(&Heartbeat {
        overdue: awaited,
        ..sign(b)
    });
    assert_eq!(partitions(&taken, false), [1]);
    assert!(!table.commit(a, (TOPIC, 1), 1, 5));
    assert!(table.commit(b, (TOPIC, 1), 2, 5));
}

#[test]
fn a_partition_that_comes_back_does_not_revive_an_old_commit() {
    let (a, b) = members();
    let mut table = GroupTable::default();
    table.heartbeat(&sign(a));
    let awaited = table.heartbeat(&sign(b)).awaited;
    table.heartbeat(&Heartbeat {
        overdue: awaited,
        ..sign(b)
    });
    table.leave(b);
    assert_eq!(partitions(&table.heartbeat(&sign(a)), false), [0, 1, 2]);
    assert!(
        !table.commit(a, (TOPIC, 1), 1, 5),
        "epoch of the first turn"
    );
    assert!(table.commit(a, (TOPIC, 1), 3, 5));
}

#[test]
fn members_share_only_topics_that_they_read() {
    let (a, b) = members();
    let other = Topic::DeviceStatus;
    let mut table = GroupTable::default();
    let both = Heartbeat {
        topics: vec![TOPIC, other],
        ..sign(a)
    };
    table.heartbeat(&both);
    table.heartbeat(&sign(b));
    let standing = table.heartbeat(&both);
    let leaving: Vec<_> = standing
        .owned
        .iter()
        .filter(|(_, claim)| claim.leaving)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(leaving, [(TOPIC, 1)]);
}
