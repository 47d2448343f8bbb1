//! `subject export`: a file for the person who asked for it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use domain::ComplexId;
use proto::access::{ExportSubjectRequest, ExportSubjectResponse, PersonInComplex};
use records::timestamp_from_wire;
use serde_json::{Value, json};

use super::{Persons, person};
use crate::cli::ExportArgs;
use crate::client::{known, refusal};
use crate::failure::Failure;
use crate::tree;

/// Runs it.
///
/// # Errors
/// A refusal, or a file that can't be written.
pub(super) async fn run(persons: &mut Persons, args: &ExportArgs) -> Result<(), Failure> {
    // Before anything is recorded.
    let mut file = created(&args.out)?;
    let request = ExportSubjectRequest {
        person: Some(person(&args.person)?),
        complex_id: args
            .complex
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    let answer = persons.0.export(request).await;
    let written = match answer {
        Ok(answer) => write(&mut file, &answer.into_inner()),
        Err(status) => Err(refusal(&status)),
    };
    if written.is_err() {
        // What is in it is not what was asked for.
        let _ = std::fs::remove_file(&args.out);
    }
    let subject = written?;
    println!("{subject}: written to {}", args.out.display());
    Ok(())
}

/// A new file that only its owner may read.
fn created(path: &Path) -> Result<std::fs::File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.with_context(|| {
        format!(
            "can't create {}; name a file that isn't there",
            path.display()
        )
    })
}

fn write(file: &mut std::fs::File, answer: &ExportSubjectResponse) -> Result<String> {
    let text = serde_json::to_string_pretty(&document(answer)?)? + "\n";
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(answer.subject_ref.clone())
}

/// All of it, with the rights as `get` shows them.
fn document(answer: &ExportSubjectResponse) -> Result<Value> {
    let complexes = answer.complexes.iter().map(complex);
    Ok(json!({
        "subject_ref": answer.subject_ref,
        "issuer": answer.issuer,
        "user_id": answer.user_id,
        "complexes": complexes.collect::<Result<Vec<_>>>()?,
    }))
}

fn complex(told: &PersonInComplex) -> Result<Value> {
    let id: ComplexId = told.complex_id.parse()?;
    let rights = told.entities.iter().map(|entity| {
        let entity = known(entity)?;
        Ok(serde_json::to_value(tree::document(&id, &entity.state))?)
    });
    let plates = told
        .plates
        .iter()
        .map(|plate| json!({ "credential_id": plate.credential_id, "plate": plate.plate }));
    let hold = told.hold.as_ref().map(|hold| {
        let since = hold.since.as_ref();
        let since = since.and_then(|at| timestamp_from_wire("since", at).ok());
        json!({ "reason": hold.reason, "since": since.map(|at| at.to_string()) })
    });
    let recorded = told
        .audit_position
        .as_ref()
        .map(|at| json!({ "topic": at.topic, "partition": at.partition, "offset": at.offset }));
    Ok(json!({
        "complex_id": told.complex_id,
        "name": told.name,
        "rights": rights.collect::<Result<Vec<Value>>>()?,
        "plates": plates.collect::<Vec<_>>(),
        "legal_hold": hold,
        "recorded_at": recorded,
    }))
}
