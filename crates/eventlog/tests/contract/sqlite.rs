use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventlog::{LogError, LogOptions, SharedLog};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use url::Url;

use crate::case::{Adapter, Need};
use crate::harness::{Fault, Harness};

struct Sqlite {
    folder: TempDir,
    log: SharedLog,
}

pub(crate) fn adapter() -> Adapter {
    Adapter {
        name: "sqlite",
        lacks: &[(
            Need::LostAcknowledgements,
            "nothing lies between file and writer",
        )],
        create: |options| {
            Box::pin(async move {
                let folder = tempfile::tempdir().unwrap();
                let log = eventlog::open(&url(&folder), options).await.unwrap();
                Arc::new(Sqlite { folder, log }) as Arc<dyn Harness>
            })
        },
    }
}

fn url(folder: &TempDir) -> Url {
    let path = folder.path().join("log.db");
    format!("sqlite://{}", path.display()).parse().unwrap()
}

#[async_trait]
impl Harness for Sqlite {
    fn log(&self) -> SharedLog {
        Arc::clone(&self.log)
    }

    async fn open(&self, options: LogOptions) -> Result<SharedLog, LogError> {
        eventlog::open(&self.url(), options).await
    }

    /// Another connection holds the file's write lock.
    async fn block(&self) -> Fault {
        let path = self.folder.path().join("log.db");
        let lock = move || {
            let connection = Connection::open(path).unwrap();
            connection.busy_timeout(Duration::from_secs(60)).unwrap();
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            connection
        };
        Box::new(spawn_blocking(lock).await.unwrap())
    }

    fn url(&self) -> Url {
        url(&self.folder)
    }
}
