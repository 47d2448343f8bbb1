//! What these tests share.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use harness::clients::{Operator, Persons};
use harness::process::wait_for;
use harness::site::{Pair, Site, USERS};
use proto::access::{
    EraseSubjectRequest, EraseSubjectResponse, ErasureState, ErasureStep, ExportSubjectRequest,
    ExportSubjectResponse, HoldSubjectRequest, PersonRef, ReleaseHoldRequest,
};
use tonic::Status;

use crate::support::scene::pair;
use crate::support::{PATIENCE, Scene};

/// A person by the reference.
pub(super) fn by_reference(subject: &str) -> PersonRef {
    PersonRef {
        subject_ref: subject.to_owned(),
        ..PersonRef::default()
    }
}

/// A person by the login name of the site's issuer.
pub(super) fn by_user(site: &Site, username: &str) -> Result<PersonRef> {
    let user = USERS.iter().find(|user| user.username == username);
    Ok(PersonRef {
        issuer: site.issuer()?.as_str().trim_end_matches('/').to_owned(),
        user_id: user.context("no such user")?.sub.to_owned(),
        ..PersonRef::default()
    })
}

/// The stub of an operator.
pub(super) async fn persons(scene: &Scene, username: &str) -> Result<Persons> {
    let port = &scene.site().ports.registry;
    let operator = Operator::connect_as(scene.site(), port, username).await?;
    Ok(operator.persons)
}

pub(super) async fn export(
    persons: &Persons,
    person: PersonRef,
    complex: &str,
) -> Result<ExportSubjectResponse, Status> {
    let request = ExportSubjectRequest {
        person: Some(person),
        complex_id: complex.to_owned(),
    };
    Ok(persons.clone().export(request).await?.into_inner())
}

pub(super) async fn erase(
    persons: &Persons,
    person: PersonRef,
    complex: &str,
) -> Result<EraseSubjectResponse, Status> {
    let request = EraseSubjectRequest {
        person: Some(person),
        complex_id: complex.to_owned(),
    };
    Ok(persons.clone().erase(request).await?.into_inner())
}

/// Erases until it is verified. A broker compacts in its own time, up to a day: there, until nothing
/// else is left to do.
pub(super) async fn erased(
    persons: &Persons,
    subject: &str,
    complex: &str,
) -> Result<EraseSubjectResponse> {
    let brokers = pair()? == Pair::Cluster;
    let answer = wait_for(PATIENCE, "the erasure to be verified", || async {
        let answer = erase(persons, by_reference(subject), complex).await.ok()?;
        let bytes = answer.steps.last().is_some_and(|step| step.name == "bytes");
        let done = answer.state() == ErasureState::Erased || brokers && bytes;
        done.then_some(answer)
    })
    .await?;
    let done = |step: &ErasureStep| step.done || brokers && step.name == "bytes";
    ensure!(answer.steps.iter().all(done), "{answer:?}");
    Ok(answer)
}

pub(super) async fn hold(
    persons: &Persons,
    subject: &str,
    complex: &str,
    reason: &str,
) -> Result<(), Status> {
    let request = HoldSubjectRequest {
        person: Some(by_reference(subject)),
        complex_id: complex.to_owned(),
        reason: reason.to_owned(),
    };
    persons.clone().hold(request).await.map(|_| ())
}

pub(super) async fn release(persons: &Persons, subject: &str, complex: &str) -> Result<(), Status> {
    let request = ReleaseHoldRequest {
        person: Some(by_reference(subject)),
        complex_id: complex.to_owned(),
        reason: "the case is closed".to_owned(),
    };
    persons.clone().release_hold(request).await.map(|_| ())
}

/// The files of a folder that hold these bytes. The site runs: what goes meanwhile, such as a part of a
/// tile whose whole is there, holds nothing any more.
pub(super) fn holding(folder: &Path, bytes: &[u8]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in there(std::fs::read_dir(folder))?.into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holding(&path, bytes)?);
        } else if let Some(content) = there(std::fs::read(&path))?
            && memchr::memmem::find(&content, bytes).is_some()
        {
            found.push(path);
        }
    }
    Ok(found)
}

/// None of what is not there.
fn there<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
