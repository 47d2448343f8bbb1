//! From the parts of a request to typed values; what is wrong is named, never repeated.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::credentials::InvalidToken;
use crate::ids::{CommandId, ComplexId, CredentialId, DeviceId, InvalidId};
use crate::problem::{Kind, Problem};

/// Reads one path parameter.
macro_rules! in_path {
    ($name:ident, $id:ty, $parameter:literal) => {
        /// The id in the path.
        pub(crate) struct $name(pub(crate) $id);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let wrong = |error: InvalidId| {
                    Problem::field(concat!("path:", $parameter), error.to_string())
                };
                let parameters =
                    Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
                let parameters = parameters.map_err(|_| wrong(InvalidId::Slug))?;
                let text = parameters.iter().find(|(name, _)| name == $parameter);
                let text = text.map_or("", |(_, value)| value.as_str());
                <$id>::parse(text).map(Self).map_err(wrong)
            }
        }
    };
}

in_path!(InComplex, ComplexId, "complex");
in_path!(OfDevice, DeviceId, "device");
in_path!(OfCommand, CommandId, "command_id");
in_path!(OfCredential, CredentialId, "credential");

/// The command id in `Idempotency-Key`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<CommandId, Problem> {
    let wrong = || Problem::field("header:Idempotency-Key", InvalidId::Uuid.to_string());
    let mut values = headers.get_all("idempotency-key").iter();
    let value = values
        .next()
        .filter(|_| values.next().is_none())
        .ok_or_else(wrong)?;
    CommandId::parse(value.to_str().map_err(|_| wrong())?).map_err(|_| wrong())
}

/// A JSON body of which every member is known.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(is_json);
        if !json {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "Send application/json.",
            ));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::new(Kind::BodyTooLarge, "Send at most 64 KiB."))?;
        let mut deserializer = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| describe(&error))?;
        deserializer
            .end()
            .map_err(|_| Problem::field("", "one JSON object and nothing after it"))?;
        Ok(Self(value))
    }
}

fn is_json(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    text.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Points at the member; of serde's message only what comes from our own types is passed on.
fn describe(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    let message = error.inner().to_string();
    if let Some(missing) = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next())
    {
        return Problem::field(format!("{pointer}/{missing}"), "required");
    }
    if message.starts_with("unknown field") {
        // The member's own name was sent by the client: name the object that holds it instead.
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        pointer = parent.to_owned();
    }
    let expected = expected(&message);
    let detail = match (message.starts_with("unknown field"), expected) {
        (true, Some(members)) => format!("has an unknown member; the members are {members}"),
        (true, None) => "has an unknown member; there is none in the contract".to_owned(),
        (false, Some(form)) => format!("expected {form}"),
        (false, None) => "not of the form that the contract says".to_owned(),
    };
    Problem::field(pointer, detail)
}

/// What was expected, if the message is one whose end can't hold anything that was sent.
fn expected(message: &str) -> Option<&str> {
    const BY_SERDE: [&str; 5] = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown field",
        "unknown variant",
    ];
    let message = &message[..message.rfind(" at line ").unwrap_or(message.len())];
    let own = [InvalidId::Slug, InvalidId::Device, InvalidId::Uuid].map(|error| error.to_string());
    let by_us = own.iter().any(|text| text == message) || message == InvalidToken.to_string();
    let known = by_us || BY_SERDE.iter().any(|start| message.starts_with(start));
    message
        .rsplit_once("expected ")
        .map(|(_, expected)| expected)
        .filter(|_| known)
}

/// A page: where to go on, and how much.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPage {
    after: Option<String>,
    limit: Option<usize>,
}

/// A page with its limit within `MAX`, `DEFAULT` where absent.
pub(crate) struct Paging<const DEFAULT: usize, const MAX: usize> {
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl<S: Send + Sync, const DEFAULT: usize, const MAX: usize> FromRequestParts<S>
    for Paging<DEFAULT, MAX>
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(page) = Query::<RawPage>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::field("query:", "after and limit only, limit a number"))?;
        let limit = page.limit.unwrap_or(DEFAULT);
        if !(1..=MAX).contains(&limit) {
            return Err(Problem::field("query:limit", format!("1 to {MAX}")));
        }
        Ok(Self {
            after: page.after,
            limit,
        })
    }
}

/// `invalid-request` for a cursor.
pub(crate) fn bad_cursor() -> Problem {
    Problem::field(
        "query:after",
        "a cursor from next of an earlier answer for this complex",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        version: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        list: Vec<Inner>,
        #[allow(dead_code)]
        at: jiff::Timestamp,
    }

    fn refused(body: &str) -> String {
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let error = serde_path_to_error::deserialize::<_, Outer>(&mut deserializer).unwrap_err();
        format!("{:?}", describe(&error))
    }

    #[test]
    fn errors_point_at_the_field_and_never_repeat_what_was_sent() {
        let time = r#""at":"2026-01-01T00:00:00Z""#;
        let cases = [
            (r#"{"list":[]}"#.to_owned(), "/at", "required"),
            (
                format!(r#"{{"list":[{{"version":"CANARY"}}],{time}}}"#),
                "/list/0/version",
                "expected u32",
            ),
            (
                format!(r#"{{"list":[{{"version":1,"CANARY":2}}],{time}}}"#),
                "\"/list/0\"",
                "the members are `version`",
            ),
            (
                format!(r#"{{"list":[],{time},"CANARY":"CANARY"}}"#),
                "\"\"",
                "`list` or `at`",
            ),
            (r#"{"list":[],"at":"CANARY"}"#.to_owned(), "/at", ""),
            ("CANARY".to_owned(), "\"\"", ""),
        ];
        for (body, field, detail) in cases {
            let problem = refused(&body);
            assert!(
                problem.contains(field) && problem.contains(detail),
                "{body}: {problem}"
            );
            assert!(!problem.contains("CANARY"), "{body}: {problem}");
        }
    }
}
