//! Twenty complexes: in each its devices, its residents, and two grants for each of them.

use std::fmt;

use domain::registry::{
    Change, ChangeSet, Complex, Device, Entity, Grant, Partner, Perimeter, Resident,
};
use domain::vocabulary::{DeviceKind, GrantRole, Operation};
use domain::window::Window;
use domain::{ChangeSetId, ComplexId, DeviceId, GrantId, PartnerId, SubjectRef};
use jiff::Timestamp;
use uuid::Uuid;

const COMPLEXES: usize = 20;
/// Entrances of a complex, each with a door.
const ENTRANCES: usize = 24;
/// Gates and barriers.
const GATES: usize = 6;
/// Residents in one change set; with their grants they are as many changes as fit in one.
const TOGETHER: usize = 166;
const PARTNER: &str = "gatekeeper";

/// The load. Everything in it follows from its size.
pub(super) struct Site {
    residents: usize,
}

impl Site {
    /// With about this many grants.
    pub(super) fn of(grants: usize) -> Self {
        Self {
            residents: (grants / COMPLEXES / 2).max(1),
        }
    }

    /// How many grants there are.
    pub(super) fn grants(&self) -> usize {
        COMPLEXES * self.residents * 2
    }

    /// How many people.
    pub(super) fn people(&self) -> usize {
        COMPLEXES * self.residents
    }

    /// The subject of a person.
    pub(super) fn subject(person: usize) -> SubjectRef {
        SubjectRef(uuid(1, person))
    }

    /// A device that a person may open, or, where `other`, perhaps not.
    pub(super) fn device(&self, person: usize, other: bool) -> DeviceId {
        let complex = person / self.residents;
        if other {
            door(complex, person / 7 % ENTRANCES)
        } else {
            door(complex, person % ENTRANCES)
        }
    }

    /// Everything, as it would be imported.
    pub(super) fn change_sets(&self) -> impl Iterator<Item = (ComplexId, ChangeSet)> {
        let partner = Entity::Partner(Partner {
            id: partner(),
            name: "Gatekeeper".to_owned(),
            suspended: false,
            webhook_san: "dns:gatekeeper.example".to_owned(),
            attestation_key: vec![0; 32],
        });
        let global = (ComplexId::global(), set(0, vec![partner]));
        let residents = self.residents;
        let complexes = (0..COMPLEXES).flat_map(move |complex| {
            let first = complex * residents;
            let people = (first..first + residents).step_by(TOGETHER);
            let sets = people.map(move |from| {
                let until = (from + TOGETHER).min(first + residents);
                let entities = (from..until).flat_map(move |person| resident(complex, person));
                set(from + 1_000, entities.collect())
            });
            let place = set(complex + 1, place(complex));
            std::iter::once(place)
                .chain(sets)
                .map(move |set| (complex_id(complex), set))
        });
        std::iter::once(global).chain(complexes)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} grants of {} residents in {COMPLEXES} complexes; half of the grants name an \
             entrance, two gates and a lift hall, half a barrier",
            self.grants(),
            self.people()
        )
    }
}

/// A grant's id, as random as version 4 makes it.
pub(super) fn id(grant: usize) -> u128 {
    uuid(2, grant).as_u128()
}

/// Looks random, and is the same each time: SplitMix64 twice.
fn uuid(kind: u64, number: usize) -> Uuid {
    let mix = |seed: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let seed = kind << 40 | (number as u64 + 1) << 1;
    uuid::Builder::from_random_bytes(
        (u128::from(mix(seed)) << 64 | u128::from(mix(seed | 1))).to_be_bytes(),
    )
    .into_uuid()
}

fn set(number: usize, entities: Vec<Entity>) -> ChangeSet {
    let changes = entities.into_iter().map(|entity| Change {
        expected_version: 0,
        entity,
    });
    ChangeSet {
        id: ChangeSetId(uuid(3, number)),
        note: "imported".to_owned(),
        changes: changes.collect(),
    }
}

fn parsed<T: std::str::FromStr<Err = domain::IdError>>(text: &str) -> T {
    text.parse().expect("an id of the benchmark is well formed")
}

fn partner() -> PartnerId {
    parsed(PARTNER)
}

fn complex_id(complex: usize) -> ComplexId {
    parsed(&format!("quarter-{complex}"))
}

fn door(complex: usize, entrance: usize) -> DeviceId {
    parsed(&format!("quarter-{complex}.entrance-{entrance}"))
}

fn gate(complex: usize, gate: usize) -> DeviceId {
    parsed(&format!("quarter-{complex}.gate-{gate}"))
}

fn place(complex: usize) -> Vec<Entity> {
    let doors = (0..ENTRANCES).map(|number| (door(complex, number), DeviceKind::Door));
    let gates = (0..GATES).map(|number| (gate(complex, number), DeviceKind::Gate));
    let devices = doors.chain(gates).map(|(id, kind)| {
        Entity::Device(Device {
            name: id.to_string(),
            id,
            kind,
            operations: vec![Operation::OpenDoor],
            partner: partner(),
            enabled: true,
            cooldown_ms: 0,
            step_up: None,
            place: None,
        })
    });
    [
        Entity::Complex(Complex {
            id: complex_id(complex),
            name: format!("Quarter {complex}"),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
        Entity::Perimeter(Perimeter {
            partner: partner(),
            complex: complex_id(complex),
            operations: vec![Operation::OpenDoor],
            credentials: true,
            not_before: None,
            not_after: None,
            closed: false,
        }),
    ]
    .into_iter()
    .chain(devices)
    .collect()
}

fn resident(complex: usize, person: usize) -> [Entity; 3] {
    let grant = |number, devices, window| {
        Entity::Grant(Grant {
            id: GrantId(Uuid::from_u128(id(person * 2 + number))),
            subject: Site::subject(person),
            role: GrantRole::Owner,
            devices,
            buildings: Box::default(),
            entrances: Box::default(),
            window,
            revoked: false,
        })
    };
    let home = vec![
        door(complex, person % ENTRANCES),
        door(complex, (person + 1) % ENTRANCES),
        gate(complex, 0),
        gate(complex, 1),
    ];
    let parking = vec![gate(complex, 2 + person % (GATES - 2))];
    let leased = Window {
        not_before: Some(Timestamp::UNIX_EPOCH),
        ..Window::default()
    };
    [
        Entity::Resident(Resident {
            subject: Site::subject(person),
            active: true,
        }),
        grant(0, home, Window::default()),
        grant(1, parking, leased),
    ]
}
