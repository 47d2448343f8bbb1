//! Somebody with the partner's certificate and without its secret.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Tally;
use super::book::Sent;
use crate::support::sender::{SINGLE, Sender};

/// Between two forgeries.
const PAUSE: Duration = Duration::from_millis(200);
/// Its events are of this device, far ahead of it.
const DEVICE: &str = "sunrise.main-door";
const AHEAD: u64 = 1_000_000_000;

/// Forges until it is stopped; the ids of the events.
pub(super) async fn forge(sender: Sender, tally: Arc<Tally>) -> Result<Vec<String>> {
    let mut forged = Vec::new();
    for number in AHEAD.. {
        if tally.stopped() {
            break;
        }
        let sent = Sent::new(DEVICE, number);
        match sender.forge(SINGLE, &sent.text).await {
            Ok(answer) if answer.status == 401 => tally.count(&tally.forgeries),
            // It is held against the registry first.
            Ok(answer) => ensure!(answer.status == 503, "{answer:?}"),
            // The gateway is away just now.
            Err(_) => {}
        }
        forged.push(sent.id);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(forged)
}
