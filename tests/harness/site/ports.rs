//! The ports of a site.

use anyhow::Result;

use crate::process::{Port, free_port};

/// Ports, held as long as the site stands.
#[derive(Debug)]
pub struct Ports {
    /// The issuer.
    pub issuer: Port,
    /// The partner's API.
    pub partner: Port,
    /// The partner's control API.
    pub control: Port,
    /// `AccessService`.
    pub access: Port,
    /// `RegistryService`.
    pub registry: Port,
    /// The webhook.
    pub webhook: Port,
    /// `AuditService` and `DeviceStatusService`.
    pub audit: Port,
    /// The published audit log.
    pub tiles: Port,
    /// The auditors' console.
    pub console: Port,
    /// Admin listeners: command-svc, webhook-gw, projector, projector serve on a cluster, and
    /// the second command-svc, and the residents' app.
    pub admin: [Port; 6],
    /// The residents' app.
    pub app: Port,
    /// `AccessService` of the second command-svc.
    pub twin_access: Port,
    /// `RegistryService` of the second command-svc.
    pub twin_registry: Port,
}

impl Ports {
    pub(super) fn pick() -> Result<Self> {
        Ok(Self {
            issuer: free_port()?,
            partner: free_port()?,
            control: free_port()?,
            access: free_port()?,
            registry: free_port()?,
            webhook: free_port()?,
            audit: free_port()?,
            tiles: free_port()?,
            console: free_port()?,
            admin: [
                free_port()?,
                free_port()?,
                free_port()?,
                free_port()?,
                free_port()?,
                free_port()?,
            ],
            app: free_port()?,
            twin_access: free_port()?,
            twin_registry: free_port()?,
        })
    }
}
