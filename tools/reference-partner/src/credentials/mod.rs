//! Credentials: what lets a device open by itself. Tokens and windows, about nobody.

mod matching;
mod plate;
mod record;

pub(crate) use matching::{Match, find};
pub(crate) use plate::{InvalidToken, Plate};
pub(crate) use record::{Credential, CredentialPage, Credentials, Put, all};
