//! The program killed again and again while it writes to a real Cassandra.

use harness::engines::cassandra::PROJECTOR;

use super::scene::Scene;
use crate::kills::{kills, survives};
use crate::site::OnDisk;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_it_leaves_in_cassandra_what_a_rebuild_gives() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    let disk = OnDisk::new().await;
    let identity = scene.identity("projector", PROJECTOR);
    let text = std::fs::read_to_string(disk.config()).unwrap();
    let own = format!(
        "[views]\nurl = \"sqlite://{}/views.db\"\n",
        disk.path().display()
    );
    assert!(text.contains(&own));
    let text = text.replace(&own, &scene.section(&identity, &scene.pki));
    std::fs::write(disk.config(), text).unwrap();
    survives(&disk, kills(6)).await;
}
