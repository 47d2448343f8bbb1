//! One transaction for all who wait to write: each has to be flushed to the disk, and the partitions of
//! a batch are written side by side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::generations::Fence;
use super::super::{Progress, StoreError};
use super::connections::Connections;
use super::{root, rows, write};
use crate::views::RowWrite;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Queue(Mutex<Vec<Waiting>>);

struct Waiting {
    rows: Vec<RowWrite>,
    progress: Progress,
    written: oneshot::Sender<Result<(), StoreError>>,
}

impl Queue {
    /// Writes rows and progress, in one transaction with whatever else waits then.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of it is written, or all.
    pub(super) async fn write(
        self: &Arc<Self>,
        writer: &Arc<Connections>,
        fence: Option<Fence>,
        rows: Vec<RowWrite>,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let (written, mut answer) = oneshot::channel();
        self.waiting().push(Waiting {
            rows,
            progress,
            written,
        });
        // Who is about to write beside this one comes along.
        tokio::task::yield_now().await;
        let queue = Arc::clone(self);
        let ran = writer.run(move |connection| queue.write_all(connection, fence));
        // Another's run may have taken it.
        match (ran.await, answer.try_recv()) {
            (_, Ok(answer)) => answer,
            (Err(error), Err(_)) => Err(error),
            (Ok(()), Err(lost)) => Err(StoreError::Unavailable(Box::new(lost))),
        }
    }

    fn write_all(
        &self,
        connection: &mut Connection,
        fence: Option<Fence>,
    ) -> Result<(), StoreError> {
        let all = std::mem::take(&mut *self.waiting());
        if all.is_empty() {
            return Ok(());
        }
        let done = in_one(connection, fence, &all);
        for waiting in all {
            let answer = match &done {
                Ok(()) => Ok(()),
                Err(error) => Err(again(error)),
            };
            // Whoever goes meanwhile learns it from the store.
            let _ = waiting.written.send(answer);
        }
        done
    }

    /// Without those who have gone: they may have been told that another projects the partition, or write
    /// the same again.
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|waiting| !waiting.written.is_closed());
        all
    }
}

fn in_one(
    connection: &mut Connection,
    fence: Option<Fence>,
    all: &[Waiting],
) -> Result<(), StoreError> {
    let transaction = root::begin(connection, fence)?;
    for waiting in all {
        for row in &waiting.rows {
            rows::write(&transaction, row)?;
        }
        write::save(&transaction, waiting.progress)?;
    }
    Ok(transaction.commit()?)
}

/// The same for one more of those who wait.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Superseded => StoreError::Superseded,
        StoreError::Unavailable(source) => StoreError::Unavailable(source.to_string().into()),
        other => StoreError::Unavailable(other.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use eventlog::Topic;

    use super::*;
    use crate::store::sqlite::schema;

    const LOG: Topic = Topic::AccessEvents;

    struct Scene {
        queue: Arc<Queue>,
        writer: Arc<Connections>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                queue: Arc::default(),
                writer: Arc::new(Connections::of_one(schema::open_in_memory().unwrap())),
            }
        }

        async fn write(&self, partition: u32, rows: Vec<RowWrite>) -> Result<(), StoreError> {
            let progress = Progress {
                topic: LOG,
                partition,
                next: 7,
            };
            self.queue.write(&self.writer, None, rows, progress).await
        }

        /// How many partitions have progress.
        async fn written(&self) -> u32 {
            let count = |connection: &mut Connection| {
                let sql = "SELECT count(*) FROM progress";
                Ok(connection.query_row(sql, [], |row| row.get(0))?)
            };
            self.writer.run(count).await.unwrap()
        }

        async fn run(&self, sql: &'static str) {
            let run = |connection: &mut Connection| Ok(connection.execute_batch(sql)?);
            self.writer.run(run).await.unwrap();
        }
    }

    fn leaf() -> RowWrite {
        RowWrite::Leaf(crate::views::LeafRow {
            log: auditlog::LogId::new(LOG.name(), "sunrise").unwrap(),
            offset: 6,
            index: 6,
        })
    }

    #[tokio::test]
    async fn who_writes_side_by_side_is_written_together() {
        let scene = Scene::new();
        let all = (0..16).map(|partition| scene.write(partition, vec![leaf()]));
        for written in futures::future::join_all(all).await {
            written.unwrap();
        }
        assert_eq!(scene.written().await, 16);

        // One transaction, therefore: what one of them can't write none of them has written.
        let scene = Scene::new();
        scene.run("DROP TABLE leaves").await;
        let bad = async {
            // Its rows take a while to make.
            std::thread::sleep(Duration::from_millis(100));
            scene.write(2, vec![leaf()]).await
        };
        let (good, bad) = tokio::join!(scene.write(1, Vec::new()), bad);
        for written in [good, bad] {
            let Err(StoreError::Unavailable(why)) = written else {
                panic!("{written:?}");
            };
            assert!(why.to_string().contains("leaves"), "{why}");
        }
        assert_eq!(scene.written().await, 0);
        scene.write(1, Vec::new()).await.unwrap();
        assert_eq!(scene.written().await, 1);
    }

    #[tokio::test]
    async fn who_has_gone_is_not_written_later() {
        let scene = Scene::new();
        let mut gone = Box::pin(scene.write(1, Vec::new()));
        assert!(futures::poll!(&mut gone).is_pending());
        drop(gone);
        scene.write(2, Vec::new()).await.unwrap();
        assert_eq!(scene.written().await, 1);
    }

    #[tokio::test]
    async fn what_is_tried_again_and_again_is_kept_once() {
        let scene = Scene {
            queue: Arc::default(),
            writer: Arc::new(Connections::new(1, || Err(StoreError::Url))),
        };
        for _ in 0..3 {
            scene.write(1, vec![leaf()]).await.unwrap_err();
        }
        assert_eq!(scene.queue.0.lock().unwrap().len(), 1);
    }
}
