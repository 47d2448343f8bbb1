//! Calls to an authorization server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_platform_verifier::Verifier;

use super::config::IssuerConfigError;
use crate::tls::{self, Protocol};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one document may take.
const TOTAL: Duration = Duration::from_secs(5);

/// An HTTP client for an authorization server: TLS 1.3, the system's roots and those of `ca_file`, no
/// redirects, no proxy. With `insecure` it takes `http` too.
///
/// # Errors
/// [`IssuerConfigError::Client`]: the file can't be used.
pub fn http_client(
    ca_file: Option<&Path>,
    insecure: bool,
) -> Result<reqwest::Client, IssuerConfigError> {
    let broken = |error: &dyn ToString| IssuerConfigError::Client(error.to_string());
    let roots = match ca_file {
        None => Vec::new(),
        Some(file) => {
            let pem = std::fs::read(file)
                .map_err(|error| broken(&format!("{}: {error}", file.display())))?;
            tls::certificates(&pem, file).map_err(|error| broken(&error))?
        }
    };
    let verifier =
        Verifier::new_with_extra_roots(roots, tls::provider()).map_err(|error| broken(&error))?;
    let mut tls = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| broken(&error))?
        // The name is the builder's: this verifier checks as much as the default one.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = Protocol::Http.alpn();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(!insecure)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .build()
        .map_err(|error| broken(&error))
}
