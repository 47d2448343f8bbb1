//! The plate of a guest's car, as part of a pass.

use domain::registry::{Credential, GuestPass, Holder};
use domain::vocabulary::CredentialKind;
use domain::{ComplexId, CredentialId, DeviceId, PartnerId};
use privacy::Plate;

use super::Provisioner;
use super::add::one_partner;
use super::sealed::Origin;
use crate::refusal::Refusal;

impl Provisioner {
    /// The partner that would hold the plate of a pass for these devices, as far as the registry says.
    ///
    /// # Errors
    /// The devices are not of one partner, or it may not hold credentials.
    pub(crate) fn host(
        &self,
        complex: &ComplexId,
        devices: &[DeviceId],
    ) -> Result<PartnerId, Refusal> {
        let partner = {
            let state = self.registrar.knowledge.lock();
            one_partner(&state.registry, complex, devices)?
        };
        self.may_hold(complex, &partner)?;
        Ok(partner)
    }

    /// The credential that belongs to a pass: it opens where and when the pass does.
    pub(crate) fn plate_of(&self, pass: &GuestPass) -> Credential {
        Credential {
            id: CredentialId::of_pass(pass.id),
            kind: CredentialKind::Plate,
            holder: Holder::Pass(pass.id),
            devices: pass.devices.clone(),
            window: pass.window.clone(),
            revoked: pass.revoked,
            key_version: self.tokens.newest(),
            basis: None,
        }
    }

    /// Seals the plate of a pass under the pass, before it is registered.
    ///
    /// # Errors
    /// Another plate is sealed there, or the log is unavailable.
    pub(crate) async fn seal_plate(
        &self,
        credential: &Credential,
        plate: Plate,
    ) -> Result<(), Refusal> {
        self.seal(credential, &Origin::Plate(plate)).await
    }

    /// The pass was not registered after all: its plate must not stay.
    ///
    /// # Errors
    /// The log is unavailable.
    pub(crate) async fn unseal_plate(&self, credential: &Credential) -> Result<(), Refusal> {
        self.unseal(credential).await
    }

    /// Waits a little for a registered plate to be in force.
    pub(crate) async fn wait_for(
        &self,
        complex: &ComplexId,
        partner: &PartnerId,
        credential: CredentialId,
    ) {
        let pair = (complex.clone(), partner.clone());
        self.settled(&pair, credential).await;
    }
}
