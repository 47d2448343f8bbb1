//! Log records to domain events, verified.

use authn::record::{RecordVerifier, SignatureError, Signed};
use domain::event::Event;
use eventlog::Record;
use prost::Message as _;
use proto::events::Envelope;

use crate::decode::{self, FieldError};
use crate::encode::key_of;

/// Why a record says nothing that a fold may believe. It still has its place and its leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No value.
    #[error("the record is a tombstone, in a topic that has none")]
    Tombstone,
    /// The value is no envelope.
    #[error("the value is not a protobuf envelope")]
    NotProtobuf,
    /// An event type that this version does not know. A decider must refuse the complex: it
    /// can't tell what it is missing.
    #[error("the event's type is unknown to this version; upgrade before it is written")]
    UnknownType,
    /// A field is wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The key is not the one that the event belongs under.
    #[error("the record's key is not that of its event")]
    Key,
    /// Only command-svc may say this, and it did not.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Unreadable {
    /// Stable text for metrics and rows.
    pub fn reason(&self) -> &'static str {
        match self {
            Unreadable::Tombstone => "tombstone",
            Unreadable::NotProtobuf => "not_protobuf",
            Unreadable::UnknownType => "unknown_type",
            Unreadable::Field(_) => "field",
            Unreadable::Key => "key",
            Unreadable::Signature(_) => "signature",
        }
    }
}

/// Reads records, believing only what their speaker may say.
#[derive(Debug)]
pub struct EventReader {
    verifier: RecordVerifier,
}

impl EventReader {
    /// With the keys of command-svc.
    pub fn new(verifier: RecordVerifier) -> Self {
        Self { verifier }
    }

    /// SHA-256 of whose signatures are believed.
    pub fn trust_digest(&self) -> [u8; 32] {
        self.verifier.trust_digest()
    }

    /// The event of a record.
    ///
    /// # Errors
    /// Why it can't be believed.
    pub fn read(&self, record: &Record) -> Result<Event, Unreadable> {
        let value = record.value.as_ref().ok_or(Unreadable::Tombstone)?;
        let envelope = Envelope::decode(value.as_ref()).map_err(|_| Unreadable::NotProtobuf)?;
        let event = match decode::event(&envelope) {
            Ok(event) => event.ok_or(Unreadable::UnknownType)?,
            // What command-svc signed is well formed: to some version, if not to this one.
            Err(_) if self.signed(record, value).is_ok() => return Err(Unreadable::UnknownType),
            Err(field) => return Err(field.into()),
        };
        if record.key.as_ref() != key_of(&event).as_bytes() {
            return Err(Unreadable::Key);
        }
        if event.body.needs_signature() {
            // What the signature covers must say the same: protobuf lets later fields override.
            let signed = self.signed(record, value)?;
            let covered =
                Envelope::decode(signed.unsigned()).map_err(|_| Unreadable::NotProtobuf)?;
            if decode::event(&covered)?.as_ref() != Some(&event) {
                return Err(FieldError("signature").into());
            }
        }
        Ok(event)
    }

    /// Whether command-svc signed `value`, and which part of it.
    fn signed<'a>(&'a self, record: &Record, value: &'a [u8]) -> Result<Signed<'a>, Unreadable> {
        let key = std::str::from_utf8(&record.key).map_err(|_| Unreadable::Key)?;
        Ok(self
            .verifier
            .open(record.topic.name(), key, value, record.append_time)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use authn::record::{RecordSigner, generate_key, generate_root, issue};
    use domain::event::{AccessDecided, Actor, Body, DecisionInputs, LogPosition, RequestContext};
    use domain::vocabulary::{ActorKind, Operation, Reason, Verdict};
    use domain::{CommandId, EventId};
    use eventlog::{NewRecord, Position, Topic};
    use jiff::{SignedDuration, Timestamp};
    use uuid::Uuid;

    fn keys() -> (RecordSigner, EventReader) {
        let (root, key) = (generate_root().unwrap(), generate_key().unwrap());
        // Certificates count in whole seconds.
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let hour = SignedDuration::from_hours(1);
        let speaker: authn::record::Speaker = "command-svc".parse().unwrap();
        let certificate = issue(
            &root,
            speaker.clone(),
            key.public_key(),
            now - hour,
            now + hour,
        )
        .unwrap();
        let verifier = RecordVerifier::new(
            root.public_key(),
            vec![certificate.clone()],
            vec![],
            speaker,
        )
        .unwrap();
        (
            RecordSigner::new(key, certificate).unwrap(),
            EventReader::new(verifier),
        )
    }

    fn decided() -> Event {
        let now: Timestamp = "2026-11-24T12:00:00.5Z".parse().unwrap();
        Event {
            id: EventId(Uuid::now_v7()),
            occurred_at: now,
            complex: "sunrise".parse().unwrap(),
            device: Some("sunrise.gate".parse().unwrap()),
            actor: Actor {
                kind: ActorKind::Owner,
                subject: Some(Uuid::from_u128(7)),
                caller: "spiffe://smarthome/bff/mobile".to_owned(),
            },
            correlation: "c".to_owned(),
            body: Body::AccessDecided(AccessDecided {
                command: CommandId(Uuid::from_u128(1)),
                request_digest: [3; 32],
                operation: Operation::OpenBarrier,
                verdict: Verdict::Allow,
                reason: Reason::Granted,
                expires_at: now,
                key_time: now,
                inputs: DecisionInputs {
                    now,
                    utc_offset: 10_800,
                    registry_position: LogPosition {
                        partition: 1,
                        offset: 2,
                    },
                    global_position: LogPosition::default(),
                    access_position: LogPosition {
                        partition: 0,
                        offset: 9,
                    },
                    right: Some((Uuid::from_u128(5), 2)),
                    partner: Some("partner-a".parse().unwrap()),
                    perimeter_version: 4,
                    recent_openings: vec![now],
                    cooldown_ms: 1500,
                    auth_time: Some(now),
                    acr: Some("gold".to_owned()),
                    uses_left: Some(0),
                    policy_version: 1,
                },
                context: RequestContext::default(),
            }),
        }
    }

    fn stored(record: NewRecord) -> Record {
        Record {
            topic: Topic::AccessEvents,
            position: Position {
                partition: 0,
                offset: 0,
            },
            key: record.key.clone().into(),
            append_time: Timestamp::now(),
            headers: record.event.to_headers(),
            value: record.value,
        }
    }

    #[test]
    fn a_signed_decision_reads_back() {
        let (signer, reader) = keys();
        let event = decided();
        let record =
            crate::to_signed_record(&event, Topic::AccessEvents, None, "urn:x", &signer).unwrap();
        assert_eq!(reader.read(&stored(record)).unwrap(), event);
    }

    #[test]
    fn an_unsigned_or_altered_decision_is_not_believed() {
        let (signer, reader) = keys();
        let event = decided();
        let unsigned = stored(crate::to_record(&event, None, "urn:x"));
        assert!(matches!(
            reader.read(&unsigned),
            Err(Unreadable::Signature(_))
        ));

        let record =
            crate::to_signed_record(&event, Topic::AccessEvents, None, "urn:x", &signer).unwrap();
        let good = stored(record);
        for at in 0..good.value.as_ref().unwrap().len() {
            let mut bad = good.clone();
            let mut value = bad.value.unwrap().to_vec();
            value[at] ^= 1;
            bad.value = Some(value.into());
            assert!(reader.read(&bad).is_err(), "byte {at}");
        }
        // Fields appended after the signature would override what it covers.
        let mut longer = good.clone();
        let mut value = longer.value.unwrap().to_vec();
        value.extend_from_slice(&[0x22, 0x07, b'o', b't', b'h', b'e', b'r', b'-', b'x']);
        longer.value = Some(value.into());
        assert!(reader.read(&longer).is_err());
        let mut moved = good;
        moved.key = "moonlight".into();
        assert_eq!(reader.read(&moved), Err(Unreadable::Key));
    }

    #[test]
    fn an_event_of_a_later_version_is_told_apart() {
        let (_, reader) = keys();
        let mut record = stored(crate::to_record(&decided(), None, "urn:x"));
        record.value = Some(
            Envelope {
                event_id: "x".to_owned(),
                ..Envelope::default()
            }
            .encode_to_vec()
            .into(),
        );
        assert_eq!(reader.read(&record), Err(Unreadable::UnknownType));
        record.value = None;
        assert_eq!(reader.read(&record), Err(Unreadable::Tombstone));
        record.value = Some(vec![0xff; 9].into());
        assert_eq!(reader.read(&record), Err(Unreadable::NotProtobuf));
    }
}
