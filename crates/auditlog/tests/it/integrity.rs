//! A changed or missing byte anywhere is noticed by whoever uses it.

use crate::common::{Site, fill, log, record};
use auditlog::{Error, Leaf, MAX_LEAF_BYTES, OversizedRecord, verify_inclusion};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;

const SIZE: u64 = 600;

async fn filled() -> Site {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), SIZE, 250)
        .await
        .unwrap();
    site
}

/// Whether a reader that uses every object of the log gives anything out without complaint.
async fn reads_cleanly(site: &Site) -> Result<(), Error> {
    let reader = site.reader();
    let checkpoint = reader.checkpoint().await?;
    for number in 0..=SIZE / 256 {
        for (i, entry) in reader.bundle(number).await?.iter().enumerate() {
            let index = number * 256 + i as u64;
            assert_eq!(entry, record(index).1.bytes(), "wrong entry given out");
        }
    }
    for index in (0..SIZE).step_by(37) {
        let proof = reader.inclusion_proof(index, checkpoint.size()).await?;
        let hash = record(index).1.hash();
        verify_inclusion(hash, index, SIZE, checkpoint.root(), &proof)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_noticed() {
    reads_cleanly(&filled().await).await.unwrap();
    let paths: Vec<String> = filled().await.settled(SIZE).await.into_keys().collect();
    assert!(paths.len() > 9, "{paths:?}");
    for path in paths.iter().filter(|path| !path.starts_with("offset/")) {
        for at in [0, 1, 31, 32, 100, 1_000, 4_000, 8_191] {
            let site = filled().await;
            site.flip(path, at).await;
            let noticed = reads_cleanly(&site).await.is_err();
            assert!(noticed, "{path} at {at}");
        }
    }
}

/// Whoever can write the storage can make a bundle and its tile agree; the tile above tells.
#[tokio::test]
async fn a_leaf_that_is_forged_in_its_bundle_and_its_tile_is_noticed() {
    for number in [0, 1] {
        let site = filled().await;
        let (bundle, tile) = (
            format!("tile/entries/00{number}"),
            format!("tile/0/00{number}"),
        );
        site.flip(&bundle, 5).await;
        let path = |object: &str| Path::from(format!("{}/{object}", log()));
        let entries = auditlog::parse_bundle(site.get(&path(&bundle)).await, 256).unwrap();
        let forged = Leaf::of(entries[0].clone(), 0, 0);
        assert_ne!(forged, record(number * 256).1);
        let mut hashes = site.get(&path(&tile)).await.to_vec();
        hashes[..32].copy_from_slice(&forged.hash());
        site.store.put(&path(&tile), hashes.into()).await.unwrap();

        let reader = site.reader();
        let index = number * 256;
        let unnoticed = [
            reader.entry(index).await.is_ok(),
            reader.bundle(number).await.is_ok(),
            reader.leaf_hash(index).await.is_ok(),
            reader.inclusion_proof(index + 1, SIZE).await.is_ok(),
        ];
        assert_eq!(unnoticed, [false; 4], "bundle {number}");
    }
}

#[tokio::test]
async fn a_flipped_byte_at_the_edge_halts_the_writer() {
    let edge = ["tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/002.p/88"];
    for path in edge.into_iter().chain(["checkpoint"]) {
        for at in [0, 3, 63, 2_000] {
            let site = filled().await;
            site.flip(path, at).await;
            let halted = site.writer().await.err().unwrap();
            let loud = matches!(halted, Error::Mismatch { .. } | Error::Untrusted { .. });
            assert!(loud, "{path} at {at}: {halted}");
        }
    }
    for path in edge {
        let site = filled().await;
        let at = Path::from(format!("{}/{path}", log()));
        site.store.delete(&at).await.unwrap();
        let halted = site.writer().await.err().unwrap();
        assert!(matches!(halted, Error::Mismatch { .. }), "{path}: {halted}");
    }
}

/// An object that is in the way of a new one is not overwritten.
#[tokio::test]
async fn an_object_in_the_way_halts_the_writer() {
    for path in [
        "tile/entries/002",
        "tile/0/002",
        "tile/1/000.p/3",
        "offset/003",
    ] {
        let site = filled().await;
        let mut writer = site.writer().await.unwrap();
        let at = Path::from(format!("{}/{path}", log()));
        site.store.put(&at, "in the way".into()).await.unwrap();
        let before = site.reader().checkpoint().await.unwrap();
        let halted = fill(&mut writer, 800, 200).await.unwrap_err();
        let Error::Mismatch { object, .. } = &halted else {
            panic!("{halted}");
        };
        assert_eq!(object, path);
        assert_eq!(site.get(&at).await, "in the way");
        assert_eq!(site.reader().checkpoint().await.unwrap(), before);
    }
}

#[tokio::test]
async fn a_cut_or_grown_object_is_refused() {
    for path in [
        "tile/0/000",
        "tile/entries/000",
        "tile/0/002.p/88",
        "checkpoint",
    ] {
        for length in [0, 1, 100, 20_000_000] {
            let site = filled().await;
            let at = Path::from(format!("{}/{path}", log()));
            let mut bytes = site.get(&at).await.to_vec();
            bytes.resize(length, 0);
            site.store.put(&at, bytes.into()).await.unwrap();
            assert!(reads_cleanly(&site).await.is_err(), "{path} {length}");
        }
    }
}

#[tokio::test]
async fn the_checkpoint_of_another_log_or_time_is_refused() {
    let site = filled().await;
    let reader = site.reader();
    let old = reader.checkpoint().await.unwrap();
    fill(&mut site.writer().await.unwrap(), SIZE + 1, 1)
        .await
        .unwrap();
    assert_eq!(reader.checkpoint().await.unwrap().size(), SIZE + 1);

    // Rolled back, and removed.
    let at = Path::from(format!("{}/checkpoint", log()));
    let note = Bytes::copy_from_slice(old.note().as_bytes());
    site.store.put(&at, note.into()).await.unwrap();
    assert!(matches!(
        reader.checkpoint().await,
        Err(Error::Mismatch { .. })
    ));
    site.store.delete(&at).await.unwrap();
    assert!(matches!(
        reader.checkpoint().await,
        Err(Error::Mismatch { .. })
    ));

    // A whole other history, well signed: one who has seen the first doesn't take it.
    let other = Site::fresh().await;
    let mut writer = other.writer().await.unwrap();
    for i in 0..SIZE + 50 {
        let leaf = Leaf::of("another history".into(), 0, i);
        writer.append(vec![(i, leaf)]).await.unwrap();
    }
    for (path, bytes) in other.contents().await {
        let at = Path::from(format!("{}/{path}", log()));
        site.store.put(&at, bytes.into()).await.unwrap();
    }
    site.reader().checkpoint().await.unwrap();
    assert!(matches!(
        reader.checkpoint().await,
        Err(Error::Mismatch { .. })
    ));
}

/// Expired entries: the bundles go, the hashes stay, and the proofs of all leaves still hold.
#[tokio::test]
async fn a_pruned_log_still_proves() {
    let site = filled().await;
    let at = Path::from(format!("{}/tile/entries/000", log()));
    site.store.delete(&at).await.unwrap();
    let reader = site.reader();
    let root = reader.checkpoint().await.unwrap().root();
    assert!(matches!(reader.entry(7).await, Err(Error::Missing { .. })));
    for index in [7, 300] {
        let hash = reader.leaf_hash(index).await.unwrap();
        assert_eq!(hash, record(index).1.hash());
        let proof = reader.inclusion_proof(index, SIZE).await.unwrap();
        verify_inclusion(hash, index, SIZE, root, &proof).unwrap();
    }
    assert_eq!(&reader.entry(300).await.unwrap(), record(300).1.bytes());
    fill(&mut site.writer().await.unwrap(), 900, 100)
        .await
        .unwrap();
}

/// A reader that still holds an older checkpoint finds the full tile where the partial one was.
#[tokio::test]
async fn an_older_checkpoint_outlives_its_partial_tiles() {
    let site = Site::fresh().await;
    let mut writer = site.writer().await.unwrap();
    fill(&mut writer, 200, 200).await.unwrap();
    let reader = site.reader();
    let old = reader.checkpoint().await.unwrap();
    fill(&mut writer, 300, 100).await.unwrap();
    assert!(
        !site
            .contents()
            .await
            .keys()
            .any(|p| p == "tile/0/000.p/200")
    );
    let proof = reader.inclusion_proof(199, 200).await.unwrap();
    verify_inclusion(record(199).1.hash(), 199, 200, old.root(), &proof).unwrap();
    assert_eq!(&reader.entry(199).await.unwrap(), record(199).1.bytes());
    assert_eq!(&reader.entry(299).await.unwrap(), record(299).1.bytes());
}

#[tokio::test]
async fn large_and_empty_records_are_leaves_too() {
    let site = Site::fresh().await;
    let mut writer = site.writer().await.unwrap();
    let large = Bytes::from(vec![b'x'; MAX_LEAF_BYTES + 1]);
    let values = [
        Bytes::new(),
        large.slice(1..),
        large.clone(),
        large.slice(..3),
    ];
    let leaves = values
        .iter()
        .zip(10..)
        .map(|(value, offset)| (offset, Leaf::of(value.clone(), 4, offset)));
    writer.append(leaves.collect()).await.unwrap();
    let reader = site.reader();
    for index in [0, 1, 3] {
        let entry = reader.entry(index).await.unwrap();
        assert_eq!(entry, values[index as usize]);
    }
    let stand_in = OversizedRecord::parse(&reader.entry(2).await.unwrap()).unwrap();
    assert_eq!(
        (stand_in.partition, stand_in.offset, stand_in.length),
        (4, 12, 65_536)
    );
}

/// A log of more than 1,000 bundles uses the longer paths, and grows beyond them.
#[tokio::test]
async fn bundles_beyond_a_thousand() {
    let site = Site::fresh().await;
    let mut writer = site.writer().await.unwrap();
    let size = 256 * 1234 + 5;
    fill(&mut writer, size, 50_000).await.unwrap();
    let all = site.contents().await;
    for path in [
        "tile/entries/999",
        "tile/entries/x001/000",
        "tile/entries/x001/233",
        "tile/entries/x001/234.p/5",
        "tile/0/x001/234.p/5",
        "tile/1/004.p/210",
        "tile/2/000.p/4",
        "offset/x001/234",
    ] {
        assert!(all.contains_key(path), "{path}");
    }
    let mut writer = site.writer().await.unwrap();
    fill(&mut writer, size + 300, 300).await.unwrap();
    let reader = site.reader();
    let checkpoint = reader.checkpoint().await.unwrap();
    let leaves = (0..checkpoint.size()).map(|i| record(i).1.bytes().clone());
    assert_eq!(checkpoint.root(), auditlog::rebuild_root(leaves));
    let last = checkpoint.size() - 1;
    let proof = reader.inclusion_proof(last, last + 1).await.unwrap();
    verify_inclusion(
        record(last).1.hash(),
        last,
        last + 1,
        checkpoint.root(),
        &proof,
    )
    .unwrap();
    assert_eq!(
        reader.bundle_offset(1234).await.unwrap(),
        record(256 * 1234).0
    );
}
