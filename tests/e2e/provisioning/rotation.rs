//! A newer root of token keys: cars get in all the while.

use anyhow::{Context as _, Result};
use domain::event::Effect;
use harness::process::wait_until;
use harness::site::{PARTNER, Part};
use privacy::Keyring;
use serde_json::{Value, json};

use super::desk::{Desk, PLATES};
use crate::support::PATIENCE;

fn versions(held: &[Value], id: &str) -> Vec<u64> {
    let mut held = held.iter();
    let one = held.find(|it| it["credential"] == id);
    let versions = one.and_then(|it| it["key_versions"].as_array());
    versions
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

#[tokio::test]
async fn a_new_token_key_goes_through_both_tokens_while_cars_get_in() -> Result<()> {
    let mut desk = Desk::set_up().await?;
    let (first, second) = (
        desk.in_force(PLATES[0]).await?,
        desk.in_force(PLATES[1]).await?,
    );
    assert_eq!(versions(&desk.held().await?, &first), [1]);
    desk.scene.site_mut().terminate(Part::CommandSvc).await?;
    let file = desk.scene.site().keys.token_key.clone();
    let ring = Keyring::from_json(&std::fs::read(&file)?)?.rotated()?;
    std::fs::write(&file, ring.to_json().as_bytes())?;
    // Two of three credentials get through, then the partner refuses.
    let refuse = json!({ "call": "put_credential", "mode": "refuse", "after": 2 });
    desk.scene.partner.post("/calls", refuse).await?;
    desk.scene.site_mut().start_part(Part::CommandSvc).await?;
    let both = |held: &[Value]| {
        let both = held.iter().filter(|it| it["key_versions"] == json!([1, 2]));
        both.count()
    };
    wait_until(PATIENCE, "two credentials with both tokens", || async {
        desk.held().await.is_ok_and(|held| both(&held) == 2)
    })
    .await?;
    // Again and again it looks, and goes no further: one has only the old token.
    desk.scene.site_mut().terminate(Part::CommandSvc).await?;
    desk.scene.site_mut().start_part(Part::CommandSvc).await?;
    let mut reconciled = None;
    for _ in 0..2 {
        let before = reconciled;
        wait_until(PATIENCE, "another comparison", || async {
            desk.at(PARTNER)
                .await
                .is_ok_and(|it| it.reconciled_at.is_some() && it.reconciled_at != before)
        })
        .await?;
        reconciled = desk.at(PARTNER).await?.reconciled_at;
        let held = desk.held().await?;
        let old = held
            .iter()
            .filter(|it| it["key_versions"] == json!([1]))
            .count();
        assert_eq!((both(&held), old), (2, 1), "{held:?}");
        assert!(desk.opens(PLATES[0]).await? && desk.opens(PLATES[1]).await?);
    }
    desk.scene.partner.delete("/calls").await?;
    wait_until(PATIENCE, "the new token alone", || async {
        desk.opens(PLATES[0]).await.unwrap_or(false)
            && desk.opens(PLATES[1]).await.unwrap_or(false)
            && desk.held().await.is_ok_and(|held| {
                [&first, &second]
                    .iter()
                    .all(|id| versions(&held, id) == [2])
            })
    })
    .await?;
    assert!(desk.opens(PLATES[0]).await? && desk.opens(PLATES[1]).await?);
    let effects = desk.effects().await?;
    let of_first: Vec<Vec<u32>> = effects
        .iter()
        .filter_map(|one| match &one.effect {
            Effect::Put {
                credential,
                holding,
            } if credential.to_string() == first => {
                Some(holding.key_versions.iter().copied().collect())
            }
            _ => None,
        })
        .collect();
    assert_eq!(of_first, [vec![1], vec![1, 2], vec![2]]);
    wait_until(PATIENCE, "the state to say so", || async {
        let shown = desk.shown(PARTNER, &second).await;
        shown.is_ok_and(|one| one.key_versions == [2])
    })
    .await?;
    let partner = desk.at(PARTNER).await.context("shown")?;
    assert_eq!(partner.key_versions, [1, 2]);
    // The same request is still the same, though the newest key is another.
    desk.in_force(PLATES[2]).await?;
    assert!(desk.opens(PLATES[2]).await?);
    desk.finish().await
}
