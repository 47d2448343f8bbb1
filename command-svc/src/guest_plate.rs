//! The plate of a guest's car, as part of a pass.

use domain::registry::{Credential, GuestPass, Holder};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId, DeviceId, SubjectRef};
use partner::{Attested, PerimeterClient};
use privacy::{Item, LookupIndex, Plate, SubjectKey, TokenKey};
use tracing::info;

use crate::provision::{Provisioner, one_partner};
use crate::refusal::Refusal;
use crate::withdraw;

/// A partner that is good for a plate, and the key of its token.
pub(crate) struct Ready {
    within: PerimeterClient,
    attested: Attested,
    key: TokenKey,
}

impl Ready {
    /// The credential that belongs to a pass: it opens where and when the pass does.
    pub(crate) fn credential(&self, pass: &GuestPass) -> Credential {
        Credential {
            id: CredentialId::of_pass(pass.id),
            kind: CredentialKind::Plate,
            holder: Holder::Pass(pass.id),
            devices: pass.devices.clone(),
            window: pass.window.clone(),
            revoked: pass.revoked,
            key_version: self.key.version(),
            basis: None,
        }
    }
}

impl Provisioner {
    /// The partner of a pass's devices, attested just now. Nothing is registered for a plate that
    /// nobody may hold.
    ///
    /// # Errors
    /// The devices are not of one partner, or it may not hold credentials, or can't be reached.
    pub(crate) async fn ready_for(
        &self,
        complex: &ComplexId,
        devices: &[DeviceId],
    ) -> Result<Ready, Refusal> {
        let partner = {
            let state = self.registrar.knowledge.lock();
            one_partner(&state.registry, complex, devices)?
        };
        let (within, attested) = self.attested(complex, &partner).await?;
        let key = self.key(complex, &partner)?;
        Ok(Ready {
            within,
            attested,
            key,
        })
    }

    /// Seals the plate of a registered pass under the pass, and gives the partner its token. Again,
    /// it changes nothing.
    ///
    /// # Errors
    /// Another plate is sealed there, or a step can't be done now.
    pub(crate) async fn give_plate(
        &self,
        complex: &ComplexId,
        pass: &GuestPass,
        plate: &Plate,
        ready: &Ready,
    ) -> Result<(), Refusal> {
        let credential = ready.credential(pass);
        if !self.may_hold(complex, &credential) {
            return Ok(());
        }
        let item = key_of(pass);
        self.seal(&item, plate).await?;
        let token = ready.key.token(plate);
        self.put(&ready.within, &ready.attested, &credential, token)
            .await?;
        if !self.stays(complex, &credential, &item) {
            return withdraw::delete(ready.within.closing(), credential.id).await;
        }
        info!(%complex, credential = %credential.id, "guest's plate provisioned");
        Ok(())
    }
}

/// Where the plate of a pass is kept.
fn key_of(pass: &GuestPass) -> SubjectKey {
    SubjectKey {
        index: LookupIndex::of_pass(pass.id),
        subject: SubjectRef(pass.id.0),
        item: Item::Plate(CredentialId::of_pass(pass.id)),
    }
}
