#![allow(clippy::unwrap_used)]

mod desired;
mod plan;
mod properties;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::id::{ComplexId, PartnerId};

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn sunrise() -> ComplexId {
    "sunrise".parse().unwrap()
}

fn partner(name: &str) -> PartnerId {
    name.parse().unwrap()
}

fn id(number: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(number))
}
