//! What has been kept long enough is deleted; the data key is replaced when it is old.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::command::Desk;
use crate::oauth::Tokens;
use crate::store::{StoreError, Table};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub(crate) async fn run(
    desk: Arc<Desk>,
    tokens: Arc<Tokens>,
    rotation_days: u32,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        tokens.forget_expired(desk.clock.now());
        if let Err(error) = tidy(&desk).await {
            tracing::error!(%error, "housekeeping failed");
        }
        if let Err(error) = rotate(&desk, rotation_days).await {
            tracing::error!(%error, "the data key could not be replaced");
        }
    }
}

async fn tidy(desk: &Arc<Desk>) -> Result<(), StoreError> {
    let (now, at_work) = (desk.clock.now(), desk.clone());
    let deleted = desk.store.run(move |tx| {
        let mut deleted = 0;
        for table in [Table::Commands, Table::AccessTokens, Table::Deliveries] {
            deleted += tx.purge(table, now)?;
        }
        for complex in at_work.fleet.complexes() {
            deleted += at_work.book.prune(tx, complex, now)?;
        }
        Ok(deleted)
    });
    let deleted = deleted.await?;
    if deleted > 0 {
        tracing::info!(deleted, "records deleted");
    }
    Ok(())
}

async fn rotate(desk: &Desk, rotation_days: u32) -> Result<(), StoreError> {
    let (now, rotated_at) = (
        desk.clock.now(),
        desk.store.run(|tx| Ok(tx.key_rotated_at())).await?,
    );
    if now.duration_since(rotated_at) >= SignedDuration::from_hours(24 * i64::from(rotation_days)) {
        let version = desk.store.rotate(now).await?;
        tracing::info!(version, "data key replaced");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::clock::Clock;
    use crate::command::{Authority, Limits, StateName};
    use crate::config::Config;
    use crate::devices::Fleet;
    use crate::events::{Book, DoorAlarm, Happening, Page};
    use crate::ids::{CommandId, ComplexId};
    use crate::journal::Journal;
    use crate::store::Store;

    fn desk(folder: &std::path::Path) -> Arc<Desk> {
        let file = folder.join("partner.toml");
        std::fs::write(&file, include_str!("../example.toml")).unwrap();
        let config = Config::load(&file).unwrap();
        let clock = Arc::new(Clock::new());
        let store = Store::open(&config.store, clock.now()).unwrap();
        let journal = Arc::new(Journal::open(&config.journal.path).unwrap());
        let fleet = Arc::new(Fleet::new(&config.complexes));
        let kept = Duration::from_secs(3600);
        let book = Book {
            withheld: Arc::default(),
            partner: config.partner,
            kept,
            send: false,
        };
        let second = Duration::from_secs(1);
        let limits = Limits {
            in_progress: 1,
            cancel_wait: second,
            max_validity: second,
        };
        Arc::new(Desk::new(store, journal, fleet, book, clock, limits))
    }

    #[tokio::test]
    async fn a_forbidden_id_is_remembered_for_seven_days() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path());
        let (id, complex) = (
            CommandId::from(uuid::Uuid::now_v7()),
            ComplexId::parse("sunrise").unwrap(),
        );
        let authority = Authority {
            complex: complex.clone(),
            operations: Vec::new(),
        };
        desk.cancel(id, authority).await.unwrap().unwrap();
        for (hours, known) in [(7 * 24 - 1, true), (7 * 24 + 1, false)] {
            desk.clock.shift(SignedDuration::from_hours(hours));
            tidy(&desk).await.unwrap();
            let status = desk.status(id, &complex).await.unwrap().unwrap();
            assert_eq!(
                status.map(|status| status.state),
                known.then_some(StateName::Cancelled)
            );
        }
    }

    #[tokio::test]
    async fn events_are_pruned_and_a_cursor_before_the_gap_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path());
        let complex = ComplexId::parse("sunrise").unwrap();
        let append = async |desk: &Arc<Desk>| {
            let (at_work, now) = (desk.clone(), desk.clock.now());
            let appended = desk.store.run(move |tx| {
                let (complex, device) = at_work.fleet.all().next().unwrap();
                let alarm = Happening::ForcedOpen(DoorAlarm { occurred_at: now });
                at_work.book.append(tx, complex, device, &alarm, now)
            });
            appended.await.unwrap();
        };
        let page = async |desk: &Arc<Desk>, after: Option<String>| {
            let (book, complex) = (desk.book.clone(), complex.clone());
            desk.store
                .run(move |tx| book.page(tx, &complex, after.as_deref(), 1))
                .await
                .unwrap()
        };
        append(&desk).await;
        append(&desk).await;
        let Page::Events(_, first) = page(&desk, None).await else {
            panic!()
        };
        let Page::Events(_, second) = page(&desk, Some(first.clone())).await else {
            panic!()
        };
        desk.clock.shift(SignedDuration::from_hours(2));
        append(&desk).await;
        tidy(&desk).await.unwrap();
        assert!(matches!(
            page(&desk, Some(first)).await,
            Page::CursorExpired
        ));
        for after in [Some(second), None] {
            let Page::Events(events, _) = page(&desk, after).await else {
                panic!()
            };
            assert!(events[0].contains("\"sequence\":3"), "{events:?}");
        }
    }

    #[tokio::test]
    async fn an_old_data_key_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path());
        rotate(&desk, 90).await.unwrap();
        desk.clock.shift(SignedDuration::from_hours(24 * 91));
        rotate(&desk, 90).await.unwrap();
        rotate(&desk, 90).await.unwrap();
        let mark = desk.store.run(|tx| Ok(tx.key_rotated_at())).await.unwrap();
        assert!(mark >= desk.clock.now() - SignedDuration::from_mins(1));
    }
}
