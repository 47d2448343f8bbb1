//! What is refused when a bucket is opened, and what the refusal says.

use std::error::Error as _;
use std::time::Duration;

use auditlog::{Access, Encryption, Error, S3Options, open_s3};
use zeroize::Zeroizing;

use crate::bucket::{Bucket, Creates, Mood};
use crate::common::{Site, fill};
use crate::server::{KEY, SECRET, Server, url};

/// An error with all that caused it, as a log would have it.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

async fn refusal(options: &S3Options, access: Access) -> (Error, String) {
    let error = open_s3(&url("site"), options, access).await.unwrap_err();
    let text = format!("{} {error:?} {options:?}", chain(&error));
    for secret in [KEY, SECRET, "another-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
    (error, text)
}

async fn unfit(options: &S3Options, access: Access, says: &str) {
    let (error, text) = refusal(options, access).await;
    assert!(matches!(error, Error::Unfit { .. }), "{text}");
    assert!(text.contains(says), "{text}");
}

#[tokio::test]
async fn a_server_that_creates_only_is_taken_and_left_as_it_was() {
    let server = Server::start(Bucket::default());
    for access in [Access::Write, Access::Read, Access::Write] {
        open_s3(&url("site"), &server.options(), access)
            .await
            .unwrap();
        assert_eq!(server.bucket.keys(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_server_that_overwrites_is_refused() {
    for creates in [Creates::Always, Creates::Afterwards] {
        let server = Server::start(Bucket::default());
        server.bucket.behave(|b| b.creates = creates);
        unfit(&server.options(), Access::Write, "overwrote").await;
        // A reader has nothing to lose by it.
        let read = open_s3(&url("site"), &server.options(), Access::Read).await;
        read.unwrap();
    }
}

#[tokio::test]
async fn wrong_keys_are_refused_and_never_repeated() {
    let server = Server::start(Bucket::default());
    for access in [Access::Write, Access::Read] {
        let mut options = server.options();
        options.secret_access_key = Zeroizing::new("another-secret".into());
        unfit(&options, access, "check the key files").await;
        unfit(&options, access, "SignatureDoesNotMatch").await;
        options.access_key_id = Zeroizing::new("AKIAANOTHER".into());
        unfit(&options, access, "check the key files").await;
    }
}

#[tokio::test]
async fn keys_that_may_not_list_are_refused() {
    let server = Server::start(Bucket::default());
    server.bucket.behave(|b| b.mood = Mood::Secretive);
    for access in [Access::Write, Access::Read] {
        unfit(&server.options(), access, "list the bucket").await;
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused() {
    let server = Server::start(Bucket::default());
    let elsewhere = "s3://another-bucket/site".parse().unwrap();
    let error = open_s3(&elsewhere, &server.options(), Access::Write)
        .await
        .unwrap_err();
    let text = chain(&error);
    assert!(text.contains("NoSuchBucket"), "{text}");
    assert!(text.contains("check `tiles.url`"), "{text}");
}

#[tokio::test]
async fn a_server_that_fails_or_is_down_is_unavailable_and_soon() {
    let mut server = Server::start(Bucket::default());
    let options = server.options();
    for mood in [Mood::Busy, Mood::Broken] {
        server.bucket.behave(|b| b.mood = mood);
        let (error, text) = refusal(&options, Access::Write).await;
        assert!(matches!(error, Error::Store(_)), "{text}");
    }
    server.stop();
    let within = Duration::from_secs(15);
    let refused = tokio::time::timeout(within, refusal(&options, Access::Write));
    let (error, text) = refused.await.unwrap();
    assert!(matches!(error, Error::Store(_)), "{text}");
}

#[tokio::test]
async fn options_that_cannot_be_meant_are_refused_before_anything_is_sent() {
    let server = Server::start(Bucket::default());
    type Change = fn(&mut S3Options);
    let changes: [(&str, Change); 5] = [
        ("`endpoint`", |o| {
            o.endpoint = Some("http://s3.example.org".parse().unwrap());
        }),
        ("TLS", |o| {
            o.endpoint = Some("https://s3.example.org".parse().unwrap());
        }),
        ("`region`", |o| o.region.clear()),
        ("one word each", |o| {
            o.secret_access_key = Zeroizing::new(format!("{SECRET}\n"));
        }),
        ("`encryption.kms`", |o| {
            o.encryption = Some(Encryption::Kms(String::new()));
        }),
    ];
    for (says, change) in changes {
        let mut options = server.options();
        change(&mut options);
        let (error, text) = refusal(&options, Access::Write).await;
        assert!(matches!(error, Error::Options(_)), "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[tokio::test]
async fn objects_are_encrypted_as_asked_or_not_written() {
    let server = Server::start(Bucket::default());
    for (encryption, how, key) in [
        (None, None, None),
        (Some(Encryption::Aes256), Some("AES256"), None),
        (
            Some(Encryption::Kms("key-7".into())),
            Some("aws:kms"),
            Some("key-7"),
        ),
    ] {
        let mut options = server.options();
        options.encryption = encryption.clone();
        let prefix = url(how.unwrap_or("none").trim_start_matches("aws:"));
        let store = open_s3(&prefix, &options, Access::Write).await.unwrap();
        let site = Site {
            store,
            ..Site::in_memory()
        };
        fill(&mut site.writer().await.unwrap(), 3, 3).await.unwrap();
        let asked = (how.map(str::to_owned), key.map(str::to_owned));
        assert_eq!(server.bucket.encryption(), asked);
        server.bucket.behave(|b| b.ignores_encryption = true);
        let ignored = open_s3(&prefix, &options, Access::Write).await;
        match ignored {
            Ok(_) => assert_eq!(encryption, None),
            Err(e) => assert!(chain(&e).contains("doesn't say that it encrypted"), "{e:?}"),
        }
        server.bucket.behave(|b| b.ignores_encryption = false);
    }
}
