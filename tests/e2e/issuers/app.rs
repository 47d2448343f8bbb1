//! The app as an OAuth client: Authorization Code with PKCE (RFC 6749, RFC 7636), each step by itself,
//! so that it can go wrong.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dev_issuer::{Browser, Tokens};
use harness::engines::apps::{App, OWNER};
use harness::site::REDIRECT_URI;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::server::Server;

/// An app on a person's device, and the browser that it opens.
pub(crate) struct Client {
    app: App,
    metadata: Metadata,
    browser: Browser,
}

/// Where a server is called (OpenID Connect Discovery 1.0, section 3).
struct Metadata {
    issuer: String,
    authorization: Url,
    token: Url,
    keys: Url,
}

impl Metadata {
    fn read(document: &Value) -> Result<Self> {
        let text = |name: &str| document[name].as_str().with_context(|| name.to_owned());
        Ok(Self {
            issuer: text("issuer")?.to_owned(),
            authorization: text("authorization_endpoint")?.parse()?,
            token: text("token_endpoint")?.parse()?,
            keys: text("jwks_uri")?.parse()?,
        })
    }
}

/// How an authorization request was answered.
pub(crate) struct Answer {
    /// The code, or the error (RFC 6749, sections 4.1.2 and 4.1.2.1).
    pub(crate) code: Result<String, String>,
    /// For the code (RFC 7636, section 4.1).
    pub(crate) verifier: String,
    /// Whether the person was asked for a password.
    pub(crate) asked: bool,
}

impl Client {
    /// The app, in a browser that nobody has logged in with.
    pub(crate) async fn new(server: &impl Server, app: App) -> Result<Self> {
        let roots = std::fs::read(server.roots())?;
        let browser = Browser::new(dev_issuer::http_client(&roots)?);
        let url = format!("{}/.well-known/openid-configuration", server.issuer());
        let document: Value = browser.http().get(url).send().await?.json().await?;
        Ok(Self {
            app,
            metadata: Metadata::read(&document)?,
            browser,
        })
    }

    /// Where the server publishes its keys.
    pub(crate) fn keys(&self) -> &Url {
        &self.metadata.keys
    }

    /// Another app in the same browser.
    pub(crate) fn switch(&mut self, app: App) {
        self.app = app;
    }

    /// Asks for a code. `changes` adds parameters, or takes away those that it gives no value.
    pub(crate) async fn authorize(
        &mut self,
        scope: &str,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Answer> {
        let (state, verifier) = (random(), random());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let mut parameters = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", self.app.client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", scope),
            ("state", &state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        for (name, value) in changes {
            match value {
                Some(value) => parameters.insert(name, value),
                None => parameters.remove(name),
            };
        }
        let mut url = self.metadata.authorization.clone();
        url.query_pairs_mut().extend_pairs(parameters);

        let owner = (OWNER.username, OWNER.password);
        let arrival = self.browser.visit(url, REDIRECT_URI, owner).await?;
        let mut answer: BTreeMap<_, _> = arrival.url.query_pairs().into_owned().collect();
        ensure!(answer.remove("state") == Some(state), "another's answer");
        // RFC 9207, section 2.4.
        let issuer = answer.remove("iss").context("nobody's answer")?;
        ensure!(issuer == self.metadata.issuer, "another issuer's answer");
        let error = answer.remove("error");
        Ok(Answer {
            code: match error {
                Some(error) => Err(error),
                None => Ok(answer.remove("code").context("no code")?),
            },
            verifier,
            asked: arrival.asked,
        })
    }

    /// Exchanges a code; or the error (RFC 6749, section 5.2).
    pub(crate) async fn exchange(
        &self,
        code: &str,
        verifier: Option<&str>,
    ) -> Result<Result<Tokens, String>> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT_URI),
            ("code", code),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        self.ask(form).await
    }

    /// Exchanges a refresh token; or the error.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Result<Tokens, String>> {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(form).await
    }

    /// All the way, as an app does it.
    pub(crate) async fn log_in(&mut self, scope: &str) -> Result<Tokens> {
        let answer = self.authorize(scope, &[]).await?;
        self.finish(answer).await
    }

    /// The rest of the way.
    pub(crate) async fn finish(&self, answer: Answer) -> Result<Tokens> {
        let code = answer.code.map_err(anyhow::Error::msg)?;
        let tokens = self.exchange(&code, Some(&answer.verifier)).await?;
        tokens.map_err(anyhow::Error::msg)
    }

    async fn ask(&self, mut form: Vec<(&str, &str)>) -> Result<Result<Tokens, String>> {
        form.push(("client_id", self.app.client_id));
        let url = self.metadata.token.clone();
        let answer = self.browser.http().post(url).form(&form).send().await?;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await?;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        if status != 200 {
            ensure!(status == 400, "the token endpoint answered {status}");
            return Ok(Err(text("error").context("no error")?));
        }
        Ok(Ok(Tokens {
            access_token: text("access_token").context("no access token")?,
            refresh_token: text("refresh_token"),
            id_token: text("id_token"),
            expires_in: None,
            scope: text("scope").unwrap_or_default(),
        }))
    }
}

/// 64 unreserved characters.
fn random() -> String {
    let half = || Uuid::new_v4().simple().to_string();
    half() + &half()
}
