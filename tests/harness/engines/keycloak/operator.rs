//! Who makes and changes realms, over Keycloak's admin REST API.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use url::Url;

/// The operator's client, in the realm `master`; loopback only, and gone with the server.
pub(super) const CLIENT_ID: &str = "operator";
pub(super) const SECRET: &str = "readable: tests only";

/// An operator's tool.
pub(super) struct Operator {
    root: Url,
    http: reqwest::Client,
}

impl Operator {
    pub(super) fn new(root: Url, roots: &[u8]) -> Result<Self> {
        let http = dev_issuer::http_client(roots)?;
        Ok(Self { root, http })
    }

    /// Calls what is below `/admin/realms`; null where there is no answer.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let what = format!("{method} /admin/realms{path}");
        let url = self.root.join(&format!("/admin/realms{path}"))?;
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.token().await?);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context(what.clone())?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{what}: {status}: {text}");
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).context(what)
    }

    /// Each token knows only the realms that were there before it.
    async fn token(&self) -> Result<String> {
        let url = self
            .root
            .join("/realms/master/protocol/openid-connect/token")?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", SECRET),
        ];
        let answer = self.http.post(url).form(&form).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let token = answer["access_token"].as_str();
        Ok(token.context("no operator's token")?.to_owned())
    }
}
