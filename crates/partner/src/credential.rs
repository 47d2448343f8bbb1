//! Credentials at a partner: what lets its devices open by themselves. About nobody.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::vocabulary::CredentialKind;
use domain::window::Window;
use domain::{ComplexId, CredentialId, DeviceId};
use jiff::Timestamp;
use privacy::{CredentialToken, TokenKey};
use reqwest::Method;
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::attestation::Attested;
use crate::client::accepted;
use crate::egress::Call;
use crate::error::{CallError, OutOfPerimeter};
use crate::expressed::{FACE, expressed, held};
use crate::outcome::json;
use crate::perimeter::{ClosingClient, PerimeterClient};
use crate::scope::{Authority, Scope};
use crate::session::with_json;
use crate::transport::{ANSWER_LIMIT, Answer};
use crate::wire;

/// How many credentials a page has, and the bytes that so many can take at most (each names up
/// to 256 devices).
const PAGE: &str = "100";
const PAGE_LIMIT: usize = 4 * 1024 * 1024;

/// A credential for the partner to hold.
#[derive(Debug, Clone, Copy)]
pub struct CredentialToPut<'a> {
    /// Its id, random.
    pub id: CredentialId,
    /// Its tokens, all of one kind: one, or two of different key versions during a change of the
    /// key.
    pub tokens: &'a [CredentialToken],
    /// When it opens.
    pub window: &'a Window,
    /// IANA time zone of the complex. The partner is told it only with weekdays or hours: nothing
    /// else depends on it.
    pub time_zone: &'a str,
    /// Where it opens: 1 to 256 devices, each once.
    pub devices: &'a [DeviceId],
}

/// A credential that the partner holds, without its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldCredential {
    /// Its id.
    pub id: CredentialId,
    /// What its tokens were computed from.
    pub kind: CredentialKind,
    /// Versions of the token key under which it has a token.
    pub key_versions: Vec<u32>,
    /// When it opens; from, included.
    pub not_before: Option<Timestamp>,
    /// When it opens; until, excluded.
    pub not_after: Option<Timestamp>,
    /// On which weekdays, as [`Window::weekdays`].
    pub weekdays: u8,
    /// At which hours, as [`Window::minutes`].
    pub minutes: (u16, u16),
    /// Whose weekdays and hours; none where it has neither.
    pub time_zone: Option<String>,
    /// Where it opens.
    pub devices: Vec<DeviceId>,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// A page of credentials, in no meaningful order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialPage {
    /// What is held.
    pub credentials: Vec<HeldCredential>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
}

/// A place in a partner's list; opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl PerimeterClient {
    /// Gives the partner a token key, wrapped so that only it can read it. The same key again
    /// changes nothing.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn put_token_key(
        &self,
        attested: &Attested,
        key: &TokenKey,
        deadline: Instant,
    ) -> Result<(), CallError> {
        self.check_may_hold(attested)?;
        self.check_owner(key.complex(), key.partner())?;
        let wrapped = key
            .wrap(attested.wrapping_key())
            .map_err(|_| CallError::NotAttested)?;
        let body = wire::WrappedTokenKey {
            key_version: wrapped.key_version,
            enc: URL_SAFE_NO_PAD.encode(wrapped.enc),
            wrapped: URL_SAFE_NO_PAD.encode(wrapped.wrapped),
        };
        let path = [
            "v1",
            "complexes",
            self.perimeter.complex.as_str(),
            "token-key",
        ];
        let answer = self
            .put(Call::PutTokenKey, &path, &body, 200, deadline)
            .await?;
        json::<wire::TokenKeyVersions>(&answer)
            .filter(|held| held.key_versions.contains(&key.version()))
            .map(|_| ())
            .ok_or(CallError::Unintelligible)
    }

    /// Puts a credential in place of whatever its id held. In force at the devices when this
    /// returns.
    ///
    /// # Errors
    /// [`CallError`]; a problem `unknown_key_version` means that the token key comes first.
    pub async fn put_credential(
        &self,
        attested: &Attested,
        credential: &CredentialToPut<'_>,
        deadline: Instant,
    ) -> Result<(), CallError> {
        self.check_may_hold(attested)?;
        for token in credential.tokens {
            self.check_owner(token.complex(), token.partner())?;
        }
        let complex = &self.perimeter.complex;
        if credential.devices.iter().any(|id| id.complex() != *complex) {
            return Err(OutOfPerimeter::OtherComplex.into());
        }
        let body = expressed(credential)?;
        let call = match body.kind {
            FACE => Call::PutFace,
            _ => Call::PutCredential,
        };
        let id = credential.id.to_string();
        let path = ["v1", "complexes", complex.as_str(), "credentials", &id];
        self.put(call, &path, &body, 204, deadline)
            .await
            .map(|_| ())
    }

    fn check_may_hold(&self, attested: &Attested) -> Result<(), CallError> {
        self.check_in_force()?;
        if !self.perimeter.credentials {
            return Err(OutOfPerimeter::Credentials.into());
        }
        if attested.partner() != self.client.partner() || !attested.in_force(Timestamp::now()) {
            return Err(CallError::NotAttested);
        }
        Ok(())
    }

    fn check_owner(
        &self,
        complex: &ComplexId,
        partner: &domain::PartnerId,
    ) -> Result<(), OutOfPerimeter> {
        if partner != self.client.partner() {
            return Err(OutOfPerimeter::OtherPartner);
        }
        if *complex != self.perimeter.complex {
            return Err(OutOfPerimeter::OtherComplex);
        }
        Ok(())
    }

    async fn put(
        &self,
        call: Call,
        path: &[&str],
        body: &impl Serialize,
        success: u16,
        deadline: Instant,
    ) -> Result<Answer, CallError> {
        let deadline = self.client.bounded(deadline);
        let authority = Authority::within(&self.perimeter.complex, Scope::WriteCredentials);
        let authorised = self.client.authorise(authority, deadline).await?;
        let request = with_json(authorised.request(Method::PUT, path), body)
            .ok_or(CallError::Inexpressible("this body"))?;
        let (exchange, _) = authorised
            .exchange(call, request, ANSWER_LIMIT, deadline)
            .await;
        accepted(exchange, success)
    }
}

impl ClosingClient {
    /// Deletes a credential; its tokens are destroyed. The partner then holds nothing under this
    /// id, whether or not it did before.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delete_credential(
        &self,
        credential: CredentialId,
        deadline: Instant,
    ) -> Result<(), CallError> {
        let id = credential.to_string();
        let path = ["v1", "complexes", self.complex.as_str(), "credentials", &id];
        let exchange = self
            .ask(
                Call::DeleteCredential,
                Scope::WriteCredentials,
                Method::DELETE,
                &path,
                deadline,
            )
            .await?;
        accepted(exchange, 204).map(|_| ())
    }

    /// A page of what the partner holds, from the beginning or from where an earlier page ended.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_credentials(
        &self,
        after: Option<&Cursor>,
        deadline: Instant,
    ) -> Result<CredentialPage, CallError> {
        let deadline = self.client.bounded(deadline);
        let authority = Authority::within(&self.complex, Scope::WriteCredentials);
        let authorised = self.client.authorise(authority, deadline).await?;
        let path = ["v1", "complexes", self.complex.as_str(), "credentials"];
        let mut request = authorised.request(Method::GET, &path);
        page_after(request.url_mut(), after);
        let (exchange, _) = authorised
            .exchange(Call::ListCredentials, request, PAGE_LIMIT, deadline)
            .await;
        let answer = accepted(exchange, 200)?;
        json(&answer)
            .and_then(|page| self.page(page))
            .ok_or(CallError::Unintelligible)
    }

    fn page(&self, page: wire::CredentialPage) -> Option<CredentialPage> {
        let here = |id: &DeviceId| id.complex() == self.complex;
        let credentials = page
            .credentials
            .into_iter()
            .map(|credential| held(credential).filter(|held| held.devices.iter().all(here)));
        Some(CredentialPage {
            credentials: credentials.collect::<Option<_>>()?,
            next: page.next.map(Cursor),
        })
    }
}

/// Apart, so that nothing of the query's builder is kept over an await.
fn page_after(url: &mut Url, after: Option<&Cursor>) {
    let mut query = url.query_pairs_mut();
    query.append_pair("limit", PAGE);
    if let Some(Cursor(after)) = after {
        query.append_pair("after", after);
    }
}
