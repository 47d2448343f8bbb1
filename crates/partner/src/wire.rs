//! The contract's messages. None of them leaves this crate.

use domain::vocabulary::Operation;
use domain::{CredentialId, DeviceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(crate) struct OpenRequest {
    pub(crate) operation: &'static str,
    pub(crate) expires_at: Timestamp,
}

pub(crate) fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::OpenDoor => "open_door",
        Operation::OpenBarrier => "open_barrier",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Executed,
    Rejected,
}

#[derive(Deserialize)]
pub(crate) struct OpenAnswer {
    pub(crate) result: Verdict,
    pub(crate) code: String,
    pub(crate) partner_ref: String,
    #[serde(rename = "at")]
    pub(crate) _at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    InProgress,
    Executed,
    Rejected,
    NotExecuted,
    Cancelled,
}

#[derive(Deserialize)]
pub(crate) struct CommandStatus {
    pub(crate) command_id: String,
    pub(crate) state: State,
    #[serde(rename = "final")]
    pub(crate) is_final: bool,
    #[serde(default)]
    pub(crate) result: Option<Verdict>,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) partner_ref: Option<String>,
}

/// RFC 9457; only what decides.
#[derive(Deserialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

#[derive(Debug, Serialize, Deserialize, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_after: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) weekdays: Vec<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Token<'a> {
    pub(crate) key_version: u32,
    pub(crate) token: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Credential<'a> {
    pub(crate) kind: &'static str,
    pub(crate) tokens: Vec<Token<'a>>,
    pub(crate) window: Window,
    pub(crate) devices: &'a [DeviceId],
}

#[derive(Deserialize)]
pub(crate) struct HeldCredential {
    pub(crate) credential: CredentialId,
    pub(crate) kind: String,
    pub(crate) key_versions: Vec<u32>,
    pub(crate) window: Window,
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) updated_at: Timestamp,
}

#[derive(Deserialize)]
pub(crate) struct CredentialPage {
    pub(crate) credentials: Vec<HeldCredential>,
    pub(crate) next: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct WrappedTokenKey {
    pub(crate) key_version: u32,
    pub(crate) enc: String,
    pub(crate) wrapped: String,
}

#[derive(Deserialize)]
pub(crate) struct TokenKeyVersions {
    pub(crate) key_versions: Vec<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Attestation {
    pub(crate) statement: String,
    pub(crate) signature: String,
}

#[derive(Deserialize)]
pub(crate) struct Statement {
    pub(crate) issued_at: Timestamp,
    pub(crate) valid_until: Timestamp,
    pub(crate) partner: String,
    pub(crate) wrapping_key: WrappingKey,
    pub(crate) storage: Storage,
}

#[derive(Deserialize)]
pub(crate) struct WrappingKey {
    pub(crate) kid: String,
    pub(crate) kem: String,
    pub(crate) public: String,
}

#[derive(Deserialize)]
pub(crate) struct Storage {
    pub(crate) algorithm: String,
    pub(crate) key_rotated_at: Timestamp,
    pub(crate) key_rotation_days: u32,
    pub(crate) scope: Vec<String>,
}

/// RFC 8414, RFC 8705 (sections 3.3 and 5); only what is needed.
#[derive(Deserialize)]
pub(crate) struct AuthorizationServer {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    pub(crate) tls_client_certificate_bound_access_tokens: bool,
    #[serde(default)]
    pub(crate) mtls_endpoint_aliases: Option<MtlsEndpointAliases>,
}

#[derive(Deserialize)]
pub(crate) struct MtlsEndpointAliases {
    #[serde(default)]
    pub(crate) token_endpoint: Option<String>,
}
