//! What the engines write to their disks.

use anyhow::Result;

use crate::privacy::nothing_personal;
use crate::support::Ground;

#[tokio::test]
async fn nothing_personal_is_in_the_engines_files() -> Result<()> {
    match Ground::prepare_alone(1).await? {
        Some(ground) => {
            let engines = ["engines/kafka/broker0/data", "engines/cassandra/"];
            nothing_personal(ground, &engines).await
        }
        None => Ok(()),
    }
}
