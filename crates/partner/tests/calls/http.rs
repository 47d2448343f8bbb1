//! As much of HTTP/1.1 as it takes to misuse it.

use std::collections::BTreeMap;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Which connection, counted from 0.
    pub(crate) connection: usize,
    /// The client certificate of that connection.
    pub(crate) certificate: Vec<u8>,
}

impl Asked {
    pub(crate) fn is_token(&self) -> bool {
        self.target == "/oauth/token"
    }

    /// A parameter of a form.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

pub(crate) fn whole(status: u16, media: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let content = if status == 204 {
        String::new()
    } else {
        format!("content-type: {media}\r\ncontent-length: {length}\r\n")
    };
    format!("HTTP/1.1 {status} x\r\n{content}\r\n{body}").into_bytes()
}

/// One HTTP/1.1 request with a body of stated length.
pub(crate) async fn read(stream: &mut TlsStream<TcpStream>) -> std::io::Result<Option<Asked>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) if head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    assert_eq!(first.next(), Some("HTTP/1.1"));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Asked {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
        connection: 0,
        certificate: Vec::new(),
    }))
}
