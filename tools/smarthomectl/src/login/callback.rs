//! Where the browser comes back to: a port of 127.0.0.1 that is free (RFC 8252, section 7.3), for one
//! answer. Whatever else arrives is turned away, and the wait goes on.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use weblogin::{Asked, Code, Provider, code, one};

/// The path of the redirect URI.
const PATH: &str = "/callback";
/// Largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long a browser may take to send one.
const SLOW: Duration = Duration::from_secs(5);

/// A listener for the answer.
pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    /// Takes a free port.
    pub(super) async fn listen() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.context("can't listen on 127.0.0.1")?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// The code of the answer to `asked`.
    ///
    /// # Errors
    /// The issuer's refusal.
    pub(super) async fn answer(&self, asked: &Asked, issuer: &Provider) -> Result<Code> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            let head = tokio::time::timeout(SLOW, head(&mut stream)).await;
            let target = head.ok().flatten();
            let target = target.and_then(|target| self.callback(&target));
            let Some(target) = target else {
                tell(&mut stream, "404 Not Found", "There is nothing here.").await;
                continue;
            };
            // Whoever doesn't know the state is not answered to, and ends nothing.
            if one(&target, "state").as_deref() != Some(asked.state.as_str()) {
                let text = "This is not the login that was begun.";
                tell(&mut stream, "400 Bad Request", text).await;
                continue;
            }
            let code = code(&target, issuer);
            match &code {
                Ok(_) => {
                    let text = "You are logged in. This window can be closed.";
                    tell(&mut stream, "200 OK", text).await;
                }
                Err(_) => {
                    let text = "The login was refused. The terminal says why.";
                    tell(&mut stream, "200 OK", text).await;
                }
            }
            return Ok(code?);
        }
    }

    fn callback(&self, target: &str) -> Option<Url> {
        let base = Url::parse(&self.redirect_uri()).ok()?;
        let url = base.join(target).ok()?;
        (url.origin() == base.origin() && url.path() == PATH).then_some(url)
    }
}

/// The target of a GET request (RFC 9112, section 3).
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 || head.len() + read > MAX_HEAD {
            return None;
        }
        head.extend_from_slice(&chunk[..read]);
    }
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let good = method == "GET" && target.starts_with('/') && version.starts_with("HTTP/1.");
    good.then(|| target.to_owned())
}

async fn tell(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><meta charset=utf-8><title>smarthomectl</title><p>{text}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // Whether the person sees it changes nothing.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
