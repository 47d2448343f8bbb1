//! `smarthomectl subject`: what is known about a person, given out, kept or erased.

mod client;
mod erase;
mod export;

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use proto::access::{EnsureSubjectRequest, HoldSubjectRequest, PersonRef, ReleaseHoldRequest};

use self::client::Persons;
use crate::cli::{HoldArgs, PersonArgs, RegisterArgs, SubjectArgs, SubjectCommand};
use crate::client::{Client, refusal};
use crate::config::Config;
use crate::failure::Failure;

/// Runs it.
///
/// # Errors
/// A refusal or a failure; of `erase` also where it is not done in time.
pub(crate) async fn run(config: &Config, args: &SubjectArgs) -> Result<(), Failure> {
    if let SubjectCommand::Register(args) = &args.command {
        return register(config, args).await;
    }
    let mut persons = Persons::connect(config).await?;
    match &args.command {
        SubjectCommand::Register(_) => Ok(()),
        SubjectCommand::Export(args) => export::run(&mut persons, args).await,
        SubjectCommand::Erase(args) => erase::run(&mut persons, args).await,
        SubjectCommand::Hold(args) => hold(&mut persons, args).await,
        SubjectCommand::Release(args) => release(&mut persons, args).await,
    }
}

/// Gives a user a reference; the same user again has the same.
async fn register(config: &Config, args: &RegisterArgs) -> Result<(), Failure> {
    let user = EnsureSubjectRequest {
        issuer: args.issuer.clone(),
        user_id: user_id(&args.user_id_file)?,
    };
    let mut registry = Client::connect(config).await?;
    let subjects = registry.subjects(vec![user], false).await;
    for subject in subjects.map_err(|status| refusal(&status))? {
        println!("{subject}");
    }
    Ok(())
}

async fn hold(persons: &mut Persons, args: &HoldArgs) -> Result<(), Failure> {
    let request = HoldSubjectRequest {
        person: Some(person(&args.person)?),
        complex_id: args.complex.to_string(),
        reason: args.reason.clone(),
    };
    let answer = persons.0.hold(request).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    println!(
        "{}: nothing is erased in {} until the hold is released.",
        answer.subject_ref, args.complex
    );
    Ok(())
}

async fn release(persons: &mut Persons, args: &HoldArgs) -> Result<(), Failure> {
    let request = ReleaseHoldRequest {
        person: Some(person(&args.person)?),
        complex_id: args.complex.to_string(),
        reason: args.reason.clone(),
    };
    let answer = persons.0.release_hold(request).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    println!("{}: no hold in {}.", answer.subject_ref, args.complex);
    Ok(())
}

/// Whom the arguments name.
fn person(args: &PersonArgs) -> Result<PersonRef, Failure> {
    let Some(file) = &args.user_id_file else {
        let subject = args.subject.context("name a subject, or a user")?;
        return Ok(PersonRef {
            subject_ref: subject.to_string(),
            ..PersonRef::default()
        });
    };
    let user_id = user_id(file)?;
    Ok(PersonRef {
        issuer: args.issuer.clone().unwrap_or_default(),
        user_id,
        ..PersonRef::default()
    })
}

/// The user id in a file, so that no list of processes and no shell's history shows it.
fn user_id(file: &Path) -> Result<String, Failure> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.with_context(|| format!("can't read {}", file.display()))?;
    let user_id = text.trim_end_matches(['\r', '\n']);
    if user_id.is_empty() {
        return Err(anyhow!("{}: there is no user id in it", file.display()).into());
    }
    Ok(user_id.to_owned())
}
