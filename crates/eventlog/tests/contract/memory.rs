use std::sync::Arc;

use async_trait::async_trait;
use eventlog::{LogError, LogOptions, MemoryLog, SharedLog};

use crate::case::{Adapter, Need};
use crate::harness::{Fault, Harness};

struct Memory(MemoryLog);

pub(crate) fn adapter() -> Adapter {
    Adapter {
        name: "memory",
        lacks: &[
            (Need::Processes, "it lives in one process"),
            (Need::Reopening, "it ends with its handle"),
            (Need::FullDisk, "it uses none"),
        ],
        create: |options| {
            let log = MemoryLog::new(options).unwrap();
            Box::pin(async move { Arc::new(Memory(log)) as Arc<dyn Harness> })
        },
    }
}

#[async_trait]
impl Harness for Memory {
    fn log(&self) -> SharedLog {
        Arc::new(self.0.clone())
    }

    async fn open(&self, _: LogOptions) -> Result<SharedLog, LogError> {
        Ok(self.log())
    }

    async fn block(&self) -> Fault {
        Box::new(self.0.hold())
    }

    fn lose_acknowledgements(&self) -> Fault {
        Box::new(self.0.lose_acknowledgements())
    }
}
