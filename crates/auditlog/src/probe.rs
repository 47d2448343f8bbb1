//! What is tried out on a server before a log is entrusted to it.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use bytes::Bytes;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode};

use crate::{Error, Result};

/// How often the race is run, and how many run in it: a server that looks whether an object is
/// there and then writes it gives itself away soon, but not at once.
const ROUNDS: usize = 3;
const RACERS: usize = 8;

const OVERWRITES: &str = "it overwrote an object that was only to be created (PUT with If-None-Match: *), so history could be changed unseen; use a server, or a version of it, that has atomic conditional writes";
const FORGETS: &str = "it doesn't give back what was just written; use a server with strong read-after-write consistency";
const INVENTS: &str =
    "it gave something back for an object that was never written; check the endpoint";
const REFUSED: &str = "it refuses these keys, or they may not do this; check the key files, the region and the clock, and that the keys may list the bucket, read and, for writers, put and delete objects";

/// An object that isn't there must be known not to be. That takes the right to list: without it
/// S3 answers "forbidden" to every question after a missing object.
///
/// # Errors
/// [`Error::Unfit`]; [`Error::Store`] when the server fails.
pub(crate) async fn reads(store: &dyn ObjectStore) -> Result<()> {
    let path = fresh()?;
    match store.get(&path).await {
        Err(StoreError::NotFound { .. }) => Ok(()),
        Err(e) => Err(sorted(e)),
        Ok(_) => Err(unfit(INVENTS)),
    }
}

/// An object that exists must stay as it is when it is to be created again, also when many
/// create it at once.
///
/// # Errors
/// [`Error::Unfit`]; [`Error::Store`] when the server fails.
pub(crate) async fn creates_only(store: &dyn ObjectStore) -> Result<()> {
    reads(store).await?;
    for _ in 0..ROUNDS {
        let path = fresh()?;
        let outcome = race(store, &path).await;
        // Where the keys can't delete, a few bytes stay.
        if let Err(error) = store.delete(&path).await {
            tracing::debug!(%path, %error, "an object of the trial stays");
        }
        outcome?;
    }
    Ok(())
}

async fn race(store: &dyn ObjectStore, path: &Path) -> Result<()> {
    let mark = |racer: usize| Bytes::from(format!("create-only trial, {racer}\n"));
    let put = |racer| store.put_opts(path, mark(racer).into(), PutMode::Create.into());
    let mut created = Vec::new();
    for (racer, outcome) in join_all((0..RACERS).map(put)).await.into_iter().enumerate() {
        match outcome {
            Ok(_) => created.push(racer),
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(e) => return Err(sorted(e)),
        }
    }
    // None: the answer to the one that did got lost, and its repetition was told "exists".
    if created.len() > 1 {
        return Err(unfit(OVERWRITES));
    }
    let first = content(store, path).await?;
    let expected = (0..RACERS).filter(|racer| created.is_empty() || created.contains(racer));
    if !expected.map(mark).any(|mark| mark == first) {
        return Err(unfit(FORGETS));
    }
    match put(RACERS).await {
        Err(StoreError::AlreadyExists { .. }) => {}
        Err(e) => return Err(sorted(e)),
        Ok(_) => return Err(unfit(OVERWRITES)),
    }
    match content(store, path).await? == first {
        true => Ok(()),
        false => Err(unfit(OVERWRITES)),
    }
}

async fn content(store: &dyn ObjectStore, path: &Path) -> Result<Bytes> {
    let read = async { store.get(path).await?.bytes().await };
    match read.await {
        Ok(bytes) => Ok(bytes),
        Err(StoreError::NotFound { .. }) => Err(unfit(FORGETS)),
        Err(e) => Err(sorted(e)),
    }
}

/// A name that no log and no other trial has.
fn fresh() -> Result<Path> {
    let mut random = [0; 16];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| unfit("this machine gives no random numbers"))?;
    Ok(Path::from(format!(
        ".probe/{:032x}",
        u128::from_be_bytes(random)
    )))
}

fn unfit(why: &'static str) -> Error {
    Error::Unfit { why, source: None }
}

fn sorted(error: StoreError) -> Error {
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Error::Unfit {
            why: REFUSED,
            source: Some(error),
        },
        other => other.into(),
    }
}
