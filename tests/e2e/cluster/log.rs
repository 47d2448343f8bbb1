//! The only broker of the log, away.

use anyhow::Result;
use harness::clients::open_request;
use proto::access::Outcome;

use super::away::Away;
use super::kafka;
use crate::unavailable::Pending;

#[tokio::test]
async fn without_the_log_nothing_is_done_and_with_it_all_goes_on() -> Result<()> {
    let Some(mut scene) = super::scene(1).await? else {
        return Ok(());
    };
    let token = scene.token("anna").await?;
    // The first command mints anna's reference and warms everything up.
    let first = open_request("sunrise.main-door")?;
    let answer = scene.bff.open(&token, first).await?;
    assert_eq!(answer.outcome(), Outcome::Executed);
    for (sequence, away) in (1..).zip(Away::ALL) {
        eprintln!("the broker is {away:?}");
        away.go(kafka(&mut scene)?).await?;
        let pending = Pending::refused(&scene, &token, sequence).await?;
        away.come_back(kafka(&mut scene)?).await?;
        pending.settled(&scene, &token).await?;
    }
    scene.finish().await
}
