//! Why the issuer doesn't run, or a login didn't come about.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What went wrong. No text holds a password, a code or a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration can't be used.
    #[error("configuration: {field}: {problem}")]
    Config {
        /// The key in the file, or the file where it can't be read at all.
        field: String,
        /// What it must be.
        problem: String,
    },
    /// The listener isn't on loopback, or not where the issuer URL says.
    #[error(
        "refusing to listen on {0}: only the issuer URL's port on a loopback address is allowed"
    )]
    Listener(SocketAddr),
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A certificate or TLS key is unusable.
    #[error("TLS: {0}")]
    Tls(String),
    /// The signing key is unusable.
    #[error("signing key: {0}; it must be an EC P-256 key in PKCS#8 PEM, or absent to be created")]
    SigningKey(&'static str),
    /// The system's random number generator failed.
    #[error("no random numbers from the operating system")]
    Random,
    /// The listener failed.
    #[error("serving: {0}")]
    Serve(#[source] io::Error),
    /// The issuer can't be reached.
    #[error("can't reach the issuer: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// The issuer refused, with the error code of RFC 6749 where it gave one.
    #[error("the issuer refused the {step}: {reason}")]
    Refused {
        /// The step of the flow.
        step: &'static str,
        /// Its reason.
        reason: String,
    },
    /// The issuer's answer breaks the protocol.
    #[error("the issuer's answer to the {step} is not acceptable: {problem}")]
    Protocol {
        /// The step of the flow.
        step: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}
