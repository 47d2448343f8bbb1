//! What the tests share.

pub(crate) mod audit;
pub(crate) mod registry;
pub(crate) mod replay;
pub(crate) mod scene;
pub(crate) mod sender;
pub(crate) mod status;
pub(crate) mod terminal;
pub(crate) mod tokens;
pub(crate) mod tool;

pub(crate) use scene::{Ground, Scene};

use std::time::Duration;

/// How long anything that must happen may take. Only what is broken takes so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
