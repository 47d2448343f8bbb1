#![allow(clippy::unwrap_used)]
use super::*;

fn event() -> CloudEvent {
    CloudEvent {
        id: Uuid::now_v7(),
        source: "urn:smarthome:command-svc".into(),
        kind: "smarthome.access.decided.v1".into(),
        subject: Some("sunrise.north-gate".into()),
        time: "2026-11-24T10:00:00.123Z".parse().unwrap(),
        dataschema: Some("https://example.com/events.proto".into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    }
}

fn without(name: &str) -> Vec<(String, Bytes)> {
    let mut headers = event().to_headers();
    headers.retain(|(header, _)| header != name);
    headers
}

fn with(name: &str, value: &'static [u8]) -> Vec<(String, Bytes)> {
    let mut headers = without(name);
    headers.push((name.to_owned(), Bytes::from_static(value)));
    headers
}

#[test]
fn headers_read_back() {
    let full = event();
    assert_eq!(CloudEvent::from_headers(&full.to_headers()), Ok(full));
    let bare = CloudEvent {
        subject: None,
        dataschema: None,
        traceparent: None,
        ..event()
    };
    assert_eq!(bare.to_headers().len(), 6);
    assert_eq!(CloudEvent::from_headers(&bare.to_headers()), Ok(bare));
}

#[test]
fn headers_are_those_of_the_kafka_binding() {
    let headers = event().to_headers();
    let value = |name: &str| {
        let (_, value) = headers.iter().find(|(header, _)| header == name).unwrap();
        String::from_utf8(value.to_vec()).unwrap()
    };
    assert_eq!(value("ce_specversion"), "1.0");
    assert_eq!(value("ce_type"), "smarthome.access.decided.v1");
    assert_eq!(value("ce_time"), "2026-11-24T10:00:00.123Z");
    assert_eq!(value("content-type"), "application/protobuf");
}

#[test]
fn every_required_header_is_asked_for_by_name() {
    for name in [
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "content-type",
    ] {
        let missing = CloudEvent::from_headers(&without(name));
        assert_eq!(missing, Err(HeaderError::Missing(name)));
        for bad in [&b""[..], b"\xff"] {
            assert!(matches!(CloudEvent::from_headers(&with(name, bad)),
                    Err(HeaderError::Invalid { name: named, .. }) if named == name));
        }
        let mut twice = event().to_headers();
        twice.push((name.to_owned(), Bytes::from_static(b"again")));
        let repeated = CloudEvent::from_headers(&twice);
        assert_eq!(repeated, Err(HeaderError::Repeated(name)));
    }
}

#[test]
fn other_versions_types_ids_and_times_are_refused() {
    for (name, value) in [
        ("ce_specversion", &b"0.3"[..]),
        ("content-type", b"application/json"),
        ("ce_id", b"17"),
        ("ce_time", b"yesterday"),
    ] {
        assert!(matches!(CloudEvent::from_headers(&with(name, value)),
                Err(HeaderError::Invalid { name: named, .. }) if named == name));
    }
}

#[test]
fn extensions_and_a_bad_trace_context_are_ignored() {
    let read = CloudEvent::from_headers(&with("traceparent", b"nonsense")).unwrap();
    assert_eq!(read.traceparent, None);
    assert!(CloudEvent::from_headers(&with("ce_other", b"\xff")).is_ok());
}

#[test]
fn what_a_reader_would_refuse_does_not_validate() {
    assert_eq!(event().validate(), Ok(()));
    let broken = [
        CloudEvent {
            source: String::new(),
            ..event()
        },
        CloudEvent {
            kind: String::new(),
            ..event()
        },
        CloudEvent {
            subject: Some(String::new()),
            ..event()
        },
        CloudEvent {
            traceparent: Some("00-1-2-3".into()),
            ..event()
        },
    ];
    assert!(broken.iter().all(|event| event.validate().is_err()));
}
