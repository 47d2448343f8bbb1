//! A client for what the tests set up and look at: any statement, as whom they like.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};

use crate::pki::Issued;

/// Long enough for a statement that changes tables.
const REQUEST: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

/// A session.
pub struct Cql(Session);

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was carried out.
    Allowed,
    /// The role lacks the right to it.
    Denied,
}

impl Cql {
    /// Connects as whom the certificate names; `login` is for a node that asks for passwords.
    ///
    /// # Errors
    /// The node can't be reached or refuses.
    pub async fn connect(
        node: SocketAddr,
        roots: &Path,
        identity: &Issued,
        login: Option<(&str, &str)>,
    ) -> Result<Self> {
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .serial_consistency(Some(SerialConsistency::LocalSerial))
            .request_timeout(Some(REQUEST))
            .build();
        // By certificate the node asks for an answer too, and ignores what it says.
        let (user, password) = login.unwrap_or_default();
        let session = SessionBuilder::new()
            .known_node_addr(node)
            .tls_context(Some(tls(roots, identity)?))
            .connection_timeout(CONNECT)
            .default_execution_profile_handle(profile.into_handle())
            .user(user, password)
            .build()
            .await;
        Ok(Self(session.with_context(|| {
            format!("connect to Cassandra at {node}")
        })?))
    }

    /// The driver's own session, to be measured.
    pub fn into_session(self) -> Session {
        self.0
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// It fails or is denied.
    pub async fn run(&self, cql: &str) -> Result<()> {
        let done = self.0.query_unpaged(cql, ()).await;
        done.map(drop).with_context(|| format!("run {cql}"))
    }

    /// The rows of a query whose columns are all text.
    ///
    /// # Errors
    /// It fails or is denied, or gives something else.
    pub async fn texts(&self, cql: &str) -> Result<Vec<Vec<String>>> {
        let found = self.0.query_unpaged(cql, ()).await;
        let found = found.with_context(|| format!("run {cql}"))?;
        let mut texts = Vec::new();
        for row in found.into_rows_result()?.rows::<Row>()? {
            let cells = row?.columns.into_iter();
            let cells = cells.map(|cell| cell.and_then(CqlValue::into_string));
            let row: Option<Vec<String>> = cells.collect();
            texts.push(row.with_context(|| format!("not only text: {cql}"))?);
        }
        Ok(texts)
    }

    /// Tries a statement.
    ///
    /// # Errors
    /// It fails for another reason than a lack of rights.
    pub async fn try_run(&self, cql: &str) -> Result<Verdict> {
        match self.0.query_unpaged(cql, ()).await {
            Ok(_) => Ok(Verdict::Allowed),
            Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(
                DbError::Unauthorized,
                _,
            ))) => Ok(Verdict::Denied),
            Err(error) => Err(error).with_context(|| format!("run {cql}")),
        }
    }

    /// Runs the statements of a file as `cqlsh` would.
    ///
    /// # Errors
    /// One of them fails; the text says which.
    pub async fn apply(&self, script: &str) -> Result<()> {
        for statement in statements(script) {
            self.run(&statement).await?;
        }
        Ok(())
    }

    /// Makes a keyspace the one of all statements from here on.
    ///
    /// # Errors
    /// It isn't there.
    pub async fn enter(&self, keyspace: &str) -> Result<()> {
        let entered = self.0.use_keyspace(keyspace, false).await;
        entered.with_context(|| format!("use keyspace {keyspace}"))
    }
}

/// The statements of a script whose comments begin with `--` and whose texts hold no `;`.
fn statements(script: &str) -> Vec<String> {
    let code: Vec<&str> = script
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    let code = code.join("\n");
    code.split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

fn tls(roots: &Path, identity: &Issued) -> Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(roots)? {
        store.add(root?)?;
    }
    let chain = CertificateDer::pem_file_iter(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&identity.private_key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(store)
        .with_client_auth_cert(chain.collect::<Result<_, _>>()?, key)?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_its_statements() {
        let script = "-- a; b\nCREATE x\n  (y);\n\n  -- c\nGRANT z;\n";
        assert_eq!(statements(script), ["CREATE x\n  (y)", "GRANT z"]);
    }
}
