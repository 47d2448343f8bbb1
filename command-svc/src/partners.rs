//! The partners' clients, by id.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::PartnerId;
use partner::{PartnerClient, PartnerConfig};

use crate::gate::{Gate, GateConfig};

/// How often certificates are looked at again.
pub(crate) const RELOAD: Duration = Duration::from_secs(10);

/// Every configured partner.
#[derive(Clone)]
pub(crate) struct Partners(HashMap<PartnerId, (PartnerClient, Arc<Gate>)>);

impl Partners {
    /// Makes the clients, each behind a gate of its own; nothing is sent.
    ///
    /// # Errors
    /// A certificate or key can't be read.
    pub(crate) fn new(
        configs: Vec<PartnerConfig>,
        gate: GateConfig,
    ) -> Result<Self, partner::ConfigError> {
        let clients = configs.into_iter().map(|config| {
            let id = config.partner.clone();
            let gate = Gate::new(id.clone(), gate);
            PartnerClient::new(config).map(|client| (id, (client, gate)))
        });
        Ok(Self(clients.collect::<Result<_, _>>()?))
    }

    /// One partner's client.
    pub(crate) fn get(&self, id: &PartnerId) -> Option<&PartnerClient> {
        self.0.get(id).map(|(client, _)| client)
    }

    /// The gate before a partner.
    pub(crate) fn gate(&self, id: &PartnerId) -> Option<&Arc<Gate>> {
        self.0.get(id).map(|(_, gate)| gate)
    }

    /// All clients.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PartnerClient> {
        self.0.values().map(|(client, _)| client)
    }
}
