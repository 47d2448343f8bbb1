//! Hostile records on a real Cassandra: the same rows as on SQLite.

use std::sync::Arc;

use super::scene::Scene;
use crate::hostile::Hostile;
use crate::run::Site;

#[tokio::test]
async fn no_record_stops_a_projection_to_cassandra() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let hostile = Hostile::written().await;
    let sqlite = Site::new().await;
    hostile.are_all_seen(&sqlite).await;
    let store = scene.writer().await;
    scene.empty().await;
    let site = Site {
        views: Arc::clone(&store),
        ..Site::new().await
    };
    hostile.are_all_seen(&site).await;
    assert!(site.dump().await == sqlite.dump().await);
}
