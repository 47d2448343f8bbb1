//! One and two of three brokers, lost.

use anyhow::Result;
use harness::clients::open_request;
use harness::process::wait_until;
use proto::access::Outcome;

use super::kafka;
use crate::crash::Evidence;
use crate::support::{PATIENCE, Scene};
use crate::unavailable::Pending;

/// Waits until a press opens.
async fn opens(scene: &Scene, token: &str, what: &str) -> Result<()> {
    wait_until(PATIENCE, what, || async {
        let Ok(request) = open_request("sunrise.main-door") else {
            return false;
        };
        let answer = scene.bff.open(token, request).await;
        answer.is_ok_and(|answer| answer.outcome() == Outcome::Executed)
    })
    .await
}

#[tokio::test]
async fn one_of_three_brokers_may_be_lost_and_with_two_lost_nothing_opens() -> Result<()> {
    let Some(mut scene) = super::scene(3).await? else {
        return Ok(());
    };
    let token = scene.token("anna").await?;
    opens(&scene, &token, "three brokers: a door opens").await?;
    kafka(&mut scene)?.kill9(0)?;
    opens(&scene, &token, "two brokers: a door opens").await?;

    kafka(&mut scene)?.kill9(1)?;
    let pending = Pending::refused(&scene, &token, 1).await?;

    kafka(&mut scene)?.restart(1).await?;
    pending.settled(&scene, &token).await?;
    opens(&scene, &token, "two brokers again: a door opens").await?;
    kafka(&mut scene)?.restart(0).await?;
    opens(&scene, &token, "three brokers again: a door opens").await?;

    let evidence = Evidence::settled(&scene).await?;
    evidence.openings_and_outcomes_agree()?;
    scene.finish().await
}
