//! One TOML file a process, overridden by the environment; whatever isn't understood is refused.

pub mod duration;
mod load;
mod path;
mod process;
mod secret;

pub use load::{ConfigError, load};
pub use path::ConfigPath;
pub use process::{ProcessConfig, ProcessSettings};
pub use secret::{SecretError, SecretFile};
