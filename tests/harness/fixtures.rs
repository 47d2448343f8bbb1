//! Three complexes with doors, barriers and residents, registered through `RegistryService`
//! as an operator would.

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use pb::change::Entity;
use privacy::PassSecret;
use proto::access::{
    AddPlateCredentialRequest, ApplyRequest, DeliverTokenKeyRequest, EnsureSubjectRequest,
};
use proto::events as pb;
use records::timestamp_to_wire;
use uuid::Uuid;

use crate::clients::Operator;
use crate::site::{PARTNER, Site, USERS};

/// A complex of the fixtures.
#[derive(Debug, Clone, Copy)]
pub struct ComplexFixture {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its time zone.
    pub time_zone: &'static str,
    /// Login name of its one resident.
    pub resident: &'static str,
}

/// The complexes.
pub const COMPLEXES: [ComplexFixture; 3] = [
    ComplexFixture {
        id: "sunrise",
        name: "ЖК «Рассвет»",
        time_zone: "Europe/Moscow",
        resident: "anna",
    },
    ComplexFixture {
        id: "moonlight",
        name: "ЖК «Лунный»",
        time_zone: "Asia/Yekaterinburg",
        resident: "boris",
    },
    ComplexFixture {
        id: "riverside",
        name: "ЖК «Речной»",
        time_zone: "Asia/Vladivostok",
        resident: "vera",
    },
];

/// A device of the fixtures.
#[derive(Debug, Clone, Copy)]
pub struct DeviceFixture {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: pb::DeviceKind,
}

/// The devices.
pub const DEVICES: [DeviceFixture; 7] = [
    device("sunrise.main-door", "Подъезд 1", pb::DeviceKind::Door),
    device(
        "sunrise.north-gate",
        "Северный шлагбаум",
        pb::DeviceKind::Barrier,
    ),
    device("sunrise.intercom", "Домофон", pb::DeviceKind::Intercom),
    device("moonlight.main-door", "Подъезд 1", pb::DeviceKind::Door),
    device(
        "moonlight.yard-barrier",
        "Шлагбаум во двор",
        pb::DeviceKind::Barrier,
    ),
    device(
        "riverside.pier-gate",
        "Ворота у причала",
        pb::DeviceKind::Gate,
    ),
    device(
        "riverside.boathouse",
        "Лодочный сарай",
        pb::DeviceKind::Door,
    ),
];

const fn device(id: &'static str, name: &'static str, kind: pb::DeviceKind) -> DeviceFixture {
    DeviceFixture { id, name, kind }
}

impl DeviceFixture {
    /// The complex that it stands in.
    pub fn complex(&self) -> &'static str {
        self.id
            .split_once('.')
            .map_or(self.id, |(complex, _)| complex)
    }

    /// Its operation.
    pub fn operation(&self) -> pb::Operation {
        match self.kind {
            pb::DeviceKind::Gate | pb::DeviceKind::Barrier => pb::Operation::OpenBarrier,
            _ => pb::Operation::OpenDoor,
        }
    }

    /// What the partner calls its kind.
    pub fn partner_kind(&self) -> &'static str {
        match self.kind {
            pb::DeviceKind::Gate => "gate",
            pb::DeviceKind::Barrier => "barrier",
            pb::DeviceKind::Intercom => "intercom",
            _ => "door",
        }
    }
}

/// The device with this id.
///
/// # Errors
/// There is none.
pub fn device_fixture(id: &str) -> Result<&'static DeviceFixture> {
    DEVICES
        .iter()
        .find(|device| device.id == id)
        .with_context(|| format!("no fixture {id}"))
}

/// The plate of anna's car, registered at `sunrise.north-gate`.
pub const ANNAS_PLATE: &str = "А123ВС 77";

/// What registering gave.
pub struct Registered {
    /// Secret of a guest pass for `sunrise.main-door` that is not valid yet.
    pub early_guest: PassSecret,
    /// Secret of a guest pass for `sunrise.main-door` that is valid now.
    pub guest: PassSecret,
    /// References of the residents, by login name.
    pub subjects: Vec<(&'static str, String)>,
}

impl Registered {
    /// The reference of a resident.
    ///
    /// # Errors
    /// There is no such resident.
    pub fn subject(&self, username: &str) -> Result<&str> {
        let found = self.subjects.iter().find(|(name, _)| *name == username);
        found
            .map(|(_, subject)| subject.as_str())
            .with_context(|| format!("no resident {username}"))
    }
}

/// Registers everything.
///
/// # Errors
/// A call is refused.
pub async fn register(site: &Site) -> Result<Registered> {
    let mut operator = Operator::connect(site).await?;
    apply(&mut operator, "global", vec![partner(site)]).await?;
    for auditor in USERS.iter().filter(|user| user.roles.contains(&"auditor")) {
        ensure_subject(site, &mut operator, auditor.username).await?;
    }
    let (early_guest, guest) = (PassSecret::generate()?, PassSecret::generate()?);
    let mut subjects = Vec::new();
    for complex in &COMPLEXES {
        let subject = ensure_subject(site, &mut operator, complex.resident).await?;
        let grant = Uuid::new_v4().to_string();
        let mut entities = complex_entities(complex, &subject, &grant);
        if complex.id == "sunrise" {
            let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
            entities.push(pass(&early_guest, &grant, Some(tomorrow)));
            entities.push(pass(&guest, &grant, None));
        }
        apply(&mut operator, complex.id, entities).await?;
        let request = DeliverTokenKeyRequest {
            complex_id: complex.id.to_owned(),
            partner_id: PARTNER.to_owned(),
        };
        operator
            .registry
            .deliver_token_key(request)
            .await
            .context("deliver the token key")?;
        subjects.push((complex.resident, subject));
    }
    let registered = Registered {
        early_guest,
        guest,
        subjects,
    };
    let request = AddPlateCredentialRequest {
        complex_id: "sunrise".to_owned(),
        credential_id: Uuid::new_v4().to_string(),
        plate: ANNAS_PLATE.to_owned(),
        subject_ref: registered.subject("anna")?.to_owned(),
        device_ids: vec!["sunrise.north-gate".to_owned()],
        window: None,
    };
    operator
        .registry
        .add_plate_credential(request)
        .await
        .context("add a plate")?;
    Ok(registered)
}

/// The reference of a user of the site's issuer.
///
/// # Errors
/// The call is refused.
pub async fn ensure_subject(
    site: &Site,
    operator: &mut Operator,
    username: &str,
) -> Result<String> {
    let request = EnsureSubjectRequest {
        issuer: site.issuer()?.as_str().trim_end_matches('/').to_owned(),
        user_id: site.user_id(username)?.to_owned(),
    };
    Ok(operator
        .registry
        .ensure_subject(request)
        .await?
        .into_inner()
        .subject_ref)
}

/// Applies new entities as one change set.
///
/// # Errors
/// The call is refused.
pub async fn apply(operator: &mut Operator, complex: &str, entities: Vec<Entity>) -> Result<()> {
    let changes = entities
        .into_iter()
        .map(|entity| pb::Change {
            expected_version: 0,
            entity: Some(entity),
        })
        .collect();
    let request = ApplyRequest {
        complex_id: complex.to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "first registration".to_owned(),
        changes,
    };
    operator
        .registry
        .apply(request)
        .await
        .with_context(|| format!("register {complex}"))?;
    Ok(())
}

fn complex_entities(complex: &ComplexFixture, subject: &str, grant: &str) -> Vec<Entity> {
    let mut entities = vec![
        Entity::Complex(pb::Complex {
            complex_id: complex.id.to_owned(),
            name: complex.name.to_owned(),
            time_zone: complex.time_zone.to_owned(),
            face_basis: None,
        }),
        Entity::Perimeter(pb::Perimeter {
            partner_id: PARTNER.to_owned(),
            complex_id: complex.id.to_owned(),
            operations: vec![
                pb::Operation::OpenDoor.into(),
                pb::Operation::OpenBarrier.into(),
            ],
            credentials: true,
            ..pb::Perimeter::default()
        }),
        Entity::Resident(pb::Resident {
            subject_ref: subject.to_owned(),
            active: true,
        }),
        Entity::Grant(pb::Grant {
            grant_id: grant.to_owned(),
            subject_ref: subject.to_owned(),
            role: pb::GrantRole::Owner.into(),
            ..pb::Grant::default()
        }),
    ];
    entities.extend(
        DEVICES
            .iter()
            .filter(|device| device.complex() == complex.id)
            .map(|device| {
                Entity::Device(pb::Device {
                    device_id: device.id.to_owned(),
                    name: device.name.to_owned(),
                    kind: device.kind.into(),
                    operations: vec![device.operation().into()],
                    partner_id: PARTNER.to_owned(),
                    enabled: true,
                    cooldown_ms: 0,
                    step_up: None,
                    place: None,
                })
            }),
    );
    entities
}

fn pass(secret: &PassSecret, grant: &str, not_before: Option<Timestamp>) -> Entity {
    Entity::GuestPass(pb::GuestPass {
        pass_id: Uuid::new_v4().to_string(),
        secret_hash: secret.hash().to_vec(),
        grant_id: grant.to_owned(),
        device_ids: vec!["sunrise.main-door".to_owned()],
        window: Some(pb::Window {
            not_before: not_before.map(timestamp_to_wire),
            ..pb::Window::default()
        }),
        revoked: false,
        max_uses: 0,
    })
}

/// The partner that every site has.
pub fn partner(site: &Site) -> Entity {
    Entity::Partner(pb::Partner {
        partner_id: PARTNER.to_owned(),
        name: "Gatekeeper".to_owned(),
        suspended: false,
        webhook_san: format!("dns:{}", crate::site::PARTNER_DNS),
        attestation_key: site.keys.attestation_public.clone(),
    })
}
