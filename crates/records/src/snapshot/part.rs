//! Parts of the registry to bytes and back. Entities are written as the log has them.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use domain::registry::{Applied, Change, Hold, Part, Refused, Versioned};
use domain::{ChangeSetId, CommandId, CredentialId, PassId, SubjectRef};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use super::Unfit;
use crate::provisioning_codec::{provisioning_from_wire, provisioning_to_wire};
use crate::registry_codec::{change_from_wire, entity_to_wire};

const ENTITY: u8 = 1;
const USES: u8 = 2;
const ANSWER: u8 = 3;
const HOLD: u8 = 4;
const ERASED: u8 = 5;
const PROVISIONED: u8 = 6;
const CREDENTIAL_CHANGED: u8 = 7;
const PERIMETER_CLOSED: u8 = 8;

const APPLIED: u8 = 0;
const CONFLICT: u8 = 1;
const INVALID: u8 = 2;
const MISSING: u8 = 3;

/// The most different reasons for which a change set was invalid.
const MOST_REASONS: usize = 256;

/// Writes a part behind `out`; its tag.
pub(super) fn write(part: &Part, out: &mut Vec<u8>) -> u8 {
    match part {
        Part::Entity(entity) => {
            out.extend(entity.version.to_le_bytes());
            let change = proto::events::Change {
                expected_version: 0,
                entity: Some(entity_to_wire(&entity.state)),
            };
            out.extend(change.encode_to_vec());
            ENTITY
        }
        Part::Uses(pass, held) => {
            out.extend(pass.0.as_bytes());
            out.extend(held.iter().flat_map(|command| *command.0.as_bytes()));
            USES
        }
        Part::Hold(subject, hold) => {
            out.extend(subject.0.as_bytes());
            instant(hold.since, out);
            out.extend(hold.reason.as_bytes());
            HOLD
        }
        Part::Erased(subject, identity) => {
            out.extend(subject.0.as_bytes());
            out.push(u8::from(*identity));
            ERASED
        }
        Part::Provisioned(changed, at) => {
            instant(*at, out);
            out.extend(provisioning_to_wire(changed).encode_to_vec());
            PROVISIONED
        }
        Part::CredentialChanged(id, at) => {
            out.extend(id.0.as_bytes());
            instant(*at, out);
            CREDENTIAL_CHANGED
        }
        Part::PerimeterClosed(partner, at) => {
            instant(*at, out);
            out.extend(partner.as_str().as_bytes());
            PERIMETER_CLOSED
        }
        Part::Answer(id, answer, at) => {
            out.extend(id.0.as_bytes());
            out.push(u8::from(at.is_some()));
            instant(at.unwrap_or_default(), out);
            match answer {
                Ok(applied) => {
                    out.push(APPLIED);
                    out.extend(applied.versions.iter().flat_map(|v| v.to_le_bytes()));
                }
                Err(Refused::Conflict {
                    change,
                    expected,
                    found,
                }) => {
                    out.push(CONFLICT);
                    out.extend((*change as u64).to_le_bytes());
                    out.extend(expected.to_le_bytes());
                    out.extend(found.to_le_bytes());
                }
                Err(Refused::Invalid { change, why }) => {
                    out.push(INVALID);
                    out.extend((*change as u64).to_le_bytes());
                    out.extend(why.as_bytes());
                }
                Err(Refused::Missing { change, kind, id }) => {
                    out.push(MISSING);
                    out.extend((*change as u64).to_le_bytes());
                    out.extend((kind.len() as u64).to_le_bytes());
                    out.extend(kind.as_bytes());
                    out.extend(id.as_bytes());
                }
            }
            ANSWER
        }
    }
}

fn instant(at: Timestamp, out: &mut Vec<u8>) {
    out.extend(at.as_second().to_le_bytes());
    out.extend(at.subsec_nanosecond().to_le_bytes());
}

/// A part of this tag.
pub(super) fn read(tag: u8, bytes: &[u8]) -> Result<Part, Unfit> {
    let mut rest = Rest(bytes);
    match tag {
        ENTITY => {
            let version = rest.number()?;
            let wire = proto::events::Change::decode(rest.0).map_err(|_| Unfit::Part)?;
            let Change { entity: state, .. } = change_from_wire(&wire).map_err(|_| Unfit::Part)?;
            Ok(Part::Entity(Versioned { version, state }))
        }
        USES => {
            let pass = PassId(rest.uuid()?);
            let mut held = BTreeSet::new();
            while !rest.0.is_empty() {
                held.insert(CommandId(rest.uuid()?));
            }
            Ok(Part::Uses(pass, held))
        }
        HOLD => {
            let (subject, since) = (SubjectRef(rest.uuid()?), rest.instant()?);
            let reason = std::str::from_utf8(rest.0).map_err(|_| Unfit::Part)?;
            let reason = reason.to_owned();
            Ok(Part::Hold(subject, Hold { reason, since }))
        }
        ERASED => {
            let subject = SubjectRef(rest.uuid()?);
            let [identity] = rest.array()?;
            Ok(Part::Erased(subject, identity != 0))
        }
        PROVISIONED => {
            let at = rest.instant()?;
            let wire = proto::events::ProvisioningChanged::decode(rest.0);
            let wire = wire.map_err(|_| Unfit::Part)?;
            let changed = provisioning_from_wire(&wire).map_err(|_| Unfit::Part)?;
            Ok(Part::Provisioned(changed, at))
        }
        CREDENTIAL_CHANGED => {
            let id = CredentialId(rest.uuid()?);
            Ok(Part::CredentialChanged(id, rest.instant()?))
        }
        PERIMETER_CLOSED => {
            let at = rest.instant()?;
            let partner = std::str::from_utf8(rest.0).map_err(|_| Unfit::Part)?;
            let partner = partner.parse().map_err(|_| Unfit::Part)?;
            Ok(Part::PerimeterClosed(partner, at))
        }
        ANSWER => {
            let id = ChangeSetId(rest.uuid()?);
            let [timed] = rest.array()?;
            let at = rest.instant()?;
            let at = (timed != 0).then_some(at);
            Ok(Part::Answer(id, answer(rest)?, at))
        }
        _ => Err(Unfit::Part),
    }
}

fn answer(mut rest: Rest<'_>) -> Result<Result<Applied, Refused>, Unfit> {
    let index = |rest: &mut Rest<'_>| usize::try_from(rest.number()?).map_err(|_| Unfit::Part);
    let [kind] = rest.array()?;
    match kind {
        APPLIED => {
            let mut versions = Vec::with_capacity(rest.0.len() / 8);
            while !rest.0.is_empty() {
                versions.push(rest.number()?);
            }
            Ok(Ok(Applied { versions }))
        }
        CONFLICT => Ok(Err(Refused::Conflict {
            change: index(&mut rest)?,
            expected: rest.number()?,
            found: rest.number()?,
        })),
        INVALID => {
            let change = index(&mut rest)?;
            let why = std::str::from_utf8(rest.0).map_err(|_| Unfit::Part)?;
            let why = reason(why).ok_or(Unfit::Part)?;
            Ok(Err(Refused::Invalid { change, why }))
        }
        MISSING => {
            let (change, length) = (index(&mut rest)?, index(&mut rest)?);
            let (kind, id) = rest.0.split_at_checked(length).ok_or(Unfit::Part)?;
            let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Unfit::Part);
            let kind = reason(text(kind)?).ok_or(Unfit::Part)?;
            let id = text(id)?.to_owned();
            Ok(Err(Refused::Missing { change, kind, id }))
        }
        _ => Err(Unfit::Part),
    }
}

/// A reason that lives as long as the process, as those of the fold do. There is a handful of them.
fn reason(text: &str) -> Option<&'static str> {
    static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(reason) = known.get(text) {
        return Some(reason);
    }
    if known.len() >= MOST_REASONS {
        return None;
    }
    let reason: &'static str = Box::leak(text.into());
    known.insert(reason);
    Some(reason)
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unfit> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Unfit::Part)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Unfit> {
        self.array().map(u64::from_le_bytes)
    }

    fn instant(&mut self) -> Result<Timestamp, Unfit> {
        let seconds = i64::from_le_bytes(self.array()?);
        let nanos = i32::from_le_bytes(self.array()?);
        Timestamp::new(seconds, nanos).map_err(|_| Unfit::Part)
    }

    fn uuid(&mut self) -> Result<Uuid, Unfit> {
        self.array().map(Uuid::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_closing_is_read_as_it_was_written() {
        let at = "2026-06-01T00:00:00.001Z".parse().unwrap();
        let part = Part::PerimeterClosed("gatekeeper".parse().unwrap(), at);
        let mut bytes = Vec::new();
        let tag = write(&part, &mut bytes);
        assert_eq!(read(tag, &bytes).unwrap(), part);
        bytes.push(b' ');
        assert!(read(tag, &bytes).is_err(), "no partner's id");
    }
}
