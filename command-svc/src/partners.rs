//! The partners' clients, by id.

use std::collections::HashMap;
use std::time::Duration;

use domain::PartnerId;
use partner::{PartnerClient, PartnerConfig};

/// How often certificates are looked at again.
pub(crate) const RELOAD: Duration = Duration::from_secs(10);

/// Every configured partner.
#[derive(Clone)]
pub(crate) struct Partners(HashMap<PartnerId, PartnerClient>);

impl Partners {
    /// Makes the clients; nothing is sent.
    ///
    /// # Errors
    /// A certificate or key can't be read.
    pub(crate) fn new(configs: Vec<PartnerConfig>) -> Result<Self, partner::ConfigError> {
        let clients = configs.into_iter().map(|config| {
            let id = config.partner.clone();
            PartnerClient::new(config).map(|client| (id, client))
        });
        Ok(Self(clients.collect::<Result<_, _>>()?))
    }

    /// One partner's client.
    pub(crate) fn get(&self, id: &PartnerId) -> Option<&PartnerClient> {
        self.0.get(id)
    }

    /// All clients.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PartnerClient> {
        self.0.values()
    }
}
