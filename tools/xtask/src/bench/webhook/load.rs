//! The load: clients of the partner, each with a connection of its own, that each send again as soon
//! as they are answered.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use authn::tls::{ClientTls, ClientTlsFiles, Protocol};
use harness::site::Site;
use hdrhistogram::Histogram;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use service::config::SecretFile;
use standardwebhooks::Webhook;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::scene::{COMPLEXES, complex_id, door_id};
use super::spent::Spent;

/// Requests that each client has signed beforehand, and sends by turns.
const SIGNED: usize = 8;
/// How long a client waits after a refusal: less than Retry-After asks for.
const PAUSE: Duration = Duration::from_millis(100);

/// How much is sent.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Events of a request.
    pub(super) batch: usize,
    /// Requests in flight.
    pub(super) clients: usize,
    /// Whether a connection is used again.
    pub(super) kept: bool,
    /// For how long new requests are begun.
    pub(super) time: Duration,
}

/// How the partner sends.
pub(super) struct Sender {
    tls: Arc<ClientTls>,
    url: String,
    secret: Webhook,
}

/// A request, ready to be sent.
struct Signed {
    id: String,
    timestamp: i64,
    signature: String,
    body: String,
}

impl Sender {
    /// The site's partner.
    ///
    /// # Errors
    /// A file can't be used.
    pub(super) fn of(site: &Site) -> Result<Self> {
        let issued = &site.certificates.partner;
        let files = ClientTlsFiles {
            certificate: issued.certificate.clone().into(),
            private_key: SecretFile::new(issued.private_key.clone()),
            server_roots: site.pki.bundle().to_owned().into(),
            server_revocations: None,
        };
        Ok(Self {
            tls: ClientTls::load(files, Protocol::Http)?,
            url: format!(
                "https://localhost:{}/v1/events",
                site.ports.webhook.number()
            ),
            secret: secret(&site.keys.webhook)?,
        })
    }

    /// Sends so much.
    ///
    /// # Errors
    /// A request is neither taken nor refused with Retry-After.
    pub(super) async fn run(self: &Arc<Self>, load: &Load) -> Result<Spent> {
        let mut clients = Vec::new();
        for client in 0..load.clients {
            let signed: Vec<_> = (0..SIGNED)
                .map(|number| self.sign(client * SIGNED + number, load.batch))
                .collect::<Result<_>>()?;
            clients.push((self.client(load.kept)?, signed));
        }
        let start = Instant::now();
        let mut sending = JoinSet::new();
        for (client, signed) in clients {
            let (this, load) = (Arc::clone(self), *load);
            sending.spawn(async move { this.send(&client, &signed, &load, start).await });
        }
        let mut spent = Spent {
            batch: load.batch,
            ..Spent::default()
        };
        while let Some(sent) = sending.join_next().await {
            let (latencies, refused) = sent??;
            spent.take(&latencies, refused);
        }
        spent.time = start.elapsed();
        Ok(spent)
    }

    fn client(&self, kept: bool) -> Result<Client> {
        let mut tls = (*self.tls.current().config).clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy();
        let builder = if kept {
            builder
        } else {
            builder.pool_max_idle_per_host(0)
        };
        Ok(builder.build()?)
    }

    async fn send(
        &self,
        client: &Client,
        signed: &[Signed],
        load: &Load,
        start: Instant,
    ) -> Result<(Histogram<u64>, u64)> {
        let (mut latencies, mut refused) = (Histogram::new(3)?, 0);
        let kind = if load.batch == 1 {
            "application/cloudevents+json"
        } else {
            "application/cloudevents-batch+json"
        };
        for signed in signed.iter().cycle() {
            if start.elapsed() >= load.time {
                break;
            }
            let begun = Instant::now();
            let request = client
                .post(&self.url)
                .header(CONTENT_TYPE, kind)
                .header("webhook-id", &signed.id)
                .header("webhook-timestamp", signed.timestamp)
                .header("webhook-signature", &signed.signature)
                .body(signed.body.clone());
            let answer = request.send().await?;
            let (status, again) = (answer.status(), answer.headers().get(RETRY_AFTER).cloned());
            let text = answer.text().await?;
            match (status, again) {
                (StatusCode::OK, _) if !text.contains("rejected") => {
                    latencies.record(u64::try_from(begun.elapsed().as_nanos())?)?;
                }
                (StatusCode::SERVICE_UNAVAILABLE, Some(_)) => {
                    refused += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                _ => bail!("{status}: {text}"),
            }
        }
        Ok((latencies, refused))
    }

    fn sign(&self, number: usize, batch: usize) -> Result<Signed> {
        let events: Vec<_> = (0..batch).map(|at| event(number + at, at)).collect();
        let body = match events.as_slice() {
            [event] => event.to_string(),
            events => serde_json::to_string(events)?,
        };
        let (id, timestamp) = (Uuid::new_v4().to_string(), Timestamp::now().as_second());
        let signature = self.secret.sign(&id, timestamp, body.as_bytes())?;
        Ok(Signed {
            id,
            timestamp,
            signature,
            body,
        })
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (batch, clients) = (self.batch, self.clients);
        let connections = if self.kept { "kept" } else { "new" };
        write!(
            f,
            "{batch} a request, {clients} clients, {connections} connections"
        )
    }
}

fn secret(file: &Path) -> Result<Webhook> {
    let text = std::fs::read_to_string(file)?;
    let base64 = text.trim().strip_prefix("whsec_");
    let secret = Webhook::new(base64.context("not a webhook secret")?);
    secret.ok().context("not a webhook secret")
}

/// Somebody's plate was matched at a door just now.
fn event(number: usize, at: usize) -> Value {
    let (complex, now) = (number % COMPLEXES, Timestamp::now());
    json!({
        "specversion": "1.0",
        "id": Uuid::now_v7().to_string(),
        "source": format!("urn:smarthome:partner:{}", harness::site::PARTNER),
        "type": "access.granted",
        "time": now.to_string(),
        "datacontenttype": "application/json",
        "data": {
            "complex": complex_id(complex), "device": door_id(complex), "method": "plate",
            "credential_id": Uuid::new_v4().to_string(), "occurred_at": now.to_string(),
            "epoch": 1, "sequence": at,
        },
    })
}
