//! `SearchAccess` as auditors call it: some at once, each with a filter of its own, and the page behind.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use harness::clients::Auditor;
use harness::fixtures;
use harness::site::Site;
use hdrhistogram::Histogram;
use jiff::{SignedDuration, Timestamp};
use proto::access::SearchAccessRequest;
use proto::events::Automation;
use records::timestamp_to_wire;
use tokio::task::JoinSet;

use super::READER;
use super::filled::SPAN;
use super::records::{RESIDENTS, device_id, mixed, resident};

/// Auditors at once.
pub(super) const AUDITORS: u64 = 4;
/// Searches of each.
pub(super) const SEARCHES: u64 = 150;

/// The time of each page, in microseconds.
///
/// # Errors
/// A search is refused.
pub(super) async fn measure(site: &Site) -> Result<Histogram<u64>> {
    let mut searching = JoinSet::new();
    for number in 0..AUDITORS {
        let auditor = Arc::new(Auditor::connect(site, READER).await?);
        searching.spawn(async move {
            let mut taken = Histogram::<u64>::new(3)?;
            for search in 0..SEARCHES {
                let mut request = any(mixed(number * SEARCHES + search));
                for _page in 0..2 {
                    let call = auditor.request(request.clone())?;
                    let begun = Instant::now();
                    let answer = auditor.audit.clone().search_access(call).await?;
                    taken.record(u64::try_from(begun.elapsed().as_micros())?)?;
                    request.page_token = answer.into_inner().next_page_token;
                    if request.page_token.is_empty() {
                        break;
                    }
                }
            }
            anyhow::Ok(taken)
        });
    }
    let mut all = Histogram::<u64>::new(3)?;
    while let Some(taken) = searching.join_next().await {
        all.add(taken??)?;
    }
    Ok(all)
}

/// Some days of a complex: everything, or only a resident, a device, or automatic ones.
pub(super) fn any(number: u64) -> SearchAccessRequest {
    let at = |shift: u32, of: usize| (mixed(number) >> shift) as usize % of;
    let complex = at(0, fixtures::COMPLEXES.len());
    let back = SPAN / 90 * i32::try_from(at(4, 90)).unwrap_or_default();
    let until = Timestamp::now() - back + SignedDuration::from_secs(1);
    let days = [1, 7, 30][at(12, 3)];
    let mut request = SearchAccessRequest {
        complex_id: super::records::complex_id(complex),
        from: Some(timestamp_to_wire(
            until - SignedDuration::from_hours(24 * days),
        )),
        until: Some(timestamp_to_wire(until)),
        ..SearchAccessRequest::default()
    };
    match at(16, 4) {
        0 => request.subject_ref = resident(complex, at(20, RESIDENTS)).to_string(),
        1 => request.device_id = device_id(complex, at(20, 64)),
        2 => request.automation = Automation::Automatic.into(),
        _ => {}
    }
    request
}
