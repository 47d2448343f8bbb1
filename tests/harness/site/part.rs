//! The processes of a site.

use super::Pair;

/// The processes of a site, in the order in which they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The development issuer.
    Issuer,
    /// The reference partner.
    Partner,
    /// command-svc.
    CommandSvc,
    /// webhook-gw.
    WebhookGw,
    /// projector: both roles on embedded engines, `project` on a cluster.
    Projector,
    /// projector in the role `serve`, a process of its own on a cluster.
    ProjectorServe,
    /// A second instance of command-svc, for tests that want one.
    CommandSvcTwin,
    /// The residents' app, for whoever wants one.
    ResidentApp,
}

impl Part {
    /// Every part of a site on embedded engines.
    pub const ALL: [Part; 5] = [
        Part::Issuer,
        Part::Partner,
        Part::CommandSvc,
        Part::WebhookGw,
        Part::Projector,
    ];

    /// Every part of a site on these engines.
    pub fn all(pair: Pair) -> Vec<Part> {
        let mut all = Self::ALL.to_vec();
        if pair == Pair::Cluster {
            all.push(Part::ProjectorServe);
        }
        all
    }

    /// What it is told to be on its command line, where it can be several things.
    pub fn role(self, pair: Pair) -> Option<&'static str> {
        match (self, pair) {
            (Part::Projector, Pair::Embedded) => Some("all"),
            (Part::Projector, Pair::Cluster) => Some("project"),
            (Part::ProjectorServe, _) => Some("serve"),
            _ => None,
        }
    }

    /// Name of its configuration and its log.
    pub fn name(self) -> &'static str {
        match self {
            Part::ProjectorServe => "projector-serve",
            Part::CommandSvcTwin => "command-svc-twin",
            other => other.binary(),
        }
    }

    /// Name of its binary.
    pub fn binary(self) -> &'static str {
        match self {
            Part::Issuer => "dev-issuer",
            Part::Partner => "reference-partner",
            Part::CommandSvc | Part::CommandSvcTwin => "command-svc",
            Part::WebhookGw => "webhook-gw",
            Part::Projector | Part::ProjectorServe => "projector",
            Part::ResidentApp => "resident-app",
        }
    }
}
