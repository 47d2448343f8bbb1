//! One partner.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use authn::tls::{ClientTls, Protocol};
use domain::registry::Perimeter;
use domain::{ComplexId, PartnerId};
use jiff::Timestamp;
use reqwest::Method;
use tokio::time::Instant;

use crate::attestation::Attestation;
use crate::config::{ConfigError, PartnerConfig};
use crate::egress::{Call, Sent, Tally};
use crate::error::{CallError, NotSent, OutOfPerimeter};
use crate::outcome::json;
use crate::perimeter::{ClosingClient, PerimeterClient};
use crate::problem::Problem;
use crate::scope::{Authority, Scope};
use crate::session::{Authorised, Session};
use crate::transport::{ANSWER_LIMIT, Answer, Exchange};
use crate::wire;

/// One partner's API. Cheap to clone. What can be asked of it is asked through handles, each of
/// which is for one complex.
#[derive(Clone)]
pub struct PartnerClient {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<PartnerConfig>,
    tls: Arc<ClientTls>,
    session: Mutex<Arc<Session>>,
    tally: Arc<Tally>,
}

impl PartnerClient {
    /// Loads the certificate. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConfigError`], which names the key or the file.
    pub fn new(config: PartnerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let tls = ClientTls::load(config.tls.clone(), Protocol::Http)?;
        let config = Arc::new(config);
        let tally = Arc::new(Tally::new(config.partner.clone(), Timestamp::now()));
        let session = Session::new(Arc::clone(&config), &tls.current(), Arc::clone(&tally))?;
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                tls,
                session: Mutex::new(Arc::new(session)),
                tally,
            }),
        })
    }

    /// Looks for another certificate at every `interval`; never returns.
    pub async fn reload_certificate_every(self, interval: Duration) {
        Arc::clone(&self.inner.tls).reload_every(interval).await;
    }

    /// The certificate that calls are made with, for those who reload it themselves.
    pub fn tls(&self) -> &Arc<ClientTls> {
        &self.inner.tls
    }

    /// What was sent since the last time, counted by complex; nothing of one about which nothing was.
    pub fn take_sent(&self, now: Timestamp) -> Vec<Sent> {
        self.inner.tally.take(now)
    }

    /// Gives back what could not be recorded: it is taken again next time, with its interval.
    pub fn put_back(&self, sent: &Sent) {
        self.inner.tally.put_back(sent);
    }

    /// The partner.
    pub fn partner(&self) -> &PartnerId {
        &self.inner.config.partner
    }

    /// What this partner may be asked to do within `perimeter`, which must be in force at `now`
    /// and stays checked at each call.
    ///
    /// # Errors
    /// [`OutOfPerimeter`].
    pub fn within(
        &self,
        perimeter: &Perimeter,
        now: Timestamp,
    ) -> Result<PerimeterClient, OutOfPerimeter> {
        if perimeter.partner != *self.partner() {
            return Err(OutOfPerimeter::OtherPartner);
        }
        if perimeter.complex.is_reserved() {
            return Err(OutOfPerimeter::OtherComplex);
        }
        if !perimeter.in_force(now) {
            return Err(OutOfPerimeter::NotInForce);
        }
        Ok(PerimeterClient::new(self.clone(), perimeter.clone()))
    }

    /// What this partner may be asked to do in `complex` whatever its perimeter: settle and
    /// delete, but neither open nor hold anything new.
    pub fn closing(&self, complex: &ComplexId) -> ClosingClient {
        ClosingClient::new(self.clone(), complex.clone())
    }

    /// How the partner says that it keeps what it holds. To be verified before it is believed.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn attestation(&self, deadline: Instant) -> Result<Attestation, CallError> {
        let authority = Authority {
            scope: Scope::ReadAttestation,
            complex: None,
        };
        let deadline = self.bounded(deadline);
        let call = self.authorise(authority, deadline).await?;
        let request = call.request(Method::GET, &["v1", "security", "attestation"]);
        let (exchange, _) = call
            .exchange(Call::Attestation, request, ANSWER_LIMIT, deadline)
            .await;
        let answer = accepted(exchange, 200)?;
        json::<wire::Attestation>(&answer)
            .map(Attestation::new)
            .ok_or(CallError::Unintelligible)
    }

    /// A session with a token for `authority`, on the certificate that is current now, before a
    /// deadline that is bounded already.
    pub(crate) async fn authorise(
        &self,
        authority: Authority,
        deadline: Instant,
    ) -> Result<Authorised, NotSent> {
        let authorised = self.session().authorise(authority, deadline).await?;
        if Instant::now() >= deadline {
            return Err(NotSent::DeadlinePassed);
        }
        Ok(authorised)
    }

    /// `deadline`, or the ceiling of any call if that comes first.
    pub(crate) fn bounded(&self, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.inner.config.request_ceiling)
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        let identity = self.inner.tls.current();
        let mut session = self
            .inner
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if session.generation != identity.generation {
            let (config, tally) = (
                Arc::clone(&self.inner.config),
                Arc::clone(&self.inner.tally),
            );
            match Session::new(config, &identity, tally) {
                Ok(new) => *session = Arc::new(new),
                // The old certificate works on until it ends.
                Err(error) => tracing::error!(partner = %self.partner(), %error, "session kept"),
            }
        }
        Arc::clone(&session)
    }
}

/// The answer of a call that opens nothing, if it has the `status` of success.
pub(crate) fn accepted(exchange: Exchange, status: u16) -> Result<Answer, CallError> {
    match exchange {
        Exchange::Answered(answer) if answer.status == status => Ok(answer),
        Exchange::Answered(answer) => Err(match Problem::of(&answer) {
            Some(problem) => CallError::Problem {
                status: answer.status,
                code: problem.code(),
            },
            None => CallError::Unintelligible,
        }),
        Exchange::NoConnection => Err(NotSent::NoConnection.into()),
        Exchange::Silent => Err(CallError::Silent),
        Exchange::Cut => Err(CallError::Unintelligible),
        Exchange::Undeclared => Err(NotSent::Undeclared.into()),
    }
}
