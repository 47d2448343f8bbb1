//! `smarthomectl credential`: a car or a face that a partner's devices recognise.

use std::fs::File;
use std::io::{IsTerminal as _, Read, stdin};

use anyhow::{Context as _, Result, ensure};
use domain::CredentialId;
use domain::vocabulary::LegalBasisKind;
use domain::window::Window;
use proto::access::{AddFaceCredentialRequest, AddPlateCredentialRequest, ProvisioningState};
use proto::events::LegalBasis;
use uuid::Uuid;

use crate::cli::{CredentialArgs, CredentialCommand, CredentialToAdd, FaceToAdd};
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;

/// More than any plate or reference has, in bytes.
const LONGEST: u64 = 1024;

/// Runs it.
///
/// # Errors
/// A refusal or a failure.
pub(crate) async fn run(config: &Config, args: &CredentialArgs) -> Result<(), Failure> {
    let (CredentialCommand::AddPlate(wish)
    | CredentialCommand::AddFace(FaceToAdd {
        credential: wish, ..
    })) = &args.command;
    let text = read(wish)?;
    let id = wish.id.unwrap_or_else(|| CredentialId(Uuid::new_v4()));
    let mut client = Client::connect(config).await?;
    let added = match &args.command {
        CredentialCommand::AddPlate(_) => client.add_plate(plate(wish, id, text)).await,
        CredentialCommand::AddFace(face) => {
            let basis = LegalBasis {
                kind: LegalBasisKind::ConsentInWriting.number(),
                document_date: face.consent.to_string(),
            };
            client.add_face(with_basis(wish, id, text, basis)).await
        }
    };
    let again = || format!("can't add it; to try the same again, repeat with --id {id}");
    let (state, reason, to_do) = added.with_context(again)?;
    if state == ProvisioningState::InForce {
        println!("credential {id} is in force");
    } else {
        println!("credential {id} is registered, and not in force yet: {reason}. {to_do}");
        let complex = &wish.complex;
        println!("The service goes on by itself; see `smarthomectl provisioning {complex}`.");
    }
    Ok(())
}

fn plate(wish: &CredentialToAdd, id: CredentialId, plate: String) -> AddPlateCredentialRequest {
    AddPlateCredentialRequest {
        complex_id: wish.complex.to_string(),
        credential_id: id.to_string(),
        plate,
        subject_ref: wish.subject.to_string(),
        device_ids: wish.devices.iter().map(ToString::to_string).collect(),
        window: Some(records::window_to_wire(&window(wish))),
    }
}

fn with_basis(
    wish: &CredentialToAdd,
    id: CredentialId,
    face_reference: String,
    basis: LegalBasis,
) -> AddFaceCredentialRequest {
    AddFaceCredentialRequest {
        complex_id: wish.complex.to_string(),
        credential_id: id.to_string(),
        face_reference,
        subject_ref: wish.subject.to_string(),
        device_ids: wish.devices.iter().map(ToString::to_string).collect(),
        window: Some(records::window_to_wire(&window(wish))),
        basis: Some(basis),
    }
}

fn window(wish: &CredentialToAdd) -> Window {
    Window {
        not_before: wish.not_before,
        not_after: wish.not_after,
        weekdays: wish.weekdays.iter().fold(0, |days, day| days | 1 << day),
        minutes: (wish.from.unwrap_or(0), wish.until.unwrap_or(0)),
    }
}

/// What is in the file, or comes from standard input. Errors name the file, never what is in it.
fn read(wish: &CredentialToAdd) -> Result<String> {
    let text = match &wish.file {
        Some(file) => File::open(file)
            .map_err(anyhow::Error::from)
            .and_then(text)
            .with_context(|| format!("read {}", file.display()))?,
        None => {
            if stdin().is_terminal() {
                eprintln!("One line, then Ctrl-D:");
            }
            text(stdin()).context("read standard input")?
        }
    };
    ensure!(!text.is_empty(), "there is nothing in it");
    Ok(text)
}

fn text(from: impl Read) -> Result<String> {
    let mut text = String::new();
    from.take(LONGEST + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= LONGEST, "longer than {LONGEST} bytes");
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    const SUBJECT: &str = "0198c5f0-7000-7000-8000-000000000001";

    fn parsed(more: &[&str]) -> Result<FaceToAdd, clap::Error> {
        let place = ["sunrise", SUBJECT, "--device", "sunrise.main-door"];
        let args = ["smarthomectl", "credential", "add-face"];
        let cli = Cli::try_parse_from([&args[..], &place, more].concat())?;
        match cli.command {
            Command::Credential(CredentialArgs {
                command: CredentialCommand::AddFace(face),
            }) => Ok(face),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_window_is_said_in_the_complexes_hours() {
        let face = parsed(&[
            "--consent",
            "2026-01-12",
            "--weekdays",
            "1,5",
            "--from",
            "22:00",
            "--until",
            "06:30",
        ])
        .unwrap();
        let expected = Window {
            weekdays: 0b10_0010,
            minutes: (22 * 60, 6 * 60 + 30),
            ..Window::default()
        };
        assert_eq!(window(&face.credential), expected);
    }

    #[test]
    fn a_face_takes_a_consent_and_nothing_is_said_on_the_command_line() {
        assert!(parsed(&[]).is_err(), "no consent");
        for more in [
            &["--consent", "12.01.2026"][..],
            &["--consent", "2026-01-12", "--from", "22:00"],
            &["--consent", "2026-01-12", "--weekdays", "0"],
            &["--consent", "2026-01-12", "gk-7f31"],
        ] {
            assert!(parsed(more).is_err(), "{more:?}");
        }
    }

    #[test]
    fn a_text_is_read_without_its_line_end_and_never_without_end() {
        assert_eq!(text("А123ВС 77\n".as_bytes()).unwrap(), "А123ВС 77");
        assert!(text(std::io::repeat(b'a')).is_err());
    }
}
