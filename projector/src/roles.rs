//! Roles: what a role's logs are named, and which sections of the configuration it needs.

use serde::Deserialize;
use service::config::{ProcessConfig, ProcessSettings};

use crate::config::{Config, ENV_PREFIX};

macro_rules! role {
    ($(#[$doc:meta])* $role:ident, $name:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(transparent)]
        pub struct $role(pub Config);

        impl ProcessConfig for $role {
            const NAME: &'static str = $name;
            const ENV_PREFIX: &'static str = ENV_PREFIX;

            fn process(&self) -> &ProcessSettings {
                &self.0.process
            }

            fn validate(&self) -> Result<(), String> {
                let check: fn(&Config) -> Result<(), String> = $check;
                check(&self.0)
            }
        }
    };
}

role!(
    /// `projector project`.
    ProjectRole,
    "projector-project",
    |config| config.for_project().map(drop)
);

role!(
    /// `projector serve`.
    ServeRole,
    "projector-serve",
    |config| config.for_serve().map(drop)
);

role!(
    /// `projector all`.
    BothRoles,
    "projector",
    |config| config.for_project().map(drop).and(config.for_serve().map(drop))
);
