use anyhow::Result;
use harness::clients::open_request;
use harness::engines::kafka::Kafka;
use proto::access::Outcome;

use crate::support::Scene;
use crate::unavailable::Pending;

/// How the log's only broker goes away, in this order.
#[derive(Debug, Clone, Copy)]
enum Away {
    Paused,
    Stopped,
    Killed,
}

impl Away {
    async fn go(self, kafka: &mut Kafka) -> Result<()> {
        match self {
            Self::Paused => kafka.pause(0),
            Self::Stopped => kafka.stop(0).await,
            Self::Killed => kafka.kill9(0),
        }
    }

    async fn come_back(self, kafka: &mut Kafka) -> Result<()> {
        match self {
            Self::Paused => kafka.resume(0),
            Self::Stopped | Self::Killed => kafka.restart(0).await,
        }
    }
}

fn kafka(scene: &mut Scene) -> Result<&mut Kafka> {
    Ok(&mut scene.site_mut().cluster()?.engines()?.kafka)
}

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
    for (sequence, away) in (1..).zip([Away::Paused, Away::Stopped, Away::Killed]) {
        eprintln!("the broker is {away:?}");
        away.go(kafka(&mut scene)?).await?;
        let pending = Pending::refused(&scene, &token, sequence).await?;
        away.come_back(kafka(&mut scene)?).await?;
        pending.settled(&scene, &token).await?;
    }
    scene.finish().await
}
