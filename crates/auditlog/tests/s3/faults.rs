//! A server that stops, fails, or is used by two.

use std::sync::Arc;

use auditlog::{Access, Error, open_folder, open_s3};
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::bucket::{Bucket, Mood};
use crate::common::{Site, fill, next_index, record, records, undisturbed};
use crate::opening::chain;
use crate::server::{KEY, SECRET, Server, url};

async fn site(server: &Server) -> Site {
    let store = open_s3(&url("site"), &server.options(), Access::Write).await;
    Site {
        store: store.unwrap(),
        ..Site::in_memory()
    }
}

/// Every byte: leaves, tiles, offsets, the signed checkpoint.
#[tokio::test]
async fn a_bucket_holds_the_same_bytes_as_a_folder() {
    let server = Server::start(Bucket::default());
    let bucket = site(&server).await;
    let dir = tempfile::tempdir().unwrap();
    let folder = Site {
        store: open_folder(dir.path()).unwrap(),
        ..Site::in_memory()
    };
    for batch in [70, 1, 300, 29] {
        for site in [&bucket, &folder] {
            let mut writer = site.writer().await.unwrap();
            let size = next_index(&writer) + batch;
            fill(&mut writer, size, batch).await.unwrap();
        }
        assert_eq!(bucket.contents().await, folder.contents().await);
    }
    assert_eq!(bucket.settled(400).await, undisturbed(400, 400).await);
    let prefixed = |key: &String| key.starts_with("site/access.events.v1/sunrise/");
    assert!(server.bucket.keys().iter().all(prefixed));
}

#[tokio::test]
async fn of_two_that_create_one_object_one_wins() {
    let server = Server::start(Bucket::default());
    let (a, b) = (site(&server).await.store, site(&server).await.store);
    for n in 0..50 {
        let at = Path::from(format!("race/{n}"));
        let put = |store: &Arc<dyn ObjectStore>, by: &'static str| {
            let (store, at) = (store.clone(), at.clone());
            let bytes = PutPayload::from_static(by.as_bytes());
            async move { store.put_opts(&at, bytes, PutMode::Create.into()).await }
        };
        let done = join_all([put(&a, "a"), put(&b, "b")]).await;
        let won: Vec<_> = ["a", "b"]
            .into_iter()
            .zip(&done)
            .filter(|(_, d)| d.is_ok())
            .collect();
        assert_eq!(won.len(), 1, "{done:?}");
        let refused = done.iter().find_map(|d| d.as_ref().err()).unwrap();
        assert!(matches!(refused, StoreError::AlreadyExists { .. }));
        let kept = a.get(&at).await.unwrap().bytes().await.unwrap();
        assert_eq!(kept, won[0].0.as_bytes());
    }
}

/// What the object would be is not known yet: the server asks to try again.
#[tokio::test]
async fn a_conflicting_creation_is_tried_again() {
    let server = Server::start(Bucket::default());
    let site = site(&server).await;
    let mut writer = site.writer().await.unwrap();
    server.bucket.behave(|b| b.mood = Mood::Conflicting(2));
    fill(&mut writer, 5, 5).await.unwrap();
    assert_eq!(site.settled(5).await, undisturbed(5, 5).await);

    // One that never gets anywhere is a failure, not an object that exists.
    server
        .bucket
        .behave(|b| b.mood = Mood::Conflicting(u32::MAX));
    let error = writer.append(records(5..6)).await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error:?}");
    assert!(chain(&error).contains("ConditionalRequestConflict"));
}

/// The append fails, says so, and is done again when the server is back: nothing was lost, and
/// nothing is there twice.
#[tokio::test]
async fn appends_wait_for_a_server_that_is_down_or_fails() {
    let mut server = Server::start(Bucket::default());
    let site = site(&server).await;
    let mut writer = site.writer().await.unwrap();
    fill(&mut writer, 300, 300).await.unwrap();
    let mut size = 300;
    for trouble in [Some(Mood::Busy), Some(Mood::Broken), Some(Mood::Gone), None] {
        match trouble {
            Some(mood) => server.bucket.behave(|b| b.mood = mood),
            None => server.stop(),
        }
        let failed = writer.append(records(size..size + 90)).await;
        let reopened = site.writer().await.map(drop);
        for error in [failed.unwrap_err(), reopened.unwrap_err()] {
            let text = format!("{} {error:?}", chain(&error));
            // Neither an empty log nor one that has lost something.
            assert!(matches!(error, Error::Store(_)), "{text}");
            assert!(!text.contains(KEY) && !text.contains(SECRET), "{text}");
        }
        match trouble {
            Some(_) => server.bucket.behave(|b| b.mood = Mood::Well),
            None => server.restart(),
        }
        writer = site.writer().await.unwrap();
        size += 90;
        fill(&mut writer, size, 90).await.unwrap();
        assert_eq!(site.settled(size).await, undisturbed(size, size).await);
    }
    let reader = site.reader();
    let last = reader.checkpoint().await.unwrap().size() - 1;
    assert_eq!(last, size - 1);
    assert_eq!(&reader.entry(last).await.unwrap(), record(last).1.bytes());
}
