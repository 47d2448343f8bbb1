//! `cassandra://host[,host…]:port/keyspace`.

use url::Url;

use super::super::StoreError;

/// The port of the native protocol.
const PORT: u16 = 9042;
/// What the name of the keyspace beside it ends with.
const BESIDE: &str = "_b";
/// What the database allows for a name is 48.
const LONGEST_NAME: usize = 48 - BESIDE.len();

/// Where a keyspace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `host:port` of the nodes that are asked first; they name the others.
    pub(super) nodes: Vec<String>,
    /// Lower case, so that it needs no quotes.
    pub(super) keyspace: String,
}

impl Address {
    /// All nodes that are named listen on one port, as those of a cluster do.
    pub(super) fn parse(url: &Url) -> Result<Self, StoreError> {
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let keyspace = url.path().trim_start_matches('/');
        let hosts = url.host_str().unwrap_or_default();
        if !bare || !is_name(keyspace) || hosts.split(',').any(str::is_empty) {
            return Err(StoreError::Url);
        }
        let port = url.port().unwrap_or(PORT);
        Ok(Self {
            nodes: hosts
                .split(',')
                .map(|host| format!("{host}:{port}"))
                .collect(),
            keyspace: keyspace.to_owned(),
        })
    }

    /// The keyspace that every other generation of the views is in.
    pub(super) fn beside(&self) -> Self {
        Self {
            nodes: self.nodes.clone(),
            keyspace: format!("{}{BESIDE}", self.keyspace),
        }
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nodes_and_keyspace_are_read() {
        let read = |url: &str| Address::parse(&url.parse().unwrap()).unwrap();
        let one = read("cassandra://db.example/views");
        assert_eq!(
            (one.nodes, one.keyspace.as_str()),
            (vec!["db.example:9042".to_owned()], "views")
        );
        let three = read("cassandra://a,b,10.0.0.3:9142/smarthome_views");
        assert_eq!(three.nodes, ["a:9142", "b:9142", "10.0.0.3:9142"]);
    }

    #[test]
    fn anything_else_is_refused() {
        for url in [
            "cassandra:///views",
            "cassandra://a",
            "cassandra://a/",
            "cassandra://a/x/y",
            "cassandra://a/Views",
            "cassandra://a/9views",
            "cassandra://a/views;",
            "cassandra://a,/views",
            "cassandra://user:secret@a/views",
            "cassandra://a/views?x=1",
            "cassandra:views",
        ] {
            assert!(Address::parse(&url.parse().unwrap()).is_err(), "{url}");
        }
    }
}
