//! What was done at a partner, to the wire and back.

use domain::DeviceId;
use domain::event::{Effect, ProvisioningChanged};
use domain::provisioning::{Content, Holding};
use domain::vocabulary::{CredentialKind, ProvisioningEffect};
use proto::events as pb;

use crate::decode::{FieldError, optional, parse, word};
use crate::registry_codec::{window_from_wire, window_to_wire};

/// The longest reason, in characters.
const MAX_REASON: usize = 64;

pub(crate) fn provisioning_to_wire(changed: &ProvisioningChanged) -> pb::ProvisioningChanged {
    let (effect, credential) = match &changed.effect {
        Effect::TokenKeyDelivered { .. } => (ProvisioningEffect::TokenKeyDelivered, None),
        Effect::Put { credential, .. } => (ProvisioningEffect::Put, Some(credential)),
        Effect::Deleted { credential } => (ProvisioningEffect::Deleted, Some(credential)),
        Effect::ForeignDeleted { credential } => {
            (ProvisioningEffect::ForeignDeleted, Some(credential))
        }
        Effect::Withheld { credential } => (ProvisioningEffect::Withheld, credential.as_ref()),
    };
    let mut wire = pb::ProvisioningChanged {
        partner_id: changed.partner.to_string(),
        credential_id: credential.map(ToString::to_string).unwrap_or_default(),
        effect: effect.number(),
        reason: changed.reason.clone(),
        ..pb::ProvisioningChanged::default()
    };
    match &changed.effect {
        Effect::TokenKeyDelivered { key_version } => wire.key_versions = vec![*key_version],
        Effect::Put { holding, .. } => {
            let Content {
                kind,
                window,
                time_zone,
                devices,
            } = &holding.content;
            wire.key_versions = holding.key_versions.iter().copied().collect();
            wire.kind = kind.number();
            wire.window = Some(window_to_wire(window));
            wire.time_zone.clone_from(time_zone);
            wire.device_ids = devices.iter().map(ToString::to_string).collect();
        }
        _ => {}
    }
    wire
}

pub(crate) fn provisioning_from_wire(
    wire: &pb::ProvisioningChanged,
) -> Result<ProvisioningChanged, FieldError> {
    let named = || parse("credential_id", &wire.credential_id);
    let effect = word("effect", wire.effect, ProvisioningEffect::from_number)?;
    let effect = match effect {
        ProvisioningEffect::TokenKeyDelivered => match wire.key_versions[..] {
            [key_version] => Effect::TokenKeyDelivered { key_version },
            _ => return Err(FieldError("key_versions")),
        },
        ProvisioningEffect::Put => Effect::Put {
            credential: named()?,
            holding: holding(wire)?,
        },
        ProvisioningEffect::Deleted => Effect::Deleted {
            credential: named()?,
        },
        ProvisioningEffect::ForeignDeleted => Effect::ForeignDeleted {
            credential: named()?,
        },
        ProvisioningEffect::Withheld => Effect::Withheld {
            credential: optional("credential_id", &wire.credential_id)?,
        },
    };
    if wire.reason.len() > MAX_REASON || !wire.reason.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(FieldError("reason"));
    }
    Ok(ProvisioningChanged {
        partner: parse("partner_id", &wire.partner_id)?,
        effect,
        reason: wire.reason.clone(),
    })
}

fn holding(wire: &pb::ProvisioningChanged) -> Result<Holding, FieldError> {
    let devices = wire.device_ids.iter().map(|id| parse("device_ids", id));
    let devices: Vec<DeviceId> = devices.collect::<Result<_, _>>()?;
    let kind = word("kind", wire.kind, CredentialKind::from_number)?;
    let window = window_from_wire(wire.window.as_ref())?;
    Ok(Holding {
        content: Content::new(kind, window, &wire.time_zone, devices),
        key_versions: wire.key_versions.iter().copied().collect(),
    })
}
