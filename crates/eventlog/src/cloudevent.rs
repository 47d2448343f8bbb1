use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::trace_context::is_traceparent;

/// The value of the `content-type` header: every payload is protobuf.
pub const CONTENT_TYPE: &str = "application/protobuf";

const SPEC_VERSION: &str = "1.0";

/// The context of a record: the attributes of CloudEvents 1.0, carried as
/// headers as the Kafka protocol binding's binary mode (section 3.2) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent {
    /// `ce_id`: unique among the events of one source.
    pub id: Uuid,
    /// `ce_source`: which process speaks; a URI reference, not empty.
    pub source: String,
    /// `ce_type`: what happened; not empty.
    pub kind: String,
    /// `ce_subject`: what it happened to, inside the source; not empty if given.
    pub subject: Option<String>,
    /// `ce_time`: when it happened, by the source's clock.
    pub time: Timestamp,
    /// `ce_dataschema`: a URI of the payload's schema; not empty if given.
    pub dataschema: Option<String>,
    /// `traceparent`: W3C Trace Context, section 3.2.
    pub traceparent: Option<String>,
}

/// The headers are not those of an event that this service writes. The text
/// names the header, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A required header is absent.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header that may stand once stands more often.
    #[error("header {0} is repeated")]
    Repeated(&'static str),
    /// A header's value is not UTF-8, is empty, or has another form than its
    /// standard asks for.
    #[error("header {name} is not {expected}")]
    Invalid {
        /// The header.
        name: &'static str,
        /// What its value must be.
        expected: &'static str,
    },
}

impl CloudEvent {
    /// Checks what the types can't: required attributes are not empty, the
    /// trace context is well formed.
    ///
    /// # Errors
    /// The first header that a reader would refuse.
    pub fn validate(&self) -> Result<(), HeaderError> {
        let texts = [
            ("ce_source", Some(&self.source)),
            ("ce_type", Some(&self.kind)),
            ("ce_subject", self.subject.as_ref()),
            ("ce_dataschema", self.dataschema.as_ref()),
        ];
        if let Some((name, _)) = texts
            .into_iter()
            .find(|(_, text)| text.is_some_and(String::is_empty))
        {
            return Err(HeaderError::Invalid {
                name,
                expected: "a text that is not empty",
            });
        }
        match &self.traceparent {
            Some(text) if !is_traceparent(text) => Err(HeaderError::Invalid {
                name: "traceparent",
                expected: "a W3C trace context",
            }),
            _ => Ok(()),
        }
    }

    /// The headers of a record that carries this event.
    pub fn to_headers(&self) -> Vec<(String, Bytes)> {
        let required = [
            ("ce_specversion", SPEC_VERSION.to_owned()),
            ("ce_id", self.id.to_string()),
            ("ce_source", self.source.clone()),
            ("ce_type", self.kind.clone()),
            ("ce_time", self.time.to_string()),
            ("content-type", CONTENT_TYPE.to_owned()),
        ];
        let optional = [
            ("ce_subject", &self.subject),
            ("ce_dataschema", &self.dataschema),
            ("traceparent", &self.traceparent),
        ];
        required
            .into_iter()
            .chain(
                optional
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value.clone()?))),
            )
            .map(|(name, value)| (name.to_owned(), Bytes::from(value)))
            .collect()
    }

    /// Reads the event back. Headers that are not named here are extensions and
    /// are ignored; so is a malformed `traceparent`, as its standard asks.
    ///
    /// # Errors
    /// The first header that is missing, repeated or malformed.
    pub fn from_headers(headers: &[(String, Bytes)]) -> Result<Self, HeaderError> {
        let version = required(headers, "ce_specversion")?;
        if version != SPEC_VERSION {
            return Err(HeaderError::Invalid {
                name: "ce_specversion",
                expected: SPEC_VERSION,
            });
        }
        if required(headers, "content-type")? != CONTENT_TYPE {
            return Err(HeaderError::Invalid {
                name: "content-type",
                expected: CONTENT_TYPE,
            });
        }
        let id = required(headers, "ce_id")?
            .parse()
            .map_err(|_| HeaderError::Invalid {
                name: "ce_id",
                expected: "a UUID",
            })?;
        let time = required(headers, "ce_time")?
            .parse()
            .map_err(|_| HeaderError::Invalid {
                name: "ce_time",
                expected: "an RFC 3339 time",
            })?;
        Ok(Self {
            id,
            source: required(headers, "ce_source")?.to_owned(),
            kind: required(headers, "ce_type")?.to_owned(),
            subject: optional(headers, "ce_subject")?.map(str::to_owned),
            time,
            dataschema: optional(headers, "ce_dataschema")?.map(str::to_owned),
            traceparent: optional(headers, "traceparent")
                .ok()
                .flatten()
                .filter(|text| is_traceparent(text))
                .map(str::to_owned),
        })
    }
}

fn required<'a>(
    headers: &'a [(String, Bytes)],
    name: &'static str,
) -> Result<&'a str, HeaderError> {
    optional(headers, name)?.ok_or(HeaderError::Missing(name))
}

pub(crate) fn optional<'a>(
    headers: &'a [(String, Bytes)],
    name: &'static str,
) -> Result<Option<&'a str>, HeaderError> {
    let mut values = headers.iter().filter(|(header, _)| header == name);
    let Some((_, value)) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(HeaderError::Repeated(name));
    }
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() => Ok(Some(text)),
        _ => Err(HeaderError::Invalid {
            name,
            expected: "a text that is not empty",
        }),
    }
}

#[cfg(test)]
mod tests {
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
}
