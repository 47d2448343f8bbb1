//! Random values that only one party may know, and what they are found by.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The SHA-256 of a value: what is kept in its place, and looked up.
pub(crate) type Digest = [u8; 32];

/// 256 random bits in base64url. A system without randomness ends the process.
pub(crate) fn text() -> String {
    // The library's own generator of PKCE verifiers and states does the same.
    let mut bytes = [0; 32];
    #[allow(clippy::expect_used)]
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The digest of a value.
pub(crate) fn digest(value: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, value.as_bytes()).as_ref());
    bytes
}

/// Whether both are the same, in a time that says nothing about where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}
