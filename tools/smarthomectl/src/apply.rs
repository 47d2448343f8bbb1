//! `smarthomectl apply`: reads the files and the registry, shows the difference, asks, and changes
//! the registry.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use domain::ComplexId;
use domain::registry::Entity;
use jiff::Timestamp;
use proto::access::ApplyResponse;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::check;
use crate::cli::ApplyArgs;
use crate::client::{Client, refusal};
use crate::config::Config;
use crate::diff::{self, Diff};
use crate::document::Document;
use crate::ended;
use crate::failure::Failure;
use crate::files;
use crate::overlap;
use crate::problem::Problem;
use crate::show::Plan;
use crate::standing::Complexes;
use crate::tree;

/// The most changes that the service takes in one set.
pub(crate) const MAX_CHANGES: usize = 500;

/// Runs it.
///
/// # Errors
/// Wrong files, a refusal or a failure.
pub(crate) async fn run(config: &Config, args: &ApplyArgs) -> Result<(), Failure> {
    let documents = files::read(&args.files).map_err(Failure::Files)?;
    none(check::alone(&documents))?;
    let mut client = Client::connect(config).await?;
    let standing = standing(&mut client, &documents).await?;
    let wanted = documents.iter().map(|one| (&one.complex, &one.entity));
    let mut diffs = diff::diff(wanted, &standing);
    let mut problems = check::against(&documents, &diffs, &standing);
    problems.extend(ended::perimeters(&documents, &diffs, Timestamp::now()));
    let grants = overlap::grants(&documents, &diffs, &standing);
    problems.extend(grants.same);
    none(problems)?;

    print!("{}", Plan(&diffs));
    for warning in grants.overlapping {
        println!("Warning: {warning}");
    }
    diffs.retain(|diff| !diff.changes.is_empty());
    if diffs.is_empty() {
        println!("Nothing to do.");
        return Ok(());
    }
    if args.dry_run {
        return Ok(());
    }
    each_fits(&diffs)?;
    confirmed(args.yes).await?;
    for (index, diff) in diffs.iter().enumerate() {
        let answer = client
            .apply(&diff.complex, &diff.change_set(&args.note))
            .await;
        match answer {
            Ok(answer) => println!("{}", applied(diff, &answer)),
            Err(status) => {
                let why = why_not(&mut client, diff, &status).await;
                return Err(not_all(why, &diffs[index..]).into());
            }
        }
    }
    Ok(())
}

fn none(problems: Vec<Problem>) -> Result<(), Failure> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Files(problems))
    }
}

/// The complexes of the files, and the partners, which all of them lean on.
async fn standing(client: &mut Client, documents: &[Document]) -> Result<Complexes> {
    let mut complexes: BTreeSet<_> = documents.iter().map(|one| one.complex.clone()).collect();
    complexes.insert(ComplexId::global());
    let mut standing = Complexes::new();
    for complex in complexes {
        let found = client.standing(&complex).await?;
        standing.insert(complex, found);
    }
    Ok(standing)
}

/// A complex changes as a whole or not at all, so that too many changes are not sent in parts.
fn each_fits(diffs: &[Diff]) -> Result<()> {
    for diff in diffs {
        let (complex, count) = (&diff.complex, diff.changes.len());
        if count > MAX_CHANGES {
            bail!(
                "{count} changes of {complex}, but one set holds {MAX_CHANGES}: apply its files in \
                 parts, complex, devices and perimeters first, then residents, then grants"
            );
        }
    }
    Ok(())
}

/// Asks whether the changes that were shown are to be made.
///
/// # Errors
/// They are not, or there is nobody to ask.
pub(crate) async fn confirmed(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask at; with --yes the changes are made unasked");
    }
    eprint!("Make these changes? Only `yes` will do: ");
    std::io::stderr().flush()?;
    // The connection lives on meanwhile.
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = answer.await.context("ask")?.context("read the answer")?;
    if answer.trim() != "yes" {
        bail!("nothing was changed");
    }
    Ok(())
}

fn applied(diff: &Diff, answer: &ApplyResponse) -> String {
    let (complex, count) = (&diff.complex, diff.changes.len());
    match &answer.audit_position {
        Some(at) => format!(
            "{complex}: changes made: {count} ({} {}@{})",
            at.topic, at.partition, at.offset
        ),
        None => format!("{complex}: changes made: {count}, by an earlier run"),
    }
}

/// Why a change set was not applied, in the names of its entities.
async fn why_not(client: &mut Client, diff: &Diff, status: &Status) -> anyhow::Error {
    match status.code() {
        Code::Aborted => {
            let others = others_changes(client, diff).await;
            others.unwrap_or_else(|_| refusal(status))
        }
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
            refusal(status).context(
                "no answer that says whether the changes were made; run it again: what was made is \
                 not made twice",
            )
        }
        _ => match refused_entity(diff, status) {
            Some(entity) => refusal(status).context(format!("{} was refused", name(entity))),
            None => refusal(status).context("refused"),
        },
    }
}

/// The entities that no longer stand as they were read.
async fn others_changes(client: &mut Client, diff: &Diff) -> Result<anyhow::Error> {
    let standing = client.standing(&diff.complex).await?;
    let changed: Vec<String> = diff
        .changes
        .iter()
        .filter(|change| standing.version(&change.entity.key()) != change.version)
        .map(|change| name(&change.entity))
        .collect();
    ensure!(!changed.is_empty(), "all stand as they were read");
    Ok(anyhow!(
        "somebody else changed {} meanwhile; look at it and run again",
        changed.join(", ")
    ))
}

/// The entity that a refusal is about: `changes[3].device.name`.
pub(crate) fn refused_entity<'a>(diff: &'a Diff, status: &Status) -> Option<&'a Entity> {
    let details = status.get_details_bad_request()?;
    let field = &details.field_violations.first()?.field;
    let (index, _) = field.strip_prefix("changes[")?.split_once(']')?;
    let change = diff.changes.get(index.parse::<usize>().ok()?)?;
    Some(&change.entity)
}

fn name(entity: &Entity) -> String {
    format!("{} {}", tree::kind(entity), tree::id(entity))
}

fn not_all(why: anyhow::Error, left: &[Diff]) -> anyhow::Error {
    let left: Vec<_> = left.iter().map(|diff| diff.complex.as_str()).collect();
    why.context(format!("not applied: {}", left.join(", ")))
}
