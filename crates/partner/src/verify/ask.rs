//! Asks, one check after the other.

use std::time::Duration;

use domain::CommandId;
use domain::vocabulary::Reason;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request};
use tokio::time::Instant;
use uuid::Uuid;

use super::certificate;
use super::check::{Check, CheckName, Unclear, Verdict};
use super::judge::judge;
use super::kept::Kept;
use super::plan::{Ask, Bearer, Probe, plan};
use super::target::Target;
use crate::client::PartnerClient;
use crate::egress::Call;
use crate::error::NotSent;
use crate::fence::Fence;
use crate::perimeter::ClosingClient;
use crate::scope::{Authority, Scope};
use crate::session::with_json;
use crate::transport::ANSWER_LIMIT;
use crate::wire;

/// How long ago an open that is tried here had expired.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(1);

/// Asks the partner for everything that it must refuse within `target`, until `deadline`; what is
/// not asked by then is unclear. `kept` holds the tokens that have to expire first; it belongs to
/// this perimeter. `leeway` is how long a partner may go on with a token that has expired.
pub async fn verify(
    client: &PartnerClient,
    target: &Target,
    kept: &mut Kept,
    leeway: Duration,
    deadline: Instant,
) -> Vec<Check> {
    let asker = Asker {
        client,
        target,
        closing: client.closing(&target.perimeter.complex),
        deadline,
    };
    let mut checks = Vec::new();
    for probe in plan(target) {
        let verdict = asker.check(&probe, kept, leeway).await;
        checks.push(Check {
            name: probe.name,
            verdict: verdict.unwrap_or_else(Verdict::Unclear),
        });
    }
    checks
}

struct Asker<'a> {
    client: &'a PartnerClient,
    target: &'a Target,
    closing: ClosingClient,
    deadline: Instant,
}

impl Asker<'_> {
    async fn check(
        &self,
        probe: &Probe,
        kept: &mut Kept,
        leeway: Duration,
    ) -> Result<Verdict, Unclear> {
        let bearer = match probe.bearer {
            Bearer::Expired => match self.expired(kept, leeway).await? {
                Ok(header) => Some(header),
                Err(not_yet) => return Ok(not_yet),
            },
            bearer => self.bearer(bearer).await?,
        };
        let command = CommandId(Uuid::new_v4());
        let request = self.request(&probe.ask, command, bearer)?;
        let opens = matches!(probe.ask, Ask::Open { .. });
        if opens && !self.is_fenced(command).await {
            return Err(Unclear::NoFence);
        }
        let verdict = self.send(probe, request).await;
        match verdict {
            Verdict::Accepted { status, code, .. } if opens => Ok(Verdict::Accepted {
                status,
                code,
                opened: matches!(self.fence(command).await, Fence::Executed { .. }),
            }),
            verdict => Ok(verdict),
        }
    }

    async fn send(&self, probe: &Probe, request: Request) -> Verdict {
        let (name, complex) = (probe.name, &self.target.perimeter.complex);
        let call = match probe.ask {
            Ask::Open { .. } => Call::VerifyOpen,
            Ask::List(_) => Call::VerifyList,
            Ask::Status => Call::VerifyStatus,
        };
        let deadline = self.client.bounded(self.deadline);
        let session = self.client.session();
        if name == CheckName::OpenWithoutCertificate {
            let identity = self.client.tls().current();
            let bare =
                certificate::without_certificate(&session, &identity, complex, request, deadline);
            return bare.await;
        }
        let sent = session.exchange(call, Some(complex), request, ANSWER_LIMIT, deadline);
        judge(name, &sent.await.0)
    }

    /// Forbids `command` for ever.
    async fn is_fenced(&self, command: CommandId) -> bool {
        let fence = self.fence(command).await;
        matches!(
            fence,
            Fence::NotExecuted {
                reason: Reason::Fenced,
                ..
            }
        )
    }

    async fn fence(&self, command: CommandId) -> Fence {
        match self.target.perimeter.operations.first() {
            Some(&operation) => self.closing.cancel(command, operation, self.deadline).await,
            None => Fence::NotFinal,
        }
    }

    async fn bearer(&self, bearer: Bearer) -> Result<Option<HeaderValue>, Unclear> {
        let header = match bearer {
            Bearer::None | Bearer::Expired => return Ok(None),
            Bearer::Garbage => sensitive(format!("Bearer {}", Uuid::new_v4().simple())),
            Bearer::Good(scope) => Some(self.token(scope).await?.token().header()),
            Bearer::Tampered(scope) => {
                let token = self.token(scope).await?.token().header();
                token.to_str().ok().and_then(tampered).and_then(sensitive)
            }
        };
        header.map(Some).ok_or(Unclear::NoAnswer)
    }

    async fn token(&self, scope: Scope) -> Result<crate::session::Authorised, Unclear> {
        let complex = Some(self.target.perimeter.complex.clone());
        let complex = complex.filter(|_| scope != Scope::ReadAttestation);
        let authority = Authority { scope, complex };
        let deadline = self.client.bounded(self.deadline);
        let token = self.client.authorise(authority, deadline).await;
        token.map_err(Unclear::NotSent)
    }

    /// A token that has expired, or when one will have.
    async fn expired(
        &self,
        kept: &mut Kept,
        leeway: Duration,
    ) -> Result<Result<HeaderValue, Verdict>, Unclear> {
        let operation = self.target.perimeter.operations.first();
        let operation = *operation.ok_or(Unclear::NoFence)?;
        let session = self.client.session();
        let header = kept.expired(&session, Instant::now());
        // The next one, for the next time.
        match self.token(Scope::of(operation)).await {
            Ok(next) => kept.keep(&session, next.token(), leeway),
            Err(why) if header.is_none() => return Err(why),
            Err(_) => {}
        }
        Ok(header.ok_or_else(|| Verdict::NotYet {
            at: kept.due().and_then(from_now),
        }))
    }

    fn request(
        &self,
        ask: &Ask,
        command: CommandId,
        bearer: Option<HeaderValue>,
    ) -> Result<Request, Unclear> {
        let session = self.client.session();
        let id = command.to_string();
        let mut request = match ask {
            Ask::Open {
                complex,
                device,
                operation,
            } => {
                let (complex, device) = (complex.as_str(), device.as_str());
                let path = ["v1", "complexes", complex, "devices", device, "open"];
                let mut request = session.request(Method::POST, &path);
                let key = HeaderValue::try_from(id).map_err(|_| cant_be_sent())?;
                request.headers_mut().insert("idempotency-key", key);
                let body = wire::OpenRequest {
                    operation: wire::operation(*operation),
                    expires_at: Timestamp::now() - LONG_AGO,
                };
                with_json(request, &body).ok_or_else(cant_be_sent)?
            }
            Ask::List(complex) => {
                let path = ["v1", "complexes", complex.as_str(), "credentials"];
                let mut request = session.request(Method::GET, &path);
                request
                    .url_mut()
                    .query_pairs_mut()
                    .append_pair("limit", "1");
                request
            }
            Ask::Status => session.request(Method::GET, &["v1", "commands", &id]),
        };
        if let Some(header) = bearer {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Ok(request)
    }
}

fn cant_be_sent() -> Unclear {
    Unclear::NotSent(NotSent::NoConnection)
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The header with one character in the token's middle changed: its end may be padding.
fn tampered(header: &str) -> Option<String> {
    let start = "Bearer ".len();
    let at = start + header.len().checked_sub(start + 1)? / 2;
    let was = header.as_bytes().get(at)?;
    let instead = if *was == b'A' { "B" } else { "A" };
    let mut text = header.to_owned();
    text.is_ascii().then(|| {
        text.replace_range(at..=at, instead);
        text
    })
}

/// The time of day at `at`.
fn from_now(at: Instant) -> Option<Timestamp> {
    let wait = SignedDuration::try_from(at.saturating_duration_since(Instant::now())).ok()?;
    Timestamp::now().checked_add(wait).ok()
}

#[cfg(test)]
mod tests {
    use super::tampered;

    #[test]
    fn tampering_changes_one_character_of_the_token() {
        for token in ["x", "A", "aB", "AAAA", "header.payload.signature"] {
            let header = format!("Bearer {token}");
            let changed = tampered(&header).unwrap_or_default();
            let differs = header.bytes().zip(changed.bytes());
            let places: Vec<usize> = differs
                .enumerate()
                .filter(|(_, (was, is))| was != is)
                .map(|(at, _)| at)
                .collect();
            assert_eq!(changed.len(), header.len());
            assert!(places.len() == 1 && places[0] >= 7, "{header} {changed}");
        }
        assert_eq!(tampered("Bearer "), None);
    }
}
