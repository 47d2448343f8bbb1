//! Requests as they come to what is asked; every wrong field is named.

use std::str::FromStr;

use auditlog::LogId;
use domain::id::{ComplexId, DeviceId, EventId, SubjectRef};
use eventlog::Topic;
use jiff::Timestamp;
use proto::access::{
    AlarmKind, DeviceHistoryRequest, GetCompletenessRequest, LogKind, SearchAccessRequest,
    SearchAlarmsRequest, SearchReadsRequest,
};
use uuid::Uuid;

use super::fields::Fields;
use super::status::Refusal;
use super::wanted::Wanted;
use crate::store::{AccessQuery, AlarmQuery, ReadQuery, StatusQuery};
use crate::views::ReadScope;

/// A search as it is asked.
pub(super) struct Search {
    pub(super) query: AccessQuery,
    pub(super) event: Option<EventId>,
    pub(super) wanted: Wanted,
    pub(super) page_size: usize,
}

pub(super) fn search(request: &SearchAccessRequest) -> Result<Search, Refusal> {
    let mut fields = Fields::default();
    let complex: Option<ComplexId> = fields.parse("complex_id", &request.complex_id);
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    let subject: Option<SubjectRef> = fields.parse_some("subject_ref", &request.subject_ref);
    let device = fields.device_of(complex.as_ref(), &request.device_id);
    let page_size = fields.page_size(request.page_size);
    let event = fields.parse_some("event_id", &request.event_id);
    let wanted = Wanted::read(&mut fields, request);
    let query = complex.map(|complex| AccessQuery {
        complex,
        from,
        until,
        subject: subject.map(|subject| subject.0),
        device,
    });
    fields.done(query.map(|query| Search {
        query,
        event,
        wanted,
        page_size,
    }))
}

/// Which device of the complex, and from when on.
pub(super) fn completeness(
    request: &GetCompletenessRequest,
) -> Result<(Option<DeviceId>, Option<Timestamp>), Refusal> {
    let mut fields = Fields::default();
    let device: Option<DeviceId> = fields.parse_some("device_id", &request.device_id);
    let complex = request.complex_id.as_str();
    if device
        .as_ref()
        .is_some_and(|device| device.complex().as_str() != complex)
    {
        fields.wrong("device_id", "not a device of `complex_id`");
    }
    let from = fields.time("from", request.from.as_ref());
    fields.done(Some((device, from)))
}

/// A search for alarms as it is asked.
pub(super) struct AlarmSearch {
    pub(super) query: AlarmQuery,
    pub(super) page_size: usize,
}

pub(super) fn alarms(request: &SearchAlarmsRequest) -> Result<AlarmSearch, Refusal> {
    let mut fields = Fields::default();
    let complex: Option<ComplexId> = fields.parse("complex_id", &request.complex_id);
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    let mut kinds: Vec<AlarmKind> = request.kinds().collect();
    let known = request
        .kinds
        .iter()
        .all(|kind| *kind != 0 && AlarmKind::try_from(*kind).is_ok());
    if !known {
        fields.wrong("kinds", "not a value of this enum");
    }
    kinds.sort_unstable();
    kinds.dedup();
    let device = fields.device_of(complex.as_ref(), &request.device_id);
    let page_size = fields.page_size(request.page_size);
    let query = complex.map(|complex| AlarmQuery {
        complex,
        from,
        until,
        device,
        kinds,
    });
    fields.done(query.map(|query| AlarmSearch { query, page_size }))
}

/// A search for reads as it is asked.
pub(super) struct ReadSearch {
    pub(super) query: ReadQuery,
    pub(super) page_size: usize,
}

pub(super) fn reads(request: &SearchReadsRequest) -> Result<ReadSearch, Refusal> {
    let mut fields = Fields::default();
    let complex: Option<ComplexId> = fields.parse("complex_id", &request.complex_id);
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    let reader: Option<Uuid> = fields.parse_some("reader", &request.reader);
    let about: Option<Uuid> = fields.parse_some("about", &request.about);
    if reader.is_some() && about.is_some() {
        fields.wrong("about", "not together with `reader`");
    }
    let page_size = fields.page_size(request.page_size);
    let scope = match (reader, about) {
        (Some(reader), _) => ReadScope::By(reader),
        (None, Some(subject)) => ReadScope::About(subject),
        (None, None) => ReadScope::Complex,
    };
    let query = complex.map(|complex| ReadQuery {
        complex,
        scope,
        from,
        until,
    });
    fields.done(query.map(|query| ReadSearch { query, page_size }))
}

/// A device's history as it is asked.
pub(super) struct HistorySearch {
    pub(super) query: StatusQuery,
    pub(super) page_size: usize,
}

pub(super) fn history(request: &DeviceHistoryRequest) -> Result<HistorySearch, Refusal> {
    let mut fields = Fields::default();
    let device = fields.parse("device_id", &request.device_id);
    let (from, until) = fields.span(request.from.as_ref(), request.until.as_ref());
    let page_size = fields.page_size(request.page_size);
    let query = device.map(|device| StatusQuery {
        device,
        from,
        until,
    });
    fields.done(query.map(|query| HistorySearch { query, page_size }))
}

/// One field, an id.
pub(super) fn id<T: FromStr<Err: ToString>>(field: &str, text: &str) -> Result<T, Refusal> {
    let mut fields = Fields::default();
    let id = fields.parse(field, text);
    fields.done(id)
}

pub(super) fn record(complex: &str, event: &str) -> Result<(ComplexId, EventId), Refusal> {
    let mut fields = Fields::default();
    let complex = fields.parse("complex_id", complex);
    let event = fields.parse("event_id", event);
    fields.done(complex.zip(event))
}

/// A complex, and the topic whose log of it is asked for.
pub(super) fn log(complex: &str, kind: i32) -> Result<(ComplexId, Topic), Refusal> {
    let mut fields = Fields::default();
    let complex = fields.parse("complex_id", complex);
    let topic = match LogKind::try_from(kind) {
        Ok(LogKind::Unspecified | LogKind::Access) => Some(Topic::AccessEvents),
        Ok(LogKind::Registry) => Some(Topic::RegistryEvents),
        Ok(LogKind::Reads) => Some(Topic::AuditReads),
        Err(_) => {
            fields.wrong("log", "not a value of this enum");
            None
        }
    };
    fields.done(complex.zip(topic))
}

/// The log of a complex in a topic.
pub(super) fn log_id(topic: Topic, complex: &ComplexId) -> Result<LogId, Refusal> {
    Ok(LogId::new(topic.name(), complex.as_str())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(request: SearchAccessRequest) -> Vec<String> {
        match search(&request) {
            Err(Refusal::Fields(violations)) => violations.into_iter().map(|v| v.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        let request = SearchAccessRequest {
            complex_id: "No Slug".into(),
            from: at(10, -1),
            until: at(i64::MAX, 0),
            subject_ref: "somebody".into(),
            device_id: "door".into(),
            outcome: 77,
            automation: -1,
            page_size: 501,
            event_id: "first".into(),
            actor: 99,
            kind: 99,
            verdict: 99,
            reason: -1,
            method: 99,
            page_token: String::new(),
        };
        let fields = wrong(request);
        assert_eq!(
            fields,
            [
                "complex_id",
                "from",
                "until",
                "subject_ref",
                "device_id",
                "page_size",
                "event_id",
                "outcome",
                "actor",
                "kind",
                "verdict",
                "reason",
                "method",
                "automation"
            ]
        );
        let backwards = SearchAccessRequest {
            complex_id: "sunrise".into(),
            from: at(10, 0),
            until: at(10, 0),
            device_id: "sunset.door".into(),
            ..SearchAccessRequest::default()
        };
        assert_eq!(wrong(backwards), ["until", "device_id"]);
    }

    #[test]
    fn what_is_left_out_is_not_asked() {
        let request = SearchAccessRequest {
            complex_id: "sunrise".into(),
            ..SearchAccessRequest::default()
        };
        let asked = search(&request).ok();
        assert!(asked.is_some_and(|asked| asked.page_size == 50
            && asked.event.is_none()
            && !asked.wanted.is_choosy()
            && asked.query.from.is_none()
            && asked.query.device.is_none()));
    }
}
