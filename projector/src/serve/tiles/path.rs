//! What a request's path asks for. Read strictly and before anything else sees it: bytes that are
//! not exactly the path of an object are none, whatever they would mean to others.

use auditlog::{LogId, PublishedObject};
use axum::http::Uri;
use domain::ComplexId;
use eventlog::Topic;

use crate::views::has_leaves;

/// An object of a log, well formed; neither need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The log.
    pub log: LogId,
    /// Whose records the log holds; none of the log of what has no complex, which nobody may read.
    pub complex: Option<ComplexId>,
    /// The object.
    pub object: PublishedObject,
}

impl Asked {
    /// What `/<topic>/<complex>/<object>` asks for. Nothing is decoded, and a query is no part of
    /// any object's name.
    pub fn parse(uri: &Uri) -> Option<Self> {
        if uri.query().is_some() {
            return None;
        }
        Self::of(uri.path())
    }

    /// As [`parse`](Self::parse), of a path.
    pub fn of(path: &str) -> Option<Self> {
        let (topic, rest) = path.strip_prefix('/')?.split_once('/')?;
        let (complex, object) = rest.split_once('/')?;
        let topic = Topic::ALL
            .into_iter()
            .find(|known| has_leaves(*known) && known.name() == topic)?;
        let object = PublishedObject::parse(object)?;
        let log = LogId::named(topic.name(), complex).ok()?;
        let complex = match log.unkeyed_partition() {
            Some(_) => None,
            None => Some(complex.parse().ok()?),
        };
        Some(Self {
            log,
            complex,
            object,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Option<Asked> {
        Asked::parse(&text.parse().ok()?)
    }

    #[test]
    fn an_object_of_a_log() {
        let asked = parse("/access.events.v1/sunrise/tile/entries/x001/234.p/7").unwrap();
        assert_eq!(asked.log.to_string(), "access.events.v1/sunrise");
        assert_eq!(asked.complex, Some("sunrise".parse().unwrap()));
        let (index, width) = (1234, 7);
        assert_eq!(asked.object, PublishedObject::Entries { index, width });
        let shared = parse("/registry.events.v1/_partition-2/checkpoint").unwrap();
        assert_eq!(
            (shared.log.complex(), shared.complex),
            ("_partition-2", None)
        );
        assert!(parse("/access.events.v1/unassigned/checkpoint").is_some());
    }

    #[test]
    fn nothing_else() {
        for path in [
            "/",
            "/checkpoint",
            "/access.events.v1/sunrise",
            "/access.events.v1/sunrise/",
            "/access.events.v1//checkpoint",
            "//access.events.v1/sunrise/checkpoint",
            "/access.events.v1/sunrise/checkpoint/",
            "/access.events.v1/sunrise/checkpoint?",
            "/access.events.v1/sunrise/checkpoint?a=b",
            "/access.events.v1/sunrise/%63heckpoint",
            "/access.events.v1/../sunrise/checkpoint",
            "/access.events.v1/./checkpoint",
            "/access.events.v1/%2e%2e/checkpoint",
            "/access.events.v1/sunrise/../moonlight/checkpoint",
            "/access.events.v1/Sunrise/checkpoint",
            "/access.events.v1/_partition-02/checkpoint",
            "/access.events.v1/_partition-+2/checkpoint",
            "/access.events.v1/_partition-/checkpoint",
            "/access.events.v1/sunrise/offset/000",
            "/access.events.v1/sunrise/tile/8/0/000",
            "/device.status.v1/sunrise/checkpoint",
            "/subjects.v1/sunrise/checkpoint",
            "/nowhere/sunrise/checkpoint",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
