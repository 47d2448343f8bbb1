//! Who is who at a site.

/// The partner's id.
pub const PARTNER: &str = "gatekeeper";
/// Name in the partner's webhook certificate.
pub const PARTNER_DNS: &str = "webhooks.gatekeeper.example";
/// command-svc, towards the partner.
pub const COMMAND_SVC_SAN: &str = "spiffe://smarthome/command-svc";
/// The mobile app's BFF.
pub const BFF_SAN: &str = "spiffe://smarthome/bff/mobile";
/// The operators' tool.
pub const OPERATOR_SAN: &str = "spiffe://smarthome/operator";
/// The auditors' tool.
pub const AUDITOR_SAN: &str = "spiffe://smarthome/auditor";
/// OAuth client of the app on a phone.
pub const CLIENT_ID: &str = "resident-app";
/// Where the app's logins end.
pub const REDIRECT_URI: &str = "https://app.smarthome.example/callback";
/// Scope of the app's tokens.
pub const SCOPE: &str = "openid access";
/// OAuth client of the residents' page.
pub const WEB_CLIENT_ID: &str = "resident-web";
/// OAuth client of the auditors' console.
pub const CONSOLE_CLIENT_ID: &str = "auditors-console";
/// OAuth client of the operators' tool.
pub const TOOL_CLIENT_ID: &str = "smarthomectl";
/// Audience of the tokens.
pub const AUDIENCE: &str = "smarthome";

/// The operator of everything.
pub const OPERATOR: &str = "operator";

/// Somebody who can log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub username: &'static str,
    /// Password; readable, because the issuer is for development and tests only.
    pub password: &'static str,
    /// The user id at the development issuer.
    pub sub: &'static str,
    /// Roles in the token.
    pub roles: &'static [&'static str],
    /// Complexes in the token.
    pub complexes: &'static [&'static str],
}

/// Everybody.
pub const USERS: [User; 8] = [
    resident("anna", "user-7f3a-anna"),
    resident("boris", "user-91c4-boris"),
    resident("vera", "user-2b6d-vera"),
    resident("grigory", "user-c05e-grigory"),
    User {
        username: "auditor",
        password: "auditor-password",
        sub: "user-e118-auditor",
        roles: &["auditor"],
        complexes: &["global", "sunrise", "moonlight", "riverside", "unassigned"],
    },
    User {
        username: "sunrise-auditor",
        password: "sunrise-auditor-password",
        sub: "user-a7d2-auditor",
        roles: &["auditor"],
        complexes: &["sunrise"],
    },
    User {
        username: OPERATOR,
        password: "operator-password",
        sub: "user-0b94-operator",
        roles: &["operator"],
        complexes: &["global", "sunrise", "moonlight", "riverside", "meadow"],
    },
    User {
        username: "sunrise-operator",
        password: "sunrise-operator-password",
        sub: "user-5d3f-operator",
        roles: &["operator"],
        complexes: &["sunrise"],
    },
];

const fn resident(username: &'static str, sub: &'static str) -> User {
    User {
        username,
        password: "resident-password",
        sub,
        roles: &[],
        complexes: &[],
    }
}
