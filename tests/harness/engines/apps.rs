//! Whom every authorization server under test is told of, in the same words.

use crate::site::roles::{AUDIENCE, CLIENT_ID, USERS, User};

/// An OAuth client: public, with PKCE, that may ask for the scope `access`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct App {
    /// `client_id`.
    pub client_id: &'static str,
    /// `aud` of its access tokens.
    pub audience: &'static str,
}

/// The app that the service takes tokens of.
pub const RESIDENT: App = App {
    client_id: CLIENT_ID,
    audience: AUDIENCE,
};

/// Another app, whose tokens are meant for the service too.
pub const KIOSK: App = App {
    client_id: "kiosk-app",
    audience: AUDIENCE,
};

/// An app of another service.
pub const BILLING: App = App {
    client_id: "billing-app",
    audience: "billing",
};

/// All of them.
pub const APPS: [App; 3] = [RESIDENT, KIOSK, BILLING];

/// The user.
pub const OWNER: User = USERS[0];
