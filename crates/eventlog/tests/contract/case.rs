use std::sync::Arc;
use std::time::Duration;

use eventlog::LogOptions;
use futures::future::BoxFuture;
use libtest_mimic::Trial;

use crate::harness::Harness;

/// One behaviour of the contract.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) options: LogOptions,
    pub(crate) run: fn(Arc<dyn Harness>) -> BoxFuture<'static, ()>,
}

/// What a case needs beyond an empty log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// Other processes can open the log.
    Processes,
    /// The log outlives the handle that created it.
    Reopening,
    /// The disk of one of the processes can be full.
    FullDisk,
    /// Acknowledgements can get lost on their way.
    LostAcknowledgements,
}

/// An adapter under test.
pub(crate) struct Adapter {
    pub(crate) name: &'static str,
    /// What it can't have, and why.
    pub(crate) lacks: &'static [(Need, &'static str)],
    pub(crate) create: fn(LogOptions) -> BoxFuture<'static, Arc<dyn Harness>>,
}

/// A case that hangs fails; nothing is asserted about time otherwise.
const CASE_LIMIT: Duration = Duration::from_secs(180);

impl Adapter {
    pub(crate) fn trial(&self, case: Case) -> Trial {
        let name = format!("{}::{}", self.name, case.name);
        if let Some((_, why)) = self.lacks.iter().find(|(need, _)| *need == case.need) {
            return Trial::test(format!("{name} (not applicable: {why})"), || Ok(()))
                .with_ignored_flag(true);
        }
        let create = self.create;
        Trial::test(name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            let Case { options, run, .. } = case;
            let result = runtime.block_on(async move {
                let run = async move { run(create(options).await).await };
                tokio::time::timeout(CASE_LIMIT, tokio::spawn(run)).await
            });
            runtime.shutdown_background();
            match result {
                Ok(Ok(())) => Ok(()),
                Ok(Err(panic)) => Err(panic_text(panic).into()),
                Err(_) => Err("timed out".into()),
            }
        })
    }
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let payload = error.into_panic();
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "panicked".to_owned())
}

/// Lists functions of a module as cases with the same need and options.
macro_rules! cases {
    ($need:expr, $options:expr, [$($name:ident),* $(,)?]) => {
        vec![$($crate::case::Case {
            name: stringify!($name),
            need: $need,
            options: $options,
            run: |harness| Box::pin($name(harness)),
        }),*]
    };
}
pub(crate) use cases;
