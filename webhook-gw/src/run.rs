//! Builds the parts, runs them, ends them.

use std::sync::Arc;

use anyhow::Context as _;
use authn::record::RecordVerifier;
use authn::tls::{Protocol, ServerTls, TlsListener};
use eventlog::SharedLog;
use jiff::Timestamp;
use privacy::HpkePublicKey;
use records::{EventReader, RegistryFollower, Snapshot, Snapshots};
use service::Context;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::backlog::Backlog;
use crate::config::{Config, PartnerConfig};
use crate::deliveries::Deliveries;
use crate::gateway::Gateway;
use crate::quota::Quotas;
use crate::verify::LiveSecrets;
use crate::{health, listen};

/// Whose records the registry is folded from.
const REGISTRY_SPEAKER: &str = "command-svc";

/// Runs the process until it is told to end.
///
/// # Errors
/// A part can't be built; the text names the file or address.
pub async fn run(config: Config, context: Context) -> anyhow::Result<()> {
    let log = eventlog::open(&config.log.url, config.log.options.clone()).await?;
    let address = config.listen.address;
    let tcp = TcpListener::bind(address)
        .await
        .with_context(|| format!("`listen.address`: can't listen on {address}"))?;
    serve(config, log, tcp, context).await
}

/// As [`run`], with the log and the socket passed in; the configuration's own are not used.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    config: Config,
    log: SharedLog,
    tcp: TcpListener,
    context: Context,
) -> anyhow::Result<()> {
    let limits = config.limits();
    let quotas = config.partners.iter();
    let quotas = quotas.map(|partner| (partner.id.clone(), partner.quota));
    let secrets = Arc::new(secrets(&config.partners)?);
    let backlog = Backlog::new(config.queued_records(), config.max_queued_bytes);
    let pace = config.listen.pace();
    let operators = operators_key(&config)?;
    let verifier = RecordVerifier::load(&config.records, REGISTRY_SPEAKER.parse()?)
        .context("`records`: can't tell whose registry events to believe")?;
    let tls = ServerTls::load(config.listen.tls, Protocol::Http).context("`listen.tls`")?;
    let listener = TlsListener::new(tcp, Arc::clone(&tls), config.listen.limits)?;

    let reader = Arc::new(EventReader::new(verifier));
    let snapshots = config
        .snapshot
        .map(|config| Snapshots::open(&config, "webhook-gw", &reader).map(Arc::new))
        .transpose()
        .context("`snapshot`")?;
    let known = match &snapshots {
        Some(snapshots) => snapshots.load(log.as_ref()).await,
        None => Snapshot::default(),
    };
    let taken = known.marks.clone();
    let registry = RegistryFollower::spawn(
        Arc::clone(&log),
        Arc::clone(&reader),
        known,
        context.shutdown.clone(),
    );
    let gateway = Arc::new(Gateway {
        log,
        registry,
        secrets: Arc::clone(&secrets),
        operators,
        limits,
        clock: Timestamp::now,
        in_flight: Arc::new(Semaphore::new(limits.max_in_flight)),
        quotas: Quotas::new(quotas),
        backlog,
        deliveries: Deliveries::new(config.deliveries_kept, Timestamp::now()),
    });
    let until = context.shutdown.clone();
    if let Some(backfill) = &config.backfill {
        let every = config.listen.reload_every;
        crate::backfill::start(backfill, &gateway, &reader, every, &until)?;
    }
    let kept = snapshots.map(|snapshots| {
        let (gateway, stop) = (Arc::clone(&gateway), until.clone());
        let copy = move || gateway.registry.copy();
        tokio::spawn(records::keep_snapshots(snapshots, taken, stop, copy))
    });
    let report = health::report(context.health.clone(), Arc::clone(&gateway));
    tokio::spawn(until.clone().run_until_cancelled_owned(report));
    let every = config.listen.reload_every;
    tokio::spawn(
        until
            .clone()
            .run_until_cancelled_owned(tls.reload_every(every)),
    );
    tokio::spawn(
        until
            .clone()
            .run_until_cancelled_owned(secrets.reload_every(every)),
    );

    tracing::info!(address = %listener.local_addr(), "listening");
    listen::serve(listener, gateway, pace, until).await;
    if let Some(kept) = kept {
        kept.await?;
    }
    Ok(())
}

fn secrets(partners: &[PartnerConfig]) -> anyhow::Result<LiveSecrets> {
    let files = |partner: &PartnerConfig| (partner.id.clone(), partner.secrets.clone());
    LiveSecrets::load(partners.iter().map(files).collect())
}

fn operators_key(config: &Config) -> anyhow::Result<HpkePublicKey> {
    let file = &config.rejected.operators_key;
    let named = || format!("`rejected.operators_key`: {}", file.display());
    let text = std::fs::read_to_string(file).with_context(named)?;
    text.trim().parse().with_context(named)
}
