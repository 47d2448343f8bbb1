//! Whether the role can answer, for health over HTTP and gRPC.

use std::convert::Infallible;
use std::time::Duration;

use authn::token::AccessTokenVerifier;
use eventlog::Topic;
use service::health::{Condition, Health};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::{AUDIT, DEVICES, RESIDENTS, Serving};

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// How often while the issuer's keys have never been fetched, and afterwards.
const ISSUER_EVERY: Duration = Duration::from_secs(60);

/// What is looked at.
pub(super) struct Probes {
    views: Condition,
    identities: Condition,
    issuer: Condition,
}

impl Probes {
    pub(super) fn register(health: &Health) -> Self {
        Self {
            views: health.condition("views"),
            identities: health.condition("identities"),
            issuer: health.condition("issuer"),
        }
    }

    /// Looks again and again.
    pub(super) async fn run(
        &self,
        serving: &Serving,
        verifiers: &[AccessTokenVerifier],
    ) -> Infallible {
        let views = async {
            loop {
                let read = serving.views.progress(Topic::AccessEvents, 0).await;
                self.views
                    .set(read.map(drop).map_err(|error| error.to_string()));
                tokio::time::sleep(EVERY).await;
            }
        };
        let identities = async {
            serving.identities.loaded().await;
            loop {
                self.identities.set(match serving.identities.is_fresh() {
                    true => Ok(()),
                    false => Err("erasures may be seen late: the event log can't be followed"),
                });
                tokio::time::sleep(EVERY).await;
            }
        };
        let issuer = async {
            loop {
                let fetched = verifiers.iter().map(AccessTokenVerifier::refresh);
                let fetched = futures::future::try_join_all(fetched).await;
                let pause = if fetched.is_ok() { ISSUER_EVERY } else { EVERY };
                self.issuer
                    .set(fetched.map(drop).map_err(|error| error.to_string()));
                tokio::time::sleep(pause).await;
            }
        };
        let (never, _, _): (Infallible, Infallible, Infallible) =
            tokio::join!(views, identities, issuer);
        never
    }
}

/// Tells gRPC health what the process' health is.
pub(super) async fn mirror(health: Health, reporter: HealthReporter) -> Infallible {
    let mut status = health.subscribe();
    loop {
        let serving = match status.borrow_and_update().is_ready() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for service in ["", AUDIT, DEVICES, RESIDENTS] {
            reporter.set_service_status(service, serving).await;
        }
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
