//! Credentials: what lets a device open by itself. Tokens and windows, about nobody.

mod face;
mod matching;
mod plate;
mod record;
mod token;
mod window;

pub(crate) use face::Face;
pub(crate) use matching::{Match, find};
pub(crate) use plate::Plate;
pub(crate) use record::{Credential, CredentialPage, Credentials, Put, all};
pub(crate) use token::{InvalidToken, Shown};
