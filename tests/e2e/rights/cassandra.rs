//! Roles of Cassandra: who gets in, every table, and everything else that a role could try.

mod statements;
mod tables;

use std::path::Path;

use anyhow::{Context as _, Result};
use harness::engines::cassandra::{
    self, Cassandra, Cql, KEYSPACE, PROJECTOR, PROJECTOR_PRUNE, PROJECTOR_SERVE,
};
use harness::pki::{Pki, San};

use super::table::{Row, Section, Verdict};

/// Who may do everything.
const CONTROL: &str = "admin";
const SCHEMA: &str = include_str!("../../../deploy/cassandra/schema.cql");
/// The role that every new cluster has, and its password.
const DEFAULT: (&str, &str) = ("cassandra", "cassandra");

/// A role with its own connection.
struct Role {
    name: &'static str,
    cql: Cql,
}

/// None where there is no Cassandra to be had, which has been said then.
pub(super) async fn tried(dir: &Path, pki: &Pki) -> Result<Option<Vec<Section>>> {
    let Some(node) = Cassandra::start(dir, pki).await? else {
        return Ok(None);
    };
    let connections = connections(&node, pki).await?;
    let mut roles = Vec::new();
    for (name, uri) in [
        ("projector", PROJECTOR),
        ("projector_serve", PROJECTOR_SERVE),
        ("projector_prune", PROJECTOR_PRUNE),
        (CONTROL, cassandra::ADMIN),
    ] {
        let issued = pki.issue_client(&format!("role-{name}"), &[San::uri(uri)])?;
        let cql = node.connect(&issued).await?;
        roles.push(Role { name, cql });
    }
    let admin = node.admin().await?;
    admin.enter(KEYSPACE).await?;
    let tables = tables::try_all(&roles, &admin).await?;
    let statements = statements::try_all(&roles).await?;
    Ok(Some(vec![connections, tables, statements]))
}

/// Who gets in at all: whom the certificate names, whatever password comes with it.
async fn connections(node: &Cassandra, pki: &Pki) -> Result<Section> {
    let named = [
        ("projector", Some(PROJECTOR)),
        ("projector-serve", Some(PROJECTOR_SERVE)),
        ("projector-prune", Some(PROJECTOR_PRUNE)),
        ("cassandra-admin", Some(cassandra::ADMIN)),
        ("command-svc", Some("spiffe://smarthome/command-svc")),
        ("cassandra", Some("spiffe://smarthome/cassandra")),
        ("foreign", Some("spiffe://elsewhere/projector")),
        ("projector", None),
    ];
    let mut rows = Vec::new();
    for (stem, uri) in named {
        let sans: Vec<San> = uri.into_iter().map(San::uri).collect();
        let issued = pki.issue_client(&format!("knocks-{stem}-{}", sans.len()), &sans)?;
        let mut verdicts = Vec::new();
        for login in [None, Some(DEFAULT)] {
            let cql = Cql::connect(node.address(), pki.bundle(), &issued, login).await;
            verdicts.push(entry(cql).with_context(|| format!("connect as {uri:?}"))?);
        }
        rows.push(Row {
            who: uri.unwrap_or("(none)").to_owned(),
            what: String::new(),
            verdicts,
        });
    }
    Ok(Section {
        title: "Cassandra: connections",
        heads: ["certificate (URI SAN)", ""],
        operations: vec!["connect", "connect-as-cassandra"],
        rows,
        control: cassandra::ADMIN,
    })
}

fn entry(connected: Result<Cql>) -> Result<Verdict> {
    match connected {
        Ok(_) => Ok(Verdict::Allowed),
        // Deep in what the driver gives.
        Err(error) if format!("{error:#?}").contains("AuthenticationError") => Ok(Verdict::Denied),
        Err(error) => Err(error.context("which is not about the certificate's name")),
    }
}

/// # Errors
/// The statement fails for another reason than a lack of rights.
async fn attempt(role: &Role, statement: &str) -> Result<Verdict> {
    let tried = role.cql.try_run(statement).await;
    match tried.with_context(|| format!("as {}", role.name))? {
        cassandra::Verdict::Allowed => Ok(Verdict::Allowed),
        cassandra::Verdict::Denied => Ok(Verdict::Denied),
    }
}
