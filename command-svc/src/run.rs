//! Builds the parts and runs them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authn::record::{RecordSigner, RecordVerifier};
use authn::token::AccessTokenVerifier;
use jiff::Timestamp;
use privacy::{FaceKeys, IdentityKeys, KeyError, KeyFiles, LookupKey, PlateKeys, TokenKeyRoots};
use proto::access::access_service_server::AccessServiceServer;
use proto::access::guest_service_server::GuestServiceServer;
use proto::access::registry_service_server::RegistryServiceServer;
use proto::access::subject_service_server::SubjectServiceServer;
use records::{EventReader, Snapshot, Snapshots};
use service::health::Condition;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tracing::warn;

use crate::access_service::Access;
use crate::admission::Admission;
use crate::admission::ledger::Ledger;
use crate::config::Config;
use crate::egress::Egress;
use crate::egress_report::EgressReports;
use crate::fold::Tails;
use crate::guest_service::Guests;
use crate::history::History;
use crate::knowledge::Knowledge;
use crate::open::Opener;
use crate::operator::Operators;
use crate::partners::{Partners, RELOAD};
use crate::privileges::Privileges;
use crate::provision::{Crew, Parts, Provisioner, withdraw};
use crate::reconcile::Reconciler;
use crate::recorder::Recorder;
use crate::registrar::Registrar;
use crate::registry_service::RegistryApi;
use crate::rekey::Rekeyer;
use crate::server;
use crate::subject_service::SubjectApi;
use crate::subjects::Directory;
use crate::uses::Uses;

/// How often the tails' freshness is reported.
const LOOK: Duration = Duration::from_millis(200);
/// Pause before the issuer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// How often what was not admitted is summed up.
const MINUTE: Duration = Duration::from_secs(60);
/// How often what is settled is forgotten.
const SWEEP: Duration = Duration::from_secs(10);

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
    let partners = Partners::new(config.partners, config.limits.partner).context("partners")?;
    let keys = &config.keys;
    let (lookup, identity) = (LookupKey::load(keys)?, IdentityKeys::load(keys)?);
    let directory = Arc::new(Directory::new(Arc::clone(&log), lookup, identity));
    let snapshots = config
        .snapshot
        .map(|config| Snapshots::open(&config, "command-svc", &reader).map(Arc::new))
        .transpose()
        .context("snapshot")?;
    let known = match &snapshots {
        Some(snapshots) => snapshots.load(log.as_ref()).await,
        None => Snapshot::default(),
    };
    let (taken, from) = (known.marks.clone(), known.end());
    let knowledge = Arc::new(Knowledge::of(known));
    let tails = Arc::new(Tails::spawn(&log, &reader, from, &knowledge, &directory));
    let tokens = AccessTokenVerifier::new(config.issuer).context("issuer")?;

    let registrar = Arc::new(Registrar {
        knowledge: Arc::clone(&knowledge),
        tails: Arc::clone(&tails),
        recorder: Arc::clone(&recorder),
    });
    let ledger = Arc::new(Ledger::default());
    let admission = Arc::new(Admission::new(&config.limits, Arc::clone(&ledger)));
    let privileges = Arc::new(Privileges::new(
        config.privileges,
        Arc::clone(&knowledge),
        Arc::clone(&tails),
        partners.clone(),
    ));
    let operators = Operators {
        allowed: config.registry.allowed_peers.clone(),
        tokens: AccessTokenVerifier::new(config.operators).context("operators")?,
        directory: Arc::clone(&directory),
    };
    let rekeyer = Rekeyer {
        directory: Arc::clone(&directory),
        plates: PlateKeys::load(keys)?,
        faces: faces(keys)?,
        knowledge: Arc::clone(&knowledge),
        tails: Arc::clone(&tails),
        config: config.subjects,
    };
    let parts = Parts {
        registrar: Arc::clone(&registrar),
        directory: Arc::clone(&directory),
        partners: partners.clone(),
        plates: PlateKeys::load(keys)?,
        faces: faces(keys)?,
        tokens: TokenKeyRoots::load(keys)?,
    };
    let provisioner = Arc::new(Provisioner::new(config.provisioning, parts));
    let guests = Guests {
        allowed: config.access.allowed_peers.clone(),
        tokens: tokens.clone(),
        directory: Arc::clone(&directory),
        registrar: Arc::clone(&registrar),
        provisioner: Arc::clone(&provisioner),
        admission: Arc::clone(&admission),
        most: config.limits.guest_passes,
        making: Mutex::default(),
    };
    let persons = SubjectApi {
        operators: operators.clone(),
        registrar: Arc::clone(&registrar),
        directory: Arc::clone(&directory),
        plates: PlateKeys::load(keys)?,
        provisioner: Arc::clone(&provisioner),
        log: Arc::clone(&log),
    };
    let (owned, owns) = watch::channel(BTreeSet::new());
    let crew = Crew::new(Arc::clone(&provisioner), owns);
    let registry = RegistryApi {
        operators,
        registrar,
        directory: Arc::clone(&directory),
        provisioner: Arc::clone(&provisioner),
        privileges: Arc::clone(&privileges),
        history: History {
            log: Arc::clone(&log),
            reader: Arc::clone(&reader),
            knowledge: Arc::clone(&knowledge),
        },
        egress: EgressReports {
            log: Arc::clone(&log),
            reader: Arc::clone(&reader),
        },
    };
    let egress = Arc::new(Egress {
        config: config.egress,
        partners: partners.clone(),
        recorder: Arc::clone(&recorder),
    });
    let uses = Arc::new(Uses::new(Arc::clone(&knowledge), Arc::clone(&recorder)));
    let in_flight = TaskTracker::new();
    let access = Access {
        allowed: config.access.allowed_peers.clone(),
        tokens: tokens.clone(),
        directory: Arc::clone(&directory),
        tails: Arc::clone(&tails),
        opener: Arc::new(Opener {
            knowledge: Arc::clone(&knowledge),
            recorder: Arc::clone(&recorder),
            partners: partners.clone(),
            uses: Arc::clone(&uses),
            fence_reserve: config.limits.fence_reserve,
        }),
        admission: Arc::clone(&admission),
        tasks: in_flight.clone(),
        ceiling: config.limits.ceiling,
    };
    let reconciler = Reconciler {
        log,
        reader,
        recorder: Arc::clone(&recorder),
        partners: partners.clone(),
        uses,
        tails: Arc::clone(&tails),
        after: config.limits.reconcile_after,
        owned,
    };

    let bytes = config.limits.message_bytes;
    let access = AccessServiceServer::new(access).max_decoding_message_size(bytes);
    let guests = GuestServiceServer::new(guests).max_decoding_message_size(bytes);
    let registry = RegistryServiceServer::new(registry).max_decoding_message_size(bytes);
    let persons = SubjectServiceServer::new(persons).max_decoding_message_size(bytes);
    let health = &context.health;
    let (tails_known, issuer_known) = (health.condition("tails"), health.condition("issuer"));
    health.started();

    // Commands in flight need the tails, so what is in the background goes last.
    let background = CancellationToken::new();
    let last = background.clone().drop_guard();
    let mut parts = JoinSet::new();
    for client in partners.all().cloned() {
        parts.spawn(until(&background, client.reload_certificate_every(RELOAD)));
    }
    parts.spawn(until(
        &background,
        forget(
            Arc::clone(&knowledge),
            Arc::clone(&tails),
            directory,
            admission,
        ),
    ));
    if let Some(snapshots) = snapshots {
        let (knowledge, stop) = (Arc::clone(&knowledge), background.clone());
        let copy = move || knowledge.lock().snapshot();
        parts.spawn(records::keep_snapshots(snapshots, taken, stop, copy));
    }
    parts.spawn(summarise(background.clone(), ledger, Arc::clone(&recorder)));
    parts.spawn(until(
        &background,
        watch_tails(tails, knowledge, tails_known),
    ));
    parts.spawn(until(&background, watch_issuer(tokens, issuer_known)));
    parts.spawn(until(&background, privileges.run()));
    parts.spawn(until(&background, rekeyer.run()));
    parts.spawn(until(&background, crew.run()));
    parts.spawn(until(&background, withdraw::run(provisioner)));
    parts.spawn(Arc::clone(&egress).run(background.clone()));
    parts.spawn(reconciler.run(background));

    let access = server::serve(
        "access",
        config.access,
        Routes::new(access).add_service(guests),
        health.clone(),
        shutdown.clone(),
    );
    let registry = server::serve(
        "registry",
        config.registry,
        Routes::new(registry).add_service(persons),
        health.clone(),
        shutdown,
    );
    tokio::try_join!(access, registry)?;
    in_flight.close();
    in_flight.wait().await;
    drop(last);
    while parts.join_next().await.is_some() {}
    // Nothing is sent any more.
    egress.record(Timestamp::now()).await;
    Ok(())
}

/// The keys of faces, where this instance has any.
fn faces(keys: &KeyFiles) -> Result<Option<FaceKeys>, KeyError> {
    match FaceKeys::load(keys) {
        Err(KeyError::NotConfigured { .. }) => Ok(None),
        faces => faces.map(Some),
    }
}

/// Runs `part`, which never returns, until `stop`.
fn until<F>(stop: &CancellationToken, part: F) -> impl Future<Output = ()> + use<F>
where
    F: Future<Output = ()>,
{
    let stop = stop.clone();
    async move {
        stop.run_until_cancelled(part).await;
    }
}

async fn watch_tails(tails: Arc<Tails>, knowledge: Arc<Knowledge>, condition: Condition) {
    tails.hydrated(&knowledge).await;
    loop {
        if tails.is_fresh() {
            condition.ok();
        } else {
            condition.failing("the event log's tail lags, or the log can't be reached");
        }
        sleep(LOOK).await;
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
        sleep(RETRY).await;
    }
    condition.ok();
    // The condition holds as long as it is kept.
    std::future::pending::<()>().await;
}

/// What was not admitted is recorded, once a minute and at the end.
async fn summarise(stop: CancellationToken, ledger: Arc<Ledger>, recorder: Arc<Recorder>) {
    while stop.run_until_cancelled(sleep(MINUTE)).await.is_some() {
        ledger.record(&recorder, Timestamp::now()).await;
    }
    ledger.record(&recorder, Timestamp::now()).await;
}

/// Settled commands are forgotten once their keys are too old to come again, and everything that
/// the log had until then has been read: else a record of ours that stands behind the winner's could
/// be taken for the first. References that lost to an earlier one are erased.
async fn forget(
    knowledge: Arc<Knowledge>,
    tails: Arc<Tails>,
    directory: Arc<Directory>,
    admission: Arc<Admission>,
) {
    loop {
        sleep(SWEEP).await;
        admission.sweep();
        directory.erase_losers().await;
        // Taken first: whoever is paused in between forgets less.
        let now = Timestamp::now();
        let mut state = knowledge.lock();
        if tails.is_fresh() {
            state.forget(now);
        }
        metrics::gauge!("commands_held").set(state.commands.len() as f64);
    }
}
