//! Several instances: one works on a complex, any can be asked, and another takes over.

use anyhow::{Context as _, Result};
use harness::clients::Operator;
use harness::process::wait_until;
use harness::site::{PARTNER, Part};
use proto::access::{ApplyRequest, PartnerProvisioning, ProvisioningState};
use proto::events as pb;
use proto::events::change::Entity;
use uuid::Uuid;

use super::desk::{Desk, PLATES, at};
use crate::support::PATIENCE;

#[tokio::test]
async fn one_instance_works_any_answers_and_another_takes_over() -> Result<()> {
    let mut desk = Desk::set_up().await?;
    desk.scene
        .site_mut()
        .start_part(Part::CommandSvcTwin)
        .await?;
    let twin = Operator::connect_twin(desk.scene.site()).await?.registry;
    let id = desk.in_force(PLATES[0]).await?;
    let mut here = [false; 2];
    wait_until(PATIENCE, "one of them to work on it", || async {
        let both = [at(&desk.registry, PARTNER).await, at(&twin, PARTNER).await];
        let works = |it: &Result<_>| it.as_ref().is_ok_and(worked_on);
        works(&both[0]) != works(&both[1])
    })
    .await?;
    for (index, registry) in [&desk.registry, &twin].into_iter().enumerate() {
        let partner = at(registry, PARTNER).await?;
        here[index] = partner.worked_on_here;
        let mut all = partner.credentials.iter();
        let one = all.find(|one| one.credential_id == id).context("shown")?;
        assert_eq!(one.state(), ProvisioningState::InForce);
        assert_eq!(partner.key_versions, [1]);
    }
    // Each of them registers a plate, wherever the work is done.
    let request = desk.request(PLATES[1])?;
    let added = twin.clone().add_plate_credential(request).await?;
    assert_eq!(added.into_inner().state(), ProvisioningState::InForce);
    desk.in_force(PLATES[2]).await?;

    let (worker, left) = if here[0] {
        (Part::CommandSvc, twin.clone())
    } else {
        (Part::CommandSvcTwin, desk.registry.clone())
    };
    desk.scene.site_mut().kill9(worker)?;
    desk.registry = left;
    // The one that is left must know that the other is gone before it can do its work.
    wait_until(PATIENCE, "the other to take over", || async {
        desk.at(PARTNER).await.is_ok_and(|it| worked_on(&it))
    })
    .await?;
    let resident = pb::Resident {
        subject_ref: desk.scene.registered.subject("anna")?.to_owned(),
        active: false,
    };
    let request = ApplyRequest {
        complex_id: "sunrise".to_owned(),
        idempotency_key: Uuid::new_v4().to_string(),
        note: "moved out".to_owned(),
        changes: vec![pb::Change {
            expected_version: 1,
            entity: Some(Entity::Resident(resident)),
        }],
    };
    desk.registry.apply(request).await?;
    wait_until(PATIENCE, "nothing to be held", || async {
        desk.held().await.is_ok_and(|held| held.is_empty())
    })
    .await?;
    desk.finish().await
}

fn worked_on(partner: &PartnerProvisioning) -> bool {
    partner.worked_on_here
}
