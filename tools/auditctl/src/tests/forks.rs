use super::world::{World, access, code, observed};

/// Two histories under one key: 300 records, and 400 that differ at the tenth.
async fn forked() -> (World, World) {
    let one = World::of(300).await;
    let other = World {
        dir: tempfile::tempdir().unwrap(),
        ..World::new()
    };
    let other = World {
        signer: one.signer.clone(),
        ..other
    };
    let values = (0..400).map(|n| observed(if n == 10 { 1_000 } else { n }));
    other.write(&access(), values).await;
    (one, other)
}

fn checkpoint(world: &World) -> String {
    let path = world.tiles().join("access.events.v1/sunrise/checkpoint");
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn checkpoints_of_one_history_agree_and_of_two_do_not() {
    let (one, other) = forked().await;
    let longer = World {
        dir: tempfile::tempdir().unwrap(),
        ..World::new()
    };
    let longer = World {
        signer: one.signer.clone(),
        ..longer
    };
    longer.write(&access(), (0..400).map(observed)).await;
    let tiles = longer.tiles();
    let tiles = tiles.to_str().unwrap();
    let compare = async |a: &str, b: &str| code(&one.run(&["compare", tiles, a, b]).await);
    let [a, b, c] = [&one, &longer, &other].map(checkpoint);
    assert_eq!(compare(&a, &a).await, 0);
    assert_eq!(compare(&a, &b).await, 0);
    assert_eq!(compare(&b, &a).await, 0);
    assert_eq!(compare(&a, &c).await, 1, "a fork");
    assert_eq!(compare(&b, &c).await, 1, "a fork of one size");
    // The shorter log's tiles say nothing of the longer's.
    let short = one.tiles();
    assert_eq!(
        code(&one.run(&["compare", short.to_str().unwrap(), &a, &b]).await),
        3
    );
}

#[tokio::test]
async fn what_is_watched_can_not_go_back_or_turn_into_another() {
    let (one, other) = forked().await;
    let state = one.file("state");
    let look = async |world: &World| {
        let (tiles, state) = (world.tiles(), state.to_str().unwrap());
        code(
            &world
                .run(&["watch", tiles.to_str().unwrap(), "--state", state, "--once"])
                .await,
        )
    };
    assert_eq!(look(&one).await, 0);
    assert_eq!(look(&one).await, 0);
    assert_eq!(look(&other).await, 1, "a fork");
    let refuted = state.join("access.events.v1@sunrise.refuted");
    assert_eq!(
        std::fs::read(refuted).unwrap(),
        std::fs::read(checkpoint(&other)).unwrap()
    );
    let longer = World {
        dir: tempfile::tempdir().unwrap(),
        ..World::new()
    };
    let longer = World {
        signer: one.signer.clone(),
        ..longer
    };
    longer.write(&access(), (0..700).map(observed)).await;
    assert_eq!(
        look(&longer).await,
        0,
        "what was refuted is not gone on from"
    );
    assert_eq!(look(&one).await, 1, "it went back");
    std::fs::remove_file(checkpoint(&longer)).unwrap();
    assert_eq!(look(&longer).await, 3);
    std::fs::write(state.join("access.events.v1@sunrise.checkpoint"), "changed").unwrap();
    assert_eq!(look(&one).await, 2);
}
