//! Records of the event log, whoever wrote them.

use std::sync::LazyLock;

use authn::record::{RecordSigner, RecordVerifier, Speaker, generate_key, generate_root, issue};
use bytes::Bytes;
use domain::event::{Body, Event};
use domain::registry::Registry;
use eventlog::{CloudEvent, Position, Record, Topic};
use jiff::SignedDuration;
use projector::views::{self, RowWrite};
use records::{EventReader, Unreadable};

use crate::{lines, partner};

/// command-svc's key, made anew by each process, so that nothing in the corpus is signed by it.
static KEYS: LazyLock<(RecordSigner, EventReader)> = LazyLock::new(|| {
    let (root, key) = (
        generate_root().expect("a key"),
        generate_key().expect("a key"),
    );
    let speaker: Speaker = "command-svc".parse().expect("a speaker");
    let day = SignedDuration::from_hours(24);
    let (from, until) = (partner::now() - day, partner::now() + day);
    let certificate = issue(&root, speaker.clone(), key.public_key(), from, until);
    let certificate = certificate.expect("a certificate");
    let trusted = vec![certificate.clone()];
    let verifier = RecordVerifier::new(root.public_key(), trusted, Vec::new(), speaker);
    let signer = RecordSigner::new(key, certificate).expect("a signer");
    (signer, EventReader::new(verifier.expect("a verifier")))
});

/// Lines: a topic, after it ` signed` if command-svc is to sign the value; the key; then the value.
pub fn check(data: &[u8]) {
    let ([topic, key], value) = lines::parts(data);
    let (signer, reader) = &*KEYS;
    let topic = String::from_utf8_lossy(topic);
    let (name, signed) = match topic.strip_suffix(" signed") {
        Some(name) => (name, true),
        None => (&*topic, false),
    };
    let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.name() == name) else {
        return;
    };
    let mut value = value.to_vec();
    if let (true, Ok(key)) = (signed, std::str::from_utf8(key))
        && let Ok(sealed) = signer.seal(topic.name(), key, value.clone())
    {
        value = sealed;
    }
    let record = record(topic, Bytes::copy_from_slice(key), Some(value.into()));
    let read = reader.read(&record);
    if let Ok(event) = &read {
        assert!(
            signed || !event.body.needs_signature(),
            "nobody else can say this"
        );
        reads_back(&record, event);
        folds(event);
    }
    is_seen(&record, &read);
}

fn record(topic: Topic, key: Bytes, value: Option<Bytes>) -> Record {
    Record {
        topic,
        position: Position {
            partition: 0,
            offset: 7,
        },
        key,
        append_time: partner::now(),
        headers: Vec::new(),
        value,
    }
}

/// What was read, written again, reads the same.
fn reads_back(read: &Record, event: &Event) {
    let (signer, reader) = &*KEYS;
    let again = match event.body.needs_signature() {
        true => records::to_signed_record(event, read.topic, None, "urn:fuzz", signer)
            .expect("it can be signed"),
        false => records::to_record(event, None, "urn:fuzz"),
    };
    assert_eq!(again.key.as_bytes(), read.key);
    let headers = CloudEvent::from_headers(&again.event.to_headers());
    assert_eq!(headers.as_ref(), Ok(&again.event));
    let again = record(read.topic, again.key.into(), again.value);
    assert_eq!(reader.read(&again).as_ref(), Ok(event));
}

/// Whatever command-svc may say can be folded.
fn folds(event: &Event) {
    if let Body::RegistryChanged(set) = &event.body {
        let mut registry = partner::registry().clone();
        _ = registry.fold(&event.complex, set.clone());
        _ = Registry::default().fold(&event.complex, set.clone());
    }
}

/// Every record of a projected topic has a log, and one that can't be read is a visible row.
fn is_seen(record: &Record, read: &Result<Event, Unreadable>) {
    if !views::TOPICS.contains(&record.topic) {
        return;
    }
    let log = views::log_of(record).expect("every record has a log");
    assert_eq!(log.topic(), record.topic.name());
    let rows = views::rows(record, read, None);
    let unreadable = rows
        .iter()
        .any(|row| matches!(row, RowWrite::Unreadable(_)));
    assert!(unreadable || read.is_ok(), "passed over");
}
