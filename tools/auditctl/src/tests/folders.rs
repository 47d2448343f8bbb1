use std::path::Path;

use super::world::{World, access, code, observed, run};
use auditlog::CheckpointSigner;

/// Bytes of a file, changed.
fn change(path: &Path, with: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let before = std::fs::read(path).unwrap();
    let mut bytes = before.clone();
    with(&mut bytes);
    std::fs::write(path, bytes).unwrap();
    before
}

/// What the root covers.
fn is_covered(path: &Path) -> bool {
    let text = path.to_str().unwrap();
    !text.contains("/offset/") && !text.contains("/position/")
}

#[tokio::test]
async fn a_changed_byte_anywhere_refutes_and_what_is_missing_or_cut_does_not() {
    let world = World::of(300).await;
    let tiles = world.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    assert_eq!(code(&world.run(&args).await), 0);
    let objects = world.objects();
    let covered: Vec<_> = objects.iter().filter(|path| is_covered(path)).collect();
    assert_eq!(covered.len(), 6, "a checkpoint, two bundles, three tiles");
    for path in covered {
        let length = std::fs::metadata(path).unwrap().len() as usize;
        let is_checkpoint = path.ends_with("checkpoint");
        for at in (0..length)
            .step_by(1 + length / 23)
            .chain([0, 1, 2, length - 1])
        {
            let before = change(path, |bytes| bytes[at] ^= 0x10);
            assert_eq!(
                code(&world.run(&args).await),
                1,
                "{} at {at}",
                path.display()
            );
            std::fs::write(path, before).unwrap();
        }
        let before = change(path, |bytes| bytes.truncate(length / 2));
        let cut = world.run(&args).await;
        assert_eq!(
            code(&cut),
            if is_checkpoint { 1 } else { 3 },
            "{} cut",
            path.display()
        );
        std::fs::remove_file(path).unwrap();
        assert_eq!(
            code(&world.run(&args).await),
            3,
            "without {}",
            path.display()
        );
        std::fs::write(path, before).unwrap();
    }
    assert_eq!(code(&world.run(&args).await), 0);
    let nowhere = world.file("nowhere");
    assert_eq!(
        code(&world.run(&["verify", nowhere.to_str().unwrap()]).await),
        3
    );
}

#[tokio::test]
async fn another_key_refutes() {
    let world = World::of(3).await;
    let tiles = world.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    let key = |base| {
        CheckpointSigner::generate(base)
            .unwrap()
            .0
            .verifier()
            .vkey()
    };
    assert_eq!(code(&run(&args, &key(super::world::BASE)).await), 1);
    assert_eq!(code(&run(&args, &key("elsewhere.example")).await), 1);
    assert_eq!(code(&run(&args, "no key+at all").await), 2);
    // The log's own name does as well as the base of all.
    let origin = auditlog::Origin::new(super::world::BASE, &access()).unwrap();
    let own = world.signer.verifier().vkey_for(&origin).unwrap();
    assert_eq!(code(&run(&args, &own).await), 0);
}

#[tokio::test]
async fn who_wrote_a_record_is_held_to_the_root() {
    let world = World::new();
    let good = world.signed(
        &super::replays::decided(&super::replays::Said::default()),
        eventlog::Topic::AccessEvents,
    );
    let mut forged = good.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    world
        .write(&access(), [observed(0), good.clone()].into_iter())
        .await;
    let tiles = world.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    assert_eq!(code(&world.run_trusting(&args).await), 0);
    // Garbage is nobody's word, and refutes nothing.
    let other = World::new();
    other
        .write(&access(), [observed(0), vec![0xff; 9].into()].into_iter())
        .await;
    let tiles = other.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    assert_eq!(code(&other.run_trusting(&args).await), 0);
    let forging = World {
        dir: tempfile::tempdir().unwrap(),
        ..world
    };
    forging
        .write(&access(), [good, forged.into()].into_iter())
        .await;
    let tiles = forging.tiles();
    let args = ["verify", tiles.to_str().unwrap()];
    assert_eq!(
        code(&forging.run(&args).await),
        0,
        "the tree is as it was signed"
    );
    assert_eq!(code(&forging.run_trusting(&args).await), 1);
}
