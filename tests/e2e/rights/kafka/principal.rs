//! Who comes to the brokers.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use harness::engines::kafka::Kafka;
use harness::pki::{Issued, Pki, Profile};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::BaseConsumer;

use super::judge::PATIENCE;

/// Who may do everything.
pub(super) const CONTROL: &str = "operators/admin";

/// Processes by their own certificates; then who has no rights: names of super users and brokers in the
/// services' unit, services' names and a super user's in other units, a service that has no business here.
const OTHERS: [(&str, &str); 12] = [
    ("services", "command-svc"),
    ("services", "webhook-gw"),
    ("services", "projector"),
    ("services", "projector-serve"),
    ("services", "bff"),
    ("services", "admin"),
    ("services", "kafka"),
    ("services", "operator.admin"),
    ("gates", "command-svc"),
    ("brokers", "admin"),
    ("operators", "kafka"),
    ("operators", "command-svc"),
];

/// Somebody with a certificate.
#[derive(Clone)]
pub(super) struct Principal {
    /// `OU/CN`.
    pub(super) name: String,
    pub(super) key_store: PathBuf,
    pub(super) admin: Arc<AdminClient<DefaultClientContext>>,
    config: ClientConfig,
}

/// Everybody; the last may do everything.
pub(super) fn all(kafka: &Kafka, pki: &Pki) -> Result<Vec<Principal>> {
    let mut all = Vec::new();
    for (unit, name) in OTHERS {
        let profile = Profile::client(name).unit(unit);
        let issued = pki.issue(&profile.saved_as(&format!("{unit}-{name}")))?;
        all.push(Principal::new(
            format!("{unit}/{name}"),
            &issued,
            kafka,
            pki,
        )?);
    }
    all.push(Principal::new(
        CONTROL.to_owned(),
        kafka.admin(),
        kafka,
        pki,
    )?);
    Ok(all)
}

impl Principal {
    fn new(name: String, issued: &Issued, kafka: &Kafka, pki: &Pki) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", kafka.addresses().join(","))
            .set("security.protocol", "ssl")
            .set("ssl.ca.location", pki.bundle().to_string_lossy())
            .set(
                "ssl.certificate.location",
                issued.certificate.to_string_lossy(),
            )
            .set("ssl.key.location", issued.private_key.to_string_lossy())
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .set("linger.ms", "0");
        Ok(Self {
            name,
            key_store: issued.combined.clone(),
            admin: Arc::new(config.create()?),
            config,
        })
    }

    /// What all clients of this principal have in common.
    pub(super) fn client(&self) -> ClientConfig {
        self.config.clone()
    }

    /// A reader that names this group.
    pub(super) fn consumer(&self, group: &str) -> Result<BaseConsumer> {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "50");
        Ok(config.create()?)
    }
}

/// A request that changes something.
pub(super) fn doing() -> AdminOptions {
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    options.operation_timeout(Some(PATIENCE))
}

/// A request of which only the right and the sense are looked at.
pub(super) fn asking() -> AdminOptions {
    doing().validate_only(true)
}
