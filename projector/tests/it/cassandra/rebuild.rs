//! `projector rebuild` with the projector's own rights in a real Cassandra.

use std::time::Duration;

use harness::engines::cassandra::{KEYSPACE, PROJECTOR};

use super::scene::Scene;
use crate::rebuild::killed::{killed_anywhere, killed_around_the_swap};
use crate::rebuild::loaded::swapped_under_load;
use crate::rebuild::{Site, any_batches_give_the_same};
use crate::serving;
use crate::serving::swapped::nothing_is_lost_or_told_twice;
use crate::site::OnDisk;

/// A site whose views are here, written with the projector's certificate.
pub async fn on(scene: &Scene) -> OnDisk {
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
    disk
}

#[tokio::test(flavor = "multi_thread")]
async fn views_in_cassandra_are_rebuilt_compared_and_swapped() {
    let Some(scene) = Scene::start().await else {
        return;
    };
    super::prune::rows_go_with_their_bundles(&scene).await;
    scene.empty().await;
    let mut served = serving::Site::start_on(on(&scene).await).await;
    nothing_is_lost_or_told_twice(&served, false).await;
    served.stop().await;
    scene.empty().await;
    let site = Site::of(on(&scene).await);
    site.grow().await;

    let (code, out, error) = site.rebuild(&[]);
    assert_eq!((code, out.as_str()), (0, ""), "{error}");
    let right = site.dump();
    let admin = scene.node.admin().await.unwrap();
    let planted = format!(
        "INSERT INTO {KEYSPACE}.digests (complex, partner, partner_event, digest, off, event)
         VALUES ('sunset', 'acme', 'planted', 0x{}, 1, 00000000-0000-0000-0000-000000000001)",
        "00".repeat(32)
    );
    admin.run(&planted).await.unwrap();
    let (code, out, error) = site.rebuild(&["--swap"]);
    assert_eq!(code, 1, "{out}{error}");
    let lines: Vec<&str> = out.lines().collect();
    let digest = format!("{}=", "A".repeat(43));
    let named = format!(
        "row digests sunset acme planted {digest}: serves, and doesn't follow from the log"
    );
    assert_eq!(lines, [named.as_str(), "swapped: the rebuilt views serve"]);
    assert!(site.dump() == right);

    any_batches_give_the_same(&site).await;
    killed_anywhere(&site, 2, Duration::from_millis(700)).await;
    let mark = async |generation: u64| {
        let keyspace = match generation % 2 {
            1 => KEYSPACE.to_owned(),
            _ => format!("{KEYSPACE}_b"),
        };
        let marked = planted.replace(&format!("{KEYSPACE}."), &format!("{keyspace}."));
        admin.run(&marked).await.unwrap();
    };
    killed_around_the_swap(&site, Duration::from_millis(250), mark).await;
    swapped_under_load(&site, false).await;
    assert_eq!(site.rebuild(&["--drop"]).0, 0);
    assert_eq!(site.rebuild(&[]).0, 0);
}
