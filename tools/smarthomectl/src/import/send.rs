//! The change sets of a plan to the service.

use std::cell::{Cell, RefCell};

use anyhow::{Error, Result, anyhow};
use tonic::{Code, Status};

use super::flight;
use super::plan::Plan;
use super::progress::Progress;
use crate::apply::refused_entity;
use crate::client::{Client, refusal};
use crate::diff::Diff;

/// Applies them, several at once.
///
/// # Errors
/// Why the first one that failed did, and what to do.
pub(crate) async fn send(client: &Client, plan: &Plan, note: &str) -> Result<()> {
    let sets = plan.sets();
    let (count, made) = (sets.len(), Cell::new(0));
    let progress = RefCell::new(Progress::start("changes", plan.changes()));
    let sent = flight::all(sets, async |diff: Diff| {
        let set = diff.change_set(note);
        let call = async || client.clone().apply(&diff.complex, &set).await;
        match flight::patiently(call).await {
            Ok(_) => {
                made.set(made.get() + 1);
                progress.borrow_mut().advance(diff.changes.len());
                Ok(())
            }
            Err(status) => Err(why_not(plan, &diff, &status)),
        }
    });
    let sent = sent.await;
    drop(progress);
    sent.map_err(|why: Error| {
        let made = made.get();
        why.context(format!(
            "{made} of {count} change sets are known to be made"
        ))
    })
}

/// Why a change set was not applied.
fn why_not(plan: &Plan, diff: &Diff, status: &Status) -> Error {
    let complex = &diff.complex;
    match status.code() {
        Code::Aborted => anyhow!(
            "somebody else changed {complex} meanwhile, and nothing of that was overwritten; run the \
             same import again: it looks at what stands then, and goes on from there"
        ),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => refusal(
            status,
        )
        .context(
            "no answer that says whether the changes were made; run the same import again: what \
                 was made is not made twice",
        ),
        _ => {
            let line = refused_entity(diff, status).and_then(|entity| plan.line(entity));
            let what = line.map_or("refused".to_owned(), |line| {
                format!("line {line} was refused")
            });
            refusal(status).context(what)
        }
    }
}
