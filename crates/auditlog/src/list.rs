use object_store::ObjectStore;
use object_store::path::Path;

use crate::{LogId, Result};

/// The logs of a topic that a storage holds, by name; what has no log's name is passed over.
///
/// # Errors
/// [`Error::Store`](crate::Error::Store).
pub async fn logs_of(store: &dyn ObjectStore, topic: &str) -> Result<Vec<LogId>> {
    let listed = store.list_with_delimiter(Some(&Path::from(topic))).await?;
    let named = |path: &Path| LogId::named(topic, path.filename()?).ok();
    let mut logs: Vec<LogId> = listed.common_prefixes.iter().filter_map(named).collect();
    logs.sort();
    Ok(logs)
}
