//! Builds the parts and runs them.

use std::sync::Arc;

use anyhow::Context as _;
use authn::record::{RecordSigner, RecordVerifier};
use authn::token::AccessTokenVerifier;
use jiff::Timestamp;
use privacy::{IdentityKeys, LookupKey, PlateKeys, TokenKeyRoots};
use proto::access::access_service_server::AccessServiceServer;
use proto::access::registry_service_server::RegistryServiceServer;
use records::EventReader;
use service::health::Condition;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::warn;

use crate::access_service::Access;
use crate::config::Config;
use crate::fold::Tails;
use crate::knowledge::Knowledge;
use crate::open::Opener;
use crate::partners::{Partners, RELOAD};
use crate::provision::Provisioner;
use crate::reconcile::Reconciler;
use crate::recorder::Recorder;
use crate::registrar::Registrar;
use crate::registry_service::RegistryApi;
use crate::server;
use crate::subjects::Directory;

/// Runs the process until it is told to shut down.
///
/// # Errors
/// A part can't be built, or a listener fails.
pub async fn run(config: Config, context: service::Context) -> anyhow::Result<()> {
    let shutdown = context.shutdown.clone();
    let speaker = "command-svc".parse()?;
    let verifier = RecordVerifier::load(&config.records, speaker).context("records")?;
    let signer = RecordSigner::load(&config.signer).context("signer")?;
    verifier
        .vouch_for(&signer, Timestamp::now())
        .context("signer is not vouched for by records.root")?;
    let reader = Arc::new(EventReader::new(verifier));
    let log = eventlog::open(&config.log.url, config.log.options)
        .await
        .context("log")?;
    let recorder = Arc::new(Recorder::new(Arc::clone(&log), signer));
    let partners = Partners::new(config.partners).context("partners")?;
    let keys = &config.keys;
    let (lookup, identity) = (LookupKey::load(keys)?, IdentityKeys::load(keys)?);
    let directory = Arc::new(Directory::new(Arc::clone(&log), lookup, identity));
    let knowledge = Arc::new(Knowledge::default());
    let tails = Arc::new(Tails::spawn(
        &log, &reader, &knowledge, &directory, &shutdown,
    ));
    let tokens = AccessTokenVerifier::new(config.issuer).context("issuer")?;

    let registrar = Arc::new(Registrar {
        knowledge: Arc::clone(&knowledge),
        tails: Arc::clone(&tails),
        recorder: Arc::clone(&recorder),
    });
    let registry = RegistryApi {
        allowed: config.registry.allowed_peers.clone(),
        registrar: Arc::clone(&registrar),
        directory: Arc::clone(&directory),
        provisioner: Provisioner {
            registrar,
            directory: Arc::clone(&directory),
            partners: partners.clone(),
            plates: PlateKeys::load(keys)?,
            tokens: TokenKeyRoots::load(keys)?,
        },
    };
    let access = Access {
        allowed: config.access.allowed_peers.clone(),
        tokens: tokens.clone(),
        directory,
        tails: Arc::clone(&tails),
        opener: Arc::new(Opener {
            knowledge: Arc::clone(&knowledge),
            recorder: Arc::clone(&recorder),
            partners: partners.clone(),
            fence_reserve: config.limits.fence_reserve,
        }),
        in_flight: Arc::new(Semaphore::new(config.limits.in_flight)),
        ceiling: config.limits.ceiling,
    };
    let reconciler = Reconciler {
        log,
        reader,
        recorder,
        partners: partners.clone(),
        after: config.limits.reconcile_after,
    };

    let bytes = config.limits.message_bytes;
    let access = AccessServiceServer::new(access).max_decoding_message_size(bytes);
    let registry = RegistryServiceServer::new(registry).max_decoding_message_size(bytes);
    let health = &context.health;
    let conditions = [health.condition("tails"), health.condition("issuer")];
    health.started();

    let mut tasks = JoinSet::new();
    for client in partners.all().cloned() {
        tasks.spawn(until(
            shutdown.clone(),
            client.reload_certificate_every(RELOAD),
        ));
    }
    let forget = forget(Arc::clone(&knowledge));
    tasks.spawn(until(shutdown.clone(), forget));
    let [tails_ok, issuer_ok] = conditions;
    tasks.spawn(until(
        shutdown.clone(),
        watch_tails(tails, knowledge, tails_ok),
    ));
    tasks.spawn(until(shutdown.clone(), watch_issuer(tokens, issuer_ok)));
    let reconciling = shutdown.clone();
    tasks.spawn(async move {
        reconciler.run(reconciling).await;
        Ok(())
    });
    tasks.spawn(server::serve(
        "access",
        config.access,
        Routes::new(access),
        health.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(server::serve(
        "registry",
        config.registry,
        Routes::new(registry),
        health.clone(),
        shutdown.clone(),
    ));
    while let Some(ended) = tasks.join_next().await {
        // The first part that fails ends the process; at shutdown all end well.
        ended??;
    }
    Ok(())
}

/// Runs `part`, which never returns, until `shutdown`.
async fn until(
    shutdown: CancellationToken,
    part: impl Future<Output = impl Send>,
) -> anyhow::Result<()> {
    shutdown.run_until_cancelled(part).await;
    Ok(())
}

async fn watch_tails(tails: Arc<Tails>, knowledge: Arc<Knowledge>, condition: Condition) {
    tails.hydrated(&knowledge).await;
    loop {
        if tails.is_fresh() {
            condition.ok();
        } else {
            condition.failing("the event log's tail lags, or the log can't be reached");
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// Ready once the issuer's keys have been had; the verifier refreshes them by itself.
async fn watch_issuer(tokens: AccessTokenVerifier, condition: Condition) {
    loop {
        match tokens.refresh().await {
            Ok(()) => break,
            Err(error) => {
                warn!(%error, "the issuer's keys can't be fetched");
                condition.failing("the issuer's keys have not been fetched yet");
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    condition.ok();
    // The condition holds as long as it is kept.
    std::future::pending::<()>().await;
}

/// Settled commands are forgotten once their keys are too old to come again.
async fn forget(knowledge: Arc<Knowledge>) {
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        let mut state = knowledge.lock();
        state.commands.forget_settled(Timestamp::now());
        metrics::gauge!("commands_held").set(state.commands.len() as f64);
    }
}
