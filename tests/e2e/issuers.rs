//! Owners' tokens of real authorization servers: the same checks against the development issuer,
//! Keycloak and oidc-provider, and a door that opens with a token of Keycloak.

mod app;
mod dev_issuer;
mod keys;
mod login;
mod opening;
mod server;
mod tokens;

use std::time::Duration;

/// How long access tokens live.
const TTL: Duration = Duration::from_secs(300);
/// How long they live where a test waits for their end.
const SHORT: Duration = Duration::from_secs(2);

/// Each check as a test of one server.
macro_rules! tests {
    ($server:ty, $($file:ident::$check:ident($ttl:expr))*) => {$(
        #[tokio::test]
        async fn $check() -> anyhow::Result<()> {
            match <$server as super::server::Server>::start($ttl).await? {
                Some(server) => super::$file::$check(server).await,
                None => Ok(()),
            }
        }
    )*};
}

/// What every server is held to.
macro_rules! conformance {
    ($name:ident: $server:ty) => {
        mod $name {
            use super::{SHORT, TTL};

            tests! { $server,
                login::a_login_gives_a_token_that_says_who_and_how(TTL)
                login::a_refresh_token_works_once_and_its_reuse_ends_the_login(TTL)
                login::a_code_is_for_whoever_asked_for_it(TTL)
                login::an_unknown_scope_opens_nothing(TTL)
                tokens::what_is_meant_for_others_is_refused(TTL)
                tokens::no_other_kind_of_token_is_an_access_token(TTL)
                tokens::an_altered_token_is_refused(TTL)
                tokens::a_token_ends_when_its_server_said(SHORT)
                keys::after_a_rotation_one_fetch_brings_the_new_key(TTL)
                keys::a_withdrawn_key_ends_in_time(TTL)
                keys::without_the_server_its_keys_go_on_to_their_limit(TTL)
            }
        }
    };
}

conformance!(of_dev_issuer: super::dev_issuer::DevIssuer);
conformance!(of_keycloak: harness::engines::keycloak::Realm);
conformance!(of_oidc_provider: super::server::Provider);
