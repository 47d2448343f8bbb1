//! kill -9 of everything under load, on three brokers.

use anyhow::Result;
use harness::site::Part;

use crate::crash::{Victim, everything_adds_up};
use crate::support::Ground;

/// Each process, each engine, and at last all at once, as in a power cut. Those that are needed by
/// others come back first.
const VICTIMS: [&[Victim]; 8] = [
    &[Victim::Part(Part::CommandSvc)],
    &[Victim::Part(Part::WebhookGw)],
    &[Victim::Part(Part::Projector)],
    &[Victim::Views, Victim::Part(Part::ProjectorServe)],
    &[Victim::Part(Part::Partner)],
    &[Victim::Broker(0)],
    &[Victim::Broker(1), Victim::Broker(2)],
    &[
        Victim::Broker(0),
        Victim::Broker(1),
        Victim::Broker(2),
        Victim::Views,
        Victim::Part(Part::Partner),
        Victim::Part(Part::CommandSvc),
        Victim::Part(Part::WebhookGw),
        Victim::Part(Part::Projector),
        Victim::Part(Part::ProjectorServe),
    ],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_adds_up_after_kill_9_of_each_process_and_each_engine() -> Result<()> {
    match Ground::prepare_alone(3).await? {
        Some(ground) => everything_adds_up(ground, &VICTIMS).await,
        None => Ok(()),
    }
}
