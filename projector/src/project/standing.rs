//! What is done about the logs of a partition that are there when it is opened, also about one that takes
//! no record for years: while the key of checkpoints changes it gets the signatures of both, and witnesses
//! are shown what they may have missed.

use std::num::NonZeroU32;
use std::sync::Arc;

use auditlog::{Error, LogId, logs_of};
use eventlog::Topic;
use eventlog::partitioner::partition_of;
use futures::TryStreamExt as _;

use super::trees::TreeParts;

/// Logs looked at at once.
const AT_ONCE: usize = 8;

/// Has the checkpoints signed anew that a partition's logs have now, where two keys sign, and has them
/// shown to witnesses. Whoever projects the partition does it before it takes a record, so that a log
/// has one writer.
///
/// # Errors
/// The storage failed; to be done again.
pub(super) async fn bring_up(
    parts: &Arc<TreeParts>,
    topic: Topic,
    partition: u32,
    partitions: NonZeroU32,
) -> Result<(), Error> {
    let (changing, witnesses) = (parts.signer.is_changing(), &parts.witnesses);
    if !changing && witnesses.is_none() {
        return Ok(());
    }
    let mut logs = logs_of(&*parts.tiles, topic.name()).await?;
    logs.retain(|log| stands_in(log, topic, partitions) == partition);
    if changing {
        futures::stream::iter(logs.iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |log| open(parts, log))
            .await?;
        let count = logs.len();
        tracing::info!(%topic, partition, count, "these logs' checkpoints have the signatures of both keys");
    }
    // Not before both have signed: what was shown earlier would be kept without the next key's signature
    // until the log grows.
    if let Some(witnesses) = witnesses {
        logs.iter().for_each(|log| witnesses.note(log));
    }
    Ok(())
}

/// A log is brought up to date by opening it.
async fn open(parts: &Arc<TreeParts>, log: &LogId) -> Result<(), Error> {
    match parts.writer(log).await {
        Ok(_) => Ok(()),
        Err(error @ (Error::Store(_) | Error::Head { .. })) => Err(error),
        // It halts when it is to grow, and keeps no other from being signed.
        Err(error) => {
            tracing::error!(%log, %error, "this log's checkpoint can't be signed by the next key");
            Ok(())
        }
    }
}

/// The partition that the log's records stand in.
fn stands_in(log: &LogId, topic: Topic, partitions: NonZeroU32) -> u32 {
    match log.unkeyed_partition() {
        Some(partition) => partition,
        None => partition_of(topic, log.complex().as_bytes(), partitions),
    }
}
