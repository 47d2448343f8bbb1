//! A partner that fails in another way with each command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use harness::partner_control::PartnerControl;
use tokio::task::JoinHandle;

use crate::support::Scene;

const DEVICES: [&str; 4] = [
    "sunrise.main-door",
    "sunrise.intercom",
    "moonlight.main-door",
    "riverside.boathouse",
];
/// Every way that it has; what a repetition or a cancel is told is always the truth.
const MODES: [&str; 12] = [
    "reject",
    "offline",
    "hang_before_open",
    "hang_after_open",
    "reset_before_open",
    "reset_after_open",
    "truncate_body",
    "http_429",
    "http_500",
    "http_503",
    "not_found_lie",
    "garbage_json",
];
/// Between two failures.
const PAUSE: Duration = Duration::from_millis(150);

/// At work until stopped.
pub(super) struct Mischief {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Result<()>>,
}

impl Mischief {
    pub(super) fn start(scene: &Scene) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let work = tokio::spawn(work(scene.partner.clone(), Arc::clone(&stop)));
        Self { stop, work }
    }

    /// From here on the partner does what it is told.
    pub(super) async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.work.await?
    }
}

async fn work(partner: PartnerControl, stop: Arc<AtomicBool>) -> Result<()> {
    let mut turn = 0;
    while !stop.load(Ordering::Relaxed) {
        // The two lengths have no common factor but four, so that each device meets its own modes
        // in turn; the shift brings it to all of them.
        let device = DEVICES[turn % DEVICES.len()];
        let mode = MODES[(turn + turn / MODES.len()) % MODES.len()];
        partner.fail(device, mode, 1).await?;
        turn += 1;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
