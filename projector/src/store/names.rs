//! Names that stores keep as text.

use auditlog::LogId;

use super::StoreError;

/// The log that a row names; one of a partition's unreadable keys isn't named as complexes are.
pub(super) fn log(table: &'static str, topic: &str, complex: &str) -> Result<LogId, StoreError> {
    let corrupt = || StoreError::Corrupt { table };
    match complex.strip_prefix("_partition-") {
        Some(partition) => {
            let partition = partition.parse().map_err(|_| corrupt())?;
            LogId::unkeyed(topic, partition)
        }
        None => LogId::new(topic, complex),
    }
    .map_err(|_| corrupt())
}
