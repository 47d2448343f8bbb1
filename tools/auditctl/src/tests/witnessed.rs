//! A witness over HTTP: it says of a log that it only grew, and says nothing of a fork.

use std::path::Path;

use tokio::net::TcpListener;

use super::world::{World, access, code, observed};
use ::witness::{Cosigner, Request};

use crate::witness::{Witness, serve};

/// A witness with its address and its key.
async fn witness(world: &World) -> (String, String) {
    let key = world.file("witness.key");
    let (cosigner, text) = Cosigner::generate("witness.example/w1").unwrap();
    std::fs::write(&key, text).unwrap();
    let log = [world.signer.verifier().vkey()];
    let state = world.file("witnessed");
    let witness = Witness::open(&log, &key, &state).unwrap();
    assert!(
        Witness::open(&log, &key, &state).is_err(),
        "two with one memory"
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, witness));
    (address, cosigner.key().text())
}

async fn post(address: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::new();
    let url = format!("{address}/add-checkpoint");
    let answer = client.post(url).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn note(tiles: &Path) -> String {
    std::fs::read_to_string(tiles.join("access.events.v1/sunrise/checkpoint")).unwrap()
}

fn request(old: u64, note: &str) -> Request {
    Request {
        old,
        proof: Vec::new(),
        note: note.to_owned(),
    }
}

#[tokio::test]
async fn growth_is_cosigned_and_a_proof_carries_it_and_a_fork_is_refuted() {
    let world = World::of(300).await;
    let (address, key) = witness(&world).await;
    let longer = world.file("longer");
    world
        .write_to(&longer, &access(), (0..700).map(observed))
        .await;
    let forked = world.file("forked");
    let values = (0..900).map(|n| observed(if n == 10 { 5_000 } else { n }));
    world.write_to(&forked, &access(), values).await;
    let cosign = async |tiles: &Path, name: &str| {
        let (tiles, out) = (tiles.to_str().unwrap(), world.file(name));
        let out = out.to_str().unwrap();
        let args = [
            "cosign",
            tiles,
            "--witness",
            &address,
            "--witness-key",
            &key,
            "-o",
            out,
        ];
        code(&world.run(&args).await)
    };
    assert_eq!(cosign(&world.tiles(), "first").await, 0);
    assert_eq!(cosign(&world.tiles(), "again").await, 0);
    assert_eq!(cosign(&longer, "longer.checkpoint").await, 0);
    assert_eq!(cosign(&world.tiles(), "older").await, 3, "an older copy");
    assert_eq!(cosign(&forked, "fork").await, 1);

    let (tiles, cosigned) = (longer.to_str().unwrap(), world.file("longer.checkpoint"));
    let proof = world.file("one.tlog-proof");
    let proof = proof.to_str().unwrap();
    let args = [
        "prove",
        tiles,
        "600",
        "-o",
        proof,
        "--checkpoint",
        cosigned.to_str().unwrap(),
    ];
    assert_eq!(code(&world.run(&args).await), 0);
    assert_eq!(
        code(&world.run(&["verify-proof", proof, "--witness", &key]).await),
        0
    );
    let nobody = Cosigner::generate("witness.example/w1")
        .unwrap()
        .0
        .key()
        .text();
    assert_eq!(
        code(
            &world
                .run(&["verify-proof", proof, "--witness", &nobody])
                .await
        ),
        1
    );
    let plain = world.file("two.tlog-proof");
    let plain = plain.to_str().unwrap();
    assert_eq!(
        code(&world.run(&["prove", tiles, "600", "-o", plain]).await),
        0
    );
    assert_eq!(
        code(&world.run(&["verify-proof", plain, "--witness", &key]).await),
        1
    );
}

/// Has the witness cosign a folder's log, and lays its word beside the log's checkpoint.
async fn lay_down(world: &World, tiles: &Path, address: &str, key: &str) {
    let beside = tiles.join("access.events.v1/sunrise/cosigned");
    let (tiles, beside) = (tiles.to_str().unwrap(), beside.to_str().unwrap());
    let args = [
        "cosign",
        tiles,
        "--witness",
        address,
        "--witness-key",
        key,
        "-o",
        beside,
    ];
    assert_eq!(code(&world.run(&args).await), 0);
}

#[tokio::test]
async fn cosignatures_are_counted_in_a_log_and_in_its_archive() {
    let world = World::of(300).await;
    let (address, key) = witness(&world).await;
    let nobody = Cosigner::generate("witness.example/w2")
        .unwrap()
        .0
        .key()
        .text();
    let verify = async |of: &Path, more: &[&str]| {
        let args = [&["verify", of.to_str().unwrap()], more].concat();
        code(&world.run(&args).await)
    };
    let (by_it, by_both) = (
        ["--witness", &key],
        ["--witness", &key, "--witness", &nobody],
    );
    let by_either = [&by_both[..], &["--quorum", "1"]].concat();
    assert_eq!(
        verify(&world.tiles(), &by_it).await,
        3,
        "nobody has seen it"
    );
    lay_down(&world, &world.tiles(), &address, &key).await;

    // The log has grown since.
    let longer = world.file("longer");
    let values = (0..700).map(observed);
    world.write_to(&longer, &access(), values).await;
    let beside = |tiles: &Path| tiles.join("access.events.v1/sunrise/cosigned");
    std::fs::copy(beside(&world.tiles()), beside(&longer)).unwrap();
    let archive = world.file("some.tar");
    let export = [
        "export",
        longer.to_str().unwrap(),
        "-o",
        archive.to_str().unwrap(),
    ];
    assert_eq!(code(&world.run(&export).await), 0);
    for of in [world.tiles(), longer.clone(), archive] {
        assert_eq!(verify(&of, &[]).await, 0, "{of:?}");
        assert_eq!(verify(&of, &by_it).await, 0, "{of:?}");
        assert_eq!(verify(&of, &by_both).await, 3, "{of:?}: one of two");
        assert_eq!(verify(&of, &by_either).await, 0, "{of:?}");
    }

    // Another history beside the witness' word, and a copy of before it.
    let forked = world.file("forked");
    let values = (0..700).map(|n| observed(if n == 10 { 5_000 } else { n }));
    world.write_to(&forked, &access(), values).await;
    std::fs::copy(beside(&longer), beside(&forked)).unwrap();
    assert_eq!(verify(&forked, &[]).await, 1);
    let shorter = world.file("shorter");
    world
        .write_to(&shorter, &access(), (0..200).map(observed))
        .await;
    std::fs::copy(beside(&longer), beside(&shorter)).unwrap();
    assert_eq!(verify(&shorter, &[]).await, 1);
    // Without the log's own signature it is nothing.
    let text = std::fs::read_to_string(beside(&longer)).unwrap();
    std::fs::write(beside(&longer), text.replacen("\n300\n", "\n301\n", 1)).unwrap();
    assert_eq!(verify(&longer, &by_it).await, 1);
}

#[tokio::test]
async fn it_answers_as_the_protocol_says() {
    let world = World::of(300).await;
    let (address, _) = witness(&world).await;
    let first = note(&world.tiles());
    for malformed in ["", "old 0\n", "old 00\n\nx", "old 0\nnot base64\n\nx"] {
        assert_eq!(post(&address, malformed).await.0, 400, "{malformed:?}");
    }
    let text = request(0, &first).text();
    assert_eq!(
        post(
            &address,
            text.replace(super::world::BASE, "elsewhere.example")
        )
        .await
        .0,
        404
    );
    assert_eq!(
        post(&address, text.replacen("\n300\n", "\n301\n", 1))
            .await
            .0,
        403
    );
    assert_eq!(post(&address, request(301, &first).text()).await.0, 400);
    assert_eq!(
        post(&address, request(7, &first).text()).await,
        (409, "0\n".to_owned())
    );
    let mut proven = request(0, &first);
    proven.proof.push([0; 32]);
    assert_eq!(post(&address, proven.text()).await.0, 422);
    let (status, line) = post(&address, text.clone()).await;
    assert_eq!((status, line.lines().count()), (200, 1));
    assert!(line.starts_with("\u{2014} witness.example/w1 ") && line.ends_with('\n'));
    assert_eq!(post(&address, text).await, (409, "300\n".to_owned()));
    assert_eq!(post(&address, request(300, &first).text()).await.0, 200);
    let forked = world.file("forked");
    let values = (0..300).map(|n| observed(n + 1));
    world.write_to(&forked, &access(), values).await;
    assert_eq!(
        post(&address, request(300, &note(&forked)).text()).await.0,
        409
    );
    let large = vec![b'x'; 70_000];
    assert_eq!(post(&address, large).await.0, 413);
}
