//! A realm: an authorization server of its own, as far as its clients can tell.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operator::Operator;
use crate::engines::apps::{APPS, App};
use crate::site::{REDIRECT_URI, USERS, User};

const REALM: &str = include_str!("realm.json");
const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

/// What a realm has besides `realm.json`.
pub(super) struct Contents {
    pub(super) clients: Vec<Value>,
    /// Which roles may stand in a client's tokens.
    pub(super) scope_mappings: Value,
    pub(super) users: &'static [User],
    pub(super) access_token_ttl: Duration,
}

impl Contents {
    /// The apps of [`APPS`] and one user, [`OWNER`](crate::engines::apps::OWNER).
    pub(super) fn apps(access_token_ttl: Duration) -> Self {
        Self {
            clients: APPS.iter().map(client).collect(),
            scope_mappings: json!([]),
            users: &USERS[..1],
            access_token_ttl,
        }
    }
}

/// A realm: clients, and people who log in.
pub struct Realm {
    server: &'static super::Keycloak,
    operator: Operator,
    name: String,
    issuer: String,
    /// User ids by login name.
    subjects: Vec<(&'static str, String)>,
    /// How many signing keys it has had.
    keys: u32,
}

impl Realm {
    pub(super) async fn create(
        server: &'static super::Keycloak,
        contents: Contents,
    ) -> Result<Self> {
        let root = server.node.root()?;
        let name = Uuid::new_v4().to_string();
        // No two users of a server have the same, whatever their realm.
        let subjects = contents.users.iter();
        let subjects = subjects.map(|user| (user.username, Uuid::new_v4().to_string()));
        let realm = Self {
            operator: Operator::new(root.clone(), &std::fs::read(server.pki.bundle())?)?,
            issuer: root.join(&format!("/realms/{name}"))?.into(),
            server,
            name,
            subjects: subjects.collect(),
            keys: 1,
        };
        let representation = realm.representation(contents)?;
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

    /// The first user's `sub`.
    pub fn subject(&self) -> &str {
        self.subjects.first().map_or("", |(_, subject)| subject)
    }

    /// A user's `sub`.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn user_id(&self, username: &str) -> Result<&str> {
        let mut subjects = self.subjects.iter();
        let found = subjects.find(|(name, _)| *name == username);
        found
            .map(|(_, subject)| subject.as_str())
            .context("no such user")
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

    fn representation(&self, contents: Contents) -> Result<Value> {
        let mut realm: Value = serde_json::from_str(REALM)?;
        let users = contents.users.iter().zip(&self.subjects);
        let users = users.map(|(user, (_, subject))| person(user, subject));
        let complexes: BTreeSet<_> = contents
            .users
            .iter()
            .flat_map(|user| user.complexes)
            .collect();
        let groups = complexes.iter().map(|complex| json!({ "name": complex }));
        let members = [
            ("id", json!(self.name)),
            ("realm", json!(self.name)),
            (
                "accessTokenLifespan",
                json!(contents.access_token_ttl.as_secs()),
            ),
            ("groups", groups.collect::<Vec<_>>().into()),
            ("users", users.collect::<Vec<_>>().into()),
            ("clients", contents.clients.into()),
            ("scopeMappings", contents.scope_mappings),
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
}

/// A profile with gaps would be asked for at the login. Groups are what a person has to do with, and
/// nobody but an administrator changes them.
fn person(user: &User, subject: &str) -> Value {
    let groups = user.complexes.iter().map(|complex| format!("/{complex}"));
    json!({
        "id": subject,
        "username": user.username,
        "email": format!("{}@smarthome.example", user.username),
        "emailVerified": true,
        "firstName": user.username,
        "lastName": user.username,
        "enabled": true,
        "credentials": [{ "type": "password", "value": user.password }],
        "realmRoles": user.roles,
        "groups": groups.collect::<Vec<_>>(),
    })
}

/// A public client (RFC 8252) with PKCE.
pub(super) fn client(app: &App) -> Value {
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
