//! A request's body as CloudEvents 1.0 in the JSON format: one event, or a batch.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::value::RawValue;

use super::fault::JsonPointer;
use super::object::Object;

/// How the events stand in the body (CloudEvents JSON format, sections 3 and 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/cloudevents+json`: one event.
    Single,
    /// `application/cloudevents-batch+json`: an array of events.
    Batch,
}

impl Format {
    /// The format that the request names; none if it is another one, or not in UTF-8.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else {
            return None;
        };
        let mut parts = value.split(';').map(str::trim);
        let format = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/cloudevents+json" => Self::Single,
            "application/cloudevents-batch+json" => Self::Batch,
            _ => return None,
        };
        let utf8 = parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        });
        utf8.then_some(format)
    }
}

/// The body holds no CloudEvents, so no verdict on single events can be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCloudEvents {
    /// Somewhere it isn't what the format asks for.
    #[error("`{field}`: expected {expected}")]
    Malformed {
        /// Where.
        field: JsonPointer,
        /// What should stand there.
        expected: &'static str,
    },
    /// More events than one request may bring.
    #[error("more than {max} events in one batch")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

/// An event with the attributes that every CloudEvent has (CloudEvents 1.0, section 3.1). What
/// they and the rest say has not been checked.
#[derive(Debug)]
pub struct CloudEvent<'a> {
    /// The event exactly as it was sent.
    pub text: &'a str,
    /// All of its attributes.
    pub attributes: Object<'a>,
    /// `id`.
    pub id: Cow<'a, str>,
    /// `source`.
    pub source: Cow<'a, str>,
    /// `type`.
    pub kind: Cow<'a, str>,
}

/// The events of a body, in order; at least one, at most `max`.
///
/// # Errors
/// [`NotCloudEvents`].
pub fn parse(
    format: Format,
    body: &[u8],
    max: usize,
) -> Result<Vec<CloudEvent<'_>>, NotCloudEvents> {
    let malformed = |expected| NotCloudEvents::Malformed {
        field: JsonPointer::root(),
        expected,
    };
    let text = std::str::from_utf8(body).map_err(|_| malformed("text in UTF-8"))?;
    match format {
        Format::Single => event(text, |pointer| pointer).map(|event| vec![event]),
        Format::Batch => {
            let texts: Vec<&RawValue> =
                serde_json::from_str(text).map_err(|_| malformed("a JSON array of CloudEvents"))?;
            match texts.len() {
                0 => return Err(malformed("at least one CloudEvent")),
                count if count > max => return Err(NotCloudEvents::TooMany { max }),
                _ => {}
            }
            let events = texts.into_iter().enumerate();
            events
                .map(|(index, text)| event(text.get(), |pointer| pointer.in_batch(index)))
                .collect()
        }
    }
}

fn event(
    text: &str,
    place: impl Fn(JsonPointer) -> JsonPointer,
) -> Result<CloudEvent<'_>, NotCloudEvents> {
    let malformed = |pointer, expected| NotCloudEvents::Malformed {
        field: place(pointer),
        expected,
    };
    let attributes = Object::parse(text, "")
        .map_err(|_| malformed(JsonPointer::root(), "a CloudEvent: one JSON object"))?;
    let required = |name, expected| {
        let value = attributes.text(name).ok().filter(|text| !text.is_empty());
        value.ok_or_else(|| malformed(JsonPointer::declared("", name), expected))
    };
    let version = required("specversion", "\"1.0\"")?;
    if version != "1.0" {
        return Err(malformed(
            JsonPointer::declared("", "specversion"),
            "\"1.0\"",
        ));
    }
    let id = required("id", "a text that is not empty")?;
    let source = required("source", "a URI reference that is not empty")?;
    let kind = required("type", "a text that is not empty")?;
    Ok(CloudEvent {
        text,
        attributes,
        id,
        source,
        kind,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#;

    fn refused(format: Format, body: &str) -> String {
        parse(format, body.as_bytes(), 2).unwrap_err().to_string()
    }

    #[test]
    fn one_and_many() {
        let one = parse(Format::Single, EVENT.as_bytes(), 2).unwrap();
        assert_eq!((one.len(), one[0].text, &*one[0].id), (1, EVENT, "1"));
        let batch = format!(" [ {EVENT} ,\n{EVENT}] ");
        let many = parse(Format::Batch, batch.as_bytes(), 2).unwrap();
        assert_eq!(many.len(), 2);
        assert_eq!(
            many[1].text, EVENT,
            "verbatim, without what stands around it"
        );
    }

    #[test]
    fn what_is_no_cloudevent_is_named() {
        for body in ["", "{", "[]", "1", r#"{"a":1}{"a":1}"#, "\u{feff}{}"] {
            assert!(
                refused(Format::Single, body).contains("one JSON object"),
                "{body}"
            );
        }
        for (attribute, broken) in [
            (
                "specversion",
                r#""specversion":"0.3","id":"1","source":"s","type":"t""#,
            ),
            ("specversion", r#""id":"1","source":"s","type":"t""#),
            ("id", r#""specversion":"1.0","source":"s","type":"t""#),
            (
                "id",
                r#""specversion":"1.0","id":"","source":"s","type":"t""#,
            ),
            (
                "id",
                r#""specversion":"1.0","id":7,"source":"s","type":"t""#,
            ),
            (
                "source",
                r#""specversion":"1.0","id":"1","source":null,"type":"t""#,
            ),
            ("type", r#""specversion":"1.0","id":"1","source":"s""#),
        ] {
            let told = refused(Format::Single, &format!("{{{broken}}}"));
            assert!(told.starts_with(&format!("`/{attribute}`")), "{told}");
            let told = refused(Format::Batch, &format!("[{EVENT},{{{broken}}}]"));
            assert!(told.starts_with(&format!("`/1/{attribute}`")), "{told}");
        }
        assert!(refused(Format::Batch, &format!("[{EVENT},3]")).starts_with("`/1`"));
        assert!(refused(Format::Batch, "[]").contains("at least one"));
        assert!(refused(Format::Batch, EVENT).contains("JSON array"));
        assert!(
            refused(Format::Batch, &format!("[{EVENT},{EVENT},{EVENT}]")).contains("more than 2")
        );
        assert!(
            parse(Format::Single, b"\xff", 2)
                .unwrap_err()
                .to_string()
                .contains("UTF-8")
        );
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let body = EVENT.replace('}', &format!(r#","data":{deep}}}"#));
        // Either answer will do; the stack must hold.
        let _ = parse(Format::Single, body.as_bytes(), 2);
    }

    #[test]
    fn formats_by_content_type() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            Format::of(&headers)
        };
        assert_eq!(of("application/cloudevents+json"), Some(Format::Single));
        assert_eq!(
            of("Application/CloudEvents+JSON; charset=UTF-8"),
            Some(Format::Single)
        );
        assert_eq!(
            of("application/cloudevents-batch+json;charset=\"utf-8\""),
            Some(Format::Batch)
        );
        for other in [
            "application/json",
            "application/cloudevents+json; charset=latin1",
            "text/plain",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Format::of(&HeaderMap::new()), None);
    }
}
