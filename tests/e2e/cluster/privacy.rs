//! What the engines write to their disks.

use anyhow::Result;

use crate::privacy::nothing_personal;

#[tokio::test]
async fn nothing_personal_is_in_the_engines_files() -> Result<()> {
    match super::scene(1).await? {
        Some(scene) => {
            nothing_personal(scene, "engines/kafka/broker0/data", "engines/cassandra/").await
        }
        None => Ok(()),
    }
}
