//! What alarms are looked for in: the rows of a command, and contents under an event id.

use domain::id::CommandId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::StoreError;
use super::decode;
use super::read::all;
use crate::views::alarms::Sent;
use crate::views::{AccessIdentity, CommandRows, DigestRow, ObservationRow};

/// The decisions and completions of a command.
pub(super) fn ruling(
    connection: &Connection,
    complex: &str,
    command: CommandId,
) -> Result<CommandRows, StoreError> {
    let key = params![complex, command.to_string()];
    let (claims, completions) = (
        of_command(decode::CLAIM, "claims"),
        of_command(decode::COMPLETION, "completions"),
    );
    Ok(CommandRows {
        claims: all(connection, &claims, key, decode::claim)?,
        completions: all(connection, &completions, key, decode::completion)?,
        observations: Vec::new(),
    })
}

/// What partners report of a command.
pub(super) fn observations(
    connection: &Connection,
    complex: &str,
    command: CommandId,
) -> Result<Vec<ObservationRow>, StoreError> {
    let key = params![complex, command.to_string()];
    let sql = of_command(decode::OBSERVATION, "observations");
    all(connection, &sql, key, decode::observation)
}

fn of_command(columns: &str, table: &str) -> String {
    format!("SELECT {columns} FROM {table} WHERE complex = ?1 AND command = ?2 ORDER BY off")
}

/// What the record of a content is.
pub(super) fn sent(connection: &Connection, row: &DigestRow) -> Result<Option<Sent>, StoreError> {
    let (complex, partner) = (row.complex.as_str(), row.partner.as_str());
    // Hardly ever are there two: then it is asked which came first.
    let sql = "SELECT digest, off FROM digests
        WHERE complex = ?1 AND partner = ?2 AND partner_event = ?3 LIMIT 2";
    let key = params![complex, partner, row.partner_event];
    let known = all(connection, sql, key, |found| {
        Ok((found.get::<_, [u8; 32]>(0)?, found.get::<_, u64>(1)?))
    })?;
    let since = match known.as_slice() {
        [(digest, since)] => (*digest == row.digest).then_some(*since),
        _ => since(connection, row)?,
    };
    let Some(since) = since else { return Ok(None) };
    if since != row.offset {
        return Ok(Some(Sent::Again));
    }
    if known.len() == 1 {
        return Ok(Some(Sent::First));
    }
    let sql = format!(
        "SELECT {} FROM access WHERE complex = ?1 AND identity = ?2",
        decode::ACCESS
    );
    let identity = AccessIdentity::of_partner_event(&row.partner, &row.partner_event);
    let first = all(
        connection,
        &sql,
        (complex, identity.as_str()),
        decode::access,
    )?
    .pop();
    Ok(first.map(|first| Sent::of_first(first, row.offset)))
}

/// The least offset of a content.
fn since(connection: &Connection, row: &DigestRow) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT off FROM digests
        WHERE complex = ?1 AND partner = ?2 AND partner_event = ?3 AND digest = ?4";
    let (complex, partner) = (row.complex.as_str(), row.partner.as_str());
    let key = params![complex, partner, row.partner_event, row.digest];
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(key, |row| row.get(0)).optional()?)
}
