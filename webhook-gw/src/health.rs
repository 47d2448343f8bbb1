//! Whether events can be taken: the registry is up to date, and the log answers.

use std::sync::Arc;
use std::time::Duration;

use eventlog::Topic;
use service::health::Health;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::gateway::Gateway;

const CHECK_EVERY: Duration = Duration::from_millis(250);
/// How long the log may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reports both conditions until it is dropped.
pub(crate) async fn report(health: Health, gateway: Arc<Gateway>) {
    let (registry, log) = (health.condition("registry"), health.condition("log"));
    health.started();
    let mut ticks = interval(CHECK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if gateway.registry.is_fresh() {
            registry.ok();
        } else {
            registry.failing("the registry is not up to date with the log");
        }
        match timeout(PATIENCE, gateway.log.end_offsets(Topic::AccessEvents)).await {
            Ok(Ok(_)) => log.ok(),
            Ok(Err(error)) => log.failing(error.to_string()),
            Err(_) => log.failing("the log doesn't answer"),
        }
    }
}
