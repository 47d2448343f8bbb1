//! Apache Kafka and Apache Cassandra away, wrong or killed: the failure table on a cluster. Each test
//! starts engines of its own, whatever the run is about.

mod away;
mod brokers;
mod crash;
mod log;
mod privacy;
mod refused;
mod views;
mod webhook_faults;
mod webhook_kills;

use anyhow::Result;
use harness::engines::kafka::Kafka;

use crate::support::{Ground, Scene};

/// The log of a site whose engines are its own.
fn kafka(scene: &mut Scene) -> Result<&mut Kafka> {
    Ok(&mut scene.site_mut().cluster()?.engines()?.kafka)
}

/// A running site on so many brokers and a node; none where they can't be had, which was said.
async fn scene(brokers: usize) -> Result<Option<Scene>> {
    match Ground::prepare_alone(brokers).await? {
        Some(ground) => ground.build().await.map(Some),
        None => Ok(None),
    }
}
