//! Many residents of many complexes, so that the load is nobody's haste.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use harness::clients::{self, Operator};
use harness::fixtures::{self, apply};
use harness::site::{OPERATOR, PARTNER, Part, Site, USERS};
use jiff::{SignedDuration, Timestamp};
use proto::access::{EnsureSubjectRequest, OpenRequest};
use proto::events as pb;
use proto::events::change::Entity;
use records::timestamp_to_wire;
use toml::{Table, Value};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use uuid::Uuid;

/// Enough for every partition of the log to have some.
const COMPLEXES: usize = 12;
/// In each complex.
const RESIDENTS: usize = 8;
/// In each complex; a resident may open them all.
const DOORS: usize = 16;
const PASSWORD: &str = "resident-password";

/// Everybody who asks, logged in.
pub(super) struct Residents {
    all: Vec<Resident>,
    asked: AtomicUsize,
}

struct Resident {
    complex: usize,
    authorization: MetadataValue<Ascii>,
}

/// Makes them known to the issuer, and lets command-svc admit as much as comes. Both must be started
/// afterwards.
///
/// # Errors
/// A configuration file can't be read or written.
pub(super) fn expect(site: &Site) -> Result<()> {
    edit(&site.config(Part::Issuer), |issuer| {
        let user = |number: usize| {
            Table::from_iter([
                ("username".to_owned(), Value::String(username(number))),
                ("password".to_owned(), PASSWORD.into()),
                ("sub".to_owned(), Value::String(sub(number))),
            ])
        };
        let users = (0..COMPLEXES * RESIDENTS).map(user).chain(operator());
        let users = users.map(Value::Table).collect();
        issuer.insert("users".to_owned(), Value::Array(users));
        // Nobody logs in twice in a run.
        issuer.insert("access_token_ttl_secs".to_owned(), Value::Integer(3600));
        issuer.insert("retired_key_ttl_secs".to_owned(), Value::Integer(3600));
    })?;
    edit(&site.config(Part::CommandSvc), |service| {
        let rate = Table::from_iter(["per_minute", "burst"].map(|bound| {
            let most = Value::Integer(i64::from(u32::MAX));
            (bound.to_owned(), most)
        }));
        let rates = ["caller", "subject"].map(|who| (who.to_owned(), Value::Table(rate.clone())));
        if let Some(Value::Table(limits)) = service.get_mut("limits") {
            limits.insert("rates".to_owned(), Value::Table(Table::from_iter(rates)));
        }
    })
}

fn edit(file: &Path, change: impl FnOnce(&mut Table)) -> Result<()> {
    let mut config: Table = std::fs::read_to_string(file)?.parse()?;
    change(&mut config);
    std::fs::write(file, toml::to_string(&config)?)
        .with_context(|| format!("write {}", file.display()))
}

/// The operator of everything, for these complexes.
fn operator() -> Option<Table> {
    let user = USERS.iter().find(|user| user.username == OPERATOR)?;
    let complexes = (0..COMPLEXES).map(complex_id);
    let complexes = complexes.chain([String::from("global")]);
    Some(Table::from_iter([
        ("username".to_owned(), user.username.into()),
        ("password".to_owned(), user.password.into()),
        ("sub".to_owned(), user.sub.into()),
        ("roles".to_owned(), user.roles.to_vec().into()),
        ("complexes".to_owned(), complexes.collect::<Vec<_>>().into()),
    ]))
}

impl Residents {
    /// Registers everything as an operator does, and logs everybody in.
    ///
    /// # Errors
    /// A call is refused.
    pub(super) async fn register(site: &Site) -> Result<Self> {
        let mut operator = Operator::connect(site).await?;
        apply(&mut operator, "global", vec![fixtures::partner(site)]).await?;
        let mut all = Vec::new();
        for complex in 0..COMPLEXES {
            let mut entities = complex_entities(complex);
            for number in complex * RESIDENTS..(complex + 1) * RESIDENTS {
                entities.extend(owner(site, &mut operator, number).await?);
                let (issuer, roots, name) = (site.issuer()?, site.pki.bundle(), username(number));
                let tokens = clients::log_in_with(&issuer, roots, &name, PASSWORD).await?;
                all.push(Resident {
                    complex,
                    authorization: format!("Bearer {}", tokens.access_token).parse()?,
                });
            }
            apply(&mut operator, &complex_id(complex), entities).await?;
        }
        Ok(Self {
            all,
            asked: AtomicUsize::new(0),
        })
    }

    /// The next request: of the next resident, for another of their doors than the last time.
    pub(super) fn request(&self) -> Request<OpenRequest> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let resident = &self.all[number % self.all.len()];
        let door = number / self.all.len() % DOORS;
        let expires_at = Timestamp::now() + SignedDuration::from_secs(20);
        let mut request = Request::new(OpenRequest {
            device_id: door_id(resident.complex, door),
            operation: pb::Operation::OpenDoor.into(),
            idempotency_key: Uuid::now_v7().to_string(),
            expires_at: Some(timestamp_to_wire(expires_at)),
            context: None,
        });
        let authorization = resident.authorization.clone();
        request
            .metadata_mut()
            .insert("authorization", authorization);
        request
    }
}

fn complex_id(complex: usize) -> String {
    format!("house-{complex}")
}

fn door_id(complex: usize, door: usize) -> String {
    format!("house-{complex}.door-{door}")
}

fn username(number: usize) -> String {
    format!("resident-{number}")
}

fn sub(number: usize) -> String {
    format!("user-{number}")
}

async fn owner(site: &Site, operator: &mut Operator, number: usize) -> Result<[Entity; 2]> {
    let request = EnsureSubjectRequest {
        issuer: site.issuer()?.as_str().trim_end_matches('/').to_owned(),
        user_id: sub(number),
    };
    let subject = operator.registry.ensure_subject(request).await?;
    let subject = subject.into_inner().subject_ref;
    Ok([
        Entity::Resident(pb::Resident {
            subject_ref: subject.clone(),
            active: true,
        }),
        Entity::Grant(pb::Grant {
            grant_id: Uuid::new_v4().to_string(),
            subject_ref: subject,
            role: pb::GrantRole::Owner.into(),
            ..pb::Grant::default()
        }),
    ])
}

fn complex_entities(complex: usize) -> Vec<Entity> {
    let mut entities = vec![
        Entity::Complex(pb::Complex {
            complex_id: complex_id(complex),
            name: complex_id(complex),
            time_zone: "Europe/Moscow".to_owned(),
            face_basis: None,
        }),
        Entity::Perimeter(pb::Perimeter {
            partner_id: PARTNER.to_owned(),
            complex_id: complex_id(complex),
            operations: vec![pb::Operation::OpenDoor.into()],
            ..pb::Perimeter::default()
        }),
    ];
    entities.extend((0..DOORS).map(|door| {
        Entity::Device(pb::Device {
            device_id: door_id(complex, door),
            name: door_id(complex, door),
            kind: pb::DeviceKind::Door.into(),
            operations: vec![pb::Operation::OpenDoor.into()],
            partner_id: PARTNER.to_owned(),
            enabled: true,
            ..pb::Device::default()
        })
    }));
    entities
}
