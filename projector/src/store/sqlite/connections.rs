//! A bounded number of connections, used on blocking threads only.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::super::StoreError;

type Open = Box<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>;

/// Connections, opened as they are needed and kept for the next one who needs one.
pub(super) struct Connections {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    /// None: there is only the one that was given.
    open: Option<Open>,
}

impl Connections {
    /// At most `most` at once.
    pub(super) fn new(
        most: usize,
        open: impl Fn() -> Result<Connection, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(most)),
            open: Some(Box::new(open)),
        }
    }

    /// This one, again and again.
    pub(super) fn of_one(connection: Connection) -> Self {
        Self {
            idle: Mutex::new(vec![connection]),
            permits: Arc::new(Semaphore::new(1)),
            open: None,
        }
    }

    /// Runs `work` with a connection. Dropping the future doesn't interrupt it. After an error
    /// the connection is closed: the next one who needs it opens the file anew.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = this.take()?;
            let done = work(&mut connection);
            if done.is_ok() || this.open.is_none() {
                this.idle().push(connection);
            }
            drop(permit);
            done
        });
        done.await
            .map_err(|stopped| StoreError::Unavailable(Box::new(stopped)))?
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle().pop();
        match (idle, &self.open) {
            (Some(connection), _) => Ok(connection),
            (None, Some(open)) => open(),
            (None, None) => Err(StoreError::Unavailable("the store is gone".into())),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
