//! The rows of commands, many commands at once.

use std::collections::HashMap;

use domain::id::{CommandId, ComplexId};
use futures::{StreamExt as _, TryStreamExt as _};

use super::super::StoreError;
use super::link::Connected;
use super::read::each;
use super::rows::{Claim, Completion, Observed};
use crate::views::{CommandRows, ObservationRow};

/// As [`ViewReader::observed`](super::super::ViewReader::observed).
pub(super) async fn observed(
    connected: &Connected,
    complex: &ComplexId,
    commands: &[CommandId],
) -> Result<HashMap<CommandId, Vec<ObservationRow>>, StoreError> {
    let complex = complex.as_str();
    let looks = commands.iter().copied().map(|command| async move {
        let rows = observations(connected, complex, command).await?;
        Ok::<_, StoreError>((command, rows))
    });
    futures::stream::iter(looks)
        .buffer_unordered(connected.requests)
        .try_filter(|(_, rows)| futures::future::ready(!rows.is_empty()))
        .try_collect()
        .await
}

/// As [`ViewReader::rulings`](super::super::ViewReader::rulings).
pub(super) async fn rulings(
    connected: &Connected,
    complex: &ComplexId,
    commands: &[CommandId],
) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
    let complex = complex.as_str();
    let looks = commands.iter().copied().map(|command| async move {
        let ruling = ruling(connected, complex, command).await?;
        Ok((command, ruling))
    });
    with_rows(looks, connected.requests).await
}

/// As [`ViewReader::commands`](super::super::ViewReader::commands).
pub(super) async fn all(
    connected: &Connected,
    complex: &ComplexId,
    commands: &[CommandId],
) -> Result<HashMap<CommandId, CommandRows>, StoreError> {
    let complex = complex.as_str();
    let looks = commands.iter().copied().map(|command| async move {
        let ruling = ruling(connected, complex, command);
        let observations = observations(connected, complex, command);
        let (ruling, observations) = futures::try_join!(ruling, observations)?;
        let rows = CommandRows {
            observations,
            ..ruling
        };
        Ok((command, rows))
    });
    with_rows(looks, connected.requests).await
}

/// The decisions and completions of a command.
async fn ruling(
    connected: &Connected,
    complex: &str,
    command: CommandId,
) -> Result<CommandRows, StoreError> {
    let key = (complex, command.0);
    let claims = connected.all::<Claim>("claims", &connected.reads.claims, key);
    let statement = &connected.reads.completions;
    let completions = connected.all::<Completion>("completions", statement, key);
    let (claims, completions) = futures::try_join!(claims, completions)?;
    Ok(CommandRows {
        claims: each(claims, Claim::row)?,
        completions: each(completions, Completion::row)?,
        observations: Vec::new(),
    })
}

/// What partners report of a command.
async fn observations(
    connected: &Connected,
    complex: &str,
    command: CommandId,
) -> Result<Vec<ObservationRow>, StoreError> {
    let statement = &connected.reads.observations;
    let key = (complex, command.0);
    let rows = connected.all::<Observed>("observations", statement, key);
    each(rows.await?, Observed::row)
}

/// The commands that have any rows.
async fn with_rows<F>(
    looks: impl Iterator<Item = F>,
    at_once: usize,
) -> Result<HashMap<CommandId, CommandRows>, StoreError>
where
    F: Future<Output = Result<(CommandId, CommandRows), StoreError>>,
{
    futures::stream::iter(looks)
        .buffer_unordered(at_once)
        .try_filter(|(_, rows)| futures::future::ready(*rows != CommandRows::default()))
        .try_collect()
        .await
}
