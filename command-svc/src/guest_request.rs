//! Requests about guest passes, parsed: after this, nothing is a bare string.

use domain::registry::{GuestPass, MAX_USES, Registry};
use domain::window::Window;
use domain::{ComplexId, CredentialId, DeviceId, GrantId, PassId};
use jiff::Timestamp;
use privacy::Plate;
use proto::access as pb;
use records::window_from_wire;
use uuid::Uuid;

use crate::grpc;
use crate::refusal::Refusal;
use crate::request;

/// The most devices of one pass.
const MAX_DEVICES: usize = 50;

/// A well-formed wish for a pass, not yet held against anybody's grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPass {
    /// The BFF's key.
    pub key: Uuid,
    /// Where all its devices stand.
    pub complex: ComplexId,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    /// At least one, none twice.
    pub devices: Vec<DeviceId>,
    /// Not over yet.
    pub window: Window,
    /// 0 for any number.
    pub max_uses: u32,
    /// The guest's car.
    pub plate: Option<Plate>,
}

impl NewPass {
    /// The pass that is wished for.
    pub(crate) fn pass(&self, id: PassId, grant: GrantId) -> GuestPass {
        GuestPass {
            id,
            secret_hash: self.secret_hash,
            grant,
            devices: self.devices.clone(),
            window: self.window.clone(),
            revoked: false,
            max_uses: self.max_uses,
        }
    }

    /// Whether `pass` is what is wished for, with a plate or without one, whatever became of it
    /// since. Which plate it is, is sealed.
    pub(crate) fn is(&self, registry: &Registry, pass: &GuestPass) -> bool {
        let plate = registry.credential(&self.complex, &CredentialId::of_pass(pass.id));
        self.made(pass) && self.plate.is_some() == plate.is_some()
    }

    fn made(&self, pass: &GuestPass) -> bool {
        let wished = self.pass(pass.id, pass.grant);
        GuestPass {
            revoked: false,
            ..pass.clone()
        } == wished
    }
}

/// Parses a request for a new pass.
///
/// # Errors
/// The first field that is wrong.
pub(crate) fn parse(
    request: &pb::CreateGuestPassRequest,
    now: Timestamp,
) -> Result<NewPass, Refusal> {
    let (key, _) = request::parse_key(&request.idempotency_key, now)?;
    let secret_hash = request
        .secret_hash
        .as_slice()
        .try_into()
        .map_err(|_| Refusal::field("secret_hash", "expected the 32 bytes of a SHA-256"))?;
    let refuse = |why| Err(Refusal::field("device_ids", why));
    let mut devices: Vec<DeviceId> = Vec::with_capacity(request.device_ids.len().min(MAX_DEVICES));
    for id in &request.device_ids {
        let id: DeviceId = grpc::id("device_ids", id)?;
        if devices.len() == MAX_DEVICES {
            return refuse("at most 50");
        }
        if devices.contains(&id) {
            return refuse("one of them stands there twice");
        }
        devices.push(id);
    }
    let Some(complex) = devices.first().map(DeviceId::complex) else {
        return refuse("at least one");
    };
    if devices.iter().any(|device| device.complex() != complex) {
        return refuse("all of one complex; make a pass for each");
    }
    let window = window_from_wire(request.window.as_ref())
        .map_err(|field| Refusal::field(field.0, "out of range"))?;
    if window.not_after.is_some_and(|end| end <= now) {
        return Err(Refusal::field("window.not_after", "it has passed"));
    }
    if request.max_uses > MAX_USES {
        return Err(Refusal::field("max_uses", "at most 1000; 0 for any number"));
    }
    let plate = plate(request)?;
    Ok(NewPass {
        key,
        complex,
        secret_hash,
        devices,
        window,
        max_uses: request.max_uses,
        plate,
    })
}

/// A camera that opens counts no uses, so a pass with a plate has any number of them.
fn plate(request: &pb::CreateGuestPassRequest) -> Result<Option<Plate>, Refusal> {
    if request.plate.is_empty() {
        return Ok(None);
    }
    if request.max_uses > 0 {
        let why = "uses by a plate are not counted; leave max_uses 0, or make two passes";
        return Err(Refusal::field("plate", why));
    }
    let plate = Plate::parse(&request.plate);
    let plate = plate.map_err(|error| Refusal::field("plate", error.to_string()))?;
    Ok(Some(plate))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn good() -> pb::CreateGuestPassRequest {
        pb::CreateGuestPassRequest {
            idempotency_key: Uuid::now_v7().to_string(),
            secret_hash: vec![7; 32],
            device_ids: vec!["sunrise.gate".to_owned(), "sunrise.door".to_owned()],
            window: None,
            max_uses: 3,
            plate: String::new(),
        }
    }

    fn refused_field(change: impl Fn(&mut pb::CreateGuestPassRequest)) -> String {
        let mut request = good();
        change(&mut request);
        match parse(&request, Timestamp::now()) {
            Err(Refusal::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(
            refused_field(|r| r.idempotency_key.clear()),
            "idempotency_key"
        );
        assert_eq!(
            refused_field(|r| r.secret_hash = vec![7; 31]),
            "secret_hash"
        );
        let devices: [&[&str]; 4] = [
            &[],
            &["gate"],
            &["sunrise.gate", "sunrise.gate"],
            &["sunrise.gate", "moonlight.gate"],
        ];
        for ids in devices {
            let ids: Vec<_> = ids.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(
                refused_field(|r| r.device_ids.clone_from(&ids)),
                "device_ids"
            );
        }
        let many: Vec<_> = (0..51).map(|n| format!("sunrise.gate-{n}")).collect();
        assert_eq!(
            refused_field(|r| r.device_ids.clone_from(&many)),
            "device_ids"
        );
        let window = |window| move |r: &mut pb::CreateGuestPassRequest| r.window = Some(window);
        let wrong = proto::events::Window {
            weekdays: vec![8],
            ..Default::default()
        };
        assert_eq!(
            refused_field(|r| window(wrong.clone())(r)),
            "window.weekdays"
        );
        let over = proto::events::Window {
            not_after: Some(records::timestamp_to_wire(Timestamp::UNIX_EPOCH)),
            ..Default::default()
        };
        assert_eq!(
            refused_field(|r| window(over.clone())(r)),
            "window.not_after"
        );
        assert_eq!(refused_field(|r| r.max_uses = 1001), "max_uses");
    }

    #[test]
    fn a_pass_is_known_again_also_when_it_was_revoked() {
        let wish = parse(&good(), Timestamp::now()).unwrap();
        let (id, grant) = (PassId(Uuid::from_u128(1)), GrantId(Uuid::from_u128(2)));
        let mut pass = wish.pass(id, grant);
        assert!(wish.made(&pass));
        pass.revoked = true;
        assert!(wish.made(&pass));
        pass.max_uses = 4;
        assert!(!wish.made(&pass));
    }
}
