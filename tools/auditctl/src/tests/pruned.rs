//! A log of which expired bundles were taken away.

use auditlog::{Origin, Pruned, Pruning, open_folder};

use super::world::{BASE, World, access, code};

/// A log of 700 records without its first two bundles.
async fn world() -> World {
    let world = World::of(700).await;
    let pruned = Pruned {
        prunings: vec![Pruning {
            at: 2,
            before: 1,
            bundles: 0..2,
        }],
    };
    let store = open_folder(&world.tiles()).unwrap();
    let origin = Origin::new(BASE, &access()).unwrap();
    let (log, signer) = (access(), &world.signer);
    pruned.say(&*store, &log, &origin, signer).await.unwrap();
    let removed = pruned.remove(&*store, &log, &origin, signer.verifier());
    removed.await.unwrap();
    world
}

#[tokio::test]
async fn it_is_said_what_could_not_be_looked_at() {
    let world = world().await;
    let tiles = world.tiles();
    let tiles = tiles.to_str().unwrap();
    let verified = world.run(&["verify", tiles]).await;
    assert_eq!(code(&verified), 4);
    let text = verified.unwrap_err().to_string();
    let said =
        "PROVEN is what is kept; access.events.v1/sunrise: records 0 to 511 are pruned, expired";
    assert!(text.starts_with(said), "{text}");

    assert_eq!(code(&world.run(&["search", tiles]).await), 0);
    let event = |n: u128| uuid::Uuid::from_u128(n + 1).to_string();
    let kept = world.file("kept.tlog-proof");
    let prove = ["prove", tiles, &event(600), "-o", kept.to_str().unwrap()];
    assert_eq!(code(&world.run(&prove).await), 0);
    let gone = world.file("gone.tlog-proof");
    let prove = ["prove", tiles, &event(5), "-o", gone.to_str().unwrap()];
    let proven = world.run(&prove).await;
    assert_eq!(code(&proven), 3);
    assert!(proven.unwrap_err().to_string().contains("pruned, expired"));
    let replayed = world.run_trusting(&["replay", tiles]).await;
    assert_eq!(code(&replayed), 3);
    let text = replayed.unwrap_err().to_string();
    assert!(text.contains("pruned, expired"), "{text}");

    // 12:00 and 600 minutes.
    let archive = world.file("kept.tar");
    let archive = archive.to_str().unwrap();
    let from = "2026-11-24T22:00:00Z";
    let export = ["export", tiles, "--from", from, "-o", archive];
    assert_eq!(code(&world.run(&export).await), 0);
    assert_eq!(code(&world.run(&["verify", archive]).await), 0);
}

#[tokio::test]
async fn what_nobody_signed_is_not_pruned() {
    let world = world().await;
    let tiles = world.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    let log = tiles.join("access.events.v1/sunrise");
    let change = |name: &str, at: usize| {
        let file = log.join(name);
        let before = std::fs::read(&file).unwrap();
        let mut bytes = before.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        before
    };
    for at in [0, 50, 60] {
        let before = change("pruned", at);
        assert_eq!(code(&world.run(&args).await), 1, "{at}");
        std::fs::write(log.join("pruned"), before).unwrap();
    }
    // A hash of what is gone.
    let before = change("tile/0/000", 40);
    assert_eq!(code(&world.run(&args).await), 1);
    std::fs::write(log.join("tile/0/000"), before).unwrap();
    assert_eq!(code(&world.run(&args).await), 4);
    // Without the statement it is lost, and so is what the statement doesn't name.
    let statement = std::fs::read(log.join("pruned")).unwrap();
    std::fs::remove_file(log.join("pruned")).unwrap();
    assert_eq!(code(&world.run(&args).await), 3);
    std::fs::write(log.join("pruned"), statement).unwrap();
    std::fs::remove_file(log.join("tile/entries/002.p/188")).unwrap();
    assert_eq!(code(&world.run(&args).await), 3);
}
