//! What a partner is asked, by name.

use std::fmt;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $text:literal $path:expr,)*) => {
        /// A call to a partner, or an answer to one of the partner's own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Call { $($(#[$doc])* $name,)* }

        impl Call {
            /// Every call.
            pub const ALL: &[Call] = &[$(Call::$name,)*];

            /// Stable, for metrics.
            pub fn as_str(self) -> &'static str {
                match self { $(Call::$name => $text,)* }
            }

            /// The segments of its path, with `:name` for a parameter; none where the address is
            /// the partner's own word.
            pub(super) fn path(self) -> Option<&'static [&'static str]> {
                match self { $(Call::$name => $path,)* }
            }
        }
    };
}

const OPEN: &[&str] = &["v1", "complexes", ":complex", "devices", ":device", "open"];
const COMMAND: &[&str] = &["v1", "commands", ":command_id"];
const CREDENTIALS: &[&str] = &["v1", "complexes", ":complex", "credentials"];
const CREDENTIAL: &[&str] = &["v1", "complexes", ":complex", "credentials", ":credential"];

calls! {
    /// Where tokens are asked for (RFC 8414).
    Discovery = "discovery" Some(&[".well-known", "oauth-authorization-server"]),
    /// An access token.
    Token = "token" None,
    /// Open a device.
    Open = "open" Some(OPEN),
    /// The fence around a command.
    Cancel = "cancel" Some(&["v1", "commands", ":command_id", "cancel"]),
    /// Where a command stands.
    Status = "status" Some(COMMAND),
    /// Hold a credential.
    PutCredential = "put_credential" Some(CREDENTIAL),
    /// Hold the credential of a face.
    PutFace = "put_face" Some(CREDENTIAL),
    /// Destroy a credential.
    DeleteCredential = "delete_credential" Some(CREDENTIAL),
    /// What is held.
    ListCredentials = "list_credentials" Some(CREDENTIALS),
    /// The key of tokens.
    PutTokenKey = "put_token_key" Some(&["v1", "complexes", ":complex", "token-key"]),
    /// How what is held is kept.
    Attestation = "attestation" Some(&["v1", "security", "attestation"]),
    /// An open that must be refused.
    VerifyOpen = "verify_open" Some(OPEN),
    /// A list that must be refused.
    VerifyList = "verify_list" Some(CREDENTIALS),
    /// An enquiry that must be refused.
    VerifyStatus = "verify_status" Some(COMMAND),
    /// Events, once more.
    ListEvents = "list_events" Some(&["v1", "complexes", ":complex", "events"]),
    /// webhook-gw's answer to the partner's events.
    WebhookAnswer = "webhook_answer" None,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
