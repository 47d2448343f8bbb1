//! A realm: an authorization server of its own, as far as its clients can tell.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator::Operator;
use crate::engines::apps::{APPS, App, OWNER};
use crate::site::REDIRECT_URI;

const REALM: &str = include_str!("realm.json");
const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

/// A realm with the apps of [`APPS`] and one user.
pub struct Realm {
    server: &'static super::Keycloak,
    operator: Operator,
    name: String,
    issuer: String,
    subject: String,
    /// How many signing keys it has had.
    keys: u32,
}

impl Realm {
    pub(super) async fn create(
        server: &'static super::Keycloak,
        access_token_ttl: Duration,
    ) -> Result<Self> {
        let root = server.node.root()?;
        let (name, subject) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        let realm = Self {
            operator: Operator::new(root.clone(), &std::fs::read(server.pki.bundle())?)?,
            issuer: root.join(&format!("/realms/{name}"))?.into(),
            server,
            name,
            subject,
            keys: 1,
        };
        let representation = realm.representation(access_token_ttl)?;
        realm
            .operator
            .call(Method::POST, "", Some(&representation))
            .await
            .context("make a realm")?;
        Ok(realm)
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What vouches for its server certificate.
    pub fn roots(&self) -> &Path {
        self.server.pki.bundle()
    }

    /// The user's `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Signs with a new key from now on; the old one stays published.
    ///
    /// # Errors
    /// The call is refused.
    pub async fn rotate(&mut self) -> Result<()> {
        self.keys += 1;
        let key = json!({
            "name": key_name(self.keys),
            "parentId": self.name,
            "providerType": KEY_PROVIDER,
            "providerId": "ecdsa-generated",
            "config": key_config(self.keys),
        });
        let path = format!("/{}/components", self.name);
        self.operator.call(Method::POST, &path, Some(&key)).await?;
        Ok(())
    }

    /// Withdraws every signing key but the newest.
    ///
    /// # Errors
    /// A call is refused.
    pub async fn withdraw(&mut self) -> Result<()> {
        let components = format!("/{}/components", self.name);
        let path = format!("{components}?type={KEY_PROVIDER}");
        let found = self.operator.call(Method::GET, &path, None).await?;
        let found = found.as_array().context("key providers")?;
        for old in found.iter().filter(|key| {
            key["providerId"] == "ecdsa-generated" && key["name"] != key_name(self.keys).as_str()
        }) {
            let id = old["id"].as_str().context("a component's id")?;
            let path = format!("{components}/{id}");
            self.operator.call(Method::DELETE, &path, None).await?;
        }
        Ok(())
    }

    fn representation(&self, access_token_ttl: Duration) -> Result<Value> {
        let mut realm: Value = serde_json::from_str(REALM)?;
        let members = [
            ("id", json!(self.name)),
            ("realm", json!(self.name)),
            ("accessTokenLifespan", json!(access_token_ttl.as_secs())),
            (
                "clients",
                APPS.iter().map(client).collect::<Vec<_>>().into(),
            ),
            ("users", json!([self.user()])),
        ];
        for (name, value) in members {
            realm[name] = value;
        }
        realm["components"][KEY_PROVIDER]
            .as_array_mut()
            .context("key providers in realm.json")?
            .push(json!({
                "name": key_name(1),
                "providerId": "ecdsa-generated",
                "config": key_config(1),
            }));
        Ok(realm)
    }

    /// A profile with gaps would be asked for at the login.
    fn user(&self) -> Value {
        json!({
            "id": self.subject,
            "username": OWNER.username,
            "email": "owner@smarthome.example",
            "emailVerified": true,
            "firstName": "Owner",
            "lastName": "Owner",
            "enabled": true,
            "credentials": [{ "type": "password", "value": OWNER.password }],
        })
    }
}

fn client(app: &App) -> Value {
    json!({
        "clientId": app.client_id,
        "publicClient": true,
        "standardFlowEnabled": true,
        "directAccessGrantsEnabled": false,
        "fullScopeAllowed": false,
        "redirectUris": [REDIRECT_URI],
        "defaultClientScopes": ["basic", format!("for-{}", app.audience)],
        "optionalClientScopes": ["access"],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "access.token.header.type.rfc9068": "true",
        },
    })
}

fn key_name(number: u32) -> String {
    format!("signing-{number}")
}

/// The newest has the highest priority, so it signs.
fn key_config(number: u32) -> Value {
    json!({
        "priority": [(100 + number).to_string()],
        "ecdsaEllipticCurveKey": ["P-256"],
    })
}
