//! The frame around every process.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::cli::CommonArgs;
use crate::config::{ProcessConfig, ProcessSettings};
use crate::health::Health;
use crate::metrics::{self, Metrics};
use crate::shutdown::{self, Ending};
use crate::telemetry;

/// Exit code of a configuration that can't be used.
const BAD_CONFIG: u8 = 2;
/// Exit code after a second signal, as shells show an interrupted command.
const FORCED: u8 = 130;
/// How often recorded samples are folded into their histograms.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How long threads that are still busy may hold up the end of the process.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// What a process' work gets from its frame.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where the work reports whether it can take requests.
    pub health: Health,
    /// Cancelled when the work has to end; it then has the configured grace period.
    pub shutdown: CancellationToken,
    /// What the process has measured.
    pub metrics: Metrics,
}

/// Runs one process from its arguments to its exit code: configuration, the process' TLS
/// provider, logs, metrics, the admin listener, then `work` until it ends or a signal ends it.
///
/// Exit codes: 0 the work ended well, 1 it failed or outlived its grace period, 2 the
/// configuration is wrong, 130 a second signal came.
pub fn run<C, F, Fut>(args: &CommonArgs, work: F) -> ExitCode
where
    C: ProcessConfig,
    F: FnOnce(C, Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let config: C = match args.load() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{}: {error}", C::NAME);
            return ExitCode::from(BAD_CONFIG);
        }
    };
    if args.check_config {
        println!(
            "{}: configuration {} is good",
            C::NAME,
            args.config.display()
        );
        return ExitCode::SUCCESS;
    }
    if let Err(error) = telemetry::init(C::NAME, &config.process().telemetry) {
        eprintln!("{}: {error}", C::NAME);
        return ExitCode::from(BAD_CONFIG);
    }
    match supervised(config, work) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "ended with an error");
            ExitCode::FAILURE
        }
    }
}

fn supervised<C, F, Fut>(config: C, work: F) -> anyhow::Result<ExitCode>
where
    C: ProcessConfig,
    F: FnOnce(C, Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    // An error means that one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let metrics = metrics::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    let settings = config.process().clone();
    let outcome = runtime.block_on(framed(&settings, metrics, |context| work(config, context)));
    runtime.shutdown_timeout(LAST_THREADS);
    outcome
}

async fn framed<Fut>(
    settings: &ProcessSettings,
    metrics: Metrics,
    work: impl FnOnce(Context) -> Fut,
) -> anyhow::Result<ExitCode>
where
    Fut: Future<Output = anyhow::Result<()>>,
{
    let signals = shutdown::signals().context("can't receive signals")?;
    let context = Context {
        health: Health::new(),
        shutdown: CancellationToken::new(),
        metrics: metrics.clone(),
    };
    let (health, stop) = (context.health.clone(), context.shutdown.clone());
    let listener = admin::bind(&settings.admin).await?;
    tracing::info!(address = %listener.local_addr(), "serving health and metrics");
    // Health is told until the very end, so this outlives `stop`.
    let ended = CancellationToken::new();
    let _end = ended.clone().drop_guard();
    tokio::spawn(fold(metrics.clone()));
    tokio::spawn(listener.serve(health.clone(), metrics, ended));

    match shutdown::supervise(work(context), signals, &settings.shutdown, &health, &stop).await {
        Ending::Finished(result) => {
            result?;
            tracing::info!("ended");
            Ok(ExitCode::SUCCESS)
        }
        Ending::GraceElapsed => {
            anyhow::bail!("work was still running after the grace period and was cut off")
        }
        Ending::Forced => {
            tracing::warn!("a second signal: ended at once, work in flight was cut off");
            Ok(ExitCode::from(FORCED))
        }
    }
}

async fn fold(metrics: Metrics) {
    let mut ticks = tokio::time::interval(FOLD_EVERY);
    loop {
        ticks.tick().await;
        metrics.fold_samples();
    }
}
