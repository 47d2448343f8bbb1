//! A bucket behind the S3 API as the storage of logs.

mod address;
mod http;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use rustls::ClientConfig;
use url::Url;
use zeroize::Zeroizing;

use crate::{Error, Result, probe};
use address::Bucket;
use http::Connector;

/// A request is tried once more so often; then whoever asked hears of the failure, and decides.
const RETRIES: usize = 2;

/// How a bucket is reached.
pub struct S3Options {
    /// The server, such as `https://s3.example.org:8333`; without it Amazon's for the region.
    /// `http` goes only to this machine, unless [`insecure`](Self::insecure).
    pub endpoint: Option<Url>,
    /// The region that requests are signed for (AWS Signature Version 4).
    pub region: String,
    /// The name of the key that requests are signed with.
    pub access_key_id: Zeroizing<String>,
    /// The key itself.
    pub secret_access_key: Zeroizing<String>,
    /// Whom to trust and what to show, over `https`; none over `http`.
    pub tls: Option<ClientConfig>,
    /// What the server is asked to encrypt objects with; without it what the bucket says.
    pub encryption: Option<Encryption>,
    /// Allows `http` to another machine: keys stay secret, what is stored does not.
    pub insecure: bool,
    /// How long it may take to get a connection.
    pub connect_timeout: Duration,
    /// How long one try of a request may take, with its answer.
    pub request_timeout: Duration,
}

/// Encryption at rest, by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of the server's own (SSE-S3, AES-256).
    Aes256,
    /// With the key of this id or ARN in the server's key management (SSE-KMS).
    Kms(String),
}

/// What the storage is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To write logs, and to read them.
    Write,
    /// To read them, with keys that can do nothing else.
    Read,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("endpoint", &self.endpoint.as_ref().map(Url::as_str))
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Whether `url` names a bucket, `s3://bucket[/prefix]`, and the endpoint can be meant for it;
/// nothing is opened. True where TLS is spoken.
///
/// # Errors
/// [`Error::Options`], which says how they are written.
pub fn check_s3(url: &Url, endpoint: Option<&Url>, insecure: bool) -> Result<bool> {
    Bucket::parse(url)?;
    address::is_encrypted(endpoint, insecure)
}

impl S3Options {
    fn check(&self, encrypted: bool) -> Result<()> {
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        let checks = [
            (
                encrypted == self.tls.is_some(),
                "an https `endpoint` needs TLS settings, an http one takes none",
            ),
            (
                word(&self.region),
                "`region` must be named; servers of one's own mostly say us-east-1",
            ),
            (
                word(&self.access_key_id) && word(&self.secret_access_key),
                "the files of the access key and its secret must hold one word each",
            ),
            (
                !matches!(&self.encryption, Some(Encryption::Kms(key)) if !word(key)),
                "`encryption.kms` must be the id or ARN of a key",
            ),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Error::Options(rule.to_owned())),
            None => Ok(()),
        }
    }
}

/// Opens a bucket: `s3://bucket[/prefix]`.
///
/// To write, the server must keep what exists when it is asked to create it again (a PUT with
/// `If-None-Match: *`, RFC 9110 section 13.1.2), also when many ask at once. That is tried out
/// first, on objects below `.probe/`, which are removed again where the keys allow that. Logs
/// would not notice a server that overwrites them until somebody compares.
///
/// # Errors
/// [`Error::Options`]; [`Error::Unfit`] when the server can't keep a log or doesn't let us in;
/// [`Error::Store`] when it can't be reached or fails.
pub async fn open_s3(
    url: &Url,
    options: &S3Options,
    access: Access,
) -> Result<Arc<dyn ObjectStore>> {
    options.check(check_s3(url, options.endpoint.as_ref(), options.insecure)?)?;
    let store = build(&Bucket::parse(url)?, options)?;
    match access {
        Access::Write => probe::creates_only(&*store).await?,
        Access::Read => probe::reads(&*store).await?,
    }
    Ok(store)
}

fn build(bucket: &Bucket, options: &S3Options) -> Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: options.request_timeout,
    };
    // Nothing is taken from the environment.
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&bucket.name)
        .with_region(&options.region)
        .with_access_key_id(options.access_key_id.as_str())
        .with_secret_access_key(options.secret_access_key.as_str())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        // Single deletes are what every server and every policy knows.
        .with_disable_bulk_delete(true)
        .with_retry(retry)
        .with_http_connector(Connector::new(options)?);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.as_str());
    }
    builder = match &options.encryption {
        None => builder,
        Some(Encryption::Aes256) => {
            let kind: AmazonS3ConfigKey = "aws_server_side_encryption".parse()?;
            builder.with_config(kind, "AES256")
        }
        Some(Encryption::Kms(key)) => builder.with_sse_kms_encryption(key),
    };
    Ok(Arc::new(PrefixStore::new(
        builder.build()?,
        bucket.prefix.clone(),
    )))
}
