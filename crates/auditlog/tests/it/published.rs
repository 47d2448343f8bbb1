//! What is published is what is stored, checked, and nothing beyond the newest checkpoint.

use auditlog::{Error, PublishedObject};

use crate::common::{Site, fill};

const SIZE: u64 = 600;

fn object(path: &str) -> PublishedObject {
    PublishedObject::parse(path).unwrap()
}

async fn filled() -> Site {
    let site = Site::fresh().await;
    fill(&mut site.writer().await.unwrap(), SIZE, 250)
        .await
        .unwrap();
    site
}

#[tokio::test]
async fn every_stored_object_is_published_as_it_is() {
    let site = filled().await;
    let reader = site.reader();
    let stored = site.settled(SIZE).await;
    for (path, bytes) in &stored {
        match PublishedObject::parse(path) {
            Some(object) => {
                let published = reader.published(object).await.unwrap();
                assert_eq!(published, bytes, "{path}");
            }
            None => assert!(path.starts_with("offset/"), "{path}"),
        }
    }
    // Narrower ones are their beginnings, also where they were never stored.
    for (narrow, wide) in [
        ("tile/0/000.p/9", "tile/0/000"),
        ("tile/0/002.p/1", "tile/0/002.p/88"),
        ("tile/1/000.p/1", "tile/1/000.p/2"),
        ("tile/entries/001.p/200", "tile/entries/001"),
    ] {
        let published = reader.published(object(narrow)).await.unwrap();
        assert!(stored[wide].starts_with(&published), "{narrow}");
        assert!(!published.is_empty());
    }
}

#[tokio::test]
async fn nothing_beyond_the_checkpoint_is_published() {
    let site = filled().await;
    let reader = site.reader();
    for path in [
        "tile/0/002",
        "tile/0/002.p/89",
        "tile/0/003.p/1",
        "tile/0/x281/x474/x976/x710/655",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/002",
        "tile/entries/002.p/89",
        "tile/entries/003.p/1",
        "tile/entries/x281/x474/x976/x710/655",
    ] {
        let refused = reader.published(object(path)).await.unwrap_err();
        assert!(matches!(refused, Error::OutOfRange { .. }), "{path}");
    }
}

#[tokio::test]
async fn what_was_tampered_with_is_not_published() {
    for path in ["tile/0/001", "tile/1/000.p/2", "tile/entries/001"] {
        let site = filled().await;
        site.flip(path, 77).await;
        let refused = site.reader().published(object(path)).await.err();
        let noticed = matches!(refused, Some(Error::Mismatch { .. }));
        assert!(noticed, "{path}");
    }
}
