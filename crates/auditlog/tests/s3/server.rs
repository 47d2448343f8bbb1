//! An S3 server in a thread of its own: signatures, XML and routes are those of `s3s`.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use auditlog::S3Options;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use url::Url;
use zeroize::Zeroizing;

use super::bucket::{BUCKET, Bucket};

pub(crate) const KEY: &str = "AKIACANARYKEY";
pub(crate) const SECRET: &str = "canary-secret-0123456789";

/// Stopped when dropped.
pub(crate) struct Server {
    pub(crate) bucket: Bucket,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(bucket: Bucket) -> Self {
        Self::start_at(bucket, "127.0.0.1:0".parse().unwrap(), None)
    }

    pub(crate) fn start_at(bucket: Bucket, at: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (listening, address) = std::sync::mpsc::channel();
        let kept = bucket.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind(at).await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, bucket, tls) => {}
                }
            });
        });
        Self {
            bucket: kept,
            address: address.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The same server once more, after [`stop`](Self::stop).
    pub(crate) fn restart(&mut self) {
        *self = Self::start_at(self.bucket.clone(), self.address, None);
    }

    /// Ends it, with all connections.
    pub(crate) fn stop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn options(&self) -> S3Options {
        S3Options {
            endpoint: Some(format!("http://{}", self.address).parse().unwrap()),
            region: "eu-central-1".to_owned(),
            access_key_id: Zeroizing::new(KEY.to_owned()),
            secret_access_key: Zeroizing::new(SECRET.to_owned()),
            tls: None,
            encryption: None,
            insecure: false,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) fn url(prefix: &str) -> Url {
    format!("s3://{BUCKET}/{prefix}").parse().unwrap()
}

async fn serve(listener: TcpListener, bucket: Bucket, tls: Option<TlsAcceptor>) {
    let service = {
        let mut builder = S3ServiceBuilder::new(bucket);
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        builder.build()
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (service, tls) = (service.clone(), tls.clone());
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // A connection that breaks concerns its client only.
            match tls {
                None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        drop(http.serve_connection(TokioIo::new(stream), service).await);
                    }
                }
            }
        });
    }
}
