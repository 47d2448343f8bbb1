//! Where a bucket is.

use object_store::path::Path;
use url::{Host, Url};

use crate::{Error, Result};

const URL_RULE: &str = "write s3://bucket or s3://bucket/prefix, with a bucket of 3 to 63 of a-z, 0-9, '.' and '-' and a prefix of letters, digits, '.', '_' and '-' between single '/'; keys stand in files";
const ENDPOINT_RULE: &str = "`endpoint` must be https://host[:port] without a path; http is taken to this machine only, or with `insecure = true`";

/// `s3://bucket[/prefix]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) prefix: Path,
}

impl Bucket {
    pub(super) fn parse(url: &Url) -> Result<Self> {
        let name = url.host_str().unwrap_or_default();
        let prefix = url.path().strip_prefix('/').unwrap_or_default();
        let good = url.scheme() == "s3"
            && is_bare(url)
            && url.port().is_none()
            && is_bucket(name)
            && (prefix.is_empty() || prefix.split('/').all(is_segment));
        if !good {
            return Err(Error::Options(URL_RULE.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            prefix: Path::from(prefix),
        })
    }
}

/// Whether the endpoint speaks TLS.
pub(super) fn is_encrypted(endpoint: Option<&Url>, insecure: bool) -> Result<bool> {
    let Some(endpoint) = endpoint else {
        return Ok(true);
    };
    let bare = is_bare(endpoint) && endpoint.path() == "/" && endpoint.has_host();
    match endpoint.scheme() {
        "https" if bare => Ok(true),
        "http" if bare && (insecure || is_loopback(endpoint)) => Ok(false),
        _ => Err(Error::Options(ENDPOINT_RULE.to_owned())),
    }
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// As "Bucket naming rules" of Amazon S3 has it, mostly.
fn is_bucket(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|c| plain(c) || matches!(c, '.' | '-'))
        && name.starts_with(plain)
        && name.ends_with(plain)
        && !name.contains("..")
}

fn is_segment(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.chars().all(plain) && text.chars().any(|c| c != '.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn buckets_and_prefixes_are_read() {
        for (url, name, prefix) in [
            ("s3://audit", "audit", ""),
            ("s3://audit/", "audit", ""),
            ("s3://a.b-9/site/Tiles_1.0", "a.b-9", "site/Tiles_1.0"),
        ] {
            let bucket = Bucket::parse(&url.parse().unwrap()).unwrap();
            assert_eq!((&*bucket.name, bucket.prefix.as_ref()), (name, prefix));
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        for url in [
            "s3:///tiles",
            "s3://ab",
            "s3://Audit",
            "s3://audit-/x",
            "s3://a..b/x",
            "s3://audit//x",
            "s3://audit/x/",
            "s3://audit/%2f/x",
            "s3://audit/a%20b",
            "s3://audit/x?region=secret",
            "s3://audit/x#secret",
            "s3://key:secret@audit/x",
            "s3://audit:9000/x",
            "https://audit/x",
        ] {
            let error = Bucket::parse(&url.parse().unwrap()).unwrap_err();
            assert!(matches!(error, Error::Options(_)), "{url}");
            assert!(!error.to_string().contains("secret"), "{url}");
        }
    }

    #[test]
    fn plain_text_stays_on_this_machine_unless_allowed() {
        let check = |url: &str, insecure| {
            let url: Url = url.parse().unwrap();
            is_encrypted(Some(&url), insecure)
        };
        assert!(is_encrypted(None, false).unwrap());
        assert!(check("https://s3.example.org:8333", false).unwrap());
        for near in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost"] {
            assert!(!check(near, false).unwrap(), "{near}");
        }
        assert!(!check("http://s3.example.org", true).unwrap());
        for refused in [
            "http://s3.example.org",
            "http://localhost.example.org",
            "ftp://localhost",
            "https://key:secret@s3.example.org",
            "https://s3.example.org/path",
            "https://s3.example.org/?x=secret",
        ] {
            let error = check(refused, false).unwrap_err().to_string();
            assert!(error.contains("`endpoint`"), "{refused}");
            assert!(!error.contains("secret"), "{refused}");
        }
    }
}
