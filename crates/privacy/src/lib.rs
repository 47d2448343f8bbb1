//! What is known about people, kept so that as few as possible can read it.
//!
//! - [`keys`]: the keys, one ring a purpose, from files that only their owner may read.
//! - [`lookup`]: the index under which a user is found without being named.
//! - [`subject`]: keys of the records of `subjects.v1`; [`seal`]: their sealed values;
//!   [`subjects`]: their fold.
//! - [`plate`]: number plates in one spelling; [`face`]: references of faces; [`token`]: the
//!   tokens of both, and the keys of these.
//! - [`wrap`]: token keys wrapped to a partner, and bodies sealed to the operators.
//! - [`secret`]: secrets of guest passes.
//!
//! Tokens protect what a partner stores, not against the partner itself: it holds the token
//! key, and its cameras see the plates.
//!
//! No type here shows a secret, a user id or a plate in its `Debug` or `Display` form, no error
//! repeats what was wrong, and what holds a secret is wiped from memory when it is dropped.

mod error;
pub mod face;
mod keyring;
pub mod keys;
pub mod lookup;
pub mod plate;
pub mod seal;
pub mod secret;
pub mod subject;
pub mod subjects;
pub mod token;
pub mod wrap;

pub use error::{KeyError, Malformed, SealError};
pub use face::FaceReference;
pub use keyring::Keyring;
pub use keys::{KeyFiles, KeyProvider, Purpose};
pub use lookup::{LookupIndex, LookupKey, UserIndexes};
pub use plate::Plate;
pub use seal::{FaceKeys, Identity, IdentityKeys, PlateKeys};
pub use secret::PassSecret;
pub use subject::{Item, SubjectKey};
pub use subjects::{Subjects, Unreadable};
pub use token::{CredentialToken, TokenKey, TokenKeyRoots};
pub use wrap::{
    HpkePrivateKey, HpkePublicKey, Sealed, WrappedTokenKey, open_as_operators, seal_to_operators,
};
