//! What has been kept long enough is deleted; the data key is replaced when it is old.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::command::Desk;
use crate::oauth::Tokens;
use crate::store::{StoreError, Table};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub(crate) async fn run(desk: Arc<Desk>, tokens: Arc<Tokens>, rotation_days: u32, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        tokens.forget_expired(desk.clock.now());
        if let Err(error) = tidy(&desk).await {
            tracing::error!(%error, "housekeeping failed");
        }
        if let Err(error) = rotate(&desk, rotation_days).await {
            tracing::error!(%error, "the data key could not be replaced");
        }
    }
}

async fn tidy(desk: &Arc<Desk>) -> Result<(), StoreError> {
    let (now, at_work) = (desk.clock.now(), desk.clone());
    let deleted = desk.store.run(move |tx| {
        let mut deleted = 0;
        for table in [Table::Commands, Table::AccessTokens, Table::Deliveries] {
            deleted += tx.purge(table, now)?;
        }
        for complex in at_work.fleet.complexes() {
            deleted += at_work.book.prune(tx, complex, now)?;
        }
        Ok(deleted)
    });
    let deleted = deleted.await?;
    if deleted > 0 {
        tracing::info!(deleted, "records deleted");
    }
    Ok(())
}

async fn rotate(desk: &Desk, rotation_days: u32) -> Result<(), StoreError> {
    let (now, rotated_at) = (desk.clock.now(), desk.store.run(|tx| Ok(tx.key_rotated_at())).await?);
    if now.duration_since(rotated_at) >= SignedDuration::from_hours(24 * i64::from(rotation_days)) {
        let version = desk.store.rotate(now).await?;
        tracing::info!(version, "data key replaced");
    }
    Ok(())
}
