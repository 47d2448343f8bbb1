//! kill -9 of the gateway, again and again, on three brokers.

use anyhow::Result;

use crate::support::Ground;
use crate::webhook::kills;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_forged_or_counted_twice_after_fifty_kills_of_the_gateway() -> Result<()> {
    match Ground::prepare_alone(3).await? {
        Some(ground) => kills::survives(ground, 50).await,
        None => Ok(()),
    }
}
