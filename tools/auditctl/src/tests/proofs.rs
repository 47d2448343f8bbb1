use super::world::{World, code, run};

#[tokio::test]
async fn a_proof_is_good_alone_and_no_byte_of_it_can_change() {
    let world = World::of(300).await;
    let (tiles, proof) = (world.tiles(), world.file("one.tlog-proof"));
    let (tiles, proof) = (tiles.to_str().unwrap(), proof.to_str().unwrap());
    let event = uuid::Uuid::from_u128(271).to_string();
    assert_eq!(
        code(&world.run(&["prove", tiles, &event, "-o", proof]).await),
        0
    );
    assert_eq!(
        code(&world.run(&["prove", tiles, "270", "-o", proof]).await),
        2,
        "it is there"
    );
    let by_index = world.file("two.tlog-proof");
    let by_index = by_index.to_str().unwrap();
    assert_eq!(
        code(&world.run(&["prove", tiles, "270", "-o", by_index]).await),
        0
    );
    let text = std::fs::read(proof).unwrap();
    assert_eq!(std::fs::read(by_index).unwrap(), text);
    std::fs::remove_dir_all(tiles).unwrap();
    assert_eq!(code(&world.run(&["verify-proof", proof]).await), 0);
    let other = World::new().signer.verifier().vkey();
    assert_eq!(code(&run(&["verify-proof", proof], &other).await), 1);
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        std::fs::write(proof, changed).unwrap();
        let ended = world.run(&["verify-proof", proof]).await;
        // Another log's name is one that the key isn't for.
        assert_ne!(code(&ended), 0, "byte {at}");
    }
    std::fs::write(proof, &text[..text.len() / 2]).unwrap();
    assert_eq!(code(&world.run(&["verify-proof", proof]).await), 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_proven() {
    let world = World::of(3).await;
    let (tiles, proof) = (world.tiles(), world.file("none.tlog-proof"));
    let (tiles, proof) = (tiles.to_str().unwrap(), proof.to_str().unwrap());
    let nobody = uuid::Uuid::from_u128(99).to_string();
    assert_eq!(
        code(&world.run(&["prove", tiles, &nobody, "-o", proof]).await),
        3
    );
    assert_eq!(
        code(&world.run(&["prove", tiles, "3", "-o", proof]).await),
        2
    );
}
