//! A site, an operator of it, and what the partner says it holds.

use anyhow::{Context as _, Result};
use domain::event::{Body, Effect, ProvisioningChanged};
use eventlog::Topic;
use harness::clients::{Operator, Registry};
use harness::partner_control::PartnerControl;
use harness::process::{wait_for, wait_until};
use harness::site::{PARTNER, Part};
use proto::access::{
    AddPlateCredentialRequest, AddPlateCredentialResponse, CredentialProvisioning,
    GetProvisioningRequest, PartnerProvisioning, ProvisioningState,
};
use proto::events as pb;
use proto::events::change::Entity;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Ground, PATIENCE, Scene, registry};

pub(super) const GATE: &str = "sunrise.north-gate";
/// Plates of anna's, besides the one of the fixtures.
pub(super) const PLATES: [&str; 5] = ["В456МК77", "К789ТУ199", "М001ОР78", "Н246РС50", "Т135УХ97"];

pub(super) struct Desk {
    pub(super) scene: Scene,
    pub(super) registry: Registry,
}

impl Desk {
    pub(super) async fn set_up() -> Result<Self> {
        Self::of(Self::ground().await?.build().await?).await
    }

    /// A site that tries again soon, and looks often.
    pub(super) async fn ground() -> Result<Ground> {
        let ground = Ground::prepare().await?;
        for part in [Part::CommandSvc, Part::CommandSvcTwin] {
            let often = toml::Value::try_from(json!({
                "interval": "2s", "longest_pause": "500ms", "wait": "4s",
            }))?;
            ground.configure(part, |config| {
                config.insert("provisioning".to_owned(), often);
            })?;
        }
        Ok(ground)
    }

    pub(super) async fn of(scene: Scene) -> Result<Self> {
        let registry = Operator::connect(scene.site()).await?.registry;
        Ok(Self { scene, registry })
    }

    /// A plate of anna's at the north gate.
    pub(super) fn request(&self, plate: &str) -> Result<AddPlateCredentialRequest> {
        Ok(AddPlateCredentialRequest {
            complex_id: "sunrise".to_owned(),
            credential_id: Uuid::new_v4().to_string(),
            plate: plate.to_owned(),
            subject_ref: self.scene.registered.subject("anna")?.to_owned(),
            device_ids: vec![GATE.to_owned()],
            window: None,
        })
    }

    pub(super) async fn add(
        &self,
        request: &AddPlateCredentialRequest,
    ) -> Result<AddPlateCredentialResponse> {
        let mut registry = self.registry.clone();
        let answer = registry.add_plate_credential(request.clone()).await?;
        Ok(answer.into_inner())
    }

    /// Adds a plate, which must be in force at once.
    pub(super) async fn in_force(&self, plate: &str) -> Result<String> {
        let request = self.request(plate)?;
        let added = self.add(&request).await?;
        assert_eq!(added.state(), ProvisioningState::InForce, "{added:?}");
        Ok(request.credential_id)
    }

    /// What the service says of a partner in `sunrise`.
    pub(super) async fn at(&self, partner: &str) -> Result<PartnerProvisioning> {
        at(&self.registry, partner).await
    }

    /// What the service says of a credential.
    pub(super) async fn shown(&self, partner: &str, id: &str) -> Result<CredentialProvisioning> {
        let partner = self.at(partner).await?;
        let mut all = partner.credentials.into_iter();
        all.find(|one| one.credential_id == id)
            .with_context(|| format!("{id} is not shown"))
    }

    pub(super) async fn until_in_force(&self, id: &str) -> Result<()> {
        wait_until(PATIENCE, "the credential to be in force", || async {
            let shown = self.shown(PARTNER, id).await;
            shown.is_ok_and(|one| one.state() == ProvisioningState::InForce)
        })
        .await
    }

    /// What the partner holds in `sunrise`: its control API says so.
    pub(super) async fn held(&self) -> Result<Vec<Value>> {
        held(&self.scene.partner).await
    }

    pub(super) async fn holds(&self, id: &str) -> Result<bool> {
        Ok(self.held().await?.iter().any(|it| it["credential"] == id))
    }

    pub(super) async fn until_gone(&self, id: &str) -> Result<()> {
        wait_until(PATIENCE, "the partner to hold it no more", || async {
            self.holds(id).await.is_ok_and(|holds| !holds)
        })
        .await
    }

    /// Whether the gate opens by itself for a plate.
    pub(super) async fn opens(&self, plate: &str) -> Result<bool> {
        let seen = self.scene.partner.plate(GATE, plate).await?;
        seen["opened"].as_bool().context("opened")
    }

    /// Revokes a credential.
    pub(super) async fn revoke(&self, id: &str) -> Result<()> {
        let (version, credential) = registry::find(&self.scene, "sunrise", |entity| match entity {
            Entity::Credential(one) if one.credential_id == id => Some(one),
            _ => None,
        })
        .await?;
        let revoked = pb::Credential {
            revoked: true,
            ..credential
        };
        registry::put(&self.scene, "sunrise", version, Entity::Credential(revoked)).await
    }

    /// What the log says was done, in order.
    pub(super) async fn effects(&self) -> Result<Vec<ProvisioningChanged>> {
        let events = self.scene.log.events(Topic::RegistryEvents).await?;
        let changed = events
            .into_iter()
            .filter_map(|(_, event)| match event.body {
                Body::ProvisioningChanged(changed) if event.complex.as_str() == "sunrise" => {
                    Some(changed)
                }
                _ => None,
            });
        Ok(changed.collect())
    }

    /// Waits for a record of an effect, and tells its reason.
    pub(super) async fn recorded(
        &self,
        what: &str,
        wanted: impl Fn(&Effect) -> bool,
    ) -> Result<String> {
        wait_for(PATIENCE, what, || async {
            let mut effects = self.effects().await.ok()?.into_iter();
            effects
                .find(|one| wanted(&one.effect))
                .map(|one| one.reason)
        })
        .await
    }

    pub(super) async fn spoil(&self, fault: &str) -> Result<()> {
        let body = json!({ "fault": fault });
        self.scene.partner.post("/attestation", body).await?;
        Ok(())
    }

    pub(super) async fn finish(self) -> Result<()> {
        self.scene.finish().await
    }
}

/// What an instance says of a partner in `sunrise`.
pub(super) async fn at(registry: &Registry, partner: &str) -> Result<PartnerProvisioning> {
    let request = GetProvisioningRequest {
        complex_id: "sunrise".to_owned(),
    };
    let answer = registry.clone().get_provisioning(request).await?;
    let mut partners = answer.into_inner().partners.into_iter();
    partners
        .find(|one| one.partner_id == partner)
        .context("the partner is not shown")
}

/// What a partner holds in `sunrise`.
pub(super) async fn held(partner: &PartnerControl) -> Result<Vec<Value>> {
    let held = partner.get("/credentials").await?;
    let held = held["credentials"].as_array().context("credentials")?;
    let here = held.iter().filter(|it| it["complex"] == "sunrise");
    Ok(here.cloned().collect())
}

/// Whether an effect is the deletion of a credential.
pub(super) fn is_deletion(id: &str) -> impl Fn(&Effect) -> bool {
    move |effect| matches!(effect, Effect::Deleted { credential } if credential.to_string() == id)
}
