//! What the realm of a site is made of: its pages as confidential clients, and everybody.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use serde_json::{Value, json};

use super::realm::{Contents, client};
use crate::engines::apps::{App, RESIDENT};
use crate::pki::Issued;
use crate::site::roles::AUDIENCE;
use crate::site::{CONSOLE_CLIENT_ID, Site, USERS, WEB_CLIENT_ID};

/// How long access tokens live.
const TTL: Duration = Duration::from_secs(300);
/// What says which roles a person has, and which complexes they have to do with.
const PERIMETER: &str = "perimeter";

impl Contents {
    /// Everybody, the pages of this site, and the app, with which the harness logs anybody in.
    pub(super) fn site(site: &Site) -> Result<Self> {
        let mut app = client(&RESIDENT);
        widen(&mut app)?;
        let web = page(site, WEB_CLIENT_ID, &site.app_url())?;
        let mut console = page(site, CONSOLE_CLIENT_ID, &site.console_url())?;
        widen(&mut console)?;
        Ok(Self {
            clients: vec![app, web, console],
            scope_mappings: json!([
                { "client": RESIDENT.client_id, "roles": ["auditor", "operator"] },
                { "client": CONSOLE_CLIENT_ID, "roles": ["auditor"] },
            ]),
            users: &USERS,
            access_token_ttl: TTL,
        })
    }
}

/// A page: it proves itself with a key (OpenID Connect Core 1.0, section 9, `private_key_jwt`), and
/// browsers are sent to two addresses of it, no others.
fn page(site: &Site, client_id: &'static str, origin: &str) -> Result<Value> {
    let mut page = client(&App {
        client_id,
        audience: AUDIENCE,
    });
    let keys = json!({ "keys": [jwk(client_id, &site.certificates.pages[client_id])?] });
    page["publicClient"] = json!(false);
    page["clientAuthenticatorType"] = json!("client-jwt");
    page["redirectUris"] = json!([format!("{origin}/callback")]);
    let attributes = [
        ("post.logout.redirect.uris", format!("{origin}/signed-out")),
        ("token.endpoint.auth.signing.alg", "ES256".to_owned()),
        ("use.jwks.string", "true".to_owned()),
        ("jwks.string", keys.to_string()),
    ];
    for (name, value) in attributes {
        page["attributes"][name] = json!(value);
    }
    Ok(page)
}

/// Has a client's tokens say what [`PERIMETER`] says.
fn widen(client: &mut Value) -> Result<()> {
    let scopes = client["defaultClientScopes"].as_array_mut();
    scopes.context("a client's scopes")?.push(json!(PERIMETER));
    Ok(())
}

/// The public half of a P-256 key (RFC 7517, section 4; RFC 7518, section 6.2).
fn jwk(key_id: &str, issued: &Issued) -> Result<Value> {
    let key = KeyPair::from_pem(&fs::read_to_string(&issued.private_key)?)?;
    // SEC 1, section 2.3.3: uncompressed, a byte and two coordinates.
    let point = key.public_key_raw();
    let coordinate = |from: usize| {
        let bytes = point.get(from..from + 32).context("a P-256 key")?;
        anyhow::Ok(URL_SAFE_NO_PAD.encode(bytes))
    };
    Ok(json!({
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": key_id,
        "x": coordinate(1)?,
        "y": coordinate(33)?,
    }))
}
