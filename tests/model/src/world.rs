//! What the registry holds, and the decisions made from it by the domain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::str::FromStr;

use domain::commands::Commands;
use domain::decide::Asker;
use domain::event::{PassUseConsumed, PassUseReturned};
use domain::registry::{
    Change, ChangeSet, Complex, Consumption, Device, Entity, Grant, GuestPass, Partner, Perimeter,
    Registry, Resident,
};
use domain::vocabulary::{DeviceKind, GrantRole, Operation, Verdict};
use domain::window::Window;
use domain::{ChangeSetId, ComplexId, GrantId, Instant, OpenCommand, PassId, SubjectRef, decide};
use uuid::Uuid;

use crate::fold::command_id;
use crate::hash::BuildFolding;
use crate::ingredients::Ingredients;
use crate::scenario::{Phase, Scenario, expiry, instant, key_time};
use crate::state::Use;

/// The complex.
pub(crate) const COMPLEX: &str = "sunrise";
/// Its one device.
pub(crate) const DEVICE: &str = "sunrise.gate";
/// Who runs it.
pub(crate) const PARTNER: &str = "gatekeeper";
/// What is asked.
pub(crate) const OPERATION: Operation = Operation::OpenBarrier;
/// Who asks.
pub(crate) const SUBJECT: SubjectRef = SubjectRef(Uuid::from_u128(7));
/// The pass, where requests come by one.
const PASS: PassId = PassId(Uuid::from_u128(9));
/// Longer than a command may live, in milliseconds.
const COOLDOWN: u32 = 120_000;

/// An id that is written in this file.
///
/// # Panics
/// If it is none.
#[allow(clippy::unwrap_used)]
pub(crate) fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The registry, before and after the grant is revoked.
pub(crate) struct World {
    registries: [Registry; 2],
    command: OpenCommand,
    by_uses: RefCell<HashMap<Box<[Use]>, Rc<Registry>, BuildFolding>>,
    ingredients: Ingredients,
}

impl World {
    /// One complex, one device, one grant.
    pub(crate) fn new(scenario: &Scenario, ingredients: Ingredients) -> Self {
        let mut registry = Registry::default();
        let cooldown_ms = if scenario.cooldown { COOLDOWN } else { 0 };
        put(&mut registry, ComplexId::global(), 1, 0, vec![partner()]);
        put(&mut registry, id(COMPLEX), 2, 0, entities(cooldown_ms));
        let mut revoked = registry.clone();
        put(&mut revoked, id(COMPLEX), 3, 1, vec![grant(true)]);
        Self {
            registries: [registry, revoked],
            command: command(scenario),
            by_uses: RefCell::default(),
            ingredients,
        }
    }

    /// The registry as folded up to here.
    pub(crate) fn registry(
        &self,
        knows_revocation: bool,
        uses: &[Use],
        uses_read: u8,
    ) -> Rc<Registry> {
        let uses = &uses[..usize::from(uses_read)];
        let folded = (!knows_revocation)
            .then(|| self.by_uses.borrow().get(uses).cloned())
            .flatten();
        folded.unwrap_or_else(|| {
            let mut registry = self.registries[usize::from(knows_revocation)].clone();
            for used in uses {
                self.fold(&mut registry, *used);
            }
            let registry = Rc::new(registry);
            if !knows_revocation {
                let mut folded = self.by_uses.borrow_mut();
                folded.insert(uses.into(), Rc::clone(&registry));
            }
            registry
        })
    }

    fn fold(&self, registry: &mut Registry, used: Use) -> Option<Consumption> {
        match used {
            Use::Consumed { command, appended } => {
                let consumed = PassUseConsumed {
                    pass: PASS,
                    command: command_id(command),
                    key_time: key_time(),
                };
                let append_time = if self.ingredients.late_uses_void {
                    instant(appended)
                } else {
                    key_time()
                };
                Some(registry.fold_consumed(&self.command.complex, &consumed, append_time))
            }
            Use::Returned { command } => {
                let returned = PassUseReturned {
                    pass: PASS,
                    command: command_id(command),
                };
                registry.fold_returned(&self.command.complex, &returned);
                None
            }
        }
    }

    /// What the record at `index` came to, if it asked for a use.
    pub(crate) fn consumption(&self, uses: &[Use], index: u8) -> Option<Consumption> {
        let mut registry = (*self.registry(false, uses, index)).clone();
        self.fold(&mut registry, uses[usize::from(index)])
    }

    /// Whether a command has a use.
    pub(crate) fn holds_use(&self, registry: &Registry, command: u8) -> bool {
        registry.holds_use(&self.command.complex, PASS, command_id(command))
    }

    /// What the domain decides of `command` at `at`.
    pub(crate) fn decide(
        &self,
        registry: &Registry,
        commands: &Commands,
        command: u8,
        expires: Phase,
        at: Phase,
    ) -> Verdict {
        let now = instant(at);
        let command = OpenCommand {
            id: command_id(command),
            request_digest: [command; 32],
            key_time: if self.ingredients.key_age_limit {
                key_time()
            } else {
                now
            },
            expires_at: expiry(expires),
            ..self.command.clone()
        };
        let at = Instant { now, utc_offset: 0 };
        decide(registry, commands, &command, at).verdict
    }
}

/// What all commands have in common.
fn command(scenario: &Scenario) -> OpenCommand {
    OpenCommand {
        id: command_id(0),
        complex: id(COMPLEX),
        device: id(DEVICE),
        operation: OPERATION,
        asker: if scenario.pass {
            Asker::Guest(PASS)
        } else {
            Asker::Owner(SUBJECT)
        },
        caller: id("bff"),
        request_digest: [0; 32],
        key_time: key_time(),
        expires_at: expiry(0),
        auth_time: None,
        acr: None,
    }
}

fn put(
    registry: &mut Registry,
    complex: ComplexId,
    set: u128,
    expected_version: u64,
    entities: Vec<Entity>,
) {
    let changes = entities.into_iter().map(|entity| Change {
        expected_version,
        entity,
    });
    let set = ChangeSet {
        id: ChangeSetId(Uuid::from_u128(set)),
        note: String::new(),
        changes: changes.collect(),
    };
    let folded = registry.fold(&complex, set);
    assert!(folded.is_ok(), "the registry refuses: {folded:?}");
}

fn partner() -> Entity {
    Entity::Partner(Partner {
        id: id(PARTNER),
        name: String::new(),
        suspended: false,
        webhook_san: String::new(),
        attestation_key: vec![0; 32],
    })
}

fn grant(revoked: bool) -> Entity {
    Entity::Grant(Grant {
        id: GrantId(Uuid::from_u128(8)),
        subject: SUBJECT,
        role: GrantRole::Owner,
        devices: Vec::new(),
        buildings: Box::default(),
        entrances: Box::default(),
        window: Window::default(),
        revoked,
    })
}

fn entities(cooldown_ms: u32) -> Vec<Entity> {
    vec![
        Entity::Complex(Complex {
            id: id(COMPLEX),
            name: String::new(),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
        Entity::Device(Device {
            id: id(DEVICE),
            name: String::new(),
            kind: DeviceKind::Barrier,
            operations: vec![OPERATION],
            partner: id(PARTNER),
            enabled: true,
            cooldown_ms,
            step_up: None,
            place: None,
        }),
        Entity::Perimeter(Perimeter {
            partner: id(PARTNER),
            complex: id(COMPLEX),
            operations: vec![OPERATION],
            credentials: false,
            not_before: None,
            not_after: None,
            closed: false,
        }),
        Entity::Resident(Resident {
            subject: SUBJECT,
            active: true,
        }),
        grant(false),
        Entity::GuestPass(GuestPass {
            id: PASS,
            secret_hash: [7; 32],
            grant: GrantId(Uuid::from_u128(8)),
            devices: vec![id(DEVICE)],
            window: Window::default(),
            revoked: false,
            max_uses: 1,
        }),
    ]
}
