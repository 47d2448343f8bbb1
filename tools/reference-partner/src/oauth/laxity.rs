//! What the partner can be told not to check, so that whoever looks for it finds it missing.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// What isn't checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unchecked {
    /// Any token is for any operation.
    Scope,
    /// Any token is for any complex.
    Resource,
}

/// What isn't checked at present, if anything.
#[derive(Debug, Default)]
pub(crate) struct Laxity(Mutex<Option<Unchecked>>);

impl Laxity {
    /// Sets or clears it.
    pub(crate) fn set(&self, unchecked: Option<Unchecked>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = unchecked;
    }

    pub(super) fn get(&self) -> Option<Unchecked> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
