//! What a configuration must be like before anything is opened.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use figment::error::Kind;
use url::{Host, Url};

use super::{Client, Config, User};
use crate::error::Error;

const DAY: u64 = 24 * 60 * 60;

/// Names the key and what it must be, never the value, which may be a password.
pub(super) fn unreadable(error: &figment::Error, source: &Path) -> Error {
    let field = if error.path.is_empty() {
        source.display().to_string()
    } else {
        error.path.join(".")
    };
    let problem = match &error.kind {
        Kind::UnknownField(name, known) => {
            format!("unknown key `{name}`; known are {}", known.join(", "))
        }
        Kind::MissingField(name) => format!("key `{name}` is missing"),
        Kind::InvalidType(_, expected)
        | Kind::InvalidValue(_, expected)
        | Kind::InvalidLength(_, expected) => format!("must be {expected}"),
        // A syntax error goes on with the line that it is about.
        other => {
            let text = other.to_string();
            text.lines().next().unwrap_or_default().to_owned()
        }
    };
    let problem = format!("{problem} (in {})", source.display());
    Error::Config { field, problem }
}

pub(super) fn config(config: &Config) -> Result<(), Error> {
    listen(config.listen)?;
    issuer(&config.issuer, config.listen.port())?;
    ttls(config)?;
    let clients = config.clients.iter().map(|client| &client.client_id);
    unique("clients.client_id", clients)?;
    config.clients.iter().try_for_each(client)?;
    let users = config.users.iter().map(|user| &user.username);
    unique("users.username", users)?;
    config.users.iter().try_for_each(user)
}

fn listen(listen: SocketAddr) -> Result<(), Error> {
    require("listen", listen.ip().is_loopback(), || {
        "must be a loopback address: this issuer is for development only".to_owned()
    })?;
    require("listen", listen.port() != 0, || {
        "must name a port, the one in the issuer URL".to_owned()
    })
}

fn issuer(issuer: &Url, port: u16) -> Result<(), Error> {
    let bare = issuer.path() == "/"
        && issuer.query().is_none()
        && issuer.fragment().is_none()
        && issuer.username().is_empty()
        && issuer.password().is_none();
    let here = is_loopback(issuer) && issuer.port_or_known_default() == Some(port);
    require("issuer", issuer.scheme() == "https" && bare && here, || {
        format!("must be https://localhost:{port} or the same with a loopback address")
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn ttls(config: &Config) -> Result<(), Error> {
    let access = config.access_token_ttl_secs;
    let within = |field, value, least, most| {
        require(field, (least..=most).contains(&value), || {
            format!("must be {least} to {most} seconds")
        })
    };
    within("access_token_ttl_secs", access, 1, 60 * 60)?;
    within(
        "refresh_token_ttl_secs",
        config.refresh_token_ttl_secs,
        access,
        30 * DAY,
    )?;
    // Shorter, and tokens would outlive the key that proves them.
    within(
        "retired_key_ttl_secs",
        config.retired_key_ttl_secs,
        access,
        DAY,
    )
}

fn client(client: &Client) -> Result<(), Error> {
    require("clients.client_id", !client.client_id.is_empty(), || {
        "must not be empty".to_owned()
    })?;
    require("clients.audience", !client.audience.is_empty(), || {
        "must not be empty".to_owned()
    })?;
    let must_be = || {
        "must be absolute URIs without fragment: https, http on loopback, or a private-use scheme \
         with a dot (RFC 8252)"
            .to_owned()
    };
    let usable = |uris: &[String]| uris.iter().all(|uri| is_redirect_uri(uri));
    let logins = &client.redirect_uris;
    require(
        "clients.redirect_uris",
        !logins.is_empty() && usable(logins),
        must_be,
    )?;
    let logouts = &client.post_logout_redirect_uris;
    require(
        "clients.post_logout_redirect_uris",
        usable(logouts),
        must_be,
    )
}

fn is_redirect_uri(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| {
        uri.fragment().is_none()
            && match uri.scheme() {
                "https" => true,
                "http" => is_loopback(&uri),
                scheme => scheme.contains('.'),
            }
    })
}

fn user(user: &User) -> Result<(), Error> {
    let complete = !user.username.is_empty() && !user.password.0.is_empty() && !user.sub.is_empty();
    require("users", complete, || {
        "username, password and sub must not be empty".to_owned()
    })
}

fn unique<'a>(field: &str, values: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    let mut values = values;
    require(field, values.all(|value| seen.insert(value)), || {
        "must not occur twice".to_owned()
    })
}

fn require(field: &str, holds: bool, problem: impl FnOnce() -> String) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    Err(Error::Config {
        field: field.to_owned(),
        problem: problem(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = r#"
        listen = "127.0.0.1:8443"
        issuer = "https://localhost:8443"
        signing_key_file = "key.pem"
        [tls]
        certificate_file = "tls.crt"
        private_key_file = "tls.key"
        [[clients]]
        client_id = "app"
        redirect_uris = ["https://app.example/callback", "org.example.app:/callback"]
        scopes = ["openid", "access"]
        audience = "smarthome"
        [[users]]
        username = "anna"
        password = "hunter2"
        sub = "1"
    "#;

    fn problem(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        Config::parse(&GOOD.replace(from, to))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_good_one_is_read_with_its_defaults() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!(config.issuer(), "https://localhost:8443");
        assert_eq!(config.access_token_ttl_secs, 300);
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (r#""127.0.0.1:8443""#, r#""0.0.0.0:8443""#, "listen"),
            (r#""127.0.0.1:8443""#, r#""192.0.2.1:8443""#, "listen"),
            (r#""127.0.0.1:8443""#, r#""127.0.0.1:0""#, "listen"),
            ("https://localhost:8443", "http://localhost:8443", "issuer"),
            ("https://localhost:8443", "https://localhost:8444", "issuer"),
            (
                "https://localhost:8443",
                "https://id.example:8443",
                "issuer",
            ),
            (
                "https://localhost:8443",
                "https://localhost:8443/x",
                "issuer",
            ),
            ("signing_key_file", "signing_key_fiel", "signing_key_fiel"),
            ("audience", "# audience", "audience"),
            (
                "https://app.example/callback",
                "javascript:x",
                "redirect_uris",
            ),
            (
                "https://app.example/callback",
                "http://app.example/",
                "redirect_uris",
            ),
            ("https://app.example/callback", "/callback", "redirect_uris"),
            (
                r#"scopes = ["#,
                "post_logout_redirect_uris = [\"/signed-out\"]\n        scopes = [",
                "post_logout_redirect_uris",
            ),
            (r#"sub = "1""#, r#"sub = """#, "users"),
            (
                "[tls]",
                "retired_key_ttl_secs = 10\n[tls]",
                "retired_key_ttl_secs",
            ),
        ];
        for (from, to, field) in cases {
            let text = problem(from, to);
            assert!(text.contains(field), "{to}: {text}");
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        for broken in ["4711", r#"["4711"]"#, r#""4711"#] {
            let text = problem(r#""hunter2""#, broken);
            assert!(!text.contains("4711"), "{text}");
        }
    }
}
