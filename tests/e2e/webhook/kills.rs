//! kill -9 of the gateway at random moments, with messages in its hands.

use anyhow::Result;
use harness::fixtures::ANNAS_PLATE;
use harness::process::wait_until;
use harness::site::Part;
use uuid::Uuid;

use super::storm::{Evidence, Storm, everything_once};
use crate::support::{Ground, PATIENCE};

/// A life of the gateway ends after up to so many messages.
const LIFE: u128 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_forged_or_counted_twice_when_the_gateway_is_killed() -> Result<()> {
    survives(Ground::prepare_embedded().await?, 10).await
}

/// Kills it so many times under load, and holds the log and the views against what was sent.
pub(crate) async fn survives(ground: Ground, kills: usize) -> Result<()> {
    ground.configure(Part::Issuer, |config| {
        config.insert("access_token_ttl_secs".to_owned(), 900.into());
    })?;
    let mut scene = ground.build().await?;
    let storm = Storm::start(&scene)?;
    let mut hit = 0;
    for _ in 0..kills {
        // The reference partner has its own way of sending again.
        scene
            .partner
            .plate("sunrise.north-gate", ANNAS_PLATE)
            .await?;
        let life = usize::try_from(Uuid::new_v4().as_u128() % LIFE)? + 1;
        wait_until(PATIENCE, "messages to be taken", storm.more_taken(life)).await?;
        let before = storm.cut();
        scene.site_mut().kill9(Part::WebhookGw)?;
        scene.site_mut().start_part(Part::WebhookGw).await?;
        hit += usize::from(storm.cut() > before);
    }
    wait_until(
        PATIENCE,
        "messages after the last kill",
        storm.more_taken(50),
    )
    .await?;
    let cut = storm.cut();
    let book = storm.stop().await?;

    let evidence = Evidence::read(&scene).await?;
    evidence.adds_up(&book)?;
    evidence.forgeries_are_noticed(&book);
    everything_once(&scene, &evidence, &book).await?;
    let unacknowledged = evidence.unacknowledged(&book);
    eprintln!(
        "{hit} of {kills} kills cut {cut} messages off; {unacknowledged} events were written and not \
         acknowledged"
    );
    // Else nothing was shown.
    assert!(hit * 10 >= kills * 9 && cut >= 2 * kills && unacknowledged >= kills / 2);
    scene.finish().await
}
