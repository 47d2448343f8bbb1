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
#[path = "cloudevent_tests.rs"]
mod tests;
