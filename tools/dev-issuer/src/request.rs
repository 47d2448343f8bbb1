//! The authorization request (RFC 6749, section 4.1.1; RFC 7636; OpenID Connect Core 1.0) and its checks.

use serde::Deserialize;
use url::Url;

use crate::config::{Client, Config};
use crate::grants::Binding;
use crate::refusal::{Code, Refusal};
use crate::scope::Scope;

/// A nonce is kept until its code is spent.
const LONGEST_NONCE: usize = 512;

/// The request as it came. A parameter given twice isn't read at all (RFC 6749, section 3.1).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
    response_mode: String,
    prompt: String,
    request: String,
    request_uri: String,
}

/// A request that may be shown a login page.
#[derive(Debug)]
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) scope: Scope,
    pub(crate) nonce: Option<String>,
    pub(crate) binding: Binding,
    pub(crate) reply: Reply,
}

/// Where the answer goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    redirect_uri: Url,
    state: Option<String>,
}

impl Reply {
    /// The redirect with these parameters, the state, and the issuer (RFC 9207).
    pub(crate) fn with(&self, parameters: &[(&str, &str)], issuer: &str) -> Url {
        let mut url = self.redirect_uri.clone();
        url.query_pairs_mut()
            .extend_pairs(parameters)
            .extend_pairs(self.state.iter().map(|state| ("state", state)))
            .append_pair("iss", issuer);
        url
    }
}

/// Why there is no login page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The client or where to send the answer is in doubt: told to the person, never redirected.
    Shown(&'static str),
    /// Told to the client.
    Redirected(Box<Reply>, Refusal),
}

impl Parameters {
    /// Checks everything that doesn't depend on who logs in.
    pub(crate) fn check(self, config: &Config) -> Result<AuthorizationRequest<'_>, Rejected> {
        let client = config
            .client(&self.client_id)
            .ok_or(Rejected::Shown("The client is not known here."))?;
        let registered = client
            .redirect_uris
            .iter()
            .any(|registered| is_registered(registered, &self.redirect_uri));
        let redirect_uri = Url::parse(&self.redirect_uri)
            .ok()
            .filter(|_| registered)
            .ok_or(Rejected::Shown(
                "The redirect URI is not one that this client has registered.",
            ))?;
        let reply = Reply {
            redirect_uri,
            state: given(&self.state).map(str::to_owned),
        };
        match self.check_grant(client) {
            Ok(scope) => Ok(AuthorizationRequest {
                client,
                scope,
                nonce: given(&self.nonce).map(str::to_owned),
                binding: Binding {
                    redirect_uri: self.redirect_uri,
                    challenge: self.code_challenge,
                },
                reply,
            }),
            Err(refusal) => Err(Rejected::Redirected(Box::new(reply), refusal)),
        }
    }

    fn check_grant(&self, client: &Client) -> Result<Scope, Refusal> {
        let refuse = |code, description| Err(Refusal::new(code, description));
        if given(&self.request).is_some() {
            return refuse(
                Code::RequestNotSupported,
                "request objects aren't supported",
            );
        }
        if given(&self.request_uri).is_some() {
            return refuse(
                Code::RequestUriNotSupported,
                "request URIs aren't supported",
            );
        }
        match self.response_type.as_str() {
            "code" => {}
            "" => return refuse(Code::InvalidRequest, "response_type is missing"),
            _ => return refuse(Code::UnsupportedResponseType, "response_type must be code"),
        }
        if !matches!(self.response_mode.as_str(), "" | "query") {
            return refuse(Code::InvalidRequest, "response_mode must be query");
        }
        if !is_challenge(&self.code_challenge) {
            return refuse(
                Code::InvalidRequest,
                "code_challenge must be given: the SHA-256 of the verifier in base64url (RFC 7636)",
            );
        }
        if self.code_challenge_method != "S256" {
            return refuse(Code::InvalidRequest, "code_challenge_method must be S256");
        }
        if self.nonce.len() > LONGEST_NONCE {
            return refuse(Code::InvalidRequest, "nonce is too long");
        }
        if self.prompt.split(' ').any(|prompt| prompt == "none") {
            return refuse(Code::LoginRequired, "every request needs a login here");
        }
        match Scope::parse(&self.scope) {
            Some(scope) if scope.is_subset(&client.scopes) => Ok(scope),
            _ => refuse(
                Code::InvalidScope,
                "scope must be given and lie within what the client may ask for",
            ),
        }
    }
}

/// Exactly the registered one; of an app on the same machine, on any port (RFC 8252, section 7.3).
fn is_registered(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    let Some(path) = registered.strip_prefix("http://127.0.0.1/") else {
        return false;
    };
    let asked = asked.strip_prefix("http://127.0.0.1:");
    let port_and_path = asked.and_then(|rest| rest.split_once('/'));
    port_and_path.is_some_and(|(port, rest)| rest == path && port.parse::<u16>().is_ok())
}

/// A parameter without a value counts as omitted (RFC 6749, section 3.1).
fn given(parameter: &str) -> Option<&str> {
    (!parameter.is_empty()).then_some(parameter)
}

/// 256 bits in base64url without padding.
fn is_challenge(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.len() == 43 && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::is_registered;

    #[test]
    fn an_app_on_this_machine_may_listen_on_any_port() {
        let loopback = "http://127.0.0.1/callback";
        for good in [
            loopback,
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:65535/callback",
        ] {
            assert!(is_registered(loopback, good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:1/callback/",
            "http://127.0.0.1:1/other",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.1.evil.example:1/callback",
            "http://localhost:1/callback",
        ] {
            assert!(!is_registered(loopback, bad), "{bad}");
        }
        let web = "https://app.example/callback";
        assert!(!is_registered(web, "https://app.example:8443/callback"));
    }
}
