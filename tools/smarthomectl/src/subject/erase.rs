//! `subject erase`: asked for again and again until it is verified, step by step.

use std::time::Duration;

use anyhow::{Result, anyhow};
use proto::access::{EraseSubjectRequest, EraseSubjectResponse, ErasureState, PersonRef};
use tokio::time::{Instant, sleep};
use tonic::Code;

use super::{Persons, person};
use crate::apply::confirmed;
use crate::cli::EraseArgs;
use crate::client::refusal;
use crate::failure::Failure;

/// Pause before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs it.
///
/// # Errors
/// A refusal, and where it is not done in time.
pub(super) async fn run(persons: &mut Persons, args: &EraseArgs) -> Result<(), Failure> {
    let mut request = EraseSubjectRequest {
        person: Some(person(&args.person)?),
        complex_id: args
            .complex
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    match &args.complex {
        Some(complex) => eprintln!("This erases the person from {complex}, for good."),
        None => eprintln!("This erases the person from all your complexes, for good."),
    }
    confirmed(args.yes).await?;
    let until = Instant::now() + Duration::from_secs(args.wait);
    let mut shown = Vec::new();
    loop {
        let answer = match persons.0.erase(request.clone()).await {
            Ok(answer) => answer.into_inner(),
            // The service says that it can't at present; what it did stands.
            Err(status)
                if matches!(status.code(), Code::Unavailable | Code::Aborted)
                    && Instant::now() < until =>
            {
                sleep(PAUSE).await;
                continue;
            }
            Err(status) => return Err(refusal(&status).into()),
        };
        show(&answer, &mut shown);
        // From here on the user id may find nobody.
        request.person = Some(PersonRef {
            subject_ref: answer.subject_ref.clone(),
            ..PersonRef::default()
        });
        if answer.state() == ErasureState::Erased {
            println!("{}", outcome(&answer));
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(anyhow!(
                "{} is still being erased; run it again with --subject {0}",
                answer.subject_ref
            )
            .into());
        }
        sleep(PAUSE).await;
    }
}

fn outcome(answer: &EraseSubjectResponse) -> String {
    let subject = &answer.subject_ref;
    if answer.identity_stays {
        format!("{subject}: erased here; the identity stays, as other complexes know the person.")
    } else {
        format!("{subject}: erased, and verified gone.")
    }
}

/// Prints what is new.
fn show(answer: &EraseSubjectResponse, shown: &mut Vec<String>) {
    for step in &answer.steps {
        let mark = if step.done { "done" } else { "waits" };
        let line = format!("{:9} {mark:6} {}", step.name, step.detail);
        // A step that was done is not told again, whatever it found this time.
        let before = format!("{:9} done", step.name);
        let told = shown
            .iter()
            .any(|one| *one == line || (step.done && one.starts_with(&before)));
        if !told {
            println!("{line}");
            shown.push(line);
        }
    }
}
