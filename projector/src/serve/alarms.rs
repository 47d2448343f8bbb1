//! Searching alarms, and the devices that are stale now.

use jiff::Timestamp;
use proto::access::{AlarmKind, SearchAlarmsRequest, SearchAlarmsResponse};

use super::Serving;
use super::auth::Readable;
use super::parse::AlarmSearch;
use super::search::start;
use super::status::Refusal;
use crate::store::{AccessCursor, AlarmQuery};

pub(super) async fn search(
    serving: &Serving,
    readable: &Readable,
    request: &SearchAlarmsRequest,
    asked: &AlarmSearch,
) -> Result<SearchAlarmsResponse, Refusal> {
    let (views, query, most) = (&serving.views, &asked.query, asked.page_size);
    let after = start(serving, request, &request.page_token)?;
    let mut stale = Vec::new();
    if after.is_none() && wants(query, AlarmKind::Stale) {
        let devices = views.devices(readable.complex()).await?;
        let asked = |device| query.device.as_ref().is_none_or(|asked| asked == device);
        let devices = devices.iter().filter(|row| asked(&row.device));
        stale.extend(serving.freshness.stale(devices, Timestamp::now()));
    }
    let mut rows = views.alarms(query, after, most + 1).await?;
    let more = rows.len() > most;
    rows.truncate(most);
    let last = rows.last().filter(|_| more).map(AccessCursor::of_alarm);
    Ok(SearchAlarmsResponse {
        alarms: rows.into_iter().map(|row| row.alarm).collect(),
        next_page_token: last
            .map(|cursor| serving.paging.seal(request, cursor))
            .unwrap_or_default(),
        stale,
        log_state: None,
    })
}

fn wants(query: &AlarmQuery, kind: AlarmKind) -> bool {
    query.kinds.is_empty() || query.kinds.contains(&kind)
}
