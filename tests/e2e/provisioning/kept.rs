//! What a partner holds is what the registry says, whatever happens to either.

use anyhow::{Context as _, Result};
use domain::event::Effect;
use harness::http;
use harness::process::wait_until;
use harness::site::PARTNER;
use proto::access::ProvisioningState;
use proto::events as pb;
use proto::events::change::Entity;
use serde_json::json;
use uuid::Uuid;

use super::desk::{Desk, GATE, PLATES, is_deletion};
use crate::support::{PATIENCE, registry};

#[tokio::test]
async fn what_is_taken_away_in_the_registry_is_deleted_at_the_partner() -> Result<()> {
    let desk = Desk::set_up().await?;
    let (first, second) = (
        desk.in_force(PLATES[0]).await?,
        desk.in_force(PLATES[1]).await?,
    );
    assert!(desk.opens(PLATES[0]).await?);
    desk.revoke(&first).await?;
    desk.until_gone(&first).await?;
    assert!(!desk.opens(PLATES[0]).await? && desk.opens(PLATES[1]).await?);
    let why = desk.recorded("the deletion", is_deletion(&first)).await?;
    assert_eq!(why, "REVOKED");

    // Whoever moves out, and comes back.
    let subject = desk.scene.registered.subject("anna")?.to_owned();
    let resident = |active| {
        Entity::Resident(pb::Resident {
            subject_ref: subject.clone(),
            active,
        })
    };
    registry::put(&desk.scene, "sunrise", 1, resident(false)).await?;
    desk.until_gone(&second).await?;
    let why = desk.recorded("the deletion", is_deletion(&second)).await?;
    assert_eq!(why, "HOLDER_GONE");
    wait_until(PATIENCE, "nothing to be held", || async {
        desk.held().await.is_ok_and(|held| held.is_empty())
    })
    .await?;
    registry::put(&desk.scene, "sunrise", 2, resident(true)).await?;
    desk.until_in_force(&second).await?;
    assert!(!desk.holds(&first).await?, "revoked for good");

    // A change of where it opens.
    let (version, credential) = registry::find(&desk.scene, "sunrise", |entity| match entity {
        Entity::Credential(one) if one.credential_id == second => Some(one),
        _ => None,
    })
    .await?;
    let moved = pb::Credential {
        device_ids: vec!["sunrise.main-door".to_owned()],
        ..credential
    };
    registry::put(&desk.scene, "sunrise", version, Entity::Credential(moved)).await?;
    wait_until(PATIENCE, "the gate not to open", || async {
        desk.opens(PLATES[1]).await.is_ok_and(|opens| !opens)
    })
    .await?;
    let seen = desk
        .scene
        .partner
        .plate("sunrise.main-door", PLATES[1])
        .await?;
    assert_eq!(seen["credential_id"], second.as_str());
    desk.finish().await
}

#[tokio::test]
async fn what_nobody_registered_is_found_and_deleted() -> Result<()> {
    let desk = Desk::set_up().await?;
    let foreign = Uuid::new_v4().to_string();
    let plant = json!({
        "complex": "sunrise", "credential": foreign, "devices": [GATE], "plate": PLATES[2],
    });
    desk.scene.partner.post("/credentials", plant).await?;
    desk.until_gone(&foreign).await?;
    assert!(!desk.opens(PLATES[2]).await?);
    assert_eq!(desk.held().await?.len(), 1, "what was registered stays");
    let is_foreign = |effect: &Effect| matches!(effect, Effect::ForeignDeleted { credential } if credential.to_string() == foreign);
    let why = desk.recorded("the deletion", is_foreign).await?;
    assert_eq!(why, "NOT_REGISTERED");
    let url = format!("http://{}/metrics", desk.scene.admin()[0].address());
    let metrics = http::plain()?.get(url).send().await?.text().await?;
    for line in [
        format!("provisioning_foreign_removed_total{{partner=\"{PARTNER}\"}} 1"),
        format!(
            "provisioning_credentials{{partner=\"{PARTNER}\",complex=\"sunrise\",state=\"in_force\"}} 1"
        ),
        format!("provisioning_reconciliations_total{{partner=\"{PARTNER}\",result=\"ok\"}}"),
    ] {
        assert!(metrics.contains(&line), "no {line}");
    }
    desk.finish().await
}

#[tokio::test]
async fn the_same_request_again_changes_nothing_and_no_record_holds_a_plate() -> Result<()> {
    let desk = Desk::set_up().await?;
    let request = desk.request(PLATES[0])?;
    for _ in 0..3 {
        let added = desk.add(&request).await?;
        assert_eq!(added.state(), ProvisioningState::InForce, "{added:?}");
    }
    let mut other = request.clone();
    other.plate = PLATES[1].to_owned();
    let refused = desk.registry.clone().add_plate_credential(other).await;
    let refused = refused.err().context("another plate under the same id")?;
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    let effects = desk.effects().await?;
    let puts = effects.iter().filter(|one| {
        matches!(&one.effect, Effect::Put { credential, .. } if credential.to_string() == request.credential_id)
    });
    assert_eq!(puts.count(), 1, "{effects:?}");
    let keys = effects
        .iter()
        .filter(|one| matches!(one.effect, Effect::TokenKeyDelivered { .. }));
    assert_eq!(keys.count(), 1, "{effects:?}");
    let partner = desk.at(PARTNER).await?;
    assert_eq!(partner.key_versions, [1]);
    assert!(partner.worked_on_here && partner.reconciled_at.is_some());
    desk.finish().await
}
