//! `smarthomectl import`: residents of one complex and their grants, from a CSV file.

mod bad;
pub(crate) mod encoding;
mod flight;
mod header;
mod line;
mod people;
mod plan;
mod progress;
mod read;
mod send;
mod table;

#[cfg(test)]
mod tests;

use anyhow::{Result, anyhow, bail, ensure};
use domain::SubjectRef;
use uuid::Uuid;

use self::bad::Bad;
use self::line::Line;
use self::people::Newcomers;
use self::plan::{Plan, missing};
use self::read::Residents;
use crate::apply::confirmed;
use crate::cli::ImportArgs;
use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::standing::Complexes;

/// Runs it.
///
/// # Errors
/// Bad lines, a refusal or a failure.
pub(crate) async fn run(config: &Config, args: &ImportArgs) -> Result<(), Failure> {
    let complex = &args.complex;
    own_report(args)?;
    let bytes = read::bytes(&args.file)?;
    let mut residents = match read::residents(&bytes, complex) {
        Ok(residents) => residents,
        Err(bad) => return Err(nothing_done(args, &bad)),
    };
    drop(bytes);
    let mut client = Client::connect(config).await?;
    let standing = standing(&mut client, args).await?;
    residents.reject(missing(complex, &residents.good, &standing));
    let (known, plan) = planned(&client, args, &mut residents, &standing).await?;
    if !residents.bad.is_empty() && !args.skip_bad {
        return Err(nothing_done(args, &residents.bad));
    }
    left_out(args, &residents.bad)?;

    let everybody = people::of(&residents.good);
    let newcomers = everybody.len() - known;
    println!("{complex}: {plan}; people who get a reference: {newcomers}");
    if plan.changes() == 0 {
        println!("Nothing to do.");
    }
    if plan.changes() == 0 || args.dry_run {
        return ended(&residents);
    }
    confirmed(args.yes).await?;
    let references = people::references(&client, &everybody, Newcomers::Taken, "references");
    let references = references.await?;
    let (plan, refused) = Plan::of(complex, &residents.good, &references, &standing);
    if !refused.is_empty() {
        return Err(anyhow!("somebody else changed {complex} meanwhile; run it again").into());
    }
    send::send(&client, &plan, &args.note).await?;
    let bad = bad::lines(&residents.bad).len();
    println!("{complex}: imported; {plan}; bad lines: {bad}");
    ended(&residents)
}

/// What stands in the complex, which must be there.
async fn standing(client: &mut Client, args: &ImportArgs) -> Result<Complexes> {
    let complex = &args.complex;
    let found = client.standing(complex).await?;
    if complex.is_reserved() || found.0.is_empty() {
        bail!("there is no complex {complex}; make it with `smarthomectl apply` first");
    }
    Ok(Complexes::from([(complex.clone(), found)]))
}

/// What the good lines would change, and how many of their people have a reference. Nothing is
/// written: references that nobody has stand for the ones to come.
async fn planned(
    client: &Client,
    args: &ImportArgs,
    residents: &mut Residents,
    standing: &Complexes,
) -> Result<(usize, Plan)> {
    let everybody = people::of(&residents.good);
    let known = people::references(client, &everybody, Newcomers::Left, "people").await?;
    let mut references = known.clone();
    for person in everybody {
        let stand_in = || SubjectRef(Uuid::new_v4());
        references.entry(person).or_insert_with(stand_in);
    }
    let plan = |lines: &[Line]| Plan::of(&args.complex, lines, &references, standing);
    let (mut first, refused) = plan(&residents.good);
    if !refused.is_empty() {
        residents.reject(refused);
        (first, _) = plan(&residents.good);
    }
    let everybody = people::of(&residents.good);
    let known = everybody
        .iter()
        .filter(|person| known.contains_key(*person));
    Ok((known.count(), first))
}

/// The report must not be written over what it is about.
fn own_report(args: &ImportArgs) -> Result<()> {
    if let Some(report) = &args.report
        && let (Ok(report), Ok(file)) = (report.canonicalize(), args.file.canonicalize())
    {
        ensure!(report != file, "--report names the file that is imported");
    }
    Ok(())
}

/// Tells of bad lines where nothing is imported for them.
fn nothing_done(args: &ImportArgs, bad: &[Bad]) -> Failure {
    let listing = bad::listing(&args.file, bad, args.report.as_deref());
    let text = format!("problems: {}, nothing was changed:{listing}", bad.len());
    match written(args, bad) {
        Ok(()) => Failure::Lines(text),
        Err(error) => Failure::Failed(error.context(text)),
    }
}

/// Tells of bad lines that are left out.
fn left_out(args: &ImportArgs, bad: &[Bad]) -> Result<()> {
    written(args, bad)?;
    if !bad.is_empty() {
        let listing = bad::listing(&args.file, bad, args.report.as_deref());
        let lines = bad::lines(bad).len();
        eprintln!("problems: {}, lines left out: {lines}:{listing}", bad.len());
    }
    Ok(())
}

fn written(args: &ImportArgs, bad: &[Bad]) -> Result<()> {
    match &args.report {
        Some(report) => bad::write(report, bad),
        None => Ok(()),
    }
}

/// The end, which is a failure where lines were left out.
fn ended(residents: &Residents) -> Result<(), Failure> {
    let lines = bad::lines(&residents.bad).len();
    if lines > 0 {
        let what = anyhow!("{lines} bad lines were left out; mend them and import the file again");
        return Err(what.into());
    }
    Ok(())
}
