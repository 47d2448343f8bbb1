//! What alarms are looked for in: the rows of commands, and contents under event ids.

use std::collections::HashMap;

use domain::id::{CommandId, ComplexId};
use futures::{StreamExt as _, TryStreamExt as _};

use super::super::StoreError;
use super::link::Connected;
use super::read::access;
use super::rows::{Claim, Completion, Observed, offset};
use crate::views::alarms::Sent;
use crate::views::{AccessIdentity, CommandRows, DigestRow, ObservationRow};

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

/// What the record of a content is.
pub(super) async fn sent(
    connected: &Connected,
    row: &DigestRow,
) -> Result<Option<Sent>, StoreError> {
    const TABLE: &str = "digests";
    let (complex, partner) = (row.complex.as_str(), row.partner.as_str());
    let event = row.partner_event.as_str();
    // Hardly ever are there two: then it is asked which came first.
    let statement = &connected.reads.digests;
    let key = (complex, partner, event);
    let known = connected
        .rows::<(Vec<u8>, i64)>(TABLE, statement, key)
        .await?;
    let since = match known.as_slice() {
        [(digest, since)] => (*digest == row.digest).then_some(*since),
        _ => {
            let key = (complex, partner, event, row.digest.as_slice());
            let statement = &connected.reads.digest;
            let since = connected.row::<(i64,)>(TABLE, statement, key).await?;
            since.map(|(since,)| since)
        }
    };
    let Some(since) = since else { return Ok(None) };
    if offset(TABLE, since)? != row.offset {
        return Ok(Some(Sent::Again));
    }
    if known.len() == 1 {
        return Ok(Some(Sent::First));
    }
    let identity = AccessIdentity::of_partner_event(&row.partner, event);
    let Some(first) = access(connected, complex, identity.as_str()).await? else {
        return Ok(None);
    };
    let first = first.row(complex, identity.as_str().to_owned())?;
    Ok(Some(Sent::of_first(first, row.offset)))
}

fn each<R, T>(
    rows: Vec<R>,
    row: impl Fn(R) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(row).collect()
}
