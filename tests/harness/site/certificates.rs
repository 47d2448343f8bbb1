//! The certificates of a site.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Pair, Part, roles};
use crate::pki::{Issued, Pki, San};

/// Certificates of everybody.
#[derive(Debug)]
pub struct Certificates {
    /// Servers: issuer, partner, command-svc, webhook-gw, projector.
    pub servers: BTreeMap<Part, Issued>,
    /// The services as clients: towards the partner, and towards a cluster's engines.
    pub services: BTreeMap<Part, Issued>,
    /// Pages as clients of the issuer, by client id.
    pub pages: BTreeMap<&'static str, Issued>,
    /// The partner towards webhook-gw.
    pub partner: Issued,
    /// The BFF.
    pub bff: Issued,
    /// The operators' tool.
    pub operator: Issued,
    /// The auditors' tool.
    pub auditor: Issued,
}

impl Certificates {
    pub(super) fn issue(pki: &Pki) -> Result<Self> {
        let mut servers = BTreeMap::new();
        for part in Part::ALL.into_iter().chain([Part::ResidentApp]) {
            let name = format!("{}-server", part.name());
            servers.insert(part, pki.issue_server(&name, &[])?);
        }
        let client = |name: &str, san: &str| pki.issue_client(name, &[San::uri(san)]);
        let mut services = BTreeMap::new();
        for part in Part::all(Pair::Cluster).into_iter().skip(2) {
            let name = part.name();
            services.insert(part, client(name, &format!("spiffe://smarthome/{name}"))?);
        }
        let mut pages = BTreeMap::new();
        for client_id in [roles::WEB_CLIENT_ID, roles::CONSOLE_CLIENT_ID] {
            pages.insert(client_id, pki.issue_client(client_id, &[])?);
        }
        Ok(Self {
            servers,
            services,
            pages,
            partner: pki.issue_client("partner", &[San::dns(roles::PARTNER_DNS)])?,
            bff: client("bff", roles::BFF_SAN)?,
            operator: client("operator", roles::OPERATOR_SAN)?,
            auditor: client("auditor", roles::AUDITOR_SAN)?,
        })
    }
}
