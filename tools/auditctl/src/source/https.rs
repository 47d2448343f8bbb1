//! A log that is served over HTTPS, as C2SP tlog-tiles lays it out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auditarchive::{MAX_OBJECT, Objects};
use bytes::{Bytes, BytesMut};
use object_store::{Error, Result};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use url::Url;

use crate::cli::SourceArgs;
use crate::stop::Stop;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
const SILENT: Duration = Duration::from_secs(30);
/// How long to wait before an object is asked for again.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// A server.
pub(crate) struct Https {
    client: reqwest::Client,
    /// Ends in `/`.
    base: Url,
}

impl Https {
    pub(crate) fn new(mut base: Url, args: &SourceArgs) -> Result<Self, Stop> {
        if base.query().is_some() || base.fragment().is_some() {
            let text = "a log's address has no query and no fragment";
            return Err(Stop::Usage(text.to_owned()));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = http_client(args, false)?;
        Ok(Self { client, base })
    }

    async fn once(&self, path: &str) -> Result<Bytes> {
        let url = self.base.join(path).map_err(|error| failed(&error))?;
        let answer = self.client.get(url).send().await;
        let mut answer = answer.map_err(|error| failed(&anyhow::Error::new(error)))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(Error::NotFound {
                    path: path.to_owned(),
                    source: "the server has no such object".into(),
                });
            }
            status => return Err(failed(&format!("{path}: the server answered {status}"))),
        }
        let mut bytes = BytesMut::new();
        loop {
            let more = answer.chunk().await;
            match more.map_err(|error| failed(&anyhow::Error::new(error)))? {
                Some(more) if (bytes.len() + more.len()) as u64 > MAX_OBJECT => {
                    return Err(failed(&format!(
                        "{path} is larger than any object of a log"
                    )));
                }
                Some(more) => bytes.extend_from_slice(&more),
                None => return Ok(bytes.freeze()),
            }
        }
    }
}

#[async_trait]
impl Objects for Https {
    async fn get(&self, path: &str) -> Result<Bytes> {
        for wait in AGAIN {
            match self.once(path).await {
                Err(Error::Generic { .. }) => tokio::time::sleep(wait).await,
                other => return other,
            }
        }
        self.once(path).await
    }
}

/// What speaks HTTPS as the command line says; `plain`: also HTTP.
pub(crate) fn http_client(args: &SourceArgs, plain: bool) -> Result<reqwest::Client, Stop> {
    let mut headers = HeaderMap::new();
    if let Some(file) = &args.token_file {
        let token = std::fs::read_to_string(file).map_err(|error| Stop::file(file, &error))?;
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| Stop::Usage(format!("{} holds no token", file.display())))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls(args)?)
        .https_only(!plain)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENT)
        .default_headers(headers)
        .build()
        .map_err(|error| Stop::Usage(error.to_string()))
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::Generic {
        store: "https",
        source: format!("{error:#}").into(),
    }
}

/// TLS 1.3, the system's roots and those that are named.
fn tls(args: &SourceArgs) -> Result<ClientConfig, Stop> {
    let usage = |error: &dyn std::fmt::Display| Stop::Usage(format!("TLS: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = match &args.ca {
        Some(file) => certificates(file)?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| usage(&error))?
        // The name is the builder's: this verifier checks as much as the default one.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.map_err(|error| usage(&error))?));
    let mut config = match (&args.certificate, &args.private_key) {
        (Some(chain), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| usage(&format!("{}: {error}", key.display())))?;
            builder
                .with_client_auth_cert(certificates(chain)?, private)
                .map_err(|error| usage(&error))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Stop> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| Stop::Usage(format!("{}: {error}", file.display())))
}
