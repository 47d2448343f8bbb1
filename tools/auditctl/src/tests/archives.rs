use super::world::{World, access, begin, code};
use jiff::SignedDuration;

async fn export(world: &World, name: &str, more: &[&str]) -> Vec<u8> {
    let (tiles, file) = (world.tiles(), world.file(name));
    let args = [
        &[
            "export",
            tiles.to_str().unwrap(),
            "-o",
            file.to_str().unwrap(),
        ],
        more,
    ]
    .concat();
    world.run_trusting(&args).await.unwrap();
    std::fs::read(file).unwrap()
}

async fn verify(world: &World, bytes: &[u8]) -> u8 {
    let file = world.file("given.tar");
    std::fs::write(&file, bytes).unwrap();
    code(&world.run(&["verify", file.to_str().unwrap()]).await)
}

#[tokio::test]
async fn the_same_log_gives_the_same_bytes_and_no_byte_of_them_can_change() {
    let world = World::of(40).await;
    let archive = export(&world, "one.tar", &[]).await;
    assert_eq!(export(&world, "two.tar", &[]).await, archive);
    assert_eq!(verify(&world, &archive).await, 0);
    let mut codes = std::collections::BTreeMap::new();
    for at in (0..archive.len())
        .step_by(41)
        .chain(archive.len() - 1024..archive.len() - 1000)
    {
        let mut changed = archive.clone();
        changed[at] ^= 1;
        let code = verify(&world, &changed).await;
        assert!(matches!(code, 1 | 3), "byte {at}: {code}");
        *codes.entry(code).or_insert(0) += 1;
    }
    // The name of the form alone may be one of a later version.
    assert!(codes.get(&3).copied().unwrap_or(0) <= 1, "{codes:?}");
    for length in (0..archive.len()).step_by(1_777) {
        assert_eq!(
            verify(&world, &archive[..length]).await,
            3,
            "cut at {length}"
        );
    }
    assert_eq!(verify(&world, &[&archive[..], &[0; 512]].concat()).await, 1);
}

#[tokio::test]
async fn a_period_is_proven_from_its_bundles_alone() {
    let world = World::of(2_000).await;
    let time = |minutes| (begin() + SignedDuration::from_mins(minutes)).to_string();
    let (from, until) = (time(800), time(1_000));
    let period = export(&world, "period.tar", &["--from", &from, "--until", &until]).await;
    let whole = export(&world, "whole.tar", &[]).await;
    assert!(period.len() < whole.len() / 2);
    assert_eq!(verify(&world, &period).await, 0);
    let file = world.file("period.tar");
    let file = file.to_str().unwrap();
    let archive = std::sync::Arc::new(crate::archive::Archive::open(file.as_ref()).unwrap());
    let name = format!("logs/{}/records.jsonl", access());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut archive.reader(&name).unwrap(), &mut text).unwrap();
    let indices = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["index"].as_u64().unwrap()
    });
    assert_eq!(
        indices.collect::<Vec<_>>(),
        (800..1_000).collect::<Vec<_>>()
    );
    // A record of it is proven from the archive, and one that it doesn't have is not.
    let proof = world.file("p.tlog-proof");
    let proof = proof.to_str().unwrap();
    assert_eq!(
        code(&world.run(&["prove", file, "900", "-o", proof]).await),
        0
    );
    assert_eq!(code(&world.run(&["verify-proof", proof]).await), 0);
    let other = world.file("q.tlog-proof");
    let other = other.to_str().unwrap();
    assert_eq!(
        code(&world.run(&["prove", file, "1999", "-o", other]).await),
        3
    );
    assert_eq!(
        code(
            &world
                .run(&["search", file, "--from", &time(802), "--until", &time(803)])
                .await
        ),
        0
    );
    for at in (0..period.len()).step_by(9_973) {
        let mut changed = period.clone();
        changed[at] ^= 1;
        assert_ne!(verify(&world, &changed).await, 0, "byte {at}");
    }
}

#[tokio::test]
async fn another_root_of_records_is_not_the_archives() {
    let world = World::of(3).await;
    export(&world, "one.tar", &[]).await;
    let file = world.file("one.tar");
    let args = ["verify", file.to_str().unwrap()];
    assert_eq!(code(&world.run_trusting(&args).await), 0);
    let root = authn::record::generate_root()
        .unwrap()
        .public_key()
        .to_string();
    let other = [&args[..], &["--records-root", &root]].concat();
    assert_eq!(
        code(&world.run(&other).await),
        2,
        "its certificates aren't of that root"
    );
}
