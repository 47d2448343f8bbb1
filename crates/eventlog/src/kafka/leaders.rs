use std::sync::Arc;

use rdkafka::error::KafkaResult;
use tokio::task::spawn_blocking;

use super::failure::to_log_error;
use super::offloaded::Offloaded;
use crate::LogError;

/// Has a client learn which broker leads each partition of these topics. It would
/// do so by itself, but by and by, half a second later.
pub(super) async fn learn_leaders<T, F>(
    client: &Arc<Offloaded<T>>,
    names: Vec<String>,
    ask: F,
) -> Result<(), LogError>
where
    T: Send + Sync + 'static,
    F: Fn(&T, &str) -> KafkaResult<()> + Send + 'static,
{
    let client = Arc::clone(client);
    let learn = move || {
        names.iter().try_for_each(|name| {
            let learnt = ask(&client, name);
            learnt.map_err(|error| to_log_error(&error, &format!("topic {name}")))
        })
    };
    spawn_blocking(learn).await.unwrap_or_else(|_| {
        Err(LogError::Unavailable(
            "the question was abandoned".to_owned(),
        ))
    })
}
