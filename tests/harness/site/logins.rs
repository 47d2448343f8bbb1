//! Where people of a site log in, and who takes the tokens of there.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use url::Url;

use super::roles::{
    AUDIENCE, CLIENT_ID, CONSOLE_CLIENT_ID, REDIRECT_URI, TOOL_CLIENT_ID, USERS, WEB_CLIENT_ID,
};
use super::{Part, Site, configs};
use crate::engines::keycloak::Keycloak;

impl Site {
    /// Has everybody log in at Keycloak, at a realm of this site's own, in place of the development
    /// issuer. To be said before anything of the site is started or configured.
    ///
    /// # Errors
    /// Keycloak can't be had, or does not start; a file can't be written.
    pub async fn log_in_at_keycloak(&mut self) -> Result<()> {
        self.realm = Some(Keycloak::realm_of(self).await?);
        configs::write(self)
    }

    /// The issuer's URL.
    ///
    /// # Errors
    /// Never in practice: the URL is well formed.
    pub fn issuer(&self) -> Result<Url> {
        let url = match &self.realm {
            Some(realm) => realm.issuer().to_owned(),
            None => format!("https://localhost:{}", self.ports.issuer.number()),
        };
        Ok(Url::parse(&url)?)
    }

    /// What vouches for the issuer's certificate.
    pub fn issuer_roots(&self) -> &Path {
        match &self.realm {
            Some(realm) => realm.roots(),
            None => self.pki.bundle(),
        }
    }

    /// What the issuer knows somebody by (`sub`).
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn user_id(&self, username: &str) -> Result<&str> {
        if let Some(realm) = &self.realm {
            return realm.user_id(username);
        }
        let user = USERS.iter().find(|user| user.username == username);
        user.map(|user| user.sub).context("no such user")
    }
}

/// The issuer identifier, as it stands in tokens.
fn issuer(site: &Site) -> Result<String> {
    Ok(site.issuer()?.as_str().trim_end_matches('/').to_owned())
}

/// Whose tokens are taken, of these clients besides the app.
fn taken(site: &Site, besides: &str) -> Result<Value> {
    Ok(json!({
        "issuer": issuer(site)?,
        "audience": AUDIENCE,
        "allowed_clients": [CLIENT_ID, besides],
        "ca_file": site.issuer_roots(),
    }))
}

/// `[issuer]` of whoever serves residents.
pub(super) fn owners(site: &Site) -> Result<Value> {
    taken(site, WEB_CLIENT_ID)
}

/// The same of whoever serves auditors.
pub(super) fn auditors(site: &Site) -> Result<Value> {
    taken(site, CONSOLE_CLIENT_ID)
}

/// The same of whoever serves operators.
pub(super) fn operators(site: &Site) -> Result<Value> {
    taken(site, TOOL_CLIENT_ID)
}

/// `[login]` of a page: public at the development issuer, else with a key of its own.
pub(super) fn page(site: &Site, client_id: &str, origin: &str) -> Result<Value> {
    let mut provider = json!({
        "issuer": issuer(site)?,
        "client_id": client_id,
        "ca_file": site.issuer_roots(),
    });
    if site.realm.is_some() {
        provider["client_key"] = json!(site.certificates.pages[client_id].private_key);
        provider["client_key_id"] = json!(client_id);
    }
    Ok(json!({ "origin": origin, "provider": provider }))
}

/// The development issuer's own configuration.
pub(super) fn development(site: &Site) -> Value {
    let tls = &site.certificates.servers[&Part::Issuer];
    let name = format!("https://localhost:{}", site.ports.issuer.number());
    let client = |client_id: &str, redirects: Value, logouts: Value| {
        json!({
            "client_id": client_id,
            "redirect_uris": redirects,
            "post_logout_redirect_uris": logouts,
            "scopes": ["openid", "access"],
            "audience": AUDIENCE,
        })
    };
    let page = |client_id: &str, origin: String| {
        let (callback, signed_out) = (format!("{origin}/callback"), format!("{origin}/signed-out"));
        client(client_id, json!([callback]), json!([signed_out]))
    };
    let users = USERS.iter().map(|user| {
        json!({
            "username": user.username,
            "password": user.password,
            "sub": user.sub,
            "roles": user.roles,
            "complexes": user.complexes,
        })
    });
    json!({
        "listen": site.ports.issuer.address(),
        "issuer": name,
        "signing_key_file": site.dir.join("keys/issuer-signing.pem"),
        "tls": { "certificate_file": tls.certificate, "private_key_file": tls.private_key },
        "clients": [
            client(CLIENT_ID, json!([REDIRECT_URI]), json!([])),
            client(TOOL_CLIENT_ID, json!(["http://127.0.0.1/callback"]), json!([])),
            page(WEB_CLIENT_ID, site.app_url()),
            page(CONSOLE_CLIENT_ID, site.console_url()),
        ],
        "users": users.collect::<Vec<Value>>(),
    })
}
