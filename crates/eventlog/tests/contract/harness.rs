use std::any::Any;

use async_trait::async_trait;
use eventlog::{LogError, LogOptions, SharedLog};
use url::Url;

/// Ends a fault when it is dropped.
pub(crate) type Fault = Box<dyn Any + Send>;

/// What the suite needs of an engine to show that its adapter keeps the
/// contract: a new, empty log, and the means to make it suffer.
#[async_trait]
pub(crate) trait Harness: Send + Sync {
    /// The log, opened with the case's options.
    fn log(&self) -> SharedLog;

    /// The same log, opened once more as another process would.
    async fn open(&self, options: LogOptions) -> Result<SharedLog, LogError>;

    /// Keeps the engine from taking in appends.
    async fn block(&self) -> Fault;

    /// Has the engine take appends in without acknowledging them.
    fn lose_acknowledgements(&self) -> Fault {
        unreachable!("cases that need this name it in `Need`")
    }

    /// What another process needs beside the case's options to open the log.
    fn complete(&self, options: LogOptions) -> LogOptions {
        options
    }

    /// By which another process opens the log.
    fn url(&self) -> Url {
        unreachable!("cases that need this name it in `Need`")
    }
}
