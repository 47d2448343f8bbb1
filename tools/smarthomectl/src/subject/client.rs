//! `SubjectService`, called over mTLS.

use anyhow::{Context as _, Result};
use proto::access::subject_service_client::SubjectServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::client::{MAX_ANSWER, channel};
use crate::config::Config;
use crate::token::Token;

/// A connection to the service.
pub(super) struct Persons(pub(super) SubjectServiceClient<InterceptedService<Channel, Token>>);

impl Persons {
    /// Connects.
    ///
    /// # Errors
    /// A file that can't be used, or nobody who listens.
    pub(super) async fn connect(config: &Config) -> Result<Self> {
        let token = Token::new(config.token_file.clone())?;
        let uri = config.endpoint.0.clone();
        let channel = channel(config, &uri)
            .await
            .with_context(|| format!("can't connect to {uri}"))?;
        let client = SubjectServiceClient::with_interceptor(channel, token);
        Ok(Self(client.max_decoding_message_size(MAX_ANSWER)))
    }
}
