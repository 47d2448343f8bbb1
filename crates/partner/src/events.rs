//! Asking a partner for its events again: all that webhook-gw can ask of a partner.

use std::sync::Arc;

use authn::tls::ClientTls;
use domain::{ComplexId, PartnerId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use url::Url;

use crate::client::{PartnerClient, accepted};
use crate::config::{ConfigError, PartnerConfig};
use crate::egress::Call;
use crate::error::CallError;
use crate::outcome::json;
use crate::scope::{Authority, Scope};

/// Events asked for at once.
const PAGE: &str = "200";
/// The most that is read of a page, in bytes.
const PAGE_LIMIT: usize = 1024 * 1024;
/// The longest cursor of the contract, in bytes.
const CURSOR: usize = 128;
/// The problem of a cursor behind which events are gone.
const EXPIRED: &str = "cursor_expired";

/// A partner of which nothing can be asked but the events that it keeps. Holds tokens for
/// `events:read` only, each for one complex. Cheap to clone.
#[derive(Clone)]
pub struct EventsClient(PartnerClient);

/// A page of events, in the order in which the partner recorded them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Each as the partner wrote it: JSON that nobody has looked into.
    pub events: Vec<String>,
    /// Where to go on. With no events, where to go on from later.
    pub next: EventCursor,
}

/// A place in a partner's list of events; opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor(String);

/// What became of asking for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A page.
    Page(EventPage),
    /// Events after the cursor are gone. Begin without one.
    CursorExpired,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    next: String,
}

impl EventsClient {
    /// Loads the certificate. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key or the file.
    pub fn new(config: PartnerConfig) -> Result<Self, ConfigError> {
        PartnerClient::new(config).map(Self)
    }

    /// The partner.
    pub fn partner(&self) -> &PartnerId {
        self.0.partner()
    }

    /// The certificate that calls are made with, for those who reload it.
    pub fn tls(&self) -> &Arc<ClientTls> {
        self.0.tls()
    }

    /// The events of `complex` behind a cursor, or from the oldest that the partner keeps. May be
    /// repeated freely.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn events(
        &self,
        complex: &ComplexId,
        after: Option<&EventCursor>,
        deadline: Instant,
    ) -> Result<Asked, CallError> {
        let deadline = self.0.bounded(deadline);
        let authority = Authority::within(complex, Scope::ReadEvents);
        let authorised = self.0.authorise(authority, deadline).await?;
        let path = ["v1", "complexes", complex.as_str(), "events"];
        let mut request = authorised.request(Method::GET, &path);
        page_after(request.url_mut(), after);
        let (exchange, _) = authorised
            .exchange(Call::ListEvents, request, PAGE_LIMIT, deadline)
            .await;
        let answer = match accepted(exchange, 200) {
            Err(CallError::Problem { status: 410, code }) if code.as_str() == EXPIRED => {
                return Ok(Asked::CursorExpired);
            }
            answer => answer?,
        };
        let page: Page = json(&answer).ok_or(CallError::Unintelligible)?;
        if page.next.is_empty() || page.next.len() > CURSOR {
            return Err(CallError::Unintelligible);
        }
        Ok(Asked::Page(EventPage {
            events: page.events.iter().map(|it| it.get().to_owned()).collect(),
            next: EventCursor(page.next),
        }))
    }
}

/// Apart, so that nothing of the query's builder is kept over an await.
fn page_after(url: &mut Url, after: Option<&EventCursor>) {
    let mut query = url.query_pairs_mut();
    query.append_pair("limit", PAGE);
    if let Some(EventCursor(after)) = after {
        query.append_pair("after", after);
    }
}
