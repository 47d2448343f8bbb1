//! A credential stays pending, with the reason, until what keeps it back is mended; then it is in
//! force without anybody's doing.

use anyhow::Result;
use domain::event::Effect;
use harness::process::wait_until;
use harness::site::{PARTNER, Part};
use proto::access::ProvisioningState;
use serde_json::json;

use super::desk::{Desk, PLATES, is_deletion};
use crate::smarthomectl::configured;
use crate::support::{PATIENCE, tool};

#[tokio::test]
async fn nothing_goes_to_a_partner_whose_attestation_is_not_good() -> Result<()> {
    let desk = Desk::set_up().await?;
    let mut earlier = desk.in_force(PLATES[0]).await?;
    for (fault, reason, plate) in [
        ("missing", "ATTESTATION_MISSING", PLATES[1]),
        ("expired", "ATTESTATION_EXPIRED", PLATES[2]),
        ("foreign_key", "ATTESTATION_SIGNATURE", PLATES[3]),
        ("weak", "ATTESTATION_WEAK_STORAGE", PLATES[4]),
    ] {
        desk.spoil(fault).await?;
        let request = desk.request(plate)?;
        let added = desk.add(&request).await?;
        let told = (added.state(), added.reason.as_str());
        assert_eq!(told, (ProvisioningState::Pending, reason), "{fault}");
        assert!(added.audit_position.is_some() && !added.to_do.is_empty());
        assert!(!desk.holds(&request.credential_id).await?, "{fault}");
        assert!(!desk.opens(plate).await?, "{fault}");
        let shown = desk.shown(PARTNER, &request.credential_id).await?;
        assert_eq!((shown.state(), shown.reason.as_str()), told);
        assert!(shown.since.is_some() && shown.next_attempt.is_some());
        // What must go goes all the same.
        desk.revoke(&earlier).await?;
        desk.until_gone(&earlier).await?;

        let again = desk.add(&request).await?;
        assert_eq!(again.state(), ProvisioningState::Pending);
        assert!(again.audit_position.is_none(), "it had been registered");
        desk.scene.partner.delete("/attestation").await?;
        desk.until_in_force(&request.credential_id).await?;
        assert!(desk.opens(plate).await?);
        let again = desk.add(&request).await?;
        assert_eq!(again.state(), ProvisioningState::InForce);
        assert_eq!((again.reason, again.to_do), (String::new(), String::new()));
        earlier = request.credential_id;
    }
    let withheld: Vec<_> = desk.effects().await?;
    let withheld = withheld
        .iter()
        .filter(|one| matches!(one.effect, Effect::Withheld { .. }));
    let reasons: Vec<_> = withheld.map(|one| one.reason.as_str()).collect();
    for reason in ["MISSING", "EXPIRED", "SIGNATURE", "WEAK_STORAGE"] {
        assert!(
            reasons.contains(&format!("ATTESTATION_{reason}").as_str()),
            "{reasons:?}"
        );
    }
    desk.finish().await
}

#[tokio::test]
async fn a_partner_that_is_down_gets_it_once_it_is_up() -> Result<()> {
    let mut desk = Desk::set_up().await?;
    let site = desk.scene.site();
    let config = configured(site, "operator", &site.certificates.operator).await?;
    desk.scene.site_mut().terminate(Part::Partner).await?;
    let request = desk.request(PLATES[0])?;
    let added = desk.add(&request).await?;
    assert_eq!(added.state(), ProvisioningState::Pending);
    assert_eq!(added.reason, "PARTNER_UNAVAILABLE");

    let config = config.to_string_lossy().into_owned();
    let logs = desk.scene.site().dir.join("logs");
    let told = || {
        tool::run(
            "smarthomectl",
            ["provisioning", "sunrise", "--config", &config],
            &logs,
        )
    };
    let pending = told().await?;
    assert_eq!(pending.status.code(), Some(1), "{}", pending.text);
    for part in [
        &request.credential_id,
        "PENDING",
        "PARTNER_UNAVAILABLE",
        "next try",
    ] {
        assert!(pending.text.contains(part), "{}", pending.text);
    }
    desk.scene.site_mut().start_part(Part::Partner).await?;
    desk.until_in_force(&request.credential_id).await?;
    assert!(desk.opens(PLATES[0]).await?);
    wait_until(PATIENCE, "the tool to say that all is well", || async {
        told().await.is_ok_and(|ended| ended.status.success())
    })
    .await?;
    let all = told().await?;
    assert!(all.text.contains("2 in force"), "{}", all.text);
    desk.finish().await
}

#[tokio::test]
async fn one_credential_that_is_refused_holds_up_no_other() -> Result<()> {
    let desk = Desk::set_up().await?;
    let refuse = json!({ "call": "put_credential", "mode": "refuse" });
    desk.scene.partner.post("/calls", refuse).await?;
    let first = desk.request(PLATES[0])?;
    let added = desk.add(&first).await?;
    assert_eq!(added.reason, "PARTNER_REFUSED");
    desk.scene.partner.delete("/calls").await?;
    desk.until_in_force(&first.credential_id).await?;
    // A delete that fails is tried until it holds, and says so meanwhile.
    let fail = json!({ "call": "delete_credential", "mode": "unavailable" });
    desk.scene.partner.post("/calls", fail).await?;
    desk.revoke(&first.credential_id).await?;
    wait_until(PATIENCE, "the deletion to be told as open", || async {
        let shown = desk.shown(PARTNER, &first.credential_id).await;
        shown.is_ok_and(|one| {
            one.state() == ProvisioningState::BeingRemoved && !one.reason.is_empty()
        })
    })
    .await?;
    let removed = desk.add(&first).await?;
    assert_eq!(removed.state(), ProvisioningState::BeingRemoved);
    desk.scene.partner.delete("/calls").await?;
    desk.until_gone(&first.credential_id).await?;
    let why = desk
        .recorded("the deletion", is_deletion(&first.credential_id))
        .await?;
    assert_eq!(why, "REVOKED");
    let gone = desk.add(&first).await?;
    assert_eq!(gone.state(), ProvisioningState::NotHeld, "not put again");
    desk.finish().await
}
