//! What every view store has to do. An adapter is tested by running [`suite`] with a way to
//! make empty stores; nothing in here knows which engine it is.

use std::sync::Arc;

use auditlog::{Head, HeadError, LogId};
use domain::event::DeviceSequence;
use domain::id::EventId;
use domain::vocabulary::{Automation, Outcome, Verdict};
use eventlog::{Position, Topic};
use jiff::{SignedDuration, Timestamp};
use projector::store::{
    self, AccessCursor, AccessQuery, Halt, Progress, StoreError, Table, ViewStore,
};
use projector::views::{
    AccessIdentity, AccessRow, ClaimRow, CompletionRow, DeviceRow, DigestRow, LeafRow, RowWrite,
    UnreadableRow,
};
use proto::access::{AccessRecord, DeviceStatus};
use uuid::Uuid;

use crate::fixture::{at, command, complex, device};

mod alarms;
mod counts;
mod hours;
mod pruned;
mod reads;
mod searches;
mod state;

use alarms::*;
use counts::*;
use hours::*;
#[cfg(feature = "cassandra")]
pub use pruned::pruned_rows_never_come_back;
use pruned::*;
use reads::*;
use searches::*;
use state::*;

/// Runs every case against a store of its own.
pub async fn suite(make: impl AsyncFn() -> Arc<dyn ViewStore>) {
    searches_page_through_newest_first(&*make().await).await;
    searches_keep_to_what_is_asked(&*make().await).await;
    the_first_access_of_an_identity_stays(&*make().await).await;
    contents_under_one_id_are_told_apart(&*make().await).await;
    commands_have_all_their_rows(&*make().await).await;
    devices_follow_their_own_order(&*make().await).await;
    leaves_are_found_before_an_offset(&*make().await).await;
    progress_never_goes_back(&*make().await).await;
    heads_move_only_from_where_they_are(&*make().await).await;
    halts_are_kept_until_resumed(&*make().await).await;
    rows_come_back_as_they_were(&*make().await).await;
    counts_are_of_what_was_recorded(&*make().await).await;
    alarms_are_found_newest_first_in_pages(&*make().await).await;
    a_device_history_has_every_report_once(&*make().await).await;
    reads_are_found_by_whom_they_are_of(&*make().await).await;
    hours_count_everything_once(&*make().await).await;
    rows_go_with_their_records_and_no_others(make().await).await;
    what_comes_late_stands_where_all_was_pruned(make().await).await;
}

#[tokio::test]
async fn view_store_contract_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    suite(async || {
        let name = format!("sqlite://{}/{}.db", folder.path().display(), Uuid::now_v7());
        store::open(&name.parse().unwrap()).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn view_store_contract_on_scratch_sqlite() {
    suite(async || store::scratch().await.unwrap()).await;
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_wrote_and_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/views.db", folder.path().display())
        .parse()
        .unwrap();
    let reader = store::open_reader(&url).unwrap();
    let progress = || reader.progress(Topic::AccessEvents, 1);
    assert!(matches!(progress().await, Err(StoreError::Unavailable(_))));
    let writer = store::open(&url).await.unwrap();
    assert_eq!(progress().await.unwrap(), None);
    apply(&*writer, vec![]).await;
    assert_eq!(
        reader.progress(Topic::AccessEvents, 0).await.unwrap(),
        Some(0)
    );
    drop(writer);
    let again = store::open(&url).await.unwrap();
    assert_eq!(
        again
            .reader()
            .progress(Topic::AccessEvents, 0)
            .await
            .unwrap(),
        Some(0)
    );
}

#[test]
fn only_supported_urls_are_taken() {
    for url in [
        "postgres://h/d",
        "sqlite:relative",
        "sqlite://host/x",
        "sqlite:///x?mode=ro",
        "sqlite:///",
    ] {
        assert!(store::check_url(&url.parse().unwrap()).is_err(), "{url}");
    }
}

async fn apply(store: &dyn ViewStore, rows: Vec<RowWrite>) {
    let progress = Progress {
        topic: Topic::AccessEvents,
        partition: 0,
        next: 0,
    };
    store.apply(rows, progress).await.unwrap();
}

fn event(number: u128) -> EventId {
    EventId(Uuid::from_u128(number))
}

fn access(offset: u64, occurred_at: Timestamp) -> AccessRow {
    let event = event(offset.into());
    AccessRow {
        complex: complex("sunrise"),
        identity: AccessIdentity::of_event(event),
        event,
        offset,
        occurred_at,
        subject: Some(Uuid::from_u128(u128::from(offset % 2))),
        device: Some(device(if offset.is_multiple_of(3) {
            "sunrise.gate"
        } else {
            "sunrise.door"
        })),
        automation: Automation::from_number(i32::try_from(offset % 3).unwrap()),
        command: None,
        record: AccessRecord {
            event_id: event.to_string(),
            leaf_index: offset,
            ..Default::default()
        },
    }
}

fn write(row: AccessRow) -> RowWrite {
    RowWrite::Access(Box::new(row))
}

fn query(complex: &str) -> AccessQuery {
    AccessQuery {
        complex: self::complex(complex),
        from: None,
        until: None,
        subject: None,
        device: None,
    }
}
