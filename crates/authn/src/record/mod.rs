//! Signed log records: who may say what only one process may say.
//!
//! A record's value is a protobuf message whose field 15 (`bytes signature`) is the last on the
//! wire. Its 74 bytes are
//!
//! ```text
//! 0x7A 0x48   field 15, length-delimited, 72 bytes
//! key id      8 bytes: the first of SHA-256 of the raw public key
//! signature   64 bytes: Ed25519 (RFC 8032) over
//!             "smarthome record v1\0" ++ topic ++ 0x00 ++ key ++ 0x00 ++ value before this field
//! ```
//!
//! so that a signed record can't be moved to another topic or key, and nothing can be added to it.
//! Neither topics nor keys hold a NUL.
//!
//! A signing key comes with a [`KeyCertificate`] of an offline root whose public key is pinned in
//! the configuration; it is judged at the time at which the log took the record in.

mod certificate;
mod found_good;
mod keys;
mod sign;
mod verify;
mod wire;

pub use certificate::{KeyCertificate, Speaker, issue};
pub use keys::{KeyError, KeyId, PublicKey, RecordKey, RootKey, generate_key, generate_root};
pub use sign::{RecordSigner, RecordSignerConfig};
pub use verify::{RecordTrust, RecordVerifier, SignatureError, Signed};

#[cfg(test)]
mod tests;
